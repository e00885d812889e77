"""The sources' examples run, and show what the book says of them."""

import json

import numpy as np
import pytest

from descent import report
from descent.rules import Adam


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
