"""The formulas as files: `formulas.json`, `descent-formulas.sty`, `formulas.bib`; `CITATION.cff`.

They are made when the site is built and lie in its root.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.book import (
    catalogue,
    citation,
    lock_formulas,
    marks,
    myst,
    notation,
    project,
    references,
    verified,
)
from tools.site import changes
from tools.site.source import source_link

SHEET = "book/formulas.html"
SCHEMA_VERSION = "1.1"


def link(formula_id: str) -> str:
    """Return the permanent address of a formula: its place on the sheet."""
    return f"{project.site(project.address())}{SHEET}#{formula_id}"


def lines_of(test: verified.Test) -> str:
    """Return the address of a test's first line."""
    path = test.path.relative_to(project.ROOT).as_posix()
    branch = project.config()["repository"]["branch"]
    return f"{project.address()}/blob/{branch}/{path}#L{test.line}"


def chapter_link(page: Path) -> str:
    """Return the address of a page."""
    path = page.relative_to(project.ROOT).with_suffix(".html").as_posix()
    return project.site(project.address()) + path


def docnames() -> set[str]:
    """Return the pages that box formulas, as Sphinx names them."""
    pages = {formula.page for formula in catalogue.book()}
    return {page.relative_to(project.ROOT).with_suffix("").as_posix() for page in pages}


def how(formula: myst.Formula) -> str:
    """Return how a formula is verified: its LaTeX run as printed, or a test of what it says."""
    return "as printed" if formula.id in verified.as_printed() else "by a test"


def entry(formula: myst.Formula) -> dict[str, Any]:
    """Return what is known of a formula, as in `formulas.json`."""
    source, place = references.source(formula.source)
    code = formula.code and {"name": formula.code, "url": source_link(formula.code)}
    chapter = f"{chapter_link(formula.page)}#{formula.id}"
    tests = verified.by_formula()[formula.id]
    return {
        "id": formula.id,
        "title": formula.title,
        "latex": formula.latex,
        "symbols": [
            {"latex": symbol.latex, "code": symbol.code, "meaning": symbol.meaning}
            for symbol in notation.symbols(formula)
        ],
        "url": link(formula.id),
        "source": {
            "key": source.key,
            "authors": source.authors,
            "year": source.year,
            "url": source.url,
            "place": place,
        },
        "chapter": {"title": project.title(formula.page), "url": chapter},
        "code": code or None,
        "verified": how(formula),
        "tests": [{"name": test.name, "url": lines_of(test)} for test in tests],
        "certificates": [
            {
                "id": certificate.id,
                "says": certificate.says,
                "url": f"{chapter_link(marks.PAGE)}#{certificate.id}",
            }
            for certificate in marks.of_formula(formula.id)
        ],
        "macro": macro(formula.id),
        **lock_formulas.read_lock()[formula.id],
        "changes": [
            {"version": str(change["version"]), "what": change["what"]}
            for change in lock_formulas.changes_of(formula.id)
        ],
    }


def formulas_json() -> str:
    """Return all formulas as JSON, as `formulas.schema.json` describes it."""
    site = project.site(project.address())
    content = {
        "$schema": f"{site}formulas.schema.json",
        "schema_version": SCHEMA_VERSION,
        "title": citation.cff()["title"],
        "version": citation.version(),
        "date": citation.date(),
        "license": citation.cff()["license"],
        "formulas": [entry(formula) for formula in catalogue.book()],
        "retired": lock_formulas.changes()["retired"],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


def schema() -> dict[str, Any]:
    """Return the JSON schema of `formulas.json`."""
    text, url = {"type": "string", "minLength": 1}, {"type": "string", "format": "uri"}
    name = {"type": "string", "pattern": f"^{myst.FORMULA_ID.pattern}$"}
    hashed = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
    source = {"key": text, "authors": text, "year": text, "url": url, "place": {"type": "string"}}
    formula = {
        "id": name | {"description": "Permanent; also the anchor on the sheet."},
        "title": text,
        "latex": text | {"description": "Without delimiters; needs amsmath and amssymb."},
        "symbols": {
            "type": "array",
            "items": _object({"latex": text, "code": {"type": "string"}, "meaning": text}),
            "description": "Its letters that the table of notation explains; Markdown.",
        },
        "url": url,
        "source": _object(source),
        "chapter": _object({"title": text, "url": url}),
        "code": {"anyOf": [_object({"name": text, "url": url}), {"type": "null"}]},
        "verified": {
            "enum": ["as printed", "by a test"],
            "description": "As printed: this LaTeX itself is evaluated beside the code.",
        },
        "tests": {"type": "array", "items": _object({"name": text, "url": url}), "minItems": 1},
        "certificates": {
            "type": "array",
            "items": _object({"id": text, "says": text, "url": url}),
            "description": "What `python -m descent.certificates` checks of it, exactly.",
        },
        "macro": text | {"description": "Its name in descent-formulas.sty."},
        "changes": {"type": "array", "items": _object({"version": text, "what": text})},
        "since": text | {"description": "The version of the book that has it first."},
        "hash": hashed | {"description": "Of the LaTeX without its spacing (SHA-256, 16 digits)."},
    }
    changed = text | {"description": "The version of the book that changed it last."}
    book = {
        "$schema": url,
        "schema_version": {"const": SCHEMA_VERSION},
        "title": text,
        "version": text,
        "date": {"type": "string", "format": "date"},
        "license": {"type": "array", "items": text},
        "formulas": {"type": "array", "items": _object(formula, changed=changed)},
        "retired": {
            "type": "object",
            "additionalProperties": name,
            "description": "Ids no longer used, each with the id that took its place.",
        },
    }
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Formulas"}
    return top | _object(book)


DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def macro(formula_id: str) -> str:
    r"""Return the name of a formula's macro, of letters alone as TeX wants it.

    >>> macro("adam-l2-decay")
    '\\descentAdamLTwoDecay'
    """
    spelled = re.sub(r"\d", lambda digit: DIGITS[int(digit[0])], formula_id.title())
    return "\\descent" + spelled.replace("-", "")


def sty() -> str:
    """Return a LaTeX package with a macro for each formula."""
    made = f"{citation.date().replace('-', '/')} v{citation.version()} {citation.cff()['title']}"
    head = rf"""\NeedsTeXFormat{{LaTeX2e}}
\ProvidesPackage{{descent-formulas}}[{made}]
\RequirePackage{{amsmath,amssymb}}
% In display mathematics: \descentAdamUpdate, or \descentformula{{adam-update}}. Licence: CC BY 4.0.
\newcommand*\descentformula[1]{{\ifcsname descent@#1\endcsname\csname descent@#1\endcsname
  \else\PackageError{{descent-formulas}}{{No formula has the id #1}}{{}}\fi}}
"""
    macros = [
        f"% {link(formula.id)}\n\\newcommand*{{{macro(formula.id)}}}{{%\n{formula.latex}}}\n"
        rf"\expandafter\def\csname descent@{formula.id}\endcsname{{{macro(formula.id)}}}"
        for formula in catalogue.book()
    ]
    old = [
        rf"\expandafter\def\csname descent@{one}\endcsname"
        rf"{{\PackageWarning{{descent-formulas}}{{{one} is now {new}}}\descentformula{{{new}}}}}"
        for one, new in lock_formulas.changes()["retired"].items()
    ]
    return "\n".join([head, *macros, *old, r"\endinput", ""])


def bibtex(formula: myst.Formula) -> str:
    """Return the BibTeX entry for citing a formula of this book."""
    title = f"{formula.title}, formula {formula.id} of {{{citation.cff()['title']}}}"
    return citation.bibtex(f"descent:{formula.id}", title, link(formula.id))


def book_bibtex() -> str:
    """Return the BibTeX entry for citing the book."""
    address = project.site(project.address())
    return citation.bibtex("descent", f"{{{citation.cff()['title']}}}", address)


def bib() -> str:
    """Return the BibTeX entries of the book and of each formula."""
    return "\n\n".join([book_bibtex(), *map(bibtex, catalogue.book())]) + "\n"


def schema_json() -> str:
    """Return the schema as a file."""
    return json.dumps(schema(), indent=2) + "\n"


FILES: dict[str, Callable[[], str]] = {
    "formulas.json": formulas_json,
    "formulas.schema.json": schema_json,
    "descent-formulas.sty": sty,
    "formulas.bib": bib,
    changes.NAME: changes.atom,
    "CITATION.cff": lambda: citation.CITATION.read_text(encoding="utf-8"),
}
"""The downloads by name."""
