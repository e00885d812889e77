"""Normalisation, dropout, and layers made of layers."""

from collections.abc import Iterator

import numpy as np

from descent import _check
from descent._numbers import Floats
from descent.backprop.layers._layer import Layer, _require_axes

__all__ = ["BatchNorm", "Dropout", "Sequential", "Residual"]


class BatchNorm(Layer):
    """Batch normalisation: each channel to mean 0 and variance 1 over the batch, then γ and β.

    x̂ = (x − mean) / √(var + ε)          y = γ x̂ + β

    In x of shape (N, C), as for PyTorch's `BatchNorm1d`, mean and variance of a channel are taken
    over N; in (N, C, H, W), `BatchNorm2d`, over N, H and W. The variance is the biased one, divided
    by the number n of values. `predict` takes running averages instead, of the means and of the
    unbiased variances, divided by n − 1, as in PyTorch.

    Args:
        features: C; γ starts at 1, β at 0.
        momentum: μ in [0, 1), the share of a running average that a batch leaves in place. PyTorch
            calls 1 − μ = 0.1 momentum; Keras has our μ, 0.99.
        eps: ε ≥ 0, in the units of x².

    Raises:
        ValueError: an argument is not allowed; x has not this shape, or only one value per channel.

    Source: Ioffe & Szegedy (2015), Algorithm 1; the running averages are the frameworks'.

    >>> BatchNorm(1).forward([[1.0], [2.0], [3.0], [4.0]])[:, 0].round(4)
    array([-1.3416, -0.4472,  0.4472,  1.3416])
    """

    trained = ("gamma", "beta")

    def __init__(self, features: int, *, momentum: float = 0.9, eps: float = 1e-5) -> None:
        _check.positive_count("features", features)
        _check.decay_rate("momentum", momentum)
        _check.not_negative("eps", eps)
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = np.ones(features), np.zeros(features)
        self.running_mean, self.running_var = np.zeros(features), np.ones(features)

    def _forward(self, x: Floats) -> Floats:
        axes, mu = self._axes(x), self.momentum
        n = x.size // len(self.gamma)
        if n < 2:
            raise ValueError(f"x must have at least 2 values per channel, got the shape {x.shape}")
        mean, var = x.mean(axes), x.var(axes)
        self.running_mean = mu * self.running_mean + (1 - mu) * mean
        self.running_var = mu * self.running_var + (1 - mu) * var * n / (n - 1)
        return self._scaled(x, mean, var)

    def _predict(self, x: Floats) -> Floats:
        self._axes(x)
        return self._scaled(x, self.running_mean, self.running_var)

    def _backward(self, dy: Floats) -> Floats:
        axes = self._axes(dy)
        n = dy.size // len(self.gamma)
        self.dgamma, self.dbeta = (dy * self.x_hat).sum(axes), dy.sum(axes)
        dgamma, dbeta = _per_channel(dy, self.dgamma, self.dbeta)
        return self.slope * (dy - (dbeta + self.x_hat * dgamma) / n)

    def _axes(self, x: Floats) -> tuple[int, ...]:
        """Return the axes to average over: all but that of the channels."""
        letters = ("N", "C") if x.ndim < 4 else ("N", "C", "H", "W")
        _require_axes(x, letters[0], len(self.gamma), *letters[2:])
        return (0, *range(2, x.ndim))

    def _scaled(self, x: Floats, mean: Floats, var: Floats) -> Floats:
        mean, std, gamma, beta = _per_channel(
            x, mean, np.sqrt(var + self.eps), self.gamma, self.beta
        )
        self.x_hat, self.slope = (x - mean) / std, gamma / std
        return gamma * self.x_hat + beta


def _per_channel(x: Floats, *values: Floats) -> list[Floats]:
    """Return vectors with an entry per channel so that they broadcast over x."""
    return [v.reshape(-1, *[1] * (x.ndim - 2)) for v in values]


class Dropout(Layer):
    """Zeros in place of a random share p of the values, in training; PyTorch's `Dropout`.

    What remains is divided by 1 − p, so that the expectation of y is x, and `predict` returns x.

    Args:
        p: the probability of a zero, in [0, 1).
        rng: what draws the values to drop, anew in every `forward`.

    Raises:
        ValueError: p is outside [0, 1).

    Source: Srivastava et al. (2014), who multiply the weights by 1 − p when predicting instead.
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator) -> None:
        _check.decay_rate("p", p)
        self.p, self.rng = p, rng

    def _forward(self, x: Floats) -> Floats:
        self.mask = (self.rng.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def _predict(self, x: Floats) -> Floats:
        return x

    def _backward(self, dy: Floats) -> Floats:
        return dy * self.mask


class Sequential(Layer):
    """Layers one after the other; backward, the last comes first. Without any, the identity.

    Args:
        layers: layers, each of which keeps what its own `backward` needs, and so stands once.

    Raises:
        ValueError: a layer stands twice.
    """

    def __init__(self, *layers: Layer) -> None:
        self.parts = {str(i): layer for i, layer in enumerate(layers)}
        _require_distinct(self)

    def _forward(self, x: Floats) -> Floats:
        for layer in self.parts.values():
            x = layer.forward(x)
        return x

    def _predict(self, x: Floats) -> Floats:
        for layer in self.parts.values():
            x = layer.predict(x)
        return x

    def _backward(self, dy: Floats) -> Floats:
        for layer in reversed(list(self.parts.values())):
            dy = layer.backward(dy)
        return dy


class Residual(Layer):
    """Layers with a shortcut around them: y = F(x) + x.

    Args:
        layers: F.
        shortcut: a layer, a 1 × 1 convolution say, where F changes the shape; else the identity.

    Raises:
        ValueError: a layer stands twice, or F(x) and the shortcut differ in shape.

    Source: He et al. (2016), eq. (1), and eq. (2) for another shortcut than the identity.
    """

    def __init__(self, *layers: Layer, shortcut: Layer | None = None) -> None:
        self.body, self.shortcut = Sequential(*layers), shortcut or Sequential()
        self.parts = {"body": self.body, "shortcut": self.shortcut}
        _require_distinct(self)

    def _forward(self, x: Floats) -> Floats:
        return _sum(self.body.forward(x), self.shortcut.forward(x))

    def _predict(self, x: Floats) -> Floats:
        return _sum(self.body.predict(x), self.shortcut.predict(x))

    def _backward(self, dy: Floats) -> Floats:
        return self.body.backward(dy) + self.shortcut.backward(dy)


def _sum(f: Floats, x: Floats) -> Floats:
    if f.shape != x.shape:
        raise ValueError(f"F(x) has the shape {f.shape}, its shortcut {x.shape}: they must agree")
    return f + x


def _require_distinct(layer: Layer) -> None:
    """Require that no layer stands twice: its second pass would overwrite what the first kept."""
    inside = list(_all(layer))
    if len(set(map(id, inside))) < len(inside):
        raise ValueError("layers must be different objects, and one of them stands twice")


def _all(layer: Layer) -> Iterator[Layer]:
    yield layer
    for part in layer.parts.values():
        yield from _all(part)
