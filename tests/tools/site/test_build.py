"""A build does nothing where nothing changed, and forgets nothing that failed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.book import project
from tools.site import build, chinese_edition


@pytest.fixture
def book(monkeypatch, tmp_path):
    """Return a small book whose site is its page, and which counts how often Sphinx ran."""
    for folder in ("book", "src", "tests", "tools", "_build/.doctrees"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "book" / "adam.md").write_text("one")
    (tmp_path / "_config.yml").write_text("title: one")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.setattr(build, "HTML", tmp_path / "_build" / "html")
    monkeypatch.setattr(build, "DOCTREES", tmp_path / "_build" / ".doctrees")
    monkeypatch.setattr(build, "BUILT", tmp_path / "_build" / "built")
    monkeypatch.setattr(build, "SOURCES", ("book", "src", "tests", "tools", "_config.yml"))
    runs = []

    def run_sphinx():
        runs.append(build.DOCTREES.exists())
        build.DOCTREES.mkdir(exist_ok=True)
        build.HTML.mkdir(exist_ok=True)
        text = (tmp_path / "book" / "adam.md").read_text()
        (build.HTML / "adam.html").write_text(text)
        return int("wrong" in text)

    monkeypatch.setattr(build, "run_sphinx", run_sphinx)
    monkeypatch.setattr(chinese_edition, "finish", lambda site: 0)
    return tmp_path, runs


def test_a_second_build_does_nothing(book):
    _, runs = book
    assert build.build() == build.build() == 0
    assert len(runs) == 1


@pytest.mark.parametrize(
    "name", ["book/adam.md", "book/_static/book.css", "src/rules.py", "tests/test_rules.py",
             "tools/site/formula.py", "_config.yml"]
)  # fmt: skip
def test_whatever_changes_is_built_on_what_was_read_before(book, name):
    root, runs = book
    build.build()
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("two")
    assert build.build() == 0
    assert runs == [False, True], "the pages that Sphinx has read are kept"


def test_a_change_of_the_repository_builds_again(book, monkeypatch):
    _, runs = book
    build.build()
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/fork")
    assert build.build() == 0
    assert len(runs) == 2


def test_a_package_that_tests_alone_need_builds_nothing_and_another_sphinx_builds(
    book, monkeypatch, tmp_path
):
    _, runs = book
    monkeypatch.setattr(build.site, "getsitepackages", lambda: [str(tmp_path)])
    (tmp_path / "sphinx-1.0.dist-info").mkdir()
    (tmp_path / "MyST_NB-1.0.dist-info").mkdir()
    build.build()
    (tmp_path / "torch-1.0.dist-info").mkdir()
    assert build.build() == 0
    assert len(runs) == 1
    (tmp_path / "MyST_NB-1.0.dist-info").rename(tmp_path / "myst_nb-1.1.dist-info")
    (tmp_path / "sphinx-1.0.dist-info").rename(tmp_path / "sphinx-1.1.dist-info")
    for times in (2, 2):
        assert build.build() == 0
        assert len(runs) == times


def test_what_python_and_tests_leave_behind_builds_nothing(book):
    root, runs = book
    build.build()
    for name in ("tools/__pycache__/site.pyc", "book/.ipynb_checkpoints/adam.ipynb"):
        (root / name).parent.mkdir()
        (root / name).write_text("left")
    assert build.build() == 0
    assert len(runs) == 1


def test_a_build_with_a_warning_fails_until_its_cause_is_gone(book):
    root, runs = book
    build.build()
    (root / "book" / "adam.md").write_text("wrong")
    assert build.build() == build.build() == 1
    (root / "book" / "adam.md").write_text("right")
    assert build.build() == build.build() == 0
    assert runs == [False, True, False, False], "after a failure all is read anew"


def test_an_interrupted_build_is_done_anew(book, monkeypatch):
    root, runs = book
    build.build()
    (root / "book" / "adam.md").write_text("two")
    whole = build.run_sphinx
    monkeypatch.setattr(build, "run_sphinx", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build.build()
    monkeypatch.setattr(build, "run_sphinx", whole)
    assert build.build() == 0
    assert runs == [False, False]


@pytest.mark.parametrize("damage", [lambda page: page.unlink(), lambda page: page.write_text("")])
def test_a_site_that_was_touched_is_built_anew(book, damage):
    _, runs = book
    build.build()
    damage(build.HTML / "adam.html")
    assert build.build() == 0
    assert runs == [False, False]
    assert (build.HTML / "adam.html").read_text() == "one"


def test_a_file_that_is_laid_beside_the_site_stays_and_builds_nothing(book):
    _, runs = book
    build.build()
    (build.HTML / "book.pdf").write_text("printed")
    assert build.build() == 0
    assert len(runs) == 1


def test_a_chinese_edition_that_fails_fails_the_build_and_is_tried_again(book, monkeypatch):
    monkeypatch.setattr(chinese_edition, "finish", lambda site: 2)
    assert build.build() == 2
    assert not build.BUILT.exists()
    monkeypatch.setattr(chinese_edition, "finish", lambda site: 0)
    assert build.build() == 0


def test_where_the_english_fails_the_chinese_that_was_started_is_ended(book, monkeypatch):
    started = []

    def fails():
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        chinese_edition.RUNNING.append(started[0])
        return 1

    monkeypatch.setattr(build, "run_sphinx", fails)
    assert build.build() == 1
    assert started[0].poll() is not None
    assert not chinese_edition.RUNNING


@pytest.mark.nightly
def test_what_is_changed_and_changed_back_gives_the_site_of_the_first_build(tmp_path):
    copy, html = tmp_path / "copy", Path("_build", "html")
    command, paths = [sys.executable, "-m", "tools.site.build"], {"PYTHONPATH": f"{copy / 'src'}"}
    subprocess.run(["git", "clone", "--quiet", project.ROOT, copy], check=True)
    page = copy / "book" / "momentum.md"

    def built():
        subprocess.run(command, cwd=copy, check=True, env=os.environ | paths)
        files = (path for path in (copy / html).rglob("*") if path.is_file())
        return {path.relative_to(copy): path.read_bytes() for path in files}

    first, text = built(), page.read_text(encoding="utf-8")
    page.write_text(text.replace("\n## ", "\nA sentence more.\n\n## ", 1), encoding="utf-8")
    changed = built()
    assert b"A sentence more." in changed[html / "book" / "momentum.html"]
    page.write_text(text, encoding="utf-8")
    again = built()
    assert again.keys() == first.keys()
    assert [name for name in first if again[name] != first[name]] == []
