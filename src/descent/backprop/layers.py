"""Layers: each computes y from x going forward, and dx from dy going back.

`dy` is the gradient of the loss in y: an array of y's shape that holds ∂loss/∂y. `backward` turns
it into the gradient in x by the chain rule, and leaves the gradient in each parameter W as dW.

>>> layer = Linear(3, 2, rng=np.random.default_rng(0))
>>> layer.forward(np.ones((5, 3))).shape, layer.backward(np.ones((5, 2))).shape
((5, 2), (5, 3))
>>> {name: g.shape for name, g in layer.gradients.items()}
{'W': (2, 3), 'b': (2,)}

All parameters of a network are one vector `theta` to the rules of `descent.rules`, and their
gradients one vector `grad`:

>>> from descent.rules import GradientDescent
>>> rule = GradientDescent(lr=0.1)
>>> layer.theta, state = rule.update(layer.theta, layer.grad, rule.init(layer.theta))

A pass in training is `forward`, the network in use is `predict`: two names for what are two
functions for `Dropout` and `BatchNorm`, so that no call depends on a mode that was set elsewhere.
PyTorch has one name and the switches `train()` and `eval()`.

Images have the axes (N, C, H, W): example, channel, row, column, as in PyTorch. All is float64.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from descent import _check
from descent._numbers import Floats
from descent.backprop.init import Initialiser, he_normal


class Layer:
    """What all layers share; a new one defines `_forward` and `_backward`.

    One that predicts by another function than it trains with defines `_predict` too.

    Attributes:
        trained: the names of the parameters; that of a gradient is the parameter's after a d.
        parts: the layers inside by name, in the order in which they run.
    """

    trained: ClassVar[tuple[str, ...]] = ()
    parts: Mapping[str, "Layer"] = {}
    _y_shape: tuple[int, ...] | None = None

    def forward(self, x: ArrayLike) -> Floats:
        """Return y, and keep what `backward` needs."""
        y = self._forward(np.asarray(x, dtype=np.float64))
        self._y_shape = y.shape
        return y

    def backward(self, dy: ArrayLike) -> Floats:
        """Return dx for the x of the last `forward`, and leave the parameters' gradients.

        Gradients replace those of the last call; PyTorch adds them up until `zero_grad()`.

        Raises:
            ValueError: there was no `forward`, or dy has not the shape of its y.
        """
        dy = np.asarray(dy, dtype=np.float64)
        if self._y_shape is None:
            raise ValueError(f"{type(self).__name__}.backward needs a forward before it")
        if dy.shape != self._y_shape:
            raise ValueError(f"dy must have the shape of y, {self._y_shape}, got {dy.shape}")
        return self._backward(dy)

    def predict(self, x: ArrayLike) -> Floats:
        """Return y as the trained network gives it, and keep nothing."""
        return copy.copy(self)._predict(np.asarray(x, dtype=np.float64))

    @property
    def parameters(self) -> dict[str, Floats]:
        """Return the parameters by name, `0.W` for the W of part 0: the arrays themselves."""
        return self._arrays("")

    @property
    def gradients(self) -> dict[str, Floats]:
        """Return what the last `backward` left, by the names of `parameters` and in their order."""
        return self._arrays("d")

    @property
    def theta(self) -> Floats:
        """Return all parameters as one vector, a copy; what is assigned goes to the parameters."""
        return _joined(self.parameters)

    @theta.setter
    def theta(self, theta: Floats) -> None:
        if np.shape(theta) != self.theta.shape:
            raise ValueError(f"theta must have the shape {self.theta.shape}, got {np.shape(theta)}")
        parameters = list(self.parameters.values())
        ends = np.cumsum([p.size for p in parameters], dtype=int)
        for p, part in zip(parameters, np.split(theta, ends)[:-1], strict=True):
            p[...] = part.reshape(p.shape)

    @property
    def grad(self) -> Floats:
        """Return all gradients as one vector, in the order of `theta`."""
        return _joined(self.gradients)

    def _forward(self, x: Floats) -> Floats:
        raise NotImplementedError

    def _backward(self, dy: Floats) -> Floats:
        raise NotImplementedError

    def _predict(self, x: Floats) -> Floats:
        return self._forward(x)

    def _arrays(self, prefix: str) -> dict[str, Floats]:
        own = {name: getattr(self, prefix + name) for name in self.trained}
        inside = {
            f"{part}.{name}": array
            for part, layer in self.parts.items()
            for name, array in layer._arrays(prefix).items()
        }
        return own | inside


def _joined(arrays: Mapping[str, Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *(a.ravel() for a in arrays.values())])


def _require_axes(x: Floats, *axes: int | str) -> None:
    """Require an array of these axes; a letter stands for any size."""
    sizes_fit = (isinstance(a, str) or a == n for a, n in zip(axes, x.shape, strict=False))
    if x.ndim != len(axes) or not all(sizes_fit):
        wanted = ", ".join(map(str, axes))
        raise ValueError(f"x must have the shape ({wanted}), got {x.shape}")


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
        init: Initialiser = he_normal,
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


def output_size(n: int, kernel_size: int, stride: int = 1, padding: int = 0) -> int:
    """Return how many windows fit along an axis of n: ⌊(n + 2p − k) / s⌋ + 1.

    Raises:
        ValueError: not even one fits.

    Source: Dumoulin & Visin (2016), Relationship 6.

    >>> output_size(227, kernel_size=11, stride=4)   # the first layer of AlexNet
    55
    """
    if n + 2 * padding < kernel_size:
        raise ValueError(
            f"kernel_size = {kernel_size} does not fit an axis of {n} with padding = {padding}: "
            f"{n} + 2 · {padding} < {kernel_size}"
        )
    return (n + 2 * padding - kernel_size) // stride + 1


def windows(x: Floats, kernel_size: int, stride: int = 1) -> Floats:
    """Return the windows of images (N, C, H, W): a view of shape (N, C, H', W', k, k).

    >>> windows(np.arange(16.0).reshape(1, 1, 4, 4), kernel_size=2, stride=2)[0, 0, 0, 1]
    array([[2., 3.],
           [6., 7.]])
    """
    view = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def fold(dwindows: Floats, shape: tuple[int, ...], stride: int = 1) -> Floats:
    """Return the images of that shape that hold, per pixel, the sum over the windows it is in.

    This is `windows` backward: the gradient in x of a loss whose gradient in the windows is given.
    """
    dx = np.zeros(shape)
    rows, columns = (stride * n for n in dwindows.shape[2:4])
    for i, j in np.ndindex(dwindows.shape[4:]):
        dx[:, :, i : i + rows : stride, j : j + columns : stride] += dwindows[..., i, j]
    return dx


class _Windowed(Layer):
    """What convolution and pooling share: square windows that slide over padded images."""

    fill = 0.0

    def __init__(self, kernel_size: int, stride: int, padding: int) -> None:
        _check.positive_count("kernel_size", kernel_size)
        _check.positive_count("stride", stride)
        _check.count("padding", padding)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def _windows(self, x: Floats) -> Floats:
        for n in x.shape[2:]:
            output_size(n, self.kernel_size, self.stride, self.padding)
        p = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=self.fill)
        self.x_shape, self.padded_shape = x.shape, padded.shape
        return windows(padded, self.kernel_size, self.stride)

    def _fold(self, dwindows: Floats) -> Floats:
        p, (_, _, height, width) = self.padding, self.x_shape
        padded = fold(dwindows, self.padded_shape, self.stride)
        return padded[:, :, p : p + height, p : p + width]


class Conv2d(_Windowed):
    """Convolution of images with square kernels; PyTorch's `Conv2d`.

    y_o(i, j) = b_o + Σ_c Σ_u Σ_v x_c(s i + u − p, s j + v − p) W_oc(u, v), with x = 0 outside

    for stride s and padding p. Strictly this is cross-correlation: W is not turned round. PyTorch
    calls it convolution too.

    Args:
        in_channels: the channels of x, which has the shape (N, in_channels, H, W).
        out_channels: the channels of y, whose H and W are as `output_size` says.
        kernel_size: k, the height and width of a kernel.
        stride: s, the pixels from one window to the next.
        padding: p, the rows and columns of zeros around x; (k − 1)/2 keeps H and W if s = 1.
        rng: what draws the kernels W, shape (out_channels, in_channels, k, k); b starts at 0.
        init: an initialiser of `descent.backprop.init`.

    Raises:
        ValueError: a size is not a whole number that is allowed; x has not this shape, or no
            window fits it.

    Source: Dumoulin & Visin (2016).

    >>> layer = Conv2d(3, 96, kernel_size=11, stride=4, rng=np.random.default_rng(0))
    >>> layer.predict(np.zeros((1, 3, 227, 227))).shape
    (1, 96, 55, 55)
    """

    trained = ("W", "b")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator,
        init: Initialiser = he_normal,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        _check.positive_count("in_channels", in_channels)
        _check.positive_count("out_channels", out_channels)
        self.W = init((out_channels, in_channels, kernel_size, kernel_size), rng)
        self.b = np.zeros(out_channels)

    def _forward(self, x: Floats) -> Floats:
        _require_axes(x, "N", self.W.shape[1], "H", "W")
        self.windows = self._windows(x)
        y: Floats = np.einsum("ncijuv,ocuv->noij", self.windows, self.W, optimize=True)
        return y + self.b[:, None, None]

    def _backward(self, dy: Floats) -> Floats:
        self.dW: Floats = np.einsum("noij,ncijuv->ocuv", dy, self.windows, optimize=True)
        self.db = dy.sum(axis=(0, 2, 3))
        return self._fold(np.einsum("noij,ocuv->ncijuv", dy, self.W, optimize=True))


class _Pool(_Windowed):
    """What the two poolings share."""

    def __init__(self, kernel_size: int, *, stride: int | None = None, padding: int = 0) -> None:
        super().__init__(kernel_size, kernel_size if stride is None else stride, padding)
        if padding > kernel_size // 2:  # or a window could lie wholly outside
            raise ValueError(
                f"padding must be at most half of kernel_size = {kernel_size}, got {padding}"
            )

    def _windows(self, x: Floats) -> Floats:
        _require_axes(x, "N", "C", "H", "W")
        return super()._windows(x)


class MaxPool2d(_Pool):
    """The largest value of each window; PyTorch's `MaxPool2d`.

    The gradient goes to the pixel that was largest, on a tie to the first by rows, as in PyTorch.

    Args:
        kernel_size: k, the height and width of a window.
        stride: s, the pixels from one window to the next; k unless given.
        padding: p ≤ k/2, the rows and columns of −∞ around x.

    Raises:
        ValueError: a size is not a whole number that is allowed; x has not the shape (N, C, H, W),
            or no window fits it.
    """

    fill = -np.inf

    def _forward(self, x: Floats) -> Floats:
        windows = self._windows(x)
        values = windows.reshape(*windows.shape[:4], -1)
        self.largest = values.argmax(axis=-1)
        y: Floats = values.max(axis=-1)
        return y

    def _backward(self, dy: Floats) -> Floats:
        k = self.kernel_size
        chosen = self.largest[..., None, None] == np.arange(k * k).reshape(k, k)
        return self._fold(chosen * dy[..., None, None])


class AvgPool2d(_Pool):
    """The mean of each window; PyTorch's `AvgPool2d`.

    Args:
        kernel_size: k, the height and width of a window.
        stride: s, the pixels from one window to the next; k unless given.
        padding: p ≤ k/2, the rows and columns of zeros around x. They count: the sum of a window is
            divided by k² everywhere, as in PyTorch.

    Raises:
        ValueError: a size is not a whole number that is allowed; x has not the shape (N, C, H, W),
            or no window fits it.
    """

    def _forward(self, x: Floats) -> Floats:
        y: Floats = self._windows(x).mean(axis=(4, 5))
        return y

    def _backward(self, dy: Floats) -> Floats:
        k = self.kernel_size
        return self._fold(np.broadcast_to(dy[..., None, None] / k**2, (*dy.shape, k, k)))


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
