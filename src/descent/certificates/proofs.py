"""The check of a proof, by exact arithmetic alone.

Nothing in a certificate is believed: what it claims is built from the name of its problem, and its
numbers have to make that an identity.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from descent.certificates.exact import Field, Number, RefusedError
from descent.certificates.gram import Sum, form, matrix, require_semidefinite, total
from descent.certificates.induction import INDUCTIONS, Quantities
from descent.certificates.problems import WORST, Facts, Statement

__all__ = [
    "Data",
    "Numbers",
    "require_identity",
    "require_equal",
    "claimed",
    "stated",
    "check_dual",
    "check_attained",
    "place",
    "require_attained",
    "inner",
    "with_place",
    "Stage",
    "check_induction",
    "potential",
    "start",
    "step",
    "end",
    "STAGES",
]

Data = Mapping[str, Any]
"""A proof, or a part of one, as in the file."""

Numbers = Mapping[str, Number]
"""What the names in a formula stand for."""


def require_identity(
    claim: Sum, facts: Facts, proof: Data, field: Field, numbers: Numbers | None = None
) -> None:
    """Require claim = Σ multiplier · fact + a form of squares, each multiplier at least 0.

    Args:
        claim: what is shown to be at least 0.
        facts: what is known to be at least 0, by name.
        proof: the `multipliers` of facts by name, and the `matrix` of the form row by row up to
            the diagonal, in the alphabetical order of its `vectors`.
        field: the field of the numbers.
        numbers: further names that may occur in them.

    Raises:
        RefusedError: it is none; the message says where.
    """
    parts = [claim]
    for name, text in proof["multipliers"].items():
        if name not in facts:
            raise RefusedError(f"multiplier {name!r} belongs to none of the facts {sorted(facts)}")
        factor = field.read(text, **(numbers or {}))
        if not field.is_not_negative(factor):
            raise RefusedError(f"multiplier {name!r} is not shown to be at least 0: {text}")
        parts.append(facts[name].times(-factor))
    require_equal(total(parts), proof, field, numbers or {})


def require_equal(rest: Sum, proof: Data, field: Field, numbers: Numbers) -> None:
    """Require that what is left of a claim is the form of the matrix, and this semidefinite."""
    names = proof["vectors"]
    rows = [[field.read(text, **numbers) for text in row] for row in proof["matrix"]]
    if [len(row) for row in rows] != [*range(1, len(names) + 1)]:
        raise RefusedError(f"the matrix is not triangular, with a row for each of {names}")
    left = rest - form(rows, names)
    if left.terms:
        where, coefficient = min(left.terms.items(), key=str)
        place = "⟨{}, {}⟩".format(*where) if isinstance(where, tuple) else where
        raise RefusedError(f"the identity fails at {place}: {coefficient} is left over")
    require_semidefinite(matrix(rest, names, field), field)


# --- worst cases in one piece ---------------------------------------------------------------------


def claimed(problem: str, case: Data, constant: str) -> tuple[Statement, Sum, Field]:
    """Return what a case claims, as a statement and as what is to be at least 0, and its field."""
    statement, field, numbers = stated(problem, case.get("N"))
    factor = field.read(constant, **numbers)
    return statement, statement.initial.times(factor) - statement.measure, field


@lru_cache(maxsize=64)
def stated(problem: str, steps: int | None) -> tuple[Statement, Field, Numbers]:
    """Return the statement of a problem, its field, and the numbers that stand in its constant."""
    worst = WORST[problem]
    field = worst.field()
    if field.parameters:
        return worst.build(field.parameters), field, field.parameters
    if steps is None:
        raise RefusedError(f"a case of {problem} needs its N")
    numbers = {"N": field.lift(steps), "L": field.lift(1)}
    return worst.build(numbers), field, numbers


def check_dual(proof: Data, constant: str) -> None:
    """Check that no function does worse: for each case an identity."""
    for case in proof["cases"]:
        statement, claim, field = claimed(proof["problem"], case, constant)
        with_place(place(case), require_identity, claim, statement.facts, case, field)


def check_attained(proof: Data, constant: str) -> None:
    """Check that a function does as badly: numbers that satisfy all facts, and the claim as =."""
    for case in proof["cases"]:
        statement, claim, field = claimed(proof["problem"], case, constant)
        with_place(place(case), require_attained, claim, statement, case, field)


def place(case: Data) -> str:
    """Return which case it is."""
    return f"N = {case['N']}" if "N" in case else ""


def require_attained(claim: Sum, statement: Statement, case: Data, field: Field) -> None:
    """Require that coordinates and values satisfy the facts, and the claim with equality."""
    # Values that satisfy the facts for all pairs of points are those of a function of the class:
    # the interpolation theorem of Taylor, Hendrickx & Glineur, which the page states.
    places = {name: [field.read(entry) for entry in row] for name, row in case["vectors"].items()}
    values = {name: field.read(one) for name, one in case["values"].items()}

    def value(quantity: Sum) -> Number:
        found = field.lift(0)
        for name, c in quantity.terms.items():
            pair = isinstance(name, tuple)
            of = inner(places[name[0]], places[name[1]]) if pair else values[name]
            found += c * of
        return found

    for name, fact in statement.facts.items():
        if not field.is_not_negative(found := value(fact)):
            raise RefusedError(f"the function is not of the class: fact {name!r} is {found}")
    if (found := value(claim)) != 0:
        raise RefusedError(f"the function does not attain the constant: {found} is left over")
    if value(statement.initial) == 0:
        # 0 = constant · 0 would hold for every constant.
        raise RefusedError("the function starts where it ends: the initial quantity is 0")


def inner(u: list[Number], v: list[Number]) -> Number:
    """Return the inner product of two lists of coordinates."""
    return sum((a * b for a, b in zip(u, v, strict=True)), 0)


def with_place(place: str, check: Any, *arguments: Any) -> None:
    """Call a check; what it refuses is said with its place."""
    try:
        check(*arguments)
    except RefusedError as error:
        raise RefusedError(f"{place}: {error}" if place else str(error)) from error


# --- for all N ------------------------------------------------------------------------------------


class Stage(NamedTuple):
    """What a stage of an induction claims: a quantity of at least 0, the facts, the numbers."""

    claim: Sum
    facts: Facts
    field: Field
    numbers: Numbers


def check_induction(proof: Data, constant: str) -> None:
    """Check start, step and end of an induction."""
    for name, stage in STAGES.items():
        claim, facts, field, numbers = stage(proof, constant)
        with_place(name, require_identity, claim, facts, proof[name], field, numbers)


def potential(proof: Data, quantities: Quantities, field: Field, numbers: Numbers) -> Sum:
    """Return the potential at k and N: its quantities by their coefficients."""
    if unknown := proof["potential"].keys() - quantities.keys():
        raise RefusedError(f"the potential has no quantities {sorted(unknown)}")
    return total(
        quantities[name].times(field.read(text, **numbers))
        for name, text in proof["potential"].items()
    )


def start(proof: Data, constant: str) -> Stage:
    """Return the claim constant · initial ≥ φ_first."""
    problem = INDUCTIONS[proof["problem"]]
    field = problem.field("m")
    # m is at least 0 for the field, so N = 1 + m is any number of steps.
    numbers = {"k": field.lift(problem.first), "N": 1 + field.parameters["m"]}
    quantities, initial, facts = problem.start(field.parameters | numbers)
    claim = initial.times(field.read(constant, **numbers))
    return Stage(claim - potential(proof, quantities, field, numbers), facts, field, numbers)


def step(proof: Data, constant: str) -> Stage:
    """Return the claim φ_k ≥ φ_{k+1} for all k ≥ first and N ≥ k + 1 + short."""
    problem = INDUCTIONS[proof["problem"]]
    field = problem.field("k", "m")
    k = problem.first + field.parameters["k"]
    numbers = {"k": k, "N": k + 1 + problem.short + field.parameters["m"]}
    before, after, facts = problem.step(field.parameters | numbers)
    claim = potential(proof, before, field, numbers)
    claim = claim - potential(proof, after, field, numbers | {"k": k + 1})
    return Stage(claim, facts, field, numbers)


def end(proof: Data, constant: str) -> Stage:
    """Return the claim φ_{N − short} ≥ measure."""
    problem = INDUCTIONS[proof["problem"]]
    field = problem.field("m")
    steps = 1 + field.parameters["m"]
    numbers = {"k": steps - problem.short, "N": steps}
    quantities, measure, facts = problem.end(field.parameters | numbers)
    return Stage(potential(proof, quantities, field, numbers) - measure, facts, field, numbers)


STAGES: dict[str, Callable[[Data, str], Stage]] = {"start": start, "step": step, "end": end}
"""The stages of an induction."""
