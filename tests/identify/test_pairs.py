"""The table of all pairs is that of the catalogue as it is."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch", reason="the recorded experiments say which torch they ran beside")

from descent.identify._catalogue import entries
from descent.report import results
from experiments import pairs

TABLE = results("pairs")


def test_every_entry_stands_in_the_table():
    assert sorted(itertools.chain(*TABLE["forms"])) == sorted(map(pairs.title, entries()))


@pytest.mark.nightly
def test_the_recorded_steps_are_those_of_the_catalogue():
    step, experiment = pairs.steps_and_experiments()
    first = sorted({int(np.argmax(row == 0)) for row in step})
    found = [[step[a, b], experiment[a, b]] for a, b in itertools.combinations(first, 2)]
    assert np.array_equal(found, TABLE["parted"])


def test_a_probe_has_a_name_for_each_of_its_experiments():
    assert len(pairs.EXPERIMENTS) == pairs.visit(True).g.shape[1]
