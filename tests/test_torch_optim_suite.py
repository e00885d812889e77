"""PyTorch's own optimiser inputs, run through the adapter: a suite that nobody here wrote."""

import functools
import math

import pytest

torch = pytest.importorskip("torch", reason="the adapter needs torch")
pytest.importorskip("expecttest", reason="PyTorch's test inputs need expecttest")

from sets import named
from torch.nn import Parameter
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

from descent.conventions import framework_rule, names
from descent.torch_optim import Optimizer

INFOS = {info.name: info for info in optim_db}


def number(value):
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def rule_of(name, kwargs):
    """The rule that is equal to PyTorch's optimiser of that name, which knows its arguments."""
    plain = {
        key: tuple(map(number, value)) if isinstance(value, tuple) else number(value)
        for key, value in kwargs.items()
    }
    return framework_rule(f"torch.optim.{name}", **plain)


BY_ARRAY = {"Adafactor", "Muon"}
"""Optimisers whose rules look at a whole array: they cannot be flat, and Muon takes no bias."""

NAMES = [
    info.name
    for info in optim_db
    if f"torch.optim.{info.name}" in names() and info.name not in BY_ARRAY
]


def cases(dtype=None):
    """Every input of the database for which there is a rule."""
    return [
        pytest.param(info, case.kwargs, rule_of(info.name, case.kwargs), id=title(info, case))
        for info in optim_db
        if info.name in NAMES
        for case in info.optim_inputs_func(device="cpu", dtype=dtype)
    ]


def with_each(cases_of, values):
    """Every case of the first value; of the others Adam's, and the rest in make nightly."""
    for value in values:
        for one in cases_of(value):
            others = value != values[0] and one.values[0].name != "Adam"
            yield named(f"{one.id}, {value}", *one.values, value, nightly=others)


def title(info, case):
    return f"{info.name}, {case.desc}"


def decays(info, kwargs):
    return kwargs.get("weight_decay", 1e-2 if info.name == "AdamW" else 0) != 0


@pytest.fixture(autouse=True)
def settings():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of μ in the default type
    yield
    torch.set_default_dtype(torch.float32)


def run(make, dtype=torch.float64, steps=60):
    """A linear regression with a weight and a bias, as in PyTorch's own suite."""
    generator = torch.Generator().manual_seed(3)
    weight, bias, data = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for shape in ((10, 5), (10,), (5,))
    )
    params = [Parameter(weight), Parameter(bias)]
    optimizer = make(params)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = (params[0].mv(data) + params[1]).pow(2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    return params, losses


@pytest.mark.parametrize(
    ("info", "kwargs", "rule", "flat"), list(with_each(lambda flat: cases(), [False, True]))
)
def test_the_input_goes_as_far_as_torchs_optimizer(info, kwargs, rule, flat):
    theirs, losses = run(functools.partial(info.optim_cls, **kwargs))
    ours, own_losses = run(lambda params: Optimizer(params, rule, flat=flat))
    assert (losses[-1] > losses[0]) == kwargs.get("maximize", False)
    assert own_losses == pytest.approx(losses, rel=1e-11)
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-13)


def test_no_rule_is_equal_to_these_optimisers_alone():
    assert INFOS.keys() - set(NAMES) - BY_ARRAY <= {"LBFGS", "SparseAdam"}


LOW = [torch.bfloat16, torch.float16, torch.float32]


@pytest.mark.parametrize(("info", "kwargs", "rule", "dtype"), list(with_each(cases, LOW)))
def test_the_input_goes_where_torchs_goes_in_low_precision(info, kwargs, rule, dtype):
    _, theirs = run(functools.partial(info.optim_cls, **kwargs), dtype)
    _, ours = run(lambda params: Optimizer(params, rule), dtype)
    if math.isnan(theirs[-1]):  # float16 overflows where PyTorch maximises
        assert math.isnan(ours[-1])
    else:
        assert (ours[-1] > ours[0]) == (theirs[-1] > theirs[0]) == kwargs.get("maximize", False)


@pytest.mark.parametrize(
    ("info", "kwargs", "rule"), [c for c in cases() if not decays(*c.values[:2])]
)
def test_zero_gradients_leave_the_parameters_where_they_are(info, kwargs, rule):
    p = Parameter(torch.randn(5, 1, dtype=torch.float64))
    before = p.detach().clone()
    optimizer = Optimizer([p], rule)
    for _ in range(3):
        p.grad = torch.zeros_like(p)
        optimizer.step()
    assert torch.equal(p, before)


def scheduler_cases():
    for name in NAMES:
        for i, constructors in enumerate(INFOS[name].scheduler_inputs):
            yield pytest.param(name, constructors, id=f"{name}, {i}")


@pytest.mark.parametrize(("name", "constructors"), list(scheduler_cases()))
def test_torchs_schedulers_go_along(name, constructors):
    def train(make):
        torch.manual_seed(0)
        p = Parameter(torch.randn(10, dtype=torch.float64))
        optimizer = make([p])
        schedulers = [constructor(optimizer) for constructor in constructors]
        for _ in range(30):
            optimizer.zero_grad()
            loss = p.pow(2).sum()
            loss.backward()
            optimizer.step()
            for scheduler in schedulers:
                plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
                scheduler.step(*([loss.item()] if plateau else []))
        return p

    rule = rule_of(name, {"lr": 1e-2})
    ours = train(lambda params: Optimizer(params, rule))
    theirs = train(lambda params: INFOS[name].optim_cls(params, lr=1e-2))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


ERRORS_THAT_DO_NOT_APPLY = {
    "lr as Tensor doesn't work with foreach & not capturable": "there is no foreach here",
    r"betas\[0\] as a Tensor is not supported for capturable=False and foreach=True": (
        "there is no foreach here"
    ),
    "betas must be either both floats or both Tensors": "a tensor of one number is a number here",
}


def error_cases():
    for name in NAMES:
        for case in INFOS[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
            wrong = case.optimizer_error_input
            if wrong.desc not in ERRORS_THAT_DO_NOT_APPLY:
                yield pytest.param(name, case, id=f"{name}, {wrong.desc}")


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("name", "case"), list(error_cases()))
def test_torchs_error_inputs_are_errors_here(name, case):
    assert case.error_on == OptimizerErrorEnum.CONSTRUCTION_ERROR
    wrong = case.optimizer_error_input
    params = [Parameter(torch.randn(1, 1))] if wrong.params is None else wrong.params
    ours_to_say = wrong.params is None  # the hyper-parameters are checked by the rule
    with pytest.raises(case.error_type, match=None if ours_to_say else case.error_regex):
        Optimizer(params, rule_of(name, wrong.kwargs))
