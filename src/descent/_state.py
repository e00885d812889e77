"""A rule's state as the list of its leaves: numbers and arrays, those of a state inside too."""

from collections.abc import Iterator
from typing import Any


def leaves(state: Any) -> list[Any]:
    """Return the numbers and arrays of a state, in order."""
    return [leaf for s in state for leaf in (leaves(s) if isinstance(s, tuple) else [s])]


def leaf_names(state: Any) -> list[str]:
    """Return the names of the leaves; an entry b of the state inside `step` is `step.b`."""
    names = []
    for name, value in zip(state._fields, state, strict=True):
        inside = leaf_names(value) if isinstance(value, tuple) else []
        names += [f"{name}.{n}" for n in inside] or [name]
    return names


def with_leaves(state: Any, values: Iterator[Any]) -> Any:
    """Return a state built like this one from the next values."""
    return type(state)(
        *(with_leaves(s, values) if isinstance(s, tuple) else next(values) for s in state)
    )
