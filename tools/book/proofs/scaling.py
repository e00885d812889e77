"""Proofs of slips about AdaGrad, RMSprop and their kin."""

import math
from typing import Any

import numpy as np

from descent import rules
from descent.rules import AdaGrad, RMSprop
from tools.book.proofs.harness import close, descend, proof, state_after, steps, wrong


@proof
def adagrad_is_adam() -> dict[str, Any]:
    """Step 100 along a constant gradient."""
    right = steps(AdaGrad(0.1), [1.0] * 100)
    printed = steps(wrong("adagrad-is-adam", lr=0.1), [1.0] * 100)
    assert close(right[99], 0.1 / 10) and all(close(step, 0.1, 1e-6) for step in printed)
    return {"right": right[99], "printed": printed[99]}


@proof
def adagrad_averages() -> dict[str, Any]:
    """The step along unit gradients, summed and averaged."""
    summed = steps(AdaGrad(1.0), [1.0] * 10_000)
    averaged = steps(wrong("adagrad-averages", lr=1.0), [1.0] * 10_000)[-1]
    assert close(summed[-1], 0.01, 1e-6) and close(averaged, 1, 1e-6)
    return {"first": summed[0], "late": summed[-1], "averaged": averaged}


@proof
def squares_of_the_sum() -> dict[str, Any]:
    """The accumulator after ten gradients of 1, and after ten of alternating sign."""

    def accumulated(name: str, gradients: list[float]) -> float:
        rule = AdaGrad() if name == "adagrad" else wrong(name)
        x, state = 0.0, rule.init(0.0)
        for g in gradients:
            x, state = rule.update(x, g, state)
        return float(state.s)

    ones, signs = [1.0] * 10, [1.0, -1.0] * 5
    printed = accumulated("adagrad-squares-of-the-sum", ones)
    assert close(printed, sum(k**2 for k in range(1, 11)))
    assert accumulated("adagrad", ones) == accumulated("adagrad", signs) == 10
    alternating = accumulated("adagrad-squares-of-the-sum", signs)
    return {"right": 10, "printed": printed, "alternating": alternating}


@proof
def accumulated_step() -> dict[str, Any]:
    """Where x² is after 1000 steps of η = 1."""
    right = descend(AdaGrad(1.0), 1000)[-1]
    printed = descend(wrong("adagrad-accumulated-step", lr=1.0), 1000)
    assert abs(right) < 1e-12 and min(printed[-500:]) < -0.1 and max(printed[-500:]) > 0.1
    return {"right": 0.0 if abs(right) < 1e-12 else right, "printed": printed[-1]}


@proof
def rate_times_excess() -> dict[str, Any]:
    """What the step is multiplied by."""
    right = steps(AdaGrad(1.0), [1.0] * 1100)
    printed = steps(wrong("adagrad-rate-times-excess", lr=1.0), [1.0] * 1100)
    soon, late = (printed[t - 1] / right[t - 1] for t in (110, 1100))
    assert close(soon, 10, 1e-6) and close(late, 1000, 1e-6)
    return {"soon": soon, "late": late}


@proof
def unrolled_without_squares() -> dict[str, Any]:
    """The average of the squares of 10, 10, 10."""
    right = state_after(RMSprop(rho=0.5), [10.0] * 3).v
    printed = state_after(wrong("rmsprop-unrolled-without-squares", rho=0.5), [10.0] * 3).v
    assert close(right, 100 * (1 - 0.5**3)) and close(printed, 0.5 * (100 + 50 + 0.25 * 10))
    return {"right": right, "printed": printed}


@proof
def half_life() -> dict[str, Any]:
    """When a weight ρ^k is halved."""
    rho = 0.9
    right = math.log(0.5) / math.log(rho)
    assert close(rho**right, 0.5)
    return {"right": right, "inverse": 1 / rho, "window": 1 / (1 - rho)}


@proof
def unweighted_square() -> dict[str, Any]:
    """The ratio of the steps, the same at each."""
    gradients = np.random.default_rng(0).standard_normal(50).tolist()
    printed = steps(wrong("rmsprop-unweighted-square"), gradients)
    ratios = np.divide(printed, steps(RMSprop(), gradients))
    assert np.allclose(ratios, math.sqrt(0.1), rtol=1e-9)
    return {"ratio": ratios[0]}


@proof
def starts_at_the_weights() -> dict[str, Any]:
    """The average of squares after one step from a weight of −5."""
    printed = state_after(wrong("rmsprop-starts-at-the-weights"), [1e-3], -5.0).v
    right = state_after(RMSprop(), [1e-3], -5.0).v
    assert printed < 0 < right
    with np.errstate(invalid="ignore"):
        assert math.isnan(np.sqrt(printed))
    return {"v": printed, "root": "no number", "right": right}


@proof
def averages_the_parameters() -> dict[str, Any]:
    """The second step on x² from 5."""
    printed = descend(wrong("adadelta-averages-the-parameters"), 2)
    right = descend(rules.Adadelta(), 2)
    assert printed[1] - printed[2] > 100 * (right[1] - right[2])
    return {"printed": printed[1] - printed[2], "right": right[1] - right[2]}


@proof
def inverse_chi_square() -> dict[str, Any]:
    """The variance of 1/X for X = σ² χ²_ρ / ρ, from the density."""
    rho, sigma = 20.0, 1.5
    x = np.linspace(1e-3, 200.0, 400_001)
    density = x ** (rho / 2 - 1) * np.exp(-x / 2) / (2 ** (rho / 2) * math.gamma(rho / 2))

    def mean(values: Any) -> float:
        return float(np.sum(values * density) * (x[1] - x[0]))

    psi2 = rho / (x * sigma**2)
    variance = mean(psi2**2) - mean(psi2) ** 2
    right = 2 * rho**2 / sigma**4 / ((rho - 2) ** 2 * (rho - 4))
    assert close(variance, right, 1e-4)
    printed = 2 * rho / sigma**4 / ((rho - 2) ** 2 * (rho - 2))
    return {"right": variance, "formula": right, "printed": printed}
