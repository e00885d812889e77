"""The rules as PyTorch, Keras 3 and Optax compute them, and a converter between them.

Look an optimiser up by its framework's path; its arguments are the framework's own:

>>> rule = framework_rule("keras.optimizers.Adam", learning_rate=0.01)
>>> rule
KerasAdam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-07)
>>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
>>> round(x, 6)
4.99

The first half of the file holds the formulas that differ from the papers' (`descent.rules` has
those), each once. The second half lists every optimiser with its signature and the rule that it
is. `convert` carries hyper-parameters from one framework to another, or says why it cannot:

>>> convert("torch.optim.Adamax", "optax.adamax", eps=1e-6)
{'learning_rate': 0.002, 'b1': 0.9, 'b2': 0.999, 'eps': 1e-06}
>>> convert("torch.optim.NAdam", "optax.nadam")
Traceback (most recent call last):
descent.conventions.NoEquivalent: torch.optim.NAdam has no equivalent in optax.nadam: \
the schedule of μ_t is another, and fixed

Read from the sources of PyTorch 2.13.0, Keras 3.15.1 and Optax 0.2.8, and tested against them.
What all optimisers of a framework share:

- Weight decay λ. PyTorch adds λx to the gradient (`L2Decay`), except in AdamW. Keras shrinks x by
  1 − η_t λ before the step (`DecoupledDecay`), in every optimiser, Adam and SGD among them. Optax
  shrinks in adamw and lion, and adds to the gradient in adadelta; its others have no decay.
- The step count t starts at 1, and a learning rate given as a function is called with that t. The
  schedules of Keras and Optax count from 0: `framework_rule` calls them with t − 1.
- PyTorch and Optax take hyper-parameters in double precision whatever the parameters' type; Keras
  rounds them, and powers such as β₂^t, to the parameters' type.
- In float16 and bfloat16 they round after every operation, and so do the formulas here.
"""

import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import least, plain, where
from descent.relatives import (
    COEFFICIENTS,
    AdaBelief,
    Adan,
    AdEMAMix,
    AveragedSGD,
    FrameworkMuon,
    Ftrl,
    KerasAdafactor,
    Lamb,
    Lars,
    NovoGrad,
    OptaxAdafactor,
    OptaxRprop,
    Prodigy,
    Rprop,
    TorchAdafactor,
    Yogi,
)
from descent.rules import (
    Adadelta,
    AdaGrad,
    Adam,
    Array,
    GradientDescent,
    LearningRate,
    Lion,
    Momentum,
    Nesterov,
    Rule,
    at,
    maximum,
    quotient,
    zeros_like,
)


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


# Around a rule: the gradient or x is changed, the rule inside makes the step.


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


# Momentum


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


# The optimisers: each a function with the framework's own signature that returns the rule it is.

Pair = tuple[float, float]
"""β₁ and β₂."""

_OPTIMISERS: dict[str, Callable[..., Rule]] = {}


def _optimiser(path: str) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Enter the function below in the table, under its framework's path."""
    return lambda build: _OPTIMISERS.setdefault(path, build)


def _l2(rule: Rule, weight_decay: float) -> Rule:
    return L2Decay(rule.lr, rule, weight_decay) if weight_decay else rule


def _decoupled(rule: Rule, weight_decay: float | None) -> Rule:
    return DecoupledDecay(rule.lr, rule, weight_decay) if weight_decay else rule


def _torch(rule: Rule, weight_decay: float, maximize: bool, decoupled: bool = False) -> Rule:
    """Return the rule inside what all of PyTorch's optimisers do first, in their order."""
    rule = _decoupled(rule, weight_decay) if decoupled else _l2(rule, weight_decay)
    return Maximize(rule.lr, rule) if maximize else rule


@_optimiser("torch.optim.SGD")
def torch_sgd(
    lr: LearningRate = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """η outside the buffer, which the decay enters; dampening spares the first step."""
    if nesterov and (not momentum or dampening):
        raise ValueError("nesterov must come with a positive momentum and no dampening")
    buffered = BufferedNesterov if nesterov else BufferedMomentum
    rule = buffered(lr, momentum, dampening) if momentum else GradientDescent(lr)
    return _torch(rule, weight_decay, maximize)


@_optimiser("torch.optim.Adagrad")
def torch_adagrad(
    lr: LearningRate = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> Rule:
    """η_t = η / (1 + (t − 1) lr_decay); otherwise the paper's rule."""
    _check.not_negative("lr_decay", lr_decay)
    lr = partial(_decayed, lr, lr_decay) if lr_decay else lr
    return _torch(WarmAdaGrad(lr, eps, initial_accumulator_value), weight_decay, maximize)


def _decayed(lr: LearningRate, lr_decay: float, t: int) -> float:
    return at(lr, t) / (1 + (t - 1) * lr_decay)


@_optimiser("torch.optim.RMSprop")
def torch_rmsprop(
    lr: LearningRate = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """ε outside the root, η outside the buffer."""
    step = BufferedMomentum(lr, momentum) if momentum else GradientDescent(lr)
    rule = RMSScaled(lr, step, rho=alpha, eps=eps, centered=centered)
    return _torch(rule, weight_decay, maximize)


@_optimiser("torch.optim.Adadelta")
def torch_adadelta(
    lr: LearningRate = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """The paper's rule, but for its ρ = 0.95."""
    return _torch(Adadelta(lr, rho, eps), weight_decay, maximize)


@_optimiser("torch.optim.Adam")
def torch_adam(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """The paper's Algorithm 1; the decay is L2, divided by √v̂ with the gradient."""
    rule = (TorchAMSGrad if amsgrad else Adam)(lr, *betas, eps)
    return _torch(rule, weight_decay, maximize, decoupled_weight_decay)


@_optimiser("torch.optim.AdamW")
def torch_adamw(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """`torch.optim.Adam` with decoupled decay, multiplied by the whole learning rate."""
    rule = (TorchAMSGrad if amsgrad else Adam)(lr, *betas, eps)
    return _torch(rule, weight_decay, maximize, decoupled=True)


@_optimiser("torch.optim.Adamax")
def torch_adamax(
    lr: LearningRate = 2e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """ε inside the maximum; the paper has none."""
    return _torch(TorchAdamax(lr, *betas, eps), weight_decay, maximize)


@_optimiser("torch.optim.NAdam")
def torch_nadam(
    lr: LearningRate = 2e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """A constant β₁ averages, the schedule μ_t weighs."""
    rule = ScheduledNAdam(lr, *betas, eps, momentum_decay=momentum_decay)
    return _torch(rule, weight_decay, maximize, decoupled_weight_decay)


@_optimiser("torch.optim.RAdam")
def torch_radam(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """ε̂, unlike `torch.optim.Adam`; rectified a step after the paper."""
    return _torch(TorchRAdam(lr, *betas, eps), weight_decay, maximize, decoupled_weight_decay)


@_optimiser("torch.optim.ASGD")
def torch_asgd(
    lr: LearningRate = 1e-2,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """The averaging starts after t₀ steps; until then, gradient descent with a decaying η."""
    return _torch(AveragedSGD(lr, lambd, alpha, t0), weight_decay, maximize)


@_optimiser("torch.optim.Rprop")
def torch_rprop(
    lr: LearningRate = 1e-2,
    etas: Pair = (0.5, 1.2),
    step_sizes: Pair = (1e-6, 50),
    *,
    maximize: bool = False,
) -> Rule:
    """η is the first step size, and no more."""
    return _torch(Rprop(lr, *etas, *step_sizes), 0.0, maximize)


@_optimiser("torch.optim.Adafactor")
def torch_adafactor(
    lr: LearningRate = 1e-2,
    beta2_decay: float = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: float = 1.0,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """ε₁ is a floor below the averages; the decay is multiplied by η, not by the relative step."""
    rule = TorchAdafactor(lr, *eps, d, beta2_decay, weight_decay)
    return Maximize(rule.lr, rule) if maximize else rule


@_optimiser("torch.optim.Muon")
def torch_muon(
    lr: LearningRate = 1e-3,
    weight_decay: float = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> Rule:
    """For matrices alone; the rest is AdamW's. PyTorch orthogonalises in bfloat16."""
    scales = {None: "tall", "original": "tall", "match_rms_adamw": "rms"}
    if adjust_lr_fn not in scales:
        raise ValueError(f"adjust_lr_fn must be among {list(scales)}, got {adjust_lr_fn!r}")
    iteration = ns_coefficients, ns_steps, eps
    scale = scales[adjust_lr_fn]
    return FrameworkMuon(lr, momentum, weight_decay, nesterov, *iteration, floor=True, scale=scale)


@_optimiser("keras.optimizers.SGD")
def keras_sgd(
    learning_rate: LearningRate = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """η inside the displacement, as in Polyak's and Sutskever's papers."""
    heavy = Nesterov if nesterov else Momentum
    rule = heavy(learning_rate, momentum) if momentum else GradientDescent(learning_rate)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.Adagrad")
def keras_adagrad(
    learning_rate: LearningRate = 0.001,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ε inside the root, a warm start, a tenth of the usual η."""
    rule = KerasAdagrad(learning_rate, epsilon, initial_accumulator_value)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.RMSprop")
def keras_rmsprop(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """ε inside the root, η inside the displacement, as in Graves' paper."""
    step = Momentum(learning_rate, momentum) if momentum else GradientDescent(learning_rate)
    rule = RMSScaled(learning_rate, step, rho, eps_root=epsilon, centered=centered)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.Adadelta")
def keras_adadelta(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.95,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """The paper's rule, a thousandth of it by default."""
    return _decoupled(Adadelta(learning_rate, rho, epsilon), weight_decay)


@_optimiser("keras.optimizers.Adam")
def keras_adam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """ε̂; with weight_decay it is AdamW."""
    rule = (KerasAMSGrad if amsgrad else KerasAdam)(learning_rate, beta_1, beta_2, epsilon)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.AdamW")
def keras_adamw(
    learning_rate: LearningRate = 0.001,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
) -> Rule:
    """`keras.optimizers.Adam` with another default decay."""
    return keras_adam(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay)


@_optimiser("keras.optimizers.Adamax")
def keras_adamax(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ε in the denominator; the paper has none. Half the paper's η."""
    return _decoupled(KerasAdamax(learning_rate, beta_1, beta_2, epsilon), weight_decay)


@_optimiser("keras.optimizers.Nadam")
def keras_nadam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ψ = 1: μ_t is within 1 % of β₁ after 96 steps, PyTorch's after 24 000."""
    rule = ScheduledNAdam(learning_rate, beta_1, beta_2, epsilon, momentum_decay=1.0)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.Lion")
def keras_lion(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    weight_decay: float | None = None,
) -> Rule:
    """The paper's rule, decay and all, with ten times its η."""
    return Lion(learning_rate, beta_1, beta_2, weight_decay or 0.0)


@_optimiser("keras.optimizers.Adafactor")
def keras_adafactor(
    learning_rate: LearningRate = 0.001,
    beta_2_decay: float = -0.8,
    epsilon_1: float = 1e-30,
    epsilon_2: float = 1e-3,
    clip_threshold: float = 1.0,
    relative_step: bool = True,
    weight_decay: float | None = None,
) -> Rule:
    """At most 1/√t, relative or not: `relative_step` changes no number."""
    rule = KerasAdafactor(learning_rate, epsilon_1, epsilon_2, clip_threshold, beta_2_decay)
    return _decoupled(rule, weight_decay)


@_optimiser("keras.optimizers.Ftrl")
def keras_ftrl(
    learning_rate: LearningRate = 0.001,
    learning_rate_power: float = -0.5,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
    weight_decay: float | None = None,
) -> Rule:
    """What x was at the start is forgotten."""
    regularization = (
        *(l1_regularization_strength, l2_regularization_strength),
        l2_shrinkage_regularization_strength,
    )
    accumulator = learning_rate_power, initial_accumulator_value
    return _decoupled(Ftrl(learning_rate, *accumulator, *regularization, beta), weight_decay)


@_optimiser("keras.optimizers.Lamb")
def keras_lamb(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """The decay is decoupled, and not in the norm of the step."""
    return _decoupled(Lamb(learning_rate, beta_1, beta_2, epsilon), weight_decay)


@_optimiser("keras.optimizers.Muon")
def keras_muon(
    learning_rate: LearningRate = 0.001,
    adam_beta_1: float = 0.9,
    adam_beta_2: float = 0.999,
    adam_weight_decay: float | None = 0.004,
    epsilon: float = 1e-7,
    weight_decay: float | None = 0.004,
    exclude_layers: list[str] | None = None,
    exclude_embeddings: bool = True,
    muon_a: float = 3.4445,
    muon_b: float = -4.7750,
    muon_c: float = 2.0315,
    adam_lr_ratio: float = 1,
    momentum: float = 0.95,
    ns_steps: int = 5,
    nesterov: bool = True,
    rms_rate: float | None = 0.2,
) -> Rule:
    """For matrices; `adam_…`, `epsilon` and `exclude_…` are of the other parameters.

    Keras keeps m / (1 − μ), so that its 10⁻⁷ beside the norm is 1 − μ times as much here.
    """
    return FrameworkMuon(
        *(learning_rate, momentum, weight_decay or 0.0, nesterov, (muon_a, muon_b, muon_c)),
        *(ns_steps, 1e-7 * (1 - momentum)),
        scale="none" if rms_rate is None else "rms",
        rms=rms_rate or 0.0,
    )


@_optimiser("keras.optimizers.ScheduleFreeAdamW")
def keras_schedule_free_adamw(
    learning_rate: LearningRate = 0.0025,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    warmup_steps: int = 0,
    weight_decay: float | None = None,
) -> Rule:
    """All points count alike in the average, those of the warm-up too."""
    inner = GradientDescent(learning_rate)
    step = RMSScaled(learning_rate, inner, beta_2, epsilon, bias_correction=True)
    rule = ScheduleFree(learning_rate, step, beta_1, power=0.0, warmup=warmup_steps)
    return _decoupled(rule, weight_decay)


@_optimiser("optax.sgd")
def optax_sgd(
    learning_rate: LearningRate, momentum: float | None = None, nesterov: bool = False
) -> Rule:
    """η outside the buffer, as in PyTorch."""
    buffered = BufferedNesterov if nesterov else BufferedMomentum
    return buffered(learning_rate, momentum) if momentum else GradientDescent(learning_rate)


@_optimiser("optax.adagrad")
def optax_adagrad(
    learning_rate: LearningRate, initial_accumulator_value: float = 0.1, eps: float = 1e-7
) -> Rule:
    """ε inside the root and a warm start, as in Keras; no step where all gradients were 0."""
    return OptaxAdagrad(learning_rate, eps, initial_accumulator_value)


@_optimiser("optax.rmsprop")
def optax_rmsprop(
    learning_rate: LearningRate,
    decay: float = 0.9,
    eps: float = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: float | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Rule:
    """ε on either side of the root; η inside the displacement, unlike `optax.sgd`."""
    heavy = Nesterov if nesterov else Momentum
    return RMSScaled(
        learning_rate,
        heavy(learning_rate, momentum) if momentum else GradientDescent(learning_rate),
        rho=decay,
        eps=0.0 if eps_in_sqrt else eps,
        eps_root=eps if eps_in_sqrt else 0.0,
        initial_scale=initial_scale,
        centered=centered,
        bias_correction=bias_correction,
    )


@_optimiser("optax.adadelta")
def optax_adadelta(
    learning_rate: LearningRate | None = None,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
) -> Rule:
    """Without a learning rate the minus sign is lost: ascent, with the decay's sign turned too."""
    if learning_rate is None:
        return _l2(Maximize(1.0, Adadelta(1.0, rho, eps)), weight_decay)
    return _l2(Adadelta(learning_rate, rho, eps), weight_decay)


@_optimiser("optax.adam")
def optax_adam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = False,
) -> Rule:
    """The paper's Algorithm 1 while ε_root = 0."""
    if nesterov:
        return ScheduledNAdam(learning_rate, b1, b2, eps, eps_root, momentum_decay=math.inf)
    if eps_root:
        return OptaxAdam(learning_rate, b1, b2, eps, eps_root)
    return Adam(learning_rate, b1, b2, eps)


@_optimiser("optax.nadam")
def optax_nadam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = True,
) -> Rule:
    """No schedule: μ_t = β₁."""
    return optax_adam(learning_rate, b1, b2, eps, eps_root, nesterov=nesterov)


@_optimiser("optax.adamw")
def optax_adamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 1e-4,
    *,
    nesterov: bool = False,
) -> Rule:
    """`optax.adam` with decoupled decay, multiplied by the whole learning rate."""
    rule = optax_adam(learning_rate, b1, b2, eps, eps_root, nesterov=nesterov)
    return _decoupled(rule, weight_decay)


@_optimiser("optax.amsgrad")
def optax_amsgrad(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> Rule:
    """The maximum of the corrected averages; of the raw ones, as in the paper, on request."""
    correction = bias_correction_mu, bias_correction_nu
    return OptaxAMSGrad(learning_rate, b1, b2, eps, eps_root, *correction)


@_optimiser("optax.adamax")
def optax_adamax(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Rule:
    """ε inside the maximum, as in PyTorch."""
    return TorchAdamax(learning_rate, b1, b2, eps)


@_optimiser("optax.radam")
def optax_radam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    threshold: float = 5.0,
    *,
    nesterov: bool = False,
) -> Rule:
    """ε on the corrected average; the paper's moment of rectification with threshold = 4."""
    rule = OptaxNesterovRAdam if nesterov else OptaxRAdam
    return rule(learning_rate, b1, b2, eps, eps_root, threshold)


@_optimiser("optax.lion")
def optax_lion(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.99, weight_decay: float = 1e-3
) -> Rule:
    """The paper's rule, with decay unless it is turned off."""
    return Lion(learning_rate, b1, b2, weight_decay)


@_optimiser("optax.sign_sgd")
def optax_sign_sgd(learning_rate: LearningRate) -> Rule:
    """Lion without its averages."""
    return Lion(learning_rate, 0.0, 0.0)


@_optimiser("optax.adamaxw")
def optax_adamaxw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
) -> Rule:
    """`optax.adamax` with decoupled decay, multiplied by the whole learning rate."""
    return _decoupled(TorchAdamax(learning_rate, b1, b2, eps), weight_decay)


@_optimiser("optax.nadamw")
def optax_nadamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 1e-4,
    *,
    nesterov: bool = True,
) -> Rule:
    """`optax.adamw` with a look ahead."""
    return optax_adamw(learning_rate, b1, b2, eps, eps_root, weight_decay, nesterov=nesterov)


@_optimiser("optax.rprop")
def optax_rprop(
    learning_rate: float,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step_size: float = 1e-6,
    max_step_size: float = 50.0,
) -> Rule:
    """Each step is made a step later than in the paper and in PyTorch; η is the first size."""
    if callable(learning_rate):
        raise ValueError(f"learning_rate must be a number, got {learning_rate!r}")
    return OptaxRprop(learning_rate, eta_minus, eta_plus, min_step_size, max_step_size)


@_optimiser("optax.adabelief")
def optax_adabelief(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float = 1e-16,
    *,
    nesterov: bool = False,
) -> Rule:
    """ε_root joins the average in every step, as in the paper."""
    return AdaBelief(learning_rate, b1, b2, eps, eps_root, nesterov)


@_optimiser("optax.yogi")
def optax_yogi(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-3
) -> Rule:
    """Both averages start at 10⁻⁶, m too."""
    return Yogi(learning_rate, b1, b2, eps)


@_optimiser("optax.adan")
def optax_adan(
    learning_rate: LearningRate,
    b1: float = 0.98,
    b2: float = 0.92,
    b3: float = 0.99,
    eps: float = 1e-8,
    eps_root: float = 1e-8,
    weight_decay: float = 0.0,
) -> Rule:
    """ε inside and outside; the decay is subtracted, where the paper divides."""
    return _decoupled(Adan(learning_rate, b1, b2, b3, eps, eps_root), weight_decay)


@_optimiser("optax.lamb")
def optax_lamb(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """The decay is in the step whose norm is taken, as in the paper."""
    return Lamb(learning_rate, b1, b2, eps, eps_root, weight_decay)


@_optimiser("optax.lars")
def optax_lars(
    learning_rate: LearningRate,
    weight_decay: float = 0.0,
    trust_coefficient: float = 0.001,
    eps: float = 0.0,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Rule:
    """η inside the displacement, unlike `optax.sgd`."""
    return Lars(learning_rate, momentum, weight_decay, trust_coefficient, eps, nesterov)


@_optimiser("optax.novograd")
def optax_novograd(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.25,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """The decay enters the momentum."""
    return NovoGrad(learning_rate, b1, b2, eps, eps_root, weight_decay)


@_optimiser("optax.adafactor")
def optax_adafactor(
    learning_rate: LearningRate | None = None,
    min_dim_size_to_factor: int = 128,
    decay_rate: float = 0.8,
    decay_offset: int = 0,
    multiply_by_parameter_scale: bool = True,
    clipping_threshold: float | None = 1.0,
    momentum: float | None = None,
    weight_decay_rate: float | None = None,
    eps: float = 1e-30,
    factored: bool = True,
) -> Rule:
    """No relative step, all of g² below 128 rows or columns, a decay that η does not multiply."""
    return OptaxAdafactor(
        lr=1.0 if learning_rate is None else learning_rate,
        eps1=eps,
        clip=math.inf if clipping_threshold is None else clipping_threshold,
        momentum=momentum or 0.0,
        decay=decay_rate,
        offset=decay_offset,
        scales=multiply_by_parameter_scale,
        min_factored=min_dim_size_to_factor if factored else math.inf,
        weight_decay=weight_decay_rate or 0.0,
    )


@_optimiser("optax.contrib.ademamix")
def optax_ademamix(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    b3: LearningRate = 0.9999,
    alpha: LearningRate = 5.0,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """α and β₃ may be schedules; the paper's warm-up is left to them."""
    return _decoupled(AdEMAMix(learning_rate, b1, b2, eps, eps_root, b3, alpha), weight_decay)


@_optimiser("optax.contrib.prodigy")
def optax_prodigy(
    learning_rate: LearningRate = 1.0,
    betas: Pair = (0.9, 0.999),
    beta3: float | None = None,
    eps: float = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: float = 1.0,
    weight_decay: float = 0.0,
    safeguard_warmup: bool = False,
) -> Rule:
    """One estimate for each array, where Optax makes one for the whole tree."""
    scales = eps, estim_lr0, estim_lr_coef, weight_decay
    return Prodigy(learning_rate, *betas, beta3, *scales, safeguard_warmup)


@_optimiser("optax.contrib.schedule_free_sgd")
def optax_schedule_free_sgd(
    learning_rate: LearningRate = 1.0,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    weight_decay: float | None = None,
    weight_lr_power: float = 2.0,
) -> Rule:
    """Points count by the square of the largest η so far; the warm-up begins at 0."""
    lr = partial(_from_zero, learning_rate, warmup_steps) if warmup_steps else learning_rate
    return ScheduleFree(lr, _l2(GradientDescent(lr), weight_decay or 0.0), b1, weight_lr_power)


@_optimiser("optax.contrib.schedule_free_adamw")
def optax_schedule_free_adamw(
    learning_rate: LearningRate = 0.0025,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    weight_lr_power: float = 2.0,
) -> Rule:
    """The decay is of y, the point of the gradient."""
    lr = partial(_from_zero, learning_rate, warmup_steps) if warmup_steps else learning_rate
    step = RMSScaled(lr, GradientDescent(lr), b2, eps, bias_correction=True)
    return ScheduleFree(lr, _decoupled(step, weight_decay), b1, weight_lr_power)


def _from_zero(lr: LearningRate, steps: int, t: int) -> float:
    return at(lr, t) * least((t - 1) / steps, 1.0)  # type: ignore[no-any-return]


@_optimiser("optax.contrib.muon")
def optax_muon(
    learning_rate: LearningRate,
    ns_coeffs: tuple[float, float, float] = COEFFICIENTS,
    ns_steps: int = 5,
    beta: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    nesterov: bool = True,
    adaptive: bool = False,
    adam_b1: float = 0.9,
    adam_b2: float = 0.999,
    adam_eps_root: float = 0.0,
    adam_weight_decay: float = 0.0,
    consistent_rms: float | None = None,
) -> Rule:
    """For matrices, of columns outputs; `adam_…` is of the other parameters. m̂ is corrected."""
    iteration = ns_coeffs, ns_steps, eps
    return FrameworkMuon(
        *(learning_rate, beta, weight_decay, nesterov, *iteration),
        bias_correction=True,
        adaptive=adaptive,
        scale="wide" if consistent_rms is None else "rms",
        rms=consistent_rms or 0.0,
    )


# Looking up and converting.

_WITHOUT_EFFECT = {
    *("foreach", "fused", "capturable", "differentiable", "name", "ema_momentum"),
    *("adam_learning_rate", "dtype_momentum"),
}
"""Accepted and ignored: they choose an implementation, or a name, or act only with another."""

_ONLY_AT_DEFAULT = {
    **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm", "ema_overwrite_frequency")),
    **dict.fromkeys(("loss_scale_factor", "gradient_accumulation_steps")),
    **dict.fromkeys(("mask", "mu_dtype", "accumulator_dtype", "state_dtype")),
    **dict.fromkeys(("weight_decay_mask", "trust_ratio_mask"), True),
    "muon_weight_dimension_numbers": None,
    "preconditioning": "frobenius",
    "use_ema": False,
}
"""Accepted at this value alone: what they switch on acts outside the rule."""


_IMPLIED = {"torch.optim.AdamW": {"decoupled_weight_decay": True}}
"""What stands in `optimizer.defaults` and is no argument."""

_NO_RULE = {
    "torch.optim.LBFGS": "it computes the loss anew within a step",
    "torch.optim.SparseAdam": "its gradients are sparse",
    "keras.optimizers.LossScaleOptimizer": "it scales the loss, outside the rule inside",
    "keras.optimizers.MultiOptimizer": "it is several optimisers, each of its variables",
    "optax.lbfgs": "it computes the loss anew within a step",
    "optax.noisy_sgd": "it draws random numbers",
    "optax.polyak_sgd": "its step needs the value of the loss",
    "optax.sm3": "its state has an entry for each axis of the array",
    "optax.contrib.sophia": "it needs the diagonal of the Hessian, which no gradient tells",
    "bitsandbytes.optim": "its states are rounded to 8 bits by blocks, on a GPU alone",
    "timm.optim": "it is not among the packages that the rules are compared with",
    "tf_keras.optimizers": "it is Keras 2, which the rules are not compared with",
    "tf.keras.optimizers.legacy": "it is Keras 2, which the rules are not compared with",
}
"""Optimisers, and packages of them, that are asked for and are no rule here, and why."""

_ELSEWHERE = (
    (r"tf\.keras\.|tensorflow\.keras\.|keras\.src\.", "keras."),
    (r"keras\.optimizers\.[a-z_]+\.", "keras.optimizers."),
    (r"torch\.optim\._?[a-z]+\.", "torch.optim."),
    (r"optax\._src\.alias\.", "optax."),
    (r"optax\.contrib\._[a-z_]+\.", "optax.contrib."),
)
"""Where else a framework keeps its optimisers, as a class's `__module__` says, and their paths."""


def _path(name: str) -> str:
    """Return the path by which an optimiser is listed.

    Raises:
        ValueError: it is known, and is no rule.
    """
    for known, reason in _NO_RULE.items():
        if f"{name}.".startswith(f"{known}."):
            raise ValueError(f"{name} is no rule: {reason}")
    for pattern, home in _ELSEWHERE:
        name = re.sub(f"^(?:{pattern})", home, name)
    return name


def names() -> list[str]:
    """Return the paths of all optimisers, in the order of this module.

    >>> names()[:3]
    ['torch.optim.SGD', 'torch.optim.Adagrad', 'torch.optim.RMSprop']
    """
    return list(_OPTIMISERS)


def defaults(name: str) -> dict[str, Any]:
    """Return the arguments of an optimiser that have a default, and the defaults.

    Raises:
        ValueError: there is no optimiser of that name.

    >>> defaults("optax.sgd")
    {'momentum': None, 'nesterov': False}
    """
    return {
        key: value
        for key, value in _arguments(name).items()
        if value is not inspect.Parameter.empty
    }


def _arguments(name: str) -> dict[str, Any]:
    name = _path(name)
    if name not in _OPTIMISERS:
        raise ValueError(f"name must be one of {', '.join(_OPTIMISERS)}, got {name!r}")
    parameters = inspect.signature(_OPTIMISERS[name]).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def framework_rule(name: str, /, **hyper: Any) -> Rule:
    """Return the rule that reproduces a framework's optimiser.

    Args:
        name: the optimiser's path, such as "torch.optim.Adam"; `names()` lists them. That of its
            class, and `tf.keras` for `keras`, are understood.
        hyper: the framework's own arguments, such as PyTorch's `**optimizer.defaults`; its defaults
            stand for the others. The learning rate may be a function of t = 1, 2, ..., or a
            schedule of Keras or Optax, which is called with t − 1, as its framework does. Arguments
            that change no number (foreach, fused, capturable, differentiable, name) are ignored;
            those that act outside the rule (Keras' clipping, averaging and accumulation, Optax's
            masks and dtypes) must be off.

    Raises:
        ValueError: there is no optimiser of that name, an argument is unknown, missing or not
            allowed, or it switches on what a rule cannot do.

    >>> framework_rule("torch.optim.SGD", lr=0.1, momentum=0.9)
    BufferedMomentum(lr=0.1, momentum=0.9, dampening=0.0)
    >>> framework_rule("keras.optimizers.SGD", learning_rate=0.1, momentum=0.9)
    Momentum(lr=0.1, momentum=0.9)
    """
    name = _path(name)
    known, implied = _arguments(name), _IMPLIED.get(name, {})
    hyper = {k: v for k, v in hyper.items() if k not in implied or plain(v) != implied[k]}
    for argument, value in hyper.items():
        if argument in _ONLY_AT_DEFAULT:
            _only(name, argument, value)
        elif argument not in known and argument not in _WITHOUT_EFFECT:
            raise ValueError(f"{name} knows {', '.join(known)}, got {argument} = {value!r}")
    for argument in known.keys() - defaults(name).keys() - hyper.keys():
        raise ValueError(f"{name}: {argument} must be given, it has no default")
    try:
        return _OPTIMISERS[name](**{k: _from_1(v) for k, v in hyper.items() if k in known})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _from_1(value: Any) -> Any:
    """Return a schedule of Keras or Optax as a function of t from 1; all else as it is."""
    home = str(getattr(value, "__module__", "")).partition(".")[0]
    is_theirs = callable(value) and home in ("keras", "tf_keras", "optax")
    return partial(_a_step_before, value) if is_theirs else value


def _a_step_before(schedule: Callable[[int], float], t: int) -> float:
    return at(schedule, t - 1)


def _only(name: str, argument: str, value: Any) -> None:
    if value not in (None, _ONLY_AT_DEFAULT[argument]):
        raise ValueError(
            f"{name}: {argument} must be {_ONLY_AT_DEFAULT[argument]}, got {value!r}: it acts "
            "outside the rule"
        )


class NoEquivalent(ValueError):  # noqa: N818 (the name says what is the case)
    """No hyper-parameters make the one optimiser the other; the message says why."""


def convert(source: str, target: str, /, **hyper: Any) -> dict[str, Any]:
    """Return the hyper-parameters with which one optimiser makes another's steps.

    Args:
        source: the path of the optimiser to leave, such as "torch.optim.RMSprop".
        target: the path of the optimiser to reach, such as "optax.rmsprop".
        hyper: the source's arguments, as in `framework_rule`.

    Returns:
        All of the target's hyper-parameters: its defaults are not the source's. A learning rate
        that is a function stays a function of t = 1, 2, ...

    Raises:
        NoEquivalent: no choice of them makes the same steps; the message says why.
        ValueError: as `framework_rule`.

    >>> convert("torch.optim.RMSprop", "optax.rmsprop", momentum=0.9)["eps_in_sqrt"]
    False
    >>> convert("torch.optim.NAdam", "keras.optimizers.Nadam")
    Traceback (most recent call last):
    descent.conventions.NoEquivalent: torch.optim.NAdam has no equivalent in \
    keras.optimizers.Nadam: the schedule of μ_t is another, and fixed
    """
    if _path(source) == _path(target):
        framework_rule(source, **hyper)  # checks them
        return defaults(target) | {k: v for k, v in hyper.items() if k in _arguments(target)}
    wanted = _normal(framework_rule(source, **hyper))
    attempts = []
    for arguments in _candidates(target, wanted):
        with suppress(ValueError):
            attempts.append((_normal(framework_rule(target, **arguments)), arguments))
    for rule, arguments in attempts:
        if rule == wanted:
            return arguments
    reason = _reason(wanted, [rule for rule, _ in attempts])
    raise NoEquivalent(f"{source} has no equivalent in {target}: {reason}")


_SAME_WITHOUT_EPS: dict[type[Rule], type[Rule]] = {
    KerasAdam: Adam,
    KerasAMSGrad: TorchAMSGrad,
    KerasAdamax: TorchAdamax,
    KerasAdagrad: WarmAdaGrad,
    TorchRAdam: OptaxRAdam,
}


def _values(rule: Rule) -> dict[str, Any]:
    return {field.name: getattr(rule, field.name) for field in fields(rule)}


def _chain(rule: Rule) -> list[Rule]:
    return [rule, *_chain(rule.rule)] if isinstance(rule, Around) else [rule]


def letters(rule: Rule) -> dict[str, Any]:
    """Return the hyper-parameters of a rule and of the rules inside it, by their letters.

    >>> letters(framework_rule("torch.optim.SGD", lr=0.1, weight_decay=0.01))
    {'lr': 0.1, 'weight_decay': 0.01}
    """
    values = {name: value for part in _chain(rule) for name, value in _values(part).items()}
    return {name: value for name, value in values.items() if name != "rule"}


def _normal(rule: Rule) -> Rule:
    """Return one and the same rule for all rules that make the same steps."""
    if isinstance(rule, Around):
        rule = replace(rule, rule=_normal(rule.rule))
    match rule:
        case DecoupledDecay(rule=GradientDescent()):
            return L2Decay(**_values(rule))
        case BufferedMomentum(dampening=0) if not callable(rule.lr):
            heavy = Nesterov if isinstance(rule, BufferedNesterov) else Momentum
            return heavy(rule.lr, rule.momentum)
        case RMSScaled(rule=GradientDescent(), bias_correction=True) if not (
            rule.initial_scale or rule.centered
        ):
            return _normal(OptaxAdam(rule.lr, 0.0, rule.rho, rule.eps, rule.eps_root))
        case OptaxAdam(eps_root=0):
            return Adam(rule.lr, rule.beta1, rule.beta2, rule.eps)
        case OptaxAdagrad() if rule.eps or rule.initial_accumulator:
            return _normal(KerasAdagrad(**_values(rule)))
    if type(rule) in _SAME_WITHOUT_EPS and _values(rule)["eps"] == 0:
        return _SAME_WITHOUT_EPS[type(rule)](**_values(rule))
    return rule


_LETTERS = {
    "learning_rate": "lr",
    "b1": "beta1",
    "b2": "beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "alpha": "rho",
    "decay": "rho",
    "epsilon": "eps",
    "initial_accumulator_value": "initial_accumulator",
}
"""The frameworks' arguments whose name is not the letter of the formulas."""

_OFF_AT_ZERO = {"weight_decay", "momentum", "dampening", "lr_decay", "eps_root", "initial_scale"}


def _candidates(target: str, wanted: Rule) -> Iterator[dict[str, Any]]:
    """Yield the target's arguments with the values of the wanted rule, and all switches tried."""
    values = dict.fromkeys(_OFF_AT_ZERO, 0.0) | letters(wanted)
    values.setdefault("rho", values.get("beta2", 0.9))
    parameters = _arguments(target)
    if "eps" in values and "eps_root" not in parameters:  # its one ε may stand inside the root
        values["eps"] = values["eps"] or values["eps_root"]
    choices = [_choices(name, default, values) for name, default in parameters.items()]
    for choice in itertools.product(*choices):
        yield dict(zip(parameters, choice, strict=True))


def _choices(name: str, default: Any, values: dict[str, Any]) -> list[Any]:
    if isinstance(default, bool):
        return [default, not default]
    if name == "betas":
        return [tuple(values.get(f"beta{i + 1}", default[i]) for i in (0, 1))]
    value = values.get(_LETTERS.get(name, name), default)
    return [value, None] if default is None else [value]


def _parts(rule: Rule) -> set[tuple[str, Any]]:
    """Return the rule's hyper-parameters and the classes of it and of the rules inside."""
    return {(type(part).__name__, None) for part in _chain(rule)} | set(letters(rule).items())


_EPS_HAT = (
    "one adds ε to √v before the bias correction, the other after it: a fixed ε̂ is no ε, "
    "unless it is 0"
)
_EPS_PLACE = "ε stands inside the root in one, outside it in the other"
_ONE_EPS = "one has no ε inside the root"
_NO_DECAY = "one has no weight decay"
_MAXIMUM = "one takes the maximum before the bias correction, the other after it"
_IN_MAXIMUM = "ε stands inside the maximum in one, in the denominator in the other"
_NO_STEP = "with ε = 0 and no gradient yet one makes no step, the other divides 0 by 0"
_LR_PLACE = (
    "η stands outside the buffer in one, inside the displacement in the other, which differs once "
    "η changes; and PyTorch's dampening has no counterpart"
)
_REASONS = {
    "L2Decay DecoupledDecay": (
        "L2 decay is added to the gradient and enters its averages, decoupled decay shrinks x "
        "beside them"
    ),
    "L2Decay": _NO_DECAY,
    "DecoupledDecay": _NO_DECAY,
    "Maximize": "one cannot maximise",
    "Adam KerasAdam": _EPS_HAT,
    "OptaxAdam KerasAdam": _EPS_HAT,
    "TorchAMSGrad KerasAMSGrad": _EPS_HAT,
    "TorchRAdam OptaxRAdam": _EPS_HAT,
    "Adam OptaxAdam": _ONE_EPS,
    "TorchAMSGrad OptaxAMSGrad": _MAXIMUM,
    "KerasAMSGrad OptaxAMSGrad": _MAXIMUM,
    "TorchAdamax KerasAdamax": _IN_MAXIMUM,
    "WarmAdaGrad KerasAdagrad": _EPS_PLACE,
    "WarmAdaGrad OptaxAdagrad": _NO_STEP,
    "Momentum BufferedMomentum": _LR_PLACE,
    "Nesterov BufferedNesterov": _LR_PLACE,
    "eps eps_root": _EPS_PLACE,
    "eps_root": _ONE_EPS,
    "dampening": "one has no dampening",
    "momentum_decay": "the schedule of μ_t is another, and fixed",
    "initial_scale": "one has no choice of the value at which the average starts",
    "bias_correction": "one does not correct the bias",
    "threshold": "one rectifies from a fixed ρ_t on",
}
"""Why rules differ: the classes that one of them has, or the hyper-parameters, and the reason."""


def _reason(wanted: Rule, others: list[Rule]) -> str:
    """Return what separates a rule from the nearest of the others, in words."""
    if not others:
        return "a value is not allowed there"
    nearest = min(others, key=lambda rule: len(_parts(rule) ^ _parts(wanted)))
    odd = {name for name, _ in _parts(wanted) ^ _parts(nearest)}
    classes = odd & {type(part).__name__ for part in _chain(wanted) + _chain(nearest)}
    reasons, left = [], classes or odd
    for names_, reason in _REASONS.items():
        if left.issuperset(names_.split()):
            reasons.append(reason)
            left = left.difference(names_.split())
    if not reasons or classes & left:
        return f"{wanted} is not {nearest}"
    return "; ".join(reasons)
