"""Find what an optimiser is among all that it can be."""

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from descent.identify import _candidate as running
from descent.identify import _probes as probes
from descent.identify._candidate import LETTER, Candidate
from descent.identify._catalogue import (
    GENERIC,
    RATES,
    Entry,
    entries,
    kind_of,
    numbers,
    parts,
)
from descent.identify._example import walk
from descent.identify._fit import (
    Fitted,
    RuleAt,
    Visit,
    begins_at_eps,
    fit,
    improve,
    parting,
    scale,
)
from descent.identify._probes import Array
from descent.identify._relatives import NAMES
from descent.rules import Rule

CLOSE = 1e-5
"""The mean relative error in the short probe below which a rule is run against the long one."""


@dataclass
class Case:
    """A candidate and what was seen of it, each run made once."""

    candidate: Candidate
    seen: frozenset[float] = frozenset()
    relative: float = 1e-9
    runs: dict[Any, Visit] = field(default_factory=dict)
    told_by_user: dict[str, float] = field(default_factory=dict)
    idle: dict[int, Any] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    far: dict[Any, Fitted] = field(default_factory=dict)

    @cached_property
    def probe(self) -> Visit:
        """Return the short run."""
        return self.candidate.visit(*self.start)

    @property
    def start(self) -> tuple[Array, Array]:
        """Return the start and the gradients of the short run."""
        if self.candidate.needs_matrix:
            return probes.matrices((3, 4), 12, 1.0)
        return probes.probe()

    @cached_property
    def hostile(self) -> Visit:
        """Return the long run."""
        return self.candidate.visit(*probes.hostile())

    @cached_property
    def single(self) -> Visit | None:
        """Return the long run in float32, or None where the candidate takes numbers alone."""
        if not self.candidate.takes_arrays:
            return None
        x, g = probes.hostile(seed=1)
        return self.candidate.visit(x.astype(np.float32), g.astype(np.float32))

    @cached_property
    def dropping(self) -> Visit | None:
        """Return a run whose learning rate falls and rises, or None where it cannot be set."""
        if self.candidate.with_lr is None:
            return None
        return self.candidate.visit(*probes.hostile(seed=2, steps=40), lr=factor)

    @cached_property
    def told(self) -> dict[str, float]:
        """Return the hyper-parameters that the candidate was given, by the rules' names."""
        found = {}
        for name, value in self.candidate.told.items():
            found[letter(name, self.candidate)] = value
        return found | self.told_by_user

    @cached_property
    def is_repeatable(self) -> bool:
        """Whether a second run is the first."""
        again = self.candidate.visit(*self.start)
        return np.array_equal(again.x, self.probe.x, equal_nan=True)

    @cached_property
    def knows_matrices(self) -> bool:
        """Whether a matrix goes another way than its entries in a row, as with Muon."""
        if not self.candidate.takes_arrays or self.candidate.needs_matrix:
            return False
        return any(self._turns(shape) for shape in ((3, 4), (8, 12)))  # some leave small ones alone

    def _turns(self, shape: tuple[int, int]) -> bool:
        """Whether a matrix of a shape goes another way than its entries in a row."""
        x, g = probes.matrices(shape, 12, 1.0)
        try:
            whole = self.candidate.visit(x, g)
        except Exception:  # it takes vectors alone
            return False
        flat = self.candidate.visit(x.reshape(-1), g.reshape(len(g), -1))
        with np.errstate(all="ignore"):
            off = np.abs(whole.x - flat.x.reshape(whole.x.shape))
        most = np.abs(whole.u[np.isfinite(whole.u)]).max(initial=0.0)
        return bool(np.any(off > 1e-6 * most))

    @cached_property
    def is_elementwise(self) -> bool:
        """Whether each coordinate goes its way without the others."""
        if self.candidate.needs_matrix or self.knows_matrices:
            return False
        x, g = probes.probe()
        some = slice(5, 30)
        alone = self.candidate.visit(x[some][::-1], g[:, some][:, ::-1])
        near, u = alone.u[:, ::-1], self.probe.u[:, some]
        with np.errstate(all="ignore"):
            same = np.abs(near - u) <= 1e-6 * scale(u)
        return bool(np.all(same | (np.isfinite(near) == np.isfinite(u)) & ~np.isfinite(u)))

    def is_own(self, entry: Entry) -> bool:
        """Whether the candidate was made of an entry: its class, or the framework's optimiser."""
        source: Any = self.candidate.source
        if isinstance(source, Rule) or (inspect.isclass(source) and issubclass(source, Rule)):
            made: Any = source
            return is_made_of(made() if inspect.isclass(made) else made, entry)
        if entry.kind != "framework":
            return False
        cls = source if inspect.isclass(source) else type(source)
        home, name = cls.__module__.partition(".")[0], entry.name.split(".")
        return home == name[0] and cls.__name__ == name[-1]


def letter(name: str, candidate: Candidate) -> str:
    """Return the rules' name of a candidate's hyper-parameter."""
    if name == "alpha" and candidate.form == "torch":
        return "rho"
    return LETTER.get(name, name)


def factor(t: int) -> float:
    """Return what multiplies the learning rate at step t: its changes show its place."""
    return (1.0, 0.1, 0.5)[(t // 6) % 3]


@dataclass(frozen=True)
class Match:
    """An entry that makes the candidate's steps, and its hyper-parameters."""

    entry: Entry
    hyper: dict[str, float]
    follows_lr: bool = True

    @property
    def rule(self) -> Rule:
        """Return the rule."""
        return self.entry.at(self.hyper)


def matches(case: Case) -> tuple[list[Match], list[tuple[float, Entry, Fitted]]]:
    """Return all entries that the candidate cannot be told from, and the others that came near."""
    marks = traits(case.probe.u)
    found: list[Match] = []
    near: list[tuple[float, Entry, Fitted]] = []
    tried: dict[Any, list[Match]] = {}
    for entry in entries():
        if not entry.rule.elementwise:
            continue
        running.sign_of_life("while it was compared")
        own = is_made_of(case.candidate.source, entry)
        if not own and not _may_have(marks, entry, case.probe):
            continue
        key = structure(entry)
        if key not in tried:
            fitted = fit_entry(case, entry)
            tried[key] = list(_verified(case, entry, fitted))
            near.append((fitted.mean, entry, fitted))
        found += [replace(match, entry=entry) for match in tried[key]]
    return found, sorted(near, key=lambda tried: tried[0])


def fit_entry(case: Case, entry: Entry) -> Fitted:
    """Return the hyper-parameters that an entry must have; those under a sign were read before."""
    return fit_known(case, entry.at, entry.free, numbers(entry.rule))


def fit_known(
    case: Case, rule_at: RuleAt, free: Sequence[str], begin: Mapping[str, float] = GENERIC
) -> Fitted:
    """Return the hyper-parameters of a rule, with those that are known as they are."""
    known = {n: told_or_round(v, case, n) for n, v in case.known.items() if n in free}
    rest = [n for n in free if n not in known]

    def rest_at(hyper: Mapping[str, Any]) -> Rule:
        return rule_at({**known, **hyper})

    found = fit(rest_at, rest, case.probe, probes.LARGE_COLUMNS, {**GENERIC, **begin}, case.far)
    return Fitted(known | found.hyper, found.error, found.mean)


def _may_have(marks: tuple[Any, ...], entry: Entry, visit: Visit) -> bool:
    """Whether a rule has these traits; what cancels in its first step leaves it two of them."""
    with np.errstate(all="ignore"):
        theirs = traits(np.diff(walk(entry.rule, visit.x[0], visit.g[:2]), axis=0))
    if begins_at_eps(entry.rule):
        return marks[0] is theirs[0] and marks[2] is theirs[2]
    return marks == theirs


def traits(u: Array) -> tuple[Any, ...]:
    """Return what no choice of hyper-parameters changes in the displacements of the probe.

    The direction of the first step; how it grows with the gradient; what happens without one; and
    whether an impulse is remembered, where nothing else moves x.
    """
    with np.errstate(all="ignore"):
        large, unit = u[0, probes.CONSTANT], u[0, probes.UNIT_COLUMNS[probes.CONSTANT]]
        degree = np.log(abs(large / unit)) / math.log(probes.LARGE)
        still = u[0, probes.STILL[0]]
        rest = "nan" if not np.isfinite(still) else bool(abs(still) > 1e-14)  # rounding, from x = 1
        remembers = bool(abs(u[1, probes.IMPULSE]) > 1e-9 * abs(u[0, probes.IMPULSE]))
    kind = round(2 * float(degree)) / 2 if np.isfinite(degree) else None
    return bool(large > 0), kind, rest, remembers if rest is False else None


def structure(entry: Entry) -> Any:
    """Return what entries have in common whose formulas are one."""
    chain = parts(entry.rule)
    fixed = tuple(
        tuple(
            sorted(
                (k, v)
                for k, v in vars(part).items()
                if k not in (*entry.free, "rule", "lr") and not callable(v)
            )
        )
        for part in chain
    )
    return tuple(kind_of(part) for part in chain), entry.free, fixed


def is_made_of(source: Any, entry: Entry) -> bool:
    """Whether a rule that was given is this entry by its class, whatever its numbers."""
    return isinstance(source, Rule) and [kind_of(p) for p in parts(source)] == [
        kind_of(p) for p in parts(entry.rule)
    ]


def _verified(case: Case, entry: Entry, fitted: Fitted) -> Iterator[Match]:
    """Yield the entry with hyper-parameters that 500 hostile steps do not refute, if any."""
    begin = numbers(entry.rule) if entry.name in NAMES else {}
    for hyper in choices(case, entry.at, fitted, begin):
        if parting(entry.at(hyper), case.hostile, case.relative) is None:
            yield Match(entry, hyper, _follows(case, entry, hyper))
            return


HIDDEN = ("eps", "eps_root", "least", "largest", "alpha", "lambd")
"""What shows in few places."""


def choices(
    case: Case, rule_at: RuleAt, fitted: Fitted, begin: Mapping[str, float] = MappingProxyType({})
) -> Iterator[dict[str, float]]:
    """Yield the hyper-parameters as they were told, rounded, as they were read, and read again.

    What hardly shows is also tried as it is by default, in `begin`.
    """
    if not fitted.mean <= CLOSE:
        return
    if case.told.keys() & fitted.hyper.keys():
        yield {n: case.told.get(n, v) for n, v in fitted.hyper.items()}
    yield {n: told_or_round(v, case, n) for n, v in fitted.hyper.items()}
    yield fitted.hyper
    yield from _polished(case, rule_at, fitted)
    hidden = {n: v for n, v in begin.items() if n in fitted.hyper and n in HIDDEN}
    if hidden:
        yield {n: told_or_round(v, case, n) for n, v in fitted.hyper.items()} | hidden
    if "eps" in fitted.hyper:  # one that hardly shows
        small = [v for v in case.seen if 0 < v < 0.1][:6]
        yield from ({**fitted.hyper, "eps": v} for v in small)
    if fitted.error < 1e-3:
        again = improve(rule_at, fitted.hyper, case.hostile.part(steps=100), rounds=8)
        yield {n: told_or_round(v, case, n) for n, v in again.hyper.items()}
        yield again.hyper


def _polished(case: Case, rule_at: RuleAt, fitted: Fitted) -> Iterator[dict[str, float]]:
    """Yield the hyper-parameters with those that are round kept, and the others read anew."""
    plain = {n: told_or_round(v, case, n) for n, v in fitted.hyper.items()}
    rest = {n: v for n, v in plain.items() if v == fitted.hyper[n]}
    if not 0 < len(rest) < len(plain):
        return
    for visit in (case.probe, case.hostile.part(steps=100)):
        found = improve(lambda h: rule_at({**plain, **h}), rest, visit, rounds=15).hyper
        yield plain | {n: told_or_round(v, case, n) for n, v in found.items()}
        yield plain | found


def told_or_round(value: float, case: Case, name: str) -> float:
    """Return the number of few digits, told or seen, that a number which was read is."""
    near = [v for v in (case.told.get(name), *case.seen) if v and abs(value / v - 1) < 1e-6]
    if near:
        return min(near, key=lambda v: abs(value / v - 1))
    return rounded(value, name)


def rounded(value: float, name: str = "") -> float:
    """Return the number of up to four digits that a number is within a millionth, or itself.

    >>> rounded(0.00099999999973), rounded(0.0123456)
    (0.001, 0.0123456)
    """
    rests = (value, 1 - value) if name in RATES else (value,)
    for rest in rests:
        for digits in range(1, 5):
            near = float(f"{rest:.{digits - 1}e}")
            if near and abs(rest - near) < 1e-6 * abs(near):
                return near if rest == value else round(1 - near, 15)
    return value


def _follows(case: Case, entry: Entry, hyper: Mapping[str, float]) -> bool:
    """Whether the entry makes the candidate's steps where the learning rate changes, too."""
    if case.dropping is None or "lr" not in hyper:
        return True
    rate = hyper["lr"]
    rule = entry.at({**hyper, "lr": lambda t: rate * factor(t)})
    return parting(rule, case.dropping, max(case.relative, 1e-7)) is None
