"""What proves the errata: each function computes the numbers of one, and asserts that it is one.

A proof returns its numbers by the names under which `book/errata.yml` prints them. It needs NumPy
and the package alone, and takes a fraction of a second.
"""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from descent import rules
from descent.misprints import MISPRINTS
from descent.rules import AdaGrad, Adam, GradientDescent, Momentum, RMSprop, Rule

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
