"""What all layers share."""

import copy
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from descent._numbers import Floats

__all__ = ["Layer"]


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
