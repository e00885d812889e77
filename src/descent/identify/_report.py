"""What is said of an optimiser: for a person, and as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STATUS = {"rule": 0, "misprint": 1, "variant": 2, "unknown": 2}
NOT_RUN = 3


@dataclass(frozen=True)
class Counterexample:
    """Gradients along which a candidate and the right rule part, and where each arrives.

    Attributes:
        gradients: numbers, or matrices as lists.
        start: x before the first.
        got: x of the candidate after the last.
        right: x of the right rule.
        rule: the name of the right rule.
    """

    gradients: list[Any]
    start: Any
    got: Any
    right: Any
    rule: str

    def __str__(self) -> str:
        gradients = ", ".join(_short(g) for g in self.gradients[:6])
        if len(self.gradients) > 6:
            gradients = f"{len(self.gradients)} of them: {gradients}, ..."
        got, right = _apart(self.got, self.right)
        return (
            f"gradients {gradients} from x = {_short(self.start)}: got {got}, {self.rule} {right}"
        )


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _apart(got: Any, right: Any) -> tuple[str, str]:
    """Return two numbers with as many digits as show that they differ."""
    if not (isinstance(got, float) and isinstance(right, float)):
        return str(got), str(right)
    for digits in range(4, 17):
        one, other = f"{got:#.{digits}g}", f"{right:#.{digits}g}"
        if one != other and abs(float(one) - float(other)) > 0.5 * abs(got - right):
            return one, other
    return repr(got), repr(right)


@dataclass(frozen=True)
class Report:
    """What an optimiser is.

    Attributes:
        verdict: "rule", "misprint", "variant" or "unknown".
        names: what it is called: the name that fits best first; of a variant the rule that was
            changed; nothing where it is unknown.
        misprint: the name of the misprint, or None.
        erratum: the id of its erratum, or None.
        formula: the id of the formula of the book that is right, or None.
        hyper: the hyper-parameters that were read off the behaviour, by the rules' names.
        dead: hyper-parameters that it was given and that change nothing.
        counterexample: gradients that tell it from the right rule, or None.
        notes: what else was seen, a sentence each.
        summary: what it is, in a sentence.
        status: the exit status of the command.
    """

    verdict: str
    names: list[str] = field(default_factory=list)
    misprint: str | None = None
    erratum: str | None = None
    formula: str | None = None
    hyper: dict[str, float] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    counterexample: Counterexample | None = None
    notes: list[str] = field(default_factory=list)
    summary: str = ""
    status: int = 2

    def as_json(self) -> str:
        """Return the report as JSON, as `schema.json` has it."""
        example = self.counterexample
        found: dict[str, Any] = {
            "schema": 1,
            "verdict": self.verdict,
            "names": self.names,
            "misprint": self.misprint,
            "erratum": self.erratum,
            "formula": self.formula,
            "hyper": self.hyper,
            "dead": self.dead,
            "counterexample": example
            and {
                "gradients": _finite(example.gradients),
                "start": _finite(example.start),
                "got": _finite(example.got),
                "right": _finite(example.right),
            },
            "notes": self.notes,
        }
        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        is_named = self.verdict in ("rule", "misprint")
        lines = [f"{self.names[0] if is_named else self.verdict}: {self.summary}"]
        found = f"found with {in_words(self.hyper)}" if self.hyper else ""
        where = f"erratum {self.erratum}, right " if self.erratum else ""
        formula = f"{where}formula {self.formula}" if self.formula else ""
        if formula or found:
            lines.append("  " + "; ".join(part for part in (formula, found) if part))
        if self.names[1:]:
            lines.append(f"  the same as {', '.join(self.names[1:])}")
        if self.dead:
            lines.append(f"  dead, without any effect: {', '.join(self.dead)}")
        if self.counterexample:
            lines.append(f"  shortest proof: {self.counterexample}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def in_words(hyper: Mapping[str, float]) -> str:
    """Return hyper-parameters as text.

    >>> in_words({"lr": 0.001, "beta1": 0.9})
    'lr=0.001 beta1=0.9'
    """
    return " ".join(f"{name}={value:.6g}" for name, value in hyper.items())


def _finite(value: Any) -> Any:
    """Return numbers as JSON has them: none for what is no number."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def not_run(why: str) -> Report:
    """Return the report of what could not be run."""
    return Report(
        "unknown", notes=[f"could not be run: {why}"], summary="it could not be run", status=NOT_RUN
    )
