"""Numbers from anywhere as numbers of Python, which widen no array."""

import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return a scalar of NumPy or an array of one number as Python's number; the rest as it is.

    A float of Python takes the dtype of the array that it meets, a scalar of NumPy may widen it. A
    tracer of JAX has no value yet.

    >>> plain(np.float32(0.5)), plain(np.array(3))
    (0.5, 3)
    """
    if isinstance(value, np.generic):
        return value.item()
    is_one = hasattr(value, "item") and math.prod(getattr(value, "shape", (0,))) == 1
    return value.item() if is_one and not _is_traced(value) else value


def _is_traced(value: Any) -> bool:
    return any(c.__name__ == "Tracer" for c in type(value).__mro__)
