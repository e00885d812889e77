"""Fractions that stay exact under a root, where the root is a fraction."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any


class Exact(Fraction):
    """A fraction whose square root is a fraction where it can be, and else a float.

    The rules of `descent` run on it as they are, ε and roots included.

    >>> Exact(9, 4) ** 0.5, Exact(2) ** 0.5
    (Exact(3, 2), 1.4142135623730951)
    """

    def __pow__(self, power: Any) -> Any:
        """Return a power; of ½, the root."""
        return root(self) if power == 0.5 else _kept(Fraction.__pow__(self, power))


def root(value: Fraction) -> Any:
    """Return the square root of a fraction: exact where it is a fraction, else a float.

    Of a negative number it is no number.
    """
    if value < 0:
        return math.nan
    over, under = math.isqrt(value.numerator), math.isqrt(value.denominator)
    is_square = (over * over, under * under) == (value.numerator, value.denominator)
    return Exact(over, under) if is_square else math.sqrt(value)


def _kept(value: Any) -> Any:
    return Exact(value) if isinstance(value, Fraction) else value


def _exactly(operation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: _kept(operation(*values))


for _name in ("add", "sub", "mul", "truediv"):
    for _each in (f"__{_name}__", f"__r{_name}__"):
        setattr(Exact, _each, _exactly(getattr(Fraction, _each)))
for _name in ("neg", "abs", "pos"):
    setattr(Exact, f"__{_name}__", _exactly(getattr(Fraction, f"__{_name}__")))
assert operator.add(Exact(1), Fraction(1)).__class__ is Exact
