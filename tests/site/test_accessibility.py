"""Every page for every reader: axe-core, keyboard, less motion, speech, a slow line."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from PIL import Image

from tools import project
from tools.compressing import serving

HTML = project.BUILD / "html"
ADDRESSES = sorted(
    str(page.relative_to(HTML))
    for page in HTML.rglob("*.html")
    if page.parent != HTML / "_static" and page != HTML / "index.html"
)
CHAPTERS = [chapter.stem for chapter in project.chapters()]

LAID_OUT = """() => [...document.querySelectorAll("article section section, .sheet, .erratum")]
    .every((part) => getComputedStyle(part).contentVisibility !== "auto")"""


@pytest.fixture
def settled(open_page):
    """Return a function that opens a page and waits until all of it is laid out."""

    def opened(address, **options):
        page = open_page(address, **options)
        page.wait_for_load_state("load")
        page.mouse.move(5, 5)
        page.mouse.move(9, 9)
        page.wait_for_function(LAID_OUT, timeout=60_000)
        page.wait_for_timeout(300)  # colours change, and boxes that scroll are noticed
        return page

    return opened


# --- axe-core ---------------------------------------------------------------------------------


# A formula is there twice, as MathML and drawn for the eye: thousands of elements that no rule of
# axe's speaks of, and that cost it minutes. That each can be spoken is tested below.
READ = {"include": [["html"]], "exclude": [[".katex"]]}


@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing(address, settled, report):
    page = settled(address, viewport={"width": 360, "height": 900}, color_scheme="light")
    for scheme, width in (("light", 360), ("dark", 1440)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        if address == "404.html":  # its scripts are found on the web alone
            page.reload()
        page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
        page.wait_for_timeout(300)  # colours change
        found = Axe().run(page, READ, {"resultTypes": ["violations", "passes"]})
        report(f"axe-rules {len(found.response['passes'])}")
        assert found.violations_count == 0, (scheme, width, found.generate_report())
    if address == "404.html":
        page.kept.complaints.clear()


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


def test_less_motion_is_respected(settled):
    page = settled("book/playground.html", reduced_motion="reduce")
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


@pytest.mark.parametrize("address", [f"book/{chapter}.html" for chapter in [*CHAPTERS, "formulas"]])
def test_every_formula_is_there_to_be_spoken(address):
    page = BeautifulSoup((HTML / address).read_text(encoding="utf-8"), "html.parser")
    formulas = page.select(".katex")
    assert all(one.select_one("math annotation[encoding='application/x-tex']") for one in formulas)
    assert all(one.select_one(".katex-html")["aria-hidden"] == "true" for one in formulas)


# --- figures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_figures_say_their_size_and_are_sharp_on_fine_screens(chapter, settled):
    page = settled(f"book/{chapter}.html", viewport={"width": 1440, "height": 900})
    for image in page.locator("article img[src*=_images]").all():
        told = {name: image.get_attribute(name) for name in ("width", "height", "loading")}
        with Image.open(HTML / "book" / image.get_attribute("src")) as png:
            width, height = png.size
        shown = image.evaluate("(one) => one.clientWidth")
        assert told["loading"] == "lazy"
        assert image.get_attribute("decoding") == "async"
        assert width >= 2 * shown
        assert re.fullmatch(r"\d+", told["height"])
        assert abs(int(told["width"]) / int(told["height"]) - width / height) < 0.01


# --- on a slow line ---------------------------------------------------------------------------

SHIFT = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) =>
        list.getEntries().forEach((one) => (sum += one.hadRecentInput ? 0 : one.value))
    ).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 500);
})"""

TRANSFERRED = """() => performance.getEntries()
    .filter((one) => "transferSize" in one)
    .reduce((sum, one) => sum + one.transferSize, 0)"""


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
