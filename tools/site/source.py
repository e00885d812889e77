"""Where an object of the package is defined: its file, its lines, their address."""

import ast
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.ext.autodoc.mock import undecorate

import descent
from tools.book import project

PACKAGE = Path(descent.__file__).parent

Definition = ast.ClassDef | ast.FunctionDef


def source_link(name: str) -> str:
    """Return the address of the lines that define an object of the package.

    Raises:
        ValueError: there is no such object.
    """
    try:
        found = resolved(name)
        first, last = lines(source_file(name))[found.__qualname__]
    except (ImportError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no object is named {name!r}") from error
    path = Path("src", "descent", source_file(name).relative_to(PACKAGE))
    branch = project.config()["repository"]["branch"]
    return f"{project.address()}/blob/{branch}/{path.as_posix()}#L{first}-L{last}"


def source_file(name: str) -> Path:
    """Return the file that defines an object of the package."""
    return Path(str(sys.modules[resolved(name).__module__].__file__))


def resolved(name: str) -> Any:
    """Return an object of the package without its decorators, those of an absent PyTorch too."""
    return inspect.unwrap(undecorate(pkgutil.resolve_name(name)))


def lines(path: Path) -> dict[str, tuple[int, int]]:
    """Return the first and last line of each class and function of a file, by its full name."""
    return {name: _span(node) for name, node in definitions(path).items()}


def _span(node: Definition) -> tuple[int, int]:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first, node.end_lineno or first


def definition(obj: Any) -> Definition:
    """Return the syntax tree of a class or a function of the package."""
    plain = inspect.unwrap(undecorate(obj))
    return definitions(Path(str(sys.modules[plain.__module__].__file__)))[plain.__qualname__]


def definitions(path: Path) -> dict[str, Definition]:
    """Return the syntax tree of each class and function of a file, by its full name."""
    return _definitions(path.read_text(encoding="utf-8"))


@cache
def _definitions(text: str) -> dict[str, Definition]:
    return dict(_within(ast.parse(text).body, ""))


def _within(body: list[ast.stmt], names: str) -> Iterator[tuple[str, Definition]]:
    for node in body:
        if isinstance(node, Definition):
            yield names + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _within(node.body, f"{names}{node.name}.")
