"""Proofs of slips in what is said of Adam's letters, and in its paper."""

import ast
import math
from typing import Any

import numpy as np

from descent.rules import Adam, GradientDescent, RMSprop, Rule
from tools.book.proofs.harness import (
    B1,
    B2,
    EPS,
    LR,
    close,
    error,
    proof,
    state_after,
    steps,
    wrong,
)
from tools.book.proofs.listings import ADAM_OPTIMIZER, run, worked


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
