"""Proofs of slips about models, experiments and data."""

import itertools
import math
from typing import Any

import numpy as np

from descent.rules import Adam
from tools.book.proofs.claims import network, network_gradients
from tools.book.proofs.harness import close, proof
from tools.book.proofs.networks import places, vector


@proof
def three_normalisations() -> dict[str, Any]:
    """The last of the activations 1, 2, 3, 4 under three operations."""
    a, i = np.arange(1.0, 5.0), 3
    lrn = a[i] / (2 + 1e-4 * np.sum(a[max(0, i - 2) : i + 3] ** 2)) ** 0.75
    bn = (a[i] - a.mean()) / np.sqrt(a.var() + 1e-5)
    weights = np.exp(-((np.arange(4) - i) ** 2) / 2 - (a - a[i]) ** 2 / 2)
    bilateral = float(np.sum(weights * a) / np.sum(weights))
    assert len({round(float(v), 2) for v in (lrn, bn, bilateral)}) == 3
    return {"lrn": lrn, "bn": bn, "bilateral": bilateral}


@proof
def overlapping_pooling() -> dict[str, Any]:
    """Windows of 3 and of 2 on 55, with a stride of 2."""
    overlapping, apart = places(55, 3, 0, 2), places(55, 2, 0, 2)
    assert overlapping == apart == 27
    return {"overlapping": overlapping, "apart": apart, "shared": 3 - 2}


@proof
def one_loss() -> dict[str, Any]:
    """Softmax of (2, 1, 0), and the loss of its first class."""
    z = np.array([2.0, 1.0, 0.0])
    p = np.exp(z) / np.sum(np.exp(z))
    assert close(float(p.sum()), 1)
    return {"softmax": vector(p), "loss": -math.log(p[0])}


def vgg16() -> int:
    """Return the number of parameters of VGG16, from its table of layers."""
    widths = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
    convolutions = sum(9 * a * b + b for a, b in itertools.pairwise(widths))
    return convolutions + sum(
        a * b + b for a, b in itertools.pairwise([512 * 7 * 7, 4096, 4096, 1000])
    )


def resnet50() -> tuple[int, int]:
    """Return the number of parameters of ResNet-50 and of its convolutions, from its table."""
    kernels, width_in = [(7, 3, 64)], 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            kernels += [(1, width_in, width), (3, width, width), (1, width, 4 * width)]
            kernels += [(1, width_in, 4 * width)] if block == 0 else []
            width_in = 4 * width
    parameters = sum(f * f * a * b + 2 * b for f, a, b in kernels)  # 2: scale and shift
    return parameters + 2048 * 1000 + 1000, len(kernels)


@proof
def resnet_is_smaller() -> dict[str, Any]:
    """The parameters of both, counted from their tables."""
    assert vgg16() == 138_357_544 and resnet50()[0] == 25_557_032
    return {"vgg": vgg16(), "resnet": resnet50()[0], "times": round(vgg16() / resnet50()[0])}


CHANNELS = (
    *[64] * 2, *[128] * 2, *[256] * 2, *[512] * 5, *[1024] * 2, *[2048] * 2, *[4096] * 2,
    *[8192] * 2, *[16384] * 2, *[3256] * 2, *[65536] * 2, *[13104192] * 2, *[2628656] * 2,
    *[52825372] * 2, *[1056515048] * 2, *[211902184972] * 2, *[4234043092] * 2,
    *[8468086004] * 2, *[16938888008] * 2, *[3386682672262] * 2, *[67702950515448] * 2,
    *[1359081775995642] * 2, *[271616380455912] * 2, *[5130272915182576] * 2,
    *[1028228637595291] * 2, *[20560555816394352] * 2, *[418061040887964] * 2,
    *[83600746151781863] * 2,
)  # fmt: skip
"""The widths of the 59 whole layers that source 004 prints."""


def chain(layers: int) -> int:
    """Return the number of parameters of the first so many of source 004's layers."""
    return sum(9 * a * b + b for a, b in itertools.pairwise([3, *CHANNELS[:layers]]))


@proof
def chain_is_no_resnet() -> dict[str, Any]:
    """ResNet-50, and the first thirteen printed layers."""
    parameters, layers = resnet50()
    assert layers == 53 and chain(13) > parameters
    return {"resnet": parameters, "layers": layers, "chain": chain(13)}


@proof
def impossible_model() -> dict[str, Any]:
    """The weights of all whole layers, and the memory of the first 25."""
    assert len(CHANNELS) == 59 and chain(59) > 1e34
    return {"total": float(chain(59)), "gigabytes": round(4 * chain(25) / 1e9)}


@proof
def random_labels() -> dict[str, Any]:
    """Source 001's experiment in NumPy: 20-64-10, Adam, batches of 32, ten passes, four draws."""
    epochs, accuracies = 10, []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(1000, 20)), rng.integers(0, 10, 1000)
        weights = [rng.normal(size=(a + 1, b)) / math.sqrt(a) for a, b in ((20, 64), (64, 10))]
        states = [Adam().init(w) for w in weights]
        for _ in range(epochs):
            for batch in np.split(rng.permutation(800), 25):
                gradients = network_gradients(weights, x[batch], y[batch])
                for i, g in enumerate(gradients):
                    weights[i], states[i] = Adam().update(weights[i], g, states[i])
        right = network(weights, x)[-1].argmax(1) == y
        accuracies.append([right[:800].mean(), right[800:].mean()])
    train, new = 100 * np.mean(accuracies, axis=0)
    assert train > 17 and abs(new - 10) < 4
    return {"epochs": epochs, "train": round(train), "new": round(new), "chance": 10}


@proof
def ten_numbers() -> dict[str, Any]:
    """The line that is to hold CIFAR-10."""
    values = [100, 100, 300, 300, 224, 224, 678, 678, 256, 256]
    needed = 32 * 32 * 3 + 1
    assert len(values) < needed and max(values) > 255
    return {"values": len(values), "largest": max(values), "needed": needed}


@proof
def small_network() -> dict[str, Any]:
    """The parameters of source 003's network."""
    sizes = (28 * 28, 512, 256, 10)
    return {"parameters": sum(a * b + b for a, b in itertools.pairwise(sizes))}
