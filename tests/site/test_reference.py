"""The pages of the reference in the built site, the feed, and the buttons that open a chapter."""

import importlib
import importlib.util
import zlib
from urllib.parse import urlsplit

import pytest
from sphinx.ext.autodoc.mock import mock
from visiting import HTML, tree

from tools.book import lock_formulas, project
from tools.site import api, changes


@pytest.fixture(scope="module", autouse=True)
def package():
    """Import the modules, as the build does."""
    with mock([name for name in api.ELSEWHERE if importlib.util.find_spec(name) is None]):
        for module in api.modules():
            importlib.import_module(module)


def address(module):
    page = api.pages()[module].relative_to(project.ROOT)
    return page.with_suffix(".html").as_posix()


@pytest.mark.parametrize("module", api.modules())
def test_every_public_object_has_an_anchor_on_its_page(module, report):
    anchors = set(tree(address(module)).xpath("//@id"))
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
    entry = tree(address("descent.rules")).get_element_by_id("descent.rules.Adam")
    (source,) = entry.xpath("(following::a[contains(@class, 'external')])[1]/@href")
    assert "/src/descent/rules.py#L" in source
    links = entry.xpath("following-sibling::dd[1]//a/@href")
    assert "../adam.html#adam-update" in links


def test_the_index_has_terms_formulas_and_names():
    entries = set(tree("genindex.html").xpath("//table//a/@href"))
    assert "book/glossary.html#term-bias-correction" in entries
    assert "book/api/rules.html#descent.rules.Adam" in entries
    pages = {one.id: one.page.relative_to(project.ROOT) for one in lock_formulas.book()}
    places = {f"{page.with_suffix('.html').as_posix()}#{one}" for one, page in pages.items()}
    assert places - entries == set()


def test_the_glossary_defines_its_terms_and_leads_to_where_they_are_derived(report):
    (page,) = tree("book/glossary.html").cssselect("dl.glossary")
    terms = page.findall("dt")
    without = [one.text_content() for one in page.xpath("dd[not(.//a[contains(@href, '.html')])]")]
    assert without == []
    assert len(terms) >= 50
    report(f"{len(terms)} terms")


def test_every_page_names_the_feed_in_its_head():
    others = [HTML / f"{name}.html" for name in ("404", "genindex", "search")]
    for path in [*(HTML / "book").rglob("*.html"), *others]:
        page = tree(path.relative_to(HTML).as_posix())
        (link,) = page.xpath("//head/link[@type='application/atom+xml']/@href")
        target = link if path.name == "404.html" else (path.parent / link).resolve()
        assert str(target).endswith("/changes.xml")
    assert (HTML / changes.NAME).exists()


def test_each_link_of_the_feed_leads_to_its_place():
    anchors = tree("book/changes.html").xpath("//@id")
    for version in changes.versions():
        assert version.anchor in anchors


@pytest.mark.parametrize("chapter", project.chapters(), ids=lambda page: page.stem)
def test_a_chapter_has_its_buttons_and_its_notebook_to_download(chapter):
    repository, name = project.address(), chapter.stem
    owner = urlsplit(repository).path.strip("/")
    page = tree(f"book/{name}.html")
    links = page.cssselect(".dropdown-launch-buttons a")
    assert [link.get("href") for link in links] == [
        f"https://colab.research.google.com/github/{owner}/blob/main/book/{name}.ipynb",
        f"https://kaggle.com/kernels/welcome?src={repository}/blob/main/book/{name}.ipynb",
        f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/book/{name}.ipynb",
        "index.html#how-to-run-it",
    ]
    assert page.xpath(f"//a[@href='../_sources/book/{name}.ipynb']")
