"""The class `Optimizer`: parameter groups, state, and the plan of a step."""

import difflib
import functools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch._compile import _disable_dynamo
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from descent import conventions
from descent._numbers import plain
from descent.conventions._lookup import arguments_of
from descent.rules import Rule
from descent.torch_optim import _foreign
from descent.torch_optim._buckets import (
    Bucket,
    Plan,
    Single,
    are_contiguous,
    are_same,
    gradients,
    has_dense_gradient,
    joined,
)
from descent.torch_optim._compiled import Compiled
from descent.torch_optim._kernels import assign_, by_chunks, chunk_size, in_place, with_scratch
from descent.torch_optim._shards import check_shards, is_sharded, on_shards

SMALL = 2**14
"""Coordinates up to which a tensor is copied into a bucket with others."""

SCHEDULERS_KEYS = {
    *("initial_lr", "max_lr", "min_lr", "swa_lr", "max_momentum", "base_momentum"),
    "differentiable",
}
"""What `torch.optim` and its schedulers write into a group beside hyper-parameters."""


def _uncompiled(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that a `torch.compile` around it leaves as it is.

    Traced, it made wrong steps after a change of the rate. `compile=True` has a graph of its own.
    """
    left = _disable_dynamo(method)

    @functools.wraps(method)
    def run(*arguments: Any) -> Any:  # the first call of `left` loads the compiler
        return (left if "torch._dynamo" in sys.modules else method)(*arguments)

    return run


class Optimizer(torch.optim.Optimizer):
    """A rule as a `torch.optim.Optimizer`.

    A parameter group's keys are the rule's hyper-parameters under their own names, except that
    `beta1` and `beta2` stand together as `betas`, where PyTorch's schedulers and scripts look for
    them. The state of a parameter is the rule's state under its own names: `t` is an int, the
    arrays are shaped like the parameter and have its dtype, float16 and bfloat16 too.

    `Optimizer(params, Adam(lr))` gives the parameters of `torch.optim.Adam(params, lr)`, to the
    last bit on the CPU.

    Args:
        params: tensors, named tensors or groups, as for any optimiser of PyTorch.
        rule: a rule of `descent.rules`; it gives the hyper-parameters that a group does not.
        flat: move the parameters and their gradients into one buffer each, so that a step is a
            handful of operations however many tensors there are. Each stays a tensor of its own,
            now a view of the buffer: whatever shared memory with it before (a NumPy array, another
            process) no longer does. Gradients are kept, as zeros, by `zero_grad`, so a parameter
            that the loss does not reach gets a gradient of 0 where it had none.
        compile: run the rule's own lines as one graph made by `torch.compile`. The first step takes
            seconds; a new learning rate, t or β compiles nothing anew.

    Raises:
        ValueError: rule is no rule; a group has an unknown key or a bad hyper-parameter; a
            parameter is not a real floating-point tensor (complex ones are not supported); with
            `flat`, the rule needs a tensor's shape, or a parameter shares its memory.
        RuntimeError: at a step, a gradient is sparse.

    Warning:
        PyTorch's `SGD` keeps the learning rate outside the momentum, `rules.Momentum` inside: under
        a schedule they differ. `descent.conventions` has PyTorch's.

    >>> from descent import rules
    >>> p = torch.nn.Parameter(torch.tensor([5.0]))
    >>> optimizer = Optimizer([p], rules.Adam(lr=1e-3))
    >>> (p**2).sum().backward()
    >>> optimizer.step()
    >>> p.data
    tensor([4.9990])
    """

    def __init__(
        self,
        params: Iterable[Any],
        rule: Rule,
        *,
        flat: bool = False,
        compile: bool = False,  # noqa: A002 (the name that PyTorch's users know)
    ) -> None:
        if not isinstance(rule, Rule):
            raise ValueError(f"rule must be a rule such as Adam(lr=1e-3), got {rule!r}")
        if flat and not rule.elementwise:
            raise ValueError(f"flat must be False for a rule that needs a tensor's shape, {rule}")
        self.rule, self.flat, self.compile = rule, flat, compile
        self._points: dict[Tensor, Tensor] = {}
        self._set_update()
        super().__init__(params, _hyper(rule))

    def _set_update(self) -> None:
        form = in_place(self.rule)
        eager = with_scratch(form) if form else assign_
        self._hyper = list(_hyper(self.rule))
        self._rules: dict[int, tuple[list[Any], Rule]] = {}
        self._plans: dict[int, Plan] = {}
        self._kept: list[Any] = []
        self._update = on_shards(Compiled(assign_) if self.compile else by_chunks(eager))

    def __getstate__(self) -> dict[str, Any]:
        own = {"rule": self.rule, "flat": self.flat, "compile": self.compile, "_points": {}}
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._set_update()
        for group in self.param_groups:
            self._lay_out(group["params"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; a hyper-parameter that it does not name is the rule's."""
        _undecorated(torch.optim.Optimizer.add_param_group)(self, param_group)
        try:
            _check_group(self.rule, param_group)
            if self.flat:
                _check_gradients(param_group["params"])
            if self.flat and not are_contiguous(param_group["params"]):
                _check_memory(param_group["params"])
            self._lay_out(param_group["params"])
            if self.flat:  # what saves or loads a state may ask for it before the first step
                with torch.no_grad():
                    self._plan_of(param_group)
        except ValueError:
            self.param_groups.pop()
            raise

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the groups, without a learning rate that is a function of t."""
        saved = _undecorated(torch.optim.Optimizer.state_dict)(self)
        groups = [
            {k: v if isinstance(v, Tensor | list) else _number(v) for k, v in group.items()}
            for group in saved["param_groups"]
        ]
        groups = [{k: v for k, v in group.items() if not callable(v)} for group in groups]
        return {**saved, "param_groups": groups}

    def torch_state_dict(self) -> dict[str, Any]:
        """Return the state as PyTorch's optimiser that is the rule loads it.

        The way back needs nothing: `load_state_dict` reads PyTorch's own.

        Raises:
            ValueError: no optimiser of PyTorch is the rule.
        """
        return _foreign.written(self.rule, self.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take a copy of the state and the groups that `state_dict` returned.

        The state of PyTorch's optimiser that is the rule is taken too. Hooks come first: what they
        return is what is read.

        Raises:
            ValueError: the state is another rule's, or does not fit; nothing was changed then.
        """
        reader = self.register_load_state_dict_pre_hook(  # the last of the hooks
            lambda _, saved: self._read(saved)
        )
        try:
            _undecorated(torch.optim.Optimizer.load_state_dict)(self, state_dict)
        finally:
            reader.remove()

    def _read(self, saved: dict[str, Any]) -> dict[str, Any]:
        """Return a state that was saved, checked, in the names of the rule."""
        if _sizes(saved["param_groups"]) != _sizes(self.param_groups):
            return saved  # which PyTorch refuses
        groups = [
            _foreign.read_group(self.rule, {**group}, mine)
            for group, mine in zip(saved["param_groups"], self.param_groups, strict=True)
        ]
        for group, mine in zip(groups, self.param_groups, strict=True):
            group.update({k: v for k, v in mine.items() if callable(v) and k not in group})
            needless = SCHEDULERS_KEYS | _extras(self.rule, mine) | {"param_names"}
            missing = mine.keys() - group.keys() - needless
            if missing:
                raise ValueError(
                    f"state_dict must be of {self.rule}: {sorted(missing)} is not in its groups"
                )
            _replaced(self.rule, group)
        names = chain.from_iterable(map(_names, self.param_groups))
        params = chain.from_iterable(g["params"] for g in self.param_groups)
        known = dict(zip(_indices(groups), zip(params, names, strict=True), strict=True))
        state = {
            key: _foreign.read_state(self.rule, kept, *known[key]) if key in known else kept
            for key, kept in saved["state"].items()
        }
        return {**saved, "state": state, "param_groups": groups}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or with `flat` fill them with zeros where they are."""
        if not self.flat:
            _undecorated(torch.optim.Optimizer.zero_grad)(self, set_to_none)
            return
        for group in self.param_groups:
            plan = self._plans.get(id(group))
            buffers = plan.gradient_buffers() if plan else []
            if not buffers:
                kinds = self._lay_out(group["params"])
                buffers = [joined(gradients(params))[0] for params in kinds]
            for buffer in buffers:
                buffer.zero_()

    @torch.no_grad()
    def eval(self) -> None:
        """Put the averages into the parameters, where a rule has one to evaluate: schedule-free.

        Another rule's parameters stay as they are. `train` brings back the points of the gradient.
        """
        if self._points or not hasattr(self.rule, "averaged"):
            return
        for group in self.param_groups:
            rule: Any = _replaced(self.rule, group)
            for p in filter(self.state.__contains__, group["params"]):
                self._points[p] = p.clone()
                p.copy_(rule.averaged(p, rule.State(**self.state[p])))

    @torch.no_grad()
    def train(self) -> None:
        """Put the points of the gradient back into the parameters, after `eval`."""
        for p, point in self._points.items():
            p.copy_(point)
        self._points = {}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step, and return the loss of `closure`, which computes the gradients anew.

        Raises:
            RuntimeError: the parameters are the averages that `eval` put there.
        """
        if self._points:
            raise RuntimeError("step needs the points of the gradient: call train() after eval()")
        if torch.autograd.profiler._is_profiler_enabled:
            return self._hooked_step(closure)
        hooks = (
            *(_global_optimizer_pre_hooks, self._optimizer_step_pre_hooks),
            *(_global_optimizer_post_hooks, self._optimizer_step_post_hooks),
        )
        return self._between_hooks(closure) if any(hooks) else self._step(closure)

    step.hooked = True  # type: ignore[attr-defined]
    """PyTorch wraps a step that has no such mark in its hooks and its profiler, used or not."""

    def _between_hooks(self, *args: Any) -> Any:
        """Make a step between its hooks as PyTorch does, without an entry for its profiler.

        That entry costs a tenth of the step of a network of some thousand weights, unread as well.
        """
        args, kwargs = (self, *args), dict[str, Any]()
        own_before, own_after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        for before in chain(_global_optimizer_pre_hooks.values(), own_before.values()):
            match before(self, args, kwargs):
                case None:
                    pass
                case (new_args, new_kwargs):
                    args, kwargs = new_args, new_kwargs
                case other:
                    raise RuntimeError(
                        f"a hook before step must return None or args and kwargs, got {other!r}"
                    )
        loss = type(self)._step(*args, **kwargs)
        for after in chain(own_after.values(), _global_optimizer_post_hooks.values()):
            after(self, args, kwargs)
        return loss

    @_uncompiled
    @torch.no_grad()
    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if not are_same(self.state.values(), self._kept):
            self._plans.clear()
        for rule, bucket in self._ready():
            bucket.step(self._update, rule)
        return loss

    def _ready(self) -> list[tuple[Rule, Bucket | Single]]:
        """Return what to do in a step, so that what fails by itself does so before any of it."""
        rules_ = [self._rule_of(group) for group in self.param_groups]
        plans = [self._plan_of(group) for group in self.param_groups]
        buckets = [
            (r, bucket) for r, plan in zip(rules_, plans, strict=True) for bucket in plan.buckets
        ]
        for rule, bucket in buckets:
            if callable(rule.lr):
                float(rule.lr_at(bucket.t + 1))
        return buckets

    _hooked_step = torch.optim.Optimizer.profile_hook_step(_step)

    def _rule_of(self, group: dict[str, Any]) -> Rule:
        """Return the rule with the group's hyper-parameters; a scheduler may have set lr to 0."""
        values = [_number(group[name]) for name in self._hyper]
        known, rule = self._rules.get(id(group), (None, self.rule))
        if values != known:
            hyper = dict(zip(self._hyper, values, strict=True))
            lr = hyper["lr"]
            if not (callable(lr) or math.isfinite(lr)):
                raise ValueError(f"lr must be a finite number, got {lr}")
            # A function passes the check that lr > 0, so a rate of 0 may be set by a scheduler.
            rule = _replaced(self.rule, hyper | {"lr": lr if callable(lr) else lambda t: lr})
            self._rules[id(group)] = values, rule
        return rule

    def _plan_of(self, group: dict[str, Any]) -> Plan:
        """Return the group's plan, a new one where the last does not hold."""
        params = group["params"]
        plan = self._plans.get(id(group))
        if plan is None or not plan.holds(params):
            for p in params:
                self._bring_state(p)
            plan = Plan(params, [self._bucket(kind) for kind in self._kinds(params)])
            self._plans[id(group)] = plan
            self._kept = list(self.state.values())
        return plan

    def _bring_state(self, p: Tensor) -> None:
        """Let the state follow its parameter, which `model.to` may have given another type."""
        for name, value in self.state[p].items() if p in self.state else ():
            if isinstance(value, Tensor) and (value.dtype, value.device) != (p.dtype, p.device):
                self.state[p][name] = value.to(p)

    def _bucket(self, params: list[Tensor]) -> Bucket | Single:
        if len(params) > 1:
            return Bucket(params, self.state, self.rule.init, self.flat)
        return Single(params[0], self.state, self.rule.init, self._is_vector(params[0]))

    def _is_vector(self, p: Tensor) -> bool:
        """Whether the update may take p without its shape."""
        return self.rule.elementwise and not is_sharded(p) and p.is_contiguous()

    def _joins(self, p: Tensor) -> bool:
        """Whether the update may take p with others, and copying it costs less than that saves."""
        return self._is_vector(p) and (self.flat or p.numel() <= SMALL)

    def _kinds(self, params: list[Tensor]) -> Iterator[list[Tensor]]:
        """Yield the parameters that have a gradient, together those that one update can take."""
        longest = math.inf if self.flat else chunk_size()
        kinds: dict[Any, list[Tensor]] = {}
        sizes: dict[Any, int] = {}
        for p in params:
            if p.grad is None:
                continue
            if not has_dense_gradient(p):
                raise RuntimeError(f"{self.rule} does not support sparse gradients")
            numbers = (v for v in self.state[p].values() if not isinstance(v, Tensor))
            kind = (p.dtype, p.device, *numbers, None if self._joins(p) else p)
            # More than a chunk would be cut into chunks again: this bucket is full.
            if kind in kinds and sizes[kind] + p.numel() > longest:
                yield kinds.pop(kind)
            sizes[kind] = p.numel() + (sizes[kind] if kind in kinds else 0)
            kinds.setdefault(kind, []).append(p)
        yield from kinds.values()

    def _lay_out(self, params: list[Tensor]) -> list[list[Tensor]]:
        """With `flat`, make parameters and gradients of a kind contiguous; return the kinds.

        Where something took a tensor out of the buffer, such as `model.to`, this takes it back.
        """
        kinds: dict[Any, list[Tensor]] = {}
        for p in params if self.flat else ():
            # A frozen parameter must not get the zeros of a buffer as its gradient.
            if p.requires_grad:
                kinds.setdefault((p.dtype, p.device), []).append(p)
            else:
                p.grad = None
        for kind in kinds.values():
            self._make_contiguous(kind)
        return list(kinds.values())

    @torch.no_grad()
    def _make_contiguous(self, params: list[Tensor]) -> None:
        for p, part in zip(params, joined(params)[1], strict=True):
            if p is not part:
                p.data = part
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
        for p, part in zip(params, joined(grads)[1], strict=True):
            if p.grad is not part:
                p.grad = part
                self._plans.clear()


def _undecorated(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of PyTorch without the decorator that hides it from torch.compile.

    The decorator loads `torch._dynamo`, which takes longer than to load PyTorch. Where that is not
    loaded nothing is being compiled.
    """
    return method if "torch._dynamo" in sys.modules else getattr(method, "__wrapped__", method)


def _hyper(rule: Rule) -> dict[str, Any]:
    """Return the hyper-parameters of the rule, and of a rule inside it, as a group holds them."""
    hyper: dict[str, Any] = {}
    for f in fields(rule):
        value = getattr(rule, f.name)
        entries = _hyper(value) if isinstance(value, Rule) else {f.name: value}
        for name in entries.keys() & hyper.keys():
            if entries[name] != hyper[name]:
                raise ValueError(f"rule must have one {name} only, got {rule}")
        hyper |= entries
    if {"beta1", "beta2"} <= hyper.keys():
        hyper["betas"] = hyper.pop("beta1"), hyper.pop("beta2")
    return hyper


def _replaced(rule: Rule, hyper: dict[str, Any]) -> Rule:
    """Return the rule, and a rule inside it, with the hyper-parameters of a group."""
    if "betas" in hyper:
        hyper = hyper | dict(zip(("beta1", "beta2"), _number(hyper["betas"]), strict=True))
    own: dict[str, Any] = {f.name: getattr(rule, f.name) for f in fields(rule)}
    for name, value in own.items():
        own[name] = _replaced(value, hyper) if isinstance(value, Rule) else _number(hyper[name])
    return replace(rule, **own)


def _number(value: Any) -> Any:
    """Return an array of one number as that number, in a pair too, and anything else as it is."""
    return tuple(map(_number, value)) if isinstance(value, tuple | list) else plain(value)


def _sizes(groups: list[dict[str, Any]]) -> list[int]:
    return [len(group["params"]) for group in groups]


def _indices(groups: list[dict[str, Any]]) -> Iterator[Any]:
    return chain.from_iterable(group["params"] for group in groups)


def _names(group: dict[str, Any]) -> list[str]:
    """Return the names of a group's parameters, or what else tells them apart."""
    numbered = [f"parameter {i}" for i in range(len(group["params"]))]
    return list(group.get("param_names", numbered))


def _extras(rule: Rule, group: dict[str, Any]) -> set[str]:
    """Return the keys that a user gave a group for himself."""
    return group.keys() - {"params", "param_names", *_hyper(rule)}


ELSEWHERE = {key for name in conventions.names() for key in arguments_of(name)}
"""Hyper-parameters of some optimiser: in a group they are meant for the rule."""


def _near(key: str, hyper: list[str]) -> str | None:
    """Return the hyper-parameter that a key is another name of, or misspells."""
    meant = conventions._LETTERS.get(key, key.lower())
    if key.startswith(tuple(f"{name}_" for name in hyper)):  # such as lr_scale
        return None
    turned = [name for name in hyper if sorted(name) == sorted(meant)]
    return next(iter(turned or difflib.get_close_matches(meant, hyper, 1, 0.8)), None)


def _check_keys(rule: Rule, group: dict[str, Any]) -> None:
    """Refuse a hyper-parameter that the rule has not, and a misspelt one; keep what else is there.

    PyTorch keeps every key, so that `lr_scale` or `name` may stand there for a script.
    """
    hyper = list(_hyper(rule))
    known = {"params", "param_names", *hyper}
    for key in sorted(map(str, _extras(rule, group) - SCHEDULERS_KEYS)):
        near = _near(key, hyper)
        if near or (key in ELSEWHERE and group[key]):
            hint = f": did you mean {near}?" if near else f"; {rule} has no {key}"
            raise ValueError(f"a group's keys must be among {sorted(known)}, got [{key!r}]{hint}")


def _check_group(rule: Rule, group: dict[str, Any]) -> None:
    _check_keys(rule, group)
    if "betas" in group and (
        not isinstance(group["betas"], tuple | list) or len(group["betas"]) != 2
    ):
        raise ValueError(f"betas must be a pair of numbers, got {group['betas']!r}")
    _replaced(rule, group)
    for p, name in zip(group["params"], _names(group), strict=True):
        if not p.is_floating_point():
            raise ValueError(f"params must be real floating-point tensors, got {name}, {p.dtype}")
        if is_sharded(p):
            check_shards(rule, p, name)
        try:
            with suppress(NotImplementedError, RuntimeError):  # a rule may want to see the values
                if not (rule.elementwise or is_lazy(p)):  # by element, any shape will do
                    rule.init(torch.empty_like(p, device="meta"))
        except ValueError as error:
            raise ValueError(f"{type(rule).__name__} cannot take {name}: {error}") from error


def _check_gradients(params: list[Any]) -> None:
    """Require gradients that may lie in one buffer."""
    for p in params:
        if is_lazy(p):
            raise ValueError("flat must be False until a lazy layer has seen its first input")
        if getattr(p, "grad_dtype", None) not in (None, p.dtype):
            raise ValueError(
                f"flat must be False where gradients are {p.grad_dtype}, not {p.dtype}"
            )


def _check_memory(params: list[Any]) -> None:
    """Require parameters that can be moved: nothing else may look at their memory."""
    for p in params:
        whole = p.untyped_storage().nbytes() == p.numel() * p.element_size() and p.is_contiguous()
        if not whole or (p.device.type == "cpu" and p.is_shared()):
            raise ValueError(
                "flat must be False where a parameter shares its memory with other tensors or "
                f"processes, or is not contiguous; one of shape {tuple(p.shape)} does"
            )
