"""Looking up an optimiser by its framework's path and arguments."""

import inspect
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from descent._numbers import plain
from descent.conventions._registry import FRAMEWORKS, OPTIMISERS
from descent.rules import (
    Rule,
    at,
)

__all__ = [
    "names",
    "defaults",
    "framework_rule",
]

_WITHOUT_EFFECT = {
    *("foreach", "fused", "capturable", "differentiable", "name", "ema_momentum"),
    *("adam_learning_rate", "dtype_momentum"),
}
"""Accepted and ignored: they choose an implementation, or a name, or act only with another."""

_ONLY_AT_DEFAULT = {
    **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm", "ema_overwrite_frequency")),
    **dict.fromkeys(("loss_scale_factor", "gradient_accumulation_steps")),
    **dict.fromkeys(("mask", "mu_dtype", "accumulator_dtype", "state_dtype")),
    **dict.fromkeys(("weight_decay_mask", "trust_ratio_mask"), True),
    "muon_weight_dimension_numbers": None,
    "preconditioning": "frobenius",
    "use_ema": False,
}
"""Accepted at this value alone: what they switch on acts outside the rule."""


_IMPLIED = {"torch.optim.AdamW": {"decoupled_weight_decay": True}}
"""What stands in `optimizer.defaults` and is no argument."""

_NO_RULE = {
    "torch.optim.LBFGS": "it computes the loss anew within a step",
    "torch.optim.SparseAdam": "its gradients are sparse",
    "keras.optimizers.LossScaleOptimizer": "it scales the loss, outside the rule inside",
    "keras.optimizers.MultiOptimizer": "it is several optimisers, each of its variables",
    "optax.lbfgs": "it computes the loss anew within a step",
    "optax.noisy_sgd": "it draws random numbers",
    "optax.polyak_sgd": "its step needs the value of the loss",
    "optax.sm3": "its state has an entry for each axis of the array",
    "optax.contrib.sophia": "it needs the diagonal of the Hessian too",
    "bitsandbytes.optim": "its states are rounded to 8 bits by blocks, on a GPU alone",
    "timm.optim": "it is not among the packages that the rules are compared with",
    "tf_keras.optimizers": "it is Keras 2, which the rules are not compared with",
    "tf.keras.optimizers.legacy": "it is Keras 2, which the rules are not compared with",
}
"""Optimisers, and packages of them, that are asked for and are no rule here, and why."""

_ELSEWHERE = (
    (r"tf\.keras\.|tensorflow\.keras\.|keras\.src\.", "keras."),
    (r"keras\.optimizers\.[a-z_]+\.", "keras.optimizers."),
    (r"torch\.optim\._?[a-z]+\.", "torch.optim."),
    (r"optax\._src\.alias\.", "optax."),
    (r"optax\.contrib\._[a-z_]+\.", "optax.contrib."),
)
"""Where else a framework keeps its optimisers, as a class's `__module__` says, and their paths."""


@cache
def path(name: str) -> str:
    """Return the path by which an optimiser is listed.

    Raises:
        ValueError: it is known, and is no rule.
    """
    for known, reason in _NO_RULE.items():
        if f"{name}.".startswith(f"{known}."):
            raise ValueError(f"{name} is no rule: {reason}")
    for pattern, home in _ELSEWHERE:
        name = re.sub(f"^(?:{pattern})", home, name)
    return name


def names() -> list[str]:
    """Return the paths of all optimisers, by framework, each in the order of its module.

    >>> names()[:3]
    ['torch.optim.SGD', 'torch.optim.Adagrad', 'torch.optim.RMSprop']
    """
    return sorted(OPTIMISERS, key=lambda path: FRAMEWORKS.index(path.partition(".")[0]))


def defaults(name: str) -> dict[str, Any]:
    """Return the arguments of an optimiser that have a default, and the defaults.

    Raises:
        ValueError: there is no optimiser of that name.

    >>> defaults("optax.sgd")
    {'momentum': None, 'nesterov': False}
    """
    return {
        key: value
        for key, value in arguments_of(name).items()
        if value is not inspect.Parameter.empty
    }


@cache
def arguments_of(name: str) -> dict[str, Any]:
    name = path(name)
    if name not in OPTIMISERS:
        raise ValueError(f"name must be one of {', '.join(names())}, got {name!r}")
    parameters = inspect.signature(OPTIMISERS[name]).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def framework_rule(name: str, /, **hyper: Any) -> Rule:
    """Return the rule that reproduces a framework's optimiser.

    Args:
        name: the optimiser's path, such as "torch.optim.Adam"; `names()` lists them. That of its
            class, and `tf.keras` for `keras`, are understood.
        hyper: the framework's own arguments, such as PyTorch's `**optimizer.defaults`; its defaults
            stand for the others. The learning rate may be a function of t = 1, 2, ..., or a
            schedule of Keras or Optax, which is called with t − 1, as its framework does. Arguments
            that change no number (foreach, fused, capturable, differentiable, name) are ignored;
            those that act outside the rule (Keras' clipping, averaging and accumulation, Optax's
            masks and dtypes) must be off.

    Raises:
        ValueError: there is no optimiser of that name, an argument is unknown, missing or not
            allowed, or it switches on what a rule cannot do.

    >>> framework_rule("torch.optim.SGD", lr=0.1, momentum=0.9)
    BufferedMomentum(lr=0.1, momentum=0.9, dampening=0.0)
    >>> framework_rule("keras.optimizers.SGD", learning_rate=0.1, momentum=0.9)
    Momentum(lr=0.1, momentum=0.9)
    """
    name = path(name)
    known, implied = arguments_of(name), _IMPLIED.get(name, {})
    hyper = {k: v for k, v in hyper.items() if k not in implied or plain(v) != implied[k]}
    for argument, value in hyper.items():
        if argument in _ONLY_AT_DEFAULT:
            _only(name, argument, value)
        elif argument not in known and argument not in _WITHOUT_EFFECT:
            raise ValueError(f"{name} knows {', '.join(known)}, got {argument} = {value!r}")
    for argument in known.keys() - defaults(name).keys() - hyper.keys():
        raise ValueError(f"{name}: {argument} must be given, it has no default")
    try:
        return OPTIMISERS[name](**{k: _from_1(v) for k, v in hyper.items() if k in known})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _from_1(value: Any) -> Any:
    """Return a schedule of Keras or Optax as a function of t from 1; all else as it is."""
    home = str(getattr(value, "__module__", "")).partition(".")[0]
    is_theirs = callable(value) and home in ("keras", "tf_keras", "optax")
    return partial(_a_step_before, value) if is_theirs else value


def _a_step_before(schedule: Callable[[int], float], t: int) -> float:
    return at(schedule, t - 1)


def _only(name: str, argument: str, value: Any) -> None:
    if value not in (None, _ONLY_AT_DEFAULT[argument]):
        raise ValueError(
            f"{name}: {argument} must be {_ONLY_AT_DEFAULT[argument]}, got {value!r}: it acts "
            "outside the rule"
        )
