"""nbgrader and otter-grader take the notebooks that `make teaching` writes, as a course would.

`make test-graders` writes them first: the graders' environment has not what writes them.
"""

import zipfile
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.frameworks
FOLDER = Path(__file__).parents[3] / "_build" / "teaching" / "assignments"
TASKS = sorted(path.name.partition(".")[0] for path in FOLDER.glob("*.otter.zip"))
WRONG = "def step(x, g, state, lr=0.001):\n    return x - 2 * lr * g, state\n"
WRONG_BACKWARD = "def backward(X, W, b, G):\n    return G @ W.T, X.T @ G, G.mean(axis=0)\n"


def solution(task):
    """The function that the instructor's notebook of otter-grader has."""
    with zipfile.ZipFile(FOLDER / f"{task}.otter.zip") as package:
        made = nbformat.reads(package.read(f"{task}-instructor.ipynb").decode(), as_version=4)
    return next(cell.source for cell in made.cells if cell.source.startswith("def "))


def wrong(task):
    return WRONG_BACKWARD if task == "backprop" else WRONG


def test_the_notebooks_were_written():
    assert len(TASKS) == 10, "run: python -m tools.teaching assignments"


@pytest.mark.parametrize("task", TASKS)
def test_otter_grader_gives_all_points_to_the_solution_and_not_to_a_slip(
    task, tmp_path, monkeypatch
):
    otter = pytest.importorskip("otter", reason="otter-grader is not installed")
    monkeypatch.chdir(tmp_path)  # where it writes its log
    with zipfile.ZipFile(FOLDER / f"{task}.otter.zip") as package:
        package.extractall(tmp_path)
    grader = otter.Notebook(tests_dir=str(tmp_path / "tests"))
    shares = []
    for answer in (solution(task), wrong(task)):
        space = {}
        exec(f"import numpy as np\n{answer}", space)
        found = grader.check(task, global_env=space)
        shares.append(found.score / found.possible)
    assert shares[0] == 1
    assert shares[1] < 1


@pytest.mark.parametrize("task", TASKS)
def test_nbgrader_clears_the_solution_and_grades_what_is_handed_in(task):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    from nbgrader.preprocessors import ClearSolutions, Execute
    from nbgrader.utils import determine_grade

    source = nbformat.read(FOLDER / f"{task}-instructor.ipynb", as_version=4)
    handed_out = nbformat.read(FOLDER / f"{task}.ipynb", as_version=4)
    cleared, _ = ClearSolutions().preprocess(source, {})
    answers = [
        next(cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("solution"))
        for made in (cleared, handed_out)
    ]
    assert answers[0].source == answers[1].source
    grades = []
    for answer in (solution(task), wrong(task)):
        answers[1].source = answer
        del handed_out.cells[1].outputs[:]
        done, _ = Execute().preprocess(handed_out, {})
        graded = next(c for c in done.cells if c.metadata.get("nbgrader", {}).get("grade"))
        grades.append(determine_grade(graded))
    assert grades[0][0] == grades[0][1]
    assert grades[1][0] < grades[1][1]
