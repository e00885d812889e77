"""The first page in a browser, and a stranger's way from it to an answer."""

import pytest
from test_paint import contrast

INDEX = "book/index.html"


IN_VIEW = """(one) => {
    const { top, bottom, height } = one.getBoundingClientRect();
    return height > 0 && top < innerHeight && bottom > 0;
}"""


@pytest.mark.parametrize(
    ("question", "second", "answer"),
    [
        (
            "Why does Adam need bias correction?",
            None,
            "An average whose weights sum to less than one is too small",
        ),
        ("How do I cite Adam's formula?", "#adam-update summary", "@misc{descent:adam-update,"),
        ("Is my Adam right?", None, "This is a misprint of Adam."),
        (
            "What do I change when I move from Keras to PyTorch?",
            None,
            "four things are to be set by hand",
        ),
    ],
)
def test_a_stranger_sees_the_answer_after_two_clicks_at_most(question, second, answer, open_page):
    page = open_page(INDEX, viewport={"width": 360, "height": 900})
    page.get_by_role("link", name=question.replace("'", "’")).click()
    page.wait_for_url(lambda url: not url.endswith("index.html"))
    if second:
        page.locator(second).click()
    found = page.locator("article").get_by_text(answer).first
    found.wait_for()
    page.wait_for_function(IN_VIEW, arg=found.element_handle())


def test_every_door_button_and_box_leads_somewhere(open_page, site):
    page = open_page(INDEX)
    inside = page.locator(":is(.front-doors, .family svg, .family ul) a")
    assert inside.count() > 30
    for address in set(inside.evaluate_all("all => all.map((one) => one.getAttribute('href'))")):
        path, _, anchor = address.partition("#")
        text = (site / "book" / path).resolve().read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in text
    buttons = page.locator(".front-buttons a").evaluate_all("all => all.map((one) => one.href)")
    assert len(buttons) == 3
    assert buttons[1].startswith("https://colab.research.google.com/github/")
    assert buttons[2].endswith(".pdf")


STEP = "() => Number(/step (\\d+)/.exec(document.querySelector('.race .clock').textContent)[1])"


PAUSE = f"""async () => {{
    const button = document.querySelector(".race button");
    if (button.textContent !== "Pause") button.click();  // a slow machine is late for the start
    while (({STEP})() < 3) await new Promise(requestAnimationFrame);
    button.click();
    return ({STEP})();
}}"""


def test_the_race_runs_and_is_paused(open_page):
    page = open_page(INDEX, viewport={"width": 1440, "height": 1100})
    page.wait_for_function(f"() => ({STEP})() > 2")
    stopped = page.evaluate(PAUSE)
    page.wait_for_timeout(300)
    assert page.evaluate(STEP) == stopped
    assert 2 < stopped < 100
    assert page.locator(".race").get_by_role("button", name="Run").is_visible()
    assert page.locator(".race .app > svg .run .line").count() == 4
    scripts = {url.rpartition("/")[2].partition("?")[0] for url in page.kept.requests}
    assert "race.js" in scripts
    assert not {"app.js", "export.js", "noise.js"} & scripts  # it has no controls
    assert all(url.startswith(("file:", "data:")) for url in page.kept.requests)


def test_where_motion_is_unwelcome_the_race_stands_at_its_end_until_it_is_asked(open_page):
    page = open_page(INDEX, reduced_motion="reduce", viewport={"width": 1440, "height": 1100})
    page.locator(".race .clock").wait_for()
    assert page.evaluate(STEP) == 100
    page.wait_for_timeout(300)
    assert page.evaluate(STEP) == 100
    assert page.locator(".race button").inner_text() == "Run again"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_race_and_family_are_seen(scheme, width, open_page):
    page = open_page(
        INDEX,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page.locator(".race .clock").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    lines = page.locator(".race .run .line")
    strokes = lines.evaluate_all("all => all.map((one) => getComputedStyle(one).stroke)")
    assert len(set(strokes)) == 4
    assert all(contrast(stroke, ground) >= 3 for stroke in strokes)
    assert page.locator(".family svg").is_visible() == (width > 720)
    assert page.locator(".family ul").is_visible() == (width <= 720)
    shown = ".family svg text" if width > 720 else ".family ul a"
    style = "(one) => getComputedStyle(one)[one.closest('svg') ? 'fill' : 'color']"
    assert contrast(page.locator(shown).first.evaluate(style), ground) >= 4.5


def test_a_chapters_head_says_where_it_stands(open_page):
    page = open_page("book/adam.html", viewport={"width": 1440, "height": 900})
    head = page.locator(".you-are-here")
    assert head.locator("summary").inner_text() == "You are here: Adam, after Momentum, RMSprop"
    head.locator("summary").click()
    assert head.locator("svg .here .name").all_text_contents() == ["Adam"]
    head.locator("svg a", has_text="NAdam").click()
    page.wait_for_url("**/adam-family.html#nadam-update")


def test_without_a_script_the_still_figure_stands_there(open_page):
    page = open_page(INDEX, java_script_enabled=False)
    assert page.locator(".race figure img").is_visible()
