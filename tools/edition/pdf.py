"""The book as one PDF: `python -m tools.edition.pdf [zh]`, after the site is built.

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
from copy import deepcopy
from pathlib import Path
from typing import Any

import pikepdf
from lxml import html
from lxml.html import HtmlElement, builder

from tools.book import citation, project
from tools.book.project import said
from tools.chinese import pages
from tools.edition.pages import HTML, address, article, key
from tools.site import browser

STYLES = [
    HTML / "_static" / "katex" / "katex.min.css",
    HTML / "_static" / "pygments.css",
    Path(__file__).with_name("print.css"),
]
CHINESE = HTML / "_static" / "chinese.css"
FACE = "Charis SIL"
PAGE_OF = "page-of:"
"""What the address of a link begins with that gets the number of a page."""
BLANK, DIGITS = "\N{FIGURE SPACE}", 3
"""What leaves room for a digit, being as wide, and how many the number of a page may have."""
SLIVER = 5
"""The height in points below which a link is the edge of one that begins in the next column."""
TEXT_WIDTH = 643
"""The width of the text in CSS pixels: A4 less the margins of `print.css`."""

# --- one document of many pages -------------------------------------------------------------------


def on_paper(page: Path) -> HtmlElement:
    """Return the article of a page as it is printed, its headings one level below the parts'."""
    shown = article(page)
    for hidden in shown.cssselect(".katex-mathml"):
        _speak(hidden)
    for image in shown.iter("img"):
        folder = (project.html() / address(page)).parent
        image.set("src", (folder / image.get("src")).resolve().as_uri())
    for link in shown.cssselect(".sheet dd.chapter a[href^='#']"):
        number = _number_of(link.get("href")[1:])
        number.tail, link.tail = link.tail, said(", p.\N{NO-BREAK SPACE}")
        link.getparent().insert(link.getparent().index(link) + 1, number)
    for heading in shown.xpath(".//h1 | .//h2 | .//h3 | .//h4 | .//h5"):
        heading.tag = f"h{int(heading.tag[1]) + 1}"
    shown.set("style", f"page: {key(page)}")
    return shown


def _speak(hidden: HtmlElement) -> None:
    """Let a screen reader read the LaTeX of a formula: a PDF has no place for its MathML."""
    formula, latex = hidden.getparent(), hidden.find(".//annotation")
    formula.set("role", "img")
    formula.set("aria-label", latex.text_content())
    del hidden.getnext().attrib["aria-hidden"]
    hidden.drop_tree()


def _number_of(place: str) -> HtmlElement:
    """Return a link with room for the number of the page on which a place stands."""
    return builder.A(BLANK * DIGITS, builder.CLASS("page"), href=f"{PAGE_OF}{place}")


def contents(body: HtmlElement) -> HtmlElement:
    """Return the table of contents of a document: parts, chapters, sections."""
    lines = []
    for heading in body.xpath(".//h1[@class='part'] | .//h2 | .//h3"):
        place = heading.xpath("ancestor-or-self::*[@id][1]/@id")[-1]
        title = deepcopy(heading)
        title.tag, title.tail = "span", None
        title.attrib.clear()
        line = builder.LI(
            builder.A(title, href=f"#{place}"), _number_of(place), builder.CLASS(heading.tag)
        )
        lines.append(line)
    return builder.E.nav(builder.H2(said("Contents")), builder.UL(*lines))


def document() -> HtmlElement:
    """Return the whole book as one page of HTML, its page numbers still empty."""
    title = said(citation.cff()["title"])
    body = builder.BODY()
    for number, (caption, part) in enumerate(project.edition().items()):
        if caption:
            body.append(builder.H1(caption, builder.CLASS("part"), id=f"part-{number}"))
        body.extend(on_paper(page) for page in part)
    sheets = STYLES if project.is_english() else [*STYLES, CHINESE]
    styles = [builder.LINK(rel="stylesheet", href=style.as_uri()) for style in sheets]
    head = builder.HEAD(
        builder.META(charset="utf-8"),
        builder.TITLE(title),
        *styles,
        builder.STYLE(running_heads(title, body)),
    )
    body.insert(0, contents(body))
    body.insert(0, cover(title))
    return builder.HTML(head, body, {"lang": project.Edition.language, "data-theme": "light"})


def cover(title: str) -> HtmlElement:
    """Return the page of the title: authors, version, where the book lives, its licences."""
    site = project.site(project.address())
    return builder.E.header(
        builder.P(title, builder.CLASS("title")),
        builder.P(", ".join(citation.authors())),
        builder.P(
            said("Version {}, {}").format(citation.version(), citation.date()),
            builder.BR(),
            builder.A(site, href=site),
        ),
        builder.P(said("Text and figures under {}, code under MIT").format(citation.TEXT_LICENCE)),
        builder.CLASS("cover"),
    )


def running_heads(title: str, body: HtmlElement) -> str:
    """Return the rules that set the titles of the book and of each chapter at the head of pages."""
    titles = {
        article.get("id"): article.find(".//h2").text_content() for article in body.iter("article")
    }
    heads = [("", "left", title), *((name, "right", text) for name, text in titles.items())]
    return "\n".join(
        f"@page {name} {{ @top-{side} {{ content: {json.dumps(text, ensure_ascii=False)}; }} }}"
        for name, side, text in heads
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


def printed(book: HtmlElement, path: Path) -> None:
    """Print the document, the page numbers in it still missing."""
    source = path.with_suffix(".html")
    text = html.tostring(book, encoding="unicode", doctype="<!doctype html>")
    source.write_text(text, encoding="utf-8")
    with browser.launched() as chromium:
        page = chromium.new_page(viewport={"width": TEXT_WIDTH, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(source.as_uri())
        page.emulate_media(media="print")
        page.evaluate("() => document.fonts.ready.then(() => undefined)")
        page.evaluate(FIT)
        page.pdf(
            path=path, prefer_css_page_size=True, outline=True, tagged=True, print_background=True
        )


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
        rooms = [link for link in links if link.Rect[3] - link.Rect[1] > SLIVER]
        if rooms:
            _fill(pdf, page, [numbers[places[link.Dest][0].objgen] for link in rooms])


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
            about["dc:title"] = said(citation.cff()["title"])
            about["dc:creator"] = citation.authors()
            about["dc:language"] = [project.Edition.language]
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


def has_chinese() -> bool:
    """Return whether a font with Chinese characters is installed, as far as can be told."""
    if not (lister := shutil.which("fc-list")):
        return True
    command = [lister, ":lang=zh-cn", "family"]
    return bool(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def main() -> int:
    """Print the book, and say where it lies."""
    browser.path()  # missing, it is told of before the work
    if not has_face():
        print(f"{FACE} is missing, another face serves: apt-get install fonts-sil-charis")
    if not has_chinese():
        print("No font has Chinese characters, boxes serve: apt-get install fonts-wqy-microhei")
    print("Gathering the pages ...", flush=True)
    path = project.pdf()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"draft-{project.Edition.language}.pdf")
    printed(document(), draft)
    count = finish(draft, path)
    size = path.stat().st_size / 1e6
    print(f"The book is printed: {path}, {count} pages, {size:.1f} MB")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == [pages.LANGUAGE]:
        pages.read_in_chinese()
    sys.exit(main())
