"""The versions that stand for Colab's are whole, and PyTorch is the book's."""

import re
import subprocess
import sys

import pytest

from tools.book import project
from tools.check import colab


def test_each_package_has_a_version():
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in colab.COLAB.values())
    assert {"numpy", "matplotlib", "scikit-learn", "tqdm", "pooch"} <= colab.COLAB.keys()


def test_the_list_says_when_and_where_it_was_read():
    source = colab.__file__
    with open(source, encoding="utf-8") as file:
        assert re.search(
            r"as of \d{4}-\d\d-\d\d, from `pip-freeze.txt` of .+\n?.*commit", file.read()
        )


def test_pytorch_is_the_books_unless_colabs_is_asked_for(monkeypatch):
    monkeypatch.delenv("COLAB_TORCH", raising=False)
    pins = (project.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert colab.torch() in pins
    monkeypatch.setenv("COLAB_TORCH", "1")
    assert colab.torch() == f"torch=={colab.COLAB_TORCH}"
    assert "torch" not in colab.COLAB


def test_another_wish_is_refused(monkeypatch):
    monkeypatch.setenv("COLAB_TORCH", "2.0")
    with pytest.raises(SystemExit, match=r"COLAB_TORCH is '2.0': 1 is"):
        colab.torch()


def test_colabs_python_is_chosen_where_there_is_one(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert colab.interpreter() == sys.executable
    python = tmp_path / f"python{colab.COLAB_PYTHON}"
    for answer, chosen in (
        (f"echo {colab.COLAB_PYTHON}", str(python)),
        ("exit 127", sys.executable),  # a manager's, which has no such version
        ("echo 2.7", sys.executable),
    ):
        python.write_text(f"#!/bin/sh\n{answer}\n")
        python.chmod(0o755)
        assert colab.interpreter() == chosen


@pytest.mark.nightly
def test_an_environment_beside_sees_what_the_other_has(tmp_path, monkeypatch):
    monkeypatch.setattr(colab, "interpreter", lambda: sys.executable)
    base = colab.new_venv(tmp_path / "base")
    (packages,) = (tmp_path / "base").glob("lib/python*/site-packages")
    (packages / "only_there.py").write_text("")
    programs = colab.beside(tmp_path / "own", base)
    subprocess.run([str(programs / "python"), "-c", "import only_there"], check=True)
    assert (
        colab.python_version(programs / "python") == f"{sys.version_info[0]}.{sys.version_info[1]}"
    )
