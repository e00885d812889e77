"""Gradients that find misplaced epsilons, frozen step counts and swapped rates."""

from collections.abc import Callable

import numpy as np


def gradients(steps: int, seed: int = 0) -> np.ndarray:
    """Return gradients of six coordinates, shape (steps, 6).

    Normal; normal with a zero start and many zeros; about 1e-10; sparse; flipping its sign; biased
    with a spike of 50.
    """
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((steps, 6))
    t = np.arange(steps)
    normal[:3, 1] = 0
    normal[:, 1] *= rng.random(steps) < 0.65
    normal[:, 2] *= 1e-10
    normal[:, 3] *= t % 17 == 4
    normal[:, 4] = (-1.0) ** t * (1 + 0.1 * normal[:, 4])
    normal[:, 5] = 0.3 + 0.5 * normal[:, 5]
    normal[min(7, steps - 1), 5] = 50
    return normal


def dropping(lr: float, at: int) -> Callable[[int], float]:
    """Return a learning rate that falls to a tenth after step `at`."""
    return lambda t: lr if t <= at else lr / 10
