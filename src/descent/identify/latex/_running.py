"""Equations run step by step, as they are printed."""

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from descent.identify.latex._reading import Equation, Node, Step
from descent.rules import norm, quotient

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": quotient,
    "neg": operator.neg,
    "abs": np.abs,
    "floor": np.floor,
    "norm": norm,
    "gt": operator.gt,
    "lt": operator.lt,
    "ge": operator.ge,
    "le": operator.le,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "max": np.maximum,
    "min": np.minimum,
    "sign": np.sign,
    "sgn": np.sign,
    "cos": np.cos,
}


def _power(base: Any, exponent: Any) -> Any:
    """Return a power as the rules compute it: a whole exponent is one."""
    whole = isinstance(exponent, float) and exponent.is_integer()
    return base ** (int(exponent) if whole else exponent)


@dataclass
class Evaluation:
    r"""What printed statements give, step by step.

    Attributes:
        statements: what is printed.
        constants: values of names without a step.
        given: functions of the step: names that the statements take as known.
        starts: values at step 0 of names whose start is not printed.
        functions: what the words of \\operatorname compute.
    """

    statements: Sequence[Equation]
    constants: Mapping[str, Any]
    given: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)
    starts: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    first: int = 1
    known: dict[tuple[str, int], Any] = field(default_factory=dict, init=False)

    def at(self, name: str, step: int) -> Any:
        """Return the value of a name at a step.

        Raises:
            ValueError: no statement gives it, or one gives it by itself.
        """
        if name in self.given:
            return self.given[name](step)
        if (name, step) not in self.known:
            self.known[name, step] = None  # until it is computed
            self.known[name, step] = self._computed(name, step)
        if self.known[name, step] is None:
            raise ValueError(f"{name} at step {step} is given by itself")
        return self.known[name, step]

    def _computed(self, name: str, step: int) -> Any:
        for statement in self.statements:
            if statement.name != name:
                continue
            t = step - (statement.step.offset if statement.step else 0)
            is_start = statement.step is not None and statement.step.base == ""
            applies = step == 0 if is_start else t >= self.first
            if applies and (
                statement.condition is None or self.value(statement.condition, {"t": t})
            ):
                return self.value(statement.value, {"t": t})
        if step <= self.first and name in self.starts:
            return self.starts[name]
        raise ValueError(f"nothing printed gives {name} at step {step}")

    def value(self, e: Node, steps: Mapping[str, int]) -> Any:
        """Return the value of an expression, its indices at these values."""
        if e.kind == "number":
            return e.value
        if e.kind == "t":
            return float(steps["t"])
        if e.kind == "name":
            return self._named(e, steps)
        if e.kind in ("sum", "prod"):
            return self._big(e, steps)
        values = [self.value(part, steps) for part in e.parts]
        if e.kind == "pow":
            return _power(*values)
        if e.kind == "call":
            return self._called(e, values)
        return _OPERATIONS[e.kind](*values)

    def _called(self, e: Node, values: list[Any]) -> Any:
        compute = {**_FUNCTIONS, **self.functions}.get(e.name)
        if compute is None:
            raise ValueError(f"nothing printed gives {e.name}")
        return compute(*values)

    def _big(self, e: Node, steps: Mapping[str, int]) -> Any:
        first, last = (int(self.value(part, steps)) for part in e.parts[:2])
        values = [self.value(e.parts[2], {**steps, e.name: i}) for i in range(first, last + 1)]
        if e.kind == "prod":
            return math.prod(values)
        return sum(values[1:], values[0]) if values else 0.0

    def _named(self, e: Node, steps: Mapping[str, int]) -> Any:
        if e.step is not None:
            return self.at(e.name, e.step.at(steps))
        if e.name in steps:
            return float(steps[e.name])
        known = self.constants.get(e.name)
        return self.at(e.name, steps["t"]) if known is None else known


PRIME = "_prime"


def _unprimed(found: Sequence[Equation]) -> list[Equation]:
    """Return statements with x' for what x becomes as equations of steps."""
    names = {statement.name for statement in found if statement.step is None}
    bases = {name: name.removesuffix(PRIME) for name in names}
    olds = {base for name, base in bases.items() if name != base and base not in names}
    if not olds:
        return list(found)
    return [
        replace(
            statement,
            name=bases[statement.name] if bases[statement.name] in olds else statement.name,
            step=Step() if bases[statement.name] in olds else statement.step,
            value=_without_prime(statement.value, olds),
        )
        for statement in found
    ]


def _without_prime(e: Node, olds: Collection[str]) -> Node:
    name = e.name.removesuffix(PRIME)
    if e.kind == "name" and e.step is None and name in olds:
        return replace(e, name=name, step=Step("t", 0 if e.name != name else -1))
    return replace(e, parts=tuple(_without_prime(part, olds) for part in e.parts))


def ordered(found: Sequence[Equation]) -> list[Equation]:
    """Return statements with arrows or primes as equations: what is set later is a step before."""
    found = _unprimed(found)
    places = {statement.name: i for i, statement in reversed(list(enumerate(found)))}
    if not any(
        statement.sets or (statement.step is None and _asks(statement.value, statement.name))
        for statement in found
    ):
        return list(found)
    return [
        replace(
            statement, step=statement.step or Step(), value=_indexed(statement.value, i, places)
        )
        for i, statement in enumerate(found)
    ]


def _asks(value: Node, name: str) -> bool:
    return any(node.kind == "name" and node.name == name and node.step is None for node in value)


def _indexed(e: Node, place: int, places: Mapping[str, int]) -> Node:
    parts = tuple(_indexed(part, place, places) for part in e.parts)
    if e.kind == "name" and e.step is None and e.name in places:
        return replace(e, step=Step("t", 0 if places[e.name] < place else -1))
    return replace(e, parts=parts)
