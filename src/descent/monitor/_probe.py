"""Hyper-parameters that change nothing, found by trying: steps on a copy of one small tensor.

A value is read by the step, or it is not. The same steps are made twice from the same weights,
state and gradients, once with another value; if they end at the same weights, bit by bit, it is
not. Nothing of the run is touched: the copy is of 32 bits, and so is its state.
"""

import copy
import math
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from descent._numbers import plain
from descent.monitor import _reading as reading
from descent.torch_optim import Optimizer
from descent.torch_optim._optimizer import SCHEDULERS_KEYS

STEPS = 8
LARGEST = 2**20
"""Coordinates of a tensor that is copied, at most."""

LEAST_RATE = 1e-3
"""A rate at which each step moves the weights of a copy, whatever the run's rate is just then."""

HOOKS = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")


class Dead(NamedTuple):
    """What a trial found: a hyper-parameter, its value, and the kind of the warning."""

    kind: str
    name: str
    value: Any


def dead(optimizer: Any, group: dict[str, Any]) -> list[Dead]:
    """Return the hyper-parameters of a group that change nothing, or the weights the wrong way.

    Raises:
        NotImplementedError: the optimiser cannot be copied or its steps do not repeat.
    """
    params = _chosen(group)
    if not params or not list(_changes(group)):
        return []
    try:
        bench = _Bench(optimizer, group, params)
        if not bench.repeats():
            raise NotImplementedError("its steps on a copy do not repeat, or do not depend on lr")
        return list(bench.dead())
    except NotImplementedError:
        raise
    except Exception as error:  # a stranger's step may fail in any way on a copy
        raise NotImplementedError(f"a copy of it could not step: {error!r}") from error


def _chosen(group: dict[str, Any]) -> list[Tensor]:
    """Return a small matrix and a small tensor of other axes, as far as they have gradients."""
    fits = [
        p
        for p in reading.trained(group)
        if reading.has_gradient(p)
        and 0 < p.numel() <= LARGEST
        and not hasattr(p, "to_local")
        and not p.is_complex()
    ]
    fits.sort(key=lambda p: (p.numel() < 16, p.numel()))
    kinds = ([p for p in fits if (p.dim() == 2) == is_matrix] for is_matrix in (True, False))
    return [kind[0] for kind in kinds if kind]


def _is_number(value: Any) -> bool:
    value = plain(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_decay(name: str) -> bool:
    return "weight_decay" in name.lower() or name.lower() == "wd"


def _changes(group: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield the hyper-parameters that are tried: the name, the value, and other values."""
    for key, value in group.items():
        name = str(key).lower()
        if key in SCHEDULERS_KEYS:
            continue
        if _is_decay(name):
            if _is_number(value) and value:
                yield key, plain(value), {key: max(1.0, 2 * plain(value))}
        elif isinstance(value, tuple) and "betas" in name and all(map(_is_number, value)):
            for i, part in enumerate(value):
                if part:
                    other = (*value[:i], plain(part) / 2, *value[i + 1 :])
                    yield f"{key}[{i}]", plain(part), {key: other}
        elif any(part in name for part in ("momentum", "beta", "rho", "alpha")) and (
            _is_number(value) and value
        ):
            yield key, plain(value), {key: plain(value) / 2}


class _Bench:
    """Copies of an optimiser's steps on a few tensors."""

    def __init__(self, optimizer: Any, group: dict[str, Any], params: list[Tensor]) -> None:
        self.optimizer, self.group, self.params = optimizer, group, params
        self.others = [p for g in optimizer.param_groups for p in g["params"]]
        t = reading.count_of(optimizer.state.get(params[0]) or {}, group)
        self.lr = max(reading.rate(group, (t or 0) + 1), LEAST_RATE)
        generator = torch.Generator().manual_seed(0)
        self.starts = [_filled(p) for p in params]
        self.gradients = [[_gradient(p, generator) for p in params] for _ in range(STEPS)]
        self.plain = self.run({})

    def run(self, changes: dict[str, Any], steps: int = STEPS) -> list[Tensor]:
        """Return the weights after some steps with changed hyper-parameters."""
        copies = [x.clone().requires_grad_() for x in self.starts]
        hyper = {k: v for k, v in self.group.items() if k not in ("params", "param_names")}
        hyper |= {"lr": _like(self.lr, self.group.get("lr"))} | changes
        states = [_single(self.optimizer.state.get(p) or {}) for p in self.params]
        step = self._made(copies, hyper, states)
        devices = {p.device for p in self.params if p.device.type == "cuda"}
        with torch.random.fork_rng(list(devices)):
            torch.manual_seed(0)
            for gradients in self.gradients[:steps]:
                for x, g in zip(copies, gradients, strict=True):
                    x.grad = g.clone()
                step()
        return [x.detach() for x in copies]

    def _made(
        self, copies: list[Tensor], hyper: dict[str, Any], states: list[dict[str, Any]]
    ) -> Callable[[], Any]:
        if isinstance(self.optimizer, Optimizer):
            known = set(self.optimizer.defaults) - {"differentiable"}
            own = {k: v for k, v in hyper.items() if k in known}
            ours = Optimizer([{"params": copies} | own], self.optimizer.rule)
            ours.state.update(zip(copies, states, strict=True))
            return ours.step
        memo: dict[int, Any] = {id(p): torch.empty(0) for p in self.others}
        memo |= {id(p): x for p, x in zip(self.params, copies, strict=True)}
        kept = {"state", "param_groups", "step", "zero_grad", *HOOKS}
        form: Any = type(self.optimizer)
        other = form.__new__(form)
        own = {k: v for k, v in vars(self.optimizer).items() if k not in kept}
        vars(other).update(copy.deepcopy(own, memo))
        vars(other).update({name: OrderedDict() for name in HOOKS})
        other.param_groups = [{"params": copies} | copy.deepcopy(hyper, memo)]
        other.state = defaultdict(dict, zip(copies, states, strict=True))
        return lambda: form.step(other)

    def repeats(self) -> bool:
        """Whether the steps are the same twice, and others at another rate."""
        faster = {"lr": _like(2 * self.lr, self.group.get("lr"))}
        again, other = self.run({}), self.run(faster)
        finite = all(bool(x.isfinite().all()) for x in self.plain)
        return finite and _are_equal(self.plain, again) and not _are_equal(self.plain, other)

    def dead(self) -> Iterator[Dead]:
        """Yield what changes nothing, or decays the wrong way."""
        for name, value, changes in _changes(self.group):
            changed = self.run(changes)
            if _are_equal(self.plain, changed):
                yield Dead("dead-hyperparameter", name, value)
            elif _is_decay(name):
                # After one step: in more, weights may pass 0, where inward is the other way.
                decayed, without = self.run(changes, 1), self.run(dict.fromkeys(changes, 0.0), 1)
                if _outward(decayed, without, self.starts) > 0:
                    yield Dead("decay-grows", name, value)


def _filled(p: Tensor) -> Tensor:
    """Return weights of which none is 0, so that decay changes each."""
    x = p.detach().clone().to(torch.promote_types(p.dtype, torch.float32))
    return torch.where(x == 0, 0.01, x)


def _gradient(p: Tensor, generator: torch.Generator) -> Tensor:
    """Return a gradient of the size of p's, by coordinate up to thirty times larger or smaller."""
    assert p.grad is not None
    size = float(p.grad.float().pow(2).mean().sqrt()) or 1.0
    normal, spread = (torch.randn(p.shape, generator=generator) for _ in range(2))
    return (size * normal * 10**spread).to(p.device, torch.promote_types(p.dtype, torch.float32))


def _single(state: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a state, its arrays of 16 bits in 32."""
    return {
        k: v.detach().clone().to(torch.promote_types(v.dtype, torch.float32))
        if isinstance(v, Tensor) and v.is_floating_point()
        else copy.deepcopy(v)
        for k, v in state.items()
    }


def _like(value: float, known: Any) -> Any:
    return torch.full_like(known, value) if isinstance(known, Tensor) else value


def _are_equal(xs: list[Tensor], ys: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(xs, ys, strict=True))


def _outward(xs: list[Tensor], ys: list[Tensor], starts: list[Tensor]) -> float:
    """Return how far the steps to xs go outward of those to ys."""
    return sum(float(((x - y) * s).sum()) for x, y, s in zip(xs, ys, starts, strict=True))
