"""Every page for every reader: axe-core, keyboard, less motion, speech, a slow line."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from lxml import html
from PIL import Image

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
        for text in html.parse(page).xpath("//body//text()[not(parent::script)]"):
            if errata.HAN.search(text):
                tag = text.getparent() if text.is_text else text.getparent().getparent()
                found.append(
                    (page.name, text, tag.xpath("string(ancestor-or-self::*[@lang][1]/@lang)"))
                )
    report(f"{len(found)} texts in Chinese")
    assert len(found) > len(errata.errata())
    assert [one for one in found if one[2] != "zh-Hans"] == []


# --- axe-core ---------------------------------------------------------------------------------

THIN = Path(__file__).with_name("thin.js").read_text(encoding="utf-8")
READ = """async (rules) => {
    // What is preloaded serves rules of sound and of turned screens, which the book has not.
    const options = { resultTypes: ["violations"], preload: false };
    makeThin();
    try { return await axe.run(document, rules ? { ...options, runOnly: rules } : options); }
    finally { makeWhole(); }
}"""
SEEN = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
"""The rules whose verdict depends on the colours and on the width of the screen."""
ONCE = ["book/index.html", "book/adam.html", "book/playground.html", "search.html", "404.html"]
"""Pages that are read by every rule on a phone too: what only a phone shows is alike on all."""


def judged(page, rules=None):
    """Return what axe-core says of a page as it is shown now; the page stays as it is."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(THIN)
    return AxeResults(page.evaluate(READ, rules))


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1440), ("light", 360)])
def test_axe_finds_nothing(visit, scheme, width, report):
    every = width == 1440 or visit.address in ONCE
    found = judged(visit.show(scheme, width), None if every else SEEN)
    report(f"axe-rules {len(found.response['passes'])}")
    assert found.violations_count == 0, found.generate_report()


FAULTS = {
    "image-alt": '<img src="data:,">',
    "button-name": "<button></button>",
    "label": '<input type="text">',
    "heading-order": "<h2>Two</h2><h5>Five</h5>",
    "color-contrast": '<p style="color: #999; background: #fff">grey</p>',
}


@pytest.fixture(scope="module")
def copy(browser, site, settle):
    """Return a page with formulas and code, to be spoilt."""
    page = browser.new_page(viewport={"width": 360, "height": 900}, color_scheme="light")
    page.goto(f"{site.as_uri()}/book/rmsprop.html")
    yield settle(page)
    page.close()


PUT = """([where, html]) => {
    const spot = document.querySelector(where);
    spot.insertAdjacentHTML("afterend", `<div class="spoilt">${html}</div>`);
}"""


@pytest.mark.xdist_group("spoilt")
@pytest.mark.parametrize("where", ["article section section > p", ".katex-display", "pre"])
def test_axe_finds_what_is_wrong_in_a_section_beside_a_formula_and_beside_code(where, copy):
    for fault in FAULTS.values():
        copy.evaluate(PUT, [where, fault])
    found = {one["id"]: one for one in judged(copy).response["violations"]}
    copy.evaluate("() => document.querySelectorAll('.spoilt').forEach((one) => one.remove())")
    assert set(FAULTS) <= set(found)
    assert all(".spoilt" in node["target"][0] for node in found["color-contrast"]["nodes"])


PAINT = """([which, color]) => [...document.querySelectorAll(which)]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.textContent.trim().length > 1).at(-1)
    .style.setProperty("color", color, "important")"""


@pytest.mark.xdist_group("spoilt")
@pytest.mark.parametrize(
    "which", ["pre span", ".katex", "article p", "article a", "figcaption .caption-text"]
)
def test_axe_finds_one_faint_word_among_many(which, copy):
    copy.evaluate(PAINT, [which, "#aaa"])
    found = [one["id"] for one in judged(copy).response["violations"]]
    copy.evaluate(PAINT, [which, ""])
    assert found == ["color-contrast"]


@pytest.mark.xdist_group("spoilt")
def test_a_page_is_whole_again_when_axe_has_read_it(copy):
    before = copy.content()
    judged(copy)
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
    found = reached(page, 45)
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


# --- figures ----------------------------------------------------------------------------------

FIGURES = """() => [...document.querySelectorAll("article img[src*=_images]")].map((one) => ({
    src: one.src, width: one.getAttribute("width"), height: one.getAttribute("height"),
    loading: one.loading, decoding: one.decoding, shown: one.clientWidth,
}))"""


def test_figures_say_their_size_and_are_sharp_on_fine_screens(visit):
    for told in visit.show("light", 1440).evaluate(FIGURES):
        with Image.open(unquote(urlsplit(told["src"]).path)) as png:
            width, height = png.size
        assert (told["loading"], told["decoding"]) == ("lazy", "async")
        assert width >= 2 * told["shown"]
        assert re.fullmatch(r"\d+", told["height"])
        assert abs(int(told["width"]) / int(told["height"]) - width / height) < 0.01


# --- on a slow line ---------------------------------------------------------------------------

SHIFT = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) =>
        list.getEntries().forEach((one) => (sum += one.hadRecentInput ? 0 : one.value))
    ).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 50);  // what came before is told at once
})"""

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


@pytest.fixture(scope="module")
def address():
    """Return where the site is served compressed."""
    with serving(HTML) as served:
        yield served


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_first_view_is_light_and_stands_still(chapter, address, browser, width, report):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{address}/book/{chapter}.html", wait_until="networkidle")
    shift, size = page.evaluate(SHIFT), page.evaluate(TRANSFERRED)
    page.close()
    report(f"first-view-kB {size / 1000:.0f}")
    assert size <= 600_000
    assert shift < 0.05
