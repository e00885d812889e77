"""The update rules, each written once, as its paper has it.

A rule is a frozen dataclass of hyper-parameters with two methods:

>>> rule = Adam(lr=1e-3)
>>> x = 5.0
>>> state = rule.init(x)                        # zeros shaped like x, t = 0
>>> x, state = rule.update(x, 2 * x, state)     # new values; the arguments are left as they were
>>> round(x, 6)
4.999

The bodies use operators alone, so the same lines run on Python floats, fractions (where no root is
taken), NumPy arrays, torch tensors and JAX arrays. `lr` is a positive number or a function of the
step t = 1, 2, ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from descent import _check
from descent._check import same_shape

Array = Any
"""A float, a fraction, or an array of NumPy, torch or JAX."""

LearningRate = float | Callable[[int], float]
"""A positive number, or a function of the step t = 1, 2, ..."""


@dataclass(frozen=True)
class Rule:
    """What all rules share: the learning rate, and `init` and `update`."""

    State: ClassVar[Any]
    elementwise: ClassVar[bool] = True
    """Whether each coordinate is updated by itself, so that arrays may be joined or cut."""

    lr: LearningRate

    def __post_init__(self) -> None:
        """Check the hyper-parameters; a bad one is a `ValueError` here, not at step 900."""
        _check.step_size("lr", self.lr)

    def lr_at(self, t: int) -> float:
        """Return the step size η_t of step t = 1, 2, ..."""
        return self.lr(t) if callable(self.lr) else self.lr

    def init(self, x: Array) -> Any:
        """Return the state before the first step for parameters x."""
        raise NotImplementedError

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        raise NotImplementedError


@dataclass(frozen=True)
class GradientDescent(Rule):
    """Gradient descent: a step of η against the gradient.

    x_t = x_{t-1} − η_t g_t

    State: the step count t alone.

    Args:
        lr: η, in units of x² / f: it must shrink when the function is scaled up. On a function of
            curvature at most L every η < 2/L descends. A number, or a function of t.

    Raises:
        ValueError: lr is not positive and finite, or g has not the shape of x.

    Source: Cauchy (1847), as a method for systems of equations.

    >>> rule = GradientDescent(lr=0.1)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x
    4.0
    """

    lr: LearningRate = 0.1

    class State(NamedTuple):
        """t: steps made."""

        t: int

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0."""
        return self.State(t=0)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        same_shape(x, g)
        t = state.t + 1
        x = x - self.lr_at(t) * g
        return x, self.State(t)


@dataclass(frozen=True)
class Momentum(Rule):
    """Heavy-ball momentum: gradient descent that keeps a share μ of its last displacement.

    d_t = μ d_{t-1} − η_t g_t
    x_t = x_{t-1} + d_t

    State: the step count t and the displacement d, which starts at 0.

    Args:
        lr: η, as in gradient descent. It stands inside the displacement, as in Polyak's paper, so
            after a drop of η the old displacement still carries the old η.
        momentum: μ in [0, 1). 0 is gradient descent; along a constant gradient the steps grow to
            1/(1 − μ) times those of gradient descent.

    Raises:
        ValueError: lr is not positive and finite, momentum is outside [0, 1), or g has not the
            shape of x.

    Warning:
        PyTorch and Optax keep η outside (b_t = μ b_{t-1} + g_t, x_t = x_{t-1} − η_t b_t); Keras
        keeps it inside. The two agree as long as η is constant.

    Source: Polyak (1964), equation (9), with d_t = x_t − x_{t-1}.

    >>> rule = Momentum(lr=0.1, momentum=0.9)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state = rule.update(x, 8.0, state)
    >>> round(x, 12), round(state.d, 12)
    (2.3, -1.7)
    """

    lr: LearningRate = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.decay_rate("momentum", self.momentum)

    class State(NamedTuple):
        """t: steps made; d: the last displacement, shaped like x."""

        t: int
        d: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, d = 0."""
        return self.State(t=0, d=0 * x)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        same_shape(x, g)
        t = state.t + 1
        d = self.momentum * state.d - self.lr_at(t) * g
        x = x + d
        return x, self.State(t, d)


@dataclass(frozen=True)
class Adam(Rule):
    """Adam: momentum over gradients, divided by the root of their mean square, both bias-corrected.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t          m̂_t = m_t / (1 − β₁^t)
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²         v̂_t = v_t / (1 − β₂^t)
    x_t = x_{t-1} − η_t m̂_t / (√v̂_t + ε)

    State: the step count t and the two averages m and v, which start at 0.

    Args:
        lr: η (the paper's α), in the units of x: about the distance a coordinate moves per step.
        beta1: β₁ in [0, 1), the decay rate of m; it averages over about 1/(1 − β₁) steps.
        beta2: β₂ in [0, 1), the decay rate of v.
        eps: ε ≥ 0, in the units of the gradient, outside the root. Coordinates whose gradients are
            well below ε move less. 0 makes the rule invariant to the gradient's scale, and gives
            0/0 on a coordinate that never had a gradient.

    Raises:
        ValueError: lr is not positive and finite, a β is outside [0, 1), eps is negative, or g has
            not the shape of x.

    Warning:
        Keras adds its ε to √v_t before the correction (the paper's ε̂): with the same number it
        acts up to 1/√(1 − β₂) times as strongly.

    Source: Kingma & Ba (2015), Algorithm 1.

    >>> rule = Adam(lr=1e-3)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(x, 6), round(state.m, 12), round(state.v, 12)
    (4.999, 1.0, 0.1)
    """

    lr: LearningRate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.decay_rate("beta1", self.beta1)
        _check.decay_rate("beta2", self.beta2)
        _check.not_negative("eps", self.eps)

    class State(NamedTuple):
        """t: steps made; m, v: averages of the gradient and of its square, shaped like x."""

        t: int
        m: Array
        v: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, m = 0, v = 0."""
        return self.State(t=0, m=0 * x, v=0 * x)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        same_shape(x, g)
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        x = x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps)
        return x, self.State(t, m, v)
