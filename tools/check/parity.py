"""Measure how closely `descent.conventions` follows PyTorch, Keras and Optax.

`python -m tools.check.parity` runs every optimiser of `CASES` beside the framework's own and writes
`book/results/parity.json`: the worst error by optimiser and dtype, and how far each framework is
from the paper at the same hyper-parameters. Where a framework is not installed, its stored vectors
(`tests/vectors/`, made by `python -m tools.check.vectors`) stand in.

All runs take the same 500 hostile gradients, and a learning rate that drops to a tenth after half
of them.
"""

import importlib.metadata
import importlib.util
import json
import operator
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent import rules
from descent.conventions import defaults, framework_rule, letters, names
from descent.rules import Rule

Array = NDArray[Any]

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "book" / "results" / "parity.json"
VECTORS = ROOT / "tests" / "vectors"

SEED = 0
STEPS = 500
DTYPES = ("float64", "float32")
CHECKPOINTS = [1, 2, 3, 4, 5, 6, 8, 12, 20, 39, 40, 41, 60, 100, 249, 250, 251, 252, 300, 400, 500]
"""The steps that the stored vectors keep; among them those about the spike and the drop."""


class Case(NamedTuple):
    """An optimiser and the arguments to run it with; the rest are its defaults."""

    name: str
    hyper: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.hyper.items())})"

    @property
    def lr_name(self) -> str:
        """Return what the framework calls the learning rate."""
        return "lr" if self.name.startswith("torch") else "learning_rate"


_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "torch.optim.SGD": [
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.01, "momentum": 0.9},
        {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
        {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    ],
    "torch.optim.Adagrad": [
        {"lr_decay": 0.01, "initial_accumulator_value": 0.1},
        {"weight_decay": 0.1, "eps": 1e-3, "maximize": True},
    ],
    "torch.optim.RMSprop": [
        {"momentum": 0.9},
        {"centered": True, "alpha": 0.9, "eps": 1e-3},
        {"centered": True, "momentum": 0.9, "weight_decay": 0.1, "maximize": True},
    ],
    "torch.optim.Adadelta": [
        {"lr": 0.1, "rho": 0.95, "eps": 1e-3},
        {"weight_decay": 0.1, "maximize": True},
    ],
    "torch.optim.Adam": [
        {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-2},
        {"lr": 0.01, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.01, "amsgrad": True, "betas": (0.9, 0.9)},
        {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "torch.optim.AdamW": [
        {"lr": 0.01, "weight_decay": 0.5, "maximize": True},
        {"lr": 0.01, "amsgrad": True},
    ],
    "torch.optim.Adamax": [
        {"weight_decay": 0.1, "eps": 1e-2},
        {"betas": (0.8, 0.99), "maximize": True},
    ],
    "torch.optim.NAdam": [
        {"momentum_decay": 1.0, "weight_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        {"momentum_decay": float("inf"), "eps": 1e-2},
    ],
    "torch.optim.RAdam": [
        {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-2, "weight_decay": 0.1},
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        {"lr": 0.01, "betas": (0.9, 0.65)},
    ],
    "torch.optim.ASGD": [
        {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 100, "weight_decay": 0.1, "maximize": True}
    ],
    "torch.optim.Rprop": [{"lr": 0.1, "etas": (0.6, 1.5), "step_sizes": (1e-4, 0.05)}],
    "torch.optim.Adafactor": [
        {"weight_decay": 0.1, "beta2_decay": -0.5, "d": 2.0, "maximize": True},
        {"lr": 0.1, "eps": (1e-30, 1e-2)},
    ],
    "torch.optim.Muon": [
        {"lr": 0.01, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"},
        {"lr": 0.01, "ns_steps": 3, "weight_decay": 0.5},
    ],
    "keras.optimizers.Adafactor": [
        {"learning_rate": 0.1, "beta_2_decay": -0.5, "clip_threshold": 2.0, "weight_decay": 0.1}
    ],
    "keras.optimizers.Ftrl": [
        {"learning_rate": 0.1, "l1_regularization_strength": 0.1, "beta": 0.1},
        {"learning_rate": 0.1, "l2_regularization_strength": 0.1, "learning_rate_power": -0.7}
        | {"l2_shrinkage_regularization_strength": 0.1, "weight_decay": 0.1},
    ],
    "keras.optimizers.Lamb": [{"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-3}],
    "keras.optimizers.Muon": [
        {"learning_rate": 0.01, "nesterov": False, "rms_rate": None},
        {"learning_rate": 0.01, "ns_steps": 3, "weight_decay": None},
    ],
    "keras.optimizers.ScheduleFreeAdamW": [{"warmup_steps": 20, "weight_decay": 0.1}],
    "keras.optimizers.SGD": [
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True},
    ],
    "keras.optimizers.Adagrad": [
        {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "weight_decay": 0.1}
    ],
    "keras.optimizers.RMSprop": [
        {"momentum": 0.9, "weight_decay": 0.1},
        {"centered": True, "rho": 0.99, "epsilon": 1e-3},
        {"centered": True, "momentum": 0.9},
    ],
    "keras.optimizers.Adadelta": [{"learning_rate": 1.0, "epsilon": 1e-3, "weight_decay": 0.1}],
    "keras.optimizers.Adam": [
        {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2},
        {"learning_rate": 0.01, "amsgrad": True, "beta_2": 0.9, "weight_decay": 0.1},
    ],
    "keras.optimizers.AdamW": [{"learning_rate": 0.01, "weight_decay": 0.5}, {"amsgrad": True}],
    "keras.optimizers.Adamax": [
        {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2, "weight_decay": 0.1}
    ],
    "keras.optimizers.Nadam": [
        {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2, "weight_decay": 0.1}
    ],
    "keras.optimizers.Lion": [{"learning_rate": 0.01, "weight_decay": 0.1}],
    "optax.sgd": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "optax.adagrad": [
        {"initial_accumulator_value": 0.0},
        {"initial_accumulator_value": 0.0, "eps": 0.0},
        {"eps": 1e-3},
    ],
    "optax.rmsprop": [
        {"momentum": 0.9, "nesterov": True, "initial_scale": 1.0},
        {"centered": True, "momentum": 0.9},
        {"eps_in_sqrt": False, "bias_correction": True},
        {"centered": True, "bias_correction": True, "eps": 1e-3},
        {"centered": True, "eps_in_sqrt": False, "decay": 0.99},
    ],
    "optax.adadelta": [
        {"weight_decay": 0.1},
        {"learning_rate": 1.0, "rho": 0.95, "eps": 1e-3, "weight_decay": 0.1},
    ],
    "optax.adam": [{"b1": 0.8, "b2": 0.99, "eps": 1e-2, "eps_root": 1e-4}],
    "optax.adamw": [{"weight_decay": 0.5}, {"nesterov": True, "eps_root": 1e-4}],
    "optax.adamax": [{"b1": 0.8, "b2": 0.99, "eps": 1e-2}],
    "optax.nadam": [{"b1": 0.8, "b2": 0.99, "eps": 1e-2, "eps_root": 1e-4}],
    "optax.amsgrad": [
        {"bias_correction_nu": False, "b2": 0.9},
        {"bias_correction_mu": False, "eps_root": 1e-4},
    ],
    "optax.radam": [
        {"threshold": 4.0, "eps_root": 1e-4},
        {"nesterov": True, "b2": 0.99},
        {"b2": 0.65},
    ],
    "optax.lion": [{"b1": 0.8, "b2": 0.9, "weight_decay": 0.1}],
    "optax.sign_sgd": [{"learning_rate": 0.1}],
    "optax.adamaxw": [{"b1": 0.8, "b2": 0.99, "weight_decay": 0.1}],
    "optax.nadamw": [{"b1": 0.8, "eps_root": 1e-4, "weight_decay": 0.1}],
    "optax.rprop": [
        {"learning_rate": 0.1, "eta_minus": 0.6, "eta_plus": 1.5, "max_step_size": 0.05}
    ],
    "optax.adabelief": [{"eps": 1e-3, "eps_root": 1e-8}, {"nesterov": True, "b2": 0.99}],
    "optax.yogi": [{"b1": 0.8, "b2": 0.9, "eps": 1e-2}],
    "optax.adan": [{"b1": 0.9, "b2": 0.8, "b3": 0.95, "eps": 1e-3, "weight_decay": 0.1}],
    "optax.lamb": [{"eps_root": 1e-4, "weight_decay": 0.1}],
    "optax.lars": [
        {"learning_rate": 1.0, "weight_decay": 0.1, "trust_coefficient": 0.01},
        {"nesterov": True, "eps": 1e-2},
    ],
    "optax.novograd": [{"b1": 0.8, "b2": 0.9, "eps": 1e-3, "weight_decay": 0.1}],
    "optax.adafactor": [
        {"learning_rate": 0.01, "min_dim_size_to_factor": 2, "weight_decay_rate": 1e-3},
        {"learning_rate": 0.01, "momentum": 0.9, "clipping_threshold": None, "decay_rate": 0.5},
        {"learning_rate": 0.01, "multiply_by_parameter_scale": False, "factored": False},
    ],
    "optax.contrib.ademamix": [{"b3": 0.99, "alpha": 2.0, "eps_root": 1e-4, "weight_decay": 0.1}],
    "optax.contrib.prodigy": [
        {"weight_decay": 0.1, "estim_lr0": 1e-3, "beta3": 0.9, "safeguard_warmup": True}
    ],
    "optax.contrib.schedule_free_sgd": [
        {"learning_rate": 0.1, "b1": 0.8, "weight_decay": 0.1, "weight_lr_power": 1.0}
    ],
    "optax.contrib.schedule_free_adamw": [{"learning_rate": 0.01, "weight_decay": 0.1}],
    "optax.contrib.muon": [
        {"nesterov": False, "consistent_rms": 0.2, "weight_decay": 0.1},
        {"ns_steps": 3, "adaptive": True, "learning_rate": 1e-3},
    ],
}

MATRICES = {"Muon", "muon", "Adafactor", "adafactor"}
"""Optimisers that are run on a matrix of two rows; all others on a vector."""

CONSTANT = {"optax.rprop"}
"""Optimisers whose learning rate cannot be a schedule."""

_LR = {"learning_rate": 0.01}

_FIRST: dict[str, dict[str, Any]] = {
    "optax.adafactor": _LR,
    "optax.contrib.prodigy": {"estim_lr_coef": 0.01},
}
"""What stands in for defaults with which the gradients drive x beyond float32."""


def _cases(name: str) -> Iterator[Case]:
    """Yield an optimiser at its defaults and its variants, all with a learning rate."""
    lr = {} if {"lr", "learning_rate"} & defaults(name).keys() else _LR
    yield Case(name, lr | _FIRST.get(name, {}))
    yield from (Case(name, lr | hyper) for hyper in _VARIANTS[name])


CASES = [case for name in _VARIANTS for case in _cases(name)]
"""Every optimiser at its defaults, and with what changes its formula."""


def hostile(dtype: str = "float64") -> tuple[Array, Array]:
    """Return a start of six coordinates and 500 gradients, one hazard to a coordinate.

    Ordinary; sparse, with no gradient at first; about 1e-10, from 0, so that x is the distance
    itself; a spike of 50; a sign that flips every step; no gradient at all.
    """
    rng = np.random.default_rng(SEED)
    g = rng.standard_normal((STEPS, 6)).round(6)  # the last digits differ between machines
    g[:, 1] *= rng.random(STEPS) < 0.3
    g[:3, 1] = 0
    g[:, 2] *= 1e-10
    g[:, 3] = 0.3 + 0.5 * g[:, 3]
    g[39, 3] = 50
    g[:, 4] = (1 + 0.1 * g[:, 4]) * (-1) ** np.arange(STEPS)
    g[:, 5] = 0
    x = np.array([0.5, -0.25, 0.0, 0.125, -0.5, 0.25])
    return x.astype(dtype), g.astype(dtype)


def problem(case: Case, dtype: str) -> tuple[Array, Array]:
    """Return start and gradients of `hostile` in the shape that the case takes."""
    start, gradients = hostile(dtype)
    if case.name.rpartition(".")[2] not in MATRICES:
        return start, gradients
    return start.reshape(2, 3), gradients.reshape(-1, 2, 3)


def drop(lr: float, t: int) -> float:
    """Return the learning rate of step t: a tenth of lr in the second half."""
    return lr if t <= STEPS // 2 else lr / 10


def schedule(case: Case) -> Any:
    """Return the case's learning rate, dropping; where it cannot, or there is none, as it is."""
    lr = (defaults(case.name) | case.hyper)[case.lr_name]
    return lr if lr is None or case.name in CONSTANT else _dropping(lr)


@cache
def _dropping(lr: float) -> Callable[[int], float]:
    """Return the same function for the same rate, so that rules with it can be equal."""
    return partial(drop, lr)


def ours(case: Case, dtype: str) -> Array:
    """Return the points that the case's rule visits, the start first."""
    rule = framework_rule(case.name, **case.hyper | {case.lr_name: schedule(case)})
    return visit(rule, *problem(case, dtype))


def visit(rule: Rule, x: Array, gradients: Array) -> Array:
    """Return the points that a rule visits along given gradients, the start first."""
    xs, state = [x], rule.init(x)
    for g in gradients:
        x, state = rule.update(x, g, state)
        xs.append(x)
    return np.array(xs)


def by_torch(case: Case, dtype: str) -> Array:
    """Return the points that PyTorch visits, the start first."""
    import torch

    start, gradients = problem(case, dtype)
    x = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, case.name.rpartition(".")[2])([x], **case.hyper)
    group, xs = optimizer.param_groups[0], [start]
    lr = group["lr"]
    for t, g in enumerate(gradients, start=1):
        group["lr"] = drop(lr, t)
        x.grad = torch.tensor(g)
        optimizer.step()
        xs.append(x.detach().numpy().copy())
    return np.array(xs)


def _lr_table(case: Case, dtype: str) -> Any:
    """Return a schedule for JAX, called with t − 1, or what is no schedule."""
    import jax.numpy as jnp

    lr = schedule(case)
    return (
        lr
        if not callable(lr)
        else jnp.asarray([lr(t) for t in range(1, STEPS + 1)], dtype).__getitem__
    )


def by_optax(case: Case, dtype: str) -> Array:
    """Return the points that Optax visits, the start first."""
    import jax
    import optax

    jax.config.update("jax_enable_x64", dtype == "float64")
    start, gradients = (jax.numpy.asarray(value) for value in problem(case, dtype))
    hyper = case.hyper | {"learning_rate": _lr_table(case, dtype)}
    optimizer = operator.attrgetter(case.name.partition(".")[2])(optax)(**hyper)

    def step(carry: Any, g: Any) -> Any:
        x, state = carry
        updates, state = optimizer.update(g, state, x)
        x = optax.apply_updates(x, updates)
        return (x, state), x

    _, xs = jax.lax.scan(step, (start, optimizer.init(start)), gradients)
    return np.concatenate([start[None], xs])


def by_keras(case: Case, dtype: str) -> Array:
    """Return the points that Keras visits on its JAX backend, the start first."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax
    import keras

    jax.config.update("jax_enable_x64", dtype == "float64")
    keras.config.set_floatx(dtype)
    table = _lr_table(case, dtype)

    class Table(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return table(keras.ops.convert_to_tensor(step))

    start, gradients = problem(case, dtype)
    x = keras.Variable(start, dtype=dtype)
    hyper = case.hyper | {"learning_rate": Table()}
    optimizer = getattr(keras.optimizers, case.name.rpartition(".")[2])(**hyper)
    optimizer.build([x])

    def step(carry: Any, g: Any) -> Any:
        (x,), state = optimizer.stateless_apply(carry[1], [g], [carry[0]])
        return (x, state), x

    state = [variable.value for variable in optimizer.variables]
    _, xs = jax.lax.scan(step, (x.value, state), jax.numpy.asarray(gradients))
    return np.concatenate([start[None], xs])


FRAMEWORKS: dict[str, tuple[Callable[[Case, str], Array], tuple[str, ...]]] = {
    "torch": (by_torch, ("torch",)),
    "keras": (by_keras, ("keras", "jax")),
    "optax": (by_optax, ("optax", "jax")),
}
"""How to run each framework, and the packages that it takes."""


def framework(case: Case) -> str:
    """Return the case's framework: torch, keras or optax."""
    return case.name.partition(".")[0]


def installed(name: str) -> bool:
    """Whether a framework can be run here."""
    return all(importlib.util.find_spec(package) for package in FRAMEWORKS[name][1])


def live(case: Case, dtype: str) -> Array:
    """Return the points that the case's framework visits, the start first."""
    return FRAMEWORKS[framework(case)][0](case, dtype)


@cache
def vectors(name: str) -> dict[str, Array]:
    """Return a framework's stored vectors: points at `CHECKPOINTS`, gradients, versions."""
    with np.load(VECTORS / f"{name}.npz") as file:
        return dict(file)


def key(case: Case, dtype: str) -> str:
    """Return the name of a case among the stored vectors."""
    return f"{case} {dtype}"


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of packages."""
    found = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version()} | found


def error(
    xs: Array, others: Array, steps: Any = slice(None), *, rounds_at_rest: bool = False
) -> float:
    """Return the largest difference, as a fraction of the distance travelled by its coordinate.

    Args:
        xs: the points of a run, a row each.
        others: those it is compared with, or some of them alone.
        steps: the rows of `xs` that `others` holds.
        rounds_at_rest: whether a coordinate that ought to stay may move by the rounding of its
            value at each step, as where x is a mean of two points that are equal. Elsewhere it must
            stay: its error is 0 or infinite.
    """
    rounding = STEPS * np.finfo(np.asarray(xs).dtype).eps * abs(np.asarray(xs[0], np.float64))
    xs, others = np.asarray(xs, np.float64), np.asarray(others, np.float64)
    distance = abs(xs - xs[0]).max(axis=0)
    difference = abs(xs[steps] - others).max(axis=0)
    allowed = rounding if rounds_at_rest else 0 * rounding
    stays = (difference <= allowed) & (distance <= allowed)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(stays, 0, difference / distance).max())


def of_means(name: str) -> bool:
    """Return whether an optimiser's x is a mean of points: the schedule-free ones."""
    return "schedulefree" in name.lower().replace("_", "")


def stored_error(case: Case, dtype: str) -> float:
    """Return the error against the stored vectors."""
    stored = vectors(framework(case))[key(case, dtype)]
    return error(ours(case, dtype), stored, CHECKPOINTS, rounds_at_rest=of_means(case.name))


def measured(case: Case, dtype: str) -> float:
    """Return the error against the framework, live where it is installed, stored elsewhere."""
    if not installed(framework(case)):
        return stored_error(case, dtype)
    return error(ours(case, dtype), live(case, dtype), rounds_at_rest=of_means(case.name))


_MOMENTUM = {"momentum": 0.9}
_NESTEROV = {"momentum": 0.9, "nesterov": True}
_CENTERED = {"momentum": 0.9, "centered": True}
_DECAY = {"weight_decay": 0.01}
PAPERS: dict[str, dict[str, dict[str, Any]]] = {
    "momentum": dict.fromkeys(("torch.optim.SGD", "keras.optimizers.SGD", "optax.sgd"), _MOMENTUM),
    "nesterov": dict.fromkeys(("torch.optim.SGD", "keras.optimizers.SGD", "optax.sgd"), _NESTEROV),
    "adagrad": {"torch.optim.Adagrad": {}, "keras.optimizers.Adagrad": {}, "optax.adagrad": {}},
    "rmsprop": {"torch.optim.RMSprop": {}, "keras.optimizers.RMSprop": {}, "optax.rmsprop": {}},
    "momentum-rmsprop": dict.fromkeys(
        ("torch.optim.RMSprop", "keras.optimizers.RMSprop", "optax.rmsprop"), _MOMENTUM
    ),
    "centered-rmsprop": dict.fromkeys(
        ("torch.optim.RMSprop", "keras.optimizers.RMSprop", "optax.rmsprop"), _CENTERED
    ),
    "adadelta": {
        "torch.optim.Adadelta": {},
        "keras.optimizers.Adadelta": {},
        "optax.adadelta": {"learning_rate": 1.0},
    },
    "adam": {"torch.optim.Adam": {}, "keras.optimizers.Adam": {}, "optax.adam": {}},
    "amsgrad": {
        "torch.optim.Adam": {"amsgrad": True},
        "keras.optimizers.Adam": {"amsgrad": True},
        "optax.amsgrad": {},
    },
    "adamw": dict.fromkeys(("torch.optim.AdamW", "keras.optimizers.AdamW", "optax.adamw"), _DECAY),
    "adamax": {"torch.optim.Adamax": {}, "keras.optimizers.Adamax": {}, "optax.adamax": {}},
    "nadam": {"torch.optim.NAdam": {}, "keras.optimizers.Nadam": {}, "optax.nadam": {}},
    "radam": {"torch.optim.RAdam": {}, "optax.radam": {}},
    "lion": {"keras.optimizers.Lion": {}, "optax.lion": {}},
}
"""The papers' rules, and what the frameworks call them."""

ORDINARY = [0, 1, 3, 4]
"""The coordinates of `hostile` whose gradients are neither tiny nor 0."""


def paper_rule(name: str, rule: Rule) -> Rule:
    """Return the paper's rule with the hyper-parameters of a framework's."""
    paper, values = rules.get(name), letters(rule)
    values["eps"] = values.get("eps") or values.get("eps_root")
    same = {field.name: values[field.name] for field in fields(paper) if field.name in values}
    return replace(paper, **same)


def distance_from_paper(name: str, case: Case) -> dict[str, float]:
    """Return how far a framework is from the paper at the same hyper-parameters.

    The ratio of the first steps on a gradient of 1e-10, and the largest deviation on the ordinary
    coordinates over the 500 steps, as a fraction of the paper's distance: at a constant learning
    rate, and at one that drops.
    """
    rule = framework_rule(case.name, **case.hyper)
    dropping = framework_rule(case.name, **case.hyper | {case.lr_name: schedule(case)})
    start, gradients = hostile()
    x, g = start[ORDINARY], gradients[:, ORDINARY]

    def first_step(rule: Rule) -> float:
        return float(rule.update(0.0, 1e-10, rule.init(0.0))[0])

    return {
        "first_step_ratio": first_step(rule) / first_step(paper_rule(name, rule)),
        "deviation": error(visit(paper_rule(name, rule), x, g), visit(rule, x, g)),
        "deviation_as_lr_drops": error(
            visit(paper_rule(name, dropping), x, g), visit(dropping, x, g)
        ),
    }


def errors() -> Iterator[dict[str, Any]]:
    """Yield for every optimiser its worst error over all its cases, by dtype."""
    for name in names():
        cases = [case for case in CASES if case.name == name]
        worst = {dtype: max(measured(case, dtype) for case in cases) for dtype in DTYPES}
        yield {"name": name, "cases": len(cases), **{d: float(f"{worst[d]:.0e}") for d in worst}}


def differences() -> Iterator[dict[str, Any]]:
    """Yield for every optimiser how far it is from the paper, to three digits; rounding is 0."""
    for paper, optimisers in PAPERS.items():
        for name, hyper in optimisers.items():
            case = Case(name, (_LR if name.startswith("optax") else {}) | hyper)
            sizes = distance_from_paper(paper, case)
            rounded = {
                key: float(f"{size:.3g}") if size > 1e-12 else 0.0 for key, size in sizes.items()
            }
            yield {"name": name, "hyper": case.hyper, "paper": paper, **rounded}


def sources() -> dict[str, Any]:
    """Return the versions of the frameworks, as run here or as their vectors were made."""
    return {
        name: versions(*packages)
        if installed(name)
        else json.loads(str(vectors(name)["meta"]))["versions"] | {"from": f"{name}.npz"}
        for name, (_, packages) in FRAMEWORKS.items()
    }


def main() -> None:
    """Write the results to `RESULT`."""
    result = {
        "command": "python -m tools.check.parity",
        "seed": SEED,
        "steps": STEPS,
        "versions": versions("numpy"),
        "frameworks": sources(),
        "errors": list(errors()),
        "differences": list(differences()),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
