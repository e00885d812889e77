"""States of PyTorch's optimisers as states of the rules that are the same, and back."""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from descent import rules
from descent._check import is_number
from descent._numbers import plain
from descent._state import leaf_names, leaves
from descent.conventions import (
    Around,
    BufferedMomentum,
    BufferedNesterov,
    DecoupledDecay,
    Maximize,
    RMSScaled,
    ScheduledNAdam,
    TorchAdamax,
    TorchAMSGrad,
    TorchRAdam,
    WarmAdaGrad,
)
from descent.rules import Rule

ADAMS = {"t": "step", "m": "exp_avg", "v": "exp_avg_sq"}

TORCHS: dict[type[Rule], tuple[str, dict[str, str]]] = {
    rules.GradientDescent: ("SGD", {}),
    BufferedMomentum: ("SGD", {"b": "momentum_buffer"}),
    BufferedNesterov: ("SGD", {"b": "momentum_buffer"}),
    WarmAdaGrad: ("Adagrad", {"t": "step", "s": "sum"}),
    RMSScaled: (
        "RMSprop",
        {"t": "step", "v": "square_avg", "m": "grad_avg", "step.b": "momentum_buffer"},
    ),
    rules.Adadelta: ("Adadelta", {"t": "step", "v": "square_avg", "u": "acc_delta"}),
    rules.Adam: ("Adam", ADAMS),
    TorchAMSGrad: ("Adam", {**ADAMS, "v_max": "max_exp_avg_sq"}),
    TorchAdamax: ("Adamax", {"t": "step", "m": "exp_avg", "u": "exp_inf"}),
    ScheduledNAdam: ("NAdam", {**ADAMS, "mu_product": "mu_product"}),
    TorchRAdam: ("RAdam", ADAMS),
}
"""Rules of PyTorch: the optimiser, and its name for each entry of the state."""

LETTERS = {"alpha": "rho", "initial_accumulator_value": "initial_accumulator"}
"""PyTorch's hyper-parameters whose name is not that of the rule's field."""

SWITCHES = ("foreach", "fused", "capturable", "differentiable")
"""What chooses an implementation, and changes no number."""


def _chain(rule: Rule) -> Iterator[Rule]:
    """Yield the rule and those inside it, as far as they wrap the one that makes the step."""
    while isinstance(rule, Around) and not isinstance(rule, RMSScaled):
        yield rule
        rule = rule.rule
    yield rule


def _form(rule: Rule) -> tuple[str, dict[str, str]] | None:
    """Return the optimiser of PyTorch that the rule is, and its names, if it is one."""
    *_, inner = _chain(rule)
    return TORCHS.get(type(inner))


def _flags(rule: Rule) -> dict[str, bool]:
    """Return PyTorch's switches that a rule has by its class."""
    parts = {type(part) for part in _chain(rule)}
    return {
        "maximize": Maximize in parts,
        "decoupled_weight_decay": DecoupledDecay in parts,
        "amsgrad": TorchAMSGrad in parts,
        "nesterov": BufferedNesterov in parts,
    }


def read_state(rule: Rule, kept: dict[str, Any], p: Tensor, name: str) -> dict[str, Any]:
    """Return a copy of what is kept for a parameter, checked, in the rule's names and order.

    Raises:
        ValueError: an entry is missing, unknown, no number or of another shape.
    """
    blank = rule.init(torch.zeros((), dtype=p.dtype).expand(p.shape))  # "meta" loads the compiler
    names = leaf_names(blank)
    found = dict(kept) if set(kept) == set(names) else _renamed(rule, kept, p, names)
    if found and set(found) != set(names):
        raise ValueError(f"state_dict must have the state {names} of {rule}, got {list(kept)}")
    wanted = zip(names, leaves(blank), strict=True)
    return {n: _read(found[n], like, f"{n} of {name}") for n, like in wanted if found}


def _renamed(rule: Rule, kept: dict[str, Any], p: Tensor, names: list[str]) -> dict[str, Any]:
    """Return a state of PyTorch's optimiser in the rule's names; any other as it is."""
    form = _form(rule)
    ours = {theirs: own for own, theirs in form[1].items()} if form else {}
    kept = {key: value for key, value in kept.items() if value is not None}
    if not kept.keys() <= ours.keys():
        return kept
    found = {ours[key]: value for key, value in kept.items()}
    if found:  # SGD counts no steps, RMSprop keeps the mean of g only where it is centered
        found.setdefault("t", 1)
        more = {"step.t": found["t"], "m": torch.zeros_like(p)}
        found |= {n: v for n, v in more.items() if n in names and n not in found}
    return found


def _read(value: Any, like: Any, name: str) -> Any:
    if not isinstance(like, Tensor):
        if not is_number(value):
            raise ValueError(f"state_dict must have a number for {name}, got {value!r}")
        return type(like)(plain(value))
    if not isinstance(value, Tensor) or value.shape != like.shape:
        shape = tuple(getattr(value, "shape", ()))
        raise ValueError(
            f"state_dict must have a tensor of shape {tuple(like.shape)} for {name}, got "
            f"{type(value).__name__} of shape {shape}"
        )
    return value.detach().clone()


def read_group(rule: Rule, group: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """Return a group that was saved, one of PyTorch's optimiser in the rule's names.

    Raises:
        ValueError: it switches on what the rule does not do.
    """
    if "foreach" not in group or "foreach" in mine:
        return group
    flags = _flags(rule) | {"lr_decay": callable(mine.get("lr")) and bool(group.get("lr_decay"))}
    if not group.get("weight_decay"):
        flags.pop("decoupled_weight_decay")
        group = {k: v for k, v in group.items() if k != "decoupled_weight_decay"}
    taken = {}
    for key, value in group.items():
        own = LETTERS.get(key, key)
        if own in mine or key not in _defaults_of_all():
            taken[own] = value
        elif bool(value) != flags.get(key, False) and key not in SWITCHES:
            raise ValueError(
                f"state_dict has {key} = {value!r}, which {rule} has not: `framework_rule` makes "
                "the rule of an optimiser with its hyper-parameters"
            )
    callables = {k: v for k, v in mine.items() if callable(v)}
    return {k: v for k, v in mine.items() if k != "params"} | taken | callables


def _defaults_of_all() -> set[str]:
    """Return every hyper-parameter of the optimisers that are rules."""
    return {key for name, _ in TORCHS.values() for key in _defaults(name)}


@functools.cache
def _defaults(name: str) -> dict[str, Any]:
    defaults: dict[str, Any] = getattr(torch.optim, name)([torch.zeros(1)]).defaults
    return defaults


def written(rule: Rule, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Return a state as PyTorch's optimiser that is the rule reads it.

    Raises:
        ValueError: no optimiser of PyTorch is the rule.
    """
    form = _form(rule)
    if form is None:
        raise ValueError(f"rule must be one of PyTorch's, such as framework_rule makes, got {rule}")
    state = {key: _written(form[1], kept) for key, kept in state_dict["state"].items()}
    groups = [_written_group(rule, form[0], group) for group in state_dict["param_groups"]]
    return {"state": state, "param_groups": groups}


def _written(names: dict[str, str], kept: dict[str, Any]) -> dict[str, Any]:
    return {
        names[n]: v.clone() if isinstance(v, Tensor) else torch.tensor(float(v))
        for n, v in kept.items()
        if n in names
    }


def _written_group(rule: Rule, name: str, group: dict[str, Any]) -> dict[str, Any]:
    theirs = {own: letter for letter, own in LETTERS.items()}
    defaults = _defaults(name)
    flags = {key: value for key, value in _flags(rule).items() if key in defaults}
    own = {theirs.get(key, key): value for key, value in group.items()}
    own = {k: v for k, v in own.items() if k in defaults or k not in RULES_OWN}
    return defaults | {"lr": rule.lr_at(1), "weight_decay": 0.0} | flags | own


RULES_OWN = {"eps_root", "initial_scale", "bias_correction", "rule"}
"""Hyper-parameters of rules that no optimiser of PyTorch has."""
