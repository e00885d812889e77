"""The formulas of the chapter on scale."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tolerance import largest

from descent import data, models
from descent.conventions import DecoupledDecay
from descent.data import Split
from descent.report import results
from descent.rules import Adam, GradientDescent
from descent.train.width import mup_, mup_groups
from experiments import scale

seeds = st.integers(0, 10**6)


def net(rng, d=3, n=5):
    """Return an input, the weights of both layers and the slope of the loss, at random."""
    return (*(rng.standard_normal(s) for s in (d, (n, d), n)), rng.uniform(0.1, 2))


@pytest.mark.formula("mup-step-sgd")
@given(seed=seeds, eta_1=st.floats(0, 2), eta_2=st.floats(0, 2))
def test_a_step_of_sgd_moves_a_linear_net_of_two_layers_as_printed(seed, eta_1, eta_2):
    u, w, a, delta = net(np.random.default_rng(seed))
    h, y = w @ u, a @ w @ u
    one, two = GradientDescent(eta_1), GradientDescent(eta_2)
    w_new = one.update(w, delta * np.outer(a, u), one.init(w))[0]
    a_new = two.update(a, delta * h, two.init(a))[0]
    moved = -delta * (eta_1 * u @ u * (a @ a) + eta_2 * h @ h)
    moved += eta_1 * eta_2 * delta**2 * (u @ u) * y
    close = 1e-10 * (1 + abs(moved) + abs(y))
    np.testing.assert_allclose(a_new @ w_new @ u - y, moved, rtol=0, atol=close)
    hidden = -eta_1 * delta * (u @ u) * a
    np.testing.assert_allclose(w_new @ u - h, hidden, rtol=0, atol=1e-12 * largest(1, h, hidden))


@pytest.mark.formula("mup-step-sign")
@given(seed=seeds, eta_1=st.floats(0, 2), eta_2=st.floats(0, 2))
def test_adams_first_step_moves_a_linear_net_of_two_layers_as_printed(seed, eta_1, eta_2):
    u, w, a, delta = net(np.random.default_rng(seed))
    delta = -delta
    h, y = w @ u, a @ w @ u
    one, two = Adam(eta_1, eps=0.0), Adam(eta_2, eps=0.0)
    w_new = one.update(w, delta * np.outer(a, u), one.init(w))[0]
    a_new = two.update(a, delta * h, two.init(a))[0]
    size, s = np.abs(u).sum(), np.sign(delta)
    moved = -s * (eta_1 * size * np.abs(a).sum() + eta_2 * np.abs(h).sum())
    moved += eta_1 * eta_2 * size * (np.sign(a) @ np.sign(h))
    hidden = -eta_1 * s * size * np.sign(a)
    close = 1e-11 * largest(1, h, hidden)
    np.testing.assert_allclose(w_new @ u - h, hidden, rtol=0, atol=close)
    close *= largest(1, np.abs(a) + eta_2) * len(a)
    np.testing.assert_allclose(a_new @ w_new @ u - y, moved, rtol=0, atol=close)


@pytest.mark.formula("mup-hidden-step")
@given(seed=seeds)
def test_what_a_hidden_matrix_adds_to_its_own_input_grows_with_the_number_of_inputs(seed):
    rng = np.random.default_rng(seed)
    g, h = rng.standard_normal(4), rng.standard_normal(6)
    np.testing.assert_allclose(np.outer(g, h) @ h, (h @ h) * g, rtol=1e-12)
    np.testing.assert_allclose(
        np.sign(np.outer(g, h)) @ h, np.abs(h).sum() * np.sign(g), rtol=1e-12
    )


@pytest.mark.formula("mup-scales")
def test_the_package_scales_weights_and_rates_as_printed():
    base, wide = (models.mlp((1, 8, 8), hidden=(n, n)) for n in (64, 1024))
    sizes = [
        (p.shape[1], p.shape[0], q.shape[1], q.shape[0])
        for p, q in zip(wide.parameters(), base.parameters(), strict=True)
        if p.dim() > 1
    ]
    spread = [
        float(p.detach().square().mean()) for p in mup_(wide, base).parameters() if p.dim() > 1
    ]
    for (n_in, n_out, b_in, b_out), variance in zip(sizes, spread, strict=True):
        shrink = min(1, (n_out / b_out) / (n_in / b_in))
        assert variance == pytest.approx(shrink / (3 * n_in), rel=0.1)  # PyTorch draws 1/(3n)
    for kind, rate in (("adam", lambda i, _: 1 / i), ("sgd", lambda i, o: o / i)):
        rates = {p: g["lr"] for g in mup_groups(wide, base, 1.0, kind) for p in g["params"]}
        found = [rates[p] for p in wide.parameters() if p.dim() > 1]
        assert found == [rate(i / bi, o / bo) for i, o, bi, bo in sizes]


@pytest.mark.formula("mup-scales")
@pytest.mark.parametrize("kind", ["sgd", "sign"])
def test_no_other_powers_of_the_width_move_features_and_both_parts_of_the_output_alike(kind):
    """The theorem: at r = 2 both layers and the features move by order one, and nowhere else."""
    found = set()
    grid = [k / 2 for k in range(-6, 7)]
    for p in grid:
        for q in grid:
            for r in [k / 2 for k in range(7)]:
                first = 1 + p - r if kind == "sgd" else 1 + p - r / 2
                features = p - r / 2 if kind == "sgd" else p
                if first == features == 1 + q == 0:
                    found.add((p, q, r))
    assert found == {(1, -1, 2) if kind == "sgd" else (0, -1, 2)}
    (p, q, r), sizes = found.pop(), []
    for n in (100, 10_000):
        rng = np.random.default_rng(0)
        u, w, a, _ = net(rng, 4, n)
        w, a, h = w / 2, a * n ** (-r / 2), w @ u / 2
        if kind == "sgd":
            parts = n**p * (a @ a), n**q * (h @ h), n**p * np.abs(a).mean()
        else:
            parts = n**p * np.abs(a).sum(), n**q * np.abs(h).sum(), n**p
        sizes.append(parts)
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=0.4)


@pytest.mark.formula("batch-half-life")
@given(beta=st.floats(0.01, 0.9999), k=st.integers(1, 64), batch=st.integers(1, 512))
def test_the_power_of_beta_keeps_the_half_life_in_examples(beta, k, batch):
    half = batch * math.log(2) / -math.log(beta)
    power = beta**k
    if power > 1e-250:
        assert k * batch * math.log(2) / -math.log(power) == pytest.approx(half, rel=1e-6)
    assert beta ** (half / batch) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.formula("critical-batch")
@given(seed=seeds, batch=st.integers(1, 1000))
def test_the_best_rate_of_a_noisy_step_falls_with_the_noise_scale(seed, batch):
    rng = np.random.default_rng(seed)
    factor, mixing, g = (rng.standard_normal(s) for s in ((3, 3), (3, 3), 3))
    hessian, sigma = factor @ factor.T + np.eye(3), mixing @ mixing.T
    limit = g @ g / (g @ hessian @ g)
    noise = np.trace(hessian @ sigma) / (g @ hessian @ g)
    signs = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
    noisy = g + signs @ mixing.T / batch**0.5  # noise of covariance sigma / batch, exactly

    def gain(eta):
        change = -eta * noisy @ g + eta**2 / 2 * np.einsum("ni,ij,nj->n", noisy, hessian, noisy)
        return -change.mean()

    best = limit / (1 + noise / batch)
    assert gain(best) == pytest.approx(limit * (g @ g) / 2 / (1 + noise / batch), rel=1e-9)
    assert gain(best) >= max(gain(0.99 * best), gain(1.01 * best))


@pytest.mark.formula("batch-sign-rate")
@given(seed=seeds, batch=st.integers(1, 100))
def test_the_best_rate_of_a_noisy_sign_is_the_mean_sign_along_the_gradient(seed, batch):
    rng = np.random.default_rng(seed)
    g, sigma, curvatures = rng.standard_normal(3), rng.uniform(0.5, 3, 3), rng.uniform(0.1, 2, 3)
    right = [
        (1 + math.erf(abs(m) * batch**0.5 / (s * 2**0.5))) / 2
        for m, s in zip(g, sigma, strict=True)
    ]
    mean = np.sign(g) * (2 * np.array(right) - 1)  # from the chance that a sign is right

    def gain(eta):
        return eta * g @ mean - eta**2 / 2 * curvatures.sum()

    best = (
        sum(
            abs(m) * math.erf(abs(m) * batch**0.5 / (s * 2**0.5))
            for m, s in zip(g, sigma, strict=True)
        )
        / curvatures.sum()
    )
    assert gain(best) >= max(gain(0.99 * best), gain(1.01 * best))
    drawn = np.random.default_rng(0).standard_normal((3, 4000)) * sigma[:, None] / batch**0.5
    measured = np.sign(g[:, None] + drawn).mean(axis=1)
    np.testing.assert_allclose(mean, measured, atol=6 / drawn.shape[1] ** 0.5)  # deviations


@pytest.mark.formula("critical-batch-steps")
@given(least=st.floats(1, 1e4), critical=st.floats(0.1, 1e4), batch=st.floats(0.1, 1e5))
def test_steps_and_examples_trade_as_the_empirical_model_has_it(least, critical, batch):
    steps = least * (1 + critical / batch)
    examples = batch * steps
    product = (steps / least - 1) * (examples / (least * critical) - 1)
    assert product == pytest.approx(1, rel=1e-6)


@pytest.mark.formula("adamw-average")
@given(seed=seeds, product=st.floats(0.01, 0.9), lr=st.floats(0.01, 1))
def test_weights_under_decay_are_an_average_of_the_steps(seed, product, lr):
    rng = np.random.default_rng(seed)
    gs, x = rng.standard_normal((12, 3)), rng.standard_normal(3)
    decay = product / lr
    rule, inner, start = DecoupledDecay(lr, Adam(lr), decay), Adam(lr), x
    state, plain, steps = rule.init(x), inner.init(x), []
    for g in gs:
        y, plain = inner.update(np.zeros(3), g, plain)
        steps.append(-y / lr)
        x, state = rule.update(x, g, state)
    kept = 1 - lr * decay
    t = len(gs)
    average = kept**t * start + lr * decay * sum(
        kept ** (t - s) * -u / decay for s, u in enumerate(steps, 1)
    )
    np.testing.assert_allclose(x, average, rtol=0, atol=1e-9 * np.abs(x).max())


@pytest.mark.formula("adamw-equilibrium")
@given(product=st.floats(0.01, 0.9), lr=st.floats(0.01, 1))
def test_random_steps_and_decay_balance_at_the_printed_size(product, lr):
    decay = product / lr
    square = 0.0
    for _ in range(2000):  # E x² when each step adds a sign of its own
        square = (1 - lr * decay) ** 2 * square + lr**2
    assert square == pytest.approx(lr / (decay * (2 - lr * decay)), rel=1e-9)


def test_a_run_of_the_stacked_networks_is_that_of_torchs_adam():
    split = Split(torch.randn(40, 1, 8, 8), torch.arange(40) % 10)
    nets = scale.stack(128, mup=True)
    scale.train(nets, 0.01, split, 8, 4)
    torch.manual_seed(scale.SEEDS[2])
    alone, base = (models.mlp((1, 8, 8), hidden=(n, n)) for n in (128, scale.BASE))
    optimizer = torch.optim.Adam(mup_groups(mup_(alone, base), base, 0.01))
    for x, y in scale.drawn(split, 8, 4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(alone(x[2]), y[2]).backward()
        optimizer.step()
    for stacked, own in zip(nets.weights, alone.parameters(), strict=True):
        torch.testing.assert_close(stacked[2], own, rtol=1e-3, atol=1e-5)


def test_the_recorded_runs_are_what_the_experiment_makes():
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    kept = results("scale")["runs"]
    assert {key.rsplit(", ", 1)[0] for key in kept} == {
        f"{name}, {width}" for name in scale.BEGIN for width in scale.WIDTHS
    }
    again = scale.scores(data.load("digits").to("cpu"), "mup", 32, -6)["losses"]
    np.testing.assert_allclose(again, kept["mup, 32, -6"]["losses"], rtol=0.1)
