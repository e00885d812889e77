"""The recorded runs: they go on where they stopped, and say truly what made them."""

import json

import pytest

torch = pytest.importorskip("torch", reason="the experiments train networks of torch")

from experiments import __main__ as experiments
from experiments import record

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
