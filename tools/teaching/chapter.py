"""What a chapter shows, piece by piece: headings, prose, formulas, figures, errata."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.book import myst, project
from tools.book.myst import Directive, Formula
from tools.notebook import files
from tools.notebook.commonmark import Prose
from tools.notebook.generate import glued
from tools.teaching.exercises import Cell, pieces


@dataclass(frozen=True)
class Heading:
    """A heading below the title."""

    title: str


@dataclass(frozen=True)
class Text:
    """Prose in CommonMark; a proof if it stands in one."""

    text: str
    is_proof: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure of a chapter.

    Attributes:
        page: the chapter.
        number: its number in the chapter, from 1.
        cell: the number of its code cell among those of the chapter, from 0.
        section: the heading above it.
        caption: what it shows, in Markdown.
        alt: what is seen on it.
        png: its picture.
    """

    page: Path
    number: int
    cell: int
    section: str
    caption: str
    alt: str
    png: bytes

    @property
    def name(self) -> str:
        """Return the name of its files."""
        return f"{self.page.stem}-{self.number}"


@dataclass(frozen=True)
class Erratum:
    """An erratum that the chapter shows."""

    id: str


Piece = Heading | Text | Figure | Formula | Erratum


def read(page: Path) -> Iterator[Piece]:
    """Yield what a chapter shows, in its order, without exercises and their solutions."""
    source, _ = myst.read_cells(page)
    notebook = files.read_notebook(page)
    assert notebook, f"{page.stem} has no notebook"
    prose = Prose(page, project.site(project.address()), glued(notebook))
    ran = files.code_cells(notebook)[1:]
    section, number, code, in_solution = "", 0, -1, False
    for cell in source.cells:
        if cell.cell_type == "code":
            code += 1
            drawn = _figure(page, number + 1, code, section, cell, ran[code], prose)
            if drawn and not in_solution:
                number += 1
                yield drawn
            continue
        for piece in pieces(cell.source):
            if isinstance(piece, Directive):
                in_solution = {"solution-start": True, "solution-end": False}.get(
                    piece.name, in_solution
                )
                yield from () if in_solution else _of_directive(piece, page, prose)
            elif not in_solution:
                for part in _of_text(piece, prose):
                    section = part.title if isinstance(part, Heading) else section
                    yield part


def _of_directive(directive: Directive, page: Path, prose: Prose) -> Iterator[Piece]:
    if directive.name == "formula":
        yield myst.formula(directive, page)
    elif directive.name == "erratum":
        yield Erratum(directive.argument)
    elif directive.name == "admonition" and directive.argument.startswith("Proof"):
        yield Text(prose.convert(directive.body, 1), is_proof=True)


def _of_text(text: str, prose: Prose) -> Iterator[Heading | Text]:
    """Yield the headings of a text, and the paragraphs between them."""
    for block in prose.convert(text, 1).split("\n\n"):
        if block.startswith("##"):
            yield Heading(block.lstrip("# ").strip())
        elif block.strip() and not block.startswith(("# ", "---")):
            yield Text(block.strip())


def _figure(
    page: Path,
    number: int,
    code: int,
    section: str,
    cell: Cell,
    ran: Cell,
    prose: Prose,
) -> Figure | None:
    about = cell.metadata.get("mystnb", {})
    caption = about.get("figure", {}).get("caption")
    pictures = [o.data["image/png"] for o in ran.outputs if "image/png" in o.get("data", {})]
    if not (caption and pictures):
        return None
    return Figure(
        page,
        number,
        code,
        section,
        " ".join(prose.convert(caption.strip(), 1).split()),
        " ".join(about.get("image", {}).get("alt", "").split()),
        base64.b64decode(pictures[0]),
    )


def figures(page: Path) -> list[Figure]:
    """Return the figures of a chapter."""
    return [piece for piece in read(page) if isinstance(piece, Figure)]
