"""The marks of theorems and formulas: proved here, proved here and certified, or cited.

A theorem whose label a certificate of `descent.certificates` names is certified, or a part of it;
one of the class `cited` is another's, and not proved here; every other is followed by its proof.
"""

from functools import cache
from pathlib import Path
from typing import Any

from descent import certificates
from descent.certificates import Certificate
from tools.book import project
from tools.book.project import said

PAGE = project.BOOK / "certificates.md"


@cache
def of_theorem(label: str) -> list[Certificate]:
    """Return the certificates of a theorem."""
    return [
        certificate
        for certificate in certificates.certificates().values()
        if certificate.theorem == label != ""
    ]


@cache
def of_formula(formula_id: str) -> list[Certificate]:
    """Return the certificates of a formula."""
    return [
        certificate
        for certificate in certificates.certificates().values()
        if formula_id in certificate.formulas
    ]


def words(label: str, classes: Any = ()) -> str:
    """Return the mark of a theorem in words.

    >>> words("theorem-gd-convex"), words("theorem-mlp-twins"), words("", ["cited"])
    ('Proved here and certified', 'Proved here', 'Cited')
    """
    if "cited" in classes:
        return said("Cited")
    found = of_theorem(label)
    if found and all(certificate.part for certificate in found):
        return said("Proved here, certified in part")
    return said("Proved here and certified") if found else said("Proved here")


def files() -> list[Path]:
    """Return the files of the certificates."""
    return sorted(certificates._DATA.glob("*.json"))
