"""Displayed formulas on a phone: whole, or with a sign that they go on."""

import pytest
from visiting import FRAMES, visits

from tools.book import lock_formulas, project

UPDATES = (
    *("gd-update", "momentum-update", "nesterov-update", "adagrad-update", "rmsprop-update"),
    *("adadelta-update", "adam-moments", "adam-bias-correction", "adam-update"),
    *("adamax-update", "nadam-update", "amsgrad-update", "adamw-update"),
)
STEMS = [page.stem for page in project.pages() if "{formula}" in page.read_text("utf-8")]
ADDRESSES = [f"book/{stem}.html" for stem in [*STEMS, "formulas"]]

ALL_LAID_OUT = (
    "article section section, .sheet, .erratum { content-visibility: visible !important }"
)

FORMULAS = """() => [...document.querySelectorAll("article .katex-display")].map((box) => {
    const { maskImage, overflowX } = getComputedStyle(box);
    const edge = box.getBoundingClientRect();
    const drawn = [...box.querySelectorAll(".base")].map((one) => one.getBoundingClientRect())
        .filter((one) => one.width > 0);
    return {
        id: box.closest(".formula, .sheet")?.id,
        latex: box.querySelector("annotation").textContent,
        wide: box.scrollWidth > box.clientWidth,
        whole: drawn.every((one) => one.left > edge.left - 2 && one.right < edge.right + 2),
        sign: maskImage !== "none" && overflowX === "auto" && box.tabIndex === 0,
        shown: drawn.length > 0,
    };
})"""


@visits(ADDRESSES)
@pytest.mark.parametrize("view", ["wider phone"])
def test_no_formula_is_cut_without_a_sign(visit, view, report):
    address, page = visit.address, visit.show(view)
    page.evaluate("() => document.fonts.ready.then(() => undefined)")
    page.evaluate(FRAMES)  # what scrolls is noticed
    found = page.evaluate(FORMULAS)
    cut = [one for one in found if not one["whole"]]
    report(f"{address}: {len(found)} formulas, {len(cut)} of them go on")
    assert [one["latex"] for one in cut if not (one["wide"] and one["sign"])] == []
    assert [one["latex"] for one in found if one["wide"] and not one["sign"]] == []
    whole = {one["id"] for one in found if one["whole"] and one["shown"]}
    pages = {one.id: f"book/{one.page.stem}.html" for one in lock_formulas.book()}
    here = {one for one in UPDATES if address in ("book/formulas.html", pages[one])}
    assert here <= whole


def test_the_sign_goes_where_the_formula_ends(open_page):
    page = open_page("book/stochastic-gradients.html", viewport={"width": 320, "height": 844})
    page.add_style_tag(content=ALL_LAID_OUT)
    box = page.locator("#sgd-minibatch-variance .katex-display")
    box.focus()
    masks = []
    for place in ("0", "1e6"):
        box.evaluate(f"(box) => {{ box.scrollLeft = {place}; }}")
        page.wait_for_timeout(200)
        masks.append(box.evaluate("(box) => box.className.replace('katex-display', '').trim()"))
    assert masks == ["more-after", "more-before"]


def test_a_wide_screen_shows_a_formula_in_one_line(open_page):
    page = open_page("book/adam.html#adam-moments", viewport={"width": 1440, "height": 900})
    rows = page.locator("#adam-moments .equation").all()
    tops = [row.bounding_box()["y"] for row in rows]
    assert len(tops) == 3
    assert max(tops) - min(tops) < 8
    tag = page.locator("#adam-moments .tag")
    assert tag.inner_text() == "(adam-moments)"
    assert tag.bounding_box()["width"] > 0


def test_the_pages_that_have_formulas_are_looked_at():
    assert {one.page.stem for one in lock_formulas.book()} <= set(STEMS)
