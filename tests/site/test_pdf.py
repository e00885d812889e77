"""The book and its Chinese edition, each as a PDF, opened by another library than wrote them."""

import json
import re
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import chain
from urllib.parse import urlsplit

import pikepdf
import pytest
from lxml import html
from pypdf import PdfReader

from tools.book import citation, project
from tools.book.myst import formulas
from tools.book.project import Edition, said
from tools.chinese import pages
from tools.edition.pages import address, key
from tools.edition.pdf import has_chinese

A4 = (595.28, 841.89)
RAW = re.compile(r"\$[^$\n]+\$|\\(frac|sqrt|begin|hat)\b|\{(eq|cite|glue|ref|doc)[:}]|:::|```")


opened = cache(PdfReader)


@pytest.fixture(scope="module", params=["en", pages.LANGUAGE])
def edition(request):
    """Let the test read the book in each language."""
    english = {name: getattr(Edition, name) for name in Edition.__annotations__}
    if request.param != "en":
        pages.read_in_chinese()
    yield request.param
    for name, value in english.items():
        setattr(Edition, name, value)


@pytest.fixture(scope="module")
def pdf(edition):
    """Return the PDF."""
    assert project.pdf().exists(), "the edition is not printed: make pdf, make pdf-zh"
    return opened(project.pdf())


@pytest.fixture(scope="module")
def texts(pdf):
    """Return the text of each page, without what is set as code."""
    with ProcessPoolExecutor() as pool:
        read = partial(prose, project.pdf())
        return list(pool.map(read, range(len(pdf.pages)), chunksize=16))


def prose(path, number):
    """Return the text of a page of the PDF, without what is set as code."""
    parts = []

    def visit(text, _current, _matrix, font, _size):
        if "Mono" not in str((font or {}).get("/BaseFont")):
            parts.append(text)

    opened(path).pages[number].extract_text(visitor_text=visit)
    return "".join(parts)


def squeezed(text):
    """Return a text without spaces: how wide one is, and whether it is one, is a guess."""
    return re.sub(r"\s+", "", text)


def article(page):
    """Return the article of a page of the site."""
    return parsed(project.html() / address(page)).find(".//article")


@cache
def parsed(path):
    """Return a page of the site."""
    return html.parse(path, html.HTMLParser(encoding="utf-8"))


def listed():
    """Return the pages of the edition."""
    return [page for part in project.edition().values() for page in part]


def titles():
    """Return the titles of all pages of the book, as they stand in the PDF."""
    preface, *others = listed()
    return {preface: said("Preface")} | {
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
    for title in [*filter(None, project.edition()), *titles().values()]:
        assert any(squeezed(title) in squeezed(texts[page]) for page in places.get(title, [])), (
            title
        )
    report(f"{len(pdf.pages)} pages, {sum(map(len, places.values()))} bookmarks")


def test_the_contents_name_the_right_pages(pdf, texts):
    first = next(page for title, page in bookmarks(pdf) if title == said("Preface"))
    contents = squeezed("".join(texts[:first]))
    starts = {place: pdf.get_destination_page_number(dest) for place, dest in named(pdf).items()}
    for page, title in titles().items():
        number = starts[f"{key(page)}--{article(page).find('.//section').get('id')}"] + 1
        assert f"{squeezed(title)}{number}" in contents
        head = squeezed(f"{said(citation.cff()['title'])} {title} {number}")
        assert squeezed(texts[number - 1]).startswith(head)


def named(pdf):
    """Return the named places of the PDF."""
    return {name.removeprefix("/"): place for name, place in pdf.named_destinations.items()}


def test_every_formula_stands_there_with_its_id(pdf, texts, report):
    """Beside it on its page, and where the edition has not the page, as a place of the sheet."""
    text, places = squeezed("".join(texts)), named(pdf)
    own = {formula.id for page in chain(*project.edition().values()) for formula in formulas(page)}
    ids = json.loads((project.BOOK / "formulas.lock.json").read_text(encoding="utf-8"))
    assert [name for name in ids if name in own and f"({name})" not in text] == []
    assert [name for name in ids if f"formulas--{name}" not in places] == []
    report(f"{len(own)} formulas with their ids, {len(ids) - len(own)} on the sheet alone")


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
    anchors = sum(len(hrefs(page)) for page in listed())
    assert len(inner) > anchors / 2
    report(f"{len(inner)} links within, {len(outer)} links to outside")


def hrefs(page):
    """Return the links of an article of the site that stay within the site."""
    links = article(page).cssselect("a[href]:not(.headerlink):not(.formula-link)")
    return [link for link in links if not urlsplit(link.get("href")).netloc]


def test_no_raw_markup_is_left(texts):
    assert [line for text in texts for line in text.splitlines() if RAW.search(line)] == []


def test_every_figure_of_the_site_is_there(pdf, report):
    figures = sum(len(article(page).findall(".//img")) for page in listed())
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
def test_no_box_stands_where_a_character_is_missing(pdf):
    with pikepdf.open(project.pdf()) as book:
        missing = [number for number, page in enumerate(book.pages, 1) if boxes(page)]
    assert missing == []


def boxes(page):
    """Return the faces whose glyph 0, an empty box, a page shows; type 3 faces have none."""
    faces = {name: font.Subtype == "/Type0" for name, font in page.get("/Resources").Font.items()}
    face, found = "", set()
    for operands, operator in pikepdf.parse_content_stream(page, "Tf Tj TJ"):
        if str(operator) == "Tf":
            face = str(operands[0])
            continue
        parts = operands[0] if str(operator) == "TJ" else operands
        codes = [bytes(part) for part in parts if isinstance(part, pikepdf.String)]
        if faces[face] and any(b"\0\0" in pairs(code) for code in codes):
            found.add(face)
    return found


def pairs(codes):
    """Return codes of two bytes."""
    return {codes[at : at + 2] for at in range(0, len(codes), 2)}


@pytest.mark.skipif(not has_chinese(), reason="no font of this machine has Chinese characters")
def test_the_words_of_the_tutorials_are_set_as_text(texts):
    assert "沿着梯度方向前进的步伐" in squeezed("".join(texts))


def test_every_page_is_a4(pdf):
    for page in pdf.pages:
        assert (page.mediabox.width, page.mediabox.height) == pytest.approx(A4, abs=1)


def test_it_says_what_it_is(pdf, edition):
    assert pdf.metadata.title == said(citation.cff()["title"])
    assert pdf.metadata.author == ", ".join(citation.authors())
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == edition
    assert root["/MarkInfo"]["/Marked"]
    assert root["/PageMode"] == "/UseOutlines"
