"""The catalogue of the book: its formulas, read once, in its order.

What it is made of is parsed once as long as its text stays the same: pages by `myst.formulas`, data
files by `project.read_yaml`. The bibliography is `tools.book.references`, the errata are
`tools.book.errata`, the tests of formulas `tools.book.verified`.
"""

from functools import cache
from pathlib import Path

from tools.book import myst, project
from tools.book.myst import Formula


@cache
def book() -> list[Formula]:
    """Return the formulas of the book, in its order."""
    return [formula for page in project.pages() for formula in myst.formulas(page)]


@cache
def formula_pages() -> dict[str, Path]:
    """Return the page of each formula of the book."""
    return {formula.id: formula.page for formula in book()}


@cache
def formulas_of() -> dict[str, list[str]]:
    """Return the ids of the formulas that an object of the package computes, by its full name."""
    found: dict[str, list[str]] = {}
    for formula in book():
        for name in {formula.code, formula.code.rpartition(".")[0]} - {""}:
            found.setdefault(name, []).append(formula.id)
    return found
