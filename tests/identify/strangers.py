"""Code in shapes that a stranger would hand in."""

import numpy as np
import torch


class Called:
    """Gradient descent in a class with `__call__`."""

    def __init__(self, lr=0.05):
        self.lr = lr

    def __call__(self, x, g):
        """Make a step."""
        return x - self.lr * g


def pairs(x):
    """Momentum as a generator that yields x and its state."""
    d = 0.0
    while True:
        g = yield x, d
        d = 0.9 * d - 0.05 * g
        x = x + d


def gradient_first(grad, param, lr=0.05):
    """Gradient descent with the gradient before the parameter."""
    return param - lr * grad


def single_precision(x, g, state):
    """Momentum that refuses all but float32."""
    if x.dtype != np.float32:
        raise TypeError("float32 only")
    d = np.float32(0.9) * (0 * x if state is None else state) - np.float32(0.05) * g
    return x + d, d


def state_dict(x, g, state):
    """Momentum whose state is a dictionary that is made at first and changed in place."""
    if state is None:
        state = {"d": np.zeros_like(x)}
    state["d"] = 0.9 * state["d"] - 0.05 * g
    return x + state["d"], state


def state_first(state, x, g):
    """Momentum with the state before x."""
    d = 0.9 * (0.0 if state is None else state) - 0.05 * g
    return x + d, d


def named_state(params, grads, velocity, lr=0.05, mu=0.9):
    """Momentum with an average for a state, as courses have it."""
    velocity = mu * velocity - lr * grads
    return params + velocity, velocity


def without_default(x, g, lr):
    """Gradient descent whose rate is asked for."""
    return x - lr * g


def of_lists(params, grads):
    """Gradient descent on a list of arrays, in place."""
    for p, g in zip(params, grads, strict=True):
        p -= 0.05 * g


class Fitted:
    """An object that steps under another name."""

    def apply_gradients(self, x, g):
        """Make a step."""
        return x - 0.05 * g


class Both:
    """An object whose `update` asks for a step count, too."""

    def update(self, x, g, t):
        """Make a step."""
        return x - 0.05 / t**0.5 * g


class Dicts:
    """Momentum for a model whose arrays lie in a dictionary, in place."""

    def __init__(self, lr=0.05, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        """Make a step."""
        if self.v is None:
            self.v = {key: np.zeros_like(p) for key, p in params.items()}
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


def fading(theta, grad, d, t, lr=0.05):
    """Gradient descent with a rate that falls as 1/√t, whose count is its own."""
    t = t + 1
    return theta - lr * grad / np.sqrt(t), d, t


class OnlyWithClosure(torch.optim.Optimizer):
    """Gradient descent that asks for a closure."""

    def __init__(self, params, lr=0.05):
        super().__init__(params, {"lr": lr})

    def step(self, closure):
        """Make a step."""
        with torch.enable_grad():
            loss = closure()
        with torch.no_grad():
            for p in self.param_groups[0]["params"]:
                p.add_(p.grad, alpha=-self.param_groups[0]["lr"])
        return loss


class Bare:
    """Gradient descent in a class of one's own that keeps parameters with gradients."""

    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def step(self):
        """Make a step."""
        for p in self.params:
            p.data -= self.lr * p.grad


def bare(params):
    """A maker of `Bare`."""
    return Bare(params, 0.05)


def tensor_rate(params):
    """PyTorch's gradient descent with a rate that is a tensor."""
    return torch.optim.SGD(params, lr=torch.tensor(0.05))
