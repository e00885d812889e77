"""The Sphinx extension that the site is built with.

It adds the directive `{formula}` and the role `{eq}`, fills the execution cache from the committed
notebooks (so that no cell runs while the site is built), points every link to the repository that
builds the site, sets mathematics at build time, and leaves out the scripts of outside hosts.
"""

import ast
import hashlib
import inspect
import json
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains import Domain, ObjType
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.ext.autodoc.mock import undecorate
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx_proof.domain import ProofDomain
from sphinxcontrib import katex

import descent
from tools.book import myst, project, references
from tools.notebook import generate
from tools.site import marks, mathematics

CACHE = project.BUILD / ".jupyter_cache"
PACKAGE = Path(descent.__file__).parent


class FormulaDirective(SphinxDirective):
    """A citable formula: tagged LaTeX under a permanent anchor, its source and its code below."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(myst.FORMULA_OPTIONS, directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """Return the formula in a box."""
        page = Path(self.env.doc2path(self.env.docname))
        latex = "\n".join(self.content)
        written = myst.Directive("formula", self.arguments[0], self.options, latex, 0, 0, 0)
        try:
            formula = myst.formula(written, page)
            self.env.get_domain("formula").note(formula.id, self.env.docname)  # type: ignore[attr-defined]
            if formula.code:
                self.env.note_dependency(str(source_file(formula.code)))
            for path in marks.files():
                self.env.note_dependency(str(path))
            caption, messages = self.state.inline_text(self._caption(formula), self.lineno)
        except ValueError as error:
            raise self.error(str(error)) from error
        math = nodes.math_block(latex, myst.tagged(latex, formula.id), nowrap=False, number=None)
        math["label"] = None
        box = nodes.container("", math, classes=["formula"], ids=[formula.id])
        permalink = nodes.reference("", "#", refuri=f"#{formula.id}", classes=["formula-link"])
        permalink["reftitle"] = "Permanent link to this formula"
        box += nodes.paragraph(
            "", "", *caption, *marks.certified(formula.id), permalink, classes=["formula-caption"]
        )
        self.set_source_info(box)
        entry = addnodes.index(entries=[("single", formula.title, formula.id, "", None)])
        return [entry, box, *messages]

    def _caption(self, formula: myst.Formula) -> str:
        entry, place = references.source(formula.source)
        parts = [formula.title, f"{{cite:t}}`{entry.key}`" + (f", {place}" if place else "")]
        if formula.code:
            parts.append(f"[`{formula.code}`]({source_link(formula.code)})")
        return " · ".join(parts)


def source_link(name: str) -> str:
    """Return the address of the lines that define an object of the package.

    Raises:
        ValueError: there is no such object.
    """
    try:
        found = resolved(name)
        first, last = lines(source_file(name))[found.__qualname__]
    except (ImportError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no object is named {name!r}") from error
    path = Path("src", "descent", source_file(name).relative_to(PACKAGE))
    branch = project.config()["repository"]["branch"]
    return f"{project.address()}/blob/{branch}/{path.as_posix()}#L{first}-L{last}"


def source_file(name: str) -> Path:
    """Return the file that defines an object of the package."""
    return Path(str(sys.modules[resolved(name).__module__].__file__))


def resolved(name: str) -> Any:
    """Return an object of the package without its decorators, those of an absent PyTorch too."""
    return inspect.unwrap(undecorate(pkgutil.resolve_name(name)))


def lines(path: Path) -> dict[str, tuple[int, int]]:
    """Return the first and last line of each class and function of a file, by its full name."""
    return _lines(path.read_text(encoding="utf-8"))


@cache
def _lines(text: str) -> dict[str, tuple[int, int]]:
    return dict(_spans(ast.parse(text).body, ""))


def _spans(body: list[ast.stmt], within: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield within + node.name, (first, node.end_lineno or first)
            if isinstance(node, ast.ClassDef):
                yield from _spans(node.body, f"{within}{node.name}.")


class EquationRole(XRefRole):
    """`{eq}` with a formula's id: a link to it that reads as its tag."""

    def process_link(
        self, env: BuildEnvironment, refnode: nodes.Element, has: bool, title: str, target: str
    ) -> tuple[str, str]:
        """Send the reference to the domain of formulas."""
        refnode["refdomain"] = "formula"
        return (title if has else f"({target})"), target


class FormulaDomain(Domain):
    """The formulas of the book: each id once, and where it stands."""

    name = "formula"
    label = "Formula"
    object_types = {"formula": ObjType("formula", "eq")}  # noqa: RUF012
    initial_data: dict[str, Any] = {"pages": {}}  # noqa: RUF012

    def note(self, formula_id: str, docname: str) -> None:
        """Enter a formula; an id that another page has taken is a ValueError."""
        taken = self.data["pages"].setdefault(formula_id, docname)
        if taken != docname:
            raise ValueError(f"formula id {formula_id!r} stands in {taken} already")

    def clear_doc(self, docname: str) -> None:
        """Forget the formulas of a page that is about to be read again."""
        self.data["pages"] = {k: v for k, v in self.data["pages"].items() if v != docname}

    def merge_domaindata(self, docnames: Any, otherdata: dict[str, Any]) -> None:
        """Take over the formulas that a parallel reader found."""
        for formula_id, page in otherdata["pages"].items():
            if page in docnames:
                self.note(formula_id, page)

    def resolve_xref(  # noqa: D102
        self,
        env: Any,
        fromdocname: str,
        builder: Any,
        typ: str,
        target: str,
        node: Any,
        contnode: Any,
    ) -> nodes.reference | None:
        page = self.data["pages"].get(target)
        return page and make_refnode(builder, fromdocname, page, target, contnode, target)

    def resolve_any_xref(self, *_: Any) -> list[Any]:
        """Leave plain links alone: formulas are referred to with {eq}."""
        return []

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Yield the formulas, for the search and for `objects.inv`."""
        for formula_id, page in self.data["pages"].items():
            yield formula_id, formula_id, "formula", page, formula_id, 1


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
    config.nb_execution_cache_path = str(CACHE)
    katex.render_latex = mathematics.render
    allow_parallel(app)


def fill_cache(app: Sphinx) -> None:
    """Enter the outputs of the committed notebooks that changed into the execution cache."""
    record = CACHE / "filled.json"
    filled = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    found = {str(chapter): _state(chapter) for chapter in project.chapters()}
    changed = [chapter for chapter in found if found[chapter] != filled.get(chapter)]
    CACHE.mkdir(parents=True, exist_ok=True)
    for chapter in changed:
        bundle = CacheBundleIn(with_outputs(Path(chapter)), chapter)
        get_cache(str(CACHE)).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    record.write_text(json.dumps(found), encoding="utf-8")


def _state(chapter: Path) -> str:
    """Return a hash of a chapter and its notebook."""
    paths = [path for path in (chapter, generate.notebook_path(chapter)) if path.exists()]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def with_outputs(chapter: Path) -> nbformat.NotebookNode:
    """Return the cells of a chapter with the outputs of its committed notebook.

    Raises:
        ExtensionError: the notebook ran other cells.
    """
    committed = generate.read_notebook(chapter)
    notebook, _ = myst.read_cells(chapter)
    code = generate.code_cells(notebook)
    ran = generate.code_cells(committed)[1:] if committed else []  # without the install cell
    if [cell.source for cell in code] != [cell.source for cell in ran]:
        raise ExtensionError(f"{chapter.name} has changed since it ran: make notebooks")
    for cell, done in zip(code, ran, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def depend_on_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Read a page again when the outputs in its notebook changed."""
    notebook = generate.notebook_path(Path(app.env.doc2path(docname)))
    if notebook.exists():
        app.env.note_dependency(str(notebook))


def serve_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Offer for download the notebook that Colab opens, not the site's own with its MyST."""
    for chapter in project.chapters() if not exception and app.builder.format == "html" else []:
        name = generate.notebook_path(chapter).relative_to(project.ROOT)
        shutil.copyfile(project.ROOT / name, Path(app.outdir) / "_sources" / name)


def offer_pdf(app: Sphinx, _page: str, _template: str, context: dict[str, Any], _: Any) -> None:
    """Offer the PDF of the whole book beside the downloads of a page, from the published site."""
    book = {
        "type": "link",
        "url": app.config.html_baseurl + project.PDF.name,
        "text": "whole book, .pdf",
        "tooltip": "Download the whole book as one PDF",
        "icon": "fas fa-book",
        "label": "download-book-button",
    }
    for group in context.get("header_buttons", []):
        if group["label"] == "download-buttons":
            group["buttons"].append(book)


def no_figure_numbers(app: Sphinx, config: Config) -> None:
    """Leave figures unnumbered: a number would change with every figure before it."""
    config.numfig = False  # sphinx-exercise turns it on


def leave_out_thebe(app: Sphinx, config: Config) -> None:
    """Leave out Thebe, which Jupyter Book loads whether it is used or not, from an outside host."""
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if one.handler.__module__ != "sphinx_thebe"]
    css = app.registry.css_files
    css[:] = [(name, options) for name, options in css if name != "sphinx-thebe.css"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("formula", FormulaDirective)
    app.add_domain(FormulaDomain)
    app.add_role("eq", EquationRole(innernodeclass=nodes.inline), override=True)
    app.connect("config-inited", configure, priority=100)
    app.connect("config-inited", no_figure_numbers, priority=900)
    app.connect("config-inited", leave_out_thebe, priority=900)
    app.connect("builder-inited", fill_cache, priority=100)
    app.connect("source-read", depend_on_notebook)
    app.connect("html-page-context", offer_pdf, priority=900)
    app.connect("build-finished", serve_notebooks, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
