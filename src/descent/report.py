"""What chapters print with: numbers with the digits that hold, tables, values for the prose.

Every number that a chapter shows goes through `number`, so that it reads the same on every machine.
"""

import ast
import html
import inspect
import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any

__all__ = ["DIGITS", "number", "Table", "source", "results", "glue"]

DIGITS = 6
"""Significant digits that are the same on all processors and thread counts."""

_DOCUMENTED = ast.FunctionDef | ast.ClassDef


def number(value: Any, digits: int = DIGITS) -> str:
    """Return a number as text, to `digits` digits; a fraction or whole number exactly.

    >>> number(0.1 + 0.2), number(1e-10), number(Fraction(1, 3)), number(1000000), number(5.0)
    ('0.3', '1e-10', '1/3', '1000000', '5')
    """
    if isinstance(value, Integral | Fraction | str) or not isinstance(value, Real):
        return str(value)
    text = f"{float(value):.{digits}g}"
    return "0" if float(text) == 0 else text


class Table:
    """A table of numbers, set as one on the site and in Colab and as text elsewhere.

    Args:
        header: the names of the columns.
        rows: the rows; numbers are formatted by `number`.
        digits: significant digits.

    Raises:
        ValueError: a row has not as many cells as the header.

    >>> Table(["t", "x"], [[0, 5.0], [1, 4.999]])
    t  x
    0  5
    1  4.999
    """

    def __init__(
        self, header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int = DIGITS
    ) -> None:
        self.header = list(header)
        self.rows = [[number(value, digits) for value in row] for row in rows]
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"rows must have {len(self.header)} cells, got {row}")

    def __repr__(self) -> str:
        columns = zip(self.header, *self.rows, strict=True)
        widths = [max(len(cell) for cell in column) for column in columns]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [self.header, *self.rows]
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def source(definition: Callable[..., Any]) -> str:
    """Return the lines of a function or class as they stand in the package, without docstrings.

    >>> print(source(number))
    def number(value: Any, digits: int = DIGITS) -> str:
        if isinstance(value, Integral | Fraction | str) or not isinstance(value, Real):
            return str(value)
        text = f"{float(value):.{digits}g}"
        return "0" if float(text) == 0 else text
    """
    text = textwrap.dedent(inspect.getsource(definition))
    lines = text.splitlines()
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _DOCUMENTED)]
    docstrings = [node.body[0] for node in nodes if ast.get_docstring(node) is not None]
    for docstring in sorted(docstrings, key=lambda node: -node.lineno):
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return "\n".join(lines)


def results(name: str) -> Any:
    """Return a recorded run: the content of `book/results/NAME.json`, which ships with the package.

    Raises:
        ValueError: no run of that name is recorded; the message lists those that are.
    """
    package = Path(__file__).parent
    folders = (package / "results", package.parents[1] / "book" / "results")
    recorded = {path.stem: path for folder in folders for path in folder.glob("*.json")}
    if name not in recorded:
        raise ValueError(f"name must be one of {sorted(recorded)}, got {name!r}")
    return json.loads(recorded[name].read_text(encoding="utf-8"))


def glue(name: str, value: Any, digits: int = DIGITS) -> None:
    """Store a value under a name, for the prose to print with the role `glue:text`.

    It is an output that no front end shows, in the form that papermill and MyST-NB agree on.
    """
    from IPython.display import publish_display_data

    prefix = "application/papermill.record/"
    publish_display_data(
        {f"{prefix}text/plain": number(value, digits)},
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )
