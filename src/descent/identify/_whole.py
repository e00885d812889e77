"""Rules that look at an array as a whole, such as Adafactor, LAMB and Muon, led along matrices."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from descent import conventions
from descent.identify import _candidate as running
from descent.identify._candidate import LETTER, NotRunnableError
from descent.identify._catalogue import Entry, entries, numbers
from descent.identify._decide import Case, Match, told_or_round
from descent.identify._example import walk
from descent.identify._fit import (
    HOPELESS,
    Fitted,
    RuleAt,
    Visit,
    best_on_grid,
    displacements,
    improve,
    parting,
)
from descent.identify._probes import Array, matrices
from descent.relatives import FrameworkMuon
from descent.rules import Muon, relative_step

SHAPES = ((3, 4), (5, 2), (6,))
LARGE_SHAPE = (130, 128)
"""A shape at which Optax's Adafactor keeps row and column means."""

RELATIVE = 1e-6
"""The relative difference that counts: a matrix is multiplied many times in a step."""

SINGLE = 2e-5
"""The same for Keras and Optax, which compute some of their numbers in float32."""

LOST_HERE = 1e-3
"""The mean relative error at which a rule is given up."""

ROUNDS = 15
SWEEPS = 2

RATE_GRID = np.array(
    [
        *(0.1, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.775, 0.8, 0.825, 0.85, 0.875, 0.9, 0.915),
        *(0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999),
    ]
)
GRIDS: dict[str, Array] = {
    **dict.fromkeys(("momentum", "beta1", "beta2"), RATE_GRID),
    "decay": np.array([-1.0, -0.9, -0.8, -0.7, -0.6, -0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
    "clip": 10.0 ** np.arange(-2, 1.2, 0.1),
    "weight_decay": 10.0 ** np.arange(-5, 1, 0.25),
    "eps1": 10.0 ** np.arange(-30, 1, 1.0),
    "trust_coefficient": 10.0 ** np.arange(-5, 1, 0.25),
}
"""What shows at any start, in the order in which it is read."""

AT_HOME: dict[str, Array] = {
    "eps2": 10.0 ** np.arange(-6, 1, 0.25),
    "eps": 10.0 ** np.arange(-14, 0, 0.5),
}
"""What shows where x is 0, or gradients are small."""


def whole_matches(case: Case) -> list[Match]:
    """Return the rules for whole arrays that the candidate cannot be told from."""
    found: list[Match] = []
    marks = traits(lambda x, gs: case.candidate.visit(x, gs).x)
    own = [e for e in entries() if case.is_own(e)]
    for entry in own or entries():
        if entry.rule.elementwise or (found and entry.name == found[-1].entry.name):
            continue
        running.sign_of_life("while it was compared")
        if not own and marks != traits(partial(walk, entry.rule)):
            continue
        for variation in _variations(entry):
            hyper = _hyper(case, variation)
            if hyper is not None:
                found.append(Match(variation, hyper))
                break
    return found


def traits(points: Callable[[Array, Array], Array]) -> tuple[Any, ...]:
    """Return what no choice of hyper-parameters changes in the first two steps of a matrix.

    How the first step grows with the gradient; whether it has the gradient's direction, or its
    signs; whether it is a rotation; whether x at rest moves; how the step grows with x.
    """
    rng = np.random.default_rng(2)
    x, g = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))

    def first(x: Array, g: Array) -> Array:
        with np.errstate(all="ignore"):
            found: Array = np.diff(points(x, np.stack([g, 0 * g])), axis=0)[0]
        return found

    home = first(0 * x, g)
    with np.errstate(all="ignore"):
        degree = math.log10(float(np.abs(first(0 * x, 1e3 * g)).sum() / np.abs(home).sum())) / 3
        ratio, signs = home / g, home / np.sign(g)
        unit = home @ home.T
    is_along = bool(np.ptp(ratio) < 1e-6 * np.abs(ratio).max())
    is_of_signs = bool(np.ptp(np.abs(signs)) < 1e-6 * np.abs(signs).max())
    near = np.diag(unit).mean()
    is_rotation = bool(np.abs(unit - near * np.eye(len(unit))).max() < 0.6 * near)
    return round(degree, 1), is_along, is_of_signs, is_rotation, bool(np.any(first(x, 0 * g)))


def _variations(entry: Entry) -> Iterator[Entry]:
    """Yield an entry with its learning rate as it is by default, if that is a schedule."""
    if entry.name == "adafactor":
        free = tuple(n for n in entry.free if n != "lr")
        rule = entry.at({"lr": relative_step})
        yield replace(entry, rule=rule, free=free)
    yield entry


def _hyper(case: Case, entry: Entry) -> dict[str, float] | None:
    """Return the hyper-parameters with which an entry makes the candidate's steps, if it does."""
    begin = {n: _begin(n) for n in entry.free}
    if entry.kind == "framework":
        begin = {n: v for n, v in numbers(entry.rule).items() if n in entry.free}
    for hyper in _choices(case, entry, begin):
        if departs(case, entry.at, hyper) is None:
            return hyper
    return None


def _choices(case: Case, entry: Entry, begin: dict[str, float]) -> Iterator[dict[str, float]]:
    """Yield the hyper-parameters as they were told, as they were read, and with ε as it is."""
    if case.told:
        yield {n: case.told.get(n, v) for n, v in begin.items()}
        yield from _as_its_framework(case, entry, begin)
    fitted = fitted_to(entry.at, begin, case)
    if fitted.mean > LOST_HERE:
        return
    plain = {n: told_or_round(v, case, n) for n, v in fitted.hyper.items()}
    yield plain
    yield plain | {n: v for n, v in begin.items() if n in ("eps", "eps1", "eps2")}
    yield fitted.hyper


def _as_its_framework(
    case: Case, entry: Entry, begin: Mapping[str, float]
) -> Iterator[dict[str, float]]:
    """Yield what a framework makes of the numbers that it was told: Keras' Muon scales its ε."""
    if entry.kind != "framework":
        return
    arguments = conventions.defaults(entry.name)
    told = {a: case.told[LETTER[a]] for a in arguments if LETTER.get(a) in case.told}
    with suppress(ValueError, TypeError):
        made = numbers(conventions.framework_rule(entry.name, **{**entry.switches, **told}))
        yield {n: made.get(n, v) for n, v in begin.items()}


def _begin(name: str) -> float:
    start = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-9, "clip": 1.0}
    return {**start, "eps1": 1e-30, "eps2": 1e-3}.get(name, 0.5)


def fitted_to(rule_at: RuleAt, hyper: Mapping[str, float], case: Case) -> Fitted:
    """Return the hyper-parameters read off two short runs, from 1 and from 0."""
    away, home = (case.candidate.visit(*matrices((3, 4), 12, s)) for s in (1.0, 0.0))
    found, left = dict(hyper), 0.0

    def read(names: Sequence[str], visit: Visit) -> Fitted:
        kept = dict(found)
        begin = {n: found[n] for n in names}
        fitted = improve(lambda h: rule_at({**kept, **h}), begin, visit, rounds=ROUNDS)
        found.update(fitted.hyper)
        return fitted

    for name in SWEEPS * [n for n in GRIDS if n in found]:  # the last may change the first
        best, left = best_on_grid(rule_at, found, {name: GRIDS[name]}, away)
        found |= best
    if left > HOPELESS:
        return Fitted(found, left, left)
    fitted = read([n for n in found if n not in AT_HOME], away)
    for name in [n for n in AT_HOME if n in found]:
        found |= best_on_grid(rule_at, found, {name: AT_HOME[name]}, home, with_lr=False)[0]
        read([name], home)
    if "trust_coefficient" in found:
        _tell_apart(rule_at, found, home)
    if fitted.mean < LOST_HERE:
        fitted = read(list(found), away)
    return Fitted(found, fitted.error, fitted.mean)


def _tell_apart(rule_at: RuleAt, found: dict[str, float], home: Visit) -> None:
    """Read η at 0, where the coefficient is not used; elsewhere their product alone shows."""
    first = Visit(home.x[:2], home.g[:1])
    with np.errstate(all="ignore"):
        times = float(np.nanmedian(first.u / displacements(rule_at(found), first)))
    if math.isfinite(times) and times > 0:
        found["lr"] *= times
        found["trust_coefficient"] /= times


def departs(case: Case, rule_at: RuleAt, hyper: Mapping[str, float]) -> int | None:
    """Return the first step at which a rule is not the candidate, over shapes and starts."""
    rule = rule_at(hyper)
    shapes = [*SHAPES, *([LARGE_SHAPE] if hasattr(rule, "min_factored") else [])]
    relative = SINGLE if case.candidate.form in ("keras", "optax") else RELATIVE
    for shape in shapes:
        for start in (1.0, 0.0):
            try:
                visit = _run(case, shape, start)
            except NotRunnableError:
                return 1
            if visit is None or (len(shape) == 1 and isinstance(rule, Matrices)):
                continue
            step = parting(rule, visit, relative)
            if step is not None:
                return step
    return None


Matrices = Muon | FrameworkMuon


def _run(case: Case, shape: tuple[int, ...], start: float) -> Visit | None:
    """Return a long run of a shape, or None where the candidate takes matrices alone."""
    if case.candidate.needs_matrix and len(shape) == 1:
        return None
    key = (shape, start)
    if key not in case.runs:
        steps = 20 if shape == LARGE_SHAPE else 300
        case.runs[key] = case.candidate.visit(*matrices(shape, steps, start, seed=1))
    return case.runs[key]
