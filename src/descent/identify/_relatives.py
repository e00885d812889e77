"""The frameworks' optimisers that are no form of a rule of the book."""

from collections.abc import Iterator
from typing import Any

from descent import conventions

ADAM = "lr beta1 beta2 eps"
FORMS: tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...] = (
    ("torch.optim.ASGD", "lr lambd alpha", ({}, {"maximize": True})),
    ("torch.optim.ASGD", "lr", ({"weight_decay": 0.05},)),  # λ is seen in a sum with it
    ("torch.optim.Rprop", "lr eta_minus eta_plus least largest", ({}, {"maximize": True})),
    ("torch.optim.Adafactor", "lr clip decay eps2", ({}, {"weight_decay": 0.05})),
    (
        "torch.optim.Muon",
        "lr momentum weight_decay eps",
        tuple(
            {"weight_decay": decay, "nesterov": nesterov, "adjust_lr_fn": scale}
            for decay in (0.1, 0.0)
            for nesterov in (True, False)
            for scale in (None, "match_rms_adamw")
        ),
    ),
    ("keras.optimizers.Adafactor", "lr clip decay eps2", ({}, {"weight_decay": 0.05})),
    (
        "keras.optimizers.Ftrl",
        "lr power initial_accumulator l1 l2",
        tuple(
            {f"{name}_regularization_strength": 0.01 for name in names}
            for names in ((), ("l1",), ("l2",), ("l1", "l2"))
        ),
    ),
    ("keras.optimizers.Lamb", ADAM, ({}, {"weight_decay": 0.05})),
    (
        "keras.optimizers.Muon",
        "lr momentum weight_decay eps",
        tuple(
            {"weight_decay": decay, "nesterov": nesterov, "rms_rate": rms}
            for decay in (0.004, None)
            for nesterov in (True, False)
            for rms in (0.2, None)
        ),
    ),
    ("keras.optimizers.ScheduleFreeAdamW", "lr beta rho eps", ({}, {"weight_decay": 0.05})),
    ("optax.rprop", "lr eta_minus eta_plus least largest", ({},)),
    ("optax.adabelief", f"{ADAM} eps_root", ({}, {"nesterov": True})),
    ("optax.yogi", ADAM, ({},)),
    ("optax.adan", f"{ADAM} beta3 eps_root", ({}, {"weight_decay": 0.05})),
    ("optax.lamb", ADAM, ({}, {"weight_decay": 0.05})),
    (
        "optax.lars",
        "lr momentum weight_decay trust_coefficient",
        tuple(
            {"weight_decay": decay, "nesterov": nesterov}
            for decay in (0.0, 0.05)
            for nesterov in (False, True)
        ),
    ),
    ("optax.novograd", ADAM, ({}, {"weight_decay": 0.05})),
    (
        "optax.adafactor",
        "lr clip decay momentum weight_decay",
        tuple(
            {
                "momentum": momentum,
                "weight_decay_rate": decay,
                "multiply_by_parameter_scale": scales,
            }
            for scales in (True, False)
            for momentum in (None, 0.9)
            for decay in (None, 0.05)
        ),
    ),
    ("optax.contrib.ademamix", f"{ADAM} beta3 alpha", ({}, {"weight_decay": 0.05})),
    ("optax.contrib.prodigy", "lr beta1 beta2", ({}, {"weight_decay": 0.05})),
    ("optax.contrib.schedule_free_sgd", "lr beta", ({}, {"weight_decay": 0.05})),
    ("optax.contrib.schedule_free_adamw", "lr beta rho eps", ({}, {"weight_decay": 0.05})),
    (
        "optax.contrib.muon",
        "lr momentum weight_decay eps",
        tuple(
            {"weight_decay": decay, "nesterov": nesterov, "adaptive": adaptive}
            for decay in (0.0, 0.05)
            for nesterov in (True, False)
            for adaptive in (False, True)
        ),
    ),
)
"""The paths, the letters that are read off the behaviour, and the switches of each form."""

NAMES = tuple(name for name, _, _ in FORMS)


def forms() -> Iterator[tuple[str, Any, str, dict[str, Any]]]:
    """Yield the path, the rule, its letters and the switches of each form."""
    for name, letters, all_switches in FORMS:
        rate = "lr" if name.startswith("torch") else "learning_rate"
        for switches in all_switches:
            given = {rate: 1.0 if "prodigy" in name else 0.01, **switches}
            yield name, conventions.framework_rule(name, **given), letters, switches
