"""One process or several: what each takes of a batch, and what they tell each other.

Under `torchrun` every process runs the same lines with its own rank. Gradients are averaged by
`DistributedDataParallel`; since all take equally many examples, that is the gradient of the whole
batch.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = [
    "is_launched",
    "own_device",
    "join",
    "leave",
    "rank",
    "size",
    "is_sharded",
    "shard",
    "replicated",
    "apart",
    "own_part",
    "mean",
    "any_of",
    "model_state",
    "optimizer_state",
    "load_model",
    "load_optimizer",
    "state_of",
]


def is_launched() -> bool:
    """Whether `torchrun` started this process."""
    return "LOCAL_RANK" in os.environ and "WORLD_SIZE" in os.environ


def own_device(device: torch.device) -> torch.device:
    """Return this process's device: of several GPUs, the one with its number on this machine."""
    if device.type != "cuda":
        return device
    number = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(number)  # NCCL refuses two processes on one GPU
    return torch.device("cuda", number)


def join(device: torch.device) -> None:
    """Join the process group: over NCCL on GPUs, over Gloo elsewhere."""
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def leave() -> None:
    """Leave the process group, if this process is in one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """Return the number of this process; 0 is the one that prints and saves."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """Return how many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_sharded(model: nn.Module) -> bool:
    """Whether `fully_shard` divided the model among the processes."""
    return any(hasattr(p, "full_tensor") for p in model.parameters())


def shard(model: nn.Module) -> nn.Module:
    """Divide a model among the processes, layer by layer, in place; each gathers a layer for use.

    Its weights must be the same in all processes before.
    """
    from torch.distributed.fsdp import fully_shard

    for layer in [*model.children(), model]:
        if any(True for _ in layer.parameters()):
            fully_shard(layer)
    return model


def replicated(model: nn.Module) -> nn.Module:
    """Return the model with gradients that are averaged over all processes: so are FSDP's."""
    if is_sharded(model):
        return model
    return nn.parallel.DistributedDataParallel(model) if size() > 1 else model


def apart(replica: Any) -> contextlib.AbstractContextManager[Any]:
    """Leave gradients where they are computed: they are averaged when the last part is added."""
    if hasattr(replica, "set_requires_gradient_sync"):
        return _unsynced(replica)
    is_shared = isinstance(replica, nn.parallel.DistributedDataParallel)
    return replica.no_sync() if is_shared else contextlib.nullcontext()


@contextlib.contextmanager
def _unsynced(sharded: Any) -> Iterator[None]:
    sharded.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        sharded.set_requires_gradient_sync(True)


def own_part(batch: Tensor) -> Tensor:
    """Return this process's part of the indices of a batch."""
    return batch.chunk(size())[rank()]


def mean(values: Tensor) -> Tensor:
    """Return the mean over all processes."""
    if size() > 1:
        dist.all_reduce(values)
        values /= size()
    return values


def any_of(flag: bool, device: Any) -> bool:
    """Whether the flag is up in any process."""
    if size() == 1:
        return flag
    flags = torch.tensor(int(flag), device=device)
    dist.all_reduce(flags, op=dist.ReduceOp.MAX)
    return bool(flags)


def model_state(model: nn.Module) -> dict[str, Any]:
    """Return the whole weights of a model on process 0, gathered where they are sharded."""
    if not is_sharded(model):
        return model.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(model, options=whole)


def optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the whole state of a model's optimiser on process 0, by name where it is sharded."""
    if not is_sharded(model):
        return state_of(optimizer)
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_optimizer_state_dict(model, _parts(optimizer), options=whole)


def load_model(model: nn.Module, state: dict[str, Any]) -> None:
    """Take weights that every process has whole; where the model is sharded, each its part."""
    if not is_sharded(model):
        model.load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(model, state, options=StateDictOptions(full_state_dict=True))


@torch.no_grad()
def load_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Take an optimiser's state that every process has whole, of a sharded model or another."""
    by_name = isinstance(next(iter(state.get("state", {})), None), str)
    if not by_name and not is_sharded(model):
        optimizer.load_state_dict(state)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

    parts = _parts(optimizer)
    named = state if by_name else _named(model, parts, state.get("parts", [state]))
    before = [p.clone() for p in model.parameters()]
    whole = StateDictOptions(full_state_dict=is_sharded(model))
    set_optimizer_state_dict(model, parts, named, options=whole)
    for p, old in zip(model.parameters(), before, strict=True):
        p.copy_(old)  # PyTorch made a step at a rate of 0, which some weight decay takes no note of


def _parts(optimizer: Any) -> tuple[torch.optim.Optimizer, ...]:
    """Return the optimisers that `optimizers.Together` brings together, or the one."""
    return getattr(optimizer, "parts", (optimizer,))


def _named(
    model: nn.Module, parts: Sequence[torch.optim.Optimizer], states: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the states of optimisers as one, with the parameters' names for their numbers."""
    names = {p: name for name, p in model.named_parameters()}
    named: dict[str, Any] = {"state": {}, "param_groups": []}
    for part, state in zip(parts, states, strict=True):
        params = chain.from_iterable(group["params"] for group in part.param_groups)
        of = [names[p] for p in params]
        named["state"] |= {of[i]: kept for i, kept in state["state"].items()}
        groups = state["param_groups"]
        named["param_groups"] += [g | {"params": [of[i] for i in g["params"]]} for g in groups]
    return named


def state_of(optimizer: Any) -> dict[str, Any]:
    """Return the whole state of an optimiser on process 0, gathered where it is sharded."""
    if hasattr(optimizer, "consolidate_state_dict"):  # ZeroRedundancyOptimizer
        optimizer.consolidate_state_dict(to=0)
        return optimizer.state_dict() if rank() == 0 else {}
    state: dict[str, Any] = optimizer.state_dict()
    return state
