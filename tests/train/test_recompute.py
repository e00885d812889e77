"""Activation checkpointing: the same numbers to the bit, with less kept between the passes."""

import contextlib
import copy

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from torch import nn

from descent import data, models, rules
from descent.data import Split
from descent.torch_optim import Optimizer
from descent.train import fit
from descent.train._recompute import recomputed

DIGITS = data.load("digits").to("cpu").mapped(lambda s: Split(s.x[:48], s.y[:48]))


class Blocks(nn.Module):
    """A network that is no `nn.Sequential`, with a list of layers and chance inside them."""

    def __init__(self):
        super().__init__()
        layers = (
            nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.Dropout(0.2)) for _ in "ab"
        )
        self.blocks, self.head = nn.ModuleList(layers), nn.Linear(64, 10)
        self.blocks[1][1].momentum = None  # a mean over all batches

    def forward(self, x):
        x = x.flatten(1)
        for block in self.blocks:
            x = x + torch.tanh(block(x))
        return self.head(x)


NETS = {
    "mlp": lambda: models.mlp((1, 8, 8), hidden=(32, 32), dropout=0.3),
    "alexnet-lite": lambda: models.alexnet_lite((1, 8, 8), dropout=0.3),
    "resnet-8": lambda: models.get("resnet-8", (1, 8, 8)),
    "blocks": Blocks,
}


def trained(name, **settings):
    torch.manual_seed(0)
    model = NETS[name]()
    optimizer = Optimizer(model.parameters(), rules.Adam(1e-2), flat=True)
    settings = {"epochs": 2, "batch_size": 24, "accumulate": 2} | settings
    return fit(model, DIGITS, optimizer, **settings), model


def scores(history):
    return history.losses, [{k: v for k, v in e.items() if k != "seconds"} for e in history.epochs]


def kept_bytes(model, *, spares):
    """Return the bytes that a forward pass keeps for the backward pass."""
    kept = {}
    memory = recomputed(model) if spares else contextlib.nullcontext()
    hooks = torch.autograd.graph.saved_tensors_hooks

    def note(tensor):
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    own = {p.data_ptr() for p in model.parameters()}
    with memory, hooks(note, lambda tensor: tensor):
        loss = model(DIGITS.train.x).square().sum()
    loss.backward()
    return sum(size for place, size in kept.items() if place not in own)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETS)
def test_a_run_that_computes_again_is_the_run_that_keeps(name, precision):
    plain, one = trained(name, precision=precision)
    spared, other = trained(name, precision=precision, checkpoint_activations=True)
    assert scores(spared) == scores(plain)
    state = other.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("name", NETS)
def test_less_is_kept_for_the_backward_pass(name):
    model = NETS[name]()
    assert kept_bytes(model, spares=True) < 0.8 * kept_bytes(model, spares=False)


def test_the_model_is_left_as_it_was():
    _, model = trained("resnet-8", checkpoint_activations=True)
    assert "forward" not in vars(model)
    assert copy.deepcopy(model)(DIGITS.train.x[:2]).shape == (2, 10)
    with pytest.raises(RuntimeError, match="mat1 and mat2"), recomputed(model):
        model[-1].forward(torch.ones(1, 2))
    assert "forward" not in vars(model)


def test_a_run_goes_on_with_the_other_setting(tmp_path):
    whole, _ = trained("resnet-8", epochs=2)
    files = {"checkpoint": tmp_path / "run.pt", "resume": True}
    trained("resnet-8", epochs=1, checkpoint_activations=True, **files)
    resumed, _ = trained("resnet-8", epochs=2, **files)
    assert scores(resumed) == scores(whole)


@pytest.mark.parametrize("compiled", [lambda m: m.compile() or m, torch.compile])
def test_a_compiled_model_is_refused(compiled):
    model = compiled(NETS["mlp"]())
    optimizer = Optimizer(model.parameters(), rules.Adam())
    with pytest.raises(ValueError, match="must be False for a compiled model"):
        fit(model, DIGITS, optimizer, epochs=1, batch_size=24, checkpoint_activations=True)
