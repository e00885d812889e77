"""Write the certificates: `python -m tools.certificates.write`, a part of `make certificates`.

Each proof names its multipliers. What is left over of the claim, a form of squares, and the places
where a run attains a bound follow from them, and all is stored in `src/descent/certificates/data`.
`tools.certificates.worst_cases` finds multipliers with PEPit and compares.

Nothing that is written here is trusted: `python -m descent.certificates` checks it.
"""

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import isqrt
from typing import Any

from sympy import factor, symbols

from descent.certificates import _DATA as DATA
from descent.certificates.exact import Field, Number
from descent.certificates.gram import Sum, matrix
from descent.certificates.proofs import STAGES, claimed
from descent.certificates.sequences import (
    DIGIT,
    cycle_of_v,
    least,
    regret_over_bound,
    searched,
    step_bound,
)

STEPS = range(1, 21)
"""The numbers of steps for which a worst case is certified one by one."""

Proof = dict[str, Any]
Numbers = Mapping[str, Number]


# --- proofs from multipliers ----------------------------------------------------------------------


def proof_of(
    claim: Sum, facts: Mapping[str, Sum], multipliers: Mapping[str, str], field: Field, at: Numbers
) -> Proof:
    """Return the multipliers and the matrix of what they leave over of a claim."""
    for name, one in multipliers.items():
        claim = claim - facts[name].times(field.read(one, **at))
    names = sorted({name for pair in claim.terms if isinstance(pair, tuple) for name in pair})
    rows = [row[: i + 1] for i, row in enumerate(matrix(claim, names, field))]
    return {
        "multipliers": {name: one for name, one in multipliers.items() if one != "0"},
        "vectors": names,
        "matrix": [[written(entry, at) for entry in row] for row in rows],
    }


def written(value: Number, at: Numbers) -> str:
    """Return an exact number as text, in k and N where they are numbers of the proof."""
    if not hasattr(value, "as_expr"):
        return str(value)
    expression = value.as_expr()
    if "N" in at:
        k, n, m = symbols("k N m")
        now, total = at["k"].as_expr(), at["N"].as_expr()
        apart = (total - now).subs(m, 0)
        steps = {m: n - total.subs(m, 0)}
        if now.has(k):
            steps = {m: n - k - apart, k: k - now.subs(k, 0)}
        expression = expression.subs(steps, simultaneous=True)
    return str(factor(expression))


def dual(problem: str, constant: str, multipliers: Mapping[str, str]) -> Proof:
    """Return the proof of a theorem with parameters."""
    statement, claim, field = claimed(problem, {}, constant)
    case = proof_of(claim, statement.facts, multipliers, field, {})
    return {"kind": "dual", "problem": problem, "cases": [case]}


def duals(
    problem: str,
    constant: str,
    multipliers: Callable[[int], dict[str, Fraction]],
    steps: range = STEPS,
) -> Proof:
    """Return the proofs for each number of steps."""
    cases = [case_of(problem, constant, multipliers(n), n) for n in steps]
    return {"kind": "dual", "problem": problem, "cases": cases}


def case_of(problem: str, constant: str, multipliers: Mapping[str, Fraction], n: int) -> Proof:
    """Return the proof for N = n."""
    statement, claim, field = claimed(problem, {"N": n}, constant)
    texts = {name: str(one) for name, one in multipliers.items() if one}
    return {"N": n} | proof_of(claim, statement.facts, texts, field, {})


def induction(
    problem: str,
    constant: str,
    potential: Mapping[str, str],
    step: Mapping[str, str],
    start: Mapping[str, str] | None = None,
    end: Mapping[str, str] | None = None,
) -> Proof:
    """Return the proof of a theorem for all N."""
    proof: Proof = {"kind": "induction", "problem": problem, "potential": potential}
    for name, multipliers in {"start": start or {}, "step": step, "end": end or {}}.items():
        claim, facts, field, numbers = STAGES[name](proof, constant)
        proof[name] = proof_of(claim, facts, multipliers, field, numbers)
    return proof


def family(problem: str, **formulas: str) -> Proof:
    """Return a run on the line that attains a bound for all N."""
    return {"kind": "family", "problem": problem, **formulas}


def attained(problem: str, *cases: Proof) -> Proof:
    """Return runs that attain a bound."""
    return {"kind": "attained", "problem": problem, "cases": list(cases)}


def sequence(problem: str, **data: Any) -> Proof:
    """Return what a check of `descent.certificates.sequences` needs."""
    return {"kind": "sequence", "problem": problem, **data}


def huber(bend: str, place: str) -> str:
    """Return the value of Huber's function of slope L · bend at a place beyond the bend."""
    return f"L*({bend})*({place} - ({bend})/2)"


# --- multipliers in closed form -------------------------------------------------------------------


def chain(weights: list[Fraction]) -> dict[str, Fraction]:
    """Return multipliers along a run, from a_i of (i − 1, i): those of (*, i) are a_{i+1} − a_i."""
    ends = [Fraction(0), *weights, Fraction(1)]
    along = {f"{i},{i + 1}": one for i, one in enumerate(weights)}
    return along | {f"*,{i}": ends[i + 1] - ends[i] for i in range(len(ends) - 1)}


def descent_multipliers(n: int) -> dict[str, Fraction]:
    """Return those of Drori and Teboulle, a_i = i/(2N + 1 − i)."""
    return chain([Fraction(i, 2 * n + 1 - i) for i in range(1, n + 1)])


def nesterov_multipliers(n: int) -> dict[str, Fraction]:
    """Return a_{i+1} = C_i/(2S − D_i).

    A constant slope h moves y_i by h D_i and x_N by h S, and C_i is what the gradients 0 … i add
    to S. They are what the dual has to be if its matrix is to vanish at Huber's function.
    """
    twice, total = Fraction(n**2 + 5 * n + 2, 4), Fraction(0)
    found = []
    for i in range(n):
        total += Fraction(i + 2, 2) * (1 - Fraction(i * (i + 1), n * (n + 1)))
        found.append(total / (twice - Fraction(i * (i + 7), 8)))
    return chain(found)


def norm_multipliers(n: int) -> dict[str, Fraction]:
    """Return those of the gradient norm: 2/(N + 1)² for each (*, i)."""
    star = Fraction(2, (n + 1) ** 2)
    found = {f"{i},{i + 1}": Fraction(2 * (i + 1), (n - i) * (n + 1)) for i in range(n)}
    found |= {f"*,{i}": star for i in range(n + 1)} | {f"{n},*": Fraction(2, n + 1)}
    last = {f"{n},{i}": Fraction(2, (n - i) * (n - i + 1)) - star for i in range(n)}
    return found | {name: one + found.get(name, 0) for name, one in last.items()}


# --- the certificates -----------------------------------------------------------------------------

HUBER = "1/(2*N + 1)"
LONG = "1/(3*N + 1)"
NESTEROV = "4/((N + 2)*(N + 3))"
NESTEROV_X = f"(1 - {NESTEROV}*(i**2 + 5*i + 2)/8)"
NESTEROV_Y = f"(1 - {NESTEROV}*i*(i + 7)/8)"


def convex_worst_case() -> list[Proof]:
    """Gradient descent on smooth convex functions, exactly, for all N."""
    potential = {
        "f": "(k + 1)/(2*N - k)",
        "xx": "L*(2*N + 1 - 2*k)/(2*(2*N + 1 - k)**2)",
        "xg": "-(2*N + 1)/((2*N + 1 - k)*(2*N - k))",
        "gg": "(k + 1)/(2*L*(2*N - k))",
    }
    step = {"0,1": "(k + 1)/(2*N - k)", "*,1": "(2*N + 1)/((2*N - k)*(2*N - k - 1))"}
    end = {"0,1": "N/(N + 1)", "*,1": "1/(N + 1)"}
    place = "(1 - i/(2*N + 1))"
    return [
        induction("gradient-descent-all", "L/(4*N + 2)", potential, step, {"*,0": "1/(2*N)"}, end),
        family("gradient-descent", x=place, g=f"L*{HUBER}", f=huber(HUBER, place)),
    ]


def convex_table() -> list[Proof]:
    """The same for N = 1, 2, 3 in one piece: the page shows the first by hand."""
    place = "(1 - i/(2*N + 1))"
    return [
        duals("gradient-descent", "L/(4*N + 2)", descent_multipliers, range(1, 4)),
        family("gradient-descent", x=place, g=f"L*{HUBER}", f=huber(HUBER, place)),
    ]


def convex_bound() -> list[Proof]:
    """The bound of the textbooks."""
    potential = {"f": "k/N", "xx": "1/(2*eta*N)"}
    step = {"0,1": "(k + 1)/N", "*,0": "1/N"}
    return [induction("gradient-descent-short", "1/(2*eta*N)", potential, step)]


def long_steps() -> list[Proof]:
    """Gradient descent with a step of 3/(2L)."""
    place = "(1 - 3*i/(2*(3*N + 1)))"
    return [
        duals("long-steps", "L/(6*N + 2)", descent_multipliers),
        family("long-steps", x=place, g=f"L*{LONG}", f=huber(LONG, place)),
    ]


def gradient_norm() -> list[Proof]:
    """The last gradient of gradient descent."""
    place = "(1 - i/(N + 1))"
    return [
        duals("gradient-norm", "L**2/(N + 1)**2", norm_multipliers),
        family("gradient-norm", x=place, g="L/(N + 1)", f=huber("1/(N + 1)", place)),
    ]


def nonconvex_worst_case() -> list[Proof]:
    """The least gradient on smooth functions, exactly."""
    potential = {"f": "4*L/(3*N + 2)", "least": "(3*k - 1)/(3*N + 2)", "gg": "1/(3*N + 2)"}
    bend = "4*L/(3*N + 2)"
    start, step = ({"0,1": bend, "least": f"{c}/(3*N + 2)"} for c in (2, 3))
    end = {"above": bend, "least": "3/(3*N + 2)"}
    return [
        induction("stationary", bend, potential, step, start, end),
        family("stationary", x="N - i + 1", g="L", f="L*(3*(N - i) + 2)/4"),
    ]


def nonconvex_bound() -> list[Proof]:
    """The bound of the textbooks."""
    potential = {"f": "2/(eta*N)", "least": "k/N"}
    step = {"1,0": "2/(eta*N)", "least": "1/N"}
    end = {"above": "2/(eta*N)"}
    return [induction("stationary-short", "2/(eta*N)", potential, step, end=end)]


def best_step() -> list[Proof]:
    """The best step on strongly convex functions: both ends of the curvatures attain its factor."""
    constant = "(d/(2*l + d))**2"
    ends = [
        {"vectors": {"x0": ["1"], "g0": [curvature]}, "values": {"f0": f"({curvature})/2"}}
        for curvature in ("l", "l + d")
    ]
    weight = "2/(2*l + d)**2"
    both = {"*,0": weight, "0,*": weight}
    return [dual("best-step", constant, both), attained("best-step", *ends)]


def short_step() -> list[Proof]:
    """A shorter step on strongly convex functions."""
    constant = "((d + s)/(2*l + d + s))**2"
    flat = {"vectors": {"x0": ["1"], "g0": ["l"]}, "values": {"f0": "l/2"}}
    weight = "2*(d + s)/(d*(2*l + d + s)**2)"
    both = {"*,0": weight, "0,*": weight}
    return [dual("short-step", constant, both), attained("short-step", flat)]


def too_long_step() -> list[Proof]:
    """A parabola on which a step of more than 2/L leads away."""
    after = "L*(1 + d)"
    case = {
        "vectors": {"x0": ["1"], "g0": ["L"], "g1": [f"-{after}"]},
        "values": {"f0": "L/2", "f1": "L*(1 + d)**2/2"},
    }
    return [attained("too-long-step", case)]


def line_search() -> list[Proof]:
    """The line search takes every step of at most 1/L."""
    return [dual("sufficient-decrease", "1", {"1,0": "1"})]


def armijo() -> list[Proof]:
    """The longest step that the line search's test is sure to take, for any c."""
    after = "(1 - L*(2*b/((a + b)*L) + t))"
    case = {
        "vectors": {"x0": ["1"], "g0": ["L"], "g1": [f"L*{after}"]},
        "values": {"f0": "L/2", "f1": f"L*{after}**2/2"},
    }
    return [dual("armijo", "1", {"1,0": "1"}), attained("armijo-too-long", case)]


def line_search_tries() -> list[Proof]:
    """How many step sizes a line search tries."""
    constant, first = "2*N + E", Fraction(37)
    potential = {"tries": "1", "halved": "-1", "one": "2*(N - k) + E"}
    rate, x, tries, counts = first, Fraction(1), 0, {}
    for n in STEPS:
        rate, failures = searched(x, 2 * rate)
        x, tries = x - rate * x, tries + failures + 1
        counts[str(n)] = tries
    run = sequence("line-search-run", first=str(first), counts=counts, x=str(x))
    return [induction("line-search-tries", constant, potential, {}, end={"enough": "1"}), run]


def line_search_convex() -> list[Proof]:
    """The value after a line search, on convex functions."""
    potential = {"f": "k/N", "xx": "1/(2*e*N)"}
    step = {"test": "(e + s)/(e*N) + k/N", "*,0": "(e + s)/(e*N)", "above": "s/(e*N)"}
    return [induction("line-search-convex", "1/(2*e*N)", potential, step)]


def line_search_stationary() -> list[Proof]:
    """The least gradient of a line search, on any function that is bounded below."""
    potential = {"f": "1/(c*e*N)", "least": "k/N"}
    step, end = {"test": "1/(c*e*N)", "least": "1/N"}, {"above": "1/(c*e*N)"}
    return [induction("line-search-stationary", "1/(c*e*N)", potential, step, end=end)]


def lojasiewicz() -> list[Proof]:
    """The rate under the inequality of Polyak and Łojasiewicz."""
    return [dual("lojasiewicz", "d/(l + d)", {"1,0": "1", "PL": "1/(2*(l + d))"})]


def noisy() -> list[Proof]:
    """SGD with a constant step."""
    noise = "eta**2/(2*(eta + s))"
    return [dual("noisy-step", "1 - eta*l", {"1,0": "1", "*,0": "eta*l", "noise": noise})]


def nesterov_worst_case() -> list[Proof]:
    """Nesterov's method, exactly: no worse for N = 1..20, as bad for all N."""
    constant = "2*L/((N + 2)*(N + 3))"
    return [
        duals("nesterov", constant, nesterov_multipliers),
        family(
            "nesterov",
            x=NESTEROV_X,
            y=NESTEROV_Y,
            g=f"L*{NESTEROV}",
            f=huber(NESTEROV, NESTEROV_Y),
            last=huber(NESTEROV, NESTEROV_X),
        ),
    ]


def nesterov_bound() -> list[Proof]:
    """The bound of the textbooks, for all N."""
    potential = {"f": "k*(k + 2)/(N + 1)**2", "zz": "2*L/(N + 1)**2"}
    step = {
        "x,y": "k*(k + 2)/(N + 1)**2",
        "*,y": "2*(k + 2)/(N + 1)**2",
        "y,+": "(k + 2)**2/(N + 1)**2",
        "above": "1/(N + 1)**2",
    }
    end = {"x,y": "(N - 1)/(N + 1)", "*,y": "2/(N + 1)", "y,+": "1"}
    return [induction("nesterov-all", "2*L/(N + 1)**2", potential, step, end=end)]


def lower_bound() -> list[Proof]:
    """Nesterov's worst function."""
    gaps = {str(n): str(least(n, 2 * n + 1) - least(2 * n + 1, 2 * n + 1)) for n in STEPS}
    return [sequence("lower-bound", gaps=gaps)]


def heavy_ball() -> list[Proof]:
    """Heavy ball on smooth convex functions."""
    potential = {"zz": "1/(2*gamma*N)", "f": "c/N", "least": "k/N"}
    step = {"-,0": "c/N", "*,0": "1/N", "least": "1/N"}
    return [induction("heavy-ball", "1/N", potential, step, end={"above": "c/N"})]


def heavy_ball_cycle() -> list[Proof]:
    """The cycle of Lessard, Recht and Packard."""
    tuning = {"root_l": "1", "root_L": "5", "eta": "1/9", "mu": "4/9"}
    slope = {"kinks": ["1", "2"], "curvatures": ["25", "1", "25"]}
    x = ["792/1225", "-2208/1225", "2592/1225"]
    return [sequence("heavy-ball-cycle", **tuning, **slope, x=x)]


def momentum_best() -> list[Proof]:
    """The best pair of heavy ball on quadratics."""
    return [sequence("momentum-best", eta="(2/(2*a + d))**2", mu="(d/(2*a + d))**2")]


def subgradient() -> list[Proof]:
    """The subgradient method."""
    potential = {"xx": "1/(2*eta*N)", "least": "k/N", "one": "eta*v*(N - k)/(2*N)"}
    step = {"*,0": "1/N", "bounded": "eta/(2*N)", "projection": "1/(eta*N)", "least": "1/N"}
    run = sequence("subgradient-run", values={str(n): "1" for n in STEPS})
    return [induction("subgradient", "1/N", potential, step), run]


def proximal_point() -> list[Proof]:
    """The proximal point method, exactly, for all N."""
    potential = {"f": "k/(2*N - k)", "xx": "(N - k)/(eta*(2*N - k)**2)"}
    step = {"0,1": "k/(2*N - k)", "*,1": "2*N/((2*N - k)*(2*N - k - 1))"}
    place = "(1 - i/(2*N))"
    return [
        induction("proximal-point", "1/(4*eta*N)", potential, step),
        family("proximal-point", x=place, g="1/(2*eta*N)", f=f"{place}/(2*eta*N)"),
    ]


def projected() -> list[Proof]:
    """A projected step."""
    return [dual("projected-step", "1", {"projection": "w/eta"})]


def adagrad() -> list[Proof]:
    """AdaGrad's regret, step by step."""
    step = {"projection": "(w + r)/eta", "accumulator": "eta/(2*(w + r))", "box": "r/(2*eta)"}
    step["one"] = "eta*r**2/(2*(w + r))"
    return [dual("adagrad-step", "1", step)]


def adagrad_extremal() -> list[Proof]:
    """Losses that bring AdaGrad's regret near its bound."""
    ratios = {"q": "1/16", "pairs": "300", "r": "1/400", "drift": "283"}
    return [sequence("adagrad-extremal", eta="12", D="17", **ratios)]


def adam_step() -> list[Proof]:
    """The bound on Adam's step with the usual settings."""
    beta1, beta2 = Fraction(9, 10), Fraction(999, 1000)
    found = {str(t): str(step_bound(beta1, beta2, t)) for t in range(1, 9)}
    return [sequence("adam-step", beta1=str(beta1), beta2=str(beta2), squares=found)]


def losses_in_a_cycle(rule: str) -> list[Proof]:
    """Adam's drift on the losses of Reddi, Kale and Kumar, or AMSGrad's."""
    gradients, beta2 = [Fraction(3), Fraction(-1), Fraction(-1)], Fraction(1, 10)
    second = cycle_of_v(gradients, beta2)
    if rule == "AMSGrad":
        second, gradients = [max(second)] * 3, [-g for g in gradients]
    steps = [below(-g, v) for g, v in zip(gradients, second, strict=True)]
    data = {"C": "3", "beta2": str(beta2), "steps": [*map(str, steps)]}
    return [sequence("losses-in-a-cycle", rule=rule, **data)]


def below(step: Fraction, v: Fraction) -> Fraction:
    """Return the largest multiple of a millionth that is at most step/√v, an irrational number."""
    square = step**2 / v / DIGIT**2
    root = isqrt(square.numerator // square.denominator)
    return DIGIT * (root if step > 0 else -root - 1)


def rmsprop() -> list[Proof]:
    """RMSprop's cycle on a parabola."""
    return [sequence("rmsprop-cycle", v="(lam*eta/2)**2", root="lam*eta/2")]


CERTIFICATES: dict[str, tuple[str, list[str], str, Callable[[], list[Proof]]]] = {
    "gd-convex-worst-case": ("", ["gd-convex-worst-case"], "L/(4*N + 2)", convex_worst_case),
    "gd-convex-table": ("", ["gd-convex-worst-case"], "L/(4*N + 2)", convex_table),
    "gd-convex-bound": (
        "theorem-gd-convex",
        ["gd-convex-bound"],
        "1/(2*eta*N)",
        convex_bound,
    ),
    "gd-long-steps": ("", [], "L/(6*N + 2)", long_steps),
    "gd-gradient-norm": ("", [], "L**2/(N + 1)**2", gradient_norm),
    "gd-nonconvex-worst-case": ("", [], "4*L/(3*N + 2)", nonconvex_worst_case),
    "gd-nonconvex-bound": ("", ["gd-nonconvex"], "2/(eta*N)", nonconvex_bound),
    "gd-best-step": ("", ["gd-best-step"], "(d/(2*l + d))**2", best_step),
    "gd-strongly-convex": (
        "",
        ["gd-strongly-convex"],
        "((d + s)/(2*l + d + s))**2",
        short_step,
    ),
    "gd-too-long-step": ("", [], "(1 + d)**2", too_long_step),
    "gd-line-search": ("", ["gd-line-search"], "1", line_search),
    "gd-armijo": ("", ["gd-line-search"], "1", armijo),
    "gd-line-search-tries": ("", ["gd-line-search"], "2*N + E", line_search_tries),
    "gd-line-search-convex": ("", [], "1/(2*e*N)", line_search_convex),
    "gd-line-search-nonconvex": ("", [], "1/(c*e*N)", line_search_stationary),
    "gd-lojasiewicz": ("", [], "d/(l + d)", lojasiewicz),
    "sgd-strongly-convex-bound": (
        "theorem-stochastic-constant",
        ["sgd-strongly-convex-bound"],
        "1 - eta*l",
        noisy,
    ),
    "nesterov-worst-case": ("", [], "2*L/((N + 2)*(N + 3))", nesterov_worst_case),
    "nesterov-bound": ("", [], "2*L/(N + 1)**2", nesterov_bound),
    "first-order-lower-bound": ("", [], "3*L/(4*(2*N + 1)*(4*N + 3))", lower_bound),
    "heavy-ball-convex": ("", [], "1/N", heavy_ball),
    "heavy-ball-cycle": ("", [], "3", heavy_ball_cycle),
    "momentum-best": (
        "theorem-momentum-best",
        ["momentum-best"],
        "d/(2*a + d)",
        momentum_best,
    ),
    "subgradient-method": ("", [], "1/N", subgradient),
    "proximal-point": ("", [], "1/(4*eta*N)", proximal_point),
    "projected-step": ("", [], "1", projected),
    "adagrad-regret": ("theorem-adagrad-regret", ["adagrad-regret"], "1", adagrad),
    "adagrad-regret-approached": (
        "theorem-adagrad-regret",
        ["adagrad-regret"],
        "",
        adagrad_extremal,
    ),
    "adam-step-bound": ("theorem-adam-step-bound", [], "", adam_step),
    "rmsprop-cycle": ("theorem-rmsprop-cycle", [], "eta/2", rmsprop),
    "adam-nonconvergence": (
        "theorem-adam-nonconvergence",
        [],
        "",
        lambda: losses_in_a_cycle("Adam"),
    ),
    "amsgrad-converges": ("", [], "", lambda: losses_in_a_cycle("AMSGrad")),
}
"""Theorem, formulas, constant and proofs of each certificate, by id."""


PART = {"adam-step-bound", "rmsprop-cycle", "adam-nonconvergence"}
"""Those that certify a part of their theorem, or a special case."""


def content(name: str) -> dict[str, Any]:
    """Return what a certificate's file holds."""
    theorem, formulas, constant, make = CERTIFICATES[name]
    proofs = make()
    if "steps" in proofs[0]:  # the constant is what the steps add up to
        constant = str(sum(map(Fraction, proofs[0]["steps"])))
    elif proofs[0].get("problem") == "adagrad-extremal":
        constant = str(regret_over_bound(proofs[0]))
    elif "squares" in proofs[0]:
        constant = [*proofs[0]["squares"].values()][-1]
    return {
        "theorem": theorem,
        "part": name in PART,
        "formulas": formulas,
        "constant": constant,
        "proofs": proofs,
    }


def main() -> None:
    """Write all certificates."""
    DATA.mkdir(exist_ok=True)
    for name in CERTIFICATES:
        path = DATA / f"{name}.json"
        path.write_text(json.dumps(content(name), indent=1) + "\n", encoding="utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
