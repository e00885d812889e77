"""Single runs from the command line whose result the chapters name."""

import json
import tempfile
from pathlib import Path

from descent.train import checkpoint as files
from descent.train import command
from experiments.record import RESULTS

RECIPES = {
    "mnist-mlp": "--model mlp --data mnist --optimizer adam --epochs 5 --seed 0",
    "cifar10-resnet": "--model resnet-8 --data cifar10 --optimizer adam --lr 1e-2 "
    "--schedule one-cycle --epochs 2 --seed 0",
}


def record(name: str) -> None:
    """Run a recipe and write `book/results/run-NAME.json`, without the loss of each step."""
    path = RESULTS / f"run-{name}.json"
    if path.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.json"
        if status := command.main([*RECIPES[name].split(), "--out", str(out)]):
            raise FileNotFoundError(f"no result: the command ended with status {status}, see above")
        content = json.loads(out.read_text())
    content["command"] = f"python -m descent.train {RECIPES[name]}"
    del content["losses"]
    files.write_json(path, content)
