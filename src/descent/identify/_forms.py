"""Whatever an optimiser is written as, made into one thing that can be led along gradients."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from descent.identify._candidate import FORMS, Candidate, NotRunnableError
from descent.identify._frameworks import _keras, _optax, _torch
from descent.identify._functions import _function, _generator, _object
from descent.identify._recognition import _recognised, _rule


def candidate(thing: Any, form: str | None = None) -> Candidate:
    """Return anything that the forms allow as a candidate.

    Raises:
        NotRunnableError: it is of none of the forms, or cannot be begun.
    """
    if form is not None and form not in FORMS:
        raise NotRunnableError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    if "jax" in sys.modules:  # or a step on its arrays rounds to float32
        sys.modules["jax"].config.update("jax_enable_x64", True)
    found = MAKERS[form or _recognised(thing)](thing)
    return _tried(found)


def _tried(found: Candidate) -> Candidate:
    """Return the candidate as one of arrays or, where it takes none, of numbers."""
    x, gs = np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.25, -2.0]])
    try:
        found.visit(x, gs)
        return found
    except Exception as error:
        numbers = replace(found, takes_arrays=False)
        try:
            numbers.visit(x, gs)
            return numbers
        except Exception:
            try:
                found.visit(np.ones((2, 3)), np.ones((2, 2, 3)))
                return replace(found, needs_matrix=True)
            except Exception:
                pass
        if isinstance(error, NotRunnableError):
            raise
        raise NotRunnableError(f"its first steps raise {type(error).__name__}: {error}") from error


MAKERS: dict[str, Callable[[Any], Candidate]] = {
    "rule": _rule,
    "torch": _torch,
    "optax": _optax,
    "keras": _keras,
    "function": _function,
    "object": _object,
    "generator": _generator,
}
