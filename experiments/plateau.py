"""AlexNet-lite from two sets of first weights on the digits: the runs of `alexnet-lite`.

`python -m experiments plateau` trains it by three rules, from PyTorch's weights and from He's, and
writes `book/results/plateau.json` after every run; the runs that the file holds are not repeated.
With `OMP_NUM_THREADS=1` it takes about a minute on one core.
"""

from functools import partial
from typing import Any

import torch

from descent import models, rules
from descent.data import Data, load
from descent.torch_optim import Optimizer
from descent.train import evaluate, fit
from experiments.record import Record

SEEDS = (10, 11, 12)
EPOCHS = 6
PATIENCE = 25

CONTEST = {
    "PyTorch": {"gradient-descent": 0.3, "momentum": 0.05, "adam": 0.002},
    "He": {"gradient-descent": 0.05, "momentum": 0.01, "adam": 0.001},
}
"""The rate of each rule with each set of weights, chosen on seeds 0 and 1."""

TRIED = {"gradient-descent": (0.1, 0.3, 1.0), "momentum": (0.03, 0.05, 0.1)}
"""The rates that were tried with PyTorch's weights; they run again on seed 0."""


def run(
    weights: str, rule: str, lr: float, seed: int, data: Data, epochs: int = EPOCHS
) -> dict[str, Any]:
    """Train a network; return its mean loss in each epoch and its test accuracy."""
    torch.manual_seed(seed)
    net = models.alexnet_lite(tuple(data.train.x.shape[1:]))
    if weights == "He":
        models.he_(net)
    optimizer = Optimizer(net.parameters(), rules.get(rule, lr=lr), flat=True)
    history = fit(net, data, optimizer, epochs=epochs, seed=seed)
    return {
        "train_loss": [round(epoch["train_loss"], 5) for epoch in history.epochs],
        "test_accuracy": round(evaluate(net, data.test)["accuracy"], 5),
    }


def record() -> None:
    """Run what is missing in the file."""
    data = load("digits").to("cpu")
    settings = {
        "seeds": list(SEEDS),
        "contest": CONTEST,
        "tried": {rule: list(rates) for rule, rates in TRIED.items()},
        "epochs": EPOCHS,
        "patience": PATIENCE,
    }
    file = Record("plateau", torch.device("cpu"), settings)
    for weights, rates in CONTEST.items():
        for rule, lr in rates.items():
            for seed in SEEDS:
                key = f"{weights}, {rule}, {lr:g}, {seed}"
                file.run(key, partial(run, weights, rule, lr, seed, data))
    for rule, tried in TRIED.items():
        for lr in tried:
            file.run(f"PyTorch, {rule}, {lr:g}, 0", partial(run, "PyTorch", rule, lr, 0, data))
    patient = partial(run, "PyTorch", "momentum", 0.05, 0, data, epochs=PATIENCE)
    file.run("patient", patient)
