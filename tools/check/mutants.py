"""Change the rules, see tests fail: `python -m tools.check.mutants [--misprints] [--workers N]`.

A mutant is a misprint of `descent.misprints` in the place of the rule that it corrupts, or a
function of `descent.rules` or `descent.schedules` with one operator, number, sign, rate or
comparison changed, or one term, factor or call left out. The tests that guard the module run on
each until one fails; a mutant that they do not notice is a survivor, and fails this program unless
`EQUIVALENT` says why it cannot be noticed.

The modules are mutated here and not with mutmut or cosmic-ray, because those start pytest anew for
each of more than a thousand mutants. Here pytest collects the tests once, and runs them on one
mutant after another, whose code is put into the old functions and taken out again.
"""

import argparse
import ast
import functools
import inspect
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from descent import rules, schedules
from descent.misprints import MISPRINTS
from tools.book import project

GUARDS = {
    rules: ["tests/test_rules.py", "tests/test_laws.py"],
    schedules: ["tests/test_schedules.py"],
}
EXACT = ("by_hand", "written_as_sums")
"""Words in the names of the tests that run first: they are short and see almost everything."""

SKIPPED = {"names", "get", "__init_subclass__", "__post_init__"}
"""Functions that are no part of a formula."""

SECONDS = 120
"""A mutant that keeps the tests busy for longer has been noticed."""

EQUIVALENT: dict[str, str] = {
    "Add → Sub: return a * (a >= b) + (b - 0 * a) * (a < b)": "0 a only lends b its dtype",
    "LtE → Lt: wide = g.shape[0] < g.shape[1]": "a square matrix may be taken either way",
    "0 → 1: wide = g.shape[1] <= g.shape[1]": "turning a matrix only saves work",
    "0 → -1: wide = g.shape[-1] <= g.shape[1]": "turning a matrix only saves work",
    "1 → 0: wide = g.shape[0] <= g.shape[0]": "turning a matrix only saves work",
    "0 → -1: def rectified() -> Array:\n"
    "    r2 = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)\n"
    "    return maximum(r2, -1) ** 0.5 * quotient(m_hat, v_hat ** 0.5)": (
        "r² is below 0 only where a tracer of JAX takes both branches"
    ),
}
"""Mutants that cannot be noticed, by the line as changed, and why."""

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
OTHER_NAME = {"beta1": "beta2", "beta2": "beta1", "eps1": "eps2", "eps2": "eps1"}


@dataclass(frozen=True)
class Mutant:
    """A changed rule: where, what was changed, the tests that guard it, and how to put it there."""

    place: str
    change: str
    guards: tuple[str, ...]
    put: Callable[[pytest.MonkeyPatch], None]


def misprints() -> Iterator[Mutant]:
    """Yield the misprints, each in the place of the rule that it corrupts."""
    for name, wrong in MISPRINTS.items():
        yield Mutant(wrong.of.__name__, name, tuple(GUARDS[rules]), _in_place_of_its_rule(wrong))


def _in_place_of_its_rule(wrong: Any) -> Callable[[pytest.MonkeyPatch], None]:
    def put(patch: pytest.MonkeyPatch) -> None:
        for part in ("State", "init", "update"):
            patch.setattr(wrong.of, part, getattr(wrong, part))

    return put


def mutations() -> Iterator[Mutant]:
    """Yield every change of one place in the bodies of rules, schedules and helpers."""
    for module, guards in GUARDS.items():
        tree = ast.parse(inspect.getsource(module))
        for function, path in _functions(tree):
            for statement in function.body:
                unchanged = ast.unparse(statement)
                for node in ast.walk(statement):
                    for change, undo in _changes(node):
                        line, source = ast.unparse(statement), ast.unparse(function)
                        undo()
                        if line != unchanged:
                            put = _in_place_of(module, path, source)
                            yield Mutant(".".join(path), f"{change}: {line}", tuple(guards), put)


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, list[str]]]:
    """Yield the functions and methods of a module, each with the names that lead to it."""
    for node in tree.body:
        owner, body = ([node.name], node.body) if isinstance(node, ast.ClassDef) else ([], [node])
        for function in body:
            if isinstance(function, ast.FunctionDef) and function.name not in SKIPPED:
                yield function, [*owner, function.name]


def _in_place_of(
    module: ModuleType, path: list[str], source: str
) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what gives the function at `path` the code of `source`."""

    def put(patch: pytest.MonkeyPatch) -> None:
        scope: dict[str, Any] = {}
        exec("from __future__ import annotations\n" + source, module.__dict__, scope)
        found: Any = functools.reduce(getattr, path, module)
        function = inspect.unwrap(found)  # a rule's update stands behind its door
        patch.setattr(function, "__code__", scope[path[-1]].__code__)

    return put


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    """Make each change of a node in turn: yield what it is, and a function that undoes it."""

    def put(field: str, value: Any) -> Callable[[], None]:
        old = getattr(node, field)
        setattr(node, field, value)
        return lambda: setattr(node, field, old)

    match node:
        case ast.BinOp(left=left, op=op, right=right):
            if new := SWAPPED.get(type(op)):
                yield f"{type(op).__name__} → {new.__name__}", put("op", new())
            term = isinstance(op, ast.Add | ast.Sub)
            neutral = ast.Constant(0 if term else 1)
            yield f"left out {ast.unparse(right)}", put("right", neutral)
            if isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                yield f"left out {ast.unparse(left)}", put("left", neutral)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            yield f"{number} → {number + 1}", put("value", number + 1)
            yield f"{number} → {number - 1}", put("value", number - 1)
        case ast.UnaryOp(op=ast.USub()):
            yield "lost a minus", put("op", ast.UAdd())
        case ast.Compare(ops=[op]):
            if new := SWAPPED.get(type(op)):
                yield f"{type(op).__name__} → {new.__name__}", put("ops", [new()])
        case ast.Attribute(attr=name) if name in OTHER_NAME:
            yield f"{name} → {OTHER_NAME[name]}", put("attr", OTHER_NAME[name])
        case ast.Expr(value=ast.Call() as call):
            yield f"left out {ast.unparse(call)}", put("value", ast.Constant(None))


class Killer:
    """A plugin of pytest that runs the collected tests on each mutant."""

    def __init__(self, mutants: list[Mutant], workers: int) -> None:
        self.mutants = mutants
        self.workers = workers
        self.items: list[pytest.Item] = []
        self.failed = False
        self.survivors = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that a test fails."""
        self.failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants in the place of the tests; report misprints and what lives."""
        self.items = session.items
        numbers = range(len(self.mutants))
        with multiprocessing.get_context("fork").Pool(self.workers, _adopt, [self]) as pool:
            for mutant, killer in zip(self.mutants, pool.imap(_killer_of, numbers), strict=True):
                reason = EQUIVALENT.get(mutant.change)
                self.survivors += not (killer or reason)
                if mutant.change in MISPRINTS or not killer:
                    verdict = killer or (f"equivalent: {reason}" if reason else "SURVIVES")
                    print(f"{mutant.place:22} {mutant.change:41} {verdict}", flush=True)
        return True

    def killer_of(self, mutant: Mutant) -> str | None:
        """Return the first test that fails on a mutant and passes without it, or None."""
        items = [item for item in self.items if item.nodeid.startswith(mutant.guards)]
        items.sort(key=lambda item: _promise(item.nodeid, mutant), reverse=True)
        signal.alarm(SECONDS)
        with pytest.MonkeyPatch.context() as patch:
            mutant.put(patch)
            killer = next((item for item in items if self._fails(item)), None)
        signal.alarm(0)
        if killer is None:
            return None
        if self._fails(killer):
            raise RuntimeError(f"{killer.nodeid} fails without a mutant")
        return killer.nodeid.removeprefix("tests/")

    def _fails(self, item: pytest.Item) -> bool:
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.failed


_plugin: Killer
"""The plugin of this process, which a fork has from its parent: tests cannot be pickled."""


def _adopt(plugin: Killer) -> None:
    global _plugin
    _plugin = plugin
    signal.signal(signal.SIGALRM, _interrupt)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)


def _killer_of(number: int) -> str | None:
    return _plugin.killer_of(_plugin.mutants[number])


def _interrupt(*_: object) -> None:
    raise TimeoutError(f"the tests take more than {SECONDS} s")


def _promise(test: str, mutant: Mutant) -> tuple[bool, bool]:
    """Return how likely a test is to fail on a mutant, and to fail soon."""
    return any(word in test for word in EXACT), mutant.place.split(".")[0].lower() in test.lower()


def main() -> int:
    """Run the mutants, print rule, misprint and killing test; return how many survive."""
    arguments = argparse.ArgumentParser(prog="python -m tools.check.mutants", description=__doc__)
    arguments.add_argument("--misprints", action="store_true", help="the misprints alone")
    arguments.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = arguments.parse_args()
    os.chdir(project.ROOT)

    mutants = [*misprints(), *([] if chosen.misprints else mutations())]
    plugin = Killer(mutants, chosen.workers)
    settings.register_profile(
        "mutants",
        phases=[Phase.explicit, Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    options = ["-qq", "-s", "-oaddopts=", "--hypothesis-profile=mutants"]
    options += [f"-pno:{name}" for name in ("cacheprovider", "xdist", "warnings")]
    guards = [guard for module in GUARDS.values() for guard in module]
    if error := pytest.main([*options, *guards], plugins=[plugin]):
        return int(error)
    print(f"{len(mutants) - plugin.survivors} passed, {plugin.survivors} failed")
    return min(plugin.survivors, 100)


if __name__ == "__main__":
    sys.exit(main())
