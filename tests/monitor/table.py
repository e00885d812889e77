"""The table of warnings: each kind, the run that has it, and the same run mended.

`python -m tests.monitor.table` makes the runs of `test_warnings` and writes what the monitor said
of them to `book/results/monitor.json`; `test_warnings` compares.
"""

import json

from tests.monitor.runs import kinds
from tools.book import project

PATH = project.BOOK / "results" / "monitor.json"


def row(kind, run):
    """Return what the monitor says of a run with its fault, and of the same run mended."""
    found = next(found for found in run(True).findings if found.kind == kind)
    said = {"since": found.since, "what": found.what}
    name = run.__name__.replace("_", " ")
    return {"kind": kind, "run": name, "with": said, "without": sorted(kinds(run(False)))}


def recorded():
    """Return the rows of the file, by kind and run."""
    rows = json.loads(PATH.read_text(encoding="utf-8"))["runs"]
    return {(row["kind"], row["run"]): row for row in rows}


if __name__ == "__main__":
    from tests.monitor.test_warnings import CASES

    content = {
        "command": "python -m tests.monitor.table",
        "runs": [row(kind, run) for kind, run in CASES],
    }
    PATH.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
