"""Bugs that were public, replayed in a few lines, and named by the monitor.

Each is the fault alone, in PyTorch, without the project around it.
"""

import pytest

torch = pytest.importorskip("torch", reason="the monitor needs torch")

from torch import nn

from descent.rules import newton_schulz
from tests.monitor.runs import Task, kinds, watched


def named(watch, kind):
    """Return the one finding of a kind."""
    (found,) = [found for found in watch.findings if found.kind == kind]
    return found


def averaged(optimizer, group, p):
    """Return the momentum of a parameter, with its gradient."""
    b = optimizer.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
    return b.mul_(group["momentum"]).add_(p.grad)


class MuonWithoutDecay(torch.optim.Optimizer):
    """Muon whose decayed weights go nowhere: `decayed` is computed and not used."""

    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.1):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                b = averaged(self, group, p)
                decayed = p * (1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * newton_schulz(b).to(decayed.dtype))


def test_tinygrad_17709_a_decay_that_is_used_for_its_dtype_alone():
    task = Task()
    matrices = [p for p in task.model.parameters() if p.dim() == 2]
    found = named(watched(task, MuonWithoutDecay(matrices)), "dead-hyperparameter")
    assert found.what.startswith("weight_decay = 0.1 changes nothing")
    assert found.formula == "adamw-update"


class MuonOfGroups(torch.optim.Optimizer):
    """Muon that stores a decay in its groups, which a script logs and the step never reads."""

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                b = averaged(self, group, p)
                p.sub_(group["lr"] * newton_schulz(p.grad.lerp(b, group["momentum"])))


def test_modded_nanogpt_275_a_decay_that_is_logged_and_never_read():
    task = Task()
    matrices = [p for p in task.model.parameters() if p.dim() == 2]
    config = {"lr": 0.02, "momentum": 0.95, "muon_weight_decay": 0.025}
    found = named(watched(task, MuonOfGroups(matrices, config)), "dead-hyperparameter")
    assert found.what.startswith("muon_weight_decay = 0.025 changes nothing")


def test_kempnerforge_115_a_resume_that_drops_the_moments():
    task = Task()
    first = torch.optim.AdamW(task.model.parameters(), lr=1e-3)
    watched(task, first, steps=100)
    resumed = torch.optim.AdamW(task.model.parameters(), lr=1e-3)
    template = resumed.state_dict()  # of a new optimiser: nothing to load a moment into
    saved = {k: v for k, v in first.state_dict()["state"].items() if k in template["state"]}
    resumed.load_state_dict({**template, "state": saved})
    found = named(watched(task, resumed, steps=5, made=100), "state-missing")
    assert found.since == 101
    assert (
        "there is no state for 0.weight, 0.bias, 2.weight and 1 more after 100 steps" in found.what
    )


def test_accelerate_1382_a_schedule_stepped_once_for_each_process():
    task, processes, steps = Task(), 4, 160
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=1e-3)
    linear = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)

    class Prepared:
        def step(self):
            for _ in range(processes):
                linear.step()

    watch = watched(task, optimizer, steps=steps, schedule=Prepared())
    found = named(watch, "rate-zero")
    assert found.since == 50  # the first look after the end of the schedule, at step 40
    assert kinds(watch) == {"rate-zero"}


def test_optax_1754_and_pytorch_147437_epsilon_is_0_in_float16():
    p = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float16))
    task = type("Masked", (), {"model": None, "loss": lambda: (p * torch.tensor([0, 0, 1])).sum()})
    optimizer = torch.optim.Adam([p], lr=1e-3)  # eps=1e-8
    watch = watched(task, optimizer, steps=1, every=1)
    assert p.isnan().tolist() == [True, True, False]
    assert named(watch, "non-finite").since == 1
    assert "in float16 a larger ε" in named(watch, "non-finite").first


def test_olmo_core_317_a_step_count_that_is_never_counted_up():
    class SkipStepAdam(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self):
            for p in self.param_groups[0]["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=torch.tensor(0.0), m=0 * p, v=0 * p)
                t = state["step"] + 1  # a new tensor: the one in the state stays 0
                m = state["m"].lerp_(p.grad, 0.1)
                v = state["v"].mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                p.sub_(1e-3 * m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-8))

    task = Task()
    watch = watched(task, SkipStepAdam(task.model.parameters(), {"lr": 1e-3}))
    found = named(watch, "wrong-t")
    assert (found.since, found.what) == (1, "t went from 0 to 0 in one step")
    assert found.formula == "adam-wrong-t"
