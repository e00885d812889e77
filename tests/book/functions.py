"""The functions that a chapter's cells define, for the tests of what it says."""

import ast
from typing import Any

import numpy as np

from tools.book import myst, project
from tools.notebook import files


def functions_of(chapter: str, *names: str) -> dict[str, Any]:
    """Return functions that a chapter's cells define, by name."""
    page = project.BOOK / f"{chapter}.md"
    cells = files.code_cells(myst.read_cells(page)[0])
    nodes = [node for cell in cells for node in ast.parse(cell.source).body]
    body = [node for node in nodes if getattr(node, "name", None) in names]
    namespace = {"np": np}
    exec(compile(ast.Module(body, []), page.name, "exec"), namespace)
    return namespace
