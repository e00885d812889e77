"""Rules that look at an array as a whole: Adafactor and Muon, led along matrices."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from descent.identify._catalogue import Entry, entries
from descent.identify._decide import Case, Match, told_or_round
from descent.identify._fit import Fitted, RuleAt, Visit, best_on_grid, improve, parting
from descent.identify._forms import NotRunnableError
from descent.identify._probes import Array, matrices
from descent.rules import relative_step

SHAPES = ((3, 4), (4, 3), (6,))
RELATIVE = 1e-6
"""The relative difference that counts: a matrix is multiplied many times in a step."""

GRIDS: dict[str, Array] = {
    "momentum": np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995]),
    "eps1": 10.0 ** np.arange(-30, 1, 1.0),
    "eps2": 10.0 ** np.arange(-6, 1, 0.25),
    "clip": 10.0 ** np.arange(-2, 1.2, 0.1),
    "weight_decay": 10.0 ** np.arange(-5, 1, 0.25),
}


def whole_matches(case: Case) -> list[Match]:
    """Return the rules for whole arrays that the candidate cannot be told from."""
    found = []
    for entry in entries():
        if not entry.rule.elementwise:
            for variation in _variations(entry):
                hyper = _hyper(case, variation)
                if hyper is not None:
                    found.append(Match(variation, hyper))
                    break
    return found


def _variations(entry: Entry) -> Iterator[Entry]:
    """Yield an entry with its learning rate as it is by default, if that is a schedule."""
    if entry.name == "adafactor":
        free = tuple(n for n in entry.free if n != "lr")
        rule = entry.at({"lr": relative_step})
        yield replace(entry, rule=rule, free=free)
    yield entry


def _hyper(case: Case, entry: Entry) -> dict[str, float] | None:
    """Return the hyper-parameters with which an entry makes the candidate's steps, if it does."""
    fitted = fitted_to(entry.at, {n: _begin(n) for n in entry.free}, case)
    told = {n: case.told.get(n, v) for n, v in fitted.hyper.items()}
    plain = {n: told_or_round(v, case, n) for n, v in fitted.hyper.items()}
    for hyper in (told, plain, fitted.hyper):
        if departs(case, entry.at, hyper) is None:
            return hyper
    return None


def _begin(name: str) -> float:
    start = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-9, "clip": 1.0}
    return {**start, "eps1": 1e-30, "eps2": 1e-3}.get(name, 0.5)


def fitted_to(rule_at: RuleAt, hyper: Mapping[str, float], case: Case) -> Fitted:
    """Return the hyper-parameters read off two short runs, from 1 and from 0."""
    away, home = (case.candidate.visit(*matrices((3, 4), 12, s)) for s in (1.0, 0.0))
    found = dict(hyper)
    for name in [n for n in ("momentum", "clip", "weight_decay", "eps1") if n in found]:
        found |= best_on_grid(rule_at, found, {name: GRIDS[name]}, away)[0]
    inner = {n: v for n, v in found.items() if n != "eps2"}
    found |= improve(lambda h: rule_at(found | dict(h)), inner, away).hyper
    if "eps2" in found:
        found |= best_on_grid(rule_at, found, {"eps2": GRIDS["eps2"]}, home, with_lr=False)[0]
        found |= improve(lambda h: rule_at(found | dict(h)), {"eps2": found["eps2"]}, home).hyper
    return Fitted(found, 0.0, 0.0)


def departs(case: Case, rule_at: RuleAt, hyper: Mapping[str, float]) -> int | None:
    """Return the first step at which a rule is not the candidate, over shapes and precisions."""
    for shape in SHAPES:
        for start in (1.0, 0.0):
            try:
                visit = _run(case, shape, start)
            except NotRunnableError:
                return 1
            if visit is None:
                continue
            step = parting(rule_at(hyper), visit, RELATIVE)
            if step is not None:
                return step
    return None


def _run(case: Case, shape: tuple[int, ...], start: float) -> Visit | None:
    """Return a long run of a shape, or None where the candidate takes matrices alone."""
    if case.candidate.needs_matrix and len(shape) == 1:
        return None
    key = (shape, start)
    if key not in case.runs:
        case.runs[key] = case.candidate.visit(*matrices(shape, 300, start, seed=1))
    return case.runs[key]
