"""Proofs of slips about gradient descent and momentum, Distill's among them."""

from typing import Any

import numpy as np

from descent import minimize, rules
from descent.landscapes import Quadratic
from descent.rules import GradientDescent, Momentum
from tools.book.proofs.harness import close, descend, points, proof, steps, wrong


@proof
def along_the_gradient() -> dict[str, Any]:
    """One step on x² from 5, uphill and down."""
    along = points(wrong("gradient-descent-along-the-gradient", lr=0.1), [10.0], 5.0)[1]
    against = points(GradientDescent(0.1), [10.0], 5.0)[1]
    assert along**2 > 25 > against**2
    return {"along": along, "against": against, "start": 25, "up": along**2, "down": against**2}


@proof
def minimiser_sign() -> dict[str, Any]:
    """A quadratic and its square completed with −Q⁻¹c and with +Q⁻¹c."""
    rng = np.random.default_rng(0)
    q, c, b, x = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0]), 0.5, rng.normal(size=2)
    shift = np.linalg.solve(q, c)

    def square(d: Any) -> float:
        return float(0.5 * d @ q @ d + b - 0.5 * c @ shift)

    h = float(0.5 * x @ q @ x + x @ c + b)
    assert close(h, square(x + shift)) and not close(h, square(x - shift), 0.1)
    return {"h": h, "printed": square(x - shift), "right": square(x + shift)}


@proof
def without_step_size() -> dict[str, Any]:
    """The factor of an error in one step, with η and without."""
    printed, right = (
        points(rule, [19.0], 1.0)[1]
        for rule in (wrong("gradient-descent-without-step-size", lr=0.1), GradientDescent(0.1))
    )
    assert close(printed, 1 - 19) and close(right, 1 - 0.1 * 19) and abs(right) < 1 < abs(printed)
    return {"printed": printed, "right": right}


@proof
def rate_over_its_power() -> dict[str, Any]:
    """The first five steps as printed, along a gradient of 1."""
    printed = steps(wrong("gradient-descent-rate-over-its-power", lr=0.01), [1.0] * 5)
    assert all(step < 0 for step in printed) and close(printed[4] / printed[3], 100)
    names = ("first", "second", "third", "fourth", "fifth")
    return {
        **dict(zip(names, printed, strict=True)),
        "right": steps(GradientDescent(0.01), [1.0])[0],
    }


@proof
def momentum_is_no_larger_step() -> dict[str, Any]:
    """What a displacement tends to along a constant and an alternating gradient, in units of η."""
    constant = steps(Momentum(1.0), [1.0] * 300)
    alternating = steps(Momentum(1.0), [1.0, -1.0] * 150)
    larger = steps(wrong("momentum-larger-step", lr=1.0), [1.0, -1.0])
    assert (
        close(constant[0], 1) and close(constant[-1], 10) and close(abs(alternating[-1]), 1 / 1.9)
    )
    assert close(larger[0], 10) and close(larger[1], -10)
    return {"constant": constant[-1], "alternating": abs(alternating[-1]), "larger": larger[0]}


@proof
def nesterov_last_momentum() -> dict[str, Any]:
    """The printed rule is heavy-ball momentum."""
    printed = descend(wrong("nesterov-last-momentum", lr=0.01), 100)
    heavy = descend(Momentum(0.01), 100)
    assert np.allclose(printed, heavy, rtol=0, atol=1e-12)
    right = steps(rules.Nesterov(1.0), [1.0])[0]
    first = steps(wrong("nesterov-last-momentum", lr=1.0), [1.0])[0]
    assert first == 1 and close(right, 1.9)
    return {"steps": 100, "printed": first, "right": right}


@proof
def half_missing() -> dict[str, Any]:
    """The error of gradient descent on a bowl after five steps, and the printed sum."""
    bowl, lr = Quadratic([1.0, 0.1]), 0.5
    run = minimize(bowl, [2.0, -1.0], GradientDescent(lr), 5)
    printed = sum(
        (1 - lr * c) ** 10 * c * x**2 for c, x in zip((1.0, 0.1), (2.0, -1.0), strict=True)
    )
    assert close(run.f[-1], printed / 2)
    return {"right": run.f[-1], "printed": printed}


def heavy_ball(beta: float, lam: float, alpha: float) -> Any:
    """Return Distill's matrix R of momentum on one coordinate."""
    return np.array([[beta, lam], [-alpha * beta, 1 - alpha * lam]])


@proof
def errors_under_the_sum() -> dict[str, Any]:
    """Six noisy steps of momentum, iterated and by both formulas: the second coordinate."""
    k, r, push = 6, heavy_ball(0.5, 1.0, 0.3), np.array([1.0, -0.3])
    errors = np.random.default_rng(0).standard_normal(k + 1)
    start = np.array([0.0, 1.0])
    state = start
    for j in range(1, k + 1):
        state = r @ state + errors[j] * push
    decayed = [np.linalg.matrix_power(r, k - j) @ push for j in range(1, k + 1)]
    alone = np.linalg.matrix_power(r, k) @ start
    inside = alone + sum(e * d for e, d in zip(errors[1:], decayed, strict=True))
    printed = alone + errors[k] * sum(decayed)
    assert np.allclose(inside, state) and not np.allclose(printed, state, rtol=0.5)
    return {"right": state[1], "inside": inside[1], "printed": printed[1]}


@proof
def squares_of_the_errors() -> dict[str, Any]:
    """The expected loss after ten steps, from the moments of the iterates and as printed."""
    k, lam, r, push = 10, 1.0, heavy_ball(0.5, 1.0, 0.3), np.array([1.0, -0.3])
    mean, covariance = np.array([0.0, 1.0]), np.zeros((2, 2))
    for _ in range(k):
        mean, covariance = r @ mean, r @ covariance @ r.T + np.outer(push, push)
    right = lam / 2 * (mean[1] ** 2 + covariance[1, 1])
    gammas = [(np.linalg.matrix_power(r, k - i) @ push)[1] for i in range(1, k + 1)]
    assert close(right, lam / 2 * (mean[1] ** 2 + sum(g**2 for g in gammas)))
    printed = lam / 2 * mean[1] + lam / 2 * 0 * sum(g**2 for g in gammas)
    assert not close(printed, right, 0.5)
    return {"right": right, "printed": float(printed)}
