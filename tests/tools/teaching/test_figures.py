"""The figures as SVG and PDF, with the line that cites them."""

import re
from base64 import b64encode

import nbformat
import pytest
from lxml import etree
from pypdf import PdfReader

from tools.book import citation, project
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
