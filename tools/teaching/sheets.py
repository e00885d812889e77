"""Exercise sheets: exercises of the book with points and room, and the same with solutions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tools.book import catalogue, myst, project
from tools.notebook import files
from tools.notebook.generate import INSTALL, KERNEL
from tools.site.downloads import link
from tools.teaching import document, exercises
from tools.teaching.exercises import Cell, Exercise

ROOM = 11
"""Millimetres of room for each point."""
SUFFIX = {False: "", True: "-solutions"}
"""What ends the name of a file, without solutions and with them."""


@dataclass(frozen=True)
class Sheet:
    """Exercises to hand out.

    Attributes:
        name: of its files.
        title: its heading.
        tasks: the exercises with their points.
    """

    name: str
    title: str
    tasks: tuple[tuple[Exercise, int], ...]

    @property
    def points(self) -> int:
        """Return the points of all exercises together."""
        return sum(points for _, points in self.tasks)

    def formulas(self, *, solved: bool) -> list[myst.Formula]:
        """Return the formulas that tasks, or solutions too, refer to, in the book's order."""
        wanted = {name for exercise, _ in self.tasks for name in exercise.formulas}
        if solved:
            wanted |= {name for exercise, _ in self.tasks for name in exercise.solved_by}
        return [formula for formula in catalogue.book() if formula.id in wanted]


def sheet(name: str, title: str, chosen: Sequence[str]) -> Sheet:
    """Return a sheet of the exercises of these ids; `id:5` says that one has 5 points.

    Raises:
        ValueError: there is no such exercise, an exercise is chosen twice, or points are no whole
            number of at least 1.
    """
    ids = [wanted.partition(":")[0] for wanted in chosen]
    if twice := [one for one in ids if ids.count(one) > 1]:
        raise ValueError(f"an exercise stands on a sheet once, got {twice[0]!r} twice")
    given = [wanted.partition(":")[2] for wanted in chosen]
    if bad := [points for points in given if points and (not points.isdecimal() or points == "0")]:
        raise ValueError(f"points must be a whole number of at least 1, got {bad[0]!r}")
    found = exercises.chosen(ids)
    tasks = zip(found, (int(points or 0) for points in given), strict=True)
    return Sheet(name, title, tuple((one, points or one.points) for one, points in tasks))


def of_chapters() -> list[Sheet]:
    """Return a sheet of each chapter that has exercises."""
    pages = {page: exercises.of(page) for page in project.chapters()}
    return [
        sheet(page.stem, project.title(page), [exercise.id for exercise in found])
        for page, found in pages.items()
        if found
    ]


# --- Markdown -------------------------------------------------------------------------------------


def room(points: int) -> str:
    """Return room to write in, for paper and for Word."""
    height = ROOM * points
    lines = "<w:p/>" * (height // 9)
    return (
        f'```{{=html}}\n<div style="height: {height}mm"></div>\n```\n\n'
        f"```{{=latex}}\n\\vspace{{{height}mm}}\n```\n\n"
        f"```{{=openxml}}\n{lines}\n```"
    )


def outputs(cell: Cell) -> str:
    """Return what a code cell printed, and the pictures that it drew, as Markdown."""
    shown = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        text = output.get("text") or data.get("text/plain")
        if "image/png" in data:
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            shown.append(f"![{alt}](data:image/png;base64,{data['image/png'].strip()})")
        elif text:
            shown.append(f"``` text\n{text.rstrip()}\n```")
    return "\n\n".join(shown)


def solution(exercise: Exercise) -> str:
    """Return the solution of an exercise as Markdown: prose, code, and what the code printed."""
    parts = ["**Solution.**"]
    for cell in exercise.solution:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts += [f"``` python\n{cell.source}\n```", outputs(cell)]
    return "\n\n".join(part for part in parts if part)


def heading(number: int, title: str, points: int) -> str:
    """Return the heading of a task, with its points."""
    name = f"{number}. {title}" if title else f"{number}."
    return (
        f"## {name} [{points} point{'s' if points > 1 else ''}]{{.points}}\n\n"
        f"```{{=latex}}\n\\needspace{{4\\baselineskip}}\n```"
    )


def task(number: int, exercise: Exercise, points: int, *, solved: bool) -> str:
    """Return one exercise of a sheet as Markdown."""
    page = project.site(project.address()) + f"book/{exercise.page.stem}.html"
    source = f"[{exercise.id}]({page}#{exercise.id})"
    below = solution(exercise) if solved else room(points)
    return "\n\n".join([heading(number, exercise.title, points), exercise.text, source, below])


def formulas(found: Iterable[myst.Formula]) -> str:
    """Return formulas with their ids, as a last section in Markdown."""
    boxes = [
        f"[{formula.title}]({link(formula.id)})\n\n$$\n{myst.tagged(formula.latex, formula.id)}\n$$"
        for formula in found
    ]
    return "\n\n".join(["## Formulas", *boxes]) if boxes else ""


def markdown(made: Sheet, *, solved: bool) -> str:
    """Return a sheet in Markdown, for a lecturer to change."""
    name = "" if solved else "Name: [ ]{.name}\n"
    tasks = [
        task(number, exercise, points, solved=solved)
        for number, (exercise, points) in enumerate(made.tasks, 1)
    ]
    above = f"# {made.title}{': solutions' if solved else ''}\n\n{name}\n{made.points} points."
    parts = [above, *tasks, formulas(made.formulas(solved=solved)), document.foot()]
    return "\n\n".join(part for part in parts if part) + "\n"


# --- notebooks ------------------------------------------------------------------------------------


def setup(made: Sheet) -> list[Cell]:
    """Return the cells of the chapters that the solutions build on, each once, without outputs."""
    sources = dict.fromkeys(cell.source for one, _ in made.tasks for cell in one.setup)
    return [nbformat.v4.new_code_cell(source) for source in sources]


def notebook(made: Sheet, *, solved: bool) -> nbformat.NotebookNode:
    """Return a sheet as a notebook: room is a cell for code and one for words."""
    install = INSTALL.format(which=project.package()).strip()
    above = f"# {made.title}{': solutions' if solved else ''}\n\n{made.points} points. {{foot}}"
    cells = [
        nbformat.v4.new_markdown_cell(above.format(foot=document.foot())),
        nbformat.v4.new_code_cell(install),
        *setup(made),
    ]
    for number, (exercise, points) in enumerate(made.tasks, 1):
        text = f"## {number}. {exercise.title} ({points} points)\n\n{exercise.text}"
        cells.append(nbformat.v4.new_markdown_cell(text))
        cells += map(bare, exercise.solution) if solved else answer()
    if found := formulas(made.formulas(solved=solved)):
        cells.append(nbformat.v4.new_markdown_cell(found))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03d}"
    made_of = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    book: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=made_of)
    return book


def bare(cell: Cell) -> Cell:
    """Return a cell of a solution without its outputs."""
    bare_cell: Cell = nbformat.v4.new_markdown_cell(cell.source)
    if cell.cell_type == "code":
        bare_cell = nbformat.v4.new_code_cell(cell.source)
    return bare_cell


def answer() -> list[Cell]:
    """Return the cells in which an answer is given."""
    words = nbformat.v4.new_markdown_cell("*Your answer:*")
    return [words, nbformat.v4.new_code_cell("# Your code")]


# --- files ----------------------------------------------------------------------------------------


def write(sheets: Sequence[Sheet], folder: Path) -> None:
    """Write sheets as Markdown, LaTeX, PDF, Word and notebook, without solutions and with them."""
    folder.mkdir(parents=True, exist_ok=True)
    prints = []
    for made in sheets:
        for solved, suffix in SUFFIX.items():
            text, path = markdown(made, solved=solved), folder / f"{made.name}{suffix}.md"
            path.write_text(text, encoding="utf-8")
            title = made.title + (": solutions" if solved else "")
            (path.with_suffix(".tex")).write_text(document.latex(text, title), encoding="utf-8")
            document.word(text, title, path.with_suffix(".docx"))
            files.write(notebook(made, solved=solved), path.with_suffix(".ipynb"))
            prints.append((document.paper(text, title), path.with_suffix(".pdf")))
    document.printed(prints)
