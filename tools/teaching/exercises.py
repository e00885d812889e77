"""The exercises of the chapters, with their solutions, as Markdown and as cells."""

import builtins
import dis
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import nbformat

from tools.book import catalogue, myst, project
from tools.book.myst import Directive
from tools.notebook import files
from tools.notebook.commonmark import Prose
from tools.notebook.generate import glued

REFERENCE = re.compile(r"\{eq\}`([\w-]+)`")
Cell = nbformat.NotebookNode
"""A cell of a notebook: prose in CommonMark, or code with its outputs."""


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter.

    Attributes:
        id: its permanent label.
        number: its number in the chapter.
        title: what it is called, in Markdown.
        page: the chapter.
        text: the task, in CommonMark.
        solution: the cells of its solution.
        setup: the code cells of the chapter that the solution builds on.
        formulas: the ids of the formulas that the task refers to.
        solved_by: the ids of the formulas that the solution refers to.
    """

    id: str
    number: int
    title: str
    page: Path
    text: str
    solution: tuple[Cell, ...]
    setup: tuple[Cell, ...]
    formulas: tuple[str, ...]
    solved_by: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Return whether it asks for more than the book knows."""
        return self.title.startswith("Open:")

    @property
    def points(self) -> int:
        """Return its points: a chapter's exercises lead from a reading check to an open one."""
        return 10 if self.is_open else 2 * self.number


def pieces(text: str) -> Iterator[Directive | str]:
    """Yield the directives of a cell that stand by themselves, and the text between them."""
    lines, done = text.splitlines(), 0
    for token in myst.parser().parse(text):
        if token.level == 0 and (directive := Directive.of(token)):
            yield "\n".join(lines[done : directive.first])
            yield directive
            done = directive.last
    yield "\n".join(lines[done:])


@dataclass
class Reader:
    """What reads the exercises of one chapter, cell by cell."""

    page: Path
    prose: Prose
    found: dict[str, dict[str, Any]]
    solving: str = ""

    def text(self, text: str) -> None:
        """Take text: that of the solution in which it stands."""
        if self.solving and text.strip():
            self._cells().append(nbformat.v4.new_markdown_cell(self.prose.convert(text, 1)))
            self._entry()["solved_by"] += REFERENCE.findall(text)

    def directive(self, directive: Directive) -> None:
        """Take a directive: an exercise, a border of a solution, or a part of one."""
        if directive.name == "exercise":
            self.found[str(directive.options["label"])] = {
                "title": directive.argument,
                "text": self.prose.convert(directive.body, 1),
                "formulas": REFERENCE.findall(directive.body),
                "solved_by": [],
                "solution": [],
            }
        elif directive.name == "solution-start":
            self.solving = directive.argument
        elif directive.name == "solution-end":
            self.solving = ""
        elif self.solving:
            converted = self.prose._directive(directive, 1)
            self._cells().append(nbformat.v4.new_markdown_cell(converted))

    def code(self, cell: Cell) -> bool:
        """Take a code cell, and return whether it belongs to a solution."""
        if self.solving:
            self._cells().append(cell)
        return bool(self.solving)

    def _entry(self) -> dict[str, Any]:
        return self.found[self.solving]

    def _cells(self) -> list[Cell]:
        cells: list[Cell] = self._entry()["solution"]
        return cells


@cache
def of(page: Path) -> tuple[Exercise, ...]:
    """Return the exercises of a chapter, in its order."""
    source, _ = myst.read_cells(page)
    notebook = files.read_notebook(page)
    assert notebook, f"{page.stem} has no notebook"
    ran = iter(files.code_cells(notebook)[1:])
    prose = Prose(page, project.site(project.written_address()), glued(notebook))
    reader, chapter = Reader(page, prose, {}), []
    for cell in source.cells:
        if cell.cell_type == "code":
            done = next(ran)
            chapter += [] if reader.code(done) else [done]
            continue
        for piece in pieces(cell.source):
            reader.text(piece) if isinstance(piece, str) else reader.directive(piece)
    return tuple(
        _exercise(page, number, label, entry, chapter)
        for number, (label, entry) in enumerate(reader.found.items(), 1)
    )


def _exercise(
    page: Path, number: int, label: str, entry: dict[str, Any], chapter: list[Cell]
) -> Exercise:
    return Exercise(
        id=label,
        number=number,
        title=entry["title"],
        page=page,
        text=entry["text"],
        solution=tuple(entry["solution"]),
        setup=needed(chapter, entry["solution"]),
        formulas=_known(entry["formulas"]),
        solved_by=_known(entry["solved_by"]),
    )


def _known(ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of formulas of the book, each once: other equations have names too."""
    return tuple(name for name in dict.fromkeys(ids) if name in catalogue.formula_pages())


@cache
def book() -> dict[str, Exercise]:
    """Return all exercises of the book by id, in its order."""
    return {exercise.id: exercise for page in project.chapters() for exercise in of(page)}


def chosen(ids: Iterable[str]) -> list[Exercise]:
    """Return exercises by their ids, in the order asked for.

    Raises:
        ValueError: there is no exercise of an id; the message lists those that are like it.
    """
    ids = list(ids)
    if unknown := [name for name in ids if name not in book()]:
        words = {word for name in unknown for word in name.split("-")} - {"exercise"}
        near = [name for name in book() if words & set(name.split("-"))] or list(book())
        raise ValueError(f"no exercise has the id {unknown[0]!r}; there are {', '.join(near)}")
    return [book()[name] for name in ids]


# --- what a solution needs ------------------------------------------------------------------------


@cache
def names(code: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that code gives a meaning to, and those that it takes from elsewhere."""
    given: set[str] = set()
    asked: set[str] = set()
    inner = [compile(code, "cell", "exec")]
    for step in dis.get_instructions(inner[0]):
        if step.opname == "STORE_NAME":
            given.add(step.argval)
        elif step.opname == "LOAD_NAME" and step.argval not in given:
            asked.add(step.argval)
    for block in inner:
        inner += [constant for constant in block.co_consts if isinstance(constant, CodeType)]
    for block in inner[1:]:
        steps = dis.get_instructions(block)
        asked |= {step.argval for step in steps if step.opname == "LOAD_GLOBAL"} - given
    return frozenset(given), frozenset(asked - set(dir(builtins)))


def needed(chapter: list[Cell], solution: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells of a chapter that give what the code of a solution asks for."""
    code = "\n".join(cell.source for cell in solution if cell.cell_type == "code")
    asked, found = names(code)[1], []
    for cell in reversed(chapter):
        given, asks = names(cell.source)
        if given & asked:
            found.append(cell)
            asked = (asked - given) | asks
    return tuple(reversed(found))
