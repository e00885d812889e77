"""The table of `book/notation.md`, and the letters of a formula that stand in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from descent.identify import latex
from tools.book import myst, project

PAGE = project.BOOK / "notation.md"

WORDS = re.compile(
    r"(?<!_)(?<!_\{)\\(text|operatorname\*?|begin|end|mathbf|mathbb)\{[^{}]*\}|\\\\\[\w+\]"
)
LETTER = re.compile(
    r"(?P<accent>\\(?:hat|bar|dot)\s*)?(?P<letter>\\[a-zA-Z]+|[a-zA-Z])(?P<prime>'?)"
    r"(?:_(?:\{(?P<long>(?:[^{}]|\{[^{}]*\})*)\}|(?P<short>\\[a-z]+(?:\{\w+\})?|\w)))?(?P<star>\^\{?\\star)?"
)
SIGNS = (r"\mathbb{E}", r"\|")
LETTERS = latex.GREEK | {"ell"}
STEP = re.compile(r"[tsT]([+-]\w)?|0")

Key = tuple[str, ...]


@dataclass(frozen=True)
class Symbol:
    """A letter and what it means.

    Attributes:
        latex: the letter, as the table prints it.
        code: its name in the code, or "".
        meaning: a few words, in MyST.
        pages: stems of the chapters, and ids of the formulas, that it is confined to.
    """

    latex: str
    code: str
    meaning: str
    pages: frozenset[str]


def letters(text: str) -> Iterator[Key]:
    r"""Yield the letters of a formula: accent, letter, prime, index, star. Any step is index t.

    >>> list(letters(r"\hat v_{t-1} + \beta_1"))
    [('\\hat', 'v', '', 't', ''), ('', '\\beta', '', '1', '')]
    """
    for sign in SIGNS:
        if sign in text.replace(r"\lVert", r"\|"):
            yield ("", sign, "", "", "")
    for match in LETTER.finditer(WORDS.sub(" ", text)):
        letter, index = match["letter"], match["long"] or match["short"] or ""
        index = re.sub(r"\\text\{(\w+)\}", r"\1", index)
        if not letter.startswith("\\") or letter[1:] in LETTERS:
            index = "t" if STEP.fullmatch(index) else index
            accent = (match["accent"] or "").strip()
            yield accent, letter, match["prime"], index, "*" if match["star"] else ""


@cache
def table() -> list[tuple[Key, Symbol]]:
    """Return the letters of the table with their meanings, in its order."""
    rows = re.findall(r"^\|( \$.*)\|$", project.text(PAGE), re.MULTILINE)
    return [pair for row in rows for pair in _row(row)]


def _row(row: str) -> Iterator[tuple[Key, Symbol]]:
    cells = [cell.strip() for cell in row.split("|")]
    symbols, code, meaning, only = [*cells, ""][:4]  # a table may leave its last cell out
    found = re.findall(r"\$([^$]+)\$", symbols)
    parts = meaning.split(". ")[0].split("; ")
    names = re.findall(r"`(\w+)`", code)
    pages = re.findall(r"\]\(([\w-]+)\.md\)", only) + re.findall(r"\{eq\}`([\w-]+)`", only)
    for i, symbol in enumerate(found):
        said = parts[i] if len(parts) == len(found) else meaning.split(". ")[0]
        name = names[i] if len(names) == len(found) else ""
        yield next(letters(symbol)), Symbol(symbol, name, said, frozenset(pages))


def symbols(formula: myst.Formula) -> list[Symbol]:
    """Return the letters of a formula that the table explains, in the order of the table.

    A row that is confined to the formula, or to its chapter, goes before one that is not.
    """
    found: dict[Key, Symbol] = {}
    here = {formula.id, formula.page.stem}
    present = set(letters(formula.latex))
    present |= {(*key[:4], "") for key in present - {key for key, _ in table()}}
    for key, symbol in table():
        applies = not symbol.pages or symbol.pages & here
        if key in present and applies and (symbol.pages or key not in found):
            found[key] = symbol
    return [symbol for _, symbol in table() if symbol in found.values()]
