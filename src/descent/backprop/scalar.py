"""Reverse-mode differentiation of single numbers, whole on one page.

Each operation computes its value at once and keeps a closure, `pull`, that turns the derivative of
the output into the parts of its operands. `backward` calls the closures from the output back.

>>> x, y = Value(2.0), Value(3.0)
>>> f = x * y + x                               # x is used twice: its parts add up
>>> f.backward()
>>> f.data, x.grad, y.grad
(8.0, 4.0, 2.0)

It is for reading, and for checking by hand: numbers may be floats, whole numbers or fractions, and
+, −, ×, ÷ and whole powers of fractions are exact.

Source: reverse accumulation as in Baydin et al. (2018), Section 3.2; the form is that of Karpathy's
micrograd.
"""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

__all__ = ["Number", "Value"]

Number = Any
"""A float, a whole number or a fraction."""


class Value:
    """A number that remembers what it was computed from.

    Args:
        data: the number.
        parents: the operands, if an operation makes it.
        pull: takes the derivative of the output with respect to this value and returns the part of
            each operand, in order.

    Attributes:
        data: the number.
        grad: the derivative, with respect to this value, of the one whose `backward` ran last; 0
            before.

    Raises:
        ValueError: data is not a real number.

    >>> Value(2.0) ** 3 / 4 - 1
    Value(1.0)
    """

    def __init__(
        self,
        data: Number,
        parents: tuple["Value", ...] = (),
        pull: Callable[[Number], tuple[Number, ...]] = lambda g: (),
    ) -> None:
        if not isinstance(data, Real):
            raise ValueError(f"data must be a real number, got {data!r}")
        self.data: Number = data
        self.grad: Number = 0
        self._parents = parents
        self._pull = pull

    def __repr__(self) -> str:
        return f"Value({self.data!r})"

    def __add__(self, other: "Value | Number") -> "Value":
        other = _value(other)
        return Value(self.data + other.data, (self, other), lambda g: (g, g))

    def __mul__(self, other: "Value | Number") -> "Value":
        other = _value(other)
        a, b = self.data, other.data
        return Value(a * b, (self, other), lambda g: (g * b, g * a))

    def __pow__(self, power: Number) -> "Value":
        if not isinstance(power, Real):
            raise ValueError(f"power must be a real number, got {power!r}")
        x, n = self.data, power
        if n == 0:  # the slope is 0 at x = 0 too, where 0 · 0⁻¹ is not
            return Value(x**n, (self,), lambda g: (0 * g,))
        return Value(x**n, (self,), lambda g: (g * n * x ** (n - 1),))

    def __rpow__(self, base: Number) -> "Value":
        y = base**self.data
        return Value(y, (self,), lambda g: (g * y * math.log(base),))

    def exp(self) -> "Value":
        """Return e to the power of this value."""
        y = math.exp(self.data)
        return Value(y, (self,), lambda g: (g * y,))

    def log(self) -> "Value":
        """Return the natural logarithm."""
        return Value(math.log(self.data), (self,), lambda g: (g / self.data,))

    def tanh(self) -> "Value":
        """Return the hyperbolic tangent."""
        y = math.tanh(self.data)
        return Value(y, (self,), lambda g: (g * (1 - y**2),))

    def relu(self) -> "Value":
        """Return the positive part. At 0 it has no derivative; as is usual, 0 stands for it."""
        y = max(self.data, type(self.data)(0))
        return Value(y, (self,), lambda g: (g * (self.data > 0),))

    def __neg__(self) -> "Value":
        return self * -1

    def __sub__(self, other: "Value | Number") -> "Value":
        return self + -_value(other)

    def __rsub__(self, other: Number) -> "Value":
        return _value(other) + -self

    def __truediv__(self, other: "Value | Number") -> "Value":
        return self * _value(other) ** -1

    def __rtruediv__(self, other: Number) -> "Value":
        return _value(other) * self**-1

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> None:
        """Fill in `grad`, here and in all values that this one was computed from."""
        order = self._later_first()
        for value in order:
            value.grad = 0
        self.grad = 1
        for value in order:
            parts = value._pull(value.grad)
            for parent, part in zip(value._parents, parts, strict=True):
                parent.grad += part

    def _later_first(self) -> list["Value"]:
        """Return the values of the graph, each before its operands, without recursion."""
        order: list[Value] = []
        seen: set[Value] = set()
        stack = [(self, False)]
        while stack:
            value, operands_done = stack.pop()
            if operands_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack.extend((parent, False) for parent in value._parents)
        return order[::-1]


def _value(x: Value | Number) -> Value:
    """Return a number as a value without operands, and a value as it is."""
    return x if isinstance(x, Value) else Value(x)
