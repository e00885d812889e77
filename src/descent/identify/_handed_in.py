"""What a student hands in: the points of `grade`, and the usual slips beside the formula."""

import ctypes
import dis
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from inspect import signature
from threading import Timer, get_ident
from types import CodeType
from typing import Any

import numpy as np

from descent.identify._grading import Grade, grade, parts_of, wanted

SECONDS = 20.0
"""How long an answer may take: the right ones need less than one."""
FOREIGN = ("torch", "tensorflow", "jax")

FATAL = {
    "missing": "There is no function `{function}`: keep its name as it was given.",
    "stops": "`{function}` stops Python: take exit() or quit() out, and return.",
    "late": "`{function}` is not done after {what:g} seconds: does each loop in it end?",
    "nothing": "`{function}` returns None: end it with return and what is asked for.",
    "remembers": "`{function}` does not repeat a run from the start: keep nothing in global "
    "variables, and draw no random numbers.",
}
"""What is said of a slip that leaves nothing to grade."""
BREAKS = {
    "changes": "`{function}` changes {what} in place: leave it as it is, and make a new array.",
    "count": "`{function}` must return {what} values, as `return a, b` does for two.",
    "digits": "`{function}` keeps {what} for float64: half of the digits are lost.",
}
"""What is said of a slip that costs the point for running."""
LOSES = {
    "shape": "`{function}` returns shape {what[0]}, where {what[1]} is asked for.",
    "tensor": "`{function}` returns a tensor of {what}: return an array of NumPy.",
    "whole": "`{function}` keeps {what} in an array: begin with zeros that are floats.",
    "floor": "// rounds down to a whole number: / divides.",
}
"""What is said of a slip where it costs points."""
HABITS = {
    "prints": "All is right. `{function}` prints at each call: take print out.",
    "foreign": "All is right. `{function}` uses {what}: NumPy is enough, and what grades it need "
    "not have more.",
}
"""What is said of a slip that costs nothing."""
SAID = FATAL | BREAKS | LOSES | HABITS


@dataclass(frozen=True)
class Slip:
    """A slip beside the formula.

    Attributes:
        kind: what it is; empty if there is none.
        sentence: what to do about it.
    """

    kind: str = ""
    sentence: str = ""

    @property
    def is_fatal(self) -> bool:
        """Return whether it leaves nothing to grade."""
        return self.kind in FATAL

    @property
    def breaks(self) -> bool:
        """Return whether it costs the point for running, whatever the formula gives."""
        return self.kind in BREAKS

    def hint(self, other: str) -> str:
        """Return the one sentence for a student whose formula gets the hint `other`, or none."""
        if self.kind in HABITS:
            return other or self.sentence
        if self.kind in LOSES:
            return self.sentence if other else ""
        return self.sentence or other


class _FoundError(Exception):
    """A slip was found in a run; its arguments are the kind and what fills its sentence."""


class _LateError(BaseException):
    """A block is not done in time; no `except Exception` of a student's catches it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError where a block takes longer.

    No signal does it: a grader that runs in the background ignores interrupts, or is a thread.
    What catches all, as a bare `except` around a call does in an endless loop, is not stopped.
    """
    thread, throw = ctypes.c_ulong(get_ident()), ctypes.pythonapi.PyThreadState_SetAsyncExc
    timer = Timer(seconds, throw, (thread, ctypes.py_object(_LateError)))
    timer.daemon = True
    timer.start()
    try:
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            throw(thread, None)  # one that was thrown as the block ended
    except _LateError:
        raise TimeoutError from None


def handed_in(answers: Mapping[str, Any], name: str, function: str = "step") -> Grade:
    """Return the points of a rule that a student wrote as `step(x, g, state)`.

    They are those of `grade`, with two exceptions. A function that changes x or g, does not return
    two values, or returns them in float32 has no point for running. One that is missing, stops
    Python, does not end, returns None, or remembers an earlier run has no point at all. The hint
    says in one sentence which of the usual slips there is, and else which part of the formula to
    look at. What is printed is not shown.

    Args:
        answers: what the student defined, by name: `globals()` in a notebook.
        name: of the rule that is asked for, at its defaults.
        function: what the student's function is called.

    Raises:
        ValueError: there is no such rule.

    >>> def step(x, g, state, lr=0.1):
    ...     x -= lr * g
    ...     return x, state
    >>> handed_in({"step": step}, "gradient-descent").hint
    '`step` changes x in place: leave it as it is, and make a new array.'
    >>> handed_in({}, "gradient-descent").score
    0.0
    """
    none = dict.fromkeys(parts_of(wanted(name, {})), 0)
    x, g = np.array([0.5, -1.0]), np.array([1.0, 0.5])
    found = slip(answers, function, (x, g), (x,), 2, _two_steps)
    if found.is_fatal:
        return Grade(none, found.sentence)
    try:
        with within(SECONDS), redirect_stdout(io.StringIO()):
            graded = grade(answers[function], name)
    except TimeoutError:
        return Grade(none, _slip(function, "late", SECONDS).sentence)
    points = graded.points | ({"runs": 0} if found.breaks else {})
    return Grade(points, found.hint(graded.hint))


def _two_steps(step: Callable[..., Any], x: Any, g: Any) -> Any:
    """Return what a step gives after another, which it begins without a state."""
    at, state = step(x, g, None)
    return step(at, g / 4, state)


def slip(
    answers: Mapping[str, Any],
    function: str,
    arguments: Sequence[Any],
    like: Sequence[Any],
    count: int = 1,
    run: Callable[..., Any] | None = None,
) -> Slip:
    """Return the first of the usual slips of a function beside its formula.

    Args:
        answers: what the student defined, by name.
        function: what the function is called.
        arguments: arrays that it is called with, and must leave as they are.
        like: arrays of the shapes that it must return first.
        count: how many values it must return.
        run: from the function and the arguments to what it returns, if one call is no run.

    >>> import numpy as np
    >>> slip({"half": lambda x: x // 2}, "half", [np.ones(2)], [np.ones(2)]).sentence
    '// rounds down to a whole number: / divides.'
    """
    answer, printed = answers.get(function), io.StringIO()
    if not callable(answer):
        return _slip(function, "missing")
    watched = _watched(answer, len(arguments), like, count)
    run = run or (lambda call, *given: call(*given))
    try:
        with within(SECONDS), redirect_stdout(printed):
            first, again = (_leaves(run(watched, *map(np.copy, arguments))) for _ in range(2))
    except _FoundError as found:
        return _slip(function, *found.args)
    except TimeoutError:
        return _slip(function, "late", SECONDS)
    except SystemExit:
        return _slip(function, "stops")
    except Exception:
        return Slip()  # who grades says what it raises
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=False)):
        return _slip(function, "remembers")
    return _habit(answer, function, is_printing=bool(printed.getvalue()))


def _slip(function: str, kind: str, what: Any = "") -> Slip:
    return Slip(kind, SAID[kind].format(function=function, what=what))


def _habit(answer: Any, function: str, *, is_printing: bool) -> Slip:
    """Return a slip that the code shows, not what it returns."""
    names, has_floor = _code(answer)
    if has_floor:
        return _slip(function, "floor")
    if is_printing:
        return _slip(function, "prints")
    foreign = [name for name in FOREIGN if name in names]
    return _slip(function, "foreign", foreign[0]) if foreign else Slip()


def _code(answer: Any) -> tuple[set[str], bool]:
    """Return the names in the code of a function, and whether it divides by //."""
    inner = [code] if (code := getattr(answer, "__code__", None)) else []
    for block in inner:
        inner += [constant for constant in block.co_consts if isinstance(constant, CodeType)]
    names = {name for block in inner for name in block.co_names}
    steps = (step for block in inner for step in dis.get_instructions(block))
    return names, any(step.argrepr in ("//", "//=") for step in steps)


def _watched(
    answer: Callable[..., Any], given: int, like: Sequence[Any], count: int
) -> Callable[..., Any]:
    """Return a function that raises at the first slip in what it returns or changes."""

    def call(*arguments: Any) -> Any:
        before = [np.copy(argument) for argument in arguments[:given]]
        out = answer(*arguments)
        if out is None:
            raise _FoundError("nothing")
        names = list(signature(answer).parameters)
        for name, old, new in zip(names, before, arguments, strict=False):
            if not np.array_equal(old, new, equal_nan=True):
                raise _FoundError("changes", name)
        _check_numbers(out)
        _check_shapes(out if count > 1 else (out,), like, count)
        return out

    return call


def _check_numbers(out: Any) -> None:
    """Raise where what was returned holds arrays of other numbers than float64."""
    for leaf in _leaves(out):
        if hasattr(leaf, "detach"):
            raise _FoundError("tensor", type(leaf).__module__.partition(".")[0])
        if isinstance(leaf, np.ndarray) and leaf.ndim:
            if leaf.dtype in (np.float32, np.float16):
                raise _FoundError("digits", leaf.dtype)
            if leaf.dtype.kind in "iu":
                raise _FoundError("whole", leaf.dtype)


def _check_shapes(out: Any, like: Sequence[Any], count: int) -> None:
    """Raise where it is another number of values than asked for, or one has another shape."""
    if not isinstance(out, tuple | list) or len(out) != count:
        raise _FoundError("count", count)
    for value, model in zip(out, like, strict=False):
        if np.shape(value) != np.shape(model):
            raise _FoundError("shape", (np.shape(value), np.shape(model)))


def _leaves(value: Any) -> list[Any]:
    """Return the arrays and numbers in nested tuples, lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    is_number = isinstance(value, int | float | np.generic | np.ndarray)
    return [value] if is_number or hasattr(value, "detach") else []
