"""The door of every rule: what comes in is checked, and what goes out has the dtype it came in."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from descent._check import same_shape
from descent._numbers import plain
from descent._state import leaves, with_leaves

NUMBERS = (int, float, "int", "float")
"""Annotations of the entries of a state that are numbers, not arrays."""


def with_plain_numbers(state: Any) -> Any:
    """Return a state whose numbers, such as t, are Python's, wherever it was read from."""
    for place in _numbers_of(state.__class__):
        if type(value := state[place]) is not int and type(value) is not float:
            state = state._replace(**{state._fields[place]: plain(value)})
    return state


@functools.cache
def _numbers_of(kind: type) -> tuple[int, ...]:
    """Return the places of the entries of a kind of state that are numbers."""
    annotations = getattr(kind, "__annotations__", {})
    return tuple(i for i, annotation in enumerate(annotations.values()) if annotation in NUMBERS)


def guarded(update: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule's update with a gradient of x's shape alone, and that changes no dtype.

    x and the state come out in the dtypes that they had, whatever those of the gradient and the
    numbers. A rule that looks at an array as a whole takes one of 16 bits in 32, and rounds at the
    end of the step: the squares of gradients of 1e-5, summed in float16, are 0.
    """

    @functools.wraps(update)
    def guarded_update(rule: Any, x: Any, g: Any, state: Any) -> tuple[Any, Any]:
        state = with_plain_numbers(state)
        if type(x) is type(g) is float:  # neither has a shape or a dtype
            return update(rule, x, g, state)  # type: ignore[no-any-return]
        same_shape(x, g)
        kind = _floating(x)
        if kind is None:
            return update(rule, x, g, state)  # type: ignore[no-any-return]
        if rule.elementwise:
            new_x, new = update(rule, x, g, state)
        else:
            single = in_single(x, g, state) if kind.itemsize == 2 else (x, g, state)
            new_x, new = update(rule, single[0], _like(single[1], single[0]), single[2])
        if not all(map(_is_alike, new, state)):
            new = _mapped(_like, new, state)
        return _like(new_x, x), new

    return guarded_update


def _floating(value: Any) -> Any:
    """Return the dtype of an array of floating-point numbers, else None."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return None
    is_torchs = hasattr(dtype, "is_floating_point")
    known = dtype.is_floating_point if is_torchs else dtype.kind not in "biucO"
    return dtype if known else None


def in_single(x: Any, g: Any, state: Any) -> tuple[Any, Any, Any]:
    """Return x, g and the state with float32 in place of 16 bits."""
    return _single(x), _single(g), _mapped(_single, state)


def _single(value: Any) -> Any:
    """Return an array of 16 bits as float32; anything else as it is."""
    dtype = _floating(value)
    if dtype is None or dtype.itemsize != 2:
        return value
    return value.float() if hasattr(value, "float") else value.astype(np.float32)


def _is_alike(new: Any, old: Any) -> bool:
    """Whether an entry of a state, not a state itself, kept its dtype."""
    same = getattr(new, "dtype", None) == getattr(old, "dtype", None)
    return same and not isinstance(old, tuple)


def _like(new: Any, old: Any) -> Any:
    """Return a new array in the dtype of the old one."""
    dtype = getattr(old, "dtype", None)
    if getattr(new, "dtype", dtype) == dtype or _floating(old) is None:
        return new
    return new.to(dtype) if hasattr(new, "to") else new.astype(dtype)


def _mapped(function: Callable[..., Any], state: Any, *others: Any) -> Any:
    """Return a state with the function of each leaf, and of the leaves of other states."""
    columns = (leaves(s) for s in (state, *others))
    return with_leaves(state, iter([function(*row) for row in zip(*columns, strict=True)]))
