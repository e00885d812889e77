"""A file of `book/results` that is written after each run, and goes on where it stopped."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from descent.train import checkpoint as files
from descent.train.command import described, versions

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results"


class Record:
    """The runs of an experiment, by a key each.

    Versions and device are those of the machine that made the last run; a file whose runs are all
    there is left as it is, whatever machine looks.

    Args:
        name: of the experiment and, with `.json`, of its file.
        device: that the runs use.
        settings: what all runs of the file share.

    Raises:
        ValueError: the file holds runs with other settings.
    """

    def __init__(self, name: str, device: torch.device, settings: dict[str, Any]) -> None:
        self.name, self.path = name, RESULTS / f"{name}.json"
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else "{}"
        self.content: dict[str, Any] = json.loads(text)
        for key, value in settings.items():
            if self.content.get(key, value) != value:
                raise ValueError(
                    f"{key} must be that of {self.path.name}, {self.content[key]!r}, "
                    f"got {value!r}: remove the file to begin anew"
                )
        self.machine = {"versions": versions(), "device": described(device)}
        self.settings = {"command": f"python -m experiments {name}"} | settings

    def run(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a run; make it, and write the file, if it is not there."""
        runs = self.content.get("runs", {})
        if key not in runs:
            start = time.monotonic()
            runs[key] = make()
            self._write(self.machine | {"runs": runs})
            print(f"{self.name}: {key} ({time.monotonic() - start:.1f} s)", flush=True)
        result: dict[str, Any] = runs[key]
        return result

    def conclude(self, **conclusions: Any) -> None:
        """Write what follows from the runs, if it is not there yet."""
        if any(self.content.get(key) != value for key, value in conclusions.items()):
            self._write(conclusions)

    def _write(self, new: dict[str, Any]) -> None:
        self.content = self.content | self.settings | new
        files.write_json(self.path, self.content)
