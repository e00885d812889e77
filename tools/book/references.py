"""The bibliography, as the notebooks cite it: author and year, with a link."""

from dataclasses import dataclass
from functools import cache

from pybtex.database import Entry, parse_file

from tools.book import project

BIBLIOGRAPHY = project.BOOK / "references.bib"


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography."""

    key: str
    entry: Entry

    @property
    def authors(self) -> str:
        """Return the authors' last names: one, two joined by &, or the first et al."""
        names = [" ".join(p.prelast_names + p.last_names) for p in self.entry.persons["author"]]
        names = [name.strip("{}") for name in names]
        if len(names) > 2:
            return f"{names[0]} et al."
        return " & ".join(names)

    @property
    def year(self) -> str:
        """Return the year of publication."""
        return str(self.entry.fields["year"])

    @property
    def url(self) -> str:
        """Return the permanent link: a DOI, else arXiv, else the entry's own."""
        fields = self.entry.fields
        if "doi" in fields:
            return f"https://doi.org/{fields['doi']}"
        if "eprint" in fields:
            return f"https://arxiv.org/abs/{fields['eprint']}"
        return str(fields["url"])

    @property
    def line(self) -> str:
        """Return the entry as a line of a reading list, in Markdown."""
        fields = self.entry.fields
        named = [fields[k] for k in ("journal", "booktitle", "publisher", "note") if k in fields]
        named += [f"arXiv:{fields['eprint']}"] if "eprint" in fields else []
        where = f" *{named[0]}*." if named else ""
        title = fields["title"].replace("{", "").replace("}", "")
        return f"{self.authors} ({self.year}). [{title}]({self.url}).{where}"


@cache
def references() -> dict[str, Reference]:
    """Return the bibliography by key."""
    entries = parse_file(str(BIBLIOGRAPHY)).entries
    return {key: Reference(key, entry) for key, entry in entries.items()}


def reference(key: str) -> Reference:
    """Return the entry of this key.

    Raises:
        ValueError: there is none.
    """
    if key not in references():
        raise ValueError(f"no entry {key!r} in {BIBLIOGRAPHY.name}")
    return references()[key]


def source(text: str) -> tuple[Reference, str]:
    """Split a formula's source, "key, where in it", into the entry and the place."""
    key, _, place = text.partition(",")
    return reference(key.strip()), place.strip()
