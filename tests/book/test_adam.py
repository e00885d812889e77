"""Sentences of the chapter on Adam that speak of every decay rate."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from descent import minimize
from descent.landscapes import Quadratic
from descent.rules import Adam, Momentum

rate = st.floats(0.05, 0.98)


def uncorrected_ratio(t, beta1, beta2):
    return (1 - beta1**t) / np.sqrt(1 - beta2**t)


@given(beta1=rate, beta2=rate)
def test_uncorrected_steps_are_too_short_where_the_chapter_says_so(beta1, beta2):
    t = np.arange(1, 400)
    short = uncorrected_ratio(t, beta1, beta2) < 1
    assume(abs((1 - beta1) ** 2 - (1 - beta2)) > 1e-6)
    assert short[0] == (1 - beta1 < np.sqrt(1 - beta2))
    assert not (np.diff(short[t * np.log(max(beta1, beta2)) > -20].astype(int)) > 0).any()
    if beta2 <= beta1:
        assert (uncorrected_ratio(t, beta1, beta2) <= 1).all()
    if beta2 > beta1 + 0.01:
        assert (uncorrected_ratio(t, beta1, beta2) >= 1)[-1]


def test_the_uncorrected_step_is_the_corrected_one_times_the_ratio_on_any_gradients():
    rule, x = Adam(1.0, eps=0.0), 0.0
    state = rule.init(x)
    for t, g in enumerate(np.random.default_rng(0).standard_cauchy(300), 1):
        moved, state = rule.update(x, g, state)
        ratio = uncorrected_ratio(t, 0.9, 0.999)
        assert state.m / state.v**0.5 == pytest.approx(ratio * (x - moved), rel=1e-6, abs=1e-9)
        x = moved


@given(beta1=rate, beta2=rate)
def test_the_limit_of_the_step_bound_is_one_for_equal_decay_rates_alone(beta1, beta2):
    assume(beta1**2 < beta2)
    square = (1 - beta1) ** 2 / ((1 - beta2) * (1 - beta1**2 / beta2))
    excess = (beta2 - beta1) ** 2 / ((1 - beta2) * (beta2 - beta1**2))
    assert square == pytest.approx(1 + excess)


@pytest.mark.parametrize(("growth", "longer"), [(0.99, False), (1.01, True)])
def test_steps_are_short_while_gradients_shrink_and_long_while_they_grow(growth, longer):
    rule, x = Adam(1.0, eps=0.0), 0.0
    state = rule.init(x)
    for t in range(1, 500):
        moved, state = rule.update(x, growth**t, state)
        assert t < 30 or (x - moved > 1) == longer
        x = moved


def test_alternating_gradients_make_every_step_but_the_first_shorter_than_the_rate():
    rule, x, lengths = Adam(1.0, eps=0.0), 0.0, []
    state = rule.init(x)
    for t in range(2000):
        moved, state = rule.update(x, (-1.0) ** t, state)
        lengths.append(abs(moved - x))
        x = moved
    assert lengths[0] == pytest.approx(1)
    assert max(lengths[1:]) < 0.5


def test_the_path_of_adam_changes_with_the_unit_of_a_parameter_on_a_coupled_bowl():
    hessian = np.array([[2.0, 1.0], [1.0, 3.0]])

    def path(unit):
        rule, scale = Adam(0.1, eps=0.0), np.array([1.0, unit])
        x = np.array([2.0, 1.0]) * scale
        state, points = rule.init(x), []
        for _ in range(100):
            x, state = rule.update(x, hessian @ (x / scale) / scale, state)
            points.append(x / scale)
        return np.array(points)

    assert abs(path(1.0) - path(10.0)).max() > 1


def test_the_last_ten_and_the_last_thousand_gradients_carry_five_eighths_of_the_weight():
    assert 1 - 0.9**10 > 5 / 8 < 1 - 0.999**1000


@pytest.mark.parametrize("kappa", [10.0, 1e3, 1e6])
def test_on_a_straight_bowl_adams_path_does_not_depend_on_the_condition_number(kappa):
    rule = Adam(0.1, eps=0.0)
    round_bowl, steep = (
        minimize(Quadratic([1.0, high]), [1.0, 2.0], rule, 200).x for high in (1.0, kappa)
    )
    np.testing.assert_allclose(steep, round_bowl, atol=1e-9)


def test_with_beta1_tuned_adam_leads_on_the_straight_bowl_and_not_on_the_turned_one():
    """Condition number 100, 300 steps, from (1, 1), each rule at the best of its grid."""

    def reached(rule, hessian):
        x = np.ones((len(rule.lr_at(1)), 2))  # a row for each rate
        state = rule.init(x)
        for _ in range(300):
            x, state = rule.update(x, x @ hessian, state)
        return (x @ hessian * x).sum(axis=1).min() / 2

    def best(rules, hessian):
        return min(reached(rule, hessian) for rule in rules)

    lrs, rates = np.geomspace(0.005, 1.0, 16)[:, None], np.linspace(0.004, 0.036, 17)[:, None]
    adams = [Adam(lambda t: lrs, beta1) for beta1 in (0.0, 0.3, 0.5, 0.7, 0.9)]
    momenta = [Momentum(lambda t: rates, mu) for mu in (0.7, 0.75, 0.8, 0.85)]
    straight = np.diag([1.0, 100.0])
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / 2**0.5
    assert best(adams, straight) < best(momenta, straight)
    assert best(adams, turn @ straight @ turn.T) > best(momenta, turn @ straight @ turn.T)


def test_a_spike_passes_eta_after_a_silence_of_about_a_hundred_steps():
    def step(silence, beta2):
        x, _ = Adam(1.0, beta2=beta2, eps=1e-300).update(0.0, 1.0, Adam.State(silence, 0.0, 0.0))
        return -x

    assert step(100, 0.999) < 1 < step(110, 0.999)
    assert step(1000, 0.999) > 2.5
    assert max(step(t, 0.99) for t in range(2000)) <= 1 + 1e-9
