"""The updates that an optimizer runs: any rule by its own lines, Adam in place, both by chunks."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from descent import rules
from descent._door import in_single
from descent._state import leaves, with_leaves
from descent.conventions import DecoupledDecay, L2Decay, Maximize
from descent.rules import Rule

CHUNK = 2**17
"""Coordinates in a chunk for each thread: x, g, m, v and a temporary of float32 take 2.5 MiB."""


LEAST_EPS = 1e-9
"""From here on a root of 1e-19, divided by √(1 - β₂), vanishes beside eps in float32."""


def assign_(rule: Rule, x: Tensor, g: Tensor, state: Any) -> Any:
    """Make one step of any rule, its results written over x and the arrays of the state.

    A paper knows no rounding: where x has 16 bits, the step is computed in 32 and rounded as it is
    written. A framework's own optimiser rounds after each operation.
    """
    takes_single = x.dtype.itemsize == 2 and not rule.rounds_always
    new_x, new = rule.update(*(in_single(x, g, state) if takes_single else (x, g, state)))
    old = [x, *arrays_of(state)]
    results = [new_x, *arrays_of(new)]
    # A rule may return what it was given, such as the g of one step as the state of the next: it
    # must not change as it is written over.
    results = [t.clone() if any(t is o for o in old) else t for t in results]
    for destination, result in zip(old, results, strict=True):
        destination.copy_(result)
    return with_arrays(new, old[1:])


def adam_(rule: rules.Adam, x: Tensor, g: Tensor, state: Any, scratch: Tensor) -> Any:
    """Make one step of Adam in place: `rules.Adam` in the order of `torch.optim.Adam`, bit by bit.

    The one formula of the package that is written a second time. It needs memory for one array like
    x, `scratch`, where the operators of the rule make a dozen.
    """
    t = state.t + 1
    state.m.lerp_(g, 1 - rule.beta1)
    state.v.mul_(rule.beta2).addcmul_(g, g, value=1 - rule.beta2)
    sqrt_(state.v, rule.eps, scratch).div_((1 - rule.beta2**t) ** 0.5).add_(rule.eps)
    x.addcdiv_(state.m, scratch, value=-(rule.lr_at(t) / (1 - rule.beta1**t)))
    return state._replace(t=t)


def sqrt_(v: Tensor, eps: float, scratch: Tensor) -> Tensor:
    """Write the roots of v to `scratch`; of a v below the normal numbers another negligible root.

    PyTorch's root of a vector with zeros takes up to fifty times as long on a CPU. The root of the
    least normal number is so far below eps that their sum is eps, to the last bit, like that of 0.
    """
    if v.dtype in (torch.float32, torch.float64) and eps >= LEAST_EPS and v.device.type == "cpu":
        return torch.clamp(v, min=torch.finfo(v.dtype).tiny, out=scratch).sqrt_()
    return torch.sqrt(v, out=scratch)


IN_PLACE: dict[type[Rule], Callable[..., Any]] = {rules.Adam: adam_}
"""Rules with a form in place; every other rule runs as it reads, through `assign_`."""


def in_place(rule: Rule) -> Callable[..., Any] | None:
    """Return the rule's form in place, if it has one: Adam, and what wraps Adam as PyTorch does."""
    if type(rule) not in (Maximize, L2Decay, DecoupledDecay):
        return IN_PLACE.get(type(rule))
    inner = in_place(rule.rule)  # type: ignore[attr-defined]

    def wrapped(rule: Any, x: Tensor, g: Tensor, state: Any, scratch: Tensor) -> Any:
        if isinstance(rule, Maximize):
            g = -g
        elif isinstance(rule, L2Decay):
            g = g.add(x, alpha=rule.weight_decay)
        else:
            x.mul_(1 - rule.lr_at(state.t + 1) * rule.weight_decay)
        return inner(rule.rule, x, g, state, scratch)  # type: ignore[misc]

    return inner and wrapped


def chunk_size() -> int:
    """Return the coordinates in a chunk, of which each thread takes its part."""
    return CHUNK * torch.get_num_threads()


def by_chunks(update: Callable[..., Any]) -> Callable[..., Any]:
    """Return an update that takes a long vector on the CPU by chunks that fit a cache."""

    def update_by_chunks(rule: Rule, x: Tensor, g: Tensor, state: Any) -> Any:
        size = chunk_size()
        if not rule.elementwise or x.dim() != 1 or x.numel() <= size or x.device.type != "cpu":
            return update(rule, x, g, state)
        arrays = arrays_of(state)
        for xs, gs, *chunks in zip(*(torch.split(v, size) for v in (x, g, *arrays)), strict=True):
            new = update(rule, xs, gs, with_arrays(state, chunks))
        return with_arrays(new, arrays)

    return update_by_chunks


def with_scratch(form: Callable[..., Any]) -> Callable[..., Any]:
    """Return a form in place as an update, whose scratch memory for a chunk on the CPU is kept.

    New memory of that size costs more than what is computed in it.
    """
    kept: dict[torch.dtype, Tensor] = {}

    def update(rule: Rule, x: Tensor, g: Tensor, state: Any) -> Any:
        if x.device.type != "cpu" or x.numel() > chunk_size():
            return form(rule, x, g, state, torch.empty_like(x))
        scratch = kept.get(x.dtype)
        if scratch is None or scratch.numel() < x.numel():
            scratch = kept[x.dtype] = x.new_empty(x.numel())
        if scratch.shape != x.shape:
            scratch = scratch[: x.numel()].view(x.shape)
        return form(rule, x, g, state, scratch)

    return update


def arrays_of(state: Any) -> list[Tensor]:
    return [s for s in leaves(state) if isinstance(s, Tensor)]


def with_arrays(state: Any, arrays: Iterable[Tensor]) -> Any:
    """Return the state with these arrays in place of its own."""
    rest = iter(arrays)  # in the order of `leaves`
    return with_leaves(state, (next(rest) if isinstance(s, Tensor) else s for s in leaves(state)))
