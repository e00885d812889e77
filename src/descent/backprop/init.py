"""Initialisers: how large the weights of a layer start, by the number of its inputs and outputs.

An initialiser takes the shape of a weight, (outputs, inputs, ...) with the kernel's axes last, and
a generator of random numbers. Biases start at 0.

>>> weights = he_normal((256, 512), np.random.default_rng(0))
>>> round(float(weights.std()), 3), (2 / 512) ** 0.5
(0.063, 0.0625)
"""

import math
from collections.abc import Callable

import numpy as np

from descent._moved import moved
from descent._numbers import Floats

__all__ = [
    "Shape",
    "Initializer",
    "fans",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
]

__getattr__ = moved(__name__, {"Initialiser": f"{__name__}.Initializer"})

Shape = tuple[int, ...]
"""The shape of an array of weights."""

Initializer = Callable[[Shape, np.random.Generator], Floats]
"""Draws weights of a shape from a generator."""


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs an output sees, and how many outputs see an input.

    Raises:
        ValueError: shape has fewer than two axes.

    >>> fans((10, 64)), fans((16, 8, 3, 3))
    ((64, 10), (72, 144))
    """
    if len(shape) < 2:
        raise ValueError(f"shape must be (outputs, inputs, ...), got {shape}")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def glorot_uniform(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return weights from U(−a, a), a = √(6 / (fan_in + fan_out)), for tanh and sigmoid.

    The variance 2 / (fan_in + fan_out) is a compromise: 1 / fan_in would keep the variance of the
    signal from layer to layer, 1 / fan_out that of the gradient on its way back. PyTorch calls it
    `xavier_uniform_`.

    Source: Glorot & Bengio (2010), the normalised initialisation.
    """
    return _uniform(shape, rng, 2 / sum(fans(shape)))


def glorot_normal(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return weights from N(0, 2 / (fan_in + fan_out)); PyTorch's `xavier_normal_`.

    Source: the variance is that of Glorot & Bengio (2010).
    """
    return _normal(shape, rng, 2 / sum(fans(shape)))


def he_uniform(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return weights from U(−a, a), a = √(6 / fan_in); PyTorch's `kaiming_uniform_` for ReLU.

    Source: the variance is that of He et al. (2015).
    """
    return _uniform(shape, rng, 2 / fans(shape)[0])


def he_normal(shape: Shape, rng: np.random.Generator) -> Floats:
    """Return weights from N(0, 2 / fan_in), for ReLU; PyTorch's `kaiming_normal_` for ReLU.

    ReLU passes half of the mean square of what comes in; the 2 makes up for it.

    Source: He et al. (2015).
    """
    return _normal(shape, rng, 2 / fans(shape)[0])


def _uniform(shape: Shape, rng: np.random.Generator, variance: float) -> Floats:
    bound = math.sqrt(3 * variance)
    return rng.uniform(-bound, bound, shape)


def _normal(shape: Shape, rng: np.random.Generator, variance: float) -> Floats:
    return rng.normal(0.0, math.sqrt(variance), shape)
