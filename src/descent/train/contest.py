"""A fair contest of optimisers: the same budget for each, intervals, and a paired test.

Each contestant is tuned on the validation split by the same rule: every learning rate of a grid
with the same seeds, the grid extended while its best rate stands at an end. Then each runs with its
best rate on fresh seeds, all contestants on the same ones: a seed decides the initial weights and
the order of the examples, so differences between contestants are paired.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import nn

from descent import _check, schedules
from descent.data import Data
from descent.rules import AdaGrad, Adam, GradientDescent, LearningRate, Momentum, RMSprop, Rule
from descent.torch_optim import Optimizer
from descent.train.loop import Loss, NonFiniteLossError, evaluate, fit

__all__ = [
    "CONTESTANTS",
    "HALF_DECADES",
    "Scores",
    "Problem",
    "tune",
    "interval",
    "paired",
    "sign_flips",
]

CONTESTANTS: dict[str, Callable[[LearningRate], Rule]] = {
    "SGD": GradientDescent,
    "momentum": Momentum,
    "AdaGrad": AdaGrad,
    "RMSprop": RMSprop,
    "Adam": Adam,
}
"""Rules with one free hyper-parameter, the learning rate; the others at their defaults."""

HALF_DECADES = tuple(float(f"{base}e{power}") for power in range(-6, 4) for base in (1, 3))
"""Learning rates, each about three times the one before."""

Scores = dict[str, float]
"""`train_loss`, `validation_loss`, `test_loss` and, for classes, `test_accuracy` and so on."""


@dataclass(frozen=True)
class Problem:
    """What the contestants are to solve.

    Attributes:
        build: returns a new network; the caller seeds it.
        data: on the device to train on.
        epochs: the budget of a run.
        batch_size: as in `fit`.
        loss: as in `fit`.
        schedule: the learning rate, from the largest one and the number of steps.
    """

    build: Callable[[], nn.Module]
    data: Data
    epochs: int
    batch_size: int = 64
    loss: Loss = nn.functional.cross_entropy
    schedule: Callable[[float, int], schedules.Schedule] = schedules.Cosine

    def run(self, rule: Rule, seed: int) -> Scores:
        """Train once; return the final scores: infinite losses and no accuracy if it diverged."""
        torch.manual_seed(seed)
        model = self.build().to(self.data.train.x.device)
        steps = len(self.data.train) // self.batch_size * self.epochs
        try:
            fit(
                *(model, self.data, Optimizer(model.parameters(), rule, flat=rule.elementwise)),
                epochs=self.epochs,
                batch_size=self.batch_size,
                seed=seed,
                loss=self.loss,
                schedule=self.schedule(rule.lr_at(1), steps),
            )
        except NonFiniteLossError:
            return self._diverged()
        return self._scores(model)

    def _scores(self, model: nn.Module) -> Scores:
        splits = {name: getattr(self.data, name) for name in ("train", "validation", "test")}
        return {
            f"{name}_{score}": value
            for name, split in splits.items()
            for score, value in evaluate(model, split, loss=self.loss).items()
        }

    def _diverged(self) -> Scores:
        model = self.build().to(self.data.train.x.device)
        return {n: 0.0 if "accuracy" in n else float("inf") for n in self._scores(model)}


def tune(
    run: Callable[[float, int], Scores],
    rates: Sequence[float],
    seeds: Iterable[int],
) -> tuple[float, dict[float, float]]:
    """Return the learning rate with the least validation loss, and the loss of each that was tried.

    Args:
        run: returns the scores of a learning rate and a seed.
        rates: of `HALF_DECADES`, in order; while the best is the first or last, the next one
            beyond it is tried too.
        seeds: of the runs whose mean decides; not those of the contest.

    Raises:
        ValueError: a rate is not of `HALF_DECADES`, or there are none.
    """
    if not rates or not set(rates) <= set(HALF_DECADES):
        raise ValueError(f"rates must be some of {HALF_DECADES}, got {rates}")
    seeds = list(seeds)
    tried: dict[float, float] = {}
    waiting = set(rates)
    while waiting:
        for lr in waiting:
            scores = [run(lr, seed) for seed in seeds]
            tried[lr] = fmean(score["validation_loss"] for score in scores)
        best = min(tried, key=tried.__getitem__)
        place = HALF_DECADES.index(best)
        neighbours = HALF_DECADES[max(place - 1, 0) : place + 2]
        waiting = {lr for lr in neighbours if lr not in tried}
    return best, dict(sorted(tried.items()))


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the mean and half the width of Student's interval for it.

    Args:
        values: independent, at least two.
        confidence: in (0, 1).

    Raises:
        ValueError: an argument is outside its range.

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> mean, round(half, 4)
    (2.0, 2.4841)
    """
    from scipy.special import stdtrit

    _check.fraction("confidence", confidence)
    if len(values) < 2:
        raise ValueError(f"values must be at least two, got {len(values)}")
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return fmean(values), float(stdtrit(len(values) - 1, (1 + confidence) / 2) * error)


def paired(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the p-value of Student's paired test: that chance alone gives so large a difference.

    Args:
        one: a score for each seed.
        other: that of another contestant for the same seeds, in the same order.

    Raises:
        ValueError: there are fewer than two pairs, or not as many of one as of the other.

    >>> round(paired([1.0, 2.0, 3.0], [2.0, 3.0, 4.5]), 4)
    0.0198
    """
    from scipy.stats import ttest_rel

    if len(one) != len(other) or len(one) < 2:
        raise ValueError(
            f"one and other must be as long, at least 2, got {len(one)} and {len(other)}"
        )
    return float(ttest_rel(one, other).pvalue)


def sign_flips(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the p-value of the paired test that assumes no distribution: that of all sign flips.

    If the contestants are alike, each difference might as well have had the other sign. The p-value
    is the share of the 2ⁿ ways to choose the signs whose mean is at least as far from 0.

    Args:
        one: a score for each seed; at most 20 of them.
        other: that of another contestant for the same seeds, in the same order.

    Raises:
        ValueError: there are fewer than two pairs, or more than 20, or not as many of one as of the
            other.

    >>> sign_flips([1.0, 2.0, 3.0], [2.0, 3.0, 4.5])
    0.25
    """
    if len(one) != len(other) or not 2 <= len(one) <= 20:
        raise ValueError(
            f"one and other must be as long, from 2 to 20, got {len(one)} and {len(other)}"
        )
    differences = np.subtract(one, other)
    flipped = np.arange(2 ** len(one))[:, None] >> np.arange(len(one)) & 1
    sums = abs((1 - 2 * flipped) @ differences)
    return float(np.mean(sums >= sums[0] * (1 - 1e-12)))  # the first has no sign flipped
