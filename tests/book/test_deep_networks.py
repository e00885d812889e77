"""The formulas of the chapter on deep networks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent.backprop.scalar import Value

seeds = st.integers(0, 10_000)


@pytest.mark.formula("backprop-gradient-product")
@given(seed=seeds, depth=st.integers(1, 4), k=st.integers(0, 3))
def test_the_gradient_of_an_activation_is_a_product_below_its_bound(seed, depth, k):
    k = min(k, depth)
    rng = np.random.default_rng(seed)
    ws = [rng.standard_normal((3, 3)) for _ in range(depth)]
    h = [rng.standard_normal(3)]
    for w in ws:
        h.append(np.tanh(h[-1] @ w))
    last = rng.standard_normal(3)

    product = last
    for j in range(depth, k, -1):
        slopes = np.diag(1 - np.tanh(h[j - 1] @ ws[j - 1]) ** 2)
        product = product @ slopes @ ws[j - 1].T
    start = out = np.vectorize(Value, otypes=[object])(h[k])
    for w in ws[k:]:
        out = np.tanh(out @ w)
    (out * last).sum().backward()
    bound = math.prod(np.linalg.norm(w, 2) for w in ws[k:]) * np.linalg.norm(last)
    assert [value.grad for value in start] == near(list(product), bound)
    assert np.linalg.norm(product) <= bound * (1 + 1e-12)


def mean_square(a):
    return np.mean(a**2)


@pytest.mark.formula("init-he")
@pytest.mark.parametrize(("n_in", "n_out"), [(300, 300), (200, 600), (600, 200)])
def test_he_keeps_the_gradients_length_and_the_signals_mean_square_through_a_relu_layer(
    n_in, n_out
):
    rng = np.random.default_rng(0)
    before, after, gradient, passed = [], [], [], []
    for _ in range(20):
        h, w = rng.standard_normal((20, n_in)), rng.standard_normal((n_in, n_out))
        z = h @ (np.sqrt(2 / n_in) * w)
        g = rng.standard_normal((20, n_out))
        before.append(np.sum(h**2))
        after.append(np.sum(np.maximum(z, 0) ** 2))
        gradient.append(np.sum(g**2))
        passed.append(np.sum(((g * (z > 0)) @ (np.sqrt(2 / n_in) * w).T) ** 2))
    assert np.mean(after) / np.mean(before) == pytest.approx(n_out / n_in, rel=0.02)
    assert np.mean(passed) / np.mean(gradient) == pytest.approx(1, rel=0.02)


@pytest.mark.formula("init-glorot")
@pytest.mark.parametrize(("n_in", "n_out"), [(300, 300), (200, 600), (600, 200)])
def test_glorot_is_the_compromise_between_the_signal_and_the_gradient(n_in, n_out):
    rng = np.random.default_rng(0)
    w = np.sqrt(2 / (n_in + n_out)) * rng.standard_normal((n_in, n_out))
    h, g = rng.standard_normal((2000, n_in)), rng.standard_normal((2000, n_out))
    forward = mean_square(h @ w) / mean_square(h)
    backward = mean_square(g @ w.T) / mean_square(g)
    assert forward == pytest.approx(2 * n_in / (n_in + n_out), rel=0.02)
    assert backward == pytest.approx(2 * n_out / (n_in + n_out), rel=0.02)
    assert (forward + backward) / 2 == pytest.approx(1, rel=0.02)


@pytest.mark.formula("backprop-clipping")
@given(
    g=st.lists(st.floats(-100, 100), min_size=1, max_size=4).filter(
        lambda g: np.linalg.norm(g) > 1e-3
    ),
    limit=st.floats(0.01, 100),
)
def test_clipping_shortens_long_gradients_and_leaves_short_ones_and_all_directions(g, limit):
    g = np.array(g)
    length = np.linalg.norm(g)
    clipped = g * min(1.0, limit / length)
    assert np.linalg.norm(clipped) == pytest.approx(min(length, limit))
    assert clipped / np.linalg.norm(clipped) == pytest.approx(g / length)
    if length <= limit:
        assert (clipped == g).all()


def test_clipping_agrees_with_torch_up_to_its_epsilon():
    torch = pytest.importorskip("torch")
    x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    x.grad = torch.tensor([30.0, 40.0], dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([x], 5.0)
    assert x.grad.tolist() == pytest.approx([3.0, 4.0], rel=1e-6)


def test_tanh_passes_the_gradient_on_while_its_inputs_are_small():
    z = np.random.default_rng(0).standard_normal(100_000)

    def passed(size):
        return np.mean((1 - np.tanh(size * z) ** 2) ** 2)

    assert passed(0.05) > 0.99
    assert passed(1.0) == pytest.approx(0.46, abs=0.01)
