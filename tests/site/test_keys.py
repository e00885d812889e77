"""Single keys lead through the book, and only where nobody is typing."""

import pytest

ADDRESS = "book/adagrad.html"
AT = "() => [document.activeElement.tagName, document.activeElement.parentElement.id]"


@pytest.fixture
def page(open_page):
    return open_page(ADDRESS, viewport={"width": 1440, "height": 900}, reduced_motion="reduce")


def pressed(page, *keys):
    """Return the section whose heading has the focus after some keys."""
    for key in keys:
        page.keyboard.press(key)
    return page.evaluate(AT)[1]


def test_keys_lead_from_section_to_section_and_page_to_page(page):
    headings = page.locator("article :is(h2, h3)")
    sections = headings.evaluate_all("all => all.map((one) => one.parentElement.id)")
    assert pressed(page, "j") == sections[0]
    assert pressed(page, "j", "j") == sections[2]
    assert pressed(page, "k") == sections[1]
    top = page.evaluate("() => document.activeElement.getBoundingClientRect().top")
    assert 0 <= top < 100  # below the bar
    page.keyboard.press("Control+j")
    assert page.evaluate(AT)[1] == sections[1]
    page.keyboard.press("n")
    page.wait_for_url("**/rmsprop.html")
    page.keyboard.press("p")
    page.wait_for_url("**/adagrad.html")


def test_the_list_of_keys_is_shown_and_a_field_keeps_what_is_typed(page):
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.locator("kbd").all_inner_texts() == ["j", "k", "n", "p", "/", "?"]
    page.keyboard.press("j")  # it does not act behind the list
    assert page.evaluate(AT)[0] != "H2"
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.keyboard.press("/")
    page.wait_for_function("() => document.activeElement.name === 'q'")
    page.keyboard.type("jn?/")
    assert page.evaluate("document.activeElement.value") == "jn?/"
    assert page.url.endswith("adagrad.html")


def test_single_keys_can_be_switched_off_and_on(page):
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys act").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert page.evaluate(AT)[0] == "BODY"
    assert page.locator("dialog.keys").count() == 0
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys act").check()
    page.keyboard.press("Escape")
    assert pressed(page, "j")


SHARE = """() => {
    const bar = document.querySelector(".bd-header-article");
    return new DOMMatrix(getComputedStyle(bar, "::after").transform).a;
}"""


def test_how_much_is_read_is_shown_without_a_script(page):
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(SHARE) == 0
    page.evaluate("() => scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    page.wait_for_function(f"() => ({SHARE})() > 0.9")
