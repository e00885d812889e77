"""All that needs a GPU, in one command: `make gpu`, or `python -m experiments.gpu`.

In at most eight minutes on an H100: the tests that are marked `gpu`; what a step of Adam costs; the
precisions; and CIFAR-10 by four rules. What is done is written to `book/results/gpu.json` after
each part, and is not done again. `--scale 0.01 --device cpu --data digits` tries it all out where
there is no GPU, and writes nothing.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks import models as shapes
from benchmarks import steps
from descent import data, models
from descent.conventions import framework_rule
from descent.data import Data, Split
from descent.rules import Adam, AdamW, Muon, Rule
from descent.schedules import OneCycle
from descent.train import NonFiniteLossError, evaluate, fit, optimizers
from descent.train.augmentation import Augmentation
from descent.train.command import device_named
from experiments.record import Record

SECONDS = {"tuning": 12.0, "run": 45.0}
"""What a rule may take of the time, on each of its three rates and on its run."""


def sgd(lr: float) -> Rule:
    """Return PyTorch's SGD with Nesterov's momentum, and 5e-4 x in the gradient."""
    return framework_rule("torch.optim.SGD", lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)


def adamw(lr: float) -> Rule:
    """Return AdamW, whose decay is 0.05."""
    return optimizers.with_decay(AdamW(lr), 0.05)


RULES: dict[str, tuple[Callable[[float], Rule], tuple[float, ...]]] = {
    "SGD": (sgd, (0.1, 0.2, 0.4)),
    "Adam": (Adam, (1e-3, 3e-3, 1e-2)),
    "AdamW": (adamw, (1e-3, 3e-3, 1e-2)),
    "Muon": (lambda lr: optimizers.with_decay(Muon(lr)), (0.01, 0.02, 0.05)),
}
"""Each rule from its rate, and the rates that are tried."""

PRECISIONS = {
    "float32": ("float32", "highest"),
    "TF32": ("float32", "high"),
    "bfloat16": ("bfloat16", "high"),
    "float16": ("float16", "high"),
}
"""Of the forward pass, and of products of float32 matrices."""


@dataclass(frozen=True)
class Plan:
    """What is run, and how large.

    Attributes:
        device: to run on.
        dataset: as in `data.load`.
        scale: 1, or less for a try: the share of examples, coordinates, batch and time.
        compiled: whether the compiled step is timed too.
    """

    device: torch.device
    dataset: str = "cifar10"
    scale: float = 1.0
    compiled: bool = True

    @property
    def batch_size(self) -> int:
        """The examples of a step."""
        return max(4, round(512 * self.scale))

    @cached_property
    def data(self) -> Data:
        """The data set on the device, with the channels last."""
        return data.load(self.dataset).to(self.device).mapped(self._part)

    def _part(self, split: Split) -> Split:
        kept = max(self.batch_size, round(len(split) * self.scale))
        x = split.x[:kept].contiguous(memory_format=torch.channels_last)
        return Split(x, split.y[:kept])

    def net(self) -> nn.Module:
        """Return ResNet-20, four times as wide, from the same first weights."""
        torch.manual_seed(0)
        name, width = ("resnet-20", 4.0) if self.scale == 1 else ("resnet-8", 0.25)
        image = tuple(self.data.train.x.shape[1:])
        net: Any = models.get(name, image, self.data.classes, width=width).to(self.device)
        result: nn.Module = net.to(memory_format=torch.channels_last)
        return result

    def precision(self, name: str) -> str:
        """Return the precision that is asked for, or bfloat16 where float16 needs a GPU."""
        on_gpu = self.device.type == "cuda"
        return name if on_gpu or name != "float16" else "bfloat16"

    def train(
        self, make: Callable[[float], Rule], lr: float, epochs: int, precision: str
    ) -> dict[str, Any]:
        """Train for so many epochs; return scores, seconds, and images a second."""
        net = self.net()
        count = len(self.data.train) // self.batch_size
        start = time.monotonic()
        history = fit(
            *(net, self.data, optimizers.made_for(net, make(lr))),
            epochs=epochs,
            batch_size=self.batch_size,
            loss=partial(cross_entropy, label_smoothing=0.1),
            validation_loss=cross_entropy,
            schedule=OneCycle(lr, max(2, count * epochs)),
            precision=self.precision(precision),
            augment=Augmentation(crop=4, flip=self.dataset == "cifar10"),
        )
        seconds = time.monotonic() - start
        return {
            **{"epochs": epochs, "seconds": seconds, "lr": lr},
            "images_per_second": len(history.losses) * self.batch_size / seconds,
            "validation_loss": history.epochs[-1]["validation_loss"],
            "test_accuracy": evaluate(net, self.data.test)["accuracy"],
        }


def tests(plan: Plan) -> dict[str, Any]:
    """Run the tests that are marked `gpu`; return how many passed, failed and were left out."""
    files = ["tests/test_torch_optim.py", "tests/train"]
    files = files if plan.scale == 1 else ["tests/train/test_augmentation.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, "-m", "gpu", *files], capture_output=True, text=True, check=False
    )
    print(done.stdout[-2000:])
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout.splitlines()[-1])
    return {"status": done.returncode, **{name: int(number) for number, name in counts}}


def step(plan: Plan) -> dict[str, Any]:
    """Time a step of Adam; return the share of the memory's bandwidth that each form reaches."""
    large = [(round(5e7 * plan.scale),)]
    resnet = shapes.resnet50_shapes() if plan.scale == 1 else [(64, 3, 7, 7), (64,), (10, 64)]
    found = {}
    cases: dict[str, steps.Shapes] = {"5e7": large, "ResNet-50": resnet}
    for case, sizes in cases.items():
        known = dict(steps.variants(sizes, plan.device.type))
        if not plan.compiled:
            known = {name: run for name, run in known.items() if "compiled" not in name}
        seconds = steps.in_turns(known, 3, plan.device.type)
        shares = {name: seconds["roofline"] / value for name, value in seconds.items()}
        found[case] = {"seconds": seconds, "share_of_bandwidth": shares}
    return found


def precision(plan: Plan) -> dict[str, Any]:
    """Train for three epochs in each precision; return speed and accuracy."""
    found = {}
    before = torch.get_float32_matmul_precision()
    for name, (forward, products) in PRECISIONS.items():
        if plan.device.type == "cuda":
            torch.set_float32_matmul_precision(products)
            torch.backends.cudnn.allow_tf32 = name != "float32"
        found[name] = plan.train(adamw, 3e-3, 3, forward)
        print(f"  {name}: {found[name]['images_per_second']:,.0f} images a second", flush=True)
    torch.set_float32_matmul_precision(before)
    return found


def contest(name: str, plan: Plan) -> dict[str, Any]:
    """Choose one of three rates on the validation split, train with it, and test."""
    make, rates = RULES[name]
    plan.train(make, rates[0], 1, "bfloat16")  # what is loaded once is loaded
    epoch = plan.train(make, rates[0], 1, "bfloat16")["seconds"]
    epochs = {k: max(1, min(30, int(s * plan.scale / epoch))) for k, s in SECONDS.items()}
    tried = {}
    for lr in rates:
        try:
            tried[lr] = plan.train(make, lr, epochs["tuning"], "bfloat16")["validation_loss"]
        except NonFiniteLossError:
            tried[lr] = float("inf")
    best = min(tried, key=tried.__getitem__)
    run = plan.train(make, best, epochs["run"], "bfloat16")
    return run | {"tried": {f"{lr:g}": loss for lr, loss in tried.items()}}


PARTS: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "tests": tests,
    "step": step,
    "precision": precision,
    **{f"cifar10, {name}": partial(contest, name) for name in RULES},
}
"""The parts, in order."""


def settings(plan: Plan) -> dict[str, Any]:
    """Return what the file says of the whole."""
    rates = {name: list(rates) for name, (_, rates) in RULES.items()}
    about = {"net": "resnet-20, width 4", "batch_size": plan.batch_size, "rates": rates}
    return {"command": "make gpu", "seeds": [0], "data": plan.dataset} | about


def run(plan: Plan, record: Callable[[str, Callable[[], dict[str, Any]]], Any]) -> list[str]:
    """Make the parts; return those that failed."""
    failed = []
    for name, part in PARTS.items():
        print(f"{name} ...", flush=True)
        try:
            record(name, partial(part, plan))
        except FileNotFoundError as error:  # a data set is missing: the others need not wait
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all parts; return 0, 1 where one failed, 2 where there is no such device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="default: cuda")
    parser.add_argument("--data", default="cifar10", choices=list(data.READERS))
    parser.add_argument("--scale", type=float, default=1.0, help="below 1 it is a try")
    parser.add_argument("--no-compile", action="store_true", help="leave the compiled step out")
    options = parser.parse_args(arguments)
    try:
        device = device_named(options.device)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    plan = Plan(device, options.data, options.scale, not options.no_compile)
    if options.scale != 1:
        failed = run(plan, lambda name, make: print(f"{name}: {make()}", flush=True))
    else:
        failed = run(plan, Record("gpu", device, settings(plan)).run)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
