"""What an optimiser can be: every rule, framework rule and misprint, with what is free in it."""

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache, partial
from typing import Any

from descent import conventions, rules
from descent.identify import _relatives as relatives
from descent.misprints import MISPRINTS
from descent.rules import Rule, at

GENERIC: dict[str, float] = {
    "lr": 0.01,
    "momentum": 0.7,
    "rho": 0.95,
    "beta1": 0.8,
    "beta2": 0.95,
    "eps": 1e-4,
    "eps_root": 1e-4,
    "weight_decay": 0.05,
    "dampening": 0.3,
    "initial_accumulator": 0.1,
    "initial_scale": 0.5,
    "momentum_decay": 0.004,
    "lr_decay": 0.05,
    "lambd": 1e-4,
}
"""Values at which no two entries coincide, and no part of a rule is off."""

RATES = ("momentum", "rho", "beta", "beta1", "beta2", "beta3", "eta_minus")
"""Hyper-parameters in [0, 1)."""

FORMULAS = {name: f"{name}-update" for name in rules.names()} | {
    "gradient-descent": "gd-update",
    "averaged-momentum": "adam-moments",
    "momentum-rmsprop": "rmsprop-update",
    "centered-rmsprop": "rmsprop-centered",
    "adafactor": "adafactor-factored",
    "shampoo": "shampoo-step",
    "soap": "soap-step",
    "schedule-free-adamw": "schedule-free-step",
}
"""The formula of the book that each rule is."""

RIGHT = {
    "gradient-descent-without-step-size": "gd-error-factor",
    "adam-invented-step-size": "adam-epsilon-hat",
    "adam-epsilon-is-epsilon-hat": "adam-epsilon-hat",
    "adam-epsilon-hat-without-root": "adam-epsilon-hat",
    "adam-oldest-weighs-most": "adam-unrolled",
    **dict.fromkeys(
        (
            *("adam-centered", "adam-second-moment-of-the-first", "adam-moments-twice"),
            *("adam-swapped-weights", "adam-misplaced-bracket", "adam-one-decay-rate"),
            "adam-state-made-anew",
        ),
        "adam-moments",
    ),
    **dict.fromkeys(
        (
            *("adam-no-correction", "adam-only-m-corrected", "adam-corrected-twice"),
            *("adam-frozen-t", "adam-t-starts-at-two", "adam-exponential-correction"),
        ),
        "adam-bias-correction",
    ),
}
"""The formula that is right where a misprint is wrong, if it is not that of its rule."""

FAMILIES = {
    "SGD": "gradient-descent",
    "Adagrad": "adagrad",
    "RMSprop": "rmsprop",
    "Adadelta": "adadelta",
    "Adam": "adam",
    "AdamW": "adamw",
    "Adamax": "adamax",
    "NAdam": "nadam",
    "RAdam": "radam",
    "amsgrad": "amsgrad",
    "Lion": "lion",
    "adamaxw": "adamax",
    "nadamw": "nadam",
    "sign_sgd": "lion",
    "Adafactor": "adafactor",
    "Muon": "muon",
    "Shampoo": "shampoo",
    "SOAP": "soap",
    "Lamb": "lamb",
}
"""The rule of ours that a framework's optimiser is a form of, by its name in any spelling."""

HEAVY = {"nesterov": "nesterov", "momentum": "momentum"}


@dataclass(frozen=True)
class Entry:
    """One thing that an optimiser can be.

    Attributes:
        name: of a rule, of a misprint, or the path of a framework's optimiser.
        kind: "rule", "framework" or "misprint".
        rule: it, at generic hyper-parameters; `None` of them is off that is meant to be on.
        free: the hyper-parameters that are read off the behaviour.
        is_shadow: whether another optimiser of the framework is this one without a switch.
    """

    name: str
    kind: str
    rule: Rule
    free: tuple[str, ...]
    is_shadow: bool = False
    switches: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def turned_on(self) -> int:
        """How many switches are on, or at infinity: of two names, that with fewer is better."""
        return sum(value in (True, math.inf) for value in self.switches.values())

    def at(self, hyper: Mapping[str, Any]) -> Rule:
        """Return the rule with these hyper-parameters, numbers or columns of numbers."""
        return with_hyper(self.rule, hyper)

    @property
    def family(self) -> str:
        """Return the name of the paper's rule that this is a form of, or its own."""
        if self.kind == "rule":
            return self.name
        if self.kind == "misprint":
            return rule_name(MISPRINTS[self.name].of)
        chain = parts(self.rule)
        heavy = [n for n in HEAVY if any(n in type(part).__name__.lower() for part in chain)]
        if heavy and self.name.lower().endswith("sgd"):
            return HEAVY[heavy[0]]
        if any("AMSGrad" in type(part).__name__ for part in chain):
            return "amsgrad"
        last = self.name.rpartition(".")[2].lower()
        return next((rule for key, rule in FAMILIES.items() if key.lower() == last), self.name)

    @property
    def formula(self) -> str | None:
        """Return the id of the formula of the book that is right here, if the book has one."""
        return RIGHT.get(self.name, FORMULAS.get(self.family))

    @property
    def erratum(self) -> str | None:
        """Return the id of a misprint's erratum."""
        return str(MISPRINTS[self.name].erratum) if self.kind == "misprint" else None


def rule_name(cls: type[Rule]) -> str:
    """Return the name under which a class of `rules` is listed."""
    return next(name for name in rules.names() if type(_default(name)) is cls)


@cache
def _default(name: str) -> Rule:
    return rules.get(name)


def parts(rule: Rule) -> list[Rule]:
    """Return a rule and the rules inside it, the outermost first."""
    inner = getattr(rule, "rule", None)
    return [rule, *(parts(inner) if inner is not None else [])]


def with_hyper(rule: Rule, hyper: Mapping[str, Any]) -> Rule:
    """Return a rule with other hyper-parameters, unchecked, so that each may be a column."""
    new: Rule = object.__new__(_bare(type(rule)))  # type: ignore[arg-type]
    values = {name: hyper.get(name, value) for name, value in vars(rule).items()}
    if "rule" in values:
        values["rule"] = with_hyper(values["rule"], hyper)
    if "lr_decay" in hyper and "lr" in values:
        values["lr"] = partial(_decayed, values["lr"], hyper["lr_decay"])
    vars(new).update(values)
    return new


@cache
def _bare(cls: type[Rule]) -> type[Rule]:
    """Return a class of rules without the checks of what comes in, which cost more than a step."""
    if "_of" in vars(cls):
        return cls
    new = type(cls.__name__, (cls,), {"_of": cls})
    new.update = getattr(cls.update, "__wrapped__", cls.update)  # type: ignore[attr-defined]
    return new


def kind_of(rule: Rule) -> type[Rule]:
    """Return the class of a rule, checked or not."""
    return getattr(type(rule), "_of", type(rule))


def _decayed(lr: Any, lr_decay: Any, t: int) -> Any:
    return at(lr, t) / (1 + (t - 1) * lr_decay)


def numbers(rule: Rule) -> dict[str, float]:
    """Return the hyper-parameters of a rule and of those inside that are numbers, not switches."""
    found = {}
    for part in parts(rule):
        for hyper in fields(part):
            value = getattr(part, hyper.name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[hyper.name] = float(value)
    return found


@cache
def entries() -> tuple[Entry, ...]:
    """Return every entry: the rules, the frameworks' in all their forms, and the misprints."""
    ours = [Entry(n, "rule", _generic(_default(n)), _free(_default(n))) for n in rules.names()]
    wrong = [Entry(n, "misprint", _generic(cls()), _free(cls())) for n, cls in MISPRINTS.items()]
    quiet = [
        Entry(n, "rule", with_hyper(_generic(_default(n)), {"weight_decay": 0.0}), free)
        for n in ("lion", "lamb", "muon")
        for free in [tuple(f for f in _free(_default(n)) if f != "weight_decay")]
    ]
    return (*ours, *quiet, *_frameworks(), *_relatives(), *wrong)


def _relatives() -> Iterator[Entry]:
    for name, rule, letters, switches in relatives.forms():
        values = numbers(rule)
        free = [n for n in letters.split() if n == "lr" or values.get(n)]
        if any("weight_decay" in argument and value for argument, value in switches.items()):
            free.append("weight_decay")
        yield Entry(name, "framework", rule, tuple(dict.fromkeys(free)), False, switches)


def _generic(rule: Rule) -> Rule:
    return with_hyper(rule, {k: v for k, v in GENERIC.items() if k in numbers(rule)} | _rate(rule))


def _rate(rule: Rule) -> dict[str, float]:
    return {} if callable(rule.lr) else {"lr": GENERIC["lr"]}


def _free(rule: Rule) -> tuple[str, ...]:
    names = dict.fromkeys([*numbers(rule), "lr"])
    return tuple(n for n in names if n != "multiplier")


OFF = {"weight_decay", "momentum", "dampening", "lr_decay", "eps_root", "initial_scale"}
ARGUMENTS = {
    "weight_decay": "weight_decay",
    "momentum": "momentum",
    "dampening": "dampening",
    "lr_decay": "lr_decay",
    "eps_root": "eps_root",
    "initial_scale": "initial_scale",
    "initial_accumulator_value": "initial_accumulator",
    "rho": "rho",
    "alpha": "rho",
    "decay": "rho",
    "eps": "eps",
    "epsilon": "eps",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "b1": "beta1",
    "b2": "beta2",
    "momentum_decay": "momentum_decay",
}
"""The frameworks' arguments that are numbers, and their letters."""


def _frameworks() -> Iterator[Entry]:
    seen: dict[str, list[Any]] = {}
    for name in conventions.names():
        if name in relatives.NAMES:
            continue
        defaults = conventions.defaults(name)
        for arguments in _combinations(defaults):
            given = {"lr" if "lr" in defaults else "learning_rate": GENERIC["lr"], **arguments}
            with suppress(ValueError):
                rule = conventions.framework_rule(name, **given)
                shape = [type(part) for part in parts(rule)], _free_of(rule, arguments)
                key = name.partition(".")[0]
                off = [k for k, v in arguments.items() if _is_off(k, v, defaults[k])]
                is_shadow = bool(off) and shape in seen.get(key, [])
                seen.setdefault(key, []).append(shape)
                yield Entry(name, "framework", rule, shape[1], is_shadow, arguments)


def _is_off(argument: str, value: Any, default: Any) -> bool:
    """Whether a switch or a number that an optimiser has by default is turned off."""
    return bool(default) and not value and argument not in ("eps", "initial_accumulator_value")


def _combinations(defaults: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    choices = {name: _choices(name, default) for name, default in defaults.items()}
    for values in itertools.product(*choices.values()):
        arguments = dict(zip(choices, values, strict=True))
        if not (
            arguments.get("maximize")
            and (arguments.get("initial_accumulator_value") or arguments.get("lr_decay"))
        ):
            yield arguments


def _choices(name: str, default: Any) -> list[Any]:
    if isinstance(default, bool):
        return [default, not default]
    if name == "betas":
        return [(GENERIC["beta1"], GENERIC["beta2"])]
    if name == "threshold":
        return [5.0, 4.0]
    if name == "momentum_decay":
        return [GENERIC[name], float("inf")]
    if name in ("lr", "learning_rate"):
        return [GENERIC["lr"]]
    letter = ARGUMENTS[name]
    on = GENERIC[letter]
    return [0.0, on] if letter in OFF or letter == "initial_accumulator" else [on]


def _free_of(rule: Rule, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the letters of a framework's rule that its arguments set, and that are on."""
    given = {ARGUMENTS[k] for k in arguments if k in ARGUMENTS} | {"lr", "beta1", "beta2"}
    values = numbers(rule)
    letters = {"eps_root"} if values.get("eps_root") and "eps" in given else set()
    free = [k for k, v in values.items() if k in given | letters and v and v != float("inf")]
    extra = ["lr_decay"] if arguments.get("lr_decay") else []
    return tuple(dict.fromkeys(["lr", *free, *extra]))
