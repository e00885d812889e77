"""No false alarm: ordinary runs, of many rules, schedules and habits."""

import functools
import itertools

import pytest

torch = pytest.importorskip("torch", reason="the monitor needs torch")

from torch import nn
from torch.nn.functional import cross_entropy

from descent import rules, schedules
from descent.monitor import monitor
from descent.torch_optim import Optimizer
from descent.train.optimizers import RATES, made_for, rule_named, with_decay
from tests.monitor import runs
from tests.monitor.runs import Task

STEPS, EVERY = 60, 5
watched = functools.partial(runs.watched, steps=STEPS, every=EVERY)

optim = torch.optim

THEIRS = {
    "sgd": (optim.SGD, {"lr": 0.1}),
    "momentum": (optim.SGD, {"lr": 0.03, "momentum": 0.9}),
    "nesterov": (optim.SGD, {"lr": 0.03, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}),
    "adam": (optim.Adam, {"lr": 1e-3}),
    "adam-l2": (optim.Adam, {"lr": 1e-3, "weight_decay": 1e-4}),
    "amsgrad": (optim.Adam, {"lr": 1e-3, "amsgrad": True}),
    "adamw": (optim.AdamW, {"lr": 1e-3, "weight_decay": 0.01}),
    "adamw-loop": (optim.AdamW, {"lr": 1e-3, "foreach": False}),
    "adamw-fused": (optim.AdamW, {"lr": 1e-3, "fused": True}),
    "adamw-tensor-lr": (optim.AdamW, {"lr": torch.tensor(1e-3)}),
    "rmsprop": (optim.RMSprop, {"lr": 1e-3, "momentum": 0.9}),
    "rmsprop-centered": (optim.RMSprop, {"lr": 1e-3, "centered": True}),
    "adagrad": (optim.Adagrad, {"lr": 0.01, "initial_accumulator_value": 0.1}),
    "adadelta": (optim.Adadelta, {"lr": 1.0}),
    "adamax": (optim.Adamax, {"lr": 2e-3}),
    "nadam": (optim.NAdam, {"lr": 1e-3, "weight_decay": 1e-3}),
    "radam": (optim.RAdam, {"lr": 1e-3}),
    "asgd": (optim.ASGD, {"lr": 0.03, "weight_decay": 1e-4}),
    "rprop": (optim.Rprop, {"lr": 1e-3}),
    "adafactor": (optim.Adafactor, {"lr": 0.01}),
}


def clean(watch):
    """Require no finding, and that all that was to be looked at was."""
    assert not watch.findings, str(watch.report())
    assert not watch.notes, watch.notes
    assert watch.rows


@pytest.mark.parametrize("name", THEIRS)
def test_an_ordinary_run_of_pytorchs_optimisers_is_not_warned_of(name):
    form, options = THEIRS[name]
    task = Task(seed=len(name))
    clean(watched(task, form(task.model.parameters(), **options)))


@pytest.mark.parametrize("name", RATES)
def test_an_ordinary_run_of_the_books_rules_is_not_warned_of(name):
    task = Task(seed=1, noise=1.0)
    clean(watched(task, made_for(task.model, with_decay(rule_named(name), 1e-2))))


def test_an_ordinary_run_of_pytorchs_muon_beside_adamw_is_not_warned_of():
    task = Task()
    matrices = [p for p in task.model.parameters() if p.dim() == 2]
    clean(watched(task, optim.Muon(matrices, lr=0.02, weight_decay=0.1)))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw", "rmsprop"])
def test_other_seeds_noise_and_a_long_run_are_not_warned_of(seed, name):
    form, options = THEIRS[name]
    task = Task(seed=10 + seed, noise=seed)
    clean(watched(task, form(task.model.parameters(), **options), steps=150, every=10))


HABITS = {}


def habit(run):
    """Enter an ordinary habit, a function that returns a monitor."""
    HABITS[run.__name__] = run
    return run


def adamw(task, **options):
    return optim.AdamW(task.model.parameters(), **({"lr": 3e-3} | options))


@habit
def warmup_from_zero_then_cosine_to_zero():
    task = Task()
    optimizer = adamw(task)
    shape = schedules.WarmupCosine(1.0, 20, STEPS)
    factor = lambda t: 0.0 if t == 0 else shape(t + 1)  # noqa: E731
    return watched(task, optimizer, schedule=optim.lr_scheduler.LambdaLR(optimizer, factor))


@habit
def warmup_of_a_rule_that_is_a_function_of_t():
    task = Task()
    rule = rules.Adam(lr=schedules.WarmupCosine(3e-3, 20, STEPS))
    return watched(task, Optimizer(task.model.parameters(), rule, flat=True))


@habit
def one_cycle_of_rate_and_momentum():
    task = Task()
    optimizer = optim.SGD(task.model.parameters(), lr=0.1, momentum=0.9)
    cycle = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=STEPS + 1)
    return watched(task, optimizer, schedule=cycle)


@habit
def restarts():
    task = Task()
    optimizer = adamw(task)
    warm = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 20)
    return watched(task, optimizer, schedule=warm)


@habit
def frozen_parts():
    task = Task()
    task.model[0].requires_grad_(False)
    return watched(task, adamw(task))


@habit
def a_group_with_rate_zero():
    task = Task()
    first, last = task.model[0].parameters(), task.model[2].parameters()
    groups = [{"params": first, "lr": 0.0}, {"params": last, "name": "head"}]
    return watched(task, optim.AdamW(groups, lr=1e-3))


@habit
def unfrozen_on_the_way():
    task = Task()
    task.model[0].requires_grad_(False)

    def change(t):
        if t == 30:
            task.model[0].requires_grad_(True)

    return watched(task, adamw(task), change=change)


@habit
def no_decay_on_biases():
    task = Task()
    parts = [[p for p in task.model.parameters() if (p.dim() > 1) == m] for m in (True, False)]
    groups = [{"params": parts[0]}, {"params": parts[1], "weight_decay": 0.0}]
    return watched(task, optim.AdamW(groups, lr=1e-3, weight_decay=0.1))


@habit
def mixed_batch_sizes():
    task, sizes = Task(noise=2.0), itertools.cycle((1, 3, 64, 256))
    return watched(task, adamw(task), batch_loss=lambda: task.loss(next(sizes)))


@habit
def accumulated_gradients():
    task = Task()
    part = lambda: task.loss(8) / 4  # noqa: E731
    return watched(task, adamw(task), batch_loss=part, change=lambda t: part().backward())


@habit
def the_whole_batch():
    task = Task()
    optimizer = optim.SGD(task.model.parameters(), lr=0.3, momentum=0.9)
    return watched(task, optimizer, batch_loss=task.whole_loss, loss=task.whole_loss)


@habit
def clipped_now_and_then():
    task = Task(noise=3.0)
    clip = functools.partial(nn.utils.clip_grad_norm_, list(task.model.parameters()), 1.0)
    return watched(task, adamw(task), change=lambda t: clip())


@habit
def weights_of_bfloat16():
    task = Task(dtype=torch.bfloat16)
    return watched(task, adamw(task))


@habit
def weights_of_float64():
    task = Task(dtype=torch.float64)
    return watched(task, adamw(task))


@habit
def tied_weights_and_embeddings_whose_rows_get_no_gradient():
    torch.manual_seed(0)
    table = nn.Embedding(500, 8)
    head = nn.Linear(8, 500, bias=False)
    rare = nn.Embedding(1000, 8)
    head.weight = table.weight
    params = {id(p): p for m in (table, head, rare) for p in m.parameters()}
    optimizer = optim.AdamW(params.values(), lr=1e-3)

    def loss():
        words = torch.randint(50, (32,))
        return cross_entropy(head(table(words) + rare(words)), (words + 1) % 50)

    return watched(None, optimizer, batch_loss=loss)


@habit
def sparse_gradients():
    torch.manual_seed(0)
    table = nn.Embedding(500, 8, sparse=True)
    optimizer = optim.SparseAdam(table.parameters(), lr=1e-2)
    loss = lambda: (table(torch.randint(50, (32,))) - 1).pow(2).mean()  # noqa: E731
    return watched(None, optimizer, batch_loss=loss)


@habit
def a_closure():
    task = Task()
    optimizer = optim.LBFGS(task.model.parameters(), lr=0.1, max_iter=2)

    def closure():
        optimizer.zero_grad()
        loss = task.whole_loss()
        loss.backward()
        return loss

    with monitor(optimizer, 5, warn=False) as watch:
        for _ in range(30):
            optimizer.step(closure)
    return watch


@habit
def zeros_to_begin_with():
    task = Task()
    for p in task.model[2].parameters():
        nn.init.zeros_(p)
    return watched(task, adamw(task))


@habit
def converged():
    torch.manual_seed(0)
    p = nn.Parameter(torch.randn(40))
    return watched(None, optim.SGD([p], lr=0.5), batch_loss=lambda: p.square().sum())


@habit
def one_number():
    p = nn.Parameter(torch.tensor(3.0))
    return watched(None, optim.Adam([p], lr=0.1), batch_loss=lambda: p**2)


@habit
def entries_of_a_script_in_the_groups():
    task = Task()
    group = {"params": list(task.model.parameters()), "lr_scale": 0.5, "layer": 3, "name": "all"}
    return watched(task, optim.AdamW([group], lr=1e-3))


@habit
def resumed_as_it_should_be():
    task = Task()
    first = adamw(task)
    watched(task, first, steps=60)
    second = adamw(task)
    second.load_state_dict(first.state_dict())
    return watched(task, second, steps=60, made=60)


@pytest.mark.parametrize("name", HABITS)
def test_an_ordinary_habit_is_not_warned_of(name):
    clean(HABITS[name]())
