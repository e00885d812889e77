"""Which optimiser is this, and is it right?

>>> from descent.rules import Adam
>>> identify(Adam(lr=0.01)).names[0]
'adam'
"""

from typing import Any

from descent.identify.forms import NotRunnableError
from descent.identify.report import Counterexample, Report

__all__ = ["Counterexample", "NotRunnableError", "Report", "identify"]


def identify(candidate: Any, *, form: str | None = None, **told: float) -> Report:
    """Return what an optimiser is, from its behaviour.

    Raises:
        NotRunnableError: it could not be run.
    """
    from descent.identify.verdict import judged

    return judged(candidate, form, told)
