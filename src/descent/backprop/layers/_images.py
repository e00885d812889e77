"""Layers for images: convolution and pooling, by the windows that they look at."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from descent import _check
from descent._numbers import Floats
from descent.backprop.init import Initializer, he_normal
from descent.backprop.layers._layer import Layer, _require_axes

__all__ = ["output_size", "windows", "fold", "Conv2d", "MaxPool2d", "AvgPool2d"]


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
        init: Initializer = he_normal,
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
