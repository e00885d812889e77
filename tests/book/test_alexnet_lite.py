"""The formulas of the chapter on AlexNet-lite."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from descent.backprop.layers import Conv2d, output_size
from descent.report import results


@pytest.mark.formula("conv-output-size")
@given(n=st.integers(1, 40), p=st.integers(0, 4), k=st.integers(1, 12), s=st.integers(1, 5))
def test_the_formula_counts_the_places_where_a_window_lies_on_the_padded_side(n, p, k, s):
    assume(n + 2 * p >= k)
    places = sum(start + k <= n + 2 * p for start in range(0, n + 2 * p, s))
    assert (n + 2 * p - k) // s + 1 == places == output_size(n, k, s, p)


@pytest.mark.formula("conv-cost")
@given(
    n=st.integers(1, 9),
    k=st.integers(1, 3),
    s=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
)
def test_a_convolution_has_so_many_parameters_and_multiplications(n, k, s, channels):
    assume(n >= k)
    c_in, c_out = channels
    layer = Conv2d(c_in, c_out, k, stride=s, rng=np.random.default_rng(0))
    assert sum(p.size for p in layer.parameters.values()) == (k**2 * c_in + 1) * c_out
    products = 0
    for _ in range(0, n - k + 1, s):
        for _ in range(0, n - k + 1, s):
            products += layer.W.size  # each weight once in each place
    side = layer.predict(np.zeros((1, c_in, n, n))).shape[-1]
    assert products == side**2 * k**2 * c_in * c_out


def units(x, draws, rng):
    """Return ReLU units with PyTorch's initial weights for each row of x, shape (draws, rows)."""
    bound = 1 / math.sqrt(x.shape[1])
    w = rng.uniform(-bound, bound, (draws, x.shape[1]))
    return np.maximum(w @ x.T + rng.uniform(-bound, bound, (draws, 1)), 0)


@pytest.mark.formula("init-pytorch-signal")
@pytest.mark.parametrize("n", [1, 3, 40, 300])
@pytest.mark.parametrize("size", [0.1, 1.0, 5.0])
def test_a_sixth_of_the_signal_and_of_the_bias_passes_a_layer_with_pytorchs_weights(n, size):
    rng = np.random.default_rng(0)
    a = size * rng.uniform(-0.5, 1, (1, n))
    passed = np.mean(units(a, 200_000, rng) ** 2)
    assert passed == pytest.approx((np.sum(a**2) / n + 1 / n) / 6, rel=0.02)


def test_pytorchs_initial_weights_and_biases_are_uniform_to_one_over_the_root_of_the_inputs():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for layer in (torch.nn.Linear(300, 300), torch.nn.Conv2d(30, 300, 3)):
        n = layer.weight[0].numel()
        for values in (layer.weight, layer.bias):
            assert 0.97 < math.sqrt(n) * float(values.detach().abs().max()) <= 1
        assert n * float(layer.weight.detach().var()) == pytest.approx(1 / 3, rel=0.02)


@pytest.mark.formula("init-pytorch-difference")
@given(seed=st.integers(0, 1000), n=st.integers(1, 20), mixing=st.floats(0, 0.99))
def test_at_most_a_sixth_of_a_difference_passes_a_layer_with_pytorchs_weights(seed, n, mixing):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((2, n))
    a[1] = mixing * a[0] + (1 - mixing) * a[1]
    gap = np.sum((a[0] - a[1]) ** 2) / n
    passed = np.diff(units(a, 20_000, rng), axis=1) ** 2
    assert np.mean(passed) <= gap / 6 + 4 * np.std(passed) / math.sqrt(20_000)


def test_the_sixth_of_a_difference_is_attained_by_signals_that_are_far_from_zero():
    rng = np.random.default_rng(0)
    a = 100 * np.ones((2, 10))
    a[1] += rng.standard_normal(10)
    passed = np.mean(np.diff(units(a, 400_000, rng), axis=1) ** 2)
    assert passed == pytest.approx(np.sum((a[0] - a[1]) ** 2) / 60, rel=0.02)


def test_with_hes_variance_the_signal_stays_and_differences_do_not_grow():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 50))
    out = np.maximum(math.sqrt(2 / 50) * rng.standard_normal((200_000, 50)) @ a.T, 0)
    assert np.mean(out**2, axis=0) == pytest.approx(np.mean(a**2, axis=1), rel=0.02)
    assert np.mean(np.diff(out, axis=1) ** 2) < np.mean((a[0] - a[1]) ** 2)


@pytest.mark.parametrize(("rule", "lr"), [("momentum", 0.3), ("SGD", 1.0)])
def test_at_the_tuned_rates_some_seeds_leave_the_plateau_and_others_do_not(rule, lr):
    contestant = results("contest-digits-alexnet")["contestants"][rule]
    losses = [run["train_loss"] for run in contestant["runs"]]
    assert contestant["lr"] == lr
    assert len(losses) == 5
    assert min(losses) < 1.6
    assert max(losses) > 2.25


def papers_layers(torch, papers):
    """Return AlexNet's layers with weights, as the paper or as PyTorch draws them."""
    shapes = [(3, 96, 11, 4, 0, 1), (96, 256, 5, 1, 2, 2), (256, 384, 3, 1, 1, 1)]
    shapes += [(384, 384, 3, 1, 1, 2), (384, 256, 3, 1, 1, 2)]
    layers = [torch.nn.Conv2d(*shape[:5], groups=shape[5]) for shape in shapes]
    layers += [torch.nn.Linear(*shape) for shape in ((9216, 4096), (4096, 4096))]
    if papers:
        for i, layer in enumerate(layers, 1):
            torch.nn.init.normal_(layer.weight, std=0.01)
            torch.nn.init.constant_(layer.bias, float(i in (2, 4, 5, 6, 7)))
    return layers


def share_passed(torch, layers, x, normalised):
    """Return how much of the mean square from the mean of the images seven layers pass."""
    pool, first = torch.nn.MaxPool2d(3, 2), x
    norm = torch.nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)
    for i, layer in enumerate(layers, 1):
        x = torch.relu(layer(x.flatten(1) if i == 6 else x))
        if i in (1, 2) and normalised:
            x = norm(x)
        x = pool(x) if i in (1, 2, 5) else x
    apart = [float((a - a.mean(axis=0)).square().mean()) for a in (first, x)]
    return apart[1] / apart[0]


def test_at_the_papers_size_its_weights_pass_less_of_a_difference_than_pytorchs():
    torch = pytest.importorskip("torch", reason="nets of this size are slow in NumPy")
    torch.manual_seed(0)
    noise, coarse = torch.randn(4, 3, 227, 227), torch.randn(4, 3, 14, 14)
    smooth = torch.nn.functional.interpolate(coarse, size=227, mode="bilinear")
    paper, pytorchs = (papers_layers(torch, papers) for papers in (True, False))
    with torch.no_grad():
        for images in (noise, 60 * noise, smooth, 60 * smooth):
            usual = share_passed(torch, pytorchs, images, normalised=False)
            assert 1 / 7 < share_passed(torch, paper, images, normalised=False) / usual < 2 / 3
            assert share_passed(torch, paper, images, normalised=True) / usual < 1 / 10


def test_plain_nets_of_56_layers_learn_far_less_than_those_of_8():
    runs = results("depth")["runs"]
    losses = {
        depth: [
            run["train_loss"][-1]
            for name, run in runs.items()
            if name.startswith(f"plain-{depth},")
        ]
        for depth in (8, 56)
    }
    assert min(losses[56]) > 0.8 > 30 * min(losses[8])
    assert min(losses[56]) < 2.0  # far less is not nothing: guessing has 2.3
