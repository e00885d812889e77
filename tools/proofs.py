"""What proves the errata: each function computes the numbers of one, and asserts that it is one.

A proof returns its numbers by the names under which `book/errata.yml` prints them. It needs NumPy
and the package alone, and takes a fraction of a second.

`python -m tools.proofs` stores the numbers in `book/errata-numbers.json`, where the site has them
from; the tests compute them anew and compare.
"""

import ast
import itertools
import json
import math
import tempfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from descent import minimize, rules
from descent.certificates import certificates
from descent.certificates.sequences import slope
from descent.landscapes import Quadratic
from descent.misprints import MISPRINTS
from descent.report import number
from descent.rules import AdaGrad, Adam, GradientDescent, Momentum, RMSprop, Rule
from tools import errata
from tools.errata import Numbers

Proof = Callable[[], dict[str, Any]]

PROOFS: dict[str, Proof] = {}
"""The proofs by name."""

LR, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8
"""Adam's usual settings."""


def proof(function: Proof) -> Proof:
    """List a proof; it is computed once."""
    PROOFS[function.__name__] = cache(function)
    return PROOFS[function.__name__]


def close(a: Any, b: Any, rel: float = 1e-9) -> bool:
    """Return whether two numbers agree to rounding."""
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-12)


def points(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> list[float]:
    """Return x before and after each step of a rule along given gradients."""
    state, seen = rule.init(np.float64(x)), [x]
    with np.errstate(all="ignore"):
        for g in gradients:
            moved, state = rule.update(np.float64(seen[-1]), np.float64(g), state)
            seen.append(float(moved))
    return seen


def steps(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> list[float]:
    """Return the steps x_{t-1} − x_t of a rule along given gradients."""
    return [-step for step in np.diff(points(rule, gradients, x))]


def descend(
    rule: Rule, n: int, x: float = 5.0, grad: Callable[[float], float] = lambda x: 2 * x
) -> list[float]:
    """Return the points that a rule visits on x², or along another gradient."""
    state, seen = rule.init(np.float64(x)), [x]
    with np.errstate(all="ignore"):
        for _ in range(n):
            x_, state = rule.update(np.float64(seen[-1]), np.float64(grad(seen[-1])), state)
            seen.append(float(x_))
    return seen


def wrong(name: str, **hyper: Any) -> Rule:
    """Return a misprint as a rule."""
    rule: Rule = MISPRINTS[name](**hyper)
    return rule


def error(function: Callable[[], Any]) -> str:
    """Return the name of the exception that a function raises."""
    try:
        function()
    except Exception as raised:
        return type(raised).__name__
    raise AssertionError("it was to raise an exception, and returned")


# --- gradient descent and momentum ---


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
    places = [Fraction(one) for one in data["x"]]
    rho = (Fraction(data["root_L"]) - 1) / (Fraction(data["root_L"]) + 1)
    kinks, curvatures = ([*map(Fraction, data[name])] for name in ("kinks", "curvatures"))
    assert [Fraction(data[name]) for name in ("eta", "mu")] == [Fraction(4, 36), rho**2]

    def value(x: Fraction) -> Fraction:
        """Return f by the trapezoids below its slope, which is linear between the kinks."""
        at = sorted({Fraction(0), x, *(one for one in kinks if 0 < one < x)})
        heights = [slope(one, kinks, curvatures) for one in at]
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


# --- AdaGrad, RMSprop and their kin ---


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


def state_after(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> Any:
    """Return the state of a rule after given gradients."""
    y, state = np.float64(x), rule.init(np.float64(x))
    with np.errstate(all="ignore"):
        for g in gradients:
            y, state = rule.update(y, np.float64(g), state)
    return state


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


# --- Adam's step ---


@proof
def root_taken_twice() -> dict[str, Any]:
    """The first step on c x² from 5: 0.001 in Adam, 1/|g| of it as printed."""
    flat, steep = (steps(wrong("adam-root-taken-twice"), [g])[0] for g in (0.01, 1e4))
    right = steps(Adam(), [0.01])[0]
    assert close(flat, 100 * LR / 0.01, 1e-4) and close(steep, 100 * LR / 1e4, 1e-4)
    assert close(right, LR, 1e-5)
    assert math.isnan(steps(wrong("adam-root-taken-twice"), [0.0])[0])
    return {"printed": flat, "right": right, "steep": steep}


@proof
def no_root() -> dict[str, Any]:
    """The first step for g = 0.01, in units of η."""
    printed = steps(wrong("adam-no-root", lr=1.0, eps=0.0), [0.01])[0]
    right = steps(Adam(1.0, eps=0.0), [0.01])[0]
    assert close(printed, 100) and close(right, 1)
    return {"printed": printed, "right": right}


@proof
def no_denominator() -> dict[str, Any]:
    """The first step on 1000 x², and what β₂ does."""
    printed, right = (steps(rule, [1e4])[0] for rule in (wrong("adam-no-denominator"), Adam()))
    noise = np.random.default_rng(0).standard_normal(10).tolist()
    ends = {
        beta2: (
            points(wrong("adam-no-denominator", lr=0.1, beta2=beta2), noise, 1.0)[-1],
            points(Adam(0.1, beta2=beta2), noise, 1.0)[-1],
        )
        for beta2 in (0.5, 0.999)
    }
    assert ends[0.5][0] == ends[0.999][0] and close(printed, 10) and close(right, LR, 1e-6)
    return {"printed": printed, "right": right, "apart": abs(ends[0.5][1] - ends[0.999][1])}


@proof
def step_size_that_freezes() -> dict[str, Any]:
    """α_t/α as printed, along a gradient of 1."""

    def rate(t: int) -> float:
        power = B2**t
        return 1 / (1 + math.sqrt(1 / (power * (1 - power))))

    assert close(steps(wrong("adam-invented-step-size", lr=1.0), [1.0])[0], rate(1))
    assert rate(100_000) < 1e-20 and max(rate(t) for t in range(1, 5000)) < 0.34
    return {"early": rate(1), "late": rate(10_000), "frozen": rate(100_000)}


@proof
def epsilon_on_the_weights() -> dict[str, Any]:
    """A first gradient of 0, and the drift of ε = 10⁻⁶."""
    name, eps = "adam-epsilon-outside-the-quotient", 1e-6
    nothing = points(wrong(name, eps=eps), [0.0])[1]
    assert math.isnan(nothing) and points(Adam(eps=eps), [0.0])[1] == 0
    tiny = [1e-3, -1e-3] * 500
    drift = points(wrong(name, eps=eps), tiny)[-1] - points(wrong(name, eps=0.0), tiny)[-1]
    assert close(drift, 1000 * eps, 1e-6)
    return {"printed": "no number", "drift": drift}


@proof
def epsilon_for_epsilon_hat() -> dict[str, Any]:
    """The first step for g = 10⁻⁶ and ε = 10⁻⁷, in units of η."""
    settings: dict[str, Any] = {"lr": 1.0, "eps": 1e-7}
    right = steps(Adam(**settings), [1e-6])[0]
    printed = steps(wrong("adam-epsilon-is-epsilon-hat", **settings), [1e-6])[0]
    root = math.sqrt(1 - B2)
    assert close(right, 1 / 1.1) and close(printed, root * 1e-6 / (root * 1e-6 + 1e-7))
    return {"right": right, "printed": printed}


@proof
def epsilon_hat_without_root() -> dict[str, Any]:
    """ε̂/ε at t = 1."""
    right, printed = math.sqrt(1 - B2), 1 - B2
    settings: dict[str, Any] = {"lr": 1.0, "eps": 1e-5}
    step = steps(wrong("adam-epsilon-hat-without-root", **settings), [1e-6])[0]
    assert close(step, right * 1e-6 / (right * 1e-6 + printed * 1e-5))
    assert close(steps(Adam(**settings), [1e-6])[0], 1e-6 / (1e-6 + 1e-5))
    return {"right": right, "printed": printed, "apart": right / printed}


# --- Adam's averages ---


@proof
def not_a_variance() -> dict[str, Any]:
    """v̂ after 20000 gradients of mean 3 and standard deviation 4, half of them 7 and half −1."""
    gradients = [7.0, -1.0] * 10_000
    v_hat = state_after(Adam(), gradients).v / (1 - B2 ** len(gradients))
    moment, variance = float(np.mean(np.square(gradients))), float(np.var(gradients))
    assert close(v_hat, moment, 1e-2) and moment == 25 and variance == 16
    return {"v": round(v_hat, 1), "moment": moment, "variance": variance}


@proof
def moment_of_the_moment() -> dict[str, Any]:
    """After a first gradient of 10."""
    right = state_after(Adam(), [10.0]).v
    square = state_after(wrong("adam-second-moment-of-the-first"), [10.0]).v
    average = (1 - B2) * state_after(Adam(), [10.0]).m
    assert close(right, 0.1) and close(average, 0.001) and close(square, 0.001)
    return {"right": right, "average": average, "square": square}


@proof
def moments_twice() -> dict[str, Any]:
    """The average m after five gradients of 1."""
    right = state_after(Adam(), [1.0] * 5).m
    printed = state_after(wrong("adam-moments-twice"), [1.0] * 5).m
    assert close(right, 1 - B1**5) and close(printed, 1 - B1**10)
    return {"right": right, "printed": printed}


@proof
def oldest_weighs_most() -> dict[str, Any]:
    """The average m after ten gradients of 1 and ten of −1."""
    gradients = [1.0] * 10 + [-1.0] * 10
    right = state_after(Adam(), gradients).m
    printed = state_after(wrong("adam-oldest-weighs-most"), gradients).m
    assert close(right, -printed) and right < 0
    return {"right": right, "printed": printed}


@proof
def swapped_weights() -> dict[str, Any]:
    """The average m along a gradient of 10."""
    printed, right = (
        [state_after(rule, [10.0] * t).m for t in (1, 2, 50)]
        for rule in (wrong("adam-swapped-weights"), Adam())
    )
    assert close(right[2], 10 * (1 - B1**50)) and printed[2] < 1e-15
    return {
        "first": printed[0],
        "second": printed[1],
        "late": printed[2],
        "right_first": right[0],
        "right_second": right[1],
        "right_late": right[2],
    }


@proof
def misplaced_bracket() -> dict[str, Any]:
    """The printed recursion along a gradient of 10, and its limit along one of 1."""
    rule = wrong("adam-misplaced-bracket")
    values = [state_after(rule, [10.0] * t).m for t in range(1, 6)]
    assert values[1] < 0 < values[2] and close(values[4] / values[3], -9, 2e-2)
    limit = state_after(rule, [1.0] * 200).m
    assert close(limit, 1 / 1.9, 1e-6)
    names = ("first", "second", "third", "fourth", "fifth")
    right = state_after(Adam(), [10.0] * 5).m
    return {**dict(zip(names, values, strict=True)), "right": right, "limit": limit}


@proof
def one_decay_rate() -> dict[str, Any]:
    """The step of one gradient after a thousand noughts, in units of η."""
    gradients = [0.0] * 1000 + [1.0]
    right, printed = (
        steps(rule, gradients)[-1] for rule in (Adam(1.0), wrong("adam-one-decay-rate", lr=1.0))
    )
    assert close(printed, math.sqrt(0.1), 1e-6)
    assert close(right, 0.1 * math.sqrt((1 - B2**1001) / 0.001), 1e-6)
    return {"right": right, "printed": printed}


# --- bias correction ---


@proof
def no_correction() -> dict[str, Any]:
    """How many times too long the uncorrected steps are, along a constant gradient."""
    t = np.arange(1, 5001)
    ratios = (1 - B1**t) / np.sqrt(1 - B2**t)
    printed = steps(wrong("adam-no-correction", lr=1.0, eps=0.0), [3.0] * 50)
    assert np.allclose(printed, ratios[:50], rtol=1e-9)
    longest_at = int(ratios.argmax()) + 1
    below = int(t[np.argmax((ratios < 1.1) & (t > longest_at))])
    return {"first": ratios[0], "longest": ratios.max(), "longest_at": longest_at, "below": below}


@proof
def only_m_corrected() -> dict[str, Any]:
    """The first step on x² from 5."""
    printed, neither, right = (
        steps(rule, [10.0])[0]
        for rule in (wrong("adam-only-m-corrected"), wrong("adam-no-correction"), Adam())
    )
    assert close(printed, LR / math.sqrt(1 - B2), 1e-6) and close(printed / neither, 10, 1e-6)
    return {"printed": printed, "neither": neither, "right": right}


@proof
def corrected_twice() -> dict[str, Any]:
    """The first step, in units of η."""
    printed = steps(wrong("adam-corrected-twice", lr=1.0, eps=0.0), [1.0])[0]
    right = steps(Adam(1.0, eps=0.0), [1.0])[0]
    assert close(printed, math.sqrt(1 - B2) / (1 - B1)) and close(right, 1)
    return {"printed": printed, "right": right}


@proof
def frozen_t() -> dict[str, Any]:
    """The distance gone along a constant gradient, over Adam's."""
    printed, right = (
        points(rule, [1.0] * 5000)
        for rule in (wrong("adam-frozen-t", lr=1.0, eps=0.0), Adam(1.0, eps=0.0))
    )
    one, ten, late = (printed[t] / right[t] for t in (1, 10, 5000))
    limit = math.sqrt(1 - B2) / (1 - B1)
    assert one == 1 and ten > 1.5 and late < 0.5 and close(printed[-2] - printed[-1], limit, 1e-2)
    return {"one": one, "ten": ten, "late": late, "limit": limit}


@proof
def t_starts_at_two() -> dict[str, Any]:
    """The first step, in units of η."""
    printed = steps(wrong("adam-t-starts-at-two", lr=1.0, eps=0.0), [1.0])[0]
    right = steps(Adam(1.0, eps=0.0), [1.0])[0]
    expected = (0.1 / (1 - B1**2)) / math.sqrt(0.001 / (1 - B2**2))
    assert close(printed, expected) and close(right, 1)
    return {"printed": printed, "right": right}


@proof
def exponential_for_power() -> dict[str, Any]:
    """e^(−βt) beside 1 − β^t."""
    factors = {t: (math.exp(-B1 * t), 1 - B1**t) for t in (1, 10)}
    x = points(wrong("adam-exponential-correction", lr=1.0, eps=0.0), [1.0])[1]
    assert close(-x, 0.1 / factors[1][0] / math.sqrt(0.001 / math.exp(-B2)))
    return {
        "first": factors[1][0],
        "tenth": factors[10][0],
        "right_first": factors[1][1],
        "right_tenth": factors[10][1],
    }


# --- listings of Adam ---


@proof
def state_made_anew() -> dict[str, Any]:
    """Sign descent that never settles."""
    xs = descend(wrong("adam-state-made-anew"), 2001)
    step = (xs[0] - xs[1]) / LR
    assert close(step, 1 / math.sqrt(1 - B2), 1e-6)
    assert (
        close(abs(xs[2001] - xs[2000]), step * LR, 1e-4) and abs(descend(Adam(), 10_000)[-1]) < 1e-3
    )
    return {"step": step, "here": xs[2000], "there": xs[2001]}


ADAM_UPDATE = """
def adam_update(params, grads, lr=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    num_layers = len(params)
    layer_sizes = [p.size for p in params]
    t = 0
    m = [np.zeros(sz) for sz in layer_sizes]
    v = [np.zeros(sz) for sz in layer_sizes]
    while True:
        t += 1
        for i in range(num_layers):
            m[i] = beta1*m[i] + (1-beta1)*grads[i]
        for i in range(num_layers):
            v[i] = beta2*v[i] + (1-beta2)*(grads[i]**2)
        new_params = []
        for i in range(num_layers):
            dw = m[i]/(1-beta1**t)
            new_param = params[i] - lr*(dw/(np.sqrt(v[i]) + epsilon))
            new_params.append(new_param)
        yield tuple(new_params)
"""
"""The listing of source 000, section 3.2, as printed, without its comments."""

ADAM_OPTIMIZER = """
def adam_optimizer(parameters, gradients, v, t, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    gradients_update = {}
    for parameter in parameters:
        gradients_update[parameter] = gradients[parameter]
    gradients = {}
    for parameter, gradient_update in gradients_update.items():
        v[parameter] = (1 - beta1 * v[parameter]) * gradient_update + (1 - beta2) * np.exp(-beta1 * t) * gradients[parameter]
    for parameter, beta in [(p, beta1), (n, beta2)]:
        v[parameter] = (1 - beta) * v[parameter] + beta * np.exp(-beta * t) * gradients[parameter]
    v["constant"] = (1 - beta1 * v["constant"]) * t + (1 - beta2) * np.exp(-beta1 * t) * v["constant"]
    return v, v["constant"]
"""  # noqa: E501
"""The listing of source 004, sections 2.2 and 3.2, as printed, without its comments."""


def run(text: str, **names: Any) -> dict[str, Any]:
    """Run printed lines with given names, and return all names."""
    exec(text, names)
    return names


def adam_update(params: list[Any], grads: list[Any]) -> Any:
    """Call the listing of source 000, with NumPy imported."""
    return run(ADAM_UPDATE, np=np)["adam_update"](params, grads)


@proof
def flat_state() -> dict[str, Any]:
    """A matrix, and a column that becomes a square."""

    def shape(*dimensions: int) -> tuple[int, ...]:
        return tuple(next(adam_update([np.ones(dimensions)], [np.ones(dimensions)]))[0].shape)

    matrix = error(lambda: shape(3, 2))
    assert matrix == "ValueError" and shape(3) == (3,) and shape(3, 1) == (3, 3)
    return {"matrix": matrix, "column": str(shape(3, 1))}


@proof
def numpy_missing() -> dict[str, Any]:
    """The listing as it stands: the call succeeds, the first item does not."""
    generator = run(ADAM_UPDATE)["adam_update"]([np.zeros(3)], [np.ones(3)])
    item = error(lambda: next(generator))
    assert item == "NameError"
    return {"call": type(generator).__name__, "item": item}


@proof
def updates_never_add_up() -> dict[str, Any]:
    """The items of the listing along a gradient of 10."""
    start = np.array([5.0])
    generator = adam_update([start], [np.array([10.0])])
    items = [float(next(generator)[0][0]) for _ in range(20_000)]
    right = points(Adam(), [10.0] * 1000, 5.0)[-1]
    assert min(items) == items[0] and abs(items[-1] - 4.999) < 1e-4 and abs(right - 4) < 1e-2
    return {"first": items[0], "late": items[999], "right": right, "untouched": float(start[0])}


@proof
def frozen_gradient() -> dict[str, Any]:
    """Adam on x² from 5, with the gradient of each point and with that of the start."""
    right = descend(Adam(), 10_000)[-1]
    frozen = points(Adam(), [10.0] * 10_000, 5.0)[-1]
    assert abs(right) < 1e-3 and abs(frozen + 5) < 1e-2
    return {"right": round(right, 6), "frozen": frozen}


@proof
def endless() -> dict[str, Any]:
    """The listing at a minimum."""
    generator = adam_update([np.array([0.0])], [np.array([0.0])])
    items = [float(next(generator)[0][0]) for _ in range(10_000)]
    assert set(items) == {0.0}
    return {"items": len(items)}


@proof
def generator_documented() -> dict[str, Any]:
    """What the call returns, and what plain numbers do."""
    generator = adam_update([5.0], [10.0])
    item = error(lambda: next(generator))
    assert item == "AttributeError"
    return {"call": type(generator).__name__, "item": item}


def worked() -> dict[str, float]:
    """Return the first step of Adam on x² from 5: source 003's example."""
    x1, state = Adam().update(5.0, 10.0, Adam().init(5.0))
    return {"v": state.v, "v_hat": state.v / (1 - B2), "x": x1}


@proof
def worked_v() -> dict[str, Any]:
    """The average of squares after one gradient of 10."""
    assert close(worked()["v"], 0.1)
    return {"v": worked()["v"]}


@proof
def worked_v_hat() -> dict[str, Any]:
    """The same, corrected."""
    assert close(worked()["v_hat"], 100)
    return {"v_hat": worked()["v_hat"], "square": 10**2}


@proof
def worked_step() -> dict[str, Any]:
    """The first point, and what the printed expression is."""
    expression = 5 - 0.001 * 10 / (math.sqrt(1000) + 1e-8)
    assert close(worked()["x"], 4.999, 1e-9) and expression > 4.9996
    return {"right": worked()["x"], "expression": str(round(expression, 6))}


@proof
def not_near_yet() -> dict[str, Any]:
    """How far the first step goes, and when the rest is done."""
    xs = np.abs(descend(Adam(), 10_000))
    one, hundredth = (int(np.argmax(xs < level)) for level in (1.0, 0.01))
    assert 5000 < one < hundredth < 10_000
    return {"share": 100 * (5 - xs[1]) / 5, "one": one, "hundredth": hundredth}


@proof
def bias_lengthens() -> dict[str, Any]:
    """Uncorrected over corrected first step."""

    def ratio(beta1: float, beta2: float) -> float:
        settings: dict[str, Any] = {"lr": 1.0, "beta1": beta1, "beta2": beta2, "eps": 0.0}
        uncorrected = steps(wrong("adam-no-correction", **settings), [1.0])[0]
        return uncorrected / steps(Adam(**settings), [1.0])[0]

    usual, no_momentum, equal = ratio(B1, B2), ratio(0.0, B2), ratio(0.9, 0.9)
    assert usual > 3 and no_momentum > 31 and equal < 1
    return {"usual": usual, "no_momentum": no_momentum, "equal": equal}


@proof
def t_never_raised() -> dict[str, Any]:
    """m̂ at t = 0 and at t = 1."""
    with np.errstate(invalid="ignore"):
        first = np.float64(0.0) / np.float64(1 - B1**0)
    assert math.isnan(first)
    return {"first": "no number", "second": state_after(Adam(), [10.0]).m / (1 - B1)}


@proof
def one_step_behind() -> dict[str, Any]:
    """Steps along a constant gradient, corrected for one gradient too few."""
    behind = []
    for t in range(5):
        state = state_after(Adam(), [1.0] * (t + 1))
        with np.errstate(invalid="ignore"):
            factor = np.sqrt(np.float64(1 - B2**t)) / np.float64(1 - B1**t)
        behind.append(float(factor * state.m / math.sqrt(state.v)))
    assert math.isnan(behind[0]) and behind[1] > 1.3
    return {"first": "no number", "second": behind[1], "fifth": behind[4]}


@proof
def numbered_ten_thousand() -> dict[str, Any]:
    """1 − β₂^t at t = 10000 and at t = 1."""
    printed, right = 1 - B2**10_000, 1 - B2
    assert printed > 0.9999
    return {"printed": str(round(printed, 5)), "right": right}


@proof
def derivative_of_the_gradient() -> dict[str, Any]:
    """The two derivatives of x² at 5, by differences."""
    h = 1e-4
    gradient = ((5 + h) ** 2 - (5 - h) ** 2) / (2 * h)
    second = ((5 + h) ** 2 - 2 * 5**2 + (5 - h) ** 2) / h**2
    m = state_after(Adam(), [10.0]).m
    assert close(gradient, 10, 1e-6) and close(second, 2, 1e-4) and close(m, 0.1 * gradient, 1e-6)
    return {"gradient": gradient, "second": round(second, 4), "m": m}


@proof
def matrix_product() -> dict[str, Any]:
    """The square of a matrix, element by element and as a product."""
    g = np.array([[1.0, 2.0], [3.0, 4.0]])
    v = state_after_arrays(Adam(), g).v / (1 - B2)
    assert np.allclose(v, g**2) and (g @ g)[1, 1] == 22
    shape = error(lambda: np.ones((2, 3)) @ np.ones((2, 3)))
    return {"right": (g**2)[1, 1], "printed": (g @ g)[1, 1], "shape": shape}


def state_after_arrays(rule: Rule, g: Any) -> Any:
    """Return the state of a rule after one gradient that is an array."""
    return rule.update(0 * g, g, rule.init(0 * g))[1]


@proof
def decay_rate_one() -> dict[str, Any]:
    """β₁ = 1, by hand, and what the package says to it."""
    m = np.float64(0.0)
    for _ in range(3):
        m = 1.0 * m + (1 - 1.0) * 10.0
    with np.errstate(invalid="ignore"):
        m_hat = m / np.float64(1 - 1.0**3)
    assert m == 0 and math.isnan(m_hat)
    return {"m": float(m), "m_hat": "no number", "refused": error(lambda: Adam(beta1=1.0))}


@proof
def no_learning_rate() -> dict[str, Any]:
    """What v is on x² from 5."""
    assert close(worked()["v"], 0.1) and close(worked()["v_hat"], 100)
    return {"v": worked()["v"], "v_hat": worked()["v_hat"], "lr": Adam().lr_at(1)}


@proof
def rate_of_change() -> dict[str, Any]:
    """The slope of 3x, and its v̂."""
    v_hat = state_after(Adam(), [3.0] * 1000).v / (1 - B2**1000)
    assert close(v_hat, 9, 1e-9)
    return {"change": 0, "v_hat": v_hat}


@proof
def second_moment() -> dict[str, Any]:
    """v̂₁ on x² at two points of equal curvature."""
    far, near = (state_after(Adam(), [2 * x]).v / (1 - B2) for x in (5.0, 0.5))
    assert close(far, 100) and close(near, 1)
    return {"hessian": 2, "far": far, "near": near}


@proof
def no_epsilon() -> dict[str, Any]:
    """A first gradient of 0, without ε and with it."""
    without, with_eps = (steps(Adam(eps=eps), [0.0])[0] for eps in (0.0, EPS))
    assert math.isnan(without) and with_eps == 0
    return {"without": "no number", "with_eps": 0}


@proof
def rate_and_direction() -> dict[str, Any]:
    """The two factors of the first step on x² from 5."""
    rate, direction = LR / (math.sqrt(worked()["v_hat"]) + EPS), 10.0
    assert close(rate * direction, steps(Adam(), [10.0])[0], 1e-9)
    return {"rate": rate, "direction": direction, "step": rate * direction}


@proof
def memory_is_fixed() -> dict[str, Any]:
    """The scatter of m̂_t on white noise, exactly: the root of the sum of its squared weights."""

    def scatter(t: int) -> float:
        weights = (1 - B1) * B1 ** np.arange(t) / (1 - B1**t)
        return float(np.sqrt(np.sum(weights**2)))

    assert scatter(1) == 1 and close(scatter(1000), math.sqrt(0.1 / 1.9), 1e-9)
    assert close(scatter(100), scatter(1000), 1e-4)
    names = {"first": 1, "tenth": 10, "hundredth": 100, "thousandth": 1000}
    return {name: scatter(t) for name, t in names.items()}


@proof
def reciprocals() -> dict[str, Any]:
    """1/β, and 1/(1 − β), the sum of the weights β^k."""
    memories = [float(np.sum(beta ** np.arange(100_000))) for beta in (B1, B2)]
    assert close(memories[0], 1 / (1 - B1)) and close(memories[1], 1 / (1 - B2))
    return {"wrong1": 1 / B1, "wrong2": 1 / B2, "memory1": memories[0], "memory2": memories[1]}


@proof
def two_states() -> dict[str, Any]:
    """What Adam keeps."""
    names = Adam.State._fields
    assert names == ("t", "m", "v")
    return {"adam": len(names), "names": ", ".join(f"`{name}`" for name in names)}


@proof
def constant_term() -> dict[str, Any]:
    """The printed recursion for t = 1 to 5, from 0."""
    c, values = 0.0, []
    for t in range(1, 6):
        c = (1 - B1 * c) * t + (1 - B2) * math.exp(-B1 * t) * c
        values.append(c)
    assert values[3] < 0 < values[4] and abs(values[4]) > 5 * abs(values[3])
    return dict(zip(("first", "second", "third", "fourth", "fifth"), values, strict=True))


@proof
def normal_density() -> dict[str, Any]:
    """The printed start, in three cases."""

    def start(g: float, v: float, lr: float = 0.01) -> float:
        return (g / (math.sqrt(2 * math.pi) * lr)) * math.exp(-0.5 * ((g - v) / lr) ** 2)

    assert start(10, 0) == 0 < start(0.01, 0) < start(1, 1)
    return {"large": start(10, 0), "small": start(0.01, 0), "same": start(1, 1)}


@proof
def arguments_never_read() -> dict[str, Any]:
    """The arguments of the listing of source 004 that its body reads."""
    function = ast.parse(ADAM_OPTIMIZER).body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = [argument.arg for argument in function.args.args]
    names = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    unread = [argument for argument in arguments if argument not in names]
    assert unread == ["learning_rate", "epsilon"]
    return {
        "read": len(arguments) - len(unread),
        "arguments": len(arguments),
        "unread": " and ".join(f"`{name}`" for name in unread),
    }


def adam_optimizer(text: str = ADAM_OPTIMIZER) -> str:
    """Call the listing of source 004 with gradients and state; return the error that it raises."""
    function = run(text, np=np)["adam_optimizer"]
    gradients, v = {"weights": 10.0, "bias": 1.0}, {"weights": 0.0, "bias": 0.0}
    return error(lambda: function(("weights", "bias"), gradients, v, 1, LR))


@proof
def gradients_emptied() -> dict[str, Any]:
    """The listing of source 004, called with what it asks for."""
    assert adam_optimizer() == "KeyError"
    return {"error": adam_optimizer()}


@proof
def names_undefined() -> dict[str, Any]:
    """The call as printed, and the next undefined names."""
    names = run(ADAM_OPTIMIZER, np=np)
    call = "adam_optimizer((), {}, v, 10000, 0.01, 0.9, 0.999, 1e-6)"
    loop = adam_optimizer(ADAM_OPTIMIZER.replace("    gradients = {}\n", ""))
    assert error(lambda: run(call, **names)) == loop == "NameError"
    return {"call": error(lambda: run(call, **names)), "loop": loop}


@proof
def loop_without_gradient() -> dict[str, Any]:
    """The printed loop, over an empty dictionary and over one of two gradients."""
    loop = "for parameter, gradient in zip(parameters, gradients): gradients[parameter] = gradient"
    parameters = ("weights", "bias")
    empty = run(loop, parameters=parameters, gradients={})["gradients"]
    full = error(lambda: run(loop, parameters=parameters, gradients={"a": 1.0, "b": 2.0}))
    assert empty == {} and full == "RuntimeError"
    return {"empty": len(empty), "full": full}


@proof
def update_of_nothing() -> dict[str, Any]:
    """Ten rounds of source 004's training loop."""
    text = """
for i in range(10):
    gradients = {}
    for parameter, gradient_update in gradients.items():
        v[parameter] = (1 - 0.9 * v[parameter]) * gradient_update
"""
    names = run(text, v={}, weights=[1, 1], bias=0)
    assert names["v"] == {}
    return {"weights": str(names["weights"]), "bias": names["bias"]}


@proof
def correction_is_no_bias() -> dict[str, Any]:
    """The first step without the correction, over that with it."""
    ratio = steps(wrong("adam-no-correction"), [10.0])[0] / steps(Adam(), [10.0])[0]
    assert close(ratio, (1 - B1) / math.sqrt(1 - B2), 1e-6)
    return {"ratio": ratio}


@proof
def bound_exceeded() -> dict[str, Any]:
    """The step that gradients make which grow by β₂/β₁ after a long silence."""
    growing = [(B2 / B1) ** (s - 600) for s in range(1, 601)]
    state = state_after(Adam(), [0.0] * 20_000 + growing)
    reached = state.m / (1 - B1**state.t) / math.sqrt(state.v / (1 - B2**state.t))
    printed = (1 - B1) / math.sqrt(1 - B2)
    right = (1 - B1) / math.sqrt((1 - B2) * (1 - B1**2 / B2))
    assert printed < reached <= right and close(reached, right, 1e-3)
    return {"printed": printed, "reached": reached, "right": right}


@proof
def small_decay_rate() -> dict[str, Any]:
    """The uncorrected first step of RMSprop, and the memory, for β₂ = 0.1 and 0.999."""
    small, large = (1 / math.sqrt(1 - beta2) for beta2 in (0.1, B2))
    assert close(steps(RMSprop(1.0, rho=B2), [1.0])[0], large)
    return {
        "small": small,
        "large": large,
        "memory_small": 1 / (1 - 0.1),
        "memory_large": 1 / (1 - B2),
    }


@proof
def regret_stays() -> dict[str, Any]:
    """C x, −x, −x, ... on [−1, 1], with β₁ = 0, β₂ = 1/(1 + C²) and a rate that falls as 1/√t."""
    c = 3.0
    ends = []
    for rule in (
        Adam(lambda t: 0.1 / math.sqrt(t), beta1=0.0, beta2=1 / (1 + c**2), eps=0.0),
        GradientDescent(lambda t: 0.1 / math.sqrt(t)),
    ):
        x, state = 0.0, rule.init(0.0)
        for t in range(1, 30_001):
            x, state = rule.update(x, c if t % 3 == 1 else -1.0, state)
            x = min(1.0, max(-1.0, x))
        ends.append(x)
    assert ends[0] > 0.99 and ends[1] < -0.99
    return {"adam": round(ends[0], 2), "descent": round(ends[1], 2), "best": -1}


@proof
def remainder() -> dict[str, Any]:
    """ζ_t/E[g_t²] for gradients that fall by a thousandth a step."""
    gradients = [0.999**s for s in range(1000)]

    def zeta(beta1: float, beta2: float) -> float:
        v = state_after(Adam(beta1=beta1, beta2=beta2), gradients).v
        return float(v / gradients[-1] ** 2 - (1 - beta2**1000))

    assert zeta(0.9, B2) == zeta(0.5, B2) and abs(zeta(0.9, 0.9)) < 0.1 * zeta(0.9, B2)
    return {"zeta": zeta(0.9, B2), "shorter": zeta(0.9, 0.9)}


# --- what is claimed of Adam ---


def rough(value: float) -> float:
    """Return a number to two digits, where more would differ from machine to machine."""
    return float(f"{value:.1e}")


@proof
def better_than_others() -> dict[str, Any]:
    """The least loss of a grid of learning rates, on a bowl of condition number 100."""
    bowl = Quadratic([1.0, 100.0])

    def best(make: Callable[[float], Rule], lrs: Iterable[float]) -> float:
        runs = [minimize(bowl, [2.0, 1.0], make(lr), 300, nonfinite="stop") for lr in lrs]
        return float(min(run.f[-1] for run in runs if run.steps == 300))

    momentum = best(lambda lr: Momentum(lr, 0.8), [0.002 * k for k in range(1, 19)])
    adam = best(Adam, [0.01 * 2**k for k in range(8)])
    assert momentum < 1e-3 * adam
    return {"momentum": rough(momentum), "adam": rough(adam)}


@proof
def gradients_still_vanish() -> dict[str, Any]:
    """Gradients of a sigmoid network by layer; Adam on a tiny gradient and after a huge one."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(32, 32)) / math.sqrt(32) for _ in range(20)]
    outputs = [rng.normal(size=(32, 64))]
    for w in weights:
        outputs.append(1 / (1 + np.exp(-w @ outputs[-1])))
    delta, norms = np.ones((32, 64)), []
    for w, before, after in zip(weights[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = delta * after * (1 - after)
        norms.append(float(np.linalg.norm(delta @ before.T)))
        delta = w.T @ delta
    tiny = steps(Adam(1.0), [1e-12])[0]
    state = state_after(Adam(), [1e20] + [1.0] * 5000)
    poisoned = state.m / (1 - B1**state.t) / math.sqrt(state.v / (1 - B2**state.t))
    assert norms[-1] < 1e-10 * norms[0] and tiny < 1e-3 and 0 < poisoned < 1e-10
    return {"share": rough(norms[-1] / norms[0]), "tiny": tiny, "poisoned": rough(poisoned)}


def double_well(x: float) -> float:
    """Return the slope of x⁴/4 − x²/2 + x/10."""
    return x**3 - x + 0.1


def depth(x: float) -> float:
    """Return x⁴/4 − x²/2 + x/10."""
    return x**4 / 4 - x**2 / 2 + x / 10


LOWEST, _, LOCAL = np.sort(np.roots([1, 0, -1, 0.1]).real).tolist()


def trapped(rule: Rule, n: int = 10_000) -> float:
    """Return where a rule ends in the double well from 1.5; it is to be the local minimum."""
    end = descend(rule, n, 1.5, double_well)[-1]
    assert close(end, LOCAL, 1e-4) and depth(LOWEST) < depth(LOCAL)
    return end


@proof
def momentum_is_trapped() -> dict[str, Any]:
    """Momentum in the double well."""
    end = trapped(Momentum(0.01))
    return {"momentum": end, "local": depth(LOCAL), "least": depth(LOWEST)}


@proof
def adagrad_is_trapped() -> dict[str, Any]:
    """AdaGrad in the double well."""
    return {"adagrad": trapped(AdaGrad(0.1), 20_000), "best": LOWEST}


@proof
def adam_is_trapped() -> dict[str, Any]:
    """Gradient descent and Adam in the double well."""
    return {"descent": trapped(GradientDescent(0.1)), "adam": trapped(Adam(0.01))}


@proof
def sgd_keeps_nothing() -> dict[str, Any]:
    """How many numbers a rule keeps for each parameter."""
    kept = [len(rule.State._fields) - 1 for rule in (GradientDescent, Momentum, Adam)]
    assert kept == [0, 1, 2]
    return dict(zip(("descent", "momentum", "adam"), kept, strict=True))


@proof
def worse_on_new_data() -> dict[str, Any]:
    """Labels in the first coordinate, two that are always 1, and private ones for each example."""
    n, rng = 100, np.random.default_rng(0)

    def examples(first: int) -> tuple[Any, Any]:
        y = np.where(rng.random(n) < 0.6, 1.0, -1.0)
        x = np.zeros((n, 3 + 10 * n))
        x[:, 0], x[:, 1], x[:, 2] = y, 1, 1
        for i, label in enumerate(y):
            private = 3 + 5 * (first + i)
            x[i, private : private + (1 if label > 0 else 5)] = 1
        return x, y

    (x, y), (new_x, new_y) = examples(0), examples(n)
    right = []
    for rule in (GradientDescent(0.2), Adam()):
        w = np.zeros(x.shape[1])
        state = rule.init(w)
        for _ in range(3000):
            w, state = rule.update(w, x.T @ (x @ w - y) / n, state)
        assert (np.sign(x @ w) == y).all()
        right.append(100 * float(np.mean(np.sign(new_x @ w) == new_y)))
    assert right[0] == 100 and right[1] < 70
    return {"descent": right[0], "adam": right[1]}


@proof
def instead_of_sgd() -> dict[str, Any]:
    """A step from a gradient of 10."""
    sgd, adam = (steps(rule, [10.0])[0] for rule in (GradientDescent(LR), Adam()))
    assert close(sgd, 0.01) and close(adam, LR, 1e-6)
    return {"sgd": sgd, "adam": adam}


def network(weights: list[Any], x: Any) -> list[Any]:
    """Return the inputs of the layers, each with a 1 for the bias, and the output; ReLU between."""
    layers = [np.c_[x, np.ones(len(x))]]
    for w in weights[:-1]:
        layers.append(np.c_[np.maximum(layers[-1] @ w, 0), np.ones(len(x))])
    return [*layers, layers[-1] @ weights[-1]]


def network_gradients(weights: list[Any], x: Any, y: Any) -> list[Any]:
    """Return the gradients of the mean cross-entropy by the weights of each layer."""
    *layers, z = network(weights, x)
    p = np.exp(z - z.max(1, keepdims=True))
    delta = (p / p.sum(1, keepdims=True) - np.eye(z.shape[1])[y]) / len(y)
    gradients = []
    for w, layer in zip(weights[::-1], layers[::-1], strict=True):
        gradients.append(layer.T @ delta)
        delta = ((delta @ w.T) * (layer > 0))[:, :-1]
    return gradients[::-1]


@proof
def best_rate_between() -> dict[str, Any]:
    """Test accuracy of a small network on a spiral of three classes, by learning rate."""

    def spiral(rng: np.random.Generator) -> tuple[Any, Any]:
        y = np.repeat(np.arange(3), 100)
        r, noise = np.tile(np.linspace(0.05, 1, 100), 3), 0.2 * rng.normal(size=300)
        angle = 4 * y + np.tile(np.linspace(0, 4, 100), 3) + noise
        return np.c_[r * np.sin(angle), r * np.cos(angle)], y

    def accuracy(lr: float) -> float:
        rng = np.random.default_rng(0)
        (x, y), (new_x, new_y) = spiral(rng), spiral(rng)
        sizes = itertools.pairwise((2, 64, 64, 3))
        weights = [rng.normal(size=(a + 1, b)) * math.sqrt(2 / a) for a, b in sizes]
        states = [Adam(lr).init(w) for w in weights]
        for _ in range(200):
            for i, g in enumerate(network_gradients(weights, x, y)):
                weights[i], states[i] = Adam(lr).update(weights[i], g, states[i])
        return 100 * float(np.mean(network(weights, new_x)[-1].argmax(1) == new_y))

    tiny, good, large = (accuracy(lr) for lr in (1e-5, 1e-2, 1e3))
    assert tiny < 60 and good > 95 and large < 60
    return {"tiny": round(tiny), "good": round(good), "large": round(large)}


@proof
def one_derivative() -> dict[str, Any]:
    """Adam on x² from 5 and on the line 10 x."""
    curved = descend(Adam(), 1)[1]
    straight = descend(Adam(), 1, grad=lambda x: 10.0)[1]
    assert curved == straight
    return {"step": 5.0 - curved}


@proof
def adagrad_is_adaptive() -> dict[str, Any]:
    """First steps of AdaGrad for two sizes of gradient, and late steps of it and of RMSprop."""
    large, small = (steps(AdaGrad(1.0), [g])[0] for g in (100.0, 0.01))
    adagrad, rmsprop = (steps(rule, [1.0] * 1000)[-1] for rule in (AdaGrad(1.0), RMSprop(1.0)))
    assert close(large, 1, 1e-6) and close(small, 1, 1e-6)
    assert close(adagrad, 1 / math.sqrt(1000), 1e-6) and close(rmsprop, 1, 1e-6)
    return {"large": large, "small": small, "adagrad": adagrad, "rmsprop": rmsprop}


@proof
def direction_of_adagrad() -> dict[str, Any]:
    """The step after gradients 1, 1, 1, −1."""
    adagrad, adam = (steps(rule, [1.0, 1.0, 1.0, -1.0])[-1] for rule in (AdaGrad(1.0), Adam(1.0)))
    assert close(adagrad, -0.5, 1e-6) and adam > 0
    return {"adagrad": abs(adagrad), "adam": adam}


@proof
def adagrad_needs_a_rate() -> dict[str, Any]:
    """Where AdaGrad is on x² after 200 steps, by η."""
    small, middle, large = (descend(AdaGrad(lr), 200)[-1] for lr in (0.01, 0.1, 1.0))
    assert small > 4.5 and 2 < middle < 3 and abs(large) < 1e-6
    return {"small": small, "middle": middle, "large": rough(large)}


@proof
def rmsprop_has_no_momentum() -> dict[str, Any]:
    """The second step after gradients 1 and −1."""
    second = steps(RMSprop(1.0), [1.0, -1.0])[1]
    average = state_after(rules.AveragedMomentum(), [1.0, -1.0]).m
    assert close(second, -1 / math.sqrt(0.19)) and close(average, -0.01)
    return {"rmsprop": second, "average": average}


# --- what Distill prints of momentum ---


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


# --- networks and their gradients ---


@proof
def zero_slope_no_minimum() -> dict[str, Any]:
    """Gradient descent on x³ from 0.5."""
    x = descend(GradientDescent(0.01), 2000, 0.5, lambda x: 3 * x**2)[-1]
    assert 0 < x < 0.02
    return {"x": x, "slope": 3 * x**2}


def first_layer_gradient(depth: int) -> float:
    """Return the norm of the first layer's gradient in a sigmoid network of given depth."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(32, 32)) / math.sqrt(32) for _ in range(depth)]
    outputs = [rng.normal(size=(32, 64))]
    for w in weights:
        outputs.append(1 / (1 + np.exp(-w @ outputs[-1])))
    delta, gradient = np.ones((32, 64)) / (32 * 64), 0.0
    for w, before, after in zip(weights[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = delta * after * (1 - after)
        gradient = float(np.linalg.norm(delta @ before.T))
        delta = w.T @ delta
    return gradient


@proof
def depth_is_the_cause() -> dict[str, Any]:
    """The first layer's gradient at three depths."""
    two, ten, forty = (first_layer_gradient(depth) for depth in (2, 10, 40))
    assert forty < 1e-15 * ten < 1e-15 * two
    return {"two": rough(two), "ten": rough(ten), "forty": rough(forty)}


@proof
def clipping() -> dict[str, Any]:
    """A gradient of length 50, clipped to 5; with the rate alone lowered it stays what it is."""
    g = np.array([30.0, 40.0])
    clipped = g * min(1, 5 / np.linalg.norm(g))
    assert close(float(np.linalg.norm(clipped)), 5)
    return {"clipped": vector(clipped), "decayed": vector(g)}


def vector(values: Iterable[float], digits: int = 4) -> str:
    """Return numbers as a vector in print."""
    return "(" + ", ".join(number(round(float(v), digits)) for v in values).replace("-", "−") + ")"


@proof
def batch_normalisation() -> dict[str, Any]:
    """The batch 1, 2, 3, 4, normalised."""
    x = np.arange(1.0, 5.0)
    y = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    assert abs(y.mean()) < 1e-12 and close(y.var(), 1, 1e-4)
    return {"values": vector(y), "mean": 0, "variance": round(float(y.var()), 4)}


def convolution(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
    """Return Y_k(i, j) = Σ X_c(iS+p−P, jS+q−P) W_kc(p, q), for x (C, H, W), w (K, C, F, F)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    size = w.shape[-1]
    rows, columns = ((n - size) // stride + 1 for n in x.shape[1:])
    return np.array(
        [
            [
                [
                    np.sum(x[:, i : i + size, j : j + size] * kernel)
                    for j in range(0, columns * stride, stride)
                ]
                for i in range(0, rows * stride, stride)
            ]
            for kernel in w
        ]
    )


@proof
def stride_is_no_parameter() -> dict[str, Any]:
    """Sixteen kernels of 3×3 on three channels, with two strides and paddings."""
    kernels, biases, image = np.ones((16, 3, 3, 3)), np.ones(16), np.ones((3, 32, 32))
    one = convolution(image, kernels, stride=1, padding=1).shape[-1]
    four = convolution(image, kernels, stride=4, padding=3).shape[-1]
    count = kernels.size + biases.size
    assert count == 16 * (3 * 3**2 + 1) and one != four
    return {"count": count, "one": one, "four": four}


@proof
def mean_of_minibatches() -> dict[str, Any]:
    """Twelve gradients of ten examples each, and that of all."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(120, 4)), np.zeros(4)
    y = x @ [1, -2, 0.5, 3] + rng.normal(size=120)

    def gradient(subset: Any) -> Any:
        return 2 * x[subset].T @ (x[subset] @ w - y[subset]) / len(subset)

    parts = np.array([gradient(part) for part in np.split(rng.permutation(120), 12)])
    full = gradient(np.arange(120))
    assert np.allclose(parts.mean(0), full, rtol=1e-12, atol=1e-12)
    return {"scatter": parts.std(0)[0], "full": full[0]}


@proof
def biases_matter() -> dict[str, Any]:
    """The best line through y = x + 3, with and without a bias."""
    x = np.linspace(0, 1, 50)
    y = x + 3
    without = float(np.mean((x @ y / (x @ x) * x - y) ** 2))
    with_bias = float(np.mean((np.polyval(np.polyfit(x, y, 1), x) - y) ** 2))
    assert with_bias < 1e-20 < 1 < without
    return {"without": without}


def places(size: int, kernel: int, padding: int, stride: int) -> int:
    """Return how many places a sliding window has, by counting them."""
    return len(range(0, size + 2 * padding - kernel + 1, stride))


@proof
def output_size() -> dict[str, Any]:
    """A window of 3 on 32, with a stride of 2."""
    printed, right = (32 - 3 + 0) / 2 + 1, places(32, 3, 0, 2)
    assert right == (32 - 3) // 2 + 1 == math.floor(printed) < printed
    return {"printed": printed, "right": right}


@proof
def output_size_twice() -> dict[str, Any]:
    """AlexNet's first layer, and a layer that keeps its size."""

    def printed(size: int, kernel: int, padding: int, stride: int) -> int:
        once = (size - kernel + 2 * padding) / stride + 1
        return math.floor((once - kernel + 2 * padding) / stride + 1)

    assert printed(32, 3, 1, 1) == places(32, 3, 1, 1)
    wrong_, right = printed(227, 11, 0, 4), places(227, 11, 0, 4)
    assert right == 55 > wrong_
    return {"printed": wrong_, "right": right, "same": places(32, 3, 1, 1)}


@proof
def convolution_is_no_trace() -> dict[str, Any]:
    """1 to 9 under a Sobel kernel."""
    x = np.arange(1.0, 10.0).reshape(3, 3)
    w = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    right = float(convolution(x[None], w[None, None])[0, 0, 0])
    printed = float(np.trace(x @ w))
    assert right == np.sum(x * w) != printed
    return {"right": right, "printed": printed, "idle": 3 * printed}


def small_layer() -> tuple[Any, Any, Any, int, int]:
    """Return an input, kernels, a gradient of the output, stride and padding."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 5, 6)), rng.normal(size=(3, 2, 3, 3))
    return x, w, rng.normal(size=convolution(x, w, 2, 1).shape), 2, 1


def by_differences(f: Callable[[Any], float], x: Any, h: float = 1e-4) -> Any:
    """Return the gradient of f at x by central differences; exact to rounding where f is linear."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def agreement(a: Any, b: Any) -> int:
    """Return the digits to which two arrays agree, 8 at most."""
    worst = float(np.abs(a - b).max() / np.abs(b).max())
    return min(8, math.floor(-math.log10(worst + 1e-300)))


@proof
def input_gradient() -> dict[str, Any]:
    """The gradient of the input, by the right formula and by differences."""
    x, w, upstream, stride, padding = small_layer()
    formula = np.zeros_like(x)
    for c, u, v in np.ndindex(x.shape):
        for k, i, j in np.ndindex(upstream.shape):
            p, q = u + padding - i * stride, v + padding - j * stride
            if 0 <= p < 3 and 0 <= q < 3:
                formula[c, u, v] += upstream[k, i, j] * w[k, c, p, q]
    numeric = by_differences(lambda x: float(np.sum(convolution(x, w, 2, 1) * upstream)), x)
    kernel = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    pixel = np.zeros((1, 4, 4))
    pixel[0, 1, 1] = 1
    right = float(convolution(pixel, kernel)[0, 0, 0])
    assert agreement(formula, numeric) == 8 and right == kernel[0, 0, 1, 1] != kernel[0, 0, 1, 0]
    return {"agree": 8, "right": right, "printed": kernel[0, 0, 1, 0]}


@proof
def kernel_gradient() -> dict[str, Any]:
    """The gradient of the kernels, by the right formula and by differences."""
    x, w, upstream, stride, padding = small_layer()
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    formula = np.zeros_like(w)
    for k, c, p, q in np.ndindex(w.shape):
        for i, j in np.ndindex(upstream.shape[1:]):
            formula[k, c, p, q] += upstream[k, i, j] * padded[c, i * stride + p, j * stride + q]
    numeric = by_differences(lambda w: float(np.sum(convolution(x, w, 2, 1) * upstream)), w)
    assert agreement(formula, numeric) == 8
    return {"agree": 8}


@proof
def dropout_left_on() -> dict[str, Any]:
    """An output of 1, dropped half of the time and not scaled."""
    outcomes = [0, 1]
    return {"mean": sum(outcomes) / 2, "values": " or ".join(str(value) for value in outcomes)}


@proof
def mask_inverted() -> dict[str, Any]:
    """The derivative of ReLU by differences, and the printed mask."""
    z, h = np.array([-2.0, -1.0, 1.0, 2.0]), 1e-6
    right = (np.maximum(z + h, 0) - np.maximum(z - h, 0)) / (2 * h)
    printed = (z <= 0).astype(float)
    assert np.allclose(right, 1 - printed)
    return {"right": vector(right), "printed": vector(printed)}


# --- models ---


@proof
def three_normalisations() -> dict[str, Any]:
    """The last of the activations 1, 2, 3, 4 under three operations."""
    a, i = np.arange(1.0, 5.0), 3
    lrn = a[i] / (2 + 1e-4 * np.sum(a[max(0, i - 2) : i + 3] ** 2)) ** 0.75
    bn = (a[i] - a.mean()) / np.sqrt(a.var() + 1e-5)
    weights = np.exp(-((np.arange(4) - i) ** 2) / 2 - (a - a[i]) ** 2 / 2)
    bilateral = float(np.sum(weights * a) / np.sum(weights))
    assert len({round(float(v), 2) for v in (lrn, bn, bilateral)}) == 3
    return {"lrn": lrn, "bn": bn, "bilateral": bilateral}


@proof
def overlapping_pooling() -> dict[str, Any]:
    """Windows of 3 and of 2 on 55, with a stride of 2."""
    overlapping, apart = places(55, 3, 0, 2), places(55, 2, 0, 2)
    assert overlapping == apart == 27
    return {"overlapping": overlapping, "apart": apart, "shared": 3 - 2}


@proof
def one_loss() -> dict[str, Any]:
    """Softmax of (2, 1, 0), and the loss of its first class."""
    z = np.array([2.0, 1.0, 0.0])
    p = np.exp(z) / np.sum(np.exp(z))
    assert close(float(p.sum()), 1)
    return {"softmax": vector(p), "loss": -math.log(p[0])}


def vgg16() -> int:
    """Return the number of parameters of VGG16, from its table of layers."""
    widths = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
    convolutions = sum(9 * a * b + b for a, b in itertools.pairwise(widths))
    return convolutions + sum(
        a * b + b for a, b in itertools.pairwise([512 * 7 * 7, 4096, 4096, 1000])
    )


def resnet50() -> tuple[int, int]:
    """Return the number of parameters of ResNet-50 and of its convolutions, from its table."""
    kernels, width_in = [(7, 3, 64)], 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            kernels += [(1, width_in, width), (3, width, width), (1, width, 4 * width)]
            kernels += [(1, width_in, 4 * width)] if block == 0 else []
            width_in = 4 * width
    parameters = sum(f * f * a * b + 2 * b for f, a, b in kernels)  # 2: scale and shift
    return parameters + 2048 * 1000 + 1000, len(kernels)


@proof
def resnet_is_smaller() -> dict[str, Any]:
    """The parameters of both, counted from their tables."""
    assert vgg16() == 138_357_544 and resnet50()[0] == 25_557_032
    return {"vgg": vgg16(), "resnet": resnet50()[0], "times": round(vgg16() / resnet50()[0])}


CHANNELS = (
    *[64] * 2, *[128] * 2, *[256] * 2, *[512] * 5, *[1024] * 2, *[2048] * 2, *[4096] * 2,
    *[8192] * 2, *[16384] * 2, *[3256] * 2, *[65536] * 2, *[13104192] * 2, *[2628656] * 2,
    *[52825372] * 2, *[1056515048] * 2, *[211902184972] * 2, *[4234043092] * 2,
    *[8468086004] * 2, *[16938888008] * 2, *[3386682672262] * 2, *[67702950515448] * 2,
    *[1359081775995642] * 2, *[271616380455912] * 2, *[5130272915182576] * 2,
    *[1028228637595291] * 2, *[20560555816394352] * 2, *[418061040887964] * 2,
    *[83600746151781863] * 2,
)  # fmt: skip
"""The widths of the 59 whole layers that source 004 prints."""


def chain(layers: int) -> int:
    """Return the number of parameters of the first so many of source 004's layers."""
    return sum(9 * a * b + b for a, b in itertools.pairwise([3, *CHANNELS[:layers]]))


@proof
def chain_is_no_resnet() -> dict[str, Any]:
    """ResNet-50, and the first thirteen printed layers."""
    parameters, layers = resnet50()
    assert layers == 53 and chain(13) > parameters
    return {"resnet": parameters, "layers": layers, "chain": chain(13)}


@proof
def impossible_model() -> dict[str, Any]:
    """The weights of all whole layers, and the memory of the first 25."""
    assert len(CHANNELS) == 59 and chain(59) > 1e34
    return {"total": float(chain(59)), "gigabytes": round(4 * chain(25) / 1e9)}


# --- listings that do not run ---


@proof
def sizes_ignored() -> dict[str, Any]:
    """The parameters of 20-64-10, and of 20-128-10."""
    built, promised = (20 * hidden + hidden + hidden * 10 + 10 for hidden in (64, 128))
    return {"built": built, "promised": promised}


@proof
def escapes() -> dict[str, Any]:
    """What is left of a command of LaTeX."""
    eaten = "\nabla"
    assert eaten == chr(10) + "abla"
    return {"eaten": len(eaten), "raw": len(r"\nabla")}


@proof
def number_and_pair() -> dict[str, Any]:
    """Both uses of `filterSize`."""
    pair = error(lambda: run("imageSize - filterSize", imageSize=128, filterSize=(3, 3)))
    whole = error(lambda: run("np.random.randn(*filterSize)", np=np, filterSize=3))
    assert pair == whole == "TypeError"
    return {"pair": pair, "number": whole}


@proof
def sizes_differ() -> dict[str, Any]:
    """Two valid correlations in a chain, and their sum."""
    first, second = places(128, 3, 0, 1), places(places(128, 3, 0, 1), 3, 0, 1)
    raised = error(lambda: np.zeros((first, first)) + np.zeros((second, second)))
    assert raised == "ValueError"
    return {"first": first, "second": second, "error": raised}


@proof
def row_everywhere() -> dict[str, Any]:
    """The first row of an output, written to all of it."""
    output = np.zeros((128, 128, 128))
    result = np.random.default_rng(0).normal(size=(128, 128))
    output[...] = result[0]
    same = int(np.sum(np.all(output == result[0], axis=2)))
    assert same == 128 * 128
    return {"rows": same}


@proof
def empty_range() -> dict[str, Any]:
    """The range from −1 down to 15, and the length of None."""
    raised = error(lambda: run("len(grad)", grad=None))
    assert list(range(-1, 16 - 1, -1)) == []
    return {"length": len(range(-1, 16 - 1, -1)), "error": raised}


@proof
def list_less_list() -> dict[str, Any]:
    """The update of the filters."""
    raised = error(lambda: run("filters -= new_weights", filters=[1.0], new_weights=[0.1]))
    assert raised == "TypeError"
    return {"error": raised}


@proof
def names_without_value() -> dict[str, Any]:
    """Four lines of the listing, with what they need but for the undefined names."""
    lines = (
        "layerOutput = relu(y)",
        "error_derivative = output_data - target_data",
        "result_img = labelToColorMap(final_result)",
        "plt.imshow(result_img)",
    )
    known = dict.fromkeys(("y", "output_data", "final_result", "result_img"), 0)
    raised = {error(lambda line=line: run(line, **known)) for line in lines}  # type: ignore[misc]
    assert raised == {"NameError"}
    return {"count": len(lines), "error": raised.pop()}


@proof
def nobody_balances() -> dict[str, Any]:
    """Six lines of the listing, each by itself."""
    lines = (
        'environment = gym.make("CartPole-v1")',
        "weights = np.array([1, 1])",
        'v["constant"]',
        "learning_rate",
        "t",
        "loss = model.evaluate()",
    )
    raised = [error(lambda line=line: run(line)) for line in lines]  # type: ignore[misc]
    assert set(raised) == {"NameError"}
    return {"errors": len(raised), "error": raised[0]}


@proof
def invented_time() -> dict[str, Any]:
    """The printed times."""
    time, times = 0.0, []
    for _ in range(100):
        time += 0.1
        times.append(time / 100.0)
    return {"first": times[0], "last": times[-1]}


@proof
def cut_off() -> dict[str, Any]:
    """The last line of the listing."""
    line = (
        "self.conv60 = nn.Conv2d(83600746151781863, 167283903372942184652153846521538465215384652"
    )
    raised = error(lambda: ast.parse(line))
    assert raised == "SyntaxError"
    return {"error": raised}


@proof
def folders_and_files() -> dict[str, Any]:
    """A folder made twice, and what `touch` makes."""
    with tempfile.TemporaryDirectory() as name:
        train, touched = Path(name, "train"), Path(name, "train_dataset.txt")
        train.mkdir()
        touched.touch()
        assert touched.is_file()
        return {"error": error(train.mkdir), "made": "file" if touched.is_file() else "folder"}


# --- experiments and data ---


@proof
def random_labels() -> dict[str, Any]:
    """Source 001's experiment in NumPy: 20-64-10, Adam, batches of 32, ten passes, four draws."""
    epochs, accuracies = 10, []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(1000, 20)), rng.integers(0, 10, 1000)
        weights = [rng.normal(size=(a + 1, b)) / math.sqrt(a) for a, b in ((20, 64), (64, 10))]
        states = [Adam().init(w) for w in weights]
        for _ in range(epochs):
            for batch in np.split(rng.permutation(800), 25):
                gradients = network_gradients(weights, x[batch], y[batch])
                for i, g in enumerate(gradients):
                    weights[i], states[i] = Adam().update(weights[i], g, states[i])
        right = network(weights, x)[-1].argmax(1) == y
        accuracies.append([right[:800].mean(), right[800:].mean()])
    train, new = 100 * np.mean(accuracies, axis=0)
    assert train > 17 and abs(new - 10) < 4
    return {"epochs": epochs, "train": round(train), "new": round(new), "chance": 10}


@proof
def ten_numbers() -> dict[str, Any]:
    """The line that is to hold CIFAR-10."""
    values = [100, 100, 300, 300, 224, 224, 678, 678, 256, 256]
    needed = 32 * 32 * 3 + 1
    assert len(values) < needed and max(values) > 255
    return {"values": len(values), "largest": max(values), "needed": needed}


@proof
def small_network() -> dict[str, Any]:
    """The parameters of source 003's network."""
    sizes = (28 * 28, 512, 256, 10)
    return {"parameters": sum(a * b + b for a, b in itertools.pairwise(sizes))}


# --- the numbers as they are stored ---

ROUNDING = 1e-6
"""By how much, relatively, a number may differ on another processor."""


def numbers() -> Numbers:
    """Return the numbers of all proofs, computed now."""
    return {
        name: {key: plain(value) for key, value in compute().items()}
        for name, compute in sorted(PROOFS.items())
    }


def plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, and anything else as it is.

    >>> plain(np.float64(0.5)), plain(np.int64(2)), plain("no number")
    (0.5, 2, 'no number')
    """
    return value.item() if isinstance(value, np.generic) else value


def agree(stored: Any, found: Any) -> bool:
    """Return whether a stored number is the one computed: as it is printed, or to rounding.

    >>> agree(0.1, 0.1 * (1 + 1e-9)), agree(0.1, 0.1001), agree(0.1, "no number")
    (True, False, False)
    """
    if errata.in_print(stored) == errata.in_print(found):
        return True
    texts = isinstance(stored, str) or isinstance(found, str)
    return not texts and math.isclose(stored, found, rel_tol=ROUNDING)


def updated(stored: Numbers, found: Numbers) -> Numbers:
    """Return the numbers found; where a stored one agrees it stays, so that rounding shows not."""
    return {
        name: {
            key: old if agree(old := stored.get(name, {}).get(key, ""), value) else value
            for key, value in values.items()
        }
        for name, values in found.items()
    }


def main() -> None:
    """Store the numbers."""
    stored = errata.stored() if errata.NUMBERS.exists() else {}
    text = json.dumps(updated(stored, numbers()), indent=1, ensure_ascii=False)
    errata.NUMBERS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
