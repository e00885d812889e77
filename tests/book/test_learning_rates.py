"""The formulas of the chapter on learning rates."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent import schedules
from descent.rules import GradientDescent

rate = st.floats(1e-4, 10)
count = st.integers(1, 40)
share = st.floats(0.01, 1)
small = st.fractions(Fraction(1, 8), 4, max_denominator=8)


# --- schedules ----------------------------------------------------------------------------------


def moments(rates, lam, variance, first):
    """Return E x_t² for t = 0, 1, ... along the rates."""
    values = [first]
    for eta in rates:
        values.append((1 - eta * lam) ** 2 * values[-1] + eta**2 * variance)
    return values


@pytest.mark.formula("schedule-best-noisy")
@given(lam=small, variance=small, first=small, steps=st.integers(1, 6))
def test_the_best_schedule_adds_the_same_knowledge_at_each_step(lam, variance, first, steps):
    t0 = variance / (lam**2 * first)
    rates = [1 / (lam * (t + t0)) for t in range(1, steps + 1)]
    for t, moment in enumerate(moments(rates, lam, variance, first)):
        assert 1 / moment == 1 / first + lam**2 / variance * t


@pytest.mark.formula("schedule-best-noisy")
@given(
    lam=small,
    variance=small,
    first=small,
    rates=st.lists(st.fractions(0, 3, max_denominator=9), max_size=5),
)
def test_no_schedule_passes_below_the_bound(lam, variance, first, rates):
    for t, moment in enumerate(moments(rates, lam, variance, first)):
        assert moment >= 1 / (1 / first + lam**2 / variance * t)


@given(lr=st.fractions(0, 1, max_denominator=9), x0=st.integers(1, 3))
def test_the_moments_of_the_theorem_are_those_of_the_rule(lr, x0):
    rule, ends = GradientDescent(lambda t: lr / t + Fraction(1, 9)), []
    for signs in product((1, -1), repeat=3):
        x, state = Fraction(x0), rule.init(Fraction(x0))
        for xi in signs:
            x, state = rule.update(x, 2 * x + xi, state)
        ends.append(x**2)
    rates = [rule.lr_at(t) for t in (1, 2, 3)]
    assert sum(ends) / 8 == moments(rates, 2, 1, Fraction(x0) ** 2)[-1]


@pytest.mark.formula("schedule-step")
@given(lr=rate, gamma=share, every=count, t=st.integers(1, 200))
def test_step_decay_drops_after_every_k_steps(lr, gamma, every, t):
    expected = lr * gamma ** math.floor((t - 1) / every)
    assert schedules.Step(lr, every, gamma)(t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.formula("schedule-exponential")
@given(lr=rate, gamma=share, t=st.integers(1, 50))
def test_exponential_decay_drops_at_every_step(lr, gamma, t):
    assert schedules.Exponential(lr, gamma)(t) == pytest.approx(lr * gamma ** (t - 1), rel=1e-12)


@pytest.mark.formula("schedule-cosine")
@given(lr=rate, low=share, steps=count, t=count)
def test_cosine_decay_is_half_a_cosine(lr, low, steps, t):
    t, least = min(t, steps + 1), low * lr
    expected = least + (lr - least) / 2 * (1 + math.cos(math.pi * (t - 1) / steps))
    assert schedules.Cosine(lr, steps, least)(t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.formula("schedule-warmup")
@given(lr=rate, s=share, steps=count, t=count)
def test_warm_up_rises_along_a_straight_line(lr, s, steps, t):
    t = min(t, steps + 1)
    expected = lr * (s + (1 - s) * (t - 1) / steps)
    assert schedules.LinearWarmup(lr, steps, s)(t) == pytest.approx(expected, rel=1e-12)


@pytest.mark.formula("schedule-inverse-sqrt")
@given(lr=rate, warmup=count, t=st.integers(1, 400))
def test_the_inverse_root_rises_to_its_highest_rate_and_falls_as_the_root(lr, warmup, t):
    expected = lr * min(t / warmup, math.sqrt(warmup / t))
    found = schedules.InverseSquareRoot(lr, warmup)
    assert found(t) == pytest.approx(expected, rel=1e-12)
    assert found(warmup) == pytest.approx(lr, rel=1e-12)


@pytest.mark.formula("schedule-one-cycle")
@given(lr=rate, steps=st.integers(20, 80), p=st.floats(0.1, 0.9), t=st.integers(1, 80))
def test_one_cycle_is_two_halves_of_cosines(lr, steps, p, t):
    def between(a, b, s):
        return b + (a - b) / 2 * (1 + math.cos(math.pi * s))

    t, first = min(t, steps), lr / 25
    if t <= p * steps:
        expected = between(first, lr, (t - 1) / (p * steps - 1))
    else:
        expected = between(lr, first / 1e4, (t - p * steps) / (steps - p * steps))
    found = schedules.OneCycle(lr, steps, p)(t)
    assert found == near(expected, lr)


# --- what the chapter says beside its formulas ----------------------------------------------------


@pytest.mark.parametrize(
    ("flattest", "steps", "share"),
    [(0.01, 300, (0, 0.01)), (0.001, 300, (0.3, 0.5)), (0.1, 10, (1.05, 1.1))],
)
def test_without_noise_a_constant_rate_leads_by_as_much_as_bowl_and_length_allow(
    flattest, steps, share
):
    """The loss at the best constant rate, as a share of that at the best of two that fall."""
    curvatures, rates = np.geomspace(flattest, 1, 10)[:, None], np.geomspace(0.01, 1.99, 80)
    t = np.arange(steps)

    def least(shape):
        factors = [1 - curvatures * rates * now for now in shape]
        return np.sum(curvatures * np.prod(factors, axis=0) ** 2, axis=0).min()

    falling = min(least(1 / (1 + t / 20)), least(1 - t / steps))
    low, high = share
    assert low < least(np.ones(steps)) / falling < high
