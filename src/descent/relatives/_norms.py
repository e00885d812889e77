"""Rules whose step has a norm in it: LAMB, LARS, NovoGrad, Prodigy."""

from dataclasses import dataclass
from typing import NamedTuple

from descent._numbers import where
from descent.rules import Array, LearningRate, Rule, maximum, norm, trust, zeros_like
from descent.rules import Lamb as PaperLamb

__all__ = [
    "Lamb",
    "Lars",
    "NovoGrad",
    "Prodigy",
]


@dataclass(frozen=True)
class Lamb(PaperLamb):
    """LAMB as Optax and Keras have it: with ε_root inside the root too.

    u_t = m̂_t / (√(v̂_t + ε_root) + ε) + λ x_{t-1}
    """

    rounds_always = True

    eps_root: float = 0.0

    def direction(self, m: Array, v: Array, t: int) -> Array:
        """Return m̂ / (√(v̂ + ε_root) + ε)."""
        v_hat = v / (1 - self.beta2**t)
        return m / (1 - self.beta1**t) / ((v_hat + self.eps_root) ** 0.5 + self.eps)


@dataclass(frozen=True)
class Lars(Rule):
    """Momentum whose step is as long as a share of x, in Optax.

    u_t = g_t + λ x_{t-1}
    d_t = μ d_{t-1} − η_t τ ‖x_{t-1}‖ / (‖u_t‖ + ε) · u_t
    x_t = x_{t-1} + d_t, with `nesterov` one step ahead

    The ratio, τ with it, is 1 where a norm is 0.

    Source: You, Gitman & Ginsburg (2017), with the decay in the norm.
    """

    elementwise = False
    rounds_always = True

    momentum: float = 0.9
    weight_decay: float = 0.0
    trust_coefficient: float = 1e-3
    eps: float = 0.0
    nesterov: bool = False

    class State(NamedTuple):
        """t: steps made; d: the last displacement, shaped like x."""

        t: int
        d: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, u = state.t + 1, g + self.weight_decay * x
        is_known = (norm(x) > 0) * (norm(u) > 0)
        ratio = is_known * (self.trust_coefficient * trust(x, u, self.eps)) + (is_known == 0)
        step = self.lr_at(t) * ratio * u
        d = self.momentum * state.d - step
        x = x + (self.momentum * d - step if self.nesterov else d)
        return x, self.State(t, d)


@dataclass(frozen=True)
class NovoGrad(Rule):
    """Momentum over gradients that are divided by the average of their norm, in Optax.

    v_1 = ‖g_1‖²,  v_t = β₂ v_{t-1} + (1 − β₂) ‖g_t‖²
    m_t = β₁ m_{t-1} + g_t / (√(v_t + ε_root) + ε) + λ x_{t-1}
    x_t = x_{t-1} − η_t m_t

    Source: Ginsburg et al. (2019), Algorithm 1.
    """

    elementwise = False
    rounds_always = True

    beta1: float = 0.9
    beta2: float = 0.25
    eps: float = 1e-6
    eps_root: float = 0.0
    weight_decay: float = 0.0

    class State(NamedTuple):
        """t: steps made; m: the momentum, shaped like x; v: an array of one number."""

        t: int
        m: Array
        v: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, m = 0, v = 0."""
        return self.State(0, zeros_like(x), norm(zeros_like(x)))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, size = state.t + 1, norm(g) ** 2
        v = where(t == 1, lambda: size, lambda: self.beta2 * state.v + (1 - self.beta2) * size)
        u = g / ((v + self.eps_root) ** 0.5 + self.eps) + self.weight_decay * x
        m = self.beta1 * state.m + u
        return x - self.lr_at(t) * m, self.State(t, m, v)


@dataclass(frozen=True)
class Prodigy(Rule):
    """Adam that finds its learning rate from the distance travelled, in Optax.

    η'_t = d_{t-1} η_t √(1 − β₂^t) / (1 − β₁^t)
    r_t = β₃ r_{t-1} + d_{t-1} η'_t ⟨g_t, x_0 − x_{t-1}⟩ / d_0
    s_t = β₃ s_{t-1} + d_{t-1} η'_t g_t / d_0, or with `safeguard_warmup` d_{t-1} for η'_t
    d_t = max(d_{t-1}, c r_t / ‖s_t‖₁)
    x_t = x_{t-1} − η'_t (m_t / (√v_t + d_t ε) + λ x_{t-1}),  m, v averages of d_{t-1} g_t

    Optax finds one d for all parameters of a tree, this rule one for its array.

    Source: Mishchenko & Defazio (2024), Algorithm 4, with √β₂ for β₃.
    """

    elementwise = False
    rounds_always = True

    lr: LearningRate = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    beta3: float | None = None
    eps: float = 1e-8
    d0: float = 1e-6
    coefficient: float = 1.0
    weight_decay: float = 0.0
    safeguard_warmup: bool = False

    class State(NamedTuple):
        """t: steps made; m, v, s: as above; x0: the start; r, d: arrays of one number."""

        t: int
        m: Array
        v: Array
        s: Array
        x0: Array
        r: Array
        d: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: x_0 a copy, d = d_0, the rest 0."""
        zeros, zero = zeros_like(x), norm(zeros_like(x))
        return self.State(0, zeros, zeros + 0, zeros + 0, x + zeros, zero, zero + self.d0)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, d = state.t + 1, state.d
        beta3 = self.beta2**0.5 if self.beta3 is None else self.beta3
        lr = d * self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        m = self.beta1 * state.m + (1 - self.beta1) * (d * g)
        v = self.beta2 * state.v + (1 - self.beta2) * (d * g) ** 2
        s = beta3 * state.s + (d if self.safeguard_warmup else lr) * (d * g) / self.d0
        gain = g * (state.x0 - x)
        r = beta3 * state.r + d / self.d0 * lr * (gain.sum() if hasattr(gain, "sum") else gain)
        size = abs(s).sum() if hasattr(s, "sum") else abs(s)
        d = maximum(d, self.coefficient * r / size)
        x = x - lr * (m / (v**0.5 + d * self.eps) + self.weight_decay * x)
        return x, self.State(t, m, v, s, state.x0, r, d)
