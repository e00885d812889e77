"""The formulas of the chapter on a batch in parts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent import rules


@pytest.mark.formula("gradient-accumulation")
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    slopes=st.lists(st.integers(-99, 99), min_size=45, max_size=45),
)
def test_parts_weighted_by_their_share_of_the_batch_are_the_batch(sizes, slopes):
    batch = slopes[: sum(sizes)]
    starts = [sum(sizes[:j]) for j in range(len(sizes))]
    parts = [batch[i : i + size] for i, size in zip(starts, sizes, strict=True)]
    means = [Fraction(sum(part), len(part)) for part in parts]
    whole = Fraction(sum(batch), len(batch))
    weighted = sum(Fraction(s, len(batch)) * g for s, g in zip(sizes, means, strict=True))
    assert weighted == whole
    if len(set(sizes)) == 1:
        assert sum(means) / len(means) == whole


def test_a_mean_of_the_means_of_unequal_parts_is_not_the_mean():
    assert (Fraction(0) + 1) / 2 != Fraction(0 + 1 + 1 + 1, 4)


@pytest.mark.formula("allreduce-ring-traffic")
@pytest.mark.parametrize("size", [4, 8])
@given(processes=st.integers(2, 7), pieces=st.integers(1, 5))
def test_a_ring_gives_all_the_sum_and_sends_what_the_formula_says(size, processes, pieces):
    n = pieces * processes
    kind = np.float32 if size == 4 else np.float64
    own = [np.arange(n, dtype=kind) * (r + 1) for r in range(processes)]
    parts = [np.split(v.copy(), processes) for v in own]
    sent = 0
    for step in range(2 * (processes - 1)):
        which = [(r - step) % processes for r in range(processes)]
        carried = [parts[r][which[r]].copy() for r in range(processes)]
        sent += carried[0].nbytes
        for r in range(processes):
            i = which[r - 1]
            adds = step < processes - 1
            parts[r][i] = parts[r][i] + carried[r - 1] if adds else carried[r - 1]
    assert all((np.concatenate(part) == sum(own)).all() for part in parts)
    assert sent == 2 * Fraction(processes - 1, processes) * size * n


def test_every_rule_that_may_be_cut_makes_the_same_step_in_pieces():
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 10))
    for name in rules.names():
        rule = rules.get(name)
        if rule.elementwise:
            parts = [rule.update(x[c], g[c], rule.init(x[c]))[0] for c in (slice(3), slice(3, 10))]
            whole = rule.update(x, g, rule.init(x))[0]
            np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-13)


def test_the_formula_for_shards_gives_the_numbers_of_its_source():
    assert (4 + Fraction(12, 64)) * Fraction("7.5") == pytest.approx(31.4, abs=0.05)
    assert 16 * Fraction("7.5") == 120
