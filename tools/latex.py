"""The reader of printed formulas, which the package has: `descent.identify.latex`."""

from descent.identify.latex import GREEK, Run, Statement, normalised, statements

__all__ = ["GREEK", "Run", "Statement", "normalised", "statements"]
