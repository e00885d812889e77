"""The table of notation, and which of its symbols a formula uses."""

import re
from functools import cache

from tools import project

PAGE = project.BOOK / "notation.md"


@cache
def rows() -> list[tuple[str, str]]:
    """Return the rows of the table: the cell of symbols, and what they mean."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [(row[0].strip(), row[-1].strip()) for row in cells[1:]]


def symbols(latex: str) -> list[tuple[str, str]]:
    r"""Return the rows whose symbols occur in LaTeX.

    >>> [cell for cell, _ in symbols(r"x_t = x_{t-1} - \eta_t g_t")]
    ['$x$, $x_t$', '$g_t$', '$t$', '$\\eta$, $\\eta_t$']
    """
    return [
        (cell, meaning)
        for cell, meaning in rows()
        if any(occurs(symbol, latex) for symbol in re.findall(r"\$([^$]+)\$", cell))
    ]


def occurs(symbol: str, latex: str) -> bool:
    r"""Return whether a symbol stands in LaTeX by itself.

    >>> occurs(r"\eta", r"\eta_t g_t"), occurs("t", r"\beta + x"), occurs("x", r"\max")
    (True, False, False)
    """
    parts = re.findall(r"\\[a-zA-Z]+|\S", symbol)
    pattern = r"(?<![\\a-zA-Z])" + r"\s*".join(map(re.escape, parts)) + r"(?![a-zA-Z'])"
    return (
        re.search(pattern, re.sub(r"\\text\{[^}]*\}|\\operatorname\{[^}]*\}", "", latex))
        is not None
    )
