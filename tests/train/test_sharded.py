"""A model that `fully_shard` divided: the run of one process, resumed by another number."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from torch import distributed as dist
from torch import multiprocessing, nn
from torch.distributed.fsdp import fully_shard

from descent import data, models, rules
from descent.torch_optim import Optimizer
from descent.train import fit, workers
from descent.train.optimizers import made_for, with_decay

pytestmark = pytest.mark.nightly

RULES = {
    "adamw": lambda: with_decay(rules.AdamW(1e-2)),
    "momentum": lambda: rules.Momentum(0.03),
    "muon": lambda: with_decay(rules.Muon()),
}
SETTINGS = {"batch_size": 400, "clip": 1.0, "accumulate": 2}


def net(*, sharded):
    torch.manual_seed(0)
    model = models.mlp((1, 8, 8), hidden=(16,))
    for layer in [*model, model] if sharded else ():
        if any(True for _ in layer.parameters()):
            fully_shard(layer)
    return model


def losses_of(name, *, sharded, **more):
    model = net(sharded=sharded)
    optimizer = made_for(model, RULES[name]())
    return fit(model, data.load("digits"), optimizer, **SETTINGS | more).losses


def work(rank, size, task, folder):
    """Be one of several processes, and write down what the task found."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size)}
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / f"store-{task.__name__}-{size}"), size)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size)
    try:
        torch.save(task(folder), folder / f"found-{rank}.pt")
    finally:
        dist.destroy_process_group()


def in_processes(size, task, folder):
    """Return what a task finds in each of several processes."""
    multiprocessing.spawn(work, (size, task, folder), nprocs=size)
    return [torch.load(folder / f"found-{rank}.pt", weights_only=True) for rank in range(size)]


def every_rule(folder):
    found = {name: losses_of(name, sharded=True, epochs=2) for name in RULES}
    model = net(sharded=True)
    with pytest.raises(ValueError, match="Adafactor cannot take parameter 0: it is sharded"):
        Optimizer(model.parameters(), rules.Adafactor())
    return found


def first_epoch(folder):
    return losses_of("adamw", sharded=True, epochs=1, checkpoint=folder / "run.pt")


def second_epoch(folder):
    more = {"epochs": 2, "checkpoint": folder / "run.pt", "resume": True}
    return losses_of("adamw", sharded=True, **more)


@pytest.mark.parametrize("size", [2, 4])
def test_a_sharded_model_makes_the_run_of_one_process(size, tmp_path):
    found = in_processes(size, every_rule, tmp_path)
    for name in RULES:
        expected = losses_of(name, sharded=False, epochs=2)
        for one in found:
            np.testing.assert_allclose(one[name], expected, rtol=1e-3)


def test_a_checkpoint_of_two_processes_goes_on_in_four_and_in_one(tmp_path):
    in_processes(2, first_epoch, tmp_path)
    (tmp_path / "two.pt").write_bytes((tmp_path / "run.pt").read_bytes())
    expected = losses_of("adamw", sharded=False, epochs=2)
    for one in in_processes(4, second_epoch, tmp_path):
        np.testing.assert_allclose(one, expected, rtol=1e-3)


def test_a_matrix_rule_steps_on_the_gathered_matrix_and_an_elementwise_one_on_its_part(tmp_path):
    store = dist.FileStore(str(tmp_path / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        for rule in (rules.Adam(), rules.Muon()):
            torch.manual_seed(0)
            model, plain = nn.Linear(3, 4, bias=False), nn.Linear(3, 4, bias=False)
            plain.load_state_dict(model.state_dict())
            fully_shard(model)
            assert workers.is_sharded(model)
            for one in (model, plain):
                optimizer = Optimizer(one.parameters(), rule)
                for _ in range(3):
                    optimizer.zero_grad()
                    one(torch.ones(2, 3)).square().sum().backward()
                    optimizer.step()
            assert torch.equal(model.weight.full_tensor(), plain.weight)
    finally:
        dist.destroy_process_group()
