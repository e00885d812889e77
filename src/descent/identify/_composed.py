"""Known rules with known changes, put together from parts: averages, corrections, ε, decay."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import combinations, product
from typing import Any, NamedTuple

from descent.identify._catalogue import FORMULAS, GENERIC
from descent.rules import Array, Rule, maximum, quotient, sign, zeros_like


@dataclass(frozen=True)
class Parts:
    """What an update rule is put together from; each is one of the values of `OPTIONS`."""

    m: str = "none"
    v: str = "none"
    m_correction: str = "none"
    v_correction: str = "none"
    largest: str = "none"
    numerator: str = "plain"
    eps: str = "none"
    decay: str = "none"
    root: bool = True
    heavy: bool = False
    is_sign: bool = False
    ascent: bool = False

    @property
    def free(self) -> tuple[str, ...]:
        """Return the hyper-parameters that these parts have."""
        present = {
            "lr": True,
            "beta1": self.m != "none",
            "beta2": self.v not in ("none", "sum") or self.numerator == "interpolated",
            "eps": self.eps != "none",
            "weight_decay": self.decay != "none",
            "momentum": self.heavy,
        }
        return tuple(name for name, is_there in present.items() if is_there)


OPTIONS: dict[str, dict[Any, str]] = {
    "m": {
        "none": "no average of the gradient",
        "ema": "the gradient averaged",
        "sum": "gradients summed with weight 1, not 1 − β₁",
        "first": "the average begins at the first gradient",
        "late": "x moves before the average of the gradient does",
    },
    "v": {
        "none": "no denominator",
        "sum": "the sum of g² for its average",
        "ema": "an average of g²",
        "unweighted": "g² added with weight 1, not 1 − β₂",
        "max": "a decaying maximum of |g|",
        "of-m": "m² averaged for g²",
        "belief": "(g − m)² averaged for g², as in AdaBelief",
        "abs": "|g| averaged for g²",
        "first": "v begins at the first g²",
        "late": "x moves before the average of g² does",
        "yogi": "v moves by the sign of v − g², as in Yogi",
    },
    "m_correction": {
        "none": "m is not corrected",
        "right": "m is corrected",
        "frozen": "m is corrected as at t = 1",
        "ahead": "m is corrected as a step later",
    },
    "v_correction": {
        "none": "v is not corrected",
        "right": "v is corrected",
        "frozen": "v is corrected as at t = 1",
        "ahead": "v is corrected as a step later",
    },
    "largest": {
        "none": "the denominator may fall",
        "raw": "AMSGrad: the largest v so far",
        "corrected": "AMSGrad: the largest corrected v so far",
    },
    "numerator": {
        "plain": "no look-ahead",
        "nesterov": "Nesterov's look-ahead",
        "ahead": "Nesterov's look-ahead, corrected a step ahead",
        "interpolated": "an interpolated momentum",
    },
    "eps": {
        "none": "no ε",
        "outside": "ε outside the root",
        "inside": "ε inside the root",
        "hat": "ε added before the correction (ε̂)",
        "inside-hat": "ε inside the root, before the correction",
        "clamp": "the denominator is at least ε",
    },
    "decay": {
        "none": "no weight decay",
        "coupled": "weight decay added to the gradient (L2)",
        "decoupled": "decoupled weight decay",
        "after": "decoupled weight decay after the step, not before it",
        "grown": "weight decay with its sign turned: the weights grow",
        "inside": "weight decay inside the quotient",
    },
    "root": {True: "the root of v", False: "no root of v"},
    "heavy": {False: "no momentum over the steps", True: "momentum over the steps"},
    "is_sign": {False: "a step of any size", True: "a step along the sign alone"},
    "ascent": {False: "down the gradient", True: "up the gradient"},
}
"""What each part can be, in words."""

ADAM = Parts("ema", "ema", "right", "right", eps="outside")
BASES = {
    "gradient-descent": Parts(),
    "momentum": Parts("sum"),
    "averaged-momentum": Parts("ema"),
    "nesterov": Parts("sum", numerator="nesterov"),
    "adagrad": Parts(v="sum", eps="outside"),
    "rmsprop": Parts(v="ema"),
    "momentum-rmsprop": Parts(v="ema", heavy=True),
    "adam": ADAM,
    "adamw": replace(ADAM, decay="decoupled"),
    "adamax": Parts("ema", "max", "right"),
    "nadam": replace(ADAM, numerator="ahead"),
    "amsgrad": Parts("ema", "ema", largest="raw"),
    "lion": Parts("ema", is_sign=True, numerator="interpolated"),
}
"""The rules of ours that are put together from these parts."""


def changes(parts: Parts, base: Parts) -> list[str]:
    """Return in words how parts differ from those of a rule."""
    names = [f.name for f in fields(Parts) if getattr(parts, f.name) != getattr(base, f.name)]
    return [OPTIONS[name][getattr(parts, name)] for name in names]


def nearest(parts: Parts) -> str:
    """Return the name of the rule with the fewest changes."""

    def far(name: str) -> tuple[int, bool]:
        has_decay = BASES[name].decay != "none"
        return len(changes(parts, BASES[name])), has_decay != (
            parts.decay not in ("none", "coupled")
        )

    return min(BASES, key=far)


OUTER = ("eps", "decay", "ascent")
"""Parts that do not show where gradients are large, or show at once."""


@cache
def cores(changed: int = 2) -> tuple[Parts, ...]:
    """Return what rules are with so many of their inner parts changed, without ε and decay."""
    found: dict[Parts, None] = {}
    inner = [name for name in OPTIONS if name not in OUTER]
    for base in BASES.values():
        bare = replace(base, eps="none", decay="none")
        for count in range(changed + 1):
            for names in combinations(inner, count):
                for values in product(*(OPTIONS[name] for name in names)):
                    parts = replace(bare, **dict(zip(names, values, strict=True)))
                    if _is_sound(parts):
                        found.setdefault(parts)
    return tuple(found)


def _is_sound(parts: Parts) -> bool:
    """Whether no part of it is without meaning, or another's double."""
    has_v = parts.v != "none"
    rules = (
        parts.m != "none" or (parts.m_correction, parts.numerator) == ("none", "plain"),
        has_v or (parts.v_correction, parts.largest, parts.root) == ("none", "none", True),
        not (parts.is_sign and (has_v or parts.m_correction != "none")),
        parts.numerator != "interpolated" or (parts.is_sign and parts.m == "ema"),
        parts.v != "sum" or parts.v_correction == "none",
        parts.v != "max" or (parts.largest == "none" and parts.root),
        parts.v != "abs" or parts.largest == "none",
        parts.v not in ("of-m", "belief") or parts.m != "none",
        parts.m_correction != "frozen" or parts.v_correction != "none",
    )
    return all(rules)


class Kept(NamedTuple):
    """t: steps made; m, v: the averages; top: the largest v; d: the momentum of the steps."""

    t: int
    m: Array
    v: Array
    top: Array
    d: Array


@dataclass(frozen=True)
class Composed(Rule):
    """An update rule put together from parts."""

    State = Kept
    parts: Parts = Parts()
    lr: Any = GENERIC["lr"]
    beta1: float = GENERIC["beta1"]
    beta2: float = GENERIC["beta2"]
    eps: float = GENERIC["eps"]
    weight_decay: float = GENERIC["weight_decay"]
    momentum: float = GENERIC["momentum"]

    def init(self, x: Array) -> Kept:
        """Return the state before the first step."""
        return Kept(0, *(zeros_like(x) for _ in Kept._fields[1:]))

    def update(self, x: Array, g: Array, state: Kept) -> tuple[Array, Kept]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        parts, t, rate = self.parts, state.t + 1, self.lr_at(state.t + 1)
        g = -g if parts.ascent else g
        g = g + self.weight_decay * x if parts.decay == "coupled" else g
        m, above = self._above(g, state, t)
        v = self._v(g, m, state, t)
        if parts.decay == "inside":
            above = above + self.weight_decay * x
        top, below = self._below(state, v, t)
        step = quotient(above, below) if parts.v != "none" else above
        step = sign(step) if parts.is_sign else step
        d = self.momentum * state.d + step if parts.heavy else step
        return self._moved(x, rate, d), Kept(t, m, v, top, d)

    def _moved(self, x: Array, rate: Any, step: Array) -> Array:
        share = rate * self.weight_decay
        if self.parts.decay == "after":
            return (x - rate * step) * (1 - share)
        turned = {"decoupled": share, "grown": -share}.get(self.parts.decay)
        return x - rate * step if turned is None else x - turned * x - rate * step

    def _above(self, g: Array, state: Kept, t: int) -> tuple[Array, Array]:
        """Return m and what the step follows."""
        parts, beta = self.parts, self.beta1
        if parts.m == "none":
            return state.m, g
        if parts.numerator == "interpolated":
            m = self.beta2 * state.m + (1 - self.beta2) * g
            return m, beta * state.m + (1 - beta) * g
        weight = 1 if parts.m == "sum" else 1 - beta
        m = g if parts.m == "first" and t == 1 else beta * state.m + weight * g
        shown, correction = (state.m if parts.m == "late" else m), self._correct(beta, t)
        if parts.numerator == "nesterov":
            return m, (beta * shown + weight * g) / correction
        if parts.numerator == "ahead":
            ahead = self._correct(beta, t + 1)
            return m, beta * shown / ahead + weight * g / correction
        return m, shown / correction

    def _correct(self, beta: Any, t: int) -> Any:
        return _correction(self.parts.m_correction, beta, t)

    def _v(self, g: Array, m: Array, state: Kept, t: int) -> Array:
        kind, beta, v = self.parts.v, self.beta2, state.v
        if kind == "none":
            return v
        if kind == "max":
            return maximum(beta * v, abs(g))
        if kind == "yogi":
            return v - (1 - beta) * sign(v - g**2) * g**2
        new = {"of-m": m**2, "belief": (g - m) ** 2, "abs": abs(g)}.get(kind, g**2)
        if kind == "first" and t == 1:
            return new
        if kind == "sum":
            return v + new
        return beta * v + (1 if kind == "unweighted" else 1 - beta) * new

    def _below(self, state: Kept, v: Array, t: int) -> tuple[Array, Array]:
        """Return the largest v so far and the denominator."""
        parts = self.parts
        if parts.v == "none":
            return v, v
        correction = _correction(parts.v_correction, self.beta2, t)
        shown = state.v if parts.v == "late" else v
        shown = shown / correction if parts.largest == "corrected" else shown
        top = maximum(state.top, shown) if parts.largest != "none" else shown
        correction = 1 if parts.largest == "corrected" else correction
        if parts.v == "max":
            return top, self._with_eps(top / correction)
        if parts.eps == "hat":
            return top, (self._rooted(top) + self.eps) / self._rooted(correction)
        if parts.eps == "inside-hat":
            return top, self._rooted((top + self.eps) / correction)
        if parts.eps == "inside":
            return top, self._rooted(top / correction + self.eps)
        return top, self._with_eps(self._rooted(top / correction))

    def _rooted(self, a: Any) -> Any:
        return a**0.5 if self.parts.root else a

    def _with_eps(self, below: Array) -> Array:
        if self.parts.eps == "clamp":
            return (below + self.eps + abs(below - self.eps)) / 2
        return below if self.parts.eps == "none" else below + self.eps


def _correction(kind: str, beta: Any, t: int) -> Any:
    return {"none": 1, "right": 1 - beta**t, "frozen": 1 - beta, "ahead": 1 - beta ** (t + 1)}[kind]


def with_outer(core: Parts, decays: Collection[str]) -> Iterator[Parts]:
    """Yield parts with each ε and each of these decays."""
    places = OPTIONS["eps"] if core.v != "none" else ["none"]
    for eps, decay in product(places, decays):
        hats = core.v_correction in ("none", "frozen") and eps in ("hat", "inside-hat")
        if not hats and not (decay == "inside" and core.v == "none"):
            yield replace(core, eps=eps, decay=decay)


def formula(parts: Parts) -> str:
    """Return the id of the formula of the rule that was changed."""
    return FORMULAS[nearest(parts)]


def degree(parts: Parts) -> float:
    """Return the power of the gradient's size that a first step has."""
    if parts.is_sign or parts.v == "max":
        return 0
    if parts.v == "none":
        return 1
    return 1 - (1 if parts.v == "abs" else 2) * (0.5 if parts.root else 1)
