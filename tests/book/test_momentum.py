"""The formulas of the chapter on momentum."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tolerance import largest, near

from descent import minimize
from descent.conventions import framework_rule
from descent.landscapes import NoisyQuadratic, Quadratic
from descent.rules import GradientDescent, Momentum, Nesterov

lrs = st.floats(1e-3, 10)
momenta = st.floats(0, 0.98)
curvatures = st.floats(0.05, 20)


def matrix(rule, curvature):
    """Return one step of a rule with displacement d on λx²/2, as a matrix on (d, x)."""
    columns = []
    for d, x in ((1.0, 0.0), (0.0, 1.0)):
        moved, state = rule.update(x, curvature * x, rule.State(0, d))
        columns.append((state.d, moved))
    return np.array(columns).T


def factor(rule, curvature):
    """Return the error factor of a rule on a parabola."""
    return abs(np.linalg.eigvals(matrix(rule, curvature))).max()


@pytest.mark.formula("momentum-update")
@given(x=st.floats(-5, 5), d=st.floats(-5, 5), g=st.floats(-5, 5), lr=lrs, mu=momenta)
def test_the_heavy_ball_keeps_a_share_of_its_displacement(x, d, g, lr, mu):
    rule = Momentum(lr, mu)
    moved, state = rule.update(x, g, rule.State(0, d))
    assert state.d == near(mu * d - lr * g, d, lr * g)
    assert moved == near(x + mu * d - lr * g, x, d, lr * g)
    assert rule.init(x) == (0, 0)


@pytest.mark.formula("momentum-terminal")
@given(lr=lrs, mu=st.floats(0, 0.9), g=st.floats(0.1, 5))
def test_equal_gradients_add_up_and_alternating_ones_cancel(lr, mu, g):
    rule = Momentum(lr, mu)
    for sign, terminal in ((1, -lr * g / (1 - mu)), (-1, -lr * g / (1 + mu))):
        state = rule.init(0.0)
        for t in range(600):
            _, state = rule.update(0.0, sign**t * g, state)
        assert state.d == pytest.approx(terminal * sign**599, rel=1e-9)


@pytest.mark.formula("momentum-characteristic")
@given(lr=lrs, mu=momenta, curvature=curvatures)
def test_the_factors_of_the_heavy_ball_are_the_roots_of_the_polynomial(lr, mu, curvature):
    step = matrix(Momentum(lr, mu), curvature)
    assert np.trace(step) == near(1 + mu - lr * curvature, step)
    assert np.linalg.det(step) == near(mu, largest(step) ** 2)


@pytest.mark.formula("momentum-critical")
@given(product=st.floats(0.01, 3.5))
def test_critical_damping_is_the_best_momentum_and_a_double_root(product):
    critical = (1 - np.sqrt(product)) ** 2
    # The error of a double root is the root of its matrix's.
    assert factor(Momentum(product, critical), 1.0) == near(np.sqrt(critical), 1.0, rel=1e-6)
    others = [mu for mu in np.linspace(0, 0.99, 34) if abs(mu - critical) > 0.02]
    best = factor(Momentum(product, critical), 1.0)
    assert all(factor(Momentum(product, mu), 1.0) > best - 1e-6 for mu in others)


@pytest.mark.formula("momentum-stability")
@given(mu=momenta, curvature=curvatures)
def test_momentum_is_stable_up_to_two_times_one_plus_mu_over_the_curvature(mu, curvature):
    limit = 2 * (1 + mu) / curvature
    assert factor(Momentum(0.999 * limit, mu), curvature) < 1
    assert factor(Momentum(1.001 * limit, mu), curvature) > 1


@pytest.mark.formula("momentum-best")
@given(smallest=curvatures, kappa=st.floats(1.5, 1000))
def test_the_best_pair_reaches_its_rate_everywhere_and_no_neighbour_is_better(smallest, kappa):
    largest = kappa * smallest
    lr = (2 / (np.sqrt(smallest) + np.sqrt(largest))) ** 2
    rate = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)

    def worst(lr, mu):
        return max(factor(Momentum(lr, mu), curvature) for curvature in (smallest, largest))

    within = np.linspace(smallest, largest, 7)
    assert all(factor(Momentum(lr, rate**2), c) < rate + 1e-4 for c in within)
    for share in (0.9, 0.99, 1.01, 1.1):
        assert worst(share * lr, rate**2) > rate
        assert worst(lr, min(share * rate**2, 0.9999)) > rate - 1e-6


@pytest.mark.formula("nesterov-update")
@given(x=st.floats(-5, 5), d=st.floats(-5, 5), g=st.floats(-5, 5), lr=lrs, mu=momenta)
def test_nesterov_steps_from_look_ahead_point_to_look_ahead_point(x, d, g, lr, mu):
    rule = Nesterov(lr, mu)
    moved, state = rule.update(x, g, rule.State(0, d))
    assert state.d == near(mu * d - lr * g, d, lr * g)
    assert moved == near(x + mu * (mu * d - lr * g) - lr * g, x, d, lr * g)


@pytest.mark.formula("nesterov-characteristic")
@given(lr=lrs, mu=momenta, curvature=curvatures)
def test_the_factors_of_nesterov_are_the_roots_of_its_polynomial(lr, mu, curvature):
    step = matrix(Nesterov(lr, mu), curvature)
    shrink = 1 - lr * curvature
    assert np.trace(step) == near((1 + mu) * shrink, step)
    assert np.linalg.det(step) == near(mu * shrink, largest(step) ** 2)


@pytest.mark.formula("nesterov-guarantee")
@given(
    low=st.floats(0.001, 0.9),
    x0=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    angle=st.floats(0, np.pi),
)
def test_nesterov_keeps_its_guarantee_on_functions_that_are_no_quadratics(low, x0, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def f(x):
        bent, flat = turn @ x
        return low / 2 * (bent**2 + flat**2) + (1 - low) * np.log(np.cosh(bent))

    def grad(x):
        bent, flat = turn @ x
        return turn.T @ np.array([low * bent + (1 - low) * np.tanh(bent), low * flat])

    root = low**-0.5
    run = minimize(f, np.array(x0), Nesterov(1.0, (root - 1) / (root + 1)), 60, grad=grad)
    losses = np.array([f(x - g) for x, g in zip(run.x[:-1], run.g[:-1], strict=True)])
    at_start = f(np.array(x0)) + low / 2 * np.sum(np.square(x0))
    assert (losses <= (1 - 1 / root) ** np.arange(1, 61) * at_start * (1 + 1e-12) + 1e-15).all()


@pytest.mark.formula("momentum-lower-bound")
@pytest.mark.parametrize(
    "rule",
    [
        GradientDescent(Fraction(1, 5)),
        Momentum(Fraction(1, 4), Fraction(1, 4)),
        Nesterov(Fraction(1, 9), Fraction(1, 2)),
    ],
)
def test_no_rule_is_faster_on_the_worst_quadratic_than_its_lower_bound(rule):
    low, high, q, steps = 1, 9, Fraction(1, 2), 12  # q = (√κ − 1)/(√κ + 1)
    n = steps + 2  # what the gradients reach, and two more

    def grad(x):
        before, after = [1, *x[:-1]], [*x[1:], 0]
        rows = zip(before, x, after, strict=True)
        return np.array([Fraction(high - low, 4) * (2 * b - a - c) + low * b for a, b, c in rows])

    best = np.array([q ** (i + 1) for i in range(n)])
    assert not grad(best)[:-1].any()  # the last one misses its neighbour
    tail = q ** (2 * n + 2) / (1 - q**2)
    x, from_start = np.array([Fraction(0)] * n), q**2 / (1 - q**2)
    state = rule.init(x)
    for t in range(1, steps + 1):
        x, state = rule.update(x, grad(x), state)
        assert not x[t:].any()
        assert sum((x - best) ** 2) + tail >= q ** (2 * t) * from_start
    reached = sum((np.where(np.arange(n) < steps, best, 0) - best) ** 2) + tail
    assert reached == q ** (2 * steps) * from_start  # nothing in these coordinates is nearer


@pytest.mark.formula("momentum-noise")
@pytest.mark.parametrize(
    ("lr", "mu", "curvature"), [(0.1, 0.9, 1.0), (0.5, 0.5, 1.0), (0.05, 0.8, 3.0)]
)
def test_the_cloud_of_momentum_has_the_variance_of_the_formula(lr, mu, curvature):
    step = matrix(Momentum(lr, mu), curvature)
    noise = lr**2 * np.ones((2, 2))  # the noise enters d and x alike
    covariance = np.zeros((2, 2))
    for _ in range(3000):
        covariance = step @ covariance @ step.T + noise
    exact = lr / curvature * (1 + mu) / ((1 - mu) * (2 * (1 + mu) - lr * curvature))
    assert covariance[1, 1] == pytest.approx(exact, rel=1e-9)
    f = NoisyQuadratic([curvature] * 200, noise=1.0)
    run = minimize(f, np.zeros(200), Momentum(lr, mu), 1200, grad=f.noisy_grad(0))
    assert np.mean(run.x[300:] ** 2) == pytest.approx(exact, rel=0.05)


@pytest.mark.formula("momentum-outside")
@given(mu=momenta, lr=lrs)
def test_torch_keeps_the_learning_rate_outside_which_is_the_same_while_it_is_constant(mu, lr):
    def dropped(t):
        return lr if t <= 5 else lr / 10

    outside = framework_rule("torch.optim.SGD", lr=dropped, momentum=mu)
    inside = Momentum(dropped, mu)
    x_out = x_in = x = 1.0
    points = [x]
    buffer, out, inner = 0.0, outside.init(1.0), inside.init(1.0)
    for t in range(1, 10):
        g = np.sin(3.0 * t) + 1.5
        buffer = mu * buffer + g
        x = x - dropped(t) * buffer
        points.append(x)
        x_out, out = outside.update(x_out, g, out)
        x_in, inner = inside.update(x_in, g, inner)
        assert x_out == near(x, points)
        if t <= 5:
            assert x_in == near(x, points)


def test_the_matrix_is_what_the_rule_does():
    run = minimize(Quadratic([2.0]), [1.0], Momentum(0.3, 0.6), 40)
    powers = np.linalg.matrix_power(matrix(Momentum(0.3, 0.6), 2.0), 40) @ [0.0, 1.0]
    assert run.x[40, 0] == pytest.approx(powers[1])


# --- what the chapter says beside its formulas ----------------------------------------------------


@pytest.mark.parametrize("product", [0.1, 0.5, 0.9, 1.1, 1.9])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_below_critical_damping_the_weight_creeps_or_changes_sides(product, share):
    mu = share * (1 - product**0.5) ** 2
    x = minimize(Quadratic([product]), [1.0], Momentum(1.0, mu), 60).x[:, 0]
    late = x[20:]
    assert (late * late[0] > 0).all() if product < 1 else (late[1:] * late[:-1] < 0).all()


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.9, 0.99])
def test_nesterov_damps_steep_directions_more_than_flat_ones(mu):
    factors = [factor(Nesterov(1.0, mu), product) for product in np.linspace(0.001, 0.999, 200)]
    assert (np.diff(factors) < 1e-7).all()


def test_the_cloud_is_that_of_the_longer_step_while_that_step_is_small():
    def momentum(lr, mu):
        return lr * (1 + mu) / ((1 - mu) * (2 * (1 + mu) - lr))

    def descent(lr):
        return lr / (2 - lr)

    assert momentum(0.1, 0.9) / descent(1.0) < 0.52
    for lr in (1e-3, 1e-4):
        assert momentum(lr, 0.9) == pytest.approx(descent(10 * lr), rel=5 * lr)


def test_pytorchs_dampening_spares_the_first_step():
    x = torch.zeros(1, requires_grad=True)
    sgd = torch.optim.SGD([x], lr=1.0, momentum=0.5, dampening=0.75)
    seen = []
    for _ in range(2):
        x.grad = torch.ones(1)
        sgd.step()
        seen.append(x.item())
    assert seen == [-1.0, -1.0 - (0.5 + 0.25)]
