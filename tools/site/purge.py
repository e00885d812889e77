"""Stylesheets without the rules that a page cannot use.

With every page the theme and its vendors send 0.5 MB of rules, most of which match nothing there. A
sheet is parsed once, each selector with the classes and ids that it asks for; a page then takes the
rules whose words it, or a script, has. The book's own sheets are left whole: they are small, and
their scripts make names of parts (`run-${number}`) that no search for words finds.
"""

import hashlib
import itertools
import pickle
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tinycss2

from tools.book import project

STATIC = "static:/"
"""What stands in a parsed sheet for the folder of statics."""

CACHE = project.BUILD / "sheets"
GROUPS = {"media", "supports", "container", "layer"}
"""The at-rules that hold rules."""

Tokens = Iterable[Any]  # of tinycss2.ast, which has no types


@dataclass
class Selector:
    """A selector, and the classes and ids without which it matches nothing."""

    text: str
    asks: list[str]


@dataclass
class Rule:
    """A rule: `before` its block, or the selectors that stand there, and the block or its rules."""

    before: str = ""
    selectors: list[Selector] = field(default_factory=list)
    block: str = ""
    rules: list["Rule"] = field(default_factory=list)


# --- what a page takes ------------------------------------------------------------------------


def purged(rules: Iterable[Rule], words: set[str]) -> str:
    """Return the rules that can match where there are these classes and ids.

    >>> purged(list(parsed("a,.gone{b:c} @media print{.gone{d:e}}")), set())
    'a{b:c}'
    """
    return "".join(taken(rule, words) for rule in rules)


def taken(rule: Rule, words: set[str]) -> str:
    """Return what is taken of a rule."""
    if rule.rules:
        inner = purged(rule.rules, words)
        return f"{rule.before}{{{inner}}}" if inner else ""
    if not rule.selectors:
        return rule.before + rule.block
    matching = ",".join(
        selector.text for selector in rule.selectors if words.issuperset(selector.asks)
    )
    return matching and matching + rule.block


# --- a sheet is parsed ------------------------------------------------------------------------


def read(sheet: Path, static: Path, *, whole: bool) -> list[Rule]:
    """Return the rules of a sheet within the folder of statics, and of those that it imports.

    What was parsed is kept in `_build/sheets`, under a hash of the sheet and of this code.

    Args:
        sheet: where it lies.
        static: the folder of statics.
        whole: whether every rule is kept, whatever it matches.
    """
    css, folder = sheet.read_bytes(), sheet.parent.relative_to(static).as_posix()
    key = hashlib.sha256(b"\0".join((css, folder.encode(), b"%d" % whole, CODE))).hexdigest()[:16]
    kept = CACHE / f"{sheet.stem}-{key}.pickle"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        rules = list(parsed(css.decode(), folder, whole=whole))
        kept.with_suffix(".part").write_bytes(pickle.dumps(rules))
        kept.with_suffix(".part").replace(kept)
    found: list[Rule] = pickle.loads(kept.read_bytes())
    imports = (rule.before.removeprefix("@import ") for rule in found if is_import(rule))
    first = [rule for name in imports for rule in read(static / name, static, whole=whole)]
    return first + [rule for rule in found if not is_import(rule)]


def is_import(rule: Rule) -> bool:
    """Return whether a rule stands for another sheet."""
    return rule.before.startswith("@import ")


def parsed(css: str, folder: str = "", *, whole: bool = False) -> Iterator[Rule]:
    """Yield the rules of a sheet that lies in a folder of the statics."""
    for node in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        yield from kept_of(node, folder, whole=whole)


def kept_of(node: Any, folder: str, *, whole: bool) -> Iterator[Rule]:
    """Yield a rule of tinycss2's as ours.

    Raises:
        ValueError: the sheet is broken there.
    """
    if node.type == "error":
        raise ValueError(f"line {node.source_line} of a stylesheet: {node.message}")
    if node.type == "qualified-rule":
        block = f"{{{text(node.content, folder)}}}"
        asked = [] if whole else list(selectors(node.prelude))
        yield Rule(text(node.prelude) if whole else "", asked, block)
        return
    before = f"@{node.lower_at_keyword} {text(node.prelude)}"
    if node.content is None:
        (name,) = [t.value for t in node.prelude if t.type in ("string", "url")] or [""]
        if node.lower_at_keyword == "import":
            yield Rule(f"@import {posixpath.normpath(posixpath.join(folder, name))}")
    elif node.lower_at_keyword in GROUPS:
        inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
        held = [rule for found in inner for rule in kept_of(found, folder, whole=whole)]
        yield Rule(before, rules=held)
    else:
        yield Rule(before, block=f"{{{text(node.content, folder)}}}")


def selectors(prelude: Tokens) -> Iterator[Selector]:
    """Yield each selector of a list. What stands in brackets, as in `:not(.gone)`, asks nothing.

    >>> [(found.text, found.asks) for found in selectors(tokens("a.b > #c:not(.d), e"))]
    [('a.b > #c:not(.d)', ['b', 'c']), ('e', [])]
    """
    one: list[Any] = []
    for token in [*prelude, None]:
        if token is not None and token != ",":
            one.append(token)
            continue
        after_dot = {id(t) for dot, t in itertools.pairwise(one) if dot == "."}
        asks = [t.value for t in one if t.type == "hash" or id(t) in after_dot]
        yield Selector(text(one), asks)
        one = []


def tokens(css: str) -> list[Any]:
    """Return CSS in tokens."""
    found: list[Any] = tinycss2.parse_component_value_list(css)
    return found


def text(css: Tokens, folder: str = "") -> str:
    """Return tokens as text without comments, their addresses made those from `STATIC`."""
    return str(tinycss2.serialize(plain(css, folder))).strip()


def plain(css: Tokens, folder: str) -> list[Any]:
    """Return tokens without comments, each space one, addresses made those from `STATIC`.

    >>> text(tokens("a  b/* c */ url(x.png) url('../y.svg') url(#z)"), "styles")
    'a b url("static:/styles/x.png") url("static:/y.svg") url(#z)'
    """
    kept = [token for token in css if token.type != "comment"]
    for token in kept:
        if token.type == "whitespace":
            token.value = " "
        elif token.type == "url":
            moved(token, folder)
        elif token.type == "function":
            if token.lower_name == "url":
                moved(token.arguments[0], folder)
            token.arguments = plain(token.arguments, folder)
        elif token.type.endswith("block"):
            token.content = plain(token.content, folder)
    return kept


def moved(token: Any, folder: str) -> None:
    """Make the address that a token holds one from `STATIC`, unless it leads elsewhere."""
    parts = urlsplit(token.value)
    if parts.scheme or parts.netloc or not parts.path:
        return
    address = STATIC + posixpath.normpath(posixpath.join(folder, token.value))
    token.representation = f'"{address}"' if token.type == "string" else f'url("{address}")'


CODE = Path(__file__).read_bytes()
