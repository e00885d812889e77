"""The formulas of the chapter on learning rates."""

import ast
import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent import schedules
from descent.landscapes import Huber
from descent.rules import Adam, GradientDescent
from tools.book import myst, project
from tools.notebook import files

rate = st.floats(1e-4, 10)
count = st.integers(1, 40)
share = st.floats(0.01, 1)
small = st.fractions(Fraction(1, 8), 4, max_denominator=8)


def functions_of_the_chapter(*names):
    """Return functions that the chapter's cells define, by name."""
    cells = files.code_cells(myst.read_cells(project.BOOK / "learning-rates.md")[0])
    nodes = [node for cell in cells for node in ast.parse(cell.source).body]
    body = [node for node in nodes if getattr(node, "name", None) in names]
    namespace = {"np": np}
    exec(compile(ast.Module(body, []), "learning-rates.md", "exec"), namespace)
    return namespace


CHAPTER = functions_of_the_chapter("outputs", "gradient", "starts", "by_norm")


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


# --- stability ----------------------------------------------------------------------------------


def size_under_frozen_adam(lr, beta1, hessian, root, x, steps=100):
    """Return the size of x after Adam's steps with √v̂ = root at rest."""
    rule, state = Adam(lr, beta1, 1 - 1e-12, 0.0), Adam.State(10**15, 0 * x, root**2)
    for _ in range(steps):
        x, state = rule.update(x, hessian @ x, state)
    return np.linalg.norm(x)


@pytest.mark.formula("adam-stability-limit")
@given(beta1=st.floats(0, 0.9), seed=st.integers(0, 10**6))
def test_adam_with_a_frozen_denominator_is_stable_up_to_the_limit_and_not_beyond(beta1, seed):
    rng = np.random.default_rng(seed)
    factor, root = rng.standard_normal((3, 3)), rng.uniform(0.1, 10, 3)
    hessian = factor @ factor.T + 0.1 * np.eye(3)
    curvatures, directions = np.linalg.eig(hessian / root[:, None])
    limit = (2 + 2 * beta1) / ((1 - beta1) * curvatures.real.max())
    start = 1e-9 * directions[:, curvatures.real.argmax()].real
    assert size_under_frozen_adam(0.97 * limit, beta1, hessian, root, start) < 0.5e-9
    assert size_under_frozen_adam(1.03 * limit, beta1, hessian, root, start) > 2e-9


@pytest.mark.formula("edge-of-stability")
@pytest.mark.parametrize("lr", [0.25, 0.3])
def test_the_sharpness_of_the_network_rises_to_two_over_eta_and_stays_there(lr):
    u = np.linspace(-1, 1, 40)
    y, p, sharp = 2 * np.sin(6 * u), CHAPTER["starts"](1, 0), []
    for t in range(3001):
        g = CHAPTER["gradient"](p, u, y)
        if t % 100 == 0:
            sides = [CHAPTER["gradient"](p + h * np.eye(49), u, y) for h in (1e-4, -1e-4)]
            sharp.append(np.linalg.eigvalsh((sides[0] - sides[1]) / 2e-4)[-1])
        p = p - lr * g
    assert lr * sharp[0] < 1.5
    assert lr * np.median(sharp[-10:]) == pytest.approx(2, rel=0.05)


@pytest.mark.formula("edge-self-stabilisation")
@given(x=st.floats(-1, 1), y=st.floats(-1, 1))
def test_a_swing_adds_half_its_square_times_the_gradient_of_the_sharpness(x, y):
    """The function is exp(x) (2 + sin y) + 3 x² + y⁴/4 + x y."""

    def grad(p):
        x, y = p
        wave = math.exp(x) * (2 + math.sin(y))
        return np.array([wave + 6 * x + y, math.exp(x) * math.cos(y) + y**3 + x])

    def eigen(p):
        x, y = p
        bend = math.exp(x) * math.cos(y) + 1
        first = math.exp(x) * (2 + math.sin(y)) + 6
        return np.linalg.eigh([[first, bend], [bend, 3 * y * y - math.exp(x) * math.sin(y)]])

    p, h = np.array([x, y]), 1e-4
    u = eigen(p)[1][:, -1]
    slope = [(eigen(p + e)[0][-1] - eigen(p - e)[0][-1]) / (2 * h) for e in h * np.eye(2)]

    def rest(a):
        swing = (grad(p + a * u) + grad(p - a * u)) / 2
        return np.abs(swing - grad(p) - a**2 / 2 * np.array(slope)).max()

    assert rest(0.02) < 1e-6 < 1e-5 < rest(0.02) + 0.02**2 / 2 * np.abs(slope).max()
    assert rest(0.4) / rest(0.2) == pytest.approx(16, rel=0.1)


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


@pytest.mark.formula("clip-by-value")
@given(g=vector, c=st.floats(0.1, 50))
def test_clipping_by_value_is_the_gradient_of_hubers_function(g, c):
    clipped = [max(-c, min(c, value)) for value in g]
    assert np.array_equal(clipped, Huber(c).grad(g))


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
