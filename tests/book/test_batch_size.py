"""The formulas of the chapter on batch size and clipping."""

import math
from fractions import Fraction

import numpy as np
import pytest
from functions import functions_of
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent.landscapes import Huber
from descent.rules import Adam, GradientDescent

CHAPTER = functions_of("batch-size", "by_norm")

# --- clipping -----------------------------------------------------------------------------------

vector = st.lists(st.floats(-100, 100), min_size=1, max_size=4).map(np.array)


@pytest.mark.formula("clip-by-norm")
@given(g=vector, c=st.floats(0.1, 50), seed=st.integers(0, 10**6))
def test_clipping_by_norm_gives_the_nearest_point_of_the_ball(g, c, seed):
    length, clipped = np.linalg.norm(g), CHAPTER["by_norm"](g, c)
    assert clipped == near(g * min(1, c / length) if length else g)
    assert np.linalg.norm(clipped) == pytest.approx(min(length, c))
    other = np.random.default_rng(seed).standard_normal(len(g))
    other *= c * np.random.default_rng(seed).uniform() / np.linalg.norm(other)
    assert np.linalg.norm(g - clipped) <= np.linalg.norm(g - other) + 1e-12 * (length + c)


def test_clipping_does_not_cure_a_rate_beyond_the_limit_at_the_minimum():
    rule, x, seen = GradientDescent(3), Fraction(10), []
    state = rule.init(x)
    for _ in range(100):
        x, state = rule.update(x, max(-1, min(1, x)), state)
        seen.append(x)
    assert seen[:5] == [7, 4, 1, -2, 1]
    assert set(seen[2:]) == {1, -2}


@pytest.mark.formula("clip-by-value")
@given(g=vector, c=st.floats(0.1, 50))
def test_clipping_by_value_is_the_gradient_of_hubers_function(g, c):
    clipped = [max(-c, min(c, value)) for value in g]
    assert np.array_equal(clipped, Huber(c).grad(g))


def test_clipping_in_torch_adds_a_millionth_to_the_norm():
    torch = pytest.importorskip("torch")
    for g in ([30.0, 40.0], [0.0, 0.0], [3.0, 4.0]):
        x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
        x.grad = torch.tensor(g, dtype=torch.float64)
        torch.nn.utils.clip_grad_norm_([x], 5.0)
        share = min(1, 5 / (math.hypot(*g) + 1e-6))
        assert x.grad.tolist() == pytest.approx([share * part for part in g], rel=1e-12)


# --- batch size ---------------------------------------------------------------------------------


@pytest.mark.formula("batch-linear-scaling")
@given(
    gradients=st.lists(st.fractions(-5, 5, max_denominator=9), min_size=1, max_size=8),
    lr=st.fractions(Fraction(1, 9), 2, max_denominator=9),
)
def test_one_step_of_k_eta_along_the_mean_is_k_steps_along_gradients_that_do_not_change(
    gradients, lr
):
    k, rule = len(gradients), GradientDescent(lr)
    x, state = Fraction(0), rule.init(Fraction(0))
    for g in gradients:
        x, state = rule.update(x, g, state)
    long = GradientDescent(k * lr)
    assert long.update(Fraction(0), sum(gradients) / k, long.init(Fraction(0)))[0] == x


def drift_and_spread(lr, k, beta1=0.9, beta2=0.99, examples=1600):
    """Return mean and variance of Adam's displacement on a gradient of 0.05 with noise."""
    rng, x = np.random.default_rng(k), np.zeros(3000)
    rule = Adam(lr, 1 - k * (1 - beta1), 1 - k * (1 - beta2), 0.0)
    state = rule.init(x)
    for _ in range(examples // k):
        x, state = rule.update(x, 0.05 + rng.standard_normal(3000) / math.sqrt(k), state)
    return -np.mean(x), np.var(x)


@pytest.mark.formula("batch-sqrt-scaling")
def test_the_square_root_keeps_the_drift_and_the_spread_of_adam_per_example():
    drift, spread = drift_and_spread(0.01, 1)
    scaled = drift_and_spread(0.01 * math.sqrt(4), 4)
    linear = drift_and_spread(0.01 * 4, 4)
    assert scaled == pytest.approx((drift, spread), rel=0.1)
    assert linear[0] > 1.7 * drift
    assert linear[1] > 3 * spread


@pytest.mark.formula("batch-sqrt-scaling")
@given(k=st.integers(1, 20), eps=st.floats(1e-3, 10), signs=st.lists(st.sampled_from((-1, 1))))
def test_epsilon_over_root_k_keeps_its_share_of_the_denominator(k, eps, signs):
    root = math.sqrt(k)
    few, many = Adam(0.1, eps=eps), Adam(0.1 * root, eps=eps / root)
    x, y, state, other = 0.0, 0.0, few.init(0.0), many.init(0.0)
    points = [y]
    for g in signs:
        x, state = few.update(x, float(g), state)
        y, other = many.update(y, g / root, other)
        points.append(y)
        assert y == near(root * x, points)
