"""Each certificate of the book holds, a changed one does not, and the parts do what they say."""

import json
import random
import re
from dataclasses import replace
from fractions import Fraction
from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import iv

from descent import minimize
from descent.certificates import RefusedError, certificates, check, read
from descent.certificates.__main__ import main
from descent.certificates.exact import Field
from descent.certificates.exact import read as formula
from descent.certificates.gram import matrix, named, require_semidefinite, square
from descent.certificates.problems import WORST
from descent.certificates.sequences import DIGIT, require_root
from descent.landscapes import Beale, Quadratic
from descent.rules import AdaGrad, GradientDescent
from tools.book import marks, myst, project
from tools.certificates.write import below, case_of

CERTIFICATES = certificates()
every = pytest.mark.parametrize("name", CERTIFICATES)


@every
def test_it_holds(name):
    check(CERTIFICATES[name])


def test_there_are_twenty_or_more_and_each_says_what_it_shows():
    assert len(CERTIFICATES) >= 20
    sentences = [one.says for one in CERTIFICATES.values()]
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in sentences)


def test_theorems_and_formulas_that_they_name_stand_in_the_book():
    texts = [page.read_text(encoding="utf-8") for page in project.chapters()]
    labels = {
        label for text in texts for label in re.findall(r"^:label: (theorem-\S+)", text, re.M)
    }
    known = {formula.id for page in project.pages() for formula in myst.formulas(page)}
    assert {one.theorem for one in CERTIFICATES.values()} - {""} <= labels
    assert {name for one in CERTIFICATES.values() for name in one.formulas} <= known


# --- a changed number -----------------------------------------------------------------------------


def mutants(value):
    """Yield copies of a value of JSON in each of which one number is larger by 1."""
    match value:
        case str():
            for found in re.finditer(r"\d+", value):
                yield value[: found.start()] + str(int(found[0]) + 1) + value[found.end() :]
        case int():
            yield value + 1
        case list():
            for i, one in enumerate(value):
                yield from ([*value[:i], other, *value[i + 1 :]] for other in mutants(one))
        case dict():
            for key, one in value.items():
                yield from (value | {key: other} for other in mutants(one))
                for other in mutants(key):
                    yield {other if name == key else name: it for name, it in value.items()}


def changed(certificate):
    """Yield the certificate with one number changed: alone with its case, where there are many."""
    for constant in mutants(certificate.constant):
        yield replace(certificate, constant=constant)
    for proof in certificate.proofs:
        for case in proof.get("cases", ()):
            for other in mutants(case):
                yield replace(certificate, proofs=({**proof, "cases": [other]},))
        rest = {name: one for name, one in proof.items() if name != "cases"}
        for other in mutants(rest) if "cases" not in proof else ():
            yield replace(certificate, proofs=(other,))


def holds(certificate):
    try:
        check(certificate)
    except RefusedError:
        return False
    return True


@every
def test_a_changed_number_is_refused(name):
    found = list(changed(CERTIFICATES[name]))
    chosen = random.Random(name).sample(found, min(4, len(found)))
    assert [one for one in chosen if holds(one)] == []


@pytest.mark.nightly
@every
def test_every_changed_number_is_refused(name):
    assert [one for one in changed(CERTIFICATES[name]) if holds(one)] == []


def test_a_refusal_says_where(tmp_path):
    table = CERTIFICATES["gd-convex-table"]
    with pytest.raises(RefusedError, match="N = 1: the identity fails at ⟨x0, x0⟩: -1/42"):
        check(replace(table, constant="L/(4*N + 3)"))
    with pytest.raises(RefusedError, match="no proof is of the kind 'word'"):
        check(replace(table, proofs=({"kind": "word"},)))
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text("{}", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"spoilt\.json is no certificate"):
        read(spoilt)


def test_a_negative_multiplier_and_an_unknown_fact_are_refused():
    table = CERTIFICATES["gd-convex-table"]
    case = table.proofs[0]["cases"][0]
    for multipliers, message in (
        ({"0,1": "-1/2"}, "'0,1' is not shown to be at least 0"),
        ({"0,7": "1/2"}, "'0,7' belongs to none of the facts"),
        ({"0,1": "one"}, "'one' is not a formula"),
        ({"0,1": "1/0"}, "'1/0' is not a formula"),
    ):
        proof = {**table.proofs[0], "cases": [{**case, "multipliers": multipliers}]}
        with pytest.raises(RefusedError, match=re.escape(message)):
            check(replace(table, proofs=(proof,)))


def test_the_command_checks_names_files_and_says_what_it_does_not_know(tmp_path, capsys):
    assert main(["gd-convex-table", "heavy-ball-cycle"]) == 0
    assert "2 of 2 certificates hold" in capsys.readouterr().out
    table = CERTIFICATES["gd-convex-table"]
    wrong = {
        "theorem": "",
        "part": False,
        "formulas": [],
        "constant": "L/5",
        "proofs": table.proofs,
    }
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(wrong), encoding="utf-8")
    assert main([str(path)]) == 1
    assert "REFUSED" in capsys.readouterr().out
    assert main(["no-such"]) == 2
    assert "no certificate is called no-such" in capsys.readouterr().out


# --- the parts ------------------------------------------------------------------------------------


def test_a_semidefinite_matrix_passes_and_an_indefinite_one_does_not():
    def rows(*entries):
        return [[Fraction(one) for one in row] for row in entries]

    assert require_semidefinite(rows((4, 2), (2, 1)), Field()) == [4, 0]
    for indefinite in (rows((1, 2), (2, 1)), rows((0, 1), (1, 5)), rows((-1,))):
        with pytest.raises(RefusedError):
            require_semidefinite(indefinite, Field())


def test_the_sign_of_a_rational_function_is_not_guessed():
    field = Field(("a",), ("k",))
    assert field.is_not_negative(field.read("k/(a + k)"))
    assert not field.is_not_negative(field.read("(k - 1)/a"))
    assert not field.is_not_negative(field.read("k**2 - 2*k + 1"))  # it is, and is not shown to be
    for vanishing in ("1/k", "1/(a - k)"):
        with pytest.raises(RefusedError, match="may vanish"):
            field.read(vanishing)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x.y", "2**k", "1.5", "f(1)", "1 if k else 2"]
)
def test_a_formula_is_of_numbers_and_names_alone(text):
    with pytest.raises(RefusedError):
        formula(text, {"k": Fraction(2), "x": Fraction(1)}, Fraction)


def test_a_form_is_read_back_from_its_matrix():
    form = square(named("x") - Fraction(3) * named("g"))
    assert matrix(form, ["g", "x"], Field()) == [[9, -3], [-3, 1]]


def test_other_multipliers_prove_the_same_constant():
    certificate = CERTIFICATES["gd-gradient-norm"]
    proof = certificate.proofs[0]
    p = Fraction(4, 9)
    other = {"0,1": Fraction(1), "1,*": Fraction(1), "*,0": p, "*,1": 1 - p, "1,0": 1 - p}
    case = case_of("gradient-norm", certificate.constant, other, 1)
    assert case["multipliers"] != proof["cases"][0]["multipliers"]
    check(replace(certificate, proofs=({**proof, "cases": [case]},)))


# --- intervals ------------------------------------------------------------------------------------

SIGNED = st.fractions(-50, 50).filter(bool)


@given(SIGNED, st.fractions(Fraction(1, 50), 50))
def test_a_bound_on_a_root_is_rounded_down_to_a_millionth_and_no_further(step, v):
    bound = below(step, v)
    require_root(step, v, bound)
    for wrong in (bound - DIGIT, bound + DIGIT, bound + DIGIT / 2):
        with pytest.raises(RefusedError):
            require_root(step, v, wrong)


@given(SIGNED, st.fractions(Fraction(1, 50), 50))
def test_a_bound_on_a_root_is_below_that_of_interval_arithmetic(step, v):
    """mpmath rounds outwards on its own: its interval holds step/√v, and lies in ours."""
    bound = below(step, v)

    def interval(one):
        return iv.mpf(one.numerator) / iv.mpf(one.denominator)

    root = interval(step) / iv.sqrt(interval(v))
    assert interval(bound).a <= root.b
    assert root.a < interval(bound + DIGIT).b
    assert root.b - interval(bound).a < 1.001e-6


@pytest.mark.parametrize("name", ["adam-nonconvergence", "amsgrad-converges"])
def test_the_steps_of_a_cycle_lie_where_interval_arithmetic_has_them(name):
    """From the rule itself: v, or its largest value, after many cycles in intervals."""
    proof = CERTIFICATES[name].proofs[0]
    cycle, sign = [int(proof["C"]), -1, -1], 1 if proof["rule"] == "Adam" else -1
    beta = iv.mpf(1) / 10
    v, largest, steps = iv.mpf(0), iv.mpf(0), []
    for g in cycle * 40:
        v = beta * v + (1 - beta) * g**2
        largest = iv.mpf([max(largest.a, v.a), max(largest.b, v.b)])
        steps.append(-sign * g / iv.sqrt(v if proof["rule"] == "Adam" else largest))
    assert Fraction(proof["beta2"]) == Fraction(1, 10)
    for step, text in zip(steps[-3:], proof["steps"], strict=True):
        bound = Fraction(text)
        assert float(bound) <= float(step.a) <= float(step.b) < float(bound + DIGIT)


# --- the facts are those of functions, the steps those of the rules -------------------------------


def random_hessian(rng):
    basis = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return basis @ np.diag(rng.uniform(0, 1, 3)) @ basis.T


def nesterov_points(grad, x0, steps):
    """Return y_0 … y_{N−1}, x_N as the literature writes the method."""
    x = y = x0
    points = []
    for k in range(steps):
        points.append(y)
        before, x = x, y - grad(y)
        y = x + k / (k + 3) * (x - before)
    return [*points, x]


def descent_points(grad, x0, steps, rate):
    run = minimize(lambda x: 0.0, x0, GradientDescent(rate), steps, grad=grad)
    return list(run.x)


def numbers(value, grad, x0, points):
    vectors = {"x0": x0} | {f"g{i}": grad(x) for i, x in enumerate(points)}
    values = {f"f{i}": value(x) for i, x in enumerate(points)}

    def of(quantity):
        return sum(
            float(c)
            * (vectors[name[0]] @ vectors[name[1]] if isinstance(name, tuple) else values[name])
            for name, c in quantity.terms.items()
        )

    return of


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("problem", ["gradient-descent", "long-steps", "gradient-norm", "nesterov"])
def test_the_statement_is_that_of_the_method_on_functions_of_the_class(problem, steps):
    rng = np.random.default_rng(steps)
    constants = {"gradient-descent": "gd-convex-worst-case", "long-steps": "gd-long-steps"}
    constants |= {"gradient-norm": "gd-gradient-norm", "nesterov": "nesterov-worst-case"}
    text = CERTIFICATES[constants[problem]].constant
    bound = formula(text, {"N": Fraction(steps), "L": Fraction(1)}, Fraction)
    statement = WORST[problem].build({"N": Fraction(steps), "L": Fraction(1)})
    hessian = random_hessian(rng)
    for value, grad, x0 in (
        (lambda x: 0.5 * x @ hessian @ x, lambda x: hessian @ x, rng.normal(size=3)),
        (lambda x: np.sum(np.log(np.cosh(x))), np.tanh, 3 * rng.normal(size=3)),
    ):
        rate = 1.5 if problem == "long-steps" else 1.0
        if problem == "nesterov":
            points = nesterov_points(grad, x0, steps)
        else:
            points = descent_points(grad, x0, steps, rate)
        of = numbers(value, grad, x0, points)
        assert min(of(fact) for fact in statement.facts.values()) > -1e-12
        last = (
            grad(points[-1]) @ grad(points[-1]) if problem == "gradient-norm" else value(points[-1])
        )
        assert of(statement.measure) == pytest.approx(last, rel=1e-12)
        assert of(statement.measure) <= float(bound) * of(statement.initial) * (1 + 1e-12)


def line_search(f, x, lr, c, searches):
    """Return the step sizes taken and the tries after each search, as a textbook writes it."""
    taken, tries = [], 0
    for _ in range(searches):
        g, lr, tries = f.grad(x), 2 * lr, tries + 1
        while f(x - lr * g) > f(x) - c * lr * (g @ g):
            lr, tries = lr / 2, tries + 1
        x = x - lr * g
        taken.append((lr, tries))
    return taken


@pytest.mark.parametrize("c", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("first", [1e-3, 0.7, 37.0])
@pytest.mark.parametrize("f", [Quadratic([1.0, 10.0]), Beale()], ids=["bowl", "Beale"])
def test_a_line_search_tries_no_more_than_its_certificate_allows(f, first, c):
    """Beale's function is smooth where the run goes: 1e5 is more than its curvature there."""
    lip = 10 if isinstance(f, Quadratic) else 1e5
    enough = max(0, ceil(log2(first * lip / (2 * (1 - c)))))
    constant = CERTIFICATES["gd-line-search-tries"].constant
    start = np.ones(2) if isinstance(f, Quadratic) else f.start
    for n, (lr, tries) in enumerate(line_search(f, start, first, c, 12), 1):
        assert tries == 2 * n + log2(first / lr)
        assert tries <= formula(constant, {"N": Fraction(n), "E": Fraction(enough)}, Fraction)


@pytest.mark.parametrize("c", [0.1, 0.5, 0.8])
def test_the_longest_step_that_is_sure_to_pass_is_that_of_the_certificate(c):
    lip, x = 3.0, np.array([1.0, -2.0])
    f = Quadratic([lip, lip])
    g = f.grad(x)

    def passes(lr):
        return f(x - lr * g) <= f(x) - c * lr * (g @ g)

    assert passes(2 * (1 - c) / lip * (1 - 1e-9))
    assert not passes(2 * (1 - c) / lip * (1 + 1e-9))


@pytest.mark.parametrize("shorten", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("c", [0.1, 0.3, 0.49])
def test_a_search_ends_beyond_the_bound_of_the_text_and_may_end_near_that_of_the_certificate(
    c, shorten
):
    """Boyd & Vandenberghe, page 468, have β/M, with M the largest curvature."""
    limit, ends = 2 * (1 - c), []  # M = 1: on x²/2 from 1 the value after a step is (1 − t)²/2
    for first in np.linspace(1.001 * limit, 50, 400):
        t = first
        while (1 - t) ** 2 / 2 > 1 / 2 - c * t:
            t *= shorten
        ends.append(t)
    assert shorten < limit * shorten < min(ends) < 1.01 * limit * shorten


def test_the_losses_of_the_certificate_bring_the_rule_as_near_to_its_bound():
    certificate = CERTIFICATES["adagrad-regret-approached"]
    proof = certificate.proofs[0]
    rate, reach, q, r = (float(Fraction(proof[name])) for name in ("eta", "D", "q", "r"))
    rule = AdaGrad(rate, eps=0.0)
    ratios = [sign * q for _ in range(int(proof["pairs"])) for sign in (1, -1)]
    ratios += [r] * int(proof["drift"])
    x, regret, far = reach - rate, 0.0, 0.0
    state = rule.init(x)
    for ratio in (None, *ratios):
        far = max(far, abs(x))
        g = -1.0 if ratio is None else 2 * ratio / (1 - ratio**2) * np.sqrt(state.s)
        regret += g * x
        x, state = rule.update(x, g, state)
    part = regret / ((reach**2 / (2 * rate) + rate) * np.sqrt(state.s))
    assert far <= reach * (1 + 1e-12)
    assert (
        float(Fraction(certificate.constant)) <= part < float(Fraction(certificate.constant)) + 1e-6
    )


def test_the_factor_of_a_step_of_1_over_the_largest_curvature_is_a_square():
    """fmin.xyz states its root, 1 − l/L, as the factor of the squared distance."""
    low, lip = Fraction(2), Fraction(7)
    numbers = {"l": low, "d": lip - low, "s": lip - low}
    found = formula(CERTIFICATES["gd-strongly-convex"].constant, numbers, Fraction)
    assert found == (1 - low / lip) ** 2


# --- the marks ------------------------------------------------------------------------------------


def test_three_theorems_are_certified_in_part():
    parts = {one.theorem for one in CERTIFICATES.values() if one.part}
    assert len(parts) == 3
    assert {marks.words(label) for label in parts} == {"Proved here, certified in part"}


def test_a_theorem_is_certified_if_a_certificate_names_it():
    assert marks.words("theorem-gd-convex") == "Proved here and certified"
    assert marks.words("theorem-adam-nonconvergence") == "Proved here, certified in part"
    assert marks.words("theorem-mlp-twins") == "Proved here"
    assert marks.words("", ["cited"]) == "Cited"
    assert [one.id for one in marks.of_formula("gd-nonconvex")] == ["gd-nonconvex-bound"]
    assert marks.of_theorem("") == []
