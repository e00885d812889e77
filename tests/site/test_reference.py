"""The pages of the reference in the built site: every public object has an address."""

import zlib

import pytest
from bs4 import BeautifulSoup

from tools import api, project

HTML = project.BUILD / "html"


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
