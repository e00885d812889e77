"""Run somebody's file in a process of its own: what it prints, raises or never ends is reported.

This is no sandbox: the code may do what the user who runs it may.
"""

import importlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from descent.identify import _candidate as running
from descent.identify import _dynamo
from descent.identify._report import Counterexample, Report, not_run

TIME_LIMIT = 60.0
"""Seconds without a sign of life after which a candidate is given up."""

START = 60.0
"""Seconds that Python is given to start, where the limit is shorter."""


def in_a_process(target: str, form: str | None, told: dict[str, float], limit: float) -> Report:
    """Return the report of `FILE.py:NAME` or `package.module:NAME`, run in a process of its own."""
    job = json.dumps({"target": target, "form": form, "told": told})
    with tempfile.TemporaryFile("w+", errors="replace") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "descent.identify._child", job],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
            env={"JAX_ENABLE_X64": "1", **os.environ},
        )
        try:
            report = _followed(process, limit)
        finally:
            process.kill()
            process.wait()
        printed.seek(0)
        return _with_prints(report, printed.read(2000))


def _followed(process: "subprocess.Popen[str]", limit: float) -> Report:
    """Return the report that a process sends, as long as it shows signs of life."""
    lines: queue.Queue[str | None] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True).start()
    stage = ""
    while True:
        try:
            line = lines.get(timeout=limit if stage else max(limit, START))
        except queue.Empty:
            return not_run(f"no sign of life for {limit:g} s {stage}")
        if line is None:
            return not_run(f"it ended the process {stage} with status {process.wait()}")
        message = json.loads(line)
        if "report" in message:
            return _rebuilt(message["report"])
        stage = message["stage"]


def _pass_on(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _rebuilt(found: dict[str, Any]) -> Report:
    example = found.pop("counterexample")
    return Report(**found, counterexample=Counterexample(**example) if example else None)


def _with_prints(report: Report, printed: str) -> Report:
    if printed.strip():
        report.notes.append(f"it prints: {printed.strip().splitlines()[0][:80]}")
    return report


def load(target: str) -> Any:
    """Return what `FILE.py:NAME` or `package.module:NAME` names.

    Raises:
        NotRunnableError: it cannot be read, or has no such name.
    """
    place, found, name = target.rpartition(":")
    if not found or not place or not name:
        raise running.NotRunnableError(
            f"it must be FILE.py:NAME or package.module:NAME, got {target!r}"
        )
    thing: Any = _module(place)
    for part in name.split("."):
        if not hasattr(thing, part):
            raise running.NotRunnableError(f"{place} has no {name}")
        thing = getattr(thing, part)
    return thing


def _module(place: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    if not place.endswith(".py"):
        _dynamo.put_off(place)
        return importlib.import_module(place)
    path = Path(place)
    if not path.is_file():
        raise running.NotRunnableError(f"there is no file {place}")
    _dynamo.put_off(path.read_text(errors="replace"))
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def work(job: dict[str, Any], out: IO[str]) -> None:
    """Do a job and send its report, with signs of life on the way."""

    def beat(stage: str) -> None:
        print(json.dumps({"stage": stage}), file=out, flush=True)

    def send(report: Report) -> None:
        print(json.dumps({"report": asdict(report)}), file=out, flush=True)

    beat("while it was imported")
    try:
        thing = load(job["target"])
    except running.NotRunnableError as error:
        return send(not_run(str(error)))
    except BaseException as error:
        return send(not_run(f"importing it raises {type(error).__name__}: {error}"))
    from descent.identify._verdict import judged

    running.sign_of_life = beat
    try:
        send(judged(thing, job["form"], job["told"]))
    except running.NotRunnableError as error:
        send(not_run(str(error)))
    except BaseException as error:
        send(not_run(f"it raises {type(error).__name__}: {error}"))


def main() -> None:
    """Do the job of the command line: what the candidate prints goes where its errors go."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if "KERAS_BACKEND" not in os.environ:
        present = [b for b in ("torch", "jax", "tensorflow") if importlib.util.find_spec(b)]
        os.environ["KERAS_BACKEND"] = (present or ["numpy"])[0]
    work(json.loads(sys.argv[1]), out)


if __name__ == "__main__":
    main()
