"""The formulas of the update rules, parsed from the page and run beside the package."""

import re

import hostile
import numpy as np
import pytest

from descent import rules
from descent.conventions import framework_rule
from tools import latex, myst, project, verified

STEPS, LR = 50, hostile.dropping(0.1, at=25)
LETTERS = {
    "momentum": "mu",
    "rho": "rho",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "eps": "varepsilon",
    "weight_decay": "lambda",
}
FORMULAS = {formula.id: formula for page in project.pages() for formula in myst.formulas(page)}


def as_printed(rule, *ids):
    """Return the case that the formulas of these ids together print this rule."""
    return pytest.param(rule, [FORMULAS[name].latex for name in ids], id=ids[-1])


# A rule to a line, with every formula that it takes to state it.
RULES = [
    as_printed(rules.GradientDescent(LR), "gd-update"),
    as_printed(rules.Momentum(LR, 0.8), "momentum-update"),
    as_printed(framework_rule("torch.optim.SGD", lr=LR, momentum=0.8), "momentum-outside"),
    as_printed(rules.Nesterov(LR, 0.8), "nesterov-update"),
    as_printed(rules.AdaGrad(LR, 1e-3), "adagrad-update"),
    as_printed(rules.RMSprop(LR, 0.7), "rmsprop-update"),
    as_printed(rules.CenteredRMSprop(LR, 0.7, 0.8, 1e-3), "rmsprop-centered"),
    as_printed(rules.Adadelta(1.0, 0.7, 1e-3), "adadelta-update"),
    as_printed(
        rules.Adam(LR, 0.8, 0.9, 1e-3), "adam-moments", "adam-bias-correction", "adam-update"
    ),
    as_printed(rules.AdaMax(LR, 0.8, 0.9), "adamax-update"),
    as_printed(rules.NAdam(LR, 0.8, 0.9, 1e-3), "nadam-update"),
    as_printed(rules.AMSGrad(LR, 0.8, 0.9), "amsgrad-update"),
    as_printed(
        rules.AdamW(0.1, 0.8, 0.9, 1e-3, 0.05, hostile.dropping(1.0, at=25)),
        "adam-moments",
        "adam-bias-correction",
        "adamw-update",
    ),
    as_printed(rules.RAdam(LR, 0.8, 0.9), "adam-moments", "adam-bias-correction", "radam-update"),
    as_printed(rules.Lion(LR, 0.8, 0.9, 0.05), "lion-update"),
]


def run(rule, gradients):
    """Return what the package computes: x and its state by letter, each step in a row."""
    x = np.zeros(gradients.shape[1])
    state, rows = rule.init(x), []
    for g in gradients:
        x, state = rule.update(x, g, state)
        rows.append({"x": x} | dict(zip(state._fields, state, strict=True)))
    return {letter: np.array([row[letter] for row in rows]) for letter in rows[0]}


def printed(rule, formulas, gradients):
    """Return the run of the same rule as its formulas print it."""
    hyper = {letter: getattr(rule, name) for name, letter in LETTERS.items() if hasattr(rule, name)}
    scheduled = hasattr(rule, "multiplier")  # AdamW: the schedule is η, the rate α a constant
    rate = (lambda t: rules.at(rule.multiplier, t)) if scheduled else rule.lr_at
    hyper |= {"x": np.zeros(gradients.shape[1])} | ({"alpha": rule.lr} if scheduled else {})
    steps = {"eta": rate} | dict.fromkeys(("g", "nabla"), lambda t: gradients[t - 1])
    return latex.Printed(formulas, hyper, steps)


def agree(rule, formulas):
    """Return whether package and print have the same x and state, by coordinate, to rounding."""
    gradients = hostile.gradients(STEPS)
    right, page = run(rule, gradients), printed(rule, formulas, gradients)
    compared = [letter for letter in right if latex.Name(letter, 0) in page.definitions]
    assert "x" in compared

    def same(letter):
        found = np.array([page.at(letter, t) for t in range(1, STEPS + 1)])
        return (abs(found - right[letter]) <= 1e-12 * abs(right[letter]).max(axis=0)).all()

    return all(same(letter) for letter in compared)


@pytest.mark.parametrize(("rule", "formulas"), RULES)
def test_a_rule_as_printed_makes_the_steps_of_the_package(rule, formulas):
    assert agree(rule, formulas)


def test_every_update_rule_of_the_book_is_run_as_printed():
    matrices = {"muon-update"}  # a rule of matrices, with a function in it: its own test runs it
    updates = {name for name in FORMULAS if name.endswith("-update")}
    assert updates - verified.as_printed() <= matrices


MISPRINTS = [
    (r"(?<=[\w}) ])\+(?= )", "-"),  # a changed sign
    (r"(?<=[\w}) ])- (?!1\})", "+ "),
    (r"= - ", "= "),
    (r"_t\^2", "_t"),  # a lost exponent, another one
    (r"_t\^2", "_t^3"),
    (r"\^t", ""),
    (r"\\hat", ""),  # a missing hat
    (r"\\sqrt", ""),  # a missing root
    (r"\\beta_1", r"\\beta_2"),  # the wrong letter
    (r"\\beta_2", r"\\beta_1"),
    (r"_\{t-1\}", "_t"),  # the wrong step
    (r"\\max\(([^,]*),[^)]*\)", r"\1"),
    (r"\\operatorname\{sign\}", ""),
]


def misprints(formulas):
    """Yield the formulas with one misprint, at each place where it can stand."""
    text = "\n\n".join(formulas)
    for pattern, wrong in MISPRINTS:
        for match in re.finditer(pattern, text):
            yield (text[: match.start()] + match.expand(wrong) + text[match.end() :]).split("\n\n")


def is_caught(rule, formulas):
    """Return whether the formulas are not those of the rule, or no formulas at all."""
    try:
        return not agree(rule, formulas)
    except ValueError:
        return True


@pytest.mark.parametrize(("rule", "formulas"), RULES)
def test_every_misprint_of_a_sign_an_exponent_a_hat_or_a_letter_is_caught(rule, formulas):
    wrong = list(misprints(formulas))
    assert len(wrong) >= 2
    assert [one for one in wrong if not is_caught(rule, one)] == []


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x_t = x_{t-1} - w_t", "nothing defines w"),
        ("x_t = x_t - g_t", "defined by itself"),
        ("x_t + 1 = g_t", "not a name"),
    ],
)
def test_a_formula_that_defines_no_step_is_refused(formula, message):
    with pytest.raises(ValueError, match=message):
        printed(rules.GradientDescent(), [formula], hostile.gradients(2)).at("x", 2)
