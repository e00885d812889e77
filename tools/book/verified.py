"""Which tests verify which formula, read from the tests without running them.

A test names the formulas that it verifies with `@pytest.mark.formula("id", ...)`. Those whose LaTeX
itself is run are listed in `tools.book.printed`.
"""

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.book import printed, project

TESTS = project.ROOT / "tests"
AS_PRINTED = TESTS / "book" / "test_as_printed.py"


@dataclass(frozen=True)
class Test:
    """A test: its name, a sentence, and where it stands."""

    __test__ = False  # not itself a test

    name: str
    path: Path
    line: int


def _named(call: ast.AST, function: str) -> list[str]:
    """Return the strings that a call of this function is given, or none for any other node."""
    if not isinstance(call, ast.Call) or ast.unparse(call.func) != function:
        return []
    return [argument.value for argument in call.args if isinstance(argument, ast.Constant)]  # type: ignore[misc]


@cache
def by_formula() -> dict[str, list[Test]]:
    """Return the tests that verify each formula, by its id."""
    found: dict[str, list[Test]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "mark.formula" in text else ():
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    for name in _named(decorator, "pytest.mark.formula"):
                        found[name].append(Test(node.name, path, node.lineno))
    for name in as_printed():
        found[name].insert(0, _printed_test(name))
    return dict(found)


def as_printed() -> set[str]:
    """Return the ids of the formulas whose LaTeX is parsed and run."""
    return printed.ids()


def _printed_test(formula_id: str) -> Test:
    return _test_as_printed("schedule" if formula_id in printed.SCHEDULES else "update_rule")


@cache
def _test_as_printed(kind: str) -> Test:
    tree = ast.parse(AS_PRINTED.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = next(function for function in functions if f"_{kind}_as_printed_" in function.name)
    return Test(found.name, AS_PRINTED, found.lineno)
