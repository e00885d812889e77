"""Files that hold a trained network and how it was made, so that they load without its script.

A file is what `torch.save` writes of plain values and tensors, and `torch.load(weights_only=True)`
reads: nothing in it is run. It is a dict. Of its keys these are of a network:

- `model`: the weights, a `state_dict`; of a run that averages, `average` has the averaged ones,
  under `module.`, and is preferred.
- `notes`: `model`, the name, or `module:function`; `options`, what was given to it besides;
  `image`, channels, rows and columns, or the length of a text; `classes`, how many; `data`, the
  name of the data set, with which examples were set apart; `mean` and `std`, by channel, of pixels
  from 0 to 1; `labels`, the names of the classes.
- `step`: how many steps were made.

A checkpoint of `fit` has the rest that `--resume` needs; the file of the best epoch has `epoch`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from descent import data, models
from descent.data import Data
from descent.train import checkpoint as files

__all__ = ["Saved", "build", "notes", "load_model"]


@dataclass(frozen=True)
class Saved:
    """A network from a file, ready to answer.

    Attributes:
        model: in evaluation mode, on the CPU.
        notes: what the file says of it.
        step: how many steps it had made.
    """

    model: nn.Module
    notes: dict[str, Any]
    step: int

    @property
    def is_for_text(self) -> bool:
        """Whether it takes the characters of a text."""
        return len(self.notes["image"]) == 1

    def numbered(self, text: str) -> Tensor:
        """Return the last characters of a text, as many as the network sees, shape (1, length).

        Raises:
            ValueError: the text is empty, or has a character that the network does not know.
        """
        numbers = {character: i for i, character in enumerate(self.notes["labels"])}
        if unknown := sorted(set(text) - numbers.keys()):
            raise ValueError(f"text must be of the characters of the data, got {unknown}")
        if not text:
            raise ValueError("text must have a character or more, got none")
        return torch.tensor([[numbers[c] for c in text[-self.notes["image"][0] :]]])

    def prepared(self, pixels: Tensor) -> Tensor:
        """Return images as the network was trained on, from pixels from 0 to 1."""
        mean, std = (torch.tensor(self.notes[name]).view(-1, 1, 1) for name in ("mean", "std"))
        return (pixels - mean) / std

    def load_data(self) -> Data:
        """Return the data set that the network was trained on, with the same splits."""
        return data.load(**self.notes["data"])


def build(name: str, image: models.Image, classes: int, **options: Any) -> nn.Module:
    """Return a new network, by a name of the book or from a function of one's own.

    Args:
        name: as in `models.get`, or `module:function`; the function is called as those of `models`
            are, with the shape of an image, the number of classes and the options.
        image: as in `models.get`.
        classes: as in `models.get`.
        options: as in `models.get`.

    Raises:
        ValueError: there is no such network or function, or it returned none.
    """
    if ":" not in name:
        return models.get(name, image, classes, **options)
    try:
        model = _function(name)(image, classes, **options)
    except TypeError as error:
        raise ValueError(f"{name} must take (image, classes, ...), got: {error}") from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"{name} must return a torch.nn.Module, got {type(model).__name__}")
    return model


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"model must be module:function, got {name!r}: {error}") from error
    return found


def notes(name: str, options: dict[str, Any], sets: Data, source: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says of a network, in plain values.

    Args:
        name: of the network, as in `build`.
        options: of the network.
        sets: that it is trained on.
        source: what `data.load` was given for them.
    """
    return {
        "model": name,
        "options": options,
        "image": list(sets.train.x.shape[1:]),
        "classes": sets.classes,
        "data": source,
        "labels": list(sets.labels),
        **{part: [float(v) for v in getattr(sets, part).ravel()] for part in ("mean", "std")},
    }


def load_model(path: Path, own: str | None = None) -> Saved:
    """Return the network of a file.

    Args:
        path: of a checkpoint, or of the file of the best epoch.
        own: `module:function` of a network that is not the book's. The name in the file is not
            followed unless it is given here as well: a file shall not say which code is run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no checkpoint, or does not say which network it holds.
    """
    content = files.load(path)
    about = content.get("notes") or {}
    if "model" not in about:
        raise ValueError(f"{path} does not say which network it holds: it was saved without notes")
    name = about["model"]
    if own and own != name:
        raise ValueError(f"model must be that of {path}, {name!r}, got {own!r}")
    if ":" in name and not own:
        raise ValueError(f"{path} holds a network of one's own: --model {name} runs that function")
    model = build(name, tuple(about["image"]), about["classes"], **about["options"])
    model.load_state_dict(_weights(content))
    return Saved(model.eval(), about, content["step"])


def _weights(content: dict[str, Any]) -> dict[str, Tensor]:
    average = content.get("average")
    if not average:
        weights: dict[str, Tensor] = content["model"]
        return weights
    prefix = "module."
    return {k.removeprefix(prefix): v for k, v in average.items() if k.startswith(prefix)}
