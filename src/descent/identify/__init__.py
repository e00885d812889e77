"""Which optimiser is this, and is it right?

Give it a rule, an optimizer of PyTorch or Keras, a transformation of Optax, a function
`step(x, g, state)`, an object with `step(x, g)` or `update(x, g)`, or a generator that is sent
gradients:

>>> import numpy as np
>>> def step(x, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
...     m, v = state or (0, 0)
...     m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
...     m_hat, v_hat = m / (1 - beta1), v / (1 - beta2)
...     return x - lr * m_hat / (np.sqrt(v_hat) + eps), (m, v)
>>> report = identify(step)
>>> report.misprint, report.erratum
('adam-frozen-t', 'E4')
>>> print(report.counterexample)
gradients 1, 1 from x = 0: got -0.002344, adam -0.002000

It is led along short experiments, many at once, and every rule, framework rule and misprint is
fitted to what it does; what 500 hostile steps do not refute, in float64 and in float32, is its
name. `python -m descent.identify FILE.py:NAME` does the same for a file, in a process of its own,
and `--latex` for a formula. The process is no sandbox: the code may do what you may.
"""

from typing import Any

from descent.identify._candidate import NotRunnableError
from descent.identify._grading import Grade, assert_is, grade
from descent.identify._handed_in import Slip, handed_in, slip
from descent.identify._report import Counterexample, Report

__all__ = [
    "Counterexample",
    "Grade",
    "NotRunnableError",
    "Report",
    "Slip",
    "assert_is",
    "grade",
    "handed_in",
    "identify",
    "slip",
]


def identify(candidate: Any, *, form: str | None = None, **told: float) -> Report:
    """Return what an optimiser is, from its behaviour.

    Args:
        candidate: a rule, a PyTorch optimizer (an instance, a class or a function from parameters
            to one), a transformation of Optax, an optimizer of Keras, a function
            `step(x, g, state)` whose state is None at first, a class or an object with
            `step(x, g)` or `update(x, g)`, or a function that makes a generator. What is called
            params and grads may be a dict or a list of arrays; a class that keeps parameters of
            PyTorch, and moves them by `step()`, need not be an optimizer of PyTorch.
        form: "rule", "torch", "optax", "keras", "function", "object" or "generator"; it is
            guessed where it is not given.
        told: hyper-parameters, by the rules' names, which are checked.

    Raises:
        NotRunnableError: it could not be run.

    >>> from descent.rules import Adam
    >>> identify(Adam(lr=0.01)).names[0]
    'adam'
    """
    from descent.identify._verdict import judged

    return judged(candidate, form, told)
