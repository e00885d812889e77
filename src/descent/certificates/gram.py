"""Formal sums of vectors, inner products and function values, and definiteness by LDLᵀ.

A worst case over functions and dimensions enters a proof through inner products alone. So a vector
is a formal sum of named ones, x_0 − x* or a gradient, and a quantity is a formal sum of their inner
products, of function values and of a constant.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from descent.certificates.exact import Field, Number, RefusedError

__all__ = [
    "UNIT",
    "Sum",
    "total",
    "named",
    "dot",
    "square",
    "vectors",
    "matrix",
    "form",
    "require_semidefinite",
]

UNIT = "1"
"""The name of the constant term of a quantity."""


class Sum:
    """A formal sum: a coefficient for each name. Inner products have pairs of names.

    >>> x, g = Sum({"x": 1}), Sum({"g": 1})
    >>> sorted(square(x - 2 * g).terms.items())
    [(('g', 'g'), 4), (('g', 'x'), -4), (('x', 'x'), 1)]
    """

    def __init__(self, terms: Mapping[Any, Number] | None = None) -> None:
        self.terms = {name: c for name, c in (terms or {}).items() if c != 0}

    def __add__(self, other: "Sum") -> "Sum":
        return total((self, other))

    def times(self, factor: Number) -> "Sum":
        """Return the sum times a number (`0 * sum` does not ask us where 0 is one of SymPy's)."""
        return Sum({name: factor * c for name, c in self.terms.items()})

    __rmul__ = times

    def __neg__(self) -> "Sum":
        return -1 * self

    def __sub__(self, other: "Sum") -> "Sum":
        return self + -other


def total(parts: Iterable[Sum]) -> Sum:
    """Return the sum of some sums."""
    terms: dict[Any, Number] = {}
    for part in parts:
        for name, c in part.terms.items():
            terms[name] = terms[name] + c if name in terms else c
    return Sum(terms)


def named(name: Hashable) -> Sum:
    """Return the vector, or the function value, of this name."""
    return Sum({name: 1})


def dot(u: Sum, v: Sum) -> Sum:
    """Return the inner product of two vectors."""
    total: dict[tuple[str, str], Number] = {}
    for a, left in u.terms.items():
        for b, right in v.terms.items():
            pair = (min(a, b), max(a, b))
            total[pair] = total.get(pair, 0) + left * right
    return Sum(total)


def square(u: Sum) -> Sum:
    """Return the squared length of a vector."""
    return dot(u, u)


def vectors(quantity: Sum) -> list[str]:
    """Return the names of the vectors whose inner products occur."""
    return sorted({name for pair in quantity.terms if isinstance(pair, tuple) for name in pair})


def matrix(quantity: Sum, names: list[str], field: Field) -> list[list[Number]]:
    """Return the symmetric matrix of the quadratic part in these vectors."""
    half = field.lift(1) / field.lift(2)  # a product of two vectors stands in two entries

    def entry(a: str, b: str) -> Number:
        coefficient = field.lift(1) * quantity.terms.get((min(a, b), max(a, b)), 0)
        return coefficient if a == b else coefficient * half

    return [[entry(a, b) for b in names] for a in names]


def form(rows: list[list[Number]], names: list[str]) -> Sum:
    """Return the quadratic form of the lower triangle of a symmetric matrix."""
    terms: dict[tuple[str, str], Number] = {}
    for i, row in enumerate(rows):
        for j in range(i + 1):
            pair = (min(names[i], names[j]), max(names[i], names[j]))
            terms[pair] = row[j] * (1 if i == j else 2)
    return Sum(terms)


def require_semidefinite(rows: list[list[Number]], field: Field) -> list[Number]:
    """Return the pivots of LDLᵀ of a symmetric matrix, after checking that none is below 0.

    With parameters the pivots are rational functions, and the factorisation holds where none of
    them vanishes; where one does, the matrix is the limit of semidefinite ones.

    Raises:
        RefusedError: a pivot is, or may be, below 0, or it is 0 and its column is not.
    """
    rest, pivots = [list(row) for row in rows], []
    for k in range(len(rest)):
        pivot = rest[k][k]
        if not field.is_not_negative(pivot):
            raise RefusedError(f"pivot {k + 1} of the matrix is not shown to be ≥ 0: {pivot}")
        below = range(k + 1, len(rest))
        # With a 0 there and c beside it, the form is 2cab + … for large a: it takes both signs.
        if pivot == 0 and any(rest[i][k] != 0 for i in below):
            raise RefusedError(f"pivot {k + 1} of the matrix is 0, and its column is not")
        for i in (i for i in below if rest[i][k] != 0):
            factor = rest[i][k] / pivot
            for j in range(k + 1, i + 1):
                rest[i][j] = rest[j][i] = rest[i][j] - factor * rest[k][j]
        pivots.append(pivot)
    return pivots
