"""Proofs of slips in listings and worked examples of Adam."""

import math
from typing import Any

import numpy as np

from descent.rules import Adam
from tools.book.proofs.harness import (
    B1,
    B2,
    LR,
    close,
    descend,
    error,
    points,
    proof,
    state_after,
    steps,
    wrong,
)


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
