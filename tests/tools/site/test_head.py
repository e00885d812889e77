"""The buttons lead to the notebooks of this repository, and Binder installs what they need."""

import pytest

from tools.book import project
from tools.notebook import files
from tools.site import head


@pytest.mark.parametrize("chapter", project.chapters(), ids=lambda page: page.stem)
def test_kaggle_opens_a_notebook_that_is_there(chapter):
    docname = chapter.relative_to(project.ROOT).with_suffix("").as_posix()
    start = "https://kaggle.com/kernels/welcome?src="
    assert head.kaggle(docname) == f"{start}{project.address()}/blob/main/{docname}.ipynb"
    assert files.notebook_path(chapter).exists()


def test_a_fork_has_its_own_address(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/fork")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    assert "github.com/me/fork/blob/main/book/adam.ipynb" in head.kaggle("book/adam")


def test_binder_installs_the_package_and_what_the_notebooks_need_as_pinned_and_no_cuda():
    lines = (project.ROOT / "binder/requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}
    pins = (project.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "." in wanted
    assert wanted - {"."} <= set(pins)
    assert not any(line.startswith("torch") for line in wanted)
