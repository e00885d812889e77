"""Read a chapter: its cells, and the directives in its prose.

The parser is the one that the site is built with (markdown-it-py, set up by myst-parser), so what
counts as a directive here is what counts as one there.
"""

import contextlib
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from tools.book import project


class ChapterError(ValueError):
    """A chapter holds something that a notebook cannot show; the message begins with file:line."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        with contextlib.suppress(ValueError):  # a chapter outside the book, as in the tests
            path = path.relative_to(project.ROOT)
        super().__init__(f"{path}:{line}: {message}")


@cache
def _parser_config() -> MdParserConfig:
    extensions = project.config()["parse"]["myst_enable_extensions"]
    return MdParserConfig(enable_extensions=set(extensions))


@cache
def parser() -> MarkdownIt:
    """Return the site's Markdown parser."""
    return create_md_parser(_parser_config(), RendererHTML)


@cache
def _blocks() -> MarkdownIt:
    """Return the parser for what asks for blocks alone: lines of text are not parsed."""
    return create_md_parser(_parser_config(), RendererHTML).disable("inline")


def read_cells(path: Path) -> tuple[nbformat.NotebookNode, list[int]]:
    """Return a chapter as a notebook of MyST cells, and the line before which each cell starts."""
    return copy.deepcopy(_read_cells(path, project.text(path)))


@cache
def _read_cells(path: Path, text: str) -> tuple[nbformat.NotebookNode, list[int]]:
    notebook = read_myst_markdown_notebook(text, _parser_config(), add_source_map=True, path=path)
    return notebook, notebook.metadata.pop("source_map")


@dataclass(frozen=True)
class Directive:
    """A directive as written: ```{name} argument, then options, then body.

    `first` and `last` bound its lines in the text that was parsed (last excluded), `body_first` is
    the line on which its body begins.
    """

    name: str
    argument: str
    options: dict[str, Any]
    body: str
    first: int
    last: int
    body_first: int

    @classmethod
    def of(cls, token: Token) -> "Directive | None":
        """Return the directive that a fence token holds, or None for a plain fence."""
        opening = re.match(r"\{([^}\s]+)\}\s*(.*)", token.info.strip())
        if token.type not in ("fence", "colon_fence") or not opening or not token.map:
            return None
        lines = token.content.splitlines()
        options, used = _options(lines)
        return cls(
            name=opening[1],
            argument=opening[2].strip(),
            options=options,
            body="\n".join(lines[used:]).strip("\n"),
            first=token.map[0],
            last=token.map[1],
            body_first=token.map[0] + 1 + used,
        )


def _options(lines: list[str]) -> tuple[dict[str, Any], int]:
    """Return the options (`:key: value` lines, or YAML between ---) and the lines they take."""
    if lines and lines[0].strip() == "---":
        end = next(i for i, line in enumerate(lines[1:], 1) if line.strip() == "---")
        return project.parse_yaml("\n".join(lines[1:end])) or {}, end + 1
    matches = []
    for line in lines:
        if not (match := re.match(r":([\w-]+):\s*(.*)", line)):
            break
        matches.append(match)
    return {match[1]: match[2].strip() for match in matches}, len(matches)


CELLS = {"code-cell", "raw-cell"}
"""Directives that hold no Markdown."""


def directives(text: str) -> Iterator[Directive]:
    """Yield the directives of a text, outermost first, each before those in its body."""
    if not any(fence in text for fence in ("```", ":::", "~~~")):
        return
    for token in _blocks().parse(text):
        if token.level == 0 and (directive := Directive.of(token)):
            yield directive
            if directive.name not in CELLS:
                yield from directives(directive.body)


@dataclass(frozen=True)
class Formula:
    """A citable formula, as the directive `{formula}` states it in the chapter that derives it.

    Attributes:
        id: its permanent name, in words joined by hyphens.
        title: what it is called.
        latex: the formula, without delimiters.
        source: bibliography key, and where in it.
        code: the object of `descent` that computes it, or "" for a statement that a test checks.
        page: the page that states it.
    """

    id: str
    title: str
    latex: str
    source: str
    code: str
    page: Path


FORMULA_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FORMULA_OPTIONS = {"title", "source", "code"}


def formula(directive: Directive, page: Path) -> Formula:
    """Return the formula that a `{formula}` directive states, its parts checked.

    Raises:
        ValueError: the id is not of words, or an option is missing or unknown.
    """
    if not FORMULA_ID.fullmatch(directive.argument):
        raise ValueError(f"formula id must be lower-case words, got {directive.argument!r}")
    if unknown := directive.options.keys() - FORMULA_OPTIONS:
        raise ValueError(f"formula {directive.argument}: unknown options {sorted(unknown)}")
    for required in ("title", "source"):
        if not directive.options.get(required):
            raise ValueError(f"formula {directive.argument}: option :{required}: is missing")
    if not directive.body:
        raise ValueError(f"formula {directive.argument}: it has no LaTeX")
    options = directive.options
    return Formula(
        id=directive.argument,
        title=options["title"],
        latex=directive.body,
        source=options["source"],
        code=options.get("code", ""),
        page=page,
    )


def formulas(page: Path) -> list[Formula]:
    """Return the formulas that a page states, in order; its text is parsed once."""
    return list(_formulas(page, project.text(page)))


@cache
def _formulas(page: Path, text: str) -> tuple[Formula, ...]:
    found = directives(text) if "{formula}" in text else ()
    return tuple(formula(directive, page) for directive in found if directive.name == "formula")


def tagged(latex: str, formula_id: str) -> str:
    r"""Return display LaTeX that carries the formula's id as its tag, the same everywhere.

    >>> tagged("a = b", "a-is-b")
    'a = b\n\\tag{a-is-b}'
    """
    return f"{latex}\n\\tag{{{formula_id}}}"
