"""The formulas of the chapter on the family of Adam."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent.rules import (
    Adafactor,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Lamb,
    Lion,
    Muon,
    NAdam,
    RAdam,
    newton_schulz,
)

gradients = st.lists(st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3), min_size=1, max_size=40)
lrs = st.floats(1e-3, 10)
rates = st.floats(0, 0.99)


def visited(rule, gs, x=0.0):
    """Return the points that a rule visits along these gradients, and its states."""
    points, states = [x], [rule.init(x)]
    for g in gs:
        x, state = rule.update(x, g, states[-1])
        points.append(x)
        states.append(state)
    return np.array(points), states


def average(values, rate):
    """Return the moving averages of the values, from 0, as weighted sums."""
    t = np.arange(len(values))
    return np.array([np.sum((1 - rate) * rate ** (n - t[: n + 1]) * values[: n + 1]) for n in t])


def assert_steps(points, steps):
    scale = np.abs(steps).sum() + abs(points[0])
    np.testing.assert_allclose(np.diff(points), steps, rtol=1e-7, atol=1e-11 * scale)


@pytest.mark.formula("adamax-limit")
@given(gs=gradients, beta2=st.floats(0.5, 0.999))
def test_the_norms_tend_to_the_maximum_as_the_exponent_grows(gs, beta2):
    size = beta2 ** np.arange(len(gs))[::-1] * np.abs(gs)
    largest = size.max()
    for p in (200, 2000):
        shares = (size / largest) ** p
        norm = largest * ((1 - beta2**p) * shares.sum()) ** (1 / p)
        slack = (abs(math.log(1 - beta2**p)) + math.log(len(gs))) / p
        assert abs(math.log(norm / largest)) <= slack + 1e-12
    _, states = visited(AdaMax(beta2=beta2), gs)
    assert states[-1].u == pytest.approx(largest)


@pytest.mark.formula("adamax-update")
@given(gs=gradients, lr=lrs, beta1=rates, beta2=rates)
def test_adamax_divides_by_the_decaying_maximum(gs, lr, beta1, beta2):
    t, m, u = np.arange(1, len(gs) + 1), average(np.array(gs), beta1), []
    for g in gs:
        u.append(max(beta2 * (u[-1] if u else 0), abs(g)))
    points, _ = visited(AdaMax(lr, beta1, beta2), gs)
    assert_steps(points, -lr / (1 - beta1**t) * m / u)


@pytest.mark.formula("adamax-step-bound")
@given(gs=gradients, beta1=st.floats(0.1, 0.95), ratio=st.floats(0.05, 0.95))
def test_no_step_of_adamax_passes_its_bound_and_shrinking_gradients_reach_it(gs, beta1, ratio):
    beta2 = beta1 + ratio * (1 - beta1)
    t, q = np.arange(1, len(gs) + 1), beta1 / beta2
    bound = (1 - beta1) / (1 - beta1**t) * (1 - q**t) / (1 - q)
    points, _ = visited(AdaMax(1.0, beta1, beta2), gs)
    assert (np.abs(np.diff(points)) <= bound * (1 + 1e-9)).all()
    points, _ = visited(AdaMax(1.0, beta1, beta2), beta2**t)
    np.testing.assert_allclose(-np.diff(points), bound, rtol=1e-9)


@pytest.mark.formula("nadam-update")
@given(gs=gradients, lr=lrs, beta1=rates, beta2=st.floats(0.1, 0.99), eps=st.floats(1e-8, 1))
def test_nadam_mixes_the_next_momentum_with_the_gradient(gs, lr, beta1, beta2, eps):
    mu = [beta1 * (1 - 0.5 * 0.96 ** (t / 250)) for t in range(1, len(gs) + 2)]
    v, m, steps = average(np.square(gs), beta2), 0.0, []
    for t, g in enumerate(gs, 1):
        m = mu[t - 1] * m + (1 - mu[t - 1]) * g
        m_hat = mu[t] * m / (1 - math.prod(mu[: t + 1]))
        m_hat += (1 - mu[t - 1]) * g / (1 - math.prod(mu[:t]))
        v_hat = beta2 * v[t - 1] / (1 - beta2**t)
        steps.append(-lr * m_hat / (v_hat**0.5 + eps))
    points, _ = visited(NAdam(lr, beta1, beta2, eps), gs)
    assert_steps(points, steps)


@pytest.mark.formula("amsgrad-update")
@given(gs=gradients, lr=lrs, beta1=rates, beta2=rates)
def test_amsgrad_divides_by_the_largest_average(gs, lr, beta1, beta2):
    v_hat = np.maximum.accumulate(average(np.square(gs), beta2))
    points, _ = visited(AMSGrad(lr, beta1, beta2), gs)
    assert_steps(points, -lr * average(np.array(gs), beta1) / v_hat**0.5)


@pytest.mark.formula("adamw-update")
@given(gs=gradients, alpha=lrs, eta=st.floats(0.1, 1), decay=st.floats(0, 0.5))
def test_adamw_takes_off_a_share_of_x_beside_the_quotient(gs, alpha, eta, decay):
    t = np.arange(1, len(gs) + 1)
    m_hat = average(np.array(gs), 0.9) / (1 - 0.9**t)
    v_hat = average(np.square(gs), 0.999) / (1 - 0.999**t)
    quotient = alpha * m_hat / (v_hat**0.5 + 1e-8)
    points, _ = visited(AdamW(alpha, weight_decay=decay, multiplier=eta), gs, x=4.0)
    assert_steps(points, -eta * (quotient + decay * points[:-1]))


@pytest.mark.formula("adam-l2-decay")
@pytest.mark.parametrize(("sigma", "penalty", "lr"), [(0.5, 0.05, 1e-3), (2.0, 0.1, 2e-3)])
def test_a_penalty_inside_adam_decays_less_where_gradients_are_large(sigma, penalty, lr):
    rng, rule, x = np.random.default_rng(0), Adam(lr), np.ones(5000)
    state = rule.init(x)
    for _ in range(1000):
        g = sigma * rng.standard_normal(5000) + penalty * x
        x, state = rule.update(x, g, state)
    assert x.mean() == pytest.approx((1 - lr * penalty / sigma) ** 1000, abs=6e-3)


@pytest.mark.formula("decoupled-decay-box")
@given(gs=gradients, x=st.floats(-50, 50), lr=st.floats(1e-3, 1), decay=st.floats(1e-3, 1))
def test_decay_beside_a_bounded_step_is_a_box(gs, x, lr, decay):
    t = np.arange(len(gs) + 1)
    shrink = (1 - lr * decay) ** t
    bound = shrink * abs(x) + (1 - shrink) / decay
    points, _ = visited(Lion(lr, weight_decay=decay), gs, x=x)
    assert (np.abs(points) <= bound * (1 + 1e-9)).all()
    points, _ = visited(Lion(lr, weight_decay=decay), [-1.0] * len(gs), x=abs(x))
    np.testing.assert_allclose(points, bound, rtol=1e-9)


@pytest.mark.formula("radam-update")
@given(gs=gradients, lr=lrs, beta2=st.floats(0.1, 0.999))
def test_radam_waits_and_then_scales_the_quotient(gs, lr, beta2):
    m, v, steps = average(np.array(gs), 0.9), average(np.square(gs), beta2), []
    rho_inf = 2 / (1 - beta2) - 1
    for t in range(1, len(gs) + 1):
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        step = m[t - 1] / (1 - 0.9**t)
        if rho > 4:
            r = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            step *= r**0.5 / (v[t - 1] / (1 - beta2**t)) ** 0.5
        steps.append(-lr * step)
    points, _ = visited(RAdam(lr, 0.9, beta2), gs)
    assert_steps(points, steps)


def test_the_length_of_radams_average_is_the_number_of_gradients_it_is_worth():
    """Liu et al. define ρ by the mean age of the gradients: check it on the weights."""
    for beta2, t in ((0.9, 7), (0.99, 40), (0.999, 300)):
        weights = beta2 ** np.arange(t)
        mean_age = (weights * np.arange(t)).sum() / weights.sum()
        rho = 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)
        assert 2 * mean_age + 1 == pytest.approx(rho)


@pytest.mark.formula("adafactor-factored")
@given(st.integers(0, 1000), st.integers(2, 6), st.integers(2, 6))
def test_the_factored_moment_keeps_the_row_and_column_means(seed, rows, columns):
    g = np.random.default_rng(seed).uniform(0.1, 3, (rows, columns))
    rule = Adafactor(lr=1.0, clip=1e9)
    x, state = rule.update(np.ones_like(g), g, rule.init(g))
    r, c = (g**2).mean(axis=1), (g**2).mean(axis=0)
    v_hat = np.outer(r, c) / r.mean()
    np.testing.assert_allclose(1 - x, g / np.sqrt(v_hat), rtol=1e-9)
    np.testing.assert_allclose(state.r[:, 0], r)
    np.testing.assert_allclose(state.c[0], c)
    np.testing.assert_allclose(v_hat.mean(axis=1), r)
    np.testing.assert_allclose(v_hat.mean(axis=0), c)
    one = np.outer(g[:, 0], g[0])
    np.testing.assert_allclose(np.outer(one.mean(axis=1), one.mean(axis=0)) / one.mean(), one)


@pytest.mark.formula("lamb-update")
@given(gs=gradients, lr=st.floats(0.01, 1.9), decay=st.floats(0, 2))
def test_a_step_of_lamb_is_as_long_as_its_share_of_x(gs, lr, decay):
    gs = np.array(gs)[:, None] * np.array([1.0, -0.5, 0.25])
    rule, x = Lamb(lr, weight_decay=decay), np.array([3.0, -1.0, 0.5])
    state = rule.init(x)
    for g in gs:
        moved, state = rule.update(x, g, state)
        assert np.linalg.norm(moved - x) == near(lr * np.linalg.norm(x), rel=1e-9)
        x = moved


@pytest.mark.formula("lion-update")
@given(gs=gradients, lr=lrs, beta1=rates, beta2=rates, decay=st.floats(0, 0.1))
def test_lion_steps_along_the_sign_of_a_mixture(gs, lr, beta1, beta2, decay):
    m = np.concatenate([[0.0], average(np.array(gs), beta2)])[:-1]
    c = beta1 * m + (1 - beta1) * np.array(gs)
    points, states = visited(Lion(lr, beta1, beta2, decay), gs, x=1.0)
    sure = np.abs(c) > 1e-9 * np.abs(gs).max()  # elsewhere rounding has the sign
    steps = -lr * (np.sign(c) + decay * points[:-1])
    assert np.diff(points)[sure] == near(steps[sure], points)
    assert states[-1].m == near(average(np.array(gs), beta2)[-1], gs)


@pytest.mark.formula("muon-newton-schulz")
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(5, 8))
def test_the_iteration_applies_the_polynomial_to_the_singular_values(seed, rank, columns):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((5, rank)))
    right, _ = np.linalg.qr(rng.standard_normal((columns, rank)))
    s = rng.uniform(0.1, 1, rank)
    values = s / (np.linalg.norm(s) + 1e-7)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    g = left @ np.diag(s) @ right.T
    assert newton_schulz(g) == near(left @ np.diag(values) @ right.T, 1.0)


@pytest.mark.formula("muon-update")
@pytest.mark.parametrize("shape", [(6, 3), (3, 6)])
def test_muon_steps_along_the_orthogonal_part_of_a_nesterov_average(shape):
    rng = np.random.default_rng(0)
    rule, x, m = Muon(0.1, 0.8, weight_decay=0.05), rng.standard_normal(shape), np.zeros(shape)
    state = rule.init(x)
    for _ in range(20):
        g = rng.standard_normal(shape)
        m = 0.8 * m + 0.2 * g
        o = newton_schulz(0.8 * m + 0.2 * g)
        expected = x - 0.1 * (max(1, shape[0] / shape[1]) ** 0.5 * o + 0.05 * x)
        x, state = rule.update(x, g, state)
        np.testing.assert_allclose(x, expected, rtol=1e-12)


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_late_in_a_run_a_spike_makes_a_step_of_a_tenth_of_eta_in_adamax():
    def step_at(t):
        rule, x = AdaMax(1.0), 0.0
        state = rule.init(x)
        for g in [1e-6] * (t - 1) + [1.0]:
            before = x
            x, state = rule.update(x, g, state)
        return before - x

    assert step_at(2) == pytest.approx(0.526, abs=1e-3)
    assert step_at(200) == pytest.approx(0.1, rel=1e-3)


@given(signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=60))
def test_gradients_of_one_size_make_no_step_of_adam_longer_than_eta(signs):
    rule, x = Adam(1.0), 0.0
    state = rule.init(x)
    for g in signs:
        before = x
        x, state = rule.update(x, 3.0 * g, state)
        assert abs(x - before) <= 1 + 1e-9
