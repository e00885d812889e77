"""A ConvNet of NumPy layers, trained with the book's Adam, reads handwritten digits."""

import numpy as np
import pytest

from descent.backprop.layers import BatchNorm, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from descent.backprop.losses import SoftmaxCrossEntropy
from descent.rules import Adam


def digits():
    """Return standardised images (N, 1, 8, 8) and labels: 1437 to train on, 360 to test on."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:-360], order[-360:]
    images = (images - images[train].mean()) / images[train].std()
    images = images.reshape(-1, 1, 8, 8)
    return images[train], labels[train], images[test], labels[test]


def convnet(rng):
    return Sequential(
        Conv2d(1, 16, 3, padding=1, rng=rng),
        BatchNorm(16),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, rng=rng),
        BatchNorm(32),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(128, 10, rng=rng),
    )


def train(net, images, labels, rule, epochs, rng, batch_size=64):
    loss, state = SoftmaxCrossEntropy(), rule.init(net.theta)
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(labels)), len(labels) // batch_size):
            loss.forward(net.forward(images[batch]), labels[batch])
            net.backward(loss.backward())
            net.theta, state = rule.update(net.theta, net.grad, state)


def accuracy(net, images, labels):
    return np.mean(net.predict(images).argmax(axis=1) == labels)


def test_a_convnet_trained_with_adam_reads_97_percent_of_the_test_digits():
    x, y, x_test, y_test = digits()
    rng = np.random.default_rng(0)
    net = convnet(rng)
    assert net.theta.size == 160 + 32 + 4640 + 64 + 1290
    train(net, x, y, Adam(lr=0.01), epochs=8, rng=rng)
    assert accuracy(net, x_test, y_test) >= 0.97
