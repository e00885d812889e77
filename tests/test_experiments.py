"""The recorded runs: they go on where they stopped, and say truly what made them."""

import json

import pytest

torch = pytest.importorskip("torch", reason="the experiments train networks of torch")

from descent import data
from descent.report import results
from descent.train.contest import interval
from experiments import __main__ as experiments
from experiments import gpu, matrices, record, schedules

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    return tmp_path


def test_a_run_is_made_once_and_the_file_is_written_after_each(folder):
    made = []

    def make():
        made.append(1)
        return {"loss": 0.5}

    first = record.Record("some", CPU, {"epochs": 3})
    assert first.run("a", make) == {"loss": 0.5}
    again = record.Record("some", CPU, {"epochs": 3})
    assert again.run("a", make) == {"loss": 0.5}
    assert len(made) == 1
    content = json.loads((folder / "some.json").read_text())
    assert content["command"] == "python -m experiments some"
    assert content["runs"] == {"a": {"loss": 0.5}}


def test_another_machine_that_runs_nothing_leaves_the_file(folder, monkeypatch):
    record.Record("some", CPU, {}).run("a", dict)
    before = (folder / "some.json").read_bytes()
    monkeypatch.setattr(record, "described", lambda _: "another machine")
    later = record.Record("some", CPU, {})
    later.run("a", dict)
    assert (folder / "some.json").read_bytes() == before
    later.conclude(best=1)
    assert json.loads((folder / "some.json").read_text())["device"] != "another machine"
    later.run("b", dict)
    assert json.loads((folder / "some.json").read_text())["device"] == "another machine"


def test_runs_with_other_settings_are_not_mixed(folder):
    record.Record("some", CPU, {"epochs": 3}).run("a", dict)
    with pytest.raises(ValueError, match=r"epochs must be that of some.json, 3, got 4: remove"):
        record.Record("some", CPU, {"epochs": 4})


def test_every_experiment_but_the_benchmarks_has_its_file(capsys):
    names = {path.stem for path in record.RESULTS.glob("*.json")}
    assert experiments.EXPERIMENTS.keys() <= names
    assert experiments.main(["nonsense"]) == 2
    assert "got nonsense" in capsys.readouterr().out


def test_the_contest_of_matrices_says_what_its_runs_make():
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    runs = results("matrices")["runs"]
    assert list(runs) == list(matrices.RULES)
    for run in runs.values():
        assert run["rates"][f"{run['lr']:g}"] == min(run["rates"].values())
        assert [run["mean"], run["half_width"]] == pytest.approx(interval(run["steps"]))
        assert len(run["steps"]) == len(matrices.SEEDS)
        assert max(run["steps"]) < matrices.MOST
    kept, loaded = runs["momentum"], data.load("digits").to("cpu")
    again = matrices.steps_to_target(loaded, matrices.RULES["momentum"][0](kept["lr"]), 0)
    assert abs(again - kept["steps"][0]) <= 3  # another processor rounds otherwise


def test_what_needs_a_gpu_is_tried_out_at_a_hundredth_of_its_size(folder, capsys):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    size = ["--scale", "0.01", "--device", "cpu", "--data", "digits", "--no-compile"]
    assert gpu.main(size) == 0
    printed = capsys.readouterr().out
    for name in gpu.PARTS:
        assert f"{name}: {{" in printed
    assert "'status': 0, 'skipped': 1" in printed
    assert not list(folder.iterdir())


def test_the_gpu_part_that_has_its_result_is_not_done_again(folder, monkeypatch, capsys):
    made = []
    parts = {"one": lambda plan: made.append(1) or {"a": 1}, "two": lambda plan: missing()}

    def missing():
        raise FileNotFoundError("no images")

    monkeypatch.setattr(gpu, "PARTS", parts)
    monkeypatch.setattr(gpu, "settings", lambda plan: {"command": "make gpu"})
    for _ in range(2):
        assert gpu.main(["--device", "cpu"]) == 1
    assert len(made) == 1
    assert "two: no images" in capsys.readouterr().err
    assert json.loads((folder / "gpu.json").read_text())["command"] == "make gpu"
    assert gpu.main(["--device", "cuda:99"]) == 2


def test_the_contest_of_schedules_says_what_its_runs_make():
    runs = results("schedules")["runs"]
    assert list(runs) == list(schedules.WAYS)
    for way, run in runs.items():
        assert run["rates"][f"{run['lr']:g}"] == min(run["rates"].values())
        assert [run["mean"], run["half_width"]] == pytest.approx(interval(run["losses"]))
        assert len(run["losses"]) == len(schedules.SEEDS)
        steps = schedules.MOST if way in schedules.ENDLESS else schedules.STEPS
        count = (steps - schedules.STEPS // 2) // schedules.EVERY + 1
        assert {len(curve) for curve in run["on_the_way"]} == {count}
