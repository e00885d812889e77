r"""Read a formula as it is printed, and compute with it.

SymPy's LaTeX parser reads the expressions; what it does not know is brought into its reach here.
The LaTeX that is understood:

- Statements `a = b`, divided by commas, `\qquad` or `\\`. A chain `m_0 = v_0 = 0` is two. What
  is no equation says where a formula holds, and is left to the tests that name it.
- Names: a letter, Latin or Greek, with or without `\hat`, or a word in `\text`. An index `t`,
  `t-1`, `t+1` or `s` is a step, an index 0 the start; any other is a part of the name.
- `+`, `-`, `/`, `\cdot`, `\odot`, `^`, `\frac`, `\sqrt`, `\sum`, `\prod`, `\lfloor`, `\pi`, bars,
  `\max`, `\min`, `\cos`, `\operatorname`, `\nabla f`. A letter before a bracket is a factor.
- Two values of one name: `\text{if}` and a condition after the first, `\text{otherwise}` after the
  second.
- Spaces, sizes of brackets and alignment mean nothing.

Two conventions of the book that LaTeX does not show: operations are element by element, and 0/0
is 0.
"""

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from sympy import Expr, Function, Mul, Symbol, pi, sympify
from sympy.parsing.latex import parse_latex

from descent.rules import quotient

T = Symbol("t")

IGNORED = re.compile(r"\\[,;!:]|&|\\(?:begin|end)\{\w+\}|\\(?:[bB]igg?[lr]?|left|right)(?![a-z])")
GREEK = {
    *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "kappa", "lambda", "mu"),
    *("xi", "rho", "sigma", "tau", "varphi"),
}
SYNONYMS = {
    r"\nabla f": r"\operatorname{gradient}",
    r"\odot": r"\cdot",
    r"\tfrac": r"\frac",
    r"\quad": " ",
}
NAME = re.compile(
    r"\\operatorname\{(?P<function>\w+)\}"
    r"|\\text\{(?P<word>\w+)\}"
    r"|(?P<hat>\\hat\s*)?(?P<letter>\\[a-zA-Z]+|[a-zA-Z])(?P<prime>'?)"
    r"(?:_(?:\{(?P<long>[^{}]*)\}|(?P<short>\\[a-z]+|\w)))?"
)
STEP = re.compile(r"[ts]([+-]\d+)?|0")


def normalised(latex: str) -> str:
    r"""Return LaTeX without what has no meaning: spacing, alignment, the sizes of brackets.

    >>> normalised(r"x_t &= x_{t-1} - \eta_t \, \bigl( g_t \bigr)")
    'x_t = x_{t-1} - \\eta_t ( g_t )'
    """
    return " ".join(IGNORED.sub(" ", latex).split())


@dataclass(frozen=True)
class Statement:
    r"""`name` at `step` is `value`, where `condition` holds.

    Attributes:
        name: its letter, as the package calls it where it can: `\\hat m` is m_hat.
        step: t, or 0 for a start.
        value: an expression in SymPy; a name at a step is a function of the step.
        condition: a relation, or None.
    """

    name: str
    step: Expr
    value: Expr
    condition: Expr | None = None


def statements(latex: str) -> list[Statement]:
    r"""Return the equations of a formula.

    Raises:
        ValueError: an equation is not in the LaTeX that is understood.

    >>> statements(r"m_t = \beta_1 m_{t-1} + (1 - \beta_1) \, g_t, \qquad m_0 = 0")[0].value
    beta_1*m(t - 1) + (1 - beta_1)*g(t)
    """
    found, whole = [], normalised(latex)
    for written, meant in SYNONYMS.items():
        whole = whole.replace(written, meant)
    for text in _pieces(whole):
        *left, right = re.split(r"(?<!\\)=(?![^{]*\})", text)
        value, condition = _condition(right)
        for side in left:
            name = NAME.fullmatch(side.strip())
            if not name:
                raise ValueError(f"the left side must be a name, got {side.strip()!r}")
            step = _step(name)
            step = T if step is None else step
            found.append(Statement(_name(name), step, _parse(value), condition))
    return found


def _pieces(text: str) -> Iterator[str]:
    """Yield what stands between commas and wide spaces outside of all brackets."""
    depth, piece = 0, ""
    for token in re.findall(r"\\(?:[a-zA-Z]+|.)|.", text):
        depth += (token in "([{") - (token in ")]}")
        if token in (r"\\", r"\qquad") or (token == "," and depth == 0):
            yield piece
            piece = ""
        else:
            piece += token
    yield piece


def _condition(text: str) -> tuple[str, Expr | None]:
    value, when, condition = text.partition(r"\text{if")
    if when:
        return value, _parse(condition.replace("}", "", 1))
    return text.replace(r"\text{otherwise}", ""), None


def _name(match: re.Match[str]) -> str:
    letter = match["word"] or match["letter"].lstrip("\\")
    index = (match["long"] or match["short"] or "").replace(" ", "").lstrip("\\")
    parts = [letter + ("_prime" if match["prime"] else ""), "hat" if match["hat"] else ""]
    parts += [] if STEP.fullmatch(index) else [index]
    return "_".join(part for part in parts if part)


def _step(match: re.Match[str]) -> Expr | None:
    index = (match["long"] or match["short"] or "").replace(" ", "")
    return sympify(index) if STEP.fullmatch(index) else None


def _named(match: re.Match[str]) -> Expr | None:
    """Return what a name stands for; None for a command that is no letter."""
    command = match["letter"] if (match["letter"] or "").startswith("\\") else ""
    if command == r"\pi":
        return pi
    if command and command[1:] not in GREEK:
        return None
    step = _step(match)
    return Symbol(_name(match)) if step is None else Function(_name(match))(step)


@cache
def _parse(text: str) -> Any:
    """Return an expression: SymPy parses it with a stand-in of letters for each name."""
    stand_ins: dict[str, Any] = {}

    def stand_in(match: re.Match[str]) -> str:
        if match["function"]:
            return rf"\{match['function']}"
        value = _named(match)
        if value is None:
            return match[0]
        word = "z" + "".join(chr(ord("a") + int(digit)) for digit in str(len(stand_ins)))
        stand_ins[word] = value
        return rf"{{\mathit{{{word}}}}}"

    try:
        parsed = parse_latex(NAME.sub(stand_in, text), strict=True)
    except Exception as error:
        raise ValueError(f"SymPy cannot parse {text.strip()!r}") from error
    return parsed.xreplace({Symbol(word): value for word, value in stand_ins.items()})


BIG: dict[str, Callable[..., Any]] = {"Sum": sum, "Product": math.prod}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Add": lambda *terms: sum(terms[1:], terms[0]),
    "StrictGreaterThan": operator.gt,
    "StrictLessThan": operator.lt,
    "Abs": np.abs,
    "max": np.maximum,
    "min": np.minimum,
    "sign": np.sign,
    "floor": np.floor,
    "cos": np.cos,
}


@dataclass
class Run:
    r"""What printed statements give, step by step.

    Attributes:
        statements: what is printed.
        constants: values of names without a step.
        given: functions of the step: names that the statements take as known.
        starts: values at step 0 of names whose start is not printed.
        functions: what the words of \\operatorname compute.
    """

    statements: Sequence[Statement]
    constants: Mapping[str, Any]
    given: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)
    starts: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    known: dict[tuple[str, int], Any] = field(default_factory=dict, init=False)

    def at(self, name: str, step: int) -> Any:
        """Return the value of a name at a step.

        Raises:
            ValueError: no statement gives it, or one gives it by itself.
        """
        if name in self.given:
            return self.given[name](step)
        if (name, step) not in self.known:
            self.known[name, step] = None  # until it is computed
            self.known[name, step] = self._computed(name, step)
        if self.known[name, step] is None:
            raise ValueError(f"{name} at step {step} is given by itself")
        return self.known[name, step]

    def _computed(self, name: str, step: int) -> Any:
        for one in self.statements:
            applies = one.name == name and one.step == (T if step else 0)
            if applies and (one.condition is None or self._value(one.condition, {T: step})):
                return self._value(one.value, {T: step})
        if step == 0 and name in self.starts:
            return self.starts[name]
        raise ValueError(f"nothing printed gives {name} at step {step}")

    def _value(self, e: Any, at: Mapping[Symbol, int]) -> Any:
        """Return the value of an expression, its indices at these values."""
        name = type(e).__name__
        if e.is_Symbol:
            return self._symbol(e, at)
        if e.is_number:
            return float(e)
        if name in BIG:
            index, first, last = e.limits[0]
            steps = range(int(self._value(first, at)), int(self._value(last, at)) + 1)
            return BIG[name](self._value(e.function, {**at, index: step}) for step in steps)
        if e.is_Mul or e.is_Pow:
            return self._product(e, at)
        values = [self._value(part, at) for part in e.args]
        compute = {**FUNCTIONS, **self.functions}.get(name)
        return compute(*values) if compute else self.at(name, int(values[0]))

    def _symbol(self, symbol: Symbol, at: Mapping[Symbol, int]) -> Any:
        if symbol in at:
            return at[symbol]
        known = self.constants.get(symbol.name)
        return self.at(symbol.name, at[T]) if known is None else known

    def _product(self, e: Expr, at: Mapping[Symbol, int]) -> Any:
        above: Any = 1.0
        below: Any = 1.0
        for factor in Mul.make_args(e):
            base, power = factor.as_base_exp()
            if not factor.is_Pow:
                above = above * self._value(factor, at)
            elif power.is_negative:
                below = below * self._value(base, at) ** self._value(-power, at)
            else:
                above = above * self._value(base, at) ** self._value(power, at)
        return quotient(above, below)
