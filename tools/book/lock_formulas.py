"""Enter new formulas into the lock: `python -m tools.book.lock_formulas` (`make lock-formulas`).

`book/formulas.lock.json` holds for each id the version since which it stands in the book, and a
hash of its LaTeX. A locked formula changes only if `book/formula-changes.yml` names the change, and
goes only if its id is retired there: what is cited must not change unseen.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from descent.identify import latex
from tools.book import citation, myst, project
from tools.book.catalogue import book

LOCK = project.BOOK / "formulas.lock.json"
CHANGES = project.BOOK / "formula-changes.yml"

Lock = dict[str, dict[str, str]]


def hash_of(text: str) -> str:
    r"""Return the hash of LaTeX, which spacing does not change.

    >>> hash_of(r"a \, b") == hash_of("a b") != hash_of("a + b")
    True
    """
    return hashlib.sha256(latex.normalised(text).encode()).hexdigest()[:16]


def read_lock() -> Lock:
    """Return the lock: `since` and `hash` of each formula, and `changed` where it did."""
    lock: Lock = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    return lock


@cache
def changes() -> dict[str, Any]:
    """Return `formula-changes.yml`: the changes, and the retired ids with their successors."""
    entries: dict[str, Any] = project.read_yaml(CHANGES)
    return entries


def changes_of(formula_id: str) -> list[dict[str, Any]]:
    """Return the changes of a formula that the record names, oldest first."""
    return [change for change in changes()["changes"] if change["formula"] == formula_id]


def updated(lock: Lock, formulas: Iterable[myst.Formula], record: dict[str, Any]) -> Lock:
    """Return the lock with what is new, and with the changes that the record names.

    Raises:
        ValueError: a formula changed or went, and the record does not say so.
    """
    now = {formula.id: hash_of(formula.latex) for formula in formulas}
    if gone := lock.keys() - now.keys() - record["retired"].keys():
        raise ValueError(f"{sorted(gone)} went: enter the successor of each under `retired:`")
    if back := record["retired"].keys() & now.keys():
        raise ValueError(f"{sorted(back)} are retired: an id is used once")
    version = {
        (change["formula"], change["hash"]): str(change["version"]) for change in record["changes"]
    }
    entries = dict(lock)
    for name, found in now.items():
        if name not in lock:
            entries[name] = {"since": citation.version(), "hash": found}
        elif lock[name]["hash"] != found:
            if (name, found) not in version:
                raise ValueError(
                    f"{name} changed: enter {found} under `changes:`, and what changed"
                )
            entries[name] = lock[name] | {"hash": found, "changed": version[name, found]}
    return dict(sorted(entries.items()))


def main() -> int:
    """Write the lock, or say what is missing in the record of changes."""
    try:
        lock = updated(read_lock(), book(), changes())
    except ValueError as error:
        print(f"{CHANGES.relative_to(project.ROOT)}: {error}")
        return 1
    LOCK.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
