"""The errata: what is printed where, why it is wrong, what is right, and what proves it.

`book/errata.yml` holds them, `book/errata.schema.json` says what an entry has. The numbers that
prove them are computed by `tools.book.proofs` and stored in `book/errata-numbers.json`. Here both
are read and set as MyST, the same for the site and for the notebooks.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from descent.report import number
from tools.book import project, references
from tools.book.project import said

ERRATA = project.BOOK / "errata.yml"
SCHEMA = project.BOOK / "errata.schema.json"
NUMBERS = project.BOOK / "errata-numbers.json"
PAGE = project.BOOK / "errata.md"

Numbers = dict[str, dict[str, Any]]
"""The numbers of each proof, by their names."""

DOCUMENTARY = "documentary"
"""The proof of a fault that no number shows: a comparison with the reference."""

ITSELF = "itself"
"""The reference of a text that contradicts itself."""

PATH = re.compile(r"[\w./-]+\.\w+")
NUMBER = r"\d+(?:\.\d+)*"
SECTIONS = re.compile(
    rf"\bsections? {NUMBER}(?:(?:, and |, | and ){NUMBER})*|第 {NUMBER}(?:(?:、| 和 ){NUMBER})* 节"
)
"""The sections that a place names: "section 3.1", "sections 1, 2.2 and 6", "第 1、2.2 和 6 节"."""
HAN = re.compile(r"[\u3400-\u9fff]")
MARKED = re.compile(r"(`+).+\1|\$[^$]+\$")
"""A quotation that is code or a formula, and gets no quotation marks."""
DIGITS = 4


@dataclass(frozen=True)
class Source:
    """A text that is criticised.

    Attributes:
        title: what it is called on the page.
        url: the address of its repository, or of the text; "" where it has none.
        commit: the state of the repository that was read, "" for a text outside one.
        original: its title as printed, where that is Chinese.
        opening: the words it begins with, as printed, by which a copy without a title is known.
        sections: the titles of its sections as printed, by number.
    """

    title: str
    url: str = ""
    commit: str = ""
    original: str = ""
    opening: str = ""
    sections: dict[str, str] = field(default_factory=dict)

    def at(self, place: str) -> str:
        """Return a place in it, in Markdown; a path is a link to that state of the file."""
        path, rest = parted(place)
        told = [SECTIONS.sub(self._titled, said(rest))] if rest else []
        if self.commit and path:
            where = [f"[{path}]({self.url}/blob/{self.commit}/{path})"]
            return said(", ").join([said(self.title), *where, *told])
        title = f"[{said(self.title)}]({self.url})" if self.url else said(self.title)
        return said(", ").join([title, *filter(None, [path]), *told])

    def _titled(self, listed: re.Match[str]) -> str:
        """Return section numbers with the titles of the sections beside them."""
        numbers = re.findall(NUMBER, listed[0])
        if listed[0].startswith("第") and len(numbers) == 1:
            return listed[0] + self._title(numbers[0])
        return re.sub(NUMBER, lambda number: self._section(number[0]), listed[0])

    def _section(self, number: str) -> str:
        title = self._title(number)
        return f"{number} {title}" if title else number

    def _title(self, number: str) -> str:
        return chinese(f"《{self.sections[number]}》") if number in self.sections else ""

    def recognised_by(self) -> str:
        """Return title and first words of a tutorial, in MyST."""
        title = (
            chinese(f"《{self.original}》")
            if self.original
            else said("without a title in our copy")
        )
        opening = chinese(f"“{self.opening}”")
        return said("{}: {}, begins {}").format(said(self.title), title, opening)


@dataclass(frozen=True, eq=False)
class Erratum:
    """A fault in print. The texts are MyST; `shows` has the names of the proof's numbers in braces.

    Attributes:
        id: its permanent name.
        title: the fault in a few words.
        topic: one of the topics of the file.
        kind: formula, worked number, definition, claim, code or citation.
        severity: whether it misleads badly or is cosmetic.
        where: the places that print it, by source.
        printed: what is printed.
        original: the words of a tutorial as printed, by source; code in backticks, formulas in $.
        why: what is wrong with it.
        right: what is right.
        proof: the function of `tools.book.proofs` that computes the numbers, or "documentary".
        shows: the sentence that the numbers stand in.
        formula: the id of the book's formula, where there is one.
        reference: bibliography key, arXiv number or address, and the place in it; several with ;.
        misprint: its name in `descent.misprints`, where it runs.
        figure: the scene on which the misprint is drawn beside the right rule.
        thread: where it was reported.
        also: ids of faults that were merged into this one.
    """

    id: str
    title: str
    topic: str
    kind: str
    severity: str
    where: dict[str, str]
    printed: str
    why: str
    right: str
    proof: str
    shows: str = ""
    formula: str = ""
    reference: str = ""
    misprint: str = ""
    original: dict[str, list[str]] = field(default_factory=dict)
    figure: dict[str, Any] = field(default_factory=dict)
    thread: str = ""
    also: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Return all ids that lead here, its own first."""
        return [self.id, *self.also]

    def numbers(self) -> dict[str, str]:
        """Return the numbers of its proof as they are printed.

        Raises:
            ValueError: they are not stored.
        """
        if self.proof == DOCUMENTARY:
            return {}
        if self.proof not in stored():
            raise ValueError(f"{self.id}: no numbers of {self.proof!r} in {NUMBERS.name}")
        return {name: in_print(value) for name, value in stored()[self.proof].items()}

    def shown(self) -> str:
        """Return the sentence that proves it, numbers filled in."""
        text = self.shows
        for name, value in self.numbers().items():
            text = text.replace(f"{{{name}}}", value)
        return text


def parted(place: str) -> tuple[str, str]:
    """Return the path of a place, "" where it begins with none, and what is said beside it.

    >>> parted("docs/adam.md, the listing"), parted("section 3, step 1")
    (('docs/adam.md', 'the listing'), ('', 'section 3, step 1'))
    """
    path, _, rest = place.partition(", ")
    return (path, rest) if PATH.fullmatch(path) else ("", place)


def in_print(value: Any) -> str:
    """Return a number as the page sets it, with powers of ten and a true minus; a text as it is.

    >>> in_print(-6562.8), in_print(1.881e-22), in_print(1e5), in_print("no number")
    ('−6563', '1.881 · 10⁻²²', '10⁵', 'no number')
    """
    if isinstance(value, str):
        return said(value)
    mantissa, _, exponent = number(value, DIGITS).partition("e")
    if exponent:
        power = "10" + str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        mantissa = {"1": power, "-1": f"-{power}"}.get(mantissa, f"{mantissa} · {power}")
    return mantissa.replace("-", "−")


def chinese(text: str) -> str:
    """Return a Chinese text in MyST, marked as Chinese.

    >>> chinese("动量"), chinese("`# 动量`")
    ('{zh}`动量`', '{zh}`` `# 动量` ``')
    """
    if "`" not in text:
        return f"{{zh}}`{text}`"
    fence = "`" * (max(map(len, re.findall("`+", text))) + 1)
    return f"{{zh}}{fence} {text} {fence}"


def quoted(words: str) -> str:
    """Return words of a tutorial as the page sets them: code and formulas as such.

    >>> quoted("动量法"), quoted("`t = 0`"), quoted("[2] Adam")
    ('{zh}`“动量法”`', '`t = 0`', '“[2] Adam”')
    """
    shown = words if MARKED.fullmatch(words) else f"“{words}”"
    return chinese(shown) if HAN.search(words) else shown


def in_the_original(entry: Erratum) -> list[str]:
    """Return the paragraph with the words as they are printed, none where there are none."""
    by_source = [
        (said("{}: ").format(said(sources()[name].title)) if len(entry.original) > 1 else "")
        + " … ".join(map(quoted, words))
        for name, words in entry.original.items()
    ]
    return [f"**{said('In the original:')}** {said('; ').join(by_source)}"] if by_source else []


def anchor(erratum_id: str) -> str:
    """Return the anchor of an id on the page.

    >>> anchor("S0-01"), anchor("PyTorch #72395")
    ('s0-01', 'pytorch-72395')
    """
    return re.sub(r"[^a-z0-9]+", "-", erratum_id.lower())


def anchors(ids: list[str]) -> list[str]:
    """Return the anchors of an entry: each id as the page shows it, and in lower case.

    >>> anchors(["S2-01", "PyTorch #72395"])
    ['S2-01', 'PyTorch #72395', 's2-01', 'pytorch-72395']
    """
    return [*ids, *map(anchor, ids)]


@cache
def data() -> dict[str, Any]:
    """Return `book/errata.yml` as it stands."""
    content: dict[str, Any] = project.read_yaml(ERRATA)
    return content


def stored() -> Numbers:
    """Return `book/errata-numbers.json`."""
    return _parsed(NUMBERS.read_text(encoding="utf-8"))


@cache
def _parsed(text: str) -> Numbers:
    numbers: Numbers = json.loads(text)
    return numbers


@cache
def sources() -> dict[str, Source]:
    """Return the texts that are criticised, by their short names."""
    return {name: Source(**entry) for name, entry in data()["sources"].items()}


@cache
def errata() -> dict[str, Erratum]:
    """Return the errata by id, in the order of the file."""
    return {entry["id"]: Erratum(**told(entry)) for entry in data()["errata"]}


SAID = ("title", "printed", "why", "right", "shows", "what")
"""What of an entry is prose, and is said in the language of the edition."""


def told(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the file in the language of the edition."""
    return entry | {name: said(entry[name]) for name in SAID if name in entry}


def erratum(erratum_id: str) -> Erratum:
    """Return the erratum of this id, or the one that it was merged into.

    Raises:
        ValueError: there is none.
    """
    for entry in errata().values():
        if erratum_id in entry.ids:
            return entry
    raise ValueError(f"no erratum has the id {erratum_id!r}")


def places(where: dict[str, str]) -> str:
    """Return the places that print something, in Markdown."""
    return said("; ").join(sources()[name].at(place) for name, place in where.items())


def cited(reference: str) -> str:
    """Return a reference in MyST: a citation, or a link to arXiv or elsewhere, and the place."""
    return said("; ").join(_cited(part.strip()) for part in reference.split(";"))


def _cited(reference: str) -> str:
    what, _, place = reference.partition(",")
    place = said(", ") + said(place.strip()) if place else ""
    if what == ITSELF:
        return said("the text itself") + place
    if what.startswith("arXiv:"):
        return f"[{what}](https://arxiv.org/abs/{what.removeprefix('arXiv:')}){place}"
    if what.startswith("https://"):
        return f"[{place[2:]}]({what})"
    return f"{{cite:t}}`{references.reference(what).key}`{place}"


def body(entry: Erratum) -> str:
    """Return what stands under the title of an erratum, in MyST."""
    proof = said("By comparison:") if entry.proof == DOCUMENTARY else said("Computed:")
    right = [f"**{said('Right:')}** {entry.right}"]
    right += [f"{{eq}}`{entry.formula}`"] if entry.formula else []
    right += [cited(entry.reference)] if entry.reference else []
    parts = [
        said("{}. *{}, {}.*").format(
            places(entry.where), said(entry.kind).capitalize(), said(entry.severity)
        ),
        f"**{said('Printed:')}** {entry.printed}",
        *in_the_original(entry),
        entry.why,
        " · ".join(right),
        f"**{proof}** {entry.shown()}",
    ]
    if entry.misprint:
        parts.append(said("In `descent.misprints`: `{}`.").format(entry.misprint))
    if entry.thread:
        parts.append(said("[Reported]({}).").format(entry.thread))
    return "\n\n".join(parts)


def published(site: str) -> dict[str, Any]:
    """Return the content of `errata.json`: the file, each entry with its proof and its address."""
    page = site + PAGE.relative_to(project.ROOT).with_suffix(".html").as_posix()
    entries = [
        {**raw, "shown": entry.shown(), "url": f"{page}#{anchor(entry.id)}"}
        for raw, entry in zip(data()["errata"], errata().values(), strict=True)
    ]
    return {**data(), "errata": entries}


def count() -> list[list[Any]]:
    """Return how many errata of each kind a topic has: a row for each topic, and one for all."""
    topics, kinds = data()["topics"], data()["kinds"]
    rows = [
        [
            topics[topic],
            *(sum((e.topic, e.kind) == (topic, kind) for e in errata().values()) for kind in kinds),
        ]
        for topic in topics
    ]
    columns = list(zip(*rows, strict=True))[1:]
    rows = [*rows, ["all", *(sum(column) for column in columns)]]
    return [[*row, sum(row[1:])] for row in rows]


def path_of(name: str) -> Path:
    """Return where the figure of a misprint is put, relative to the folder of the site's images."""
    return Path("errata", f"{name}.png")
