"""The monitor: what it measures, that it changes nothing, and how it is put on and off."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="the monitor needs torch")

from torch import nn

from descent import rules
from descent.landscapes import Quadratic
from descent.monitor import monitor
from descent.monitor._measures import SAMPLE, sample
from descent.monitor._sharpness import largest_eigenvalue, products_of
from descent.torch_optim import Optimizer
from descent.train.optimizers import made_for
from tests.monitor.runs import Task, watched

optim = torch.optim


def one_step(optimizer, gradient, **options):
    (p,) = optimizer.param_groups[0]["params"]
    with monitor(optimizer, warn=False, **options) as watch:
        p.grad = gradient
        optimizer.step()
    return watch.rows[-1]


@pytest.mark.formula("adam-update")
def test_the_measures_of_a_step_of_adam_by_hand():
    p = nn.Parameter(torch.tensor([3.0, 4.0, 12.0, 1.0]))
    adam = optim.Adam([p], lr=0.1, eps=0.5)
    row = one_step(adam, torch.tensor([2.0, -1.0, 0.25, 0.0]))
    assert (row.step, row.t, row.lr) == (1, 1, pytest.approx(0.1))
    assert row.gradient == pytest.approx((4 + 1 + 1 / 16) ** 0.5)
    assert row.weight == pytest.approx(170**0.5)
    steps = [0.1 * 2 / 2.5, 0.1 / 1.5, 0.1 * 0.25 / 0.75]  # m̂ = g, √v̂ = |g|
    assert row.update == pytest.approx(sum(s**2 for s in steps) ** 0.5, rel=1e-5)
    assert row.ratio == pytest.approx(row.update / row.weight)
    assert row.effective == pytest.approx(0.1 / 1.5, rel=1e-5)  # the median of three
    assert row.eps_share == pytest.approx(1 / 3)
    assert (row.signal, row.age) == (pytest.approx(1, rel=1e-5), pytest.approx(1, rel=1e-5))
    assert (row.still, row.lost, row.bare) == (0, 0, 0)


@pytest.mark.formula("momentum-outside")
def test_the_measures_of_a_step_of_momentum_by_hand():
    p = nn.Parameter(torch.tensor([3.0, 4.0]))
    row = one_step(optim.SGD([p], lr=0.1, momentum=0.9), torch.tensor([3.0, 4.0]))
    assert (row.ratio, row.effective) == (pytest.approx(0.1), pytest.approx(0.1))
    assert row.t is row.eps_share is row.signal is row.age is None


@pytest.mark.formula("adam-signal-to-noise")
def test_the_signal_is_near_its_expectation_for_noise_about_a_mean():
    p, sigma = nn.Parameter(torch.zeros(4000)), 0.5
    adam = Optimizer([p], rules.Adam(beta1=0.99, beta2=0.99))
    generator = torch.Generator().manual_seed(0)
    with monitor(adam, 400) as watch:
        for _ in range(400):
            p.grad = 1 + sigma * torch.randn(4000, generator=generator)
            adam.step()
    assert watch.rows[-1].signal == pytest.approx(1 / (1 + sigma**2) ** 0.5, rel=0.02)


@pytest.mark.formula("adam-stability-limit")
def test_the_sharpness_is_the_largest_eigenvalue_of_the_preconditioned_hessian():
    task = Task()
    adam = optim.Adam(task.model.parameters(), lr=1e-3)
    watched(task, adam, steps=20)
    params = list(task.model.parameters())
    t = 20
    roots = [(adam.state[p]["exp_avg_sq"] / (1 - 0.999**t)).sqrt() + 1e-8 for p in params]
    product = products_of(task.whole_loss(), params)
    sizes = [p.numel() for p in params]
    columns = [
        torch.cat(
            [
                h.flatten()
                for h in product(
                    [v.view_as(p) for v, p in zip(e.split(sizes), params, strict=True)]
                )
            ]
        )
        for e in torch.eye(sum(sizes))
    ]
    scale = torch.cat([r.flatten() for r in roots]).rsqrt()
    dense = scale[:, None] * torch.stack(columns) * scale
    exact = float(torch.linalg.eigvalsh((dense + dense.T) / 2)[-1])
    with monitor(adam, 1, loss=task.whole_loss, products=30, warn=False) as watch:
        for _ in range(2):
            adam.zero_grad()
            frozen = [p.detach().clone() for p in params]
            task.whole_loss().backward()
            adam.step()
            if not watch.rows[-1].sharpness:  # the first look has none: back to where it was
                adam.load_state_dict(restored(adam, roots, t))
                for p, x in zip(params, frozen, strict=True):
                    p.data.copy_(x)
    assert watch.rows[-1].sharpness == pytest.approx(exact, rel=1e-3)
    assert watch.rows[-1].limit == pytest.approx(38 / 1e-3)


def restored(adam, roots, t):
    """Return adam's state with the v that these roots came from."""
    saved = adam.state_dict()
    for kept, root in zip(saved["state"].values(), roots, strict=True):
        kept["exp_avg_sq"] = (root - 1e-8) ** 2 * (1 - 0.999**t)
        kept["step"] = torch.tensor(float(t))
    return saved


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (lambda ps: optim.SGD(ps, lr=0.1), 2 / 0.1),
        (lambda ps: optim.SGD(ps, lr=0.1, momentum=0.8), 2 * 1.8 / 0.1),
        (lambda ps: optim.SGD(ps, lr=0.1, momentum=0.8, nesterov=True), None),
        (lambda ps: Optimizer(ps, rules.GradientDescent(0.1)), 2 / 0.1),
        (lambda ps: Optimizer(ps, rules.Momentum(0.1, 0.8)), 2 * 1.8 / 0.1),
        (lambda ps: Optimizer(ps, rules.Nesterov(0.1, 0.8)), None),
        (lambda ps: Optimizer(ps, rules.Adam(0.1, 0.8)), 2 * 1.8 / 0.2 / 0.1),
        (lambda ps: Optimizer(ps, rules.RMSprop(0.1)), 2 / 0.1),
        (lambda ps: Optimizer(ps, rules.Lion(0.1)), None),
    ],
)
def test_the_limit_is_that_of_the_rule(make, limit):
    bowl = Quadratic([1.0, 5.0])
    p = nn.Parameter(torch.tensor(bowl.start, dtype=torch.float32))
    curvatures = torch.tensor([1.0, 5.0])
    loss = lambda: (curvatures * p**2).sum() / 2  # noqa: E731
    optimizer = make([p])
    with monitor(optimizer, 1, loss=loss, warn=False) as watch:
        for _ in range(2):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
    assert watch.rows[-1].limit == (limit and pytest.approx(limit))
    if limit and not hasattr(optimizer.param_groups[0], "eps"):
        assert watch.rows[-1].sharpness > 0


def test_lanczos_ends_early_where_the_space_is_small():
    product = lambda vectors: tuple(3 * v for v in vectors)  # noqa: E731
    assert largest_eigenvalue(product, [torch.ones(7)], 10) == pytest.approx(3)
    zero = lambda vectors: tuple(0 * v for v in vectors)  # noqa: E731
    assert largest_eigenvalue(zero, [torch.ones(7)], 10) == 0


@pytest.mark.parametrize("probe", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda m: optim.AdamW(m.parameters(), lr=1e-3),
        lambda m: Optimizer(m.parameters(), rules.Adam(1e-3), flat=True),
        lambda m: made_for(m, rules.Muon(0.02)),
    ],
)
def test_a_run_that_is_watched_is_the_run_that_is_not_bit_by_bit(make, probe):
    ends = []
    for is_watched in (True, False):
        task = Task()
        optimizer = make(task.model)
        if is_watched:
            watch = monitor(optimizer, 1, loss=task.whole_loss, probe=probe, warn=False)
        before = torch.get_rng_state()
        for _ in range(15):
            optimizer.zero_grad()
            task.loss().backward()
            optimizer.step()
        assert torch.equal(before, torch.get_rng_state())
        ends.append([p.detach().clone() for p in task.model.parameters()])
    assert len(watch.rows) >= 15
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_it_looks_at_the_first_step_and_at_each_so_many():
    task = Task()
    watch = watched(task, optim.SGD(task.model.parameters(), lr=0.1), steps=35, every=10)
    assert [row.step for row in watch.rows] == [1, 10, 20, 30]


def test_between_looks_nothing_is_kept_and_no_tensor_is_touched(monkeypatch):
    task = Task()
    optimizer = optim.SGD(task.model.parameters(), lr=0.1)
    with monitor(optimizer, 1000) as watch:
        for _ in range(3):
            task.loss().backward()
            monkeypatch.setattr(watch, "_begin", pytest.fail) if watch.step else None
            optimizer.step()
            assert not watch._looks
    assert [row.step for row in watch.rows] == [1]


def test_a_look_takes_in_a_bounded_sample_of_a_large_tensor_from_all_columns():
    x = torch.arange(3000 * 4096, dtype=torch.int32).view(3000, 4096)
    taken = sample(x)
    assert SAMPLE <= len(taken) < 2 * SAMPLE
    assert len((taken % 4096).unique()) > SAMPLE / 2


def test_the_norms_of_a_large_tensor_are_near_those_of_all_its_coordinates():
    p = nn.Parameter(torch.randn(600, 400, generator=torch.Generator().manual_seed(0)))
    row = one_step(optim.SGD([p], lr=0.1), torch.ones(600, 400))
    assert row.weight == pytest.approx((600 * 400) ** 0.5, rel=0.05)
    assert row.update == pytest.approx(0.1 * (600 * 400) ** 0.5, rel=1e-3)
    assert row.gradient == pytest.approx((600 * 400) ** 0.5)


def test_the_hooks_are_gone_after_the_block_and_after_a_second_removal():
    task = Task()
    optimizer = optim.SGD(task.model.parameters(), lr=0.1)
    watch = watched(task, optimizer, steps=12)
    rows = len(watch.rows)
    watch.remove()
    task.loss().backward()
    optimizer.step()
    assert (len(watch.rows), watch.step) == (rows, 12)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_an_error_in_the_block_passes_and_takes_the_hooks_off():
    optimizer = optim.SGD(Task().model.parameters(), lr=0.1)
    with pytest.raises(KeyError), monitor(optimizer):
        raise KeyError
    assert not optimizer._optimizer_step_pre_hooks


def test_an_optimizer_that_is_watched_can_be_copied_and_saved():
    task = Task()
    optimizer = optim.AdamW(task.model.parameters(), lr=1e-3)
    with monitor(optimizer, 1):
        task.loss().backward()
        optimizer.step()
        copy.deepcopy(optimizer).step()
        assert optimizer.state_dict()["state"]


def test_a_fault_of_the_monitor_does_not_end_the_run():
    task = Task()
    optimizer = optim.AdamW(task.model.parameters(), lr=1e-3)

    def loss():
        raise ZeroDivisionError

    watch = watched(task, optimizer, steps=25, loss=loss)
    assert watch.notes == ["the monitor stopped at step 10: ZeroDivisionError()"]
    assert int(optimizer.state[task.model[0].weight]["step"]) == 25


def test_an_optimizer_that_cannot_be_copied_is_not_tried_and_says_so():
    class Odd(optim.SGD):
        def __init__(self, params, **options):
            super().__init__(params, **options)
            self.rows = (i for i in range(9))  # cannot be copied

    task = Task()
    watch = watched(task, Odd(task.model.parameters(), lr=0.1, momentum=0.9), steps=20)
    (note,) = watch.notes
    assert note.startswith("group 0: hyper-parameters were not tried: a copy of it could not step")
    assert not watch.findings


def test_groups_and_parameters_have_the_names_that_were_given():
    task = Task()
    weights = {"params": [task.model[0].weight], "name": "first"}
    optimizer = optim.SGD([weights, {"params": list(task.model[2].parameters())}], lr=0.1)
    watch = watched(task, optimizer, steps=1)
    assert [row.group for row in watch.rows] == ["first", "group 1"]


def test_a_group_that_is_added_on_the_way_is_looked_at():
    task = Task()
    optimizer = optim.AdamW(task.model[0].parameters(), lr=1e-3)
    more = {"params": list(task.model[2].parameters())}
    change = lambda t: optimizer.add_param_group(more) if t == 30 else None  # noqa: E731
    watch = watched(task, optimizer, change=change)
    assert {row.group for row in watch.rows} == {"group 0", "group 1"}
    assert not watch.findings


def test_an_optimizer_of_several_shows_the_groups_of_each():
    task = Task(hidden=8)
    watch = watched(task, made_for(task.model, rules.Muon(0.02)), steps=20)
    assert {row.group for row in watch.rows} == {"group 0", "group 1"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every must be a whole number of at least 1, got 0"),
        ({"every": 1.5}, "every must be"),
        ({"steps": -1}, "steps must be a whole number of at least 0"),
        ({"products": 0}, "products must be"),
        ({"loss": 3}, "loss must be a function without arguments, got 3"),
    ],
)
def test_a_bad_argument_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        monitor(optim.SGD(Task().model.parameters(), lr=0.1), **options)


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer must be one of PyTorch's or descent's"):
        monitor(Task().model)


def test_the_limit_that_is_told_must_be_positive():
    watch = monitor(optim.SGD(Task().model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="limit must be a positive, finite number, got 0"):
        watch.clipped(1.0, 0)
