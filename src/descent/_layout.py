"""Many tensors as one vector: a run of parameters that one update takes at once."""

from collections.abc import Callable
from itertools import accumulate
from operator import is_
from typing import Any

import torch
from torch import Tensor

from descent._state import leaf_names, leaves, with_leaves

LINE = 64
"""Bytes; where tensors share a buffer, each starts where PyTorch would have it start."""


def rooms(tensors: list[Tensor]) -> list[int]:
    """Return how many elements of a buffer each tensor takes: whole lines, but for the last."""
    line = LINE // tensors[0].element_size()
    return [-(-t.numel() // line) * line for t in tensors[:-1]] + [tensors[-1].numel()]


def are_side_by_side(tensors: list[Tensor]) -> bool:
    """Whether the tensors lie in one buffer as `moved` lays them."""
    first, last = tensors[0], tensors[-1]
    starts = accumulate((room * first.element_size() for room in rooms(tensors)), initial=0)
    return first.untyped_storage().data_ptr() == last.untyped_storage().data_ptr() and all(
        t.data_ptr() == first.data_ptr() + start and t.is_contiguous()
        for t, start in zip(tensors, starts, strict=False)
    )


def cut(vector: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Return the parts of a buffer that are room for these tensors, in their shapes."""
    parts: Any = torch.split(vector, rooms(like))
    return [part[: t.numel()].view(t.shape) for part, t in zip(parts, like, strict=True)]


def moved(tensors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return a new buffer, and its parts, which are copies of the tensors."""
    buffer = tensors[0].new_zeros(sum(rooms(tensors)))
    parts = cut(buffer, tensors)
    torch._foreach_copy_(parts, tensors)
    return buffer, parts


def joined(tensors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return a buffer and its parts: the tensors themselves if side by side, else copies."""
    if are_side_by_side(tensors):
        return tensors[0].detach().as_strided((sum(rooms(tensors)),), (1,)), tensors
    return moved(tensors)


class Run:
    """Parameters that are updated as one vector, and what `Optimizer.state` keeps for each.

    With `in_place`, parameters and gradients that lie side by side are the vector. Elsewhere a step
    copies them to buffers of the run, and the parameters back.
    """

    def __init__(
        self, params: list[Tensor], state: Any, init: Callable[[Tensor], Any], in_place: bool
    ) -> None:
        bring = joined if in_place else moved
        self.params = params
        self.places = [(p.data_ptr(), p.dtype) for p in params]
        self.x, self.xs = bring(params)
        self.g, self.gs = bring(gradients(params))
        self.g_places = [g.data_ptr() for g in self.gs]
        self.kept: list[dict[str, Any]] = [state[p] for p in params]
        self._take_up(init(self.x))

    def _take_up(self, state: Any) -> None:
        """Begin with what is kept for the parameters, or with a state before the first step."""
        self.names = leaf_names(state)
        if self.kept[0]:
            columns = ([k[name] for k in self.kept] for name in self.names)
            one = (joined(c)[0] if isinstance(c[0], Tensor) else c[0] for c in columns)
            state = with_leaves(state, one)
        self.state = state
        self.columns = [
            cut(value, self.params) if isinstance(value, Tensor) else [value] * len(self.params)
            for value in leaves(state)
        ]
        for k, values in zip(self.kept, zip(*self.columns, strict=True), strict=True):
            k.update(zip(self.names, values, strict=True))

    def holds(self, state: Any) -> bool:
        """Whether all parameters have a gradient, and all is where the run left it."""
        return (
            [(p.data_ptr(), p.dtype) for p in self.params] == self.places
            and len(gradients(self.params)) == len(self.params)
            and all(map(is_, map(state.get, self.params), self.kept))
            and all(
                all(map(is_, [k.get(name) for k in self.kept], column))
                for name, column in zip(self.names, self.columns, strict=True)
            )
        )

    def step(self, update: Callable[..., Any], rule: Any) -> None:
        """Make one step."""
        grads = gradients(self.params)
        if [g.data_ptr() for g in grads] != self.g_places:
            torch._foreach_copy_(self.gs, grads)
        in_place = self.xs is self.params
        if not in_place:
            torch._foreach_copy_(self.xs, self.params)
        self.state = update(rule, self.x, self.g, self.state)
        if not in_place:
            torch._foreach_copy_(self.params, self.xs)
        torch.autograd.graph.increment_version(self.params)
        for i, value in enumerate(leaves(self.state)):
            if not isinstance(value, Tensor):
                self.columns[i] = [value] * len(self.params)
                for k in self.kept:
                    k[self.names[i]] = value


class Single:
    """A parameter that is updated by itself: as a vector, or in its shape."""

    def __init__(self, p: Tensor, state: Any, init: Callable[[Tensor], Any], vector: bool) -> None:
        self.params, self.init, self.vector = [p], init, vector
        self.kept: dict[str, Any] = state[p]

    def holds(self, state: Any) -> bool:
        """Whether the parameter has a gradient and its state is where it was."""
        (p,) = self.params
        return p.grad is not None and state.get(p) is self.kept

    def step(self, update: Callable[..., Any], rule: Any) -> None:
        """Make one step."""
        (p,) = self.params
        x, g = self._seen(p.detach()), self._seen(p.grad)
        state = self.init(x)
        if self.kept:
            state = with_leaves(state, map(self._seen, self.kept.values()))
        state = update(rule, x, g, state)
        values = (v.view(p.shape) if self._is_seen(v) else v for v in leaves(state))
        self.kept.update(zip(leaf_names(state), values, strict=True))

    def _is_seen(self, value: Any) -> bool:
        return self.vector and isinstance(value, Tensor)

    def _seen(self, value: Any) -> Any:
        return value.reshape(-1) if self._is_seen(value) else value


def gradients(params: list[Tensor]) -> list[Tensor]:
    """Return the gradients of the parameters that have one."""
    return [p.grad for p in params if p.grad is not None]
