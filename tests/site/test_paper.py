"""A page printed from the browser: all of it is there, and nothing to press."""

import re
from io import BytesIO

import pytest
from pypdf import PdfReader
from visiting import A4, visits

from tools.book import project

CHAPTERS = [chapter.stem for chapter in project.chapters()]
PAPER = {"A4": A4, "Letter": 816}

WIDER = """() => [...document.querySelectorAll("article *:not(svg *)")].filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    if (!width || (left > -1 && right < document.documentElement.clientWidth + 1)) return false;
    if (one.closest(".katex-mathml") || getComputedStyle(one).visibility === "hidden") return false;
    return !one.matches(".vlist-t2, .vlist-r, .vlist-s"); // KaTeX ends a stack in 2 px of nothing
}).map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`)"""

CUT = """() => [...document.querySelectorAll("article :is(pre, table, .katex-display)")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.textContent.slice(0, 60))"""

FOLDED = """() => [...document.querySelectorAll("article :is(.admonition > *, details > div)")]
    .filter((one) => one.textContent.trim() && !one.matches("button, summary, .copies *"))
    .filter((one) => !one.closest(".you-are-here"))  // it leads elsewhere
    .filter((one) => !one.closest(".playground > .app"))  // the still figure stands there
    .filter((one) => !one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .map((one) => one.textContent.slice(0, 40))"""

PRESSED = """() => [...document.querySelectorAll(
    "button, summary, .headerlink, .bd-sidebar-primary, .bd-header-article, .bd-sidebar-secondary"
)].filter((one) => one.checkVisibility()).map((one) => one.className)"""


@visits([f"book/{stem}.html" for stem in [*CHAPTERS, "formulas", "errata"]])
@pytest.mark.parametrize("view", ["paper"])
def test_nothing_is_cut_or_folded_or_there_to_press(visit, view):
    page = visit.show(view)
    for fault in (WIDER, CUT, FOLDED, PRESSED):
        assert page.evaluate(fault) == [], fault


@visits(["book/adam.html"])
@pytest.mark.parametrize("view", ["paper"])
def test_a_reader_in_the_dark_gets_black_on_white(visit, view):
    ink = visit.show(view).evaluate(
        """() => ["article p", "article pre", "article .katex", "article .admonition p"]
            .map((one) => getComputedStyle(document.querySelector(one)).color)"""
    )
    assert set(ink) == {"rgb(0, 0, 0)"}


@pytest.mark.parametrize("paper", PAPER)
def test_the_printed_adam_has_its_formulas_code_and_solutions(paper, open_page):
    page = open_page("book/adam.html", viewport={"width": 1440, "height": 900})
    printed = PdfReader(BytesIO(page.pdf(format=paper)))
    text = re.sub(r"\s+", "", "".join(one.extract_text() for one in printed.pages))
    assert "Clicktohide" not in text
    assert re.search("m0=v0=0|m=0v=00", text)  # the small letters may be read after the line
    for code in page.locator("article pre:not(.copies pre)").all_text_contents():
        for line in code.splitlines():
            assert re.sub(r"\s+", "", line) in text, line
    for solution in page.locator(".solution p:not(:has(.katex))").all_text_contents():
        assert re.sub(r"\s+", "", solution)[:30] in text
    width = float(printed.pages[0].mediabox.width)
    assert width == pytest.approx(PAPER[paper] * 72 / 96, abs=1)
