"""Optimisers for whole networks: rates, decay, groups, and Muon with AdamW beside it."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from descent import data, models, rules, schedules
from descent.conventions import DecoupledDecay, L2Decay, framework_rule
from descent.torch_optim import Optimizer
from descent.train import command, evaluate, fit, optimizers
from descent.train.optimizers import made_for, rule_named, with_decay

DIGITS = data.load("digits").to("cpu")


def net(name="mlp", **options):
    torch.manual_seed(0)
    return models.get(name, (1, 8, 8), **options)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("name", rules.names())
def test_each_rule_has_a_rate_at_which_it_learns_the_digits(name):
    model, rule = net(hidden=(64,)), with_decay(rule_named(name))
    schedule = schedules.Cosine(rule.lr_at(1), 95)
    fit(model, DIGITS, made_for(model, rule), epochs=5, schedule=schedule)
    assert evaluate(model, DIGITS.test)["accuracy"] > 0.8


def test_every_rule_has_a_rate_and_sgd_is_two_of_them():
    assert optimizers.RATES.keys() == set(rules.names())
    assert rule_named("sgd") == rules.GradientDescent(0.1)
    assert rule_named("sgd", 0.2, momentum=0.5) == rules.Momentum(0.2, 0.5)
    with pytest.raises(ValueError, match="name must be one of gradient-descent"):
        rule_named("adamm")


def test_the_decay_of_adamw_is_that_of_the_frameworks_and_the_papers_is_had_by_its_name():
    adamw = rules.AdamW(1e-3)
    assert with_decay(adamw) == framework_rule("torch.optim.AdamW", lr=1e-3)
    assert with_decay(adamw, 1e-5) == DecoupledDecay(1e-3, rules.Adam(), 1e-5)
    args = ["--model", "mlp", "--optimizer", "adamw", "--hyper", "weight_decay=1e-5", "beta1=0.8"]
    rule, _ = command._checked(command.parser().parse_args(args))
    assert rule == rules.AdamW(1e-3, 0.8, weight_decay=1e-5)
    with pytest.raises(ValueError, match="weight_decay must be given once"):
        command._checked(command.parser().parse_args([*args, "--weight-decay", "0.1"]))


def test_any_rule_can_decay_beside_the_step_or_in_the_gradient():
    momentum = rules.Momentum(0.03)
    assert with_decay(momentum, 0.1) == DecoupledDecay(0.03, momentum, 0.1)
    assert with_decay(rules.Adam(), 0.1, "l2") == L2Decay(1e-3, rules.Adam(), 0.1)
    assert with_decay(rules.Lion(), 0.1) == rules.Lion(weight_decay=0.1)
    assert with_decay(rules.Adam(), 0.0) == with_decay(rules.Adam()) == rules.Adam()


@pytest.mark.parametrize(
    ("rule", "arguments", "message"),
    [
        (rules.Adam(), (-1,), "weight_decay must be a finite number of at least 0, got -1"),
        (rules.Adam(), (0.1, "l1"), "form must be one of decoupled, l2, got 'l1'"),
        (rules.Lion(), (0.1, "l2"), "form must be decoupled for Lion, got 'l2'"),
    ],
)
def test_a_decay_that_cannot_be_is_refused(rule, arguments, message):
    with pytest.raises(ValueError, match=message):
        with_decay(rule, *arguments)


@pytest.mark.parametrize("name", ["adam", "sgd", "lion", "muon", "adafactor"])
def test_biases_and_gains_do_not_decay_and_weights_do(name):
    model = net("resnet-8")
    for p in model.parameters():
        p.data.add_(2)  # no zero among them
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = made_for(model, with_decay(rule_named(name, 0.5), 0.1))
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    shares = [
        float((p.detach() / q).nanmean()) for p, q in zip(model.parameters(), before, strict=True)
    ]
    by_axes = {True: set(), False: set()}
    for p, share in zip(model.parameters(), shares, strict=True):
        by_axes[p.dim() > 1].add(round(share, 4))
    assert by_axes[False] == {1.0}
    assert 1.0 not in by_axes[True]


def test_decay_of_all_parameters_is_one_group():
    found = [
        len(made_for(net(), rule, decay_all=all_).param_groups)
        for rule, all_ in ((rules.AdamW(), True), (rules.AdamW(), False), (rules.Adam(), False))
    ]
    assert found == [1, 2, 1]


@pytest.mark.parametrize("name", ["mlp", "alexnet-lite", "vgg-lite", "resnet-8", "plain-8"])
def test_muon_takes_hidden_matrices_and_adamw_the_rest(name):
    model = net(name)
    matrices = optimizers.hidden_matrices(model)
    last = [m for m in model.modules() if isinstance(m, torch.nn.Linear)][-1].weight
    assert all(p.dim() > 1 and p is not last for p in matrices)
    both = made_for(model, with_decay(rule_named("muon")))
    taken = [p for group in both.param_groups for p in group["params"]]
    assert sorted(map(id, taken)) == sorted(map(id, model.parameters()))
    assert [type(part.rule).__name__ for part in both.parts] == ["AsMatrix", "DecoupledDecay"]
    before = weights(model).clone()
    history = fit(model, DIGITS, both, epochs=1, schedule=schedules.Cosine(0.02, 19))
    assert history.losses[-1] < history.losses[0]
    assert (weights(model) != before).double().mean() > 0.99


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["shampoo", "soap"])
def test_the_other_rules_for_matrices_take_what_muon_takes(name, decay):
    model = net(hidden=(32, 16))
    both = made_for(model, with_decay(rule_named(name), decay))
    of_matrices = [p for group in both.parts[0].param_groups for p in group["params"]]
    assert all(a is b for a, b in zip(of_matrices, optimizers.hidden_matrices(model), strict=True))
    assert optimizers.name_for_matrices(both.parts[0].rule) == name
    inner = both.parts[0].rule.rule
    assert getattr(inner, "weight_decay", 0.0) == decay
    history = fit(model, DIGITS, both, epochs=1, schedule=schedules.Constant(rule_named(name).lr))
    assert history.losses[-1] < history.losses[0]


def test_a_convolution_is_muons_as_the_matrix_of_its_outputs():
    torch.manual_seed(0)
    x, g = torch.randn(4, 2, 3, 3), torch.randn(4, 2, 3, 3)
    flat, whole = rules.Muon(), optimizers.AsMatrix(0.02, rules.Muon())
    found, state = whole.update(x, g, whole.init(x))
    expected, _ = flat.update(x.view(4, 18), g.view(4, 18), flat.init(x.view(4, 18)))
    assert torch.equal(found, expected.view_as(x))
    assert state.m.shape == (4, 18)


def test_embeddings_are_adamws_and_a_net_without_hidden_layers_is_refused():
    layers = [torch.nn.Embedding(5, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 3)]
    assert optimizers.hidden_matrices(torch.nn.Sequential(*layers)) == [layers[1].weight]
    with pytest.raises(ValueError, match="model must have a hidden layer for muon"):
        made_for(torch.nn.Linear(3, 2), rules.Muon())


def test_the_schedule_keeps_the_ratio_of_muons_rate_and_adamws():
    model = net(hidden=(8,))
    both = made_for(model, rule_named("muon", 0.04))
    seen = []
    both.register_step_pre_hook(lambda o, *_: seen.append([g["lr"] for g in o.param_groups]))
    fit(model, DIGITS, both, epochs=1, batch_size=400, schedule=schedules.Linear(0.04, 3))
    assert [rates[0] for rates in seen] == [schedules.Linear(0.04, 3)(t) for t in (1, 2, 3)]
    assert all(rate == pytest.approx(rates[0] / 20) for rates in seen for rate in rates[1:])


def test_two_optimisers_together_are_saved_and_read_as_one(tmp_path):
    settings = {"epochs": 2, "batch_size": 400, "checkpoint": tmp_path / "run.pt"}
    whole, cut = net(hidden=(8,)), net(hidden=(8,))
    expected = fit(whole, DIGITS, made_for(whole, with_decay(rule_named("muon"))), **settings)
    short = settings | {"checkpoint": tmp_path / "cut.pt", "epochs": 1}
    fit(cut, DIGITS, made_for(cut, with_decay(rule_named("muon"))), **short)
    again = net(hidden=(8,))
    longer = short | {"epochs": 2, "resume": True}
    assert fit(again, DIGITS, made_for(again, with_decay(rule_named("muon"))), **longer).losses == (
        expected.losses
    )
    assert torch.equal(weights(again), weights(whole))
    with pytest.raises(ValueError, match="state_dict must be of 2 parts, got 0"):
        made_for(again, with_decay(rule_named("muon"))).load_state_dict({})


def test_a_part_that_cannot_be_loaded_leaves_the_others_as_they_were():
    one, other = net(hidden=(8,)), net(hidden=(8,))
    both = made_for(one, with_decay(rule_named("muon")))
    fit(one, DIGITS, both, epochs=1, batch_size=600)
    state = both.state_dict()
    state["parts"][1] = Optimizer(other.parameters(), rules.Momentum()).state_dict()
    fresh = made_for(other, with_decay(rule_named("muon")))
    with pytest.raises(ValueError, match=r"state.dict"):
        fresh.load_state_dict(state)
    assert not any(part.state_dict()["state"] for part in fresh.parts[:1])
