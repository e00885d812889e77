"""Change the rules and see the tests fail: `python -m tools.mutants [--misprints] [--workers N]`.

A mutant is a misprint of `descent.misprints` in the place of the rule that it corrupts, or
`descent/rules.py` with one operator, number, sign or comparison changed, or one term left out. The
tests that guard the rules run on each; a mutant that they do not notice is a survivor, and fails
this program unless `EQUIVALENT` says why it cannot be noticed.

The rules are mutated here and not with mutmut or cosmic-ray, because those start the tests anew for
each of a thousand mutants; here each runs in a fork of a process that has the libraries loaded.
"""

import argparse
import ast
import copy
import io
import multiprocessing
import os
import sys
import types
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from tools import project

RULES = project.ROOT / "src" / "descent" / "rules.py"
GUARDS = ["tests/test_rules.py", "tests/test_laws.py"]

EQUIVALENT: dict[str, str] = {
    "Add → Sub: return a * (a >= b) + (b - 0 * a) * (a < b)": "0 a only lends b its dtype",
    "LtE → Lt: wide = g.shape[0] < g.shape[1]": "a square matrix may be taken either way",
    "0 → 1: wide = g.shape[1] <= g.shape[1]": "turning a matrix only saves work",
}
"""Mutants that cannot be noticed, by the line as changed, and why."""

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


@dataclass(frozen=True)
class Mutant:
    """A changed rule: its place and what was changed; a misprint has no changed source."""

    place: str
    change: str
    source: str = ""


def misprints() -> list[Mutant]:
    """Return the misprints, each in the place of the rule that it corrupts."""
    tree = ast.parse((RULES.parent / "misprints.py").read_text(encoding="utf-8"))
    decorators = [
        d for node in tree.body if isinstance(node, ast.ClassDef) for d in node.decorator_list
    ]
    calls = [d.args for d in decorators if isinstance(d, ast.Call)]
    return [Mutant(ast.unparse(of), ast.literal_eval(name)) for name, _, of in calls]


def mutations() -> Iterator[Mutant]:
    """Yield every change of one place in the bodies of the rules and their helpers."""
    tree = ast.parse(RULES.read_text(encoding="utf-8"))
    for function, place in _functions(tree):
        for node in [n for statement in function.body for n in ast.walk(statement)]:
            for change, undo in _changes(node):
                line = ast.unparse(_statement(function, node))
                source = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
                undo()
                yield Mutant(place, f"{change}: {line}", source)


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    skipped = {"names", "get", "__init_subclass__", "__post_init__"}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in skipped:
            yield node, node.name
        elif isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            yield from ((m, f"{node.name}.{m.name}") for m in methods if m.name not in skipped)


def _statement(function: ast.FunctionDef, node: ast.AST) -> ast.AST:
    return next((s for s in function.body if any(n is node for n in ast.walk(s))), node)


def _changes(node: ast.AST) -> Iterator[tuple[str, types.FunctionType]]:
    """Make each change of a node in turn: yield what it is, and a function that undoes it."""

    def put(owner: ast.AST, field: str, value: object) -> types.FunctionType:
        old = getattr(owner, field)
        setattr(owner, field, value)
        return lambda: setattr(owner, field, old)  # type: ignore[return-value]

    match node:
        case ast.BinOp():
            if new := SWAPPED.get(type(node.op)):
                yield f"{type(node.op).__name__} → {new.__name__}", put(node, "op", new())
            if isinstance(node.op, ast.Add | ast.Sub):
                yield "left out a term", put(node, "right", ast.Constant(0))
            if isinstance(node.op, ast.Mult | ast.Div):
                yield "left out a factor", put(node, "right", ast.Constant(1))
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            yield f"{number} → {number + 1}", put(node, "value", number + 1)
        case ast.UnaryOp(op=ast.USub()):
            yield "lost a minus", put(node, "op", ast.UAdd())
        case ast.Compare():
            if new := SWAPPED.get(type(node.ops[0])):
                yield f"{type(node.ops[0]).__name__} → {new.__name__}", put(node, "ops", [new()])


def put_in_place(mutant: Mutant) -> None:
    """Put a mutant where the tests will import the rule from."""
    from descent import rules
    from descent.misprints import MISPRINTS

    if mutant.source:
        exec(compile(mutant.source, str(RULES), "exec"), rules.__dict__)
    else:
        wrong = MISPRINTS[mutant.change]
        right = wrong.of  # type: ignore[attr-defined]
        for method in ("init", "update"):
            setattr(right, method, getattr(wrong, method))


class _Killer:
    """A plugin of pytest that notes the first test that fails."""

    name: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.name is None:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.name is None:
            self.name = f"{report.nodeid} (at import)"


def killer(mutant: Mutant) -> tuple[Mutant, str | None]:
    """Return the test that fails on a mutant, or None: it survives. Spoils the process."""
    sys.dont_write_bytecode = True
    plugin = _Killer()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:doctest", "--hypothesis-seed=0"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            put_in_place(mutant)
        except Exception as error:  # the mutated module does not even load
            return mutant, f"import: {error}"
        pytest.main([*options, "-o", "addopts=", *GUARDS], plugins=[plugin])
    return mutant, plugin.name


def main() -> int:
    """Run the mutants, print rule, change and killer; return how many survive."""
    arguments = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    arguments.add_argument("--misprints", action="store_true", help="the misprints alone")
    arguments.add_argument("--workers", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    os.chdir(project.ROOT)
    mutants = misprints() + ([] if options.misprints else list(mutations()))

    import hypothesis  # noqa: F401 (loaded once, before the forks)
    import numpy  # noqa: F401
    import torch

    torch.set_num_threads(1)
    unchanged = Mutant("rules.py", "unchanged", RULES.read_text(encoding="utf-8"))
    survivors = []
    with multiprocessing.get_context("fork").Pool(options.workers, maxtasksperchild=1) as pool:
        if fails := pool.apply(killer, [unchanged])[1]:
            sys.exit(f"the guards fail on the rules as they are: {fails}")
        for number, (mutant, test) in enumerate(pool.imap(killer, mutants), 1):
            reason = EQUIVALENT.get(mutant.change)
            verdict = test or (f"equivalent: {reason}" if reason else "SURVIVES")
            if not test and not reason:
                survivors.append(mutant)
            if not mutant.source or not test:
                print(f"{mutant.place:28} {mutant.change:50} {verdict}", flush=True)
            elif number % 50 == 0:
                print(f"[{number}/{len(mutants)}]", flush=True)
    for mutant in survivors:
        print(f"survivor: {mutant.place}: {mutant.change}")
    print(f"{len(mutants) - len(survivors)} passed, {len(survivors)} failed")
    return min(len(survivors), 100)


if __name__ == "__main__":
    sys.exit(main())
