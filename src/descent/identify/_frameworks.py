"""Optimizers of PyTorch and Keras and transformations of Optax as candidates."""

import copy
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from descent.identify._candidate import (
    GENERIC_LR,
    LETTER,
    Candidate,
    NotRunnableError,
    Stepper,
    _is_of,
    _made,
    _only_numbers,
    _required,
    _torch_parameter,
)


def _torch(thing: Any) -> Candidate:
    maker = _torch_maker(thing)
    if hasattr(maker(_torch_parameter(np.zeros((2, 3)))), "param_groups"):
        return _torch_candidate(thing, maker, {})
    return _bare_candidate(thing, maker, {})


def _torch_candidate(
    thing: Any, maker: Callable[[Any], Any], given: Mapping[str, Any]
) -> Candidate:
    first = maker(_torch_parameter(np.zeros((2, 3)))).param_groups[0]

    def begin_at(p: Any) -> Any:
        optimizer = maker(p)
        for group in optimizer.param_groups:
            group.update({k: _in_type_of(p, v) for k, v in {**group, **given}.items()})
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


def _in_type_of(p: Any, value: Any) -> Any:
    """Return a rate that is a tensor in the type of the parameter, so that no digit is lost."""
    return value.to(p.dtype) if hasattr(value, "is_floating_point") and value.dim() == 0 else value


def _bare_candidate(thing: Any, maker: Callable[[Any], Any], given: Mapping[str, Any]) -> Candidate:
    """Return an object with `step()` for parameters that have `.grad`, without groups."""

    def begin(x: Any) -> tuple[Any, Any]:
        p = _torch_parameter(x)
        optimizer = maker(p)
        vars(optimizer).update(given)
        return p, optimizer

    def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
        p, optimizer = begin(x)
        own, t = vars(optimizer)[rate], 0

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            setattr(optimizer, rate, own * factor(t))
            return _torch_step(p, optimizer, x, g)

        return step

    def fresh(x: Any) -> Stepper:
        p, optimizer = begin(x)
        return lambda x, g: _torch_step(p, optimizer, x, g)

    told = {k: v for k, v in _only_numbers(vars(begin(np.zeros(2))[1])).items() if k in LETTER}
    rate = next((k for k in told if LETTER[k] == "lr"), "")
    return Candidate(
        "torch",
        fresh,
        told,
        thing,
        lambda n, v: _bare_candidate(thing, maker, {**given, n: v}),
        scheduled if rate else None,
        guess="an object with step() for parameters",
    )


def _torch_step(p: Any, optimizer: Any, x: Any, g: Any) -> Any:
    import torch

    with _whole_precision(p.dtype):
        _step_along(torch.as_tensor(g, dtype=p.dtype), p, optimizer)
    return p.detach().numpy().copy()


def _step_along(g: Any, p: Any, optimizer: Any) -> None:
    """Make a step of an optimizer of PyTorch, with a closure where it asks for one.

    Raises:
        NotRunnableError: it calls the closure again, for the gradient at a point of its own.
    """
    calls = 0

    def closure() -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise NotRunnableError("it asks for several gradients a step, at points of its own")
        p.grad = g.clone()
        return (p.detach() * g).sum()

    p.grad = g
    optimizer.step(*[closure] * len(_required(optimizer.step)))


ROUNDS = ("bfloat16", "float")
"""The methods of a tensor with which an optimizer rounds what it computes."""


@contextmanager
def _whole_precision(dtype: Any) -> Iterator[None]:
    """Have what an optimizer keeps in PyTorch's default type, or rounds itself, in float64."""
    import torch

    if dtype != torch.float64:
        yield
        return
    default, rounds = torch.get_default_dtype(), {n: getattr(torch.Tensor, n) for n in ROUNDS}
    torch.set_default_dtype(dtype)
    for name in ROUNDS:
        setattr(torch.Tensor, name, torch.Tensor.clone)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        for name, method in rounds.items():
            setattr(torch.Tensor, name, method)


def _torch_maker(given: Any) -> Callable[[Any], Any]:
    """Return a function from a parameter to a new optimizer."""
    if _is_of(given, "torch.optim", "Optimizer") and not inspect.isclass(given):
        return lambda p: _torch_copy(given, p)
    if not callable(given):
        raise NotRunnableError(
            f"an object of {type(given).__name__} keeps parameters of its own: give the class, or "
            "a function from parameters to an object"
        )
    rates = {n: GENERIC_LR for n in _required(given)[1:] if LETTER.get(n) == "lr"}
    return lambda p: given([p], **rates)


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
            variable, own = begin(x, given)
            return lambda x, g: _keras_step(variable, own, g)

        def scheduled(x: Any, factor: Callable[[int], float]) -> Stepper:
            variable, own = begin(x, given)
            rate, t = float(own.learning_rate), 0

            def step(x: Any, g: Any) -> Any:
                nonlocal t
                t += 1
                own.learning_rate = rate * factor(t)
                return _keras_step(variable, own, g)

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
