"""The Sphinx extension that offers a figure's files beside it, where the shelf has them.

`make teaching` draws each figure of a chapter as SVG and PDF, and lists them with the hash of the
picture that the chapter shows. A figure that was drawn anew since is not offered.
"""

import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from tools.book import project
from tools.site.shelf import FOLDER

LIST = FOLDER / "figures" / "files.json"
"""Of each chapter the figures: by the hash of the picture, their name and what cites them."""


def on_shelf() -> dict[str, dict[str, list[str]]]:
    """Return the figures on the shelf by chapter; nothing where none were drawn."""
    found: dict[str, dict[str, list[str]]] = {}
    if LIST.exists() and project.is_english():
        found = json.loads(LIST.read_text(encoding="utf-8"))
    return found


def hashed(picture: bytes) -> str:
    """Return the hash by which a picture is found."""
    return hashlib.sha256(picture).hexdigest()[:16]


def menu(docname: str, name: str, cited: str) -> str:
    """Return what opens beneath a figure: its files, and the line that cites it."""
    up = "../" * docname.count("/")
    links = ", ".join(
        f'<a href="{up}{FOLDER.name}/figures/{name}.{kind}" download>{kind.upper()}</a>'
        for kind in ("svg", "pdf")
    )
    return (
        f'<details class="figure-files"><summary>SVG, PDF, citation</summary>{links}. '
        f"{escape(cited)}</details>"
    )


def offer(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the menu beneath each figure of a page whose picture is on the shelf."""
    known = on_shelf().get(Path(docname).name, {})
    if app.builder.format != "html" or not known:
        return
    for figure in doctree.findall(nodes.figure):
        for image in figure.findall(nodes.image):
            path = Path(app.srcdir, image["uri"])
            if path.suffix == ".png" and (entry := known.get(hashed(path.read_bytes()))):
                figure += nodes.raw("", menu(docname, *entry), format="html")


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Return the chapters whose figures on the shelf are others than in the last build."""
    before, now = getattr(env, "figures_on_shelf", {}), on_shelf()
    env.figures_on_shelf = now  # type: ignore[attr-defined]
    others = {name for name in before | now if before.get(name) != now.get(name)}
    return [docname for docname in env.found_docs if Path(docname).name in others]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-resolved", offer)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
