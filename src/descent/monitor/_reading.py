"""The groups and the state of any optimiser, in the book's letters.

PyTorch's names and the rules' own are read; what an optimiser keeps under other names is unknown
here, and what would need it is not measured.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from descent._numbers import plain

COUNTS = ("step", "t")
FIRST = ("exp_avg", "momentum_buffer", "m", "d", "b")
SECOND = ("max_exp_avg_sq", "v_max", "exp_avg_sq", "square_avg", "sum", "v", "s")
OTHER_ROOTS = ("acc_delta", "u", "grad_avg", "mu_product", "eps_root")
"""Entries of rules whose ε stands elsewhere than in √v̂ + ε, or whose v̂ is another."""


def inner(optimizer: Any) -> list[Any]:
    """Return the optimisers that keep the state: those inside, or the optimiser itself."""
    found: list[Any] = []
    for value in vars(optimizer).values():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, torch.optim.Optimizer) and one is not optimizer:
                found += inner(one)
    return found or [optimizer]


def local(t: Tensor) -> Tensor:
    """Return what of a tensor lies in this process, of real numbers."""
    t = t.detach()
    t = t.to_local() if hasattr(t, "to_local") else t
    return torch.view_as_real(t) if t.is_complex() else t


def trained(group: dict[str, Any]) -> list[Tensor]:
    """Return the parameters of a group that are trained."""
    return [p for p in group["params"] if p.requires_grad]


def has_gradient(p: Tensor) -> bool:
    """Whether p has a gradient whose entries lie as those of p do."""
    return p.grad is not None and p.grad.layout is torch.strided


def entries_of_gradient(p: Tensor) -> Tensor:
    """Return the entries of p's gradient, as many as it has."""
    if p.grad is None:
        return torch.zeros(1, device=p.device)
    return local(p.grad) if has_gradient(p) else p.grad.coalesce().values()


def entry(state: Any, names: Iterable[str]) -> Any:
    """Return the first entry of a parameter's state that has one of these names, or None."""
    return next((state[n] for n in names if state.get(n) is not None), None)


def count_of(state: dict[str, Any], group: dict[str, Any]) -> float | None:
    """Return t, which the parameter or its group keeps, or None; the t of L-BFGS is a length."""
    if "n_iter" in state:
        return None
    kept = [entry(state, COUNTS), entry(group, COUNTS)]
    t = next((plain(k) for k in kept if k is not None), None)
    return float(t) if isinstance(t, int | float) else None


def arrays(state: dict[str, Any], like: Tensor) -> Iterator[Tensor]:
    """Yield what a state holds for each coordinate."""
    yield from (v for v in state.values() if isinstance(v, Tensor) and v.shape == like.shape)


def betas(group: dict[str, Any]) -> tuple[float, float] | None:
    """Return β₁ and β₂, or None where the group has no such pair."""
    pair = group.get("betas") or (group.get("beta1"), group.get("beta2"))
    if not isinstance(pair, tuple | list) or len(pair) < 2 or None in pair[:2]:
        return None
    return float(plain(pair[0])), float(plain(pair[1]))


def rate(group: dict[str, Any], t: float | None) -> float:
    """Return the learning rate of step t."""
    lr = group.get("lr", float("nan"))
    return float(plain(lr(int(t or 1)) if callable(lr) else lr))


def number(group: dict[str, Any], name: str) -> float:
    """Return a hyper-parameter that is a number, or 0."""
    value = plain(group.get(name, 0))
    return float(value) if isinstance(value, int | float) else 0.0


def names_of(groups: list[dict[str, Any]], model: Any) -> dict[int, str]:
    """Return a name for each parameter, by its identity: the model's, the group's or a number."""
    known = {id(p): name for name, p in model.named_parameters()} if model is not None else {}
    found: dict[int, str] = {}
    for label, group in zip(labels_of(groups), groups, strict=True):
        own = group.get("param_names") or [f"{label}[{i}]" for i in range(len(group["params"]))]
        found |= {id(p): known.get(id(p), n) for p, n in zip(group["params"], own, strict=True)}
    return found


def labels_of(groups: list[dict[str, Any]]) -> list[str]:
    """Return the names of groups: their own entry `name`, or a number, each once."""
    named = [str(g.get("name") or f"group {i}") for i, g in enumerate(groups)]
    return [n if named.count(n) == 1 else f"{n} ({i})" for i, n in enumerate(named)]
