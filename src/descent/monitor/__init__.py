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

- `monitor` begins it: the class `Monitor`; `Report` is what `Monitor.report` returns.
- `KINDS` has all warnings; `python -m descent.train --monitor PATH` writes the report of a run.

What an optimiser keeps under other names than PyTorch's or the rules' own is not measured. A look
sees the step that it is made at: what happens between two looks shows only by what it leaves.
"""

from descent.monitor import _kinds
from descent.monitor._kinds import Finding, HealthWarning, Kind
from descent.monitor._measures import Row
from descent.monitor._report import Report
from descent.monitor._watch import Monitor

__all__ = ["Finding", "HealthWarning", "KINDS", "Kind", "Monitor", "Report", "Row", "monitor"]

KINDS: dict[str, Kind] = _kinds.KINDS
"""All kinds of warnings by name."""

monitor = Monitor
"""The monitor as a script begins it: `with monitor(optimizer, every=50) as watch: ...`."""
