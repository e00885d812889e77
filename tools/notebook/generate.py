"""Generate the notebook beside each chapter: `python -m tools.notebook.generate [CHAPTER ...]`.

`book/adam.md` becomes `book/adam.ipynb`: plain CommonMark prose, a first code cell that installs
the package where it is missing, and the outputs of a run. A chapter is run again only if its code
changed (or with --all); where its prose alone changed, the outputs stay.
"""

import argparse
import sys
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools.book import myst, project
from tools.book.myst import ChapterError
from tools.book.pictures import lighter
from tools.book.project import said
from tools.notebook import files
from tools.notebook.commonmark import Prose

INSTALL = """\
# In Colab, and wherever the book's package is missing, this installs it.
try:
    import descent
except ImportError:
    %pip install --quiet "descent-to-adam[plot]{which}"
"""

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_TIMEOUT = 120  # seconds


def glued(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Return the values that the cells of an executed notebook glued, by name."""
    outputs = [output for cell in files.code_cells(notebook) for output in cell.outputs]
    return {
        output.metadata.scrapbook.name: text
        for output in outputs
        for mime, text in output.get("data", {}).items()
        if "scrapbook" in output.get("metadata", {}) and mime.endswith("text/plain")
    }


def generate(chapter: Path, outputs: nbformat.NotebookNode | None) -> nbformat.NotebookNode:
    """Return the notebook of a chapter, with the outputs of the executed notebook `outputs`.

    Without outputs its code cells are bare, and its prose takes values from nowhere: see `run`.

    Raises:
        ChapterError: the chapter holds something that a notebook cannot show.
    """
    source, starts = myst.read_cells(chapter)
    address = project.written_address()
    values = glued(outputs) if outputs else {}
    prose = Prose(chapter, project.site(address), values)
    cells = []
    for number, (cell, start) in enumerate(zip(source.cells, starts, strict=True)):
        if cell.cell_type == "markdown":
            text = prose.cell(cell.source, start + 1)
            cells += [nbformat.v4.new_markdown_cell(text)] if text else []
        else:
            cells += _code(cell, prose, start + 1)
        if number == 0:
            cells += _opening(chapter, prose, address)
    if prose.solution:
        raise ChapterError(chapter, starts[-1] + 1, "a solution begins that never ends")
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03d}"
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    if outputs:
        _copy_outputs(outputs, notebook)
    return notebook


def _opening(chapter: Path, prose: Prose, address: str) -> list[nbformat.NotebookNode]:
    """Return the cells after the title: where the notebook is from, and what it needs."""
    settings = project.config()
    path = files.path_in_edition(chapter).relative_to(chapter.parents[1]).as_posix()
    colab = settings["launch_buttons"]["colab_url"]
    head = said(
        "*This notebook is made from a chapter of [{title}]({site}). "
        "[Read it on the site]({page}), or [run it in Colab]({colab}).*"
    ).format(
        title=said(settings["title"]),
        site=prose.site,
        page=prose.page(chapter),
        colab=f"{colab}/github/{'/'.join(address.split('/')[-2:])}"
        f"/blob/{settings['repository']['branch']}/{path}",
    )
    install = nbformat.v4.new_code_cell(INSTALL.format(which=project.package()).strip())
    return [nbformat.v4.new_markdown_cell(head), install]


def _code(cell: nbformat.NotebookNode, prose: Prose, line: int) -> list[nbformat.NotebookNode]:
    """Return a code cell, followed by the caption of its figure if it has one."""
    metadata: dict[str, Any] = {}
    if tags := cell.metadata.get("tags"):
        metadata["tags"] = tags
    if prose.solution:  # folded in Colab and in JupyterLab
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    cells = [nbformat.v4.new_code_cell(cell.source, metadata=nbformat.from_dict(metadata))]
    if caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
        cells += [nbformat.v4.new_markdown_cell(f"*{prose.convert(caption.strip(), line)}*")]
    return cells


def _copy_outputs(outputs: nbformat.NotebookNode, notebook: nbformat.NotebookNode) -> None:
    for old, new in zip(files.code_cells(outputs), files.code_cells(notebook), strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count


def alt_texts(chapter: Path) -> list[str | None]:
    """Return the alternative text of each code cell's figure, None where there is no figure."""
    source, _ = myst.read_cells(chapter)
    images = [cell.metadata.get("mystnb", {}).get("image", {}) for cell in files.code_cells(source)]
    return [" ".join(image["alt"].split()) if "alt" in image else None for image in images]


def execute(
    notebook: nbformat.NotebookNode, chapter: Path, timeout: int | None = CELL_TIMEOUT
) -> nbformat.NotebookNode:
    """Run a notebook in its chapter's folder, and return it with outputs and no timestamps.

    A cell may take `timeout` seconds; None sets no limit.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(chapter.parent)}},
    )
    client.execute()
    notebook.metadata.language_info = {"name": "python"}  # not the version: it differs by machine
    for cell, alt in zip(files.code_cells(notebook)[1:], alt_texts(chapter), strict=True):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = b64encode(lighter(b64decode(data["image/png"]))).decode()
            if alt and "image/png" in data:
                output.metadata["image/png"] = {"alt": alt}
    return notebook


def bare(chapter: Path) -> nbformat.NotebookNode:
    """Return the code cells of the notebook of a chapter, that which installs the package first."""
    blank: nbformat.NotebookNode = nbformat.v4.new_notebook(cells=[])
    source, _ = myst.read_cells(chapter)
    for cell in [
        *_opening(chapter, Prose(chapter, "", {}), project.written_address()),
        *source.cells,
    ]:
        if cell.cell_type == "code":
            blank.cells.append(nbformat.v4.new_code_cell(cell.source))
    return blank


def run(chapter: Path) -> nbformat.NotebookNode:
    """Return the notebook of a chapter, freshly executed."""
    return generate(chapter, execute(bare(chapter), chapter))


def update(chapter: Path, *, rerun: bool) -> str:
    """Bring the notebook of a chapter up to date; return what was done."""
    committed = files.read_notebook(chapter)
    notebook = None
    if committed and not rerun and _sources(bare(chapter)) == _sources(committed):
        notebook, done = generate(chapter, committed), "prose"
    if not (committed and notebook and files.same_code(notebook, committed)):
        notebook, done = run(chapter), "executed"
    if committed == notebook:
        return "unchanged"
    files.write(notebook, files.notebook_path(chapter))
    return done


def _sources(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in files.code_cells(notebook)[1:]]  # without the install cell


def check(chapters: list[Path]) -> int:
    """Say which notebooks are not what their chapters make; return 1 if there is one."""
    old = [chapter.stem for chapter in chapters if not is_fresh(chapter)]
    if old:
        print(f"not up to date: {', '.join(old)}. Run: make notebooks")
    return 1 if old else 0


def is_fresh(chapter: Path) -> bool:
    """Return whether the committed notebook of a chapter is what the chapter makes."""
    committed = files.read_notebook(chapter)
    try:
        return committed is not None and generate(chapter, committed) == committed
    except ValueError:  # it has other cells
        return False


def main() -> int:
    """Update the notebooks of the chapters that changed; return 0 if all went well."""
    arguments = argparse.ArgumentParser(
        prog="python -m tools.notebook.generate", description=__doc__
    )
    arguments.add_argument("chapters", nargs="*", type=Path, help="default: all of _toc.yml")
    arguments.add_argument("--all", action="store_true", help="execute those unchanged as well")
    arguments.add_argument("--check", action="store_true", help="say which are not up to date")
    options = arguments.parse_args()
    chapters = [path.resolve() for path in options.chapters] or project.chapters()
    if options.check:
        return check(chapters)
    for number, chapter in enumerate(chapters, 1):
        print(f"[{number}/{len(chapters)}] {chapter.stem} ... ", end="", flush=True)
        start = time.perf_counter()
        try:
            done = update(chapter, rerun=options.all)
        except (ChapterError, CellExecutionError) as error:
            print("failed", error, sep="\n")
            return 1
        except KeyboardInterrupt:
            print("interrupted; the notebooks above are up to date")
            return 130
        print(f"{done} ({time.perf_counter() - start:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
