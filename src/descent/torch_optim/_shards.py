"""Parameters that `fully_shard` divided among processes, as DTensors."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descent.rules import Rule
from descent.torch_optim._kernels import arrays_of, with_arrays


def is_sharded(p: Tensor) -> bool:
    """Whether p is a DTensor, as `fully_shard` makes of parameters: a part of it lies here."""
    return hasattr(p, "full_tensor")


def on_shards(update: Callable[..., Any]) -> Callable[..., Any]:
    """Return an update that takes DTensors too.

    A rule by element takes what lies in this process. For any other rule each process gathers the
    tensor and its state, makes the whole step, and keeps its part of the result.
    """

    def update_on_shards(rule: Rule, x: Any, g: Any, state: Any) -> Any:
        if not is_sharded(x):
            return update(rule, x, g, state)
        arrays: list[Any] = arrays_of(state)
        if rule.elementwise:  # no coordinate looks at another, so no process at another
            xs, gs, *parts = (a.to_local() for a in (x, g, *arrays))
            return with_arrays(update(rule, xs, gs, with_arrays(state, parts)), arrays)
        xs, gs, *parts = (a.full_tensor() for a in (x, g, *arrays))
        new = update(rule, xs, gs, with_arrays(state, parts))
        for own, whole in zip((x, *arrays), (xs, *parts), strict=True):
            own.copy_(part_of(whole, own))
        return with_arrays(new, arrays)

    return update_on_shards


def part_of(whole: Tensor, like: Any) -> Tensor:
    """Return this process's part of a tensor that every process has."""
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh
    replicated: Any = DTensor.from_local(whole, mesh, [Replicate()] * mesh.ndim, run_check=False)
    result: Tensor = replicated.redistribute(mesh, like.placements)
    return result


def check_shards(rule: Rule, p: Tensor, name: str) -> None:
    """Require a state that can be cut as the parameter is."""
    state = arrays_of(rule.init(torch.empty(p.shape, device="meta")))
    if not all(a.shape == p.shape for a in state):
        raise ValueError(
            f"{type(rule).__name__} cannot take {name}: it is sharded, and the rule's state has "
            "not its shape"
        )
