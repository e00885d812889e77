"""The theorems that hold for every number of steps N, proved by a potential.

A potential φ_k is a sum of a few quantities with coefficients in k, N and the parameters. Three
statements make a proof for all N at once:

    start: constant · initial ≥ φ_first
    step: φ_k ≥ φ_{k+1} for every k that occurs
    end: φ_last ≥ measure

Each is an identity in rational functions, checked as one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from descent.certificates.exact import Field, Number
from descent.certificates.gram import UNIT, Sum, dot, named, square
from descent.certificates.problems import (
    STAR,
    Facts,
    Point,
    below_parabola,
    point,
    smooth,
    smooth_convex,
    tangent,
)

__all__ = [
    "Quantities",
    "Numbers",
    "Step",
    "Edge",
    "Induction",
    "descent_quantities",
    "descent_points",
    "descent_step",
    "descent_start",
    "descent_end",
    "short_quantities",
    "short_descent_step",
    "plain_start",
    "value_end",
    "stationary",
    "stationary_step",
    "stationary_start",
    "short_stationary_start",
    "stationary_end",
    "short_stationary_step",
    "short_stationary_end",
    "tries_step",
    "tries_start",
    "tries_end",
    "searched_step",
    "searched_stationary_step",
    "heavy_ball_quantities",
    "heavy_ball_step",
    "heavy_ball_start",
    "heavy_ball_end",
    "nesterov_quantities",
    "nesterov_step",
    "nesterov_start",
    "nesterov_end",
    "subgradient_quantities",
    "subgradient_step",
    "subgradient_start",
    "subgradient_end",
    "proximal_step",
    "INDUCTIONS",
]

Quantities = dict[str, Sum]
"""What a potential is made of, by name."""

Numbers = Mapping[str, Number]
"""The parameters, k and N."""


class Step(NamedTuple):
    """The quantities of a potential before and after a step, and the facts between them."""

    before: Quantities
    after: Quantities
    facts: Facts


class Edge(NamedTuple):
    """The quantities of a potential at the start or the end, what they meet there, the facts."""

    quantities: Quantities
    meets: Sum
    facts: Facts


@dataclass(frozen=True)
class Induction:
    """A theorem for all N ≥ 1.

    Attributes:
        says: the theorem in a sentence; {constant} stands for its constant.
        start: makes the quantities of φ_first and the initial quantity.
        step: makes the quantities of φ_k and φ_{k+1}.
        end: makes the quantities of the last φ and the measure.
        positive: parameters above 0.
        not_negative: parameters of at least 0.
        first: the first potential is φ_first, 0 or 1.
        short: the last potential is φ_{N − short}.
    """

    says: str
    start: Callable[[Numbers], Edge]
    step: Callable[[Numbers], Step]
    end: Callable[[Numbers], Edge]
    positive: tuple[str, ...] = ()
    not_negative: tuple[str, ...] = ()
    first: int = 0
    short: int = 0

    def field(self, *steps: str) -> Field:
        """Return the field of the parameters and of some numbers of steps of at least 0."""
        return Field(self.positive, (*self.not_negative, *steps))


# --- gradient descent -----------------------------------------------------------------------------


def descent_quantities(at: Point) -> Quantities:
    """Return what the potential of gradient descent is made of."""
    return {"f": at.f, "xx": square(at.x), "xg": dot(at.x, at.g), "gg": square(at.g)}


def descent_points(rate: Number) -> tuple[Point, Point]:
    """Return a point and the next one of gradient descent."""
    before = point(0, named("x"))
    return before, point(1, before.x - rate * before.g)


def descent_step(at: Numbers) -> Step:
    """A step of η = 1/L."""
    before, after = descent_points(1 / at["L"])
    facts = {
        "0,1": smooth_convex(before, after, at["L"]),
        "*,1": smooth_convex(STAR, after, at["L"]),
    }
    return Step(descent_quantities(before), descent_quantities(after), facts)


def descent_start(at: Numbers) -> Edge:
    """The start of gradient descent."""
    first = point(0, named("x"))
    facts = {"*,0": smooth_convex(STAR, first, at["L"])}
    return Edge(descent_quantities(first), square(first.x), facts)


def descent_end(at: Numbers) -> Edge:
    """The last step of gradient descent, and the value there."""
    before, _, facts = descent_step(at)
    return Edge(before, named("f1"), facts)


# --- gradient descent, the textbook's bounds ------------------------------------------------------


def short_quantities(at: Point) -> Quantities:
    """Return value and distance."""
    return {"f": at.f, "xx": square(at.x)}


def short_descent_step(at: Numbers) -> Step:
    """A step of η with 1/L = η + s."""
    lip = 1 / (at["eta"] + at["s"])
    before, after = descent_points(at["eta"])
    facts = {
        "0,1": smooth_convex(before, after, lip),
        "*,0": smooth_convex(STAR, before, lip),
    }
    return Step(short_quantities(before), short_quantities(after), facts)


def plain_start(at: Numbers) -> Edge:
    """Value and distance at the start."""
    first = point(0, named("x"))
    return Edge(short_quantities(first), square(first.x), {})


def value_end(at: Numbers) -> Edge:
    """Value and distance at the end, and the value."""
    last = point(0, named("x"))
    return Edge(short_quantities(last), last.f, {"above": last.f})


def stationary(at: Point) -> Quantities:
    """Return the value, and what is at most each squared gradient so far."""
    return {"f": at.f, "least": named("least"), "gg": square(at.g)}


def stationary_step(at: Numbers) -> Step:
    """A step of η = 1/L on an L-smooth function; `least` is at most ‖g_k‖²."""
    before, after = descent_points(1 / at["L"])
    facts = {
        "0,1": smooth(before, after, at["L"]),
        "least": square(before.g) - named("least"),
    }
    return Step(stationary(before), stationary(after), facts)


def stationary_start(at: Numbers) -> Edge:
    """The first step on an L-smooth function."""
    _, after, facts = stationary_step(at)
    return Edge(after, named("f0"), facts)


def short_stationary_start(at: Numbers) -> Edge:
    """The start of a run on an L-smooth function that is bounded below."""
    first = point(0, named("x"))
    return Edge(stationary(first), first.f, {})


def stationary_end(at: Numbers) -> Edge:
    """The end; f − f* ≥ ‖g‖²/(2L) since a step of 1/L does not lead below f*."""
    last = point(0, named("x"))
    facts = {
        "above": last.f - 1 / (2 * at["L"]) * square(last.g),
        "least": square(last.g) - named("least"),
    }
    return Edge(stationary(last), named("least"), facts)


def short_stationary_step(at: Numbers) -> Step:
    """A step of η with 1/L = η + s on an L-smooth function."""
    lip = 1 / (at["eta"] + at["s"])
    before, after = descent_points(at["eta"])
    facts = {
        "1,0": below_parabola(after, before, lip),
        "least": square(before.g) - named("least"),
    }
    return Step(stationary(before), stationary(after), facts)


def short_stationary_end(at: Numbers) -> Edge:
    """The end, after N gradients."""
    last = point(0, named("x"))
    return Edge(stationary(last), named("least"), {"above": last.f})


# --- line search ----------------------------------------------------------------------------------


def tries_step(at: Numbers) -> Step:
    """A search that fails `j` times: it doubles the step size, then halves it j times.

    `tries` counts the values of f that were asked for, and the step size is η_0 halved `halved`
    times; so a search adds j + 1 to the one and j − 1 to the other.
    """
    tries, halved, failures, one = (named(name) for name in ("tries", "halved", "j", UNIT))
    before = {"tries": tries, "halved": halved, "one": one}
    after = {"tries": tries + failures + one, "halved": halved + failures - one, "one": one}
    return Step(before, after, {})


def tries_start(at: Numbers) -> Edge:
    """No try, nothing halved."""
    return Edge({"tries": Sum(), "halved": Sum(), "one": named(UNIT)}, named(UNIT), {})


def tries_end(at: Numbers) -> Edge:
    """The tries at the end; a step size that was halved E times passes, and is halved no more."""
    tries, halved, one = (named(name) for name in ("tries", "halved", UNIT))
    quantities = {"tries": tries, "halved": halved, "one": one}
    return Edge(quantities, tries, {"enough": at["E"] * one - halved})


def searched_step(at: Numbers) -> Step:
    """A step of e + s that passes the line search's test with c = ½, on a convex function."""
    before, after = descent_points(at["e"] + at["s"])
    facts = {
        "test": before.f - (at["e"] + at["s"]) / 2 * square(before.g) - after.f,
        "*,0": tangent(STAR, before),
        "above": after.f,
    }
    return Step(short_quantities(before), short_quantities(after), facts)


def searched_stationary_step(at: Numbers) -> Step:
    """A step of e + s that passes the test with any c > 0; no smoothness is used."""
    before, after = descent_points(at["e"] + at["s"])
    facts = {
        "test": before.f - at["c"] * (at["e"] + at["s"]) * square(before.g) - after.f,
        "least": square(before.g) - named("least"),
    }
    return Step(stationary(before), stationary(after), facts)


# --- momentum -------------------------------------------------------------------------------------


def heavy_ball_quantities(z: Sum, value: Sum) -> Quantities:
    """Return the distance of z = x + c d, the last value, and the least value."""
    return {"zz": square(z), "f": value, "least": named("least")}


def heavy_ball_step(at: Numbers) -> Step:
    """A step of heavy ball with momentum b = c/(1 + c) and η = (1 − b) γ, 1/L = γ + s.

    With d the last displacement, z = x + c d. The point before has the label -.
    """
    momentum, lip = at["c"] / (1 + at["c"]), 1 / (at["gamma"] + at["s"])
    d, now = named("d"), point(0, named("x"))
    last = Point(now.x - d, named("g-"), named("f-"))
    moved = momentum * d - (1 - momentum) * at["gamma"] * now.g
    z, z_after = now.x + at["c"] * d, now.x + moved + at["c"] * moved
    facts = {
        "-,0": smooth_convex(last, now, lip),
        "*,0": smooth_convex(STAR, now, lip),
        "least": now.f - named("least"),
    }
    return Step(heavy_ball_quantities(z, last.f), heavy_ball_quantities(z_after, now.f), facts)


def heavy_ball_start(at: Numbers) -> Edge:
    """The start, at rest: z_0 = x_0, and the value before is that at x_0."""
    x, value = named("x"), named("f")
    initial = 1 / (2 * at["gamma"]) * square(x) + at["c"] * value
    return Edge(heavy_ball_quantities(x, value), initial, {})


def heavy_ball_end(at: Numbers) -> Edge:
    """The end, and the least value."""
    quantities = heavy_ball_quantities(named("z"), named("f"))
    return Edge(quantities, named("least"), {"above": named("f")})


def nesterov_quantities(x: Point, z: Sum) -> Quantities:
    """Return the value at x_k and the distance of z_k."""
    return {"f": x.f, "zz": square(z)}


def nesterov_step(at: Numbers) -> Step:
    """A step of Nesterov's method, written with z.

    With t = (k + 2)/2, y_k = (1 − 1/t) x_k + z_k/t, x_{k+1} = y_k − g(y_k)/L and
    z_{k+1} = x_k + t (x_{k+1} − x_k). So y_{k+1} = x_{k+1} + k/(k + 3) · (x_{k+1} − x_k).
    """
    lip, t = at["L"], (at["k"] + 2) / 2
    x, z = point("x", named("x")), named("z")
    y = point("y", (1 - 1 / t) * x.x + 1 / t * z)
    after = point("+", y.x - 1 / lip * y.g)
    z_after = x.x + t * (after.x - x.x)
    facts = {
        "x,y": smooth_convex(x, y, lip),
        "*,y": smooth_convex(STAR, y, lip),
        "y,+": smooth_convex(y, after, lip),
        "above": after.f,
    }
    return Step(nesterov_quantities(x, z), nesterov_quantities(after, z_after), facts)


def nesterov_start(at: Numbers) -> Edge:
    """The start: z_0 = y_0 = x_0."""
    first = point("x", named("x"))
    return Edge(nesterov_quantities(first, first.x), square(first.x), {})


def nesterov_end(at: Numbers) -> Edge:
    """The last step, and the value at x_N."""
    before, after, facts = nesterov_step(at)
    return Edge(before, after["f"], facts)


# --- without smoothness ---------------------------------------------------------------------------


def subgradient_quantities(x: Sum) -> Quantities:
    """Return the distance, the least value and a constant."""
    return {"xx": square(x), "least": named("least"), "one": Sum({UNIT: 1})}


def subgradient_step(at: Numbers) -> Step:
    """A step of the subgradient method with ‖g‖² ≤ v, projected or not."""
    now = point(0, named("x"))
    after = named("p")
    facts = {
        "*,0": tangent(STAR, now),
        "bounded": Sum({UNIT: at["v"]}) - square(now.g),
        "projection": dot(now.x - at["eta"] * now.g - after, after),
        "least": now.f - named("least"),
    }
    return Step(subgradient_quantities(now.x), subgradient_quantities(after), facts)


def subgradient_start(at: Numbers) -> Edge:
    """The start: ‖x_0 − x*‖²/(2η) + Nηv/2."""
    x, rate = named("x"), at["eta"]
    noise = at["N"] * rate * at["v"] / 2
    return Edge(subgradient_quantities(x), 1 / (2 * rate) * square(x) + Sum({UNIT: noise}), {})


def subgradient_end(at: Numbers) -> Edge:
    """The end, and the least value."""
    return Edge(subgradient_quantities(named("x")), named("least"), {})


def proximal_step(at: Numbers) -> Step:
    """A proximal step x_{k+1} = x_k − η g_{k+1}, on a convex function."""
    after = point(1, named("x"))
    before = Point(after.x + at["eta"] * after.g, Sum(), named("f0"))
    facts = {"0,1": tangent(before, after), "*,1": tangent(STAR, after)}
    return Step(short_quantities(before), short_quantities(after), facts)


INDUCTIONS = {
    "gradient-descent-all": Induction(
        "Gradient descent, η = 1/L, f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for every N ≥ 1.",
        descent_start,
        descent_step,
        descent_end,
        ("L",),
        short=1,
    ),
    "gradient-descent-short": Induction(
        "Gradient descent, 0 < η ≤ 1/L, f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for every N ≥ 1.",
        plain_start,
        short_descent_step,
        value_end,
        ("eta",),
        ("s",),
    ),
    "stationary": Induction(
        "Gradient descent, η = 1/L, f L-smooth, f ≥ f*: "
        "min ‖∇f(x_k)‖² over 0 ≤ k ≤ N is at most {constant} · (f(x_0) − f*) for every N ≥ 1.",
        stationary_start,
        stationary_step,
        stationary_end,
        ("L",),
        first=1,
    ),
    "stationary-short": Induction(
        "Gradient descent, 0 < η ≤ 1/L, f L-smooth, f ≥ f*: "
        "min ‖∇f(x_k)‖² over 0 ≤ k < N is at most {constant} · (f(x_0) − f*) for every N ≥ 1.",
        short_stationary_start,
        short_stationary_step,
        short_stationary_end,
        ("eta",),
        ("s",),
    ),
    "line-search-tries": Induction(
        "Line search that doubles the step size and halves it until the test passes, f L-smooth: "
        "if E halvings of η_0 make it at most 2(1 − c)/L, the first N searches together try at "
        "most {constant} step sizes, for every N ≥ 1.",
        tries_start,
        tries_step,
        tries_end,
        (),
        ("E",),
    ),
    "line-search-convex": Induction(
        "Line search, f convex, every step at least e and passing the test with c = ½: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for every N ≥ 1.",
        plain_start,
        searched_step,
        value_end,
        ("e",),
        ("s",),
    ),
    "line-search-stationary": Induction(
        "Line search, f ≥ f*, every step at least e and passing the test with c: "
        "min ‖∇f(x_k)‖² over 0 ≤ k < N is at most {constant} · (f(x_0) − f*) for every N ≥ 1.",
        short_stationary_start,
        searched_stationary_step,
        short_stationary_end,
        ("c", "e"),
        ("s",),
    ),
    "heavy-ball": Induction(
        "Heavy ball, momentum b = c/(1 + c), η = (1 − b)γ, 0 < γ ≤ 1/L, f convex and L-smooth: "
        "min f(x_k) − f(x*) over 0 ≤ k < N is at most "
        "{constant} · (‖x_0 − x*‖²/(2γ) + c (f(x_0) − f(x*))) for every N ≥ 1.",
        heavy_ball_start,
        heavy_ball_step,
        heavy_ball_end,
        ("gamma",),
        ("c", "s"),
    ),
    "nesterov-all": Induction(
        "Nesterov's method with momentum k/(k + 3), f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for every N ≥ 1.",
        nesterov_start,
        nesterov_step,
        nesterov_end,
        ("L",),
        short=1,
    ),
    "subgradient": Induction(
        "Subgradient method with projection, step η, f convex, ‖g‖² ≤ v: min f(x_k) − f(x*) over "
        "0 ≤ k < N is at most {constant} · (‖x_0 − x*‖²/(2η) + Nηv/2) for every N ≥ 1.",
        subgradient_start,
        subgradient_step,
        subgradient_end,
        ("eta", "v"),
    ),
    "proximal-point": Induction(
        "Proximal point method, step η, f convex: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for every N ≥ 1.",
        plain_start,
        proximal_step,
        value_end,
        ("eta",),
    ),
}
"""The theorems for all N, by name."""
