"""How the end of a run is best made on the language model: a fall of the rate, or an average.

One rule for all. A run trains the small transformer on the chapters, with Adam and a short warm-up;
its score is the validation loss after `STEPS` steps. The rate is tuned on two seeds: each is three
times the one before, and the search goes on while the best stands at an end. Then each way runs on
eight fresh seeds, the same ones for all. Those that need no length know no end: they run on to
`MOST` steps, and the losses on the way are kept, so that the steps to a target can be counted.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from descent import data, models, rules, schedules
from descent.conventions import framework_rule
from descent.data import Data
from descent.relatives import AdEMAMix
from descent.rules import Rule
from descent.torch_optim import Optimizer
from descent.train.contest import Scores, interval, tune
from experiments.record import Record

STEPS, MOST, EVERY, BATCH, WARMUP, FALL = 200, 300, 20, 16, 20, 40
LENGTH, CHANNELS = 32, 32
AVERAGE, BETA2 = 0.98, 0.99
"""The decay rate of the average of the weights, and of every v."""

TUNING_SEEDS, SEEDS = (100, 101), tuple(range(8))
RATES = (3e-3, 1e-2, 3e-2)


def _warmed(lr: float) -> schedules.Schedule:
    return schedules.LinearWarmup(lr, WARMUP)


def _linear(lr: float) -> schedules.Schedule:
    return schedules.WarmupStableDecay(lr, WARMUP, STEPS, STEPS - WARMUP)


def _wsd(lr: float) -> schedules.Schedule:
    return schedules.WarmupStableDecay(lr, WARMUP, STEPS, FALL)


def _adam(schedule: Callable[[float], schedules.Schedule], lr: float) -> Rule:
    return rules.Adam(schedule(lr), beta2=BETA2)


def _schedule_free(lr: float) -> Rule:
    path = "optax.contrib.schedule_free_adamw"
    return framework_rule(path, learning_rate=_warmed(lr), b2=BETA2)


def _ademamix(lr: float) -> Rule:
    return AdEMAMix(_linear(lr), 0.9, BETA2, 1e-8, 0.0, 0.99, 5.0)


WAYS: dict[str, Callable[[float], Rule]] = {
    "constant": partial(_adam, _warmed),
    "constant, averaged": partial(_adam, _warmed),
    "linear": partial(_adam, _linear),
    "wsd": partial(_adam, _wsd),
    "schedule-free": _schedule_free,
    "AdEMAMix, linear": _ademamix,
}
"""The ways to the end, each a rule from the largest rate."""

ENDLESS = ("constant", "constant, averaged", "schedule-free")
"""Those that need no length."""


def judged(way: str, rule: Any, optimizer: Optimizer, average: list[Tensor]) -> list[Tensor]:
    """Return the weights that a way is judged by."""
    params: list[Tensor] = optimizer.param_groups[0]["params"]
    if way == "constant, averaged":
        return average
    if way != "schedule-free":
        return params
    return [y.lerp(optimizer.state[y]["z"], 1 - 1 / rule.beta) for y in params]


@torch.no_grad()
def loss_with(model: nn.Module, weights: list[Tensor], loaded: Data) -> float:
    """Return the validation loss of a model with other weights, on 100 pieces."""
    names = [name for name, _ in model.named_parameters()]
    x, y = loaded.validation.x[:100], loaded.validation.y[:100]
    outputs = torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (x,))
    return float(nn.functional.cross_entropy(outputs, y))


def losses(loaded: Data, way: str, lr: float, seed: int, steps: int) -> Iterator[tuple[int, float]]:
    """Yield steps of a run from half of `STEPS` on, and the validation losses there."""
    torch.manual_seed(seed)
    model = models.transformer((LENGTH,), loaded.classes, CHANNELS, depth=1)
    rule = WAYS[way](lr)
    optimizer = Optimizer(model.parameters(), rule, flat=True)
    average = [p.detach().clone() for p in model.parameters()]
    for t in range(1, steps + 1):
        batch = torch.randint(len(loaded.train), (BATCH,))
        optimizer.zero_grad()
        outputs = model(loaded.train.x[batch])
        nn.functional.cross_entropy(outputs, loaded.train.y[batch]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        decay = min(AVERAGE, t / (t + 10))  # shorter at first, so that the start is forgotten
        torch._foreach_lerp_(average, [p.detach() for p in model.parameters()], 1 - decay)
        if t >= STEPS // 2 and t % EVERY == 0:
            yield t, loss_with(model, judged(way, rule, optimizer, average), loaded)


def contest(loaded: Data, way: str) -> dict[str, Any]:
    """Return the rates of a way with their scores, and the losses of the best on fresh seeds."""

    def score(lr: float, seed: int) -> Scores:
        return {"validation_loss": dict(losses(loaded, way, lr, seed, STEPS))[STEPS]}

    best, tried = tune(score, RATES, TUNING_SEEDS)
    steps = MOST if way in ENDLESS else STEPS
    runs = [dict(losses(loaded, way, best, seed, steps)) for seed in SEEDS]
    ends = [run[STEPS] for run in runs]
    mean, half = interval(ends)
    rates = {f"{lr:g}": value for lr, value in tried.items()}
    found = {"rates": rates, "lr": best, "losses": ends, "mean": mean, "half_width": half}
    return found | {"on_the_way": [[round(v, 5) for v in run.values()] for run in runs]}


def record() -> None:
    """Write `book/results/schedules.json`."""
    settings = {
        "steps": STEPS,
        "most": MOST,
        "every": EVERY,
        "batch_size": BATCH,
        "warmup": WARMUP,
        "fall": FALL,
        "average": AVERAGE,
        "network": f"transformer, one layer of {CHANNELS} channels, {LENGTH} characters",
        "tuning_seeds": list(TUNING_SEEDS),
        "seeds": list(SEEDS),
    }
    kept = Record("schedules", torch.device("cpu"), settings)
    loaded = data.load("chapters", size=LENGTH).to("cpu")
    for way in WAYS:
        kept.run(way, partial(contest, loaded, way))
