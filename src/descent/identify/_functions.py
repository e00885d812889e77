"""Functions, objects and generators as candidates: code as people write it."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from descent.identify._candidate import (
    GENERIC_LR,
    GRADIENTS,
    LETTER,
    Candidate,
    NotRunnableError,
    Stepper,
    _made,
    _method,
    _only_numbers,
    _required,
)
from descent.identify._recognition import _looks_like_a_step


def _function(thing: Any) -> Candidate:
    if len(_required(thing)) < 2 and not _looks_like_a_step(thing):
        from descent.identify._forms import candidate  # which imports this module

        return candidate(_made(thing))
    return _function_with(thing, {})


AVERAGES = ("m", "v", "velocity", "momentum", "buf", "buffer", "acc", "accumulator", "cache")
"""Names of a state that is an array from the first step on."""

STEPS = ("t", "step", "i", "k", "n", "iteration", "timestep", "epoch")


def _function_with(thing: Any, given: Mapping[str, Any]) -> Candidate:
    parameters = inspect.signature(thing).parameters
    names = [
        n for n, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    is_turned = names[0] in GRADIENTS
    if names[0] in ("state", "opt_state"):
        raise NotRunnableError(
            f"a step takes x and g first, then its state: got {', '.join(names)}"
        )
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
    if LETTER.get(name) and name not in AVERAGES:
        raise NotRunnableError(f"the step asks for {name}, and has no default for it")
    return 0 * x if value is None and (count > 1 or name in AVERAGES) else value


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
    candidate = _instance_with(cls(**filled), {}, lambda: cls(**filled))
    return replace(
        candidate, told=told, source=cls, vary=lambda n, v: _class_with(cls, {**filled, n: v})
    )


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
    required = _required(getattr(thing, method))
    is_turned = bool(required) and required[0] in GRADIENTS
    counts = required[2:] in [[name] for name in STEPS]

    def begin(x: Any, factor: Callable[[int], float] | None) -> Stepper:
        optimiser, t = anew(), 0
        for name, value in given.items():
            setattr(optimiser, name, value)
        own = getattr(optimiser, rate) if rate else None

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            if factor is not None and rate and own is not None:
                setattr(optimiser, rate, own * factor(t))
            pair = (g, x) if is_turned else (x, g)
            out = getattr(optimiser, method)(*pair, *([t] if counts else []))
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
        generator = thing(x, **given) if parameters and required else thing(**given)
        first = _point(next(generator))
        shift = 0 if required or first is None else x - first
        at = [x - shift]

        def step(x: Any, g: Any) -> Any:
            out = _point(generator.send(g))
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


def _point(out: Any) -> Any:
    """Return x of what is yielded: x, or x and more."""
    return out[0] if isinstance(out, tuple) else out


def _generator_of_gradients(
    thing: Any, required: list[str], told: Mapping[str, float], given: Mapping[str, Any]
) -> Candidate:
    def fresh(x: Any) -> Stepper:
        waiting: list[Any] = []

        def feed() -> Iterator[Any]:
            while True:
                yield waiting.pop()

        first = [feed()] if required[0] in GRADIENTS else [x, feed()]
        generator = thing(*first, **given)

        def step(x: Any, g: Any) -> Any:
            waiting.append(g)
            return _point(next(generator))

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
