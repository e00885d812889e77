"""The best rate of Adam over widths, in PyTorch's parametrisation and in μP, on the digits.

A run trains networks of two hidden layers for some steps; the score is the training loss then. The
rates are powers of two: three to begin with, and the search goes on while the best of one of the
eight seeds stands at an end. The networks of all seeds are trained as one, their weights stacked.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from descent import data, models
from descent.data import Data, Split
from descent.rules import Adam
from descent.train.width import mup_, mup_groups
from experiments.record import Record

SEEDS = tuple(range(8))
WIDTHS, BASE, STEPS, BATCH = (32, 128, 512), 64, 40, 64
BEGIN = {"standard": (-8, -7, -6), "mup": (-7, -6, -5)}
"""The powers of two at which the search begins."""


@dataclass
class Stack:
    """Networks of one make side by side: each parameter has a first axis that numbers them.

    Attributes:
        weights: of the layers in order, weight and bias in turn.
        scales: what each has of the rate.
    """

    weights: list[Tensor]
    scales: list[float]

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean loss of each network on images shaped (networks, examples, pixels)."""
        last = len(self.weights) - 2
        for i in range(0, last + 1, 2):
            x = torch.baddbmm(self.weights[i + 1][:, None], x, self.weights[i].mT)
            x = x if i == last else torch.relu(x)
        each = nn.functional.cross_entropy(x.flatten(0, 1), y.flatten(), reduction="none")
        return each.view(y.shape).mean(1)


def stack(width: int, mup: bool = False) -> Stack:
    """Return a network of two hidden layers for each seed."""
    nets: list[list[Tensor]] = []
    scales: dict[Tensor, float] = {}
    for seed in SEEDS:
        torch.manual_seed(seed)
        net, base = (models.mlp((1, 8, 8), hidden=(n, n)) for n in (width, BASE))
        groups = mup_groups(mup_(net, base), base, 1.0) if mup else []
        scales |= {p: group["lr_scale"] for group in groups for p in group["params"]}
        nets.append(list(net.parameters()))
    weights = [torch.stack(layer).detach() for layer in zip(*nets, strict=True)]
    return Stack([w.requires_grad_() for w in weights], [scales.get(p, 1.0) for p in nets[0]])


def drawn(split: Split, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield minibatches for each seed, drawn with replacement, the same for all networks."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        places = torch.randint(len(split), (len(SEEDS), size), generator=generator)
        yield split.x.flatten(1)[places], split.y[places]


def train(nets: Stack, lr: float, split: Split, size: int, steps: int) -> None:
    """Train the networks with Adam, each weight with its part of the rate."""
    rules = [Adam(lr * scale) for scale in nets.scales]
    states = [rule.init(w.detach()) for rule, w in zip(rules, nets.weights, strict=True)]
    for x, y in drawn(split, size, steps):
        gradients = torch.autograd.grad(nets.losses(x, y).sum(), nets.weights)
        for i, (rule, g) in enumerate(zip(rules, gradients, strict=True)):
            new, states[i] = rule.update(nets.weights[i].detach(), g, states[i])
            nets.weights[i] = new.requires_grad_()


def scores(loaded: Data, name: str, width: int, power: int) -> dict[str, Any]:
    """Return the training loss of each seed after a run."""
    nets, split = stack(width, name == "mup"), loaded.train
    train(nets, 2.0**power, split, BATCH, STEPS)
    with torch.no_grad():
        losses = nets.losses(
            *(t.expand(len(SEEDS), *t.shape) for t in (split.x.flatten(1), split.y))
        )
    return {"losses": [round(loss, 5) for loss in losses.nan_to_num(10.0).clamp(max=10).tolist()]}


def record() -> None:
    """Write what is missing of `book/results/scale.json`."""
    settings = {
        "network": "mlp, two hidden layers, digits",
        "seeds": list(SEEDS),
        "base": BASE,
        "steps": STEPS,
        "batch_size": BATCH,
    }
    torch.set_num_threads(1)
    kept, loaded = Record("scale", torch.device("cpu"), settings), data.load("digits").to("cpu")
    for width, name in itertools.product(WIDTHS, BEGIN):
        found: dict[int, list[float]] = {}
        waiting = set(BEGIN[name])
        while waiting:
            for power in sorted(waiting):
                run = partial(scores, loaded, name, width, power)
                found[power] = kept.run(f"{name}, {width}, {power}", run)["losses"]
            best = {min(found, key=lambda power: found[power][i]) for i in range(len(SEEDS))}
            waiting = {power + step for power in best for step in (-1, 1)} - found.keys()
