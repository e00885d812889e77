"""The Sphinx extension that shows what changed: `CHANGELOG.md` as a page and as a feed.

The feed is Atom (RFC 4287). An entry's id is a tag URI (RFC 4151) made of the site's host and of
what the entry is about, so it stays the same wherever the text moves.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from markdown_it import MarkdownIt
from sphinx.application import Sphinx

from tools.book import citation, lock_formulas, project

CHANGELOG = project.ROOT / "CHANGELOG.md"
PAGE = project.BOOK / "changes.md"
DOCNAME = PAGE.relative_to(project.ROOT).with_suffix("").as_posix()
NAME = "changes.xml"
ATOM = "http://www.w3.org/2005/Atom"
SINCE = "2026"
"""The year of the book's first version: it is part of the ids."""


@dataclass(frozen=True)
class Version:
    """A version of the book: its number, its date as 2026-11-21, and what changed, in Markdown."""

    number: str
    date: str
    text: str

    @property
    def anchor(self) -> str:
        """Return its place on the page of changes."""
        return "version-" + self.number.replace(".", "-")


def versions() -> list[Version]:
    """Return the versions that the changelog names, newest first."""
    text = CHANGELOG.read_text(encoding="utf-8")
    parts = re.split(r"^## (\S+) \((\d{4}-\d\d-\d\d)\)$", text, flags=re.MULTILINE)[1:]
    heads = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return [Version(number, date, body.strip()) for number, date, body in heads]


def page(text: str) -> str:
    """Return the page of changes: its own words, then the versions under permanent anchors."""
    sections = [
        f"({version.anchor})=\n## {version.number} ({version.date})\n\n{version.text}"
        for version in versions()
    ]
    return "\n\n".join([text, *sections]) + "\n"


def _tag(*parts: str) -> str:
    host = urlsplit(project.site(project.address())).netloc
    return f"tag:{host},{SINCE}:" + "/".join(parts)


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> Any:
    child = ElementTree.SubElement(parent, name, attributes)
    child.text = text or None
    return child


def _entry(feed: Any, tag: str, title: str, date: str, link: str, html: str) -> None:
    entry = _add(feed, "entry")
    _add(entry, "id", tag)
    _add(entry, "title", title)
    _add(entry, "updated", f"{date}T00:00:00Z")
    _add(entry, "link", rel="alternate", type="text/html", href=link)
    _add(entry, "content", html, type="html")


def atom() -> str:
    """Return the feed."""
    site, title = project.site(project.address()), citation.cff()["title"]
    released = versions()
    dates = {version.number: version.date for version in released}
    feed = ElementTree.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(feed, "id", _tag("changes"))
    _add(feed, "title", f"{title}: changes")
    _add(feed, "updated", f"{released[0].date}T00:00:00Z")
    _add(feed, "link", rel="self", type="application/atom+xml", href=site + NAME)
    _add(feed, "link", rel="alternate", type="text/html", href=f"{site}{DOCNAME}.html")
    for name in citation.authors():
        _add(_add(feed, "author"), "name", name)
    for release in released:
        link = f"{site}{DOCNAME}.html#{release.anchor}"
        html = MarkdownIt("commonmark").render(release.text)
        head, number = f"Version {release.number}", release.number
        _entry(feed, _tag("version", number), head, release.date, link, html)
    for change in lock_formulas.changes()["changes"]:
        formula, version = change["formula"], str(change["version"])
        link = f"{site}book/formulas.html#{formula}"
        html = MarkdownIt("commonmark").render(str(change["what"]))
        tag, head = _tag("formula", formula, version), f"Formula {formula} changed"
        _entry(feed, tag, head, dates[version], link, html)
    ElementTree.indent(feed)
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return head + ElementTree.tostring(feed, encoding="unicode") + "\n"


def show_changes(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the versions on the page of changes."""
    if docname == DOCNAME:
        app.env.note_dependency(str(CHANGELOG))
        source[0] = page(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", show_changes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
