"""From all that an optimiser coincides with to what is said of it."""

import inspect
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from descent.identify import _composed as composed
from descent.identify import _signs as signs
from descent.identify._candidate import LETTER, Candidate
from descent.identify._catalogue import FORMULAS, OFF, RATES, Entry, entries, with_hyper
from descent.identify._composed import Parts
from descent.identify._decide import Case, Match, letter, matches
from descent.identify._example import counterexample
from descent.identify._fit import displacements, parting, scale
from descent.identify._forms import candidate
from descent.identify._notes import beyond
from descent.identify._probes import matrices
from descent.identify._relatives import NAMES
from descent.identify._report import STATUS, Report, in_words
from descent.identify._search import maker, variants
from descent.identify._whole import whole_matches
from descent.misprints import MISPRINTS


def judged(thing: Any, form: str | None, told: Mapping[str, float]) -> Report:
    """Return what an optimiser is.

    Raises:
        NotRunnableError: it could not be run.
    """
    return judged_candidate(candidate(thing, form), told)


def judged_candidate(found: Candidate, told: Mapping[str, float]) -> Report:
    """Return what a candidate is.

    Raises:
        NotRunnableError: it could not be run.
    """
    case = Case(found, _seen(found.source), told_by_user=dict(told))
    if not case.is_repeatable:
        return _unknown(case, "two runs along the same gradients differ")
    if not found.needs_matrix and not np.any(case.probe.u):
        return _unknown(case, "it never moves x")
    if case.knows_matrices:
        case.candidate = replace(found, needs_matrix=True)
    report = _elementwise(case) if case.is_elementwise else _whole(case)
    if report.verdict == "unknown" and case.is_elementwise and found.takes_arrays:
        whole = _whole(case)  # what couples the coordinates may be small at first
        report = whole if whole.verdict == "rule" else report
    dead = _dead(case)
    told_notes = _told_otherwise(case, report, dead)
    if case.knows_matrices:
        report.notes.append("a matrix goes another way than a vector: this is of matrices")
    odd = beyond(found, state=report.verdict != "rule")  # what a rule keeps was seen
    notes = [f"read as {found.guess}", *report.notes, *told_notes, *odd]
    return replace(report, dead=dead, notes=notes)


def _elementwise(case: Case) -> Report:
    if signs.steps_along_a_sign(case.probe.u, case.probe.x[0]):
        case.known.update(signs.rates(case))
        decay = signs.coupled_decay(case)
        case.known.update({} if decay is None else {"weight_decay": decay})
    found, near = matches(case)
    found = [match for match in found if not _has_part_off(case, match)]
    if found:
        best = min(found, key=lambda match: _rank(case, match, found))
        return _decayed_after(case, best) or _named(case, found)
    return _variant_or_unknown(case, near)


def _decayed_after(case: Case, match: Match) -> Report | None:
    """Return the report of a decay after the step, if the numbers say so.

    (x − η u)(1 − s) is x (1 − s) − η (1 − s) u: as a decay before the step its learning rate is
    an odd one.
    """
    hyper = match.hyper
    if case.is_own(match.entry) or not {"lr", "weight_decay"} <= hyper.keys():
        return None
    share = hyper["weight_decay"] * (1 if match.entry.name == "adamw" else hyper["lr"])
    rate = hyper["lr"] / (1 - share) if share < 1 else math.nan
    plain = [r for r in (rate, hyper["lr"]) if _is_seen(r, case)] or [
        r for r in (rate, hyper["lr"]) if _is_round(r)
    ]
    if plain != [rate]:
        return None
    return next((_changed(case, parts, found) for parts, found in variants(case, {"after"})), None)


def _named(case: Case, found: list[Match]) -> Report:
    """Return the report of a rule or a misprint."""
    best = min(found, key=lambda match: _rank(case, match, found))
    if case.single is not None and (step := parting(best.rule, case.single, 1e-3)):
        return _unknown(
            case, f"it is {best.entry.name} in float64, and parts from it in float32 at step {step}"
        )
    same = [match for match in found if match is best or _coincides(match, best)]
    is_wrong = best.entry.kind == "misprint"
    same = [m for m in same if is_wrong or m.entry.kind != "misprint"]
    same = [m for m in same if not is_wrong or _against(case, m) <= _against(case, best)]
    same.sort(key=lambda match: _rank(case, match, found))
    names = list(
        dict.fromkeys(
            match.entry.name for match in same if not match.entry.is_shadow or match is best
        )
    )
    verdict = "misprint" if is_wrong else "rule"
    hyper = {n: v for n, v in best.hyper.items() if n not in _without_effect(case, best)}
    return Report(
        verdict,
        names,
        best.entry.name if is_wrong else None,
        best.entry.erratum,
        best.entry.formula,
        hyper,
        counterexample=_against_the_right(case, best) if is_wrong else None,
        notes=[*_others(case, found, same), *_where_lr(found, best)],
        summary=summary(best.entry),
        status=STATUS[verdict],
    )


def summary(entry: Entry) -> str:
    """Return what an entry is in a sentence: the first of its docstring."""
    cls = MISPRINTS[entry.name] if entry.kind == "misprint" else type(entry.rule)
    text = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    own = text.partition(": ")[2] if entry.kind == "rule" and ": " in text else text
    return own if own[1:2].isupper() else own[0].lower() + own[1:]


def _rank(case: Case, match: Match, found: list[Match]) -> tuple[Any, ...]:
    """Return how well a name fits, the best first.

    What the candidate was made of; hyper-parameters that are those it was told, or round; the
    place of the learning rate; then a rule, and a framework's form of another rule before a
    misprint, a misprint before a framework's form of the same rule; then what needs fewer switches.
    """
    entry, source = match.entry, case.candidate.source
    own = case.is_own(entry)
    others = {m.entry.family for m in found if m.entry.kind == "framework"}
    is_slip = entry.kind == "misprint" and entry.family in others
    kinds = {"rule": 0, "framework": 1 if not is_slip else 2, "misprint": 1 if is_slip else 2}
    kind = kinds[entry.kind]
    if entry.kind == "framework":
        slips = {m.entry.family for m in found if m.entry.kind == "misprint"}
        kind = 2 if entry.family in slips else 1
    hinted = _is_hinted(source, entry)
    return (
        not own,
        sum(value == 0 for value in match.hyper.values()),
        _against(case, match),
        -_fit_of_numbers(case, match),
        not hinted,
        not match.follows_lr,
        entry.is_shadow,
        kind,
        entry.turned_on,
        _place(entry),
    )


def _against(case: Case, match: Match) -> int:
    """Return how many hyper-parameters were told as others than a name asks for."""
    read = {n: v for n, v in match.hyper.items() if n not in _without_effect(case, match)}
    return sum(
        not math.isclose(case.told[n], v, rel_tol=1e-3) for n, v in read.items() if n in case.told
    )


def _place(entry: Entry) -> int:
    return next(i for i, listed in enumerate(entries()) if listed is entry)


def _is_hinted(source: Any, entry: Entry) -> bool:
    """Whether a misprint's rule is in the name of what was given."""
    name = str(getattr(source, "__name__", type(source).__name__)).lower().replace("_", "")
    return (
        entry.kind == "misprint" and entry.family.split("-")[0] in name and entry.family != "adam"
    )


def _fit_of_numbers(case: Case, match: Match) -> float:
    """Return how many of the hyper-parameters stand in the candidate, or are round."""
    shown = [v for n, v in match.hyper.items() if n not in _without_effect(case, match)]
    points = [1.0 if _is_seen(v, case) else 0.5 if _is_round(v) else 0.0 for v in shown]
    return round(sum(points) / max(len(points), 1), 6)


def _is_seen(value: float, case: Case) -> bool:
    known = [*case.told.values(), *(v for v in case.seen if v not in (0.0, 1.0, 2.0, 0.5))]
    return any(math.isclose(value, number, rel_tol=1e-9) for number in known)


def _is_round(value: float) -> bool:
    return any(
        math.isclose(float(f"{v:.2e}"), v, rel_tol=1e-12) for v in (value, 1 - value) if v > 0
    )


def _coincides(match: Match, best: Match) -> bool:
    """Whether a name is that of the best one at these hyper-parameters, or of the same paper."""
    families = {match.entry.family, best.entry.family}
    if "misprint" not in (match.entry.kind, best.entry.kind) and (
        len(families) == 1 or families <= ADAMS
    ):
        return True
    shared = match.hyper.keys() & best.hyper.keys()
    return all(math.isclose(match.hyper[n], best.hyper[n], rel_tol=1e-6) for n in shared)


ADAMS = {"adam", "adamw"}


def _without_effect(case: Case, match: Match) -> set[str]:
    """Return the hyper-parameters that change nothing in what an entry does."""
    key = id(match)
    if key not in case.idle:
        asked = [n for n in match.hyper if n not in case.known]  # a sign shows them elsewhere
        case.idle[key] = (match, {n for n in asked if _is_idle(case, match, n)})
    idle: set[str] = case.idle[key][1]
    return idle


def _is_idle(case: Case, match: Match, name: str) -> bool:
    visit = case.probe
    value = match.hyper[name]
    other = value / 2 if value > 1e-3 else 1e3 * value + 1e-3
    changed = with_hyper(match.rule, {name: other})
    return np.array_equal(
        displacements(changed, visit), displacements(match.rule, visit), equal_nan=True
    )


EXTREME = 1e-7
"""How near to 0 or 1 a rate is that makes of one rule another."""


def _has_part_off(case: Case, match: Match) -> bool:
    """Whether an entry coincides only because a part of it was fitted away."""
    if case.is_own(match.entry):
        return False
    if any(min(v, 1 - v) < EXTREME for n, v in match.hyper.items() if n in RATES):
        return True
    if match.entry.family == "radam" and "beta2" in _without_effect(case, match):  # below 0.6
        return True
    parts = (OFF | {"initial_accumulator", "alpha", "lambd", "l1", "l2"}) & match.hyper.keys()
    is_two = {"eps", "eps_root"} <= match.hyper.keys() and match.entry.name not in NAMES
    parts |= {"eps"} if is_two else set()
    if "eps" not in match.hyper:
        parts -= {"eps_root"}
    return any(
        parting(match.entry.at({**match.hyper, n: 0.0}), case.hostile, case.relative) is None
        for n in parts
    )


def _against_the_right(case: Case, match: Match) -> Any:
    right = with_hyper(match.rule, {})
    wrong = MISPRINTS[match.entry.name]
    base = object.__new__(wrong.of)
    base.__dict__.update(vars(right))
    return counterexample(case.candidate, base, match.entry.family)


def _others(case: Case, found: list[Match], same: list[Match]) -> list[str]:
    """Return a note of what coincides at other hyper-parameters: of a rule, other rules alone."""
    found = [m for m in found if m.entry.kind != "misprint" or same[0].entry.kind == "misprint"]
    names = {m.entry.name for m in same}
    shown: dict[str, str] = {}
    for match in found:
        is_plain = all(_is_seen(v, case) or _is_round(v) for v in match.hyper.values())
        if match.entry.name not in names and not match.entry.is_shadow and is_plain:
            shown.setdefault(match.entry.name, in_words(match.hyper))
    return [f"it moves as {name} with {hyper} does, too" for name, hyper in shown.items()]


def _where_lr(found: list[Match], best: Match) -> list[str]:
    """Return a note of the names that hold only as long as the learning rate stays."""
    if not best.follows_lr:
        return ["this holds as long as the learning rate stays: it parts when that is changed"]
    left = dict.fromkeys(m.entry.name for m in found if not m.follows_lr and not m.entry.is_shadow)
    return [f"when the learning rate is changed it parts from {', '.join(left)}"] if left else []


def _unknown(case: Case, why: str) -> Report:
    return Report("unknown", summary=why, notes=[], status=STATUS["unknown"])


def _variant_or_unknown(case: Case, near: list[Any]) -> Report:
    for parts, hyper in variants(case):
        return _changed(case, parts, hyper)
    return _nearest(case, near)


def _changed(case: Case, parts: Parts, hyper: dict[str, float]) -> Report:
    """Return the report of a known rule with known changes."""
    name = composed.nearest(parts)
    base = composed.BASES[name]
    what = "; ".join(composed.changes(parts, base))
    right = maker(base)({n: v for n, v in hyper.items() if n in base.free})
    return Report(
        "variant",
        [name],
        formula=FORMULAS[name],
        hyper=hyper,
        counterexample=counterexample(case.candidate, right, name),
        notes=[f"changed: {what}"],
        summary=f"{name} with changes: {what}",
        status=STATUS["variant"],
    )


NEAR = 0.1
"""The mean error, as a share of a step, above which a rule is not called near."""


def _nearest(case: Case, near: list[Any]) -> Report:
    """Return the report of what is unknown: the nearest entry, and where it departs from it."""
    if not near:
        return _unknown(case, "no rule moves like this")
    error, entry, fitted = next((tried for tried in near if tried[1].kind != "misprint"), near[0])
    if error > NEAR:
        return _unknown(
            case, f"no rule comes near: {entry.name} least far, off by {error:.0%} of a step"
        )
    rule = entry.at(fitted.hyper)
    step = parting(rule, case.hostile, 1e-6) or parting(rule, case.hostile, case.relative)
    what = f"the nearest is {entry.name} with {in_words(fitted.hyper)}; it departs at step {step}"
    return replace(
        _unknown(case, what),
        formula=entry.formula,
        counterexample=counterexample(case.candidate, rule, entry.name),
    )


def _whole(case: Case) -> Report:
    """Return the report of what looks at arrays as a whole."""
    found = whole_matches(case)
    if not found:
        return _unknown(
            case, "its coordinates do not move by themselves, and it is no rule of ours"
        )
    best = min(found, key=lambda match: (not case.is_own(match.entry), len(match.hyper)))
    names = dict.fromkeys([best.entry.name, *(match.entry.name for match in found)])
    return Report(
        "rule",
        list(names),
        formula=best.entry.formula,
        hyper=best.hyper,
        summary=summary(best.entry),
        status=STATUS["rule"],
    )


def _seen(source: Any) -> frozenset[float]:
    """Return the numbers that stand in a candidate: its constants, defaults and attributes."""
    found: set[float] = set()
    _collect(source, found, 0)
    return frozenset(found)


def _collect(thing: Any, found: set[float], depth: int) -> None:
    if isinstance(thing, bool) or depth > 4:
        return
    if isinstance(thing, int | float):
        found.add(float(thing))
    elif isinstance(thing, dict):
        for value in list(thing.values())[:100]:
            _collect(value, found, depth + 1)
    elif isinstance(thing, tuple | list):
        for value in thing[:100]:
            _collect(value, found, depth + 1)
    elif inspect.isfunction(thing):
        code = thing.__code__
        globals_ = [thing.__globals__.get(n) for n in code.co_names]
        cells = [c.cell_contents for c in thing.__closure__ or () if _is_filled(c)]
        numbers = [g for g in globals_ if isinstance(g, int | float)]
        inner = [c for c in code.co_consts if isinstance(c, int | float)]
        _collect([*inner, *(thing.__defaults__ or ()), *numbers, *cells], found, depth + 1)
        _collect(thing.__kwdefaults__ or {}, found, depth + 1)
    elif inspect.isclass(thing):
        _collect(
            {
                k: v
                for k, v in vars(thing).items()
                if inspect.isfunction(v) or isinstance(v, int | float)
            },
            found,
            depth + 1,
        )
    elif hasattr(thing, "__dict__") and depth < 3:
        _collect(vars(thing), found, depth + 1)
        _collect(type(thing), found, depth + 1)
    elif isinstance(thing, np.generic):
        found.add(float(thing))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _dead(case: Case) -> list[str]:
    """Return the told hyper-parameters whose change changes no step."""
    vary = case.candidate.vary
    if vary is None or not case.is_repeatable:
        return []
    dead = []
    for name, value in case.candidate.told.items():
        meaning = letter(name, case.candidate)
        if value and meaning not in case.known and _changes_nothing(case, vary, name, value):
            dead.append(meaning)
    return dead


def _changes_nothing(case: Case, vary: Any, name: str, value: float) -> bool:
    meaning = LETTER.get(name, name)
    changed = {"eps": max(100 * value, 0.1), "weight_decay": value + 0.5}.get(meaning, value / 2)
    starts = [case.start]
    if not case.is_elementwise:
        starts.append(matrices((3, 4), 12, 0.0))
    for start in starts:
        try:
            other = vary(name, changed).visit(*start)
        except Exception:  # it has an effect: a value is refused
            return False
        own = case.candidate.visit(*start)
        with np.errstate(all="ignore"):
            off = np.abs(other.u - own.u)
        same = np.isfinite(other.u) == np.isfinite(own.u)
        if not np.all(same & ~(off > 1e-9 * scale(own.u) + np.spacing(np.abs(own.x[:-1])))):
            return False
    return True


def _told_otherwise(case: Case, report: Report, dead: list[str]) -> list[str]:
    """Return a note for each hyper-parameter that was told as another than was read."""
    notes = []
    for name, value in case.told.items():
        read = report.hyper.get(name)
        scaled = case.told.get("lr", 1.0) * value
        if read is None or name in dead or math.isclose(read, value, rel_tol=1e-5):
            continue
        if not (name == "weight_decay" and math.isclose(read, scaled, rel_tol=1e-5)):
            notes.append(f"{name} was told as {value:g}, and acts as {read:.6g}")
    return notes
