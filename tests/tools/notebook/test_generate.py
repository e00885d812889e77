"""Notebooks are generated, executed only when their code changed, and written whole."""

import errno
import shutil

import nbformat
import pytest

from tools.book.myst import ChapterError
from tools.notebook import files, generate

CHAPTER = """\
---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A chapter

Some words.

```{code-cell} ipython3
from descent.report import glue

glue("sum", 1 + 1)
print(1 + 1)
```

The sum is {glue:text}`sum`.

:::{solution-start} x
:::

A solution.

```{code-cell} ipython3
print("solved")
```

:::{solution-end}
:::
"""


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "book" / "chapter.md"
    path.parent.mkdir()
    path.write_text(CHAPTER, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Return the folder of a chapter with its notebook."""
    folder = tmp_path_factory.mktemp("executed") / "book"
    folder.mkdir()
    (folder / "chapter.md").write_text(CHAPTER, encoding="utf-8")
    generate.update(folder / "chapter.md", rerun=False)
    return folder


@pytest.fixture
def generated(executed, chapter):
    """Return a chapter of its own beside its notebook."""
    shutil.copytree(executed, chapter.parent, dirs_exist_ok=True)
    return chapter


@pytest.fixture
def counted(monkeypatch):
    """Count the executions."""
    runs = []
    execute = generate.execute
    monkeypatch.setattr(
        generate, "execute", lambda *arguments: runs.append(1) or execute(*arguments)
    )
    return runs


def sources(chapter):
    return [cell.source for cell in files.read_notebook(chapter).cells]


def test_a_chapter_is_executed_once_and_again_only_when_its_code_changes(chapter, counted):
    assert generate.update(chapter, rerun=False) == "executed"
    assert generate.update(chapter, rerun=False) == "unchanged"
    chapter.write_text(CHAPTER.replace("Some words", "Other words"), encoding="utf-8")
    assert generate.update(chapter, rerun=False) == "prose"
    assert len(counted) == 1
    assert "Other words." in "\n".join(sources(chapter))
    chapter.write_text(CHAPTER.replace("print(1 + 1)", "print(2 + 2)"), encoding="utf-8")
    assert generate.update(chapter, rerun=False) == "executed"
    assert len(counted) == 2
    assert generate.update(chapter, rerun=True) == "unchanged"
    assert len(counted) == 3
    more = CHAPTER.replace("print(1 + 1)", 'glue("product", 6)')
    chapter.write_text(more.replace("Some", "{glue:text}`product`"), encoding="utf-8")
    assert generate.update(chapter, rerun=False) == "executed", "the prose needs what is new"


def test_values_folded_solutions_and_the_install_cell_are_in_the_notebook(generated):
    notebook = files.read_notebook(generated)
    nbformat.validate(notebook)
    text = "\n".join(sources(generated))
    assert "The sum is 2." in text
    assert "{glue" not in text
    install, _, solution = files.code_cells(notebook)
    assert "%pip install" in install.source
    assert solution.metadata["jupyter"] == {"source_hidden": True}
    assert solution.metadata["cellView"] == "form"


def test_an_unknown_directive_stops_the_generator_and_leaves_the_old_notebook(generated, capsys):
    before = files.notebook_path(generated).read_bytes()
    generated.write_text(CHAPTER + "\n```{mystery}\n```\n", encoding="utf-8")
    with pytest.raises(ChapterError, match=r"chapter.md:\d+: unknown directive \{mystery\}"):
        generate.update(generated, rerun=False)
    assert files.notebook_path(generated).read_bytes() == before


def test_a_full_disk_leaves_the_old_notebook_whole(generated, monkeypatch):
    before = files.notebook_path(generated).read_bytes()

    def full(notebook, path):
        path.write_text("{", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(nbformat, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(files.read_notebook(generated), files.notebook_path(generated))
    assert files.notebook_path(generated).read_bytes() == before
    assert not list(generated.parent.glob("*.part"))


def test_a_solution_that_never_ends_is_an_error(chapter):
    chapter.write_text(CHAPTER.replace(":::{solution-end}\n:::\n", ""), encoding="utf-8")
    with pytest.raises(ChapterError, match="never ends"):
        generate.run(chapter)
