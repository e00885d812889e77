"""Run one rule in the loops of others: `python -m experiments.beyond`, in an environment for each.

Each package wants dependencies of its own: install one beside `torch` in an empty environment and
run this there. It runs those of `LOOPS` that can be imported, and adds them to
`book/results/beyond.json`.
"""

import importlib
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results" / "beyond.json"

LOOPS = {
    "torch": "plain",
    "lightning": "with_lightning",
    "accelerate": "with_accelerate",
    "deepspeed": "with_deepspeed",
    "torchtitan": "with_torchtitan",
}
"""The module of `examples.beyond` by the package whose loop it is."""


def run(package: str) -> dict[str, Any]:
    """Return the loss that a loop ends at, and what was installed."""
    torch.manual_seed(0)
    module = importlib.import_module(f"examples.beyond.{LOOPS[package]}")
    return {
        "module": module.__name__,
        "versions": {name: version(name) for name in dict.fromkeys((package, "torch", "numpy"))},
        "loss": module.train(),
    }


def main() -> None:
    """Run what is installed, and write it beside what was run elsewhere."""
    from examples.beyond import problem

    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "{}"
    runs = json.loads(text).get("runs", {})
    for package in LOOPS:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        runs[package] = run(package)
        print(package, runs[package], file=sys.stderr)
    content = {
        "command": "python -m experiments.beyond",
        "rule": str(problem.RULE),
        "epochs": problem.EPOCHS,
        "seeds": [0, 1],
        "device": f"cpu ({platform.machine()})",
        "before": problem.loss_of(problem.net()),
        "runs": {package: runs[package] for package in LOOPS if package in runs},
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
