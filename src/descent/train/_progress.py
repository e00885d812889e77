"""What a run shows while it goes on: a bar of tqdm, a line for each epoch, or nothing."""

import contextlib
from typing import Any

from descent.train import workers


def bar(show: bool, total: int, initial: int) -> Any:
    """Return a progress bar of the steps, or something as quiet as it is useless."""
    if not show or workers.rank() > 0:
        return Quiet()
    try:
        from tqdm import tqdm
    except ImportError:
        return Lines()
    return tqdm(  # without a terminal, just its lines
        total=total, initial=initial, unit="step", dynamic_ncols=True, disable=None
    )


class Quiet(contextlib.AbstractContextManager["Quiet"]):
    """The part of a bar of tqdm that a run uses, and nothing shown."""

    def __exit__(self, *_: object) -> None:
        """Leave nothing."""

    def update(self, steps: int) -> None:
        """Count nothing."""

    def set_postfix(self, **_: object) -> None:
        """Show nothing."""

    def write(self, line: str) -> None:
        """Print nothing."""


class Lines(Quiet):
    """A line for each epoch, where tqdm is missing."""

    def write(self, line: str) -> None:
        """Print the line."""
        print(line, flush=True)


def line(epoch: dict[str, float], epochs: int) -> str:
    """Return what is said of an epoch: the averaged weights' scores too, where there are some."""
    words = f"epoch {epoch['epoch']}/{epochs}  loss {epoch['train_loss']:.4f}"
    for kind, name in (("validation", ""), ("average_validation", "of the average: ")):
        if f"{kind}_loss" in epoch:
            words += f"  {name}validation loss {epoch[f'{kind}_loss']:.4f}"
        if f"{kind}_accuracy" in epoch:
            words += f"  accuracy {epoch[f'{kind}_accuracy']:.2%}"
    return words
