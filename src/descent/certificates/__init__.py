"""Theorems of the book that a machine has checked, exactly.

A certificate holds a constant and the numbers that prove it, as fractions or as formulas in N and
in the parameters of a theorem. `check` builds the theorem from its name and verifies the proof by
exact arithmetic, without a solver. `python -m descent.certificates` checks all of them.

Formulas in parameters need SymPy; the rest needs the standard library alone.

>>> certificate = certificates()["gd-convex-worst-case"]
>>> check(certificate)
>>> print(certificate.constant)
L/(4*N + 2)
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from descent.certificates.exact import RefusedError
from descent.certificates.families import check_family
from descent.certificates.induction import INDUCTIONS
from descent.certificates.problems import WORST
from descent.certificates.proofs import check_attained, check_dual, check_induction
from descent.certificates.sequences import SEQUENCES

__all__ = [
    "Certificate",
    "RefusedError",
    "certificates",
    "check",
    "read",
    "HOW",
    "KINDS",
    "SENTENCES",
    "by_hand",
    "named_steps",
    "steps",
]

_DATA = Path(__file__).parent / "data"
"""Where the files lie: in the package, so that an installed one can check itself."""

KINDS: dict[str, Callable[[Mapping[str, Any], str], None]] = {
    "dual": check_dual,
    "induction": check_induction,
    "attained": check_attained,
    "family": check_family,
    "sequence": lambda proof, constant: SEQUENCES[proof["problem"]][0](proof, constant),
}
"""The checks by the kind of a proof."""

UPPER, LOWER = ("dual", "induction"), ("attained", "family", "sequence")
"""The kinds of proofs that no function does worse, and that one does as badly."""

HOW = {
    "losses-in-a-cycle": "interval, to a millionth",
    "adagrad-extremal": "interval, to a millionth",
    "lower-bound": "lower bound",
    "heavy-ball-cycle": "cycle",
    "rmsprop-cycle": "cycle",
}
"""How much a sequence shows, where it is not that a constant is exact."""

SENTENCES: dict[str, dict[str, str]] = {
    "dual": {name: one.says for name, one in WORST.items()},
    "attained": {name: one.says for name, one in WORST.items()},
    "induction": {name: one.says for name, one in INDUCTIONS.items()},
    "sequence": {name: says for name, (_, says) in SEQUENCES.items()},
}
"""What a proof shows, by its kind and problem."""


def by_hand(formula: str) -> str:
    """Return a formula of a program as one writes it by hand.

    >>> by_hand("4*L*(N + 1)**2/(2*eta - d)")
    '4L(N + 1)²/(2η − d)'
    """
    written = formula.replace("eta", "η").replace(" - ", " − ")
    for power, raised in zip("23", "²³", strict=True):
        written = re.sub(rf"\*\*{power}\b", raised, written)
    return re.sub(r"\*(?=[\w(])", "", written)


@dataclass(frozen=True)
class Certificate:
    """A constant and its proofs.

    Attributes:
        id: its name, of words; permanent.
        theorem: the label of the theorem in the book, or "".
        part: whether it certifies a part of the theorem only, or a special case.
        formulas: the ids of the formulas that it certifies.
        constant: a fraction, or a formula in N and the parameters of the theorem.
        proofs: the proofs, as in the file.
    """

    id: str
    theorem: str
    part: bool
    formulas: tuple[str, ...]
    constant: str
    proofs: tuple[Mapping[str, Any], ...]

    @property
    def says(self) -> str:
        """What the first proof shows, in a sentence."""
        proof = self.proofs[0]
        words = {name: one for name, one in proof.items() if isinstance(one, str)}
        return SENTENCES[proof["kind"]][proof["problem"]].format(
            **words, constant=by_hand(self.constant), N=steps(proof)
        )

    @property
    def verdict(self) -> str:
        """How much is shown: whether the constant is attained too, and for which N."""
        kinds = {proof["kind"]: steps(proof) for proof in self.proofs}
        upper = next((kinds[kind] for kind in UPPER if kind in kinds), None)
        lower = next((kinds[kind] for kind in LOWER if kind in kinds), None)
        if upper and lower:
            also = f", attained for {named_steps(lower)}" if lower != upper else ""
            return f"exact, {named_steps(upper)}{also}"
        if upper:
            return f"bound, {named_steps(upper)}"
        first = self.proofs[0]
        how = HOW.get(first["problem"], "exact" if first["kind"] == "sequence" else "attained")
        return how if steps(first) == "each step" else f"{how}, {named_steps(steps(first))}"


def steps(proof: Mapping[str, Any]) -> str:
    """Return the numbers of steps for which a proof holds: "all", "1..20", "each step"."""
    if proof["kind"] in ("induction", "family"):
        return "all"
    counted = [case["N"] for case in proof.get("cases", ()) if "N" in case]
    tables = (proof[name] for name in ("gaps", "squares", "counts", "values") if name in proof)
    found = counted or [*map(int, next(tables, ()))]
    return f"{min(found)}..{max(found)}" if found else "each step"


def named_steps(found: str) -> str:
    """Return numbers of steps as in a verdict."""
    return {"all": "all N", "each step": "each step"}.get(found, f"N = {found}")


def read(path: Path) -> Certificate:
    """Return the certificate in a file.

    Raises:
        RefusedError: the file is no certificate.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Certificate(
            path.stem,
            data["theorem"],
            data["part"],
            tuple(data["formulas"]),
            data["constant"],
            tuple(data["proofs"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{path.name} is no certificate: {error}") from error


@cache
def certificates() -> dict[str, Certificate]:
    """Return the certificates of the book by id."""
    return {path.stem: read(path) for path in sorted(_DATA.glob("*.json"))}


def check(certificate: Certificate) -> None:
    """Check every proof of a certificate.

    Raises:
        RefusedError: one does not prove the constant; the message says at which place it fails.
    """
    for proof in certificate.proofs:
        if proof.get("kind") not in KINDS:
            raise RefusedError(f"{certificate.id}: no proof is of the kind {proof.get('kind')!r}")
        try:
            KINDS[proof["kind"]](proof, certificate.constant)
        except RefusedError as error:
            raise RefusedError(f"{certificate.id}, {proof['kind']}: {error}") from error
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise RefusedError(f"{certificate.id}: not a proof: {error!r}") from error
