"""Activation checkpointing: what the backward pass needs is computed again and not kept."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["check", "recomputed"]


def check(model: nn.Module) -> None:
    """Require a model that is not compiled: there `torch.compile` chooses what to keep.

    Raises:
        ValueError: it is.
    """
    if getattr(model, "_compiled_call_impl", None) or hasattr(model, "_orig_mod"):
        raise ValueError(
            "checkpoint_activations must be False for a compiled model: torch.compile decides by "
            "itself what is kept and what is computed again"
        )


@contextlib.contextmanager
def recomputed(model: nn.Module) -> Iterator[None]:
    """Let forward passes within it keep what enters a part of the model, and nothing inside it.

    The backward pass runs each part a second time, with the same random numbers. Of an
    `nn.Sequential` of n layers a part is about √n of them; of another model it is a child.

    Source:
        Chen, Xu, Zhang and Guestrin (2016), section 4, for the √n.
    """
    forms = _forms(model)
    for module, form in forms.items():
        module.forward = form
    try:
        yield
    finally:
        for module in forms:
            del module.forward


def _forms(model: nn.Module) -> dict[nn.Module, Callable[..., Any]]:
    """Return modules, each with the forward pass that it is to have."""
    if isinstance(model, nn.Sequential):
        length = math.isqrt(max(0, len(model) - 1)) + 1
        parts = [model[i : i + length] for i in range(0, len(model), length)]
        return {model: functools.partial(_through, parts)}
    return {part: _kept_out(part, part.forward) for part in _parts(model)}


def _through(parts: list[nn.Module], x: Tensor) -> Any:
    """Return what all parts make of x; the inside of the last is needed at once, and kept."""
    for part in parts[:-1]:
        x = _kept_out(part, part)(x)
    return parts[-1](x) if parts else x


def _parts(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the children that are called: a list of modules is not, its members are."""
    for child in model.children():
        is_list = isinstance(child, nn.ModuleList | nn.ModuleDict)
        yield from _parts(child) if is_list else [child]


def _kept_out(part: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the forward pass of a part without memory of its inside."""
    contexts = functools.partial(_contexts, part)
    return functools.partial(checkpoint, forward, use_reentrant=False, context_fn=contexts)


def _contexts(part: nn.Module) -> tuple[Any, Any]:
    return contextlib.nullcontext(), _buffers_apart(part)


@contextlib.contextmanager
def _buffers_apart(part: nn.Module) -> Iterator[None]:
    """Change copies of the buffers: batch normalisation has counted this batch already."""
    holders = [
        (m, name, b) for m in part.modules() for name, b in m._buffers.items() if b is not None
    ]
    for module, name, buffer in holders:
        module._buffers[name] = buffer.clone()
    try:
        yield
    finally:
        for module, name, buffer in holders:
            module._buffers[name] = buffer
