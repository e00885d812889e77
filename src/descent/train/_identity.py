"""Whether two runs are the same: what of a run can be compared in another process.

Functions have no name to compare, and an address is another one in every process: they are compared
by their values. So is the network, whose parameters may fit where its formula is another.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from descent._numbers import plain
from descent.data import Data, Split
from descent.rules import Rule
from descent.torch_optim._foreign import SWITCHES
from descent.train.optimizers import Together

PROBES = 64
"""Examples of a split that stand for all of it."""

TOLERANCES = {"model": 1e-2, "loss": 1e-2}
"""Of the largest value, for what is computed: another device or TF32 may change it; else 1e-9."""


FORMERLY = {"accumulate": 1, "augment": None, "average": None}
"""What the settings in a file that does not name them were: they came after the format."""


def values_of(function: Callable[[int], Any], steps: int) -> list[float]:
    """Return the values of a function of the step at several of the steps 1, ..., `steps`."""
    places = {1, 2, 3, *(max(1, steps * i // 8) for i in range(1, 9))}
    return [float(plain(function(t))) for t in sorted(places)]


def of_rule(rule: Rule, steps: int) -> str:
    """Return a rule in words, its functions by their values."""
    text = str(rule)
    for field in fields(rule):
        value = getattr(rule, field.name)
        if isinstance(value, Rule):
            text = text.replace(str(value), of_rule(value, steps))
        elif callable(value):
            text = text.replace(repr(value), f"{values_of(value, steps)}")
    return text


def of_optimizer(optimizer: torch.optim.Optimizer, steps: int) -> str:
    """Return an optimiser in words: its rule, or its class and hyper-parameters."""
    if isinstance(optimizer, Together):
        return ", ".join(of_optimizer(part, steps) for part in optimizer.parts)
    rule = getattr(getattr(optimizer, "optim", optimizer), "rule", None)  # within a sharded one
    if isinstance(rule, Rule):
        return of_rule(rule, steps)
    hyper = {k: plain(v) for k, v in optimizer.defaults.items() if k not in SWITCHES}
    return f"{type(optimizer).__name__}({in_words(hyper)})"


def in_words(value: Any) -> str:
    """Return an object in words that are the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def of_average(average: AveragedModel) -> list[float]:
    """Return what a moving average becomes that stands at 0 and meets a 1, early and late."""
    found = []
    for count in (1, 10, 1000):
        zero, one = [torch.zeros(1)], [torch.ones(1)]
        if average.multi_avg_fn is not None:
            average.multi_avg_fn(zero, one, count)
        elif average.avg_fn is not None:
            zero = [average.avg_fn(zero[0], one[0], count)]
        else:  # the plain mean
            zero = [one[0] / (count + 1)]
        found.append(float(zero[0]))
    return found


def of_model(model: nn.Module) -> str:
    """Return the modules of a network in words, the same where `fully_shard` renamed classes."""
    return re.sub(r"\bFSDP(?=[A-Z]\w*\()", "", in_words(model))


def of_data(data: Data) -> str:
    """Return a checksum of the training and the validation split, from some of their examples."""
    splits = (data.train, data.validation)
    return " ".join(f"{len(split)}:{_checksum(split)}" for split in splits)


def _checksum(split: Split) -> str:
    chosen = torch.linspace(0, len(split) - 1, min(PROBES, len(split))).long()
    parts = (a[chosen.to(a.device)].cpu().contiguous().numpy() for a in (split.x, split.y))
    return hashlib.blake2b(b"".join(a.tobytes() for a in parts), digest_size=8).hexdigest()


@torch.no_grad()
def answers(
    model: nn.Module, split: Split, loss: Callable[[Tensor, Tensor], Tensor]
) -> dict[str, list[float]]:
    """Return some outputs of a network, and the loss on a few examples."""
    was_training = model.training
    model.eval()
    outputs = model(split.x[:4])
    value = loss(outputs, split.y[:4])
    model.train(was_training)
    return {"model": outputs.float().flatten()[:5].tolist(), "loss": [float(value)]}


def depends_on_parts(model: nn.Module) -> bool:
    """Whether the network's steps depend on how a batch is divided: by its statistics or chance."""
    kinds = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    return any(
        isinstance(m, kinds) and not isinstance(m, nn.SyncBatchNorm) for m in model.modules()
    )


def are_equal(name: str, one: Any, other: Any) -> bool:
    """Whether what was saved is what is here; numbers in a list may differ by rounding."""
    if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
        return bool(one == other)
    a, b = (torch.tensor(values, dtype=torch.float64) for values in (one, other))
    return bool(((a - b).abs() <= TOLERANCES.get(name, 1e-9) * b.abs().max()).all())
