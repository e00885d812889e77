"""The Sphinx extension of formulas: the directive `{formula}`, the role `{eq}`, the domain."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains import Domain, ObjType
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinxcontrib import katex

from tools.book import citation, marks, myst, project, references
from tools.site import mathematics, sheet
from tools.site.certificates import certified
from tools.site.source import source_file, source_link


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
            for path in (*marks.files(), citation.CITATION):
                self.env.note_dependency(str(path))
            caption, messages = self.state.inline_text(self._caption(formula), self.lineno)
        except ValueError as error:
            raise self.error(str(error)) from error
        math = nodes.math_block(latex, myst.tagged(latex, formula.id), nowrap=False, number=None)
        math["label"] = None
        box = nodes.container("", math, classes=["formula"], ids=[formula.id])
        permalink = nodes.reference("", "#", refuri=f"#{formula.id}", classes=["formula-link"])
        permalink["reftitle"] = project.said("Permanent link to this formula")
        box += nodes.paragraph(
            "", "", *caption, *certified(formula.id), permalink, classes=["formula-caption"]
        )
        box += self._taken_along(formula)
        self.set_source_info(box)
        entry = addnodes.index(entries=[("single", formula.title, formula.id, "", None)])
        return [entry, box, *messages]

    def _taken_along(self, formula: myst.Formula) -> nodes.raw:
        """Return the buttons that copy it, and the link to all that is known of it."""
        up = "../" * self.env.docname.count("/")
        known = f"{up}{sheet.SHEET}.html#{formula.id}"
        return sheet.copies(sheet.taken_along(formula), formula.title, known=known)

    def _caption(self, formula: myst.Formula) -> str:
        entry, place = references.source(formula.source)
        parts = [formula.title, f"{{cite:t}}`{entry.key}`" + (f", {place}" if place else "")]
        if formula.code:
            parts.append(f"[`{formula.code}`]({source_link(formula.code)})")
        return " · ".join(parts)


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


def set_at_build(app: Sphinx, config: Config) -> None:
    """Set mathematics while the site is built."""
    katex.render_latex = mathematics.render


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("formula", FormulaDirective)
    app.add_domain(FormulaDomain)
    app.add_role("eq", EquationRole(innernodeclass=nodes.inline), override=True)
    app.connect("config-inited", set_at_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
