"""Learning rates as functions of the step t = 1, 2, ..., which any rule takes as `lr`.

>>> from descent.rules import GradientDescent
>>> rule = GradientDescent(lr=Step(lr=0.1, every=2, gamma=0.5))
>>> [rule.lr_at(t) for t in range(1, 6)]
[0.1, 0.1, 0.05, 0.05, 0.025]

A schedule is a frozen dataclass, so it can be compared, printed and pickled. The first step has
t = 1, where PyTorch's schedulers count 0: after t − 1 calls of `scheduler.step()` they stand where
these stand at t.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from descent import _check
from descent._numbers import cos, is_traced, least, plain, sqrt, where

__all__ = [
    "Schedule",
    "Constant",
    "Step",
    "Exponential",
    "Cosine",
    "LinearWarmup",
    "WarmupCosine",
    "InverseSquareRoot",
    "OneCycle",
    "RobbinsMonro",
    "Linear",
    "Milestones",
    "WarmupStableDecay",
]

_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "lr": _check.not_negative,
    "lr_min": _check.not_negative,
    "gamma": _check.fraction,
    "start_factor": _check.fraction,
    "every": _check.positive_count,
    "steps": _check.positive_count,
    "warmup": _check.positive_count,
    "decay": _check.positive_count,
    "div_factor": _check.positive,
    "final_div_factor": _check.positive,
}


@dataclass(frozen=True)
class Schedule:
    """What all schedules share: a learning rate `lr`, called with the step t.

    A new one defines `_at`, which may rely on t ≥ 1.
    """

    lr: float

    def __post_init__(self) -> None:
        """Check the arguments; a bad one is a `ValueError` here, not at step 900."""
        _check.each_field(self, _CHECKS)

    def __call__(self, t: int) -> float:
        """Return the learning rate of step t = 1, 2, ..."""
        t = plain(t)
        _check.positive_count("t", t)
        return self._at(t if is_traced(t) else int(t))

    def _at(self, t: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """A constant learning rate: η_t = η.

    Args:
        lr: η ≥ 0.

    Raises:
        ValueError: lr is negative or not finite.

    >>> Constant(lr=0.1)(1000)
    0.1
    """

    def _at(self, t: int) -> float:
        return self.lr


@dataclass(frozen=True)
class Step(Schedule):
    """A staircase: η_t = η γ^⌊(t − 1)/n⌋. PyTorch's `StepLR`.

    Args:
        lr: η ≥ 0, the rate of the first n steps.
        every: n, the steps from one drop to the next.
        gamma: γ in (0, 1], the factor of a drop.

    Raises:
        ValueError: an argument is outside its range.

    >>> [Step(lr=1.0, every=2, gamma=0.5)(t) for t in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    gamma: float = 0.1

    def _at(self, t: int) -> float:
        return self.lr * float(self.gamma) ** ((t - 1) // self.every)


@dataclass(frozen=True)
class Milestones(Schedule):
    """A staircase with steps of its own: η_t = η γ^k after k of the milestones.

    PyTorch's `MultiStepLR`.

    Args:
        lr: η ≥ 0, the rate until the first milestone.
        at: the milestones n_1 < n_2 < ...; step n_i is the last before the drop.
        gamma: γ in (0, 1], the factor of a drop.

    Raises:
        ValueError: an argument is outside its range, or the milestones do not rise.

    >>> [Milestones(lr=1.0, at=(2, 3), gamma=0.5)(t) for t in (1, 2, 3, 4, 5)]
    [1.0, 1.0, 0.5, 0.25, 0.25]
    """

    at: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        steps = tuple(map(plain, self.at)) if isinstance(self.at, tuple | list) else (None,)
        if not all(map(_check.is_whole, steps)) or [0, *steps] != sorted({0, *steps}):
            raise ValueError(f"at must be whole numbers that rise, from 1 on, got {self.at!r}")
        object.__setattr__(self, "at", steps)

    def _at(self, t: int) -> float:
        return self.lr * float(self.gamma) ** sum(t > milestone for milestone in self.at)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Exponential decay: η_t = η γ^(t − 1). PyTorch's `ExponentialLR`.

    Args:
        lr: η ≥ 0, the rate of step 1.
        gamma: γ in (0, 1], the factor from each step to the next.

    Raises:
        ValueError: an argument is outside its range.

    >>> [Exponential(lr=1.0, gamma=0.5)(t) for t in (1, 2, 3)]
    [1.0, 0.5, 0.25]
    """

    gamma: float

    def _at(self, t: int) -> float:
        return self.lr * float(self.gamma) ** (t - 1)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine: η_t = η_min + ½ (η − η_min) (1 + cos(π (t − 1)/T)), then η_min.

    PyTorch's `CosineAnnealingLR`.

    Args:
        lr: η ≥ 0, the rate of step 1.
        steps: T; step T + 1 is the first of rate η_min.
        lr_min: η_min ≥ 0, the last rate, at most lr.

    Raises:
        ValueError: an argument is outside its range.

    Warning:
        After T steps PyTorch's climbs again along the cosine; here η_min stays.

    Source: Loshchilov & Hutter (2017), equation (5), one run without restarts.

    >>> [round(Cosine(lr=1.0, steps=4)(t), 3) for t in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    steps: int
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.at_most("lr_min", self.lr_min, "lr", self.lr)

    def _at(self, t: int) -> float:
        return _cosine(self.lr, self.lr_min, (t - 1) / self.steps)


@dataclass(frozen=True)
class Linear(Schedule):
    """A straight fall: η_t = η_min + (η − η_min) (1 − (t − 1)/T), then η_min.

    PyTorch's `PolynomialLR` of power 1, or `LinearLR` from 1 to η_min/η.

    Args:
        lr: η ≥ 0, the rate of step 1.
        steps: T; step T + 1 is the first of rate η_min.
        lr_min: η_min ≥ 0, the last rate, at most lr.

    Raises:
        ValueError: an argument is outside its range.

    >>> [Linear(lr=1.0, steps=4)(t) for t in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    steps: int
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check.at_most("lr_min", self.lr_min, "lr", self.lr)

    def _at(self, t: int) -> float:
        share: float = 1 - least((t - 1) / self.steps, 1)
        return self.lr_min + (self.lr - self.lr_min) * share


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """A straight rise: η_t = η (s + (1 − s) (t − 1)/T), then η. PyTorch's `LinearLR`.

    Args:
        lr: η ≥ 0, the rate from step T + 1 on.
        steps: T, the steps below η.
        start_factor: s in (0, 1], the share of η of step 1. 1/(T + 1) gives η t/(T + 1).

    Raises:
        ValueError: an argument is outside its range.

    >>> [LinearWarmup(lr=1.0, steps=3, start_factor=0.25)(t) for t in (1, 2, 3, 4, 5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    steps: int
    start_factor: float = 1 / 3

    def _at(self, t: int) -> float:
        share: float = least((t - 1) / self.steps, 1)
        return self.lr * (self.start_factor + (1 - self.start_factor) * share)


@dataclass(frozen=True)
class WarmupCosine(Schedule):
    """A linear warm-up and then half a cosine.

    PyTorch's `SequentialLR` of a `LinearLR` and a `CosineAnnealingLR`.

    Args:
        lr: η ≥ 0, the highest rate, that of step warmup + 1.
        warmup: the steps of the warm-up.
        steps: all steps, more than warmup; step steps + 1 is the first of rate η_min.
        start_factor: s in (0, 1], the share of η of step 1.
        lr_min: η_min ≥ 0, the last rate, at most lr.

    Raises:
        ValueError: an argument is outside its range.

    >>> schedule = WarmupCosine(lr=1.0, warmup=2, steps=6, start_factor=0.5)
    >>> [round(schedule(t), 3) for t in range(1, 9)]
    [0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    warmup: int
    steps: int
    start_factor: float = 1 / 3
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup >= self.steps:
            raise ValueError(f"warmup must be below steps = {self.steps}, got {self.warmup}")
        Cosine(self.lr, self.steps - self.warmup, self.lr_min)  # checks lr_min

    def _at(self, t: int) -> float:
        rate: float = where(
            t <= self.warmup,
            lambda: LinearWarmup(self.lr, self.warmup, self.start_factor)(t),
            lambda: Cosine(self.lr, self.steps - self.warmup, self.lr_min)(t - self.warmup),
        )
        return rate


@dataclass(frozen=True)
class WarmupStableDecay(Schedule):
    """A linear warm-up, a constant rate, and a straight fall at the end: WSD.

    PyTorch's `SequentialLR` of a `LinearLR`, a `ConstantLR` of factor 1 and a `LinearLR`.

    Args:
        lr: η ≥ 0, the rate between the two.
        warmup: the steps of the warm-up; step warmup + 1 is the first of rate η.
        steps: all steps, at least warmup + decay; step steps + 1 is the first of rate η_min.
        decay: the steps of the fall.
        start_factor: s in (0, 1], the share of η of step 1.
        lr_min: η_min ≥ 0, the last rate, at most lr.

    Raises:
        ValueError: an argument is outside its range.

    Source: Hu et al. (2024), section 4.2, with a straight fall.

    >>> schedule = WarmupStableDecay(lr=1.0, warmup=2, steps=8, decay=4, start_factor=0.5)
    >>> [schedule(t) for t in range(1, 11)]
    [0.5, 0.75, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    warmup: int
    steps: int
    decay: int
    start_factor: float = 1 / 3
    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup >= self.steps:
            raise ValueError(f"warmup must be below steps = {self.steps}, got {self.warmup}")
        left = self.steps - self.warmup
        _check.at_most("decay", self.decay, "steps - warmup", left)
        Linear(self.lr, self.decay, self.lr_min)  # checks lr_min

    def _at(self, t: int) -> float:
        stable = self.steps - self.decay
        rate: float = where(
            t <= stable,
            lambda: LinearWarmup(self.lr, self.warmup, self.start_factor)(t),
            lambda: Linear(self.lr, self.decay, self.lr_min)(t - stable),
        )
        return rate


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """A warm-up from 0 and then a fall as 1/√t: η_t = η min(t/w, √(w/t)).

    Args:
        lr: η ≥ 0, the highest rate, that of step w.
        warmup: w, the step of the highest rate; 1 gives η/√t.

    Raises:
        ValueError: an argument is outside its range.

    Source: Vaswani et al. (2017), equation (3), where η = 1/√(w d_model).

    >>> [InverseSquareRoot(lr=1.0, warmup=4)(t) for t in (1, 2, 4, 16)]
    [0.25, 0.5, 1.0, 0.5]
    """

    warmup: int = 1

    def _at(self, t: int) -> float:
        share: float = least(t / self.warmup, sqrt(self.warmup / t))
        return self.lr * share


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One cycle: half a cosine up to η, half a cosine down to far below the start.

    PyTorch's `OneCycleLR`, which counts the rise as p T − 1 steps and the whole as T − 1.

    Args:
        lr: η ≥ 0, the highest rate (`max_lr`).
        steps: T, all steps, at least 2 (`total_steps`).
        pct_start: p in (0, 1), the share of the rise.
        div_factor: the first rate is η / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.

    Raises:
        ValueError: an argument is outside its range.

    Warning:
        PyTorch also turns the momentum (or β₁) down and up unless told otherwise, and raises an
        error after T steps; here the last rate stays.

    Source: Smith & Topin (2018), with the cosines and constants of PyTorch.

    >>> schedule = OneCycle(lr=1.0, steps=10)
    >>> [round(schedule(t), 3) for t in (1, 2, 3, 6, 10)]
    [0.04, 0.52, 1.0, 0.611, 0.0]
    """

    steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 2:
            raise ValueError(f"steps must be at least 2, got {self.steps}")
        if not (_check.is_number(self.pct_start) and 0 < self.pct_start < 1):
            raise ValueError(f"pct_start must be a number in (0, 1), got {self.pct_start!r}")

    def _at(self, t: int) -> float:
        first, peak = self.lr / self.div_factor, self.pct_start * self.steps - 1
        last, fall = first / self.final_div_factor, self.steps - 1 - peak
        rate: float = where(
            t - 1 < peak,
            lambda: _cosine(first, self.lr, (t - 1) / peak),
            lambda: _cosine(self.lr, last, (t - 1 - peak) / fall),
        )
        return rate


@dataclass(frozen=True)
class RobbinsMonro(Schedule):
    """A rate that averages noise away: η_t = η / t^p, with Σ η_t = ∞ and Σ η_t² < ∞.

    Args:
        lr: η ≥ 0, the rate of step 1.
        power: p in (½, 1]. At ½ and below Σ η_t² is infinite, above 1 Σ η_t is finite.

    Raises:
        ValueError: an argument is outside its range.

    Source: Robbins & Monro (1951), whose sequences of type 1/n are those of p = 1.

    >>> [RobbinsMonro(lr=1.0)(t) for t in (1, 2, 4)]
    [1.0, 0.5, 0.25]
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (_check.is_number(self.power) and 0.5 < self.power <= 1):
            raise ValueError(f"power must be a number in (1/2, 1], got {self.power!r}")

    def _at(self, t: int) -> float:
        rate: float = self.lr / t**self.power
        return rate


def _cosine(start: float, end: float, share: float) -> float:
    """Return the value between start and end, `share` of the way along half a cosine."""
    rate: float = end + (start - end) * (1 + cos(math.pi * least(share, 1))) / 2
    return rate
