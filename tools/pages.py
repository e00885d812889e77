"""The pages of the built site, made ready for a book in one piece: the PDF and the EPUB.

What they show is what the site shows: mathematics that was set at build time, outputs that the
tests compared.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from tools import project

HTML = project.BUILD / "html"
PREFACE = "Preface"
"""What the first page is called where the title of the book stands on a cover."""
SCREEN_ONLY = ", ".join(
    [
        ".headerlink, .formula-link, .backrefs",
        ".sheet .copies, .katex .narrow",
        "button, script, summary, [role=status], .toctree-wrapper",
    ]
)
"""What has no use on paper."""
EMPTY = "section:not(:has(> :not(h1, h2, h3, h4, h5)))"
"""A section that held nothing else."""


def key(page: Path) -> str:
    """Return what the ids of a page begin with: its address without folder and ending."""
    return "-".join(page.relative_to(project.BOOK).with_suffix("").parts)


def address(page: Path) -> str:
    """Return the address of a page within the site."""
    return page.relative_to(project.ROOT).with_suffix(".html").as_posix()


def place(prefix: str, own: str) -> str:
    """Return the id within the book of what has an id within its page, or of the page.

    >>> place("adam", "exercise/adam-read"), place("adam", "")
    ('adam--exercise-adam-read', 'adam')
    """
    return f"{prefix}--{re.sub(r'[^A-Za-z0-9_.-]', '-', own)}" if own else prefix


def article(page: Path) -> Tag:
    """Return what a page of the site says: without what serves a screen, its ids its own."""
    soup = BeautifulSoup((HTML / address(page)).read_bytes(), "lxml")
    shown = soup.select_one("article")
    assert shown is not None, f"{address(page)} has no article"
    for useless in (SCREEN_ONLY, EMPTY):
        for element in shown.select(useless):
            element.decompose()
    for folded in shown.find_all("details"):
        folded.name = "div"
        folded.attrs.pop("open", None)
    for image in shown.find_all("img"):
        image.attrs = {k: v for k, v in image.attrs.items() if k not in ("loading", "decoding")}
    if page == project.pages()[0]:
        shown.select("h1")[0].string = PREFACE
    _name_apart(shown, key(page))
    _lead_within(shown, address(page))
    return shown


def _name_apart(shown: Tag, prefix: str) -> None:
    """Put the name of the page before each id; a second element of the same id loses it."""
    shown["id"] = ""
    taken = set()
    for element in [shown, *shown.find_all(id=True)]:
        own = element["id"]
        element["id"] = place(prefix, str(own))
        if own in taken:
            del element["id"]
        taken.add(own)


def _lead_within(shown: Tag, base: str) -> None:
    """Turn links between pages into links within the document, all others into full ones."""
    prefixes = {address(page): key(page) for page in project.pages()}
    for link in shown.find_all("a", href=True):
        target = urlsplit(urljoin(base, str(link["href"])))
        if prefix := prefixes.get(target.path):
            link["href"] = f"#{place(prefix, unquote(target.fragment))}"
        else:
            link["href"] = urljoin(project.site(project.address()), target.geturl())
