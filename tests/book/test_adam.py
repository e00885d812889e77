"""Sentences of the chapter on Adam that speak of every decay rate."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from descent.rules import Adam

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
