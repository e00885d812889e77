"""A model that `fully_shard` divided: the run of one process, resumed by another number."""

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

import torch.distributed.checkpoint as dcp
from torch import distributed as dist
from torch import multiprocessing, nn
from torch.distributed.checkpoint.state_dict import (
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import fully_shard
from torch.nn.functional import cross_entropy

from descent import data, models, rules
from descent.torch_optim import Optimizer
from descent.train import fit, workers
from descent.train.optimizers import made_for, with_decay

pytestmark = pytest.mark.nightly

RULES = {
    "adamw": lambda: with_decay(rules.AdamW(1e-2)),
    "the paper's adamw": lambda: rules.AdamW(1e-2, weight_decay=1e-2),
    "momentum": lambda: rules.Momentum(0.03),
    "muon": lambda: with_decay(rules.Muon()),
}
SETTINGS = {"batch_size": 400, "clip": 1.0, "accumulate": 2}
SIZES = [(2, 4), (4, 2)]


def net(*, sharded):
    torch.manual_seed(0)
    model = models.mlp((1, 8, 8), hidden=(16,))
    return workers.shard(model) if sharded else model


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


def epochs(folder, count, *, sharded):
    """Train each rule for so many epochs in all, from where it was left."""
    more = {"epochs": count, "resume": True, "checkpoint_activations": True}
    return {
        name: losses_of(name, sharded=sharded, checkpoint=folder / f"{name}.pt", **more)
        for name in RULES
    }


def first_epoch(folder):
    return epochs(folder, 1, sharded=True)


def second_epoch(folder):
    return epochs(folder, 2, sharded=True)


@pytest.mark.parametrize("size", [2, 4])
def test_a_sharded_model_makes_the_run_of_one_process(size, tmp_path):
    found = in_processes(size, every_rule, tmp_path)
    for name in RULES:
        expected = losses_of(name, sharded=False, epochs=2)
        for one in found:
            np.testing.assert_allclose(one[name], expected, rtol=1e-3)


@pytest.mark.parametrize("sizes", [*SIZES, (1, 2), (2, 1)])
def test_a_checkpoint_goes_on_in_another_number_of_processes(sizes, tmp_path):
    runs = zip(sizes, (first_epoch, second_epoch), (1, 2), strict=True)
    for size, task, count in runs:
        one = epochs(tmp_path, count, sharded=False) if size == 1 else None
        found = [one] if one else in_processes(size, task, tmp_path)
    for name in RULES:
        expected = losses_of(name, sharded=False, epochs=2)
        for one in found:
            np.testing.assert_allclose(one[name], expected, rtol=1e-3)


def parts_of(name, model):
    optimizer = made_for(model, RULES[name]())
    return getattr(optimizer, "parts", (optimizer,))


def states(model, parts):
    return {
        "model": get_model_state_dict(model),
        "optim": get_optimizer_state_dict(model, parts),
    }


def whole(value):
    """Return what all processes together hold."""
    if isinstance(value, dict):
        return {key: whole(v) for key, v in value.items()}
    if isinstance(value, list):
        return [whole(v) for v in value]
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def step(model, parts):
    split = data.load("digits").to("cpu").train
    loss = cross_entropy(model(split.x), split.y)
    loss.backward()
    for part in parts:
        part.step()
        part.zero_grad()
    return float(loss.detach())


def saved_by_torch(folder):
    found = {}
    for name in ("adamw", "muon"):
        model = net(sharded=True)
        parts = parts_of(name, model)
        for _ in range(3):
            step(model, parts)
        dcp.save(states(model, parts), checkpoint_id=folder / name)
        found[name] = whole(states(model, parts)), [step(model, parts) for _ in range(2)]
    return found


def loaded_by_torch(folder):
    found = {}
    for name in ("adamw", "muon"):
        model = net(sharded=True)
        parts = parts_of(name, model)
        target = states(model, parts)
        dcp.load(target, checkpoint_id=folder / name)
        set_optimizer_state_dict(model, parts, target["optim"])
        set_model_state_dict(model, target["model"])
        found[name] = whole(states(model, parts)), [step(model, parts) for _ in range(2)]
    return found


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), [other[key] for key in one]
    if isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@pytest.mark.parametrize("sizes", SIZES)
def test_a_state_in_torchs_distributed_format_is_the_same_in_another_number(sizes, tmp_path):
    before = in_processes(sizes[0], saved_by_torch, tmp_path)
    after = in_processes(sizes[1], loaded_by_torch, tmp_path)
    for name, (state, losses) in before[0].items():
        for found in after:
            assert_equal(found[name][0], state)
            np.testing.assert_allclose(found[name][1], losses, rtol=1e-5)
        kept = state["optim"]["state"].values()
        assert [one["t"] for one in kept] == [3] * 4
        assert all(one[key].abs().sum() > 0 for one in kept for key in one.keys() - {"t"})


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
