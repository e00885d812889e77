"""The claims of the book, each with its evidence: `python -m tools.book.claims` counts them.

A formula in a box has an id, a source and a test; so has a sentence that claims something.
`book/claims/NAME.yml` lists those of the chapter `book/NAME.md`, as they stand there, each with
what it rests on. `book/claims/ids.lock.txt` holds the ids that were ever given.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tools.book import catalogue, errata, myst, project, references
from tools.book.myst import Directive

FOLDER = project.BOOK / "claims"
LOCK = FOLDER / "ids.lock.txt"

KINDS = (
    "general",
    "comparative",
    "causal",
    "quantitative",
    "historical",
    "source",
    "framework",
)

TELLING = re.compile(
    r"\b(always|never|any|only|because|cannot|better|best|worse|wins?|beats?|every)\b",
    re.IGNORECASE,
)
"""The words by which a sentence says that it claims something."""

END_OF_SENTENCE = re.compile(r"(?<=[.!?])(?<!et al\.)[\"”)*]*\s+(?=[^a-z])")


@dataclass(frozen=True, eq=False)
class Claim:
    """A sentence that claims something.

    Attributes:
        page: the chapter in which it stands.
        id: its permanent name.
        kind: one of `KINDS`.
        sentence: as it stands in the chapter, line breaks aside; "" if it was taken out.
        evidence: what it rests on, each a kind of `EVIDENCE` and what that kind names.
        broke: where a sentence was reworded or taken out, what it `was` and `by` what it broke.
    """

    page: Path
    id: str
    kind: str
    sentence: str = ""
    evidence: list[dict[str, str]] = field(default_factory=list)
    broke: dict[str, str] = field(default_factory=dict)


def listed(page: Path) -> Path:
    """Return the file that lists the claims of a chapter."""
    inside = page.is_relative_to(project.BOOK)
    name = page.relative_to(project.BOOK) if inside else Path(page.name)
    return FOLDER / name.with_suffix(".yml")


@cache
def of(page: Path) -> list[Claim]:
    """Return the claims of a chapter, none where it has no list."""
    path = listed(page)
    entries = project.read_yaml(path)["claims"] if path.exists() else []
    return [Claim(page, **entry) for entry in entries]


@cache
def book() -> list[Claim]:
    """Return the claims of the book, in its order."""
    return [claim for page in project.pages() for claim in of(page)]


def plain(text: str) -> str:
    r"""Return a text with each white space a single blank.

    >>> plain("a sentence\n over two lines")
    'a sentence over two lines'
    """
    return " ".join(text.split())


@cache
def _text(page: Path) -> str:
    return plain(page.read_text(encoding="utf-8"))


# --- evidence -------------------------------------------------------------------------------------


def _formula(name: str, _: Path) -> bool:
    return name in catalogue.formula_pages()


@cache
def _theorems() -> set[str]:
    cells = (cell for page in project.chapters() for cell in myst.read_cells(page)[0].cells)
    found = (
        directive
        for cell in cells
        if "{prf:" in cell.source
        for directive in myst.directives(cell.source)
    )
    return {theorem.options["label"] for theorem in found if theorem.name.startswith("prf:")}


def _theorem(name: str, _: Path) -> bool:
    return name in _theorems()


@cache
def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _test(name: str, _: Path) -> bool:
    path, _colons, function = name.partition("::")
    return function.startswith("test_") and function in _functions(project.ROOT / path)


@cache
def _cells(page: Path) -> dict[str, str]:
    """Return the code of a chapter by where it stands: below a heading, or in a solution."""
    found: dict[str, str] = {}
    heading = solution = ""
    for cell in myst.read_cells(page)[0].cells:
        if cell.cell_type == "markdown":
            heading = ([heading, *re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE)])[-1]
            for opened, closed in re.findall(
                r"\{solution-start\} *(\S*)|\{(solution-end)\}", cell.source
            ):
                solution = "" if closed else opened
        else:
            place = solution or heading
            found[place] = found.get(place, "") + cell.source + "\n"
    return found


def _code(page: Path) -> str:
    return plain("\n".join(_cells(page).values()))


def _cell(name: str, page: Path) -> bool:
    """Tell whether a cell stands below this heading, in this solution, or glues this value."""
    return name in _cells(page) or f'glue("{name}"' in _code(page).replace("( ", "(")


def _assertion(line: str, page: Path) -> bool:
    return line.startswith("assert ") and plain(line) in _code(page)


def _erratum(name: str, _: Path) -> bool:
    return any(name in entry.ids for entry in errata.errata().values())


def _source(name: str, _: Path) -> bool:
    """Tell whether it names a reference or an address, and the place in it."""
    what, _comma, place = name.partition(", ")
    return bool(place) and (what.startswith("https://") or what in references.references())


def _claim(name: str, page: Path) -> bool:
    """Tell whether it is a claim of another page that has evidence of its own."""
    return any(claim.id == name and claim.evidence and claim.page != page for claim in book())


EVIDENCE: dict[str, Callable[[str, Path], bool]] = {
    "formula": _formula,
    "theorem": _theorem,
    "test": _test,
    "cell": _cell,
    "assert": _assertion,
    "erratum": _erratum,
    "source": _source,
    "claim": _claim,
}
"""For each kind of evidence, what tells whether there is such a one."""

WANTED = {
    "formula": "the id of a formula",
    "theorem": "the label of a theorem",
    "test": "tests/FILE.py::test_name, a function there",
    "cell": "a heading of the chapter with code below it, a solution's label, or a glued name",
    "assert": "an assertion of the chapter's cells, as it stands there",
    "erratum": "the id of an erratum",
    "source": "a key of references.bib or an address, a comma, and the place in it",
    "claim": "the id of a claim of another page",
}


# --- what is wrong with a claim -------------------------------------------------------------------


def faults(claim: Claim) -> list[str]:
    """Say what is wrong with a claim, in sentences; nothing where it stands."""
    where = f"{listed(claim.page).relative_to(project.ROOT)}, {claim.id}: "
    return [where + fault for fault in [*_of_its_form(claim), *_of_its_evidence(claim)]]


def _of_its_form(claim: Claim) -> Iterator[str]:
    if not myst.FORMULA_ID.fullmatch(claim.id):
        yield "an id is of lower-case words joined by hyphens"
    if claim.kind not in KINDS:
        yield f"the kind {claim.kind!r} is none of {', '.join(KINDS)}"
    if claim.broke and set(claim.broke) != {"was", "by"}:
        yield "`broke` says what the sentence `was` and `by` what number it broke"
    if not (claim.sentence or claim.broke):
        yield "it has no `sentence`; if it was taken out, `broke` says why"
    if plain(claim.sentence) not in _text(claim.page):
        yield (
            f"{claim.page.name} no longer says {plain(claim.sentence)!r}: "
            "check its evidence, and list the sentence as it stands now"
        )


def _of_its_evidence(claim: Claim) -> Iterator[str]:
    if bool(claim.evidence) != bool(claim.sentence):
        yield "a sentence on the page has evidence, one that was taken out has none"
    for entry in claim.evidence:
        for kind, name in entry.items():
            if kind not in EVIDENCE:
                yield f"evidence of kind {kind!r} is none of {', '.join(EVIDENCE)}"
            elif not EVIDENCE[kind](name, claim.page):
                yield f"there is no {kind} {name!r}: name {WANTED[kind]}"


# --- what a chapter claims without listing it -----------------------------------------------------


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs of MyST, without headings, formulas, theorems and proofs."""
    heading = False
    for token in myst.parser().parse(text):
        directive = Directive.of(token)
        if token.type == "inline" and not heading:
            yield token.content
        elif directive and directive.name in SPEAKING and directive.argument != "Proof":
            yield from _paragraphs(directive.body)
        heading = token.type == "heading_open"


SPEAKING = {"admonition", "exercise", "note", "tip", "warning", "important"}
"""Directives that hold sentences of the book; a theorem is evidence itself."""


def sentences(page: Path) -> Iterator[str]:
    """Yield the sentences of a chapter: of its prose, its captions and alternative texts."""
    for cell in myst.read_cells(page)[0].cells:
        figure = cell.metadata.get("mystnb", {})
        said = [figure.get("figure", {}).get("caption"), figure.get("image", {}).get("alt")]
        paragraphs = (
            _paragraphs(cell.source) if cell.cell_type == "markdown" else filter(None, said)
        )
        for paragraph in paragraphs:
            yield from END_OF_SENTENCE.split(plain(paragraph))


def unlisted(page: Path) -> list[str]:
    """Return the sentences of a chapter that have a telling word and are not on its list."""
    exempt = project.read_yaml(listed(page)).get("no_claims", [])
    listed_ = [*(claim.sentence for claim in of(page)), *exempt]
    known = [plain(sentence) for sentence in listed_ if sentence]
    return [
        sentence
        for sentence in sentences(page)
        if TELLING.search(sentence)
        and not sentence.endswith("?")
        and not any(sentence in other or other in sentence for other in known)
    ]


# --- counts and ids -------------------------------------------------------------------------------


def count() -> list[list[str | int]]:
    """Return a row for each chapter: claims by kind, all that stand, reworded, taken out."""
    rows: list[list[str | int]] = []
    for page in project.chapters():
        stand = [claim for claim in of(page) if claim.sentence]
        kinds = Counter(claim.kind for claim in stand)
        reworded = sum(bool(claim.broke) for claim in stand)
        gone = len(of(page)) - len(stand)
        rows.append([page.stem, *(kinds[kind] for kind in KINDS), len(stand), reworded, gone])
    return rows


def locked() -> list[str]:
    """Return the ids that were ever given."""
    return LOCK.read_text(encoding="utf-8").split() if LOCK.exists() else []


def main() -> None:
    """Enter new ids into the lock, print the counts, and what is on no list or amiss."""
    new = [claim.id for claim in book() if claim.id not in set(locked())]
    LOCK.write_text("\n".join([*locked(), *new]) + "\n", encoding="utf-8")
    print("chapter", *KINDS, "all", "reworded", "taken out", sep="\t")
    for row in count():
        print(*row, sep="\t")
    amiss = [fault for claim in book() for fault in faults(claim)]
    for page in filter(of, project.chapters()):
        amiss += [f"{listed(page).name} lacks: {sentence}" for sentence in unlisted(page)]
    print("\n".join(amiss))


if __name__ == "__main__":
    main()
