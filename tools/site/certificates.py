"""The Sphinx extension that sets the marks of theorems, and the directive `{certificates}`."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_proof.nodes import unenumerable_node

from descent import certificates
from descent.certificates import Certificate
from tools.book import marks, project


def address(certificate: Certificate) -> str:
    """Return the address of a certificate, as seen from a page of the book in this edition."""
    name = f"book/{marks.PAGE.stem}"
    return f"{project.to_page(name, name)}#{certificate.id}"


def link(certificate: Certificate) -> nodes.reference:
    """Return a link from a page of the book to a certificate."""
    name = nodes.literal("", certificate.id)
    return nodes.reference("", "", name, refuri=address(certificate))


def certified(formula_id: str) -> list[nodes.Node]:
    """Return what stands after a formula's caption: the links to its certificates, and a space."""
    found = marks.of_formula(formula_id)
    parts: list[nodes.Node] = [nodes.Text(f" · {project.said('certified')}: " if found else " ")]
    for certificate in found:
        parts += [link(certificate), nodes.Text(" ")]
    return parts


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Add its mark to each theorem of a page."""
    for theorem in doctree.findall(unenumerable_node):
        label = theorem["label"]
        for path in marks.files():
            app.env.note_dependency(str(path))
        parts: list[nodes.Node] = [nodes.Text(marks.words(label, theorem["classes"]))]
        for number, one in enumerate(marks.of_theorem(label)):
            parts += [nodes.Text(", " if number else ": "), link(one)]
        line = nodes.paragraph("", "", *parts, nodes.Text("."), classes=["mark"])
        theorem.children[-1].append(line)


class CertificatesDirective(SphinxDirective):
    """The certificates, in a table with a row and an anchor each."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        for path in marks.files():
            self.env.note_dependency(str(path))
        table = nodes.table(classes=["certificates"])
        group = nodes.tgroup("", *(nodes.colspec(colwidth=w) for w in (20, 60, 20)), cols=3)
        head = ("Certificate", "What it says", "What is shown")
        group += nodes.thead("", row(*map(nodes.Text, head)))
        group += nodes.tbody("", *map(self._row, certificates.certificates().values()))
        table += group
        return [table]

    def _row(self, one: Certificate) -> nodes.row:
        found = row(nodes.literal("", one.id), nodes.Text(one.says), nodes.Text(one.verdict))
        found["ids"].append(one.id)
        return found


def row(*cells: nodes.Node) -> nodes.row:
    """Return a row of a table."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("certificates", CertificatesDirective)
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
