"""Callbacks that write down what a run does: CSV, TensorBoard, the best weights; and its report.

A callback of `fit` is any function of the model that is judged and the history. These write the
whole history each time, so that a run that was resumed has one log.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from descent.train import checkpoint as files
from descent.train import workers
from descent.train.loop import Callback, History

__all__ = ["csv_log", "tensorboard_log", "score", "best_epoch", "keep_best", "report"]


def csv_log(path: Path) -> Callback:
    """Return a callback that writes the epochs as CSV, a line each, under a head of their names."""
    files.check_writable(path)

    def log(model: nn.Module, history: History) -> None:
        text = io.StringIO()
        table = csv.DictWriter(text, list(history.epochs[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(history.epochs)
        files.tried(path, lambda file: file.write(text.getvalue().encode()))

    return log


def tensorboard_log(folder: Path) -> Callback:
    """Return a callback that writes scalars for TensorBoard: each step's loss, the epochs' scores.

    Raises:
        ModuleNotFoundError: TensorBoard is not installed.
    """
    from torch.utils.tensorboard import SummaryWriter

    writers: list[Any] = []  # made at the first epoch, when it is known where the run begins
    done = 0

    def log(model: nn.Module, history: History) -> None:
        nonlocal done
        if not writers:
            done = history.epochs[-2]["step"] if len(history.epochs) > 1 else 0  # type: ignore[assignment]
            writers.append(SummaryWriter(folder, purge_step=done + 1))
        epoch, step = history.epochs[-1], len(history.losses)
        for t in range(done, step):
            writers[0].add_scalar("loss/step", history.losses[t], t + 1)
        for name, value in epoch.items():
            if name not in ("epoch", "step"):
                split, _, score = name.rpartition("_")
                writers[0].add_scalar(f"{score}/{split}" if split else score, value, step)
        writers[0].flush()
        done = step

    return log


def score(epoch: dict[str, float]) -> tuple[float, float]:
    """Return what makes an epoch better: the validation accuracy, then less loss.

    Where weights are averaged it is the average that counts.
    """
    kind = "average_validation" if "average_validation_loss" in epoch else "validation"
    return epoch.get(f"{kind}_accuracy", 0.0), -epoch[f"{kind}_loss"]


def best_epoch(epochs: list[dict[str, float]]) -> dict[str, float]:
    """Return the first of the best epochs.

    >>> epochs = [{"validation_loss": 0.5}, {"validation_loss": 0.4}, {"validation_loss": 0.4}]
    >>> epochs.index(best_epoch(epochs))
    1
    """
    return max(epochs, key=score)


def keep_best(path: Path, content: Callable[[nn.Module], dict[str, Any]]) -> Callback:
    """Return a callback that saves the model after an epoch that is better than all before.

    Args:
        path: of the file.
        content: what the file holds for a model.
    """
    files.check_writable(path)

    def keep(model: nn.Module, history: History) -> None:
        if best_epoch(history.epochs) is history.epochs[-1]:
            about = {"step": len(history.losses), "epoch": history.epochs[-1]}
            whole = content(model) | about  # of a sharded model, from all processes
            if workers.rank() == 0:
                files.save(path, whole)

    return keep


def report(record: dict[str, Any]) -> str:
    """Return a finished run, as `command` writes it, in words: test, best epoch, speed."""
    test, epochs = record["test"], record["epochs"]
    words = f"test: loss {test['loss']:.4f}"
    if "accuracy" in test:
        p, examples = test["accuracy"], record["test_examples"]
        words += f", accuracy {p:.2%} ± {(p * (1 - p) / examples) ** 0.5:.2%} (standard error)"
    words += f", {record['seconds']:.1f} s"
    best = best_epoch(epochs)
    kind = "average_validation" if "average_validation_loss" in best else "validation"
    scores = [
        f"{s} {best[f'{kind}_{s}']:.4f}" for s in ("loss", "accuracy") if f"{kind}_{s}" in best
    ]
    words += f"\nbest epoch: {best['epoch']} of {len(epochs)}, validation {', '.join(scores)}"
    made = len(record["losses"]) * record["batch_size"]
    return words + f"\nspeed: {made / record['seconds']:,.0f} training images a second"
