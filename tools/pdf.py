"""The book as one PDF: `python -m tools.pdf`, after the site is built.

The pages of the built site become one document, which Chromium prints with `print.css` in the place
of the theme. So the PDF shows what the site shows: mathematics that was set at build time, outputs
that the tests compared. Each id gets the name of its page before it, and a link from page to page
becomes a link within the document. It is printed once, with room for the page numbers of the table
of contents: where each place stands is known from the print, and `number` sets it there.
"""

import json
import re
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pikepdf
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

from tools import citation, project
from tools.pages import HTML, address, article, key

STYLES = [
    HTML / "_static" / "katex" / "katex.min.css",
    HTML / "_static" / "pygments.css",
    Path(__file__).with_name("print.css"),
]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # as root, and in a small container
FACE = "Charis SIL"
PAGE_OF = "page-of:"
"""What the address of a link begins with that gets the number of a page."""
BLANK, DIGITS = "\N{FIGURE SPACE}", 3
"""What leaves room for a digit, being as wide, and how many the number of a page may have."""
TEXT_WIDTH = 643
"""The width of the text in CSS pixels: A4 less the margins of `print.css`."""

# --- one document of many pages -------------------------------------------------------------------


def on_paper(page: Path) -> Tag:
    """Return the article of a page as it is printed, its headings one level below the parts'."""
    shown = article(page)
    for hidden in shown.select(".katex-mathml"):
        _speak(hidden)
    for image in shown.find_all("img"):
        image["src"] = (HTML / urljoin(address(page), str(image["src"]))).as_uri()
    for link in shown.select(".sheet dd.chapter a"):
        link.insert_after(", p.\N{NO-BREAK SPACE}", _number_of(str(link["href"])[1:]))
    for heading in shown.find_all(["h1", "h2", "h3", "h4", "h5"]):
        heading.name = f"h{int(heading.name[1]) + 1}"
    shown["style"] = f"page: {key(page)}"
    return shown


def _speak(hidden: Tag) -> None:
    """Let a screen reader read the LaTeX of a formula: a PDF has no place for its MathML."""
    formula, latex, shown = hidden.parent, hidden.find("annotation"), hidden.find_next_sibling()
    assert formula is not None
    assert latex is not None
    assert isinstance(shown, Tag)
    formula["role"], formula["aria-label"] = "img", latex.get_text()
    del shown["aria-hidden"]
    hidden.decompose()


def _number_of(place: str) -> Tag:
    """Return a link with room for the number of the page on which a place stands."""
    number = Tag(name="a", attrs={"class": "page", "href": f"{PAGE_OF}{place}"})
    number.string = BLANK * DIGITS
    return number


def contents(body: Tag) -> Tag:
    """Return the table of contents of a document: parts, chapters, sections."""
    nav = _parsed("<nav><h2>Contents</h2><ul></ul></nav>")
    lines = nav.select("ul")[0]
    for heading in body.select("h1.part, h2, h3"):
        place = heading if heading.get("id") else heading.find_parent(id=True)
        assert place is not None
        title = heading.decode_contents()
        line = f'<li class="{heading.name}"><a href="#{place["id"]}"><span>{title}</span></a></li>'
        lines.append(_parsed(line))
        lines.select("li")[-1].append(_number_of(str(place["id"])))
    return nav


def _parsed(html: str) -> Tag:
    element = BeautifulSoup(html, "html.parser").find()
    assert element is not None
    return element


def document() -> BeautifulSoup:
    """Return the whole book as one page of HTML, its page numbers still empty."""
    title = escape(citation.cff()["title"])
    soup = BeautifulSoup(
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{title}</title></head><body></body></html>",
        "html.parser",
    )
    head, body = soup.select("head")[0], soup.select("body")[0]
    for number, (caption, pages) in enumerate(project.parts().items()):
        if caption:
            body.append(_parsed(f'<h1 class="part" id="part-{number}">{escape(caption)}</h1>'))
        body.extend(on_paper(page) for page in pages)
    for style in STYLES:
        head.append(_parsed(f'<link rel="stylesheet" href="{style.as_uri()}">'))
    head.append(_parsed(f"<style>{running_heads(body)}</style>"))
    body.insert(0, contents(body))
    body.insert(0, cover(title))
    return soup


def cover(title: str) -> Tag:
    """Return the page of the title: authors, version, where the book lives, its licences."""
    site = project.site(project.address())
    return _parsed(
        f'<header class="cover"><p class="title">{title}</p>'
        f"<p>{escape(', '.join(citation.authors()))}</p>"
        f'<p>Version {citation.version()}, {citation.date()}<br><a href="{site}">{site}</a></p>'
        f"<p>Text and figures under {citation.TEXT_LICENCE}, code under MIT</p></header>"
    )


def running_heads(body: Tag) -> str:
    """Return the rules that set the title of each chapter at the head of its pages."""
    titles = {
        str(shown["id"]): shown.select("h2")[0].get_text() for shown in body.select("article")
    }
    return "\n".join(
        f"@page {name} {{ @top-right {{ content: {json.dumps(title, ensure_ascii=False)}; }} }}"
        for name, title in titles.items()
    )


# --- print ----------------------------------------------------------------------------------------

FIT = """() => {
    const beside = (tag) => {
        tag.classList.add("beside");
        const ends = [...tag.parentElement.querySelectorAll(".base")]
            .map((base) => base.getBoundingClientRect().right);
        return tag.getBoundingClientRect().left - Math.max(...ends) > 15;
    };
    for (const tag of document.querySelectorAll(".formula .katex-html > .tag")) {
        if (!beside(tag)) { tag.classList.remove("beside"); }
    }
    for (const box of document.querySelectorAll(".katex-display, table")) {
        const over = Math.max(box.scrollWidth, box.offsetWidth) / box.parentElement.clientWidth;
        const size = parseFloat(getComputedStyle(box).fontSize);
        if (over > 1.001) { box.style.fontSize = `${size / over}px`; }
    }
}"""
"""Put a formula's tag beside it where there is room; set smaller what is wider than the text."""


def printed(chromium: str, soup: BeautifulSoup, path: Path) -> None:
    """Print the document, the page numbers in it still missing."""
    source = path.with_suffix(".html")
    source.write_text(str(soup), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": TEXT_WIDTH, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(source.as_uri())
        page.emulate_media(media="print")
        page.evaluate("() => document.fonts.ready.then(() => undefined)")
        page.evaluate(FIT)
        page.pdf(
            path=path, prefer_css_page_size=True, outline=True, tagged=True, print_background=True
        )
        browser.close()


# --- page numbers ---------------------------------------------------------------------------------


def number(pdf: pikepdf.Pdf) -> None:
    """Set the page numbers that a print has room for."""
    numbers = {page.objgen: number for number, page in enumerate(pdf.pages, start=1)}
    places: Any = pdf.Root.Dests
    for page in pdf.pages:
        links = [link for link in page.get("/Annots", []) if _asks(link)]
        for link in links:
            link.Dest = pikepdf.Name("/" + str(link.A.URI).removeprefix(PAGE_OF))
            del link.A
        if links:
            _fill(pdf, page, [numbers[places[link.Dest][0].objgen] for link in links])


def _asks(link: Any) -> bool:
    return str(link.get("/A", {}).get("/URI", "")).startswith(PAGE_OF)


def _fill(pdf: pikepdf.Pdf, page: pikepdf.Page, numbers: list[int]) -> None:
    """Put digits in the place of the blanks that a page shows, in the order of its links."""
    waiting = list("".join(f"{number:{BLANK}>{DIGITS}}" for number in numbers))
    fonts = {name: _glyphs(font) for name, font in page.Resources.Font.items()}
    glyphs: dict[str, bytes] = {}
    read: Any = pikepdf.parse_content_stream(page)
    program = [(list(operands), operator) for operands, operator in read]
    for operands, operator in program:
        if str(operator) == "Tf":
            glyphs = fonts[str(operands[0])]
        elif str(operator) == "Tj" and BLANK in glyphs:
            text = bytes(operands[0])
            codes = [text[at : at + 2] for at in range(0, len(text), 2)]
            shown = [glyphs[waiting.pop(0)] if code == glyphs[BLANK] else code for code in codes]
            operands[0] = pikepdf.String(b"".join(shown))
    assert not waiting, "a page number found no room"
    page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(program))


def _glyphs(font: Any) -> dict[str, bytes]:
    """Return the codes of the digits and of the blank in a font of two bytes a glyph."""
    if "/ToUnicode" not in font:
        return {}
    text = font.ToUnicode.read_bytes().decode("ascii")
    pairs = re.findall(r"^<(\w{4})> <(\w{4})>$", text, re.MULTILINE)
    ranges = re.findall(r"^<(\w{4})> <(\w{4})> <(\w{4})>$", text, re.MULTILINE)
    found = {}
    for first, last, start in [*((code, code, letter) for code, letter in pairs), *ranges]:
        for code in range(int(first, 16), int(last, 16) + 1):
            letter = chr(int(start, 16) + code - int(first, 16))
            found[letter] = code.to_bytes(2, "big")
    return {letter: code for letter, code in found.items() if letter in f"{BLANK}0123456789"}


def said_once(title: str) -> str:
    """Return the title of a bookmark: Chromium repeats one that a page break moved on.

    >>> said_once("ErrataErrata"), said_once("Sources")
    ('Errata', 'Sources')
    """
    return re.sub(r"^(.+?)\1+$", r"\1", title)


def finish(draft: Path, path: Path) -> int:
    """Write the PDF with what a reader and a library ask for, packed; return its pages."""
    with pikepdf.open(draft) as pdf:
        number(pdf)
        with pdf.open_metadata() as about:
            about["dc:title"] = citation.cff()["title"]
            about["dc:creator"] = citation.authors()
            about["dc:language"] = ["en"]
            about["dc:rights"] = citation.TEXT_LICENCE
            about["pdf:Keywords"] = ", ".join(citation.cff()["keywords"])
        for entry in pdf.objects:
            if isinstance(entry, pikepdf.Dictionary) and "/Title" in entry and "/Dest" in entry:
                entry.Title = said_once(str(entry.Title))
        pdf.Root.PageMode = pikepdf.Name.UseOutlines
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate, linearize=True)
        return len(pdf.pages)


def has_face() -> bool:
    """Return whether the face that `print.css` asks for is installed, as far as can be told."""
    if not (match := shutil.which("fc-match")):
        return True
    return FACE in subprocess.run([match, FACE], capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Print the book, and say where it lies."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if not chromium:
        print("Chromium is missing, which prints the book: apt-get install chromium")
        return 1
    if not has_face():
        print(f"{FACE} is missing, another face serves: apt-get install fonts-sil-charis")
    print("Gathering the pages ...", flush=True)
    project.PDF.parent.mkdir(parents=True, exist_ok=True)
    draft = project.PDF.with_name("draft.pdf")
    printed(chromium, document(), draft)
    pages = finish(draft, project.PDF)
    size = project.PDF.stat().st_size / 1e6
    print(f"The book is printed: {project.PDF}, {pages} pages, {size:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
