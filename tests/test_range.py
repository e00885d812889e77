"""The ends of each dtype's range: what PyTorch returns is what comes, or a range is named."""

import copy
import math

import numpy as np
import pytest
from sets import MATRICES

torch = pytest.importorskip("torch", reason="the range is compared with torch.optim's")

from descent import rules
from descent.conventions import framework_rule
from descent.torch_optim import Optimizer

SCALES = {
    torch.float16: [0.0, 1e-7, 1e-5, 1e-3, 1.0, 30.0, 300.0, 6e4],
    torch.bfloat16: [0.0, 1e-30, 1e-5, 1.0, 300.0, 1e18, 1e20, 1e25, 1e38],
    torch.float32: [0.0, 1e-40, 1e-20, 1e-5, 1.0, 1e10, 1e18, 1e20, 1e25, 1e38, math.inf],
    torch.float64: [0.0, 1e-300, 1e-160, 1e-5, 1.0, 1e100, 1e150, 1e200, 1e300, math.inf],
}
ULPS = {torch.float16: 24, torch.bfloat16: 24, torch.float32: 256, torch.float64: 256}
"""How many roundings of the largest coordinate a few steps may differ by."""

OPTIMISERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "Adam": {"lr": 0.1},
    "Adam amsgrad": {"lr": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1, "weight_decay": 0.1},
    "NAdam": {"lr": 0.1},
    "RAdam": {"lr": 0.1},
    "RMSprop": {"lr": 0.1},
    "RMSprop momentum": {"lr": 0.1, "momentum": 0.9},
    "Adagrad": {"lr": 0.1},
    "Adamax": {"lr": 0.1},
    "Adadelta": {"lr": 0.1},
}


def visited(make, gradients, dtype):
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=dtype))
    optimizer, points = make([p]), []
    for g in gradients:
        p.grad = g.to(dtype)
        optimizer.step()
        points.append(p.detach().double().clone())
    return torch.stack(points)


@pytest.mark.parametrize("dtype", SCALES, ids=str)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_one_gradient_of_any_size_leaves_what_it_leaves_in_torch(name, dtype):
    hyper, path = OPTIMISERS[name], name.split()[0]
    rule = framework_rule(f"torch.optim.{path}", **hyper)
    for scale in SCALES[dtype]:
        one = torch.tensor([1.0, -scale, 0.0], dtype=torch.float64)
        gradients = [one, *torch.ones(3, 3, dtype=torch.float64)]
        ours = visited(lambda ps: Optimizer(ps, rule), gradients, dtype)
        theirs = visited(
            lambda ps: getattr(torch.optim, path)(ps, foreach=False, **hyper), gradients, dtype
        )
        known = theirs.isfinite()
        assert torch.equal(known, ours.isfinite()), (scale, ours, theirs)
        size = max(1.0, float(theirs[known].abs().max()))
        error = float((ours - theirs)[known].abs().max())
        # PyTorch's NAdam keeps the product of its μ_t in float32.
        rounding = max(torch.finfo(dtype).eps, 1e-9 if name == "NAdam" else 0.0)
        assert error <= ULPS[dtype] * rounding * size, (scale, ours, theirs)


@pytest.mark.parametrize("scale", [1e-7, 1e-5, 1e-3, 1.0, 30.0, 300.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [n for n in rules.names() if n != "adam"])  # which is torch's
def test_every_rule_makes_a_finite_step_in_16_bits_and_about_that_of_32(name, dtype, scale):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 4, generator=generator).to(dtype)
    g = (torch.randn(8, 4, generator=generator) * scale).to(dtype)
    rule = rules.get(name)
    p = torch.nn.Parameter(x.clone())
    optimizer, p.grad = Optimizer([p], rule), g
    optimizer.step()
    half = p.detach()
    single, _ = rule.update(x.float(), g.float(), rule.init(x.float()))
    assert half.isfinite().all()
    assert torch.equal(half, single.to(dtype))


def test_muon_makes_torchs_step_in_half_precision():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 32, generator=generator)
    for dtype, scale in [(d, s) for d in (torch.float16, torch.bfloat16) for s in (1e-5, 1.0, 30)]:
        moves = []
        for make in (
            lambda p: Optimizer([p], rules.Muon(lr=0.02)),
            lambda p: torch.optim.Muon([p], lr=0.02, weight_decay=0.0, adjust_lr_fn="original"),
        ):
            p = torch.nn.Parameter(x.to(dtype).clone())
            optimizer, p.grad = make(p), (x.roll(1, 0) * scale).to(dtype)
            optimizer.step()
            moves.append(float((p.detach() - x.to(dtype)).float().norm()))
        assert 0.8 < moves[0] / moves[1] < 1.25


# The helpers, at infinity, at -0 and at NaN

VALUES = [-math.inf, -2.0, -0.0, 0.0, 1e-300, 3.0, math.inf, math.nan]


@pytest.mark.parametrize(
    "make", [np.float64, np.array, torch.tensor, float], ids=lambda make: make.__name__
)
def test_the_larger_of_two_is_exact_at_infinity_and_keeps_nan(make):
    for a, b in [(a, b) for a in VALUES for b in VALUES]:
        expected = float(np.maximum(a, b))
        arguments = (make(a), make(b))
        if make is torch.tensor:
            arguments = tuple(t.double() for t in arguments)
        assert float(rules.maximum(*arguments)) == pytest.approx(expected, rel=0, nan_ok=True)


def test_the_sign_of_infinity_is_one():
    expected = [-1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert rules.sign(np.array(VALUES[:-1])).tolist() == expected
    assert rules.sign(torch.tensor(VALUES[:-1], dtype=torch.float64)).tolist() == expected
    assert [rules.sign(v) for v in VALUES[:-1]] == expected


@pytest.mark.parametrize("name", rules.names())
def test_a_parameter_that_is_infinite_has_a_state_of_zeros(name):
    x = np.array([[math.inf, 1.0], [-math.inf, -2.0]])
    state = rules.get(name).init(x)
    assert all((np.asarray(s) == 0).all() for n, s in state._asdict().items() if n != "mu_product")


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 1e19), (np.float64, 1e154)])
@pytest.mark.parametrize("name", [n for n in rules.names() if n not in (*MATRICES, "adafactor")])
def test_the_range_that_the_module_names_is_in_range(name, dtype, most):
    for size in (most, most / 3, 1e-15):
        rule, x = rules.get(name), np.ones(2, dtype)
        y, state = rule.update(x, np.array([size, -size], dtype), rule.init(x))
        assert np.isfinite(y).all()
        assert all(np.isfinite(s).all() for s in state)
        assert y[0] < 1 < y[1] or "momentum" in name or size < 1


def test_a_failed_step_moves_nothing():
    def make(**hyper):
        p, q = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
        p.grad, q.grad = torch.ones(2), torch.ones(2)
        return p, q, Optimizer([{"params": [p]}, {"params": [q], **hyper}], rules.Adam(0.1))

    def failing(t):
        raise KeyError("no rate for this step")

    for hyper, break_it, error in (
        ({}, lambda q, o: setattr(q, "grad", torch.eye(2)[0].to_sparse()), RuntimeError),
        ({"lr": failing}, lambda q, o: None, KeyError),
        ({}, lambda q, o: o.param_groups[1].update(betas=(0.9, 1.0)), ValueError),
    ):
        p, q, optimizer = make(**hyper)
        break_it(q, optimizer)
        with pytest.raises(error):
            optimizer.step()
        assert p.tolist() == q.tolist() == [1.0, 1.0]


def test_what_a_rule_cannot_take_is_refused_by_name_when_the_optimizer_is_made():
    net = torch.nn.Linear(4, 3)
    with pytest.raises(ValueError, match=r"Muon cannot take bias: x must be a matrix"):
        Optimizer(net.named_parameters(), rules.Muon())
    with pytest.raises(ValueError, match=r"Muon cannot take parameter 1: .*shape \(3,\)"):
        Optimizer(net.parameters(), rules.Muon())
    optimizer = Optimizer([net.weight], rules.Muon())
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match="cannot take"):
        optimizer.add_param_group({"params": [net.bias]})
    assert optimizer.state_dict() == before
