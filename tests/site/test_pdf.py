"""The book as one PDF, opened by another library than the one that wrote it."""

import json
import re
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from urllib.parse import urlsplit

import pytest
from lxml import html
from pypdf import PdfReader

from tools.book import citation, project
from tools.edition.pages import HTML, address, key
from tools.edition.pdf import has_chinese

A4 = (595.28, 841.89)
RAW = re.compile(r"\$[^$\n]+\$|\\(frac|sqrt|begin|hat)\b|\{(eq|cite|glue|ref|doc)[:}]|:::|```")


opened = cache(PdfReader)


@pytest.fixture(scope="module")
def pdf():
    """Return the PDF."""
    assert project.PDF.exists(), "the book is not printed: make pdf"
    return opened(project.PDF)


@pytest.fixture(scope="module")
def texts(pdf):
    """Return the text of each page, without what is set as code."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(prose, range(len(pdf.pages)), chunksize=16))


def prose(number):
    """Return the text of a page of the PDF, without what is set as code."""
    parts = []

    def visit(text, _current, _matrix, font, _size):
        if "Mono" not in str((font or {}).get("/BaseFont")):
            parts.append(text)

    opened(project.PDF).pages[number].extract_text(visitor_text=visit)
    return "".join(parts)


def squeezed(text):
    """Return a text without spaces: how wide one is, and whether it is one, is a guess."""
    return re.sub(r"\s+", "", text)


@cache
def article(page):
    """Return the article of a page of the site."""
    return html.parse(HTML / address(page)).find(".//article")


def titles():
    """Return the titles of all pages of the book, as they stand in the PDF."""
    preface, *others = project.pages()
    return {preface: "Preface"} | {
        page: article(page).find(".//h1").text_content().removesuffix("#") for page in others
    }


def bookmarks(pdf, outline=None):
    """Yield the title and the page, from 0, of each bookmark."""
    for entry in pdf.outline if outline is None else outline:
        if isinstance(entry, list):
            yield from bookmarks(pdf, entry)
        else:
            yield entry.title, pdf.get_destination_page_number(entry)


def test_every_part_and_every_page_of_the_site_has_a_bookmark(pdf, texts, report):
    places = {}
    for title, page in bookmarks(pdf):
        places.setdefault(title, []).append(page)
    for title in [*filter(None, project.parts()), *titles().values()]:
        assert any(squeezed(title) in squeezed(texts[page]) for page in places.get(title, [])), (
            title
        )
    report(f"{len(pdf.pages)} pages, {sum(map(len, places.values()))} bookmarks")


def test_the_contents_name_the_right_pages(pdf, texts):
    first = next(page for title, page in bookmarks(pdf) if title == "Preface")
    contents = squeezed("".join(texts[:first]))
    starts = {place: pdf.get_destination_page_number(dest) for place, dest in named(pdf).items()}
    for page, title in titles().items():
        number = starts[f"{key(page)}--{article(page).find('.//section').get('id')}"] + 1
        assert f"{squeezed(title)}{number}" in contents
        head = squeezed(f"{citation.cff()['title']} {title} {number}")
        assert squeezed(texts[number - 1]).startswith(head)


def named(pdf):
    """Return the named places of the PDF."""
    return {name.removeprefix("/"): place for name, place in pdf.named_destinations.items()}


def test_every_formula_stands_there_with_its_id(texts, report):
    text = squeezed("".join(texts))
    ids = json.loads((project.BOOK / "formulas.lock.json").read_text(encoding="utf-8"))
    missing = [name for name in ids if f"({name})" not in text]
    assert missing == []
    report(f"{len(ids)} formulas with their ids")


def test_every_link_leads_somewhere(pdf, report):
    places, inner, outer = named(pdf), [], []
    for page in pdf.pages:
        for note in page.get("/Annots", []):
            link = note.get_object()
            if "/Dest" in link:
                inner.append(link["/Dest"].removeprefix("/"))
            else:
                outer.append(link["/A"]["/URI"])
    assert [place for place in inner if place not in places] == []
    assert {urlsplit(link).scheme for link in outer} <= {"http", "https"}
    anchors = sum(len(hrefs(page)) for page in project.pages())
    assert len(inner) > anchors / 2
    report(f"{len(inner)} links within, {len(outer)} links to outside")


def hrefs(page):
    """Return the links of an article of the site that stay within the site."""
    links = article(page).cssselect("a[href]:not(.headerlink):not(.formula-link)")
    return [link for link in links if not urlsplit(link.get("href")).netloc]


def test_no_raw_markup_is_left(texts):
    assert [line for text in texts for line in text.splitlines() if RAW.search(line)] == []


def test_every_figure_of_the_site_is_there(pdf, report):
    figures = sum(len(article(page).findall(".//img")) for page in project.pages())
    assert sum(len(pictures(page)) for page in pdf.pages) == figures
    report(f"{figures} figures")


def pictures(page):
    """Return the pictures that a page of the PDF shows."""
    objects = page["/Resources"].get("/XObject", {}).values()
    return [one for one in objects if one.get_object()["/Subtype"] == "/Image"]


def test_every_face_is_in_the_file(pdf, report):
    faces = {}
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            note_face(font.get_object(), faces)
    assert [face for face, has in faces.items() if not has] == []
    report("faces: " + ", ".join(sorted(face.rpartition("+")[2] for face in faces)))


def note_face(font, faces):
    """Enter whether the file holds the outlines of a font; type 3 is made of them."""
    if font["/Subtype"] != "/Type3":
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        faces[font["/BaseFont"].removeprefix("/")] = "/FontFile2" in descriptor


@pytest.mark.skipif(not has_chinese(), reason="no font of this machine has Chinese characters")
def test_the_words_of_the_tutorials_are_set_as_text(texts):
    assert "沿着梯度方向前进的步伐" in squeezed("".join(texts))


def test_every_page_is_a4(pdf):
    for page in pdf.pages:
        assert (page.mediabox.width, page.mediabox.height) == pytest.approx(A4, abs=1)


def test_it_says_what_it_is(pdf):
    assert pdf.metadata.title == citation.cff()["title"]
    assert pdf.metadata.author == ", ".join(citation.authors())
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/PageMode"] == "/UseOutlines"
