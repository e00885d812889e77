"""What is to be identified, in one form: how it begins, and how it steps."""

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from descent._numbers import plain
from descent.identify._fit import Visit
from descent.identify._probes import Array

Stepper = Callable[[Any, Any], Any]
"""From x and g to the next x; it keeps its own state."""

SPELLINGS = {
    "lr": ("lr", "learning_rate", "alpha", "eta", "step_size", "stepsize", "rate", "base_lr"),
    "beta1": ("beta1", "b1", "beta_1"),
    "beta2": ("beta2", "b2", "beta_2"),
    "eps": ("eps", "epsilon", "eps_hat"),
    "weight_decay": ("weight_decay", "wd", "decay", "lam", "lambda_", "lmbda", "l2"),
    "momentum": ("momentum", "mu"),
    "rho": ("rho", "decay_rate"),
    "dampening": ("dampening",),
    "eps_root": ("eps_root",),
    "momentum_decay": ("momentum_decay",),
    "lr_decay": ("lr_decay",),
    "initial_accumulator": ("initial_accumulator", "initial_accumulator_value"),
    "initial_scale": ("initial_scale",),
    "betas": ("betas",),
}
"""How hyper-parameters are called, by the name that the rules have for them."""

LETTER = {spelling: name for name, all_ in SPELLINGS.items() for spelling in all_}

FORMS = ("rule", "torch", "optax", "keras", "function", "object", "generator")


def no_sign(stage: str) -> None:
    """Do nothing."""


sign_of_life: Callable[[str], None] = no_sign
"""What is called before each run, so that it is known how far one came."""


class NotRunnableError(Exception):
    """The candidate could not be run; the message says why."""


@dataclass(frozen=True)
class Candidate:
    """An optimiser that can be begun anew as often as one likes.

    Attributes:
        form: one of `FORMS`.
        fresh: from a start to a stepper that has made no step.
        told: the hyper-parameters that it was given, by its own names for them.
        vary: from one of those names and a value to the candidate with that value, or None.
        source: what it was made of; the names of a rule or a framework's optimiser are read off it.
        with_lr: from a factor to a stepper whose learning rate is that times its own, or None.
        takes_arrays: whether it takes arrays, not numbers alone.
        owns_x: whether it keeps x itself.
        needs_matrix: whether it takes matrices alone.
        maker: from a parameter of PyTorch to a new optimizer.
        guess: how the signature was read, in words.
    """

    form: str
    fresh: Callable[[Any], Stepper]
    told: Mapping[str, float]
    source: Any
    vary: Callable[[str, float], "Candidate"] | None = None
    with_lr: Callable[[Any, Callable[[int], float]], Stepper] | None = None
    takes_arrays: bool = True
    owns_x: bool = False
    needs_matrix: bool = False
    maker: Callable[[Any], Any] | None = None
    guess: str = ""

    def visit(self, x: Array, gs: Array, lr: Callable[[int], float] | None = None) -> Visit:
        """Return the run from x along gradients; `lr` multiplies the learning rate of step t.

        Raises:
            NotRunnableError: it raised, or returned what is no x.
        """
        sign_of_life(f"in a run of {len(gs)} steps")
        begin = self.fresh if lr is None or self.with_lr is None else self._begin(lr)
        if self.takes_arrays:
            return Visit(np.array(list(_points(begin, x, gs))), gs)
        columns = [
            _scalar_points(begin, a, g)
            for a, g in zip(x.ravel(), gs.reshape(len(gs), -1).T, strict=True)
        ]
        return Visit(np.array(columns).T.reshape(len(gs) + 1, *x.shape), gs)

    def _begin(self, lr: Callable[[int], float]) -> Callable[[Any], Stepper]:
        return lambda x: self.with_lr(x, lr)  # type: ignore[misc]


def _points(begin: Callable[[Any], Stepper], x: Array, gs: Array) -> Iterator[Array]:
    yield x
    step = begin(x.copy())
    for t, g in enumerate(gs, 1):
        try:
            with np.errstate(all="ignore"):
                new = step(x.copy(), g.copy())
        except NotRunnableError:
            raise
        except Exception as error:
            raise NotRunnableError(f"step {t} raises {type(error).__name__}: {error}") from error
        x = _checked(new, x, t)
        yield x


def _checked(new: Any, x: Array, t: int) -> Array:
    try:
        found = np.asarray(_numpy(new))
        is_number = found.dtype.kind in "fiu"
    except Exception as error:
        raise NotRunnableError(f"step {t} returned {type(new).__name__}, no array") from error
    if not is_number or found.shape != x.shape:
        raise NotRunnableError(
            f"step {t} must return x of shape {x.shape}, got {type(new).__name__} of shape "
            f"{found.shape}"
        )
    return found.copy() if found.dtype.kind == "f" else found.astype(float)


def _numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _scalar_points(begin: Callable[[Any], Stepper], x: float, gs: Array) -> list[float]:
    """Return the points of one number; no number follows where it divides by 0."""
    points, step = [float(x)], begin(float(x))
    for t, g in enumerate(gs, 1):
        try:
            points.append(float(step(points[-1], float(g))))
        except (ArithmeticError, ValueError) as error:
            if isinstance(error, ValueError) and "math domain" not in str(error):
                raise
            return points + [math.nan] * (len(gs) + 1 - t)
        except TypeError as error:
            raise NotRunnableError(f"step {t}: {error}") from error
    return points


def _is_of(thing: Any, module: str, name: str) -> bool:
    """Whether a thing or class is of a class of a package that need not be imported here."""
    cls = thing if inspect.isclass(thing) else type(thing)
    return any(
        c.__name__ == name and f"{c.__module__}.".startswith(module.partition(".")[0])
        for c in cls.__mro__
    )


def _method(thing: Any) -> str | None:
    return next((m for m in ("step", "update") if callable(getattr(thing, m, None))), None)


def _required(function: Any) -> list[str]:
    """Return the names of the arguments that a call must give in their places."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty]


GRADIENTS = ("g", "grad", "grads", "gradient", "gradients", "dx", "dw")


def _made(maker: Any) -> Any:
    """Return what a function without arguments, of a rate or of parameters makes, or None."""
    required = _required(maker)
    if not required:
        return maker()
    if len(required) == 1 and LETTER.get(required[0]) == "lr":
        return maker(GENERIC_LR)
    if len(required) == 1 and "torch" in sys.modules:
        made = maker([_torch_parameter(np.zeros((2, 3)))])
        return made if _is_of(made, "torch.optim", "Optimizer") or _steps_alone(made) else None
    return None


def _steps_alone(thing: Any) -> bool:
    """Whether a class or object has parameters of its own, and moves them by `step()`."""
    step, is_class = getattr(thing, "step", None), inspect.isclass(thing)
    if not callable(step) or (is_class and LETTER.get(next(iter(_required(thing)), "lr"))):
        return False
    return not [name for name in _required(step)[is_class:] if name != "closure"]


GENERIC_LR = 0.01


def _only_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    plain_ones = {name: plain(value) for name, value in values.items()}
    return {
        name: float(value)
        for name, value in plain_ones.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _torch_parameter(x: Any) -> Any:
    import torch

    return torch.nn.Parameter(torch.tensor(x))
