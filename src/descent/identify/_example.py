"""The shortest and roundest gradients that tell an optimiser from the right rule."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from descent.identify._candidate import Candidate
from descent.identify._probes import Array
from descent.identify._report import Counterexample
from descent.rules import Rule

Sequence_ = tuple[float, tuple[float, ...]]

VISIBLE = (1e-2, 1e-4, 1e-7)
"""Relative differences, the most visible first."""


def _short() -> Iterator[Sequence_]:
    """Yield starts and up to three gradients, the simplest first."""
    for g in (1.0, 0.0, -1.0, 10.0, 0.1, 0.01, 1e-4, 1e-6, 1e-8):
        yield from ((x, (g,)) for x in (0.0, 1.0, -1.0))
    for gs in itertools.product((1.0, 0.0, -1.0, 2.0, 10.0), repeat=2):
        yield from ((x, gs) for x in (0.0, 1.0))
    for gs in itertools.product((1.0, 0.0, -1.0, 10.0), repeat=3):
        yield 0.0, gs
    for g in (1e-4, 1e-6, 1e-8):
        yield from ((0.0, gs) for gs in ((g, g), (1.0, g), (g, 0.0)))


def _long() -> Iterator[Sequence_]:
    """Yield longer ones: constant, alternating, a spike, silence after an impulse."""
    for n in (4, 5, 6, 8, 10, 20, 50, 102, 110, 200, 400):
        yield 0.0, (1.0,) * n
        yield 0.0, (1.0, -1.0) * (n // 2)
        yield 0.0, (10.0,) + (1.0,) * (n - 1)
        yield 0.0, (1.0,) + (0.0,) * (n - 2) + (1.0,)
        yield 0.0, (1e-6,) * n
        yield 1.0, (1.0,) * n


def counterexample(candidate: Candidate, rule: Rule, name: str) -> Counterexample | None:
    """Return the simplest gradients at whose end a candidate is elsewhere than a rule, or None."""
    for sequences in (list(_short()), list(_long())):
        got, right = _ends(candidate, rule, sequences)
        starts = np.array([x for x, _ in sequences])
        with np.errstate(all="ignore"):
            moved = np.maximum(abs(got - starts), abs(right - starts))
            apart = np.where(np.isfinite(moved), abs(got - right) / moved, 0)
        apart = np.where(np.isfinite(got) != np.isfinite(right), 1.0, np.nan_to_num(apart))
        for least in VISIBLE:
            if (apart > least).any():
                i = int(np.argmax(apart > least))
                x, gs = sequences[i]
                return Counterexample(list(gs), x, float(got[i]), float(right[i]), name)
    return None


def _ends(candidate: Candidate, rule: Rule, sequences: list[Sequence_]) -> tuple[Array, Array]:
    """Return where a candidate and a rule are after each sequence: a column of one run each."""
    steps = max(len(gs) for _, gs in sequences)
    x = np.array([x for x, _ in sequences])
    g = np.array([[*gs, *[0.0] * (steps - len(gs))] for _, gs in sequences]).T
    last = [len(gs) for _, gs in sequences], range(len(sequences))
    return candidate.visit(x, g).x[last], walk(rule, x, g)[last]


def walk(rule: Rule, x: Array, gs: Array) -> Any:
    """Return the points that a rule visits."""
    points, state = [x], rule.init(x)
    with np.errstate(all="ignore"):
        for g in gs:
            x, state = rule.update(x, g, state)
            points.append(x)
    return np.array(points)
