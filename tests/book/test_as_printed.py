"""The LaTeX on the page is evaluated: the formulas of the update rules are right as printed.

Each formula of `tools.book.printed` is parsed and run beside its rule, over hostile gradients. So
that the comparison is known to see a misprint, each place of each formula is misprinted in turn.
"""

import re

import numpy as np
import pytest
from hostile import gradients

from descent import minimize
from descent.identify import latex
from descent.landscapes import Rosenbrock
from descent.rules import Adam, GradientDescent, Rule
from tools.book import printed

STEPS = 50
TOLERANCE = 1e-12
START = np.array([1.5, -0.5, 0.0, 2.0, -1.0, 0.7])
BOOK = printed.in_the_book()

updates = pytest.mark.parametrize("name", printed.UPDATES)


def disagreement(name, texts, steps=STEPS):
    """Return how far these formulas part from the rule of that name."""
    update = printed.UPDATES[name]
    shape = (6,) if update.rule.elementwise else (3, 2)
    return printed.disagreement(
        update, texts, START.reshape(shape), gradients(steps).reshape(steps, *shape)
    )


def texts_of(name):
    return [BOOK[one] for one in (name, *printed.UPDATES[name].needs)]


@updates
def test_an_update_rule_as_printed_visits_the_points_of_its_rule(name):
    assert disagreement(name, texts_of(name)) < TOLERANCE


@pytest.mark.parametrize("name", printed.SCHEDULES)
def test_a_schedule_as_printed_gives_the_rates_of_its_function(name):
    assert printed.rates_apart(name, BOOK[name], STEPS) < TOLERANCE


def gradient_descent(text):
    """Return the point that gradient descent as printed reaches, with the gradient as printed."""
    f = Rosenbrock()
    as_printed = latex.Evaluation(
        latex.statements(text),
        constants={},
        given={"eta": lambda t: 1e-3},
        starts={"x": np.array(f.start)},
        functions={"gradient": f.grad},
    )
    return as_printed.at("x", STEPS)


def test_gradient_descent_as_printed_takes_the_gradient_where_it_stands():
    f = Rosenbrock()
    run = minimize(f, f.start, GradientDescent(1e-3), STEPS)
    assert gradient_descent(BOOK["gd-update"]) == pytest.approx(run.x[STEPS], rel=TOLERANCE)
    with pytest.raises(ValueError, match="is given by itself"):
        gradient_descent(BOOK["gd-update"].replace("f(x_{t-1})", "f(x_t)"))


def test_every_formula_that_is_called_an_update_is_evaluated():
    assert {one for one in BOOK if one.endswith("-update")} <= printed.ids()


def test_what_is_evaluated_stands_in_the_book():
    assert printed.ids() <= set(BOOK)


# --- misprints ------------------------------------------------------------------------------------

MISPRINTS = {
    "the other sign for plus": (r"(?<!\w)\+(?!\s*1\})", "-"),
    "the other sign for minus": (r"(?<=\s)-(?=\s)", "+"),
    "a lost minus": (r"(?<=[=(&])\s*-\s", " "),
    "a lost hat": (r"\\hat ", ""),
    "a lost exponent": (r"\^(2|t\b|\{\\?,?t-s\})", ""),
    "another exponent": (r"\^2", "^3"),
    "a step too late": (r"(?<=[{])t-1(?=[}])", "t"),
    "a lost root": (r"\\sqrt(?=\{)", ""),
    "the other rate": (r"\\beta_1", r"\\beta_2"),
    "the other rate again": (r"\\beta_2", r"\\beta_1"),
    "the other extreme": (r"\\max", r"\\min"),
    "a lost maximum": (r"\\max\(([^,]*),[^)]*\)", r"\1"),
    "a lost epsilon": (r"\+ \\varepsilon", ""),
    "a lost sign": (r"\\operatorname\{sign\}", ""),
    "a lost step size": (r"\\eta_t", ""),
    "a lost half": (r"\\tfrac12 \\cdot", ""),
}


def misprinted(text):
    """Yield each misprint of a text, one place at a time."""
    for kind, (pattern, replacement) in MISPRINTS.items():
        for place in re.finditer(pattern, text):
            yield kind, text[: place.start()] + place.expand(replacement) + text[place.end() :]


def passes(compare, *arguments):
    """Return whether the comparison does not see that a formula is wrong."""
    try:
        with np.errstate(all="ignore"):
            return compare(*arguments) < 1e-6
    except ValueError:  # it cannot be read, or a letter is not defined: seen as well
        return False


@updates
def test_no_misprint_of_an_update_rule_passes(name):
    texts = texts_of(name)
    wrong = [
        (kind, text, [*texts[:i], text, *texts[i + 1 :]])
        for i, right in enumerate(texts)
        for kind, text in misprinted(right)
        if r"\nabla f(x_{t})" not in text  # the gradients are given here; see above
    ]
    assert len(wrong) >= 3
    assert [wrong[:2] for wrong in wrong if passes(disagreement, name, wrong[2], 20)] == []


@pytest.mark.parametrize("name", printed.SCHEDULES)
def test_no_misprint_of_a_schedule_passes(name):
    rate, *_ = BOOK[name].split(r"\qquad")  # what follows says for which t it holds
    wrong = list(misprinted(rate))
    assert wrong
    assert [text for _, text in wrong if passes(printed.rates_apart, name, text, STEPS)] == []


# --- the LaTeX that is understood ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"y = a \, b", 6),
        (r"y = \frac{a}{b}", 2 / 3),
        (r"y = \tfrac12 a", 1),
        (r"y = a (1 + b)", 8),
        (r"y = \sqrt{a + b}", 5**0.5),
        (r"y = \bigl( a + b \bigr)^2", 25),
        (r"y = \max(a, b) + \min(a, b)", 5),
        (r"y = \operatorname{sign}(-a) + |{-b}|", 2),
        (r"y = \sum_{s=1}^{t} a^{\,t-s}", 7),
        (r"y = \prod_{s=1}^{t} s", 6),
        (r"y = a^{\lfloor (t - 1)/b \rfloor}", 1),
        (r"y = 1 + \cos\frac{\pi (t - 1)}{a}", 0),
        (r"y = a \odot b", 6),
        (r"y = z + 1, \qquad z = a", 3),
        (r"y = a \quad \text{if } t > 2, \qquad y = b \quad \text{otherwise}", 2),
        (r"y = a \quad \text{if } t > 3, \qquad y = b \quad \text{otherwise}", 3),
        (r"\begin{aligned} y &= z_0 + \hat z, \\ \hat z &= b, z_0 = w_0 = a \end{aligned}", 5),
        (r"y = \frac{a - 2}{b - 3}", 0),
    ],
)
def test_latex_is_read_as_it_is_meant(text, value):
    run = latex.Evaluation(latex.statements(text), {"a": 2, "b": 3})
    assert run.at("y", 3) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("text", [r"x_t = \frac{a}{", r"|x| = a", r"x = \heartsuit", "x = a +"])
def test_other_latex_is_an_error(text):
    with pytest.raises(ValueError, match=r"cannot read|nothing printed"):
        latex.Evaluation(latex.statements(text), {"a": 1.0}).at("x", 1)


def test_a_name_that_is_given_by_itself_is_an_error():
    with pytest.raises(ValueError, match="is given by itself"):
        latex.Evaluation(latex.statements("x_t = x_t + 1"), {}).at("x", 1)


def test_a_formula_that_leaves_a_letter_open_is_an_error():
    update = printed.Update(Adam())
    with pytest.raises(ValueError, match=r"nothing printed gives ._hat at step 1"):
        printed.disagreement(update, [BOOK["adam-update"]], START, gradients(2))


def test_each_rule_of_an_update_is_one_of_ours():
    assert all(isinstance(update.rule, Rule) for update in printed.UPDATES.values())
