"""The repository's address is written once and followed everywhere."""

import subprocess

import pytest

from tools.book import project
from tools.site import changes


def test_the_site_of_a_repository_is_its_pages_address():
    assert project.site("https://github.com/Owner/book") == "https://owner.github.io/book/"
    assert project.site("https://github.com/me/me.github.io") == "https://me.github.io/"


def test_in_actions_the_address_is_that_of_the_repository_that_runs(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "fork/book")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    assert project.address() == "https://github.com/fork/book"
    assert project.written_address() == project.config()["repository"]["url"]


def test_elsewhere_the_address_is_the_written_one(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert project.address() == project.written_address()


def test_a_fork_that_changes_the_address_has_every_link_right(monkeypatch, tmp_path):
    from tools.notebook import files, generate

    changed = tmp_path / "_config.yml"
    text = project.CONFIG.read_text(encoding="utf-8")
    changed.write_text(text.replace(project.written_address(), "https://github.com/me/fork"))
    monkeypatch.setattr(project, "CONFIG", changed)
    for chapter in project.chapters():
        cells = generate.generate(chapter, files.read_notebook(chapter)).cells
        links = "\n".join(cell.source for cell in cells)
        assert "https://me.github.io/fork/book/" in links
        assert "github/me/fork/blob/main/book/" in links
        assert "git+https://github.com/me/fork" in links
        assert "descent-to-adam/descent-to-adam" not in links


@pytest.mark.parametrize("page", project.pages(), ids=lambda page: page.stem)
def test_pages_have_permanent_names_without_numbers(page):
    assert not any(character.isdigit() for character in page.stem)


def in_git(*arguments):
    return subprocess.run(["git", *arguments], cwd=project.ROOT, capture_output=True, text=True)


def test_notebooks_install_a_version_or_a_commit_of_this_history():
    which = project.package()
    version, _, commit = which.partition(" @ git+")
    if version:
        assert f"## {version.removeprefix('==')} (" in changes.CHANGELOG.read_text(encoding="utf-8")
        return
    if in_git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("this clone has not all of the history")
    assert in_git("merge-base", "--is-ancestor", commit.rpartition("@")[2], "HEAD").returncode == 0


@pytest.mark.parametrize("pin", ["main", "v0.1", "abc123", ""])
def test_a_branch_or_half_a_commit_is_not_installed(pin, monkeypatch, tmp_path):
    text = f'[tool.descent]\nnotebooks-install = "{pin}"\n'
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(project, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=f"a version or a whole commit, got '{pin}'"):
        project.package()
