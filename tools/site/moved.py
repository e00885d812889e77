"""The Sphinx extension of what moved: an address that was given once leads to where its part is.

`book/moved.yml` says for each page which of its anchors stand on another page now: the name of that
page, followed by `#` and an anchor if it is not the same one. The page lists them for readers
without scripts; `book.js` follows the list.
"""

from typing import Any, NamedTuple

from sphinx.application import Sphinx

from tools.book import project

TABLE = project.BOOK / "moved.yml"


class Moved(NamedTuple):
    """An anchor that a page had, the address of its place now, and the title of that page."""

    anchor: str
    address: str
    title: str


def moved(page: str) -> list[Moved]:
    """Return what moved away from a page of the book, by its name.

    >>> moved("deep-networks")
    []
    """
    found = []
    for anchor, place in project.read_yaml(TABLE).get(page, {}).items():
        stem, _, own = place.partition("#")
        title = project.title(project.BOOK / f"{stem}.md")
        address = project.to_page(f"book/{page}", f"book/{stem}")
        found.append(Moved(anchor, f"{address}#{own or anchor}", title))
    return found


def lead_on(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Tell the template what moved away and has no namesake on the page."""
    body = context.get("body", "")
    gone = moved(page.removeprefix("book/"))
    context["moved"] = [one for one in gone if f'id="{one.anchor}"' not in body]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", lead_on)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
