"""The Sphinx extension that puts the errata on the site.

`{erratum} S0-01` shows one in a chapter, `{errata} TOPIC` those of a topic on their page, with a
figure for each that runs; `{tutorials}`, `{errata-filter}`, `{errata-count}`, `{not-errors}` and
`{right-things}` the rest of the page. It writes `errata.json` and its schema to the root of the
site.
"""

import html
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools.book import errata, project
from tools.book.errata import Erratum
from tools.site import errata_figures, sheet

DOCNAME = errata.PAGE.relative_to(project.ROOT).with_suffix("").as_posix()


class ErrataPart(SphinxDirective):
    """What the directives share: texts in MyST become nodes."""

    def depend(self) -> None:
        """Read the page again when the errata, their numbers or what draws them changed."""
        for path in (errata.ERRATA, errata.NUMBERS, *errata_figures.CODE):
            self.env.note_dependency(str(path))

    def parsed(self, text: str) -> list[nodes.Node]:
        """Return MyST as nodes."""
        holder = nodes.container()
        lines = StringList(text.splitlines(), source=str(errata.ERRATA))
        self.state.nested_parse(lines, self.content_offset, holder)
        return list(holder.children)

    def head(self, erratum_id: str, title: list[nodes.Node]) -> nodes.paragraph:
        """Return the line with the id, a link to its place on the page, and the title."""
        page = self.env.app.builder.get_relative_uri(self.env.docname, DOCNAME)
        link = nodes.reference("", erratum_id, refuri=f"{page}#{quote(erratum_id)}")
        link["reftitle"] = project.said("Permanent link to this entry")
        return nodes.paragraph("", "", link, nodes.Text(" "), *title, classes=["erratum-title"])

    def entry(self, entry: Erratum, *, ids: list[str]) -> nodes.container:
        """Return an erratum in a box: its id as a link to its place on the page, title, body."""
        head = self.head(entry.id, [nodes.strong("", entry.title)])
        classes = ["erratum", f"topic-{entry.topic}", f"severity-{entry.severity.split()[0]}"]
        classes += [f"source-{errata.anchor(name)}" for name in entry.where]
        box = nodes.container("", head, *self.parsed(errata.body(entry)), classes=classes, ids=ids)
        box["terms"] = errata.data()["terms"][entry.topic]
        self.set_source_info(box)
        return box


class ErratumDirective(ErrataPart):
    """One erratum, in a chapter."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the erratum in a box."""
        self.depend()
        try:
            return [self.entry(errata.erratum(self.arguments[0]), ids=[])]
        except ValueError as error:
            raise self.error(str(error)) from error


class ErrataDirective(ErrataPart):
    """The errata of a topic, each under its permanent anchor, with figures."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entries, in the order of the file."""
        self.depend()
        topic = self.arguments[0]
        if topic not in errata.data()["topics"]:
            raise self.error(f"no topic is named {topic!r}")
        terms = " · ".join(errata.data()["terms"][topic])
        chinese = f'<p class="topic-terms" lang="zh-Hans">{html.escape(terms)}</p>'
        found = [entry for entry in errata.errata().values() if entry.topic == topic]
        return [nodes.raw("", chinese, format="html"), *map(self._with_figure, found)]

    def _with_figure(self, entry: Erratum) -> nodes.container:
        box = self.entry(entry, ids=errata.anchors(entry.ids))
        if entry.figure:
            drawn = errata_figures.drawn(entry)
            file = f"_images/{errata.path_of(entry.misprint).as_posix()}"
            image = (
                f'<img src="{project.to_root(DOCNAME)}{file}" '
                f'width="{errata_figures.WIDTH}" height="{errata_figures.HEIGHT}" '
                f'loading="lazy" decoding="async" alt="{html.escape(drawn.alt)}">'
            )
            box += nodes.raw("", f"<figure>{image}</figure>", format="html")
            box += nodes.paragraph("", drawn.caption, classes=["erratum-caption"])
        return box


class NotErrorsDirective(ErrataPart):
    """What looks like an error and is a convention, or true: the same page's second list."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        self.depend()
        boxes: list[nodes.Node] = []
        for entry in map(errata.told, errata.data()["not_errors"]):
            text = project.said("{}. {}").format(errata.places(entry["where"]), entry["why"])
            text += f" · {errata.cited(entry['reference'])}" if "reference" in entry else ""
            title = self.parsed(f"**{entry['title']}**")[0].children
            parts = [self.head(entry["id"], title), *self.parsed(text)]
            ids = errata.anchors([entry["id"], *entry.get("also", [])])
            boxes.append(nodes.container("", *parts, classes=["not-error"], ids=ids))
        return boxes


class RightThingsDirective(ErrataPart):
    """What the sources got right."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        self.depend()
        lines = [
            "- " + project.said("{}. {}").format(errata.places(entry["where"]), entry["what"])
            for entry in map(errata.told, errata.data()["right_things"])
        ]
        return [nodes.container("", *self.parsed("\n".join(lines)))]


class TutorialsDirective(ErrataPart):
    """By what the tutorials are recognised: their titles and first words as printed."""

    def run(self) -> list[nodes.Node]:
        """Return a box for each; the filter finds its entries by what the box says."""
        self.depend()
        return [
            nodes.container(
                "",
                *self.parsed(source.recognised_by()),
                classes=["tutorial", f"source-{errata.anchor(name)}"],
            )
            for name, source in errata.sources().items()
            if source.opening
        ]


class CountDirective(ErrataPart):
    """How many errata there are, by topic and kind."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        self.depend()
        kinds = [*errata.data()["kinds"], "all"]
        header = ["|", *(f" {project.said(word)} |" for word in ("topic", *kinds))]
        rows = [
            "| " + " | ".join([project.said(topic), *(str(cell or "") for cell in row)]) + " |"
            for topic, *row in errata.count()
        ]
        return self.parsed("\n".join(["".join(header), "|---" * (len(kinds) + 1) + "|", *rows]))


class FilterDirective(ErrataPart):
    """The place of the filter, with the names that it offers; the script fills it."""

    def run(self) -> list[nodes.Node]:
        """Return the empty place."""
        self.depend()
        found = errata.errata().values()
        names = {
            "Topic": {f"topic-{k}": project.said(v) for k, v in errata.data()["topics"].items()},
            "Source": {
                f"source-{errata.anchor(k)}": project.said(source.title)
                for k, source in errata.sources().items()
                if any(k in entry.where for entry in found)
            },
            "Severity": {
                f"severity-{s.split()[0]}": project.said(s) for s in ("misleads badly", "cosmetic")
            },
        }
        return [sheet.list_filter("div.erratum", "errata", names)]


def only_where_needed(
    app: Sphinx, pagename: str, templatename: str, context: Any, doctree: Any
) -> None:
    """Load the script on the page of the errata alone."""
    if pagename == DOCNAME:
        app.add_js_file("filter.js")


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write `errata.json`, its schema and the figures."""
    if exception or app.builder.format != "html" or not project.is_english():
        return
    out = Path(app.outdir)
    site = project.site(project.address())
    text = json.dumps(errata.published(site), ensure_ascii=False, indent=1)
    (out / "errata.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(errata.SCHEMA, out / errata.SCHEMA.name)
    for entry in errata.errata().values():
        if entry.figure:
            target = out / "_images" / errata.path_of(entry.misprint)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(errata_figures.drawn(entry).file, target)


def name_entries(app: Sphinx, doctree: nodes.document) -> None:
    """Let `[S0-01](errata.md#S0-01)` find the entry: MyST knows the anchors of headings alone."""
    if app.env.docname == DOCNAME:
        slugs = app.env.metadata[DOCNAME].setdefault("myst_slugs", {})
        for entry in errata.errata().values():
            slugs.update({id_: (0, id_, entry.title) for id_ in entry.ids})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("erratum", ErratumDirective)
    app.add_directive("errata", ErrataDirective)
    app.add_directive("errata-count", CountDirective)
    app.add_directive("errata-filter", FilterDirective)
    app.add_directive("not-errors", NotErrorsDirective)
    app.add_directive("right-things", RightThingsDirective)
    app.add_directive("tutorials", TutorialsDirective)
    app.add_css_file("errata.css")
    app.connect("doctree-read", name_entries)
    app.connect("html-page-context", only_where_needed)
    app.connect("build-finished", write_files, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
