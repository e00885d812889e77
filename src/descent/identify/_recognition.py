"""Which form a candidate has, told by what it is and what it takes."""

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from descent.identify._candidate import (
    FORMS,
    GRADIENTS,
    Candidate,
    NotRunnableError,
    Stepper,
    _is_of,
    _made,
    _method,
    _only_numbers,
    _required,
    _steps_alone,
)
from descent.identify._catalogue import with_hyper
from descent.rules import Rule


def _recognised(thing: Any) -> str:
    """Return the form of a thing, by its type and its signature."""
    if isinstance(thing, Rule) or (inspect.isclass(thing) and issubclass(thing, Rule)):
        return "rule"
    if _is_of(thing, "torch.optim", "Optimizer"):
        return "torch"
    if _is_of(thing, "keras", "BaseOptimizer") or _is_of(thing, "keras", "KerasOptimizer"):
        return "keras"
    is_tuple = isinstance(thing, tuple) or type(thing).__module__.startswith("optax.")
    if is_tuple and hasattr(thing, "init") and hasattr(thing, "update"):
        return "optax"
    if inspect.isgeneratorfunction(thing) or inspect.isgenerator(thing):
        return "generator"
    if _steps_alone(thing) and "torch" in sys.modules:
        return "torch"
    if _method(thing):
        return "object"
    if callable(thing):
        return _recognised_function(thing)
    raise NotRunnableError(
        f"{type(thing).__name__} is none of: {', '.join(FORMS)}; a form is told by --form, "
        "and an object has step(x, g) or update(x, g)"
    )


def _recognised_function(thing: Any) -> str:
    """Return the form of a function: a step, or one that makes something of another form."""
    required = _required(thing)
    if len(required) >= 2 or _looks_like_a_step(thing):
        return "function"
    made = _made(thing)
    if made is None:
        raise NotRunnableError(
            f"a function of {required or 'nothing'} is no step(x, g, state), and makes no optimiser"
        )
    return _recognised(made)


def _looks_like_a_step(thing: Any) -> bool:
    try:
        names = list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) >= 3 and names[1] in GRADIENTS


# Rules


def _rule(thing: Any) -> Candidate:
    rule: Any = thing() if inspect.isclass(thing) else thing

    def fresh(x: Any) -> Stepper:
        return _of_rule(rule, x)

    def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
        return _of_rule(with_hyper(rule, {"lr": lambda t: rule.lr_at(t) * factor(t)}), x)

    def vary(name: str, value: float) -> Candidate:
        return _rule(with_hyper(rule, {name: value}))

    told = {f.name: getattr(rule, f.name) for f in fields(rule)}
    return Candidate("rule", fresh, _only_numbers(told), rule, vary, scheduled, guess="a rule")


def _of_rule(rule: Rule, x: Any) -> Stepper:
    state = rule.init(x)

    def step(x: Any, g: Any) -> Any:
        nonlocal state
        try:
            x, state = rule.update(x, g, state)
        except ArithmeticError:  # as `displacements` has it
            return x + math.nan
        return x

    return step


# PyTorch
