"""Numbers from anywhere as numbers of Python, which widen no array, and functions of both.

Under `jit`, `vmap`, `grad` and `lax.scan` of JAX a number is a tracer, which has no value yet: it
cannot be checked, compared or handed to `math`.
"""

import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""An array of float64."""


def plain(value: Any) -> Any:
    """Return a scalar of NumPy or an array of one number as Python's number; the rest as it is.

    A float of Python takes the dtype of the array that it meets, a scalar of NumPy may widen it. A
    tracer of JAX stays one.

    >>> plain(np.float32(0.5)), plain(np.array(3))
    (0.5, 3)
    """
    if type(value) is float:  # most are
        return value
    if isinstance(value, np.generic):
        return value.item()
    is_one = hasattr(value, "item") and math.prod(getattr(value, "shape", (0,))) == 1
    return value.item() if is_one and not is_traced(value) else value


def is_traced(value: Any) -> bool:
    """Whether a value is a tracer of JAX."""
    return _is_tracer(value.__class__)


@functools.cache
def _is_tracer(kind: type) -> bool:
    return any(c.__name__ == "Tracer" for c in kind.__mro__)


def where(condition: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    """Return `yes()` if the condition holds, else `no()`; of tracers, both are computed.

    Both return a number or an array, or a tuple of as many.
    """
    if not is_traced(condition):
        return yes() if condition else no()
    choose = condition.__array_namespace__().where
    a, b = yes(), no()
    if isinstance(a, tuple):
        return tuple(choose(condition, *pair) for pair in zip(a, b, strict=True))
    return choose(condition, a, b)


def least(a: Any, b: Any) -> Any:
    """Return the smaller of two numbers."""
    return where(a <= b, lambda: a, lambda: b)


def sqrt(x: Any) -> Any:
    """Return the square root of a number."""
    return x**0.5 if is_traced(x) else math.sqrt(x)


def cos(x: Any) -> Any:
    """Return the cosine of a number."""
    return x.__array_namespace__().cos(x) if is_traced(x) else math.cos(x)


class _OfLongDoubles:
    """The decompositions that the rules need, of a matrix of long doubles as of doubles."""

    @staticmethod
    def eigh(a: Any) -> Any:
        return np.linalg.eigh(a.astype(np.float64))

    @staticmethod
    def qr(a: Any) -> Any:
        return np.linalg.qr(a.astype(np.float64))


def linalg(a: Any) -> Any:
    """Return the linear algebra of an array's library: NumPy's, torch's or JAX's.

    Long doubles, which LAPACK has not, it takes as doubles.
    """
    if isinstance(a, np.ndarray) and a.dtype == np.longdouble:
        return _OfLongDoubles
    if hasattr(a, "__array_namespace__"):
        return a.__array_namespace__().linalg
    return sys.modules[type(a).__module__.partition(".")[0]].linalg
