"""The pages of the built site, made ready for a book in one piece: the PDF and the EPUB.

What they show is what the site shows: mathematics that was set at build time, outputs that the
tests compared.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from lxml import html
from lxml.html import HtmlElement

from tools.book import project
from tools.book.project import said

HTML = project.BUILD / "html"
SCREEN_ONLY = ", ".join(
    [
        ".headerlink, .formula-link, .backrefs",
        ".sheet .copies, .formula .copies, .katex .narrow, #list-filter",
        ".figure-files, .front-buttons, .front-doors, .you-are-here, .reading-time, .family svg",
        "button, script, summary, [role=status], .toctree-wrapper",
    ]
)
"""What has no use on paper."""
EMPTY = ".//section[not(*[not(self::h1 or self::h2 or self::h3 or self::h4 or self::h5)])]"
"""A section that held nothing else."""


def key(page: Path) -> str:
    """Return what the ids of a page begin with: its address without folder and ending."""
    return "-".join(page.relative_to(project.BOOK).with_suffix("").parts)


def address(page: Path) -> str:
    """Return the address of a page within the site of its edition."""
    return page.relative_to(project.ROOT).with_suffix(".html").as_posix()


def on_site(page: Path) -> str:
    """Return the address of a page from the root of the site, that of its edition if it has it."""
    return project.on_site(page.relative_to(project.ROOT).with_suffix("").as_posix())


def place(prefix: str, own: str) -> str:
    """Return the id within the book of what has an id within its page, or of the page.

    >>> place("adam", "exercise/adam-read"), place("adam", "")
    ('adam--exercise-adam-read', 'adam')
    """
    return f"{prefix}--{re.sub(r'[^A-Za-z0-9_.-]', '-', own)}" if own else prefix


def article(page: Path) -> HtmlElement:
    """Return what a page of the site says: without what serves a screen, its ids its own."""
    parser = html.HTMLParser(encoding="utf-8")
    (shown,) = html.parse(project.html() / address(page), parser).getroot().cssselect("article")
    shown.tail = None
    for useless in [*shown.cssselect(SCREEN_ONLY), *shown.xpath(EMPTY)]:
        useless.drop_tree()
    for folded in shown.iter("details"):
        folded.tag = "div"
        folded.attrib.pop("open", None)
    for image in shown.iter("img"):
        image.attrib.pop("loading", None)
        image.attrib.pop("decoding", None)
    if page == project.pages()[0]:
        say(shown.find(".//h1"), said("Preface"))  # the book's title stands on a cover
    _name_apart(shown, key(page))
    _lead_within(shown, on_site(page))
    return shown


def say(element: HtmlElement, text: str) -> None:
    """Let an element hold a text, and nothing else."""
    for child in list(element):
        element.remove(child)
    element.text = text


def _name_apart(shown: HtmlElement, prefix: str) -> None:
    """Put the name of the page before each id; a second element of the same id loses it."""
    shown.set("id", "")
    taken = set()
    for element in shown.xpath("descendant-or-self::*[@id]"):
        own = element.attrib.pop("id")
        if own not in taken:
            element.set("id", place(prefix, own))
        taken.add(own)


def _lead_within(shown: HtmlElement, base: str) -> None:
    """Turn links between pages into links within the document, all others into full ones."""
    own = [page for pages in project.edition().values() for page in pages]
    prefixes = {on_site(page): key(page) for page in own}
    for link in shown.xpath(".//a[@href]"):
        target = urlsplit(urljoin(base, link.get("href")))
        if prefix := prefixes.get(target.path):
            link.set("href", f"#{place(prefix, unquote(target.fragment))}")
        else:
            link.set("href", urljoin(project.site(project.address()), target.geturl()))
