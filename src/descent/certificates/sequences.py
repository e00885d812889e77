"""What needs no worst-case analysis: runs, cycles and quadratics, in exact numbers.

Roots occur as numbers whose squares are compared, so no number is rounded unseen: where a bound on
a root is stated with some digits, the next digit up or down is shown to be too much.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from descent.certificates.exact import Field, Number, RefusedError, read
from descent.certificates.gram import require_semidefinite

__all__ = [
    "Data",
    "require",
    "require_counted",
    "fraction",
    "check_heavy_ball_cycle",
    "slope",
    "check_momentum_best",
    "check_lower_bound",
    "ZERO",
    "SECOND_DIFFERENCE",
    "least",
    "check_line_search_run",
    "searched",
    "check_subgradient_run",
    "fraction_at",
    "check_adagrad_extremal",
    "regret_over_bound",
    "Online",
    "require_pairs_gain",
    "require_drift_gains",
    "check_adam_step",
    "weights",
    "step_bound",
    "check_losses_in_a_cycle",
    "DIGIT",
    "cycle_of_v",
    "require_root",
    "check_rmsprop_cycle",
    "SEQUENCES",
]

Data = Mapping[str, Any]
"""A proof as in the file."""


def require(holds: bool, what: str) -> None:
    """Refuse the certificate unless something holds."""
    if not holds:
        raise RefusedError(what)


def require_counted(cases: Mapping[str, Any]) -> None:
    """Require that the keys are 1, 2, 3, ..."""
    require([*cases] == [str(n + 1) for n in range(len(cases))], "the steps are not 1, 2, 3, ...")


def fraction(text: str) -> Fraction:
    """Return the fraction that a text names."""
    return Fraction(read(text, {}, Fraction))


# --- momentum -------------------------------------------------------------------------------------


def check_heavy_ball_cycle(proof: Data, constant: str) -> None:
    """Check a cycle of heavy ball, tuned for quadratics, on a smooth strongly convex function.

    `root_l` and `root_L` are the roots of ℓ and L, `x` are the places of the cycle. The slope of
    the function is 0 at 0 and has the `curvatures` between the `kinks`, the first of them at 0.
    """
    a, c = fraction(proof["root_l"]), fraction(proof["root_L"])
    rate, momentum = fraction(proof["eta"]), fraction(proof["mu"])
    require(rate == (2 / (a + c)) ** 2, "η is not the best step on quadratics")
    require(momentum == ((c - a) / (c + a)) ** 2, "μ is not the best momentum on quadratics")
    kinks, curvatures = ([*map(fraction, proof[name])] for name in ("kinks", "curvatures"))
    ends = sorted(set(curvatures))
    require(
        [ends[0], ends[-1]] == [a**2, c**2], f"the curvatures are not those of [{a**2}, {c**2}]"
    )
    require(kinks[0] > 0 and kinks == sorted(set(kinks)), f"the kinks {kinks} do not rise from 0")
    x = [*map(fraction, proof["x"])]
    require(any(x) and len(x) == fraction(constant), f"the cycle has {len(x)} points")
    for t, at in enumerate(x):
        after = at + momentum * (at - x[t - 1]) - rate * slope(at, kinks, curvatures)
        require(x[(t + 1) % len(x)] == after, f"point {t} of the cycle leads to {after}")


def slope(x: Fraction, kinks: list[Fraction], curvatures: list[Fraction]) -> Fraction:
    """Return the slope at x of a function whose slope is 0 at 0 and bends at some kinks."""
    starts = [Fraction(0), *kinks]
    ends = [*kinks, max(x, kinks[-1])]
    parts = zip(starts, ends, curvatures, strict=True)
    return curvatures[0] * min(x, Fraction(0)) + sum(
        (bend * max(min(x, end) - start, Fraction(0)) for start, end, bend in parts), Fraction(0)
    )


def check_momentum_best(proof: Data, constant: str) -> None:
    """Check the best pair of heavy ball on quadratics, with a = √ℓ and a + d = √L.

    At λ = (p ℓ + q L)/(p + q) the discriminant of z² − (1 + μ − ηλ) z + μ is
    −η² (λ − ℓ)(L − λ) ≤ 0, so both roots have the size √μ, the `constant`. No pair is better: a
    pair whose roots have the size r or less has μ ≤ r² and κ ≤ (1 + r)(r + μ)/((1 − r)(r − μ)),
    which is at most ((1 + r)/(1 − r))². It is checked for r = p/(p + q), μ = r² · a/(a + d).
    """
    field = Field(("a", "d", "p", "q"))
    a, d, p, q = (field.parameters[name] for name in "adpq")
    low, high = a**2, (a + d) ** 2
    curvature = (p * low + q * high) / (p + q)
    rate, momentum, size = (field.read(text) for text in (proof["eta"], proof["mu"], constant))
    require(
        field.is_not_negative(size) and size**2 == momentum, "the constant is not the root of μ"
    )
    discriminant = (1 + momentum - rate * curvature) ** 2 - 4 * momentum
    expected = -(rate**2) * (curvature - low) * (high - curvature)
    require(discriminant == expected, f"the discriminant is {discriminant}")
    require((1 + size) / (1 - size) == (a + d) / a, "((1 + ρ)/(1 − ρ))² is not L/ℓ")
    # r = p/(p + q) is any number in (0, 1); the slack has to be ≥ 0 for all of them.
    r, mu = p / (p + q), p**2 / (p + q) ** 2 * a / (a + d)
    slack = ((1 + r) / (1 - r)) ** 2 - (1 + r) * (r + mu) / ((1 - r) * (r - mu))
    require(field.is_not_negative(slack), "a pair may be better")


# --- the lower bound ------------------------------------------------------------------------------


def check_lower_bound(proof: Data, constant: str) -> None:
    """Check Nesterov's worst function for each N, with L = 4 and 2N + 1 coordinates.

    f(x) = ½ xᵀAx − x_1 with A = tridiag(−1, 2, −1). From x_0 = 0 each gradient reaches one
    coordinate more, so after N steps only N coordinates differ from 0, and f is least in them at
    x_i = 1 − i/(N + 1).
    """
    require_counted(proof["gaps"])
    for name, stated in proof["gaps"].items():
        steps = int(name)
        n = 2 * steps + 1
        rows = [[SECOND_DIFFERENCE.get(abs(i - j), ZERO) for j in range(n)] for i in range(n)]
        # A and 4 − A semidefinite: the curvatures lie in [0, L].
        above = [[4 * (i == j) - rows[i][j] for j in range(n)] for i in range(n)]
        require_semidefinite(rows, Field())
        require_semidefinite(above, Field())
        gap = least(steps, n) - least(n, n)
        bound = Field().read(constant, N=Fraction(steps), L=Fraction(4))
        squared = sum(Fraction(n - i, n + 1) ** 2 for i in range(n))
        require(fraction(stated) == gap == bound * squared, f"N = {steps}: the gap is {gap}")


ZERO = Fraction(0)
"""The fraction 0."""

SECOND_DIFFERENCE = {0: Fraction(2), 1: Fraction(-1)}
"""The entries of A by their distance from the diagonal."""


def least(k: int, n: int) -> Fraction:
    """Return the least value of f in the first k of n coordinates, after checking where it is."""
    x = [Fraction(max(k - i, 0), k + 1) for i in range(n)]
    around = zip([ZERO, *x], x, [*x[1:], ZERO], strict=False)
    bends = [2 * at - before - after for before, at, after in around]
    slopes = [bend - (i == 0) for i, bend in enumerate(bends)]
    require(not any(slopes[:k]), "the slope in the coordinates that were reached is not 0")
    return sum((at * bend for at, bend in zip(x, bends, strict=True)), ZERO) / 2 - x[0]


# --- line search ----------------------------------------------------------------------------------


def check_line_search_run(proof: Data, constant: str) -> None:
    """Check the tries of a line search with c = ½ on the parabola x²/2, where L = 1, from x = 1.

    `first` is the step size before the first search, `counts` are the tries after N = 1, 2, ...
    searches, and x is the place after the last.
    """
    require_counted(proof["counts"])
    rate, x, tries = fraction(proof["first"]), Fraction(1), 0
    # E of the bound: the step size is at most 2^E before the first search.
    enough = next(n for n in range(len(proof["first"]) * 4 + 1) if rate <= 2**n)
    for name, stated in proof["counts"].items():
        rate, failures = searched(x, 2 * rate)
        x, tries = x - rate * x, tries + failures + 1
        bound = read(constant, {"N": Fraction(int(name)), "E": Fraction(enough)}, Fraction)
        require(x != 0 and stated == tries == bound, f"N = {name}: {tries} tries, not {bound}")
    require(x == fraction(proof["x"]), f"the run ends at {x}")


def searched(x: Fraction, rate: Fraction) -> tuple[Fraction, int]:
    """Return the first of rate, rate/2, ... that passes the test at x, and how many failed."""
    failures = 0
    while (x - rate * x) ** 2 > x**2 - rate * x**2:
        rate, failures = rate / 2, failures + 1
    return rate, failures


# --- without smoothness ---------------------------------------------------------------------------


def check_subgradient_run(proof: Data, constant: str) -> None:
    """Check the subgradient method on the largest coordinate or 0, from (1, ..., 1), with η = 1.

    Each step takes one coordinate to 0, so the least value of N steps in N coordinates is 1: the
    bound for ‖g‖² ≤ 1, where the best point is 0.
    """
    require_counted(proof["values"])
    for name, stated in proof["values"].items():
        x = [Fraction(1)] * int(name)
        least_value, squared = max(x), sum(entry**2 for entry in x)
        for _ in x:
            least_value = min(least_value, max(x))
            x[x.index(max(x))] -= 1
        bound = fraction_at(constant, name) * (squared / 2 + Fraction(int(name), 2))
        require(fraction(stated) == least_value == bound, f"N = {name}: {least_value} is attained")


def fraction_at(formula: str, steps: str) -> Fraction:
    """Return the value of a formula in N."""
    return Fraction(read(formula, {"N": Fraction(int(steps))}, Fraction))


# --- AdaGrad --------------------------------------------------------------------------------------


def check_adagrad_extremal(proof: Data, constant: str) -> None:
    """Check losses g_t x on which AdaGrad's regret comes near its bound, in one coordinate.

    With w = √s, a gradient of ±2q/(1 − q²) w multiplies w by (1 + q²)/(1 − q²), a fraction, and
    moves x by η · 2q/(1 + q²). The best point is 0. After a gradient of −1 that leads from D − η to
    D, `pairs` of gradients lead in and out again, of ratio `q`; then `drift` of ratio `r` lead to
    the best point. `constant` is the last multiple of a millionth that is at most regret/bound.
    """
    require_pairs_gain()
    require_drift_gains()
    part = regret_over_bound(proof)
    require(part == fraction(constant), f"the regret is {part} of the bound")


def regret_over_bound(proof: Data) -> Fraction:
    """Return the part of its bound that AdaGrad's regret reaches, rounded down to a millionth."""
    rate, reach, q, r = (fraction(proof[name]) for name in ("eta", "D", "q", "r"))
    require(0 < rate <= reach, f"η = {rate} is not in (0, D]")
    at = Online(rate, reach, reach - rate, Fraction(0), Fraction(0))
    at = at.after(Fraction(-1), Fraction(1))
    for _ in range(int(proof["pairs"])):
        at = at.turned(q).turned(-q)
    for _ in range(int(proof["drift"])):
        at = at.turned(r)
    # The bound is (D²/(2η) + η) √s, and `root` is √s: a fraction by the choice of gradients.
    part = Fraction(at.regret / (reach**2 / (2 * rate) + rate) / at.root)
    return part // DIGIT * DIGIT


class Online(NamedTuple):
    """A run of AdaGrad on losses g x, the best point at 0."""

    rate: Number
    reach: Number
    place: Number
    root: Number
    regret: Number

    def after(self, g: Number, root: Number) -> "Online":
        """Return the run after a gradient, where root is the new √s."""
        require(root**2 == self.root**2 + g**2, "a root is not that of s")
        regret, place = self.regret + g * self.place, self.place - self.rate * g / root
        return self._replace(place=place, root=root, regret=regret)

    def turned(self, q: Number) -> "Online":
        """Return the run after a gradient of 2q/(1 − q²) √s, from a place of at most D."""
        require(abs(self.place) <= self.reach, "a place is more than D away")
        other = 1 - q**2
        return self.after(2 * q / other * self.root, (1 + q**2) / other * self.root)


def require_pairs_gain() -> None:
    """Require that a pair of gradients adds (η − qD) times what it adds to √s, for 0 < q < 1."""
    field = Field(("eta", "D", "w", "a", "b"))
    rate, reach, root, a, b = field.parameters.values()
    q = a / (a + b)
    other, far = 1 - q**2, (1 + q**2) / (1 - q**2)
    run = Online(rate, reach, reach, root, field.lift(0))
    after = run.after(2 * q / other * root, far * root)
    after = after.after(-2 * q / other * after.root, far * after.root)
    require(after.place == reach, "a pair does not lead back")
    require(after.regret == (rate - q * reach) * (after.root - root), "a pair gains otherwise")


def require_drift_gains() -> None:
    """Require that regret + w x²/(2η) grows by (w' − w) x²/(2η) + η g²/(2w') at each step."""
    field = Field(("eta", "w", "r", "x", "g"))
    rate, root, more, x, g = field.parameters.values()
    far = root + more
    after = x - rate * g / far
    gain = g * x + (far * after**2 - root * x**2) / (2 * rate)
    require(gain == more * x**2 / (2 * rate) + rate * g**2 / (2 * far), "a step gains otherwise")


# --- Adam and its kin -----------------------------------------------------------------------------


def check_adam_step(proof: Data, constant: str) -> None:
    """Check the bound on Adam's step t for ε = 0, as a square: no gradients do worse, some attain.

    The form c · v̂_t − m̂_t² in the gradients g_1 … g_t is semidefinite, and 0 at g_s = (β₂/β₁)^s.
    """
    beta1, beta2 = fraction(proof["beta1"]), fraction(proof["beta2"])
    require(constant == [*proof["squares"].values()][-1], "the constant is not the last square")
    require_counted(proof["squares"])
    for t, square in proof["squares"].items():
        first, second = (weights(beta, int(t)) for beta in (beta1, beta2))
        bound = fraction(square)
        require(bound == step_bound(beta1, beta2, int(t)), f"t = {t}: the formula says otherwise")
        rows = [[bound * second[i] * (i == j) - first[i] * first[j] for j in range(int(t))]
                for i in range(int(t))]  # fmt: skip
        require_semidefinite(rows, Field())
        g = [(beta2 / beta1) ** s for s in range(int(t))]
        attained = sum(rows[i][j] * g[i] * g[j] for i in range(int(t)) for j in range(int(t)))
        require(attained == 0, f"t = {t}: the bound is not attained")


def weights(beta: Fraction, t: int) -> list[Fraction]:
    """Return the weights of the gradients in a corrected average."""
    return [(1 - beta) * beta ** (t - s) / (1 - beta**t) for s in range(1, t + 1)]


def step_bound(beta1: Fraction, beta2: Fraction, t: int) -> Fraction:
    """Return the square of the bound on a step, for η = 1."""
    r = beta1**2 / beta2
    outside = ((1 - beta1) / (1 - beta1**t)) ** 2
    return outside * (1 - beta2**t) / (1 - beta2) * (1 - r**t) / (1 - r)


def check_losses_in_a_cycle(proof: Data, constant: str) -> None:
    """Check how far Adam without momentum, or AMSGrad, moves in a cycle of gradients C, −1, −1.

    On the cycle that v falls into, the three steps are −g/√v. `steps` bounds each of them from
    below, exact to its last digit; `constant` is their sum, the least that a cycle adds to x. For
    AMSGrad both are meant downwards.
    """
    require(proof["rule"] in ("Adam", "AMSGrad"), f"unknown rule {proof['rule']}")
    gradients = [fraction(proof["C"]), Fraction(-1), Fraction(-1)]
    second = cycle_of_v(gradients, fraction(proof["beta2"]))
    if proof["rule"] == "AMSGrad":
        second, gradients = [max(second)] * 3, [-g for g in gradients]
    bounds = [fraction(bound) for bound in proof["steps"]]
    for g, v, bound in zip(gradients, second, bounds, strict=True):
        require_root(-g, v, bound)
    total = sum(bounds)
    require(total > 0 and total == fraction(constant), f"the steps add up to {total}")


DIGIT = Fraction(1, 10**6)
"""The last digit of the bounds on roots."""


def cycle_of_v(gradients: Sequence[Fraction], beta: Fraction) -> list[Fraction]:
    """Return v after each gradient of a cycle, once v repeats itself."""
    n = len(gradients)
    total = sum(beta ** (n - 1 - s) * g**2 for s, g in enumerate(gradients))
    # Where v repeats itself after n steps, v = βⁿ v + (1 − β) · total.
    v, seen = (1 - beta) * total / (1 - beta**n), []
    for g in gradients:
        v = beta * v + (1 - beta) * g**2
        seen.append(v)
    require(v == (1 - beta) * total / (1 - beta**n), "v does not repeat itself")
    return seen


def require_root(step: Fraction, v: Fraction, bound: Fraction) -> None:
    """Require that bound is the last multiple of a millionth with bound ≤ step/√v."""

    def at_most(one: Fraction) -> bool:
        """Whether one ≤ step/√v: by the signs, then by the squares."""
        if (one > 0) != (step > 0):
            return one <= 0
        return one**2 * v <= step**2 if one > 0 else one**2 * v >= step**2

    require(at_most(bound), f"{bound} is above {step}/√({v})")
    require(not at_most(bound + DIGIT), f"{bound + DIGIT} is not above {step}/√({v})")
    require(bound % DIGIT == 0, f"{bound} is no multiple of {DIGIT}")


def check_rmsprop_cycle(proof: Data, constant: str) -> None:
    """Check RMSprop's cycle on λx²/2: x goes to −x and v stays, for ρ = p/(p + q)."""
    field = Field(("eta", "lam", "p", "q"))
    x, v, root = (field.read(text) for text in (constant, proof["v"], proof["root"]))
    rho, g = field.read("p/(p + q)"), field.parameters["lam"] * x
    require(field.is_not_negative(root) and root**2 == v, "the root is not that of v")
    require(rho * v + (1 - rho) * g**2 == v, "v does not stay")
    require(x - field.parameters["eta"] * g / root == -x, "x does not go to −x")


SEQUENCES: dict[str, tuple[Callable[[Data, str], None], str]] = {
    "heavy-ball-cycle": (
        check_heavy_ball_cycle,
        "Heavy ball, η and μ best for quadratics with curvatures in [1, 25]: on a function with "
        "curvatures in [1, 25] it can go round {constant} points for ever.",
    ),
    "momentum-best": (
        check_momentum_best,
        "Heavy ball on quadratics with √ℓ = a and √L = a + d: the error factor {constant} is "
        "attained, and no pair η, μ has a smaller one.",
    ),
    "lower-bound": (
        check_lower_bound,
        "Any method that moves in the span of its gradients: on some convex L-smooth quadratic "
        "f(x_N) − f(x*) ≥ {constant} · ‖x_0 − x*‖², for N = {N}.",
    ),
    "line-search-run": (
        check_line_search_run,
        "Line search with c = ½ from η_0 = {first} on x²/2: the tries of N = {N} searches.",
    ),
    "subgradient-run": (
        check_subgradient_run,
        "The subgradient method with η = 1 on the largest of N coordinates: the least of N values.",
    ),
    "adagrad-extremal": (
        check_adagrad_extremal,
        "AdaGrad in one coordinate, η = {eta}, D = {D}: on the losses g_t x of the file the regret "
        "is at least {constant} of the bound adagrad-regret.",
    ),
    "adam-step": (
        check_adam_step,
        "Adam, ε = 0, β₁ = {beta1}, β₂ = {beta2}, t = {N}: the square of a step is at most what "
        "adam-step-bound says, the last one {constant} · η², and (β₂/β₁)^s attains it.",
    ),
    "losses-in-a-cycle": (
        check_losses_in_a_cycle,
        "{rule}, β₁ = 0, β₂ = {beta2}, gradients {C}, −1, −1 in a cycle, the best point at −1: "
        "each cycle moves x by at least {constant} · η, Adam up and AMSGrad down.",
    ),
    "rmsprop-cycle": (
        check_rmsprop_cycle,
        "RMSprop with any ρ on λx²/2: x = {constant} leads to −x, and back, for ever.",
    ),
}
"""The checks of sequences and their sentences, by name."""
