"""The chapter on the loop: its formulas, and the tests that it offers to other loops."""

import ast
import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_, parameters_to_vector
from torch.utils.data.distributed import DistributedSampler

from descent.rules import Adam, Momentum
from descent.torch_optim import Optimizer
from tests.monitor.test_warnings import OwnAdam
from tools.book import myst, project
from tools.notebook import files

CHAPTER = project.BOOK / "the-loop.md"


def offered():
    """Return the tests of the chapter by name, with the names that it says they need, no more."""
    code = (cell.source for cell in files.code_cells(myst.read_cells(CHAPTER)[0]))
    parts = [part for source in code for part in ast.parse(source).body]
    tests = [part for part in parts if getattr(part, "name", "").startswith("test_")]
    needed = {"np": np, "torch": torch, "cross_entropy": cross_entropy}
    needed["parameters_to_vector"] = parameters_to_vector
    exec(compile(ast.Module(tests, []), str(CHAPTER), "exec"), needed)
    return {test.name: needed[test.name] for test in tests}


OFFERED = offered()


def says(name, *pieces):
    """Return whether a test of the chapter passes on these pieces."""
    try:
        OFFERED[name](*pieces)
    except AssertionError:
        return False
    return True


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.formula("adam-wrong-t")
@given(
    gs=st.lists(st.floats(0.1, 10) | st.floats(-10, -0.1), min_size=1, max_size=12),
    t=st.integers(1, 3000),
    beta1=st.floats(0, 0.99),
    beta2=st.floats(0.5, 0.9999),
)
def test_a_wrong_t_changes_the_step_by_a_factor_that_no_gradient_has_a_part_in(gs, t, beta1, beta2):
    rule = Adam(lr=1.0, beta1=beta1, beta2=beta2, eps=1e-30)
    state = rule.init(0.0)
    for g in gs[:-1]:
        _, state = rule.update(0.0, g, state)
    due, _ = rule.update(0.0, gs[-1], state)
    made, _ = rule.update(0.0, gs[-1], state._replace(t=t - 1))
    s = len(gs)
    first = (1 - beta1**s) / (1 - beta1**t)
    assert made == pytest.approx(first * ((1 - beta2**t) / (1 - beta2**s)) ** 0.5 * due, rel=1e-9)


@pytest.mark.formula("clip-scaled")
@given(
    g=st.lists(st.floats(-9, 9), min_size=1, max_size=5),
    scale=st.sampled_from([1.0, 8.0, 2.0**16]),
    limit=st.floats(0.01, 10),
)
def test_a_scaled_gradient_that_is_clipped_is_clipped_at_a_scaled_limit(g, scale, limit):
    def clipped(values, c):
        p = nn.Parameter(torch.zeros(len(values)).double())
        p.grad = torch.tensor(values, dtype=torch.float64)
        clip_grad_norm_([p], c)
        return p.grad

    found = clipped([scale * value for value in g], limit) / scale
    # PyTorch adds 1e-6 to the norm that it divides by.
    torch.testing.assert_close(found, clipped(g, limit / scale), rtol=2e-6 / limit * scale, atol=0)


@pytest.mark.formula("momentum-correction")
@given(
    gs=st.lists(st.floats(-9, 9), min_size=2, max_size=8),
    rates=st.lists(st.floats(1e-4, 1), min_size=8, max_size=8),
    mu=st.floats(0, 0.99),
)
def test_a_memory_that_follows_the_rate_is_that_of_a_rate_outside(gs, rates, mu):
    p = nn.Parameter(torch.zeros((), dtype=torch.float64))
    outside = torch.optim.SGD([p], lr=1.0, momentum=mu)
    d = x = way = 0.0
    for i, g in enumerate(gs):
        d = mu * rates[i] / rates[max(i - 1, 0)] * d - rates[i] * g
        x += d
        way += abs(d)
        p.grad = torch.tensor(g, dtype=torch.float64)
        outside.param_groups[0]["lr"] = rates[i]
        outside.step()
    assert p.item() == pytest.approx(x, rel=1e-9, abs=1e-9 * way)


# --- the tests that the chapter offers ------------------------------------------------------------


def linear(seed=0, bias=True):
    torch.manual_seed(seed)
    return nn.Linear(6, 4, bias=bias)


def examples(t=0, size=16):
    generator = torch.Generator().manual_seed(t)
    x = torch.randn(size, 6, generator=generator)
    return x, torch.randint(4, (size,), generator=generator)


def test_each_test_that_the_chapter_offers_is_tried_here():
    here = {name for name in globals() if name.startswith("test_")}
    tried = {name for name in OFFERED if f"test_of_{name.removeprefix('test_')}" in here}
    assert tried == set(OFFERED)
    assert len(OFFERED) == 11


def through_a_file(run):
    file = io.BytesIO()
    torch.save([part.state_dict() for part in run], file)
    file.seek(0)
    return torch.load(file)


def spoilt(name):
    def save(run):
        saved = through_a_file(run)
        for state in saved[1]["state"].values():
            state[name].zero_()
        return saved

    return save


@pytest.mark.parametrize(
    ("save", "passes"),
    [(through_a_file, True), *((spoilt(n), False) for n in ("step", "exp_avg", "exp_avg_sq"))],
)
def test_of_resume(save, passes):
    def make():
        net = linear()
        return net, torch.optim.Adam(net.parameters(), lr=0.1)

    def train(run, steps):
        for t in steps:
            run[1].zero_grad()
            cross_entropy(run[0](examples(t)[0]), examples(t)[1]).backward()
            run[1].step()

    def load(run, saved):
        for part, state in zip(run, saved, strict=True):
            part.load_state_dict(state)

    assert says("test_resume", make, train, save, load) == passes


@pytest.mark.parametrize(("times", "passes"), [(1, True), (2, False), (8, False)])
def test_of_schedule(times, passes):
    p = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.Adam([p], lr=1.0)
    halving = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def train():
        for _ in range(6):
            p.grad = torch.ones(1)
            optimizer.step()
            for _ in range(times):
                halving.step()

    assert says("test_schedule", optimizer, train, lambda t: 0.5 ** (t - 1)) == passes


@pytest.mark.parametrize(
    ("weight", "passes"),
    [
        (lambda n, count, k: n / count, True),
        (lambda n, count, k: 1 / k, False),
        (lambda n, count, k: 1.0, False),
    ],
    ids=["by labels", "mean of means", "sum of means"],
)
def test_of_accumulation(weight, passes):
    def gradient(net, x, y, k):
        net.zero_grad()
        count = int((y >= 0).sum())
        for x_, y_ in zip(x.chunk(k), y.chunk(k), strict=True):
            if n := int((y_ >= 0).sum()):
                (weight(n, count, k) * cross_entropy(net(x_), y_)).backward()

    assert says("test_accumulation", gradient, linear(), *examples()) == passes


@pytest.mark.parametrize("unscales", [True, False])
def test_of_scaled_clipping(unscales):
    def step(scale):
        net = linear()
        (scale * cross_entropy(net(examples()[0]), examples()[1])).backward()
        before = 1 if unscales else scale
        for p in net.parameters():
            p.grad /= scale / before
        clip_grad_norm_(net.parameters(), 0.01)
        for p in net.parameters():
            p.grad /= before
        torch.optim.SGD(net.parameters(), lr=0.1).step()
        return parameters_to_vector(net.parameters()).detach()

    assert says("test_scaled_clipping", step) == unscales


def by_axes(form, net, **options):
    parts = [[p for p in net.parameters() if (p.dim() > 1) == m] for m in (True, False)]
    return form([{"params": parts[0]}, {"params": parts[1], "weight_decay": 0.0}], **options)


@pytest.mark.parametrize(
    ("make", "passes"),
    [
        (lambda net: by_axes(torch.optim.AdamW, net, weight_decay=0.1), True),
        (lambda net: by_axes(torch.optim.SGD, net, lr=0.1, weight_decay=0.1), True),
        (lambda net: by_axes(OwnAdam, net, weight_decay=0.1), True),
        (lambda net: torch.optim.AdamW(net.parameters(), weight_decay=0.1), False),
        (lambda net: by_axes(torch.optim.Adam, net, weight_decay=0.1), False),
        (lambda net: by_axes(OwnAdam, net, weight_decay=0.1, fault="sign"), False),
        (lambda net: by_axes(OwnAdam, net, weight_decay=0.1, fault="no-decay"), False),
        (lambda net: torch.optim.AdamW([net.bias], weight_decay=0.0), False),
        (lambda net: torch.optim.AdamW([{"params": [net.bias]}], weight_decay=0.1), False),
    ],
    ids=["right", "sgd", "own", "all", "l2", "sign", "dead", "none", "left-out"],
)
def test_of_decay(make, passes):
    net = linear()
    nn.init.ones_(net.bias)
    assert says("test_decay", make(net), net) == passes


@pytest.mark.parametrize("fault", [None, "never zeroed", "zeroed late", "doubled", "clipped"])
def test_of_steps(fault):
    net = linear()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def step(x, y):
        if fault != "never zeroed":
            optimizer.zero_grad()
        cross_entropy(net(x), y).backward()
        if fault == "zeroed late":
            optimizer.zero_grad()
        if fault == "clipped":
            clip_grad_norm_(net.parameters(), 1e-3)
        optimizer.step()
        if fault == "doubled":
            optimizer.step()

    batches = [examples(t) for t in range(3)]
    assert says("test_steps", step, net, batches, 0.1) == (fault is None)


@pytest.mark.parametrize("fault", [None, "t", "rate", "moments"])
def test_of_skipped(fault):
    net = linear()
    optimizer = torch.optim.Adam(net.parameters())
    counts = {"t": torch.zeros(1), "rate": torch.ones(1)}

    def step(x, y):
        optimizer.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        for name in counts:
            if loss.isfinite() or fault == name:
                counts[name] += 1
        if loss.isfinite():
            optimizer.step()
        elif fault == "moments":
            optimizer.state[net.weight]["exp_avg"].mul_(0.9)

    def snapshot():
        states = [v.flatten() for s in optimizer.state.values() for v in s.values()]
        return torch.cat(
            [parameters_to_vector(net.parameters()).detach(), *states, *counts.values()]
        )

    assert says("test_skipped", step, snapshot, *examples()) == (fault is None)


@pytest.mark.parametrize("of_the_average", [True, False])
def test_of_average_is_scored(of_the_average):
    net = linear()
    average = copy.deepcopy(net)
    scored = average if of_the_average else net
    score = lambda: cross_entropy(scored(examples()[0]), examples()[1]).item()  # noqa: E731
    assert says("test_average_is_scored", score, net) == of_the_average


@pytest.mark.parametrize(
    ("make", "passes"),
    [
        (lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True), True),
        (lambda ps: torch.optim.AdamW(ps, lr=0.1, weight_decay=0.1), True),
        (lambda ps: torch.optim.RMSprop(ps, lr=0.1, momentum=0.9), True),
        (lambda ps: Optimizer(ps, Momentum(0.1)), False),
    ],
    ids=["nesterov", "adamw", "rmsprop", "inside"],
)
def test_of_rate_of_zero(make, passes):
    net = linear()
    optimizer = make(net.parameters())

    def step():
        optimizer.zero_grad()
        cross_entropy(net(examples()[0]), examples()[1]).backward()
        optimizer.step()

    def set_rate(lr):
        optimizer.param_groups[0]["lr"] = lr

    assert says("test_rate_of_zero", step, set_rate, net) == passes


@pytest.mark.parametrize("sets", [True, False])
def test_of_order(sets):
    sampler = DistributedSampler(range(64), num_replicas=2, rank=0)

    def epoch(k):
        if sets:
            sampler.set_epoch(k)
        return list(sampler)

    assert says("test_order", epoch, lambda: torch.rand(1)) == sets


@pytest.mark.parametrize(
    ("dtype", "eps", "passes"),
    [
        (torch.float32, 1e-8, True),
        (torch.bfloat16, 1e-8, True),
        (torch.float16, 1e-8, False),
        (torch.float16, 1e-4, False),
        (torch.float32, 0.0, False),
    ],
)
def test_of_eps(dtype, eps, passes):
    p = nn.Parameter(torch.zeros(3, dtype=dtype))
    assert says("test_eps", torch.optim.AdamW([p], eps=eps)) == passes


def test_clipped_before_it_is_unscaled_a_gradient_may_fall_below_epsilon():
    scale, limit, eps = 2.0**16, 1.0, 1e-8
    assert 2.2e6 < (limit / (scale * eps)) ** 2 < 2.4e6
    for n in (1e4, 25e6):
        g = limit / (scale * np.sqrt(n))  # of all coordinates, if their sizes are alike
        x, rule = 0.0, Adam(1.0)
        x, _ = rule.update(x, g, rule.init(x))
        assert (-x > 0.9) == (n == 1e4)
        assert -x == pytest.approx(g / (g + eps))
