"""The directive `{converter}`: hyper-parameters from one framework to another, on the page.

It runs `descent.conventions.convert`, which the build translates with every optimiser that it
knows; the optimisers' arguments and defaults are read off their signatures.
"""

import inspect
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from descent.conventions import _lookup, _registry, names
from tools.book import project
from tools.site import offered, playground
from tools.translation import translate

CONVENTIONS = offered.FOLDER / "descent" / "conventions.js"
STATIC = project.BOOK / "_static" / "converter"
LOOKUP = STATIC / "lookup.js"
STYLE = STATIC / "converter.css"
SCRIPTS = [
    *translate.RUNTIME,
    offered.HTML,
    LOOKUP,
    CONVENTIONS,
    playground.STATIC / "random.js",
    *(STATIC / f"{name}.js" for name in ("convert", "page")),
]


def looked_up() -> translate.Script:
    """Return the script that looks an optimiser up, written by hand, as one that was translated."""
    called = ("arguments_of", "defaults", "framework_rule", "path")
    text = LOOKUP.read_text(encoding="utf-8")
    return translate.Script(text, {f"{_lookup.__name__}.{name}": name for name in called})


def listed(name: str) -> dict[str, Any]:
    """Return what the page knows of an optimiser: what builds its rule, and its arguments."""
    usual = [
        [key] if default is inspect.Parameter.empty else [key, default]
        for key, default in _lookup.arguments_of(name).items()
    ]
    return {"built": _registry.OPTIMISERS[name].__name__, "arguments": usual}


@cache
def conventions_script() -> translate.Script:
    """Return the script of `convert`, with the optimisers as `OPTIMISERS`."""
    wanted: dict[str, list[str]] = {"descent.conventions": ["convert"]}
    for name in names():
        build = _registry.OPTIMISERS[name]
        wanted.setdefault(build.__module__, []).append(build.__name__)
    data = {"OPTIMISERS": {name: listed(name) for name in names()}}
    return translate.script(wanted, after=[looked_up()], data=data)


# --- the directive ----------------------------------------------------------------------------


class Converter(nodes.General, nodes.Element):  # type: ignore[misc]
    """The place that the script fills."""


class ConverterDirective(SphinxDirective):
    """The converter; what the directive holds is shown where no script runs."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the place."""
        place = Converter(ids=["converter"])
        self.set_source_info(place)
        self.state.nested_parse(self.content, self.content_offset, place)
        for source in (Path(__file__), STYLE, *SCRIPTS):
            self.env.note_dependency(str(source))
        return [place]


def visit_html(writer: Any, node: Converter) -> None:
    """Open the element."""
    writer.body.append(writer.starttag(node, "div", "", CLASS="playground converter"))
    writer.body.append("<figure>")


def write_scripts(app: Sphinx, config: Config) -> None:
    """Translate what the page converts with."""
    offered.write(config, {CONVENTIONS: conventions_script()})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("converter", ConverterDirective)
    alone = (playground.leave, playground.leave)
    app.add_node(Converter, html=(visit_html, offered.close_figure), latex=alone, text=alone)
    app.connect("config-inited", write_scripts, priority=600)
    app.connect("html-page-context", offered.loading(Converter, (playground.STYLE, STYLE), SCRIPTS))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
