"""Proofs of the errata: each function runs what is printed beside what is right.

It returns the numbers that its entry of `book/errata.yml` shows, and asserts that there is a fault.
A proof needs NumPy and the package alone, and takes a fraction of a second. A module here is a
topic; `harness` has what they share. `python -m tools.book.proofs` stores the numbers, where the
site has them from (`stored`); the tests compute them anew and compare.
"""

from tools.book.proofs import (  # noqa: F401  (what they define, they list)
    adam,
    claims,
    listings,
    models,
    momentum,
    networks,
    programs,
    scaling,
    words,
)
from tools.book.proofs.harness import PROOFS
from tools.book.proofs.stored import agree, numbers, updated

__all__ = ["PROOFS", "agree", "numbers", "updated"]
