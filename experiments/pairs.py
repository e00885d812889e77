"""At which step any two entries of the catalogue part: `python -m experiments pairs`.

Every rule, framework rule and misprint runs at the same hyper-parameters along the probes of
`descent.identify`. Those that make the same steps there run on along 500 hostile steps, and along
some in which the learning rate changes: a probe that does not tell two apart would be found.
"""

import itertools
import json
from typing import Any

import numpy as np

from descent.identify import _probes as probes
from descent.identify._catalogue import Entry, entries
from descent.identify._decide import factor
from descent.identify._example import walk
from descent.identify._fit import Visit, displacements, parting, scale
from descent.identify._probes import Array
from descent.train.command import versions
from experiments.record import RESULTS

PATTERNS = ("impulse", "constant", "alternating", "late", "growing", "falling", "random", "sparse")
EXPERIMENTS = (
    *(f"{name}, large" for name in PATTERNS),
    *PATTERNS,
    *(f"random, of size 1e{k}" for k in (-12, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1, 2, 6)),
    *("no gradient from x = 1", "no gradient from x = -2"),
    *(
        f"{name}, from x ≠ 0"
        for name in ("sparse", "random", "constant", "small", "less", "impulse")
    ),
)
"""What the columns of the probe are."""


def visit(elementwise: bool) -> Visit:
    """Return the points at which all rules are asked, led along by gradient descent."""
    x, g = probes.probe() if elementwise else probes.matrices((3, 4), probes.PROBE_STEPS, 1.0)
    return Visit(np.stack([x - 0.01 * t * np.sign(g).sum(axis=0) for t in range(len(g) + 1)]), g)


def title(entry: Entry) -> str:
    """Return the name of an entry, with the switches that are on."""
    return " ".join([entry.name, *(f"{k}={v}" for k, v in entry.switches.items() if v)])


def first_partings(runs: Array) -> Array:
    """Return for each two of N runs, shape (N, steps, ...), the first place where they differ.

    A place is the step, from 0, times the number of coordinates, plus the coordinate; −1 is none.
    """
    with np.errstate(all="ignore"):
        sizes = np.array([scale(u) for u in runs]).reshape(len(runs), -1)
    u = runs.reshape(len(runs), -1)
    places = []
    for one, size in zip(u, sizes, strict=True):
        with np.errstate(all="ignore"):
            same = np.abs(one - u) <= 1e-9 * np.maximum(size, sizes)
        same |= ~np.isfinite(one) & ~np.isfinite(u)
        places.append(np.where(same.all(axis=1), -1, np.argmin(same, axis=1)))
    return np.array(places)


def steps_and_experiments() -> tuple[Array, Array]:
    """Return for each two entries the step, from 1, at which they part, and the experiment.

    Step 0 is never. A rule for matrices is led along a matrix, and so is who is beside it.
    """
    all_ = entries()
    on_matrix = np.array([displacements(e.rule, visit(False)) for e in all_])
    whole = np.array([not e.rule.elementwise for e in all_])
    run = visit(True)
    on_vectors = np.array(
        [
            np.zeros(run.g.shape) if w else displacements(e.rule, run)
            for e, w in zip(all_, whole, strict=True)
        ]
    )
    matrix, vectors = first_partings(on_matrix), first_partings(on_vectors)
    has_whole = whole[:, None] | whole
    place = np.where(has_whole, matrix, vectors)
    columns = np.where(has_whole, on_matrix[0, 0].size, on_vectors[0, 0].size)
    step = np.where(place < 0, 0, place // columns + 1)
    return step, np.where(has_whole, len(EXPERIMENTS), place % columns)


def later(one: Entry, other: Entry) -> dict[str, Any] | None:
    """Return what tells two entries apart that make the same steps along the probe, or None."""
    if one.rule.elementwise:
        for name, change in (("hostile", None), ("a learning rate that changes", factor)):
            step = _parted(one, other, change)
            if step is not None:
                return {"names": [title(one), title(other)], "experiment": name, "step": step}
    return None


def _parted(one: Entry, other: Entry, change: Any) -> int | None:
    x, g = probes.hostile(steps=500 if change is None else 40)
    mine, theirs = (
        e.rule if change is None else e.at({"lr": lambda t: 0.01 * change(t)}) for e in (one, other)
    )
    return parting(theirs, Visit(walk(mine, x, g), g))


def record() -> dict[str, Any]:
    """Write `book/results/pairs.json`, if it is not there."""
    path = RESULTS / "pairs.json"
    if path.exists():
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content
    all_ = entries()
    step, experiment = steps_and_experiments()
    first = [int(np.argmax(row == 0)) for row in step]  # the first that makes the same steps
    forms = sorted(set(first))
    content = {
        "command": "python -m experiments pairs",
        "versions": versions(),
        "experiments": [*EXPERIMENTS, "a matrix"],
        "forms": [[title(e) for e, k in zip(all_, first, strict=True) if k == f] for f in forms],
        "parted": [
            [int(step[a, b]), int(experiment[a, b])] for a, b in itertools.combinations(forms, 2)
        ],
        "later": [
            found
            for i, k in enumerate(first)
            if k != i and (found := later(all_[k], all_[i])) is not None
        ],
    }
    path.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return content
