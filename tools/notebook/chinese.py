"""Make the Chinese notebooks: `python -m tools.notebook.chinese`; with --check, say which are old.

`book/zh/adam.ipynb` has the code and the outputs of `book/adam.ipynb`, which ran; nothing runs
here. Its prose, and the alternative texts of its figures, are Chinese.
"""

import sys
from pathlib import Path

import nbformat

from tools.book import project
from tools.chinese import catalogues, pages
from tools.notebook import files, generate


def chapters() -> list[Path]:
    """Return the chapters that have a Chinese notebook."""
    return [chapter for chapter in project.chapters() if chapter.stem in catalogues.PAGES]


def made(chapter: Path) -> nbformat.NotebookNode:
    """Return the Chinese notebook of a chapter, with the outputs of the English one."""
    notebook = generate.generate(chapter, files.read_notebook(chapter))
    cells = files.code_cells(notebook)[1:]  # without the install cell
    for cell, alt in zip(cells, generate.alt_texts(chapter), strict=True):
        for output in cell.outputs:
            if alt and "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {"alt": alt}
    return notebook


def is_fresh(chapter: Path) -> bool:
    """Return whether the committed Chinese notebook of a chapter is what the chapter makes."""
    path = files.path_in_edition(chapter)
    return path.exists() and nbformat.read(path, as_version=4) == made(chapter)


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
        files.write(made(chapter), path)
        print(f"{chapter.stem} in Chinese")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
