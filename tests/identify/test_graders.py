"""`grade` works in the cells of otter-grader and nbgrader, and gives the same points each time."""

import inspect

import candidates
import pytest

from descent.identify import grade

pytestmark = pytest.mark.frameworks


def test_otter_grader_passes_what_is_right_and_fails_what_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where it writes its log
    otter = pytest.importorskip("otter", reason="otter-grader is not installed")
    code = ">>> from descent.identify import grade\n>>> grade(step, 'adam').score == 1\nTrue"
    case = {"code": code, "hidden": False, "locked": False}
    suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    test = {"name": "q1", "points": 1, "suites": [suite]}
    (tmp_path / "q1.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    book = otter.Notebook(tests_dir=str(tmp_path))
    assert book.check("q1", global_env={"step": candidates.adam}).passed_all_public
    assert not book.check("q1", global_env={"step": candidates.adam_frozen}).passed_all_public


@pytest.mark.parametrize("step", [candidates.adam, candidates.adam_frozen])
def test_nbgrader_gives_the_points_that_grade_gives(step):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    import nbformat.v4 as nb
    from nbgrader.preprocessors import Execute
    from nbgrader.utils import determine_grade

    meta = {"grade": True, "grade_id": "adam", "points": 8, "locked": True, "schema_version": 3}
    meta |= {"solution": False, "task": False, "cell_type": "code", "checksum": ""}
    last = nb.new_code_cell(
        f"from descent.identify import grade\n8 * grade({step.__name__}, 'adam').score",
        metadata={"nbgrader": meta},
    )
    first = nb.new_code_cell("import numpy as np\n" + inspect.getsource(step))
    done, _ = Execute().preprocess(nb.new_notebook(cells=[first, last]), {})
    points, most = determine_grade(done.cells[1])
    assert most == 8
    assert points == pytest.approx(8 * grade(step, "adam").score)
