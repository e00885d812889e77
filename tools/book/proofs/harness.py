"""What proofs share: their list, and runs of a rule along given gradients."""

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from descent.misprints import MISPRINTS
from descent.rules import Rule

Proof = Callable[[], dict[str, Any]]

PROOFS: dict[str, Proof] = {}
"""The proofs by name."""

LR, B1, B2, EPS = 1e-3, 0.9, 0.999, 1e-8
"""Adam's usual settings."""


def proof(function: Proof) -> Proof:
    """List a proof; it is computed once."""
    PROOFS[function.__name__] = cache(function)
    return PROOFS[function.__name__]


def close(a: Any, b: Any, rel: float = 1e-9) -> bool:
    """Return whether two numbers agree to rounding."""
    return math.isclose(a, b, rel_tol=rel, abs_tol=1e-12)


def points(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> list[float]:
    """Return x before and after each step of a rule along given gradients."""
    state, seen = rule.init(np.float64(x)), [x]
    with np.errstate(all="ignore"):
        for g in gradients:
            moved, state = rule.update(np.float64(seen[-1]), np.float64(g), state)
            seen.append(float(moved))
    return seen


def steps(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> list[float]:
    """Return the steps x_{t-1} − x_t of a rule along given gradients."""
    return [-step for step in np.diff(points(rule, gradients, x))]


def descend(
    rule: Rule, n: int, x: float = 5.0, grad: Callable[[float], float] = lambda x: 2 * x
) -> list[float]:
    """Return the points that a rule visits on x², or along another gradient."""
    state, seen = rule.init(np.float64(x)), [x]
    with np.errstate(all="ignore"):
        for _ in range(n):
            x_, state = rule.update(np.float64(seen[-1]), np.float64(grad(seen[-1])), state)
            seen.append(float(x_))
    return seen


def wrong(name: str, **hyper: Any) -> Rule:
    """Return a misprint as a rule."""
    rule: Rule = MISPRINTS[name](**hyper)
    return rule


def error(function: Callable[[], Any]) -> str:
    """Return the name of the exception that a function raises."""
    try:
        function()
    except Exception as raised:
        return type(raised).__name__
    raise AssertionError("it was to raise an exception, and returned")


def state_after(rule: Rule, gradients: Iterable[float], x: float = 0.0) -> Any:
    """Return the state of a rule after given gradients."""
    y, state = np.float64(x), rule.init(np.float64(x))
    with np.errstate(all="ignore"):
        for g in gradients:
            y, state = rule.update(y, np.float64(g), state)
    return state


def rough(value: float) -> float:
    """Return a number to two digits, where more would differ from machine to machine."""
    return float(f"{value:.1e}")
