"""The Sphinx extension that takes outputs from the committed notebooks: no cell runs in a build."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

from tools.book import myst, project
from tools.notebook import files


def cache() -> Path:
    """Return the cache of outputs of this edition, whose cells have other captions."""
    return project.built() / ".jupyter_cache"


def configure(app: Sphinx, config: Config) -> None:
    """Say where the cache of outputs lies."""
    config.nb_execution_cache_path = str(cache())


def fill_cache(app: Sphinx) -> None:
    """Enter the outputs of the committed notebooks that changed into the execution cache."""
    record = cache() / "filled.json"
    filled = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    found = {str(chapter): _state(chapter) for chapter in project.chapters()}
    changed = [chapter for chapter in found if found[chapter] != filled.get(chapter)]
    cache().mkdir(parents=True, exist_ok=True)
    for chapter in changed:
        bundle = CacheBundleIn(with_outputs(Path(chapter)), chapter)
        get_cache(str(cache())).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    record.write_text(json.dumps(found), encoding="utf-8")


def _state(chapter: Path) -> str:
    """Return a hash of a chapter and its notebook."""
    ran = files.shown_in_edition(chapter)
    texts = [project.text(chapter).encode(), ran.read_bytes() if ran.exists() else b""]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def with_outputs(chapter: Path) -> nbformat.NotebookNode:
    """Return the cells of a chapter with the outputs of its committed notebook.

    Raises:
        ExtensionError: the notebook ran other cells.
    """
    path = files.shown_in_edition(chapter)
    committed = nbformat.read(path, as_version=4) if path.exists() else None
    notebook, _ = myst.read_cells(chapter)
    code = files.code_cells(notebook)
    ran = files.code_cells(committed)[1:] if committed else []  # without the install cell
    if [cell.source for cell in code] != [cell.source for cell in ran]:
        raise ExtensionError(f"{chapter.name} has changed since it ran: make notebooks")
    for cell, done in zip(code, ran, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def depend_on_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Read a page again when the outputs in its notebook changed."""
    notebook = files.shown_in_edition(Path(app.env.doc2path(docname)))
    if notebook.exists():
        app.env.note_dependency(str(notebook))


def serve_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Offer for download the notebook that Colab opens, not the site's own with its MyST."""
    for chapter in project.chapters() if not exception and app.builder.format == "html" else []:
        name = files.notebook_path(chapter).relative_to(project.ROOT)
        if name.with_suffix("").as_posix() in app.env.found_docs:
            offered = files.path_in_edition(chapter)
            shutil.copyfile(offered, Path(app.outdir) / "_sources" / name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", configure, priority=100)
    app.connect("builder-inited", fill_cache, priority=100)
    app.connect("source-read", depend_on_notebook)
    app.connect("build-finished", serve_notebooks, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
