"""What the frameworks compute where it differs from the papers, each formula once."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import where
from descent.rules import (
    AdaGrad,
    Adam,
    Array,
    Rule,
    maximum,
    zeros_like,
)

__all__ = [
    "ema",
    "square_ema",
    "BufferedMomentum",
    "BufferedNesterov",
    "WarmAdaGrad",
    "KerasAdagrad",
    "OptaxAdagrad",
    "AveragingRule",
    "KerasAdam",
    "OptaxAdam",
    "TorchAMSGrad",
    "KerasAMSGrad",
    "OptaxAMSGrad",
    "TorchAdamax",
    "KerasAdamax",
    "ScheduledNAdam",
    "rectification",
    "rectified",
    "TorchRAdam",
    "OptaxRAdam",
    "OptaxNesterovRAdam",
]


def ema(average: Array, value: Array, beta: float) -> Array:
    """Return the exponential moving average after a value: β average + (1 − β) value."""
    return beta * average + (1 - beta) * value


def square_ema(average: Array, g: Array, beta: float) -> Array:
    """Return the moving average of g² after a gradient: β average + (1 − β) g².

    Arrays of fewer than 64 bits are multiplied in PyTorch's order, ((1 − β) g) g, which is finite
    where g² is not: in float16 at g = 300, in float32 at 1e20.
    """
    is_narrow = getattr(getattr(g, "dtype", None), "itemsize", 8) < 8
    return beta * average + ((1 - beta) * g * g if is_narrow else (1 - beta) * g**2)


@dataclass(frozen=True)
class BufferedMomentum(Rule):
    """Momentum with the learning rate outside the buffer, in PyTorch and Optax.

    b_1 = g_1,  b_t = μ b_{t-1} + (1 − τ) g_t
    x_t = x_{t-1} − η_t b_t

    Equal to `rules.Momentum` while η is constant; after a drop of η this one slows at once. The
    dampening τ, PyTorch's alone, spares the first step, so τ = μ is no average of gradients.

    >>> rule = BufferedMomentum(lr=1.0, momentum=0.9, dampening=0.9)
    >>> x, state = rule.update(0.0, 1.0, rule.init(0.0))
    >>> x, state = rule.update(x, 1.0, state)
    >>> round(x, 12)        # two whole steps, where an average that starts at 0 makes 0.1 and 0.19
    -2.0
    """

    rounds_always = True

    momentum: float = 0.9
    dampening: float = 0.0

    class State(NamedTuple):
        """t: steps made; b: the buffer, shaped like x."""

        t: int
        b: Array

    def accumulate(self, g: Array, state: State) -> State:
        """Return the state with the gradient in the buffer."""
        t = state.t + 1
        b = where(t == 1, lambda: g, lambda: self.momentum * state.b + (1 - self.dampening) * g)
        return self.State(t, b)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, b = state = self.accumulate(g, state)
        x = x - self.lr_at(t) * b
        return x, state


@dataclass(frozen=True)
class BufferedNesterov(BufferedMomentum):
    """Nesterov's step with the learning rate outside, in PyTorch and Optax.

    b_t = μ b_{t-1} + (1 − τ) g_t, as `BufferedMomentum` has it
    x_t = x_{t-1} − η_t (g_t + μ b_t)
    """

    def update(self, x: Array, g: Array, state: BufferedMomentum.State) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, b = state = self.accumulate(g, state)
        x = x - self.lr_at(t) * (g + self.momentum * b)
        return x, state


# AdaGrad and RMSprop


@dataclass(frozen=True)
class WarmAdaGrad(AdaGrad):
    """AdaGrad whose sum of squares starts at a chosen value, in PyTorch: ε outside the root.

    s_0 = initial_accumulator
    """

    rounds_always = True

    initial_accumulator: float = 0.0

    def init(self, x: Array) -> AdaGrad.State:
        """Return the state before the first step: t = 0, s at its initial value."""
        return self.State(t=0, s=zeros_like(x) + self.initial_accumulator)


@dataclass(frozen=True)
class KerasAdagrad(WarmAdaGrad):
    """AdaGrad with ε inside the root, in Keras.

    x_t = x_{t-1} − η_t g_t / √(s_t + ε)

    Warning:
        The default s_0 = 0.1 is a past gradient of 0.32 on every coordinate: a first gradient of
        1e-3 moves x by 0.003 η, where the paper's rule moves it by η.
    """

    def update(self, x: Array, g: Array, state: AdaGrad.State) -> tuple[Array, AdaGrad.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, s = state.t + 1, state.s + g**2
        x = x - self.lr_at(t) * g / (s + self.eps) ** 0.5
        return x, self.State(t, s)


@dataclass(frozen=True)
class OptaxAdagrad(WarmAdaGrad):
    """AdaGrad with ε inside the root, and no step where s_t = 0, in Optax.

    x_t = x_{t-1} − η_t [s_t > 0] g_t / √(s_t + ε)
    """

    def update(self, x: Array, g: Array, state: AdaGrad.State) -> tuple[Array, AdaGrad.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, s = state.t + 1, state.s + g**2
        x = x - self.lr_at(t) * g * (s > 0) / (s + self.eps + (s == 0)) ** 0.5
        return x, self.State(t, s)


# Adam and its relatives


@dataclass(frozen=True)
class AveragingRule(Adam):
    """What Adam's relatives share with it: hyper-parameters, state, and the two averages."""

    rounds_always = True

    def average(self, x: Array, g: Array, state: Any) -> tuple[int, Array, Array]:
        """Return t, m_t and v_t after the gradient g, shaped like x."""
        m = ema(state.m, g, self.beta1)
        v = square_ema(state.v, g, self.beta2)
        return state.t + 1, m, v


@dataclass(frozen=True)
class KerasAdam(AveragingRule):
    """Adam with ε̂: ε joins √v before the bias correction, in Keras.

    α_t = η_t √(1 − β₂^t) / (1 − β₁^t)
    x_t = x_{t-1} − α_t m_t / (√v_t + ε̂)

    Adam with ε_t = ε̂ / √(1 − β₂^t): at the first step a fixed ε̂ acts 1/√(1 − β₂) times as
    strongly as the same ε, 32 times by default, and Keras' default is ten times larger besides.

    Source: Kingma & Ba (2015), the end of section 2.
    """

    def update(self, x: Array, g: Array, state: Adam.State) -> tuple[Array, Adam.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        alpha = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        x = x - alpha * m / (v**0.5 + self.eps)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class OptaxAdam(AveragingRule):
    """Adam with a second ε inside the root, in Optax.

    x_t = x_{t-1} − η_t m̂_t / (√(v̂_t + ε_root) + ε)
    """

    eps_root: float = 0.0

    def update(self, x: Array, g: Array, state: Adam.State) -> tuple[Array, Adam.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        x = x - self.lr_at(t) * m_hat / ((v_hat + self.eps_root) ** 0.5 + self.eps)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class TorchAMSGrad(AveragingRule):
    """AMSGrad that corrects the bias after the maximum, in PyTorch's Adam(amsgrad=True).

    v_max = max(v_max, v_t)
    x_t = x_{t-1} − η_t m̂_t / (√(v_max / (1 − β₂^t)) + ε)

    Warning:
        The corrected denominator can fall while t is small, which the paper's cannot.
    """

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g²; v_max: the largest v; like x."""

        t: int
        m: Array
        v: Array
        v_max: Array

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        v_max = maximum(state.v_max, v)
        m_hat = m / (1 - self.beta1**t)
        x = x - self.lr_at(t) * m_hat / (v_max**0.5 / (1 - self.beta2**t) ** 0.5 + self.eps)
        return x, self.State(t, m, v, v_max)


@dataclass(frozen=True)
class KerasAMSGrad(TorchAMSGrad):
    """AMSGrad that corrects the bias after the maximum, with ε̂, in Keras' Adam(amsgrad=True).

    v_max = max(v_max, v_t)
    x_t = x_{t-1} − η_t √(1 − β₂^t) / (1 − β₁^t) · m_t / (√v_max + ε̂)
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        v_max = maximum(state.v_max, v)
        alpha = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        x = x - alpha * m / (v_max**0.5 + self.eps)
        return x, self.State(t, m, v, v_max)


@dataclass(frozen=True)
class OptaxAMSGrad(TorchAMSGrad):
    """AMSGrad that corrects the bias before the maximum, in Optax.

    v_max = max(v_max, v̂_t)
    x_t = x_{t-1} − η_t m̂_t / (√(v_max + ε_root) + ε)

    The denominator never falls, but an early spike stays in it at its full size. Without
    `bias_correction_mu` m̂_t is m_t, without `bias_correction_nu` v̂_t is v_t; without either this
    is the paper's rule plus ε.
    """

    eps_root: float = 0.0
    bias_correction_mu: bool = True
    bias_correction_nu: bool = True

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        m_hat = m / (1 - self.bias_correction_mu * self.beta1**t)
        v_hat = v / (1 - self.bias_correction_nu * self.beta2**t)
        v_max = maximum(state.v_max, v_hat)
        x = x - self.lr_at(t) * m_hat / ((v_max + self.eps_root) ** 0.5 + self.eps)
        return x, self.State(t, m, v, v_max)


@dataclass(frozen=True)
class TorchAdamax(Adam):
    """AdaMax with ε inside the maximum, in PyTorch and Optax.

    u_t = max(β₂ u_{t-1}, |g_t| + ε)
    x_t = x_{t-1} − η_t m̂_t / u_t
    """

    rounds_always = True

    class State(NamedTuple):
        """t: steps made; m: average of g; u: decaying maximum of |g|, shaped like x."""

        t: int
        m: Array
        u: Array

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m = state.t + 1, ema(state.m, g, self.beta1)
        u = maximum(self.beta2 * state.u, abs(g) + self.eps)
        x = x - self.lr_at(t) / (1 - self.beta1**t) * m / u
        return x, self.State(t, m, u)


@dataclass(frozen=True)
class KerasAdamax(TorchAdamax):
    """AdaMax with ε in the denominator alone, in Keras.

    u_t = max(β₂ u_{t-1}, |g_t|)
    x_t = x_{t-1} − η_t m̂_t / (u_t + ε)
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m = state.t + 1, ema(state.m, g, self.beta1)
        u = maximum(self.beta2 * state.u, abs(g))
        x = x - self.lr_at(t) / (1 - self.beta1**t) * m / (u + self.eps)
        return x, self.State(t, m, u)


@dataclass(frozen=True)
class ScheduledNAdam(AveragingRule):
    """NAdam, in every framework; they differ in how fast μ_t rises from β₁/2 to β₁.

    μ_t = β₁ (1 − ½ · 0.96^(ψt)),  Π_t = μ_1 μ_2 … μ_t
    m̂_t = μ_{t+1} m_t / (1 − Π_{t+1}) + (1 − μ_t) g_t / (1 − Π_t)
    x_t = x_{t-1} − η_t m̂_t / (√(v̂_t + ε_root) + ε)

    ψ (`momentum_decay`) is 0.004 by default in PyTorch, 1 always in Keras, and infinite in Optax,
    whose μ_t is β₁ from the start. None is Dozat's Algorithm 2: m_t averages with β₁, not μ_t.

    Warning:
        PyTorch keeps Π_t in its default type, float32, even for parameters in float64: a relative
        error of about 1e-7.
    """

    eps_root: float = 0.0
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.momentum_decay != math.inf:
            _check.not_negative("momentum_decay", self.momentum_decay)

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g², shaped like x; mu_product: Π_t."""

        t: int
        m: Array
        v: Array
        mu_product: float

    def mu(self, t: int) -> float:
        """Return the momentum μ_t of step t."""
        decay: float = 0.96 ** (t * self.momentum_decay)
        return self.beta1 * (1 - 0.5 * decay)

    def init(self, x: Array) -> Any:
        """Return the state before the first step: t = 0, m = v = 0, and the empty product 1."""
        return self.State(0, zeros_like(x), zeros_like(x), 1.0)

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        mu, mu_next = self.mu(t), self.mu(t + 1)
        product = state.mu_product * mu
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        v_hat = v / (1 - self.beta2**t)
        x = x - self.lr_at(t) * m_hat / ((v_hat + self.eps_root) ** 0.5 + self.eps)
        return x, self.State(t, m, v, product)


def rectification(beta2: float, t: int, threshold: float) -> float | None:
    """Return RAdam's r_t, or None while the average v_t is too short: ρ_t < threshold."""
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho < threshold:
        return None
    r: float = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
    return r


def rectified(
    m_hat: Array, quotient: Callable[[], Array], beta2: float, t: int, threshold: float
) -> Array:
    """Return RAdam's r_t times the quotient, or m̂ where ρ_t < threshold: v is too young there."""
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)

    def r() -> float:
        r2 = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        return maximum(r2, 0) ** 0.5  # type: ignore[no-any-return]

    return where(rho < threshold, lambda: m_hat, lambda: r() * quotient())


ABOVE_5 = math.nextafter(5, 6)
"""The least ρ_t from which PyTorch rectifies."""


@dataclass(frozen=True)
class TorchRAdam(AveragingRule):
    """RAdam with ε̂, rectified once ρ_t > 5, in PyTorch.

    x_t = x_{t-1} − η_t m̂_t r_t √(1 − β₂^t) / (√v_t + ε̂)     where ρ_t > 5
    x_t = x_{t-1} − η_t m̂_t                                  before

    Warning:
        The paper rectifies once ρ_t > 4: with β₂ = 0.999 from step 5, here from step 6.
    """

    def update(self, x: Array, g: Array, state: Adam.State) -> tuple[Array, Adam.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        m_hat = m / (1 - self.beta1**t)
        root = (1 - self.beta2**t) ** 0.5
        u = rectified(m_hat, lambda: m_hat * root / (v**0.5 + self.eps), self.beta2, t, ABOVE_5)
        x = x - self.lr_at(t) * u
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class OptaxRAdam(AveragingRule):
    """RAdam with ε on the corrected average, rectified once ρ_t ≥ threshold, in Optax.

    x_t = x_{t-1} − η_t r_t m̂_t / (√(v̂_t + ε_root) + ε)      where ρ_t ≥ threshold
    x_t = x_{t-1} − η_t m̂_t                                  before
    """

    eps_root: float = 0.0
    threshold: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (_check.is_number(self.threshold) and self.threshold >= 4):
            raise ValueError(f"threshold must be a number of at least 4, got {self.threshold!r}")

    def m_hat(self, m: Array, g: Array, t: int) -> Array:
        """Return the corrected average of the gradients."""
        return m / (1 - self.beta1**t)

    def update(self, x: Array, g: Array, state: Adam.State) -> tuple[Array, Adam.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, m, v = self.average(x, g, state)
        m_hat = self.m_hat(m, g, t)
        v_hat = v / (1 - self.beta2**t)
        root = (v_hat + self.eps_root) ** 0.5
        u = rectified(m_hat, lambda: m_hat / (root + self.eps), self.beta2, t, self.threshold)
        x = x - self.lr_at(t) * u
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class OptaxNesterovRAdam(OptaxRAdam):
    """RAdam with Nesterov's look-ahead, Optax's radam(nesterov=True).

    m̂_t = β₁ m_t / (1 − β₁^{t+1}) + (1 − β₁) g_t / (1 − β₁^t)
    """

    def m_hat(self, m: Array, g: Array, t: int) -> Array:
        """Return the corrected average, a step ahead."""
        return ema(m / (1 - self.beta1 ** (t + 1)), g / (1 - self.beta1**t), self.beta1)
