"""The texts of the site that no page holds: buttons, labels, messages of the scripts.

In the tools they are the literals that `project.said` is given. In the scripts of `book/_static`
they are the literals in quotation marks that have a translation: the Chinese edition has scripts
with those in their place, and the English scripts know nothing of it.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from descent import misprints, rules
from tools.book import errata, project
from tools.chinese.messages import Message

KIND = "interface"
SCRIPT = "script"
SCRIPTS = (
    *("book.js", "filter.js", "formulas.js", "search/search.js", "oscillator/oscillator.js"),
    *("playground/app.js", "playground/plot.js", "playground/settings.js"),
    *("playground/expression.js", "front/race.js"),
    *("check/page.js", "check/identify.js"),
)
WORDS = {
    "filter.js": ["all"],
    "search/search.js": ['${hits.length} ${hits.length === 1 ? "result" : "results"} for '],
    "playground/app.js": ["of m alone"],
    "playground/plot.js": ["step t"],
    "oscillator/oscillator.js": ["step t", "x, from 1"],
}
"""Literals of scripts that readers see, and that do not look like it."""
STATIC = project.BOOK / "_static"

OFFERED = ("descent/rules.js", "descent/landscapes.js")
"""The scripts with the names of what the playground offers, made when the site is built."""
OFFERS = project.ROOT / "tools" / "site" / "offered.py"
TITLE = re.compile(r'("name": "(?P<name>[^"]*)", )?"title": "(?P<title>[^"]*)"')

SAID = re.compile(r"""said\(\\?["'](.*?)\\?["']\)""")
LITERAL = re.compile(r'"(?P<text>(?:[^"\\\n]|\\.)*)"|`(?P<template>(?:[^`\\]|\\.)*)`')
HOLE = re.compile(r"\$\{(?:[^{}]|\{[^{}]*\})*(?:\}|$)")
"""A place of a template that the script fills."""
KEYS = re.compile(
    r"use strict|positive rate|not negative|Enter|(icon|run|marker) .*\$\{(name|number)\}"
    r"|alpha beta .*|sigma sigma .*|a an and .*|article .*|field wide"
)
"""Literals that look like it, and mean something to the scripts."""
PROSE = re.compile(r"(?<![\w.-])(?:[A-Z][a-z]{2,}(?!\w)|[a-z]{2,} [a-z]{2,}|[A-Za-z]{2,} ◇)")
"""What a literal for readers has: a capitalised word, two words, or one before a number."""


def found() -> Iterator[Message]:
    """Yield the texts of the interface: parts of the book, texts of the tools, of the scripts."""
    for part in project.read_yaml(project.TOC)["parts"]:
        yield Message(part["caption"], KIND)
    for path in sorted((project.ROOT / "tools").rglob("*.py")):
        yield from (Message(text, KIND) for text in _said(path))
    for path in sorted((project.ROOT / "tools" / "site" / "templates").glob("*.html")):
        yield from (Message(text, KIND) for text in SAID.findall(path.read_text(encoding="utf-8")))
    yield from (Message(text, KIND) for text in _listed())
    for name in SCRIPTS:
        text = (STATIC / name).read_text(encoding="utf-8")
        yield from (Message(literal, SCRIPT) for literal in [*literals(text), *WORDS.get(name, ())])


def _listed() -> Iterator[str]:
    """Yield what `said` is given by name, not as it stands: names of the errata, of the sheet."""
    known = errata.data()
    yield from ("topic", *known["kinds"], "all")
    yield from (source.title for source in errata.sources().values() if source.opening)
    yield from ("errata", "formulas", "You are here: {}", "You are here: {}, after {}")
    family = project.read_yaml(project.BOOK / "family.yml")
    yield from (what for changes in family.values() for what in changes.values())
    yield from ("misleads badly", "cosmetic", "Topic", "Source", "Severity")
    yield from ("verified as printed", "verified by a test")
    yield from ("no number", "0 or 1", "`learning_rate` and `epsilon`")
    scenes = {entry.figure["scene"] for entry in errata.errata().values() if entry.figure}
    yield from sorted(scene for scene in scenes if "gradient" in scene)
    yield from ("Symbols", "Chapter", "Code", "Verified", "Since")
    yield from (*rules._RULES, *misprints.MISPRINTS, *_landscapes())
    yield from ("Colab", "Kaggle", "Binder", "Admonition", "Note", "Theorem", "Lemma", "Corollary")


def _landscapes() -> Iterator[str]:
    """Yield the titles of the landscapes that the playground offers."""
    for node in ast.walk(ast.parse(OFFERS.read_text(encoding="utf-8"))):
        pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
        for key, value in pairs:
            if isinstance(key, ast.Constant) and key.value == "title":
                yield from [str(value.value)] if isinstance(value, ast.Constant) else []


def _said(path: Path) -> Iterator[str]:
    """Yield the literals that a module gives `said`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("said", "project.said"):
            texts = (one.value for one in node.args if isinstance(one, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))


def literals(script: str) -> list[str]:
    """Return the literals of a script that readers see; holes of a template stand as written.

    >>> literals('play("Play", `${n} of ${steps} steps`, "aria-label", "click")')
    ['Play', '${n} of ${steps} steps']
    """
    texts = (match["text"] or match["template"] or "" for match in LITERAL.finditer(_code(script)))
    return [
        text for text in texts if not KEYS.fullmatch(text) and PROSE.search(HOLE.sub("◇", text))
    ]


def _code(script: str) -> str:
    """Return a script without its comments."""
    return re.sub(r"^ *(//|\*|/\*\*).*$|(?<=[;,{]) // .*$", "", script, flags=re.MULTILINE)


def in_chinese(script: str, translate: Callable[[str], str | None]) -> str:
    """Return a script with its literals in Chinese."""

    def one(match: re.Match[str]) -> str:
        text = match["text"] or match["template"] or ""
        new = translate(text)
        return match[0] if new is None else f"{match[0][0]}{new}{match[0][-1]}"

    return LITERAL.sub(one, script)


def with_titles(script: str, translate: Callable[[str], str]) -> str:
    """Return a script of what is offered, each rule titled by its name, each landscape by its own.

    >>> with_titles('{"name": "adam", "title": "Adam"}', {"adam": "亚当"}.get)
    '{"name": "adam", "title": "亚当"}'
    """

    def one(match: re.Match[str]) -> str:
        told = translate(match["name"] or match["title"])
        return f'{match[1] or ""}"title": "{told}"'

    return TITLE.sub(one, script)
