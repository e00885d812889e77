"""Optimisers that frameworks have and the book does not derive, each as its framework computes it.

`descent.conventions` lists them by their paths and gives them their frameworks' arguments. A rule
that takes a norm or a mean takes it over one array, as the frameworks do for each parameter.

>>> rule = Rprop(lr=0.1)
>>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
>>> x, state = rule.update(x, 10.0, state)
>>> round(x, 12), round(state.delta, 12)
(4.78, 0.12)
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import least, where
from descent.rules import (
    Adafactor,
    Array,
    LearningRate,
    Rule,
    at,
    clip,
    maximum,
    mean_along,
    quotient,
    rms,
    sign,
    zeros_like,
)


def norm(a: Array) -> Array:
    """Return the root of the sum of squares of all entries; of a number, its size."""
    return (a**2).sum() ** 0.5 if hasattr(a, "sum") else abs(a)


def trust(x: Array, u: Array, eps: float = 0.0) -> Array:
    """Return ‖x‖ / (‖u‖ + ε), and 1 where one of them is 0."""
    size, length = norm(x), norm(u)
    is_known = (size > 0) * (length > 0)
    return is_known * quotient(size, length + eps) + (is_known == 0)


# By coordinate


@dataclass(frozen=True)
class AveragedSGD(Rule):
    """Gradient descent that also averages its points, PyTorch's ASGD.

    η_t = η / (1 + λ η (t − 1))^α
    x_t = (1 − λ η_t) x_{t-1} − η_t g_t
    a_t = a_{t-1} + (x_t − a_{t-1}) / max(1, t − 1 − t₀)

    η under a schedule is that of the step before. The average a, in the state, is what the method
    is for.

    Source: Polyak & Juditsky (1992), as `torch/optim/asgd.py` has it.
    """

    rounds_always = True

    lr: LearningRate = 0.01
    lambd: float = 1e-4
    alpha: float = 0.75
    t0: float = 1e6

    class State(NamedTuple):
        """t: steps made; a: the average of the points, shaped like x."""

        t: int
        a: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        lr = self.lr_at(t - (t > 1))
        eta = lr / (1 + self.lambd * lr * (t - 1)) ** self.alpha
        x = (1 - self.lambd * eta) * x - eta * g
        counted = where(t - 2 > self.t0, lambda: t - 1 - self.t0, lambda: 1)
        return x, self.State(t, state.a + (x - state.a) / counted)


@dataclass(frozen=True)
class Rprop(Rule):
    """A step size for each coordinate, which follows the signs of its gradients, in PyTorch.

    s_t = sign(g_t g_{t-1})
    δ_t = δ_{t-1} times η₊ where s_t = 1, times η₋ where s_t = −1, between the least and the largest
    x_t = x_{t-1} − δ_t sign(g_t), but where s_t = −1: there g_t counts as 0, in the next step too

    Source: Riedmiller & Braun (1993).
    """

    rounds_always = True

    lr: LearningRate = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    least: float = 1e-6
    largest: float = 50.0

    class State(NamedTuple):
        """t: steps made; g: the last gradient; delta: the step sizes, shaped like x."""

        t: int
        g: Array
        delta: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, g = 0, δ = η_1."""
        return self.State(0, zeros_like(x), zeros_like(x) + self.lr_at(1))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        s = sign(g) * sign(state.g)
        delta = clip(self.scaled(state.delta, s), self.least, self.largest)
        g = g * (s >= 0)
        x = x - delta * sign(g)
        return x, self.State(state.t + 1, g, delta)

    def scaled(self, delta: Array, s: Array) -> Array:
        """Return the step sizes times η₊, η₋ or 1."""
        return delta * self.eta_plus ** maximum(s, 0) * self.eta_minus ** maximum(-s, 0)


@dataclass(frozen=True)
class OptaxRprop(Rprop):
    """Rprop that makes each step a step later, in Optax.

    u_t = δ_t sign(g_t), and 0 where s_t = −1
    x_t = x_{t-1} − u_{t-1}, but where s_t = −1: there x stays

    δ is kept within its bounds where it changes. The first step moves nothing.
    """

    def update(self, x: Array, g: Array, state: Rprop.State) -> tuple[Array, Rprop.State]:
        """Return x and the state, whose g is u, after one step along the gradient g."""
        s = sign(g) * sign(state.g)
        bounded = clip(self.scaled(state.delta, s), self.least, self.largest)
        delta = state.delta * (s == 0) + bounded * (s != 0)
        x = x - state.g * (s >= 0)
        return x, self.State(state.t + 1, delta * sign(g) * (s >= 0), delta)


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
        x = (clip(z, -self.l1, self.l1) - z) / (n**p / lr + 2 * self.l2 + self.beta / lr)
        return x, self.State(t, n, z)


# By array


@dataclass(frozen=True)
class Lamb(Momental):
    """Adam whose step is as long as a share η of x, in Optax and Keras.

    u_t = m̂_t / (√(v̂_t + ε_root) + ε) + λ x_{t-1}
    x_t = x_{t-1} − η_t ‖x_{t-1}‖ / ‖u_t‖ · u_t

    The ratio is 1 where a norm is 0.

    Source: You et al. (2020), Algorithm 2, with φ the identity.
    """

    elementwise = False

    weight_decay: float = 0.0

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        u = self.direction(m, v, t) + self.weight_decay * x
        x = x - self.lr_at(t) * trust(x, u) * u
        return x, self.State(t, m, v)


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


# Adafactor


@dataclass(frozen=True)
class KerasAdafactor(Adafactor):
    """Adafactor at a rate of at most 1/√t, in Keras.

    ρ_t = min(η_t, 1/√t),  β_t = 1 − t^decay

    Warning:
        The paper's ρ_t is min(10⁻², 1/√t): at Keras' η = 0.001 a step is a tenth as long until
        t = 10⁴.
    """

    rounds_always = True

    decay: float = -0.8

    def rate(self, t: int) -> float:
        """Return ρ_t."""
        rho: float = least(self.lr_at(t), t**-0.5)
        return rho

    def square(self, g: Array) -> Array:
        """Return the square that is averaged."""
        return g**2 + self.eps1

    def variance(self, r: Array, c: Array) -> Array:
        """Return v̂ from the averages of the row and the column means."""
        return r / mean_along(r, -2) * c

    def shrunk(self, x: Array, t: int) -> Array:
        """Return x after its decay."""
        return x

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        beta = 1 - t**self.decay
        r = beta * state.r + (1 - beta) * mean_along(self.square(g), -1)
        c = beta * state.c + (1 - beta) * mean_along(self.square(g), -2)
        u = g / self.variance(r, c) ** 0.5
        u = u / maximum(rms(u) / self.clip, 1)
        step = self.rate(t) * maximum(rms(x), self.eps2) * u
        return self.shrunk(x, t) - step, self.State(t, r, c)


@dataclass(frozen=True)
class TorchAdafactor(KerasAdafactor):
    """Adafactor with ε₁ as a floor below the averages, and decoupled decay, in PyTorch.

    v̂_t = max(r_t c_t / max(mean(r_t), ε₁), ε₁²)
    x_t = (1 − η_t λ) x_{t-1} − ρ_t max(ε₂, RMS(x_{t-1})) u_t / max(1, RMS(u_t) / d)

    ε₁ is the spacing of the numbers of x's dtype at 1 where it is None.
    """

    eps1: float | None = None  # type: ignore[assignment]
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        Rule.__post_init__(self)
        if self.eps1 is not None:
            _check.not_negative("eps1", self.eps1)
        _check.not_negative("eps2", self.eps2)
        _check.positive("clip", self.clip)

    def square(self, g: Array) -> Array:
        """Return the square that is averaged."""
        return g**2

    def variance(self, r: Array, c: Array) -> Array:
        """Return v̂ from the averages of the row and the column means."""
        eps1 = _spacing(c) if self.eps1 is None else self.eps1
        is_matrix = len(getattr(c, "shape", ())) > 1
        v = r * c / maximum(mean_along(r, -2), eps1) if is_matrix else c
        return maximum(v, eps1**2)

    def shrunk(self, x: Array, t: int) -> Array:
        """Return x after its decay."""
        return x - self.lr_at(t) * self.weight_decay * x


def _spacing(a: Array) -> float:
    """Return the spacing of the numbers of an array's dtype at 1; one of 16 bits comes in 32."""
    return math.ldexp(1.0, -23 if getattr(getattr(a, "dtype", None), "itemsize", 8) == 4 else -52)


@dataclass(frozen=True)
class OptaxAdafactor(Adafactor):
    """Adafactor with all of g² below a size, momentum, and a decay apart from η, in Optax.

    u_t = g_t / √v̂_t,  clipped; times η_t;  times max(10⁻³, RMS(x_{t-1})) with `scales`
    x_t = x_{t-1} − (average of these) − λ x_{t-1}

    v̂ is of row and column means only where both sides of a matrix have `min_factored` entries.

    Warning:
        There is no relative step: without a learning rate each step is as long as x itself.
    """

    rounds_always = True

    lr: LearningRate = 1.0
    clip: float = math.inf
    momentum: float = 0.0
    decay: float = 0.8
    offset: int = 0
    scales: bool = True
    min_factored: float = 128
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        Rule.__post_init__(self)
        _check.not_negative("eps1", self.eps1)

    class State(NamedTuple):
        """t: steps made; r, c: means of g² by row and column, or c all of it; m: momentum."""

        t: int
        r: Array
        c: Array
        m: Array

    def factored(self, x: Array) -> bool:
        """Whether v̂ of x is made of row and column means."""
        shape = tuple(getattr(x, "shape", ()))
        if len(shape) < 2 or sorted(shape)[-2] < self.min_factored:
            return False
        if len(shape) > 2:
            raise ValueError(f"x must be a matrix where it is factored, got shape {shape}")
        return True

    def init(self, x: Array) -> Any:
        """Return the state before the first step: all 0."""
        r, c = (mean_along(zeros_like(x), i) for i in (-1, -2))
        is_factored = self.factored(x)
        c = c if is_factored else zeros_like(x)
        return self.State(0, r if is_factored else norm(c), c, zeros_like(x))

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, square = state.t + 1, g**2 + self.eps1
        beta = 1 - (t - self.offset) ** -self.decay
        r, c = state.r, beta * state.c + (1 - beta) * square
        u = g / c**0.5
        if self.factored(x):
            r = beta * state.r + (1 - beta) * mean_along(square, -1)
            c = beta * state.c + (1 - beta) * mean_along(square, -2)
            u = g / ((r / mean_along(r, -2)) ** 0.5 * c**0.5)
        u = self.lr_at(t) * u / maximum(rms(u) / self.clip, 1)
        u = u * maximum(rms(x), 1e-3) if self.scales else u
        m = self.momentum * state.m + (1 - self.momentum) * u
        return x - (m + self.weight_decay * x), self.State(t, r, c, m)


# Muon

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b and c of the Newton-Schulz iteration."""


@dataclass(frozen=True)
class FrameworkMuon(Rule):
    """Muon for a matrix, in PyTorch, Keras and Optax.

    m_t = μ m_{t-1} + (1 − μ) g_t
    u_t = μ m_t + (1 − μ) g_t, or m_t without `nesterov`; in Optax both are corrected for their bias
    O_t = NewtonSchulz(u_t / (‖u_t‖ + ε)), in PyTorch u_t / max(‖u_t‖, ε)
    x_t = x_{t-1} − η_t (scale · O_t + λ x_{t-1})

    `scale` is √max(1, rows/columns) in PyTorch ("tall"), √max(1, columns/rows) in Optax, whose
    matrices map rows to columns ("wide"), and `rms` √max(rows, columns) in Keras ("rms").

    Warning:
        PyTorch computes O in bfloat16, this rule in the precision of x: they differ by about 1 %.
    """

    elementwise = False
    rounds_always = True

    momentum: float = 0.95
    weight_decay: float = 0.0
    nesterov: bool = True
    coefficients: tuple[float, float, float] = COEFFICIENTS
    steps: int = 5
    eps: float = 1e-7
    floor: bool = False
    bias_correction: bool = False
    adaptive: bool = False
    scale: str = "tall"
    rms: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive_count("steps", self.steps)
        if not (isinstance(self.coefficients, tuple | list) and len(self.coefficients) == 3):
            raise ValueError(f"coefficients must be three numbers, got {self.coefficients!r}")

    class State(NamedTuple):
        """t: steps made; m: the average of the gradient, shaped like x."""

        t: int
        m: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step for a matrix x: t = 0, m = 0."""
        _check.matrix("x", x)
        return self.State(0, zeros_like(x))

    def ahead(self, m: Array, g: Array, t: int) -> Array:
        """Return u_t."""
        mu, corrected = self.momentum, int(self.bias_correction)
        if not self.nesterov:
            return m / (1 - corrected * mu**t)
        last = (1 - mu) * g / (1 - corrected * mu**t)
        return mu * m / (1 - corrected * mu ** (t + 1)) + last

    def orthogonal(self, u: Array) -> Array:
        """Return O_t."""
        a, b, c = self.coefficients
        is_tall = u.shape[0] > u.shape[1]
        o = u.T if is_tall else u
        o = o / (maximum(norm(u), self.eps) if self.floor else norm(u) + self.eps)
        for _ in range(self.steps):
            gram = o @ o.T
            o = a * o + (b * gram + c * gram @ gram) @ o
        return o.T if is_tall else o

    def factor(self, rows: int, columns: int) -> float:
        """Return the scale of a matrix of this shape."""
        if self.scale == "rms":
            return self.rms * math.sqrt(max(rows, columns))
        ratio = rows / columns if self.scale == "tall" else columns / rows
        return math.sqrt(max(1, ratio)) if self.scale != "none" else 1.0

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.momentum * state.m + (1 - self.momentum) * g
        u = self.ahead(m, g, t)
        o = self.orthogonal(u)
        o = (u * o).sum() * o if self.adaptive else o
        x = x - self.lr_at(t) * (self.factor(*x.shape) * o + self.weight_decay * x)
        return x, self.State(t, m)
