"""Each layer and each loss computes what torch's autograd computes, in float64."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
from torch import nn

from descent.backprop import layers
from descent.backprop.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from descent.backprop.losses import SoftmaxCrossEntropy

RNG = np.random.default_rng(0)
TORCH_NAME = {"W": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}

GEOMETRIES = [
    # channels in and out, kernel, stride, padding, height, width
    (1, 1, 1, 1, 0, 1, 1),
    (2, 3, 1, 2, 0, 5, 4),
    (3, 4, 3, 1, 1, 8, 8),
    (2, 3, 3, 2, 1, 7, 5),
    (2, 3, 3, 2, 0, 8, 6),
    (1, 2, 2, 3, 1, 9, 7),
    (3, 2, 5, 1, 2, 6, 5),
    (2, 2, 4, 3, 3, 5, 8),
    (1, 3, 5, 4, 0, 11, 13),
    (2, 2, 3, 5, 4, 2, 3),
]
POOLS = [
    # kernel, stride, padding, height, width
    (1, 1, 0, 3, 2),
    (2, 2, 0, 8, 8),
    (2, None, 0, 7, 5),
    (3, None, 0, 7, 9),
    (3, 2, 1, 7, 6),
    (3, 2, 0, 13, 13),
    (3, 1, 1, 4, 5),
    (2, 3, 1, 6, 8),
    (5, 2, 2, 6, 9),
]

PAIRS = [
    *((Linear(n, m, rng=RNG), nn.Linear(n, m), (4, n)) for n, m in ((1, 1), (5, 3), (64, 10))),
    *(
        (
            Conv2d(n, m, k, stride=s, padding=p, rng=RNG),
            nn.Conv2d(n, m, k, stride=s, padding=p),
            (3, n, height, width),
        )
        for n, m, k, s, p, height, width in GEOMETRIES
    ),
    *(
        (ours(k, stride=s, padding=p), theirs(k, stride=s, padding=p), (3, 2, height, width))
        for k, s, p, height, width in POOLS
        for ours, theirs in ((MaxPool2d, nn.MaxPool2d), (AvgPool2d, nn.AvgPool2d))
    ),
    (BatchNorm(3), nn.BatchNorm1d(3), (3, 3)),
    (BatchNorm(1), nn.BatchNorm1d(1), (20, 1)),
    (BatchNorm(3), nn.BatchNorm2d(3), (3, 3, 1, 1)),
    (BatchNorm(3), nn.BatchNorm2d(3), (4, 3, 5, 2)),
    (BatchNorm(3, momentum=0.7, eps=0.1), nn.BatchNorm2d(3, eps=0.1, momentum=0.3), (4, 3, 2, 2)),
    (ReLU(), nn.ReLU(), (4, 3, 2)),
    (Tanh(), nn.Tanh(), (4, 3, 2)),
    (Sigmoid(), nn.Sigmoid(), (4, 3, 2)),
    (Flatten(), nn.Flatten(), (4, 3, 2, 5)),
]
IDS = [f"{theirs}-{shape}" for _, theirs, shape in PAIRS]


def close(found, expected):
    """Equal to 1e-12 of the largest entry: a sum that cancels has no such accuracy by itself."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def share_parameters(ours, theirs, seed):
    """Draw parameters for both; return torch's by our names."""
    rng, named = np.random.default_rng(seed), dict(theirs.double().named_parameters())
    renamed = {name: named[in_torch(name)] for name in ours.parameters}
    assert len(renamed) == len(named)
    for name, p in ours.parameters.items():
        p[...] = rng.standard_normal(p.shape)
        renamed[name].data = torch.tensor(p)
    return renamed


def in_torch(name):
    *path, last = name.split(".")
    return ".".join([*path, TORCH_NAME[last]])


def agree(ours, theirs, x, seed=0):
    """Compare output, input gradient and parameter gradients, given the same parameters."""
    parameters = share_parameters(ours, theirs, seed)
    leaf = torch.tensor(x, requires_grad=True)
    expected = theirs(leaf)
    dy = np.random.default_rng(seed).standard_normal(expected.shape)
    expected.backward(torch.tensor(dy))
    close(ours.forward(x), expected.detach())
    close(ours.backward(dy), leaf.grad)
    for name, g in ours.gradients.items():
        close(g, parameters[name].grad)


@pytest.mark.parametrize(("ours", "theirs", "shape"), PAIRS, ids=IDS)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_layer_and_its_gradients_are_those_of_autograd(ours, theirs, shape, scale):
    theirs.zero_grad()
    agree(ours, theirs, scale * np.random.default_rng(1).standard_normal(shape))


def test_every_layer_is_compared():
    compared = {type(ours) for ours, _, _ in PAIRS} | {Dropout, Residual, Sequential}
    public = {
        value
        for name, value in vars(layers).items()
        if isinstance(value, type) and issubclass(value, layers.Layer) and name[0] != "_"
    }
    assert compared == public - {layers.Layer}


@pytest.mark.parametrize(("k", "s", "p", "height", "width"), POOLS)
def test_the_gradient_of_a_tie_goes_where_autograd_sends_it(k, s, p, height, width):
    x = np.random.default_rng(2).integers(0, 2, (4, 2, height, width)).astype(float)
    agree(MaxPool2d(k, stride=s, padding=p), nn.MaxPool2d(k, stride=s, padding=p), x)


def test_relu_has_the_gradient_of_autograd_at_zero():
    agree(ReLU(), nn.ReLU(), np.array([[-1.0, -0.0, 0.0, 1.0]]))


def test_batch_norm_keeps_the_running_averages_of_torch_and_predicts_by_them():
    ours, theirs = BatchNorm(3), nn.BatchNorm2d(3).double()
    share_parameters(ours, theirs, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = 5 + 3 * rng.standard_normal((2, 3, 2, 2))
        close(ours.forward(x), theirs(torch.tensor(x)).detach())
    close(ours.running_mean, theirs.running_mean)
    close(ours.running_var, theirs.running_var)
    close(ours.predict(x), theirs.eval()(torch.tensor(x)).detach())


def test_dropout_is_what_torch_does_with_the_same_mask():
    layer, x = Dropout(0.3, rng=np.random.default_rng(0)), RNG.standard_normal((20, 50))
    y = layer.forward(x)
    leaf = torch.tensor(x, requires_grad=True)
    expected = leaf * torch.tensor(y != 0) / (1 - 0.3)
    dy = RNG.standard_normal(y.shape)
    expected.backward(torch.tensor(dy))
    close(y, expected.detach())
    close(layer.backward(dy), leaf.grad)


class Shortcut(nn.Module):
    """A residual block in torch, with the names of ours."""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def test_a_residual_network_agrees_with_autograd():
    ours = Sequential(
        Conv2d(2, 4, 3, padding=1, rng=RNG),
        Residual(Conv2d(4, 4, 3, padding=1, rng=RNG), Tanh(), BatchNorm(4)),
        Residual(
            Conv2d(4, 6, 3, stride=2, padding=1, rng=RNG),
            Sigmoid(),
            BatchNorm(6),
            shortcut=Conv2d(4, 6, 1, stride=2, rng=RNG),
        ),
        AvgPool2d(3),
        Flatten(),
        Linear(6, 3, rng=RNG),
    )
    theirs = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        Shortcut(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Tanh(), nn.BatchNorm2d(4)),
            nn.Sequential(),
        ),
        Shortcut(
            nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.Sigmoid(), nn.BatchNorm2d(6)),
            nn.Conv2d(4, 6, 1, stride=2),
        ),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(6, 3),
    )
    agree(ours, theirs, np.random.default_rng(0).standard_normal((5, 2, 6, 6)))


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_softmax_cross_entropy_is_that_of_torch(scale):
    z, labels = scale * RNG.standard_normal((7, 4)), RNG.integers(0, 4, 7)
    leaf = torch.tensor(z, requires_grad=True)
    expected = nn.CrossEntropyLoss()(leaf, torch.tensor(labels))
    expected.backward()
    loss = SoftmaxCrossEntropy()
    np.testing.assert_allclose(loss.forward(z, labels), expected.item(), rtol=1e-12)
    close(loss.backward(), leaf.grad)
