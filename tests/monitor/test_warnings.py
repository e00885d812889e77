"""Each warning: a run that must raise it, and the same run, mended, that must not."""

import contextlib
import functools

import pytest

torch = pytest.importorskip("torch", reason="the monitor needs torch")

from torch import nn

from descent.monitor import KINDS, HealthWarning, monitor
from tests.monitor import table
from tests.monitor.runs import Task, watched
from tools.book import catalogue

PAIRS = {}


def pair(kind):
    """Enter a run under a kind: with `True` it has the fault, with `False` it has not."""

    def entered(run):
        PAIRS.setdefault(kind, []).append(run)
        return run

    return entered


@pair("non-finite")
def too_fast(is_wrong):
    task = Task()
    optimizer = torch.optim.SGD(task.model.parameters(), lr=1e6 if is_wrong else 0.1)
    return watched(task, optimizer, change=lambda t: scaled(task, 1e4 if is_wrong else 1))


def scaled(task, factor):
    for p in task.model.parameters():
        p.grad.mul_(factor)


def bowl(lr, start=1.0, optimizer=torch.optim.SGD, every=10, steps=60, **options):
    p = nn.Parameter(torch.full((3,), start))
    made = optimizer([p], lr=lr, **options)
    loss = lambda: (p**2).sum() / 2  # noqa: E731
    with monitor(made, every, loss=loss, warn=False) as watch:
        for _ in range(steps):
            made.zero_grad()
            loss().backward()
            made.step()
    return watch


@pair("exploding")
def beyond_the_limit(is_wrong):
    return bowl(lr=2.5 if is_wrong else 1.9)


@pair("beyond-stability")
def too_sharp(is_wrong):
    return bowl(lr=2.6 if is_wrong else 1.9, steps=40)


@pair("beyond-stability")
def too_sharp_for_momentum(is_wrong):
    return bowl(lr=5.0 if is_wrong else 3.6, steps=40, momentum=0.9)


@pair("beyond-stability")
def too_sharp_for_adam(is_wrong):
    """Gradients of ±1 make √v̂ = 1, and the loss that is handed over has a curvature of its own."""
    p = nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([p], lr=1e-3)
    curvature = (50 if is_wrong else 25) / 1e-3
    with monitor(adam, 10, loss=lambda: curvature / 2 * (p**2).sum(), warn=False) as watch:
        for t in range(40):
            p.grad = torch.full((3,), (-1.0) ** t)
            adam.step()
    assert watch.rows[-1].limit == pytest.approx(38 / 1e-3)
    assert watch.rows[-1].sharpness == pytest.approx(curvature, rel=1e-4)
    return watch


@pair("spike")
def burst(is_wrong):
    task = Task()
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-4)
    change = lambda t: scaled(task, 1000 if is_wrong and t == 95 else 1)  # noqa: E731
    return watched(task, optimizer, change=change)


@pair("eps-outweighs")
def large_epsilon(is_wrong):
    task = Task()
    return watched(
        task, torch.optim.Adam(task.model.parameters(), lr=1e-3, eps=1 if is_wrong else 1e-8)
    )


@pair("second-moment-lost")
def squares_in_float16(is_wrong):
    task = Task(dtype=torch.float16 if is_wrong else torch.bfloat16)
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-3, eps=1e-4)
    return watched(task, optimizer, steps=60, change=lambda t: scaled(task, 0.02))


@pair("lost-displacement")
def steps_below_the_spacing(is_wrong):
    task = Task(dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=1e-6 if is_wrong else 1e-3)
    return watched(task, optimizer)


@pair("no-gradient")
def layer_not_called(is_wrong):
    task = Task()
    optimizer = torch.optim.SGD(task.model.parameters(), lr=0.1)
    first = task.model[0]
    if is_wrong:
        task.model[0].register_forward_hook(lambda m, x, out: out.detach())
    watch = watched(task, optimizer)
    assert (first.weight.grad is None) == is_wrong
    return watch


@pair("rate-zero")
def schedule_four_times_too_fast(is_wrong):
    task = Task()
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    linear = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 150)

    class Often:
        def step(self):
            for _ in range(4 if is_wrong else 1):
                linear.step()

    return watched(task, optimizer, schedule=Often())


@pair("always-clipped")
def small_limit(is_wrong):
    task = Task(noise=5.0)
    limit = 1e-3 if is_wrong else 5.0
    clip = functools.partial(nn.utils.clip_grad_norm_, list(task.model.parameters()), limit)
    optimizer = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    return watched(task, optimizer, change=lambda t: clip())


@pair("always-clipped")
def small_limit_that_is_told(is_wrong):
    task = Task(noise=5.0)
    limit = 1e-3 if is_wrong else 5.0
    p = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    with monitor(p, 10, warn=False) as watch:
        for _ in range(150):
            p.zero_grad()
            task.loss().backward()
            watch.clipped(nn.utils.clip_grad_norm_(task.model.parameters(), limit), limit)
            p.step()
    assert (watch.rows[-1].before > 1) == is_wrong
    return watch


class OwnAdam(torch.optim.Optimizer):
    """An Adam as people write it, with a fault that is asked for."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.0, fault=None):
        self.fault = fault
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._step(group, p)

    def _step(self, group, p):
        state, (beta1, beta2), lr = self.state[p], group["betas"], group["lr"]
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
        state["step"] += {"frozen": 0 if state["step"] else 1, "twice": 2}.get(self.fault, 1)
        if self.fault == "no-beta2":
            beta2 = 0.99
        m = state["exp_avg"].lerp_(p.grad, 1 - (0.9 if self.fault == "no-beta1" else beta1))
        v = state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        t, decay = state["step"], lr * group["weight_decay"]
        if self.fault == "no-decay":
            p * (1 - decay)
        else:
            p.mul_(1 + decay if self.fault == "sign" else 1 - decay)
        v_hat = v / (1 - beta2**t)
        p.sub_(lr * m / (1 - beta1**t) / (v_hat.sqrt() + 1e-8))


@pair("wrong-t")
def frozen_t(is_wrong):
    task = Task()
    return watched(task, OwnAdam(task.model.parameters(), fault="frozen" if is_wrong else None))


@pair("wrong-t")
def t_counted_twice(is_wrong):
    task = Task()
    return watched(task, OwnAdam(task.model.parameters(), fault="twice" if is_wrong else None))


@pair("dead-hyperparameter")
def decay_without_effect(is_wrong):
    task = Task()
    fault = "no-decay" if is_wrong else None
    watch = watched(task, OwnAdam(task.model.parameters(), weight_decay=1e-5, fault=fault))
    assert [f.formula for f in watch.findings] == ["adamw-update"] * is_wrong
    return watch


@pair("dead-hyperparameter")
def beta2_without_effect(is_wrong):
    task = Task()
    watch = watched(task, OwnAdam(task.model.parameters(), fault="no-beta2" if is_wrong else None))
    assert ["betas[1]" in f.what for f in watch.findings] == [True] * is_wrong
    return watch


@pair("decay-grows")
def decay_of_the_wrong_sign(is_wrong):
    task = Task()
    fault = "sign" if is_wrong else None
    return watched(task, OwnAdam(task.model.parameters(), weight_decay=0.1, fault=fault))


def after_resume(change, steps=None):
    """Train, load a changed state into a new optimiser, and go on, watched."""
    task = Task()
    first = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    watched(task, first, steps=100)
    saved = first.state_dict()
    states = {k: change(k, dict(kept)) for k, kept in saved["state"].items()}
    second = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    second.load_state_dict({**saved, "state": {k: s for k, s in states.items() if s}})
    return watched(task, second, steps=20, made=steps)


def as_saved(_, state):
    return state


@pair("t-after-resume")
def t_of_another_run(is_wrong):
    wrong = lambda _, state: state | {"step": torch.tensor(3.0)}  # noqa: E731
    return after_resume(wrong if is_wrong else as_saved, steps=100)


@pair("moments-without-t")
def t_begins_anew(is_wrong):
    wrong = lambda _, state: state | {"step": torch.tensor(0.0)}  # noqa: E731
    return after_resume(wrong if is_wrong else as_saved)


@pair("t-without-moments")
def moments_begin_anew(is_wrong):
    def wrong(_, state):
        zeros = {n: torch.zeros_like(state[n]) for n in ("exp_avg", "exp_avg_sq")}
        return state | zeros

    return after_resume(wrong if is_wrong else as_saved)


@pair("state-missing")
def state_of_a_tensor_is_lost(is_wrong):
    wrong = lambda key, state: {} if key == 2 else state  # noqa: E731
    watch = after_resume(wrong if is_wrong else as_saved)
    assert ["2.weight" in f.what for f in watch.findings] == [True] * is_wrong
    return watch


@pair("state-missing")
def all_state_is_lost(is_wrong):
    return after_resume((lambda *_: {}) if is_wrong else as_saved, steps=100)


CASES = [(kind, run) for kind, runs in PAIRS.items() for run in runs]


def test_every_kind_of_warning_has_its_runs():
    assert PAIRS.keys() == KINDS.keys()


@pytest.mark.parametrize(("kind", "run"), CASES, ids=[run.__name__ for _, run in CASES])
def test_the_run_with_the_fault_is_warned_of_and_the_mended_one_is_not(kind, run):
    found = table.row(kind, run)
    known = table.recorded()[kind, found["run"]]
    assert found["with"]["since"] == known["with"]["since"], "python -m tests.monitor.table"
    assert found["without"] == known["without"] == []


def test_the_recorded_table_has_these_runs_and_no_others():
    assert list(table.recorded()) == [(kind, run.__name__.replace("_", " ")) for kind, run in CASES]


@pytest.mark.parametrize("kind", KINDS)
def test_the_formula_of_a_warning_stands_in_the_chapter_that_it_names(kind):
    assert catalogue.formula_pages()[KINDS[kind].formula].stem == KINDS[kind].page


def test_a_finding_says_what_since_when_where_and_what_to_try():
    task = Task()
    optimizer = OwnAdam(task.model.parameters(), fault="frozen")
    watch = monitor(optimizer, 10)
    task.loss().backward()
    said = r"wrong-t, group 0, since step 10: t went from 1 to 1"
    for t in range(1, 31):
        with pytest.warns(HealthWarning, match=said) if t == 10 else contextlib.nullcontext():
            optimizer.step()
    found = watch.findings[0]
    assert (found.since, found.last, found.formula) == (10, 30, "adam-wrong-t")
    assert found.address == "book/the-loop.html#adam-wrong-t"
    assert "Try first: count t" in str(found)
