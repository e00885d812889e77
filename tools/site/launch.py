"""The Sphinx extension of what surrounds a page: launch buttons, and the feed of changes.

Colab and Binder are the theme's own buttons; it knows nothing of Kaggle, nor of the reader's own
computer. All open the notebook that lies beside the chapter in the repository.
"""

from html import escape
from typing import Any

from sphinx.application import Sphinx

from tools.book import project
from tools.site import changes

ORDER = ("Colab", "Kaggle", "Binder", "Your computer")


def kaggle(docname: str) -> str:
    """Return the address at which Kaggle opens the notebook of a chapter."""
    branch = project.config()["repository"]["branch"]
    notebook = f"{project.address()}/blob/{branch}/{docname}.ipynb"
    return f"https://kaggle.com/kernels/welcome?src={notebook}"


def button(text: str, url: str, icon: str, tooltip: str) -> dict[str, str]:
    """Return a button as the theme describes one."""
    return {"type": "link", "text": text, "url": url, "icon": icon, "tooltip": tooltip}


def surround(app: Sphinx, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Add buttons to a chapter, and the feed to the head of every page."""
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons":
            local = context["pathto"]("book/index") + "#how-to-run-it"
            group["buttons"] += [
                button("Kaggle", kaggle(name), "fab fa-kaggle", "Launch on Kaggle"),
                button("Your computer", local, "fas fa-laptop", "Run it on your own computer"),
            ]
            group["buttons"].sort(key=lambda one: ORDER.index(one["text"]))
    href, title = escape(context["pathto"](changes.NAME, True)), "Changes"
    context["metatags"] = context.get("metatags", "") + (
        f'\n<link rel="alternate" type="application/atom+xml" title="{title}" href="{href}">'
    )


def show_changes(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the versions on the page of changes."""
    if docname == changes.DOCNAME:
        app.env.note_dependency(str(changes.CHANGELOG))
        source[0] = changes.page(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", surround, priority=600)  # the theme's buttons come at 501
    app.connect("source-read", show_changes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
