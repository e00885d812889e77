"""Gradients that tell optimisers apart: a column is an experiment of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PROBE_STEPS = 12
HOSTILE_STEPS = 500
LARGE = 1e8


def _patterns() -> list[list[float]]:
    n = PROBE_STEPS
    rng = np.random.default_rng(1)
    return [
        [1.0] + [0.0] * (n - 1),
        [1.0] * n,
        [(-1.0) ** t for t in range(n)],
        [0.0, 0.0] + [1.0] * (n - 2),
        [2.0**t for t in range(n)],
        [30.0, 2.0, -1.0] + [1.0] * (n - 3),
        (rng.standard_normal(n)).round(3).tolist(),
        (rng.standard_normal(n) * (rng.random(n) < 0.6)).round(3).tolist(),
    ]


def probe() -> tuple[Array, Array]:
    """Return starts and gradients of the short probe, of shapes (C,) and (steps, C).

    Impulse, constant, alternating, late, growing, falling, random and sparse gradients, of size
    1e8, where no ε matters, then 1; random ones from 1e-12 to 1e6; then starts away from 0, where
    a decay shows: with no gradient at all, with one, with small ones.
    """
    base = np.array(_patterns()).T
    wild = base[:, 6]
    scales = [10.0**k for k in (-12, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 2, 6)]
    still = np.zeros(PROBE_STEPS)
    away = [still, still, base[:, 7], wild, base[:, 1], 1e-3 * base[:, 2], 1e-2 * wild, base[:, 0]]
    starts = [1.0, -2.0, 1.0, -3.0, 0.5, 2.0, 10.0, 1.0]
    columns = [*(LARGE * base).T, *base.T, *(s * wild for s in scales), *away]
    x = np.concatenate([np.zeros(len(columns) - len(away)), starts])
    return x, np.array(columns).T


LARGE_COLUMNS = np.arange(8)
IMPULSE, CONSTANT, GROWING, FALLING = 0, 1, 4, 5
STILL = [-8, -7]
UNIT_COLUMNS = np.arange(8, 16)
SCALED_COLUMNS = np.arange(16, 29)


def hostile(seed: int = 0, steps: int = HOSTILE_STEPS) -> tuple[Array, Array]:
    """Return starts and hostile gradients, of shapes (C,) and (steps, C).

    Ordinary; with many zeros and a start without gradient; of 1e-10; sparse; of alternating sign;
    biased with a spike; of 1e-7 and 1e-3; of sizes that wander over many decades; falling; none at
    all; and ordinary ones from starts far from 0.
    """
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((steps, 14)).round(6)
    t = np.arange(steps)
    g[:, 1] *= rng.random(steps) < 0.4
    g[:3, 1] = 0
    g[:, 2] *= 1e-10
    g[:, 3] *= t % 17 == 4
    g[:, 4] = (-1.0) ** t * (1 + 0.1 * g[:, 4])
    g[:, 5] = 0.3 + 0.5 * g[:, 5]
    g[min(39, steps - 1), 5] = 50
    g[:, 6] *= 1e-7
    g[:, 7] *= 1e-3
    g[:, 8] *= 10 ** (3 * np.sin(t / 30))
    g[:, 9] *= 0.97**t
    g[:, 10] = 0
    g[:, 11] += 1
    g[:, 13] *= 30
    x = np.array([0.0, 0.25, 0.0, -0.5, 0.0, 0.125, 0.0, 0.0, 0.0, 0.0, 1.0, -2.0, 3.0, -0.75])
    return x, g


def matrices(
    shape: tuple[int, ...], steps: int, start: float, seed: int = 0
) -> tuple[Array, Array]:
    """Return a start and gradients of a shape: ordinary, small, large, sparse and none at all."""
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((steps, *shape)).round(6)
    g *= (10.0 ** rng.integers(-4, 3, steps)).reshape(-1, *[1] * len(shape))
    g[5::11] *= rng.random((len(g[5::11]), *shape)) < 0.5
    g[9::40] = 0
    return start * rng.standard_normal(shape).round(3), g
