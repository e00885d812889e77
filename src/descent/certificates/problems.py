"""The theorems that worst-case analysis proves: methods, classes of functions, what is claimed.

A problem is built from nothing but its name and its numbers; a certificate has no say in it. The
origin is a minimiser x* and function values are counted from f(x*), so x* has the coordinates 0.
Facts are quantities that are at least 0 for each function of the class:

- smooth and convex: f_i ≥ f_j + ⟨g_j, x_i − x_j⟩ + ‖g_i − g_j‖²/(2L) for any two points. These
  inequalities are also sufficient: numbers that satisfy them are those of a function of the class
  (Taylor, Hendrickx & Glineur 2017, Theorem 4). So are those of the other classes named *exact*.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from descent.certificates.exact import Field, Number
from descent.certificates.gram import UNIT, Sum, dot, named, square

__all__ = [
    "Point",
    "STAR",
    "Facts",
    "Numbers",
    "Statement",
    "tangent",
    "smooth_convex",
    "smooth_strongly_convex",
    "smooth",
    "below_parabola",
    "Pairs",
    "point",
    "Worst",
    "gradient_steps",
    "with_star",
    "unit_smooth_convex",
    "gradient_descent",
    "long_steps",
    "gradient_norm",
    "nesterov",
    "best_step",
    "short_step",
    "too_long_step",
    "sufficient_decrease",
    "armijo",
    "armijo_too_long",
    "lojasiewicz",
    "noisy_step",
    "adagrad_step",
    "projected_step",
    "WORST",
]


class Point(NamedTuple):
    """A point, the gradient and the function value there."""

    x: Sum
    g: Sum
    f: Sum


STAR = Point(Sum(), Sum(), Sum())
"""The minimiser."""

Facts = Mapping[str, Sum]
"""What is at least 0, by name."""

Numbers = Mapping[str, Number]
"""The numbers of a statement: N, or the parameters."""


class Statement(NamedTuple):
    """What is claimed: measure ≤ constant · initial, if each fact is at least 0."""

    initial: Sum
    measure: Sum
    facts: Facts


# --- classes of functions -------------------------------------------------------------------------


def tangent(i: Point, j: Point) -> Sum:
    """Return how far i lies above the tangent at j: at least 0 for a convex function (exact)."""
    return i.f - j.f - dot(j.g, i.x - j.x)


def smooth_convex(i: Point, j: Point, lip: Number) -> Sum:
    """Return what is at least 0 for an L-smooth convex function (exact)."""
    return tangent(i, j) - square(i.g - j.g).times(1 / (2 * lip))


def smooth_strongly_convex(i: Point, j: Point, low: Number, lip: Number) -> Sum:
    """Return what is at least 0 for an ℓ-strongly convex L-smooth function, ℓ < L (exact).

    It is the usual inequality times 2 (L − ℓ), which saves the division.
    """
    x, g = i.x - j.x, i.g - j.g
    bend = square(g) + square(x).times(low * lip) - dot(g, x).times(2 * low)
    return tangent(i, j).times(2 * (lip - low)) - bend


def smooth(i: Point, j: Point, lip: Number) -> Sum:
    """Return what is at least 0 for an L-smooth function (exact): the above with ℓ = −L."""
    x, g = i.x - j.x, i.g - j.g
    bend = square(g) - square(x).times(lip**2) + dot(g, x).times(2 * lip)
    return tangent(i, j) - bend.times(1 / (4 * lip))


def below_parabola(i: Point, j: Point, lip: Number) -> Sum:
    """Return how far i lies below the parabola of curvature L on the tangent at j."""
    return square(i.x - j.x).times(lip / 2) - tangent(i, j)


class Pairs(Facts):
    """The fact for each ordered pair of points, by their labels "i,j", made when it is asked for.

    Args:
        points: the points by label.
        fact: what is at least 0 for a pair.
    """

    def __init__(self, points: Mapping[str, Point], fact: Callable[[Point, Point], Sum]) -> None:
        self.points, self.fact = points, fact
        self.made: dict[str, Sum] = {}

    def __getitem__(self, name: str) -> Sum:
        if name not in self.made:
            i, _, j = name.partition(",")
            if i == j:
                raise KeyError(name)
            self.made[name] = self.fact(self.points[i], self.points[j])
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return (f"{i},{j}" for i, j in permutations(self.points, 2))

    def __len__(self) -> int:
        return len(self.points) * (len(self.points) - 1)


def point(label: object, x: Sum) -> Point:
    """Return the point x with a gradient and a value of its own."""
    return Point(x, named(f"g{label}"), named(f"f{label}"))


# --- worst cases for a number of steps, or for one ------------------------------------------------


@dataclass(frozen=True)
class Worst:
    """A worst case in one piece.

    Attributes:
        says: the theorem in a sentence; {N} and {constant} stand for the numbers.
        build: makes the statement from the numbers.
        positive: parameters above 0; if there is none, the numbers are N alone.
        not_negative: parameters of at least 0.
    """

    says: str
    build: Callable[[Numbers], Statement]
    positive: tuple[str, ...] = ()
    not_negative: tuple[str, ...] = ()

    def field(self) -> Field:
        """Return the field of the numbers."""
        return Field(self.positive, self.not_negative)


def gradient_steps(steps: int, rate: Number) -> list[Point]:
    """Return the points of gradient descent with L = 1."""
    points = [point(0, named("x0"))]
    for k in range(steps):
        points.append(point(k + 1, points[-1].x - rate * points[-1].g))
    return points


def with_star(points: Iterable[Point]) -> dict[str, Point]:
    """Return the points by their numbers, and the minimiser."""
    return {"*": STAR} | {str(k): one for k, one in enumerate(points)}


def unit_smooth_convex(points: Iterable[Point]) -> Facts:
    """Return the facts of a 1-smooth convex function."""
    return Pairs(with_star(points), lambda i, j: smooth_convex(i, j, Fraction(1)))


def gradient_descent(at: Numbers) -> Statement:
    """Gradient descent with η = 1/L; the last value, L = 1."""
    points = gradient_steps(int(at["N"]), Fraction(1))
    return Statement(square(points[0].x), points[-1].f, unit_smooth_convex(points))


def long_steps(at: Numbers) -> Statement:
    """Gradient descent with η = 3/(2L); the last value, L = 1."""
    points = gradient_steps(int(at["N"]), Fraction(3, 2))
    return Statement(square(points[0].x), points[-1].f, unit_smooth_convex(points))


def gradient_norm(at: Numbers) -> Statement:
    """Gradient descent with η = 1/L; the last gradient, L = 1."""
    points = gradient_steps(int(at["N"]), Fraction(1))
    return Statement(square(points[0].x), square(points[-1].g), unit_smooth_convex(points))


def nesterov(at: Numbers) -> Statement:
    """Nesterov's method with momentum k/(k + 3), gradients at y_k; the value at x_N, L = 1."""
    x = y = named("x0")
    points = []
    for k in range(int(at["N"])):
        points.append(point(k, y))
        moved = y - points[-1].g
        x, y = moved, moved + Fraction(k, k + 3) * (moved - x)
    points.append(point(len(points), x))
    return Statement(square(named("x0")), points[-1].f, unit_smooth_convex(points))


def best_step(at: Numbers) -> Statement:
    """One step of η = 2/(ℓ + L) on a strongly convex function; L = ℓ + d."""
    low, lip = at["l"], at["l"] + at["d"]
    x = named("x0")
    start = point(0, x)
    facts = Pairs({"*": STAR, "0": start}, lambda i, j: smooth_strongly_convex(i, j, low, lip))
    return Statement(square(x), square(x - 2 / (low + lip) * start.g), facts)


def short_step(at: Numbers) -> Statement:
    """One step on a strongly convex function with L + ℓ = 2/η − s ≤ 2/η; L = ℓ + d."""
    low, lip = at["l"], at["l"] + at["d"]
    rate = 2 / (low + lip + at["s"])
    start = point(0, named("x0"))
    facts = Pairs({"*": STAR, "0": start}, lambda i, j: smooth_strongly_convex(i, j, low, lip))
    return Statement(square(start.x), square(start.x - rate * start.g), facts)


def too_long_step(at: Numbers) -> Statement:
    """One step of η = (2 + d)/L on an L-smooth convex function."""
    start = point(0, named("x0"))
    after = point(1, start.x - (2 + at["d"]) / at["L"] * start.g)
    facts = Pairs(with_star([start, after]), lambda i, j: smooth_convex(i, j, at["L"]))
    return Statement(square(start.x), square(after.x), facts)


def sufficient_decrease(at: Numbers) -> Statement:
    """The line search's test f(x − ηg) ≤ f(x) − η/2 ‖g‖² for 1/L = η + s, on a smooth function."""
    lip = 1 / (at["eta"] + at["s"])
    start = point(0, named("x0"))
    after = point(1, start.x - at["eta"] * start.g)
    facts = {"1,0": below_parabola(after, start, lip)}
    return Statement(start.f - at["eta"] / 2 * square(start.g), after.f, facts)


def armijo(at: Numbers) -> Statement:
    """The test f(x − ηg) ≤ f(x) − c η ‖g‖², c = a/(a + b), for η = 2 (1 − c)/L − s; L follows."""
    rate, share = at["eta"], at["a"] / (at["a"] + at["b"])
    lip = 2 * (1 - share) / (rate + at["s"])
    start = point(0, named("x0"))
    after = point(1, start.x - rate * start.g)
    facts = {"1,0": below_parabola(after, start, lip)}
    return Statement(start.f - share * rate * square(start.g), after.f, facts)


def armijo_too_long(at: Numbers) -> Statement:
    """A step of η = 2 (1 − c)/L + t: on a parabola the test fails by η t L/2 ‖g‖²."""
    lip, share = at["L"], at["a"] / (at["a"] + at["b"])
    rate = 2 * (1 - share) / lip + at["t"]
    start = point(0, named("x0"))
    after = point(1, start.x - rate * start.g)
    allowed = start.f - share * rate * square(start.g)
    over = rate * at["t"] * lip / 2 * square(start.g)
    facts = Pairs(with_star([start, after]), lambda i, j: smooth_convex(i, j, lip))
    return Statement(allowed + over, after.f, facts)


def lojasiewicz(at: Numbers) -> Statement:
    """A step of η = 1/L on an L-smooth function with ‖g‖² ≥ 2ℓ (f − f*); L = ℓ + d."""
    lip = at["l"] + at["d"]
    start = point(0, named("x0"))
    after = point(1, start.x - 1 / lip * start.g)
    facts = {
        "1,0": below_parabola(after, start, lip),
        "PL": square(start.g) - 2 * at["l"] * start.f,
    }
    return Statement(start.f, after.f, facts)


def noisy_step(at: Numbers) -> Statement:
    """A step of SGD in expectation, 1/L = η + s, of variance at most σ² = v.

    The noise n is independent of the point, so its inner products with x and g have the mean 0.
    """
    rate, low = at["eta"], at["l"]
    lip = 1 / (rate + at["s"])
    x, g, n, before, after = (named(name) for name in ("x0", "g0", "n", "f0", "f1"))
    mean_square = square(g) + square(n)
    facts = {
        "1,0": before - rate * square(g) + lip * rate**2 / 2 * mean_square - after,
        "*,0": dot(g, x) - before - low / 2 * square(x),
        "noise": Sum({UNIT: at["v"]}) - square(n),
    }
    floor = rate * lip * at["v"] / (2 * low)
    return Statement(before - Sum({UNIT: floor}), after - Sum({UNIT: floor}), facts)


def adagrad_step(at: Numbers) -> Statement:
    """A step of AdaGrad in a coordinate: w and w + r are the roots of s before and after.

    It says that regret + w e²/(2η) − (D²/(2η) + η) w does not grow, with e = x − x* before the
    step and p after it; e² is at most D².
    """
    rate, root = at["eta"], at["w"] + at["r"]
    x, g, p = named("x0"), named("g0"), named("p")
    facts = {
        "projection": dot(x - rate / root * g - p, p),
        "accumulator": Sum({UNIT: root**2 - at["w"] ** 2}) - square(g),
        "box": Sum({UNIT: at["D"] ** 2}) - square(x),
        "one": Sum({UNIT: 1}),
    }
    price = at["D"] ** 2 / (2 * rate) + rate
    initial = at["w"] / (2 * rate) * square(x) + Sum({UNIT: price * at["r"]})
    return Statement(initial, dot(g, x) + root / (2 * rate) * square(p), facts)


def projected_step(at: Numbers) -> Statement:
    """A step of η/w, then the nearest point p of a convex set that holds x*.

    It bounds the regret ⟨g, x − x*⟩ of one step; w is the root of AdaGrad's accumulator.
    """
    rate = at["eta"] / at["w"]
    x, g, p = named("x0"), named("g0"), named("p")
    facts = {"projection": dot(x - rate * g - p, p)}
    half = 1 / (2 * rate)
    return Statement(half * (square(x) - square(p)) + rate / 2 * square(g), dot(g, x), facts)


WORST = {
    "gradient-descent": Worst(
        "Gradient descent, η = 1/L, f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for N = {N}.",
        gradient_descent,
    ),
    "long-steps": Worst(
        "Gradient descent, η = 3/(2L), f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for N = {N}.",
        long_steps,
    ),
    "gradient-norm": Worst(
        "Gradient descent, η = 1/L, f convex and L-smooth: "
        "‖∇f(x_N)‖² ≤ {constant} · ‖x_0 − x*‖² for N = {N}.",
        gradient_norm,
    ),
    "nesterov": Worst(
        "Nesterov's method with momentum k/(k + 3), f convex and L-smooth: "
        "f(x_N) − f(x*) ≤ {constant} · ‖x_0 − x*‖² for N = {N}.",
        nesterov,
    ),
    "best-step": Worst(
        "Gradient descent, η = 2/(l + L), f l-strongly convex and L-smooth, L = l + d: "
        "each step multiplies ‖x − x*‖² by at most {constant}.",
        best_step,
        ("l", "d"),
    ),
    "short-step": Worst(
        "Gradient descent, η = 2/(l + L + s), s ≥ 0, f l-strongly convex and L-smooth, L = l + d: "
        "each step multiplies ‖x − x*‖² by at most {constant}.",
        short_step,
        ("l", "d"),
        ("s",),
    ),
    "too-long-step": Worst(
        "Gradient descent, η = (2 + d)/L: on a convex L-smooth function each step multiplies "
        "‖x − x*‖² by {constant}.",
        too_long_step,
        ("L", "d"),
    ),
    "sufficient-decrease": Worst(
        "Line search, f L-smooth: every η = 1/L − s with 0 < η ≤ 1/L passes the test "
        "f(x − ηg) ≤ f(x) − η/2 ‖g‖².",
        sufficient_decrease,
        ("eta",),
        ("s",),
    ),
    "armijo": Worst(
        "Line search, f L-smooth, 0 < c < 1, c = a/(a + b): every η ≤ 2(1 − c)/L passes the test "
        "f(x − ηg) ≤ f(x) − cη ‖g‖²; on a convex parabola every longer one fails.",
        armijo,
        ("eta", "a", "b"),
        ("s",),
    ),
    "armijo-too-long": Worst(
        "A step of 2(1 − c)/L + t, c = a/(a + b), on a convex parabola: f(x − ηg) is larger than "
        "the test allows by ηtL/2 ‖g‖².",
        armijo_too_long,
        ("L", "a", "b"),
        ("t",),
    ),
    "lojasiewicz": Worst(
        "Gradient descent, η = 1/L, f L-smooth with ‖∇f‖² ≥ 2l (f − f*), L = l + d: "
        "each step multiplies f − f* by at most {constant}.",
        lojasiewicz,
        ("l",),
        ("d",),
    ),
    "noisy-step": Worst(
        "SGD, 1/L = η + s, f l-strongly convex and L-smooth, noise of variance at most v: each "
        "step multiplies E f − f* − ηLv/(2l) by at most {constant}.",
        noisy_step,
        ("eta", "l", "v"),
        ("s",),
    ),
    "projected-step": Worst(
        "A step of η/w and a projection on a convex set: "
        "⟨g, x − x*⟩ ≤ w/(2η) (‖x − x*‖² − ‖p − x*‖²) + η/(2w) ‖g‖².",
        projected_step,
        ("eta", "w"),
    ),
    "adagrad-step": Worst(
        "AdaGrad, projected or not, in each coordinate, w the root of s and D ≥ |x − x*|: regret "
        "+ w (x − x*)²/(2η) − (D²/(2η) + η) w never grows. So the regret is at most "
        "(D²/(2η) + η) √s_T.",
        adagrad_step,
        ("eta", "r", "D"),
        ("w",),
    ),
}
"""The worst cases in one piece, by name."""
