"""The figures as SVG and PDF, with the line that cites them."""

import gzip
import json
import re
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document
from lxml import etree, html
from pypdf import PdfReader

from tools.book import citation, project
from tools.site import figure_files
from tools.teaching import figures
from tools.teaching.chapter import figures as of

PAGE = project.BOOK / "adagrad.md"


def test_the_pictures_of_a_cell_are_taken_by_kind():
    data = {"image/svg+xml": "<svg/>", "application/pdf": b64encode(b"%PDF").decode()}
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    assert figures.pictures(cell) == {"svg": b"<svg/>", "pdf": b"%PDF"}


def test_a_figure_is_cited_with_its_chapter_address_and_licence():
    line = figures.cited(of(PAGE)[0])
    for part in (project.title(PAGE), "book/adagrad.html", citation.TEXT_LICENCE):
        assert part in line


def test_the_gallery_has_each_figure_with_its_files_and_alternative_text():
    page = figures.gallery(of(PAGE))
    for figure in of(PAGE):
        for kind in ("svg", "pdf", "png"):
            assert f'<a download href="{figure.name}.{kind}">' in page
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', page))


@pytest.mark.nightly
def test_figures_are_drawn_once_and_other_programs_open_them(tmp_path):
    figures.write([PAGE], tmp_path)
    made = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("adagrad-*.*")}
    assert len(made) == 3 * len(of(PAGE))
    for name in made:
        if name.endswith(".svg"):
            assert etree.parse(tmp_path / name).getroot().tag.endswith("svg")
        elif name.endswith(".pdf"):
            assert len(PdfReader(tmp_path / name).pages) == 1
    figures.write([PAGE], tmp_path)
    assert made == {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("adagrad-*.*")}


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Return a function that puts the figures of a page on an empty shelf."""
    monkeypatch.setattr(figure_files, "LIST", tmp_path / "files.json")

    def fill(page):
        listed = figures.by_chapter(of(page))
        (tmp_path / "files.json").write_text(json.dumps(listed), encoding="utf-8")

    return fill


def shown(tmp_path, page):
    """Return a document of the figures of a page, and what stands beneath each on the site."""
    document = new_document("page")
    for figure in of(page):
        (tmp_path / f"{figure.name}.png").write_bytes(figure.png)
        image = nodes.image(uri=f"{figure.name}.png")
        document += nodes.figure("", image, nodes.caption("", "What it shows."))
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), srcdir=tmp_path)
    figure_files.offer(app, document, f"book/{page.stem}")
    return [figure.astext() for figure in document.findall(nodes.raw)]


def test_a_figure_on_a_page_offers_its_files_and_the_line_that_cites_it(tmp_path, shelf):
    shelf(PAGE)
    menus = [html.fragment_fromstring(menu) for menu in shown(tmp_path, PAGE)]
    assert len(menus) == len(of(PAGE))
    for menu, figure in zip(menus, of(PAGE), strict=True):
        assert menu.tag == "details"
        assert menu.findtext("summary") == "SVG, PDF, citation"
        links = [Path(link.get("href")) for link in menu.iter("a")]
        assert [link.parent for link in links] == [Path("../teaching/figures")] * 2
        assert [link.name for link in links] == [f"{figure.name}.svg", f"{figure.name}.pdf"]
        assert figures.cited(figure) in menu.text_content()


def test_a_figure_that_is_not_on_the_shelf_offers_nothing(tmp_path, shelf):
    assert shown(tmp_path, PAGE) == []
    shelf(project.BOOK / "momentum.md")
    assert shown(tmp_path, PAGE) == []


def test_a_page_is_written_anew_when_its_figures_on_the_shelf_are_others(shelf):
    env = SimpleNamespace(found_docs={"book/adagrad", "book/momentum"})
    ask = lambda: figure_files.outdated(None, env, set(), set(), set())  # noqa: E731
    assert ask() == []
    shelf(PAGE)
    assert ask() == ["book/adagrad"]
    assert ask() == []


def test_the_files_of_its_figures_add_little_to_a_page_as_it_is_sent(tmp_path, shelf):
    page = max(project.chapters(), key=lambda page: page.read_text("utf-8").count("caption:"))
    shelf(page)
    added = "".join(shown(tmp_path, page)).encode()
    assert len(gzip.compress(added)) < 1000
    assert len(added) < 4000
