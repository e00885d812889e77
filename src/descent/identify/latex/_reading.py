"""LaTeX as equations: tokens, names with their steps, and the tree of a value."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from descent.identify.latex._pieces import GREEK, Token, counted, tokens

_LETTERS = GREEK | {"epsilon", "theta", "omega", "phi", "nu", "Delta", "Gamma", "infty"}
_SIGNS = {"=", r"\leftarrow", r"\gets", ":="}
_RELATIONS = {"<", ">", r"\le", r"\leq", r"\ge", r"\geq", r"\text", r"\in", r"\to"}
_FONTS = {r"\mathbf", r"\boldsymbol", r"\bm", r"\mathrm", r"\mathit", r"\vec"}
_WORDS = {r"\mathrm", r"\text"}
_ACCENTS = {r"\hat": "hat", r"\widehat": "hat", r"\tilde": "tilde", r"\bar": "bar"}
_STEP = re.compile(r"(?:([ts])([+-]\d+)?|(0))")
_COORDINATE = re.compile(r"(?:^|,)(?:i|ii|j|jj)$")
"""An index that says that a formula is by coordinate, as all are here."""

_WORDS_FOR_STEPS = {"new": 0, "next": 0, "old": -1, "prev": -1}
"""Indices in words, and how many steps after t they mean."""

_POINTS = {"x", "w", "W", "theta"}
_STEPPED = {*_POINTS, "g", "m", "v", "V", "s", "S", "u", "d"}
"""Letters whose power t is a step: that of a vector means nothing."""


class UnreadableError(ValueError):
    """The formula is not in the LaTeX that is understood; the message says where."""


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


def statements(latex: str) -> list[Equation]:
    r"""Return the equations of a formula.

    Raises:
        UnreadableError: an equation is not in the LaTeX that is understood.

    >>> [(e.name, e.step) for e in statements(r"m_t = \beta_1 m_{t-1}, \qquad m_0 = 0")]
    [('m', Step(base='t', offset=0)), ('m', Step(base='', offset=0))]
    """
    found = []
    for piece in _divided(counted(tokens(latex))):
        found += _equations(_Reader(piece))
    return found


def _divided(tokens: Sequence[Token]) -> Iterator[list[Token]]:
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
        bar = text in ("|", r"\|") and not self.in_bars
        opens = opens or text in (r"\lVert", r"\partial")
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
        outside, self.in_bars = self.in_bars, closing in ("|", r"\|")
        found = self.sum()
        self.in_bars = outside
        self.take(closing)
        return found

    def factor(self) -> Node:
        text = self.peek()
        if text in _BRACKETS:
            found = self.bracketed(text, _BRACKETS[text])
            if _BRACKETS[text] in (r"\|", r"\rVert") and self.peek() == "_":
                self._norm_of_two()
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

    def _norm_of_two(self) -> None:
        if self._index() != "2":
            raise self.error("only the norm with index 2 is understood")

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
        if name in ("d", "Delta") and self.peek().lstrip("\\") in _POINTS:  # dW, \Delta\theta
            return name + self.letter()
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
        self.inner = self._index() if self.peek() == "_" else ""  # \hat{m_t} is \hat m_t
        self.take("}")
        return found

    inner = ""
    loops = ""

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
        index, self.inner = self.inner, ""
        above = self._above(name)
        if above and not _step(above, self.loops):  # V^{corrected}
            name, above = f"{name}_{above}", ""
        power = None
        if self.peek() == "^" and self._index_follows():  # g^2_t is g_t^2
            self.take()
            power = self.group()
        if self.peek() == "_":
            index = self._index()
        if self.peek() == "'":
            self.take()
            name += "_prime"
        is_coordinate = name in _STEPPED or "," in index
        if is_coordinate and index not in self.loops:
            index = _COORDINATE.sub("", index)
        step = _step(above, self.loops) or _step(index, self.loops)
        if above and index:
            name += f"_{index}"
        if step is None:
            found = Node("name", name=name + (f"_{index}" if index else ""))
        else:
            found = Node("name", name=name, step=step)
        return found if power is None else Node("pow", (found, power))

    def _index_follows(self) -> bool:
        return self.peek(2) == "_" and self.peek(1) not in ("{", "(")

    def _above(self, name: str) -> str:
        """Read what stands above a name and is no power: a step, `^{(t)}`, or a word."""
        if self.peek() != "^":
            return ""
        texts = [t.text for t in self.tokens[self.at + 1 :]]
        group = texts[1 : texts.index("}")] if texts[:1] == ["{"] and "}" in texts else texts[:1]
        words = [text for text in group if text not in (r"\text", r"\mathrm", "{")]
        inside = "".join(words)
        is_step = inside[:2] == "(t" and inside[-1:] == ")"
        is_step = is_step or (name in _STEPPED and inside[:1] == "t")
        is_word = len(words) > 2 and all(text.isalpha() for text in words)
        if not (is_step or is_word):
            return ""
        self.take()
        if len(group) == 1:
            self.take()
        else:
            self._skip()
        return inside[1:-1] if inside[:1] == "(" else inside

    def _skip(self) -> None:
        """Take a group in braces with all that is in it."""
        depth = 0
        while True:
            text = self.take()
            depth += (text == "{") - (text == "}")
            if depth == 0:
                return

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

    def function(self) -> None:
        r"""Pass over what a gradient is of: f, L_t, \\mathcal{L}, \\ell."""
        while self.peek() in (*_FONTS, r"\mathcal"):
            self.take()
        if self.peek() == "{":
            self._skip()
        elif self.has_name() or self.peek() == r"\ell":
            self.take()
        if self.peek() == "_":
            self._index()

    def where(self) -> tuple[Node, ...]:
        """Read the point in the bracket of f(x), f(x; data); nothing where no bracket follows."""
        if self.peek() not in ("(", "["):
            return ()
        depth, start = 0, self.at
        while depth or self.at == start:
            text = self.take()
            depth += (text in ("(", "[")) - (text in (")", "]"))
        inside = self.tokens[start + 1 : self.at - 1]
        ends = [i for i, token in enumerate(inside) if token.text in (";", ",")]
        return (_Reader(inside[: ends[0]] if ends else inside).sum(),)


def _step(index: str, loops: str) -> Step | None:
    """Return the step that an index is, one of t, s, or what a sum runs over; or None."""
    if index in _WORDS_FOR_STEPS:
        return Step("t", _WORDS_FOR_STEPS[index])
    found = _STEP.fullmatch(index)
    if found is not None:
        return Step(found[1] or "", int(found[2] or 0))
    return Step(index) if index and index in loops else None


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or (text[:1] == "." and text[1:].isdigit())


_BRACKETS = {
    **{"(": ")", "[": "]", "{": "}", "|": "|"},
    **{r"\lfloor": r"\rfloor", r"\{": r"\}", r"\lVert": r"\rVert", r"\|": r"\|"},
}
_BRACKET_KINDS = {"|": "abs", r"\lfloor": "floor", r"\lVert": "norm", r"\|": "norm"}


def _frac(reader: _Reader) -> Node:
    if reader.peek(1) == r"\partial":
        return _derivative(reader)
    return Node("div", (reader.group(), reader.group()))


def _derivative(reader: _Reader) -> Node:
    r"""Read \\frac{\\partial f}{\\partial x}: the gradient at x."""
    is_operator = reader.peek(2) == "}"
    reader._skip()
    reader.take("{")
    reader.take(r"\partial")
    where = reader.name()
    reader.take("}")
    if is_operator:  # \frac{\partial}{\partial x} f(x)
        reader.function()
        reader.where()
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
    variable = ""
    if reader.peek() == "_":
        reader.take()
        variable = reader.group().name
    reader.function()
    where = reader.where()
    if variable and not any(n.name == variable for part in where for n in part):
        where = ()  # \partial_w \ell(y, f(x, w)): at the last point
    return Node("call", where, "gradient")


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
        outside, reader.loops = reader.loops, reader.loops + index
        inside = reader.product()
        reader.loops = outside
        return Node(kind, (first, last, inside), index)

    return read


_READERS: dict[str, Callable[[_Reader], Node]] = {
    r"\frac": _frac,
    r"\sqrt": _sqrt,
    r"\max": _function("max"),
    r"\min": _function("min"),
    r"\cos": _applied("cos"),
    r"\operatorname": _operator,
    r"\nabla": _gradient,
    r"\partial": _gradient,
    r"\sum": _big("sum"),
    r"\prod": _big("prod"),
    r"\pi": lambda reader: Node("number", value=math.pi),
}
