r"""Write the skeleton of a rule, a chapter, a formula or an erratum, and say what is left to do.

`make new-rule NAME=lamb`, `new-formula`, `new-chapter` and `new-erratum` call it. What it writes is
unfinished and fails the tests, each of which says what is missing and where it goes.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from descent import rules
from tools.book import catalogue, errata, project

RULES = project.ROOT / "src" / "descent" / "rules.py"
ORACLES = project.ROOT / "tests" / "oracles.py"
LOCKED_ERRATA = project.BOOK / "errata.lock.txt"

Edits = dict[Path, str]
"""The new texts of files."""

SECTIONS = (
    "By hand",
    "In print",
    "In the frameworks",
    "What it does not do",
    "Exercises",
    "Sources",
)
"""The headings that close a chapter."""

CLASS = '''

@dataclass(frozen=True)
class {kind}(Rule, name="{name}"):
    """{kind}: WHAT IT DOES in a line.

    x_t = x_{{t-1}} − η_t g_t

    State: the step count t AND WHAT ELSE.

    Args:
        lr: η, IN WHICH UNITS.

    Raises:
        ValueError: lr is negative or not finite, or g has not the shape of x.

    Source: WHO (YEAR), WHERE.

    >>> rule = {kind}(lr=0.1)
    >>> x, state = rule.update(5.0, 10.0, rule.init(5.0))
    """

    lr: LearningRate = 1e-3

    class State(NamedTuple):
        """t: steps made."""

        t: int

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        raise NotImplementedError("{name}: write its step as the formula of its paper")
'''

ORACLE = """

@oracle(rules.get("{name}", lr=lr_of))
def of_{snake}(t, g, x, rule):
    raise NotImplementedError("{name}: write its step as a sum over g[0], ..., g[t-1]")
"""

FORMULA = """
```{{formula}} {id}
:title: {title}
:source: KEY OF book/references.bib, PLACE
:code: {code}
x_t = x_{{t-1}} - \\eta_t \\, g_t
```
"""

CHAPTER = """---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {title}

THE ANSWER TO THE QUESTION THAT BRINGS A READER HERE.
"""

ERRATUM = """- id: {id}
  title: THE FAULT IN A FEW WORDS
  topic: {topic}
  kind: formula
  severity: misleads badly
  where: {{"{source}": SECTION}}
  printed: WHAT IS PRINTED{original}
  why: WHAT IS WRONG WITH IT
  right: WHAT IS RIGHT
  proof: {proof}
  shows: THE SENTENCE WITH THE NUMBERS OF THE PROOF IN BRACES
  reference: KEY OF book/references.bib, PLACE
"""


ORIGINAL = """
  original: {{"{source}": [ITS OWN WORDS]}}"""


def slug(name: str, kind: str) -> str:
    """Return a name of words and hyphens.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"the name of a {kind} must be words with hyphens, got {name!r}")
    return name


def inserted(text: str, before: str, new: str) -> str:
    """Return a text with something new before the last place of something that it has.

    Raises:
        ValueError: it has not.
    """
    place = text.rfind(before)
    if place < 0:
        raise ValueError(f"there is no {before.strip()!r} to put it before")
    return text[:place] + new + text[place:]


def page_named(name: str) -> Path:
    """Return a page of the book.

    Raises:
        ValueError: there is none of that name.
    """
    pages = {page.stem: page for page in project.pages()}
    if name not in pages:
        raise ValueError(f"a page must be one of {', '.join(pages)}, got {name!r}")
    return pages[name]


def within(page: Path, new: str) -> str:
    """Return the text of a page with something new before the sections that close it."""
    text = page.read_text(encoding="utf-8")
    closing = next((f"## {heading}\n" for heading in SECTIONS if f"\n## {heading}\n" in text), None)
    return inserted(text, closing, f"{new.lstrip()}\n") if closing else f"{text.rstrip()}\n{new}"


def rule(name: str, page: str) -> tuple[Edits, str]:
    """Return the skeleton of a rule: its class, its oracle, and its formula on a page."""
    if slug(name, "rule") in rules.names():
        raise ValueError(f"the name of a rule must be new, got {name!r}")
    kind, chapter = name.title().replace("-", ""), page_named(page)
    names = {"name": name, "kind": kind, "snake": name.replace("-", "_")}
    box = FORMULA.format(id=f"{name}-update", title=kind, code=f"descent.rules.{kind}.update")
    edits = {
        RULES: RULES.read_text(encoding="utf-8").rstrip() + "\n" + CLASS.format(**names),
        ORACLES: ORACLES.read_text(encoding="utf-8").rstrip() + "\n" + ORACLE.format(**names),
        chapter: within(chapter, f"## {kind}: WHAT IT IS\n{box}"),
    }
    return edits, (
        f"Fill in what is in capitals; add the defaults of {name} to DEFAULTS in tests/oracles.py, "
        "a rate at which it learns to RATES in src/descent/train/optimizers.py, and what the "
        f"section claims to book/claims/{page}.yml.\n"
        "Then: make notebooks lock-formulas, and make unit, which says what is missing.\n"
        "A framework that has it: its signature in src/descent/conventions, its settings in "
        "tools/check/parity.py."
    )


def formula(name: str, page: str) -> tuple[Edits, str]:
    """Return the skeleton of a formula on a page, and of its test."""
    if slug(name, "formula") in catalogue.formula_pages():
        raise ValueError(f"the id of a formula must be new, got {name!r}")
    chapter = page_named(page)
    tests = project.ROOT / "tests" / "book" / f"test_{page.replace('-', '_')}.py"
    test = (
        f'\n\n@pytest.mark.formula("{name}")\ndef test_{name.replace("-", "_")}():\n'
        f'    raise NotImplementedError("compute what {name} says by another road")\n'
    )
    old = tests.read_text(encoding="utf-8") if tests.exists() else "import pytest\n"
    box = FORMULA.format(id=name, title="TITLE", code="descent.MODULE.OBJECT")
    return {chapter: within(chapter, box), tests: old.rstrip() + "\n" + test}, (
        "Fill in what is in capitals (`:code:` may go), and write its test.\n"
        "Then: make notebooks lock-formulas, and make unit."
    )


def chapter(name: str, part: str) -> tuple[Edits, str]:
    """Return the skeleton of a chapter at the end of a part of the book."""
    page = project.BOOK / f"{slug(name, 'chapter')}.md"
    if page.exists():
        raise ValueError(f"the name of a chapter must be new, got {name!r}")
    parts = [caption for caption in project.parts() if caption]
    if part not in parts:
        raise ValueError(f"a part must be one of {', '.join(parts)}, got {part!r}")
    head, found, rest = project.TOC.read_text(encoding="utf-8").partition(f"- caption: {part}\n")
    own, following, others = rest.partition("\n  - caption: ")
    toc = f"{head}{found}{own.rstrip()}\n      - file: book/{name}{following}{others.rstrip()}\n"
    text = CHAPTER.format(title=name.replace("-", " ").capitalize())
    closing = "".join(f"\n## {section}\n" for section in SECTIONS)
    claims = project.BOOK / "claims" / f"{name}.yml"
    return {page: text + closing, claims: "claims: []\nno_claims: []\n", project.TOC: toc}, (
        f"Write book/{name}.md; make new-formula ID=... PAGE={name} adds a formula.\n"
        "Then: make notebooks, make serve, and make unit, which says what is missing."
    )


def erratum(name: str, source: str) -> tuple[Edits, str]:
    """Return the skeleton of an erratum at the end of the errata, and its id in the lock."""
    known = LOCKED_ERRATA.read_text(encoding="utf-8")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) or name in known.split():
        raise ValueError(f"the id of an erratum must be a new word, such as S5-01, got {name!r}")
    if source not in errata.sources():
        raise ValueError(f"a source must be one of {', '.join(errata.sources())}, got {source!r}")
    entry = ERRATUM.format(
        id=name,
        topic=next(iter(errata.data()["topics"])),
        source=source,
        proof=errata.DOCUMENTARY,
        original=ORIGINAL.format(source=source) if errata.sources()[source].opening else "",
    )
    listed = errata.ERRATA.read_text(encoding="utf-8")
    return {
        errata.ERRATA: inserted(listed, "not_errors:\n", f"{entry}\n"),
        LOCKED_ERRATA: f"{known.rstrip()}\n{name}\n",
    }, (
        "Fill in what is in capitals; `proof` names a function of tools/book/proofs that computes\n"
        "the numbers in `shows`, or is `documentary`. Then: make errata-numbers, and make unit."
    )


KINDS: dict[str, tuple[Callable[[str, str], tuple[Edits, str]], str, str]] = {
    "rule": (rule, "--page", "adam-family"),
    "formula": (formula, "--page", "adam"),
    "chapter": (chapter, "--part", "Networks"),
    "erratum": (erratum, "--source", "000"),
}
"""What writes each kind, and its second argument with the one that is meant without."""


def main() -> int:
    """Write a skeleton; a name that cannot be changes nothing."""
    arguments = argparse.ArgumentParser(description=__doc__)
    commands = arguments.add_subparsers(dest="kind", required=True)
    for kind, (_, option, default) in KINDS.items():
        one = commands.add_parser(kind)
        one.add_argument("name")
        one.add_argument(option, dest="where", default=default, help=f"default: {default}")
    options = arguments.parse_args()
    try:
        edits, left = KINDS[options.kind][0](options.name, options.where)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for path, text in edits.items():
        path.write_text(text, encoding="utf-8")
        print("wrote", path.relative_to(project.ROOT).as_posix())
    print(left)
    return 0


if __name__ == "__main__":
    sys.exit(main())
