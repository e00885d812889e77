"""The formulas of the chapter on training an MLP."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch.nn.functional import cross_entropy

from descent import data, models, rules
from descent.torch_optim import Optimizer

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


def by_heart(seed, score=cross_entropy, reset=True, labels=None):
    """Return the loss of each of a hundred steps on the same ten digits."""
    digits, losses = data.load("digits").to("cpu").train, []
    x, y = digits.x[:10], digits.y[:10] if labels is None else labels
    torch.manual_seed(seed)
    model = models.mlp((1, 8, 8), hidden=(128, 64))
    optimizer = Optimizer(model.parameters(), rules.Adam(3e-3))
    for _ in range(100):
        if reset:
            optimizer.zero_grad()
        loss = score(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("seed", range(6))
def test_ten_images_are_learnt_by_programs_a_and_d_and_not_by_b_and_c(seed):
    def twice(z, y):
        return cross_entropy(z.softmax(dim=1), y)

    drawn = torch.randint(10, (10,), generator=torch.Generator().manual_seed(seed))
    assert max(by_heart(seed)[-50:]) < 0.01
    assert min(by_heart(seed, score=twice)) > 1.46
    assert max(by_heart(seed, reset=False)[-50:]) > 0.1
    assert max(by_heart(seed, labels=drawn)[-50:]) < 0.01


@pytest.mark.parametrize("name", ["adafactor", "lamb", "muon", "shampoo", "soap"])
def test_rules_that_look_at_a_matrix_kept_the_twins_together_too(name):
    """All but SOAP, which parts them by as much as they move."""
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(8, 64, dtype=torch.float64, generator=generator)
    last = torch.randn(10, 8, dtype=torch.float64, generator=generator)
    first[1], last[:, 1] = first[0], last[:, 0]
    begun = first.clone()
    params = [first.requires_grad_(), last.requires_grad_()]
    optimizer = Optimizer(params, rules.get(name, lr=1e-3))
    digits = data.load("digits").to("cpu").train
    x, y = digits.x[:64].double().flatten(1), digits.y[:64]
    for _ in range(30):
        optimizer.zero_grad()
        cross_entropy(torch.relu(x @ first.T) @ last.T, y).backward()
        optimizer.step()
    w = first.detach()
    apart = (w[0] - w[1]).abs().max() / (w - begun).abs().max()
    assert apart > 0.3 if name == "soap" else apart < 1e-9


def test_a_test_split_that_is_chosen_on_is_too_high_on_average():
    """Ten networks that are alike: 98 % of all images, and a split of 360."""
    shares = np.random.default_rng(0).binomial(360, 0.98, (4000, 10)) / 360
    assert shares[:, 0].mean() == pytest.approx(0.98, abs=5e-4)
    assert shares.max(axis=1).mean() - 0.98 == pytest.approx(0.0104, abs=3e-4)


def test_data_changes_nothing_where_no_gradient_is_taken():
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.2]], requires_grad=True)
    with torch.no_grad():
        for ours, theirs in zip(torch.max(scores, 1), torch.max(scores.data, 1), strict=True):
            assert torch.equal(ours, theirs)
            assert not ours.requires_grad
