"""Each certificate of the book holds, a changed one does not, and the parts do what they say."""

import json
import random
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from descent import minimize
from descent.certificates import RefusedError, certificates, check, read
from descent.certificates.__main__ import main
from descent.certificates.exact import Field
from descent.certificates.exact import read as formula
from descent.certificates.gram import matrix, named, require_semidefinite, square
from descent.certificates.problems import WORST
from descent.rules import GradientDescent
from tools.book import marks, myst, project

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


# --- the marks ------------------------------------------------------------------------------------


def test_a_theorem_is_certified_if_a_certificate_names_it():
    assert marks.words("theorem-gd-convex") == "Proved here and certified"
    assert marks.words("theorem-adam-nonconvergence") == "Proved here, certified in part"
    assert marks.words("theorem-mlp-twins") == "Proved here"
    assert marks.words("", ["cited"]) == "Cited"
    assert [one.id for one in marks.of_formula("gd-nonconvex")] == ["gd-nonconvex-bound"]
    assert marks.of_theorem("") == []
