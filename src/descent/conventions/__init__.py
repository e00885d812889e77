"""The rules as PyTorch, Keras 3 and Optax compute them, and a converter between them.

Look an optimiser up by its framework's path; its arguments are the framework's own:

>>> rule = framework_rule("keras.optimizers.Adam", learning_rate=0.01)
>>> rule
KerasAdam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-07)
>>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
>>> round(x, 6)
4.99

The formulas that differ from the papers' (`descent.rules` has those) stand each once in `_formulas`
and `_around`; `_torch`, `_keras` and `_optax` list every optimiser with its signature and the rule
that it is. `convert` carries hyper-parameters from one framework to another, or says why it cannot:

>>> convert("torch.optim.Adamax", "optax.adamax", eps=1e-6)
{'learning_rate': 0.002, 'b1': 0.9, 'b2': 0.999, 'eps': 1e-06}
>>> convert("torch.optim.NAdam", "optax.nadam")
Traceback (most recent call last):
descent.conventions.NoEquivalent: torch.optim.NAdam has no equivalent in optax.nadam: \
the schedule of μ_t is another, and fixed

Read from the sources of PyTorch 2.13.0, Keras 3.15.1 and Optax 0.2.8, and tested against them.
What all optimisers of a framework share:

- Weight decay λ. PyTorch adds λx to the gradient (`L2Decay`), except in AdamW. Keras shrinks x by
  1 − η_t λ before the step (`DecoupledDecay`), in every optimiser, Adam and SGD among them. Optax
  shrinks in adamw and lion, and adds to the gradient in adadelta; its others have no decay.
- The step count t starts at 1, and a learning rate given as a function is called with that t. The
  schedules of Keras and Optax count from 0: `framework_rule` calls them with t − 1.
- PyTorch and Optax take hyper-parameters in double precision whatever the parameters' type; Keras
  rounds them, and powers such as β₂^t, to the parameters' type.
- In float16 and bfloat16 they round after every operation, and so do the formulas here.
"""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

from descent._moved import moved
from descent.conventions import _around, _formulas, _keras, _lookup, _optax, _torch
from descent.conventions._around import *
from descent.conventions._formulas import *
from descent.conventions._keras import *
from descent.conventions._lookup import *
from descent.conventions._lookup import arguments_of, path
from descent.conventions._optax import *
from descent.conventions._torch import *
from descent.rules import (
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    Rule,
)

__all__ = [
    *_formulas.__all__,
    *_around.__all__,
    *_torch.__all__,
    *_keras.__all__,
    *_optax.__all__,
    *_lookup.__all__,
    "NoEquivalent",
    "convert",
    "letters",
]
"""All names of the package: each module of it lists its own."""

__getattr__ = moved(
    __name__,
    {"Pair": f"{__name__}._registry.Pair", "ABOVE_5": f"{__name__}._formulas.ABOVE_5"},
)


class NoEquivalent(ValueError):  # noqa: N818 (the name says what is the case)
    """No hyper-parameters make the one optimiser the other; the message says why.

    `nearest` holds the target's hyper-parameters that come nearest, None where no value is allowed:

    >>> try:
    ...     convert("torch.optim.RMSprop", "keras.optimizers.RMSprop")
    ... except NoEquivalent as error:
    ...     error.nearest["rho"], error.nearest["epsilon"]
    (0.99, 1e-08)
    """

    def __init__(self, message: str, nearest: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.nearest = nearest


def convert(source: str, target: str, /, **hyper: Any) -> dict[str, Any]:
    """Return the hyper-parameters with which one optimiser makes another's steps.

    Args:
        source: the path of the optimiser to leave, such as "torch.optim.RMSprop".
        target: the path of the optimiser to reach, such as "optax.rmsprop".
        hyper: the source's arguments, as in `framework_rule`.

    Returns:
        All of the target's hyper-parameters: its defaults are not the source's. A learning rate
        that is a function stays a function of t = 1, 2, ...

    Raises:
        NoEquivalent: no choice of them makes the same steps; the message says why.
        ValueError: as `framework_rule`.

    >>> convert("torch.optim.RMSprop", "optax.rmsprop", momentum=0.9)["eps_in_sqrt"]
    False
    >>> convert("torch.optim.NAdam", "keras.optimizers.Nadam")
    Traceback (most recent call last):
    descent.conventions.NoEquivalent: torch.optim.NAdam has no equivalent in \
    keras.optimizers.Nadam: the schedule of μ_t is another, and fixed
    """
    if path(source) == path(target):
        framework_rule(source, **hyper)  # checks them
        return defaults(target) | {k: v for k, v in hyper.items() if k in arguments_of(target)}
    wanted = _normal(framework_rule(source, **hyper))
    attempts = []
    for arguments in _candidates(target, wanted):
        with suppress(ValueError):
            attempts.append((_normal(framework_rule(target, **arguments)), arguments))
    for rule, arguments in attempts:
        if rule == wanted:
            return arguments
    other, nearest = min(attempts, key=lambda one: _apart(one[0], wanted), default=(None, None))
    reason = _reason(wanted, other) if other else "a value is not allowed there"
    raise NoEquivalent(f"{source} has no equivalent in {target}: {reason}", nearest)


_SAME_WITHOUT_EPS: dict[type[Rule], type[Rule]] = {
    KerasAdam: Adam,
    KerasAMSGrad: TorchAMSGrad,
    KerasAdamax: TorchAdamax,
    KerasAdagrad: WarmAdaGrad,
    TorchRAdam: OptaxRAdam,
}


def _values(rule: Rule) -> dict[str, Any]:
    return {field.name: getattr(rule, field.name) for field in fields(rule)}


def _chain(rule: Rule) -> list[Rule]:
    return [rule, *_chain(rule.rule)] if isinstance(rule, Around) else [rule]


def letters(rule: Rule) -> dict[str, Any]:
    """Return the hyper-parameters of a rule and of the rules inside it, by their letters.

    >>> letters(framework_rule("torch.optim.SGD", lr=0.1, weight_decay=0.01))
    {'lr': 0.1, 'weight_decay': 0.01}
    """
    values = {name: value for part in _chain(rule) for name, value in _values(part).items()}
    return {name: value for name, value in values.items() if name != "rule"}


def _normal(rule: Rule) -> Rule:
    """Return one and the same rule for all rules that make the same steps."""
    if isinstance(rule, Around):
        rule = replace(rule, rule=_normal(rule.rule))
    match rule:
        case DecoupledDecay(rule=GradientDescent()):
            return L2Decay(**_values(rule))
        case BufferedMomentum(dampening=0) if not callable(rule.lr):
            heavy = Nesterov if isinstance(rule, BufferedNesterov) else Momentum
            return heavy(rule.lr, rule.momentum)
        case RMSScaled(rule=GradientDescent(), bias_correction=True) if not (
            rule.initial_scale or rule.centered
        ):
            return _normal(OptaxAdam(rule.lr, 0.0, rule.rho, rule.eps, rule.eps_root))
        case OptaxAdam(eps_root=0):
            return Adam(rule.lr, rule.beta1, rule.beta2, rule.eps)
        case OptaxAdagrad() if rule.eps or rule.initial_accumulator:
            return _normal(KerasAdagrad(**_values(rule)))
    if type(rule) in _SAME_WITHOUT_EPS and _values(rule)["eps"] == 0:
        return _SAME_WITHOUT_EPS[type(rule)](**_values(rule))
    return rule


_LETTERS = {
    "learning_rate": "lr",
    "b1": "beta1",
    "b2": "beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "alpha": "rho",
    "decay": "rho",
    "epsilon": "eps",
    "initial_accumulator_value": "initial_accumulator",
}
"""The frameworks' arguments whose name is not the letter of the formulas."""

_OFF_AT_ZERO = {"weight_decay", "momentum", "dampening", "lr_decay", "eps_root", "initial_scale"}


def _candidates(target: str, wanted: Rule) -> Iterator[dict[str, Any]]:
    """Yield the target's arguments with the values of the wanted rule, and all switches tried."""
    values = dict.fromkeys(_OFF_AT_ZERO, 0.0) | letters(wanted)
    values.setdefault("rho", values.get("beta2", 0.9))
    parameters = arguments_of(target)
    if "eps" in values and "eps_root" not in parameters:  # its one ε may stand inside the root
        values["eps"] = values["eps"] or values["eps_root"]
    choices = [_choices(name, default, values) for name, default in parameters.items()]
    for choice in itertools.product(*choices):
        yield dict(zip(parameters, choice, strict=True))


def _choices(name: str, default: Any, values: dict[str, Any]) -> list[Any]:
    if isinstance(default, bool):
        return [default, not default]
    if name == "betas":
        return [tuple(values.get(f"beta{i + 1}", default[i]) for i in (0, 1))]
    value = values.get(_LETTERS.get(name, name), default)
    return [value, None] if default is None else [value]


def _parts(rule: Rule) -> set[tuple[str, Any]]:
    """Return the rule's hyper-parameters and the classes of it and of the rules inside."""
    return {(type(part).__name__, None) for part in _chain(rule)} | set(letters(rule).items())


_EPS_HAT = (
    "one adds ε to √v before the bias correction, the other after it: a fixed ε̂ is no ε, "
    "unless it is 0"
)
_EPS_PLACE = "ε stands inside the root in one, outside it in the other"
_ONE_EPS = "one has no ε inside the root"
_NO_DECAY = "one has no weight decay"
_MAXIMUM = "one takes the maximum before the bias correction, the other after it"
_IN_MAXIMUM = "ε stands inside the maximum in one, in the denominator in the other"
_NO_STEP = "with ε = 0 and no gradient yet one makes no step, the other divides 0 by 0"
_LR_PLACE = (
    "η stands outside the buffer in one, inside the displacement in the other, which differs once "
    "η changes; and PyTorch's dampening has no counterpart"
)
_REASONS = {
    "L2Decay DecoupledDecay": (
        "L2 decay is added to the gradient and enters its averages, decoupled decay shrinks x "
        "beside them"
    ),
    "L2Decay": _NO_DECAY,
    "DecoupledDecay": _NO_DECAY,
    "Maximize": "one cannot maximise",
    "Adam KerasAdam": _EPS_HAT,
    "OptaxAdam KerasAdam": _EPS_HAT,
    "TorchAMSGrad KerasAMSGrad": _EPS_HAT,
    "TorchRAdam OptaxRAdam": _EPS_HAT,
    "Adam OptaxAdam": _ONE_EPS,
    "TorchAMSGrad OptaxAMSGrad": _MAXIMUM,
    "KerasAMSGrad OptaxAMSGrad": _MAXIMUM,
    "TorchAdamax KerasAdamax": _IN_MAXIMUM,
    "WarmAdaGrad KerasAdagrad": _EPS_PLACE,
    "WarmAdaGrad OptaxAdagrad": _NO_STEP,
    "Momentum BufferedMomentum": _LR_PLACE,
    "Nesterov BufferedNesterov": _LR_PLACE,
    "eps eps_root": _EPS_PLACE,
    "eps_root": _ONE_EPS,
    "dampening": "one has no dampening",
    "momentum_decay": "the schedule of μ_t is another, and fixed",
    "initial_scale": "one has no choice of the value at which the average starts",
    "bias_correction": "one does not correct the bias",
    "threshold": "one rectifies from a fixed ρ_t on",
}
"""Why rules differ: the classes that one of them has, or the hyper-parameters, and the reason."""


def _apart(rule: Rule, other: Rule) -> int:
    """Return in how many parts two rules differ."""
    return len(_parts(rule) ^ _parts(other))


def _reason(wanted: Rule, nearest: Rule) -> str:
    """Return what separates a rule from the nearest one, in words."""
    odd = {name for name, _ in _parts(wanted) ^ _parts(nearest)}
    classes = odd & {type(part).__name__ for part in _chain(wanted) + _chain(nearest)}
    reasons, left = [], classes or odd
    for names_, reason in _REASONS.items():
        if left.issuperset(names_.split()):
            reasons.append(reason)
            left = left.difference(names_.split())
    if not reasons or classes & left:
        return f"{wanted} is not {nearest}"
    return "; ".join(reasons)
