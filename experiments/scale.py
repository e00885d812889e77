"""What to keep when the width, the batch or the length changes, measured on the digits.

`widths`: the loss over Adam's rate at five widths, in PyTorch's parametrisation and in μP.
`batches`: the steps to a loss over the rate at five batch sizes, for SGD and Adam.
`half-lives`: the loss over β₂ at two batch sizes, with the same examples read.
`decays`: the validation loss over λ at three rates, with some of the labels wrong.

Rates are powers of two, the same for all seeds. All the runs of a line are one: their weights are
stacked, a first axis numbers them.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from descent import data, models
from descent.data import Data, Split
from descent.rules import Adam, GradientDescent, Rule
from descent.train.width import mup_, mup_groups
from experiments.record import Record

SEEDS = tuple(range(8))
WIDTHS, BASE, STEPS, BATCH = (32, 64, 128, 256, 512), 64, 60, 64
WIDTH_POWERS = {"standard": range(-12, -3), "mup": range(-10, -2)}
BATCHES, TARGET, MOST = (2, 8, 32, 128, 512), 0.4, 1536
BATCH_POWERS = {"SGD": range(-8, 2), "Adam": range(-13, -4)}
SMALL, READ, HALF_POWERS = (4, 64), 4096, (-10, -9, -8, -7)
BETAS = (0.5, 0.9, 0.97, 0.99, 0.997, 0.999)
DECAY_POWERS, DECAYS, WRONG, EPOCHS = (-9, -7), range(-5, 5), 0.2, (10, 40)

Losses = list[list[float]]
"""By rate or other setting, then by seed."""

Runs = dict[str, Any]
"""What is recorded of the runs of a line."""


@dataclass
class Stack:
    """Networks of one make side by side: each parameter has a first axis that numbers them.

    Attributes:
        weights: of the layers in order, weight and bias in turn.
        scales: what each has of the rate.
    """

    weights: list[Tensor]
    scales: list[float]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits of images shaped (networks, examples, pixels)."""
        last = len(self.weights) - 2
        for i in range(0, last + 1, 2):
            x = torch.baddbmm(self.weights[i + 1][:, None], x, self.weights[i].mT)
            x = x if i == last else torch.relu(x)
        return x

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of each network."""
        logits = self(x)
        each = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        return each.view(y.shape).mean(1)


def stack(settings: int, width: int = BASE, mup: bool = False) -> Stack:
    """Return networks of two hidden layers: all seeds for the first setting, then the next."""
    nets, scales = [], {}
    for seed in SEEDS:
        torch.manual_seed(seed)
        net, base = (models.mlp((1, 8, 8), hidden=(n, n)) for n in (width, BASE))
        groups = mup_groups(mup_(net, base), base, 1.0) if mup else []
        scales |= {p: group["lr_scale"] for group in groups for p in group["params"]}
        nets.append(list(net.parameters()))
    weights = [
        torch.stack(layer).detach().repeat(settings, *[1] * layer[0].dim())
        for layer in zip(*nets, strict=True)
    ]
    return Stack([w.requires_grad_() for w in weights], [scales.get(p, 1.0) for p in nets[0]])


def drawn(split: Split, size: int, settings: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield minibatches, drawn with replacement: one for a seed, the same for all settings."""
    generator = torch.Generator().manual_seed(0)
    x, y = split.x.flatten(1), split.y
    for _ in range(steps):
        places = torch.randint(len(y), (len(SEEDS), size), generator=generator)
        yield x[places].repeat(settings, 1, 1), y[places].repeat(settings, 1)


def trained(
    nets: Stack,
    make: Callable[[Callable[[int], Any]], Rule],
    rates: Tensor,
    split: Split,
    size: int,
    steps: int,
    decay: Tensor | None = None,
) -> Iterator[int]:
    """Train each network at its own rate, with its own decay; yield the step after each step."""
    shapes = [(-1, *[1] * (w.dim() - 1)) for w in nets.weights]
    own = [(rates * scale).view(s) for s, scale in zip(shapes, nets.scales, strict=True)]
    rules = [make(lambda _, lr=lr: lr) for lr in own]  # type: ignore[misc]
    states = [rule.init(w.detach()) for rule, w in zip(rules, nets.weights, strict=True)]
    for t, (x, y) in enumerate(drawn(split, size, len(rates) // len(SEEDS), steps), 1):
        gradients = torch.autograd.grad(nets.losses(x, y).sum(), nets.weights)
        for i, (rule, g) in enumerate(zip(rules, gradients, strict=True)):
            w = nets.weights[i].detach()
            new, states[i] = rule.update(w, g, states[i])
            if decay is not None and w.dim() > 2:  # weights, not biases
                new -= own[i] * decay.view(shapes[i]) * w
            nets.weights[i] = new.requires_grad_()
        yield t


@torch.no_grad()
def by_seed(nets: Stack, split: Split) -> Losses:
    """Return the mean losses, a large number for one that is larger or not finite."""
    count = len(nets.weights[0])
    x, y = split.x.flatten(1).expand(count, -1, -1), split.y.expand(count, -1)
    losses = nets.losses(x, y).nan_to_num(10.0).clamp(max=10.0).view(-1, len(SEEDS))
    return [[round(loss, 5) for loss in row] for row in losses.tolist()]


def for_all(values: Sequence[float]) -> Tensor:
    """Return each value once for each seed."""
    return torch.tensor([value for value in values for _ in SEEDS])


def at_width(loaded: Data, name: str, width: int) -> Runs:
    """Return the training losses after a run at each rate."""
    found: Losses = []
    for power in WIDTH_POWERS[name]:  # one at a time: a wide stack of all would leave the cache
        nets = stack(1, width, name == "mup")
        for _ in trained(nets, Adam, for_all([2.0**power]), loaded.train, BATCH, STEPS):
            pass
        found += by_seed(nets, loaded.train)
    return {"losses": found}


def steps_to_target(loaded: Data, name: str, size: int) -> Runs:
    """Return the steps until the validation loss is at the target, looked at ever more seldom."""
    rates = for_all([2.0**power for power in BATCH_POWERS[name]])
    nets = stack(len(rates) // len(SEEDS))
    make = GradientDescent if name == "SGD" else partial(Adam, beta1=0.0, beta2=0.97)
    arrived, look = torch.full((len(rates),), 2 * MOST), 1.0
    for t in trained(nets, make, rates, loaded.train, size, MOST):
        if t >= look:
            look *= 1.05
            below = torch.tensor(by_seed(nets, loaded.validation)).flatten() <= TARGET
            arrived = torch.where(below & (arrived > t), t, arrived)
            best = arrived.view(-1, len(SEEDS)).double().mean(1).min()
            if t > 2 * best:
                break
    return {"steps": arrived.view(-1, len(SEEDS)).tolist()}


def over_betas(loaded: Data, size: int) -> Runs:
    """Return the training losses by β₂, then by rate, after the same number of examples."""
    rates, found = for_all([2.0**power for power in HALF_POWERS]), []
    for beta2 in BETAS:
        nets = stack(len(HALF_POWERS))
        make = partial(Adam, beta1=0.0, beta2=beta2)
        for _ in trained(nets, make, rates, loaded.train, size, READ // size):
            pass
        found.append(by_seed(nets, loaded.train))
    return {"losses": found}


def over_decays(loaded: Data, power: int, epochs: int) -> Runs:
    """Return the validation losses by λ after training on labels of which some are wrong."""
    generator = torch.Generator().manual_seed(0)
    count = len(loaded.train)
    wrong = torch.rand(count, generator=generator) < WRONG
    other = torch.randint(10, (count,), generator=generator)
    split = Split(loaded.train.x, torch.where(wrong, other, loaded.train.y))
    rates = for_all([2.0**power] * len(DECAYS))
    nets, decay = stack(len(DECAYS)), for_all([2.0**power for power in DECAYS])
    steps = epochs * count // BATCH
    for _ in trained(nets, Adam, rates, split, BATCH, steps, decay):
        pass
    return {"losses": by_seed(nets, loaded.validation)}


def record() -> None:
    """Write what is missing of `book/results/scale.json`."""
    settings = {
        "network": "mlp, two hidden layers, digits",
        "seeds": list(SEEDS),
        "widths": list(WIDTHS),
        "base": BASE,
        "steps": STEPS,
        "batch_size": BATCH,
        "width_powers": {name: list(powers) for name, powers in WIDTH_POWERS.items()},
        "batches": list(BATCHES),
        "batch_powers": {name: list(powers) for name, powers in BATCH_POWERS.items()},
        "target": TARGET,
        "most": MOST,
        "small": list(SMALL),
        "read": READ,
        "half_powers": list(HALF_POWERS),
        "betas": list(BETAS),
        "decay_powers": list(DECAY_POWERS),
        "decays": list(DECAYS),
        "wrong": WRONG,
        "epochs": list(EPOCHS),
    }
    torch.set_num_threads(1)
    kept, loaded = Record("scale", torch.device("cpu"), settings), data.load("digits").to("cpu")
    for size, name in itertools.product(BATCHES, BATCH_POWERS):
        kept.run(f"batches, {name}, {size}", partial(steps_to_target, loaded, name, size))
    for power, epochs in itertools.product(DECAY_POWERS, EPOCHS):
        kept.run(f"decays, {power}, {epochs}", partial(over_decays, loaded, power, epochs))
    for size in SMALL:
        kept.run(f"half-lives, {size}", partial(over_betas, loaded, size))
    for width, name in itertools.product(WIDTHS, WIDTH_POWERS):
        kept.run(f"widths, {name}, {width}", partial(at_width, loaded, name, width))
