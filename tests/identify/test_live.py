"""Optimisers of PyTorch, Keras and Optax are named as they come, not only our copies of them."""

import os

import numpy as np
import pytest
from sets import named

from descent import conventions
from descent.identify import NotRunnableError, identify
from descent.identify._relatives import NAMES


def by_torch(optimizer, **hyper):
    """Return a function from parameters to an optimizer of PyTorch."""
    return lambda params: optimizer(params, **hyper)


def instance(name, **hyper):
    torch = pytest.importorskip("torch")
    return getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(2, 3))], **hyper)


def class_of(name):
    return getattr(pytest.importorskip("torch").optim, name)


def function(name, **hyper):
    return by_torch(class_of(name), **hyper)


TORCH = [
    named("Adam, a class", lambda: class_of("Adam"), "torch.optim.Adam"),
    named(
        "SGD, an instance",
        lambda: instance("SGD", lr=0.03, momentum=0.8, nesterov=True),
        "torch.optim.SGD",
    ),
    named("Rprop, a function", lambda: function("Rprop", lr=0.02), "torch.optim.Rprop"),
    named("Muon, a class", lambda: class_of("Muon"), "torch.optim.Muon"),
    *(
        named(
            f"{name} {hyper}",
            lambda n=name, h=hyper: function(n, **h),
            f"torch.optim.{name}",
            nightly=True,
        )
        for name, hyper in [
            ("SGD", {"lr": 0.1}),
            ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
            ("Adagrad", {"lr": 0.02, "lr_decay": 0.01, "initial_accumulator_value": 0.1}),
            ("RMSprop", {"lr": 0.003, "alpha": 0.95, "momentum": 0.7, "centered": True}),
            ("Adadelta", {"lr": 0.7, "rho": 0.92}),
            ("Adam", {"lr": 0.002, "betas": (0.85, 0.99), "weight_decay": 0.02}),
            ("Adam", {"lr": 0.002, "amsgrad": True}),
            ("AdamW", {"lr": 3e-4, "weight_decay": 0.1}),
            ("Adamax", {"lr": 0.002, "betas": (0.8, 0.99)}),
            ("NAdam", {"lr": 0.004, "momentum_decay": 0.006}),
            ("RAdam", {"lr": 0.004, "betas": (0.9, 0.99)}),
            ("ASGD", {"lr": 0.02}),
            ("Rprop", {"lr": 0.02, "etas": (0.6, 1.3), "step_sizes": (1e-5, 2.0)}),
            ("Adafactor", {"lr": 0.02, "weight_decay": 0.05}),
            ("Muon", {"lr": 0.02, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0}),
        ]
    ),
]


@pytest.mark.parametrize(("made", "name"), TORCH)
def test_an_optimizer_of_pytorch_is_named(made, name):
    report = identify(made())
    assert (report.verdict, report.status) == ("rule", 0)
    assert name in report.names


@pytest.mark.parametrize(
    ("name", "why"), [("LBFGS", "several gradients a step"), ("SparseAdam", "step 1 raises")]
)
def test_what_needs_several_gradients_or_sparse_ones_could_not_be_run(name, why):
    with pytest.raises(NotRunnableError, match=why):
        identify(class_of(name))


def hyper_of(name, rng):
    """Return random arguments of a framework's optimiser: a learning rate, and its rates."""
    low, high = (-0.3, 0.3) if "prodigy" in name else (-3, -1.5)  # it finds the rest by itself
    hyper = {"learning_rate": float(f"{10 ** rng.uniform(low, high):.3g}")}
    defaults = conventions.defaults(name)
    for argument in ("b1", "beta_1", "momentum", "beta"):
        if defaults.get(argument) is not None and not (argument == "beta" and "Ftrl" in name):
            hyper[argument] = float(f"{rng.uniform(0.5, 0.95):.3g}")
    for argument in ("b2", "beta_2", "rho", "decay"):
        if isinstance(defaults.get(argument), float):
            hyper[argument] = float(f"{1 - 10 ** rng.uniform(-3, -1):.4g}")
    if defaults.get("weight_decay", 1) == 0.0:
        hyper["weight_decay"] = float(f"{10 ** rng.uniform(-3, -1):.3g}")
    return hyper


def live(name, hyper):
    """Return the framework's own optimiser at `optax.` or `keras.` paths."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    home, *path = name.split(".")
    thing = pytest.importorskip(home)
    for part in path:
        thing = getattr(thing, part)
    return thing(**hyper)


@pytest.mark.frameworks
@pytest.mark.parametrize(
    "name", [n for n in conventions.names() if n.startswith(("keras", "optax"))]
)
def test_an_optimiser_of_keras_or_optax_is_named_at_random_hyper_parameters(name):
    hyper = hyper_of(name, np.random.default_rng(len(name)))
    report = identify(live(name, hyper))
    assert report.verdict == "rule", (hyper, str(report))
    assert name in report.names, (hyper, str(report))


@pytest.mark.frameworks
@pytest.mark.parametrize(
    "name", ["optax.lbfgs", "optax.noisy_sgd", "optax.polyak_sgd", "optax.sm3"]
)
def test_what_is_no_rule_has_no_name(name):
    """They ask for the loss, draw random numbers, or keep an entry for each axis."""
    hyper = {"learning_rate": 0.01} if "polyak" not in name else {}
    if name == "optax.noisy_sgd":
        hyper |= {"eta": 0.01, "gamma": 0.55}
    try:
        report = identify(live(name, hyper))
    except NotRunnableError:
        return
    assert (report.verdict, report.names) == ("unknown", [])


@pytest.mark.frameworks
def test_a_step_on_arrays_of_jax_is_identified_in_double_precision():
    jnp = pytest.importorskip("jax.numpy")

    def step(x, g, state, lr=1e-3, beta=0.9):
        v = beta * (0 * x if state is None else state) + (1 - beta) * g**2
        return x - lr * g / (jnp.sqrt(v) + 1e-8), v

    assert "torch.optim.RMSprop" in identify(step).names


@pytest.mark.frameworks
def test_an_object_of_optax_that_is_no_tuple_is_a_transformation():
    optax = pytest.importorskip("optax")
    report = identify(optax.MultiSteps(optax.sgd(0.1), 2))
    assert (report.verdict, "Optax" in report.notes[0]) == ("unknown", True)


@pytest.mark.frameworks
def test_a_rate_that_keras_loses_on_pytorch_is_dead():
    """Keras 3.15.1, schedule_free_adamw.py:137: what is kept as old is changed in place."""
    hyper = {"learning_rate": 0.00101, "beta_1": 0.892, "beta_2": 0.9969}
    optimizer = live("keras.optimizers.ScheduleFreeAdamW", hyper)
    if pytest.importorskip("keras").config.backend() != "torch":
        pytest.skip("another backend keeps the old value")
    assert identify(optimizer).dead == ["beta1"]


def test_those_that_are_no_form_of_a_rule_are_frameworks_optimisers():
    assert set(NAMES) <= set(conventions.names())
