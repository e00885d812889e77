"""Sets of parameters, of which some wait for the night."""

import pytest

SPECTRAL = ("shampoo", "soap")
"""The rules that take eigenvectors: of those of small eigenvalues rounding leaves little."""

MATRICES = ("muon", *SPECTRAL)
"""The rules that take matrices alone."""


def named(title, *values, nightly=False):
    """Return a set of parameters; `nightly` says that its code path is run with another, too."""
    return pytest.param(*values, id=title, marks=[pytest.mark.nightly] if nightly else [])
