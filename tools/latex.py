"""The reader of printed formulas, which the package has: `descent.identify.latex`."""

from descent.identify.latex import GREEK, Equation, Run, normalised, statements

__all__ = ["GREEK", "Equation", "Run", "normalised", "statements"]
