"""Make the recorded runs that are missing: `python -m experiments`, or those that are named."""

import sys
from collections.abc import Callable
from functools import partial

from experiments import contests, depth, matrices, pairs, plateau, recipes, scale, schedules

EXPERIMENTS: dict[str, Callable[[], object]] = {
    **{f"run-{name}": partial(recipes.record, name) for name in recipes.RECIPES},
    **{f"contest-{name}": partial(contests.record, name) for name in contests.CONTESTS},
    "depth": depth.record,
    "matrices": matrices.record,
    "pairs": pairs.record,
    "plateau": plateau.record,
    "scale": scale.record,
    "schedules": schedules.record,
}
"""What makes `book/results/NAME.json`, by that name."""


def main(names: list[str]) -> int:
    """Make the named experiments, or all; return how many lack their data, 2 for a bad name."""
    unknown = sorted(set(names) - EXPERIMENTS.keys())
    if unknown:
        print(f"names must be among {', '.join(EXPERIMENTS)}, got {', '.join(unknown)}")
        return 2
    failed = []
    for name in names or EXPERIMENTS:
        try:
            EXPERIMENTS[name]()
        except FileNotFoundError as error:  # a data set is missing: the others need not wait
            print(f"{name}: {error}", file=sys.stderr)
            failed.append(name)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
