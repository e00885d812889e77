"""Which tests verify which formula, read from the tests without running them.

A test names the formulas that it verifies with `@pytest.mark.formula("id", ...)`. The ids in a call
of `as_printed(rule, "id", ...)` are those of formulas whose LaTeX itself is run.
"""

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools import project

TESTS = project.ROOT / "tests"
AS_PRINTED = "test_a_rule_as_printed_makes_the_steps_of_the_package"


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
    return [one.value for one in call.args if isinstance(one, ast.Constant)]  # type: ignore[misc]


@cache
def by_formula() -> dict[str, list[Test]]:
    """Return the tests that verify each formula, by its id."""
    found: dict[str, list[Test]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    for name in _named(decorator, "pytest.mark.formula"):
                        found[name].append(Test(node.name, path, node.lineno))
    for name in as_printed():
        found[name].insert(0, _printed_test())
    return dict(found)


@cache
def as_printed() -> set[str]:
    """Return the ids of the formulas whose LaTeX is parsed and run."""
    return {name for node in ast.walk(_printed_tree()) for name in _named(node, "as_printed")}


def _printed_path() -> Path:
    return TESTS / "book" / "test_as_printed.py"


def _printed_tree() -> ast.Module:
    return ast.parse(_printed_path().read_text(encoding="utf-8"))


def _printed_test() -> Test:
    functions = [node for node in _printed_tree().body if isinstance(node, ast.FunctionDef)]
    line = next(node.lineno for node in functions if node.name == AS_PRINTED)
    return Test(AS_PRINTED, _printed_path(), line)
