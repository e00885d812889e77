"""The register of the book's formulas: what is locked, what verifies each, what is published.

`python -m tools.register` enters new formulas into `book/formulas.lock.json`. A formula that stands
there already keeps its text: to change one, say so in `book/formula-changes.yml` first. An id that
has to go stays in the lock under `retired`, with the id that took its place.
"""

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import citing, myst, project, references, verified
from tools.myst import Formula

LOCK = project.BOOK / "formulas.lock.json"
CHANGES = project.BOOK / "formula-changes.yml"
SCHEMA = project.BOOK / "formulas.schema.json"
VERSION = 1
"""Of the form of `formulas.json`; raised when a reader of the file would have to change."""


@cache
def formulas() -> dict[str, Formula]:
    """Return the formulas of the book by id, in the order of the book."""
    return {f.id: f for page in project.pages() for f in myst.formulas(page)}


def digest(latex: str) -> str:
    r"""Return the hash of a formula: that of its LaTeX, whatever its line breaks.

    >>> digest("a = b") == digest("a  =\n b") != digest("a = c")
    True
    """
    return hashlib.sha256(" ".join(latex.split()).encode()).hexdigest()[:16]


def lock() -> dict[str, Any]:
    """Return the lock: `formulas`, by id the hash and the version since when, and `retired`."""
    return json.loads(LOCK.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def changes() -> list[dict[str, str]]:
    """Return the changelog: entries of id, version, the hash it was, and what changed."""
    return yaml.safe_load(CHANGES.read_text(encoding="utf-8")) or []


def relocked(old: dict[str, Any], current: dict[str, str], version: str) -> dict[str, Any]:
    """Return the lock with the current hashes by id.

    Raises:
        ValueError: a formula changed or went, and nothing says so.
    """
    told = {(change["id"], change["was"]) for change in changes()}
    for name, was in ((name, locked["hash"]) for name, locked in old["formulas"].items()):
        if name not in current and name not in old["retired"]:
            raise ValueError(f"formula {name} is gone: enter it under retired in {LOCK.name}")
        if current.get(name, was) != was and (name, was) not in told:
            raise ValueError(f"formula {name} changed: add it to {CHANGES.name}, was: {was}")
    since = {name: locked["since"] for name, locked in old["formulas"].items()}
    entries = {n: {"hash": h, "since": since.get(n, version)} for n, h in current.items()}
    return {"formulas": entries, "retired": old["retired"]}


def hashes() -> dict[str, str]:
    """Return the hashes of the book's formulas by id."""
    return {name: digest(formula.latex) for name, formula in formulas().items()}


def tests(formula: Formula) -> list[str]:
    """Return the tests that verify a formula, as `path::function`."""
    found = verified.by_formula()[formula.id]
    return [f"{test.path.relative_to(project.ROOT).as_posix()}::{test.name}" for test in found]


def way(formula: Formula) -> str:
    """Return how a formula is verified."""
    return "as printed" if formula.id in verified.as_printed() else "by a test"


def url(formula: Formula) -> str:
    """Return the permanent link to a formula."""
    return f"{citing.page_url(formula.page)}#{formula.id}"


def bibtex(formula: Formula) -> str:
    """Return a BibTeX entry that cites a formula of the book."""
    title = f"{formula.title} (formula {formula.id})"
    return citing.bibtex(f"descent:{formula.id}", title=title, url=url(formula))


def symbols(formula: Formula) -> list[tuple[str, str]]:
    """Return the symbols of a formula with their meaning, from the page on notation."""
    return [
        (cell, meaning)
        for cell, meaning in notation()
        if any(_occurs(name, formula.latex) for name in re.findall(r"\$([^$]+)\$", cell))
    ]


@cache
def notation() -> list[tuple[str, str]]:
    """Return the rows of the table of notation: the cell of symbols, and what they mean."""
    text = (project.BOOK / "notation.md").read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:2] == "| "]
    return [(row[0].strip(), row[-1].strip()) for row in rows[1:]]


def _occurs(symbol: str, latex: str) -> bool:
    pattern = r"\s*".join(map(re.escape, re.findall(r"\\[a-zA-Z]+|\S", symbol)))
    return re.search(rf"(?<![\\a-zA-Z]){pattern}(?![a-zA-Z_'])", latex) is not None


def entry(formula: Formula) -> dict[str, Any]:
    """Return what `formulas.json` says of a formula."""
    reference, place = references.source(formula.source)
    return {
        "id": formula.id,
        "title": formula.title,
        "latex": formula.latex,
        "symbols": [{"symbol": symbol, "meaning": meaning} for symbol, meaning in symbols(formula)],
        "source": {"key": reference.key, "place": place, "url": reference.url},
        "chapter": citing.title(formula.page),
        "url": url(formula),
        "code": formula.code,
        "tests": tests(formula),
        "verified": way(formula),
        "since": lock()["formulas"][formula.id]["since"],
    }


def published() -> dict[str, Any]:
    """Return the content of `formulas.json`."""
    book = citing.book()
    return {
        "version": VERSION,
        "book": {key: book[key] for key in ("title", "version", "date", "url")},
        "formulas": [entry(formula) for formula in formulas().values()],
        "retired": lock()["retired"],
    }


STYLE = r"""% The formulas of From Gradient Descent to Adam, version {version} ({date}).
% \descentformula{{adam-update}} gives a formula, \descentlink{{adam-update}} its address.
\NeedsTeXFormat{{LaTeX2e}}
\ProvidesPackage{{descent-formulas}}[{slashed} formulas of From Gradient Descent to Adam]
\RequirePackage{{amsmath,amssymb}}
\newcommand\descent@get[2]{{\@ifundefined{{descent@#1@#2}}%
  {{\PackageError{{descent-formulas}}{{No formula is named #2}}{{See {url}}}}}%
  {{\csname descent@#1@#2\endcsname}}}}
\newcommand\descentformula[1]{{\descent@get{{formula}}{{#1}}}}
\newcommand\descentlink[1]{{\descent@get{{link}}{{#1}}}}
"""


def style() -> str:
    """Return `descent-formulas.sty`, a macro for each formula."""
    book = citing.book()
    lines = [STYLE.format(**book, slashed=book["date"].replace("-", "/"))]
    for name, formula in formulas().items():
        link = url(formula).replace("#", r"\#")
        lines.append(f"\\@namedef{{descent@formula@{name}}}{{{' '.join(formula.latex.split())}}}")
        lines.append(f"\\@namedef{{descent@link@{name}}}{{{link}}}")
    return "\n".join(lines) + "\n\\endinput\n"


def bibliography() -> str:
    """Return `formulas.bib`."""
    return "\n".join(map(bibtex, formulas().values()))


def write(folder: Path) -> None:
    """Write what can be downloaded."""
    text = json.dumps(published(), ensure_ascii=False, indent=1)
    (folder / "formulas.json").write_text(text + "\n", encoding="utf-8")
    (folder / SCHEMA.name).write_text(SCHEMA.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "descent-formulas.sty").write_text(style(), encoding="utf-8")
    (folder / "formulas.bib").write_text(bibliography(), encoding="utf-8")


def main() -> int:
    """Bring the lock up to date, or say what is missing."""
    try:
        new = relocked(lock(), hashes(), citing.book()["version"])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    added = new["formulas"].keys() - lock()["formulas"].keys()
    LOCK.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
    print(f"{len(added)} formulas added, {len(new['formulas'])} in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
