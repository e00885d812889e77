"""PEPit's worst cases: `python -m tools.certificates.worst_cases`, part of `make certificates`.

PEPit and the solver Clarabel, which requirements-certificates.txt pins, maximise the measure of
each problem, under the facts that its certificate uses: for some N, or for some parameters. The
value has to be the certified constant where that is exact, and no larger where it is a bound, to
the digits of a solver. Then the solver's multipliers are rounded to fractions. Where they prove the
constant exactly, as `descent.certificates` checks it, the proof was found by the solver: "proved".
"same" counts those that are the certificate's own; where they are not unique, others prove it too.
`python -m tools.certificates.write.worst_cases PROBLEM N` prints both side by side.
"""

import sys
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from descent.certificates import Certificate, certificates
from descent.certificates.exact import Field, RefusedError, read
from descent.certificates.gram import UNIT, Sum
from descent.certificates.problems import WORST
from descent.certificates.proofs import require_identity
from tools.certificates.write import proof_of

Case = Mapping[str, Any]
"""A case of a dual proof, as in its file."""

STEPS = (1, 2, 3, 5)
TOLERANCE = 1e-5
SOLVER = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-11)
DENOMINATORS = (10, 100, 1000, 5000)
"""Multipliers are rounded to fractions with no larger one; the first that proves is taken."""
SAMPLE = {"l": "1", "d": "9", "s": "1/2", "eta": "1/5", "a": "1", "b": "3"}
SAMPLE |= {"v": "1/3", "w": "1", "r": "1/10", "D": "1"}
"""The parameters of the problems that have some."""


class Translated:
    """A problem in PEPit's words: a leaf for each vector and for each function value."""

    def __init__(self) -> None:
        from PEPit import PEP, Expression, Point

        self.problem, self.point, self.expression = PEP(), Point, Expression
        self.vectors: dict[str, Any] = {}
        self.values: dict[str, Any] = {}

    def vector(self, name: str) -> Any:
        """Return the leaf of a vector."""
        if name not in self.vectors:
            self.vectors[name] = self.point()
        return self.vectors[name]

    def value(self, name: str) -> Any:
        """Return the leaf of a function value."""
        if name not in self.values:
            self.values[name] = self.expression()
        return self.values[name]

    def quantity(self, of: Sum) -> Any:
        """Return a quantity."""
        total: Any = 0
        for name, coefficient in of.terms.items():
            c = float(coefficient)
            if isinstance(name, tuple):
                total = total + c * (self.vector(name[0]) * self.vector(name[1]))
            else:
                total = total + (c if name == UNIT else c * self.value(name))
        return total


def solved(problem: str, case: Case) -> tuple[float, dict[str, float]]:
    """Return the worst case under the facts of a certificate, and the solver's multipliers."""
    statement = WORST[problem].build(numbers(case))
    words = Translated()
    words.problem.set_initial_condition(words.quantity(statement.initial) <= 1)
    facts = {}
    for name in case["multipliers"]:
        facts[name] = words.quantity(statement.facts[name]) >= 0
        words.problem.add_constraint(facts[name])
    words.problem.set_performance_metric(words.quantity(statement.measure))
    value = words.problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0, **SOLVER)
    return float(value), {name: float(one.eval_dual()) for name, one in facts.items()}


def cases(problem: str) -> tuple[Certificate, dict[int, Case]]:
    """Return the certificate of a problem, and its case for each N; for 0 that with parameters."""
    for certificate in certificates().values():
        for proof in certificate.proofs:
            if proof["kind"] == "dual" and proof["problem"] == problem:
                return certificate, {case.get("N", 0): case for case in proof["cases"]}
    raise SystemExit(f"no certificate is of the problem {problem}")


def numbers(case: Case) -> dict[str, Fraction]:
    """Return what the names in a problem stand for."""
    if "N" in case:
        return {"N": Fraction(case["N"]), "L": Fraction(1)}
    return {name: Fraction(one) for name, one in SAMPLE.items()}


def certified(certificate: Certificate, case: Case) -> tuple[Fraction, dict[str, Fraction]]:
    """Return the constant and the multipliers of a certificate."""
    at = numbers(case)
    multipliers = {name: read(one, at, Fraction) for name, one in case["multipliers"].items()}
    return read(certificate.constant, at, Fraction), multipliers


def rounded(multipliers: Mapping[str, float], largest: int) -> dict[str, Fraction]:
    """Return the nearest fractions with no larger denominator."""
    return {name: Fraction(one).limit_denominator(largest) for name, one in multipliers.items()}


def prove(problem: str, case: Case, constant: Fraction, found: Mapping[str, Fraction]) -> bool:
    """Return whether rounded multipliers prove a constant, in fractions."""
    statement = WORST[problem].build(numbers(case))
    claim = statement.initial.times(constant) - statement.measure
    texts = {name: str(one) for name, one in found.items()}
    try:
        proof = proof_of(claim, statement.facts, texts, Field(), {})
        require_identity(claim, statement.facts, proof, Field())
    except RefusedError:
        return False
    return True


def compare(problem: str, steps: int) -> bool:
    """Print what the solver found and what is certified; return whether they agree."""
    certificate, found = cases(problem)
    case = found[steps]
    constant, own = certified(certificate, case)
    value, multipliers = solved(problem, case)
    tried = [rounded(multipliers, largest) for largest in DENOMINATORS]
    proofs = [proof for proof in tried if prove(problem, case, constant, proof)]
    same = sum([*proofs, tried[-1]][0][name] == one for name, one in own.items())
    exact = "exact" in certificate.verdict
    agree = value < constant + TOLERANCE and (not exact or value > constant - TOLERANCE)
    print(
        f"{problem}{f', N = {steps}' if steps else ''}: {value:.7f},",
        f"certified {float(constant):.7f}{'' if exact else ' as a bound'};",
        f"{'proved' if proofs else 'not proved'}, same {same} of {len(own)}",
        "" if agree else "NO",
    )
    return agree


def main(arguments: list[str]) -> int:
    """Compare all, or print the multipliers of one problem."""
    if arguments:
        problem, steps = arguments[0], int(arguments[1])
        certificate, found = cases(problem)
        own = certified(certificate, found[steps])[1]
        for name, one in solved(problem, found[steps])[1].items():
            print(f"{name:8}{one:.6f}  {own[name]}")
        return 0
    known = {
        proof["problem"]
        for certificate in certificates().values()
        for proof in certificate.proofs
        if proof["kind"] == "dual" and proof["problem"] != "adagrad-step"  # it is no maximum
    }
    pairs = [(name, n) for name in sorted(known) for n in (0, *STEPS) if n in cases(name)[1]]
    agree = [compare(name, n) for name, n in pairs]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
