"""PyTorch's own optimiser inputs, run through the adapter: a suite that nobody here wrote."""

import functools

import pytest

torch = pytest.importorskip("torch", reason="the adapter needs torch")
pytest.importorskip("expecttest", reason="PyTorch's test inputs need expecttest")

from torch.nn import Parameter
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

from descent import rules
from descent.torch_optim import Optimizer

INFOS = {info.name: info for info in optim_db}


class NoRuleError(Exception):
    """The input has no rule that is equal to it."""


def only(kwargs, *known):
    """Take what a rule knows; refuse the rest unless it changes nothing."""
    rest = {k: v for k, v in kwargs.items() if k not in known and v}
    if rest:
        raise NoRuleError(f"no rule here takes {', '.join(rest)}")
    return {k: kwargs[k] for k in known if k in kwargs}


def number(value):
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def adam(kwargs):
    kwargs = only(kwargs, "lr", "betas", "eps")
    betas = kwargs.pop("betas", (0.9, 0.999))
    return rules.Adam(**kwargs, beta1=number(betas[0]), beta2=number(betas[1]))


def sgd(kwargs):
    kwargs = {"lr": 1e-3, **only(kwargs, "lr", "momentum")}
    rule = rules.Momentum if kwargs.get("momentum") else rules.GradientDescent
    kwargs["lr"] = number(kwargs["lr"])
    return rule(**kwargs)


RULES = {"Adam": adam, "SGD": sgd}
"""A row per optimiser of PyTorch: its arguments to the rule that is equal to it."""

FORMS = [{}, {"flat": True}, {"compile": True}]


def sorted_cases():
    """Every input of the database: those with a rule, and those without, with the reason."""
    with_rule, without = [], []
    for name, info in INFOS.items():
        for case in info.optim_inputs_func(device="cpu"):
            title = f"{name}, {case.desc}"
            try:
                if name not in RULES:
                    raise NoRuleError("no rule here is equal to it")
                rule = RULES[name](case.kwargs)
                with_rule.append(pytest.param(info, case.kwargs, rule, id=title))
            except NoRuleError as reason:
                mark = pytest.mark.skip(reason=f"{title}: {reason}")
                without.append(pytest.param(id=title, marks=mark))
    return with_rule, without


CASES, CASES_WITHOUT_A_RULE = sorted_cases()


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


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


@pytest.mark.parametrize("form", FORMS, ids=lambda f: "+".join(f) or "plain")
@pytest.mark.parametrize(("info", "kwargs", "rule"), CASES)
def test_the_input_goes_as_far_as_torchs_optimizer(info, kwargs, rule, form):
    theirs, losses = run(functools.partial(info.optim_cls, **kwargs))
    ours, own_losses = run(lambda params: Optimizer(params, rule, **form))
    assert own_losses[-1] < own_losses[0]
    assert own_losses == pytest.approx(losses, rel=1e-11)
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize((), CASES_WITHOUT_A_RULE)
def test_the_input_has_no_rule_that_is_equal_to_it():
    raise AssertionError("skipped, with its reason")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("info", "kwargs", "rule"), CASES)
def test_the_input_goes_in_the_right_direction_in_low_precision(info, kwargs, rule, dtype):
    if dtype == torch.float16 and hasattr(rule, "eps"):
        rule = type(rule)(**{**vars(rule), "eps": 0.1})  # 1e-8 is 0 in float16
    _, losses = run(lambda params: Optimizer(params, rule), dtype)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("info", "kwargs", "rule"), CASES)
def test_zero_gradients_leave_the_parameters_where_they_are(info, kwargs, rule):
    p = Parameter(torch.randn(5, 1, dtype=torch.float64))
    before = p.detach().clone()
    optimizer = Optimizer([p], rule)
    for _ in range(3):
        p.grad = torch.zeros_like(p)
        optimizer.step()
    assert torch.equal(p, before)


def scheduler_cases():
    for name in RULES:
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

    rule = RULES[name]({"lr": 1e-2})
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
    for name in RULES:
        for case in INFOS[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
            wrong = case.optimizer_error_input
            reason = ERRORS_THAT_DO_NOT_APPLY.get(wrong.desc)
            if "weight_decay" in wrong.kwargs:
                reason = "no rule here takes weight_decay"
            marks = [pytest.mark.skip(reason=f"{name}, {wrong.desc}: {reason}")] if reason else []
            yield pytest.param(name, case, id=f"{name}, {wrong.desc}", marks=marks)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("name", "case"), list(error_cases()))
def test_torchs_error_inputs_are_errors_here(name, case):
    assert case.error_on == OptimizerErrorEnum.CONSTRUCTION_ERROR
    wrong = case.optimizer_error_input
    params = [Parameter(torch.randn(1, 1))] if wrong.params is None else wrong.params
    ours_to_say = wrong.params is None  # the hyper-parameters are checked by the rule
    with pytest.raises(case.error_type, match=None if ours_to_say else case.error_regex):
        Optimizer(params, RULES[name](wrong.kwargs))
