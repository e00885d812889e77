"""Layers of neurons, and functions of each coordinate."""

import numpy as np

from descent import _check
from descent._numbers import Floats
from descent.backprop.init import Initializer, he_normal
from descent.backprop.layers._layer import Layer, _require_axes

__all__ = ["Linear", "ReLU", "Tanh", "Sigmoid", "Flatten"]


class Linear(Layer):
    """A linear map and a shift of each row: y = x Wᵀ + b; PyTorch's `Linear`.

    dx = dy W          dW = dyᵀ x          db = Σ_n dy_n

    Args:
        in_features: the length of a row of x, which has the shape (N, in_features).
        out_features: the length of a row of y.
        rng: what draws the weights W, shape (out_features, in_features); b starts at 0.
        init: an initialiser of `descent.backprop.init`.

    Raises:
        ValueError: a size is not a positive whole number; x has not this shape.
    """

    trained = ("W", "b")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator,
        init: Initializer = he_normal,
    ) -> None:
        _check.positive_count("in_features", in_features)
        _check.positive_count("out_features", out_features)
        self.W = init((out_features, in_features), rng)
        self.b = np.zeros(out_features)

    def _forward(self, x: Floats) -> Floats:
        _require_axes(x, "N", self.W.shape[1])
        self.x = x
        return x @ self.W.T + self.b

    def _backward(self, dy: Floats) -> Floats:
        self.dW = dy.T @ self.x
        self.db = dy.sum(axis=0)
        return dy @ self.W


class ReLU(Layer):
    """The positive part: y = max(0, x), with the gradient 0 at x = 0, as in PyTorch.

    >>> ReLU().forward([-1.0, 0.0, 2.0])
    array([0., 0., 2.])
    """

    def _forward(self, x: Floats) -> Floats:
        self.on = x > 0
        y: Floats = np.maximum(x, 0)
        return y

    def _backward(self, dy: Floats) -> Floats:
        return dy * self.on


class Tanh(Layer):
    """The hyperbolic tangent: y = tanh x, dx = (1 − y²) dy."""

    def _forward(self, x: Floats) -> Floats:
        self.y: Floats = np.tanh(x)
        return self.y

    def _backward(self, dy: Floats) -> Floats:
        return dy * (1 - self.y**2)


class Sigmoid(Layer):
    """The logistic function: y = 1 / (1 + e^(−x)), dx = y (1 − y) dy.

    >>> Sigmoid().forward([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """

    def _forward(self, x: Floats) -> Floats:
        self.y: Floats = np.exp(-np.logaddexp(0, -x))  # e^(−x) alone would overflow
        return self.y

    def _backward(self, dy: Floats) -> Floats:
        return dy * self.y * (1 - self.y)


class Flatten(Layer):
    """All axes but the first as one: (N, C, H, W) becomes (N, C H W); PyTorch's `Flatten`."""

    def _forward(self, x: Floats) -> Floats:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def _backward(self, dy: Floats) -> Floats:
        return dy.reshape(self.shape)
