"""Checks of arguments: a `ValueError` names the argument, its value and what is allowed.

A tracer of JAX has no value yet and passes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

from descent._numbers import is_traced, plain


def is_number(value: object) -> bool:
    """Whether `value` is a finite real number, of Python or of an array (a `bool` is not one)."""
    if type(value) is float:  # most are
        return math.isfinite(value)
    value = plain(value)
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def positive(name: str, value: Any) -> None:
    """Require a finite number above 0."""
    if not (is_traced(value) or (is_number(value) and value > 0)):
        raise ValueError(f"{name} must be a positive, finite number, got {value!r}")


def not_negative(name: str, value: Any) -> None:
    """Require a finite number of at least 0."""
    if not (is_traced(value) or (is_number(value) and value >= 0)):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")


def decay_rate(name: str, value: Any) -> None:
    """Require a number in [0, 1): at 1 an average would never move."""
    if not (is_traced(value) or (is_number(value) and 0 <= value < 1)):
        raise ValueError(f"{name} must be a number in [0, 1), got {value!r}")


def fraction(name: str, value: Any) -> None:
    """Require a number in (0, 1]."""
    if not (is_traced(value) or (is_number(value) and 0 < value <= 1)):
        raise ValueError(f"{name} must be a number in (0, 1], got {value!r}")


def step_size(name: str, value: Any) -> None:
    """Require a finite number of at least 0 or a function of the step t = 1, 2, ..."""
    if not (callable(value) or is_traced(value) or (is_number(value) and value >= 0)):
        raise ValueError(
            f"{name} must be a finite number of at least 0 or a function of the step t, "
            f"got {value!r}"
        )


def is_whole(value: object) -> bool:
    """Whether `value` is a whole number, of Python or of an array (a `bool` is not one)."""
    value = plain(value)
    return isinstance(value, Integral) and not isinstance(value, bool)


def count(name: str, value: Any) -> None:
    """Require a whole number of at least 0."""
    if not (is_traced(value) or (is_whole(value) and value >= 0)):
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")


def positive_count(name: str, value: Any) -> None:
    """Require a whole number of at least 1."""
    if not (is_traced(value) or (is_whole(value) and value >= 1)):
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def at_most(name: str, value: Any, other: str, limit: Any) -> None:
    """Require a number that is not above another."""
    if not (is_traced(value) or is_traced(limit)) and value > limit:
        raise ValueError(f"{name} must be at most {other} = {limit}, got {value}")


def each_field(owner: Any, checks: Mapping[str, Callable[[str, Any], None]]) -> None:
    """Make Python's numbers of a dataclass's fields, and run the check that stands under a name."""
    for name in _names(owner.__class__):
        given = getattr(owner, name)
        if (value := plain(given)) is not given:
            object.__setattr__(owner, name, value)
        if name in checks:
            checks[name](name, value)


@lru_cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def same_shape(x: Any, g: Any) -> None:
    """Require a gradient of x's shape, so that nothing broadcasts by accident."""
    x_shape, g_shape = tuple(getattr(x, "shape", ())), tuple(getattr(g, "shape", ()))
    if x_shape != g_shape or isinstance(g, list | tuple):
        raise ValueError(
            f"g must have the shape of x, {x_shape}, got {type(g).__name__} of shape {g_shape}"
        )


def matrix(name: str, value: Any) -> None:
    """Require an array of two axes."""
    shape = tuple(getattr(value, "shape", ()))
    if len(shape) != 2:
        raise ValueError(f"{name} must be a matrix, got {type(value).__name__} of shape {shape}")
