"""The directive `{oscillator}`: the map of momentum to drag on, with the run beside it.

A script fills it, with the rule that the build translates for the playground; the page has one of
those too. Without script nothing stands there: the still map is a figure of the chapter.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.book import project
from tools.site import offered

SCRIPT = project.BOOK / "_static" / "oscillator" / "oscillator.js"


class Oscillator(nodes.General, nodes.Element):  # type: ignore[misc]
    """The place that the script fills."""


class OscillatorDirective(SphinxDirective):
    """The map of (ηλ, μ), to be dragged on."""

    def run(self) -> list[nodes.Node]:
        """Return the place that the script fills."""
        self.env.note_dependency(str(SCRIPT))
        return [Oscillator()]


def visit_html(writer: Any, node: Oscillator) -> None:
    """Open the element."""
    writer.body.append(writer.starttag(node, "div", "", CLASS="oscillator"))


def depart_html(writer: Any, node: Oscillator) -> None:
    """Close it."""
    writer.body.append("</div>\n")


def leave(writer: Any, node: Oscillator) -> None:
    """Elsewhere there is nothing."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("oscillator", OscillatorDirective)
    app.add_node(
        Oscillator, html=(visit_html, depart_html), latex=(leave, leave), text=(leave, leave)
    )
    app.connect("html-page-context", offered.loading(Oscillator, (), (SCRIPT,)))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
