"""Run a rule on a function and keep every point it visits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from descent import _check
from descent._numbers import Floats, plain
from descent.rules import Rule

__all__ = ["Function", "Trajectory", "gradient_of", "minimize"]

Function = Callable[[Floats], Any]
"""A function of an array, or its gradient."""


@dataclass(frozen=True)
class Trajectory:
    """The points that a rule visits; entry t is the state of things after t steps.

    Attributes:
        x: parameters, shape `(steps + 1, *x0.shape)`.
        f: values of the function at x, shape (steps + 1,).
        g: gradients at x, shaped like x; step t + 1 follows g[t].
        states: the rule's state after t steps, steps + 1 of them.
    """

    x: Floats
    f: Floats
    g: Floats
    states: list[Any]

    @property
    def steps(self) -> int:
        """Return the number of steps made."""
        return len(self.f) - 1


def gradient_of(f: Function, grad: Function | None) -> Function:
    """Return the gradient that was given, else that which f brings as `f.grad`.

    Raises:
        ValueError: there is neither.
    """
    grad = grad or getattr(f, "grad", None)
    if grad is None:
        raise ValueError(f"grad must be given, since f = {f!r} has no method grad")
    return grad


def minimize(
    f: Function,
    x0: ArrayLike,
    rule: Rule,
    steps: int,
    *,
    grad: Function | None = None,
    nonfinite: Literal["raise", "stop"] = "raise",
) -> Trajectory:
    """Make `steps` steps of `rule` on `f` from `x0`, in float64.

    Args:
        f: a function of an array shaped like x0; a landscape brings its gradient as `f.grad`.
        x0: the start, a finite number or array of any shape.
        rule: any rule of `descent.rules`.
        steps: how many steps to make, at least 0.
        grad: the gradient, where f has none of its own or another (a noisy one, say) is wanted.
        nonfinite: what to do once x, f or g is infinite or NaN: "raise", or "stop" and return
            the trajectory up to the last finite point.

    Returns:
        The trajectory, with steps + 1 points.

    Raises:
        ValueError: x0 is not finite, steps is negative, or there is no gradient of x's shape.
        FloatingPointError: x, f or g is not finite, and `nonfinite` is "raise"; it names the step.

    >>> from descent.landscapes import Quadratic
    >>> from descent.rules import GradientDescent
    >>> minimize(Quadratic([2.0]), [5.0], GradientDescent(lr=0.25), steps=3).x[:, 0]
    array([5.   , 2.5  , 1.25 , 0.625])
    """
    _check.count("steps", steps)
    if nonfinite not in ("raise", "stop"):
        raise ValueError(f'nonfinite must be "raise" or "stop", got {nonfinite!r}')
    grad = gradient_of(f, grad)
    x = np.array(x0, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"x0 must be finite, got {x0!r}")

    state = rule.init(x)
    points: list[tuple[Floats, Floats, Floats, Any]] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for t in range(plain(steps) + 1):
            if t:
                x, state = rule.update(x, points[-1][2], state)
            point = x, np.asarray(f(x)), np.asarray(grad(x)), state
            if not all(np.isfinite(value).all() for value in point[:3]):
                if nonfinite == "stop" and points:
                    break
                raise FloatingPointError(
                    f"step {t} of {rule} is not finite: x = {x}, f = {point[1]}, g = {point[2]}"
                )
            points.append(point)
    xs, fs, gs, states = zip(*points, strict=True)
    return Trajectory(np.array(xs), np.array(fs), np.array(gs), list(states))
