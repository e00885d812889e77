"""The recorded optimisers are those of the list, and a slip among them is seen."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the recorded experiments say which torch they ran beside")

from descent.identify._forms import candidate
from descent.identify._notes import beyond
from descent.report import results
from experiments.third_parties import THIRDS

TABLE = results("third-parties")


def test_every_third_party_is_recorded_with_what_was_seen_of_it():
    assert [(one["path"], one["seen"]) for one in TABLE["rows"]] == [
        (one.path, one.seen) for one in THIRDS
    ]


def test_a_decay_that_does_not_look_at_x_is_seen_in_silence():
    """As in torch_optimizer 0.3.0, sgdw.py:121."""

    def sgdw(x, g, state):
        d = g if state is None else 0.9 * state + g
        return x - 0.001 * d - 0.001 * 0.01, d

    assert "a gradient of 0 moves x in the first step" in beyond(candidate(sgdw))
    visit = candidate(sgdw).visit(np.array([1.0, -2.0]), np.zeros((1, 2)))
    assert visit.u[0] == pytest.approx([-1e-5, -1e-5])
