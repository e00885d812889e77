"""What an optimiser does beyond its formula: its state, its arguments, and odd gradients."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from descent.identify._candidate import Candidate
from descent.identify._fit import Visit
from descent.identify._frameworks import _step_along
from descent.identify._probes import Array

X = np.array([0.5, -1.0, 2.0])
GS = np.array([[1.0, -0.5, 2.0], [0.5, 1.0, -1.0], [-2.0, 0.25, 1.0], [1.0, 1.0, 0.5]])


def beyond(candidate: Candidate, state: bool = True) -> list[str]:
    """Return what was seen beyond the formula and is not as it should be, a sentence each."""
    found = []
    checks: list[Callable[[Candidate], Iterator[str]]] = [_arguments, _odd_gradients, _float16]
    for check in (*checks, _several_parameters, _rounding, _saved, *([_state] if state else [])):
        try:
            found += list(check(candidate))
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            found.append(f"{name}: it raises {type(error).__name__}: {error}"[:160])
    return found


def _matrix(candidate: Candidate, a: Array) -> Array:
    """Return an array in a shape that the candidate takes."""
    return np.stack([a, 2 * a[::-1]]) if candidate.needs_matrix else a


def _visit(candidate: Candidate, gs: Array, dtype: Any = float) -> Visit:
    x = _matrix(candidate, X).astype(dtype)
    return candidate.visit(x, np.stack([_matrix(candidate, g) for g in gs]).astype(dtype))


def _arguments(candidate: Candidate) -> Iterator[str]:
    """Say whether a step changes the arrays that it is given."""
    if not candidate.takes_arrays or candidate.form not in ("function", "object", "generator"):
        return
    x, g = _matrix(candidate, X).copy(), _matrix(candidate, GS[0]).copy()
    kept = x.copy(), g.copy()
    candidate.fresh(x)(x, g)
    if not np.array_equal(g, kept[1]):
        yield "it modifies the gradient in place"
    if not np.array_equal(x, kept[0]):
        yield "it modifies x in place"


def _state(candidate: Candidate) -> Iterator[str]:
    """Say whether a step depends on those before it."""
    if candidate.owns_x:
        return
    step = candidate.fresh(_any(candidate, X))
    small = -1e-3 * np.ones(3)
    for g in (100 + 0 * small, 100 + 0 * small, small):
        x = step(_any(candidate, X), _any(candidate, g))
    alone = candidate.fresh(_any(candidate, X))(_any(candidate, X), _any(candidate, small))
    if np.array_equal(np.asarray(x), np.asarray(alone)):
        yield "it keeps no state from one step to the next, or makes it anew in each"


def _any(candidate: Candidate, a: Array) -> Any:
    return _matrix(candidate, a).copy() if candidate.takes_arrays else float(a[0])


def _odd_gradients(candidate: Candidate) -> Iterator[str]:
    """Say what a gradient of 0, of infinity and of no number does."""
    still = _visit(candidate, 0 * GS)
    if not np.isfinite(still.x).all():
        yield "a gradient of 0 in the first step gives no number"
    elif np.any(still.u[0] != 0):
        yield "a gradient of 0 moves x in the first step"
    for value, words in (
        (np.inf, "an infinite gradient"),
        (np.nan, "a gradient that is no number"),
    ):
        spoiled = GS.copy()
        spoiled[1] = value
        with np.errstate(all="ignore"):
            after = _visit(candidate, spoiled).x[-1]
        how = "is passed over" if np.isfinite(after).all() else "spoils x for good"
        if np.isfinite(after).all():
            yield f"{words} {how}"


def _float16(candidate: Candidate) -> Iterator[str]:
    """Say what half precision does with ordinary and with no gradients."""
    if not candidate.takes_arrays or candidate.form in ("keras", "formula"):
        return
    for gs, words in ((GS, "ordinary gradients"), (0 * GS, "gradients of 0")):
        half = _visit(candidate, gs, np.float16)
        if not np.isfinite(half.x).all() and np.isfinite(_visit(candidate, gs).x).all():
            yield f"in float16 {words} give no number"
            return


def _several_parameters(candidate: Candidate) -> Iterator[str]:
    """Say what two parameters, and one without a gradient, do to an optimizer of PyTorch."""
    if candidate.form != "torch" or candidate.maker is None:
        return
    import torch

    one, two = (torch.nn.Parameter(torch.tensor(_matrix(candidate, X))) for _ in range(2))
    optimizer = candidate.maker(one)
    try:
        optimizer.add_param_group({"params": [two]})
    except Exception as error:
        yield f"a second parameter raises {type(error).__name__}: {error}"[:120]
        return
    _step_along(torch.tensor(_matrix(candidate, GS[0])), one, optimizer)
    if not torch.equal(two, torch.tensor(_matrix(candidate, X))):
        yield "a parameter without a gradient is moved"


def _rounding(candidate: Candidate) -> Iterator[str]:
    """Say whether an optimizer of PyTorch rounds to bfloat16, which the comparison leaves out."""
    if candidate.form != "torch" or candidate.maker is None:
        return
    import torch

    p, rounds, called = torch.nn.Parameter(torch.ones(2, 3)), torch.Tensor.bfloat16, []

    def watched(a: Any) -> Any:
        called.append(a)
        return rounds(a)

    torch.Tensor.bfloat16 = watched  # type: ignore[method-assign, assignment]
    try:
        _step_along(torch.ones(2, 3), p, candidate.maker(p))
    finally:
        torch.Tensor.bfloat16 = rounds  # type: ignore[method-assign]
    if called:
        yield "it rounds to bfloat16 within a step; it was compared without that"


def _saved(candidate: Candidate) -> Iterator[str]:
    """Say whether an optimizer of PyTorch, saved and loaded, goes on as if it had not been."""
    if candidate.form != "torch" or candidate.maker is None:
        return
    import torch

    ends = []
    for is_saved in (False, True):
        p = torch.nn.Parameter(torch.tensor(_matrix(candidate, X)))
        optimizer = candidate.maker(p)
        for i, g in enumerate(GS):
            if is_saved and i == 2:
                kept = copy.deepcopy(optimizer.state_dict())
                optimizer = candidate.maker(p)
                optimizer.load_state_dict(kept)
            _step_along(torch.tensor(_matrix(candidate, g)), p, optimizer)
        ends.append(p.detach().numpy().copy())
    moved = np.abs(ends[0] - _matrix(candidate, X)).max()
    if np.abs(ends[0] - ends[1]).max() > 1e-6 * moved:
        yield "saved with state_dict and loaded into a new one, it goes on otherwise"
