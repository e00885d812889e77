"""PEPit's worst cases: `python -m tools.certificates.worst_cases`, part of `make certificates`.

PEPit and the solver Clarabel, which requirements-certificates.txt pins, maximise the measure of
each problem for some N, under the facts that its certificate uses. The value has to be the
certified constant, to the digits of a solver. It proves nothing; it is how the constants and the
multipliers were found. `python -m tools.certificates.worst_cases PROBLEM N` prints the multipliers
of the solver beside those of the certificate: where they are not unique, they differ.
"""

import sys
from fractions import Fraction
from typing import Any

from descent.certificates import certificates
from descent.certificates.exact import read
from descent.certificates.gram import UNIT, Sum
from descent.certificates.problems import WORST

STEPS = (1, 2, 3, 5)
TOLERANCE = 1e-5


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


def solved(problem: str, case: dict[str, Any]) -> tuple[float, dict[str, float]]:
    """Return the worst case under the facts of a certificate, and the solver's multipliers."""
    statement = WORST[problem].build({"N": Fraction(case["N"]), "L": Fraction(1)})
    words = Translated()
    words.problem.set_initial_condition(words.quantity(statement.initial) <= 1)
    facts = {}
    for name in case["multipliers"]:
        facts[name] = words.quantity(statement.facts[name]) >= 0
        words.problem.add_constraint(facts[name])
    words.problem.set_performance_metric(words.quantity(statement.measure))
    value = words.problem.solve(wrapper="cvxpy", solver="CLARABEL", verbose=0)
    return float(value), {name: float(one.eval_dual()) for name, one in facts.items()}


def cases(problem: str) -> dict[int, tuple[float, dict[str, Any]]]:
    """Return the certified constant and the case for each N of a problem."""
    for one in certificates().values():
        for proof in one.proofs:
            if proof["kind"] == "dual" and proof["problem"] == problem:
                return {
                    case["N"]: (float(read(one.constant, numbers(case["N"]), Fraction)), case)
                    for case in proof["cases"]
                }
    raise SystemExit(f"no certificate is of the problem {problem}")


def numbers(steps: int) -> dict[str, Fraction]:
    """Return what the names in a constant stand for."""
    return {"N": Fraction(steps), "L": Fraction(1)}


def compare(problem: str, steps: int) -> bool:
    """Print the solver's worst case and the constant; return whether they agree."""
    constant, case = cases(problem)[steps]
    found, _ = solved(problem, case)
    agree = abs(found - constant) < TOLERANCE
    print(f"{problem}, N = {steps}: {found:.7f}, certified {constant:.7f}", "" if agree else "NO")
    return agree


def main(arguments: list[str]) -> int:
    """Compare all, or print the multipliers of one problem."""
    if arguments:
        problem, steps = arguments[0], int(arguments[1])
        _, case = cases(problem)[steps]
        for name, one in solved(problem, case)[1].items():
            print(f"{name:8}{one:.6f}  {case['multipliers'][name]}")
        return 0
    counted = [name for name, one in WORST.items() if not one.positive]
    pairs = [(name, n) for name in counted for n in STEPS if n in cases(name)]
    agree = [compare(name, n) for name, n in pairs]
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
