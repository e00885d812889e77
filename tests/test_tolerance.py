"""Tolerances: what `near` means, and that no fixed one meets inputs of any size."""

import ast
from pathlib import Path

import numpy as np
import pytest
from tolerance import near

TESTS = sorted(p for p in Path(__file__).parent.rglob("test_*.py") if p.parent.name != "site")


def test_near_is_relative_to_the_largest_number():
    assert near(1e-3 + 1e-10, [1.0, -1e3]) == 1e-3
    assert near(1e-3 + 1e-10, np.ones(3)) != 1e-3
    assert near([1e-4, 5e9]) == [0.0, 5e9]
    assert near(1.0 + 1e-11) != 1.0
    assert near(1.1e-310) == 1e-310
    assert near(1e-13, []) != 0.0


def name_of(call):
    return getattr(call.func, "attr", getattr(call.func, "id", None))


def calls(node):
    return [n for n in ast.walk(node) if isinstance(n, ast.Call)]


def is_fixed(call):
    """Whether the call has an absolute tolerance that is one number for all inputs, and not 0.

    NumPy's `allclose` and `isclose` have one of 1e-8 if they are given none.
    """
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    node = given.get("abs", given.get("atol"))
    if node is None:
        return name_of(call) in ("allclose", "isclose")
    return isinstance(node, ast.Constant) and node.value != 0


def under_given(tree):
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [t for t in tests if "given" in [name_of(c) for d in t.decorator_list for c in calls(d)]]


def fixed_tolerances(source):
    """Return the lines with a fixed absolute tolerance in tests of any input.

    `approx(x, abs=1e-9)` is relative to nothing: rounding alone passes it where x is large, and a
    fault passes it where x is small.
    """
    found = [call for test in under_given(ast.parse(source)) for call in calls(test)]
    return [call.lineno for call in found if is_fixed(call)]


@pytest.mark.parametrize(
    ("check", "fixed"),
    [
        ("f(x) == pytest.approx(x, abs=1e-9)", [3]),
        ("f(x) == approx(x, rel=1e-9, abs=1e-9)", [3]),
        ("np.allclose(f(x), x, rtol=1e-9)", [3]),
        ("f(x) == pytest.approx(x, rel=1e-9)", []),
        ("np.allclose(f(x), x, rtol=0, atol=1e-9 * size)", []),
    ],
)
def test_a_fixed_tolerance_is_found_under_given_only(check, fixed):
    test = f"def test_it(x):\n    assert {check}"
    assert fixed_tolerances("@given(x=floats())\n" + test) == fixed
    assert fixed_tolerances("\n" + test) == []


def test_no_tolerance_is_fixed_where_hypothesis_chooses_the_numbers():
    found = {path.name: fixed_tolerances(path.read_text(encoding="utf-8")) for path in TESTS}
    assert {name: lines for name, lines in found.items() if lines} == {}
