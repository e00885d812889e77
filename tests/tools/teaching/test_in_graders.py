"""nbgrader and otter-grader take the notebooks that `make teaching` writes, as a course would.

`make test-graders` writes them first: the graders' environment has not what writes them.
"""

import zipfile
from pathlib import Path

import nbformat
import pytest
import slips

from descent import rules
from descent.identify import _handed_in
from descent.misprints import MISPRINTS

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


AS_AN_ANSWER = """
from descent.misprints import MISPRINTS

rule = MISPRINTS["{name}"]()


def step(x, g, state):
    return rule.update(x, g, rule.init(x) if state is None else state)
"""


def signature(task):
    return solution(task).splitlines()[0]


def task_of(name):
    """The task whose rule a misprint is of."""
    return next(one for one in rules.names() if rules._RULES[one] is MISPRINTS[name].of)


def wrong(task):
    return WRONG_BACKWARD if task == "backprop" else WRONG


def test_the_notebooks_were_written():
    assert len(TASKS) == 10, "run: python -m tools.teaching assignments"


@pytest.fixture
def in_otter(tmp_path, monkeypatch):
    """What grades an answer in otter-grader: the share of the points, and what it says."""
    otter = pytest.importorskip("otter", reason="otter-grader is not installed")
    monkeypatch.chdir(tmp_path)  # where it writes its log

    def graded(task, answer):
        with zipfile.ZipFile(FOLDER / f"{task}.otter.zip") as package:
            package.extractall(tmp_path)
        space = {}
        exec(f"import numpy as np\n{answer}", space)
        tests = otter.Notebook(tests_dir=str(tmp_path / "tests"))
        found = tests.check(task, global_env=space)
        said = {case.message for case in found.test_case_results if not case.passed}
        return found.score / found.possible, "\n".join(said)

    return graded


@pytest.mark.parametrize("task", TASKS)
def test_otter_grader_gives_all_points_to_the_solution_and_not_to_a_slip(task, in_otter):
    assert in_otter(task, solution(task)) == (1, "")
    assert in_otter(task, wrong(task))[0] < 1
    empty, said = in_otter(task, signature(task) + "\n    raise NotImplementedError()")
    assert empty == 0
    assert "does not run" in said


@pytest.mark.parametrize("name", MISPRINTS)
def test_otter_grader_catches_each_misprint(name, in_otter):
    share, said = in_otter(task_of(name), AS_AN_ANSWER.format(name=name))
    assert share < 1
    assert said


@pytest.mark.parametrize("slip", slips.SLIPS)
@pytest.mark.parametrize("task", TASKS)
def test_otter_grader_says_what_a_slip_is(task, slip, in_otter, monkeypatch, capsys):
    if slip == "does not end":
        monkeypatch.setattr(_handed_in, "SECONDS", 0.5)
    answer = slips.answer(slip, signature(task), solution(task))
    share, said = in_otter(task, answer)
    assert slips.SLIPS[slip].said in said + capsys.readouterr().out
    assert (share == 1) == slips.SLIPS[slip].is_habit


@pytest.mark.parametrize("task", TASKS)
def test_nbgrader_clears_the_solution_and_grades_what_is_handed_in(task):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    from nbgrader.preprocessors import ClearSolutions

    source = nbformat.read(FOLDER / f"{task}-instructor.ipynb", as_version=4)
    handed_out = nbformat.read(FOLDER / f"{task}.ipynb", as_version=4)
    cleared, _ = ClearSolutions().preprocess(source, {})
    answers = [
        next(cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("solution"))
        for made in (cleared, handed_out)
    ]
    assert answers[0].source == answers[1].source
    assert in_nbgrader(task, solution(task)) == (1, "")
    assert in_nbgrader(task, wrong(task))[0] < 1


def in_nbgrader(task, answer):
    """The share of the points that nbgrader gives an answer, and the hint that it prints."""
    from nbgrader.preprocessors import Execute
    from nbgrader.utils import determine_grade

    handed_in = nbformat.read(FOLDER / f"{task}.ipynb", as_version=4)
    cell = next(c for c in handed_in.cells if c.metadata.get("nbgrader", {}).get("solution"))
    cell.source = answer
    done, _ = Execute().preprocess(handed_in, {})
    graded = next(c for c in done.cells if c.metadata.get("nbgrader", {}).get("grade"))
    points, most = determine_grade(graded)
    printed = "".join(out.get("text", "") for out in graded.outputs if out.get("name") == "stdout")
    return points / most, "".join(printed.splitlines()[1:])


@pytest.mark.parametrize("slip", slips.SLIPS)
def test_nbgrader_grades_an_answer_with_a_slip_and_says_what_it_is(slip):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    answer = slips.answer(slip, signature("adam"), solution("adam"))
    share, said = in_nbgrader("adam", answer)
    assert slips.SLIPS[slip].said in said
    assert (share == 1) == slips.SLIPS[slip].is_habit
