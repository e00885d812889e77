"""Layers: each computes y from x going forward, and dx from dy going back.

`dy` is the gradient of the loss in y: an array of y's shape that holds ∂loss/∂y. `backward` turns
it into the gradient in x by the chain rule, and leaves the gradient in each parameter W as dW.

>>> import numpy as np
>>> layer = Linear(3, 2, rng=np.random.default_rng(0))
>>> layer.forward(np.ones((5, 3))).shape, layer.backward(np.ones((5, 2))).shape
((5, 2), (5, 3))
>>> {name: g.shape for name, g in layer.gradients.items()}
{'W': (2, 3), 'b': (2,)}

All parameters of a network are one vector `theta` to the rules of `descent.rules`, and their
gradients one vector `grad`:

>>> from descent.rules import GradientDescent
>>> rule = GradientDescent(lr=0.1)
>>> layer.theta, state = rule.update(layer.theta, layer.grad, rule.init(layer.theta))

A pass in training is `forward`, the network in use is `predict`: two names for what are two
functions for `Dropout` and `BatchNorm`, so that no call depends on a mode that was set elsewhere.
PyTorch has one name and the switches `train()` and `eval()`.

Images have the axes (N, C, H, W): example, channel, row, column, as in PyTorch. All is float64.
"""

from descent.backprop.layers._blocks import BatchNorm, Dropout, Residual, Sequential
from descent.backprop.layers._dense import Flatten, Linear, ReLU, Sigmoid, Tanh
from descent.backprop.layers._images import AvgPool2d, Conv2d, MaxPool2d, fold, output_size, windows
from descent.backprop.layers._layer import Layer

__all__ = [
    "Layer",
    "Linear",
    "ReLU",
    "Tanh",
    "Sigmoid",
    "Flatten",
    "output_size",
    "windows",
    "fold",
    "Conv2d",
    "MaxPool2d",
    "AvgPool2d",
    "BatchNorm",
    "Dropout",
    "Sequential",
    "Residual",
]
