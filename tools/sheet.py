"""The Sphinx extension of the formula sheet, of its downloads, and of what cites a page.

`{formula-sheet}` shows every formula of the book; a formula is written in its chapter alone.
`{formula-count}` says how many are verified how; `{cite-as} book|chapter|formula` shows BibTeX.
"""

import html
import shutil
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from tools import citing, project, references, register
from tools.myst import Formula
from tools.site import source_link

DOCNAME = "book/formulas"


class SheetDirective(SphinxDirective):
    """All formulas, by chapter."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each chapter, and the retired ids."""
        for page in project.pages():
            self.env.note_dependency(str(page))
        formulas = register.formulas().values()
        return [
            self._section(page, list(group)) for page, group in groupby(formulas, lambda f: f.page)
        ] + self._retired()

    def _section(self, page: Path, formulas: list[Formula]) -> nodes.section:
        name = citing.title(page)
        section = nodes.section("", nodes.title("", name), ids=[f"of-{page.stem}"], names=[name])
        section += [self._entry(formula) for formula in formulas]
        return section

    def _entry(self, formula: Formula) -> nodes.container:
        box = nodes.container("", classes=["sheet-entry"], ids=[f"sheet-{formula.id}"])
        box += self._parsed(f"**{formula.title}** {{eq}}`{formula.id}`")
        math = nodes.math_block(formula.latex, formula.latex, nowrap=False, number=None)
        math["label"] = None
        box += math
        box += self._parsed(self._facts(formula))
        box += nodes.raw("", buttons(formula), format="html")
        return box

    def _facts(self, formula: Formula) -> str:
        reference, place = references.source(formula.source)
        facts = [f"{{cite:t}}`{reference.key}`" + (f", {place}" if place else "")]
        if formula.code:
            facts.append(f"[`{formula.code}`]({source_link(formula.code)})")
        since = register.lock()["formulas"][formula.id]["since"]
        facts.append(f"verified {register.way(formula)}, since {since}")
        return " · ".join(facts)

    def _parsed(self, text: str) -> list[nodes.Node]:
        holder = nodes.container()
        lines = StringList(text.splitlines(), source=str(register.LOCK))
        self.state.nested_parse(lines, self.content_offset, holder)
        return list(holder.children)

    def _retired(self) -> list[nodes.Node]:
        return [retired(old, new) for old, new in register.lock()["retired"].items()]


def retired(old: str, new: str) -> nodes.paragraph:
    """Return an anchor for an id that went, with a link to the one that took its place."""
    link = nodes.reference("", new, refuri=f"#sheet-{new}")
    text = nodes.Text(f"{old} is now ")
    return nodes.paragraph("", "", text, link, ids=[old, f"sheet-{old}"], classes=["retired"])


def buttons(formula: Formula) -> str:
    """Return what can be copied of a formula: by buttons, and readable without a script."""
    copies = {
        "LaTeX": formula.latex,
        "BibTeX": register.bibtex(formula),
        "link": register.url(formula),
    }
    made = "".join(
        f'<button type="button" data-copy="{html.escape(text)}">Copy {name}</button>'
        for name, text in copies.items()
    )
    tests = "".join(f"<li><code>{html.escape(t)}</code></li>" for t in register.tests(formula))
    symbols = "".join(
        f"<li>{html.escape(symbol.replace('$', ''))}: {html.escape(meaning.replace('$', ''))}</li>"
        for symbol, meaning in register.symbols(formula)
    )
    return (
        f'<p class="sheet-buttons">{made}</p><details><summary>LaTeX, symbols, tests</summary>'
        f"<pre>{html.escape(formula.latex)}</pre><ul>{symbols}</ul><ul>{tests}</ul></details>"
    )


class CountDirective(SphinxDirective):
    """How many formulas there are, and how they are verified."""

    def run(self) -> list[nodes.Node]:
        """Return a sentence."""
        for page in project.pages():
            self.env.note_dependency(str(page))
        formulas = register.formulas().values()
        ways = [register.way(formula) for formula in formulas]
        text = (
            f"{len(ways)} formulas: {ways.count('as printed')} verified as printed, "
            f"{ways.count('by a test')} verified by a test, 0 unverified."
        )
        return [nodes.paragraph("", text, classes=["sheet-count"])]


class CiteAsDirective(SphinxDirective):
    """The BibTeX entry of the book, of a chapter, or of a formula."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entry as a block of code."""
        name = self.arguments[0]
        whole = citing.book()
        if name == "book":
            text = citing.bibtex("descent", title=whole["title"], url=whole["url"])
        elif name in register.formulas():
            text = register.bibtex(register.formulas()[name])
        else:
            page = project.BOOK / f"{name}.md"
            if not page.exists():
                raise self.error(f"no page and no formula is named {name!r}")
            text = citing.bibtex(
                f"descent:{name}", title=citing.title(page), url=citing.page_url(page)
            )
        return [nodes.literal_block("", text, language="bibtex")]


def add_metadata(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put the citation into the head of a page, and the script on the sheet alone."""
    source = project.ROOT / f"{pagename}.md"
    if source.exists():
        tags = citing.meta_tags(citing.title(source), citing.page_url(source))
        context["metatags"] = context.get("metatags", "") + tags
    if pagename == DOCNAME:
        app.add_js_file("formulas.js")


def add_footer(app: Sphinx, config: Config) -> None:
    """Put version and date below each page."""
    config.html_theme_options["extra_footer"] = f"<p>{citing.footer()}</p>"


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write the downloads to the root of the site."""
    if exception or app.builder.format != "html":
        return
    register.write(Path(app.outdir))
    shutil.copyfile(citing.CITATION, Path(app.outdir) / citing.CITATION.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("formula-sheet", SheetDirective)
    app.add_directive("formula-count", CountDirective)
    app.add_directive("cite-as", CiteAsDirective)
    app.add_css_file("formulas.css")
    app.connect("config-inited", add_footer, priority=900)
    app.connect("html-page-context", add_metadata)
    app.connect("build-finished", write_files, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
