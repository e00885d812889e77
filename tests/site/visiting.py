"""The pages that the tests in a browser visit, and how one is asked for."""

from functools import cache
from typing import NamedTuple

import pytest
from lxml import html

from tools.book import project

HTML = project.BUILD / "html"
CHINESE = [f"zh/{name}.html" for name in ("book/adam", "book/glossary", "book/index", "search")]
"""Pages of the Chinese edition that stand for all of it, where each page is looked at."""
PAGES = sorted(
    (
        page.relative_to(HTML).as_posix()
        for page in [
            *HTML.glob("*.html"),
            *HTML.glob("book/**/*.html"),
            *map(HTML.joinpath, CHINESE),
        ]
        if page != HTML / "index.html"
    ),
    key=lambda address: -(HTML / address).stat().st_size,  # a long page is not begun last
)


class View(NamedTuple):
    """How a page is looked at."""

    scheme: str
    width: int
    """In CSS pixels."""
    media: str = "screen"


A4 = 794
MARGINS = 113
"""The width of the paper and of its margins of 15 mm, in CSS pixels."""
VIEWS = {
    "phone": View("light", 360),
    "wider phone": View("light", 390),
    "desktop": View("dark", 1440),
    "paper": View("dark", A4 - MARGINS, "print"),
    "desktop, read": View("dark", 1440),  # by axe-core, when nothing looks at the formulas any more
}
"""In the order in which a page is shown so: to lay one out takes most of the time of its tests."""
WIDTHS = {"phone": 360, "desktop": 1440}
"""Of a window, in CSS pixels."""
LETTERS = "() => !document.documentElement.classList.contains('without-letters')"
"""The letters of the formulas are there: before, no text is shown."""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Boxes that scroll are noticed within a frame."""

SHIFT = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) =>
        list.getEntries().forEach((one) => (sum += one.hadRecentInput ? 0 : one.value))
    ).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 50);  // what came before is told at once
})"""


VISITED = "visit:"
"""What the id of a test has before the page that it shares with others."""


def params(addresses):
    """Return pages as parameters."""
    return [pytest.param(address, id=f"{VISITED}{address}") for address in addresses]


def visits(addresses):
    """Return the mark of a test that looks at these pages alone, of those that `visit` opens."""
    return pytest.mark.parametrize("visit", params(addresses), indirect=True)


@cache
def tree(address):
    """Return a page of the site, parsed."""
    return html.parse(HTML / address, html.HTMLParser(encoding="utf-8")).getroot()
