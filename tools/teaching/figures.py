"""The figures of the chapters as SVG and PDF beside the PNG, drawn by the cells that draw them."""

import hashlib
import json
import os
from base64 import b64decode
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from html import escape
from pathlib import Path

import nbformat

from tools.book import citation, myst, project
from tools.notebook import files
from tools.notebook.generate import execute
from tools.site.figure_files import LIST, hashed
from tools.teaching import document
from tools.teaching.chapter import Figure, figures

DRAW = """\
from matplotlib_inline.backend_inline import set_matplotlib_formats

set_matplotlib_formats("png", "svg", "pdf")"""
KINDS = {"svg": "image/svg+xml", "pdf": "application/pdf"}
RECORD = "drawn.json"
"""Which notebooks the pictures of a folder were drawn from, so that none is drawn twice."""


def drawn(page: Path) -> dict[str, dict[str, bytes]]:
    """Run a chapter, and return its figures by name and by kind."""
    source, _ = myst.read_cells(page)
    blank = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(DRAW)])
    blank.cells += [nbformat.v4.new_code_cell(one.source) for one in files.code_cells(source)]
    ran = files.code_cells(execute(blank, page, timeout=None))[1:]  # a busy machine may take long
    return {figure.name: pictures(ran[figure.cell]) for figure in figures(page)}


def pictures(cell: nbformat.NotebookNode) -> dict[str, bytes]:
    """Return the first figure that a cell drew, by kind."""
    data = next(o.data for o in cell.outputs if KINDS["svg"] in o.get("data", {}))
    return {"svg": data[KINDS["svg"]].encode(), "pdf": b64decode(data[KINDS["pdf"]])}


def cited(figure: Figure) -> str:
    """Return the line that goes with a figure where it is shown elsewhere."""
    section = f", section “{figure.section}”" if figure.section else ""
    return (
        f"{', '.join(citation.authors())}: {citation.cff()['title']}, version "
        f"{citation.version()}, chapter “{project.title(figure.page)}”{section}. "
        f"{address(figure)}. {citation.TEXT_LICENCE}."
    )


def address(figure: Figure) -> str:
    """Return the address of the chapter of a figure."""
    return f"{project.site(project.address())}book/{figure.page.stem}.html"


def entry(figure: Figure) -> str:
    """Return a figure in the gallery: picture, files, caption, citation, and its code."""
    links = " ".join(
        f'<a download href="{figure.name}.{kind}">{kind.upper()}</a>'
        for kind in ("svg", "pdf", "png")
    )
    return (
        f'<figure id="{figure.name}"><img loading="lazy" src="{figure.name}.png" '
        f'alt="{escape(figure.alt)}"><figcaption>{document.body(figure.caption)}'
        f'<p class="files">{links} <a href="{address(figure)}">the chapter, with the cell that '
        f"draws it</a></p><p><small>{escape(cited(figure))}</small></p></figcaption></figure>"
    )


def gallery(found: Iterable[Figure]) -> str:
    """Return the page that shows all figures with their files."""
    shown, page = [], None
    for figure in found:
        if figure.page != page:
            page = figure.page
            shown.append(f"<h2>{escape(project.title(page))}</h2>")
        shown.append(entry(figure))
    return document.page("Figures", "".join(shown))


def write(pages: Iterable[Path], folder: Path) -> None:
    """Write the figures of chapters; of one whose notebook is as it was, nothing is drawn anew.

    As many chapters run at once as there are processors. What is drawn stays after an interrupt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / RECORD
    known = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    found = {page: figures(page) for page in pages}
    states = {page: state(page) for page in found if found[page]}
    changed = [page for page in states if known.get(page.stem) != states[page]]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # a chapter runs in a process of its own
        runs = {pool.submit(drawn, page): page for page in changed}
        try:
            for number, run in enumerate(as_completed(runs), 1):
                page = runs[run]
                for figure in found[page]:
                    (folder / f"{figure.name}.png").write_bytes(figure.png)
                for name, kinds in run.result().items():
                    for kind, content in kinds.items():
                        (folder / f"{name}.{kind}").write_bytes(content)
                known[page.stem] = states[page]
                record.write_text(json.dumps(known), encoding="utf-8")
                print(f"[{number}/{len(changed)}] figures of {page.stem}", flush=True)
        finally:  # after a fault or an interrupt, what has not begun is left
            pool.shutdown(cancel_futures=True)
    every = [figure for page in found for figure in found[page]]
    (folder / "index.html").write_text(gallery(every), encoding="utf-8")
    (folder / LIST.name).write_text(json.dumps(by_chapter(every)), encoding="utf-8")


def state(page: Path) -> str:
    """Return a hash of the notebook of a chapter."""
    return hashlib.sha256(files.notebook_path(page).read_bytes()).hexdigest()


def by_chapter(found: Iterable[Figure]) -> dict[str, dict[str, list[str]]]:
    """Return figures as the site reads them: by chapter and picture, name and citation."""
    listed: dict[str, dict[str, list[str]]] = {}
    for figure in found:
        entry = {hashed(figure.png): [figure.name, cited(figure)]}
        listed.setdefault(figure.page.stem, {}).update(entry)
    return listed
