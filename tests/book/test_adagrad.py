"""The formulas of the chapter on AdaGrad."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from descent.rules import AdaGrad, GradientDescent, RMSprop

gradients = st.lists(st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3), min_size=1, max_size=40)


def visited(rule, gs, x=0.0):
    """Return the points that a rule visits along these gradients, the start first."""
    points, state = [x], rule.init(x)
    for g in gs:
        x, state = rule.update(x, g, state)
        points.append(x)
    return np.array(points)


@pytest.mark.formula("adagrad-update")
@given(gs=gradients, lr=st.floats(1e-3, 10), eps=st.floats(0, 1))
def test_adagrad_divides_by_the_root_of_the_sum_of_squares(gs, lr, eps):
    s = np.cumsum(np.square(gs))
    steps = -lr * np.array(gs) / (np.sqrt(s) + eps)
    points = visited(AdaGrad(lr, eps), gs)
    np.testing.assert_allclose(np.diff(points), steps, rtol=1e-9, atol=1e-12 * lr * len(gs))


@pytest.mark.formula("adagrad-constant-gradient")
@given(g=st.floats(1e-3, 1e3), lr=st.floats(1e-3, 10), t=st.integers(1, 400))
def test_a_constant_gradient_leads_about_two_roots_of_t_far(g, lr, t):
    points = visited(AdaGrad(lr, eps=0.0), [g] * t)
    assert points[t - 1] - points[t] == pytest.approx(lr / t**0.5, rel=1e-9)
    way = -points[t]
    assert 2 * lr * ((t + 1) ** 0.5 - 1) * (1 - 1e-12) <= way <= 2 * lr * t**0.5
    assert way > 1.8 * lr * t**0.5 - 0.9 * lr  # the bounds are close, the factor 2 is no slack


def regret_and_bound(gs, best, lr):
    """Return the regret on the linear losses g x, and the bound of the chapter."""
    points = visited(AdaGrad(lr, eps=0.0), gs)[:-1]
    root = np.sqrt(np.sum(np.square(gs)))
    d = abs(points - best).max()
    return float(np.sum(np.array(gs) * (points - best))), (d**2 / (2 * lr) + lr) * root


@pytest.mark.formula("adagrad-regret")
@given(gs=gradients, best=st.floats(-10, 10), lr=st.floats(0.01, 10))
def test_the_regret_is_within_its_bound(gs, best, lr):
    regret, bound = regret_and_bound(gs, best, lr)
    assert regret <= bound * (1 + 1e-9)


def test_the_bound_on_the_regret_is_within_a_factor_of_three():
    """No constant below 0.37 times the bound's would hold."""
    regret, bound = regret_and_bound([-1.0] * 40_000, best=8 / 3 * 200, lr=1.0)
    assert 0.37 * bound < regret <= bound


def test_the_bound_is_least_for_a_step_of_d_over_root_two():
    lrs, d = np.linspace(0.2, 6, 58_001), 3.0
    values = d**2 / (2 * lrs) + lrs
    assert lrs[values.argmin()] == pytest.approx(d / 2**0.5, abs=1e-3)
    assert values.min() == pytest.approx(2**0.5 * d, rel=1e-6)


@pytest.mark.formula("adagrad-against-gradient-descent")
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_sum_of_roots_is_at_most_the_root_of_n_times_the_sum(s):
    assert np.sqrt(s).sum() <= np.sqrt(len(s)) * np.sqrt(np.sum(s)) * (1 + 1e-12)
    even = np.full(len(s), 7.0)
    assert np.sqrt(even).sum() == pytest.approx(np.sqrt(len(s)) * np.sqrt(even.sum()))
    one = np.eye(1, len(s))[0]
    assert np.sqrt(len(s)) * np.sqrt(one.sum()) == pytest.approx(len(s) ** 0.5 * np.sqrt(one).sum())


def loss_of_one_pass(rule, levels, labels):
    """Return the mean loss of a logistic regression that sees each image once, before learning."""
    w, loss = np.zeros((1088, 10)), 0.0
    state = rule.init(w)
    for shown, label in zip(levels, labels, strict=True):
        z = w[shown].sum(axis=0)
        p = np.exp(z - z.max())
        p /= p.sum()
        loss -= math.log(p[label])
        g = np.zeros_like(w)
        g[shown] = p - np.eye(10)[label]
        w, state = rule.update(w, g, state)
    return loss / len(labels)


def decaying(lr):
    return GradientDescent(lambda t: lr / math.sqrt(t))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(6))
def test_adagrad_has_the_least_loss_on_six_orders_of_the_digits(seed):
    digits, order = load_digits(), np.random.default_rng(seed).permutation(1797)
    levels = (digits.data.astype(int) + 17 * np.arange(64))[order]
    adagrad, constant, shrinking = (
        min(loss_of_one_pass(make(lr), levels, digits.target[order]) for lr in lrs)
        for make, lrs in (
            (AdaGrad, (0.05, 0.1, 0.2, 0.3)),
            (GradientDescent, (0.03, 0.05, 0.1, 0.2)),
            (decaying, (0.25, 0.5, 1.0, 2.0)),
        )
    )
    assert adagrad < min(constant, shrinking)
    assert 0.07 < 1 - adagrad / constant < 0.08 if seed == 0 else 0.1 < 1 - adagrad / constant < 0.2


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_some_features_of_the_digits_are_in_every_image_and_some_in_one():
    levels = load_digits().data.astype(int) + 17 * np.arange(64)
    count = np.bincount(levels.ravel(), minlength=1088)
    assert (count == len(levels)).any()
    assert (count == 1).any()


def test_an_early_gradient_is_forgotten_once_others_add_up_to_more():
    points = visited(AdaGrad(1.0, eps=0.0), [1000.0] + [1.0] * 100)
    assert points[-2] - points[-1] == pytest.approx(1e-3, rel=1e-3)
    state = AdaGrad.State(0, 1000.0**2 + 1e6)  # after a million of them
    x, _ = AdaGrad(1.0, eps=0.0).update(0.0, 1.0, state)
    assert -x == pytest.approx(2**-0.5 * 1e-3, rel=1e-3)


@pytest.mark.parametrize("lr", [0.1, 1.0, 10.0])
def test_on_a_bowl_without_noise_the_sum_of_squares_converges(lr):
    rule, curvatures, x = AdaGrad(lr), np.array([1.0, 10.0]), np.ones(2)
    state, sums = rule.init(x), []
    for _ in range(10_000):
        x, state = rule.update(x, curvatures * x, state)
        sums.append(state.s)
    np.testing.assert_allclose(sums[5000], sums[-1], rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_adagrad_follows_a_jump_more_slowly_each_time_and_rmsprop_does_not(seed):
    """The minimum jumps between 0 and 3 every 500 steps, under noise."""
    noise = np.random.default_rng(seed).standard_normal(4000)
    goal = 3.0 * (np.arange(4000) // 500 % 2)

    def waits(rule):
        """Return the steps after each jump until the rule is near the minimum."""
        x, state, near = 0.0, rule.init(0.0), []
        for there, scatter in zip(goal, noise, strict=True):
            x, state = rule.update(x, x - there + scatter, state)
            near.append(abs(x - there) < 0.3)
        return [near[k : k + 500].index(True) for k in range(500, 4000, 500)]

    adagrad, rmsprop = waits(AdaGrad(1.0)), waits(RMSprop(0.03))
    assert adagrad[-1] > 2 * adagrad[0]
    assert 0.7 < rmsprop[-1] / rmsprop[0] < 1.3
    assert max(rmsprop) < 200
