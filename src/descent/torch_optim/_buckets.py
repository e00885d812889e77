"""Many tensors as one vector: a bucket of parameters that one update takes at once."""

from collections.abc import Callable, Iterable
from itertools import accumulate, chain
from operator import is_
from typing import Any

import torch
from torch import Tensor

from descent._state import leaf_names, leaves, with_leaves

LINE = 64
"""Bytes; where tensors share a buffer, each starts where PyTorch would have it start."""


def padded(tensors: list[Tensor]) -> list[int]:
    """Return how many elements of a buffer each tensor takes: whole lines, but for the last."""
    line = LINE // tensors[0].element_size()
    return [-(-t.numel() // line) * line for t in tensors[:-1]] + [tensors[-1].numel()]


def are_contiguous(tensors: list[Tensor]) -> bool:
    """Whether the tensors are contiguous parts of one buffer, as `moved` lays them out."""
    first, last = tensors[0], tensors[-1]
    starts = accumulate((n * first.element_size() for n in padded(tensors)), initial=0)
    return first.untyped_storage().data_ptr() == last.untyped_storage().data_ptr() and all(
        t.data_ptr() == first.data_ptr() + start and t.is_contiguous()
        for t, start in zip(tensors, starts, strict=False)
    )


def cut(vector: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Return the parts of a buffer that hold these tensors, in their shapes."""
    parts: Any = torch.split(vector, padded(like))
    return [part[: t.numel()].view(t.shape) for part, t in zip(parts, like, strict=True)]


def moved(tensors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return a new buffer, and its parts, which are copies of the tensors."""
    buffer = tensors[0].new_zeros(sum(padded(tensors)))
    parts = cut(buffer, tensors)
    torch._foreach_copy_(parts, tensors)
    return buffer, parts


def joined(tensors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return a buffer and its parts: the tensors themselves if contiguous, else copies."""
    if are_contiguous(tensors):
        return tensors[0].detach().as_strided((sum(padded(tensors)),), (1,)), tensors
    return moved(tensors)


class Bucket:
    """Parameters that are updated as one vector, and what `Optimizer.state` keeps for each.

    With `in_place`, parameters and gradients that are contiguous are the vector. Elsewhere a step
    copies them to buffers of the bucket, and the parameters back.
    """

    def __init__(
        self, params: list[Tensor], state: Any, init: Callable[[Tensor], Any], in_place: bool
    ) -> None:
        bring = joined if in_place else moved
        self.params = params
        self.x, self.xs = bring(params)
        grads = gradients(params)  # whose dtype may be their own
        self.g, self.gs = bring([g.to(p.dtype) for g, p in zip(grads, params, strict=True)])
        self.g_places = places(self.gs)
        self.kept: list[dict[str, Any]] = [state[p] for p in params]
        self._take_up(init(self.x))

    def _take_up(self, state: Any) -> None:
        """Begin with what is kept for the parameters, or with a state before the first step."""
        self.names = leaf_names(state)
        if self.kept[0]:
            kept = ([k[name] for k in self.kept] for name in self.names)
            one = (joined(c)[0] if isinstance(c[0], Tensor) else c[0] for c in kept)
            state = with_leaves(state, one)
        self.state = state
        columns: list[list[Any]] = [
            cut(value, self.params) if isinstance(value, Tensor) else [value] * len(self.params)
            for value in leaves(state)
        ]
        rows = list(zip(*columns, strict=True))
        self.entries = list(chain.from_iterable(rows))
        for k, row in zip(self.kept, rows, strict=True):
            k.update(zip(self.names, row, strict=True))

    @property
    def t(self) -> int:
        """Return the steps made."""
        return int(self.state.t)

    def holds(self) -> bool:
        """Whether what is kept for the parameters is what the bucket wrote."""
        return are_same(chain.from_iterable(map(dict.values, self.kept)), self.entries)

    def gradients_in_place(self) -> bool:
        """Whether the parameters are trained, with the bucket's buffer for their gradients."""
        trained = all(p.requires_grad for p in self.params)
        return trained and places(gradients(self.params)) == self.g_places

    def step(self, update: Callable[..., Any], rule: Any) -> None:
        """Make one step."""
        grads = gradients(self.params)
        if places(grads) != self.g_places:
            torch._foreach_copy_(self.gs, grads)
        in_place = self.xs is self.params
        if not in_place:
            torch._foreach_copy_(self.xs, self.params)
        self.state = update(rule, self.x, self.g, self.state)
        if not in_place:
            torch._foreach_copy_(self.params, self.xs)
        # A step through the buffer is unseen by autograd, whose graph may hold the old values.
        torch.autograd.graph.increment_version(self.params)
        # Arrays were changed where they lie; numbers such as t are new objects for each parameter.
        for i, value in enumerate(leaves(self.state)):
            if not isinstance(value, Tensor):
                self.entries[i :: len(self.names)] = [value] * len(self.params)
                for k in self.kept:
                    k[self.names[i]] = value


class Single:
    """A parameter that is updated by itself: as a vector, or in its shape."""

    def __init__(self, p: Tensor, state: Any, init: Callable[[Tensor], Any], vector: bool) -> None:
        self.p, self.init, self.vector = p, init, vector
        self.blank = init(p.new_zeros(1, 1))  # for the names: any matrix has them all
        self.names = leaf_names(self.blank)
        self.kept: dict[str, Any] = state[p]

    @property
    def t(self) -> int:
        """Return the steps made."""
        return int(self.kept["t"]) if self.kept else 0

    def holds(self) -> bool:
        """Whether what is kept can be taken: always, since a step reads it anew."""
        return True

    def step(self, update: Callable[..., Any], rule: Any) -> None:
        """Make one step."""
        x = self._seen(self.p.detach())
        g = self._seen(self.p.grad).to(x.dtype)
        state = (
            with_leaves(self.blank, (self._seen(self.kept[n]) for n in self.names))
            if self.kept
            else self.init(x)
        )
        state = update(rule, x, g, state)
        values = (v.view(self.p.shape) if self._is_seen(v) else v for v in leaves(state))
        self.kept.update(zip(self.names, values, strict=True))

    def _is_seen(self, value: Any) -> bool:
        return self.vector and isinstance(value, Tensor)

    def _seen(self, value: Any) -> Any:
        return value.reshape(-1) if self._is_seen(value) else value


class Plan:
    """The buckets of a group: how to make its step as long as nothing but values changes."""

    def __init__(self, params: list[Tensor], buckets: list[Bucket | Single]) -> None:
        self.params, self.buckets = list(params), buckets
        self.data = [p.detach() for p in params]  # kept, so that nothing else takes their place
        self.places = places(params)
        self.dense = [has_dense_gradient(p) for p in params]

    def holds(self, params: list[Tensor]) -> bool:
        """Whether the same parameters have gradients, and all else is where it was."""
        return (
            are_same(params, self.params)
            and [has_dense_gradient(p) for p in params] == self.dense
            and places(params) == self.places
            and all(bucket.holds() for bucket in self.buckets)
        )

    def gradient_buffers(self) -> list[Tensor]:
        """Return the buffers of all gradients, or nothing if a gradient is elsewhere."""
        in_place = all(isinstance(r, Bucket) and r.gradients_in_place() for r in self.buckets)
        return [r.g for r in self.buckets if isinstance(r, Bucket) and in_place and all(self.dense)]


def has_dense_gradient(p: Tensor) -> bool:
    """Whether p has a gradient that is not sparse."""
    return p.grad is not None and p.grad.layout is torch.strided


def gradients(params: list[Tensor]) -> list[Tensor]:
    """Return the gradients of the parameters that have one."""
    return [p.grad for p in params if p.grad is not None]


def places(tensors: list[Tensor]) -> list[int]:
    """Return where the tensors are in memory."""
    return [t.data_ptr() for t in tensors]


def are_same(objects: Iterable[Any], others: list[Any]) -> bool:
    """Whether both hold the same objects, not only equal ones."""
    objects = list(objects)
    return len(objects) == len(others) and all(map(is_, objects, others))
