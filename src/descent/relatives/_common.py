"""What several rules here share."""

from descent.rules import (
    Array,
    maximum,
    quotient,
)

__all__ = [
    "norm",
    "trust",
    "within",
]


def norm(a: Array) -> Array:
    """Return the root of the sum of squares of all entries; of a number, its size."""
    return (a**2).sum() ** 0.5 if hasattr(a, "sum") else abs(a)


def trust(x: Array, u: Array, eps: float = 0.0) -> Array:
    """Return ‖x‖ / (‖u‖ + ε), and 1 where one of them is 0."""
    size, length = norm(x), norm(u)
    is_known = (size > 0) * (length > 0)
    return is_known * quotient(size, length + eps) + (is_known == 0)


def within(a: Array, low: float, high: float) -> Array:
    """Return `clip(a, low, high)`, but for bounds that a compiled step holds as tensors."""
    return -maximum(-maximum(a, low), -high)


# By coordinate
