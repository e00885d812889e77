"""Any rule as an optimiser of Keras 3, on its JAX, PyTorch and NumPy backends.

>>> import keras
>>> from descent.rules import Adam
>>> optimizer = as_keras(Adam(lr=1e-3))
>>> x = keras.Variable([5.0])
>>> optimizer.apply([keras.ops.array([10.0])], [x])
>>> round(float(x[0]), 4)
4.999

A model that was compiled with one is saved and loaded like any other, once this module is imported.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import keras
import numpy as np

from descent import conventions, relatives, rules, schedules
from descent._state import leaf_names, leaves, with_leaves
from descent.rules import Rule
from descent.schedules import Schedule

__all__ = ["BACKENDS", "MODULES", "as_keras", "FromOne", "RuleOptimizer"]

BACKENDS = ("jax", "torch", "numpy")
"""Backends of Keras whose arrays the rules take."""

MODULES = {module.__name__: module for module in (rules, conventions, relatives, schedules)}
"""Modules whose rules and schedules a file may name."""


def as_keras(rule: Rule, **options: Any) -> "RuleOptimizer":
    """Return the rule as an optimiser of Keras.

    Args:
        rule: a rule of `descent.rules` or `descent.conventions`. Its learning rate, a number or a
            function of t = 1, 2, ..., becomes Keras' `learning_rate`, which callbacks may set.
        options: what every optimiser of Keras takes: name, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, loss_scale_factor, gradient_accumulation_steps.

    Raises:
        ValueError: rule is no rule, or the backend is TensorFlow.
    """
    return RuleOptimizer(rule, **options)


class FromOne(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A function of t = 1, 2, ... as a schedule of Keras, which counts from 0."""

    def __init__(self, function: Any) -> None:
        self.function = _read(function)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after `step` steps."""
        return keras.ops.convert_to_tensor(self.function(_value(step) + 1))

    def get_config(self) -> dict[str, Any]:
        """Return what makes the schedule anew."""
        return {"function": _written(self.function)}


class RuleOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]
    """A rule as an optimiser of Keras; `as_keras` makes one."""

    def __init__(self, rule: Rule, learning_rate: Any = None, **options: Any) -> None:
        rule = _read(rule)
        if not isinstance(rule, Rule):
            raise ValueError(f"rule must be a rule such as Adam(lr=1e-3), got {rule!r}")
        if keras.backend.backend() not in BACKENDS:
            raise ValueError(
                f"the backend of Keras must be one of {', '.join(BACKENDS)}, got "
                f"{keras.backend.backend()}"
            )
        if learning_rate is None:
            learning_rate = FromOne(rule.lr) if callable(rule.lr) else rule.lr
        options.setdefault("name", type(rule).__name__)
        super().__init__(learning_rate=learning_rate, **options)
        self.rule = rule

    def build(self, variables: list[Any]) -> None:
        """Make room for the state of each variable."""
        if self.built:
            return
        super().build(variables)
        self.slots = [self._room(variable) for variable in variables]

    def _room(self, variable: Any) -> list[Any]:
        """Return a variable for each entry of the state but t, which is `iterations`."""
        try:
            state = self.rule.init(np.zeros(variable.shape))
        except ValueError as error:
            raise ValueError(f"{self.name} cannot take {variable.path}: {error}") from error
        return [
            self.add_variable(
                np.shape(value),
                keras.initializers.Constant(float(np.max(value, initial=0))),
                variable.dtype if np.ndim(value) else None,
                name=f"{variable.name}_{name.replace('.', '_')}",
            )
            for name, value in zip(leaf_names(state), leaves(state), strict=True)
            if not _is_count(name)
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Make one step of the rule for one variable."""
        slots = self.slots[self._get_variable_index(variable)]
        x = _value(variable)
        blank = self.rule.init(np.zeros((1,) * max(2, len(variable.shape))))
        names = leaf_names(blank)
        kept = iter(slots)
        t = _value(self.iterations)
        old = with_leaves(blank, (t if _is_count(n) else _value(next(kept)) for n in names))
        x, new = _with_lr(self.rule, learning_rate).update(x, gradient, old)
        self.assign(variable, x)
        results = (v for n, v in zip(names, leaves(new), strict=True) if not _is_count(n))
        for slot, result in zip(slots, results, strict=True):
            self.assign(slot, result)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the optimiser anew.

        Raises:
            ValueError: the rule holds a function that no file can hold.
        """
        return {**super().get_config(), "rule": _written(self.rule)}


def _is_count(name: str) -> bool:
    return name.split(".")[-1] == "t"


def _value(variable: Any) -> Any:
    """Return the array of a variable."""
    return keras.ops.convert_to_tensor(variable)


def _with_lr(rule: Rule, lr: Any) -> Rule:
    """Return the rule with Keras' learning rate."""
    lr = _value(lr)
    return replace(rule, lr=lambda t: lr)


def _written(value: Any) -> Any:
    """Return a rule, a schedule or a number as what JSON holds."""
    if is_dataclass(value):
        kind = {"module": _home(type(value)), "class": type(value).__name__}
        return kind | {f.name: _written(getattr(value, f.name)) for f in fields(value)}
    if not callable(value):
        return value
    if value is not rules.relative_step:
        raise ValueError(f"a function cannot be saved, {value!r}: take one of descent.schedules")
    return {"module": rules.__name__, "function": value.__name__}


def _home(kind: type) -> str:
    """Return the module that offers a class, whatever file it stands in."""
    for home, module in MODULES.items():
        if vars(module).get(kind.__name__) is kind:
            return home
    raise ValueError(f"a {kind.__name__} cannot be saved: take one of {', '.join(MODULES)}")


def _read(value: Any) -> Any:
    """Return what `_written` wrote: rules, schedules and functions of the package alone."""
    if not isinstance(value, dict):
        return value
    hyper = {k: _read(v) for k, v in value.items() if k not in ("module", "class", "function")}
    home, name = value["module"], value.get("class") or value["function"]
    found = vars(MODULES[home]).get(name) if home in MODULES else None
    if "class" in value and isinstance(found, type) and issubclass(found, Rule | Schedule):
        return found(**hyper)
    if found is not rules.relative_step:
        raise ValueError(f"rule must be one of {', '.join(MODULES)}, got {home}.{name}")
    return found


for _class in (FromOne, RuleOptimizer):
    keras.saving.register_keras_serializable(package="descent")(_class)
