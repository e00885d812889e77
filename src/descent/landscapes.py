"""Test functions with exact gradients, to watch rules on.

A landscape is called with an array whose first axis holds the coordinates, so that one call
evaluates a point, shape (n,), or a whole grid, shape (n, rows, columns). `grad` returns the
gradient in the same shape.

>>> f = Rosenbrock()
>>> float(f([1.0, 1.0])), f.grad([1.0, 1.0])
(0.0, array([-0.,  0.]))
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from descent import _check
from descent._numbers import Floats

__all__ = [
    "Landscape",
    "Quadratic",
    "NoisyQuadratic",
    "Huber",
    "Saddle",
    "Rosenbrock",
    "Beale",
    "Himmelblau",
]


class Landscape:
    """A function of n coordinates with its gradient, its minimiser and a window to draw it in.

    A new one defines `_f` and `_grad` on float64 arrays.

    Attributes:
        minimizer: a point of least value, shape (n,).
        start: a customary start, shape (n,).
        window: ((left, right), (bottom, top)) of the first two coordinates.
    """

    minimizer: Floats
    start: Floats
    window: Any = ((-3.0, 3.0), (-3.0, 3.0))

    def __call__(self, x: ArrayLike) -> Floats:
        """Return the values at x, whose first axis holds the coordinates."""
        return np.asarray(self._f(np.asarray(x, dtype=np.float64)))

    def grad(self, x: ArrayLike) -> Floats:
        """Return the gradient at x, shaped like x."""
        return np.asarray(self._grad(np.asarray(x, dtype=np.float64)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _f(self, x: Floats) -> Any:
        raise NotImplementedError

    def _grad(self, x: Floats) -> Any:
        raise NotImplementedError


class Quadratic(Landscape):
    """A bowl along the axes: f(x) = ½ Σ λ_i x_i².

    Args:
        curvatures: the eigenvalues λ_i of the Hessian, finite; negative ones make a saddle.

    Raises:
        ValueError: a curvature is not a finite number, or there are none.

    >>> f = Quadratic([1.0, 10.0])
    >>> float(f([2.0, 1.0])), f.grad([2.0, 1.0])
    (7.0, array([ 2., 10.]))
    """

    def __init__(self, curvatures: ArrayLike) -> None:
        self.curvatures: Floats = np.array(curvatures, dtype=np.float64)
        finite = np.isfinite(self.curvatures).all()
        if self.curvatures.ndim != 1 or not self.curvatures.size or not finite:
            raise ValueError(f"curvatures must be a list of finite numbers, got {curvatures!r}")
        self.minimizer = np.zeros(self.curvatures.size)
        self.start = np.ones(self.curvatures.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.curvatures.tolist()})"

    def _f(self, x: Floats) -> Any:
        return 0.5 * np.sum(x * self._grad(x), axis=0)

    def _grad(self, x: Floats) -> Any:
        if x.shape[:1] != self.curvatures.shape:
            raise ValueError(f"x must have {self.curvatures.size} coordinates, got shape {x.shape}")
        return self.curvatures.reshape(-1, *[1] * (x.ndim - 1)) * x


class NoisyQuadratic(Quadratic):
    """A quadratic bowl whose gradient can be had with noise, the model of a minibatch.

    Args:
        curvatures: the eigenvalues λ_i of the Hessian.
        noise: the standard deviation σ of the noise on each coordinate of the gradient, ≥ 0.

    Raises:
        ValueError: as `Quadratic`, or noise is negative or not finite.
    """

    def __init__(self, curvatures: ArrayLike, noise: float = 1.0) -> None:
        super().__init__(curvatures)
        _check.not_negative("noise", noise)
        self.noise = noise

    def noisy_grad(self, seed: int) -> Callable[[ArrayLike], Floats]:
        """Return a gradient function that adds N(0, σ²) from a generator of its own."""
        normal = np.random.default_rng(seed).standard_normal
        return lambda x: self.grad(x) + self.noise * normal(np.shape(x))


class Huber(Landscape):
    """Huber's function of each coordinate, summed: x²/2 up to |x| = τ, then a straight line.

    Convex with curvature at most 1, yet with none at all far out: there it is as hard for gradient
    descent as a convex function can be.

    Args:
        threshold: τ, positive and finite.

    Raises:
        ValueError: threshold is not positive and finite.

    >>> f = Huber(threshold=0.5)
    >>> float(f([2.0])), f.grad([2.0])
    (0.875, array([0.5]))
    """

    minimizer = np.zeros(1)
    start = np.ones(1)

    def __init__(self, threshold: float) -> None:
        _check.positive("threshold", threshold)
        self.threshold = threshold

    def __repr__(self) -> str:
        return f"Huber({self.threshold})"

    def _f(self, x: Floats) -> Any:
        far = self.threshold * np.abs(x) - self.threshold**2 / 2
        return np.sum(np.where(np.abs(x) <= self.threshold, x**2 / 2, far), axis=0)

    def _grad(self, x: Floats) -> Any:
        return np.clip(x, -self.threshold, self.threshold)


class Saddle(Landscape):
    """The saddle f(x, y) = ½ (x² − y²) + y⁴/4: flat at the origin, least at y = ±1.

    >>> Saddle().grad([0.0, 1.0])
    array([0., 0.])
    """

    minimizer = np.array([0.0, 1.0])
    start = np.array([2.0, 0.001])

    def _f(self, x: Floats) -> Any:
        x, y = x
        return (x**2 - y**2) / 2 + y**4 / 4

    def _grad(self, x: Floats) -> Any:
        x, y = x
        return x, y**3 - y


class Rosenbrock(Landscape):
    """Rosenbrock's curved valley f(x, y) = (1 − x)² + 100 (y − x²)², least at (1, 1).

    Source: Rosenbrock (1960), with its start (−1.2, 1).

    >>> Rosenbrock().grad([0.0, 0.0])
    array([-2., 0.])
    """

    minimizer = np.array([1.0, 1.0])
    start = np.array([-1.2, 1.0])
    window = ((-2.0, 2.0), (-1.0, 3.0))

    def _f(self, x: Floats) -> Any:
        x, y = x
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    def _grad(self, x: Floats) -> Any:
        x, y = x
        return -2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)


class Beale(Landscape):
    """Beale's function: f = Σ_k (c_k − x (1 − y^k))², c = (1.5, 2.25, 2.625), least at (3, 0.5).

    Plateaus with cliffs at the corners: the gradient's size ranges over many decades.

    >>> float(Beale()([3.0, 0.5]))
    0.0
    """

    minimizer = np.array([3.0, 0.5])
    start = np.array([1.0, 1.5])
    window = ((-4.5, 4.5), (-4.5, 4.5))

    def _residuals(self, x: Floats, y: Floats) -> list[tuple[int, Any]]:
        return [(k, c - x * (1 - y**k)) for k, c in ((1, 1.5), (2, 2.25), (3, 2.625))]

    def _f(self, x: Floats) -> Any:
        return sum(r**2 for _, r in self._residuals(*x))

    def _grad(self, x: Floats) -> Any:
        x, y = x
        along_x = sum(2 * r * (y**k - 1) for k, r in self._residuals(x, y))
        along_y = sum(2 * r * x * k * y ** (k - 1) for k, r in self._residuals(x, y))
        return along_x, along_y


class Himmelblau(Landscape):
    """Himmelblau's function f(x, y) = (x² + y − 11)² + (x + y² − 7)²: four minima of value 0.

    One is at (3, 2), the others near (−2.81, 3.13), (−3.78, −3.28) and (3.58, −1.85). Between them
    lie four saddles and a hill: where a rule ends depends on where it starts and on how it steps.

    Source: Himmelblau (1972).

    >>> float(Himmelblau()([3.0, 2.0])), Himmelblau().grad([0.0, 0.0])
    (0.0, array([-14., -22.]))
    """

    minimizer = np.array([3.0, 2.0])
    start = np.array([0.0, 0.0])
    window = ((-5.0, 5.0), (-5.0, 5.0))

    def _residuals(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return x * x + y - 11, x + y * y - 7  # a product is rounded alike everywhere

    def _f(self, x: Floats) -> Any:
        a, b = self._residuals(*x)
        return a * a + b * b

    def _grad(self, x: Floats) -> Any:
        x, y = x
        a, b = self._residuals(x, y)
        return 4 * x * a + 2 * b, 2 * a + 4 * y * b
