"""What can be done with a run: `python -m descent.train evaluate`, `predict` and `plot`.

>>> options = parser().parse_args(["plot", "run.json", "--out", "curves.svg"])
>>> options.runs, options.out
([PosixPath('run.json')], PosixPath('curves.svg'))
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from descent import _own_data, data, report
from descent.data import Split
from descent.train import checkpoint as files
from descent.train._extras import in_words
from descent.train.loop import evaluate
from descent.train.saved import Saved, load_model

__all__ = [
    "MISTAKES",
    "parser",
    "main",
    "evaluate_file",
    "scores_by_class",
    "draw_mistakes",
    "predict",
    "read_images",
    "read_text",
    "plot",
    "read_run",
]

MISTAKES = 20
"""Pictures of mistakes that are drawn at most."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the three commands."""
    known = argparse.ArgumentParser(prog="python -m descent.train", description=__doc__)
    commands = known.add_subparsers(dest="use", required=True)
    about = {
        "evaluate": "score a network on a split: loss, accuracy, each class, what is mistaken for "
        "what, and the worst mistakes as a picture",
        "predict": "say what a network takes pictures or arrays for, or how it goes on with a text",
        "plot": "draw the curves of one run or several",
    }
    add = {name: commands.add_parser(name, help=t, description=t) for name, t in about.items()}
    for name in ("evaluate", "predict"):
        add[name].add_argument("file", type=Path, help="the .pt or .best.pt file of a run")
        add[name].add_argument("--model", metavar="MODULE:FUNCTION",
                               help="that made the network, if it is your own")  # fmt: skip
    # fmt: off
    one = add["evaluate"].add_argument
    one("--split", default="test", choices=("train", "validation", "test"), help="default: test")
    one("--data", metavar="NAME", help="another data set; default: that of the run")
    one("--mistakes", type=Path, metavar="FILE", help="draw the worst mistakes: .png, .svg, .pdf")
    one("--out", type=Path, metavar="FILE.json", help="write the scores there")
    one = add["predict"].add_argument
    one("inputs", type=Path, nargs="+",
        help="pictures, which are scaled; or .npy files of one image or several, as bytes or from "
        "0 to 1; for a network of texts, files of text")
    one("--invert", action="store_true", help="swap light and dark, as for ink on paper")
    one("--top", type=int, default=3, metavar="N",
        help="classes, or next characters, that are named; default: 3")
    one = add["plot"].add_argument
    one("runs", type=Path, nargs="+", metavar="run.json", help="what --out wrote")
    one("--out", type=Path, required=True, metavar="FILE", help=".png, .svg or .pdf")
    # fmt: on
    return known


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; return 0, after bad input 2."""
    options = parser().parse_args(arguments)
    commands = {"evaluate": evaluate_file, "predict": predict, "plot": plot}
    try:
        commands[options.use](options)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        print(f"error: {in_words(error)}", file=sys.stderr)
        return 2
    return 0


def evaluate_file(options: argparse.Namespace) -> None:
    """Print, write and draw how a network does on a split."""
    known = load_model(options.file, options.model)
    source = known.notes["data"] | ({"name": options.data} if options.data else {})
    sets = data.load(**source)
    if list(sets.train.x.shape[1:]) != known.notes["image"]:
        raise ValueError(
            f"data must have images of shape {known.notes['image']}, got {sets.train.x.shape[1:]}"
        )
    if sets.classes != known.notes["classes"]:
        raise ValueError(
            f"data must have {known.notes['classes']} classes as the network, got {sets.classes}"
        )
    if known.is_for_text and options.mistakes:
        raise ValueError("--mistakes draws images: leave it out for a text")
    if known.is_for_text and list(sets.labels) != known.notes["labels"]:
        raise ValueError("data must have the characters of the network's own text")
    split = _as_trained(sets, known, options.split)
    scores: dict[str, Any] = dict(evaluate(known.model, split))
    print(f"{options.file}, step {known.step}, {options.split}: {len(split)} examples")
    print(f"loss {scores['loss']:.4f}, accuracy {scores['accuracy']:.2%}")
    if not known.is_for_text:
        probabilities = _probabilities(known.model, split.x)
        scores |= scores_by_class(known, probabilities, split.y)
        _print_classes(scores)
    if options.out:
        files.check_writable(options.out)
        files.write_json(options.out, scores)
        print(f"written: {options.out}")
    if options.mistakes:
        print(f"written: {options.mistakes}, {draw_mistakes(options, known, split, probabilities)}")


def _as_trained(sets: data.Data, known: Saved, name: str) -> Split:
    """Return a split, its images scaled by the numbers of the network's own data."""
    split: Split = getattr(sets.to("cpu"), name)
    if known.is_for_text:
        return split
    pixels = split.x * torch.from_numpy(sets.std) + torch.from_numpy(sets.mean)
    return Split(known.prepared(pixels), split.y)


@torch.no_grad()
def _probabilities(model: torch.nn.Module, x: Tensor) -> Tensor:
    return torch.cat([model(part).softmax(dim=1) for part in torch.split(x, 1000)])


def scores_by_class(known: Saved, probabilities: Tensor, y: Tensor) -> dict[str, Any]:
    """Return precision, recall and F1 of each class, and the confusion matrix, by scikit-learn."""
    from sklearn.metrics import classification_report, confusion_matrix

    answers, classes = probabilities.argmax(1), range(known.notes["classes"])
    by_class = classification_report(
        *(y, answers),
        labels=classes,
        target_names=known.notes["labels"],
        output_dict=True,
        zero_division=0,
    )
    matrix = confusion_matrix(y, answers, labels=classes).tolist()
    return {"labels": known.notes["labels"], "confusion": matrix, "classes": by_class}


def _print_classes(scores: dict[str, Any]) -> None:
    labels = scores["labels"]
    rows = [
        [label, *(scores["classes"][label][s] for s in ("precision", "recall", "f1-score"))]
        for label in labels
    ]
    print(report.Table(["class", "precision", "recall", "F1"], rows, digits=3))
    print("rows: the class, columns: what it is taken for")
    counts = [[label, *row] for label, row in zip(labels, scores["confusion"], strict=True)]
    print(report.Table(["", *labels], counts))


def draw_mistakes(
    options: argparse.Namespace, known: Saved, split: Split, probabilities: Tensor
) -> str:
    """Draw the wrong answers in which the network was most certain; return how many, in words."""
    answers = probabilities.argmax(1)
    certainty = torch.where(answers == split.y, -1.0, probabilities.amax(1))
    wrong = int((answers != split.y).sum())
    chosen = certainty.argsort(descending=True)[: min(wrong, MISTAKES)].tolist()
    names = known.notes["labels"]
    pixels = split.x * _column(known, "std") + _column(known, "mean")
    figure, axes = _grid(len(chosen))
    for ax, i in zip(axes, chosen, strict=False):
        picture = pixels[i].clamp(0, 1).permute(1, 2, 0).squeeze(2).numpy()
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
        ax.set_title(f"{names[split.y[i]]} → {names[answers[i]]}\n{certainty[i]:.0%}", fontsize=8)
    _save(figure, options.mistakes)
    return f"{len(chosen)} of {wrong} mistakes"


def _grid(count: int, columns: int = 5) -> tuple[Any, Any]:
    """Return a figure with room for so many pictures, and its axes one by one."""
    import matplotlib.pyplot as plt

    rows = max(1, -(-count // columns))
    figure, axes = plt.subplots(rows, columns, figsize=(6.4, 1.6 * rows), layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    return figure, axes.flat


def _column(known: Saved, name: str) -> Tensor:
    return torch.tensor(known.notes[name]).view(-1, 1, 1)


def _save(figure: Any, path: Path) -> None:
    files.check_writable(path)
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"a figure's file must end in .png, .svg or .pdf, got {path}")
    figure.savefig(path, bbox_inches="tight", dpi=200)


def predict(options: argparse.Namespace) -> None:
    """Print the most probable classes of each input."""
    known = load_model(options.file, options.model)
    names = known.notes["labels"]
    label = (lambda c: repr(names[c])) if known.is_for_text else names.__getitem__
    if not 1 <= options.top <= len(names):
        raise ValueError(f"--top must be from 1 to the {len(names)} classes, got {options.top}")
    for path in options.inputs:
        found = _answers(known, path, options.invert).topk(options.top)
        for i, (shares, classes) in enumerate(zip(found.values, found.indices, strict=True)):
            words = [f"{label(c)} {float(p):.1%}" for p, c in zip(shares, classes, strict=True)]
            place = f"{path}[{i}]" if len(found.values) > 1 else path
            print(f"{place}: {', '.join(words)}")


def _answers(known: Saved, path: Path, invert: bool) -> Tensor:
    """Return the probabilities of each class for the images of a file, or after its text."""
    if known.is_for_text:
        return _probabilities(known.model, known.numbered(read_text(path)))[:, :, -1]
    pixels = read_images(path, tuple(known.notes["image"]))
    return _probabilities(known.model, known.prepared(1 - pixels if invert else pixels))


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    try:
        return path.read_text(encoding="utf-8")
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is no text that can be read: {error}") from error


def read_images(path: Path, image: tuple[int, int, int]) -> Tensor:
    """Return the images of a file, N of them in the shape `image`, with pixels from 0 to 1.

    Args:
        path: a picture, which is scaled to the image's size, or an array in a .npy file: one image
            or several, the channels first, last or, if there is one, left out.
        image: channels, rows and columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no such images.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    if path.suffix != ".npy":
        picture = _own_data.picture(path, image[0], image[1])
        return torch.from_numpy(picture.transpose(2, 0, 1)[None]) / 255
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} is no array that can be read: {error}") from error
    for form in (image, (*image[1:], image[0]), *((image[1:],) if image[0] == 1 else ())):
        if array.shape[-len(form) :] == form and array.ndim <= len(form) + 1:
            array = array.reshape(-1, *form)
            array = array.transpose(0, 3, 1, 2) if form == (*image[1:], image[0]) else array
            return _shares(path, array.reshape(-1, *image))
    raise ValueError(f"{path} must hold images of shape {image}, got {array.shape}")


def _shares(path: Path, array: Any) -> Tensor:
    """Return pixels from 0 to 1, of bytes or of such numbers."""
    if array.dtype == np.uint8:
        return torch.from_numpy(array) / 255
    if array.dtype.kind not in "fiu" or not (0 <= array.min() <= array.max() <= 1):
        raise ValueError(f"{path} must hold bytes, or numbers from 0 to 1, got {array.dtype}")
    return torch.from_numpy(array.astype(np.float32))


def plot(options: argparse.Namespace) -> None:
    """Draw loss and accuracy of runs over the epochs, a colour each."""
    from descent import plotting

    runs = {path: read_run(path) for path in options.runs}
    figure, axes = plotting.figure(2)
    for (path, run), colour in zip(runs.items(), itertools.cycle(plotting.COLORS), strict=False):
        epochs = [epoch["epoch"] for epoch in run["epochs"]]
        for ax, score in zip(axes, ("loss", "accuracy"), strict=True):
            for kind, style in (("train", "--"), ("validation", "-"), ("average_validation", ":")):
                name = f"{kind}_{score}"
                if name in run["epochs"][0]:
                    values = [np.nan if e[name] is None else e[name] for e in run["epochs"]]
                    label = f"{path.stem}, {kind.replace('_', ' ')}"
                    ax.plot(epochs, values, style, color=colour, label=label)
    for ax, score in zip(axes, ("loss", "accuracy"), strict=True):
        ax.set(xlabel="epoch", ylabel=score)
        ax.legend(fontsize=8)
    axes[0].set_yscale("log")
    _save(figure, options.out)
    print(f"written: {options.out}")


def read_run(path: Path) -> dict[str, Any]:
    """Return the record of a run.

    Raises:
        ValueError: the file is no record, or of a run that ended within its first epoch.
        FileNotFoundError: there is no such file.
    """
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        run["epochs"][0]["train_loss"]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no {path}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} is no record of a run with an epoch: {error!r}") from error
    return run
