"""What the page *Check your Adam* identifies a formula with, translated when the site is built.

The page reads LaTeX with `descent.identify.latex`, runs it, and compares its steps with those of
every rule, framework's form and misprint of the catalogue, and of the known rules with known
changes. All of these are the package's own lines, translated: the page holds no second copy, and no
table of numbers that could grow old.
"""

import dataclasses
import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from descent.identify import _catalogue as catalogue
from descent.identify._verdict import summary
from descent.rules import Rule
from tools.book import catalogue as catalogue_of_book
from tools.book import errata, project
from tools.site import offered, playground
from tools.translation import translate

FORMS = offered.FOLDER / "descent" / "forms.js"
READER = offered.FOLDER / "descent" / "reader.js"
PARTS = offered.FOLDER / "descent" / "parts.js"


def build(rule: Rule, free: Sequence[str]) -> list[Any]:
    """Return a rule as the page builds it: its class, and the fields that are not by default."""
    cls = catalogue.kind_of(rule)
    values = {}
    for field in dataclasses.fields(cls):
        value = getattr(rule, field.name)
        if field.name == "rule":
            values["rule"] = build(value, free)
        elif field.name not in ("lr", *free) and value != field.default:
            values[field.name] = value
    return [cls.__name__, values] if values else [cls.__name__]


@cache
def listed() -> list[catalogue.Entry]:
    """Return what of the catalogue the page knows: a formula is run on coordinates, not arrays."""
    found = catalogue.entries()
    return [entry for entry in found if entry.rule.elementwise and "lr_decay" not in entry.free]


@cache
def entries() -> list[dict[str, Any]]:
    """Return the catalogue as the page holds it: each formula once, with all that it is called.

    A name is a text of a rule or a misprint; of a framework's optimiser a list of it, the rule of
    which it is a form, whether it is one only where a switch is turned off, and how many are on.
    """
    found: dict[Any, dict[str, Any]] = {}
    for entry in listed():
        made = {"rule": build(entry.rule, entry.free), "free": entry.free, "names": []}
        one = found.setdefault(json.dumps([made["rule"], made["free"]]), made)
        is_framework = entry.kind == "framework"
        form = [entry.name, entry.family, entry.is_shadow, entry.turned_on]
        name = form if is_framework else entry.name
        if name not in one["names"]:
            one["names"].append(name)
    return list(found.values())


def facts() -> dict[str, dict[str, Any]]:
    """Return what the page says of each rule and each misprint: a sentence, formula, erratum."""
    found = {}
    for entry in catalogue.entries():
        if entry.kind != "framework" and entry.name not in found:
            found[entry.name] = {
                "title": offered.title(entry.family),
                "says": summary(entry),
                "formula": entry.formula,
                "family": entry.family,
                **({"erratum": entry.erratum} if entry.erratum else {}),
            }
    return found


@cache
def forms_script() -> translate.Script:
    """Return the script of the frameworks' forms and the misprints, with the catalogue."""
    wanted: dict[str, dict[str, None]] = {}
    for entry in listed():
        for part in catalogue.parts(entry.rule):
            cls = catalogue.kind_of(part)
            wanted.setdefault(cls.__module__, {})[cls.__name__] = None
    data = {"ENTRIES": entries(), "FACTS": facts()}
    return translate.script(
        wanted, leave_out=["__post_init__"], after=[offered.rules_script()], data=data
    )


@cache
def reader_script() -> translate.Script:
    """Return the script that reads LaTeX and runs it."""
    wanted = {
        "descent.identify.latex": ["statements", "ordered"],
        "descent.identify._formula": ["Formula", "VALUES", "RATE"],
    }
    return translate.script(wanted, after=[offered.rules_script(), forms_script()])


@cache
def parts_script() -> translate.Script:
    """Return the script of known rules with known changes."""
    names = ["Composed", "BASES", "OPTIONS", "cores", "with_outer", "changes", "nearest", "degree"]
    after = [offered.rules_script(), forms_script(), reader_script()]
    return translate.script(
        {"descent.identify._composed": names}, leave_out=["__post_init__"], after=after
    )


# --- the directive ----------------------------------------------------------------------------

PAGE = "book/check-your-adam"
STATIC = project.BOOK / "_static" / "check"
STYLE = STATIC / "check.css"
SCRIPTS = [
    *translate.RUNTIME,
    offered.HTML,
    offered.RULES,
    offered.LANDSCAPES,
    FORMS,
    READER,
    PARTS,
    *(playground.STATIC / f"{name}.js" for name in ("random", "minimize", "plot")),
    *(STATIC / f"{name}.js" for name in ("identify", "page")),
]


class Check(nodes.General, nodes.Element):  # type: ignore[misc]
    """The place where a formula goes in; the script fills it."""


class CheckDirective(SphinxDirective):
    """A field for a formula, and the answer; what it holds is shown where no script runs."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the place."""
        check = Check()
        self.set_source_info(check)
        self.state.nested_parse(self.content, self.content_offset, check)
        for source in (Path(__file__), Path(offered.__file__), STYLE, *SCRIPTS):
            self.env.note_dependency(str(source))
        return [check]


def visit_html(writer: Any, node: Check) -> None:
    """Open the element that the script fills, with the addresses that it links to."""
    told = facts().values()
    found = catalogue_of_book.formula_pages()
    address = partial(writer.builder.get_relative_uri, writer.docnames[0])
    shown = {verdict["formula"] for verdict in told} & found.keys()
    stated = {verdict["erratum"] for verdict in told if "erratum" in verdict}
    listed = {name for entry in errata.errata().values() for name in entry.ids}
    pages = {
        "formulas": {id_: address(found[id_].relative_to(project.ROOT).with_suffix("").as_posix())
                     for id_ in sorted(shown)},
        "errata": address("book/errata"),
        "known": {id_: errata.anchor(id_) for id_ in sorted(stated & listed)},
    }  # fmt: skip
    attributes = {"data-pages": json.dumps(pages)}
    writer.body.append(writer.starttag(node, "div", "", CLASS="playground check", **attributes))
    writer.body.append("<figure>")


def write_scripts(app: Sphinx, config: Config) -> None:
    """Translate what the page identifies formulas with."""
    offered.write(config, {FORMS: forms_script(), READER: reader_script(), PARTS: parts_script()})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("check-your-adam", CheckDirective)
    alone = (playground.leave, playground.leave)
    app.add_node(Check, html=(visit_html, offered.close_figure), latex=alone, text=alone)
    app.connect("config-inited", write_scripts, priority=600)
    app.connect("html-page-context", offered.loading(Check, (playground.STYLE, STYLE), SCRIPTS))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
