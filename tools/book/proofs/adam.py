"""Proofs of misprints of Adam's step, of its averages and of the bias correction."""

import math
from typing import Any

import numpy as np

from descent.rules import Adam
from tools.book.proofs.harness import B1, B2, LR, close, points, proof, state_after, steps, wrong


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
