"""What several rules here share."""

from descent.rules import Array, maximum

__all__ = [
    "within",
]


def within(a: Array, low: float, high: float) -> Array:
    """Return `clip(a, low, high)`, but for bounds that a compiled step holds as tensors."""
    return -maximum(-maximum(a, low), -high)
