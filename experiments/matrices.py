"""How many steps the rules for matrices take to a loss, beside momentum and Adam, tuned alike.

One rule for all. A run trains the digits' network at a constant rate, with minibatches, until its
validation loss is at the target; its score is the number of steps, and the most that are allowed
where it does not arrive. The rate is tuned on two seeds: each is three times the one before, and
the search goes on while the best stands at an end. Then each rule runs on eight fresh seeds, the
same ones for all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from descent import data, models, rules
from descent.data import Data
from descent.rules import Rule
from descent.train.contest import Scores, interval, tune
from descent.train.optimizers import made_for
from experiments.record import Record

TARGET = 0.2
"""The validation loss at which a run ends."""

MOST, EVERY, BATCH = 200, 1, 64
TUNING_SEEDS, SEEDS = (100, 101), tuple(range(8))

RULES: dict[str, tuple[Callable[[float], Rule], tuple[float, ...]]] = {
    "momentum": (rules.Momentum, (0.01, 0.03, 0.1)),
    "Adam": (rules.Adam, (1e-3, 3e-3, 1e-2)),
    "Muon": (rules.Muon, (0.01, 0.03, 0.1)),
    "Shampoo": (rules.Shampoo, (0.03, 0.1, 0.3)),
    "SOAP": (rules.Soap, (1e-3, 3e-3, 1e-2)),
}
"""The rules, and where the search for the rate begins."""


def steps_to_target(loaded: Data, rule: Rule, seed: int) -> int:
    """Return the steps of a run until the validation loss is at the target, at most `MOST`."""
    torch.manual_seed(seed)
    model = models.mlp((1, 8, 8), hidden=(64, 64))
    optimizer, loss = made_for(model, rule), nn.functional.cross_entropy
    for t in range(1, MOST + 1):
        batch = torch.randint(len(loaded.train), (BATCH,))
        optimizer.zero_grad()
        loss(model(loaded.train.x[batch]), loaded.train.y[batch]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if t % EVERY == 0:
            with torch.no_grad():
                now = loss(model(loaded.validation.x), loaded.validation.y)
            if float(now) <= TARGET:
                return t
    return MOST


def contest(loaded: Data, name: str) -> dict[str, Any]:
    """Return the rates of a rule with their scores, and the steps of the best on fresh seeds."""
    make, begin = RULES[name]

    def score(lr: float, seed: int) -> Scores:
        return {"validation_loss": steps_to_target(loaded, make(lr), seed)}  # what is least is best

    best, tried = tune(score, begin, TUNING_SEEDS)
    steps = [steps_to_target(loaded, make(best), seed) for seed in SEEDS]
    mean, half = interval(steps)
    rates = {f"{lr:g}": value for lr, value in tried.items()}
    return {"rates": rates, "lr": best, "steps": steps, "mean": mean, "half_width": half}


def record() -> None:
    """Write `book/results/matrices.json`."""
    settings = {
        "target": TARGET,
        "most": MOST,
        "every": EVERY,
        "batch_size": BATCH,
        "network": "mlp, two hidden layers of 64, digits",
        "tuning_seeds": list(TUNING_SEEDS),
        "seeds": list(SEEDS),
    }
    kept = Record("matrices", torch.device("cpu"), settings)
    loaded = data.load("digits").to("cpu")
    for name in RULES:
        kept.run(name, partial(contest, loaded, name))
