"""Every page for every reader: axe-core, keyboard, less motion, speech, a slow line."""

import re
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from PIL import Image
from visiting import LETTERS, SHIFT, WIDTHS, tree

from tools.book import errata, project
from tools.check.server import serving
from tools.site import heights, shelf

HTML = project.BUILD / "html"
CHAPTERS = [chapter.stem for chapter in project.chapters()]


@pytest.fixture
def settled(open_page, settle):
    """Return a function that opens a page and waits until all of it is laid out."""
    return lambda address, **options: settle(open_page(address, **options))


# --- language ---


def test_what_is_chinese_says_so(site, report):
    """Without it a screen reader speaks Chinese as English, and axe-core has no rule for that."""
    found = []
    shelved = set((site / shelf.FOLDER.name).rglob("*.html"))
    for page in set(site.rglob("*.html")) - shelved:
        for one in tree(page.relative_to(site).as_posix()).xpath("//body//*"):
            for tag, text in ((one, one.text), (one.getparent(), one.tail)):
                if text and tag.tag != "script" and errata.HAN.search(text):
                    language = tag.xpath("string(ancestor-or-self::*[@lang][1]/@lang)")
                    found.append((page.name, text, language))
    report(f"{len(found)} texts in Chinese")
    assert len(found) > len(errata.errata())
    assert [one for one in found if not one[2].startswith("zh")] == []


# --- axe-core ---------------------------------------------------------------------------------

THIN = Path(__file__).with_name("thin.js").read_text(encoding="utf-8")
READ = """async ([rules, known]) => {
    // What is preloaded serves rules of sound and of turned screens, which the book has not.
    const options = { resultTypes: ["violations"], preload: false };
    if (rules) options.runOnly = rules;
    const kinds = markKinds(known);
    return [kinds, await axe.run(document, options)];
}"""
SEEN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
"""The rules whose verdict depends on the colours and on the width of the screen."""
ONCE = ["book/index.html", "book/rmsprop.html", "book/playground.html", "search.html", "404.html"]
"""Pages that are read by every rule on a phone too: what only a phone shows is alike on all."""


@contextmanager
def thin(page):
    """Make a page small for axe-core while the block runs."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(THIN)
    page.evaluate("() => makeThin()")
    try:
        yield page
    finally:
        page.evaluate("() => makeWhole()")


def judged(page, rules=None, known=()):
    """Return the kinds of text of a thin page, and what axe-core says of it as it is shown now.

    The contrast of texts of a kind that is known is not judged.
    """
    kinds, results = page.evaluate(READ, [rules, list(known)])
    return kinds, AxeResults(results)


@pytest.fixture(scope="module")
def judged_before():
    """Return the kinds of text that were judged on other pages, by view."""
    return defaultdict(set)


@pytest.mark.parametrize("view", ["desktop, read"])
def test_axe_finds_nothing(visit, view, judged_before, report):
    found = {}
    with thin(visit.page):
        for shown in ("phone", view):
            every = shown == view or visit.address in ONCE
            known = judged_before[shown]
            kinds, found[shown] = judged(visit.show(shown), None if every else SEEN, known)
            known.update(kinds)
    report(f"axe-rules {[len(one.response['passes']) for one in found.values()]}")
    for shown, one in found.items():
        assert one.violations_count == 0, f"{shown}: {one.generate_report()}"


FAULTS = {
    "image-alt": '<img src="data:,">',
    "button-name": "<button></button>",
    "label": '<input type="text">',
    "heading-order": "<h2>Two</h2><h5>Five</h5>",
    "color-contrast": '<p style="color: #999; background: #fff">grey</p>',
    "link-in-text-block": '<p>A <a href="#" style="color: #555; text-decoration: none">link</a>'
    " among words.</p>",
    "scrollable-region-focusable": '<div style="width: 60px; height: 40px; overflow: scroll">'
    '<p style="width: 400px; height: 400px">More than is shown.</p></div>',
}


@pytest.fixture(scope="module")
def copy(browser, site, settle):
    """Return a page with formulas and code, to be spoilt."""
    page = browser.new_page(viewport={"width": 360, "height": 900}, color_scheme="light")
    page.goto(f"{site.as_uri()}/book/identify.html")
    yield settle(page)
    page.close()


WHERE = ("article section section > p", ".katex-display", "pre")
PUT = """([where, html]) => {
    const spot = [...document.querySelectorAll(where)].find((one) => one.checkVisibility());
    spot.insertAdjacentHTML("afterend", `<div class="spoilt">${html}</div>`);
}"""


def test_axe_finds_what_is_wrong_in_a_section_beside_a_formula_and_beside_code(copy):
    for where in WHERE:
        for fault in FAULTS.values():
            copy.evaluate(PUT, [where, fault])
    with thin(copy):
        found = {one["id"]: len(one["nodes"]) for one in judged(copy)[1].response["violations"]}
    copy.evaluate("() => document.querySelectorAll('.spoilt').forEach((one) => one.remove())")
    assert found == dict.fromkeys(FAULTS, len(WHERE))


FAINT = ["pre span", ".katex", "article p", "article a", "figcaption .caption-text"]
PAINT = """(all) => all.map((which) => [...document.querySelectorAll(which)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.textContent.trim().length > 1).at(-1))
    .forEach((one, index) => {
        one.style.setProperty("color", "#aaa", "important");
        one.dataset.faint = index;
    })"""
OF_WHICH = """(targets) => targets.map((one) =>
    document.querySelector(one).closest("[data-faint]")?.dataset.faint)"""
CLEAN = """() => document.querySelectorAll("[data-faint]").forEach((one) => {
    one.removeAttribute("style");
    delete one.dataset.faint;
})"""


def test_axe_finds_one_faint_word_of_each_sort_among_many(copy):
    copy.evaluate(PAINT, FAINT)
    with thin(copy):
        (found,) = judged(copy)[1].response["violations"]
        which = copy.evaluate(OF_WHICH, [node["target"][0] for node in found["nodes"]])
    copy.evaluate(CLEAN)
    assert found["id"] == "color-contrast"
    assert set(which) == {str(index) for index in range(len(FAINT))}


def test_a_page_is_whole_again_when_axe_has_read_it(copy):
    before = copy.content()
    with thin(copy):
        judged(copy)
        assert copy.content() != before
    assert copy.content() == before


# --- by keyboard, with less motion, by ear ----------------------------------------------------

FOCUSED = """() => {
    const one = document.activeElement;
    const ring = getComputedStyle(one);
    return {
        name: [one.id, one.className, one.innerText, one.getAttribute("aria-label")].join(" "),
        ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 1,
    };
}"""


def reached(page, stops):
    """Return what Tab reaches, up to the first stop that wraps around."""
    found = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        found.append(page.evaluate(FOCUSED))
    return found


def test_tab_reaches_the_controls_and_shows_where_it_is(settled):
    page = settled("book/adam.html", viewport={"width": 1440, "height": 900})
    found = reached(page, page.locator(".bd-sidebar-primary a").count() + 15)
    for what in ("Skip to main content", "Search", "theme-switch-button", "The family of Adam"):
        assert any(what in one["name"] for one in found), what
    assert [one["name"] for one in found if not one["ring"]] == []


def test_a_folded_proof_unfolds_by_keyboard(settled):
    page = settled("book/adam.html", viewport={"width": 1440, "height": 900})
    button = page.locator("button.toggle-button").first
    button.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["ring"]
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.activeElement.closest('.admonition').matches(':not(.toggle-hidden)')"
    )


def test_less_motion_is_respected(open_page):
    page = open_page("book/playground.html", reduced_motion="reduce")
    moving = """() => [...document.querySelectorAll("*")].filter((one) => {
        const { transitionDuration, animationName } = getComputedStyle(one);
        return parseFloat(transitionDuration) > 0 && animationName !== "none";
    }).length"""
    assert page.evaluate(moving) == 0
    step = "() => document.querySelector('.playground input[aria-label=\"Step t\"]').value"
    page.locator(".playground .transport button[aria-label=Play]").click()
    frames = page.evaluate(
        f"""async () => {{
            const seen = new Set(), until = performance.now() + 900;
            while (performance.now() < until) {{
                seen.add(({step})());
                await new Promise(requestAnimationFrame);
            }}
            return seen.size;
        }}"""
    )
    assert frames <= 2  # a step a second instead of a moving picture


UNSPOKEN = """() => [...document.querySelectorAll(".katex")].filter((one) =>
    !one.querySelector("math annotation[encoding='application/x-tex']")
    || one.querySelector(".katex-html")?.ariaHidden !== "true").length"""


def test_every_formula_is_there_to_be_spoken(visit):
    assert visit.page.evaluate(UNSPOKEN) == 0


SMALL = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = new Set();
    while (texts.nextNode()) {
        const part = texts.currentNode.parentElement;
        if (texts.currentNode.data.trim() && !part.closest(".katex, svg, script, style, template")
            && parseFloat(getComputedStyle(part).fontSize) < 12)
            found.add(`${part.localName}.${part.className}`);
    }
    return [...found];
}"""


@pytest.mark.parametrize("view", ["wider phone"])
def test_nothing_that_is_read_is_lower_than_12_px(visit, view):
    assert visit.show(view).evaluate(SMALL) == []


# --- figures ----------------------------------------------------------------------------------

FIGURES = """() => [...document.querySelectorAll("article img[src*=_images]")].map((one) => ({
    src: one.src, width: one.getAttribute("width"), height: one.getAttribute("height"),
    loading: one.fetchPriority === "high" ? "lazy" : one.loading, decoding: one.decoding,
    shown: one.clientWidth,
}))"""
"""What is fetched first is not lazy: the still picture of the first view."""


@pytest.mark.parametrize("view", ["desktop"])
def test_figures_say_their_size_and_are_sharp_on_fine_screens(visit, view):
    for told in visit.show(view).evaluate(FIGURES):
        with Image.open(unquote(urlsplit(told["src"]).path)) as png:
            width, height = png.size
        assert (told["loading"], told["decoding"]) == ("lazy", "async")
        assert width >= 2 * told["shown"]
        assert re.fullmatch(r"\d+", told["height"])
        assert abs(int(told["width"]) / int(told["height"]) - width / height) < 0.01


# --- on a slow line ---------------------------------------------------------------------------

TRANSFERRED = """() => performance.getEntries()
    .filter((one) => "transferSize" in one)
    .reduce((sum, one) => sum + one.transferSize, 0)"""


@pytest.mark.parametrize("name", ["adam", "errata", "formulas", "learning-rates"])
@pytest.mark.parametrize("size", heights.WIDTHS)
def test_the_scrollbar_tells_how_long_a_page_is_before_it_is_laid_out(
    name, size, open_page, settle, report
):
    page = open_page(f"book/{name}.html", viewport={"width": size, "height": 900})
    high = "() => document.querySelector('article').scrollHeight"
    told = page.evaluate(high)
    found = settle(page).evaluate(high)
    report(f"{name} at {size}: {told} px told, {found} px found")
    assert told == pytest.approx(found, rel=0.1), "make heights"


PARTS = """([parts, contained]) => [...document.querySelectorAll(parts)].map((part) => {
    part.style.contentVisibility = "visible";
    part.style.contain = contained ? "content" : "none";
    return Math.round(part.getBoundingClientRect().height);
})"""


@pytest.mark.parametrize("name", ["index", "adam", "errata"])
@pytest.mark.parametrize("size", heights.WIDTHS)
def test_a_part_is_as_high_when_all_is_laid_out_as_alone(name, size, open_page, settle):
    page = settle(open_page(f"book/{name}.html", viewport={"width": size, "height": 900}))
    alone, within = (page.evaluate(PARTS, [heights.PARTS, contained]) for contained in (1, 0))
    assert alone
    assert alone == within, "the margins within a part count in one state and not in the other"


@pytest.fixture(scope="module")
def address():
    """Return where the site is served compressed; the letters of formulas come when text has."""
    with serving(HTML, late={".woff2": 0.3}) as served:
        yield served


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_first_view_is_light_and_stands_still(chapter, address, browser, report):
    views = [browser.new_page(viewport={"width": wide, "height": 900}) for wide in WIDTHS.values()]
    for page in views:  # one waits for the line while the other does
        page.goto(f"{address}/book/{chapter}.html", wait_until="commit")
    for page in views:
        page.wait_for_load_state("networkidle")
        shift, size = page.evaluate(SHIFT), page.evaluate(TRANSFERRED)
        page.close()
        report(f"first-view-kB {size / 1000:.0f}")
        assert size <= 300_000
        assert shift < 0.05


def test_text_shows_though_its_letters_do_not_come(open_page):
    with serving(HTML, late={".woff2": 60}) as served:
        page = open_page("about:blank")
        page.goto(f"{served}/book/adam.html", wait_until="domcontentloaded")
        page.wait_for_function(LETTERS, timeout=20_000)
        assert page.locator("article h1").is_visible()
        page.goto("about:blank")
