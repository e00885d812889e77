"""The formulas of the chapter on training an MLP."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch.nn.functional import cross_entropy

from descent import models

classes = st.integers(2, 50)


@pytest.mark.formula("mlp-parameters")
@given(hidden=st.lists(st.integers(1, 40), max_size=4), outputs=st.integers(1, 20))
def test_a_layer_has_a_weight_for_each_pair_and_a_bias_for_each_output(hidden, outputs):
    n = [64, *hidden, outputs]
    expected = sum((n[i - 1] + 1) * n[i] for i in range(1, len(n)))
    assert models.count(models.mlp((1, 8, 8), outputs, hidden)) == expected


@pytest.mark.formula("cross-entropy-uniform")
@given(k=classes, score=st.floats(-50, 50), label=st.integers(0, 49))
def test_equal_scores_cost_log_k_whatever_the_label(k, score, label):
    scores = torch.full((1, k), score, dtype=torch.float64)
    loss = cross_entropy(scores, torch.tensor([label % k])).item()
    assert loss == pytest.approx(math.log(k), rel=1e-12)


@pytest.mark.formula("cross-entropy-double-softmax")
@given(k=classes, seed=st.integers(0, 1000), sharpness=st.floats(0, 30))
def test_a_second_softmax_has_its_floor_at_certainty_and_nothing_is_below(k, seed, sharpness):
    floor = math.log(1 + (k - 1) / math.e)
    certain = torch.zeros(1, k, dtype=torch.float64)
    certain[0, 0] = 1
    label = torch.tensor([0])
    assert cross_entropy(certain, label).item() == pytest.approx(floor, rel=1e-12)
    rng = np.random.default_rng(seed)
    p = torch.as_tensor(sharpness * rng.standard_normal((1, k))).softmax(1)
    assert cross_entropy(p, label).item() >= floor - 1e-12


@pytest.mark.formula("accuracy-standard-error")
@pytest.mark.parametrize(("p", "n"), [(0.5, 100), (0.98, 360), (0.98, 10_000)])
def test_the_share_of_right_answers_varies_as_a_binomial_share(p, n):
    shares = np.random.default_rng(0).binomial(n, p, size=200_000) / n
    assert shares.std() == pytest.approx(math.sqrt(p * (1 - p) / n), rel=0.01)
