"""What "equal" means where the numbers may be of any size."""

import numpy as np
import pytest

SUBNORMAL = 1e-300
"""Numbers as small as this have fewer digits than others."""


def largest(*sizes):
    """Return the largest absolute value among numbers, lists and arrays."""
    return max(float(np.max(np.abs(size), initial=0)) for size in sizes)


def near(expected, *sizes, rel=1e-12):
    """Equal to `expected` within `rel` of the largest number that was rounded on the way to it.

    `sizes` are those numbers where they may be larger than what is left of them: the terms of a
    sum, the points of a path.
    """
    return pytest.approx(expected, rel=0, abs=rel * largest(expected, *sizes) + SUBNORMAL)
