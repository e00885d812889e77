"""Relatives of Adam that keep averages of g and of g², and FTRL."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import where
from descent.relatives._common import within
from descent.rules import (
    Array,
    LearningRate,
    Rule,
    at,
    sign,
    zeros_like,
)

__all__ = [
    "Momental",
    "AdaBelief",
    "Yogi",
    "Adan",
    "AdEMAMix",
    "Ftrl",
]


@dataclass(frozen=True)
class Momental(Rule):
    """What Adam's relatives share: β₁, β₂, ε outside and ε_root inside the root."""

    rounds_always = True

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    eps_root: float = 0.0

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of a square, shaped like x."""

        t: int
        m: Array
        v: Array

    def direction(self, m: Array, v: Array, t: int) -> Array:
        """Return m̂ / (√(v̂ + ε_root) + ε)."""
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return m_hat / ((v_hat + self.eps_root) ** 0.5 + self.eps)


@dataclass(frozen=True)
class AdaBelief(Momental):
    """Adam whose v averages the square of what m did not expect, in Optax.

    v_t = β₂ v_{t-1} + (1 − β₂) (g_t − m_t)² + ε_root
    x_t = x_{t-1} − η_t m̂_t / (√v̂_t + ε)

    ε_root is added in every step, so v is never below it. With `nesterov`, m̂ looks a step ahead.

    Source: Zhuang et al. (2020), Algorithm 2.
    """

    nesterov: bool = False

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * (g - m) ** 2 + self.eps_root
        m_hat = m / (1 - self.beta1**t)
        if self.nesterov:
            g_hat = g / (1 - self.beta1**t)
            m_hat = self.beta1 * m / (1 - self.beta1 ** (t + 1)) + (1 - self.beta1) * g_hat
        x = x - self.lr_at(t) * m_hat / ((v / (1 - self.beta2**t)) ** 0.5 + self.eps)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class Yogi(Momental):
    """Adam whose v moves towards g² by a share of g², not of their difference, in Optax.

    v_t = v_{t-1} − (1 − β₂) sign(v_{t-1} − g_t²) g_t²
    m_0 = v_0 = 10⁻⁶

    Warning:
        m starts at 10⁻⁶ too, so that x moves where there never was a gradient.

    Source: Zaheer et al. (2018), Algorithm 2.
    """

    initial: float = 1e-6

    def init(self, x: Array) -> Any:
        """Return the state before the first step: t = 0, m and v at their initial value."""
        return self.State(0, zeros_like(x) + self.initial, zeros_like(x) + self.initial)

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = state.v - (1 - self.beta2) * sign(state.v - g**2) * g**2
        x = x - self.lr_at(t) * self.direction(m, v, t)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class Adan(Rule):
    """Adam with the change of the gradient for a look ahead, in Optax.

    d_t = g_t − g_{t-1},  d_1 = 0
    m, v, n: averages of g_t, of d_t, and of (g_t + (1 − β₂) d_t)²
    x_t = x_{t-1} − η_t (m̂_t + (1 − β₂) v̂_t) / (√(n̂_t + ε_root) + ε)

    Source: Xie et al. (2022), Algorithm 1, whose β is 1 − β here.
    """

    rounds_always = True

    beta1: float = 0.98
    beta2: float = 0.92
    beta3: float = 0.99
    eps: float = 1e-8
    eps_root: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.decay_rate("beta3", self.beta3)

    class State(NamedTuple):
        """t: steps made; m, v, n: the averages; g: the last gradient; all shaped like x."""

        t: int
        m: Array
        v: Array
        n: Array
        g: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        d = where(t == 1, lambda: zeros_like(g), lambda: g - state.g)
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * d
        n = self.beta3 * state.n + (1 - self.beta3) * (g + (1 - self.beta2) * d) ** 2
        ahead = m / (1 - self.beta1**t) + (1 - self.beta2) * v / (1 - self.beta2**t)
        n_hat = n / (1 - self.beta3**t)
        x = x - self.lr_at(t) * ahead / ((n_hat + self.eps_root) ** 0.5 + self.eps)
        return x, self.State(t, m, v, n, g)


@dataclass(frozen=True)
class AdEMAMix(Momental):
    """Adam with a second, slow average of the gradient, in Optax.

    s_t = β₃ s_{t-1} + (1 − β₃) g_t
    x_t = x_{t-1} − η_t (m̂_t + α s_t) / (√(v̂_t + ε_root) + ε)

    α and β₃ may be functions of t.

    Source: Pagliardini, Ablin & Grangier (2024), Algorithm 1.
    """

    beta3: LearningRate = 0.9999
    alpha: LearningRate = 5.0

    class State(NamedTuple):
        """t: steps made; m, s: averages of g, fast and slow; v: of g²; shaped like x."""

        t: int
        m: Array
        s: Array
        v: Array

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, beta3 = state.t + 1, at(self.beta3, state.t + 1)
        m = self.beta1 * state.m + (1 - self.beta1) * g
        s = beta3 * state.s + (1 - beta3) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        slow = at(self.alpha, t) * s
        root = (v / (1 - self.beta2**t) + self.eps_root) ** 0.5
        x = x - self.lr_at(t) * (m / (1 - self.beta1**t) + slow) / (root + self.eps)
        return x, self.State(t, m, s, v)


@dataclass(frozen=True)
class Ftrl(Rule):
    """Follow the regularised leader, in Keras.

    n_t = n_{t-1} + g_t²,  n_0 = initial_accumulator
    z_t = z_{t-1} + g_t + 2 λ_s x_{t-1} − (n_t^p − n_{t-1}^p) x_{t-1} / η_t
    x_t = (clip(z_t, −λ₁, λ₁) − z_t) / (n_t^p / η_t + 2 λ₂ + β / η_t)

    p is −`power`.

    Warning:
        x_0 is forgotten: without a gradient z stays 0, and x becomes 0 in the first step.

    Source: McMahan et al. (2013), Algorithm 1.
    """

    rounds_always = True

    power: float = -0.5
    initial_accumulator: float = 0.1
    l1: float = 0.0
    l2: float = 0.0
    shrinkage: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("l1", "l2", "shrinkage", "beta"):
            _check.not_negative(name, getattr(self, name))
        _check.at_most("power", self.power, "zero", 0)

    class State(NamedTuple):
        """t: steps made; n: the sum of g²; z: the linear term; shaped like x."""

        t: int
        n: Array
        z: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, n at its initial value, z = 0."""
        return self.State(0, zeros_like(x) + self.initial_accumulator, zeros_like(x))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, p = state.t + 1, -self.power
        lr, n = self.lr_at(t), state.n + g**2
        z = state.z + g + 2 * self.shrinkage * x - (n**p - state.n**p) / lr * x
        x = (within(z, -self.l1, self.l1) - z) / (n**p / lr + 2 * self.l2 + self.beta / lr)
        return x, self.State(t, n, z)
