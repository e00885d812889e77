"""Find the known rule with known changes that an optimiser is."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from descent.identify import _candidate as running
from descent.identify import _composed as composed
from descent.identify import _probes as probes
from descent.identify._catalogue import GENERIC, RATES
from descent.identify._composed import Composed, Parts
from descent.identify._decide import Case, choices, fit_known, traits
from descent.identify._fit import (
    LOST,
    RATE_GRIDS,
    RuleAt,
    Visit,
    best_on_grid,
    grid_of,
    improve,
    parting,
)
from descent.identify._probes import Array

TRIED = 12
"""How many cores are fitted, of those that a grid of rates brings nearest."""


def maker(parts: Parts) -> RuleAt:
    """Return the function from hyper-parameters to the rule of these parts."""

    def rule_at(hyper: Any) -> Composed:
        new: Composed = object.__new__(Composed)
        values = {
            n: GENERIC[n] for n in ("lr", "beta1", "beta2", "eps", "weight_decay", "momentum")
        }
        vars(new).update({**values, **hyper, "parts": parts})
        return new

    return rule_at


def variants(
    case: Case, decays: set[str] | None = None
) -> Iterator[tuple[Parts, dict[str, float]]]:
    """Yield rules with changes that 500 hostile steps do not refute, the least changed first."""
    marks = traits(case.probe.u)
    if decays is None:
        decays = _decays(case.probe.u) if marks[2] is True else {"none"}
    done: set[Parts] = set()
    for changed in (1, 2):
        whole = [
            parts
            for core in _cores(case, marks, changed)
            for parts in composed.with_outer(core, decays)
            if parts not in done
        ]
        done |= set(whole)
        for parts in sorted(whole, key=_changed):
            running.sign_of_life("while it was compared")
            hyper = _hyper(case, parts)
            if hyper is not None:
                yield parts, hyper


def _decays(u: Array) -> set[str]:
    """Return the decays that move x at rest as was seen: in proportion to x or not, in or out."""
    at_one, at_minus_two = u[0, probes.STILL]
    if at_one > 0:
        return {"grown"}
    is_proportional = abs(at_minus_two / at_one + 2) < 0.1
    return {"decoupled", "after", "inside", "coupled"} if is_proportional else {"coupled"}


def _changed(parts: Parts) -> int:
    return len(composed.changes(parts, composed.BASES[composed.nearest(parts)]))


def _cores(case: Case, marks: tuple[Any, ...], changed: int) -> Iterator[Parts]:
    """Yield the cores that come near where gradients are large, the nearest first."""
    far = case.probe.part(probes.LARGE_COLUMNS, 8)
    graded = []
    for core in composed.cores(changed):
        rests_first = marks[1] is None and core.m == "late"
        is_alike = rests_first or composed.degree(core) == marks[1]
        if is_alike and _may_remember(core, marks[3]):
            core = replace(core, ascent=marks[0])
            graded.append((_grade(core, far), core))
    graded.sort(key=lambda pair: pair[0])
    fitted = [(_fitted(core, far), core) for _, core in graded[:TRIED]]
    fitted.sort(key=lambda pair: pair[0])
    least = fitted[0][0] if fitted else 1.0
    yield from (core for error, core in fitted if error <= max(30 * least, LOST) and error < 0.05)


def _may_remember(core: Parts, remembers: bool | None) -> bool:
    return remembers is None or remembers == (core.m != "none" or core.heavy)


def _start(core: Parts) -> dict[str, float]:
    return {n: GENERIC[n] for n in core.free}


def _grade(core: Parts, far: Visit) -> float:
    """Return how near a core comes on a grid of rates."""
    _, graded = best_on_grid(maker(core), _start(core), _rates(core), far)
    return graded


def _rates(core: Parts) -> dict[str, Any]:
    rates = [n for n in core.free if n in RATES]
    return grid_of({n: RATE_GRIDS[max(len(rates), 1)] for n in rates})


def _fitted(core: Parts, far: Visit) -> float:
    start, _ = best_on_grid(maker(core), _start(core), _rates(core), far)
    return improve(maker(core), _start(core) | start, far).mean


def _hyper(case: Case, parts: Parts) -> dict[str, float] | None:
    """Return the hyper-parameters with which these parts make the candidate's steps, if any do."""
    rule_at = maker(parts)
    fitted = fit_known(case, rule_at, parts.free)
    for hyper in choices(case, rule_at, fitted):
        is_off = any(hyper[n] < 1e-4 for n in RATES if n in hyper)
        if not is_off and parting(rule_at(hyper), case.hostile, case.relative) is None:
            return hyper
    return None
