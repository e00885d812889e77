"""The formula sheet in a browser: copied by keyboard, read without a script, printed."""

import pytest
from visiting import tree, visits

SHEET = "book/formulas.html"
FORGET = """async () => {
    document.querySelector("#adam-update [role=status]").textContent = "";
    await navigator.clipboard.writeText("");
}"""
COPIED = "() => document.querySelector('#adam-update [role=status]').textContent === 'Copied.'"


@pytest.fixture(scope="module")
def sheet(open_once):
    """Return the sheet for the tests that press its buttons, one after another."""
    return open_once(SHEET, permissions=["clipboard-read", "clipboard-write"])


@pytest.mark.parametrize(
    ("kind", "start"), [("LaTeX", "x_t = x_{t-1}"), ("BibTeX", "@misc{"), ("link", "https://")]
)
def test_a_button_copies_and_says_so(kind, start, sheet):
    page = sheet
    page.evaluate(FORGET)
    button = page.locator(f"#adam-update button[data-copies={kind}]")
    assert "Adam" in button.get_attribute("aria-label")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(COPIED)
    assert page.evaluate("() => navigator.clipboard.readText()").startswith(start)


def test_without_a_script_the_latex_can_be_unfolded(open_page):
    page = open_page(f"{SHEET}#adam-update", java_script_enabled=False)
    entry = page.locator("#adam-update")
    assert not entry.locator("button").first.is_visible()
    entry.locator("summary").first.click()
    assert (
        r"\frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}" in entry.locator("pre").first.inner_text()
    )


def test_a_retired_name_leads_on(sheet):
    page = sheet
    page.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("beforeend",
            '<div class="retired" id="made-up"><a href="#adam-update">adam-update</a></div>')"""
    )
    page.evaluate("() => { location.hash = 'made-up'; }")
    page.wait_for_function("() => location.hash === '#adam-update'")


@visits([SHEET])
@pytest.mark.parametrize("view", ["paper"])
def test_on_paper_there_are_formulas_and_no_buttons(visit, view):
    page = visit.show(view)
    assert page.locator("#adam-update .katex-display").is_visible()
    assert page.locator("#adam-update dl.field-list").is_visible()
    assert not page.locator("#adam-update button").first.is_visible()
    assert not page.locator("#adam-update details").first.is_visible()


def test_a_box_in_a_chapter_copies_what_the_sheet_copies(open_page):
    page = open_page("book/adam.html", permissions=["clipboard-read", "clipboard-write"])
    box = page.locator("#adam-update")
    leads_to = box.get_by_role("link", name="Adam on the formula sheet").evaluate("(a) => a.href")
    assert leads_to.endswith("/book/formulas.html#adam-update")
    for kind in ("LaTeX", "BibTeX", "link"):
        page.evaluate(FORGET)
        button = box.locator(f"button[data-copies={kind}]")
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(COPIED)
        copied = page.evaluate("() => navigator.clipboard.readText()")
        (there,) = tree(SHEET).cssselect(f"#adam-update pre[data-label={kind}]")
        assert copied == there.text_content()


def test_the_sheet_is_filtered_and_its_contents_with_it(open_page):
    page = open_page(SHEET, viewport={"width": 1440, "height": 900})
    listed = page.locator(".page-toc li:not([hidden]) a")
    every = page.locator("div.sheet").count()
    assert page.locator(".page-toc a[href='#adam-update']").count() == 1
    assert listed.count() > every
    page.locator("#list-filter input").fill("bias correction")
    shown = page.locator("div.sheet:not([hidden])")
    assert 0 < shown.count() < every
    assert "adam-bias-correction" in shown.evaluate_all("(all) => all.map((one) => one.id)")
    assert listed.count() < 2 * shown.count() + 12
    page.locator("#list-filter input").fill("")
    page.select_option("#list-filter select[name=verified]", "as-printed")
    assert f"{shown.count()} of {every} formulas" == page.inner_text("#list-filter output")
    assert page.locator(".sheet.as-printed:not([hidden])").count() == shown.count()


def test_a_box_is_light_without_a_script(open_page):
    page = open_page("book/adam.html", java_script_enabled=False)
    box = page.locator("#adam-update .copies")
    assert not box.locator("button").first.is_visible()
    box.locator("summary").click()
    assert "@misc{" in box.inner_text()
