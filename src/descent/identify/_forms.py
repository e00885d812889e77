"""Whatever an optimiser is written as, made into one thing that can be led along gradients."""

import copy
import inspect
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from descent._numbers import plain
from descent.identify._catalogue import with_hyper
from descent.identify._fit import Visit
from descent.identify._probes import Array
from descent.rules import Rule

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


def candidate(thing: Any, form: str | None = None) -> Candidate:
    """Return anything that the forms allow as a candidate.

    Raises:
        NotRunnableError: it is of none of the forms, or cannot be begun.
    """
    if form is not None and form not in FORMS:
        raise NotRunnableError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    found = MAKERS[form or _recognised(thing)](thing)
    return _tried(found)


def _tried(found: Candidate) -> Candidate:
    """Return the candidate as one of arrays or, where it takes none, of numbers."""
    x, gs = np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.25, -2.0]])
    try:
        found.visit(x, gs)
        return found
    except Exception as error:
        numbers = replace(found, takes_arrays=False)
        try:
            numbers.visit(x, gs)
            return numbers
        except Exception:
            try:
                found.visit(np.ones((2, 3)), np.ones((2, 2, 3)))
                return replace(found, needs_matrix=True)
            except Exception:
                pass
        if isinstance(error, NotRunnableError):
            raise
        raise NotRunnableError(f"its first steps raise {type(error).__name__}: {error}") from error


def _recognised(thing: Any) -> str:
    """Return the form of a thing, by its type and its signature."""
    if isinstance(thing, Rule) or (inspect.isclass(thing) and issubclass(thing, Rule)):
        return "rule"
    if _is_of(thing, "torch.optim", "Optimizer"):
        return "torch"
    if _is_of(thing, "keras", "BaseOptimizer") or _is_of(thing, "keras", "KerasOptimizer"):
        return "keras"
    if isinstance(thing, tuple) and hasattr(thing, "init") and hasattr(thing, "update"):
        return "optax"
    if inspect.isgeneratorfunction(thing) or inspect.isgenerator(thing):
        return "generator"
    if _method(thing):
        return "object"
    if callable(thing):
        return _recognised_function(thing)
    raise NotRunnableError(
        f"{type(thing).__name__} is none of: {', '.join(FORMS)}; a form is told by --form"
    )


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


def _recognised_function(thing: Any) -> str:
    """Return the form of a function: a step, or one that makes something of another form."""
    required = _required(thing)
    if len(required) >= 2 or _looks_like_a_step(thing):
        return "function"
    made = _made(thing)
    if made is None:
        raise NotRunnableError(
            f"a function of {required or 'nothing'} is no step(x, g, state), and makes no optimiser"
        )
    return _recognised(made)


def _looks_like_a_step(thing: Any) -> bool:
    try:
        names = list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) >= 3 and names[1] in GRADIENTS


GRADIENTS = ("g", "grad", "grads", "gradient", "gradients", "dx", "dw")


def _made(maker: Any) -> Any:
    """Return what a function without arguments, of a rate or of parameters makes, or None."""
    required = _required(maker)
    if not required:
        return maker()
    if len(required) == 1 and LETTER.get(required[0]) == "lr":
        return maker(GENERIC_LR)
    if len(required) == 1 and "torch" in sys.modules:
        made = maker([_torch_parameter(np.zeros(2))])
        return made if _is_of(made, "torch.optim", "Optimizer") else None
    return None


GENERIC_LR = 0.01


# Rules


def _rule(thing: Any) -> Candidate:
    rule: Any = thing() if inspect.isclass(thing) else thing

    def fresh(x: Any) -> Stepper:
        return _of_rule(rule, x)

    def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
        return _of_rule(with_hyper(rule, {"lr": lambda t: rule.lr_at(t) * factor(t)}), x)

    def vary(name: str, value: float) -> Candidate:
        return _rule(with_hyper(rule, {name: value}))

    told = {f.name: getattr(rule, f.name) for f in fields(rule)}
    return Candidate("rule", fresh, _only_numbers(told), rule, vary, scheduled, guess="a rule")


def _of_rule(rule: Rule, x: Any) -> Stepper:
    state = rule.init(x)

    def step(x: Any, g: Any) -> Any:
        nonlocal state
        try:
            x, state = rule.update(x, g, state)
        except ArithmeticError:  # as `displacements` has it
            return x + math.nan
        return x

    return step


def _only_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    plain_ones = {name: plain(value) for name, value in values.items()}
    return {
        name: float(value)
        for name, value in plain_ones.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


# PyTorch


def _torch_parameter(x: Any) -> Any:
    import torch

    return torch.nn.Parameter(torch.tensor(x))


def _torch(thing: Any) -> Candidate:
    maker = _torch_maker(thing)
    return _torch_candidate(thing, maker, {})


def _torch_candidate(
    thing: Any, maker: Callable[[Any], Any], given: Mapping[str, Any]
) -> Candidate:
    first = maker(_torch_parameter(np.zeros((2, 3)))).param_groups[0]

    def begin_at(p: Any) -> Any:
        optimizer = maker(p)
        for group in optimizer.param_groups:
            group.update(given)
        return optimizer

    def begin(x: Any) -> tuple[Any, Any]:
        p = _torch_parameter(x)
        return p, begin_at(p)

    def fresh(x: Any) -> Stepper:
        p, optimizer = begin(x)
        return lambda x, g: _torch_step(p, optimizer, x, g)

    def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
        p, optimizer = begin(x)
        rates, t = [group["lr"] for group in optimizer.param_groups], 0

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor(t)
            return _torch_step(p, optimizer, x, g)

        return step

    def vary(name: str, value: float) -> Candidate:
        if name in ("beta1", "beta2") and name not in first:
            betas = list(given.get("betas", first["betas"]))
            betas[int(name[-1]) - 1] = value
            return _torch_candidate(thing, maker, {**given, "betas": tuple(betas)})
        return _torch_candidate(thing, maker, {**given, name: value})

    told = {**first, **given}
    told.update({f"beta{i}": b for i, b in enumerate(told.get("betas") or (), 1)})
    numbers = {k: v for k, v in _only_numbers(told).items() if k in LETTER or k == "alpha"}
    return Candidate(
        "torch",
        fresh,
        numbers,
        thing,
        vary,
        scheduled if "lr" in first else None,
        maker=begin_at,
        guess="an optimizer of PyTorch",
    )


def _torch_step(p: Any, optimizer: Any, x: Any, g: Any) -> Any:
    import torch

    p.grad = torch.as_tensor(g, dtype=p.dtype)
    with _whole_precision(p.dtype):
        optimizer.step()
    return p.detach().numpy().copy()


@contextmanager
def _whole_precision(dtype: Any) -> Iterator[None]:
    """Have what an optimizer keeps in PyTorch's default type, or rounds to bfloat16, in float64."""
    import torch

    if dtype != torch.float64:
        yield
        return
    default, rounds = torch.get_default_dtype(), torch.Tensor.bfloat16
    torch.set_default_dtype(dtype)
    torch.Tensor.bfloat16 = torch.Tensor.clone  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        torch.Tensor.bfloat16 = rounds  # type: ignore[method-assign]


def _torch_maker(given: Any) -> Callable[[Any], Any]:
    """Return a function from a parameter to a new optimizer."""
    if not _is_of(given, "torch.optim", "Optimizer"):
        return lambda p: given([p])
    if not inspect.isclass(given):
        return lambda p: _torch_copy(given, p)
    thing: Any = given
    if "lr" in _required(given):
        return lambda p: thing([p], lr=GENERIC_LR)
    return lambda p: thing([p])


def _torch_copy(optimizer: Any, p: Any) -> Any:
    """Return an optimizer with the same hyper-parameters that has made no step."""
    mine = {id(q): p for group in optimizer.param_groups for q in group["params"]}
    new = copy.copy(optimizer)
    new.__dict__ = {k: v for k, v in vars(optimizer).items() if k not in ("state", "param_groups")}
    new.__dict__ = copy.deepcopy(new.__dict__, dict.fromkeys(mine, p) and mine)
    group = {k: copy.deepcopy(v) for k, v in optimizer.param_groups[0].items() if k != "params"}
    new.__dict__ |= {"state": defaultdict(dict), "param_groups": [{"params": [p], **group}]}
    return new


# Optax and Keras


def _optax(thing: Any) -> Candidate:
    transformation = thing if hasattr(thing, "init") else _made(thing)
    import jax

    jax.config.update("jax_enable_x64", True)
    update = jax.jit(transformation.update)

    def fresh(x: Any) -> Stepper:
        state = transformation.init(jax.numpy.asarray(x))

        def step(x: Any, g: Any) -> Any:
            nonlocal state
            x, g = jax.numpy.asarray(x), jax.numpy.asarray(g)
            change, state = update(g, state, x)
            return np.asarray(x + change)

        return step

    return Candidate("optax", fresh, {}, thing, guess="a transformation of Optax")


def _keras(thing: Any) -> Candidate:
    import keras

    if keras.config.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    if not (_is_of(thing, "keras", "BaseOptimizer") or _is_of(thing, "keras", "KerasOptimizer")):
        thing = _made(thing)
    optimizer: Any = thing() if inspect.isclass(thing) else thing
    config = optimizer.get_config()

    def begin(x: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        keras.config.set_floatx("float64")
        return keras.Variable(x, dtype=str(x.dtype)), type(optimizer).from_config(
            {**config, **given}
        )

    def candidate_with(given: Mapping[str, Any]) -> Candidate:
        def fresh(x: Any) -> Stepper:
            variable, one = begin(x, given)
            return lambda x, g: _keras_step(variable, one, g)

        def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
            variable, one = begin(x, given)
            rate, t = float(one.learning_rate), 0

            def step(x: Any, g: Any) -> Any:
                nonlocal t
                t += 1
                one.learning_rate = rate * factor(t)
                return _keras_step(variable, one, g)

            return step

        told = {k: v for k, v in _only_numbers({**config, **given}).items() if k in LETTER}
        return Candidate(
            "keras",
            fresh,
            told,
            thing,
            lambda n, v: candidate_with({**given, n: v}),
            scheduled,
            guess="an optimizer of Keras",
        )

    return candidate_with({})


def _keras_step(variable: Any, optimizer: Any, g: Any) -> Any:
    import keras

    optimizer.apply([keras.ops.convert_to_tensor(g, dtype=variable.dtype)], [variable])
    return np.array(keras.ops.convert_to_numpy(variable.value))


# Functions, objects, generators


def _function(thing: Any) -> Candidate:
    if len(_required(thing)) < 2 and not _looks_like_a_step(thing):
        return candidate(_made(thing))
    return _function_with(thing, {})


STEPS = ("t", "step", "i", "k", "n", "iteration", "timestep", "epoch")


def _function_with(thing: Any, given: Mapping[str, Any]) -> Candidate:
    parameters = inspect.signature(thing).parameters
    names = [
        n for n, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    is_turned = names[0] in GRADIENTS
    required = _required(thing)
    more = required[2:] if len(names) > 2 else []
    if not more and len(names) > 2 and LETTER.get(names[2]) is None:
        more = [names[2]]
    told = {n: p.default for n, p in parameters.items() if n in LETTER or n == "alpha"}
    rate = next((n for n in told if LETTER.get(n) == "lr" and _only_numbers(told).get(n)), None)

    def begin(x: Any, factor: Callable[[int], float] | None) -> Stepper:
        state = dict.fromkeys(more)
        t = 0

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            extra = dict(given)
            if factor is not None and rate:
                extra[rate] = extra.get(rate, told[rate]) * factor(t)
            first = (g, x) if is_turned else (x, g)
            rest = [_argument(n, state[n], x, t, given, len(more)) for n in more]
            out = thing(*first, *rest, **{k: v for k, v in extra.items() if k not in more})
            if not (isinstance(out, tuple) and more):
                return x if out is None else out
            for name, value in zip(
                [n for n in more if n not in STEPS or len(more) == 1], out[1:], strict=False
            ):
                state[name] = value
            return out[0]

        return step

    words = ", ".join([*names[:2], *more])
    return Candidate(
        "function",
        lambda x: begin(x, None),
        _only_numbers({**told, **given}),
        thing,
        lambda n, v: _function_with(thing, {**given, n: v}),
        begin if rate else None,
        guess=f"a function of {words}",
    )


def _argument(name: str, value: Any, x: Any, t: int, given: Mapping[str, Any], count: int) -> Any:
    """Return a step's further argument: t, a number that was told, an average or a state."""
    if name in given:
        return given[name]
    if count > 1 and name in STEPS:
        return t
    if LETTER.get(name) and count > 1:
        raise NotRunnableError(f"the step asks for {name}, and has no default for it")
    return 0 * x if value is None and count > 1 else value


def _object(thing: Any) -> Candidate:
    if not _method(thing):
        thing = _made(thing)
    return _class_with(thing, {}) if inspect.isclass(thing) else _instance_with(thing, {})


def _class_with(cls: Any, given: Mapping[str, Any]) -> Candidate:
    parameters = inspect.signature(cls).parameters
    filled = {n: GENERIC_LR for n in _required(cls) if LETTER.get(n) == "lr"} | dict(given)
    if missing := [n for n in _required(cls) if n not in filled]:
        raise NotRunnableError(f"{cls.__name__} asks for {', '.join(missing)}: give an object")
    defaults = {n: p.default for n, p in parameters.items()} | filled
    told = {n: v for n, v in _only_numbers(defaults).items() if n in LETTER or n == "alpha"}
    one = _instance_with(cls(**filled), {}, lambda: cls(**filled))
    return replace(one, told=told, source=cls, vary=lambda n, v: _class_with(cls, {**filled, n: v}))


def _instance_with(
    thing: Any, given: Mapping[str, Any], anew: Callable[[], Any] | None = None
) -> Candidate:
    method = _method(thing)
    assert method is not None
    if anew is None:
        kept = copy.deepcopy(thing)
        anew = lambda: copy.deepcopy(kept)  # noqa: E731 (it is one of two)
    told = {
        n: v
        for n, v in _only_numbers({**getattr(thing, "__dict__", {}), **given}).items()
        if n in LETTER or n == "alpha"
    }
    rate = next((n for n in told if LETTER.get(n) == "lr"), None)
    is_turned = (
        _required(getattr(thing, method))[:1] and _required(getattr(thing, method))[0] in GRADIENTS
    )

    def begin(x: Any, factor: Callable[[int], float] | None) -> Stepper:
        one, t = anew(), 0
        for name, value in given.items():
            setattr(one, name, value)
        own = getattr(one, rate) if rate else None

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            if factor is not None and rate and own is not None:
                setattr(one, rate, own * factor(t))
            out = getattr(one, method)(*((g, x) if is_turned else (x, g)))
            return x if out is None else out

        return step

    return Candidate(
        "object",
        lambda x: begin(x, None),
        told,
        thing,
        lambda n, v: _instance_with(thing, {**given, n: v}, anew),
        begin if rate else None,
        guess=f"an object with {method}(x, g)",
    )


def _generator(thing: Any) -> Candidate:
    if inspect.isgenerator(thing):
        raise NotRunnableError("a generator can be run once: give the function that makes it")
    if not inspect.isgeneratorfunction(thing):
        thing = _made(thing)
    return _generator_with(thing, {})


def _generator_with(thing: Any, given: Mapping[str, Any]) -> Candidate:
    required = _required(thing)
    parameters = inspect.signature(thing).parameters
    told = {
        n: v
        for n, v in _only_numbers({n: p.default for n, p in parameters.items()}).items()
        if n in LETTER
    }
    if len(required) >= 2 or (required and required[0] in GRADIENTS):
        return _generator_of_gradients(thing, required, told, given)

    def fresh(x: Any) -> Stepper:
        one = thing(x, **given) if parameters and required else thing(**given)
        first = next(one)
        shift = 0 if required or first is None else x - first
        at = [x - shift]

        def step(x: Any, g: Any) -> Any:
            out = one.send(g)
            at[0] = out
            return out + shift

        return step

    return Candidate(
        "generator",
        fresh,
        told | dict(given),
        thing,
        lambda n, v: _generator_with(thing, {**given, n: v}),
        owns_x=True,
        guess="a generator that is sent gradients",
    )


def _generator_of_gradients(
    thing: Any, required: list[str], told: Mapping[str, float], given: Mapping[str, Any]
) -> Candidate:
    def fresh(x: Any) -> Stepper:
        waiting: list[Any] = []

        def feed() -> Iterator[Any]:
            while True:
                yield waiting.pop()

        first = [feed()] if required[0] in GRADIENTS else [x, feed()]
        one = thing(*first, **given)

        def step(x: Any, g: Any) -> Any:
            waiting.append(g)
            return next(one)

        return step

    return Candidate(
        "generator",
        fresh,
        dict(told),
        thing,
        lambda n, v: _generator_of_gradients(thing, required, told, {**given, n: v}),
        owns_x=True,
        guess="a generator that is given an iterator of gradients",
    )


MAKERS: dict[str, Callable[[Any], Candidate]] = {
    "rule": _rule,
    "torch": _torch,
    "optax": _optax,
    "keras": _keras,
    "function": _function,
    "object": _object,
    "generator": _generator,
}
