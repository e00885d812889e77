"""The misprints are wrong where they say, and have the signature of the rule that they corrupt."""

import math
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from hostile import gradients

from descent import minimize, report, rules
from descent.landscapes import Quadratic
from descent.misprints import MISPRINTS
from tools.check import mutants

each = pytest.mark.parametrize("name", MISPRINTS)
BOWL = Quadratic([2.0])  # x²


def run(rule, gs, x=0.0):
    """Return the steps x_{t-1} − x_t, by size and sign as they are subtracted, and the states."""
    state, steps, states = rule.init(x), [], []
    for g in gs:
        new, state = rule.update(x, g, state)
        steps.append(x - new)
        states.append(state)
        x = new
    return steps, states


def wrong_and_right(name, gs, x=0.0, **hyper):
    """Return the steps of a misprint and those of its rule."""
    wrong = MISPRINTS[name]
    return run(wrong(**hyper), gs, x)[0], run(wrong.of(**hyper), gs, x)[0]


def test_there_are_at_least_thirty_each_with_an_erratum_of_its_own():
    assert len(MISPRINTS) >= 30
    errata = [misprint.erratum for misprint in MISPRINTS.values()]
    assert len(set(errata)) == len(errata)


@each
def test_a_misprint_is_named_after_its_rule_and_says_where_it_stands(name):
    wrong = MISPRINTS[name]
    names = {type(rules.get(rule)): rule for rule in rules.names()}
    assert name.startswith(names[wrong.of] + "-")
    places = (
        "Source 00",
        "d2l",
        "labml",
        "fastbook",
        "CS231n",
        "PyTorch",
        "PennyLane",
        "Neuromatch",
    )
    assert any(place in wrong.__doc__ for place in places)


@each
def test_a_misprint_has_the_signature_and_the_defaults_of_its_rule(name):
    wrong, right = MISPRINTS[name], MISPRINTS[name].of
    assert [(f.name, f.default) for f in fields(wrong)] == [
        (f.name, f.default) for f in fields(right)
    ]
    assert wrong.State._fields[: len(right.State._fields)] == right.State._fields
    assert wrong not in {type(rules.get(rule)) for rule in rules.names()}
    assert "def update" in report.source(wrong.update)
    with pytest.raises(FrozenInstanceError):
        wrong().lr = 1.0


@each
def test_a_misprint_runs_on_numbers_and_arrays_and_leads_elsewhere_than_its_rule(name):
    wrong, right = MISPRINTS[name], MISPRINTS[name].of
    gs = np.abs(gradients(200)[:, 4:]) + 0.1
    paths = []
    for scale in (1.0, 1e-8):  # ordinary gradients, and such where ε rules
        ours, theirs = (
            np.cumsum(run(rule(), scale * gs, np.ones(2))[0], 0) for rule in (wrong, right)
        )
        assert np.isfinite(ours[:3]).all()
        paths.append((ours, theirs))
    assert not all(np.allclose(ours, theirs, rtol=1e-6, atol=0) for ours, theirs in paths)
    run(wrong(), gs[:5, 0].tolist(), 1.0)
    with pytest.raises(ValueError, match=r"^g must have the shape of x"):
        wrong().update(np.zeros(2), np.zeros(3), wrong().init(np.zeros(2)))


FIRST_STEPS = [  # in units of lr: name, gradient, that of the misprint, that of the rule
    ("adam-root-taken-twice", 0.01, 9999.7, 1.0),
    ("adam-root-taken-twice", 1e4, 0.01, 1.0),
    ("adam-no-root", 0.01, 100.0, 1.0),
    ("adam-no-denominator", 10.0, 10.0, 1.0),
    ("adam-invented-step-size", 10.0, 0.0315, 1.0),
    ("adam-epsilon-outside-the-quotient", 10.0, 1.0 - 1e-5, 1.0),
    ("adam-epsilon-hat-without-root", 1e-8, 0.9693, 0.5),
    ("adam-no-correction", 10.0, 3.1623, 1.0),
    ("adam-only-m-corrected", 10.0, 31.623, 1.0),
    ("adam-corrected-twice", 10.0, 0.31623, 1.0),
    ("adam-t-starts-at-two", 10.0, 0.7442, 1.0),
    ("adam-exponential-correction", 10.0, 4.7195, 1.0),
    ("rmsprop-unweighted-square", 10.0, 1.0, 3.1623),
    ("momentum-larger-step", 1.0, 10.0, 1.0),
    ("gradient-descent-along-the-gradient", 10.0, -10.0, 10.0),
    ("gradient-descent-without-step-size", 10.0, 100.0, 10.0),
]


@pytest.mark.parametrize(("name", "gradient", "wrong", "right"), FIRST_STEPS)
def test_the_first_step_of_a_misprint_is_the_number_that_proves_it(name, gradient, wrong, right):
    (ours,), (theirs,) = wrong_and_right(name, [gradient])
    lr = MISPRINTS[name]().lr
    assert ours / lr == pytest.approx(wrong, rel=1e-4, abs=1e-4 if wrong == 0.0315 else 0)
    assert theirs / lr == pytest.approx(right, rel=2e-6 if wrong < 1 else 1e-4)


def test_the_double_root_and_the_lost_parenthesis_make_no_number_of_a_gradient_of_0():
    for name in ("adam-root-taken-twice", "adam-epsilon-outside-the-quotient"):
        rule, zero = MISPRINTS[name](), np.zeros(1)
        with np.errstate(invalid="ignore"):
            assert np.isnan(rule.update(zero, zero, rule.init(zero))[0])


def test_the_step_of_the_double_root_on_a_thousandth_of_x_squared_crosses_to_the_other_side():
    flat = Quadratic([0.002])
    assert minimize(flat, [5.0], MISPRINTS["adam-root-taken-twice"](), 1).x[1] == pytest.approx(
        -4.9997, abs=5e-5
    )
    assert minimize(flat, [5.0], rules.Adam(), 1).x[1] == pytest.approx(4.999)


def test_epsilon_for_epsilon_hat_stops_small_gradients():
    (ours,), (theirs,) = wrong_and_right("adam-epsilon-is-epsilon-hat", [1e-6], lr=1.0, eps=1e-7)
    assert (ours, theirs) == (pytest.approx(0.2403, abs=5e-5), pytest.approx(0.9091, abs=5e-5))


def test_the_invented_step_size_vanishes():
    rule = MISPRINTS["adam-invented-step-size"](lr=1e-3)
    for t, size in ((1, 3.06e-5), (1000, 3.25e-4), (10_000, 6.7e-6), (100_000, 1.9e-25)):
        m, v = (1 - beta ** (t - 1) for beta in (0.9, 0.999))  # after gradients of 1
        x, _ = rule.update(0.0, 1.0, rule.State(t - 1, m, v))
        assert -x == pytest.approx(size, rel=0.01)


def test_a_variance_in_the_place_of_v_vanishes_along_a_constant_gradient():
    ours, theirs = wrong_and_right("adam-centered", [10.0] * 20, lr=1.0)
    assert min(ours) > 1e6
    assert theirs == pytest.approx([1.0] * 20)


def test_adam_with_a_frozen_t_is_exact_in_the_first_step_and_wrong_later():
    ours, theirs = wrong_and_right("adam-frozen-t", [1.0] * 5000, lr=0.01, eps=1e-6)
    assert ours[0] == theirs[0]
    assert sum(ours[:10]) / sum(theirs[:10]) == pytest.approx(1.75, abs=0.005)
    assert sum(ours) / sum(theirs) == pytest.approx(0.39, abs=0.005)


def test_a_state_made_anew_never_lets_adam_settle():
    x = minimize(BOWL, [5.0], MISPRINTS["adam-state-made-anew"](), 160).x
    assert x[158:] == pytest.approx([0.0036, -0.0280, 0.0036], abs=5e-5)


def test_moments_updated_twice_forget_twice_as_fast():
    _, states = run(MISPRINTS["adam-moments-twice"](), [1.0] * 5)
    assert (states[0].m, states[4].m) == (pytest.approx(0.19), pytest.approx(0.6513, abs=5e-5))
    _, states = run(rules.Adam(), [1.0] * 5)
    assert states[4].m == pytest.approx(0.4095, abs=5e-5)


def test_reversed_weights_let_the_distant_past_win():
    gs = [1.0] * 10 + [-1.0] * 10
    for rule, m in ((MISPRINTS["adam-oldest-weighs-most"](), 0.424), (rules.Adam(), -0.424)):
        assert run(rule, gs)[1][-1].m == pytest.approx(m, abs=5e-4)


MOMENTS = [
    ("adam-swapped-weights", "m", {1: 3.66, 2: 1.85, 10: 1.5e-3, 50: 3.4e-19}),
    ("adam-misplaced-bracket", "m", {1: 10.004, 2: -80.03, 3: 730.3, 4: -6562.8, 5: 59075.5}),
    ("adam-second-moment-of-the-first", "v", {1: 0.001}),
]


@pytest.mark.parametrize(("name", "moment", "values"), MOMENTS)
def test_the_moments_of_a_misprint_along_a_gradient_of_10_are_those_of_the_erratum(
    name, moment, values
):
    _, states = run(MISPRINTS[name](), [10.0] * max(values))
    for t, value in values.items():
        assert getattr(states[t - 1], moment) == pytest.approx(value, rel=0.03)


def test_one_decay_rate_for_both_averages_makes_a_step_after_silence_eight_times_shorter():
    for rule, size in ((MISPRINTS["adam-one-decay-rate"](lr=1), 0.316), (rules.Adam(lr=1), 2.515)):
        x, _ = rule.update(0.0, 1.0, rule.State(1000, 0.0, 0.0))
        assert -x == pytest.approx(size, abs=5e-4)


def test_adagrad_that_is_adam_neither_shrinks_its_steps_nor_follows_the_gradient():
    ours, theirs = wrong_and_right("adagrad-is-adam", [1.0] * 100, lr=0.1)
    assert [ours[t] for t in (0, 3, 99)] == pytest.approx([0.1, 0.1, 0.1])
    assert [theirs[t] for t in (0, 3, 99)] == pytest.approx([0.1, 0.05, 0.01])
    ours, theirs = wrong_and_right("adagrad-is-adam", [1.0, -1.0], lr=0.1)
    assert (ours[1], theirs[1]) == (
        pytest.approx(-0.00526, abs=5e-6),
        pytest.approx(-0.0707, abs=5e-5),
    )


def test_adagrad_that_averages_ends_in_steps_of_lr():
    ours, theirs = wrong_and_right("adagrad-averages", [1.0] * 10_000, lr=0.01)
    assert (ours[-1], theirs[-1]) == (pytest.approx(0.01), pytest.approx(0.0001))


def test_adagrad_that_accumulates_twice_has_the_numbers_of_its_errata():
    alternating = [1.0, -1.0] * 5
    _, states = run(MISPRINTS["adagrad-squares-of-the-sum"](), [1.0] * 10)
    assert states[-1].s == 385
    assert run(MISPRINTS["adagrad-squares-of-the-sum"](), alternating)[1][-1].s == 5
    assert run(rules.AdaGrad(), alternating)[1][-1].s == 10
    ours, theirs = wrong_and_right("adagrad-accumulated-step", [1.0] * 1000, lr=1.0)
    assert [ours[9], theirs[9]] == pytest.approx([0.510, 0.316], abs=5e-4)
    assert [ours[999], theirs[999]] == pytest.approx([0.0547, 0.0316], abs=5e-5)
    ours, theirs = wrong_and_right("adagrad-accumulated-step", alternating, lr=1.0)
    assert [ours[1], theirs[1]] == pytest.approx([0.0, -0.707], abs=5e-4)


def test_a_rate_times_the_excess_of_steps_grows_with_them():
    ours, theirs = wrong_and_right("adagrad-rate-times-excess", [1.0] * 1100)
    for t, times in ((100, 1), (101, 1), (110, 10), (200, 100), (1100, 1000)):
        assert ours[t - 1] == pytest.approx(times * theirs[t - 1])


def test_a_rate_over_its_power_climbs_a_hundred_times_faster_in_each_step():
    steps, _ = run(MISPRINTS["gradient-descent-rate-over-its-power"](lr=0.01), [1.0] * 5)
    assert steps == pytest.approx([-0.01, -1.0, -100.0, -1e4, -1e6])


def test_gradient_descent_without_its_step_size_diverges_at_a_curvature_of_19():
    name = "gradient-descent-without-step-size"
    for rule, factor in ((MISPRINTS[name], -18.0), (rules.GradientDescent, -0.9)):
        assert minimize(Quadratic([19.0]), [1.0], rule(lr=0.1), 1).x[1] == pytest.approx(factor)


def test_momentum_as_a_larger_step_makes_alternating_gradients_worse():
    ours, theirs = wrong_and_right("momentum-larger-step", [1.0, -1.0] * 100, lr=1.0)
    assert (abs(ours[-1]), abs(theirs[-1])) == (
        pytest.approx(10.0),
        pytest.approx(0.5263, abs=5e-5),
    )


def test_nesterov_with_the_last_momentum_is_heavy_ball():
    gs = gradients(100)
    ours, theirs = wrong_and_right("nesterov-last-momentum", gs, np.ones(6))
    ball = run(rules.Momentum(), gs, np.ones(6))[0]
    np.testing.assert_allclose(ours, ball, rtol=0, atol=1e-12)
    assert np.abs(np.array(theirs) - ball).max() > 1e-3


def test_rmsprop_that_starts_at_the_weights_has_no_root_where_they_are_negative():
    rule, x = MISPRINTS["rmsprop-starts-at-the-weights"](), np.array([-5.0])
    with np.errstate(invalid="ignore"):
        assert np.isnan(rule.update(x, np.array([1e-4]), rule.init(x))[0])


def test_rmsprop_unrolled_without_squares_differs_from_the_third_step_on():
    _, ours = run(MISPRINTS["rmsprop-unrolled-without-squares"](rho=0.5), [10.0] * 3)
    _, theirs = run(rules.RMSprop(rho=0.5), [10.0] * 3)
    assert [state.v for state in ours] == [50, 75, 76.25]
    assert [state.v for state in theirs] == [50, 75, 87.5]


def test_adadelta_that_averages_the_parameters_leaps_in_its_second_step():
    for rule, step in (
        (MISPRINTS["adadelta-averages-the-parameters"], 3.576),
        (rules.Adadelta, 0.004527),
    ):
        x = minimize(BOWL, [5.0], rule(), 2).x
        assert x[1] - x[2] == pytest.approx(step, rel=1e-3)


def test_the_variance_of_radam_rectifies_other_than_the_paper():
    ours, theirs = wrong_and_right("radam-variance", [1.0] * 6, lr=1.0)
    assert ours[:4] == theirs[:4]
    rho_inf, t = 1999, 5
    rho = rho_inf - 2 * t * 0.999**t / (1 - 0.999**t)
    right = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    assert (ours[4], theirs[4]) == (pytest.approx((rho - 2) / (rho_inf - 2)), pytest.approx(right))


def test_the_mutants_change_each_rule():
    places = {mutant.place.split(".")[0] for mutant in mutants.mutations()}
    assert {type(rules.get(name)).__name__ for name in rules.names()} <= places
