"""Make the recorded runs that are missing: `python -m experiments`, or those that are named."""

import sys
from collections.abc import Callable
from functools import partial

from experiments import contests, depth, recipes

EXPERIMENTS: dict[str, Callable[[], object]] = {
    **{f"run-{name}": partial(recipes.record, name) for name in recipes.RECIPES},
    **{f"contest-{name}": partial(contests.record, name) for name in contests.CONTESTS},
    "depth": depth.main,
}
"""What makes `book/results/NAME.json`, by that name."""


def main(names: list[str]) -> int:
    """Make the named experiments, or all; return 2 where a name is unknown."""
    unknown = sorted(set(names) - EXPERIMENTS.keys())
    if unknown:
        print(f"names must be among {', '.join(EXPERIMENTS)}, got {', '.join(unknown)}")
        return 2
    for name in names or EXPERIMENTS:
        EXPERIMENTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
