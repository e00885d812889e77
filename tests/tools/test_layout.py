"""The rooms of `tools`: each says what it holds, and imports from those before it alone."""

import ast
from pathlib import Path

import pytest

from tools.book import project

MAY_IMPORT = {
    "install": set(),
    "book": set(),
    "chinese": {"book"},
    "notebook": {"book", "chinese"},
    "translation": {"book"},
    "site": {"book", "chinese", "notebook", "translation"},
    "edition": {"book", "chinese", "site"},
    "teaching": {"book", "notebook", "site"},
    "certificates": {"book"},
    "check": {"book", "certificates", "edition", "install", "notebook", "site"},
}
WITHOUT_SPHINX = ("install", "book", "chinese", "notebook")
LONGEST = 600  # lines of a module: more is two


def rooms() -> list[str]:
    return sorted(path.parent.name for path in project.ROOT.glob("tools/*/__init__.py"))


def modules(folder: str) -> list[Path]:
    return sorted((project.ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_every_tool_lies_in_a_room_and_every_room_is_known():
    assert set(rooms()) == set(MAY_IMPORT)
    assert [path.name for path in project.ROOT.glob("tools/*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", rooms())
def test_a_room_says_what_it_holds_and_imports_from_those_before_it_alone(room):
    paths = modules(f"tools/{room}")
    assert ast.get_docstring(ast.parse(paths[0].read_text(encoding="utf-8")))
    names = set().union(*map(imported, paths))
    others = {name.split(".")[1] for name in names if name.startswith("tools.")} - {room}
    assert others <= MAY_IMPORT[room]


@pytest.mark.parametrize("room", WITHOUT_SPHINX)
def test_what_the_book_says_is_read_without_sphinx(room):
    names = set().union(*map(imported, modules(f"tools/{room}")))
    assert not {name for name in names if name.partition(".")[0] in ("sphinx", "docutils")}


@pytest.mark.parametrize("folder", ["src", "tools"])
def test_no_module_is_too_long_to_be_read_in_one_go(folder):
    found = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in modules(folder)}
    long = {p.relative_to(project.ROOT).as_posix() for p, n in found.items() if n > LONGEST}
    assert long <= {"src/descent/rules.py"}


def test_the_package_imports_nothing_of_the_tools():
    names = set().union(*map(imported, modules("src")))
    assert not {name for name in names if name.partition(".")[0] in ("tools", "tests")}
