"""Exact numbers and exact signs: fractions, and rational functions of parameters.

A number in a certificate is text, "3/17", or a formula in parameters, "(k + 1)/(2*N - k)". The
first is read as a `fractions.Fraction`, the second as a rational function in SymPy's field, where
two expressions are equal exactly when they are the same object of the field. No floating-point
number occurs.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

__all__ = ["Number", "OPERATIONS", "RefusedError", "read", "Field"]

Number = Any
"""A `Fraction`, or an element of a field of rational functions."""

OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
"""What a formula may do."""


class RefusedError(ValueError):
    """A certificate does not prove what it claims; the message says at which place."""


def read(text: str, values: Mapping[str, Number], lift: Callable[[int], Number]) -> Number:
    """Return the value of a formula: whole numbers, names, the four operations and powers.

    Args:
        text: the formula.
        values: what its names stand for.
        lift: makes a number of the field of a whole number.

    Raises:
        RefusedError: the formula holds something else, an unknown name, or a division by 0.

    >>> read("(k + 1)/(2*N - k)", {"k": Fraction(1), "N": Fraction(3)}, Fraction)
    Fraction(2, 5)
    """
    try:
        return _value(ast.parse(text, mode="eval").body, values, lift)
    except (SyntaxError, KeyError, TypeError, ZeroDivisionError) as error:
        raise RefusedError(f"{text!r} is not a formula of numbers and {sorted(values)}") from error


def _value(node: ast.expr, values: Mapping[str, Number], lift: Callable[[int], Number]) -> Number:
    match node:
        case ast.Constant(value=int(whole)):
            return lift(whole)
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values, lift)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int(power))):
            return _value(left, values, lift) ** power
        case ast.BinOp(op=op, left=left, right=right) if type(op) is not ast.Pow:
            return OPERATIONS[type(op)](_value(left, values, lift), _value(right, values, lift))
    raise TypeError(ast.dump(node))


class Field:
    """The rational functions of some parameters, or the fractions where there is none.

    Args:
        positive: parameters that are above 0.
        not_negative: parameters that are at least 0.
    """

    def __init__(self, positive: Sequence[str] = (), not_negative: Sequence[str] = ()) -> None:
        self.names = [*positive, *not_negative]
        self.positive = len(positive)
        self.lift: Callable[[int], Number] = Fraction
        self.parameters: dict[str, Number] = {}
        if self.names:
            self._take_sympy()

    def _take_sympy(self) -> None:
        try:
            from sympy import QQ
            from sympy.polys.fields import field
        except ImportError as error:
            raise ImportError("formulas in parameters need SymPy: pip install sympy") from error
        rational, *generators = field(self.names, QQ)
        self.lift = rational.field_new
        self.parameters = dict(zip(self.names, generators, strict=True))

    def read(self, text: str, **values: Number) -> Number:
        """Return the value of a formula of the parameters and of further names."""
        found = read(text, self.parameters | values, self.lift)
        if not self.is_defined(found):
            raise RefusedError(f"the denominator of {text!r} may vanish")
        return found

    def is_defined(self, value: Number) -> bool:
        """Whether the denominator is above 0 for all parameters that are allowed."""
        return not self.names or self._is_positive(self._signed(value)[1])

    def is_not_negative(self, value: Number) -> bool:
        """Whether a number is at least 0 for all parameters that are allowed.

        For a rational function it suffices, and is asked, that all coefficients are at least 0.
        """
        if not self.names:
            return bool(value >= 0)
        above, below = self._signed(value)
        return all(c >= 0 for c in above.values()) and self._is_positive(below)

    def _signed(self, value: Number) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
        """Return numerator and denominator, with a sign that makes the denominator positive."""
        value = self.lift(1) * value  # a whole number has no numerator and denominator
        sign = -1 if any(c < 0 for c in value.denom.values()) else 1
        return (value.numer * sign, value.denom * sign)

    def _is_positive(self, polynomial: Mapping[Any, Any]) -> bool:
        """Whether no coefficient is below 0, and one term does not vanish."""
        # A term without the parameters that may be 0 is above 0 wherever the others are.
        return all(c >= 0 for c in polynomial.values()) and any(
            c > 0 and not any(powers[self.positive :]) for powers, c in polynomial.items()
        )
