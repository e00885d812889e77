"""The Sphinx extension of what surrounds a page: addresses, buttons, what the theme adds or not.

Every link to the repository leads to the one that builds the site. Colab and Binder are the
theme's own buttons; it knows nothing of Kaggle, nor of the reader's own computer. All open the
notebook that lies beside the chapter in the repository.
"""

import json
import re
from html import escape
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx_proof.domain import ProofDomain

from tools.book import project
from tools.chinese import catalogues, pages
from tools.notebook import files
from tools.site import changes

FONTS = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")
"""Fonts that formulas in a line of text need, else the lines break anew when they arrive."""

FETCH = (
    'if(location.protocol!=="file:")for(const href of %s)document.head.append(Object.assign('
    'document.createElement("link"),'
    '{rel:"preload",as:"font",type:"font/woff2",crossOrigin:"",href}))'
)
"""A script, since browsers refuse to preload a font from a disk, and complain."""

ORDER = ("Colab", "Kaggle", "Binder", "Your computer")


def allow_parallel(app: Sphinx) -> None:
    """Let Sphinx read pages in parallel, where two extensions do not yet say or do all of it."""
    app.extensions["sphinx_multitoc_numbering"].parallel_read_safe = True  # it numbers afterwards
    ProofDomain.merge_domaindata = lambda *_: None  # what it knows it merges as `env.proof_list`


def configure(app: Sphinx, config: Config) -> None:
    """Set what depends on this machine or on the repository that builds the site."""
    config.html_theme_options["repository_url"] = project.address()
    config.html_theme_options["navbar_persistent"] = []  # the search has its place in the sidebar
    config.html_context["default_mode"] = "auto"
    config.html_baseurl = config.ogp_site_url = project.site(project.address())
    config.linkcheck_ignore = [re.escape(own) for own in (config.html_baseurl, project.address())]
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path
    config.extlinks = {"published": (f"{config.html_baseurl}%s", "%s")}  # not on a disk: the PDF
    allow_parallel(app)


def no_figure_numbers(app: Sphinx, config: Config) -> None:
    """Leave figures unnumbered: a number would change with every figure before it."""
    config.numfig = False  # sphinx-exercise turns it on


def leave_out_thebe(app: Sphinx, config: Config) -> None:
    """Leave out Thebe, which Jupyter Book loads whether it is used or not, from an outside host."""
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener for listener in listeners if listener.handler.__module__ != "sphinx_thebe"
        ]
    css = app.registry.css_files
    css[:] = [(name, options) for name, options in css if name != "sphinx-thebe.css"]


def notebook_of(docname: str) -> str:
    """Return the notebook of a chapter in this edition, from the root of the repository."""
    path = files.path_in_edition(project.ROOT / f"{docname}.md")
    return path.relative_to(project.ROOT).as_posix()


def kaggle(docname: str) -> str:
    """Return the address at which Kaggle opens the notebook of a chapter."""
    branch = project.config()["repository"]["branch"]
    notebook = f"{project.address()}/blob/{branch}/{notebook_of(docname)}"
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
                button("Kaggle", kaggle(name), "fab fa-kaggle", project.said("Launch on Kaggle")),
                button(
                    project.said("Your computer"),
                    local,
                    "fas fa-laptop",
                    project.said("Run it on your own computer"),
                ),
            ]
            for one in group["buttons"]:
                one["url"] = one["url"].replace(f"{name}.ipynb", notebook_of(name))
            order = [*map(project.said, ORDER)]
            group["buttons"].sort(key=lambda one: order.index(one["text"]))
    above = project.to_root(name) + changes.NAME
    href = escape(context["pathto"](changes.NAME, True)) if project.is_english() else above
    title = project.said("Changes")
    context["metatags"] = context.get("metatags", "") + (
        f'\n<link rel="alternate" type="application/atom+xml" title="{title}" href="{href}">'
    )
    if tree is not None and any(tree.findall(nodes.math)):
        fonts = [context["pathto"](f"_static/katex/fonts/{name}.woff2", True) for name in FONTS]
        context["metatags"] += f"\n<script>{FETCH % json.dumps(fonts)}</script>"


def offer_pdf(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _: Any) -> None:
    """Offer the PDF of the whole book beside the downloads of a page, from the published site."""
    book = {
        "type": "link",
        "url": project.site(project.address()) + project.pdf().name,
        "text": project.said("whole book, .pdf"),
        "tooltip": project.said("Download the whole book as one PDF"),
        "icon": "fas fa-book",
        "label": "download-book-button",
    }
    for group in context.get("header_buttons", []):
        if group["label"] == "download-buttons":
            group["buttons"].append(book)


def list_every_page(app: Sphinx, exception: Exception | None) -> None:
    """Put every page into the sitemap, those too that this build did not write anew."""
    links: Any = getattr(app, "sitemap_links", None)
    if exception or app.builder.format != "html" or links is None:
        return
    while not links.empty():
        links.get_nowait()
    chinese = [f"{pages.LANGUAGE}/book/{name}" for name in catalogues.PAGES]
    for page in sorted([*app.env.found_docs, *chinese]) if project.is_english() else ():
        links.put((f"{page}.html", None))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", configure, priority=100)
    app.connect("config-inited", no_figure_numbers, priority=900)
    app.connect("config-inited", leave_out_thebe, priority=900)
    app.connect("html-page-context", surround, priority=600)  # the theme's buttons come at 501
    app.connect("html-page-context", offer_pdf, priority=900)
    app.connect("build-finished", list_every_page, priority=400)  # the sitemap is written at 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
