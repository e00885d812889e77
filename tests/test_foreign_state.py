"""States that come from elsewhere: PyTorch's optimisers, hooks, files, keys in any order."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="states are torch's")

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from descent import rules
from descent.conventions import framework_rule
from descent.torch_optim import Optimizer

FORMS = [{}, {"flat": True}]
ADAM = {"lr": 0.01}


def net(seed=1):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def train(model, optimizer, steps=3):
    for i in range(steps):
        optimizer.zero_grad()
        model(torch.ones(4, 3) * (i + 1)).pow(2).sum().backward()
        optimizer.step()


def trained(make, steps=3):
    model = net()
    optimizer = make(model.parameters())
    train(model, optimizer, steps)
    return model, optimizer


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def adam(form=None, **hyper):
    return lambda ps: Optimizer(ps, rules.Adam(**ADAM | hyper), **form or {})


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "change",
    [
        lambda s: dict(sorted(s.items())),
        lambda s: dict(reversed(s.items())),
        lambda s: s | {"t": torch.tensor(float(s["t"]))},
        lambda s: s | {"t": torch.tensor([s["t"]])},
        lambda s: s | {name: s[name].double() for name in "mv"},
    ],
    ids=["sorted", "reversed", "t as a tensor", "t as a vector", "float64"],
)
def test_a_state_is_read_by_name_whatever_its_order_and_types(change, form):
    model, optimizer = trained(adam(form))
    saved = copy.deepcopy(optimizer.state_dict())
    saved["state"] = {i: change(s) for i, s in saved["state"].items()}
    other, reader = trained(adam(form), steps=1)
    other.load_state_dict(model.state_dict())
    reader.load_state_dict(saved)
    assert all(type(s["t"]) is int for s in reader.state.values())
    train(model, optimizer)
    train(other, reader)
    assert torch.equal(weights(model), weights(other))


TORCHS = {
    "SGD": {"lr": 0.01, "momentum": 0.9},
    "SGD without momentum": {"lr": 0.01},
    "SGD nesterov": {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"lr": 0.01},
    "Adam amsgrad": {"lr": 0.01, "amsgrad": True, "maximize": True},
    "Adam decay": {"lr": 0.01, "weight_decay": 0.1},
    "AdamW": {"lr": 0.01, "betas": (0.8, 0.95)},
    "NAdam": {},
    "RAdam": {"lr": 0.01},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "RMSprop plain": {"alpha": 0.9},
    "Adagrad": {"initial_accumulator_value": 0.1},
    "Adamax": {},
    "Adadelta": {},
}


@pytest.mark.parametrize("name", TORCHS)
def test_the_state_of_torchs_optimiser_is_read_and_written(name):
    cls, hyper = getattr(torch.optim, name.split()[0]), TORCHS[name]
    rule = framework_rule(f"torch.optim.{name.split()[0]}", **hyper)
    model, theirs = trained(lambda ps: cls(ps, foreach=False, **hyper))
    there, back = net(), net()
    for m in (there, back):
        m.load_state_dict(model.state_dict())
    ours = Optimizer(there.parameters(), rule)
    ours.load_state_dict(theirs.state_dict())
    again = cls(back.parameters(), foreach=False, **hyper)
    again.load_state_dict(ours.torch_state_dict())
    for m, o in ((model, theirs), (there, ours), (back, again)):
        train(m, o)
    assert torch.equal(weights(back), weights(model))
    torch.testing.assert_close(weights(there), weights(model), rtol=1e-5, atol=1e-6)
    if type(rule) is rules.Adam or name == "AdamW":
        assert torch.equal(weights(there), weights(model))


def test_what_torchs_optimiser_did_and_the_rule_does_not_is_named():
    def saved(**hyper):
        return trained(lambda ps: torch.optim.Adam(ps, **hyper))[1].state_dict()

    _, ours = trained(adam())
    for hyper, message in (
        ({"weight_decay": 0.1}, r"has weight_decay = 0.1, which Adam\(.*framework_rule"),
        ({"maximize": True}, "has maximize = True"),
        ({"amsgrad": True}, "has amsgrad = True"),
    ):
        before = copy.deepcopy(ours.state_dict())
        with pytest.raises(ValueError, match=message):
            ours.load_state_dict(saved(**hyper))
        torch.testing.assert_close(ours.state_dict(), before, rtol=0, atol=0)
    with pytest.raises(ValueError, match="rule must be one of PyTorch's"):
        trained(lambda ps: Optimizer(ps, rules.Lion()))[1].torch_state_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s | {"m": torch.ones(7)}, r"of shape \(4, 3\) for m of parameter 0.*\(7,\)"),
        (lambda s: s | {"m": 3.0}, "a tensor of shape .* got float"),
        (lambda s: s | {"t": "three"}, "a number for t of parameter 0.*'three'"),
        (
            lambda s: s | {"u": 1},
            r"must have the state \['t', 'm', 'v'\].*got \['t', 'm', 'v', 'u'\]",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_named_and_nothing_changes(change, message):
    _, optimizer = trained(adam())
    before = copy.deepcopy(optimizer.state_dict())
    bad = copy.deepcopy(before)
    bad["state"][0] = change(bad["state"][0])
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(bad)
    torch.testing.assert_close(optimizer.state_dict(), before, rtol=0, atol=0)


def test_hooks_translate_a_state_before_it_is_read():
    model, optimizer = trained(adam())
    other, reader = trained(adam(), steps=1)
    calls = []

    def renamed(_, saved):
        calls.append(len(saved["state"]))
        state = {i: {k.lower(): v for k, v in s.items()} for i, s in saved["state"].items()}
        return saved | {"state": state}

    reader.register_load_state_dict_pre_hook(renamed)
    saved = optimizer.state_dict()
    saved["state"] = {i: {k.upper(): v for k, v in s.items()} for i, s in saved["state"].items()}
    for _ in range(2):
        reader.load_state_dict(saved)
    assert calls == [4, 4]
    other.load_state_dict(model.state_dict())
    train(model, optimizer)
    train(other, reader)
    assert torch.equal(weights(model), weights(other))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_state_on_disk_in_torchs_distributed_format_is_whole_again(form, tmp_path):
    model, optimizer = trained(adam(form))
    dcp.save({"optim": get_optimizer_state_dict(model, optimizer)}, checkpoint_id=tmp_path)
    other = net()
    reader = adam(form)(other.parameters())
    other.load_state_dict(model.state_dict())
    target = {"optim": get_optimizer_state_dict(other, reader)}
    dcp.load(target, checkpoint_id=tmp_path)
    set_optimizer_state_dict(other, reader, target["optim"])
    assert [s["t"] for s in reader.state.values()] == [3] * 4
    train(model, optimizer)
    train(other, reader)
    assert torch.equal(weights(model), weights(other))


def test_a_flat_optimizer_has_its_state_before_the_first_step():
    model = net()
    optimizer = adam({"flat": True})(model.parameters())
    saved = optimizer.state_dict()["state"]
    assert [s["t"] for s in saved.values()] == [0] * 4
    reference = net()
    train(model, optimizer)
    train(reference, torch.optim.Adam(reference.parameters(), **ADAM))
    assert torch.equal(weights(model), weights(reference))


def test_other_keys_of_a_group_are_kept():
    model = net()
    groups = [
        {"params": model[0].parameters(), "lr_scale": 0.5, "name": "body", "weight_decay": 0.0},
        {"params": model[2].parameters(), "lr": 0.0, "foreach": None},
    ]
    optimizer = Optimizer(groups, rules.Adam(**ADAM))
    head = model[2].weight.detach().clone()
    train(model, optimizer)
    assert torch.equal(model[2].weight, head)
    reader = Optimizer(net().parameters(), rules.Adam())
    with pytest.raises(ValueError, match="different number of parameter groups"):
        reader.load_state_dict(optimizer.state_dict())
    twin = net()
    groups = [{"params": twin[0].parameters()}, {"params": twin[2].parameters()}]
    reader = Optimizer(groups, rules.Adam())
    reader.load_state_dict(optimizer.state_dict())
    first, second = reader.param_groups
    assert (first["lr_scale"], first["name"], second["lr"]) == (0.5, "body", 0.0)


@pytest.mark.parametrize(
    ("key", "meant"),
    [("beta", "betas"), ("LR", "lr"), ("learning_rate", "lr"), ("epsilon", "eps"), ("esp", "eps")],
)
def test_a_misspelt_hyper_parameter_is_refused_with_the_right_name(key, meant):
    group = {"params": net().parameters(), key: 0.1}
    with pytest.raises(ValueError, match=rf"got \['{key}'\]: did you mean {meant}\?"):
        Optimizer([group], rules.Adam())
