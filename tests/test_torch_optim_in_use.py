"""What users do to a model and its optimizer between steps: the same points as PyTorch's Adam."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the adapter needs torch")

from torch import nn
from torch.optim import lr_scheduler

from descent import rules
from descent.torch_optim import Optimizer

X = torch.randn(32, 6, generator=torch.Generator().manual_seed(1))
Y = torch.arange(32) % 3
FORMS = [{}, {"flat": True}]
each_form = pytest.mark.parametrize("form", FORMS, ids=str)


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def pair(form):
    """Return a model with our optimizer, and one with PyTorch's."""
    ours, theirs = net(), net()
    adam = torch.optim.Adam(theirs.parameters(), 1e-2)
    return [(ours, Optimizer(ours.parameters(), rules.Adam(1e-2), **form)), (theirs, adam)]


def gradient(model, optimizer, scale=1.0):
    optimizer.zero_grad()
    x = X.to(next(model.parameters()).dtype)
    loss = nn.functional.cross_entropy(model(x), Y) * scale
    loss.backward()


def train(model, optimizer, steps=3, scheduler=None):
    for _ in range(steps):
        gradient(model, optimizer)
        optimizer.step()
        if scheduler:
            scheduler.step()


def assert_same(pair):
    ours, theirs = ([*model.parameters()] for model, _ in pair)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@each_form
@pytest.mark.parametrize("swap", [False, True])
def test_a_model_may_change_its_type_before_the_first_step(form, swap):
    torch.__future__.set_swap_module_params_on_conversion(swap)
    try:
        both = pair(form)
        for model, optimizer in both:
            model.double()
            train(model, optimizer)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)
    assert_same(both)


@each_form
def test_the_state_follows_a_model_that_changes_its_type(form):
    (model, optimizer), _ = pair(form)
    train(model, optimizer)
    before = {p: s["m"].double() for p, s in optimizer.state.items()}
    wide = net().double()
    wide.load_state_dict(model.state_dict())
    loaded = Optimizer(wide.parameters(), rules.Adam(1e-2))
    loaded.load_state_dict(optimizer.state_dict())
    model.double()
    for one, other in ((model, optimizer), (wide, loaded)):
        train(one, other)
    assert {v.dtype for s in optimizer.state.values() for v in (s["m"], s["v"])} == {torch.float64}
    assert all(not torch.equal(s["m"], before[p]) for p, s in optimizer.state.items())
    assert [s["t"] for s in optimizer.state.values()] == [6] * 6
    assert_same([(model, optimizer), (wide, loaded)])


@pytest.mark.parametrize("form", [*FORMS, {"flat": True, "compile": True}], ids=str)
def test_a_step_inside_a_compiled_function_takes_a_new_rate(form):
    (model, optimizer), (other, adam) = both = pair(form)
    step = torch.compile(lambda: optimizer.step(), backend="eager")
    for t in range(6):
        for one, trainer in both:
            trainer.param_groups[0]["lr"] = 1e-2 / (t + 1)
            gradient(one, trainer)
        step()
        adam.step()
    tolerance = 1e-5 if form.get("compile") else 0
    torch.testing.assert_close(model(X), other(X), rtol=0, atol=tolerance)


@each_form
def test_a_step_that_the_scaler_leaves_out_is_not_counted(form):
    (model, optimizer), _ = pair(form)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0)
    for scale in (1.0, float("inf"), 1.0):
        before = [p.detach().clone() for p in model.parameters()]
        optimizer.zero_grad()
        scaler.scale(nn.functional.cross_entropy(model(X), Y) * scale).backward()
        scaler.step(optimizer)
        scaler.update()
        stays = all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))
        assert stays == (scale == float("inf"))
    assert {s["t"] for s in optimizer.state.values()} == {2}


@each_form
def test_layers_are_frozen_and_thawed(form):
    both = pair(form)
    for model, optimizer in both:
        for layer, trained in ((0, False), (0, True), (3, False)):
            for p in model[layer].parameters():
                p.requires_grad_(trained)
                p.grad = None
            train(model, optimizer)
    assert_same(both)


SCHEDULERS = {
    "one-cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, 20),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "chain": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, total_iters=5), lr_scheduler.ExponentialLR(o, 0.9)], [5]
    ),
}


@each_form
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_run_with_a_scheduler_of_torch_is_resumed_from_a_file(name, form, tmp_path):
    (model, optimizer), (other, adam) = pair(form)
    scheduler = SCHEDULERS[name](optimizer)
    train(model, optimizer, 6, scheduler)
    train(other, adam, 12, SCHEDULERS[name](adam))
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    torch.save({key: part.state_dict() for key, part in parts.items()}, tmp_path / "run.pt")
    (resumed, again), _ = pair(form)
    parts = {"model": resumed, "optimizer": again, "scheduler": SCHEDULERS[name](again)}
    for key, saved in torch.load(tmp_path / "run.pt", weights_only=True).items():
        parts[key].load_state_dict(saved)
    train(resumed, again, 6, parts["scheduler"])
    assert_same([(resumed, again), (other, adam)])


@each_form
def test_a_step_may_be_made_inside_the_backward_pass(form):
    both = []
    for make in (lambda p: Optimizer(p, rules.Adam(1e-2), **form), torch.optim.Adam):
        model = net()
        for p in model.parameters():
            optimizer = make([p]) if make is not torch.optim.Adam else make([p], 1e-2)

            def step(p, optimizer=optimizer):
                optimizer.step()
                optimizer.zero_grad()

            p.register_post_accumulate_grad_hook(step)
        for _ in range(4):
            nn.functional.cross_entropy(model(X), Y).backward()
        both.append((model, None))
    assert_same(both)


@each_form
@pytest.mark.parametrize("lr", [float("nan"), float("inf"), torch.tensor(float("nan"))])
def test_a_rate_that_is_no_number_moves_nothing(lr, form):
    (model, optimizer), _ = pair(form)
    train(model, optimizer)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.param_groups[0]["lr"] = lr
    with pytest.raises(ValueError, match="lr must be a finite number"):
        train(model, optimizer, 1)
    assert all(torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))


def test_a_lazy_layer_is_trained_and_flat_is_refused_until_it_has_a_shape():
    model = nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(ValueError, match="flat must be False until a lazy layer has seen"):
        Optimizer(model.parameters(), rules.Adam(), flat=True)
    optimizer = Optimizer(model.parameters(), rules.Adam(1e-2))
    model(X)
    train(model, optimizer)
    assert [s["t"] for s in optimizer.state.values()] == [3, 3]


def test_a_state_without_names_loads_where_parameters_have_names():
    (model, optimizer), _ = pair({})
    train(model, optimizer)
    named = Optimizer(net().named_parameters(), rules.Adam(1e-2))
    named.load_state_dict(optimizer.state_dict())
    assert [s["t"] for s in named.state.values()] == [3] * 6
    assert named.param_groups[0]["param_names"][0] == "0.weight"


def test_a_schedule_free_rule_has_two_points_and_steps_from_one_alone():
    rule = rules.ScheduleFreeAdamW(0.1)
    p = torch.nn.Parameter(torch.tensor([5.0, -2.0], dtype=torch.float64))
    optimizer, x, state = Optimizer([p], rule), p.detach().numpy().copy(), None
    state = rule.init(x)
    optimizer.eval()  # before the first step there is no average
    for g in ([1.0, 2.0], [0.5, -3.0], [2.0, 0.1]):
        p.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        x, state = rule.update(x, np.array(g), state)
    before = p.detach().clone()
    optimizer.eval()
    optimizer.eval()
    np.testing.assert_allclose(p.detach(), rule.averaged(x, state), rtol=1e-12)
    with pytest.raises(RuntimeError, match=r"call train\(\) after eval\(\)"):
        optimizer.step()
    optimizer.train()
    assert torch.equal(p, before)
    optimizer.step()
    other = Optimizer([p], rules.Adam())
    other.eval()
    assert not torch.equal(p, before)
