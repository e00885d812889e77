"""For a test suite and for a course: is this the rule it should be, and which part is not?"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from descent import rules
from descent.identify._candidate import Candidate, NotRunnableError
from descent.identify._example import counterexample
from descent.identify._fit import displacements, parting, scale
from descent.identify._forms import candidate as candidate_of
from descent.identify._probes import UNIT_COLUMNS, hostile, matrices, probe
from descent.rules import Rule


def wanted(name: str, hyper: Mapping[str, float]) -> Rule:
    """Return the rule that is wanted, at its defaults where nothing is said.

    Raises:
        ValueError: there is no such rule, or a hyper-parameter is not allowed.
    """
    return rules.get(name, **hyper)


def assert_is(candidate: Any, name: str, *, form: str | None = None, **hyper: float) -> None:
    """Require that an optimiser is a rule, at these hyper-parameters, over 500 hostile steps.

    Args:
        candidate: whatever `identify` takes.
        name: of the rule, as in `descent.rules.names()`.
        form: what the candidate is, if that is not to be guessed.
        hyper: the hyper-parameters that it must have; those not named are the rule's defaults.

    Raises:
        AssertionError: it is another; the message has the counterexample and says what it is.
        NotRunnableError: it could not be run.
        ValueError: there is no such rule, or a hyper-parameter is not allowed.

    >>> assert_is(rules.Adam(lr=0.01), "adam", lr=0.01)
    """
    rule, found = wanted(name, hyper), candidate_of(candidate, form)
    step = _parts(found, rule)
    if step is None:
        return
    from descent.identify._verdict import judged_candidate

    example = counterexample(found, rule, name) if rule.elementwise else None
    what = judged_candidate(found, hyper)
    lines = [f"it parts from {rule} at step {step}"]
    lines += [f"shortest proof: {example}"] if example else []
    raise AssertionError("\n".join([*lines, f"it is {what}"]))


def _parts(found: Candidate, rule: Rule) -> int | None:
    """Return the first step at which a candidate is no longer a rule, or None."""
    if not rule.elementwise:
        return parting(rule, found.visit(*matrices((3, 4), 300, 1.0)), 1e-6)
    step = parting(rule, found.visit(*hostile()))
    if step is None and found.takes_arrays:
        x, g = hostile(seed=1)
        return parting(rule, found.visit(x.astype(np.float32), g.astype(np.float32)), 1e-3)
    return step


@dataclass(frozen=True)
class Grade:
    """What a candidate gets for each part, and a hint for the first that is not right.

    Attributes:
        points: 0 or 1 for each part.
        hint: what to look at, without the solution; empty where all is right.
    """

    points: dict[str, int]
    hint: str = ""

    @property
    def score(self) -> float:
        """Return the share of the points."""
        return sum(self.points.values()) / len(self.points)


HINTS = {
    "runs": "It does not run: {why}.",
    "first step": "Work out the first step by hand, for a gradient of 1 from x = 0.",
    "scale": "What happens to the first step when the gradient is ten times as large?",
    "memory": "Give it a gradient of 1, then zeros. How does each step follow from the last?",
    "correction": "Ten steps along a gradient of 1: how long should each be? What changes with t?",
    "denominator": "Give it one large gradient, then small ones. How fast does it forget?",
    "eps": "Give it gradients as small as ε, and no gradient at all. Where does ε stand?",
    "decay": "Start at x = 1 without a gradient. How far should x move?",
    "state": "Run it for a few hundred steps. What does it keep from one step to the next?",
}
"""A hint for each part."""

SMALL = slice(16, 24)
AWAY = slice(-8, None)


def grade(candidate: Any, name: str, *, form: str | None = None, **hyper: float) -> Grade:
    """Return the points of a solution, part by part: the same for the same solution.

    Args:
        candidate: whatever `identify` takes.
        name: of the rule that is asked for.
        form: what the candidate is, if that is not to be guessed.
        hyper: the hyper-parameters that the task gives; the rule's defaults for the others.

    Raises:
        ValueError: there is no such rule, or a hyper-parameter is not allowed.

    >>> grade(rules.Adam(), "adam").score
    1.0
    """
    rule = wanted(name, hyper)
    parts = parts_of(rule)
    try:
        found = candidate_of(candidate, form)
        points = dict.fromkeys(parts, 0) | {"runs": 1} | _points(found, rule, parts)
    except NotRunnableError as error:
        return Grade(dict.fromkeys(parts, 0), HINTS["runs"].format(why=error))
    first = next((part for part, point in points.items() if not point), "")
    return Grade(points, HINTS.get(first, ""))


def parts_of(rule: Rule) -> list[str]:
    """Return the parts that a rule has."""
    names = {f.name for f in fields(rule)}
    has = {
        "scale": True,
        "memory": bool(names & {"beta1", "momentum"}),
        "correction": isinstance(rule, rules.Adam | rules.AdaMax | rules.NAdam | rules.RAdam),
        "denominator": bool(names & {"beta2", "rho"}) or isinstance(rule, rules.AdaGrad),
        "eps": "eps" in names,
        "decay": "weight_decay" in names,
    }
    if not rule.elementwise:
        return ["runs", "state"]
    return ["runs", "first step", *(part for part, there in has.items() if there), "state"]


def _points(found: Candidate, rule: Rule, parts: list[str]) -> dict[str, int]:
    """Return a point for each part whose experiment goes as it should."""
    if not rule.elementwise:
        return {"state": int(_parts(found, rule) is None)}
    visit = found.visit(*probe())
    model, u = displacements(rule, visit), visit.u
    with np.errstate(all="ignore"):
        off = np.abs(model - u) / scale(model)
    off = np.where(np.isfinite(model) & np.isfinite(u), off, np.isfinite(model) != np.isfinite(u))
    unit = off[:, UNIT_COLUMNS]
    seen = {
        "first step": unit[0],
        "scale": off[0, :16],
        "memory": off[:, [0, 8]],
        "correction": off[:, [1, 9]],
        "denominator": off[:, [4, 5, 12, 13]],
        "eps": off[:, SMALL],
        "decay": off[:, AWAY],
    }
    points = {part: int(np.all(seen[part] < 1e-6)) for part in parts if part in seen}
    return points | {"state": int(_parts(found, rule) is None)}
