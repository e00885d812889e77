"""The first page: `{race}`, `{doors}` and `{in-figures}`.

The race is a playground without its controls: the same scripts, the same still figure. The doors
lead to the pages that are there, and the figures are counted when the site is built.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.book import catalogue, claims, errata, project, verified
from tools.site import playground

SCRIPT = project.BOOK / "_static" / "front" / "race.js"
STYLE = SCRIPT.with_name("front.css")
FIRST = "book/gradient-descent"


class RaceDirective(playground.PlaygroundDirective):
    """Rules that run at once; a still figure where motion is unwelcome or no script runs."""

    def run(self) -> list[nodes.Node]:
        """Return the playground, which the script of the race takes."""
        (race,) = super().run()
        race["race"] = True
        self.env.note_dependency(str(SCRIPT))
        self.env.note_dependency(str(STYLE))
        return [race]


def colab() -> str:
    """Return the address at which Colab opens the first chapter."""
    branch = project.config()["repository"]["branch"]
    repository = "/".join(project.address().split("/")[-2:])
    return f"https://colab.research.google.com/github/{repository}/blob/{branch}/{FIRST}.ipynb"


def doors(docname: str) -> str:
    """Return three buttons and three doors, from a page."""
    said = project.said
    pdf = f"{project.site(project.address())}{project.pdf().name}"
    buttons = {
        said("Read"): project.to_page(docname, FIRST),
        said("Open in Colab"): colab(),
        "PDF": pdf,
    }
    ways = {
        said("Learn"): (
            said("Each chapter asks, derives, runs, and ends with exercises."),
            FIRST,
        ),
        said("Teach"): (
            said("Cite a formula by its id; set exercises; take the figures."),
            "book/teach",
        ),
        said("Build"): (
            said("What PyTorch, Keras and Optax compute, and how to move between them."),
            "book/conventions",
        ),
    }
    first = "".join(f'<a href="{escape(to)}">{escape(name)}</a>' for name, to in buttons.items())
    three = "".join(
        f'<a href="{project.to_page(docname, to)}"{project.tongue(to)}>'
        f"<strong>{name}</strong> <span>{escape(what)}</span></a>"
        for name, (what, to) in ways.items()
    )
    return f'<p class="front-buttons">{first}</p><div class="front-doors">{three}</div>'


class DoorsDirective(SphinxDirective):
    """The buttons and the doors of the first page."""

    def run(self) -> list[nodes.Node]:
        """Return them; they have no use on paper."""
        self.env.note_dependency(__file__)
        return [nodes.raw("", doors(self.env.docname), format="html")]


def counts() -> dict[str, int]:
    """Return how many formulas, errata, claims and tests there are."""
    paths = verified.TESTS.rglob("test_*.py")
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return {
        "formulas": len(catalogue.book()),
        "errata": len(errata.errata()),
        "claims": len([claim for claim in claims.book() if claim.sentence]),
        "tests": sum(len(re.findall(r"^ *def test_", text, re.MULTILINE)) for text in texts),
    }


class FiguresDirective(SphinxDirective):
    """What is checked, in figures."""

    def run(self) -> list[nodes.Node]:
        """Return the line."""
        sources = (*verified.TESTS.rglob("test_*.py"), *claims.FOLDER.glob("*.yml"))
        for path in (*sources, errata.ERRATA, *project.pages()):
            self.env.note_dependency(str(path))
        parts = (f"**{count:,}**" for count in counts().values())
        text = project.said(
            "{} formulas, {} errata, {} claims; {} tests that run at every change or every night."
        ).format(*parts)
        content, messages = self.state.inline_text(text, self.lineno)
        return [nodes.paragraph("", "", *content, classes=["in-figures"]), *messages]


def add_script(app: Sphinx, page: str, _template: str, _context: Any, doctree: Any) -> None:
    """Load the script on the page that has the race, after those of the playground."""
    if doctree is None or not any(
        one.get("race") for one in doctree.findall(playground.Playground)
    ):
        return
    app.add_css_file("/".join(STYLE.parts[-2:]))
    app.add_js_file("/".join(SCRIPT.parts[-2:]), loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("race", RaceDirective)
    app.add_directive("doors", DoorsDirective)
    app.add_directive("in-figures", FiguresDirective)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
