import collections
import copy
import functools
import io
import pickle
import shutil
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the adapter needs torch")

from sets import MATRICES, named
from torch.nn import Parameter
from torch.optim import lr_scheduler
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from descent import rules
from descent.conventions import framework_rule
from descent.torch_optim import Optimizer
from descent.torch_optim._kernels import CHUNK
from tools.check import parity

FORMS = [{}, {"flat": True}, {"compile": True}, {"flat": True, "compile": True}]
EAGER = FORMS[:2]


def form_name(form):
    return "+".join(form) or "plain"


EACH_FORM = [named(form_name(form), form, nightly=len(form) == 2) for form in FORMS]
"""Flat and compiled together is the sum of the two: it waits for the night."""


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def small_model(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(7, 13), torch.nn.Tanh(), torch.nn.Linear(13, 5), torch.nn.Linear(5, 3)
    )


def train(optimizer, model, steps=60, schedulers=(), seed=1):
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    for _ in range(steps):
        optimizer.zero_grad()
        batch = torch.randn(16, 7, generator=generator).to(dtype)
        loss = (model(batch) - batch[:, :3]).square().mean()
        loss.backward()
        optimizer.step()
        for scheduler in schedulers:
            metric = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
            scheduler.step(*([loss.item()] if metric else []))


def weights(model):
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def visited(make, dtype="float64", drop=parity.drop):
    """The points that an optimiser visits along hostile gradients, the start first."""
    start, gradients = parity.hostile(dtype)
    p = Parameter(torch.tensor(start))
    optimizer = make([p])
    group, points = optimizer.param_groups[0], [start]
    lr = group["lr"]
    for t, g in enumerate(gradients, start=1):
        group["lr"] = (lambda s: drop(lr(s), s)) if callable(lr) else drop(lr, t)
        p.grad = torch.tensor(g)
        optimizer.step()
        points.append(p.detach().numpy().copy())
    return np.array(points)


COMPILE = torch.compile


@pytest.fixture(autouse=True)
def as_traced(monkeypatch):
    """Run graphs as they are: the numbers and branches are tested without a C++ compiler."""
    monkeypatch.setattr(torch, "compile", functools.partial(COMPILE, backend="aot_eager"))


@pytest.fixture
def compiled(monkeypatch, as_traced):
    """Compile graphs, as users do."""
    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("torch.compile needs a C++ compiler")
    monkeypatch.setattr(torch, "compile", COMPILE)


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of μ in the default type
    yield
    torch.set_default_dtype(torch.float32)


# Parity

COMPILED = ("torch.optim.SGD", "torch.optim.AdamW", "torch.optim.NAdam")
"""The optimisers whose rules are compiled in every run: the others are in the night."""

COMPILED_RULES = ("adam", "adafactor", "nadam")
"""The same of the rules of papers: the plainest, one of whole arrays, one with numbers of t."""

TORCH_CASES = [
    case
    for case in parity.CASES
    if case.name.startswith("torch.") and case.name.rpartition(".")[2] not in parity.MATRICES
]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("hyper", "dtype", "tolerance", "form"),
    [
        named(
            f"{name}, {dtype}, {form_name(form)}",
            *(hyper, dtype, tolerance, form),
            nightly="compile" in form and (name, dtype) != ("defaults", "float64"),
        )
        for name, hyper in {"defaults": {}, "others": {"betas": (0.8, 0.95), "eps": 1e-4}}.items()
        for dtype, tolerance in {"float64": 1e-12, "float32": 2e-5}.items()
        for form in FORMS
    ],
)
def test_every_form_of_adam_visits_torchs_points(hyper, dtype, tolerance, form):
    adam = parity.Case("torch.optim.Adam", hyper)
    rule = framework_rule(adam.name, **hyper)
    ours = visited(lambda ps: Optimizer(ps, rule, **form), dtype)
    assert parity.error(ours, parity.by_torch(adam, dtype)) <= tolerance


@pytest.mark.parametrize("eps", [1e-8, 1e-9, 1e-12, 1e-20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_adam_has_torchs_bits_where_gradients_vanish(dtype, eps):
    sizes = torch.tensor([0.0, 1e-24, 1e-22, 1e-19, 1e-16, 1e-8, 1.0], dtype=torch.float64)
    nets = [Parameter(torch.full((7 * 31,), 3.0, dtype=dtype)) for _ in range(2)]
    ours, theirs = Optimizer(nets[:1], rules.Adam(eps=eps)), torch.optim.Adam(nets[1:], eps=eps)
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        g = sizes.repeat(31) * torch.randn(7 * 31, generator=generator, dtype=torch.float64)
        for p, optimizer in zip(nets, (ours, theirs), strict=True):
            p.grad = g.to(dtype)
            optimizer.step()
        assert torch.equal(*nets)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("theirs", "form"),
    [
        named(
            f"{c}, {form_name(form)}",
            c,
            form,
            nightly=bool(form) and (c.hyper != {} or c.name not in COMPILED),
        )
        for c in TORCH_CASES
        for form in ({}, {"compile": True})
    ],
)
def test_every_optimiser_of_torch_runs_as_a_rule(theirs, form):
    rule = framework_rule(theirs.name, **theirs.hyper)
    ours = visited(lambda ps: Optimizer(ps, rule, **form))
    rounding = 2e-16 / theirs.hyper.get("lr", 1e-3) / theirs.hyper.get("weight_decay", 1e-2)
    assert parity.error(ours, parity.by_torch(theirs, "float64")) <= max(1e-12, 4 * rounding)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        named(
            f"{name}, {form_name(form)}",
            *(name, form),
            nightly="compile" in form and (len(form) == 2 or name not in COMPILED_RULES),
        )
        for name in rules.names()
        for form in FORMS
        if rules.get(name).elementwise or not form.get("flat")  # the others need a tensor's shape
    ],
)
def test_every_rule_of_a_paper_makes_its_own_steps(name, form):
    rule = rules.get(name)
    shapes = [(3, 2), (2, 4), (1, 1)] if name in MATRICES else [(3, 2), (4,), ()]
    generator = torch.Generator().manual_seed(2)
    draw = functools.partial(torch.randn, generator=generator, dtype=torch.float64)
    xs = [draw(shape) for shape in shapes]
    ps = [Parameter(x.clone()) for x in xs]
    optimizer, states = Optimizer(ps, rule, **form), [rule.init(x) for x in xs]
    for _ in range(20):
        gs = [draw(shape) for shape in shapes]
        for p, g in zip(ps, gs, strict=True):
            p.grad = g.clone()
        optimizer.step()
        steps = [rule.update(*step) for step in zip(xs, gs, states, strict=True)]
        xs, states = [x for x, _ in steps], [state for _, state in steps]
    for p, x in zip(ps, xs, strict=True):
        torch.testing.assert_close(p.detach(), x, rtol=1e-12, atol=1e-13)


ALL_RULES = [pytest.param(rules.get(name), id=name) for name in rules.names()] + [
    pytest.param(framework_rule(c.name, **c.hyper), id=str(c))
    for c in parity.CASES
    if c.name != "optax.contrib.prodigy"  # whose common estimate does not move in five steps
]


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_rule_is_elementwise_exactly_if_its_rows_can_be_updated_apart(rule):
    generator = torch.Generator().manual_seed(4)
    scale = torch.logspace(-3, 3, 12, dtype=torch.float64).reshape(4, 3)
    x, *gs = (torch.randn(4, 3, generator=generator, dtype=torch.float64) for _ in range(6))

    def run(rows):
        y, state = x[rows], rule.init(x[rows])
        for g in gs:
            y, state = rule.update(y, (g * scale)[rows], state)
        return y

    together, apart = run(slice(4)), torch.cat([run(slice(i, i + 2)) for i in (0, 2)])
    assert torch.allclose(together, apart, rtol=1e-12) == rule.elementwise


def test_in_place_updates_leave_a_rule_that_keeps_its_arguments_right():
    @dataclass(frozen=True)
    class Keeping(rules.Rule):
        """Steps along the last gradient, and keeps x and g themselves as its state."""

        class State(NamedTuple):
            t: int
            x: Any
            g: Any

        def update(self, x, g, state):
            return x - self.lr_at(1) * state.g, self.State(state.t + 1, x, g)

    p = Parameter(torch.zeros(1))
    optimizer = Optimizer([p], Keeping(1.0))
    for t in range(1, 4):
        p.grad = torch.full((1,), float(t))
        optimizer.step()
    assert p.item() == -(0 + 1 + 2)
    assert optimizer.state[p]["x"].item() == -1


@pytest.mark.parametrize("form", EAGER, ids=form_name)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_training_with_adam_gives_torchs_parameters_to_the_last_bit(form, dtype):
    ours, theirs = small_model().to(dtype), small_model().to(dtype)
    train(Optimizer(ours.parameters(), rules.Adam(), **form), ours)
    train(torch.optim.Adam(theirs.parameters(), foreach=False), theirs)
    assert torch.equal(weights(ours), weights(theirs))


@pytest.mark.parametrize("form", EAGER, ids=form_name)
def test_pieces_and_runs_leave_every_bit_as_it_is(form):
    sizes = [(2 * CHUNK + 17,), (3,), (101, 7), (CHUNK - 5,), (1,), ()]
    ours = [Parameter(torch.randn(s)) for s in sizes]
    theirs = [Parameter(p.detach().clone()) for p in ours]
    mine = Optimizer(ours, rules.Adam(), **form)
    reference = torch.optim.Adam(theirs, foreach=False)
    for _ in range(3):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn_like(p)
            q.grad = p.grad.clone()
        mine.step()
        reference.step()
    assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))


def test_the_form_in_place_is_the_rule():
    case = parity.Case("torch.optim.Adam", {})  # whose rule is `rules.Adam`
    in_place = visited(lambda ps: Optimizer(ps, rules.Adam()))
    assert parity.error(in_place, parity.ours(case, "float64")) <= 1e-12


# In full standing: groups, state, hooks, copies


def test_groups_keep_their_own_hyper_parameters():
    ours, theirs = small_model(), small_model()
    groups = [
        lambda m: {"params": m[0].parameters(), "lr": 1e-2},
        lambda m: {"params": m[2].parameters(), "betas": (0.5, 0.9), "eps": 1e-3},
        lambda m: {"params": m[3].parameters()},
    ]
    train(Optimizer([g(ours) for g in groups], rules.Adam(1e-4)), ours)
    train(torch.optim.Adam([g(theirs) for g in groups], 1e-4), theirs)
    assert torch.equal(weights(ours), weights(theirs))


@pytest.mark.parametrize("form", EAGER, ids=form_name)
def test_a_group_that_is_added_later_starts_at_t_1(form):
    ours, theirs = small_model(), small_model()
    for model, make in (
        (ours, lambda ps: Optimizer(ps, rules.Adam(), **form)),
        (theirs, torch.optim.Adam),
    ):
        optimizer = make(list(model[:3].parameters()))
        train(optimizer, model, 5)
        optimizer.add_param_group({"params": model[3].parameters(), "lr": 0.1})
        model[3].zero_grad()
        train(optimizer, model, 5)
    assert torch.equal(weights(ours), weights(theirs))


@pytest.mark.parametrize("form", EACH_FORM)
def test_a_fresh_optimizer_goes_on_from_a_state_dict_to_the_last_bit(form):
    straight, resumed = small_model(), small_model()
    first = Optimizer(straight.parameters(), rules.Adam(1e-2), **form)
    train(first, straight, 20)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    resumed.load_state_dict(straight.state_dict())
    second = Optimizer(resumed.parameters(), rules.Adam(1e-5), **form)
    second.load_state_dict(torch.load(io.BytesIO(file.getvalue())))
    train(first, straight, 20, seed=2)
    train(second, resumed, 20, seed=2)
    assert torch.equal(weights(straight), weights(resumed))


def test_a_state_dict_holds_t_as_an_int_and_arrays_shaped_like_the_parameters():
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam())
    train(optimizer, model, 3)
    for index, p in enumerate(model.parameters()):
        state = optimizer.state_dict()["state"][index]
        assert type(state["t"]) is int
        assert state["t"] == 3
        assert state["m"].shape == state["v"].shape == p.shape


def test_a_loaded_state_shares_no_memory_with_its_source():
    model, other = small_model(), small_model()
    first = Optimizer(model.parameters(), rules.Adam())
    second = Optimizer(other.parameters(), rules.Adam())
    train(first, model, 3)
    second.load_state_dict(first.state_dict())
    before = copy.deepcopy(first.state_dict())["state"]
    train(second, other, 3)
    after = first.state_dict()["state"]
    assert all(torch.equal(before[i]["m"], after[i]["m"]) for i in before)


def test_a_state_of_another_rule_is_refused():
    model = small_model()
    sgd = Optimizer(model.parameters(), rules.Momentum())
    train(sgd, model, 1)
    with pytest.raises(ValueError, match=r"of Adam.*'betas', 'eps'.* is not in its groups"):
        Optimizer(model.parameters(), rules.Adam()).load_state_dict(sgd.state_dict())


@pytest.mark.parametrize("form", EACH_FORM)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_copy_goes_on_by_itself_to_the_last_bit(form, duplicate):
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam(1e-2), **form)
    train(optimizer, model, 5)
    twin, twin_optimizer = duplicate((model, optimizer))
    train(optimizer, model, 5, seed=2)
    assert not torch.equal(weights(twin), weights(model))
    train(twin_optimizer, twin, 5, seed=2)
    assert torch.equal(weights(twin), weights(model))


def test_a_closure_is_called_with_gradients_on_and_its_loss_returned():
    p = Parameter(torch.tensor([5.0]))
    optimizer = Optimizer([p], rules.GradientDescent(0.1))

    def closure():
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 25.0
    assert p.item() == 4.0


def test_hooks_run_around_a_step():
    p = Parameter(torch.ones(2))
    optimizer = Optimizer([p], rules.GradientDescent(0.5))
    calls = []
    optimizer.register_step_pre_hook(lambda *_: calls.append(p[0].item()))
    optimizer.register_step_post_hook(lambda *_: calls.append(p[0].item()))
    p.grad = torch.ones(2)
    optimizer.step()
    assert calls == [1.0, 0.5]


def test_a_hook_before_a_step_may_give_it_another_closure_and_nothing_else():
    p = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = Optimizer([p], rules.Adam(0.1))
    hook = optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7.0), kwargs))
    assert optimizer.step(lambda: 3.0) == 7.0
    hook.remove()
    optimizer.register_step_pre_hook(lambda *_: "nothing")
    with pytest.raises(RuntimeError, match="must return None or args and kwargs, got 'nothing'"):
        optimizer.step()


def test_hooks_of_all_optimisers_run_around_a_step():
    p = Parameter(torch.ones(2))
    optimizer = Optimizer([p], rules.GradientDescent(0.5))
    calls = []
    before = register_optimizer_step_pre_hook(lambda *_: calls.append(p[0].item()))
    after = register_optimizer_step_post_hook(lambda *_: calls.append(p[0].item()))
    p.grad = torch.ones(2)
    with before, after:
        optimizer.step()
    optimizer.step()
    assert calls == [1.0, 0.5]


def test_the_profiler_sees_a_step():
    p = Parameter(torch.ones(2))
    optimizer = Optimizer([p], rules.GradientDescent(0.5))
    p.grad = torch.ones(2)
    with torch.profiler.profile() as profile:
        optimizer.step()
    assert "Optimizer.step#Optimizer.step" in {e.key for e in profile.key_averages()}


@pytest.mark.parametrize("form", EAGER, ids=form_name)
def test_a_graph_that_a_step_invalidated_is_not_differentiated(form):
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam(), **form)
    loss = model(torch.randn(4, 7)).square().sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# Gradients


@pytest.mark.parametrize("form", EACH_FORM)
def test_a_parameter_without_gradient_is_skipped_and_keeps_its_own_t(form):
    ours, theirs = small_model().double(), small_model().double()
    mine = Optimizer(ours.parameters(), rules.Adam(1e-2), **form)
    reference = torch.optim.Adam(theirs.parameters(), 1e-2)
    for step in range(12):
        for i, (p, q) in enumerate(zip(ours.parameters(), theirs.parameters(), strict=True)):
            q.grad = None if (step + i) % 3 == 0 else torch.randn_like(q)
            p.grad = None if q.grad is None else q.grad.clone()
        mine.step()
        reference.step()
    distance = (weights(theirs) - weights(small_model().double())).abs()
    assert ((weights(ours) - weights(theirs)).abs() <= 1e-12 * distance).all()


def test_a_step_without_any_gradient_changes_nothing():
    p = Parameter(torch.ones(3))
    optimizer = Optimizer([p], rules.Adam())
    optimizer.step()
    assert p.tolist() == [1.0, 1.0, 1.0]
    assert optimizer.state_dict()["state"] in ({}, {0: {}})


@pytest.mark.parametrize("dense_steps", [0, 2])
@pytest.mark.parametrize("form", EAGER, ids=form_name)
@pytest.mark.parametrize("others", [0, 2])
def test_a_sparse_gradient_is_refused_by_name(others, form, dense_steps):
    ps = [Parameter(torch.ones(3, 3)) for _ in range(1 + others)]
    optimizer = Optimizer(ps, rules.Adam(), **form)
    for _ in range(dense_steps):
        for p in ps:
            p.grad = torch.ones(3, 3)
        optimizer.step()
    ps[0].grad = torch.eye(3).to_sparse()
    with pytest.raises(RuntimeError, match=r"Adam.*does not support sparse gradients"):
        optimizer.step()


RESETS = {
    "clear": lambda o: o.state.clear(),
    "replace": lambda o: setattr(o, "state", collections.defaultdict(dict)),
    "clear each": lambda o: [o.state[p].clear() for p in list(o.state)],
    "write": lambda o: [s.update(t=0, m=0 * s["m"], v=0 * s["v"]) for s in o.state.values()],
}


@pytest.mark.parametrize(
    ("change", "form"),
    [
        named(
            f"{name}-{form_name(form)}",
            *(change, form),
            nightly="compile" in form and (len(form) == 2 or name != "write"),
        )
        for name, change in RESETS.items()
        for form in FORMS
    ],
)
def test_a_state_that_is_reset_by_hand_starts_again(change, form):
    model, fresh = small_model(), small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam(1e-2), **form)
    train(optimizer, model, 5)
    change(optimizer)
    fresh.load_state_dict(model.state_dict())
    train(optimizer, model, 5, seed=2)
    train(Optimizer(fresh.parameters(), rules.Adam(1e-2), **form), fresh, 5, seed=2)
    assert torch.equal(weights(model), weights(fresh))


def test_a_state_dict_without_a_hyper_parameter_is_refused():
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam())
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["eps"]
    with pytest.raises(ValueError, match=r"\['eps'\] is not in its groups"):
        optimizer.load_state_dict(saved)


@pytest.mark.parametrize("form", EACH_FORM)
def test_any_layout_in_memory_gives_the_same_steps(form):
    def layouts():
        torch.manual_seed(3)
        wide = torch.randn(4, 6, 5, 5)
        return [
            wide.clone(),
            wide.clone(memory_format=torch.channels_last),
            wide.clone().permute(3, 1, 0, 2),
        ]

    if form.get("flat"):
        with pytest.raises(ValueError, match="flat must be False"):
            Optimizer(map(Parameter, layouts()), rules.Adam(), **form)
        return
    ours = [Parameter(t) for t in layouts()]
    theirs = [Parameter(t) for t in layouts()]
    mine, reference = Optimizer(ours, rules.Adam(), **form), torch.optim.Adam(theirs)
    for _ in range(5):
        for p, q in zip(ours, theirs, strict=True):
            q.grad = torch.randn(q.shape)
            p.grad = q.grad.clone()
        mine.step()
        reference.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=3e-7)


@pytest.mark.parametrize("form", EACH_FORM)
def test_mixed_types_and_empty_tensors_are_each_kept(form):
    ps = [
        Parameter(torch.ones(n, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16, torch.float64, torch.float16)
        for n in (3, 0, 5)
    ]
    optimizer = Optimizer(ps, rules.Momentum(0.5), **form)
    for p in ps:
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all(p.tolist() == [0.5] * p.numel() for p in ps)
    assert all(optimizer.state[p]["d"].dtype == p.dtype for p in ps)


# Flat


def test_flat_brings_parameters_and_gradients_into_one_buffer_each():
    model = small_model()
    before = weights(model)
    optimizer = Optimizer(model.parameters(), rules.Adam(), flat=True)
    train(optimizer, model, 2)
    ps = list(model.parameters())
    for tensors in (ps, [p.grad for p in ps], [optimizer.state[p]["m"] for p in ps]):
        assert len({t.untyped_storage().data_ptr() for t in tensors}) == 1
        assert all(t.data_ptr() % 64 == 0 for t in tensors)
    assert torch.equal(weights(small_model()), before)


def test_a_copy_of_a_flat_optimizer_is_flat():
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam(), flat=True)
    twin, _ = copy.deepcopy((model, optimizer))
    assert len({p.untyped_storage().data_ptr() for p in twin.parameters()}) == 1


def test_a_rule_that_needs_the_whole_vector_gets_it():
    rule, x = rules.get("adafactor"), torch.ones(CHUNK + 5)
    p, g = Parameter(x.clone()), torch.linspace(-1, 1, CHUNK + 5)
    optimizer = Optimizer([p], rule)
    p.grad = g
    optimizer.step()
    expected, _ = rule.update(x, g, rule.init(x))
    assert torch.equal(p.detach(), expected)


def test_flat_keeps_gradients_that_are_there():
    p, q = Parameter(torch.ones(2)), Parameter(torch.ones(3))
    p.grad = torch.tensor([1.0, 2.0])
    Optimizer([p, q], rules.Adam(), flat=True)
    assert p.grad.tolist() == [1.0, 2.0]
    assert q.grad.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("disturb", ["zero_grad", "to", "data", "freeze", "second optimizer"])
def test_flat_stays_right_when_the_layout_is_disturbed(disturb):
    ours, theirs = small_model(), small_model()
    mine = Optimizer(ours.parameters(), rules.Adam(), flat=True)
    reference = torch.optim.Adam(theirs.parameters())
    for _ in range(3):
        for model, optimizer in ((ours, mine), (theirs, reference)):
            train(optimizer, model, 3)
            if disturb == "zero_grad":
                model.zero_grad()
                model(torch.ones(2, 7)).sum().backward()
                optimizer.step()
            if disturb == "data":
                model(torch.ones(2, 7)).sum().backward()
                for p in model.parameters():
                    p.data = p.data.clone()
                optimizer.step()
            if disturb == "to":
                model.to(torch.float64).to(torch.float32)
            if disturb == "freeze":
                model[0].weight.requires_grad_(not model[0].weight.requires_grad)
            if disturb == "second optimizer" and model is ours:
                Optimizer(model.parameters(), rules.Adam(), flat=True)
    assert torch.equal(weights(ours), weights(theirs))


@pytest.mark.parametrize(
    "params",
    [
        lambda: torch.ones(6).split(3),
        lambda: [torch.ones(6)[:3]],
        lambda: [torch.ones(3).share_memory_()],
        lambda: [torch.ones(3, 2).T],
    ],
    ids=["halves", "a part", "another process", "transposed"],
)
def test_flat_refuses_parameters_that_share_memory(params):
    ps = [Parameter(torch.ones(2)), *map(Parameter, params())]
    with pytest.raises(ValueError, match="flat must be False where a parameter shares"):
        Optimizer(ps, rules.Adam(), flat=True)


# Schedules

SCHEDULERS = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda e: e / 10),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda e: 0.95),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [3, 8]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, total_iters=8),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 10),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=0.5),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 1e-4, 1e-2, step_size_up=4),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 1e-2, total_steps=20),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [5]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, swa_lr=1e-4, anneal_epochs=5),
}


def test_every_scheduler_of_torch_is_tried():
    public = {
        name
        for name, value in vars(lr_scheduler).items()
        if isinstance(value, type) and issubclass(value, lr_scheduler.LRScheduler)
    }
    assert public - {"LRScheduler", "_LRScheduler"} <= SCHEDULERS.keys()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        named(
            f"{name}, {form_name(form)}",
            *(name, form),
            nightly="compile" in form and (len(form) == 2 or name != "OneCycleLR"),
        )
        for name in SCHEDULERS
        for form in FORMS
    ],
)
def test_torchs_schedulers_drive_the_learning_rate_and_the_momentum(name, form):
    ours, theirs = small_model().double(), small_model().double()
    mine = Optimizer(ours.parameters(), rules.Adam(1e-3), **form)
    reference = torch.optim.Adam(theirs.parameters(), 1e-3)
    with warnings.catch_warnings(action="ignore"):
        train(mine, ours, 20, [SCHEDULERS[name](mine)])
        train(reference, theirs, 20, [SCHEDULERS[name](reference)])
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-12, atol=1e-14)
    assert mine.param_groups[0]["lr"] == reference.param_groups[0]["lr"]
    assert mine.param_groups[0]["betas"] == reference.param_groups[0]["betas"]


@pytest.mark.parametrize("form", EACH_FORM)
def test_a_learning_rate_that_is_a_function_of_t_is_called_with_t_from_1(form):
    called = []

    def lr(t):
        called.append(t)
        return 1 / t

    p = Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = Optimizer([p], rules.GradientDescent(lr), **form)
    for _ in range(4):
        p.grad = torch.ones_like(p)
        optimizer.step()
    assert p.item() == pytest.approx(-(1 + 1 / 2 + 1 / 3 + 1 / 4), rel=1e-15)
    assert list(dict.fromkeys(called)) == [1, 2, 3, 4]


def test_a_schedule_of_the_rule_is_not_saved_and_not_lost():
    model = small_model()
    optimizer = Optimizer(model.parameters(), rules.Adam(lambda t: 1e-2 / t))
    train(optimizer, model, 2)
    saved = optimizer.state_dict()
    assert "lr" not in saved["param_groups"][0]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"](2) == 5e-3
    train(optimizer, model, 1)


def test_a_new_learning_rate_t_or_beta_compiles_nothing_anew():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    p = Parameter(torch.ones(5))
    optimizer = Optimizer([p], rules.Adam(), compile=True)
    for t in range(5):
        optimizer.param_groups[0].update(lr=0.1 / (t + 1), betas=(0.9 - t / 10, 0.999), eps=1e-8)
        p.grad = torch.ones(5)
        optimizer.step()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


# Wrong arguments

P = Parameter(torch.ones(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Optimizer([P], "adam"), "rule must be a rule such as"),
        (lambda: Optimizer([P], rules.Adam), "rule must be a rule such as"),
        (lambda: Optimizer([], rules.Adam()), "empty parameter list"),
        (
            lambda: Optimizer([{"params": [P], "momentum": 0.9}], rules.Adam()),
            r"keys must be among \['betas', 'eps', 'lr', 'param_names', 'params'\], got \['momen",
        ),
        (lambda: Optimizer([{"params": [P], "lr": -1}], rules.Adam()), "lr must be a finite"),
        (lambda: Optimizer([{"params": [P], "betas": (0.9, 1)}], rules.Adam()), "beta2 must be"),
        (lambda: Optimizer([{"params": [P], "betas": 0.9}], rules.Adam()), "betas must be a pair"),
        (lambda: Optimizer([Parameter(torch.ones(2) * 1j)], rules.Adam()), "complex64"),
        (lambda: Optimizer([torch.ones(2, dtype=torch.int64)], rules.Adam()), "int64"),
    ],
)
def test_a_wrong_argument_is_refused_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_refused_group_leaves_the_optimizer_as_it_was():
    optimizer = Optimizer([P], rules.Adam())
    with pytest.raises(ValueError, match="lr must be"):
        optimizer.add_param_group({"params": [Parameter(torch.ones(2))], "lr": -1.0})
    assert len(optimizer.param_groups) == 1


# A GPU


@pytest.mark.gpu
@pytest.mark.usefixtures("compiled")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("form", EACH_FORM)
def test_training_on_a_gpu_is_torchs(form):
    ours, theirs = small_model().double().cuda(), small_model().double().cuda()
    mine = Optimizer(ours.parameters(), rules.Adam(1e-2), **form)
    reference = torch.optim.Adam(theirs.parameters(), 1e-2)
    for _ in range(50):
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            q.grad = torch.randn_like(q)
            p.grad = q.grad.clone()
        mine.step()
        reference.step()
    assert all(optimizer_state["m"].is_cuda for optimizer_state in mine.state.values())
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-12, atol=1e-12)
