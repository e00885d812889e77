"""Each schedule against PyTorch's over whole runs, its turning points and its bad arguments."""

import math
import pickle
import warnings
from dataclasses import fields

import numpy as np
import pytest

from descent.rules import GradientDescent
from descent.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    LinearWarmup,
    Milestones,
    OneCycle,
    RobbinsMonro,
    Schedule,
    Step,
    WarmupCosine,
    WarmupStableDecay,
)

ALL = [
    Constant(lr=0.1),
    Step(lr=0.1, every=7, gamma=0.3),
    Exponential(lr=0.1, gamma=0.97),
    Cosine(lr=0.1, steps=100, lr_min=0.001),
    LinearWarmup(lr=0.1, steps=30, start_factor=0.2),
    WarmupCosine(lr=0.1, warmup=30, steps=100, start_factor=0.2, lr_min=0.001),
    InverseSquareRoot(lr=0.1, warmup=40),
    OneCycle(lr=0.1, steps=100),
    RobbinsMonro(lr=0.1, power=0.75),
    Milestones(lr=0.1, at=(30, 60), gamma=0.3),
    Linear(lr=0.1, steps=100, lr_min=0.001),
    WarmupStableDecay(lr=0.1, warmup=10, steps=100, decay=30, lr_min=0.001),
]
IDS = [type(schedule).__name__ for schedule in ALL]


def torch_rates(make, lr, steps):
    """Return the rates of the steps 1, 2, ... of a scheduler of PyTorch."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, rates = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR's own use of a deprecated argument
            if len(rates) < steps:
                scheduler.step()
    return rates


def warmup_cosine(torch, optimizer):
    rise = torch.LinearLR(optimizer, 0.2, 1.0, 30)
    fall = torch.CosineAnnealingLR(optimizer, 170, 0.001)
    return torch.SequentialLR(optimizer, [rise, fall], [30])


def warmup_stable_decay(torch, optimizer):
    rise = torch.LinearLR(optimizer, 0.2, 1.0, 30)
    stay = torch.ConstantLR(optimizer, 1.0)
    fall = torch.LinearLR(optimizer, 1.0, 0.01, 50)
    return torch.SequentialLR(optimizer, [rise, stay, fall], [30, 150])


def torch_id(value):
    """Name a case by its schedule and steps; a function has no name that is the same twice."""
    return "torch" if callable(value) and not hasattr(value, "lr") else str(value)[:40]


IN_TORCH = [
    (Constant(0.3), lambda torch, o: torch.ConstantLR(o, 1.0), 50),
    (Step(0.3, every=7, gamma=0.3), lambda torch, o: torch.StepLR(o, 7, 0.3), 200),
    (Step(0.3, every=1), lambda torch, o: torch.StepLR(o, 1), 20),
    (Milestones(0.3, (7, 8, 90), 0.3), lambda torch, o: torch.MultiStepLR(o, [7, 8, 90], 0.3), 200),
    (Linear(0.3, steps=200), lambda torch, o: torch.PolynomialLR(o, 200, 1.0), 201),
    (Linear(0.3, 60, 0.03), lambda torch, o: torch.LinearLR(o, 1.0, 0.1, 60), 100),
    (WarmupStableDecay(0.3, 30, 200, 50, 0.2, 0.003), warmup_stable_decay, 201),
    (Exponential(0.3, gamma=0.97), lambda torch, o: torch.ExponentialLR(o, 0.97), 500),
    (Cosine(0.3, steps=200), lambda torch, o: torch.CosineAnnealingLR(o, 200), 201),
    (Cosine(0.3, 200, lr_min=0.01), lambda torch, o: torch.CosineAnnealingLR(o, 200, 0.01), 201),
    (LinearWarmup(0.3, steps=30), lambda torch, o: torch.LinearLR(o, total_iters=30), 100),
    (LinearWarmup(0.3, 30, 0.01), lambda torch, o: torch.LinearLR(o, 0.01, 1.0, 30), 100),
    (WarmupCosine(0.3, 30, 200, start_factor=0.2, lr_min=0.001), warmup_cosine, 201),
    (OneCycle(0.3, steps=200), lambda torch, o: torch.OneCycleLR(o, 0.3, 200), 200),
    (OneCycle(0.3, steps=3), lambda torch, o: torch.OneCycleLR(o, 0.3, 3), 3),
    (
        OneCycle(0.3, 37, pct_start=0.15, div_factor=10, final_div_factor=100),
        lambda torch, o: torch.OneCycleLR(
            o, 0.3, 37, pct_start=0.15, div_factor=10, final_div_factor=100
        ),
        37,
    ),
]


@pytest.mark.parametrize(("schedule", "make", "steps"), IN_TORCH, ids=torch_id)
def test_a_whole_run_is_that_of_torchs_scheduler(schedule, make, steps):
    expected = torch_rates(make, schedule.lr, steps)
    found = [schedule(t) for t in range(1, steps + 1)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15 * schedule.lr)


TURNS = [
    (Constant(0.5), {1: 0.5, 10**6: 0.5}),
    (Step(0.5, every=3, gamma=0.5), {1: 0.5, 3: 0.5, 4: 0.25, 6: 0.25, 7: 0.125}),
    (Exponential(0.5, gamma=0.5), {1: 0.5, 2: 0.25, 5: 1 / 32}),
    (Cosine(0.5, steps=6, lr_min=0.1), {1: 0.5, 3: 0.4, 4: 0.3, 7: 0.1, 8: 0.1, 13: 0.1}),
    (LinearWarmup(0.5, steps=4, start_factor=0.2), {1: 0.1, 2: 0.2, 4: 0.4, 5: 0.5, 6: 0.5}),
    (LinearWarmup(0.5, steps=9, start_factor=0.1), {t: t / 20 for t in range(1, 11)}),
    (
        WarmupCosine(0.5, 4, 10, 0.2, 0.1),
        {1: 0.1, 4: 0.4, 5: 0.5, 8: 0.3, 11: 0.1, 99: 0.1},
    ),
    (InverseSquareRoot(0.5, warmup=4), {1: 0.125, 2: 0.25, 4: 0.5, 16: 0.25, 64: 0.125}),
    (InverseSquareRoot(0.5), {1: 0.5, 4: 0.25, 100: 0.05}),
    (OneCycle(0.5, steps=10), {1: 0.02, 2: 0.26, 3: 0.5, 10: 2e-6, 11: 2e-6, 99: 2e-6}),
    (OneCycle(0.5, steps=10, pct_start=0.1), {1: 0.5, 10: 2e-6}),
    (OneCycle(0.5, steps=10, pct_start=0.4), {1: 0.02, 4: 0.5, 7: 0.250001, 10: 2e-6}),
    (Milestones(0.5, (2, 4), 0.5), {1: 0.5, 2: 0.5, 3: 0.25, 4: 0.25, 5: 0.125, 99: 0.125}),
    (Milestones(0.5, ()), {1: 0.5, 99: 0.5}),
    (Linear(0.5, 4, 0.1), {1: 0.5, 2: 0.4, 3: 0.3, 5: 0.1, 99: 0.1}),
    (
        WarmupStableDecay(0.5, 4, 12, 4, 0.2, 0.1),
        {1: 0.1, 4: 0.4, 5: 0.5, 9: 0.5, 10: 0.4, 12: 0.2, 13: 0.1, 99: 0.1},
    ),
    (WarmupStableDecay(0.5, 4, 6, 2, 0.2), {4: 0.4, 5: 0.5, 6: 0.25, 7: 0.0}),
    (RobbinsMonro(0.5), {1: 0.5, 2: 0.25, 50: 0.01}),
    (RobbinsMonro(0.5, power=0.75), {1: 0.5, 16: 0.0625}),
]


@pytest.mark.parametrize(("schedule", "rates"), TURNS, ids=lambda a: str(a)[:40])
def test_a_schedule_turns_where_it_says(schedule, rates):
    assert {t: schedule(t) for t in rates} == pytest.approx(rates, rel=1e-12)


def test_the_defaults_are_torchs_where_it_has_the_schedule():
    assert Step(0.5, every=1) == Step(0.5, every=1, gamma=0.1)
    assert Cosine(0.5, steps=2) == Cosine(0.5, steps=2, lr_min=0)
    assert LinearWarmup(3.0, steps=2)(1) == pytest.approx(1)
    assert WarmupCosine(3.0, warmup=1, steps=2)(1) == pytest.approx(1)
    assert OneCycle(0.5, steps=9) == OneCycle(0.5, 9, 0.3, div_factor=25, final_div_factor=1e4)


def test_inverse_square_root_is_the_rate_of_the_transformer():
    d_model, warmup = 512, 4000
    schedule = InverseSquareRoot(lr=1 / math.sqrt(warmup * d_model), warmup=warmup)
    for t in (1, 2, 3999, 4000, 4001, 100_000):
        expected = d_model**-0.5 * min(t**-0.5, t * warmup**-1.5)
        assert schedule(t) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("schedule", ALL, ids=IDS)
def test_a_schedule_survives_pickling(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert [again(t) for t in range(1, 120)] == [schedule(t) for t in range(1, 120)]


@pytest.mark.parametrize("schedule", ALL, ids=IDS)
def test_a_rule_takes_a_schedule_as_its_learning_rate(schedule):
    rule = GradientDescent(lr=schedule)
    x, state = rule.update(1.0, 2.0, rule.init(1.0))
    assert x == 1 - schedule(1) * 2.0
    assert rule.update(x, 2.0, state)[0] == x - schedule(2) * 2.0


@pytest.mark.parametrize("schedule", ALL, ids=IDS)
@pytest.mark.parametrize("t", [0, -1, 1.0, 1.5, math.nan, "1", None, True])
def test_a_step_that_is_no_whole_number_from_1_is_refused(schedule, t):
    with pytest.raises(ValueError, match=r"^t must be a whole number of at least 1, got "):
        schedule(t)


@pytest.mark.parametrize("schedule", ALL, ids=IDS)
def test_a_step_counted_by_numpy_gives_the_same_plain_float(schedule):
    assert schedule(np.int64(3)) == schedule(3)
    assert type(schedule(np.int64(3))) is float


NOT_NUMBERS = [math.nan, math.inf, "1", None, True]
NOT_COUNTS = [0, -1, 1.5, 2.0, *NOT_NUMBERS]
BAD = {
    "lr": [-0.1, *NOT_NUMBERS],
    "lr_min": [-0.1, 0.2, *NOT_NUMBERS],
    "gamma": [0, -0.1, 1.1, *NOT_NUMBERS],
    "start_factor": [0, -0.1, 1.1, *NOT_NUMBERS],
    "every": NOT_COUNTS,
    "steps": NOT_COUNTS,
    "warmup": NOT_COUNTS,
    "div_factor": [0, -1, *NOT_NUMBERS],
    "final_div_factor": [0, -1, *NOT_NUMBERS],
    "decay": NOT_COUNTS,
    "at": [3, None, "12", True, (0, 1), (2, 1), (1, 1), (1.5,), ("1",), [True]],
    "pct_start": [0, 1, -0.1, 1.1, *NOT_NUMBERS],
    "power": [0, 0.5, 1.1, *NOT_NUMBERS],
}
BAD_HERE = {
    (WarmupCosine, "warmup"): [100, 101],
    (OneCycle, "steps"): [1],
    (WarmupStableDecay, "warmup"): [100, 101],
    (WarmupStableDecay, "decay"): [91, 100],
}


@pytest.mark.parametrize("schedule", ALL, ids=IDS)
def test_a_bad_argument_is_refused_at_construction(schedule):
    for field in fields(schedule):
        here = BAD_HERE.get((type(schedule), field.name), [])
        for value in BAD[field.name] + here:
            arguments = {f.name: getattr(schedule, f.name) for f in fields(schedule)}
            with pytest.raises(ValueError, match=f"^{field.name} must be ") as error:
                type(schedule)(**arguments | {field.name: value})
            assert repr(value) in str(error.value)


def test_the_ends_of_each_range_are_allowed():
    assert Step(lr=0.1, every=1, gamma=1)(9) == 0.1
    assert Cosine(lr=0.1, steps=1, lr_min=0.1)(2) == pytest.approx(0.1)
    assert WarmupCosine(lr=0.1, warmup=1, steps=2, start_factor=1)(1) == 0.1
    assert OneCycle(lr=0.1, steps=2)(2) == pytest.approx(0.1 / 25e4)
    assert RobbinsMonro(lr=0.1, power=1)(10) == pytest.approx(0.01)


def test_a_schedule_without_a_formula_says_so():
    with pytest.raises(NotImplementedError):
        Schedule(lr=0.1)(1)
