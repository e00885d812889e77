"""The gradient check: what backpropagation says, against differences of the function itself."""

import copy

import numpy as np
from numpy.typing import ArrayLike

from descent import _check
from descent._numbers import Floats
from descent.backprop.layers import Layer
from descent.minimize import Function, gradient_of

__all__ = ["Found", "Functions", "gradcheck", "differences"]

Found = dict[str, Floats]
"""Gradients by the name of what they are gradients in."""

Functions = dict[str, tuple[Function, Floats]]
"""Functions of one array and the points where they are checked, by name."""


def gradcheck(
    f: Layer | Function,
    x: ArrayLike,
    *,
    grad: Function | None = None,
    step: float = 1e-5,
    tolerance: float = 1e-6,
) -> float:
    """Return the worst relative error of a gradient against central differences.

    ∂f/∂x_i ≈ (f(x + h e_i) − f(x − h e_i)) / 2h

    A layer is checked in x and in each parameter, in the scalar Σ r y with a fixed random r. The
    layer itself is left as it was: every evaluation takes a fresh copy, in which dropout draws the
    same mask. A function returns a number and brings its gradient, as for `minimize`.

    Args:
        f: a layer, or a function of an array.
        x: where to check, an array of the shape that f takes. Keep it 10 h away from kinks, such as
            0 for ReLU or a tie for max pooling: there differences are not the gradient.
        grad: the gradient of a function, where it has none of its own as `f.grad`.
        step: h relative to |x_i|, or absolute if |x_i| < 1. Too large errs by the third derivative,
            too small by rounding; the balance is near ε^(1/3) = 6e-6.
        tolerance: the largest error that passes.

    Returns:
        The largest |found − expected| / max(|found|, |expected|, s/1000), where s is the largest
        entry of any gradient: far below it, differences see only rounding.

    Raises:
        AssertionError: an error is above the tolerance; it names the array, the entry and both
            values.
        ValueError: step or tolerance is not positive, there is no gradient, or it has not the shape
            of x.

    >>> from descent.backprop.layers import Tanh
    >>> gradcheck(Tanh(), [[0.5, -1.0]]) < 1e-9
    True
    """
    _check.positive("step", step)
    _check.positive("tolerance", tolerance)
    x = np.array(x, dtype=np.float64)
    found, functions = _of_layer(f, x) if isinstance(f, Layer) else _of_function(f, x, grad)
    expected = {name: differences(*function, step) for name, function in functions.items()}
    floor = max(_size(g) for g in (*found.values(), *expected.values())) / 1000
    return max(_worst(name, g, expected[name], floor, tolerance) for name, g in found.items())


def differences(f: Function, x: Floats, step: float = 1e-5) -> Floats:
    """Return the gradient of f at x by central differences, shaped like x.

    Where f returns an array, that of its sum: terms that do not change cancel without rounding.

    >>> differences(lambda x: x[0] ** 2 * x[1], np.array([3.0, 2.0])).round(6)
    array([12.,  9.])
    """
    g = np.empty_like(x)
    for i in np.ndindex(x.shape):
        h = step * max(1.0, abs(float(x[i])))
        ahead, behind = x.copy(), x.copy()
        ahead[i] += h
        behind[i] -= h
        g[i] = np.sum(f(ahead) - f(behind)) / (2 * h)
    return g


def _of_layer(layer: Layer, x: Floats) -> tuple[Found, Functions]:
    """Return the gradients of Σ r y, and that sum's terms as functions of each array, with it."""
    fresh = copy.deepcopy(layer)
    r = np.random.default_rng(0).standard_normal(fresh.forward(x).shape)
    found = {"x": fresh.backward(r), **fresh.gradients}

    def of_x(value: Floats) -> Floats:
        return r * copy.deepcopy(layer).forward(value)

    def of_parameter(name: str) -> Function:
        def of_value(value: Floats) -> Floats:
            moved = copy.deepcopy(layer)
            moved.parameters[name][...] = value
            return r * moved.forward(x)

        return of_value

    functions = {name: (of_parameter(name), p) for name, p in layer.parameters.items()}
    return found, {"x": (of_x, x), **functions}


def _of_function(f: Function, x: Floats, grad: Function | None) -> tuple[Found, Functions]:
    g = np.asarray(gradient_of(f, grad)(x))
    _check.same_shape(x, g)
    return {"x": g}, {"x": (f, x)}


def _size(g: Floats) -> float:
    return float(np.abs(g[np.isfinite(g)]).max(initial=0.0))


def _worst(name: str, found: Floats, expected: Floats, floor: float, tolerance: float) -> float:
    """Return the largest relative error in one array; raise if it is above the tolerance."""
    size = np.maximum(np.maximum(np.abs(found), np.abs(expected)), floor)
    with np.errstate(invalid="ignore"):
        error = np.abs(found - expected) / np.where(size == 0, 1.0, size)
    if not error.size:
        return 0.0
    i = tuple(map(int, np.unravel_index(error.argmax(), error.shape)))
    if not error[i] <= tolerance:  # NaN is an error too
        raise AssertionError(
            f"the gradient in {name} at {i} is {found[i]}, by differences {expected[i]}: "
            f"a relative error of {error[i]:.1e}, above {tolerance}"
        )
    return float(error[i])
