"""The update rules, each written once, as its paper has it.

A rule is a frozen dataclass of hyper-parameters with two methods:

>>> rule = Adam(lr=1e-3)
>>> x = 5.0
>>> state = rule.init(x)                        # zeros shaped like x, t = 0
>>> x, state = rule.update(x, 2 * x, state)     # new values; the arguments are left as they were
>>> round(x, 6)
4.999

The bodies use operators alone, so the same lines run on Python floats, fractions (where no root is
taken), NumPy arrays, torch tensors and JAX arrays, and keep their dtype. `lr` is a number of at
least 0 or a function of the step t = 1, 2, ...

The square of a gradient must be in range: below 1e154 in float64 and 1e19 in float32 and bfloat16.
In float16 that leaves gradients from 5e-3 to 255; `descent.torch_optim` takes others too. Adafactor
and the rules for matrices compute arrays of 16 bits in 32.

Where a paper has no ε there is none here. Such a rule would divide 0 by 0 on a coordinate that
never had a gradient; its step there is 0.

>>> get("adam", lr=1e-3) == rule
True
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from descent import _check
from descent._door import guarded
from descent._numbers import least, linalg, plain, sqrt, where

__all__ = [
    "Array",
    "LearningRate",
    "names",
    "get",
    "Rule",
    "at",
    "zeros_like",
    "quotient",
    "clip",
    "maximum",
    "sign",
    "rms",
    "norm",
    "trust",
    "mean_along",
    "GradientDescent",
    "Momentum",
    "AveragedMomentum",
    "Nesterov",
    "AdaGrad",
    "RMSprop",
    "MomentumRMSprop",
    "CenteredRMSprop",
    "Adadelta",
    "Adam",
    "AdaMax",
    "NAdam",
    "AMSGrad",
    "AdamW",
    "RAdam",
    "relative_step",
    "Adafactor",
    "Lion",
    "Lamb",
    "newton_schulz",
    "Muon",
    "inverse_root",
    "Shampoo",
    "turned_basis",
    "Soap",
    "ScheduleFreeAdamW",
]

Array = Any
"""A float, a fraction, or an array of NumPy, torch or JAX."""

LearningRate = float | Callable[[int], float]
"""A number of at least 0, or a function of the step t = 1, 2, ..."""

_RULES: dict[str, type["Rule"]] = {}

_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "lr": _check.step_size,
    "momentum": _check.decay_rate,
    "rho": _check.decay_rate,
    "beta1": _check.decay_rate,
    "beta2": _check.decay_rate,
    "eps": _check.not_negative,
    "eps_root": _check.not_negative,
    "weight_decay": _check.not_negative,
    "dampening": _check.not_negative,
    "initial_accumulator": _check.not_negative,
    "initial_scale": _check.not_negative,
    "every": _check.positive_count,
}
"""What a hyper-parameter may be, by its name: a name means the same in every rule."""


def names() -> list[str]:
    """Return the names of all rules, in the order of this module.

    >>> names()[:3]
    ['gradient-descent', 'momentum', 'averaged-momentum']
    """
    return list(_RULES)


def get(name: str, **hyper: Any) -> "Rule":
    """Return the rule of that name with the given hyper-parameters.

    Raises:
        ValueError: there is no rule of that name, or a hyper-parameter is not allowed.

    >>> get("momentum", lr=0.1)
    Momentum(lr=0.1, momentum=0.9)
    """
    if name not in _RULES:
        raise ValueError(f"name must be one of {', '.join(_RULES)}, got {name!r}")
    rule = _RULES[name]
    known = [field.name for field in fields(rule)]
    if unknown := sorted(hyper.keys() - set(known)):
        raise ValueError(f"hyper-parameters of {name} must be among {known}, got {unknown}")
    return rule(**hyper)


@dataclass(frozen=True)
class Rule:
    """What all rules share: the learning rate, and `init` and `update`.

    A new rule defines a `State`, whose first entry is t, and `update`. The keyword `name` of its
    class statement lists it in `names()`. A rule that looks at an array as a whole, at its shape or
    its norm, sets `elementwise` to False.
    """

    State: ClassVar[Any]
    elementwise: ClassVar[bool] = True
    """Whether each coordinate is updated by itself, so that arrays may be joined or cut."""
    rounds_always: ClassVar[bool] = False
    """Whether a tensor of 16 bits is rounded after each operation, as the frameworks do."""

    lr: LearningRate

    def __init_subclass__(cls, name: str | None = None) -> None:
        if name is not None:
            _RULES[name] = cls
        if "update" in vars(cls):
            cls.update = guarded(cls.update)  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        """Check the hyper-parameters; a bad one is a `ValueError` here, not at step 900."""
        _check.each_field(self, _CHECKS)

    def lr_at(self, t: int) -> float:
        """Return the step size η_t of step t = 1, 2, ..."""
        return at(self.lr, t)

    def init(self, x: Array) -> Any:
        """Return the state before the first step for parameters x: t = 0, the rest 0, like x."""
        return self.State(0, *(zeros_like(x) for _ in self.State._fields[1:]))

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        raise NotImplementedError


def at(value: LearningRate, t: int) -> float:
    """Return a number as it is, or the value of a function at step t = 1, 2, ..."""
    number: float = plain(value(t) if callable(value) else value)
    return number


def zeros_like(a: Array) -> Array:
    """Return zeros shaped like a, and of its dtype, where a is infinite too."""
    return 0 * clip(a, -1, 1) if hasattr(a, "clip") else 0 * a


def quotient(a: Array, b: Array) -> Array:
    """Return a / b, and a where b is 0: the step of a rule without ε, where 0/0 is to be 0."""
    return a / (b + (b == 0))


def clip(a: Array, low: float, high: float) -> Array:
    """Return what of a lies between two numbers, and the nearer number for what does not."""
    return a.clip(low, high) if hasattr(a, "clip") else type(a)(max(min(a, high), low))


def maximum(a: Array, b: Array) -> Array:
    """Return the larger of a and b by coordinate, in the dtype of a; NaN where one of them is."""
    if hasattr(a, "clip"):
        return a.clip(b)
    return a if a >= b or a != a else b


def sign(a: Array) -> Array:
    """Return −1, 0 or 1 by coordinate, in the dtype of a."""
    a = clip(a, -1, 1)  # ∞ / ∞ is no sign
    return a / (abs(a) + (a == 0))


def rms(a: Array) -> Array:
    """Return the root of the mean square of all entries; of a number, its size."""
    return (a**2).mean() ** 0.5 if hasattr(a, "mean") else abs(a)


def norm(a: Array) -> Array:
    """Return the root of the sum of squares of all entries; of a number, its size."""
    return (a**2).sum() ** 0.5 if hasattr(a, "sum") else abs(a)


def trust(x: Array, u: Array, eps: float = 0.0) -> Array:
    """Return ‖x‖ / (‖u‖ + ε), and 1 where one of them is 0."""
    size, length = norm(x), norm(u)
    is_known = (size > 0) * (length > 0)
    return is_known * quotient(size, length + eps) + (is_known == 0)


def mean_along(a: Array, axis: int) -> Array:
    """Return the mean along an axis counted from the end; a itself where it has no such axis."""
    has_axis = len(getattr(a, "shape", ())) >= -axis
    return a.mean(axis=axis, keepdims=True) if has_axis else a


@dataclass(frozen=True)
class GradientDescent(Rule, name="gradient-descent"):
    """Gradient descent: a step of η against the gradient.

    x_t = x_{t-1} − η_t g_t

    State: the step count t alone.

    Args:
        lr: η, in units of x² / f: it must shrink when the function is scaled up. On a function of
            curvature at most L every η < 2/L descends. A number, or a function of t.

    Raises:
        ValueError: lr is negative or not finite, or g has not the shape of x.

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

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        x = x - self.lr_at(t) * g
        return x, self.State(t)


@dataclass(frozen=True)
class Momentum(Rule, name="momentum"):
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
        ValueError: lr is negative or not finite, momentum is outside [0, 1), or g has not the
            shape of x.

    Warning:
        PyTorch and Optax keep η outside (b_t = μ b_{t-1} + g_t, x_t = x_{t-1} − η_t b_t); Keras
        keeps it inside. The two agree as long as η is constant.

    Source: Polyak (1964), the two-step method, with d_t = x_t − x_{t-1}.

    >>> rule = Momentum(lr=0.1, momentum=0.9)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state = rule.update(x, 8.0, state)
    >>> round(x, 12), round(state.d, 12)
    (2.3, -1.7)
    """

    lr: LearningRate = 0.01
    momentum: float = 0.9

    class State(NamedTuple):
        """t: steps made; d: the last displacement, shaped like x."""

        t: int
        d: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        d = self.momentum * state.d - self.lr_at(t) * g
        x = x + d
        return x, self.State(t, d)


@dataclass(frozen=True)
class AveragedMomentum(Rule, name="averaged-momentum"):
    """Momentum as an exponential average: a step along the mean of the last gradients.

    m_t = μ m_{t-1} + (1 − μ) g_t
    x_t = x_{t-1} − η_t m_t

    State: the step count t and the average m, which starts at 0.

    Args:
        lr: η, as in gradient descent. It stands outside the average, so a drop of η acts at once.
        momentum: μ in [0, 1); the average reaches over about 1/(1 − μ) steps. Along a constant
            gradient the steps grow to those of gradient descent, not beyond.

    Raises:
        ValueError: lr is negative or not finite, momentum is outside [0, 1), or g has not the
            shape of x.

    Warning:
        With constant η this is heavy-ball momentum of step size (1 − μ) η: a step size tuned for
        one form is 1/(1 − μ) times off in the other. PyTorch's `dampening=momentum` is this form
        but for its first step, which it does not dampen.

    Source: the first moment of Kingma & Ba (2015), Algorithm 1, without its correction.

    >>> rule = AveragedMomentum(lr=0.1, momentum=0.75)
    >>> x, state = rule.update(5.0, 8.0, rule.init(5.0))
    >>> x, state.m
    (4.8, 2.0)
    """

    lr: LearningRate = 0.1
    momentum: float = 0.9

    class State(NamedTuple):
        """t: steps made; m: the average of the gradient, shaped like x."""

        t: int
        m: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.momentum * state.m + (1 - self.momentum) * g
        x = x - self.lr_at(t) * m
        return x, self.State(t, m)


@dataclass(frozen=True)
class Nesterov(Rule, name="nesterov"):
    """Nesterov's accelerated gradient: momentum whose gradient is taken where it would lead.

    d_t = μ d_{t-1} − η_t g_t
    x_t = x_{t-1} + μ d_t − η_t g_t

    The paper steps θ_t = θ_{t-1} + d_t with the gradient at the look-ahead point
    θ_{t-1} + μ d_{t-1}. Here x is that look-ahead point, so that the gradient is taken at x as in
    every rule; the paper's point is θ_t = x_t − μ d_t. The two meet at the minimum, where d = 0.

    State: the step count t and the displacement d of θ, which starts at 0.

    Args:
        lr: η, as in gradient descent; it stands inside the displacement.
        momentum: μ in [0, 1). 0 is gradient descent.

    Raises:
        ValueError: lr is negative or not finite, momentum is outside [0, 1), or g has not the
            shape of x.

    Warning:
        PyTorch, Keras and Optax store the look-ahead point too: the weights they save are x, not
        θ. PyTorch and Optax keep η outside the displacement, so they part from this form once η
        changes.

    Source: Nesterov (1983), in the form of Sutskever et al. (2013), equations (3) and (4), with
    the change of variable of Bengio, Boulanger-Lewandowski & Pascanu (2013).

    >>> rule = Nesterov(lr=0.1, momentum=0.5)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state.d
    (3.5, -1.0)
    """

    lr: LearningRate = 0.01
    momentum: float = 0.9

    class State(NamedTuple):
        """t: steps made; d: the last displacement of θ, shaped like x."""

        t: int
        d: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        d = self.momentum * state.d - self.lr_at(t) * g
        x = x + self.momentum * d - self.lr_at(t) * g
        return x, self.State(t, d)


@dataclass(frozen=True)
class AdaGrad(Rule, name="adagrad"):
    """AdaGrad: gradient descent divided, by coordinate, by the root of the sum of all g².

    s_t = s_{t-1} + g_t²
    x_t = x_{t-1} − η_t g_t / (√s_t + ε)

    State: the step count t and the sum s, which starts at 0.

    Args:
        lr: η, in the units of x: the size of the first step of each coordinate. Along a constant
            gradient step t has the size η/√t.
        eps: ε ≥ 0 (the paper's δ), in the units of the gradient, outside the root. 0 gives 0/0 on
            a coordinate that never had a gradient.

    Raises:
        ValueError: lr is negative or not finite, eps is negative, or g has not the shape of x.

    Warning:
        Keras and Optax start s at 0.1, not 0, and keep ε inside the root: a coordinate whose
        gradients are well below 0.3 moves far less.

    Source: Duchi, Hazan & Singer (2011), H_t = δI + diag(‖g_{1:t}‖₂), without a constraint.

    >>> rule = AdaGrad(lr=0.1, eps=0.0)
    >>> x, state = rule.update(5.0, 3.0, rule.init(5.0))
    >>> x, state = rule.update(x, 4.0, state)
    >>> round(x, 12), state.s
    (4.82, 25.0)
    """

    lr: LearningRate = 0.01
    eps: float = 1e-10

    class State(NamedTuple):
        """t: steps made; s: the sum of the squared gradients, shaped like x."""

        t: int
        s: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        s = state.s + g**2
        x = x - self.lr_at(t) * g / (s**0.5 + self.eps)
        return x, self.State(t, s)


@dataclass(frozen=True)
class RMSprop(Rule, name="rmsprop"):
    """RMSprop: AdaGrad with an average of g² in place of the sum, so that it forgets.

    v_t = ρ v_{t-1} + (1 − ρ) g_t²
    x_t = x_{t-1} − η_t g_t / √v_t

    State: the step count t and the average v, which starts at 0.

    Args:
        lr: η, in the units of x: about the distance a coordinate moves per step. The first step is
            1/√(1 − ρ) times as long, since v starts at 0 and nothing corrects it.
        rho: ρ in [0, 1), the decay rate of v; it averages over about 1/(1 − ρ) steps.

    Raises:
        ValueError: lr is negative or not finite, rho is outside [0, 1), or g has not the shape of
            x.

    Warning:
        The slide has no ε. PyTorch adds one outside the root, and its ρ is 0.99; Keras and Optax
        add one inside the root, where it acts as √ε.

    Source: Hinton, Srivastava & Swersky (2012), lecture 6e, slide 29.

    >>> rule = RMSprop(lr=0.1, rho=0.75)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state.v
    (4.8, 25.0)
    """

    lr: LearningRate = 1e-3
    rho: float = 0.9

    class State(NamedTuple):
        """t: steps made; v: the average of the squared gradient, shaped like x."""

        t: int
        v: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        v = self.rho * state.v + (1 - self.rho) * g**2
        x = x - self.lr_at(t) * quotient(g, v**0.5)
        return x, self.State(t, v)


@dataclass(frozen=True)
class MomentumRMSprop(Rule, name="momentum-rmsprop"):
    """RMSprop with momentum: heavy-ball momentum over the steps of RMSprop.

    v_t = ρ v_{t-1} + (1 − ρ) g_t²
    d_t = μ d_{t-1} − η_t g_t / √v_t
    x_t = x_{t-1} + d_t

    State: the step count t, the average v and the displacement d, which start at 0.

    Args:
        lr: η, in the units of x; it stands inside the displacement.
        rho: ρ in [0, 1), the decay rate of v.
        momentum: μ in [0, 1). 0 is RMSprop.

    Raises:
        ValueError: lr is negative or not finite, rho or momentum is outside [0, 1), or g has not
            the shape of x.

    Warning:
        PyTorch keeps η outside the displacement; Keras and Optax keep it inside.

    Source: Hinton, Srivastava & Swersky (2012), lecture 6e, name the combination without a
    formula; the momentum is placed as in Graves (2013).

    >>> rule = MomentumRMSprop(lr=0.1, rho=0.75, momentum=0.5)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state.v, state.d
    (4.8, 25.0, -0.2)
    """

    lr: LearningRate = 1e-3
    rho: float = 0.9
    momentum: float = 0.9

    class State(NamedTuple):
        """t: steps made; v: the average of g²; d: the last displacement; both shaped like x."""

        t: int
        v: Array
        d: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        v = self.rho * state.v + (1 - self.rho) * g**2
        d = self.momentum * state.d - self.lr_at(t) * quotient(g, v**0.5)
        x = x + d
        return x, self.State(t, v, d)


@dataclass(frozen=True)
class CenteredRMSprop(Rule, name="centered-rmsprop"):
    """Centered RMSprop: divided by the gradient's standard deviation, with momentum.

    n_t = ρ n_{t-1} + (1 − ρ) g_t²
    m_t = ρ m_{t-1} + (1 − ρ) g_t
    d_t = μ d_{t-1} − η_t g_t / √(n_t − m_t² + ε)
    x_t = x_{t-1} + d_t

    State: the step count t, the averages n and m and the displacement d, which start at 0.

    Args:
        lr: η, in the units of x; it stands inside the displacement.
        rho: ρ in [0, 1), the decay rate of both averages.
        momentum: μ in [0, 1).
        eps: ε ≥ 0, in the units of the squared gradient, inside the root. Along a constant gradient
            n − m² vanishes and ε alone bounds the step.

    Raises:
        ValueError: lr is negative or not finite, rho or momentum is outside [0, 1), eps is
            negative, or g has not the shape of x.

    Warning:
        PyTorch's `centered=True` adds ε outside the root and keeps η outside the displacement. It
        also takes the root of n − m² as rounded, which can be negative; here it is at least 0.

    Source: Graves (2013), equations (38) to (41), with its constants as defaults.

    >>> rule = CenteredRMSprop(lr=0.1, rho=0.5, momentum=0.5, eps=0.0)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state.n, state.m
    (4.8, 50.0, 5.0)
    """

    lr: LearningRate = 1e-4
    rho: float = 0.95
    momentum: float = 0.9
    eps: float = 1e-4

    class State(NamedTuple):
        """t: steps made; n, m: averages of g² and of g; d: the last displacement; like x."""

        t: int
        n: Array
        m: Array
        d: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        n = self.rho * state.n + (1 - self.rho) * g**2
        m = self.rho * state.m + (1 - self.rho) * g
        variance = maximum(n - m**2, 0)
        d = self.momentum * state.d - self.lr_at(t) * quotient(g, (variance + self.eps) ** 0.5)
        x = x + d
        return x, self.State(t, n, m, d)


@dataclass(frozen=True)
class Adadelta(Rule, name="adadelta"):
    """Adadelta: RMSprop whose step size is the root mean square of its own past steps.

    v_t = ρ v_{t-1} + (1 − ρ) g_t²
    d_t = −√(u_{t-1} + ε) / √(v_t + ε) · g_t
    u_t = ρ u_{t-1} + (1 − ρ) d_t²
    x_t = x_{t-1} + η_t d_t

    State: the step count t and the averages v and u (the paper's E[g²] and E[Δx²]), which start
    at 0.

    Args:
        lr: η, a pure number. The paper has none: 1 is its rule. η multiplies the step that is
            made, not the d that enters u.
        rho: ρ in [0, 1), the decay rate of both averages.
        eps: ε > 0, inside both roots, added to squared gradients and to squared steps alike, so it
            has two units at once. It sets the length of the first step, about √(ε/(1 − ρ)).

    Raises:
        ValueError: lr is negative or not finite, eps is not positive, rho is outside [0, 1), or g
            has not the shape of x.

    Warning:
        Keras multiplies by lr = 0.001 unless told otherwise; PyTorch and Optax have ρ = 0.9.

    Source: Zeiler (2012), Algorithm 1.

    >>> rule = Adadelta(rho=0.75, eps=1e-6)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(5.0 - x, 9), state.v
    (0.002, 25.0)
    """

    lr: LearningRate = 1.0
    rho: float = 0.95
    eps: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive("eps", self.eps)

    class State(NamedTuple):
        """t: steps made; v, u: averages of g² and of d², shaped like x."""

        t: int
        v: Array
        u: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        v = self.rho * state.v + (1 - self.rho) * g**2
        d = -((state.u + self.eps) ** 0.5) / (v + self.eps) ** 0.5 * g
        u = self.rho * state.u + (1 - self.rho) * d**2
        x = x + self.lr_at(t) * d
        return x, self.State(t, v, u)


@dataclass(frozen=True)
class Adam(Rule, name="adam"):
    """Adam: momentum over gradients, divided by the root of their mean square, both bias-corrected.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t          m̂_t = m_t / (1 − β₁^t)
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²         v̂_t = v_t / (1 − β₂^t)
    x_t = x_{t-1} − η_t m̂_t / (√v̂_t + ε)

    State: the step count t and the two averages m and v, which start at 0.

    Args:
        lr: η (the paper's α), in the units of x: about the distance a coordinate moves per step.
            With β₁² < β₂ no step is longer than η (1 − β₁)/√((1 − β₂)(1 − β₁²/β₂)), by default
            7.3 η.
        beta1: β₁ in [0, 1), the decay rate of m; it averages over about 1/(1 − β₁) steps.
        beta2: β₂ in [0, 1), the decay rate of v.
        eps: ε ≥ 0, in the units of the gradient, outside the root. Coordinates whose gradients are
            well below ε move less. 0 makes the rule invariant to the gradient's scale, and gives
            0/0 on a coordinate that never had a gradient.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), eps is negative, or g has
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

    class State(NamedTuple):
        """t: steps made; m, v: averages of the gradient and of its square, shaped like x."""

        t: int
        m: Array
        v: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        x = x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class AdaMax(Rule, name="adamax"):
    """AdaMax: Adam with a decaying maximum of |g| in place of the root mean square.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t
    u_t = max(β₂ u_{t-1}, |g_t|)
    x_t = x_{t-1} − η_t / (1 − β₁^t) · m_t / u_t

    State: the step count t, the average m and the maximum u, which start at 0.

    Args:
        lr: η (the paper's α), in the units of x: the length of every coordinate's first step, and
            of all steps along a constant gradient.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of u, which needs no correction.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), or g has not the shape of
            x.

    Warning:
        The paper has no ε. PyTorch and Optax add one to |g_t| inside the maximum, Keras one to u_t.

    Source: Kingma & Ba (2015), Algorithm 2.

    >>> rule = AdaMax(lr=0.1, beta1=0.5, beta2=0.5)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state.m, state.u
    (4.9, 5.0, 10.0)
    """

    lr: LearningRate = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999

    class State(NamedTuple):
        """t: steps made; m: the average of g; u: the decaying maximum of |g|; like x."""

        t: int
        m: Array
        u: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        u = maximum(self.beta2 * state.u, abs(g))
        x = x - self.lr_at(t) / (1 - self.beta1**t) * quotient(m, u)
        return x, self.State(t, m, u)


@dataclass(frozen=True)
class NAdam(Rule, name="nadam"):
    """NAdam: Adam whose momentum looks ahead as Nesterov's does, with a rate μ_t that warms up.

    μ_t = β₁ (1 − ½ · 0.96^(t/250))
    m_t = μ_t m_{t-1} + (1 − μ_t) g_t
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²
    m̂_t = μ_{t+1} m_t / (1 − μ_1 ⋯ μ_{t+1}) + (1 − μ_t) g_t / (1 − μ_1 ⋯ μ_t)
    v̂_t = β₂ v_t / (1 − β₂^t)
    x_t = x_{t-1} − η_t m̂_t / (√v̂_t + ε)

    State: the step count t, the averages m and v, which start at 0, and the product μ_1 ⋯ μ_t.

    Args:
        lr: η (the paper's α), in the units of x: about the distance a coordinate moves per step.
        beta1: β₁ in [0, 1), what the decay rate μ_t of m rises to; it starts at about half.
        beta2: β₂ in [0, 1), the decay rate of v (the paper's ν). Not 0, where v̂ vanishes.
        eps: ε ≥ 0, in the units of the gradient, outside the root; 0 as in Adam.

    Raises:
        ValueError: lr is negative or not finite, beta1 is outside [0, 1), beta2 outside (0, 1),
            eps is negative, or g has not the shape of x.

    Warning:
        PyTorch and Keras average m with a constant β₁, and no framework has the factor β₂ of v̂.
        Keras' μ_t rises 250 times faster; Optax' μ_t is β₁.

    Source: Dozat (2016), ICLR workshop, Algorithm 2.

    >>> rule = NAdam(lr=1e-3)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round((5.0 - x) / 1e-3, 3), round(state.mu_product, 4)
    (1.311, 0.4501)
    """

    lr: LearningRate = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive("beta2", self.beta2)

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g², shaped like x; mu_product: a number."""

        t: int
        m: Array
        v: Array
        mu_product: float

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, m = 0, v = 0, an empty product."""
        return self.State(t=0, m=zeros_like(x), v=zeros_like(x), mu_product=1.0)

    def mu(self, t: int) -> float:
        """Return the decay rate μ_t of m at step t = 1, 2, ..."""
        decay: float = 0.96 ** (t / 250)
        return self.beta1 * (1 - 0.5 * decay)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        mu, next_mu = self.mu(t), self.mu(t + 1)
        mu_product = state.mu_product * mu
        m = mu * state.m + (1 - mu) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        m_hat = next_mu * m / (1 - mu_product * next_mu) + (1 - mu) * g / (1 - mu_product)
        v_hat = self.beta2 * v / (1 - self.beta2**t)
        x = x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps)
        return x, self.State(t, m, v, mu_product)


@dataclass(frozen=True)
class AMSGrad(Rule, name="amsgrad"):
    """AMSGrad: Adam without correction, divided by the largest v so far, so that it never forgets.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²          v̂_t = max(v̂_{t-1}, v_t)
    x_t = x_{t-1} − η_t m_t / √v̂_t

    State: the step count t, the averages m and v and the maximum v̂, which start at 0.

    Args:
        lr: η (the paper's α_t; its proof has α/√t), in the units of x. The first step is
            (1 − β₁)/√(1 − β₂) times as long, since nothing corrects m and v.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of v.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), or g has not the shape of
            x.

    Warning:
        The paper has neither correction nor ε. PyTorch and Keras correct v̂ after the maximum, so
        that their denominator can fall; Optax corrects v before it.

    Source: Reddi, Kale & Kumar (2018), Algorithm 2, without the projection.

    >>> rule = AMSGrad(lr=0.1, beta1=0.5, beta2=0.75)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> x, state = rule.update(x, 0.0, state)
    >>> round(x, 12), state.v, state.v_hat
    (4.85, 18.75, 25.0)
    """

    lr: LearningRate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g²; v_hat: the largest v; like x."""

        t: int
        m: Array
        v: Array
        v_hat: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        v_hat = maximum(state.v_hat, v)
        x = x - self.lr_at(t) * quotient(m, v_hat**0.5)
        return x, self.State(t, m, v, v_hat)


@dataclass(frozen=True)
class AdamW(Adam, name="adamw"):
    """AdamW: Adam with weight decay beside the quotient, where no √v̂ divides it.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t          m̂_t = m_t / (1 − β₁^t)
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²         v̂_t = v_t / (1 − β₂^t)
    x_t = x_{t-1} − η_t (α m̂_t / (√v̂_t + ε) + λ x_{t-1})

    State: the step count t and the two averages m and v, which start at 0.

    Args:
        lr: α, in the units of x. It does not multiply the decay, so the two can be tuned apart.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of v.
        eps: ε ≥ 0, as in Adam.
        weight_decay: λ ≥ 0, the share of x that is taken off per step.
        multiplier: η_t, the schedule: a pure number or a function of t, which multiplies step and
            decay alike. A schedule given as lr leaves the decay as it is.

    Raises:
        ValueError: lr or multiplier is negative or not finite, a β is outside [0, 1), eps or
            weight_decay is negative, or g has not the shape of x.

    Warning:
        PyTorch, Keras and Optax multiply λ by the whole learning rate: their weight_decay = 0.01
        at lr = 0.001 is 1e-5 here, and it follows every change of lr.

    Source: Loshchilov & Hutter (2019), Algorithm 2.

    >>> rule = AdamW(lr=1e-3, weight_decay=0.01)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(x, 6)
    4.949
    """

    weight_decay: float = 1e-5
    multiplier: LearningRate = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.step_size("multiplier", self.multiplier)

    def update(self, x: Array, g: Array, state: Adam.State) -> tuple[Array, Adam.State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        step = self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps)
        x = x - at(self.multiplier, t) * (step + self.weight_decay * x)
        return x, self.State(t, m, v)


@dataclass(frozen=True)
class RAdam(Rule, name="radam"):
    """RAdam: Adam that waits with its denominator until v is an average of enough gradients.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t          m̂_t = m_t / (1 − β₁^t)
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²         v̂_t = v_t / (1 − β₂^t)
    ρ_∞ = 2 / (1 − β₂) − 1                   ρ_t = ρ_∞ − 2 t β₂^t / (1 − β₂^t)
    r_t² = (ρ_t − 4) (ρ_t − 2) ρ_∞ / ((ρ_∞ − 4) (ρ_∞ − 2) ρ_t)
    x_t = x_{t-1} − η_t r_t m̂_t / √v̂_t       if ρ_t > 4
    x_t = x_{t-1} − η_t m̂_t                  otherwise

    State: the step count t and the two averages m and v, which start at 0.

    Args:
        lr: η (the paper's α), in the units of x once ρ_t > 4. Until then (steps 1 to 4 for
            β₂ = 0.999) the steps are those of momentum and have the size of the gradient.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of v. If β₂ ≤ 0.6, ρ_t never passes 4.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), or g has not the shape of
            x.

    Warning:
        The paper has no ε. PyTorch waits until ρ_t > 5 and Optax until ρ_t ≥ 5, which is one step
        more for β₂ = 0.999.

    Source: Liu et al. (2020), Algorithm 2; some versions print 1/β₂ for β₂ in the average v.

    >>> rule = RAdam(lr=1e-3)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(x, 6)
    4.99
    """

    lr: LearningRate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g², shaped like x."""

        t: int
        m: Array
        v: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        rho_inf = 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / (1 - self.beta2**t)

        def rectified() -> Array:
            r2 = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            return maximum(r2, 0) ** 0.5 * quotient(m_hat, v_hat**0.5)

        x = x - self.lr_at(t) * where(rho > 4, rectified, lambda: m_hat)
        return x, self.State(t, m, v)


def relative_step(t: int) -> float:
    """Return Adafactor's relative step size ρ_t = min(10⁻², 1/√t).

    >>> relative_step(100), relative_step(40_000)
    (0.01, 0.005)
    """
    step: float = least(1e-2, 1 / sqrt(t))
    return step


@dataclass(frozen=True)
class Adafactor(Rule, name="adafactor"):
    """Adafactor: Adam without momentum that keeps row and column means of g², not all of it.

    β_t = 1 − t^(−0.8)
    r_t = β_t r_{t-1} + (1 − β_t) · row means of (g_t² + ε₁)
    c_t = β_t c_{t-1} + (1 − β_t) · column means of (g_t² + ε₁)
    v̂_t = r_t c_t / mean(r_t)
    u_t = g_t / √v̂_t
    x_t = x_{t-1} − ρ_t max(ε₂, RMS(x_{t-1})) u_t / max(1, RMS(u_t) / d)

    A vector is a matrix of one row: there r_t = mean(r_t), so v̂_t = c_t is the plain average. An
    array of more axes is a stack of matrices in its last two, clipped as a whole.

    State: the step count t, the row means r of shape (..., rows, 1) and the column means c of shape
    (..., 1, columns), which start at 0.

    Args:
        lr: ρ, a pure number or a function of t: the length of a step relative to that of x. The
            paper's is `relative_step`.
        eps1: ε₁ > 0, in the units of the squared gradient; it keeps v̂ above 0.
        eps2: ε₂ ≥ 0, in the units of x: the least length x counts as, so that it can leave 0.
        clip: d > 0, the largest root mean square of u.

    Raises:
        ValueError: lr or eps2 is negative or not finite, eps1 or clip is not positive, or g has not
            the shape of x.

    Warning:
        Keras' relative step is a tenth of the paper's unless lr is 0.01; Optax has none, and keeps
        all of g² for matrices below 128; PyTorch has another ε₁.

    Source: Shazeer & Stern (2018), Algorithms 4 (matrices) and 5 (vectors), with the constants of
    Algorithm 6. The paper's R and C are sums; means give the same v̂.

    >>> rule = Adafactor()
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(x, 12)
    4.95
    """

    elementwise = False

    lr: LearningRate = relative_step
    eps1: float = 1e-30
    eps2: float = 1e-3
    clip: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive("eps1", self.eps1)
        _check.not_negative("eps2", self.eps2)
        _check.positive("clip", self.clip)

    class State(NamedTuple):
        """t: steps made; r, c: averages of the row and of the column means of g²."""

        t: int
        r: Array
        c: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, r = 0, c = 0."""
        return self.State(t=0, r=mean_along(zeros_like(x), -1), c=mean_along(zeros_like(x), -2))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        beta = 1 - t**-0.8
        r = beta * state.r + (1 - beta) * mean_along(g**2 + self.eps1, -1)
        c = beta * state.c + (1 - beta) * mean_along(g**2 + self.eps1, -2)
        # A root each: where a dead row meets a dead column the product is 0 in float32.
        u = g / ((r / mean_along(r, -2)) ** 0.5 * c**0.5)
        u = u / maximum(rms(u) / self.clip, 1)
        x = x - self.lr_at(t) * maximum(rms(x), self.eps2) * u
        return x, self.State(t, r, c)


@dataclass(frozen=True)
class Lion(Rule, name="lion"):
    """Lion: a step of η along the sign of an interpolated momentum, with weight decay.

    c_t = β₁ m_{t-1} + (1 − β₁) g_t
    x_t = x_{t-1} − η_t (sign(c_t) + λ x_{t-1})
    m_t = β₂ m_{t-1} + (1 − β₂) g_t

    State: the step count t and the average m, which starts at 0.

    Args:
        lr: η, in the units of x: without decay every coordinate moves by η in every step. The
            authors advise a third to a tenth of Adam's.
        beta1: β₁ in [0, 1), how much the step listens to m rather than to g.
        beta2: β₂ in [0, 1), the decay rate of m.
        weight_decay: λ ≥ 0, per unit of η: η λ is the share of x that is taken off per step. In
            AdamW's paper, and here, λ alone is.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), weight_decay is negative,
            or g has not the shape of x.

    Warning:
        Optax decays with λ = 0.001 unless told otherwise; Keras' default lr is 0.001.

    Source: Chen et al. (2023), Algorithm 2.

    >>> rule = Lion(lr=0.1, weight_decay=0.5)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> round(x, 12), round(state.m, 12)
    (4.65, 0.1)
    """

    lr: LearningRate = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    class State(NamedTuple):
        """t: steps made; m: the average of the gradient, shaped like x."""

        t: int
        m: Array

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        c = self.beta1 * state.m + (1 - self.beta1) * g
        x = x - self.lr_at(t) * (sign(c) + self.weight_decay * x)
        m = self.beta2 * state.m + (1 - self.beta2) * g
        return x, self.State(t, m)


@dataclass(frozen=True)
class Lamb(Rule, name="lamb"):
    """LAMB: Adam whose step, the decay in it, is as long as the share η of x.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t
    v_t = β₂ v_{t-1} + (1 − β₂) g_t²
    m̂_t = m_t / (1 − β₁^t)
    v̂_t = v_t / (1 − β₂^t)
    u_t = m̂_t / (√v̂_t + ε) + λ x_{t-1}
    x_t = x_{t-1} − η_t ‖x_{t-1}‖ / ‖u_t‖ · u_t

    Where a norm is 0 the ratio is 1. The norms are those of one array: of one layer's weights.

    State: the step count t and the averages m and v, which start at 0.

    Args:
        lr: η, a pure number: ‖x_t − x_{t-1}‖ is η ‖x_{t-1}‖.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of v.
        eps: ε ≥ 0, in the units of the gradient; in the paper any positive number.
        weight_decay: λ ≥ 0, in the units of 1/x; it turns the step and does not lengthen it.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), eps or weight_decay is
            negative, or g has not the shape of x.

    Warning:
        Keras leaves the decay out of the norm, takes ε = 1e-7 and η = 0.001; PyTorch has no LAMB.

    Source: You et al. (2020), Algorithm 2, with φ(z) = z.

    >>> import numpy as np
    >>> rule, x = Lamb(lr=0.1), np.array([3.0, 4.0])
    >>> x, state = rule.update(x, np.array([1.0, -1.0]), rule.init(x))
    >>> x.round(6)
    array([2.646447, 4.353553])
    """

    elementwise = False

    lr: LearningRate = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.0

    class State(NamedTuple):
        """t: steps made; m, v: averages of g and of g², shaped like x."""

        t: int
        m: Array
        v: Array

    def direction(self, m: Array, v: Array, t: int) -> Array:
        """Return m̂ / (√v̂ + ε)."""
        return m / (1 - self.beta1**t) / ((v / (1 - self.beta2**t)) ** 0.5 + self.eps)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        m = self.beta1 * state.m + (1 - self.beta1) * g
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        u = self.direction(m, v, t) + self.weight_decay * x
        x = x - self.lr_at(t) * trust(x, u) * u
        return x, self.State(t, m, v)


def newton_schulz(g: Array, steps: int = 5) -> Array:
    """Return about the nearest matrix to g with orthonormal rows or columns.

    X ← a X + (b A + c A²) X with A = X Xᵀ, from X = g / ‖g‖, in the precision of g. It leaves the
    singular vectors and takes singular values from 0.01 ‖g‖ up to between 0.68 and 1.14.

    Source: Jordan et al. (2024), with their coefficients; their code runs it in bfloat16.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = g.shape[0] <= g.shape[1]
    x = (g if wide else g.T) / ((g**2).sum() ** 0.5 + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.T


@dataclass(frozen=True)
class Muon(Rule, name="muon"):
    """Muon: momentum for a matrix whose step is made orthogonal.

    m_t = μ m_{t-1} + (1 − μ) g_t
    O_t = NewtonSchulz(μ m_t + (1 − μ) g_t)
    x_t = x_{t-1} − η_t (√max(1, rows/columns) O_t + λ x_{t-1})

    State: the step count t and the average m, which starts at 0.

    Args:
        lr: η, about the spectral norm of a step of a matrix that is not taller than wide.
        momentum: μ in [0, 1), the decay rate of m.
        weight_decay: λ ≥ 0, per unit of η, as in Lion.

    Raises:
        ValueError: lr is negative or not finite, momentum is outside [0, 1), weight_decay is
            negative, x is not a matrix, or g has not the shape of x.

    Warning:
        Embeddings, the last layer, biases and gains are trained with another rule. PyTorch decays
        with λ = 0.1 unless told otherwise; Keras scales by 0.2 √max(rows, columns); Optax takes the
        transposed matrix and corrects m.

    Source: Jordan et al. (2024), reference implementation, but in the precision of x.

    >>> import numpy as np
    >>> rule, x = Muon(lr=0.1), np.zeros((2, 2))
    >>> x, state = rule.update(x, np.array([[3.0, 0.0], [0.0, -3.0]]), rule.init(x))
    >>> x.round(2)
    array([[-0.11,  0.  ],
           [ 0.  ,  0.11]])
    """

    elementwise = False

    lr: LearningRate = 0.02
    momentum: float = 0.95
    weight_decay: float = 0.0

    class State(NamedTuple):
        """t: steps made; m: the average of the gradient, shaped like x."""

        t: int
        m: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step for a matrix x: t = 0, m = 0."""
        _check.matrix("x", x)
        return self.State(t=0, m=zeros_like(x))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        rows, columns = x.shape
        m = self.momentum * state.m + (1 - self.momentum) * g
        o = newton_schulz(self.momentum * m + (1 - self.momentum) * g)
        o = max(1, rows / columns) ** 0.5 * o
        x = x - self.lr_at(t) * (o + self.weight_decay * x)
        return x, self.State(t, m)


def inverse_root(a: Array, eps: float, power: int = 4) -> Array:
    """Return (A + ε I)^(−1/power) of a symmetric matrix without negative eigenvalues.

    What rounding left below 0 of its eigenvalues counts as 0.

    >>> import numpy as np
    >>> inverse_root(np.diag([15.0, 80.0]), eps=1.0).round(6)
    array([[0.5     , 0.      ],
           [0.      , 0.333333]])
    """
    values, vectors = linalg(a).eigh(a)
    return vectors * (maximum(values, 0) + eps) ** (-1 / power) @ vectors.T


@dataclass(frozen=True)
class Shampoo(Rule, name="shampoo"):
    """Shampoo: AdaGrad for a matrix, with a root for its rows and one for its columns.

    L_t = L_{t-1} + g_t g_tᵀ
    R_t = R_{t-1} + g_tᵀ g_t
    x_t = x_{t-1} − η_t (L_t + ε I)^(−1/4) g_t (R_t + ε I)^(−1/4)

    State: the step count t, the sum left = L of rows × rows and the sum right = R of columns ×
    columns, which start at 0.

    Args:
        lr: η, in the units of x: about the spectral norm of the first step.
        eps: ε > 0, in the units of the squared gradient; the paper starts L and R at ε I.

    Raises:
        ValueError: lr is negative or not finite, eps is not positive, x is not a matrix, or g has
            not the shape of x.

    Warning:
        What is used on large networks forgets as Adam does, and takes the length of its step from
        another rule. `torch_optimizer.Shampoo` has other exponents, −1/2.

    Source: Gupta, Koren & Singer (2018), Algorithm 1.

    >>> import numpy as np
    >>> rule, x = Shampoo(lr=0.1), np.zeros((2, 2))
    >>> x, state = rule.update(x, np.array([[3.0, 0.0], [0.0, -1.0]]), rule.init(x))
    >>> x.round(3)
    array([[-0.1,  0. ],
           [ 0. ,  0.1]])
    """

    elementwise = False

    lr: LearningRate = 0.1
    eps: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive("eps", self.eps)

    class State(NamedTuple):
        """t: steps made; left, right: sums of g gᵀ and of gᵀ g."""

        t: int
        left: Array
        right: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step for a matrix x: t = 0, L = 0, R = 0."""
        _check.matrix("x", x)
        zeros = zeros_like(x)
        return self.State(t=0, left=zeros @ zeros.T, right=zeros.T @ zeros)

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        left = state.left + g @ g.T
        right = state.right + g.T @ g
        u = inverse_root(left, self.eps) @ g @ inverse_root(right, self.eps)
        return x - self.lr_at(t) * u, self.State(t, left, right)


def turned_basis(a: Array, basis: Array) -> tuple[Array, Array]:
    """Return a basis one orthogonal iteration nearer to the eigenvectors of A, and an order.

    QR makes each column orthogonal to those before it, so the columns are put in the order of their
    qᵀ A q before, the largest first. That order is returned too.

    Source: Vyas et al. (2025), as the authors' code has it.
    """
    order = (-basis * (a @ basis)).sum(0).argsort()
    return linalg(a).qr(a @ basis[:, order])[0], order


@dataclass(frozen=True)
class Soap(Rule, name="soap"):
    """SOAP: Adam in the basis of the eigenvectors of Shampoo's two matrices.

    m_t = β₁ m_{t-1} + (1 − β₁) g_t
    v_t = β₂ v_{t-1} + (1 − β₂) (P_{t-1}ᵀ g_t Q_{t-1})²
    x_t = x_{t-1} − η_t P_{t-1} (P_{t-1}ᵀ m̂_t Q_{t-1} / (√v̂_t + ε)) Q_{t-1}ᵀ
    L_t = β₂ L_{t-1} + (1 − β₂) g_t g_tᵀ      R_t = β₂ R_{t-1} + (1 − β₂) g_tᵀ g_t

    P₁ and Q₁ are the eigenvectors of L₁ and R₁. The first gradient gives these alone: x stays, m
    and v begin with the second, and their correction is for t − 1 steps. Then, at every so many
    steps, `turned_basis` turns P after L and Q after R.

    State: the step count t, the averages left = L of rows × rows and right = R of columns ×
    columns, the bases p and q, and m and v, all 0 at the start. v is of coordinates in the basis.

    Args:
        lr: η, in the units of x, as in Adam.
        beta1: β₁ in [0, 1), the decay rate of m.
        beta2: β₂ in [0, 1), the decay rate of v, L and R.
        eps: ε > 0, in the units of the gradient.
        every: how many steps P and Q stand for.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), eps is not positive, every
            is not a whole number of at least 1, x is not a matrix, or g has not the shape of x.

    Warning:
        The authors' code adds ε before v is corrected, and decays with λ = 0.01 unless told
        otherwise. Where gradients have no part the basis is one of rounding errors.

    Source: Vyas et al. (2025), as the authors' code has it.

    >>> import numpy as np
    >>> rule, x = Soap(lr=0.1), np.zeros((2, 2))
    >>> g, state = np.array([[3.0, 0.0], [0.0, -1.0]]), rule.init(x)
    >>> for _ in range(2):
    ...     x, state = rule.update(x, g, state)
    >>> x.round(3)
    array([[-0.1,  0. ],
           [ 0. ,  0.1]])
    """

    elementwise = False

    lr: LearningRate = 3e-3
    beta1: float = 0.95
    beta2: float = 0.95
    eps: float = 1e-8
    every: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.positive("eps", self.eps)

    class State(NamedTuple):
        """t: steps made; left, right: averages; p, q: bases; m, v: Adam's, v in the basis."""

        t: int
        left: Array
        right: Array
        p: Array
        q: Array
        m: Array
        v: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step for a matrix x: t = 0 and all else 0."""
        _check.matrix("x", x)
        z = zeros_like(x)
        rows, columns, like = (  # two of each, as they are written over one by one
            [zeros_like(a) for _ in range(2)] for a in (z @ z.T, z.T @ z, z)
        )
        return self.State(0, rows[0], columns[0], rows[1], columns[1], *like)

    def bases(self, left: Array, right: Array, v: Array, state: State) -> tuple[Array, ...]:
        """Return P_t and Q_t, and v with its rows and columns in their order."""

        def first() -> tuple[Array, ...]:
            return linalg(left).eigh(left)[1], linalg(right).eigh(right)[1], v

        def turned() -> tuple[Array, ...]:
            (p, rows), (q, columns) = turned_basis(left, state.p), turned_basis(right, state.q)
            return p, q, v[rows][:, columns]

        is_due = state.t % self.every == 0
        kept = state.p, state.q, v
        bases: tuple[Array, ...] = where(
            state.t == 0, first, lambda: where(is_due, turned, lambda: kept)
        )
        return bases

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t = state.t + 1
        p, q, after_first = state.p, state.q, t > 1
        steps = t - after_first
        m = self.beta1 * state.m + (1 - self.beta1) * after_first * g
        v = self.beta2 * state.v + (1 - self.beta2) * (p.T @ g @ q) ** 2
        m_hat = p.T @ m @ q / (1 - self.beta1**steps)
        v_hat = v / (1 - self.beta2**steps)
        x = x - self.lr_at(t) * p @ (m_hat / (v_hat**0.5 + self.eps)) @ q.T
        left = self.beta2 * state.left + (1 - self.beta2) * g @ g.T
        right = self.beta2 * state.right + (1 - self.beta2) * g.T @ g
        p, q, v = self.bases(left, right, v, state)
        return x, self.State(t, left, right, p, q, m, v)


@dataclass(frozen=True)
class ScheduleFreeAdamW(Rule, name="schedule-free-adamw"):
    """Schedule-free AdamW: points z that step as in Adam, their average x, gradients between.

    v_t = β₂ v_{t-1} + (1 − β₂) g_t²         γ_t = η_t √(1 − β₂^t)
    z_t = z_{t-1} − γ_t (g_t / (√v_t + ε) + λ y_{t-1})
    c_t = γ_t² / (γ_1² + … + γ_t²)
    x_t = (1 − c_t) x_{t-1} + c_t z_t
    y_t = (1 − β₁) z_t + β₁ x_t

    The parameter is y, where the gradient is taken; `averaged` returns x, which is what to evaluate
    and to keep.

    State: the step count t, d = z − x, the average v, and weight, the sum of γ². All start at 0.

    Args:
        lr: η, in the units of z, as in Adam. It needs no fall; a warm-up is a function of t.
        beta1: β₁ in [0, 1), how near to the average the gradient is taken.
        beta2: β₂ in [0, 1), the decay rate of v.
        eps: ε ≥ 0, in the units of the gradient.
        weight_decay: λ ≥ 0, of y; the rate multiplies it, as in PyTorch's AdamW.

    Raises:
        ValueError: lr is negative or not finite, a β is outside [0, 1), eps or weight_decay is
            negative, or g has not the shape of x.

    Warning:
        Batch normalisation has statistics of y: before x is evaluated they are to be computed anew.
        Optax, Keras and the authors' package correct v under the root and weigh the points
        otherwise: `descent.conventions` has those of Optax and Keras. The authors' repository keeps
        this form as `adamw_schedulefree_paper.py`: its correction "can cause instability on some
        problems".

    Source: Defazio et al. (2024), Algorithm 1.

    >>> rule = ScheduleFreeAdamW(lr=0.1)
    >>> y, state = rule.update(5.0, 10.0, rule.init(5.0))
    >>> y, state = rule.update(y, 10.0, state)
    >>> round(y, 4), round(rule.averaged(y, state), 4)
    (4.83, 4.8333)
    """

    lr: LearningRate = 2.5e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    class State(NamedTuple):
        """t: steps made; d: z − x; v: average of g²; weight: the sum of γ²."""

        t: int
        d: Array
        v: Array
        weight: Any

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, d = 0, v = 0, no weight."""
        return self.State(t=0, d=zeros_like(x), v=zeros_like(x), weight=0.0)

    def averaged(self, y: Array, state: State) -> Array:
        """Return the average x of the points, which is what to evaluate."""
        return y - (1 - self.beta1) * state.d

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return y and the state after one step along the gradient g; the argument x is y too."""
        t = state.t + 1
        v = self.beta2 * state.v + (1 - self.beta2) * g**2
        lr = self.lr_at(t) * (1 - self.beta2**t) ** 0.5
        ahead = state.d - lr * (g / (v**0.5 + self.eps) + self.weight_decay * x)
        weight = state.weight + lr**2
        c = quotient(lr**2, weight)
        average = x - (1 - self.beta1) * state.d + c * ahead
        d = (1 - c) * ahead
        return average + (1 - self.beta1) * d, self.State(t, d, v, weight)
