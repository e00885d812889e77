"""The sources' examples run, and show what the book says of them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from descent import report
from descent.rules import Adam

PAGE = Path(__file__).parent.parent / "book" / "when-one-machine-is-not-enough.md"


def test_the_recorded_runs_of_the_network_are_at_chance_where_labels_are_random():
    recorded = report.results("keras-mlp")
    assert {"command", "versions", "device", "seeds"} <= recorded.keys()
    for run in recorded["runs"]:
        accuracy = run["val_accuracy"][-1]
        if run["data"] == "random labels":
            assert accuracy == pytest.approx(0.1, abs=0.04)
        else:
            assert accuracy > 0.5


def test_the_recorded_policies_balance_the_pole():
    recorded = report.results("cartpole")
    assert {"command", "versions", "device", "seeds"} <= recorded.keys()
    lengths = np.array(recorded["mean_lengths"])
    assert (lengths[:, 0] < 50).all()
    assert (lengths[:, -20:].mean(axis=1) > 400).all()
    assert lengths.max() <= recorded["longest"]


def test_one_rule_ends_at_the_same_loss_in_the_loops_of_others():
    recorded = report.results("beyond")
    assert {run["loss"] for run in recorded["runs"].values()} == {recorded["runs"]["torch"]["loss"]}
    assert recorded["runs"]["torch"]["loss"] < 0.2 * recorded["before"]


def test_the_loop_of_the_book_ends_where_it_ended_when_it_was_recorded():
    pytest.importorskip("torch", reason="the loop is PyTorch's")
    from examples.beyond import plain

    assert plain.train() == pytest.approx(report.results("beyond")["runs"]["torch"]["loss"], 1e-3)


def test_the_page_shows_the_programs_that_were_run_and_names_their_versions():
    page, runs = PAGE.read_text(encoding="utf-8"), report.results("beyond")["runs"]
    shown = re.findall(r"literalinclude} \.\./(examples/beyond/\w+)\.py", page)
    assert sorted(shown) == sorted(run["module"].replace(".", "/") for run in runs.values())
    named = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", page, re.MULTILINE))
    versions = {name: run["versions"][name].partition("+")[0] for name, run in runs.items()}
    assert {name.lower().replace("pytorch", "torch"): v for name, v in named.items()} == versions


@pytest.mark.frameworks
def test_the_keras_network_learns_a_teachers_labels_and_not_random_ones(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    from examples import keras_mlp

    last = {data: keras_mlp.train(data, "Adam", seed=0, epochs=10) for data in keras_mlp.DATA}
    assert last["random labels"]["val_accuracy"][-1] == pytest.approx(0.1, abs=0.1)
    assert last["random labels"]["loss"][-1] < last["random labels"]["loss"][0]
    assert last["a teacher's labels"]["val_accuracy"][-1] > 0.4


@pytest.mark.frameworks
def test_cartpole_is_learnt_and_a_seed_repeats_it():
    from examples import cartpole

    lengths = cartpole.train(0, Adam(lr=0.2), batches=30)
    assert np.mean(lengths[-5:]) > 2.5 * np.mean(lengths[:2])
    assert cartpole.train(0, Adam(lr=0.2), batches=30) == lengths
    assert json.dumps(lengths)
