"""How this book is cited: what `CITATION.cff` says, the one place that holds version and date."""

from functools import cache
from typing import Any

from tools.book import project

TEXT_LICENCE = "CC-BY-4.0"
"""The licence of the text and the formulas; the code has another."""

CITATION = project.ROOT / "CITATION.cff"


@cache
def cff() -> dict[str, Any]:
    """Return `CITATION.cff`."""
    entries: dict[str, Any] = project.read_yaml(CITATION)
    return entries


def version() -> str:
    """Return the version of the book."""
    return str(cff()["version"])


def date() -> str:
    """Return the date of that version, as 2026-11-21."""
    return str(cff()["date-released"])


def authors() -> list[str]:
    """Return the names of the authors."""
    return [
        author.get("name") or f"{author['given-names']} {author['family-names']}"
        for author in cff()["authors"]
    ]


def bibtex_authors() -> str:
    """Return the authors as BibTeX takes them: who is no person stands in braces, whole."""
    return " and ".join(
        f"{{{author['name']}}}"
        if "name" in author
        else f"{author['family-names']}, {author['given-names']}"
        for author in cff()["authors"]
    )


def bibtex(key: str, title: str, address: str, note: str = "") -> str:
    """Return the BibTeX entry for a place in the book: its title, its address, the version.

    >>> print(bibtex("descent", "A Title", "https://example.org/"))  # doctest: +ELLIPSIS
    @misc{descent,
      author = {{...}},
      title  = {A Title},
      year   = {...},
      note   = {Version ...},
      url    = {https://example.org/}
    }
    """
    fields = {
        "author": bibtex_authors(),
        "title": title,
        "year": date()[:4],
        "note": f"Version {version()}, {date()}" + (f". {note}" if note else ""),
        "url": address,
    }
    lines = [f"  {name:<6} = {{{text}}}" for name, text in fields.items()]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"
