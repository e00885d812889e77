"""Read the hyper-parameters of a rule that steps along a sign: at which gradient it turns."""

from collections.abc import Callable

import numpy as np

from descent.identify._candidate import Candidate
from descent.identify._decide import Case
from descent.identify._probes import LARGE, Array

SAMPLES = 150
ROUNDS = 8


def steps_along_a_sign(u: Array, x: Array) -> bool:
    """Whether the first steps from 0 have one size, whatever the gradients."""
    size = np.abs(u[:5, x == 0])
    first, moved = size[0][size[0] > 0], size[size > 0]
    if first.size <= 5 or np.ptp(first) > 1e-6 * first.max():
        return False
    return bool(np.all(np.abs(moved / first.max() - 1) < 0.5))  # a decay changes them a little


def turning(
    candidate: Candidate, gradients: Callable[[Array], Array], start: float
) -> float | None:
    """Return the size of the last gradient at which the last step turns, in units of the others.

    Each round tries many sizes at once, between the two at which the last one turned.
    """
    low, high = -12.0, 6.0
    for _ in range(ROUNDS):
        tried = np.linspace(low, high, SAMPLES)
        gs = gradients(10**tried)
        u = candidate.visit(np.full(SAMPLES, start), gs).u[-1]
        turned = np.nonzero(np.sign(u) != np.sign(u[0]))[0]
        if not turned.size:
            return None
        low, high = tried[turned[0] - 1], tried[turned[0]]
    return float(10 ** ((low + high) / 2))


def rates(case: Case) -> dict[str, float]:
    """Return β₁ and β₂ of c = β₁ m + (1 − β₁) g, m = β₂ m + (1 − β₂) g, if the sign is c's.

    After an impulse of 1 a gradient of −r turns the second step where r = β₁ (1 − β₂)/(1 − β₁),
    and β₂ times that the third.
    """
    second = turning(case.candidate, lambda r: LARGE * np.array([0 * r + 1, -r]), 0.0)
    third = turning(case.candidate, lambda r: LARGE * np.array([0 * r + 1, 0 * r, -r]), 0.0)
    if second is None or third is None:
        return {}
    beta2 = third / second
    return {"beta1": second / (1 - beta2 + second), "beta2": beta2}


def coupled_decay(case: Case) -> float | None:
    """Return the λ of a gradient g + λ x: from x = 1 the first step turns at g = −λ."""
    found = turning(case.candidate, lambda r: -np.array([r]), 1.0)
    return None if found is None or found < 1e-11 else found
