"""Functions on the line that attain a bound for every number of steps N.

A family gives places, slopes and values of a run as formulas in the step i and in N. The check is
that they are a run of the method, that a function of the class has them, and that they attain the
bound. It holds for all N at once: i, N and the distances between them are parameters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from descent.certificates.exact import Field, Number, RefusedError
from descent.certificates.gram import UNIT, Sum
from descent.certificates.problems import STAR, Numbers, Point, smooth, smooth_convex, tangent

__all__ = [
    "Formula",
    "on_line",
    "value",
    "Family",
    "smooth_fact",
    "convex_fact",
    "bent_fact",
    "gradient_moves",
    "long_moves",
    "nesterov_starts",
    "nesterov_moves",
    "proximal_moves",
    "nothing",
    "height",
    "steepness",
    "distance",
    "RUN",
    "FAMILIES",
    "Run",
    "check_family",
    "require_run",
    "require_constant",
]

Formula = Callable[[str, Number], Number]
"""The value of a formula of the family, by its name and step."""


def on_line(x: Number, g: Number, f: Number) -> Point:
    """Return a point of the line."""
    return Point(Sum({"e": x}), Sum({"e": g}), Sum({UNIT: f}))


def value(quantity: Sum) -> Number:
    """Return the value of a quantity on the line, where the vector e is 1."""
    return sum(quantity.terms.values())


@dataclass(frozen=True)
class Family:
    """A method on the line.

    Attributes:
        fact: what is at least 0 for two points of a function of the class.
        starts: what has to vanish at the start of a run.
        moves: what has to vanish at its step i ≥ first.
        inner: the names of place, slope and value where the method asks for a gradient.
        end: their names at the last point.
        measure: what is bounded, at the last point.
        initial: what it is bounded by, at the first one.
        positive: parameters above 0.
        first: the first step for which `moves` holds.
    """

    fact: Callable[[Point, Point, Numbers], Sum]
    starts: Callable[[Formula, Numbers], list[Number]]
    moves: Callable[[Formula, Number, Numbers], list[Number]]
    inner: tuple[str, str, str]
    end: tuple[str, str, str]
    measure: Callable[[Point], Number]
    initial: Callable[[Point], Number]
    positive: tuple[str, ...] = ()
    first: int = 0


def smooth_fact(i: Point, j: Point, at: Numbers) -> Sum:
    """Return the fact of L-smooth convex functions."""
    return smooth_convex(i, j, at["L"])


def convex_fact(i: Point, j: Point, at: Numbers) -> Sum:
    """Return the fact of convex functions."""
    return tangent(i, j)


def bent_fact(i: Point, j: Point, at: Numbers) -> Sum:
    """Return the fact of L-smooth functions."""
    return smooth(i, j, at["L"])


def gradient_moves(of: Formula, i: Number, at: Numbers) -> list[Number]:
    """A step of 1/L."""
    return [of("x", i + 1) - of("x", i) + of("g", i) / at["L"]]


def long_moves(of: Formula, i: Number, at: Numbers) -> list[Number]:
    """A step of 3/(2L)."""
    return [of("x", i + 1) - of("x", i) + 3 * of("g", i) / (2 * at["L"])]


def nesterov_starts(of: Formula, at: Numbers) -> list[Number]:
    """The first step of Nesterov's method, which has no momentum yet: y_1 = x_1."""
    moved = of("y", 0) - of("g", 0) / at["L"]
    return [of("x", 1) - moved, of("y", 1) - moved]


def nesterov_moves(of: Formula, i: Number, at: Numbers) -> list[Number]:
    """A step of Nesterov's method with momentum i/(i + 3)."""
    before, after = of("x", i), of("x", i + 1)
    moved = after + i / (i + 3) * (after - before)
    return [after - of("y", i) + of("g", i) / at["L"], of("y", i + 1) - moved]


def proximal_moves(of: Formula, i: Number, at: Numbers) -> list[Number]:
    """A proximal step x_{i+1} = x_i − η g_{i+1}."""
    return [of("x", i + 1) - of("x", i) + at["eta"] * of("g", i + 1)]


def nothing(of: Formula, at: Numbers) -> list[Number]:
    """A run that starts without further ado."""
    return []


def height(at: Point) -> Number:
    """f(x) − f(x*)."""
    return value(at.f)


def steepness(at: Point) -> Number:
    """‖∇f(x)‖²."""
    return value(at.g) ** 2


def distance(at: Point) -> Number:
    """‖x − x*‖²."""
    return value(at.x) ** 2


RUN = ("x", "g", "f")
"""The names of place, slope and value."""

FAMILIES = {
    "gradient-descent": Family(
        smooth_fact, nothing, gradient_moves, RUN, RUN, height, distance, ("L",)
    ),
    "gradient-norm": Family(
        smooth_fact, nothing, gradient_moves, RUN, RUN, steepness, distance, ("L",)
    ),
    "long-steps": Family(smooth_fact, nothing, long_moves, RUN, RUN, height, distance, ("L",)),
    "stationary": Family(bent_fact, nothing, gradient_moves, RUN, RUN, steepness, height, ("L",)),
    "nesterov": Family(
        smooth_fact,
        nesterov_starts,
        nesterov_moves,
        ("y", "g", "f"),
        ("x", "g", "last"),
        height,
        distance,
        ("L",),
        first=1,
    ),
    "proximal-point": Family(
        convex_fact, nothing, proximal_moves, RUN, RUN, height, distance, ("eta",)
    ),
}
"""The methods on the line, by name."""


class Run:
    """The formulas of a family for some steps i < j < N that are parameters.

    Args:
        family: the method.
        proof: the formulas by name.
        steps: the names of the parameters of which steps and N are made.
    """

    def __init__(self, family: Family, proof: Mapping[str, Any], *steps: str) -> None:
        self.family, self.proof = family, proof
        self.field = Field(family.positive, steps)
        self.at = self.field.parameters
        self.total: Number = 1 + sum(self.at[step] for step in steps)

    def of(self, name: str, i: Number) -> Number:
        """Return the value of a formula at a step."""
        return self.field.read(self.proof[name], i=self.field.lift(1) * i, N=self.total)

    def point(self, i: Number) -> Point:
        """Return the point at which the gradient i is asked for."""
        return on_line(*(self.of(name, i) for name in self.family.inner))

    def end(self) -> Point:
        """Return the last point."""
        return on_line(*(self.of(name, self.total) for name in self.family.end))

    def require_pair(self, one: Point, other: Point) -> None:
        """Require that one function of the class passes through two points."""
        for i, j in permutations((one, other)):
            if not self.field.is_not_negative(found := value(self.family.fact(i, j, self.at))):
                raise RefusedError(f"no function of the class has these values: {found} is below 0")


def check_family(proof: Mapping[str, Any], constant: str) -> None:
    """Check that a run attains the constant for every N ≥ 1.

    Raises:
        RefusedError: it is no run of the method, no function of the class has its values, or it
            does not attain the constant.
    """
    family = FAMILIES[proof["problem"]]
    require_run(family, proof)
    # Any two points of the run: i and j + 1 = i + d + 1, of N = i + d + m + 2 steps.
    pair = Run(family, proof, "i", "d", "m")
    i, j = pair.at["i"], pair.at["i"] + pair.at["d"]
    pair.total = pair.total + 1
    pair.require_pair(pair.point(i), pair.point(j + 1))
    # The last point may have formulas of its own, so each other one is paired with it apart.
    single = Run(family, proof, "i", "m")
    single.require_pair(single.point(single.at["i"]), single.end())
    single.require_pair(single.point(single.at["i"]), STAR)
    require_constant(Run(family, proof, "m"), constant)


def require_run(family: Family, proof: Mapping[str, Any]) -> None:
    """Require that the formulas are a run: at its start, and at each step first ≤ i < N."""
    run = Run(family, proof, "i", "m")
    i = family.first + run.at["i"]
    run.total = i + 1 + run.at["m"]
    left = family.starts(run.of, run.at) + family.moves(run.of, i, run.at)
    if any(rest != 0 for rest in left):
        raise RefusedError(f"the formulas are no run of the method: {left} is left over")


def require_constant(run: Run, constant: str) -> None:
    """Require that the last point is one of the function, and attains the constant.

    Where a bound is attained, each fact that proves it is an equality; so is that of x* and x_N.
    """
    run.require_pair(run.end(), STAR)
    if (slack := value(run.family.fact(STAR, run.end(), run.at))) != 0:
        raise RefusedError(f"the last value could be larger by {slack}")
    claimed = run.field.read(constant, N=run.total) * run.family.initial(run.point(0))
    # 0 would be "attained" by a run that starts at the best point.
    if claimed == 0 or claimed != run.family.measure(run.end()):
        raise RefusedError(f"{run.family.measure(run.end())} is attained, and not {claimed}")
