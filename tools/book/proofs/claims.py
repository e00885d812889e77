"""Proofs against what is claimed of Adam and of its rivals."""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from descent import minimize, rules
from descent.landscapes import Quadratic
from descent.rules import AdaGrad, Adam, GradientDescent, Momentum, RMSprop, Rule
from tools.book.proofs.harness import B1, B2, LR, close, descend, proof, rough, state_after, steps


@proof
def better_than_others() -> dict[str, Any]:
    """The least loss of a grid of learning rates, on a bowl of condition number 100."""
    bowl = Quadratic([1.0, 100.0])

    def best(make: Callable[[float], Rule], lrs: Iterable[float]) -> float:
        runs = [minimize(bowl, [2.0, 1.0], make(lr), 300, nonfinite="stop") for lr in lrs]
        return float(min(run.f[-1] for run in runs if run.steps == 300))

    momentum = best(lambda lr: Momentum(lr, 0.8), [0.002 * k for k in range(1, 19)])
    adam = best(Adam, [0.01 * 2**k for k in range(8)])
    assert momentum < 1e-3 * adam
    return {"momentum": rough(momentum), "adam": rough(adam)}


@proof
def gradients_still_vanish() -> dict[str, Any]:
    """Gradients of a sigmoid network by layer; Adam on a tiny gradient and after a huge one."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(32, 32)) / math.sqrt(32) for _ in range(20)]
    outputs = [rng.normal(size=(32, 64))]
    for w in weights:
        outputs.append(1 / (1 + np.exp(-w @ outputs[-1])))
    delta, norms = np.ones((32, 64)), []
    for w, before, after in zip(weights[::-1], outputs[-2::-1], outputs[:0:-1], strict=True):
        delta = delta * after * (1 - after)
        norms.append(float(np.linalg.norm(delta @ before.T)))
        delta = w.T @ delta
    tiny = steps(Adam(1.0), [1e-12])[0]
    state = state_after(Adam(), [1e20] + [1.0] * 5000)
    poisoned = state.m / (1 - B1**state.t) / math.sqrt(state.v / (1 - B2**state.t))
    assert norms[-1] < 1e-10 * norms[0] and tiny < 1e-3 and 0 < poisoned < 1e-10
    return {"share": rough(norms[-1] / norms[0]), "tiny": tiny, "poisoned": rough(poisoned)}


def double_well(x: float) -> float:
    """Return the slope of x⁴/4 − x²/2 + x/10."""
    return x**3 - x + 0.1


def depth(x: float) -> float:
    """Return x⁴/4 − x²/2 + x/10."""
    return x**4 / 4 - x**2 / 2 + x / 10


LOWEST, _, LOCAL = np.sort(np.roots([1, 0, -1, 0.1]).real).tolist()


def trapped(rule: Rule, n: int = 10_000) -> float:
    """Return where a rule ends in the double well from 1.5; it is to be the local minimum."""
    end = descend(rule, n, 1.5, double_well)[-1]
    assert close(end, LOCAL, 1e-4) and depth(LOWEST) < depth(LOCAL)
    return end


@proof
def momentum_is_trapped() -> dict[str, Any]:
    """Momentum in the double well."""
    end = trapped(Momentum(0.01))
    return {"momentum": end, "local": depth(LOCAL), "least": depth(LOWEST)}


@proof
def adagrad_is_trapped() -> dict[str, Any]:
    """AdaGrad in the double well."""
    return {"adagrad": trapped(AdaGrad(0.1), 20_000), "best": LOWEST}


@proof
def adam_is_trapped() -> dict[str, Any]:
    """Gradient descent and Adam in the double well."""
    return {"descent": trapped(GradientDescent(0.1)), "adam": trapped(Adam(0.01))}


@proof
def sgd_keeps_nothing() -> dict[str, Any]:
    """How many numbers a rule keeps for each parameter."""
    kept = [len(rule.State._fields) - 1 for rule in (GradientDescent, Momentum, Adam)]
    assert kept == [0, 1, 2]
    return dict(zip(("descent", "momentum", "adam"), kept, strict=True))


@proof
def worse_on_new_data() -> dict[str, Any]:
    """Labels in the first coordinate, two that are always 1, and private ones for each example."""
    n, rng = 100, np.random.default_rng(0)

    def examples(first: int) -> tuple[Any, Any]:
        y = np.where(rng.random(n) < 0.6, 1.0, -1.0)
        x = np.zeros((n, 3 + 10 * n))
        x[:, 0], x[:, 1], x[:, 2] = y, 1, 1
        for i, label in enumerate(y):
            private = 3 + 5 * (first + i)
            x[i, private : private + (1 if label > 0 else 5)] = 1
        return x, y

    (x, y), (new_x, new_y) = examples(0), examples(n)
    right = []
    for rule in (GradientDescent(0.2), Adam()):
        w = np.zeros(x.shape[1])
        state = rule.init(w)
        for _ in range(3000):
            w, state = rule.update(w, x.T @ (x @ w - y) / n, state)
        assert (np.sign(x @ w) == y).all()
        right.append(100 * float(np.mean(np.sign(new_x @ w) == new_y)))
    assert right[0] == 100 and right[1] < 70
    return {"descent": right[0], "adam": right[1]}


@proof
def instead_of_sgd() -> dict[str, Any]:
    """A step from a gradient of 10."""
    sgd, adam = (steps(rule, [10.0])[0] for rule in (GradientDescent(LR), Adam()))
    assert close(sgd, 0.01) and close(adam, LR, 1e-6)
    return {"sgd": sgd, "adam": adam}


def network(weights: list[Any], x: Any) -> list[Any]:
    """Return the inputs of the layers, each with a 1 for the bias, and the output; ReLU between."""
    layers = [np.c_[x, np.ones(len(x))]]
    for w in weights[:-1]:
        layers.append(np.c_[np.maximum(layers[-1] @ w, 0), np.ones(len(x))])
    return [*layers, layers[-1] @ weights[-1]]


def network_gradients(weights: list[Any], x: Any, y: Any) -> list[Any]:
    """Return the gradients of the mean cross-entropy by the weights of each layer."""
    *layers, z = network(weights, x)
    p = np.exp(z - z.max(1, keepdims=True))
    delta = (p / p.sum(1, keepdims=True) - np.eye(z.shape[1])[y]) / len(y)
    gradients = []
    for w, layer in zip(weights[::-1], layers[::-1], strict=True):
        gradients.append(layer.T @ delta)
        delta = ((delta @ w.T) * (layer > 0))[:, :-1]
    return gradients[::-1]


@proof
def best_rate_between() -> dict[str, Any]:
    """Test accuracy of a small network on a spiral of three classes, by learning rate."""

    def spiral(rng: np.random.Generator) -> tuple[Any, Any]:
        y = np.repeat(np.arange(3), 100)
        r, noise = np.tile(np.linspace(0.05, 1, 100), 3), 0.2 * rng.normal(size=300)
        angle = 4 * y + np.tile(np.linspace(0, 4, 100), 3) + noise
        return np.c_[r * np.sin(angle), r * np.cos(angle)], y

    def accuracy(lr: float) -> float:
        rng = np.random.default_rng(0)
        (x, y), (new_x, new_y) = spiral(rng), spiral(rng)
        sizes = itertools.pairwise((2, 64, 64, 3))
        weights = [rng.normal(size=(a + 1, b)) * math.sqrt(2 / a) for a, b in sizes]
        states = [Adam(lr).init(w) for w in weights]
        for _ in range(200):
            for i, g in enumerate(network_gradients(weights, x, y)):
                weights[i], states[i] = Adam(lr).update(weights[i], g, states[i])
        return 100 * float(np.mean(network(weights, new_x)[-1].argmax(1) == new_y))

    tiny, good, large = (accuracy(lr) for lr in (1e-5, 1e-2, 1e3))
    assert tiny < 60 and good > 95 and large < 60
    return {"tiny": round(tiny), "good": round(good), "large": round(large)}


@proof
def one_derivative() -> dict[str, Any]:
    """Adam on x² from 5 and on the line 10 x."""
    curved = descend(Adam(), 1)[1]
    straight = descend(Adam(), 1, grad=lambda x: 10.0)[1]
    assert curved == straight
    return {"step": 5.0 - curved}


@proof
def adagrad_is_adaptive() -> dict[str, Any]:
    """First steps of AdaGrad for two sizes of gradient, and late steps of it and of RMSprop."""
    large, small = (steps(AdaGrad(1.0), [g])[0] for g in (100.0, 0.01))
    adagrad, rmsprop = (steps(rule, [1.0] * 1000)[-1] for rule in (AdaGrad(1.0), RMSprop(1.0)))
    assert close(large, 1, 1e-6) and close(small, 1, 1e-6)
    assert close(adagrad, 1 / math.sqrt(1000), 1e-6) and close(rmsprop, 1, 1e-6)
    return {"large": large, "small": small, "adagrad": adagrad, "rmsprop": rmsprop}


@proof
def direction_of_adagrad() -> dict[str, Any]:
    """The step after gradients 1, 1, 1, −1."""
    adagrad, adam = (steps(rule, [1.0, 1.0, 1.0, -1.0])[-1] for rule in (AdaGrad(1.0), Adam(1.0)))
    assert close(adagrad, -0.5, 1e-6) and adam > 0
    return {"adagrad": abs(adagrad), "adam": adam}


@proof
def adagrad_needs_a_rate() -> dict[str, Any]:
    """Where AdaGrad is on x² after 200 steps, by η."""
    small, middle, large = (descend(AdaGrad(lr), 200)[-1] for lr in (0.01, 0.1, 1.0))
    assert small > 4.5 and 2 < middle < 3 and abs(large) < 1e-6
    return {"small": small, "middle": middle, "large": rough(large)}


@proof
def rmsprop_has_no_momentum() -> dict[str, Any]:
    """The second step after gradients 1 and −1."""
    second = steps(RMSprop(1.0), [1.0, -1.0])[1]
    average = state_after(rules.AveragedMomentum(), [1.0, -1.0]).m
    assert close(second, -1 / math.sqrt(0.19)) and close(average, -0.01)
    return {"rmsprop": second, "average": average}
