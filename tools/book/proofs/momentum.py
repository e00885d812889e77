"""Proofs of slips about gradient descent and momentum, Distill's among them."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from descent import minimize, rules
from descent.certificates import certificates
from descent.certificates.sequences import slope
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


def at_rest(rate: Fraction, momentum: Fraction, curvature: Fraction, n: int) -> Fraction:
    """Return where heavy ball stands after n steps from rest at 1 on a parabola."""
    before = x = Fraction(1)
    for _ in range(n):
        before, x = x, x - rate * curvature * x + momentum * (x - before)
    return x


@proof
def factor_of_a_double_root() -> dict[str, Any]:
    """The best pair for curvatures in [1, 25], in fractions, and the bounds on its error."""
    rho, ends, k = Fraction(2, 3), [Fraction(1), Fraction(25)], 10
    tuning = (4 / Fraction(5 + 1) ** 2, rho**2)
    flat, steep = (at_rest(*tuning, end, 1) for end in ends)
    assert min(abs(flat), abs(steep)) > rho
    for n, curvature in itertools.product(range(20), range(1, 26)):
        error = abs(at_rest(*tuning, Fraction(curvature), n))
        assert error <= (1 + (1 + rho) * n) * rho**n
        assert curvature != 25 or error == (1 + (1 + rho) * n) * rho**n
    found = {"flat": flat, "steep": steep, "printed": rho, "later": at_rest(*tuning, ends[1], k)}
    found |= {"later": abs(found["later"]), "bound": rho**k}
    return {"steps": k} | {name: float(one) for name, one in found.items()}


@proof
def energy_of_a_cycle() -> dict[str, Any]:
    """The energy of heavy-ball-lean along the certified cycle, where μ = 1 and x* = 0."""
    data = certificates()["heavy-ball-cycle"].proofs[0]
    places = [Fraction(place) for place in data["x"]]
    rho = (Fraction(data["root_L"]) - 1) / (Fraction(data["root_L"]) + 1)
    kinks, curvatures = ([*map(Fraction, data[name])] for name in ("kinks", "curvatures"))
    assert [Fraction(data[name]) for name in ("eta", "mu")] == [Fraction(4, 36), rho**2]

    def value(x: Fraction) -> Fraction:
        """Return f by the trapezoids below its slope, which is linear between the kinks."""
        at = sorted({Fraction(0), x, *(kink for kink in kinks if 0 < kink < x)})
        heights = [slope(place, kinks, curvatures) for place in at]
        sides = itertools.pairwise(zip(at, heights, strict=True))
        area = sum((b - a) * (g + h) / 2 for (a, g), (b, h) in sides)
        return Fraction(area if x > 0 else -area)

    def energy(before: Fraction, x: Fraction) -> Fraction:
        return value(x) + (2 * x - before) ** 2 / 2

    x, first = (places[0], places[-1]), energy(places[-1], places[0])
    for _ in places:
        now, before = x
        moved = Fraction(4, 9) * (now - before) - slope(now, kinks, curvatures) / 9
        x = (now + moved, now)
    ratio, claimed = energy(x[1], x[0]) / first, rho ** len(places)
    assert first > 0 and ratio == 1 > claimed
    return {"steps": len(places), "ratio": int(ratio), "claimed": float(claimed)}


@proof
def linear_or_quadratic() -> dict[str, Any]:
    """The order of convergence of Newton's method and of gradient descent on eˣ − 2x."""

    def order(step: Callable[[float], float], n: int) -> float:
        errors, x = [], 1.0
        for _ in range(n):
            x = step(x)
            errors.append(abs(x - math.log(2)))
        a, b, c = errors[-3:]
        return math.log(c / b) / math.log(b / a)

    newton = order(lambda x: x - (math.exp(x) - 2) / math.exp(x), 3)
    descent = order(lambda x: x - 0.1 * (math.exp(x) - 2), 60)
    assert abs(newton - 2) < 0.05 and abs(descent - 1) < 0.001
    return {"newton": newton, "descent": descent}


@proof
def between_one_and_two() -> dict[str, Any]:
    """Gradient descent on x²/2."""
    n, grad = 50, float
    sizes = {
        name: abs(descend(GradientDescent(lr), n, 1.0, grad)[-1])
        for name, lr in {"between": 1.5, "figure": 1.9, "beyond": 2.1}.items()
    }
    assert sizes["between"] < sizes["figure"] < 1 < sizes["beyond"]
    return {"steps": n} | sizes
