"""The Sphinx extension that links the teacher's shelf, which `make teaching` fills.

`{shelf} slides` lists a part of it; where the shelf is empty, as after `make book` alone, a
sentence says so, and no link leads nowhere. What lies on it is copied into the site.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from tools.book import project

FOLDER = project.BUILD / "teaching"
LIST = FOLDER / "shelf.json"
"""What is on the shelf: by part and name, the address of each kind of file."""
MADE = FOLDER / "made.txt"
"""What changes with any file on the shelf, so that the site is built anew with it."""
PAGE = "book/teach"
TITLES = {
    "sheets": "Exercise sheets",
    "questions": "Fresh questions",
    "assignments": "Graded notebooks",
    "slides": "Slides",
    "figures": "Figures",
    "cheat-sheet": "Cheat sheet",
}
"""The parts of the shelf."""
KINDS = {
    ".html": "open",
    ".pdf": "PDF",
    ".docx": "Word",
    ".pptx": "PowerPoint",
    ".tex": "LaTeX",
    ".md": "Markdown",
    ".ipynb": "notebook",
    ".moodle.xml": "Moodle",
    ".qti.zip": "QTI 2.1",
    ".quiz.json": "jupyterquiz",
    ".otter.zip": "otter-grader",
    ".svg": "SVG",
}
"""What a file is called by its ending, in the order in which they are listed."""
SECOND = {"-solutions": "solutions", "-answers": "answers", "-instructor": "instructor's"}
"""What ends the names of the files that are not handed out, and what they are called."""
EMPTY = "This copy of the site was built without the shelf. `make teaching` fills it."


def titled(name: str) -> str:
    """Return what a row is called: the title of the chapter that it is made of, where it is one.

    >>> titled("adam-family-solutions"), titled("all figures")
    ('The family of Adam (solutions)', 'All figures')
    """
    end = next((end for end in SECOND if name.endswith(end)), "")
    stem = name.removesuffix(end)
    page = project.BOOK / f"{stem}.md"
    title = project.title(page) if page.exists() else stem.replace("-", " ").capitalize()
    return f"{title} ({SECOND[end]})" if end else title


def on_shelf() -> dict[str, dict[str, dict[str, str]]]:
    """Return what is on the shelf; nothing where it was not filled."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    if LIST.exists():
        found = json.loads(LIST.read_text(encoding="utf-8"))
    return found


class Shelf(SphinxDirective):
    """A part of the shelf: a list of what it is made of, each with its files."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the list, or the sentence that says that there is none."""
        part = self.arguments[0]
        if part not in TITLES:
            raise self.error(f"shelf must be one of {', '.join(TITLES)}, got {part!r}")
        files = on_shelf().get(part)
        if not files:
            return self.parse_text_to_nodes(EMPTY)
        return [nodes.bullet_list("", *(self._row(*row) for row in files.items()))]

    def _row(self, name: str, files: dict[str, str]) -> nodes.list_item:
        line = nodes.paragraph("", f"{titled(name)}: ")
        for number, (end, address) in enumerate(files.items()):
            line += [nodes.Text(", ")] if number else []
            line += nodes.reference("", KINDS[end], refuri=f"../{FOLDER.name}/{address}")
        return nodes.list_item("", line)


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Return the page of the shelf, where that was filled or emptied since."""
    before, now = getattr(env, "shelf", None), on_shelf()
    env.shelf = now  # type: ignore[attr-defined]
    return [PAGE] if before != now and PAGE in env.found_docs else []


def copy(app: Sphinx, exception: Exception | None) -> None:
    """Put what lies on the shelf into the site, and nothing else."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir) / FOLDER.name
    shutil.rmtree(target, ignore_errors=True)
    if on_shelf():
        shutil.copytree(FOLDER, target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("shelf", Shelf)
    app.connect("env-get-outdated", outdated)
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
