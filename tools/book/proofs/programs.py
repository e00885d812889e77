"""Proofs that listings do not run, or do something else."""

import ast
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tools.book.proofs.harness import error, proof
from tools.book.proofs.listings import run
from tools.book.proofs.networks import places


@proof
def sizes_ignored() -> dict[str, Any]:
    """The parameters of 20-64-10, and of 20-128-10."""
    built, promised = (20 * hidden + hidden + hidden * 10 + 10 for hidden in (64, 128))
    return {"built": built, "promised": promised}


@proof
def escapes() -> dict[str, Any]:
    """What is left of a command of LaTeX."""
    eaten = "\nabla"
    assert eaten == chr(10) + "abla"
    return {"eaten": len(eaten), "raw": len(r"\nabla")}


@proof
def number_and_pair() -> dict[str, Any]:
    """Both uses of `filterSize`."""
    pair = error(lambda: run("imageSize - filterSize", imageSize=128, filterSize=(3, 3)))
    whole = error(lambda: run("np.random.randn(*filterSize)", np=np, filterSize=3))
    assert pair == whole == "TypeError"
    return {"pair": pair, "number": whole}


@proof
def sizes_differ() -> dict[str, Any]:
    """Two valid correlations in a chain, and their sum."""
    first, second = places(128, 3, 0, 1), places(places(128, 3, 0, 1), 3, 0, 1)
    raised = error(lambda: np.zeros((first, first)) + np.zeros((second, second)))
    assert raised == "ValueError"
    return {"first": first, "second": second, "error": raised}


@proof
def row_everywhere() -> dict[str, Any]:
    """The first row of an output, written to all of it."""
    output = np.zeros((128, 128, 128))
    result = np.random.default_rng(0).normal(size=(128, 128))
    output[...] = result[0]
    same = int(np.sum(np.all(output == result[0], axis=2)))
    assert same == 128 * 128
    return {"rows": same}


@proof
def empty_range() -> dict[str, Any]:
    """The range from −1 down to 15, and the length of None."""
    raised = error(lambda: run("len(grad)", grad=None))
    assert list(range(-1, 16 - 1, -1)) == []
    return {"length": len(range(-1, 16 - 1, -1)), "error": raised}


@proof
def list_less_list() -> dict[str, Any]:
    """The update of the filters."""
    raised = error(lambda: run("filters -= new_weights", filters=[1.0], new_weights=[0.1]))
    assert raised == "TypeError"
    return {"error": raised}


@proof
def names_without_value() -> dict[str, Any]:
    """Four lines of the listing, with what they need but for the undefined names."""
    lines = (
        "layerOutput = relu(y)",
        "error_derivative = output_data - target_data",
        "result_img = labelToColorMap(final_result)",
        "plt.imshow(result_img)",
    )
    known = dict.fromkeys(("y", "output_data", "final_result", "result_img"), 0)
    raised = {error(lambda line=line: run(line, **known)) for line in lines}  # type: ignore[misc]
    assert raised == {"NameError"}
    return {"count": len(lines), "error": raised.pop()}


@proof
def nobody_balances() -> dict[str, Any]:
    """Six lines of the listing, each by itself."""
    lines = (
        'environment = gym.make("CartPole-v1")',
        "weights = np.array([1, 1])",
        'v["constant"]',
        "learning_rate",
        "t",
        "loss = model.evaluate()",
    )
    raised = [error(lambda line=line: run(line)) for line in lines]  # type: ignore[misc]
    assert set(raised) == {"NameError"}
    return {"errors": len(raised), "error": raised[0]}


@proof
def invented_time() -> dict[str, Any]:
    """The printed times."""
    time, times = 0.0, []
    for _ in range(100):
        time += 0.1
        times.append(time / 100.0)
    return {"first": times[0], "last": times[-1]}


@proof
def cut_off() -> dict[str, Any]:
    """The last line of the listing."""
    line = (
        "self.conv60 = nn.Conv2d(83600746151781863, 167283903372942184652153846521538465215384652"
    )
    raised = error(lambda: ast.parse(line))
    assert raised == "SyntaxError"
    return {"error": raised}


@proof
def folders_and_files() -> dict[str, Any]:
    """A folder made twice, and what `touch` makes."""
    with tempfile.TemporaryDirectory() as name:
        train, touched = Path(name, "train"), Path(name, "train_dataset.txt")
        train.mkdir()
        touched.touch()
        assert touched.is_file()
        return {"error": error(train.mkdir), "made": "file" if touched.is_file() else "folder"}
