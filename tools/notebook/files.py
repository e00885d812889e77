"""The committed notebooks: where they lie, what cells they have."""

from pathlib import Path
from typing import Any

import nbformat

from tools.book import project


def notebook_path(chapter: Path) -> Path:
    """Return where the notebook of a chapter lies: beside it, with the same stem."""
    return chapter.with_suffix(".ipynb")


def path_in_edition(chapter: Path) -> Path:
    """Return where the notebook of a chapter lies in the language of this edition."""
    path = notebook_path(chapter)
    return path if project.is_english() else path.parent / project.Edition.language / path.name


def shown_in_edition(chapter: Path) -> Path:
    """Return the notebook whose outputs this edition shows: the English one where it has none."""
    path = path_in_edition(chapter)
    return path if path.exists() else notebook_path(chapter)


def read_notebook(chapter: Path) -> nbformat.NotebookNode | None:
    """Return the committed notebook of a chapter, or None where there is none."""
    path = notebook_path(chapter)
    return nbformat.read(path, as_version=4) if path.exists() else None


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def same_code(a: nbformat.NotebookNode, b: nbformat.NotebookNode) -> bool:
    """Return whether two notebooks run the same cells, after the one that installs the package."""

    def code(notebook: nbformat.NotebookNode) -> list[tuple[str, Any]]:
        return [(cell.source, cell.metadata) for cell in code_cells(notebook)[1:]]

    return code(a) == code(b)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in one go: an interrupt or a full disk leaves the old one whole."""
    nbformat.validate(notebook)
    partial = path.with_suffix(".ipynb.part")
    try:
        nbformat.write(notebook, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
