"""The Sphinx extension of the pages that others cite: the formula sheet and how to cite.

It adds the directives `{formula-sheet}`, `{retired-formulas}` and `{how-to-cite}`, the downloads in
the site's root, version and date at every page's foot, and the metadata that Zotero and Google
Scholar read.
"""

import json
from collections import Counter
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from tools.book import (
    catalogue,
    citation,
    lock_formulas,
    myst,
    notation,
    project,
    references,
    verified,
)
from tools.site import changes, downloads
from tools.site.source import PACKAGE, source_link

SHEET, CITING = "book/formulas", "book/citing"
BADGES = {"as printed": "verified as printed", "by a test": "verified by a test"}


def raw(html: str) -> nodes.raw:
    """Return HTML as it is."""
    return nodes.raw("", html, format="html")


def sentence(test: verified.Test) -> str:
    """Return a test's name as the sentence that it is."""
    return test.name.removeprefix("test_").replace("_", " ")


def copies(texts: dict[str, str], of: str, *, shown: bool = False, known: str = "") -> nodes.raw:
    """Return texts to take along: a button each for who has a script, and the texts for all.

    `known` is the address of what else is known of it, which a link beside the buttons leads to.
    """
    said = project.said
    buttons = "".join(
        f'<button type="button" data-copies="{label}" '
        f'aria-label="{said("Copy {} of {}").format(label, escape(of))}">'
        f"{said('Copy {}').format(label)}</button>"
        for label in texts
    )
    blocks = "".join(
        f'<pre data-label="{label}" tabindex="0">{escape(text)}</pre>'
        for label, text in texts.items()
    )
    opened = " open" if shown else ""
    summary = f"<summary>{said('{} of {}').format(', '.join(texts), escape(of))}</summary>"
    label = said("{} on the formula sheet").format(escape(of))
    link = known and f'<a href="{known}" aria-label="{label}">{said("Sheet")}</a>'
    return raw(
        f'<div class="copies"><p hidden>{buttons} <span role="status"></span></p>'
        f"<details{opened}>{summary}{blocks}</details>{link}</div>"
    )


def taken_along(formula: myst.Formula) -> dict[str, str]:
    """Return the texts of a formula that can be copied."""
    return {
        "LaTeX": formula.latex,
        "BibTeX": downloads.bibtex(formula),
        "link": downloads.link(formula.id),
    }


class FormulaSheet(SphinxDirective):
    """Every formula of the book, chapter by chapter, with its source, its code and its tests."""

    def run(self) -> list[nodes.Node]:
        """Return the counts, then a section for each chapter."""
        # Of the formulas themselves `tools.site.depend` knows when they change.
        for path in (notation.PAGE, lock_formulas.LOCK, lock_formulas.CHANGES, citation.CITATION):
            self.env.note_dependency(str(path))
        for path in (*verified.TESTS.rglob("test_*.py"), *sorted(PACKAGE.rglob("*.py"))):
            self.env.note_dependency(str(path))
        formulas = catalogue.book()
        count = Counter(map(downloads.how, formulas))
        text = project.said(
            "{} formulas: {} verified as printed, {} verified by a test, none unverified."
        ).format(len(formulas), *(count[how] for how in BADGES))
        total = nodes.paragraph("", "", nodes.strong("", text), classes=["counts"])
        chapters = groupby(formulas, key=lambda formula: formula.page)
        sections = [self._chapter(page, list(found)) for page, found in chapters]
        names = {
            "Chapter": {f"chapter-{f.page.stem}": project.title(f.page) for f in formulas},
            "Verified": {how.replace(" ", "-"): how for how in BADGES},
        }
        return [total, list_filter("div.sheet", "formulas", names), *sections]

    def _chapter(self, page: Path, formulas: list[myst.Formula]) -> nodes.section:
        section = nodes.section("", ids=[f"sheet-{page.stem}"], names=[])
        section += nodes.title("", project.title(page))
        section += [self._formula(formula) for formula in formulas]
        return section

    def _formula(self, formula: myst.Formula) -> nodes.container:
        math = nodes.math_block(formula.latex, formula.latex, nowrap=False, number=None, label=None)
        classes = [
            "sheet",
            f"chapter-{formula.page.stem}",
            downloads.how(formula).replace(" ", "-"),
        ]
        box = nodes.container("", self._title(formula), math, ids=[formula.id], classes=classes)
        facts = (self._fact(name, text) for name, text in self._facts(formula).items() if text)
        box += nodes.field_list("", *facts)
        box += copies(taken_along(formula), formula.title)
        return box

    def _title(self, formula: myst.Formula) -> nodes.paragraph:
        how = downloads.how(formula)
        link = nodes.reference("", "", nodes.literal("", formula.id), refuri=f"#{formula.id}")
        link["reftitle"] = project.said("Permanent link to this formula")
        badge = nodes.inline(
            "", project.said(BADGES[how]), classes=["badge", how.replace(" ", "-")]
        )
        parts = [nodes.strong("", formula.title), link, badge]
        spaced = [node for part in parts for node in (part, nodes.Text(" "))]
        return nodes.paragraph("", "", *spaced, classes=["sheet-title"])

    def _facts(self, formula: myst.Formula) -> dict[str, str]:
        """Return what is said of a formula, in MyST, by name."""
        entry, place = references.source(formula.source)
        tests = verified.by_formula()[formula.id]
        since = [lock_formulas.read_lock()[formula.id]["since"]]
        since += [f"{it['version']}: {it['what']}" for it in lock_formulas.changes_of(formula.id)]
        return {
            "Symbols": "; ".join(
                f"${symbol.latex}$ {symbol.meaning}" for symbol in notation.symbols(formula)
            ),
            "Source": f"{{cite:t}}`{entry.key}`" + (f", {place}" if place else ""),
            "Chapter": f"{{eq}}`{project.title(formula.page)} <{formula.id}>`",
            "Code": formula.code and f"[`{formula.code}`]({source_link(formula.code)})",
            "Verified": "; ".join(
                f"[{sentence(test)}]({downloads.lines_of(test)})" for test in tests
            ),
            "Since": "; ".join(since),
        }

    def _fact(self, name: str, text: str) -> nodes.field:
        content, _ = self.state.inline_text(text, self.lineno)
        body = nodes.field_body("", nodes.paragraph("", "", *content))
        return nodes.field(
            "", nodes.field_name("", project.said(name)), body, classes=[name.lower()]
        )


def list_filter(entries: str, noun: str, names: dict[str, dict[str, str]]) -> nodes.raw:
    """Return the place of a list's filter, which `filter.js` fills.

    Args:
        entries: the selector of what is filtered.
        noun: what that is called, in the plural.
        names: the choices by their label: the classes that entries may have, and their names.
    """
    labels = {label: project.said(label) for label in names}
    attributes = {"entries": entries, "noun": project.said(noun)}
    for key, texts in (("names", names), ("labels", labels)):
        attributes[key] = json.dumps(texts, ensure_ascii=False)
    data = "".join(f' data-{key}="{escape(text)}"' for key, text in attributes.items())
    return raw(f'<div id="list-filter"{data}></div>')


def list_in_contents(app: Sphinx, doctree: nodes.document) -> None:
    """List the formulas below their chapters in the contents of the sheet.

    MyST, which knows the anchors of headings alone, then finds `formulas.md#adam-update` too.
    """
    if app.env.docname != SHEET:
        return
    slugs = app.env.metadata[SHEET].setdefault("myst_slugs", {})
    slugs.update({one.id: (0, one.id, one.title) for one in catalogue.book()})
    sections = {f"#{one['ids'][0]}": one for one in doctree.findall(nodes.section)}
    for line in list(app.env.tocs[SHEET].findall(nodes.list_item)):
        section = sections.get(line[0][0].get("anchorname"), [])
        boxes = [
            one for one in section if "sheet" in getattr(one, "attributes", {}).get("classes", [])
        ]
        if boxes:
            line += nodes.bullet_list("", *map(_line_of_contents, boxes))


def _line_of_contents(box: nodes.container) -> nodes.list_item:
    title = box[0][0].astext()
    link = nodes.reference("", title, internal=True, refuri=SHEET, anchorname=f"#{box['ids'][0]}")
    return nodes.list_item("", addnodes.compact_paragraph("", "", link))


def retired(register: dict[str, str]) -> list[nodes.Node]:
    """Return an anchor for each id that is no longer used, which points on to its successor."""
    items: list[nodes.Node] = []
    for old, new in register.items():
        link = nodes.reference("", new, refuri=f"#{new}")
        text = nodes.paragraph(
            "", "", nodes.literal("", old), nodes.Text(project.said(" is now ")), link
        )
        items.append(nodes.container("", text, ids=[old], classes=["retired"]))
    return items or [nodes.paragraph("", project.said("None."))]


class RetiredFormulas(SphinxDirective):
    """The ids that are no longer used: they resolve for ever."""

    def run(self) -> list[nodes.Node]:
        """Return an anchor for each."""
        self.env.note_dependency(str(lock_formulas.CHANGES))
        return retired(lock_formulas.changes()["retired"])


class Made(SphinxRole):
    """`{made}` with the name of a download: a link to it, in the site's root."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        if self.text not in downloads.FILES:
            raise ValueError(f"no download is named {self.text!r}")
        address = project.to_root(self.env.docname) + self.text
        link = nodes.reference("", "", nodes.literal("", self.text), refuri=address)
        return [link], []


def place_in_book(page: Path) -> str:
    """Return the BibTeX entry for citing a chapter."""
    title = f"{project.title(page)}, chapter of {{{citation.cff()['title']}}}"
    return citation.bibtex(f"descent:{page.stem}", title, downloads.chapter_link(page))


class HowToCite(SphinxDirective):
    """The entries for citing the book, a chapter or a formula."""

    required_arguments = 1  # book, chapters or formula

    def run(self) -> list[nodes.Node]:
        """Return the entries of this kind."""
        self.env.note_dependency(str(citation.CITATION))
        return {"book": self._book, "chapters": self._chapters, "formula": self._formula}[
            self.arguments[0]
        ]()

    def _book(self) -> list[nodes.Node]:
        texts = {
            "BibTeX": downloads.book_bibtex(),
            "CFF": citation.CITATION.read_text(encoding="utf-8"),
        }
        return [copies(texts, project.said("the book"), shown=True)]

    def _chapters(self) -> list[nodes.Node]:
        return [
            copies({"BibTeX": place_in_book(page)}, project.title(page))
            for page in project.chapters()
        ]

    def _formula(self) -> list[nodes.Node]:
        formula = next(formula for formula in catalogue.book() if formula.id == "adam-update")
        return [copies({"BibTeX": downloads.bibtex(formula)}, formula.title, shown=True)]


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """Write the downloads into the root of the site."""
    for name, make in downloads.FILES.items() if not exception and project.is_english() else ():
        (Path(app.outdir) / name).write_text(make(), encoding="utf-8")


def metadata(title: str, address: str) -> dict[str, list[str]]:
    """Return what Zotero and Google Scholar read in a page's head, by name, and Dublin Core."""
    book, day = citation.cff()["title"], citation.date()
    within = {"citation_inbook_title": [book], "citation_book_title": [book]}
    return {
        "citation_title": [title],
        "citation_author": citation.authors(),
        "citation_publication_date": [day.replace("-", "/")],
        "citation_online_date": [day.replace("-", "/")],
        **(within if title != book else {}),
        "citation_language": [project.Edition.language],
        "citation_public_url": [address],
        "citation_fulltext_html_url": [address],
        "DC.title": [title],
        "DC.creator": citation.authors(),
        "DC.date": [day],
        "DC.identifier": [address],
        "DC.language": [project.Edition.language],
        "DC.rights": [citation.TEXT_LICENCE],
    }


def describe(app: Sphinx, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Say in a page's head and at its foot which version of what it is."""
    to_citing, to_changes = (project.to_page(name, page) for page in (CITING, changes.DOCNAME))
    leaves = "" if project.is_english() else ' class="english" hreflang="en"'
    version = project.said("Version {}, {}").format(citation.version(), citation.date())
    context["theme_extra_footer"] = (
        f'<p>{version} · <a href="{to_citing}">{project.said("How to cite")}</a> · '
        f'<a href="{to_changes}"{leaves}>{project.said("Changes")}</a></p>'
    )
    if name == SHEET:
        app.add_js_file("filter.js")
    if name in (SHEET, CITING, *downloads.docnames()):
        app.add_css_file("formulas.css")
        app.add_js_file("formulas.js", loading_method="defer")
    if tree is not None:
        page = project.ROOT / f"{name}.md"
        tags = metadata(project.title(page), f"{app.config.html_baseurl}{name}.html")
        context["metatags"] += "".join(
            f'\n<meta name="{key}" content="{escape(value)}">'
            for key, values in tags.items()
            for value in values
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("formula-sheet", FormulaSheet)
    app.add_directive("retired-formulas", RetiredFormulas)
    app.add_directive("how-to-cite", HowToCite)
    app.add_role("made", Made())
    app.connect("doctree-read", list_in_contents, priority=900)  # the contents come at 500
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_downloads)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
