"""LaTeX as equations: tokens, names with their steps, and the tree of a value."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_IGNORED = re.compile(
    r"\\[,;!:]|&|\\(?:begin|end)\{\w+\*?\}|\\(?:[bB]igg?[lr]?|left|right)(?![a-z])"
    r"|\\(?:label|tag\*?)\{[^{}]*\}|\\text(?:bf|it|rm)?\{[^{}]*:\s*\}"
)
_AND = re.compile(r"\\(?:text|mathrm)\{\s*(?:and|with|where|then)\s*\}")
GREEK = {
    *("alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "kappa", "lambda", "mu"),
    *("xi", "rho", "sigma", "tau", "varphi"),
}
"""Greek letters that mean the same wherever they are read."""

_LETTERS = GREEK | {"epsilon", "theta", "omega", "phi", "nu", "Delta", "Gamma", "infty"}
_PLAIN = {
    "∇": r"\nabla",
    "·": r"\cdot",
    "←": r"\leftarrow",
    "θ": r"\theta",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "ϵ": r"\epsilon",
    "η": r"\eta",
    "λ": r"\lambda",
    "μ": r"\mu",
    "ρ": r"\rho",
    **{
        "，": ",",
        "、": ",",
        "。": ",",
        "；": ";",
        "：": ":",
        "（": "(",
        "）": ")",
        "−": "-",
        "′": "'",
    },
}
"""Characters that stand for a command."""

_TOKEN = re.compile(r"\s+|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\.\d+|.", re.DOTALL)
_SPACES = {r"\quad", r"\ ", "~", "$", r"\[", r"\]", r"\(", r"\)", r"\displaystyle", r"\nonumber"}
_SIGNS = {"=", r"\leftarrow", r"\gets", ":="}
_RELATIONS = {"<", ">", r"\le", r"\leq", r"\ge", r"\geq", r"\text", r"\in", r"\to"}
_FONTS = {r"\mathbf", r"\boldsymbol", r"\bm", r"\mathrm", r"\mathit", r"\vec"}
_WORDS = {r"\mathrm", r"\text"}
_ACCENTS = {r"\hat": "hat", r"\widehat": "hat", r"\tilde": "tilde", r"\bar": "bar"}
_STEP = re.compile(r"(?:([ts])([+-]\d+)?|(0))")


class UnreadableError(ValueError):
    """The formula is not in the LaTeX that is understood; the message says where."""


def normalised(latex: str) -> str:
    r"""Return LaTeX without what has no meaning: spacing, alignment, the sizes of brackets.

    >>> normalised(r"x_t &= x_{t-1} - \eta_t \, \bigl( g_t \bigr)")
    'x_t = x_{t-1} - \\eta_t ( g_t )'
    """
    return " ".join(_IGNORED.sub(" ", latex).split())


@dataclass(frozen=True)
class Step:
    """The step at which a name is meant: t or s with an offset, or a number.

    Attributes:
        base: "t", "s", or "" for a number.
        offset: what is added.
    """

    base: str = "t"
    offset: int = 0

    def at(self, steps: Mapping[str, int]) -> int:
        """Return the step as a number."""
        return steps.get(self.base, 0) + self.offset


@dataclass(frozen=True)
class Node:
    """An expression: an operation and what it is of; a name has its step, a number its value."""

    kind: str
    parts: tuple["Node", ...] = ()
    name: str = ""
    step: Step | None = None
    value: float = 0.0

    def __iter__(self) -> Iterator["Node"]:
        """Yield it and all inside it."""
        yield self
        for part in self.parts:
            yield from part


@dataclass(frozen=True)
class Equation:
    r"""`name` at `step` is `value`, where `condition` holds.

    Attributes:
        name: its letter, as the package calls it where it can: `\\hat m` is m_hat.
        step: t with an offset, or 0 for a start; None where none is printed.
        value: an expression.
        condition: a relation, or None.
        sets: whether an arrow is printed, not an equals sign.
    """

    name: str
    step: Step | None
    value: Node
    condition: Node | None = None
    sets: bool = False


@dataclass(frozen=True)
class Token:
    """A piece of LaTeX and where it stands."""

    text: str
    place: int


def _tokens(latex: str) -> list[Token]:
    found = [
        Token(_PLAIN.get(m[0], m[0]), m.start())
        for m in _TOKEN.finditer(_blanked(latex))
        if not m[0].isspace()
    ]
    return [t for t in found if t.text not in _SPACES]


def _blanked(latex: str) -> str:
    """Return LaTeX with spaces for what has no meaning, so that every place stays."""
    latex = re.sub(r"\\(?:tfrac|dfrac)", lambda m: r"\frac" + " " * (len(m[0]) - 5), latex)
    latex = _AND.sub(lambda m: "," + " " * (len(m[0]) - 1), latex)
    return _IGNORED.sub(lambda m: " " * len(m[0]), latex)


def statements(latex: str) -> list[Equation]:
    r"""Return the equations of a formula.

    Raises:
        UnreadableError: an equation is not in the LaTeX that is understood.

    >>> [(e.name, e.step) for e in statements(r"m_t = \beta_1 m_{t-1}, \qquad m_0 = 0")]
    [('m', Step(base='t', offset=0)), ('m', Step(base='', offset=0))]
    """
    found = []
    for piece in _pieces(_tokens(latex)):
        found += _equations(_Reader(piece))
    return found


def _pieces(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield what stands between commas and line ends outside of all brackets."""
    depth = 0
    piece: list[Token] = []
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        at_end = token.text in (r"\\", r"\qquad") or (token.text in (",", ";") and depth == 0)
        if at_end and piece:
            yield piece
        piece = [] if at_end else [*piece, token]
    if piece and [t.text for t in piece] != ["."]:
        yield piece[:-1] if piece[-1].text == "." else piece


def _equations(reader: "_Reader") -> list[Equation]:
    signs = [t.text for t in reader.tokens if t.text in _SIGNS]
    if not signs:
        if not any(t.text in _RELATIONS for t in reader.tokens):
            raise reader.error("there is no equation")
        return []
    names, texts = [], _sides(reader.tokens)
    for side in texts[:-1]:
        left = _Reader(side)
        name = left.name() if left.has_name() else None
        if name is None or left.left():
            raise reader.error("the left side must be a name")
        names.append(name)
    value, condition = _Reader(texts[-1]).value_and_condition()
    sets = signs[0] != "="
    return [Equation(name.name, name.step, value, condition, sets) for name in names]


def _sides(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return what stands between the signs of equality outside of all brackets."""
    depth, sides = 0, [[]]  # type: int, list[list[Token]]
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if token.text in _SIGNS and depth == 0:
            sides.append([])
        elif token.text != ":":
            sides[-1].append(token)
    return sides


class _Reader:
    """Reads an expression from tokens, by descent."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.at = list(tokens), 0

    def left(self) -> bool:
        return self.at < len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        here = self.at + ahead
        return self.tokens[here].text if here < len(self.tokens) else ""

    def take(self, text: str | None = None) -> str:
        if not self.left() or (text is not None and self.peek() != text):
            raise self.error(f"{text or 'something'} must follow")
        self.at += 1
        return self.tokens[self.at - 1].text

    def error(self, why: str) -> UnreadableError:
        if not self.tokens:
            return UnreadableError(f"cannot read the formula: {why} at its end")
        token = self.tokens[min(self.at, len(self.tokens) - 1)]
        what = f"`{token.text}`" if self.left() else f"the end, after `{token.text}`"
        return UnreadableError(f"cannot read {what} at character {token.place + 1}: {why}")

    def value_and_condition(self) -> tuple[Node, Node | None]:
        value, condition = self.sum(), None
        if self.left() and self.peek() == r"\text":
            self.take()
            word = self.word()
            condition = self.relation() if word == "if" else None
            if word not in ("if", "otherwise"):
                raise self.error("only if and otherwise are understood here")
        if self.left():
            raise self.error("it does not belong here")
        return value, condition

    def word(self) -> str:
        """Read the letters of a group."""
        self.take("{")
        found = ""
        while self.peek() != "}":
            found += self.take()
        self.take("}")
        return found

    def relation(self) -> Node:
        left = self.sum()
        sign = self.take()
        kinds = {">": "gt", "<": "lt", r"\ge": "ge", r"\geq": "ge", r"\le": "le", r"\leq": "le"}
        if sign not in kinds:
            raise self.error("a relation must stand here")
        return Node(kinds[sign], (left, self.sum()))

    def sum(self) -> Node:
        sign = self.take() if self.peek() in ("+", "-") else "+"
        found = self.product()
        found = Node("neg", (found,)) if sign == "-" else found
        while self.peek() in ("+", "-"):
            kind = "add" if self.take() == "+" else "sub"
            found = Node(kind, (found, self.product()))
        return found

    def product(self) -> Node:
        found = self.power()
        while True:
            sign = self.peek()
            if sign in (r"\cdot", r"\odot", r"\times", r"\circ", "*", "/"):
                self.take()
                found = Node("div" if sign == "/" else "mul", (found, self.power()))
            elif self.begins():
                found = Node("mul", (found, self.power()))
            else:
                return found

    def begins(self) -> bool:
        """Whether a further factor begins here."""
        text = self.peek()
        opens = text in ("(", "[", "{", r"\lfloor", r"\text", r"\operatorname", r"\nabla", r"\pi")
        functions = text in (r"\frac", r"\sqrt", r"\sum", r"\prod", r"\max", r"\min", r"\cos")
        is_if = text == r"\text" and self.peek(2) in ("i", "o")
        bar = text == "|" and not self.in_bars
        return not is_if and (opens or functions or bar or self.has_name() or _is_number(text))

    in_bars = False

    def power(self) -> Node:
        base = self.factor()
        while self.peek() == "^":
            self.take()
            base = Node("pow", (base, self.group()))
        return base

    def group(self) -> Node:
        """Read a group in braces, or the one token that stands for it."""
        if self.peek() == "{":
            return self.bracketed("{", "}")
        text = self.peek()
        if len(text) > 1 and _is_number(text) and "." not in text:  # the 12 of \tfrac12
            token = self.tokens[self.at]
            self.tokens[self.at] = Token(text[1:], token.place + 1)
            return Node("number", value=float(text[0]))
        return self.factor()

    def bracketed(self, opening: str, closing: str) -> Node:
        self.take(opening)
        outside, self.in_bars = self.in_bars, closing == "|"
        found = self.sum()
        self.in_bars = outside
        self.take(closing)
        return found

    def factor(self) -> Node:
        text = self.peek()
        if text in _BRACKETS:
            found = self.bracketed(text, _BRACKETS[text])
            return Node(_BRACKET_KINDS[text], (found,)) if text in _BRACKET_KINDS else found
        if _is_number(text):
            return Node("number", value=float(self.take()))
        if text in _READERS or (
            text in _WORDS and self.peek(2) == "s" and self.peek(3) in ("i", "g")
        ):
            self.take()
            return _READERS.get(text, _operator)(self)
        if self.has_name():
            return self.name()
        raise self.error("it is not understood")

    def has_name(self) -> bool:
        text = self.peek()
        is_letter = len(text) == 1 and text.isascii() and text.isalpha()
        return is_letter or text in (*_ACCENTS, *_FONTS, r"\text") or text[1:] in _LETTERS

    def letter(self) -> str:
        """Read a letter, in a font and with an accent, as the package calls it."""
        text = self.take()
        if text == r"\text":
            return self.word()
        if text in _ACCENTS or text in _FONTS:
            inner = self.accented()
            return f"{inner}_{_ACCENTS[text]}" if text in _ACCENTS else inner
        name = text.lstrip("\\")
        if name == "E" and self.peek() == "[":
            name = "E" + "".join(self.take() for _ in range(self._bracket()))
        if self.peek() == "'":
            self.take()
            name += "_prime"
        return name

    def accented(self) -> str:
        if self.peek() != "{":
            return self.letter()
        self.take("{")
        found = self.letter()
        self.take("}")
        return found

    def _bracket(self) -> int:
        """Return how many tokens a bracket of E[...] has."""
        texts = [t.text for t in self.tokens[self.at :]]
        return texts.index("]") + 1 if "]" in texts else 0

    def name(self) -> Node:
        """Read a name with its index."""
        name = self.letter()
        if name == "t" and self.peek() != "_":
            return Node("t", step=Step())
        if name == "s" and self.peek() != "_":
            return Node("name", name="s")
        power = None
        if self.peek() == "^" and self._index_follows():  # g^2_t is g_t^2
            self.take()
            power = self.group()
        index = self._index() if self.peek() == "_" else ""
        step = _STEP.fullmatch(index)
        if step is None:
            found = Node("name", name=name + (f"_{index}" if index else ""))
        else:
            found = Node("name", name=name, step=Step(step[1] or "", int(step[2] or 0)))
        return found if power is None else Node("pow", (found, power))

    def _index_follows(self) -> bool:
        return self.peek(2) == "_" and self.peek(1) not in ("{", "(")

    def _index(self) -> str:
        self.take("_")
        if self.peek() != "{":
            return self.take().lstrip("\\")
        self.take("{")
        found = ""
        while self.peek() != "}":
            found += self.take().lstrip("\\")
        self.take("}")
        return found

    def arguments(self) -> tuple[Node, ...]:
        """Read the arguments of a function, in brackets."""
        closing = _BRACKETS.get(self.peek(), ")")
        self.take()
        found = [self.sum()]
        while self.peek() == ",":
            self.take()
            found.append(self.sum())
        self.take(closing)
        return tuple(found)


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or (text[:1] == "." and text[1:].isdigit())


_BRACKETS = {
    **{"(": ")", "[": "]", "{": "}", "|": "|"},
    **{r"\lfloor": r"\rfloor", r"\{": r"\}", r"\lVert": r"\rVert"},
}
_BRACKET_KINDS = {"|": "abs", r"\lfloor": "floor", r"\lVert": "norm"}


def _frac(reader: _Reader) -> Node:
    if reader.peek(1) == r"\partial":
        return _derivative(reader)
    return Node("div", (reader.group(), reader.group()))


def _derivative(reader: _Reader) -> Node:
    r"""Read \\frac{\\partial f}{\\partial x}: the gradient at x."""
    while reader.take() != "}":
        continue
    reader.take("{")
    reader.take(r"\partial")
    where = reader.name()
    reader.take("}")
    return Node("call", (where,), "gradient")


def _sqrt(reader: _Reader) -> Node:
    return Node("pow", (reader.group(), Node("number", value=0.5)))


def _function(name: str) -> Callable[[_Reader], Node]:
    return lambda reader: Node("call", reader.arguments(), name)


def _applied(name: str) -> Callable[[_Reader], Node]:
    return lambda reader: Node("call", (reader.power(),), name)


def _operator(reader: _Reader) -> Node:
    name = reader.word()
    return Node("call", reader.arguments(), name)


def _gradient(reader: _Reader) -> Node:
    r"""Read \\nabla f(x), \\nabla_\\theta J(\\theta): the gradient where the bracket says."""
    if reader.peek() == "_":
        reader.take()
        reader.group()
    while reader.peek() not in ("(", "[", ""):
        reader.take()
    return Node("call", reader.arguments(), "gradient")


def _big(kind: str) -> Callable[[_Reader], Node]:
    def read(reader: _Reader) -> Node:
        reader.take("_")
        reader.take("{")
        index = reader.letter()
        reader.take("=")
        first = reader.sum()
        reader.take("}")
        reader.take("^")
        last = reader.group()
        return Node(kind, (first, last, reader.product()), index)

    return read


_READERS: dict[str, Callable[[_Reader], Node]] = {
    r"\frac": _frac,
    r"\sqrt": _sqrt,
    r"\max": _function("max"),
    r"\min": _function("min"),
    r"\cos": _applied("cos"),
    r"\operatorname": _operator,
    r"\nabla": _gradient,
    r"\sum": _big("sum"),
    r"\prod": _big("prod"),
    r"\pi": lambda reader: Node("number", value=math.pi),
}
