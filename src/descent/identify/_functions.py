"""Functions, objects and generators as candidates: code as people write it."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

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

PLURAL = ("params", "parameters", "weights", "variables", "theta")
"""Names of all arrays of a model together."""


def _packed(first: list[str], make: Callable[[Any], Candidate]) -> Candidate:
    """Return the candidate with x and g as they are or, where names say so, in a dict or a list."""
    if first[0] in PLURAL and first[1:2] and first[1] in GRADIENTS:
        for pack in (_in_dict, _in_list):
            found = make(pack)
            try:
                found.visit(np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.25, -2.0]]))
            except Exception:
                continue
            return replace(found, guess=f"{found.guess}, each in a {pack.__name__[4:]}")
    return make(None)


def _in_dict(x: Any) -> dict[str, Any]:
    return {"x": x}


def _in_list(x: Any) -> list[Any]:
    return [x]


def _unpacked(out: Any) -> Any:
    """Return x of a dict, a list, or of itself."""
    if isinstance(out, dict):
        return next(iter(out.values()))
    return out[0] if isinstance(out, list) and len(out) == 1 else out


def _function(thing: Any) -> Candidate:
    if len(_required(thing)) < 2 and not _looks_like_a_step(thing):
        from descent.identify._forms import candidate  # which imports this module

        return candidate(_made(thing))
    names = list(inspect.signature(thing).parameters)
    return _packed(names, lambda pack: _function_with(thing, {}, pack))


AVERAGES = ("m", "v", "velocity", "momentum", "buf", "buffer", "acc", "accumulator", "cache")
"""Names of a state that is an array from the first step on."""

STEPS = ("t", "step", "i", "k", "n", "iteration", "timestep", "epoch")


def _function_with(thing: Any, given: Mapping[str, Any], pack: Any = None) -> Candidate:
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
    counts_itself = _counts_itself(thing, more, given)

    def begin(x: Any, factor: Callable[[int], float] | None) -> Stepper:
        state = dict.fromkeys(more)
        t = 0

        def step(x: Any, g: Any) -> Any:
            nonlocal t
            t += 1
            extra = dict(given)
            if factor is not None and rate:
                extra[rate] = extra.get(rate, told[rate]) * factor(t)
            x, g = (x, g) if pack is None else (pack(x), pack(g))
            first = (g, x) if is_turned else (x, g)
            count = t - 1 if counts_itself else t
            rest = [_argument(n, state[n], x, count, given, len(more)) for n in more]
            out = thing(*first, *rest, **{k: v for k, v in extra.items() if k not in more})
            if not (isinstance(out, tuple) and more):
                out = x if out is None else out
                return out if pack is None else _unpacked(out)
            kept = [n for n in more if n not in STEPS or len(more) == 1]
            kept = more if len(out) - 1 == len(more) else kept
            state.update(zip(kept, out[1:], strict=False))
            return out[0] if pack is None else _unpacked(out[0])

        return step

    words = ", ".join([*names[:2], *more])
    return Candidate(
        "function",
        lambda x: begin(x, None),
        _only_numbers({**told, **given}),
        thing,
        lambda n, v: _function_with(thing, {**given, n: v}, pack),
        begin if rate else None,
        guess=f"a function of {words}",
    )


def _counts_itself(thing: Any, more: list[str], given: Mapping[str, Any]) -> bool:
    """Whether a step takes the count among other arguments, and returns it with one added."""
    places = [i for i, name in enumerate(more) if name in STEPS]
    if len(more) < 2 or len(places) != 1:
        return False
    x, g = np.zeros(2), np.ones(2)
    try:
        out = thing(x, g, *[_argument(n, None, x, 1, given, len(more)) for n in more])
        return bool(out[1 + places[0]] == 2) and len(out) == 1 + len(more)
    except Exception:
        return False


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
    names = [n for n in _required(getattr(thing, str(_method(thing)))) if n != "self"]
    make = _class_with if inspect.isclass(thing) else _instance_with
    return _packed([*names, ""], lambda pack: make(thing, {}, pack=pack))


def _class_with(cls: Any, given: Mapping[str, Any], pack: Any = None) -> Candidate:
    parameters = inspect.signature(cls).parameters
    filled = {n: GENERIC_LR for n in _required(cls) if LETTER.get(n) == "lr"} | dict(given)
    if missing := [n for n in _required(cls) if n not in filled]:
        raise NotRunnableError(f"{cls.__name__} asks for {', '.join(missing)}: give an object")
    defaults = {n: p.default for n, p in parameters.items()} | filled
    told = {n: v for n, v in _only_numbers(defaults).items() if n in LETTER or n == "alpha"}
    candidate = _instance_with(cls(**filled), {}, lambda: cls(**filled), pack)
    return replace(
        candidate, told=told, source=cls, vary=lambda n, v: _class_with(cls, {**filled, n: v}, pack)
    )


def _instance_with(
    thing: Any, given: Mapping[str, Any], anew: Callable[[], Any] | None = None, pack: Any = None
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
            x, g = (x, g) if pack is None else (pack(x), pack(g))
            pair = (g, x) if is_turned else (x, g)
            out = getattr(optimiser, method)(*pair, *([t] if counts else []))
            out = x if out is None else out
            return out if pack is None else _unpacked(out)

        return step

    return Candidate(
        "object",
        lambda x: begin(x, None),
        told,
        thing,
        lambda n, v: _instance_with(thing, {**given, n: v}, anew, pack),
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
