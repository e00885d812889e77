"""The book as an EPUB: what EPUBCheck would say, as far as it can be said without Java."""

import json
import posixpath
import zipfile
from collections import Counter
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from tools.book import project

XHTML = "{http://www.w3.org/1999/xhtml}"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "mroot": 2}


@pytest.fixture(scope="module")
def files():
    """Return the files of the book by name."""
    assert project.EPUB.exists(), "the book is not packed: make epub"
    with zipfile.ZipFile(project.EPUB) as packed:
        assert packed.infolist()[0].filename == "mimetype"
        assert packed.infolist()[0].compress_type == zipfile.ZIP_STORED
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture(scope="module")
def pages(files):
    """Return the pages of the book, parsed: each must be well-formed XML."""
    return {n: ElementTree.fromstring(f) for n, f in files.items() if n.endswith(".xhtml")}


def test_the_package_lists_every_file_and_has_every_page_in_order(files):
    package = ElementTree.fromstring(files["package.opf"])
    items = {item.get("id"): item.get("href") for item in package.iter() if item.get("href")}
    assert set(items.values()) == set(files) - {"mimetype", "package.opf", "META-INF/container.xml"}
    order = [items[item.get("idref")] for item in package.iter() if item.get("idref")]
    names = (page.relative_to(project.BOOK).with_suffix("") for page in project.pages())
    assert order == ["contents.xhtml", *("-".join(name.parts) + ".xhtml" for name in names)]


def test_every_link_and_picture_is_there(files, pages, report):
    ids = {
        name: Counter(e.get("id") for e in page.iter() if e.get("id"))
        for name, page in pages.items()
    }
    assert [i for names in ids.values() for i, count in names.items() if count > 1] == []
    counts, broken = Counter(), []
    for name, page in pages.items():
        for element in page.iter():
            target = urlsplit(element.get("href") or element.get("src") or "")
            if target.scheme or not target.geturl():
                continue
            path = posixpath.normpath(target.path) if target.path else name
            counts["pictures" if element.get("src") else "links"] += 1
            if path not in files or (target.fragment and unquote(target.fragment) not in ids[path]):
                broken.append((name, target.geturl()))
    assert broken == []
    report(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def test_every_formula_is_mathml_with_its_id(pages, report):
    text = "".join("".join(page.itertext()) for page in pages.values())
    ids = json.loads((project.BOOK / "formulas.lock.json").read_text(encoding="utf-8"))
    assert [name for name in ids if f"({name})" not in text] == []
    elements = [element for page in pages.values() for element in page.iter()]
    assert all(e.get("alttext") for e in elements if e.tag == f"{MATHML}math")
    variants = {element.get("mathvariant") for element in elements}
    assert variants <= {None, "normal", "monospace"}
    for kind, due in CHILDREN.items():
        assert {len(e) for e in elements if e.tag == MATHML + kind} <= {due}, kind
    report(f"{sum(e.tag == f'{MATHML}math' for e in elements)} formulas in MathML")


def test_what_is_chinese_says_so_as_xml_too(pages):
    said = [e for page in pages.values() for e in page.iter(XHTML + "span") if e.get("lang")]
    assert {one.get("lang") for one in said} == {"zh-Hans"}
    assert all(one.get("{http://www.w3.org/XML/1998/namespace}lang") == "zh-Hans" for one in said)


def test_no_formula_is_set_twice(pages):
    classes = [e.get("class") or "" for page in pages.values() for e in page.iter()]
    assert not any("katex-html" in each for each in classes)
    assert not any(page.find(f".//{XHTML}script") is not None for page in pages.values())
