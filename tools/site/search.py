"""The Sphinx extension of the search: what can be found, and where it stands.

Each section is an entry, and so is each formula, erratum, term and object of the package. The
entries of a page are written beside its doctree whenever the page is written, and those of all
pages, when the site is finished, as a script: a page that is read from a disk can load no other
file. `book/_static/search/search.js` makes its index of them, on the search page alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config

from tools.site.plain import plain

SECTIONS = "search/sections.js"
SCRIPTS = ("search/minisearch.min.js", SECTIONS, "search/search.js")
UNUSED = ("searchtools.js", "language_data.js")
"""Scripts of Sphinx's own search, which its theme copies."""

LEFT_OUT = (
    *(nodes.raw, nodes.comment, nodes.image, nodes.literal_block, nodes.doctest_block),
    *(nodes.system_message, nodes.substitution_definition, nodes.title, nodes.section),
    *(addnodes.index, addnodes.toctree, addnodes.desc, addnodes.glossary),
)
"""What is no prose, or stands in an entry of its own."""


BOXES = {"formula", "sheet", "erratum", "not-error"}


@dataclass(frozen=True)
class Entry:
    """What one result of a search shows.

    Attributes:
        kind: page, section, formula, erratum, term or object.
        anchor: its place on the page, "" for the page itself.
        title: what it is called.
        text: what it says, in a line.
        names: the ids that mean it.
    """

    kind: str
    anchor: str
    title: str
    text: str
    names: tuple[str, ...] = ()


# --- what a page says --------------------------------------------------------------------------


def words(*parts: nodes.Node) -> str:
    """Return what nodes say, in a line, formulas read as plain text.

    What is code or a picture is left out, and a box with an entry of its own is three dots.
    """
    return re.sub(r"…( …)+", "…", " ".join(" ".join(map(_words, parts)).split()))


def _words(node: nodes.Node) -> str:
    if isinstance(node, nodes.math | nodes.math_block):
        return plain(node.astext())
    if isinstance(node, nodes.Text):
        return str(node)
    if isinstance(node, nodes.container) and BOXES & set(node["classes"]):
        return " … "
    if isinstance(node, LEFT_OUT):
        return ""
    return _inside(node)


def _inside(node: nodes.Node) -> str:
    between = "" if isinstance(node, nodes.TextElement) else " "
    return between.join(map(_words, node.children))


def _title(node: nodes.Element) -> str:
    """Return what a heading says, which is no prose of its section."""
    return " ".join(_inside(node).split())


def entries(document: nodes.document) -> Iterator[Entry]:
    """Yield the entries of a page, sections first."""
    for section in document.findall(nodes.section):
        if entry := _section(section):
            yield entry
    for box in document.findall(nodes.container):
        if "formula" in box["classes"]:
            yield _formula(box)
        elif {"erratum", "not-error"} & set(box["classes"]) and box["ids"]:
            yield _erratum(box)
    for glossary in document.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            yield _term(item)
    for described in document.findall(addnodes.desc):
        if described[0]["ids"]:
            yield _object(described)


def _section(section: nodes.section) -> Entry | None:
    """Return a section's entry, or None for one that says nothing but other entries."""
    place = section.first_child_matching_class(nodes.title)
    if place is None:
        return None
    title, text = _title(section[place]), words(*section)
    if isinstance(section.parent, nodes.document):
        return Entry("page", "", title, text)
    return Entry("section", section["ids"][0], title, text) if text.strip("… ") else None


def _formula(box: nodes.container) -> Entry:
    math, caption = box.next_node(nodes.math_block), box.next_node(nodes.paragraph)
    title, _, source = _title(caption).removesuffix(" #").partition(" · ")
    text = f"{plain(math.astext())} · {source}"
    return Entry("formula", box["ids"][0], title, text, (box["ids"][0],))


def _erratum(box: nodes.container) -> Entry:
    head, *body = box.children
    link = head.next_node(nodes.reference).astext()
    names = dict.fromkeys((link, *box["ids"], *box.get("terms", [])))
    return Entry("erratum", box["ids"][0], _title(head), words(*body), tuple(names))


def _term(item: nodes.definition_list_item) -> Entry:
    terms = [*item.findall(nodes.term)]
    title = ", ".join(map(_title, terms))
    return Entry("term", terms[0]["ids"][0], title, words(*item.findall(nodes.definition)))


def _object(described: addnodes.desc) -> Entry:
    name = described[0]["ids"][0]
    content = described.next_node(addnodes.desc_content)
    return Entry("object", name, name, words(*content), (name,))


# --- from the pages to the script --------------------------------------------------------------


@cache
def state() -> str:
    """Return what changes with the code that makes entries."""
    files = (Path(__file__), Path(__file__).with_name("plain.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def store(app: Sphinx, docname: str) -> Path:
    """Return the file that keeps the entries of a page."""
    return Path(app.doctreedir) / f"{docname}.search.json"


def collect(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep the entries of a page that is written."""
    if app.builder.format == "html":
        found = [astuple(entry) for entry in entries(doctree)]
        kept = json.dumps({"state": state(), "entries": found}, ensure_ascii=False)
        store(app, docname).write_text(kept, encoding="utf-8")


def kept(app: Sphinx, docname: str) -> list[Entry]:
    """Return the entries of a page, collected now if an earlier code, or none, did."""
    file = store(app, docname)
    if not file.exists() or json.loads(file.read_text(encoding="utf-8"))["state"] != state():
        app.env.get_and_resolve_doctree(docname, app.builder)
    return [Entry(*entry) for entry in json.loads(file.read_text(encoding="utf-8"))["entries"]]


def script(pages: dict[str, tuple[str, list[Entry]]]) -> str:
    """Return the script that names all entries.

    Args:
        pages: title and entries of each page, by its address.
    """
    told = [[address, title] for address, (title, _) in pages.items()]
    rows = [
        [number, *astuple(entry)]
        for number, (_, found) in enumerate(pages.values())
        for entry in found
    ]
    text = json.dumps({"pages": told, "entries": rows}, ensure_ascii=False, separators=(",", ":"))
    return f"const searchSections = {text};\n"


def write_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Write the script, and yield the page that loads it, with its scripts' new checksums."""
    if app.builder.format != "html":
        return
    pages = {
        app.builder.get_target_uri(docname): (app.env.titles[docname].astext(), kept(app, docname))
        for docname in sorted(app.env.found_docs)
    }
    target = Path(app.outdir, "_static", SECTIONS)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(script(pages), encoding="utf-8")
    yield "search", {}, "search.html"


def load(app: Sphinx, pagename: str, _template: str, _context: Any, _doctree: Any) -> None:
    """Load the scripts on the search page alone."""
    for name in SCRIPTS if pagename == "search" else ():
        app.add_js_file(name, loading_method="defer")


def replace_sphinx_search(app: Sphinx) -> None:
    """Let Sphinx make no index of its own, nor a page for it."""
    if app.builder.format == "html":
        app.builder.search = False  # type: ignore[attr-defined]


def drop_unused(app: Sphinx, exception: Exception | None) -> None:
    """Leave the scripts of Sphinx's search out of the site."""
    for name in UNUSED if not exception and app.builder.format == "html" else ():
        Path(app.outdir, "_static", name).unlink(missing_ok=True)


def configure(app: Sphinx, config: Config) -> None:
    """Show our pages in the place of the theme's search and of the missing page."""
    config.notfound_template = "404.html"
    config.notfound_context = {"title": "Page not found"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_css_file("search/search.css")
    app.connect("config-inited", configure)
    app.connect("builder-inited", replace_sphinx_search)
    app.connect("doctree-resolved", collect, priority=900)
    app.connect("html-collect-pages", write_pages)
    app.connect("html-page-context", load)
    app.connect("build-finished", drop_unused)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
