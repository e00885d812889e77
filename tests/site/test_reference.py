"""The pages of the reference in the built site, the feed, and the buttons that open a chapter."""

import functools
import importlib
import importlib.util
import zlib
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from lxml import html
from sphinx.ext.autodoc.mock import mock

from tools.book import lock_formulas, project
from tools.site import api, changes

HTML = project.BUILD / "html"

with mock([name for name in api.ELSEWHERE if importlib.util.find_spec(name) is None]):
    for module in api.modules():
        importlib.import_module(module)


@functools.cache
def soup(address):
    return BeautifulSoup((HTML / address).read_text(encoding="utf-8"), "html.parser")


def address(module):
    page = api.pages()[module].relative_to(project.ROOT)
    return page.with_suffix(".html").as_posix()


@pytest.mark.parametrize("module", api.modules())
def test_every_public_object_has_an_anchor_on_its_page(module, report):
    anchors = {element["id"] for element in soup(address(module)).find_all(id=True)}
    expected = {f"{module}.{name}" for name in api.public(module)}
    assert expected - anchors == set()
    report(f"{module}: {len(expected)} objects")


def inventory():
    head, _, packed = (HTML / "objects.inv").read_bytes().partition(b"zlib.\n")
    assert b"Sphinx inventory version 2" in head
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0] for line in lines if line.split()[1].startswith("py:")}


def test_the_inventory_has_every_public_name():
    named = {f"{module}.{name}" for module in api.modules() for name in api.public(module)}
    assert named - inventory() == set()


def test_an_entry_links_to_its_lines_and_to_the_formula_that_it_computes():
    entry = soup(address("descent.rules")).find(id="descent.rules.Adam")
    assert "/src/descent/rules.py#L" in entry.find("a", class_="external")["href"]
    links = [link["href"] for link in entry.find_next_sibling("dd").find_all("a")]
    assert "../adam.html#adam-update" in links


def test_the_index_has_terms_formulas_and_names():
    entries = {link["href"] for link in soup("genindex.html").select("table a")}
    assert "book/glossary.html#term-bias-correction" in entries
    assert "book/api/rules.html#descent.rules.Adam" in entries
    pages = {one.id: one.page.relative_to(project.ROOT) for one in lock_formulas.book()}
    places = {f"{page.with_suffix('.html').as_posix()}#{one}" for one, page in pages.items()}
    assert places - entries == set()


def test_the_glossary_defines_its_terms_and_leads_to_where_they_are_derived(report):
    page = soup("book/glossary.html")
    terms = page.select("dl.glossary > dt")
    without = [
        definition.text
        for definition in page.select("dl.glossary > dd")
        if not definition.select('a[href*=".html"]')
    ]
    assert without == []
    assert len(terms) >= 50
    report(f"{len(terms)} terms")


def test_every_page_names_the_feed_in_its_head():
    others = [HTML / f"{name}.html" for name in ("404", "genindex", "search")]
    for path in [*(HTML / "book").rglob("*.html"), *others]:
        page = html.parse(path)
        (link,) = page.xpath("//head/link[@type='application/atom+xml']/@href")
        target = link if path.name == "404.html" else (path.parent / link).resolve()
        assert str(target).endswith("/changes.xml")
    assert (HTML / changes.NAME).exists()


def test_each_link_of_the_feed_leads_to_its_place():
    page = soup("book/changes.html")
    for version in changes.versions():
        assert page.find(id=version.anchor)


@pytest.mark.parametrize("chapter", project.chapters(), ids=lambda page: page.stem)
def test_a_chapter_has_its_buttons_and_its_notebook_to_download(chapter):
    repository, name = project.address(), chapter.stem
    owner = urlsplit(repository).path.strip("/")
    links = soup(f"book/{name}.html").select(".dropdown-launch-buttons a")
    assert [link["href"] for link in links] == [
        f"https://colab.research.google.com/github/{owner}/blob/main/book/{name}.ipynb",
        f"https://kaggle.com/kernels/welcome?src={repository}/blob/main/book/{name}.ipynb",
        f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/book/{name}.ipynb",
        "index.html#how-to-run-it",
    ]
    assert soup(f"book/{name}.html").select(f'a[href="../_sources/book/{name}.ipynb"]')
