"""One rate for all widths: which weights shrink, which rates, and what is refused."""

import pytest
import torch
from torch import nn

from descent import models
from descent.rules import Adam
from descent.torch_optim import Optimizer
from descent.train.width import mup_, mup_groups


def net(n, **options):
    return models.mlp((1, 8, 8), hidden=(n, n), **options)


def scales(model, base, kind="adam"):
    found = {p: g["lr_scale"] for g in mup_groups(model, base, 1.0, kind) for p in g["params"]}
    return [found[p] for p in model.parameters()]


def test_each_layer_has_the_rate_of_table_3():
    assert scales(net(256), net(64)) == [1, 1, 1 / 4, 1, 1 / 4, 1]
    assert scales(net(256), net(64), "sgd") == [4, 4, 1, 4, 1 / 4, 1]


def test_of_the_weights_only_what_reads_the_width_and_does_not_write_it_changes():
    for width, factor in ((256, 1 / 2), (16, 2)):  # a net may be narrower than its base
        torch.manual_seed(0)
        model = net(width)
        before = [p.clone() for p in model.parameters()]
        mup_(model, net(64))
        ratios = [(p / q).mean().item() for p, q in zip(model.parameters(), before, strict=True)]
        assert ratios == pytest.approx([1, 1, 1, 1 / factor, factor, 1 / factor])


@pytest.mark.parametrize(
    "make",
    [
        lambda n: nn.Linear(n, 4000),
        lambda n: nn.Conv1d(n, 4000, 1),
        lambda n: nn.Conv2d(2 * n, 4000, 1, groups=2),
        lambda n: nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), nn.Linear(n, 4000)),
    ],
)
def test_biases_have_the_variance_of_the_base(make):
    torch.manual_seed(0)
    model, base = make(128), make(8)
    mup_(model, base)
    for p, q in zip(model.parameters(), base.parameters(), strict=True):
        if p.shape == (4000,):
            assert p.square().mean().item() == pytest.approx(q.square().mean().item(), rel=0.1)


def test_a_bias_of_two_layers_changes_once_and_one_of_zeros_or_frozen_stays():
    class Twice(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.one, self.two = nn.Linear(n, 4), nn.Linear(n, 4)
            self.two.bias = self.one.bias
            self.still, self.heads = nn.Linear(n, 4), nn.MultiheadAttention(n, 2)
            self.still.bias.requires_grad_(False)

    model = Twice(64)
    shared, still = model.one.bias.clone(), model.still.bias.clone()
    mup_(model, Twice(16))
    torch.testing.assert_close(model.two.bias, 2 * shared)
    assert (model.still.bias == still).all()
    assert not model.heads.in_proj_bias.any()
    assert not model.heads.out_proj.bias.any()


def test_at_the_base_nothing_changes():
    model = net(64)
    before = [p.clone() for p in model.parameters()]
    mup_(model, net(64))
    assert all((p == q).all() for p, q in zip(model.parameters(), before, strict=True))
    for kind in ("adam", "sgd"):
        (group,) = mup_groups(model, net(64), 0.5, kind)
        assert group["lr"] == 0.5
        assert len(group["params"]) == 6


def test_rate_times_decay_is_the_same_for_all_weights_and_none_for_biases():
    groups = mup_groups(net(256), net(64), 0.5, weight_decay=0.25)
    for group in groups:
        expected = 0.125 if group["params"][0].dim() > 1 else 0
        assert group["lr"] * group["weight_decay"] == expected
    assert sum(len(group["params"]) for group in groups) == 6


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda n: nn.Sequential(nn.Embedding(9, n), nn.Linear(n, 9)), [1, 1 / 4, 1]),
        (lambda n: nn.Sequential(nn.Conv2d(3, n, 3), nn.Conv2d(n, n, 3)), [1, 1, 1 / 4, 1]),
        (lambda n: nn.ConvTranspose2d(n, 3, 2), [1 / 4, 1]),
        (lambda n: nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n)), [1, 1, 1, 1]),
        (lambda n: nn.MultiheadAttention(n, 2), [1 / 4, 1, 1 / 4, 1]),
    ],
)
def test_inputs_are_found_in_every_kind_of_layer(make, expected):
    assert scales(make(64), make(16)) == expected


def test_networks_of_the_book_have_groups():
    for name in ("alexnet-lite", "vgg-lite", "resnet-8"):
        wide, base = (models.get(name, (1, 16, 16), 10, width=w) for w in (1.0, 0.5))
        groups = mup_groups(wide, base, 1.0)
        assert {group["lr"] for group in groups} == {0.5, 1.0}


def test_frozen_parameters_are_left_out():
    model = net(128)
    model[1].weight.requires_grad_(False)
    assert sum(len(group["params"]) for group in mup_groups(model, net(64), 1.0)) == 5


def test_both_kinds_of_optimiser_take_the_groups():
    torch.manual_seed(0)
    one, base = net(128), net(64)
    other = net(128)
    other.load_state_dict(one.state_dict())
    optimizers = (
        torch.optim.Adam(mup_groups(one, base, 0.01)),
        Optimizer(mup_groups(other, base, 0.01), Adam(1.0)),
    )
    x = torch.randn(4, 1, 8, 8)
    for _ in range(5):
        for model, optimizer in zip((one, other), optimizers, strict=True):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6)


class Raw(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(7, n))


class Tied(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.words, self.head = nn.Embedding(9, n), nn.Linear(n, 9, bias=False)
        self.head.weight = self.words.weight


@pytest.mark.parametrize(
    ("model", "base", "message"),
    [
        (net(64), models.mlp((1, 8, 8), hidden=(64,)), "base must have the layers of model"),
        (Raw(64), Raw(16), "place in Raw"),
        (Tied(64), Tied(16), "must not share head.weight"),
    ],
)
def test_what_cannot_be_told_is_refused_and_nothing_changes(model, base, message):
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match=message):
        mup_groups(model, base, 1.0)
    with pytest.raises(ValueError, match=message):
        mup_(model, base)
    assert all((p == q).all() for p, q in zip(model.parameters(), before, strict=True))


def test_a_bad_argument_is_named():
    with pytest.raises(ValueError, match="lr must"):
        mup_groups(net(64), net(64), -1.0)
    with pytest.raises(ValueError, match="kind must be one of adam, sgd, got 'muon'"):
        mup_groups(net(64), net(64), 1.0, "muon")
    with pytest.raises(ValueError, match="weight_decay must"):
        mup_groups(net(64), net(64), 1.0, weight_decay=-1.0)
