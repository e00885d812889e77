"""The converter on the page *Conventions*: what a reader meets."""

import pytest
from test_paint import contrast

from descent.conventions import NoEquivalent, convert

PAGE = "book/conventions.html"


@pytest.fixture
def opened(open_page):
    """Return a function that opens the page at the converter."""

    def opened_at(**options):
        page = open_page(f"{PAGE}#converter", **options)
        page.locator(".converter .call").wait_for()
        return page

    return opened_at


@pytest.fixture(scope="module")
def asked(open_once):
    """Return the page for the tests that look at it, or ask it what is not allowed."""
    page = open_once(f"{PAGE}#converter")
    page.locator(".converter .call").wait_for()
    return page


def answer(page):
    return page.inner_text(".converter .answer")


def test_it_begins_with_keras_adam_and_says_why_pytorch_has_none(opened):
    page = opened()
    with pytest.raises(NoEquivalent) as refused:
        convert("keras.optimizers.Adam", "torch.optim.Adam")
    assert f"{refused.value}." in answer(page)
    assert "eps=1e-07" in page.inner_text(".converter pre")
    assert "32 times as long in the nearest" in answer(page)
    assert all(url.startswith(("file:", "data:")) for url in page.kept.requests)


def test_the_keyboard_alone_leads_to_a_call_that_is_copied(opened):
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("epsilon", exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("0")
    assert answer(page).startswith("The same steps, with torch.optim.Adam:")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # amsgrad
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.strip() == page.inner_text(".converter pre").strip()
    assert "amsgrad=True" in copied


def test_a_schedule_turns_momentum_away_from_keras(opened):
    page = opened()
    page.get_by_label("From", exact=True).select_option("torch")
    page.get_by_label("Optimiser").select_option("torch.optim.SGD")
    page.get_by_label("To", exact=True).select_option("keras")
    page.get_by_label("momentum").fill("0.9")
    assert answer(page).startswith("The same steps, with keras.optimizers.SGD:")
    page.get_by_label("the learning rate changes").check()
    assert "η stands outside the buffer in one" in answer(page)
    assert "schedule is the learning rate of torch.optim.SGD" in answer(page)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("beta_1", "1", "beta1 must be a number in [0, 1), got 1."),
        ("epsilon", "tiny", "Epsilon must be a number, None, or several in brackets, got 'tiny'."),
        ("epsilon", "", "Epsilon must be a number"),
        ("learning_rate", "-1", "lr must be a finite number of at least 0"),
        ("learning_rate", "<img src=x onerror=alert(1)>", "must be a number"),
    ],
)
def test_what_is_not_allowed_is_said_aloud(asked, field, text, said):
    page = asked
    entry = page.get_by_label(field, exact=True)
    before = entry.input_value()
    assert page.inner_text(".converter .alerts") == ""
    entry.fill(text)
    assert said in page.inner_text(".converter .alerts")
    assert page.get_attribute(".converter .alerts", "role") == "alert"
    assert answer(page) == "Not read."
    entry.fill(before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_seen_and_within_the_screen(asked, width, scheme):
    page = asked
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in (".verdict", "pre", "button", "label"):
        text, ground = page.locator(f".converter {part}").first.evaluate(
            """one => { const found = [getComputedStyle(one).color];
                for (let at = one; at; at = at.parentElement) {
                    const ground = getComputedStyle(at).backgroundColor;
                    if (!ground.endsWith(", 0)")) return [...found, ground];
                } }"""
        )
        assert contrast(text, ground) >= 4.5, part
    nameless = "(all) => all.filter((one) => !one.labels?.length && !one.textContent.trim()).length"
    controls = page.locator(".converter :is(input, select, button)")
    assert controls.evaluate_all(nameless) == 0


def test_without_script_it_names_the_function(open_page):
    page = open_page(PAGE, java_script_enabled=False)
    assert "descent.conventions.convert" in page.inner_text(".converter figure")
