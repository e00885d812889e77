"""A running optimiser, examined: what its steps, its state and its gradients say of the run.

>>> import torch
>>> from descent.monitor import monitor
>>> p = torch.nn.Parameter(torch.ones(4))
>>> optimizer = torch.optim.AdamW([p], lr=0.1)
>>> with monitor(optimizer, every=10) as watch:
...     for _ in range(100):
...         optimizer.zero_grad()
...         (p**2).sum().backward()
...         optimizer.step()
>>> print(str(watch.report()).splitlines()[0])
AdamW, 100 steps, looked at every 10: no warnings

A look measures each group of parameters (`Row`): the step against the weights, ε against √v̂, |m̂|
against √v̂, v̂ against the gradients of today, what rounding loses, and with a function of the loss
the preconditioned sharpness against its limit. What is wrong is a `Finding`: what it is, since
when, the formula of the book behind it, and what to try first; it is also warned of at once.

- `monitor` begins it; `Monitor` is what it returns, `Report` what `Monitor.report` returns.
- `KINDS` has all warnings; `python -m descent.train --monitor PATH` writes the report of a run.

What an optimiser keeps under other names than PyTorch's or the rules' own is not measured. A look
sees the step that it is made at: what happens between two looks shows only by what it leaves.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from descent.monitor._kinds import KINDS, Finding, HealthWarning, Kind
from descent.monitor._measures import Row
from descent.monitor._report import Report
from descent.monitor._watch import Monitor

__all__ = ["Finding", "HealthWarning", "KINDS", "Kind", "Monitor", "Report", "Row", "monitor"]


def monitor(
    optimizer: torch.optim.Optimizer,
    every: int = 50,
    *,
    model: "nn.Module | None" = None,
    steps: int | None = None,
    loss: Callable[[], Tensor] | None = None,
    products: int = 10,
    probe: bool = True,
    warn: bool = True,
) -> Monitor:
    """Return a monitor that looks at an optimiser's first step, and at every `every`-th one.

    It hangs on the hooks of the optimiser's step. It changes no weight, gradient or state, and at a
    step that is not looked at it counts, no more.

    Args:
        optimizer: `torch_optim.Optimizer`, one of PyTorch's, or any that is a
            `torch.optim.Optimizer`; of one that holds others, such as
            `train.optimizers.Together`, those inside are read.
        every: steps from one look to the next.
        model: gives the parameters their names.
        steps: that the run made before, as its checkpoint says; 0 says that it is new. By default
            nothing is known of them.
        loss: computes the loss of a batch at the weights as they are, with its graph, for the
            sharpness at each look: `products` Hessian-vector products, each about two gradients. Of
            modules that keep statistics, take the batch in evaluation mode.
        products: at least 1; with fewer, the sharpness is a lower bound of less worth.
        probe: whether hyper-parameters are tried, once for each group, on copies of one or two
            small tensors: which of them change nothing.
        warn: whether each finding is a `HealthWarning` at once.

    Raises:
        ValueError: an argument is outside its range.
    """
    return Monitor(
        optimizer,
        every,
        model=model,
        steps=steps,
        loss=loss,
        products=products,
        probe=probe,
        warn=warn,
    )
