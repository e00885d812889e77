"""Rules around a rule: the gradient or x is changed, the rule inside makes the step."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import least
from descent.conventions._formulas import ema, square_ema
from descent.rules import (
    Array,
    LearningRate,
    Rule,
    at,
    quotient,
    zeros_like,
)

__all__ = [
    "Around",
    "Maximize",
    "L2Decay",
    "DecoupledDecay",
    "RMSScaled",
    "ScheduleFree",
]


@dataclass(frozen=True)
class Around(Rule):
    """A rule around another, which makes the step; the learning rate is common to both."""

    rounds_always = True

    rule: Rule

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rule", replace(self.rule, lr=self.lr))
        object.__setattr__(self, "elementwise", self.rule.elementwise)

    def init(self, x: Array) -> Any:
        """Return the state of the rule inside."""
        return self.rule.init(x)


@dataclass(frozen=True)
class Maximize(Around):
    """Ascent, PyTorch's `maximize`: g ← −g."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along −g."""
        return self.rule.update(x, -g, state)


@dataclass(frozen=True)
class L2Decay(Around):
    """Weight decay as the gradient of ½ λ x²: g ← g + λ x, which then enters every average."""

    weight_decay: float

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along g + λ x."""
        return self.rule.update(x, g + self.weight_decay * x, state)


@dataclass(frozen=True)
class DecoupledDecay(Around):
    """Weight decay beside the gradient: x ← x − η_t λ x, then the step.

    Warning:
        Loshchilov & Hutter multiply λ by the schedule's multiplier alone, not by the learning
        rate. Every framework multiplies it by the whole learning rate η_t.
    """

    weight_decay: float

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after shrinking x and one step along g."""
        x = x - self.lr_at(state.t + 1) * self.weight_decay * x
        return self.rule.update(x, g, state)


@dataclass(frozen=True)
class RMSScaled(Around):
    """RMSprop: the gradient over its root mean square, handed to a rule that makes the step.

    v_t = ρ v_{t-1} + (1 − ρ) g_t²,  v_0 = initial_scale
    m_t = ρ m_{t-1} + (1 − ρ) g_t
    u_t = g_t / (√(v_t − [centered] m_t² + ε_root) + ε)

    The rule inside takes u_t for its gradient: gradient descent, or momentum with the learning
    rate outside (PyTorch) or inside (Keras, Optax). ε stands outside the root in PyTorch, inside in
    Keras (ε_root), in either place in Optax. With `bias_correction`, Optax's alone, v_t and m_t are
    divided by 1 − ρ^t in u_t.

    Warning:
        Centred, with ε outside the root, rounding can make v − m² negative on a nearly constant
        gradient: x becomes NaN, in PyTorch as here.
    """

    rho: float = 0.9
    eps: float = 0.0
    eps_root: float = 0.0
    initial_scale: float = 0.0
    centered: bool = False
    bias_correction: bool = False

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and g², shaped like x; step: the inner state."""

        t: int
        m: Array
        v: Array
        step: Any

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, m = 0, v at its initial value."""
        return self.State(0, zeros_like(x), zeros_like(x) + self.initial_scale, self.rule.init(x))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = ema(state.m, g, self.rho)
        v = square_ema(state.v, g, self.rho)
        correction = 1 - self.bias_correction * self.rho**t
        variance = v / correction
        if self.centered:
            variance = variance - (m / correction) ** 2
        u = g / ((variance + self.eps_root) ** 0.5 + self.eps)
        x, step = self.rule.update(x, u, state.step)
        return x, self.State(t, m, v, step)


@dataclass(frozen=True)
class ScheduleFree(Around):
    """A rule without a schedule: its gradient is taken between its points z and their average x.

    z_t = z_{t-1} + the step of the rule inside at y_{t-1}
    c_t = w_t / (w_1 + … + w_t),  w_t = (the largest η so far)^p
    x_t = (1 − c_t) x_{t-1} + c_t z_t
    y_t = β x_t + (1 − β) z_t

    y is the parameter; `averaged` returns x, which is what to evaluate. p is `power`: 2 in Optax, 0
    in Keras. For w_t Optax calls a learning rate that is a function a step ahead. During Keras'
    `warmup` the rule inside has η_t t / warmup.

    Source: Defazio et al. (2024), Algorithm 1.
    """

    beta: float = 0.9
    power: float = 2.0
    warmup: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.fraction("beta", self.beta)
        if self.warmup:
            lr = partial(_warmed_up, self.lr, self.warmup)
            object.__setattr__(self, "rule", replace(self.rule, lr=lr))

    class State(NamedTuple):
        """t: steps made; z: the rule's points; weight, largest: numbers; step: the inner state."""

        t: int
        z: Array
        weight: float
        largest: float
        step: Any

    def init(self, x: Array) -> State:
        """Return the state before the first step: z a copy of x, no weight."""
        return self.State(0, x + zeros_like(x), 0.0, 0.0, self.rule.init(x))

    def averaged(self, y: Array, state: State) -> Array:
        """Return the average x of the rule's points."""
        return (y - (1 - self.beta) * state.z) / self.beta

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return y and the state after one step along the gradient g, shaped like y."""
        stepped, step = self.rule.update(x, g, state.step)
        z = state.z + (stepped - x)
        largest = -least(-state.largest, -self.lr_at(state.t + 2))
        weight = state.weight + largest**self.power
        c = quotient(largest**self.power, weight)
        average = (1 - c) * self.averaged(x, state) + c * z
        y = self.beta * average + (1 - self.beta) * z
        return y, self.State(state.t + 1, z, weight, largest, step)


def _warmed_up(lr: LearningRate, steps: int, t: int) -> float:
    return at(lr, t) * least(t / steps, 1.0)  # type: ignore[no-any-return]
