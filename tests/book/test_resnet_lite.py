"""The formulas of the chapter on ResNet-lite."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent.backprop.layers import Conv2d
from descent.report import results

seeds = st.integers(0, 10_000)
stacks = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=4)


@pytest.mark.formula("receptive-field")
@given(stack=stacks)
def test_a_unit_sees_the_pixels_that_its_gradient_reaches(stack):
    r = 1 + sum((k - 1) * math.prod(s for _, s in stack[:i]) for i, (k, _) in enumerate(stack))
    seen = {0}  # indices in the layer below, from the top down
    for k, s in reversed(stack):
        seen = {s * i + u for i in seen for u in range(k)}
    assert max(seen) - min(seen) + 1 == r


def test_backpropagation_through_convolutions_reaches_so_many_pixels():
    rng = np.random.default_rng(0)
    layers = [Conv2d(1, 1, k, stride=s, rng=rng) for k, s in ((3, 2), (3, 1), (2, 2))]
    x = np.zeros((1, 1, 30, 30))
    for layer in layers:
        x = layer.forward(x)
    g = np.zeros_like(x)
    g[0, 0, 1, 1] = 1
    for layer in reversed(layers):
        g = layer.backward(g)
    assert (g[0, 0] != 0).any(axis=0).sum() == 1 + 2 + 2 * 2 + 1 * 2 * 1


@pytest.mark.formula("vgg-stack")
@given(m=st.integers(1, 4), c=st.integers(1, 4))
def test_small_windows_need_fewer_weights_for_the_same_sight(m, c):
    rng = np.random.default_rng(0)
    stack = [Conv2d(c, c, 3, rng=rng) for _ in range(m)]
    sight = 1 + sum(layer.kernel_size - 1 for layer in stack)
    one = Conv2d(c, c, sight, rng=rng)
    assert sum(layer.W.size for layer in stack) == 9 * m * c**2
    assert one.W.size == (2 * m + 1) ** 2 * c**2


@pytest.mark.formula("residual-block")
@pytest.mark.parametrize(("before", "after"), [(4, 4), (4, 8)])
def test_a_block_adds_what_came_in_before_its_last_relu(before, after):
    torch = pytest.importorskip("torch")
    from descent.models import Block

    torch.manual_seed(0)
    block = Block(before, after).double().eval()
    x = torch.randn(3, before, 6, 6, dtype=torch.float64)
    carried = np.zeros((3, after, 6, 6) if before == after else (3, after, 3, 3))
    carried[:, :before] = x.numpy() if before == after else x.numpy()[:, :, ::2, ::2]
    added = block.body(x).detach().numpy()
    out = block(x).detach().numpy()
    assert out == near(np.maximum(0, carried + added))
    assert (out == 0).any()
    assert (added < 0).any()


def chain(seed, depth, size, shortcut, width=4):
    """Return g_0 by differences, g_K, and the Jacobians of a chain of F(a) = tanh(a W)."""
    rng = np.random.default_rng(seed)
    ws = [size * rng.standard_normal((width, width)) for _ in range(depth)]
    last, start = rng.standard_normal(width), rng.standard_normal(width)

    def run(a):
        seen = [a]
        for w in ws:
            seen.append(shortcut * seen[-1] + np.tanh(seen[-1] @ w))
        return seen

    h = 1e-6 * np.eye(width)
    g0 = np.array([(run(start + e)[-1] - run(start - e)[-1]) @ last / 2e-6 for e in h])
    seen = run(start)
    slopes = [1 - np.tanh(a @ w) ** 2 for a, w in zip(seen, ws, strict=False)]
    jacobians = [(w * slope).T for w, slope in zip(ws, slopes, strict=True)]
    return g0, last, jacobians


@pytest.mark.formula("residual-gradient")
@given(seed=seeds, depth=st.integers(1, 5), size=st.floats(0.1, 1))
def test_the_gradient_passes_identity_plus_jacobian_or_the_jacobian_alone(seed, depth, size):
    for shortcut in (1, 0):
        g0, last, jacobians = chain(seed, depth, size, shortcut)
        factors = [(shortcut * np.eye(4) + J).T for J in jacobians]
        product = functools.reduce(np.matmul, factors) @ last
        assert g0 == near(product, 1.0, rel=1e-6)


@pytest.mark.formula("residual-gradient-bounds")
@given(seed=seeds, norms=st.lists(st.floats(0, 1.5), min_size=1, max_size=8))
def test_the_residual_gradient_lies_between_its_bounds(seed, norms):
    rng = np.random.default_rng(seed)
    g, factors = rng.standard_normal(5), []
    length = np.linalg.norm(g)
    plain = g
    for norm in norms:
        jacobian = rng.standard_normal((5, 5))
        jacobian *= norm / np.linalg.norm(jacobian, 2)
        g, plain = g + jacobian.T @ g, jacobian.T @ plain
        factors.append(norm)
    high = math.prod(1 + n for n in factors) * length
    assert np.linalg.norm(g) <= high * (1 + 1e-9)
    assert np.linalg.norm(plain) <= math.prod(factors) * length * (1 + 1e-9)
    if max(factors) <= 1:
        assert math.prod(1 - n for n in factors) * length <= np.linalg.norm(g) * (1 + 1e-9)


@given(norms=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_the_bounds_are_attained_by_multiples_of_the_identity(norms):
    g = np.array([3.0, 4.0])
    grown, shrunk = g, g
    for norm in norms:
        grown, shrunk = grown + norm * g * (grown / g), shrunk - norm * shrunk
    assert np.linalg.norm(grown) == pytest.approx(5 * math.prod(1 + n for n in norms))
    assert np.linalg.norm(shrunk) == pytest.approx(5 * math.prod(1 - n for n in norms))


def test_the_lower_bound_needs_norms_up_to_one():
    jacobian, g = np.diag([-1.0, 3.0]), np.array([1.0, 0.0])
    for _ in range(2):
        g = g + jacobian.T @ g
    assert np.linalg.norm(g) == 0 < (1 - 3) * (1 - 3)


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_a_plain_chain_can_lose_the_gradient_in_two_dimensions_and_not_in_one():
    flat, g = np.diag([0.5, 0.0]), np.array([0.0, 1.0])
    assert np.linalg.norm(flat, 2) == 0.5
    assert np.linalg.norm(flat.T @ g) == 0
    numbers, last = [np.array([[j]]) for j in (0.5, -0.25, 3.0)], np.array([-2.0])
    plain = functools.reduce(lambda g, jacobian: jacobian.T @ g, numbers, last)
    assert np.linalg.norm(plain) == math.prod(np.linalg.norm(J, 2) for J in numbers) * 2


def test_a_plain_layer_can_hand_on_what_it_receives():
    """In use, with its running mean 0 and variance 1, as a batch normalisation begins."""
    torch = pytest.importorskip("torch", reason="the layers are torch's")
    conv = torch.nn.Conv2d(3, 3, 3, padding=1, bias=False)
    norm = torch.nn.BatchNorm2d(3).eval()
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[range(3), range(3), 1, 1] = 1.0
        norm.weight.fill_(math.sqrt(1 + norm.eps))
        x = torch.rand(2, 3, 5, 5)
        torch.testing.assert_close(torch.relu(norm(conv(x))), x)


def outcomes(net, rule, rate, what):
    """Return what the recorded runs of a net ended with, for each seed."""
    record = results("depth")
    found = [record["runs"][f"{net}, {rule}, {rate}, {seed}"][what] for seed in record["seeds"]]
    return [one[-1] if isinstance(one, list) else one for one in found]


@pytest.mark.parametrize("rule", ["momentum", "Adam"])
def test_the_residual_nets_of_all_depths_read_equally_well(rule):
    """An accuracy of 0.985 on 360 images has a standard error of 0.006."""
    record, means = results("depth"), []
    for depth in record["depths"]:
        net = f"resnet-{depth}"
        rates = record["rates"][rule]
        best = min(rates, key=lambda r: sum(outcomes(net, rule, r, "validation_loss")))
        means.append(np.mean(outcomes(net, rule, best, "test_accuracy")))
    assert max(means) - min(means) < math.sqrt(0.985 * 0.015 / 360)


def test_fifty_six_plain_layers_fail_at_every_rate_and_with_adam_less_badly():
    rates = results("depth")["rates"]
    ends = {
        rule: [outcomes("plain-56", rule, rate, "train_loss") for rate in rates[rule]]
        for rule in rates
    }
    assert min(np.ravel(list(ends.values()))) > 0.8
    least = {rule: min(np.mean(each, axis=1)) for rule, each in ends.items()}
    assert least["Adam"] < least["momentum"] - 0.5
