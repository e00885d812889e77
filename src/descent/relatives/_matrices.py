"""Rules for matrices: Adafactor as the frameworks have it, and Muon."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from descent import _check
from descent._numbers import least
from descent.rules import (
    Adafactor,
    Array,
    LearningRate,
    Rule,
    maximum,
    mean_along,
    norm,
    rms,
    zeros_like,
)

__all__ = [
    "KerasAdafactor",
    "TorchAdafactor",
    "OptaxAdafactor",
    "FrameworkMuon",
]


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
