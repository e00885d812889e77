"""The playground computes what the package computes, and can be used by every hand."""

import dataclasses
import itertools
import json
import re
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import expect

from descent import rules
from descent.misprints import MISPRINTS
from tools.book import project
from tools.site import offered, playground

PAGE = "book/playground.html"
NAMES = offered.names()
LANDSCAPES = list(offered.PLACES)
JUST = (
    "landscape=quadratic&kappa=10&start=1,0.5&noise=0&seed=1&steps=40&run=gradient-descent,lr:0.1"
)
CHANGED = {
    "momentum": 0.5,
    "rho": 0.99,
    "beta1": 0.5,
    "beta2": 0.9,
    "eps": 1e-3,
    "weight_decay": 0.01,
    "eps1": 1e-6,
    "eps2": 0.01,
    "clip": 0.5,
    "eps_root": 1e-6,
}


DESKTOP = {"viewport": {"width": 1440, "height": 900}}


def live(page):
    """Return a page when each playground on it has started."""
    for box in page.locator(".playground").all():
        box.scroll_into_view_if_needed()
        box.locator(".app").wait_for()
    return page


@pytest.fixture
def desktop(open_page):
    return lambda address=PAGE, **options: live(open_page(address, **DESKTOP, **options))


@pytest.fixture(scope="module")
def computing(open_once):
    """Return a page for the tests that ask its functions and leave it as it is."""
    return live(open_once(PAGE, **DESKTOP))


@pytest.fixture(scope="module")
def linked(open_once):
    """Return a page for the tests that follow a link on it, as the fragment of its address."""
    return live(open_once(PAGE, **DESKTOP))


def settings(page):
    """Return what the link below the rules says now."""
    page.wait_for_timeout(500)  # the link follows once things stand still
    return playground.parse(page.get_attribute(".playground .link", "href").partition("#")[2])


# --- the same numbers -------------------------------------------------------------------------


def race(page, query):
    """Return settings as both sides read them, and the runs as the browser computes them."""
    return json.loads(
        page.evaluate(
            """(query) => {
                const { minimize, parse } = window.descentPlayground;
                const { settings, problems } = parse(query);
                const runs = settings.runs.map((run) => minimize(settings, run));
                return JSON.stringify({ problems, runs });
            }""",
            query,
        )
    )


def default_query(page, landscape, name):
    return page.evaluate(
        """([landscape, name]) => {
            const { defaults, defaultRun, format, LANDSCAPES } = window.descentPlayground;
            const runs = [defaultRun(name, LANDSCAPES[landscape])];
            return format({ ...defaults(landscape), runs });
        }""",
        [landscape, name],
    )


def other_query(query, name):
    """Return the query with every other hyper-parameter, three times the step size, and noise."""
    changed = {k: v for k, v in CHANGED.items() if k in offered.hyper(offered.raced()[name])}
    lr = float(re.search(r"lr:([^,&]+)", query)[1])
    run = ",".join([name, f"lr:{3 * lr:g}", *(f"{k}:{v}" for k, v in changed.items())])
    query = re.sub(r"run=.*", f"run={run}", query)
    return re.sub(r"noise=[^&]*&seed=\d+", "noise=0.3&seed=7", query)


def disagreement(ours, theirs):
    """Return the largest difference of two paths, relative to the distance travelled if that
    is more than 1."""
    return (np.abs(ours - theirs).max(axis=0) / travelled(theirs)).max()


def travelled(x):
    """Return the distance that a path travels along each coordinate, at least 1."""
    return np.maximum(np.abs(np.diff(x, axis=0)).sum(axis=0), 1)


def seen(x, f, g, states):
    """Return what there is of a path, by name, each with an entry a step."""
    return {"x": np.array(x), "f": np.array(f), "g": np.array(g), **states}


def of_the_browser(run, entries):
    """Return what the browser has of a path."""
    states = {e: np.array([[one[e] for one in both] for both in run["states"]]) for e in entries}
    return seen(run["x"], run["f"], run["g"], states)


def of_the_package(path, entries):
    """Return what the package has of a path."""
    each = {e: [np.ravel(getattr(state, e)) for state in path.states] for e in entries}
    states = {e: np.array([np.broadcast_to(one, 2) for one in all_]) for e, all_ in each.items()}
    return seen(path.x, path.f, path.g, states)


@dataclasses.dataclass
class Shaken:
    """A landscape whose gradients are off in their last digits, as on another processor."""

    f: object
    rng: np.random.Generator

    def __call__(self, x):
        return self.f(x)

    def grad(self, x):
        return self.f.grad(x) * (1 + 1e-15 * self.rng.standard_normal(2))


def sway(asked, rule, path):
    """Return how far last digits have carried what there is of a path, up to each step.

    Near its end Muon leaps to and fro across a minimum, and there the smallest difference grows.
    """
    theirs, most = of_the_package(path, rule.State._fields), {}
    for seed in range(5):
        shaken = Shaken(asked.f, np.random.default_rng(seed))
        other = dataclasses.replace(asked, f=shaken).run(rule)
        for name, values in of_the_package(other, rule.State._fields).items():
            off = np.maximum.accumulate(np.abs(values - theirs[name]).reshape(len(values), -1))
            most[name] = np.maximum(most.get(name, 0), off.max(axis=1))
    return most


def scale(what, theirs):
    """Return what a difference is compared with: the distance travelled, or the largest value."""
    if what == "x":
        return travelled(theirs).min()
    largest = np.abs(theirs).max()
    return largest if what == "g" else max(1.0, largest)


def differences(what, ours, theirs):
    """Return the relative difference at each step."""
    return np.abs(ours - theirs).reshape(len(theirs), -1).max(axis=1) / scale(what, theirs)


FIRST = 50
"""The steps in which last digits do not show, whatever the rule."""


@pytest.mark.parametrize(
    ("landscape", "names"),
    [
        *((landscape, NAMES) for landscape in LANDSCAPES),
        ("quadratic", [*offered.VARIANTS, *MISPRINTS]),
    ],
)
def test_every_rule_visits_the_points_of_the_package(computing, landscape, names, report):
    page, worst, steps, swayed = computing, {}, 0, set()
    for name in names:
        default = default_query(page, landscape, name)
        for query in (default, other_query(default, name)):
            raced, asked = race(page, query), playground.parse(query)
            assert raced["problems"] == []
            assert asked.steps == 200
            path, (rule,) = asked.run(asked.rules[0]), asked.rules
            (run,) = raced["runs"]
            ours = of_the_browser(run, rule.State._fields)
            theirs = of_the_package(path, rule.State._fields)
            assert len(run["x"]) == len(path.x)
            off = {what: differences(what, ours[what], theirs[what]) for what in theirs}
            assert all(one[:FIRST].max() <= 1e-9 for one in off.values()), (query, off)
            largest = np.max([one.max() for one in off.values()])
            if not largest <= 1e-9:  # or it is no number
                carried = sway(asked, rule, path)
                for what, one in off.items():
                    allowed = 1e-9 + 100 * carried[what] / scale(what, theirs[what])
                    assert np.all(one <= allowed), (query, what)
                swayed.add(name)
            else:
                worst[name, query] = largest
            steps += path.steps
    (name, _), largest = max(worst.items(), key=lambda item: item[1])
    report(
        f"{landscape}: {len(worst)} runs, {steps} steps, largest difference {largest:.1e} ({name});"
        f" last digits carry away {swayed or 'none'}"
    )
    assert swayed <= {"muon"}


def test_the_noise_is_that_of_the_package(computing):
    pairs = list(itertools.product((0, 1, 7, 999_999), (1, 2, 57, 1000)))
    drawn = computing.evaluate(
        "(pairs) => pairs.map((p) => window.descentPlayground.normal(...p))", pairs
    )
    assert np.allclose(drawn, [playground.normal(*pair) for pair in pairs], rtol=1e-12, atol=1e-12)


def test_every_rule_is_offered_with_the_defaults_of_the_package(computing):
    told = computing.evaluate(
        """() => Object.fromEntries(
            Object.values(window.descentPlayground.RULES).map((rule) => [rule.name, rule.hyper]))"""
    )
    assert list(told) == [*NAMES, *offered.VARIANTS, *MISPRINTS]
    for name, hyper in told.items():
        raced = offered.raced()[name]
        ours = {field.name: field.default for field in dataclasses.fields(raced)}
        del ours["lr"]
        ours.pop("multiplier", None)  # AdamW's schedule, which the playground leaves at 1
        assert hyper == ours


@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_a_landscape_has_the_window_the_minimum_and_the_levels_of_the_package(computing, landscape):
    theirs = computing.evaluate(
        "(n) => { const l = window.descentPlayground.LANDSCAPES[n];"
        " return [l.window, l.minimizer, l.levels]; }",
        landscape,
    )
    f, levels = offered.landscape(landscape, 20.0), offered.PLACES[landscape]["levels"]
    assert theirs[0] == [list(side) for side in f.window]
    assert theirs[1] == f.minimizer.tolist()
    assert theirs[2] == levels


def test_level_lines_lie_where_the_function_has_that_value(desktop):
    """On the round bowl the level line f = 4^k is a circle; so are the ones drawn."""
    page = desktop(PAGE + "#" + JUST.replace("kappa=10", "kappa=1"))
    box = page.evaluate(
        """() => [...document.querySelectorAll('.playground .levels path')].map((path) => {
            const { width, height } = path.getBBox();
            return [width, height];
        })"""
    )
    frame = page.evaluate("document.querySelector('.playground .frame').getBBox().width")
    first, last = offered.PLACES["quadratic"]["levels"]
    radii = [(2 * 4.0**k) ** 0.5 for k in range(first, last + 1)]
    for (width, height), radius in zip(box, radii, strict=True):
        if radius < 3:
            assert abs(width - 2 * radius * frame / 6) < 0.5
            assert abs(height - 2 * radius * frame / 6) < 0.5


def test_every_schedule_makes_the_steps_of_the_package(desktop):
    page = desktop()
    for shape, steps in itertools.product(offered.SHAPES, (1, 2, 50)):
        query = (
            f"landscape=beale&start=1,1.5&noise=0&seed=1&steps={steps}"
            f"&run=adam,lr:0.1,schedule:{shape}&run=gradient-descent,lr:0.01,schedule:{shape}"
        )
        raced, asked = race(page, query), playground.parse(query)
        assert raced["problems"] == []
        for ours, rule in zip(raced["runs"], asked.rules, strict=True):
            assert disagreement(np.array(ours["x"]), asked.run(rule).x) <= 1e-9, query


# --- a function of the reader's own -----------------------------------------------------------

BAD = {
    "": "At character 1: something is missing at the end",
    "x^": "At character 3: something is missing at the end",
    "sin": "At character 1: sin needs parentheses, as in sin(x)",
    "x y": "At character 3: a sign is missing before “y”; a product is written with *",
    "2(x+y)": "At character 2: a sign is missing before “(”",
    "x + zeta": "At character 5: “zeta” is not known",
    "1/0 + x": "At character 2: this is no finite number",
    "log(-1)": "At character 1: this is no finite number",
    "x * 1e999": "At character 5: this is no finite number",
    "(x + 1": "At character 7: “)” is missing at the end",
    "x)": "At character 2: “)” cannot stand here",
    "min(x)": "At character 6: “,” is missing before “)”",
    "sin(x, y)": "At character 6: “)” is missing before “,”",
    "x = y": "At character 3: “=” cannot stand here",
    "x.constructor": "At character 2: “.” cannot stand here",
    "constructor(x)": "At character 1: “constructor” is not known",
    "alert(1)": "At character 1: “alert” is not known",
    "(" * 500: "At character 501: something is missing at the end",
    "x" * 10_000: "f(x, y) may have 500 characters, not 10000.",
}
GOOD = {
    "x − y": lambda x, y: x - y,
    "x**2 + y²": lambda x, y: x**2 + y**2,
    "-x^2": lambda x, y: -(x**2),
    "2^-x^2": lambda x, y: 2 ** (-(x**2)),
    "x^2^3": lambda x, y: x**8,
    "1 - x - y": lambda x, y: 1 - x - y,
    "x/2/y": lambda x, y: x / 2 / y,
    "π × x₁ ÷ x2": lambda x, y: np.pi * x / y,
    "（x＋1）·(y + .5)": lambda x, y: (x + 1) * (y + 0.5),
    "x^y": lambda x, y: x**y,
    "sin(x)*cos(y) + tan(x/3)": lambda x, y: np.sin(x) * np.cos(y) + np.tan(x / 3),
    "exp(-x)*ln(y) - log(x + y)": lambda x, y: np.exp(-x) * np.log(y) - np.log(x + y),
    "sqrt(x^2 + y^2)": lambda x, y: np.hypot(x, y),
    "abs(x - y) * tanh(x)": lambda x, y: abs(x - y) * np.tanh(x),
    "max(x, 2*y) - min(x^2, y)": lambda x, y: np.maximum(x, 2 * y) - np.minimum(x**2, y),
    "(" * 240 + "x" + ")" * 240: lambda x, y: x,
}


def test_a_function_that_is_wrong_is_refused_with_the_place_and_what_is_allowed(computing):
    told = computing.evaluate(
        """(texts) => texts.map((text) => {
            try { window.descentPlayground.expression.parse(text); return null; }
            catch (error) { return error.message; }
        })""",
        list(BAD),
    )
    for (text, wanted), message in zip(BAD.items(), told, strict=True):
        assert message.startswith(wanted), text
        assert len(text) > 500 or "Allowed are x and y, numbers, pi and e, + - * / ^" in message


def test_a_function_and_its_derivatives_are_right_in_both_forms(computing):
    """The page's are by forward mode, the cell's are written out, these are by differences."""
    points = [[0.7, 1.9], [1.3, 0.4], [2.1, 0.9]]
    told = computing.evaluate(
        """([texts, points]) => texts.map((text) => {
            const { expression, inPython, ownDefaults, ownPlace } = window.descentPlayground;
            const tree = expression.parse(text);
            const duals = points.map((point) => expression.dual(tree, point));
            const cell = inPython(ownDefaults(ownPlace(text, [-3, 3])));
            return [duals, points.map(([x, y]) => expression.evaluate(tree, x, y)), cell];
        })""",
        [list(GOOD), points],
    )
    for (text, f), (duals, values, cell) in zip(GOOD.items(), told, strict=True):
        made = {"np": np}
        exec(cell[cell.index("def f") : cell.index("start =")], made)
        for (x, y), dual, value in zip(points, duals, values, strict=True):
            h = 1e-5
            slopes = [(f(x + h, y) - f(x - h, y)) / 2 / h, (f(x, y + h) - f(x, y - h)) / 2 / h]
            assert np.allclose([dual["value"], value], f(x, y), rtol=1e-13, atol=0), text
            assert np.allclose(dual["d"], slopes, rtol=1e-7, atol=1e-8), text
            at = np.array([x, y])
            assert np.isclose(made["f"](at), value, rtol=1e-13, atol=0), text
            assert np.allclose(made["slope"](at), dual["d"], rtol=1e-12, atol=0), text


ODD = [
    "3",
    "x",
    "1/x",
    "sqrt(x)",
    "log(x^2 + y^2)",
    "exp(exp(x*x))",
    "abs(tan(x))^(2^y)",
    "x^0.5*y",
]


def test_plateaus_poles_and_edges_are_drawn_without_a_number_that_is_none(desktop):
    page = desktop()
    for text in ODD:
        page.goto(f"{page.url.partition('#')[0]}#landscape=own&f={quote(text)}&axes=-3,3")
        page.wait_for_function(f"() => document.querySelector('[name=f]')?.value === '{text}'")
        assert page.locator(".alerts p").count() == 0, text
        assert not re.search("NaN|Infinity", page.locator(".plots").inner_html()), text
        assert page.locator(".plots .marker").count() == 8, text
    page.goto(f"{page.url.partition('#')[0]}#landscape=own&f=sqrt(x)&axes=-3,3&start=-1,0")
    page.get_by_text("no finite slope at the start").first.wait_for()
    page.goto(f"{page.url.partition('#')[0]}#landscape=own&f=sqrt(x-9)&axes=-3,3")
    page.get_by_text("f(x, y) has no finite value on the axes from -3 to 3.").wait_for()


def test_a_link_holds_a_function_whatever_is_in_it(desktop):
    text = "max(x+1, 2*y) ^ 2 + 100 % 3"
    page = desktop(f"{PAGE}#landscape=own&f={quote(text)}")
    assert "“%” cannot stand here" in page.inner_text(".alerts")
    field = page.locator("[name=f]")
    field.fill("max(x+1, 2*y) ^ 2  # & <b>")
    field.press("Enter")
    assert "At character 20: “#” cannot stand here" in page.inner_text(".alerts")
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("max(x+1, 2*y) ^ 2")
    page.locator("[name=to]").fill("5")
    page.locator("[name=to]").press("Enter")
    page.wait_for_timeout(500)
    assert page.inner_text(".alerts") == ""
    assert "f=max(x%2B1%2C%202*y)%20%5E%202&axes=-3,5" in page.url
    again = desktop(page.url)
    assert again.input_value("[name=f]") == "max(x+1, 2*y) ^ 2"
    assert drawing(again) == drawing(page)
    whole = quote("landscape=saddle&run=adam,lr:0.2", safe="")
    again.goto(f"{again.url.partition('#')[0]}#{whole}")  # as some mailers write it
    assert settings(again).rules[0].lr == 0.2


# --- switches ---------------------------------------------------------------------------------


def test_a_switch_of_adam_takes_the_form_that_the_package_has(desktop):
    page = desktop(f"{PAGE}#landscape=saddle&start=2,0.1&run=adam,lr:0.2,eps:1e-3,schedule:cosine")
    place = page.get_by_label("Place of ε")
    place.select_option("inside the root")
    assert place.evaluate("(one) => one === document.activeElement")
    (rule,) = settings(page).rules
    assert (type(rule).__name__, rule.eps, rule.eps_root) == ("OptaxAdam", 0, 1e-3)
    page.get_by_label("Bias correction").select_option("of neither average")
    (rule,) = settings(page).rules
    assert rule == MISPRINTS["adam-no-correction"](lr=rule.lr, eps=1e-3)
    assert rule.lr(1) == 0.2
    assert place.input_value() == "adam"
    place.select_option("beside √v, before the correction")
    assert type(settings(page).rules[0]).__name__ == "KerasAdam"
    page.get_by_label("Rule 1", exact=True).select_option("momentum")
    assert place.count() == 0
    assert settings(page).rules[0].lr.steps == 200  # the schedule stays


# --- a link is a picture ----------------------------------------------------------------------


def drawing(page):
    return page.eval_on_selector_all(
        ".playground .run, .playground .marker, .playground .state tr",
        "all => all.map(one => one.outerHTML)",
    )


def test_the_address_follows_and_opens_exactly_the_same_picture(desktop):
    page = desktop()
    assert "#" not in page.url  # the address is left alone until something changes
    page.select_option("[name=landscape]", "rosenbrock")
    page.get_by_label("η of Adam", exact=True).fill("0.23")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="One step back").click()
    page.get_by_role("button", name="Add a rule").click()
    page.wait_for_timeout(500)
    said = page.url.partition("#")[2]
    assert playground.parse(said).rules[3] == rules.get("adam", lr=0.23)
    again = desktop(f"{PAGE}#{said}")
    assert again.locator(".alerts p").count() == 0
    assert drawing(again) == drawing(page)
    again.goto(again.url.replace("lr:0.23", "lr:0.5"))  # the fragment alone: no reload
    assert settings(again).rules[3].lr == 0.5


def test_a_link_to_a_place_on_the_page_is_no_setting(desktop):
    page = desktop(f"{PAGE}#what-to-try")
    assert page.locator(".alerts p").count() == 0
    assert page.url.endswith("#what-to-try")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("landscape=volcano", "There is no landscape “volcano”."),
        ("run=newton,lr:1", "There is no rule “newton”."),
        ("run=adam,lr:-1", "η of Adam must be a number above 0, not “-1”."),
        ("run=adam,beta1:1", "β₁ of Adam must be a number of at least 0 and below 1"),
        ("run=adam,eps:tiny", "ε of Adam must be a number of at least 0, not “tiny”."),
        ("run=adadelta,eps:0", "ε of Adadelta must be a number above 0"),
        ("run=nadam,beta2:0", "β₂ of NAdam must be a number above 0 and below 1"),
        ("run=nadam,beta2:1", "β₂ of NAdam must be a number above 0 and below 1"),
        ("run=adam,momentum:0.5", "Adam has no “momentum”."),
        ("run=adam&run=" + "&run=".join(["adam"] * 6), "At most 6 rules race"),
        ("steps=0", "number of steps must be a whole number from 1 to 1000"),
        ("steps=1e9", "number of steps must be a whole number from 1 to 1000"),
        ("t=999", "t must be a whole number from 0 to 200"),
        ("start=9,9", "x₁ of the start must be a number from -3 to 3"),
        ("start=1", "x₂ of the start must be"),
        ("noise=-1", "noise σ must be a number from 0 to 100"),
        ("kappa=0", "κ must be a number from 1 to 1000"),
        ("colour=red", "There is no setting “colour”."),
        ("run=<img src=x onerror=alert(1)>", "There is no rule “<img src=x onerror=alert(1)>”."),
    ],
)
def test_what_a_link_may_not_hold_is_said_and_the_rest_is_shown(linked, part, message):
    linked.goto(f"{linked.url.partition('#')[0]}#{JUST}")
    linked.wait_for_function("() => !document.querySelector('.alerts').textContent")
    linked.goto(f"{linked.url.partition('#')[0]}#{part}")
    expect(linked.locator(".alerts")).to_contain_text(message)
    assert linked.locator(".alerts").is_visible()
    assert linked.locator(".playground .run").count() > 0
    assert settings(linked).rules


def test_what_a_link_may_not_hold_is_said_when_the_page_is_opened_by_it(desktop):
    page = desktop(f"{PAGE}#run=<img src=x onerror=alert(1)>")
    assert "There is no rule “<img src=x onerror=alert(1)>”." in page.inner_text(".alerts")
    assert page.locator(".playground .run").count() > 0


# --- mouse, touch, keyboard -------------------------------------------------------------------


def middle(page, selector):
    box = page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_mouse_drags_the_start(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    before = drawing(page)
    x, y = middle(page, ".handle")
    unit = page.locator(".frame").first.bounding_box()["width"] / 6
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + unit / 2, y - unit / 2, steps=5)
    page.mouse.move(x + unit, y - unit, steps=5)
    page.mouse.up()
    assert np.allclose(settings(page).start, [2.0, 1.5], atol=0.02)
    assert drawing(page) != before
    assert page.get_by_label("x₁ of the start").input_value() == str(settings(page).start[0])


def test_a_drag_beyond_the_picture_stays_in_it(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    page.mouse.move(*middle(page, ".handle"))
    page.mouse.down()
    page.mouse.move(1400, 5, steps=5)
    page.mouse.up()
    assert settings(page).start.tolist() == [3.0, 3.0]


def test_a_click_puts_the_start_there(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    page.mouse.click(*middle(page, ".playground .frame"))
    assert np.allclose(settings(page).start, [0.0, 0.0], atol=0.02)


def test_a_finger_drags_the_start_and_does_not_scroll(open_page):
    page = open_page(
        f"{PAGE}#{JUST}", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    page.wait_for_selector(".playground .app")
    page.locator(".plots svg").first.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    x, y = middle(page, ".handle")
    unit = page.locator(".frame").first.bounding_box()["width"] / 6
    touch = page.context.new_cdp_session(page)

    def send(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    for share in (0.25, 0.5, 0.75, 1.0):
        send("touchMove", {"x": x - share * unit, "y": y + share * unit})
    send("touchEnd")
    assert np.allclose(settings(page).start, [0.0, -0.5], atol=0.05)
    assert page.evaluate("scrollY") == scrolled
    page.touchscreen.tap(x, y)
    assert np.allclose(settings(page).start, [1.0, 0.5], atol=0.05)


def test_the_arrow_keys_move_the_start(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    page.locator(".handle").focus()
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowUp"):
        page.keyboard.press(key)
    assert np.allclose(settings(page).start, [0.94, 0.5 + 0.06 + 0.6])
    assert page.get_attribute(".handle", "aria-valuetext") == "x₁ = 0.94, x₂ = 1.16"


def test_the_tab_key_reaches_every_control_and_shows_where_it_is(desktop):
    page = desktop(PAGE)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('.playground .app :is(button, input, select, a, '
            + 'summary, [tabindex])')].filter((e) => !e.disabled && e.checkVisibility()).length"""
    )
    page.locator("select[name=landscape]").focus()
    reached = 1
    while reached < wanted + 5:
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const at = document.activeElement;
                if (!at.closest('.playground .app')) return null;
                const ring = at.querySelector('.ring');
                const look = getComputedStyle(ring || at);
                const width = parseFloat(ring ? look.strokeWidth : look.outlineWidth);
                const box = at.getBoundingClientRect();
                const onTop = document.elementFromPoint(
                    box.x + box.width / 2, box.y + box.height / 2);
                return { width, hidden: !at.contains(onTop) };
            }"""
        )
        if seen is None:
            break
        assert seen["width"] >= 3
        assert not seen["hidden"]
        reached += 1
    assert reached == wanted


def test_all_of_it_is_done_by_keyboard_alone(desktop):
    page = desktop(PAGE)

    def tab_to(selector, back=False):
        for _ in range(60):
            page.keyboard.press("Shift+Tab" if back else "Tab")
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"no key leads to {selector}")

    page.locator(".bd-article h1").click()  # the keyboard begins at the top of the page
    tab_to("[name=landscape]")
    page.keyboard.press("End")
    tab_to("[name=f]")
    page.keyboard.press("Control+A")
    page.keyboard.type("x^2 + 3*y^2")
    tab_to("[name=to]")
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    tab_to(".handle")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.spoken').innerText.includes('After')")
    start = page.get_attribute(".handle", "aria-valuenow")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    stopped = clock(page)
    tab_to(".field.wide select")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(600)
    assert "f=x%5E2%20%2B%203*y%5E2&axes=-3,4" in page.url
    assert "schedule:linear" in page.url
    assert page.inner_text(".spoken").startswith(f"After {stopped} steps. ")
    assert float(start) == pytest.approx(-3 + 7 * 3 / 24 + 0.07, abs=1e-2)
    assert page.get_attribute(".spoken", "role") == "status"


def held_back(page, pattern):
    """Return the list of the requests of a page that fit a pattern; none of them is answered."""
    waiting = []
    page.route(pattern, lambda route: waiting.append(route))
    return waiting


def test_the_still_figure_stands_there_until_the_scripts_have_come(browser, site):
    context = browser.new_context(viewport={"width": 360, "height": 740})
    for address, script in ((PAGE, "app.js"), ("book/index.html", "race.js")):
        page = context.new_page()
        waiting = held_back(page, f"**/{script}*")
        page.goto(f"{site.as_uri()}/{address}", wait_until="commit")
        still = page.locator(".playground figure img").first
        still.wait_for()
        page.wait_for_function(
            "(one) => one.complete && one.naturalWidth", arg=still.element_handle()
        )
        assert still.get_attribute("fetchpriority") == "high"
        assert still.get_attribute("loading") is None
        assert page.locator(".playground .app").count() == 0
        while not waiting:
            page.wait_for_timeout(50)
        waiting[0].continue_()
        page.locator(".playground .app").wait_for()
        assert not still.is_visible()
        assert len(waiting) == 1
    context.close()


def test_the_arrow_keys_move_a_slider_and_the_field_follows(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    page.get_by_label("η of Gradient descent, slider").focus()
    for _ in range(40):  # a decade
        page.keyboard.press("ArrowLeft")
    assert page.get_by_label("η of Gradient descent", exact=True).input_value() == "0.01"
    assert settings(page).rules[0].lr == 0.01


def test_a_number_that_is_not_allowed_is_refused_aloud(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    field = page.get_by_label("η of Gradient descent", exact=True)
    field.fill("zero")
    field.press("Enter")
    assert "must be a number above 0, not “zero”. 0.1 stays." in page.inner_text(".alerts")
    assert field.get_attribute("aria-invalid") == "true"
    assert settings(page).rules[0].lr == 0.1
    field.fill("0.05")
    field.press("Enter")
    assert page.inner_text(".alerts") == ""
    assert field.get_attribute("aria-invalid") is None
    assert settings(page).rules[0].lr == 0.05


# --- time -------------------------------------------------------------------------------------


def clock(page):
    return int(
        re.match(r"t = (\d+)", page.input_value(".transport input") and page.inner_text(".clock"))[
            1
        ]
    )


def test_one_can_step_jump_play_and_pause(desktop):
    page = desktop(f"{PAGE}#{JUST}")
    press = lambda name: page.get_by_role("button", name=name).click()  # noqa: E731
    press("To the start")
    assert clock(page) == 0
    press("One step on")
    press("One step on")
    press("One step back")
    assert clock(page) == 1
    press("Play")
    page.wait_for_function("parseInt(document.querySelector('.clock').value.slice(4)) > 2")
    press("Pause")
    stopped = clock(page)
    page.wait_for_timeout(600)
    assert clock(page) == stopped
    press("To the end")
    assert clock(page) == 40
    press("One step back")
    press("Play")
    page.wait_for_function("document.querySelector('.clock').value.startsWith('t = 40 ')")
    page.get_by_role("button", name="Play").wait_for()


def test_with_reduced_motion_the_race_is_a_few_still_pictures(desktop):
    page = desktop(f"{PAGE}#{JUST}", reduced_motion="reduce")
    page.get_by_role("button", name="Play").click()
    times = {clock(page)}
    for _ in range(12):
        page.wait_for_timeout(100)
        times.add(clock(page))
    assert times <= {0, 4, 8}


def test_what_is_said_aloud_is_where_each_rule_has_come(desktop):
    page = desktop(f"{PAGE}#{JUST}&run=adam,lr:0.1")
    page.wait_for_timeout(500)
    asked = settings(page)
    said = page.text_content("[role=status]").replace("−", "-")
    assert said.startswith("After 40 steps. Gradient descent, η = 0.1: x = (")
    for rule in asked.rules:
        assert f"{asked.run(rule).x[-1][0]:.2g}"[:4] in said


def test_a_run_that_overflows_stops_and_says_so(desktop):
    page = desktop(f"{PAGE}#{JUST.replace('steps=40', 'steps=1000').replace('lr:0.1', 'lr:3')}")
    asked = playground.parse(page.url.partition("#")[2])
    last = asked.run(asked.rules[0]).steps
    assert last < 1000
    assert f"overflowed after step {last}" in page.inner_text(".legend")


def test_the_table_holds_the_last_step_of_the_package(desktop):
    page = desktop(f"{PAGE}#{JUST.replace('gradient-descent', 'adam')}&t=3")
    asked = playground.parse(page.url.partition("#")[2])
    path, rule = asked.run(asked.rules[0]), asked.rules[0]
    head = page.locator(".state thead tr").inner_text().split("\t")
    cells = page.locator(".state tbody tr").nth(1).inner_text().replace("−", "-").split("\t")
    row = dict(zip(head, cells, strict=True))
    state = path.states[3]
    expected = {
        "x before": path.x[2][0],
        "g": path.g[2][0],
        "m": state.m[0],
        "v": state.v[0],
        "m̂": state.m[0] / (1 - rule.beta1**3),
        "v̂": state.v[0] / (1 - rule.beta2**3),
        "step": path.x[3][0] - path.x[2][0],
        "x": path.x[3][0],
    }
    assert {key: float(row[key]) for key in expected} == pytest.approx(expected, rel=6e-3)


# --- the page ---------------------------------------------------------------------------------


def test_without_script_a_still_figure_with_words_stands_there(open_page):
    page = open_page(PAGE, java_script_enabled=False)
    image = page.locator(".playground figure img")
    assert image.is_visible()
    assert len(image.get_attribute("alt")) > 40
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    assert page.locator(".playground .app").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_nothing_moves_when_the_script_comes(open_page, width, scheme):
    page = open_page(PAGE, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.wait_for_selector(".playground .app")
    shift = page.evaluate(
        """() => new Promise((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((e) => (sum += e.value)))
                .observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => resolve(sum), 500);
        })"""
    )
    assert shift < 0.05
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_attribute("html", "data-theme") == scheme
    text, ground = page.evaluate(
        "['.axes text', 'body'].map((s, i) => getComputedStyle(document.querySelector(s))"
        "[i ? 'backgroundColor' : 'fill'])"
    )
    assert contrast(text, ground) >= 4.5


def contrast(one, other):
    """Return the contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour):
        channels = np.array([float(c) for c in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_control_has_a_name(computing):
    nameless = computing.evaluate(
        """() => [...document.querySelectorAll('.playground :is(input, select, button)')]
            .filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent.trim())
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []


EMBEDDED = [
    page
    for page in project.pages()
    if "{playground}" in page.read_text(encoding="utf-8") and page.stem != "playground"
]


@pytest.mark.parametrize("chapter", EMBEDDED, ids=lambda page: page.stem)
def test_a_chapter_holds_a_playground_with_its_own_settings(desktop, chapter):
    page = desktop(f"book/{chapter.stem}.html")
    queries = page.eval_on_selector_all(".playground", "all => all.map(e => e.dataset.settings)")
    page.wait_for_timeout(500)
    links = page.eval_on_selector_all(".playground .link", "all => all.map(e => e.href)")
    assert queries
    assert page.locator(".alerts p").count() == 0
    for query, link in zip(queries, links, strict=True):
        address, _, said = link.partition("#")
        assert address.endswith(PAGE)
        assert playground.parse(said).rules == playground.parse(query).rules
    assert "#" not in page.url  # a chapter's address stays the chapter's
    page.locator(".handle").first.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(500)
    assert "#" not in page.url


def test_the_site_holds_a_playground_in_the_chapters_where_motion_teaches():
    assert {"gradient-descent", "momentum", "rmsprop", "adam"} <= {page.stem for page in EMBEDDED}


def test_nothing_is_asked_of_another_host(computing):
    computing.wait_for_load_state("networkidle")
    assert all(url.startswith(("file:", "data:")) for url in computing.kept.requests)


# --- taken along ------------------------------------------------------------------------------

TAKEN = [
    JUST,
    "landscape=himmelblau&start=0,0&steps=60&run=adam,lr:0.3&run=muon,lr:0.05&run=lion,lr:0.02",
    "landscape=rosenbrock&start=-1.2,1&noise=0.5&seed=7&steps=50&run=adam,lr:0.05,eps:1e-7&run=muon",
    "landscape=quadratic&kappa=20&start=1,1&steps=100&run=gradient-descent,lr:9",
    "landscape=beale&start=1,1.5&steps=60&run=adam-frozen-t,lr:0.1&run=adam-no-correction,lr:0.1",
    "landscape=beale&start=1,1.5&steps=61&run=adam-keras,lr:0.1,schedule:cosine"
    "&run=muon,lr:0.1,schedule:step&run=adam-optax,lr:0.1,eps:0,eps_root:1e-4,schedule:warm-up",
    *(
        f"landscape=own&f={quote(f)}&axes=-2,2&noise={noise}&steps=50&start=1.1,-0.7"
        "&run=adam,lr:0.05&run=momentum,lr:0.001,schedule:linear"
        for f, noise in [("100*(y - x^2)^2 + (1 - x)²", 0), ("max(abs(x), 10*abs(y)) / e", 0.5)]
    ),
]


@pytest.mark.parametrize("query", TAKEN)
def test_the_cell_of_python_gives_the_same_numbers(query, computing, capsys):
    raced = race(computing, query)
    cell = computing.evaluate(
        """(query) => {
            const { inPython, parse } = window.descentPlayground;
            return inPython(parse(query).settings);
        }""",
        query,
    )
    made = {}
    exec(cell, made)
    assert len(capsys.readouterr().out.splitlines()) == len(raced["runs"])
    for theirs, ours in zip(made["runs"], raced["runs"], strict=True):
        assert disagreement(np.array(ours["x"]), theirs.x.reshape(-1, 2)) <= 1e-9
    assert max(map(len, cell.splitlines())) < 160
    assert all(path.steps > 0 for path in made["runs"])


def test_the_picture_is_saved_as_svg_that_needs_no_style_sheet(desktop):
    page = desktop()
    with page.expect_download() as kept:
        page.get_by_role("button", name="Save as SVG").click()
    assert kept.value.suggested_filename == "race.svg"
    text = kept.value.path().read_text(encoding="utf-8")
    tree = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    lines = [one for one in tree.iter(f"{space}path") if one.get("stroke-width") == "2px"]
    assert len({one.get("stroke") for one in lines}) == 4
    assert all(one.get("fill") == "none" for one in lines)
    assert "landscape=quadratic" in tree.find(f"{space}desc").text
    assert not re.search(r"class=|tabindex|var\(", text)
