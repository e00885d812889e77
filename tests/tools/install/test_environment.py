"""Setting up `.venv`: what is refused, what is handed on, and that nothing half done counts."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tools.book.project import ROOT
from tools.install import environment

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_a_python_that_is_too_old_or_too_new_is_named(version):
    with pytest.raises(environment.SetupError, match=rf"3\.11, .* is {version[0]}\.{version[1]}"):
        environment.check_python(version)


def test_what_pip_was_told_is_handed_on_to_uv(monkeypatch):
    monkeypatch.setattr(environment, "python", lambda: Path(sys.executable))
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example/ https://b.example/")
    told = environment.pip_settings()
    assert told["UV_FIND_LINKS"] == "/one,/two"
    assert told["UV_EXTRA_INDEX_URL"] == "https://a.example/ https://b.example/"


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Let the set-up work in a folder of its own, with a Python that is there."""
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr(environment, "WHOLE", tmp_path / "venv" / "whole")
    monkeypatch.setattr(environment, "python", lambda: Path(sys.executable))
    monkeypatch.setattr(environment, "run", lambda *_, **__: environment.VENV.mkdir())
    monkeypatch.setattr(sys, "argv", ["environment.py", "requirements-book.txt"])
    return tmp_path / "venv"


@pytest.mark.parametrize(
    ("fault", "status"),
    [(environment.SetupError("no"), 1), (OSError(28, "disk"), 1), (KeyboardInterrupt(), 130)],
)
def test_after_a_fault_the_next_set_up_starts_afresh(bare, monkeypatch, fault, status):
    def fail(_):
        (bare / "half").touch()
        raise fault

    monkeypatch.setattr(environment, "install", fail)
    assert environment.main() == status
    assert list(bare.iterdir()) == [bare / "half"]
    monkeypatch.setattr(environment, "install", lambda _: None)
    assert environment.main() == 0
    assert {path.name for path in bare.iterdir()} == {"whole", "requirements-book.ready"}


def test_a_whole_environment_is_kept(bare, monkeypatch):
    monkeypatch.setattr(environment, "install", lambda _: (bare / "package").touch())
    assert environment.main() == 0
    monkeypatch.setattr(environment, "install", lambda _: None)
    assert environment.main() == 0
    assert (bare / "package").exists()


def pins(name):
    """Return the lines of a lock."""
    return set((ROOT / name).read_text(encoding="utf-8").splitlines()[1:])


def test_the_book_is_built_with_versions_that_it_is_tested_with():
    assert pins("requirements-book.txt") < pins("requirements.txt")


def test_building_the_book_needs_neither_pytorch_nor_the_tests_tools():
    names = {re.split("[=<>;]", line)[0] for line in pins("requirements-book.txt")}
    assert not names & {"torch", "pytest", "hypothesis", "mypy", "ruff", "playwright", "nbval"}


def test_no_pin_brings_cuda():
    assert not [line for line in pins("requirements.txt") if re.match("nvidia|cuda|triton", line)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_hash_and_may_only_read(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        for step in job.get("steps", []):
            assert "uses" not in step or re.search(r"@[0-9a-f]{40}$", step["uses"])
