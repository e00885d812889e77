"""Plain and residual nets of 8 to 56 layers on the digits: the figure of `resnet-lite`.

`python -m experiments depth` trains each with momentum and with Adam at four learning rates each
and writes `book/results/depth.json` after every run; the runs that the file holds are not repeated.
With `OMP_NUM_THREADS=1` it takes about half an hour on one core.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from descent import models
from descent.data import Data, load
from descent.rules import Adam, Momentum, Rule
from descent.schedules import Cosine
from descent.torch_optim import Optimizer
from descent.train import evaluate, fit
from experiments.record import Record

KINDS = ("resnet", "plain")
DEPTHS = (8, 20, 32, 56)
SEEDS = (0, 1, 2)
EPOCHS = 10
BATCH_SIZE = 64

RULES: dict[str, tuple[Callable[[float], Rule], tuple[float, ...]]] = {
    "momentum": (Momentum, (0.003, 0.01, 0.03, 0.1)),
    "Adam": (Adam, (3e-4, 1e-3, 3e-3, 1e-2)),
}
"""The rules, from a learning rate, and the rates: the largest ones of a cosine over the run."""


def run(
    name: str, make: Callable[[float], Rule], lr: float, seed: int, data: Data
) -> dict[str, Any]:
    """Train a network; return its mean loss in each epoch and its scores at the end."""
    torch.manual_seed(seed)
    net = models.get(name, tuple(data.train.x.shape[1:]))
    schedule = Cosine(lr, EPOCHS * (len(data.train) // BATCH_SIZE))
    history = fit(
        *(net, data, Optimizer(net.parameters(), make(lr), flat=True)),
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        seed=seed,
        schedule=schedule,
    )
    return {
        "train_loss": [round(epoch["train_loss"], 5) for epoch in history.epochs],
        "validation_loss": round(history.epochs[-1]["validation_loss"], 5),
        "test_accuracy": round(evaluate(net, data.test)["accuracy"], 5),
        "seconds": round(history.seconds, 2),
    }


def record() -> None:
    """Run what is missing in the file."""
    data = load("digits").to("cpu")
    settings = {
        "seeds": list(SEEDS),
        "depths": list(DEPTHS),
        "rates": {name: list(rates) for name, (_, rates) in RULES.items()},
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
    }
    file = Record("depth", torch.device("cpu"), settings)
    for seed, depth, (name, (make, rates)) in itertools.product(SEEDS, DEPTHS, RULES.items()):
        for kind, lr in itertools.product(KINDS, rates):
            key = f"{kind}-{depth}, {name}, {lr:g}, {seed}"
            file.run(key, partial(run, f"{kind}-{depth}", make, lr, seed, data))
