"""The formulas of the chapter on RMSprop and Adadelta."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tolerance import near

from descent.rules import Adadelta, Adam, CenteredRMSprop, MomentumRMSprop, RMSprop

gradients = st.lists(st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3), min_size=1, max_size=40)
lrs = st.floats(1e-3, 10)
rates = st.floats(0, 0.99)


def steps(rule, gs):
    """Return the steps of a rule along these gradients, and its states."""
    x, state, found, states = 0.0, rule.init(0.0), [], []
    for g in gs:
        moved, state = rule.update(x, g, state)
        found.append(moved - x)
        states.append(state)
        x = moved
    return np.array(found), states


def average(values, rate):
    """Return the moving averages of the values, from 0, as weighted sums."""
    t = np.arange(len(values))
    return [np.sum((1 - rate) * rate ** (n - t[: n + 1]) * values[: n + 1]) for n in t]


@pytest.mark.formula("rmsprop-update")
@given(gs=gradients, lr=lrs, rho=rates)
def test_rmsprop_divides_by_the_root_of_the_average_square(gs, lr, rho):
    expected = -lr * np.array(gs) / np.sqrt(average(np.square(gs), rho))
    found, states = steps(RMSprop(lr, rho), gs)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * lr * len(gs))
    assert states[-1].v == pytest.approx(average(np.square(gs), rho)[-1])


@pytest.mark.formula("rmsprop-first-steps")
@given(g=st.floats(1e-3, 1e3), lr=lrs, rho=rates, t=st.integers(1, 100), gs=gradients)
def test_the_first_step_is_the_longest(g, lr, rho, t, gs):
    found, _ = steps(RMSprop(lr, rho), [g] * t)
    assert -found[-1] == pytest.approx(lr / (1 - rho**t) ** 0.5, rel=1e-9)
    found, _ = steps(RMSprop(lr, rho), gs)
    assert abs(found).max() <= lr / (1 - rho) ** 0.5 * (1 + 1e-9)


@pytest.mark.formula("rmsprop-cycle")
@given(lr=lrs, curvature=st.floats(1e-3, 1e3), rho=st.floats(0.01, 0.99))
def test_half_a_step_to_either_side_is_a_cycle(lr, curvature, rho):
    rule = RMSprop(lr, rho)
    x, state = lr / 2, rule.State(0, (curvature * lr / 2) ** 2)
    for t in range(1, 4):
        x, state = rule.update(x, curvature * x, state)
        assert x == pytest.approx((-1) ** t * lr / 2)
        assert state.v == pytest.approx((curvature * lr / 2) ** 2)


@pytest.mark.parametrize("rho", [0.15, 0.5, 0.9, 0.99])
def test_deviations_from_the_cycle_shrink_by_the_root_of_rho(rho):
    def turn(a, b):
        """Return the deviations of |x| and v after a step from those before."""
        rule = RMSprop(1.0, rho)
        x, state = rule.update((1 + a) / 2, (1 + a) / 2, rule.State(0, (1 + b) / 4))
        return abs(x) * 2 - 1, state.v * 4 - 1

    h = 1e-6
    matrix = np.array([turn(h, 0.0), turn(0.0, h)]).T / h
    assert abs(np.linalg.eigvals(matrix)) == pytest.approx([rho**0.5] * 2, rel=1e-4)


@pytest.mark.formula("rmsprop-centered")
@given(gs=gradients, lr=lrs, rho=rates, mu=st.floats(0, 0.95), eps=st.floats(1e-4, 1))
def test_the_centered_form_divides_by_the_deviation_and_keeps_a_displacement(gs, lr, rho, mu, eps):
    n, m = average(np.square(gs), rho), average(np.array(gs), rho)
    expected, d = [], 0.0
    for g, square, mean in zip(gs, n, m, strict=True):
        variance = max(square - mean**2, 0)
        assume(variance == 0 or variance > 1e-9 * square)  # below, rounding decides
        d = mu * d - lr * g / (variance + eps) ** 0.5
        expected.append(d)
    found, _ = steps(CenteredRMSprop(lr, rho, mu, eps), gs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7 * lr * len(gs))


@pytest.mark.formula("rmsprop-centered-constant")
@given(g=st.floats(1e-2, 1e2), rho=st.floats(0.5, 0.99), t=st.integers(1, 60))
def test_along_a_constant_gradient_the_centered_denominator_dies_away(g, rho, t):
    _, states = steps(CenteredRMSprop(rho=rho), [g] * t)
    found = states[-1].n - states[-1].m ** 2
    assert found == near(g**2 * rho**t * (1 - rho**t), g**2)


@pytest.mark.formula("adadelta-update")
@given(gs=gradients, rho=rates, eps=st.floats(1e-8, 1e-2))
def test_adadelta_steps_by_the_ratio_of_its_own_past_to_the_gradients(gs, rho, eps):
    v, u, expected = average(np.square(gs), rho), 0.0, []
    for g, square in zip(gs, v, strict=True):
        expected.append(-((u + eps) ** 0.5) / (square + eps) ** 0.5 * g)
        u = rho * u + (1 - rho) * expected[-1] ** 2
    found, states = steps(Adadelta(rho=rho, eps=eps), gs)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12 * len(gs))
    assert states[-1].u == pytest.approx(u, rel=1e-9)


@pytest.mark.formula("adadelta-first-step")
@given(g=st.floats(1, 1e3), rho=rates, eps=st.floats(1e-12, 1e-4))
def test_the_first_step_of_adadelta_is_set_by_epsilon(g, rho, eps):
    first = -steps(Adadelta(rho=rho, eps=eps), [g])[0][0]
    assert first == pytest.approx(eps**0.5 * g / ((1 - rho) * g**2 + eps) ** 0.5, rel=1e-9)
    if g**2 > 1e4 * eps / (1 - rho):
        assert first == pytest.approx((eps / (1 - rho)) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("start", [1.0, 2.0, 3.0])
def test_with_a_long_memory_rmsprop_rounds_to_the_minimum_and_stays(start):
    """The cycle attracts what is near it, not every start."""
    rule, x = RMSprop(0.01, 0.999), start
    state = rule.init(x)
    for _ in range(6000):
        x, state = rule.update(x, x, state)
    assert x == 0


def test_after_a_spike_adams_average_keeps_it_and_rmsprops_displacement_does_not():
    """Gradients of 1, then one of 1000."""
    gs = [1.0] * 200 + [1000.0]
    _, states = steps(Adam(1.0, beta1=0.9, beta2=0.9), gs)
    assert states[-1].m == pytest.approx(0.1 * 1000 + 0.9, rel=1e-6)
    _, states = steps(MomentumRMSprop(1.0, 0.9, 0.9), gs)
    assert abs(states[-1].d) < 0.9 * 10 + 1 / 0.1**0.5 + 1e-6  # the spike adds 1/√(1 − ρ) at most
