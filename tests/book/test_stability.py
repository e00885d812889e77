"""The formulas of the chapter on stability."""

import math

import numpy as np
import pytest
from functions import functions_of
from hypothesis import given
from hypothesis import strategies as st

from descent.rules import Adam

CHAPTER = functions_of("stability", "outputs", "gradient", "starts")


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
