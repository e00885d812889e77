"""The misprints are wrong where they say, and have the signature of the rule that they corrupt."""

from dataclasses import fields

import numpy as np
import pytest

from descent import report
from descent.misprints import MISPRINTS
from descent.rules import Rule
from tools import mutants

each = pytest.mark.parametrize("name", MISPRINTS)


def first_step(name, gradient, **hyper):
    rule = MISPRINTS[name](**hyper)
    return -rule.update(0.0, gradient, rule.init(0.0))[0]


def path(rule, gradients):
    x = np.array([1.0, -2.0])
    state, points = rule.init(x), []
    for g in gradients:
        x, state = rule.update(x, np.array([g, -0.5 * g]), state)
        points.append(x)
    return np.array(points)


def test_there_are_thirty_of_them_each_with_its_erratum():
    assert len(MISPRINTS) >= 30
    assert all(misprint.erratum for misprint in MISPRINTS.values())
    assert [mutant.change for mutant in mutants.misprints()] == list(MISPRINTS)


@each
def test_a_misprint_has_the_signature_and_the_defaults_of_its_rule(name):
    wrong, right = MISPRINTS[name], MISPRINTS[name].of
    assert issubclass(wrong, Rule)
    assert [(f.name, f.default) for f in fields(wrong)] == [
        (f.name, f.default) for f in fields(right)
    ]
    assert wrong.State is right.State
    assert wrong.__doc__
    assert "def " in report.source(wrong.update)


@each
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_misprint_leads_elsewhere_than_its_rule_and_refuses_a_wrong_shape(name):
    wrong, right = MISPRINTS[name](), MISPRINTS[name].of()
    ordinary = [3.0, -1.0, 0.5, 2.0, 1e-6, -4.0] * 20
    tiny = [1e-8 * g for g in ordinary]  # where ε rules
    with np.errstate(all="ignore"):
        pairs = [(path(wrong, gradients), path(right, gradients)) for gradients in (ordinary, tiny)]
    assert not all(np.allclose(ours, theirs, rtol=1e-6, atol=0) for ours, theirs in pairs)
    with pytest.raises(ValueError, match="shape"):
        wrong.update(np.zeros(2), np.zeros(3), wrong.init(np.zeros(2)))


@pytest.mark.parametrize(
    ("name", "gradient", "step"),
    [
        ("adam-root-taken-twice", 0.01, 9.9997),
        ("adam-no-denominator", 10.0, 0.01),
        ("adam-only-m-corrected", 10.0, 0.0316228),
        ("adam-no-correction", 10.0, 0.0031623),
        ("adam-t-starts-at-two", 10.0, 0.001 * 0.1 / 0.19 * (0.001999 / 0.001) ** 0.5),
        ("adam-no-root", 0.01, 0.1),
        ("adam-epsilon-is-epsilon-hat", 1e-8, 0.001 * 0.03065),
    ],
)
def test_the_first_step_of_a_misprint_is_the_number_that_proves_it(name, gradient, step):
    assert first_step(name, gradient) == pytest.approx(step, rel=1e-3)


def test_adam_with_a_frozen_t_is_exact_in_the_first_step_and_wrong_later():
    wrong, right = MISPRINTS["adam-frozen-t"](), MISPRINTS["adam-frozen-t"].of()
    ours, theirs = path(wrong, [1.0] * 10), path(right, [1.0] * 10)
    assert np.array_equal(ours[0], theirs[0])
    assert np.abs(ours[9] - ours[0]).max() > 1.5 * np.abs(theirs[9] - theirs[0]).max()
