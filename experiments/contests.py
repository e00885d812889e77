"""Contests of optimisers on the digits, MNIST and CIFAR-10, by the rules of `train.contest`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from descent import data, models, schedules
from descent.train.command import SCHEDULES, device_named
from descent.train.contest import CONTESTANTS, Problem, Scores, tune
from descent.train.loop import Loss
from experiments.record import Record

RATES = {
    "SGD": (0.1, 0.3, 1.0),
    "momentum": (0.01, 0.03, 0.1),
    "AdaGrad": (0.01, 0.03, 0.1),
    "RMSprop": (1e-3, 3e-3, 1e-2),
    "Adam": (1e-3, 3e-3, 1e-2),
}
"""Where each search begins: three rates, from which it goes on until the best is within."""


@dataclass(frozen=True)
class Contest:
    """A problem, who takes part, and with which seeds."""

    dataset: str
    build: Callable[[data.Data], nn.Module]
    epochs: int
    contestants: Sequence[str] = tuple(CONTESTANTS)
    tuning_seeds: Sequence[int] = (100, 101)
    seeds: Sequence[int] = (0, 1, 2, 3, 4)
    reconstructs: bool = False
    schedule: Callable[[float, int], schedules.Schedule] = schedules.Cosine

    def problem(self, device: Any) -> Problem:
        """Return the problem with its data on a device."""
        loaded = data.load(self.dataset).to(device)
        loss: Loss = nn.functional.cross_entropy
        if self.reconstructs:
            loaded, loss = data.images_as_targets(loaded), nn.functional.mse_loss
        build = partial(self.build, loaded)
        return Problem(build, loaded, self.epochs, loss=loss, schedule=self.schedule)


def net(name: str, loaded: data.Data) -> nn.Module:
    """Return a network of `models` for a data set."""
    return models.get(name, tuple(loaded.train.x.shape[1:]), loaded.classes)


def he_net(name: str, loaded: data.Data) -> nn.Module:
    """Return the same with He's initial weights."""
    return models.he_(net(name, loaded))


CONTESTS = {
    "digits-mlp": Contest("digits", partial(net, "mlp"), 20),
    "digits-alexnet": Contest("digits", partial(net, "alexnet-lite"), 10),
    "digits-alexnet-he": Contest("digits", partial(he_net, "alexnet-lite"), 10),
    "digits-resnet": Contest("digits", partial(net, "resnet-8"), 8),
    "digits-autoencoder": Contest(
        *("digits", lambda _: models.autoencoder(), 60), seeds=range(10), reconstructs=True
    ),
    "digits-autoencoder-constant": Contest(
        *("digits", lambda _: models.autoencoder(), 60),
        seeds=range(10),
        reconstructs=True,
        schedule=SCHEDULES["constant"],
    ),
    "mnist-mlp": Contest("mnist", partial(net, "mlp"), 3),
    "cifar10-resnet": Contest(
        "cifar10", partial(net, "resnet-8"), 2, ("SGD", "momentum", "Adam"), tuning_seeds=(100,)
    ),
}


def record(name: str) -> None:
    """Run what is missing of a contest in `book/results/contest-NAME.json`."""
    contest, device = CONTESTS[name], device_named("auto")
    problem = contest.problem(device)
    settings = {
        "seeds": list(contest.seeds),
        "tuning_seeds": list(contest.tuning_seeds),
        "epochs": contest.epochs,
        "parameters": models.count(problem.build()),
    }
    file = Record(f"contest-{name}", device, settings)

    def run(contestant: str, lr: float, seed: int) -> Scores:
        make = partial(problem.run, CONTESTANTS[contestant](lr), seed)
        scores = file.run(f"{contestant}, {lr:g}, {seed}", make)
        return {k: float("inf") if v is None else v for k, v in scores.items()}

    results = {}
    for contestant in contest.contestants:
        best, tried = tune(partial(run, contestant), RATES[contestant], contest.tuning_seeds)
        results[contestant] = {
            "lr": best,
            "tried": {
                f"{lr:g}": None if loss == float("inf") else loss for lr, loss in tried.items()
            },
            "runs": [run(contestant, best, seed) for seed in contest.seeds],
        }
    file.conclude(contestants=results)
