"""What a monitor costs: blocks of steps with it and without it, side by side.

`python -m benchmarks.monitor` prints the ratio of the two times, less 1. Blocks take turns, so that
a busy machine is busy for both, and the time is that of the processor, on one thread; a block is as
many steps as there are from one look to the next. A ratio is that of two blocks beside each other,
and what is printed is the median.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from descent import rules
from descent.monitor import monitor
from descent.torch_optim import Optimizer

SIZES = {"4 thousand weights": (64, 56, 10), "25 thousand weights": (64, 256, 32, 10)}


def network(sizes: tuple[int, ...]) -> nn.Module:
    """Return a network of these widths."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "torch AdamW": lambda ps: torch.optim.AdamW(ps, lr=1e-3),
    "torch SGD, momentum": lambda ps: torch.optim.SGD(ps, lr=0.01, momentum=0.9),
    "descent Adam, flat": lambda ps: Optimizer(ps, rules.Adam(1e-3), flat=True),
}


def block(sizes: tuple[int, ...], make: Callable[[Any], Any], every: int) -> Callable[[], float]:
    """Return a function that times so many steps of training, forward and backward included."""
    torch.manual_seed(0)
    model = network(sizes)
    optimizer = make(model.parameters())
    x, y = torch.randn(64, sizes[0]), torch.randint(sizes[-1], (64,))

    def timed() -> float:
        start = time.process_time()
        for _ in range(every):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        return time.process_time() - start

    timed.optimizer = optimizer  # type: ignore[attr-defined]
    return timed


def cost(sizes: tuple[int, ...], make: Callable[[Any], Any], every: int, turns: int) -> float:
    """Return the median ratio of a block's times with a monitor and without, less 1."""
    plain, watched = block(sizes, make, every), block(sizes, make, every)
    ratios = []
    with monitor(watched.optimizer, every, warn=False):  # type: ignore[attr-defined]
        for turn in range(turns + 2):  # the first two warm up, and try the hyper-parameters
            order = (plain, watched) if turn % 2 else (watched, plain)
            times = {timed: timed() for timed in order}
            ratios.append(times[watched] / times[plain])
    return statistics.median(ratios[2:]) - 1


def main() -> None:
    """Print a line for each network and optimiser."""
    known = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__)
    known.add_argument("--every", type=int, default=50, help="steps between looks; default: 50")
    known.add_argument("--turns", type=int, default=41, help="pairs of blocks; default: 41")
    options = known.parse_args()
    torch.set_num_threads(1)
    for size, sizes in SIZES.items():
        for name, make in OPTIMIZERS.items():
            share = cost(sizes, make, options.every, options.turns)
            print(f"{size}, {name}: {share:+.1%} of a step's time", flush=True)


if __name__ == "__main__":
    main()
