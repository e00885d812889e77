"""The book in one picture: the directive `{family}`, and the same picture in chapters' heads.

`book/family.yml` says from which rule each comes, and what changes on the way. The picture is SVG
whose boxes lead to the rules' formulas; on a phone, on paper and where pictures are not seen the
same stands as a list.
"""

from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from descent.identify._catalogue import FORMULAS
from tools.book import catalogue, project
from tools.site import offered

DATA = project.BOOK / "family.yml"
WIDTH, BOX, HEIGHT, ROW, LINE, LETTERS = 780, 148, 58, 110, 15, 22
"""The picture's width, a box's size, how far rows and lines are apart, the letters of a line."""


@cache
def family() -> dict[str, dict[str, str]]:
    """Return for each rule the rules from which it comes, and what it changes in them."""
    found: dict[str, dict[str, str]] = project.read_yaml(DATA)
    return found


@cache
def row(rule: str) -> int:
    """Return how many rules stand above a rule, on the longest way down to it."""
    return max((row(parent) + 1 for parent in family()[rule]), default=0)


@cache
def places() -> dict[str, tuple[float, int]]:
    """Return the middle of each rule's box, and its top."""
    found = {}
    for depth in range(max(map(row, family())) + 1):
        here = [rule for rule in family() if row(rule) == depth]
        for i, rule in enumerate(here):
            found[rule] = (WIDTH * (i + 0.5) / len(here), 4 + depth * ROW)
    return found


def page_of(rule: str) -> str:
    """Return the page that derives a rule, as Sphinx names it."""
    page = catalogue.formula_pages()[FORMULAS[rule]]
    return page.relative_to(project.ROOT).with_suffix("").as_posix()


def address(rule: str, docname: str) -> str:
    """Return where a rule's formula stands, from a page."""
    return f"{project.to_page(docname, page_of(rule))}#{FORMULAS[rule]}"


def lines(text: str) -> Iterator[str]:
    """Yield a text in lines that a box holds.

    >>> list(lines("means of rows and columns"))
    ['means of rows and', 'columns']
    """
    line = ""
    for word in text.split():
        if len(line) + 1 + len(word) > LETTERS:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def told(rule: str) -> str:
    """Return what a rule changes in the rules from which it comes, in a sentence."""
    changes = [
        project.said("{} (from {})").format(project.said(what), offered.title(parent))
        for parent, what in family()[rule].items()
    ]
    return f"{offered.title(rule)}: {'; '.join(changes)}" if changes else offered.title(rule)


def _edge(parent: str, rule: str) -> str:
    """Return a line straight down to the row above the rule, and from there to its box."""
    (x, y), (to_x, to_y) = places()[parent], places()[rule]
    low, bend = to_y - ROW + HEIGHT, to_y - (ROW - HEIGHT) / 2
    return f'<path d="M{x:g} {y + HEIGHT}V{low}C{x:g} {bend:g} {to_x:g} {bend:g} {to_x:g} {to_y}"/>'


def _box(rule: str, docname: str, is_here: bool) -> str:
    (x, y), name = places()[rule], offered.title(rule)
    said = [line for what in family()[rule].values() for line in lines(project.said(what))]
    texts = "".join(
        f'<text x="{x:g}" y="{y + 34 + i * LINE}">{escape(line)}</text>'
        for i, line in enumerate(said)
    )
    here = ' class="here" aria-current="true"' if is_here else ""
    return (
        f'<a href="{escape(address(rule, docname))}" aria-label="{escape(told(rule))}"{here}'
        f"{project.tongue(page_of(rule))}>"
        f'<rect x="{x - BOX / 2:g}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="5"/>'
        f'<text class="name" x="{x:g}" y="{y + 17}">{escape(name)}</text>{texts}</a>'
    )


def picture(docname: str) -> str:
    """Return the picture, on which the rules of a page are marked, and the list."""
    edges = "".join(_edge(parent, rule) for rule, found in family().items() for parent in found)
    boxes = "".join(_box(rule, docname, page_of(rule) == docname) for rule in family())
    height = 8 + max(map(row, family())) * ROW + HEIGHT
    items = "".join(
        f'<li><a href="{escape(address(rule, docname))}"{project.tongue(page_of(rule))}>'
        f"{escape(told(rule))}</a></li>"
        for rule in sorted(family(), key=row)
    )
    return (
        f'<div class="family"><svg viewBox="0 0 {WIDTH} {height}" role="group" '
        f'aria-label="{project.said("The family of rules: each box leads to a rule")}">'
        f'<g class="edges">{edges}</g>{boxes}</svg><ul>{items}</ul></div>'
    )


class FamilyDirective(SphinxDirective):
    """The family of rules."""

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        self.env.note_dependency(str(DATA))
        self.env.note_dependency(__file__)
        return [nodes.raw("", picture(self.env.docname), format="html")]


def place_in_head(app: Sphinx, doctree: nodes.document) -> None:
    """Say in the head of a chapter which rules of the family are its own."""
    docname = app.env.docname
    own = [rule for rule in family() if page_of(rule) == docname]
    title = next(doctree.findall(nodes.title), None)
    if not own or title is None:
        return
    app.env.note_dependency(str(DATA))
    names = ", ".join(offered.title(rule) for rule in own)
    parents = dict.fromkeys(p for rule in own for p in family()[rule] if p not in own)
    before = ", ".join(map(offered.title, parents))
    here = project.said("You are here: {}, after {}" if parents else "You are here: {}")
    text = (
        f'<details class="you-are-here"><summary>{escape(here.format(names, before))}</summary>'
        f"{picture(docname)}</details>"
    )
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", text, format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("family", FamilyDirective)
    app.connect("doctree-read", place_in_head)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
