"""The numbers of the proofs as they are stored in `book/errata-numbers.json`."""

import json
import math
from typing import Any

import numpy as np

from tools.book import errata
from tools.book.errata import Numbers
from tools.book.proofs.harness import PROOFS

ROUNDING = 1e-6
"""By how much, relatively, a number may differ on another processor."""


def numbers() -> Numbers:
    """Return the numbers of all proofs, computed now."""
    return {
        name: {key: plain(value) for key, value in compute().items()}
        for name, compute in sorted(PROOFS.items())
    }


def plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, and anything else as it is.

    >>> plain(np.float64(0.5)), plain(np.int64(2)), plain("no number")
    (0.5, 2, 'no number')
    """
    return value.item() if isinstance(value, np.generic) else value


def agree(stored: Any, found: Any) -> bool:
    """Return whether a stored number is the one computed: as it is printed, or to rounding.

    >>> agree(0.1, 0.1 * (1 + 1e-9)), agree(0.1, 0.1001), agree(0.1, "no number")
    (True, False, False)
    """
    if errata.in_print(stored) == errata.in_print(found):
        return True
    texts = isinstance(stored, str) or isinstance(found, str)
    return not texts and math.isclose(stored, found, rel_tol=ROUNDING)


def updated(stored: Numbers, found: Numbers) -> Numbers:
    """Return the numbers found; where a stored one agrees it stays, so that rounding shows not."""
    return {
        name: {
            key: old if agree(old := stored.get(name, {}).get(key, ""), value) else value
            for key, value in values.items()
        }
        for name, values in found.items()
    }


def main() -> None:
    """Store the numbers."""
    stored = errata.stored() if errata.NUMBERS.exists() else {}
    text = json.dumps(updated(stored, numbers()), indent=1, ensure_ascii=False)
    errata.NUMBERS.write_text(text + "\n", encoding="utf-8")
