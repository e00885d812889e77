"""Small runs for a monitor to look at: random points, of five classes."""

import contextlib

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from descent.monitor import monitor

STEPS, EVERY = 150, 10


class Task:
    """A network of some hundred weights, and batches: all of it follows from the seed."""

    def __init__(self, seed=0, dtype=torch.float32, inputs=12, hidden=16, noise=0.0):
        self.generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 5))
        self.model = self.model.to(dtype)
        self.x = torch.randn(256, inputs, generator=self.generator).to(dtype)
        right = torch.randn(inputs, 5, generator=self.generator)
        scores = self.x.float() @ right
        scores = scores + noise * torch.randn(scores.shape, generator=self.generator)
        self.y = scores.argmax(1)

    def loss(self, size=32):
        batch = torch.randint(len(self.x), (size,), generator=self.generator)
        return cross_entropy(self.model(self.x[batch]).float(), self.y[batch])

    def whole_loss(self):
        return cross_entropy(self.model(self.x).float(), self.y)


def watched(
    task,
    optimizer,
    *,
    batch_loss=None,
    steps=STEPS,
    every=EVERY,
    schedule=None,
    change=None,
    made=None,
    **options,
):
    """Train, watched; return the monitor.

    Args:
        task: gives the parameters their names and, where there is no `batch_loss`, its own.
        batch_loss: returns the loss of a step.
        schedule: of PyTorch, stepped after each step.
        made: the steps that the run made before, as the monitor is told.
        change: is called with the step, from 1, before it, when the gradients are there.
    """
    batch_loss, model = batch_loss or task.loss, task and task.model
    watch = monitor(optimizer, every, model=model, steps=made, warn=False, **options)
    with watch, contextlib.suppress(FloatingPointError):
        for t in range(1, steps + 1):
            optimizer.zero_grad()
            batch_loss().backward()
            if change is not None:
                change(t)
            optimizer.step()
            if schedule is not None:
                schedule.step()
    return watch


def kinds(watch):
    """Return the kinds of what was found, each once."""
    return {found.kind for found in watch.findings}
