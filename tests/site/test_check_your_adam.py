"""The page *Check your Adam*: what a reader meets."""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from test_accessibility import TRANSFERRED
from test_paint import contrast

from tools.book import project
from tools.check.server import serving

PAGE = "book/check-your-adam.html"
ANSWERED = """() => {
    const said = document.querySelector('.check .verdict');
    return said && !said.textContent.startsWith('Looking');
}"""


@pytest.fixture
def check(open_page):
    """Return a function that opens the page and waits for its first answer."""

    def opened(**options):
        page = open_page(PAGE, **{"viewport": {"width": 1440, "height": 900}, **options})
        page.wait_for_function(ANSWERED)
        return page

    return opened


@pytest.fixture(scope="module")
def asked(open_once):
    """Return a page for the tests that ask it for one verdict after another."""
    page = open_once(PAGE, viewport={"width": 1440, "height": 900})
    page.wait_for_function(ANSWERED)
    return page


def answer(page):
    page.wait_for_timeout(100)
    page.wait_for_function(ANSWERED)
    return page.inner_text(".check .answer")


def ask(page, text):
    page.get_by_label("LaTeX", exact=True).check()
    page.get_by_label("Formula in LaTeX").fill(text)
    page.get_by_role("button", name="Check", exact=True).click()
    return answer(page)


def test_a_misprint_is_named_with_erratum_formula_and_the_gradients_that_show_it(check):
    page = check()
    said = answer(page)
    assert said.startswith("This is a misprint of Adam.")
    assert "Gradients 1, 1 from x = 0 lead to −0.002344, not to −0.002000." in said
    for label in ("E4", "adam-bias-correction"):
        target = page.get_by_role("link", name=label, exact=True).get_attribute("href")
        file, _, anchor = target.partition("#")
        linked = page.context.new_page()
        linked.goto(f"{page.url.rpartition('/')[0]}/{file}")
        assert linked.locator(f"[id='{anchor}']").count() == 1
    assert page.locator(".check .legend li").all_inner_texts()[1].startswith("Adam")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"w \leftarrow w - \eta \nabla_w J(w)", "This is Gradient descent."),
        (r"x_t = x_{t-1} - \eta g_t^3", "Unknown."),
        (r"x_t = x_{t-1} + \eta g_t", "This is a misprint of Gradient descent."),
    ],
)
def test_a_formula_that_is_typed_is_named_or_unknown(asked, text, said):
    assert ask(asked, text).startswith(said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Write a formula, or take an example."),
        ("x" * 5000, "A formula must have at most 4000 characters, not 5000."),
        (r"x_t = x_{t-1} - \heartsuit g_t", "annot read `\\heartsuit` at character 17"),
        (r"m_t = g_t", "o equation gives θ, x or w: nothing is updated."),
        ("x_t = " + "(" * 3000, "."),
        ("<img src=x onerror=alert(1)>", "."),
    ],
)
def test_what_cannot_be_read_is_a_sentence_that_names_the_place(asked, text, message):
    page = asked
    assert ask(page, r"x_t = x_{t-1} - \eta g_t").startswith("This is Gradient descent.")
    assert page.inner_text(".check .alerts") == ""
    assert ask(page, text).startswith("Not read.")
    said = page.inner_text(".check .alerts")
    assert message in said
    assert re.fullmatch(r"[A-Zο\w].*\.", said.strip(), re.DOTALL)
    field = page.get_by_label("Formula in LaTeX")
    assert field.get_attribute("aria-invalid") == "true"
    if "character" in said and "heartsuit" in text:
        place = field.evaluate("field => field.selectionStart")
        assert text[place:].startswith("\\heartsuit")


def test_parts_are_picked_with_the_keyboard(check):
    page = check()
    page.get_by_label("LaTeX", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert answer(page).startswith("This is Adam.")
    page.get_by_label("Place of ε").focus()
    page.get_by_label("Place of ε").select_option("inside")
    said = answer(page)
    assert said.startswith("This is Adam with a change.")
    assert "ε inside the root." in said
    page.get_by_label("Place of ε").select_option("outside")
    page.get_by_label("Correction of m").select_option("none")
    page.get_by_label("Correction of v").select_option("none")
    assert "adam-no-correction" in answer(page)


@pytest.mark.parametrize("value", ["", "zero", "1", "-0.1", "inf", "nan", "1e999"])
def test_a_hyper_parameter_that_is_not_allowed_is_refused_aloud(asked, value):
    page = asked
    page.get_by_label("Parts", exact=True).check()
    field, alerts = page.get_by_label("β₁"), page.locator(".check .alerts")

    def enter(text):
        field.fill(text)
        field.press("Tab")
        answer(page)

    enter("0.8")
    assert alerts.inner_text() == ""
    enter(value)
    assert alerts.get_attribute("role") == "alert"
    assert f"must be a number of at least 0 and below 1, not “{value}”." in alerts.inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    enter("0.9")
    assert alerts.inner_text() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["LaTeX", "Parts"])
def test_it_is_seen_said_and_within_the_screen(asked, width, scheme, mode):
    page = asked
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
    ask(page, r"x_t = x_{t-1} + \eta g_t")
    page.get_by_label(mode, exact=True).check()
    answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_attribute(".check .answer", "role") == "status"
    text, ground = page.evaluate(
        """() => [getComputedStyle(document.querySelector('.check .verdict')).color,
                  getComputedStyle(document.body).backgroundColor]"""
    )
    assert contrast(text, ground) >= 4.5
    lines = page.locator(".check .plots svg:first-child .run .line")
    assert lines.count() == page.locator(".check .legend li").count() >= 1
    strokes = lines.evaluate_all("all => all.map(one => getComputedStyle(one).stroke)")
    assert all(contrast(stroke, ground) >= 3 for stroke in strokes)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.check :is(input, select, textarea, button)')]
            .filter((e) => !e.labels?.length && !e.textContent.trim()).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("() => axe.run(document.querySelector('.check'))")
    assert [one["id"] for one in found["violations"]] == []


def test_nothing_moves_but_what_the_reader_moves(open_page, width):
    page = open_page(PAGE, viewport={"width": width, "height": 900})
    page.wait_for_function(ANSWERED)
    shift = page.evaluate(
        """() => new Promise((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((e) => (sum += e.value)))
                .observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => resolve(sum), 500);
        })"""
    )
    assert shift < 0.05


def test_without_script_the_page_names_the_command(open_page):
    page = open_page(PAGE, java_script_enabled=False)
    assert "python -m descent.identify --latex" in page.inner_text(".check figure")


def test_the_page_asks_nobody(open_page):
    page = open_page(PAGE)
    page.wait_for_function(ANSWERED)
    assert all(url.startswith(("file:", "data:")) for url in page.kept.requests)


@pytest.mark.parametrize("address", [PAGE, "book/playground.html"])
def test_a_page_that_computes_is_light(browser, address, report):
    with serving(project.BUILD / "html") as served:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{served}/{address}", wait_until="networkidle")
        size = page.evaluate(TRANSFERRED)
        page.close()
    report(f"{address}: {size / 1000:.0f} kB")
    assert size <= 300_000
