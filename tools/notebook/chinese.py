"""Make the Chinese notebooks: `python -m tools.notebook.chinese`; with --check, say which are old.

`book/zh/adam.ipynb` has the code and the outputs of `book/adam.ipynb`, which ran. Its prose, the
alternative texts of its figures and the texts in them are Chinese. A chapter runs here only if one
of its figures, or what is written in it, changed; of that run the pictures alone are kept.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.book import project
from tools.chinese import catalogues, figures, pages
from tools.notebook import files, generate

DRAWN = "drawn-in-chinese"
"""Where a Chinese picture has the hash of the English one in whose place it stands."""

SPEAK = f"""\
import sys
sys.path.insert(0, {str(project.ROOT)!r})
from tools.chinese.figures import speak_chinese
speak_chinese()
"""
"""What runs in the place of the cell that installs the package."""


def chapters() -> list[Path]:
    """Return the chapters that have a Chinese notebook."""
    return [chapter for chapter in project.chapters() if chapter.stem in catalogues.PAGES]


def _pictures(notebook: nbformat.NotebookNode | None) -> Iterator[nbformat.NotebookNode]:
    for cell in files.code_cells(notebook) if notebook else ():
        yield from (output for output in cell.outputs if "image/png" in output.get("data", {}))


def _hash(picture: nbformat.NotebookNode) -> str:
    return hashlib.sha256(picture.data["image/png"].encode()).hexdigest()[:16]


def committed(chapter: Path) -> dict[str, str]:
    """Return the pictures that are drawn in Chinese and up to date, by the hash of the English."""
    found = figures.pictures(files.path_in_edition(chapter))
    drawn = {one.metadata.get(DRAWN, ""): one.data["image/png"] for one in found}
    return {english: png for english, png in drawn.items() if _says_what_it_should(png)}


def _says_what_it_should(png: str) -> bool:
    return all(figures.in_chinese(text) == said for text, said in figures.texts(png).items())


def drawn(chapter: Path) -> dict[str, str]:
    """Run a chapter and return its pictures with Chinese texts, by the hash of the English ones."""
    notebook = generate.bare(chapter)
    notebook.cells[0].source = SPEAK
    english = _pictures(files.read_notebook(chapter))
    chinese = _pictures(generate.execute(notebook, chapter))
    return {_hash(old): new.data["image/png"] for old, new in zip(english, chinese, strict=True)}


def made(chapter: Path, drawn: dict[str, str]) -> nbformat.NotebookNode:
    """Return the Chinese notebook of a chapter: outputs of the English one, but these pictures."""
    notebook = generate.generate(chapter, files.read_notebook(chapter))
    cells = files.code_cells(notebook)[1:]  # without the install cell
    for cell, alt in zip(cells, generate.alt_texts(chapter), strict=True):
        for output in cell.outputs:
            if alt and "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {"alt": alt}
    for picture in _pictures(notebook):
        english = _hash(picture)
        if english in drawn:
            picture.data["image/png"], picture.metadata[DRAWN] = drawn[english], english
    return notebook


def is_fresh(chapter: Path) -> bool:
    """Return whether the committed Chinese notebook of a chapter is what the chapter makes."""
    path = files.path_in_edition(chapter)
    if not path.exists() or not is_drawn(chapter):
        return False
    return bool(nbformat.read(path, as_version=4) == made(chapter, committed(chapter)))


def is_drawn(chapter: Path) -> bool:
    """Return whether each picture of a chapter is drawn in Chinese."""
    return {*map(_hash, _pictures(files.read_notebook(chapter)))} <= committed(chapter).keys()


def main(arguments: list[str]) -> int:
    """Make those that are not up to date, or with --check say which; return 1 if that says any."""
    pages.read_in_chinese()
    old = [chapter for chapter in chapters() if not is_fresh(chapter)]
    if "--check" in arguments:
        names = ", ".join(chapter.stem for chapter in old)
        print(f"not up to date in Chinese: {names}. Run: make notebooks" if old else "", end="")
        return 1 if old else 0
    for chapter in old:
        path = files.path_in_edition(chapter)
        path.parent.mkdir(exist_ok=True)
        pictures = committed(chapter) if is_drawn(chapter) else drawn(chapter)
        files.write(made(chapter, pictures), path)
        print(f"{chapter.stem} in Chinese")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
