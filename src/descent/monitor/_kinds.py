"""The warnings: when each is due, which formula stands behind it, and what to try first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from descent.monitor._measures import Row

Holds = Callable[[Row], bool]


@dataclass(frozen=True)
class Kind:
    """A kind of warning.

    Attributes:
        formula: the id of the book's formula behind it.
        page: the chapter that derives it.
        what: what is said, with places for the numbers.
        first: what to try first.
        looks: how many looks in a row it takes; 0 where it is raised by what happens once.
        holds: whether a row shows it.
        share: instead of looks in a row, the share of all looks so far, of at least `looks`.
        whole: whether it is of all groups together.
    """

    formula: str
    page: str
    what: str
    first: str
    looks: int = 0
    holds: Holds | None = None
    share: float | None = None
    whole: bool = False


def above(name: str, limit: float) -> Holds:
    """Return whether a measure is known and above a limit."""

    def holds(row: Row) -> bool:
        value: Any = getattr(row, name)
        return value is not None and value > limit

    return holds


def _is_spike(row: Row) -> bool:
    return row.jump is not None and (above("age", 100)(row) or row.jump > 10)


def _is_lost(row: Row) -> bool:
    # Where the rate falls to 0 the last steps are below the spacing of the weights by intent.
    return row.lr > 0 and row.peak >= 0.1 and above("still", 0.9)(row)


def _is_beyond(row: Row) -> bool:
    known = row.sharpness is not None and row.limit is not None
    return known and row.sharpness > 1.25 * row.limit  # type: ignore[operator]


KINDS = {
    "non-finite": Kind(
        "gd-stability-limit",
        "gradient-descent",
        "weights or v are infinite or no numbers",
        "a smaller rate, a warm-up, or clipping; in float16 a larger ε, or a v of 32 bits",
        looks=1,
        holds=lambda row: not row.finite,
    ),
    "exploding": Kind(
        "gd-stability-limit",
        "gradient-descent",
        "weights or gradients are {growth:.3g} times the largest that were seen before",
        "a smaller rate, or a warm-up",
        looks=2,
        holds=above("growth", 10),
    ),
    "beyond-stability": Kind(
        "adam-stability-limit",
        "stability",
        "the preconditioned sharpness is {sharpness:.4g}, above the limit {limit:.4g} of this rate",
        "a smaller rate, a longer warm-up, or a larger ε",
        looks=2,
        holds=_is_beyond,
        whole=True,
    ),
    "spike": Kind(
        "adam-changing-gradients",
        "adam",
        "the gradients have outgrown what v remembers: g²/v̂ is {age:.3g}, √v̂ grew by {jump:.3g}",
        "a smaller β₂, clipping, or a smaller rate; look at the batches near this step",
        looks=1,
        holds=_is_spike,
    ),
    "eps-outweighs": Kind(
        "adam-large-epsilon-limit",
        "when-adam-fails",
        "ε is above √v̂ in {eps_share:.0%} of the coordinates: they move as under momentum",
        "a smaller ε, or a loss that is not scaled down",
        looks=3,
        holds=above("eps_share", 0.5),
    ),
    "second-moment-lost": Kind(
        "float16-second-moment",
        "adam-at-scale",
        "v is 0 in {lost:.0%} of the coordinates that have a gradient",
        "v in float32 or bfloat16; a scaled loss",
        looks=2,
        holds=above("lost", 0.1),
    ),
    "lost-displacement": Kind(
        "float-lost-displacement",
        "adam-at-scale",
        "steps are lost to rounding: {still:.0%} of the weights that have a gradient stay the same",
        "a copy of the weights in float32 for the optimiser, or a larger rate",
        looks=4,
        holds=_is_lost,
    ),
    "no-gradient": Kind(
        "backprop-chain-rule",
        "backpropagation",
        "in {looks} looks no gradient has reached {names}",
        "look for a detached tensor, a layer that is not called, or dead units; leave out of the "
        "optimiser what is not to be trained",
    ),
    "rate-zero": Kind(
        "schedule-cosine",
        "learning-rates",
        "the rate fell to 0 (from {peak_lr:.3g}) and the steps go on",
        "step the scheduler once for each step of the optimiser, not once a process or micro-batch",
        looks=2,
        holds=lambda row: row.peak < 1e-6,
    ),
    "always-clipped": Kind(
        "clip-by-norm",
        "batch-size",
        "the gradient is clipped in {share:.0%} of the looks: the step no longer knows its size",
        "a larger limit; with a GradScaler, unscale before clipping",
        looks=10,
        holds=lambda row: bool(row.same_norm) or above("before", 1)(row),
        share=0.9,
        whole=True,
    ),
    "wrong-t": Kind(
        "adam-wrong-t",
        "the-loop",
        "t went from {before:g} to {after:g} in one step",
        "count t up once a step, for each parameter by itself",
    ),
    "t-after-resume": Kind(
        "adam-wrong-t",
        "the-loop",
        "t is {t:g} after {steps:g} steps",
        "load the optimiser's state before the first step, t with the moments",
    ),
    "moments-without-t": Kind(
        "adam-wrong-t",
        "the-loop",
        "t is 0, and the moments are not: the correction divides a full v by 1 − β₂",
        "load t with the moments",
    ),
    "t-without-moments": Kind(
        "adam-wrong-t",
        "the-loop",
        "t is {t:g}, and all moments are 0: nothing corrects their start any more",
        "load the moments with t, or begin at t = 0",
    ),
    "state-missing": Kind(
        "adam-wrong-t",
        "the-loop",
        "there is no state for {names} after {steps:g} steps",
        "load the optimiser's state after it knows the parameters, and look at what was saved",
    ),
    "dead-hyperparameter": Kind(
        "adamw-update",
        "adam-family",
        "{name} = {value} changes nothing: {tried} steps of a copy with another value end alike",
        "look for the line of the step that should use it",
    ),
    "decay-grows": Kind(
        "adamw-update",
        "adam-family",
        "{name} = {value} makes the weights of a copy larger",
        "look at the sign of the decay: x is multiplied by 1 − ηλ",
    ),
}
"""All kinds of warnings by name."""

BEHIND = {
    "momentum": ("momentum-update", "momentum"),
    "beta": ("adam-moments", "adam"),
    "rho": ("rmsprop-update", "rmsprop"),
    "alpha": ("rmsprop-update", "rmsprop"),
}
"""The formula and chapter of a hyper-parameter that is dead, by a part of its name."""

LIMITS = {"gd-stability-limit": "gradient-descent", "momentum-stability": "momentum"}
"""The formulas of other stability limits than Adam's, and their chapters."""


@dataclass
class Finding:
    """A warning.

    Attributes:
        kind: its name, a key of `KINDS`.
        group: the group of parameters, or "all groups".
        since: the step of the first look that showed it.
        last: the step of the last look that showed it.
        what: what is wrong, in a sentence with its numbers.
        formula: the id of the formula of the book behind it.
        page: the chapter, whose address is `address`.
        first: what to try first.
    """

    kind: str
    group: str
    since: int
    last: int
    what: str
    formula: str
    page: str
    first: str

    @property
    def address(self) -> str:
        """Return the address of the formula in its chapter, from the book's first folder."""
        return f"book/{self.page}.html#{self.formula}"

    def __str__(self) -> str:
        return (
            f"{self.kind}, {self.group}, since step {self.since}: {self.what}. "
            f"Formula {self.formula}, {self.address}. Try first: {self.first}."
        )


class HealthWarning(UserWarning):
    """What a monitor warns with as soon as it finds something."""


def finding(kind: str, group: str, since: int, last: int, **values: Any) -> Finding:
    """Return a warning of a kind, its numbers in place."""
    about = KINDS[kind]
    what = about.what.format_map(_Shown(values))
    formula, page = about.formula, about.page
    if kind == "dead-hyperparameter":
        parts = (behind for part, behind in BEHIND.items() if part in values["name"])
        formula, page = next(parts, (formula, page))
    if values.get("law") in LIMITS:
        formula, page = values["law"], LIMITS[values["law"]]
    return Finding(kind, group, since, last, what, formula, page, about.first)


class _Number(float):
    """A number that may be unknown."""

    def __format__(self, form: str) -> str:
        return "unknown" if self != self else super().__format__(form)


class _Shown(dict[str, Any]):
    """Numbers by name; what is None reads as unknown."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return _Number("nan") if value is None else value
