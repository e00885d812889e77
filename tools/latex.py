r"""Evaluate an update rule as it is printed: its LaTeX, read by SymPy's parser, run step by step.

The LaTeX is a small subset, brought into the form that the parser takes:

- Statements are divided by `\\`, `\qquad`, `\quad` and commas outside brackets. Each reads
  `name = expression`; `a = b = 0` gives both. `\text{if } c` or `\text{otherwise}` after a
  statement says when it holds; the first that holds counts.
- Spacing, alignment and the sizes of brackets have no meaning: `\,`, `&`, `\bigl`, ...
- A name is a letter, Latin or Greek, with or without `\hat` and a subscript. The subscripts t, t-1
  and t+1 are steps, and 0 the value before the first step, which is 0 unless printed. Any other
  subscript belongs to the name, as in `\beta_1`.
- `\nabla f(x_{t-1})` is the gradient of step t, given as `nabla`;
  `\prod_{s=1}^{t} \mu_s` the product of all `\mu` up to step t.
- `\frac`, `\tfrac`, `\sqrt`, `\max`, `\operatorname{sign}`, `|...|`, powers and products are
  themselves. 0/0 is 0, as in `descent.rules`.

>>> steps = {"eta": lambda t: 0.5, "g": lambda t: 3.0 * t}
>>> run = Printed([r"x_t = x_{t-1} - \eta_t \, g_t"], {"x": 5.0}, steps)
>>> float(run.at("x", 2))
0.5
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

import numpy as np
import sympy
from sympy.parsing.latex import LaTeXParsingError, parse_latex

IGNORED = re.compile(r"\\[,;!:]|&|\\(?:begin|end)\{\w+\}|\\(?:[bB]igg?[lr]?|left|right)(?![a-z])")
BETWEEN = re.compile(r"[({]|[)}]|\\\\|\\qquad|\\quad(?!\s*\\text)|,")
CONDITION = re.compile(r"\\quad\s*\\text\{(if|otherwise) ?\}(.*)")
EQUALS = re.compile(r"=(?![^{}]*\})")  # but for the one in \prod_{s=1}
COMMANDS = "frac|sqrt|max|cdot|operatorname"
NAME = re.compile(
    r"\\prod_\{s=1\}\^\{(?P<upper>[^}]*)\}\s*\\(?P<factor>[a-z]+)_s"
    rf"|(?P<hat>\\hat\s*)?(?:\\(?!{COMMANDS})(?P<greek>[a-z]+)|(?<![\\a-zA-Z])(?P<latin>[a-zA-Z]))"
    r"(?![a-zA-Z])(?:_(?P<index>\{[^{}]*\}|\\[a-z]+|\w))?"
)
SHIFT = {"t": 0, "t-1": -1, "t+1": 1}


def normalised(latex: str) -> str:
    r"""Return LaTeX without what has no meaning: spacing, alignment, the sizes of brackets.

    >>> normalised(r"x_t &= x_{t-1} - \eta_t \, \bigl( g_t \bigr)")
    'x_t = x_{t-1} - \\eta_t ( g_t )'
    """
    return " ".join(IGNORED.sub(" ", latex).split())


def statements(latex: str) -> Iterator[str]:
    r"""Yield the statements of a formula.

    >>> list(statements(r"u_t = \max(a_t, b_t), \qquad u_0 = 0"))
    ['u_t = \\max(a_t, b_t)', 'u_0 = 0']
    """
    text, depth, parts = normalised(latex), 0, [0]
    for match in BETWEEN.finditer(text):
        depth += (match[0] in "({") - (match[0] in ")}")
        if depth == 0 and match[0] not in "(){}":
            parts += [match.start(), match.end()]
    found = (text[a:b].strip() for a, b in zip(parts[::2], [*parts[1::2], None], strict=True))
    yield from filter(None, found)


@dataclass(frozen=True)
class Name:
    """A letter at step t + `shift`, at the start (`start`), or a constant; or a product to then."""

    letter: str
    shift: int | None = None
    start: bool = False
    product: bool = False


def _name(match: re.Match[str]) -> Name:
    if match["factor"]:
        return Name(match["factor"], SHIFT[match["upper"].replace(" ", "")], product=True)
    letter = (match["greek"] or match["latin"]) + ("_hat" if match["hat"] else "")
    index = (match["index"] or "").strip("\\{}").replace(" ", "")
    if index in SHIFT:
        return Name(letter, SHIFT[index])
    return Name(letter, start=True) if index == "0" else Name(f"{letter}_{index}".rstrip("_"))


@dataclass(frozen=True)
class Expression:
    """An expression as SymPy reads it, and the names that its symbols stand for."""

    tree: sympy.Basic
    names: Mapping[str, Name]

    @classmethod
    @cache
    def of(cls, latex: str) -> "Expression":
        """Return the expression that LaTeX states.

        Each name becomes a symbol z_{0}, z_{1}, ... before SymPy reads it: else a hat were a factor
        and a letter before a bracket a function.
        """
        names: dict[str, Name] = {}

        def symbol(match: re.Match[str]) -> str:
            names[key := f"z_{{{len(names)}}}"] = _name(match)
            return f" {key} "

        text = re.sub(r"\\tfrac(\d)(\d)", r"\\frac{\1}{\2}", normalised(latex))
        text = re.sub(r"\^(\w)", r"^{\1}", text).replace(r"\nabla f(x_{t-1})", r"\nabla_t")
        text = re.sub(r"(z_\{\d+\})\s*\(", r"\1 \\cdot (", NAME.sub(symbol, text))
        try:
            tree = parse_latex(text.replace(r"\operatorname{sign}", "S"), strict=True)
        except LaTeXParsingError as error:
            raise ValueError(f"cannot read {latex!r}") from error
        return cls(tree, names)


@dataclass(frozen=True)
class Definition:
    """What a name is, where the condition holds."""

    expression: Expression
    condition: Expression | None


class Printed:
    """A run of a rule as its formulas define it.

    Args:
        formulas: the LaTeX of each.
        constants: hyper-parameters by letter (`beta_1`), and the start `x`.
        steps: what is given at each step t = 1, 2, ..., by letter: the gradient, the step size.

    Raises:
        ValueError: a statement cannot be read; later, a name is defined by nothing or by itself.
    """

    def __init__(
        self,
        formulas: Sequence[str],
        constants: Mapping[str, Any],
        steps: Mapping[str, Callable[[int], Any]],
    ) -> None:
        self.constants, self.steps = constants, steps
        self.definitions: dict[Name, list[Definition]] = {}
        for statement in (one for latex in formulas for one in statements(latex)):
            self._define(statement)
        self.known: dict[tuple[Name, int], Any] = {}

    def at(self, letter: str, t: int) -> Any:
        """Return the value of a letter at step t = 0, 1, ..."""
        return self._value(Name(letter, 0), t)

    def _define(self, statement: str) -> None:
        text, kind, condition = (*CONDITION.split(statement), None, None)[:3]
        *names, right = EQUALS.split(str(text))
        holds = Expression.of(condition) if kind == "if" and condition else None
        for left in names:
            if not (match := NAME.fullmatch(left.strip())):
                raise ValueError(f"{left.strip()!r} is not a name, in {statement!r}")
            definition = Definition(Expression.of(right), holds)
            self.definitions.setdefault(_name(match), []).append(definition)

    def _value(self, name: Name, t: int) -> Any:
        if name.letter == "t":
            return t
        if name.product:
            factors = (self.at(name.letter, s) for s in range(1, t + (name.shift or 0) + 1))
            return reduce(operator.mul, factors, 1.0)
        step = t if name.shift is None else t + name.shift
        name = Name(name.letter, None if name.shift is None else 0, name.start)
        if (name, step) not in self.known:
            self.known[name, step] = None  # asked for again before it is known: a circle
            self.known[name, step] = self._find(name, step)
        if self.known[name, step] is None:
            raise ValueError(f"{name.letter} of step {step} is defined by itself")
        return self.known[name, step]

    def _find(self, name: Name, t: int) -> Any:
        if name.start or (name.shift is not None and t == 0):
            return self._first(name.letter)
        for one in self.definitions.get(name, []):
            if one.condition is None or self._evaluate(one.condition, t):
                return self._evaluate(one.expression, t)
        if name.shift is None and name.letter in self.constants:
            return self.constants[name.letter]
        if name.shift is not None and name.letter in self.steps:
            return self.steps[name.letter](t)
        raise ValueError(f"nothing defines {name.letter} of step {t}")

    def _first(self, letter: str) -> Any:
        printed = self.definitions.get(Name(letter, start=True))
        return (
            self._evaluate(printed[0].expression, 0) if printed else self.constants.get(letter, 0)
        )

    def _evaluate(self, expression: Expression, t: int) -> Any:
        def value(node: Any) -> Any:
            if node.is_Symbol:
                return self._value(expression.names[node.name], t)
            if node.is_Number:
                return float(node)
            return APPLY[type(node).__name__](*(value(one) for one in node.args))

        with np.errstate(all="ignore"):
            return value(expression.tree)


def _product(*factors: Any) -> Any:
    """Return a product in which 0/0, that is 0 · ∞, is 0."""
    return np.where(np.isnan(found := reduce(operator.mul, factors)), 0.0, found)[()]


APPLY: dict[str, Callable[..., Any]] = {
    "Add": lambda *terms: reduce(operator.add, terms),
    "Mul": _product,
    "Pow": lambda base, exponent: np.power(np.asarray(base, float), exponent),
    "Abs": abs,
    "max": np.maximum,
    "S": np.sign,
    "StrictGreaterThan": operator.gt,
}
"""What SymPy's node of that name computes."""
