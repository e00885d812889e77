"""Proofs of slips about networks and their gradients."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from descent.report import number
from descent.rules import GradientDescent
from tools.book.proofs.harness import close, descend, proof, rough


@proof
def zero_slope_no_minimum() -> dict[str, Any]:
    """Gradient descent on x³ from 0.5."""
    x = descend(GradientDescent(0.01), 2000, 0.5, lambda x: 3 * x**2)[-1]
    assert 0 < x < 0.02
    return {"x": x, "slope": 3 * x**2}


def first_layer_gradient(depth: int) -> float:
    """Return the norm of the first layer's gradient in a sigmoid network of given depth."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(32, 32)) / math.sqrt(32) for _ in range(depth)]
    outputs = [rng.normal(size=(32, 64))]
    for w in weights:
        outputs.append(1 / (1 + np.exp(-w @ outputs[-1])))
    delta, gradient = np.ones((32, 64)) / (32 * 64), 0.0
    for w, before, after in zip(weights[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = delta * after * (1 - after)
        gradient = float(np.linalg.norm(delta @ before.T))
        delta = w.T @ delta
    return gradient


@proof
def depth_is_the_cause() -> dict[str, Any]:
    """The first layer's gradient at three depths."""
    two, ten, forty = (first_layer_gradient(depth) for depth in (2, 10, 40))
    assert forty < 1e-15 * ten < 1e-15 * two
    return {"two": rough(two), "ten": rough(ten), "forty": rough(forty)}


@proof
def clipping() -> dict[str, Any]:
    """A gradient of length 50, clipped to 5; with the rate alone lowered it stays what it is."""
    g = np.array([30.0, 40.0])
    clipped = g * min(1, 5 / np.linalg.norm(g))
    assert close(float(np.linalg.norm(clipped)), 5)
    return {"clipped": vector(clipped), "decayed": vector(g)}


def vector(values: Iterable[float], digits: int = 4) -> str:
    """Return numbers as a vector in print."""
    return "(" + ", ".join(number(round(float(v), digits)) for v in values).replace("-", "−") + ")"


@proof
def batch_normalisation() -> dict[str, Any]:
    """The batch 1, 2, 3, 4, normalised."""
    x = np.arange(1.0, 5.0)
    y = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    assert abs(y.mean()) < 1e-12 and close(y.var(), 1, 1e-4)
    return {"values": vector(y), "mean": 0, "variance": round(float(y.var()), 4)}


def convolution(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
    """Return Y_k(i, j) = Σ X_c(iS+p−P, jS+q−P) W_kc(p, q), for x (C, H, W), w (K, C, F, F)."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    size = w.shape[-1]
    rows, columns = ((n - size) // stride + 1 for n in x.shape[1:])
    return np.array(
        [
            [
                [
                    np.sum(x[:, i : i + size, j : j + size] * kernel)
                    for j in range(0, columns * stride, stride)
                ]
                for i in range(0, rows * stride, stride)
            ]
            for kernel in w
        ]
    )


@proof
def stride_is_no_parameter() -> dict[str, Any]:
    """Sixteen kernels of 3×3 on three channels, with two strides and paddings."""
    kernels, biases, image = np.ones((16, 3, 3, 3)), np.ones(16), np.ones((3, 32, 32))
    one = convolution(image, kernels, stride=1, padding=1).shape[-1]
    four = convolution(image, kernels, stride=4, padding=3).shape[-1]
    count = kernels.size + biases.size
    assert count == 16 * (3 * 3**2 + 1) and one != four
    return {"count": count, "one": one, "four": four}


@proof
def mean_of_minibatches() -> dict[str, Any]:
    """Twelve gradients of ten examples each, and that of all."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(120, 4)), np.zeros(4)
    y = x @ [1, -2, 0.5, 3] + rng.normal(size=120)

    def gradient(subset: Any) -> Any:
        return 2 * x[subset].T @ (x[subset] @ w - y[subset]) / len(subset)

    parts = np.array([gradient(part) for part in np.split(rng.permutation(120), 12)])
    full = gradient(np.arange(120))
    assert np.allclose(parts.mean(0), full, rtol=1e-12, atol=1e-12)
    return {"scatter": parts.std(0)[0], "full": full[0]}


@proof
def biases_matter() -> dict[str, Any]:
    """The best line through y = x + 3, with and without a bias."""
    x = np.linspace(0, 1, 50)
    y = x + 3
    without = float(np.mean((x @ y / (x @ x) * x - y) ** 2))
    with_bias = float(np.mean((np.polyval(np.polyfit(x, y, 1), x) - y) ** 2))
    assert with_bias < 1e-20 < 1 < without
    return {"without": without}


def places(size: int, kernel: int, padding: int, stride: int) -> int:
    """Return how many places a sliding window has, by counting them."""
    return len(range(0, size + 2 * padding - kernel + 1, stride))


@proof
def output_size() -> dict[str, Any]:
    """A window of 3 on 32, with a stride of 2."""
    printed, right = (32 - 3 + 0) / 2 + 1, places(32, 3, 0, 2)
    assert right == (32 - 3) // 2 + 1 == math.floor(printed) < printed
    return {"printed": printed, "right": right}


@proof
def output_size_twice() -> dict[str, Any]:
    """AlexNet's first layer, and a layer that keeps its size."""

    def printed(size: int, kernel: int, padding: int, stride: int) -> int:
        once = (size - kernel + 2 * padding) / stride + 1
        return math.floor((once - kernel + 2 * padding) / stride + 1)

    assert printed(32, 3, 1, 1) == places(32, 3, 1, 1)
    wrong_, right = printed(227, 11, 0, 4), places(227, 11, 0, 4)
    assert right == 55 > wrong_
    return {"printed": wrong_, "right": right, "same": places(32, 3, 1, 1)}


@proof
def convolution_is_no_trace() -> dict[str, Any]:
    """1 to 9 under a Sobel kernel."""
    x = np.arange(1.0, 10.0).reshape(3, 3)
    w = np.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    right = float(convolution(x[None], w[None, None])[0, 0, 0])
    printed = float(np.trace(x @ w))
    assert right == np.sum(x * w) != printed
    return {"right": right, "printed": printed, "idle": 3 * printed}


def small_layer() -> tuple[Any, Any, Any, int, int]:
    """Return an input, kernels, a gradient of the output, stride and padding."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 5, 6)), rng.normal(size=(3, 2, 3, 3))
    return x, w, rng.normal(size=convolution(x, w, 2, 1).shape), 2, 1


def by_differences(f: Callable[[Any], float], x: Any, h: float = 1e-4) -> Any:
    """Return the gradient of f at x by central differences; exact to rounding where f is linear."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def agreement(a: Any, b: Any) -> int:
    """Return the digits to which two arrays agree, 8 at most."""
    worst = float(np.abs(a - b).max() / np.abs(b).max())
    return min(8, math.floor(-math.log10(worst + 1e-300)))


@proof
def input_gradient() -> dict[str, Any]:
    """The gradient of the input, by the right formula and by differences."""
    x, w, upstream, stride, padding = small_layer()
    formula = np.zeros_like(x)
    for c, u, v in np.ndindex(x.shape):
        for k, i, j in np.ndindex(upstream.shape):
            p, q = u + padding - i * stride, v + padding - j * stride
            if 0 <= p < 3 and 0 <= q < 3:
                formula[c, u, v] += upstream[k, i, j] * w[k, c, p, q]
    numeric = by_differences(lambda x: float(np.sum(convolution(x, w, 2, 1) * upstream)), x)
    kernel = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    pixel = np.zeros((1, 4, 4))
    pixel[0, 1, 1] = 1
    right = float(convolution(pixel, kernel)[0, 0, 0])
    assert agreement(formula, numeric) == 8 and right == kernel[0, 0, 1, 1] != kernel[0, 0, 1, 0]
    return {"agree": 8, "right": right, "printed": kernel[0, 0, 1, 0]}


@proof
def kernel_gradient() -> dict[str, Any]:
    """The gradient of the kernels, by the right formula and by differences."""
    x, w, upstream, stride, padding = small_layer()
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    formula = np.zeros_like(w)
    for k, c, p, q in np.ndindex(w.shape):
        for i, j in np.ndindex(upstream.shape[1:]):
            formula[k, c, p, q] += upstream[k, i, j] * padded[c, i * stride + p, j * stride + q]
    numeric = by_differences(lambda w: float(np.sum(convolution(x, w, 2, 1) * upstream)), w)
    assert agreement(formula, numeric) == 8
    return {"agree": 8}


@proof
def dropout_left_on() -> dict[str, Any]:
    """An output of 1, dropped half of the time and not scaled."""
    outcomes = [0, 1]
    return {"mean": sum(outcomes) / 2, "values": " or ".join(str(value) for value in outcomes)}


@proof
def mask_inverted() -> dict[str, Any]:
    """The derivative of ReLU by differences, and the printed mask."""
    z, h = np.array([-2.0, -1.0, 1.0, 2.0]), 1e-6
    right = (np.maximum(z + h, 0) - np.maximum(z - h, 0)) / (2 * h)
    printed = (z <= 0).astype(float)
    assert np.allclose(right, 1 - printed)
    return {"right": vector(right), "printed": vector(printed)}
