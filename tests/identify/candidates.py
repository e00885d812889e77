"""Optimisers as people write them, and how: the slips of public code among them."""

import numpy as np


def adam(x, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    """Adam, as in the paper."""
    m, v, t = state or (0 * x, 0 * x, 0)
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return x - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), (m, v, t)


def adam_frozen(x, g, state):
    """Adam graded at t = 1 alone: t never moves."""
    m, v = state or (0 * x, 0 * x)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return x - 0.001 * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-8), (m, v)


def adamw(x, g, state, sign=-1, after=False, lr=0.001, wd=0.01):
    """AdamW; with a sign of 1 the weights grow, and the decay may come after the step."""
    y, state = adam(x if after else x * (1 + sign * lr * wd), g, state, lr)
    return (y * (1 + sign * lr * wd) if after else y), state


def adamw_grown(x, g, state):
    """The decay's sign is turned: (1 + lr wd)."""
    return adamw(x, g, state, 1)


def adamw_after(x, g, state):
    """The decay comes after the step."""
    return adamw(x, g, state, -1, True)


def adam_inside(x, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    """ε stands inside the root."""
    m, v, t = state or (0 * x, 0 * x, 0)
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return x - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps), (m, v, t)


def adam_hat(x, g, state, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    """The folded form, with ε for ε̂."""
    m, v, t = state or (0 * x, 0 * x, 0)
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return x - rate * m / (np.sqrt(v) + eps), (m, v, t)


def lion_l2(x, g, state, lr=1e-4, beta1=0.9, beta2=0.99, wd=0.1):
    """Lion whose decay is L2."""
    m = 0 * x if state is None else state
    g = g + wd * x
    return x - lr * np.sign(beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


def adam_of_sizes(x, g, state):
    """The second moment averages |g|, not g²: v is 1e-4 after a gradient of 0.1, not 1e-5."""
    m, v, t = state or (0 * x, 0 * x, 0)
    t += 1
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * abs(g)
    return x - 0.001 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), (m, v, t)


def adam_uncorrected(x, g, state):
    """No bias correction."""
    m, v = state or (0 * x, 0 * x)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return x - 0.001 * m / (np.sqrt(v) + 1e-8), (m, v)


def adam_without_beta2(x, g, state, lr=0.001, beta1=0.9, beta2=0.95, eps=1e-8):
    """β₂ is asked for and never used: both averages have β₁."""
    m, v, t = state or (0 * x, 0 * x, 0)
    t += 1
    m = beta1 * m + (1 - beta1) * g
    v = beta1 * v + (1 - beta1) * g**2
    return x - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta1**t)) + eps), (m, v, t)


def orthogonal(u):
    """Return the five Newton-Schulz steps of Muon."""
    o = u.T if u.shape[0] > u.shape[1] else u
    o = o / (np.sqrt((o**2).sum()) + 1e-7)
    for _ in range(5):
        gram = o @ o.T
        o = 3.4445 * o + (-4.7750 * gram + 2.0315 * gram @ gram) @ o
    return o.T if u.shape[0] > u.shape[1] else o


class MuonWithoutDecay:
    """Muon whose weight decay is logged and never used."""

    def __init__(self, lr=0.02, momentum=0.95, weight_decay=0.025):
        self.lr, self.momentum, self.weight_decay, self.m = lr, momentum, weight_decay, 0.0

    def step(self, x, g):
        """Make a step."""
        self.m = self.momentum * self.m + (1 - self.momentum) * g
        u = self.momentum * self.m + (1 - self.momentum) * g
        return x - self.lr * max(1, x.shape[0] / x.shape[1]) ** 0.5 * orthogonal(u)


class MuonUnscaled(MuonWithoutDecay):
    """Muon without the scale of a tall matrix; its decay is decoupled."""

    def step(self, x, g):
        """Make a step."""
        self.m = self.momentum * self.m + (1 - self.momentum) * g
        u = self.momentum * self.m + (1 - self.momentum) * g
        return x - self.lr * self.weight_decay * x - self.lr * orthogonal(u)


def late_switch(x, g, state):
    """Gradient descent whose rate doubles at step 300."""
    t = (state or 0) + 1
    return x - (0.01 if t < 300 else 0.02) * g, t


class DeadDecay:
    """Momentum whose weight decay is kept and never used."""

    def __init__(self, lr=0.1, momentum=0.9, weight_decay=0.01):
        self.lr, self.momentum, self.weight_decay, self.d = lr, momentum, weight_decay, 0.0

    def step(self, x, g):
        """Make a step."""
        self.d = self.momentum * self.d - self.lr * g
        return x + self.d


class InPlace:
    """Gradient descent that returns nothing and changes x."""

    lr = 0.05

    def update(self, x, g):
        """Make a step."""
        x -= self.lr * g


def generator(x):
    """Averaged momentum that is sent gradients."""
    m = 0.0
    while True:
        g = yield x
        m = 0.9 * m + 0.1 * g
        x = x - 0.05 * m


def numbers_alone(x, g, state=None):
    """RMSprop on a number, with the root of `math`."""
    import math

    v = 0.9 * (state or 0.0) + 0.1 * g * g
    return x - 0.01 * g / (math.sqrt(v) + 1e-6), v


def prints(x, g, state):
    """Gradient descent that talks."""
    print("a step")
    return x - 0.1 * g, None


def endless(x, g, state):
    """It never ends."""
    while True:
        pass


def raises(x, g, state):
    """It cannot be run."""
    raise RuntimeError("out of order")


def raises_late(x, g, state):
    """It cannot be run beyond step 6."""
    t = (state or 0) + 1
    if t == 7:
        raise ZeroDivisionError("seven")
    return x - 0.1 * g, t


def stays(x, g, state):
    """It returns nothing and changes nothing."""


def noise(x, g, state):
    """It draws random numbers."""
    return x - 0.1 * np.random.default_rng().standard_normal(np.shape(x)), None


def constant(x, g, state):
    """It does not look at the gradient."""
    return x - 0.01, None


def leaves(x, g, state):
    """It ends the process."""
    import os

    os._exit(7)
