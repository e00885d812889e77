"""What a question is, how one is drawn from its template, and how an answer is judged.

A template is a function from a generator of random numbers to an `Ask`, entered in `TEMPLATES` by
`template`. A wrong answer that a known mistake gives is named: the misprints of a rule answer the
same question as the rule, and a template names further slips.
"""

import math
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real
from typing import Any

from descent.misprints import MISPRINTS
from descent.report import number
from descent.rules import Rule
from tools.book import project
from tools.teaching.questions.exact import Exact, root

Number = Any
"""A fraction where it is exact, else a float."""

HALF, TENTH = Fraction(1, 2), Fraction(1, 10)

LONGEST = 24
"""Characters of a fraction that is still shown as one."""
CLOSE = 1e-3
"""How far an answer may be off, as a share of its size: three digits are right."""
HALF_OFF = 0.4
"""How far a whole number may be off: not at all, but for the rounding of a computer."""
APART = 0.3
"""The share of the distance to the nearest mistake that no tolerance exceeds."""


@dataclass(frozen=True)
class Ask:
    """What a template draws: the text in Markdown, the answer, and what known mistakes give."""

    text: str
    answer: Number
    mistakes: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A question with numbers in it.

    Attributes:
        template: what it was drawn from.
        seed: with which it was drawn; the same seed gives the same question.
        text: the question, in Markdown.
        answer: the number asked for, a fraction where it is exact.
        tolerance: how far an answer may be off.
        mistakes: what is said of the wrong answers that are known, by their numbers.
    """

    template: "Template"
    seed: int
    text: str
    answer: Number
    tolerance: float
    mistakes: tuple[tuple[str, float], ...]

    @property
    def id(self) -> str:
        """Return its name, which tells it from all others."""
        return f"{self.template.id}-{self.seed}"

    @property
    def shown(self) -> str:
        """Return the answer as text: exactly, and in decimals where it is a fraction."""
        if isinstance(self.answer, Fraction):
            exact, decimals = str(Fraction(self.answer)), number(float(self.answer))
            if len(exact) > LONGEST:
                return decimals
            return exact if exact == decimals else f"{exact} = {decimals}"
        return number(self.answer)

    def says(self, answer: float) -> str | None:
        """Return what is said of an answer: nothing ("") if it is right, None if it is not known.

        >>> from tools.teaching.questions import TEMPLATES
        >>> asked = TEMPLATES["adam-first-step"].question(0)
        >>> asked.says(float(asked.answer))
        ''
        """
        if abs(answer - float(self.answer)) <= self.tolerance:
            return ""
        known = [(text, value) for text, value in self.mistakes if self.is_mistake(answer, value)]
        return min(known, key=lambda one: abs(one[1] - answer))[0] if known else None

    def is_mistake(self, answer: float, value: float) -> bool:
        """Return whether an answer is what a mistake gives."""
        return abs(answer - value) <= self.around(value)

    def around(self, value: float) -> float:
        """Return how far an answer may be off what a mistake gives."""
        return min(CLOSE * abs(value) or self.tolerance, APART * abs(value - float(self.answer)))


@dataclass(frozen=True)
class Template:
    """A question without its numbers.

    Attributes:
        id: its name, in words.
        chapter: the page that answers it, by its stem.
        formulas: the ids of the formulas that answer it.
        by_code: whether it asks for a program; else it is for pen and paper.
        draw: makes the numbers.
    """

    id: str
    chapter: str
    formulas: tuple[str, ...]
    by_code: bool
    draw: Callable[[random.Random], Ask]

    def question(self, seed: int) -> Question:
        """Return the question of a seed, a whole number of at least 0.

        Raises:
            ValueError: seed is not.
        """
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
        ask = self.draw(random.Random(f"{self.id} {seed}"))
        found = distinct(ask)
        tolerance = allowed(ask.answer, [value for _, value in found])
        return Question(self, seed, ask.text, ask.answer, tolerance, found)


def allowed(answer: Number, mistakes: Sequence[float]) -> float:
    """Return how far an answer may be off: three digits are right, and no mistake is meant.

    A whole number is to be exact.
    """
    size = abs(float(answer)) or 1.0
    gaps = [abs(wrong - float(answer)) for wrong in mistakes]
    most = [HALF_OFF] if isinstance(answer, Fraction) and answer.denominator == 1 else []
    return min([CLOSE * size, *most, *(APART * gap for gap in gaps)])


def distinct(ask: Ask) -> tuple[tuple[str, float], ...]:
    """Return the mistakes that show in the digits of the answer, those alike as one."""
    merged: dict[float, list[str]] = {}
    for name, wrong in ask.mistakes.items():
        value = as_float(wrong)
        if not math.isfinite(value) or alike(value, float(ask.answer), ask.answer):
            continue
        near = (other for other in merged if alike(other, value, value))
        merged.setdefault(next(near, value), []).append(name)
    return tuple((" Or: ".join(names), value) for value, names in merged.items())


def alike(one: float, other: float, exact: Number) -> bool:
    """Return whether two numbers are the same in the digits asked for."""
    if isinstance(exact, Fraction) and exact.denominator == 1:
        return abs(one - other) < HALF_OFF
    return math.isclose(one, other, rel_tol=2 * CLOSE)


def as_float(value: Number) -> float:
    """Return a number as a float; what is no real number as nan."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        return math.inf


TEMPLATES: dict[str, Template] = {}
"""All templates by id, in the order of the book."""


def template(
    name: str, chapter: str, *formulas: str, by_code: bool = False
) -> Callable[[Callable[[random.Random], Ask]], Callable[[random.Random], Ask]]:
    """Return a decorator that enters a template.

    Raises:
        ValueError: another template has the id, or there is no such page.
    """
    if name in TEMPLATES:
        raise ValueError(f"a template's id must be new, got {name!r}")
    if not (project.BOOK / f"{chapter}.md").exists():
        raise ValueError(f"chapter must be a page of the book, got {chapter!r}")

    def enter(draw: Callable[[random.Random], Ask]) -> Callable[[random.Random], Ask]:
        TEMPLATES[name] = Template(name, chapter, formulas, by_code, draw)
        return draw

    return enter


# --- rules and their misprints --------------------------------------------------------------------


def named(name: str) -> str:
    """Return what is said of a wrong answer that a misprint gives."""
    misprint = MISPRINTS[name]
    first = (misprint.__doc__ or "").splitlines()[0]
    return f"This is what the misprint {name} gives ({misprint.erratum}). {first}"


def of_rule(
    text: str, rule: Rule, answer: Callable[[Any], Number], more: Mapping[str, Number] | None = None
) -> Ask:
    """Return a question on a rule, which its misprints answer as well.

    Args:
        text: the question.
        rule: with its hyper-parameters.
        answer: the answer that a rule gives; it is asked of each misprint too.
        more: what further mistakes give, by what is said of them.
    """
    mistakes = {}
    for name, misprint in MISPRINTS.items():
        if misprint.of is type(rule):
            mistakes[named(name)] = _tried(answer, misprint(**vars(rule)))
    return Ask(text, answer(rule), mistakes | dict(more or {}))


def _tried(answer: Callable[[Any], Number], rule: Any) -> Number:
    """Return the answer of a misprint; no number where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return answer(rule)
        except (ArithmeticError, ValueError):
            return math.nan


def after(rule: Any, gradients: Sequence[Any], start: Any = 0) -> tuple[Number, Any]:
    """Return x and the state of a rule after these gradients, in exact fractions where they are."""
    x = start if isinstance(start, float) else Exact(start)
    state = rule.init(x)
    for g in gradients:
        x, state = rule.update(x, g if isinstance(g, float) else Exact(g), state)
    return x, state


def down(rule: Any, curvature: Any, start: Any, steps: int) -> Number:
    """Return where a rule is on f(x) = λx²/2 after so many steps."""
    x = Exact(start)
    state = rule.init(x)
    for _ in range(steps):
        x, state = rule.update(x, curvature * x, state)
    return x


def with_exact_roots(
    draw: random.Random, gradients: Callable[[], Sequence[int]], squares: Callable[[Any], Any]
) -> Sequence[int]:
    """Return gradients, drawn until each root that a rule takes of them is a fraction."""
    while True:
        found = gradients()
        if all(isinstance(root(Fraction(square)), Fraction) for square in squares(found)):
            return found


def averaged(values: Sequence[int], beta: Fraction) -> Fraction:
    """Return the exponential average of values, from 0."""
    mean = Fraction(0)
    for value in values:
        mean = beta * mean + (1 - beta) * value
    return mean


def listed(values: Sequence[Any]) -> str:
    """Return numbers as they stand in a sentence."""
    return ", ".join(map(str, values))
