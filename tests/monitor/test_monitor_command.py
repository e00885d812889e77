"""`python -m descent.train --monitor`."""

import json

import pytest

pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("matplotlib", reason="the page has pictures")

from descent.train import command

SMALL = ["--model", "mlp", "--epochs", "3", "--hidden", "8"]


def test_the_command_writes_what_the_monitor_found(tmp_path, capsys):
    assert command.main([*SMALL, "--optimizer", "adamw", "--monitor", str(tmp_path / "m")]) == 0
    report = json.loads((tmp_path / "m" / "monitor.json").read_text())
    assert [row["step"] for row in report["rows"] if row["group"] == "group 0"] == [1, 50]
    assert report["findings"] == []
    said = capsys.readouterr().out
    assert "steps, looked at every 50: no warnings" in said
    assert str(tmp_path / "m" / "monitor.html") in said


def test_a_run_that_diverges_still_writes_its_report(tmp_path, capsys):
    path = tmp_path / "m.txt"
    diverging = ["--optimizer", "sgd", "--lr", "1e30", "--monitor", str(path)]
    assert command.main([*SMALL, *diverging]) == 1
    assert "non-finite" in path.read_text()


def test_a_path_of_no_form_is_refused_before_the_first_step(tmp_path, capsys):
    assert command.main([*SMALL, "--monitor", str(tmp_path / "m.pdf")]) == 2
    assert "must be a folder or end in .html" in capsys.readouterr().err
