"""Graded notebooks: a right answer has all points, each misprint is caught and named."""

import contextlib
import io
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
import slips

from descent import rules
from descent.identify import _handed_in
from descent.misprints import MISPRINTS
from tools.book import catalogue
from tools.teaching import assignments
from tools.teaching.assignments import TASKS

BY_NAME = {task.name: task for task in TASKS}
OFTEN = ("gradient-descent", "adam", "backprop")
"""The tasks whose answers are tried with each slip before a commit."""
NAMES = {rules._RULES[name]: name for name in rules.names()}
AS_AN_ANSWER = """
from descent.misprints import MISPRINTS

rule = MISPRINTS["{name}"]()


def step(x, g, state):
    return rule.update(x, g, rule.init(x) if state is None else state)
"""


def run(notebook, answer):
    """Run the cells after the import with an answer; return points, hint, and what was printed."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    space, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in [cells[1], answer, *cells[3:]]:
            exec(source, space)
    return space["points"], space["hint"], printed.getvalue()


def test_what_was_asked_for_is_there():
    asked = {"gradient-descent", "backprop", "momentum", "adagrad", "rmsprop", "adam", "adamw"}
    assert asked <= set(BY_NAME)
    assert {NAMES[misprint.of] for misprint in MISPRINTS.values()} <= set(BY_NAME)
    known = {formula.id for formula in catalogue.book()}
    assert all(set(task.formulas) <= known for task in TASKS)


@pytest.mark.parametrize("task", TASKS, ids=BY_NAME)
def test_the_solution_has_all_points(task):
    points, hint, _ = run(assignments.student(task), task.answer(task.solution))
    assert points == dict.fromkeys(task.parts, 1)
    assert hint == ""


@pytest.mark.nightly
@pytest.mark.parametrize("task", TASKS[:-1], ids=list(BY_NAME)[:-1])
def test_the_instructor_is_told_that_the_solution_is_the_rule(task):
    assert task.name in run(assignments.instructor(task), task.answer(task.solution))[2]


@pytest.mark.parametrize("task", TASKS, ids=BY_NAME)
def test_what_is_handed_out_has_no_solution_and_an_empty_answer_no_points(task):
    handed_out = assignments.student(task)
    assert task.solution not in nbformat.writes(handed_out)
    assert "MISPRINTS" not in nbformat.writes(handed_out)
    assert task.solution not in assignments.otter_files(task)[f"{task.name}.ipynb"]
    empty = next(c.source for c in handed_out.cells if "YOUR CODE HERE" in c.source)
    points, hint, _ = run(handed_out, empty)
    assert points == dict.fromkeys(task.parts, 0)
    assert "does not run" in hint
    assert "NotImplementedError" in hint


@pytest.mark.nightly
@pytest.mark.parametrize("name", MISPRINTS)
def test_each_misprint_as_an_answer_is_caught_and_named(name):
    task = BY_NAME[NAMES[MISPRINTS[name].of]]
    points, hint, printed = run(assignments.instructor(task), AS_AN_ANSWER.format(name=name))
    assert sum(points.values()) < len(task.parts)
    assert hint
    assert name in printed


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["momentum", "adam", "backprop"])
def test_the_instructor_is_told_what_an_answer_with_a_slip_is(name):
    for slip in slips.SLIPS:
        answer = slips.of(slip, BY_NAME[name])
        assert len(run(assignments.instructor(BY_NAME[name]), answer)[2]) < 2000


@pytest.mark.parametrize("slip", slips.SLIPS)
@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, id=name, marks=[] if name in OFTEN else pytest.mark.nightly)
        for name, task in BY_NAME.items()
    ],
)
def test_what_students_do_beside_the_formula_gets_one_sentence(task, slip, monkeypatch):
    if slip == "does not end":
        monkeypatch.setattr(_handed_in, "SECONDS", 0.5)
    points, hint, printed = run(assignments.student(task), slips.of(slip, task))
    assert slips.SLIPS[slip].said in hint
    assert hint.count(". ") <= 1
    assert len(printed) < 2000
    share = sum(points.values()) / len(points)
    assert share == 0 or not slips.SLIPS[slip].is_fatal
    assert (share == 1) == slips.SLIPS[slip].is_habit


@pytest.mark.parametrize("place", ["a background job", "a thread"])
def test_an_answer_without_an_end_holds_up_no_grader(place, monkeypatch):
    monkeypatch.setattr(_handed_in, "SECONDS", 0.5)
    task = BY_NAME["gradient-descent"]
    asked = (assignments.student(task), slips.of("does not end", task))
    if place == "a thread":
        with ThreadPoolExecutor() as pool:
            _, hint, _ = pool.submit(run, *asked).result(timeout=60)
    else:
        old = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a job that a shell starts with &
        try:
            _, hint, _ = run(*asked)
        finally:
            signal.signal(signal.SIGINT, old)
    assert slips.SLIPS["does not end"].said in hint


def test_a_block_that_is_done_in_time_is_left_alone():
    for pause in (0.0, 0.01, 0.02):
        try:
            with _handed_in.within(0.01):
                time.sleep(pause)
        except TimeoutError:
            assert pause > 0
    with pytest.raises(KeyError), _handed_in.within(60):
        {}["missing"]
    assert sum(i for i in range(100_000)) == 4_999_950_000  # nothing is thrown afterwards


def test_decay_in_the_gradient_is_no_adamw():
    task = BY_NAME["adamw"]
    answer = task.answer("g = g + weight_decay * x\n" + BY_NAME["adam"].solution)
    points, hint, _ = run(assignments.student(task), answer)
    assert not points["decay"]
    assert hint


@pytest.mark.parametrize("slip", assignments.BACKWARD_SLIPS)
def test_slips_on_the_way_back_are_caught_and_named(slip):
    task = BY_NAME["backprop"]
    answer = task.answer(f"return {assignments.BACKWARD_SLIPS[slip]}")
    points, hint, printed = run(assignments.instructor(task), answer)
    assert sum(points.values()) == 3
    assert hint
    assert slip in printed


@pytest.mark.parametrize("task", TASKS, ids=BY_NAME)
def test_cells_tell_nbgrader_what_is_answer_and_what_gives_points(task):
    for made in (assignments.student(task), assignments.instructor(task)):
        told = [cell.metadata.nbgrader for cell in made.cells if "nbgrader" in cell.metadata]
        assert [(t.solution, t.grade, t.locked) for t in told] == [(1, 0, 0), (0, 1, 1)]
        assert told[1].points == len(task.parts)
    assert assignments.BEGIN in nbformat.writes(assignments.instructor(task))
