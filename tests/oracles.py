"""Each rule's step written anew, as sums over all gradients, for a computation in 50 digits.

An oracle is a function of the step t, the gradients g up to it, the point x before it and the rule;
it returns the step. Its decorator names the rules that it is compared with, at hyper-parameters
that no two letters share. A rule that looks at an array as a whole gets arrays of decimals.
"""

import itertools
import math
from collections.abc import Callable
from decimal import Decimal

import numpy as np

from descent import rules  # noqa: F401  (new oracles take theirs by name)
from descent.rules import (
    Adadelta,
    Adafactor,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    AveragedMomentum,
    CenteredRMSprop,
    GradientDescent,
    Lamb,
    Lion,
    Momentum,
    MomentumRMSprop,
    Muon,
    NAdam,
    Nesterov,
    RAdam,
    RMSprop,
    Rule,
    ScheduleFreeAdamW,
    Shampoo,
    Soap,
)

DEFAULTS = {
    "gradient-descent": [0.1],
    "momentum": [0.01, 0.9],
    "averaged-momentum": [0.1, 0.9],
    "nesterov": [0.01, 0.9],
    "adagrad": [0.01, 1e-10],
    "rmsprop": [1e-3, 0.9],
    "momentum-rmsprop": [1e-3, 0.9, 0.9],
    "centered-rmsprop": [1e-4, 0.95, 0.9, 1e-4],
    "adadelta": [1.0, 0.95, 1e-6],
    "adam": [1e-3, 0.9, 0.999, 1e-8],
    "adamax": [2e-3, 0.9, 0.999],
    "nadam": [2e-3, 0.9, 0.999, 1e-8],
    "amsgrad": [1e-3, 0.9, 0.999],
    "adamw": [1e-3, 0.9, 0.999, 1e-8, 1e-5, 1.0],
    "radam": [1e-3, 0.9, 0.999],
    "adafactor": [1e-30, 1e-3, 1.0],
    "lion": [1e-4, 0.9, 0.99, 0.0],
    "lamb": [1e-3, 0.9, 0.999, 1e-6, 0.0],
    "muon": [0.02, 0.95, 0.0],
    "shampoo": [0.1, 1e-4],
    "soap": [3e-3, 0.95, 0.95, 1e-8, 10],
    "schedule-free-adamw": [2.5e-3, 0.9, 0.999, 1e-8, 0.0],
}
"""The hyper-parameters of each rule, in their order, as their papers or docstrings advise them."""

ORACLES: list[tuple[Rule, Callable]] = []


def oracle(*compared):
    """List a function as what the rules are compared with."""

    def enter(displacement):
        ORACLES.extend((rule, displacement) for rule in compared)
        return displacement

    return enter


G = [
    Decimal(g) for g in ("1.5", "-2", "0", "0.25", "50", "-0.5", "3", "-3", "0.125", "1", "0", "-4")
]
X0 = Decimal(2)


def lr_of(t):
    """Return a rate that no two neighbouring steps share."""
    return [0.5, 0.25, 0.125][t % 3]


def eta(t):
    return Decimal(lr_of(t))


def average(rate, values):
    """Return (1 - r) Σ r^(t - i) a_i, what a recursion from 0 amounts to."""
    rate, t = Decimal(rate), len(values)
    return (1 - rate) * sum((rate ** (t - i) * a for i, a in enumerate(values, 1)), Decimal(0))


def squares(g):
    return [a * a for a in g]


def ratio(a, b):
    return a / b if b else Decimal(0)


def accumulated(momentum, steps):
    """Return Σ μ^(t - i) a_i."""
    return sum(Decimal(momentum) ** (len(steps) - i) * a for i, a in enumerate(steps, 1))


def adam_step(t, g, rule):
    m_hat = average(rule.beta1, g) / (1 - Decimal(rule.beta1) ** t)
    v_hat = average(rule.beta2, squares(g)) / (1 - Decimal(rule.beta2) ** t)
    return m_hat / (v_hat.sqrt() + Decimal(rule.eps))


@oracle(GradientDescent(lr_of))
def of_gradient_descent(t, g, x, rule):
    return -eta(t) * g[-1]


@oracle(Momentum(lr_of, momentum=0.625))
def of_momentum(t, g, x, rule):
    return -accumulated(rule.momentum, [eta(i) * a for i, a in enumerate(g, 1)])


@oracle(AveragedMomentum(lr_of, momentum=0.625))
def of_averaged_momentum(t, g, x, rule):
    return -eta(t) * average(rule.momentum, g)


@oracle(Nesterov(lr_of, momentum=0.625))
def of_nesterov(t, g, x, rule):
    def v(k):
        return of_momentum(k, g[:k], x, rule)

    return v(t) + Decimal(rule.momentum) * (v(t) - v(t - 1))


@oracle(AdaGrad(lr_of, eps=0.5))
def of_adagrad(t, g, x, rule):
    return -eta(t) * g[-1] / (sum(squares(g)).sqrt() + Decimal(rule.eps))


@oracle(RMSprop(lr_of, rho=0.625))
def of_rmsprop(t, g, x, rule):
    return -eta(t) * ratio(g[-1], average(rule.rho, squares(g)).sqrt())


@oracle(MomentumRMSprop(lr_of, rho=0.625, momentum=0.375))
def of_momentum_rmsprop(t, g, x, rule):
    return accumulated(rule.momentum, [of_rmsprop(i, g[:i], x, rule) for i in range(1, t + 1)])


@oracle(CenteredRMSprop(lr_of, rho=0.625, momentum=0.375, eps=0.5))
def of_centered_rmsprop(t, g, x, rule):
    def step(i):
        variance = average(rule.rho, squares(g[:i])) - average(rule.rho, g[:i]) ** 2
        return -eta(i) * g[i - 1] / (variance + Decimal(rule.eps)).sqrt()

    return accumulated(rule.momentum, [step(i) for i in range(1, t + 1)])


@oracle(Adadelta(lr_of, rho=0.625, eps=0.5))
def of_adadelta(t, g, x, rule):
    eps, steps = Decimal(rule.eps), []
    for i in range(1, t + 1):
        above = (average(rule.rho, squares(steps)) + eps).sqrt()
        steps.append(-above / (average(rule.rho, squares(g[:i])) + eps).sqrt() * g[i - 1])
    return eta(t) * steps[-1]


@oracle(Adam(lr_of, beta1=0.625, beta2=0.75, eps=0.5))
def of_adam(t, g, x, rule):
    return -eta(t) * adam_step(t, g, rule)


@oracle(
    AdamW(lr_of, beta1=0.625, beta2=0.75, eps=0.5, weight_decay=0.375, multiplier=lambda t: 2.0**-t)
)
def of_adamw(t, g, x, rule):
    return -Decimal(2.0**-t) * (eta(t) * adam_step(t, g, rule) + Decimal(rule.weight_decay) * x)


@oracle(AdaMax(lr_of, beta1=0.625, beta2=0.75))
def of_adamax(t, g, x, rule):
    u = max(Decimal(rule.beta2) ** (t - i) * abs(a) for i, a in enumerate(g, 1))
    return -eta(t) * average(rule.beta1, g) / (1 - Decimal(rule.beta1) ** t) / u


@oracle(NAdam(lr_of, beta1=0.625, beta2=0.75, eps=0.5))
def of_nadam(t, g, x, rule):
    mu = [
        None,
        *(
            Decimal(rule.beta1) * (1 - Decimal("0.5") * Decimal("0.96") ** (Decimal(i) / 250))
            for i in range(1, t + 2)
        ),
    ]
    nu = Decimal(rule.beta2)
    m = sum((1 - mu[i]) * g[i - 1] * math.prod(mu[i + 1 : t + 1]) for i in range(1, t + 1))
    m_hat = mu[t + 1] * m / (1 - math.prod(mu[1 : t + 2]))
    m_hat += (1 - mu[t]) * g[-1] / (1 - math.prod(mu[1 : t + 1]))
    n_hat = nu * average(nu, squares(g)) / (1 - nu**t)
    return -eta(t) * m_hat / (n_hat.sqrt() + Decimal(rule.eps))


@oracle(AMSGrad(lr_of, beta1=0.625, beta2=0.75))
def of_amsgrad(t, g, x, rule):
    largest = max(average(rule.beta2, squares(g[:i])) for i in range(1, t + 1))
    return -eta(t) * average(rule.beta1, g) / largest.sqrt()


@oracle(RAdam(lr_of, beta1=0.625, beta2=0.9375), RAdam(lr_of, beta1=0.625, beta2=0.5))
def of_radam(t, g, x, rule):
    beta2 = Decimal(rule.beta2)
    m_hat = average(rule.beta1, g) / (1 - Decimal(rule.beta1) ** t)
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 4:
        return -eta(t) * m_hat
    r = ((rho - 4) / (longest - 4) * (rho - 2) / (longest - 2) * longest / rho).sqrt()
    return -eta(t) * r * m_hat * ((1 - beta2**t) / average(beta2, squares(g))).sqrt()


@oracle(
    Adafactor(lr_of, eps1=0.5, eps2=1.5, clip=0.75),
    Adafactor(lr_of, eps1=0.5, eps2=0.25, clip=0.75),
)
def of_adafactor(t, g, x, rule):
    v = Decimal(0)
    for i, a in enumerate(g, 1):
        keep = 1 - Decimal(i) ** Decimal("-0.8")
        v = keep * v + (1 - keep) * (a * a + Decimal(rule.eps1))
    u = g[-1] / v.sqrt()
    return (
        -eta(t) * max(Decimal(rule.eps2), abs(x)) * u / max(Decimal(1), abs(u) / Decimal(rule.clip))
    )


@oracle(Lion(lr_of, beta1=0.625, beta2=0.75, weight_decay=0.375))
def of_lion(t, g, x, rule):
    c = Decimal(rule.beta1) * average(rule.beta2, g[:-1]) + (1 - Decimal(rule.beta1)) * g[-1]
    return -eta(t) * ((c > 0) - (c < 0) + Decimal(rule.weight_decay) * x)


def root(a):
    return np.vectorize(Decimal.sqrt, otypes=[object])(a)


def norm(a):
    return (a * a).sum().sqrt()


@oracle(Lamb(lr_of, beta1=0.625, beta2=0.75, eps=0.5, weight_decay=0.375))
def of_lamb(t, g, x, rule):
    m_hat = average(rule.beta1, g) / (1 - Decimal(rule.beta1) ** t)
    v_hat = average(rule.beta2, squares(g)) / (1 - Decimal(rule.beta2) ** t)
    u = m_hat / (root(v_hat) + Decimal(rule.eps)) + Decimal(rule.weight_decay) * x
    return -eta(t) * norm(x) / norm(u) * u


@oracle(Muon(lr_of, momentum=0.625, weight_decay=0.375))
def of_muon(t, g, x, rule):
    mu, (rows, columns) = Decimal(rule.momentum), x.shape
    m = mu * average(mu, g) + (1 - mu) * g[-1]
    o = m / (norm(m) + Decimal("1e-7"))
    for _ in range(5):
        squared = o @ o.T
        o = (
            Decimal("3.4445") * o
            + (Decimal("-4.7750") * squared + Decimal("2.0315") * squared @ squared) @ o
        )
    scale = max(Decimal(1), Decimal(rows) / columns).sqrt()
    return -eta(t) * (scale * o + Decimal(rule.weight_decay) * x)


def eigen(a):
    """Return the eigenvalues of a symmetric matrix and its eigenvectors, by Jacobi's rotations."""
    one = vectors = np.array([[Decimal(i == j) for j in range(len(a))] for i in range(len(a))])
    for i, j in 10 * list(itertools.combinations(range(len(a)), 2)):
        if a[i, j]:
            tau = (a[j, j] - a[i, i]) / (2 * a[i, j])
            tangent = (-1 if tau < 0 else 1) / (abs(tau) + (1 + tau * tau).sqrt())
            turn, c = one.copy(), 1 / (1 + tangent * tangent).sqrt()
            turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, tangent * c, -tangent * c, c
            a, vectors = turn.T @ a @ turn, vectors @ turn
    return a.diagonal(), vectors


@oracle(Shampoo(lr_of, eps=0.625))
def of_shampoo(t, g, x, rule):
    def fourth_root(a):
        values, vectors = eigen(a)
        return vectors / root(root(values + Decimal(rule.eps))) @ vectors.T

    left, right = fourth_root(sum(a @ a.T for a in g)), fourth_root(sum(a.T @ a for a in g))
    return -eta(t) * left @ g[-1] @ right


def orthonormal(a):
    """Return columns made orthonormal from left to right; 0 for one that depends on the others."""
    found = np.zeros_like(a) * Decimal(0)
    for i in range(len(a)):
        column = a[:, i] - found @ (found.T @ a[:, i])
        column = column - found @ (found.T @ column)
        is_new = norm(column) > Decimal("1e-30") * (1 + norm(a))
        found[:, i] = column / norm(column) if is_new else 0 * column
    return found


def order(a, basis):
    """Return the columns' numbers, that of the largest qᵀ A q first."""
    return np.argsort(-(basis.T @ a @ basis).diagonal().astype(float), kind="stable")


@oracle(
    Soap(lr_of, beta1=0.625, beta2=0.75, eps=0.5, every=1),
    Soap(lr_of, beta1=0.625, beta2=0.75, eps=0.5, every=3),
)
def of_soap(t, g, x, rule):
    if t == 1:
        return 0 * x
    beta1, beta2, v = Decimal(rule.beta1), Decimal(rule.beta2), 0 * x
    p, q = (eigen(a)[1] for a in (g[0] @ g[0].T, g[0].T @ g[0]))
    for i in range(2, t + 1):
        v = beta2 * v + (1 - beta2) * (p.T @ g[i - 1] @ q) ** 2
        if i < t and (i - 1) % rule.every == 0:
            left = average(beta2, [a @ a.T for a in g[:i]])
            right = average(beta2, [a.T @ a for a in g[:i]])
            rows, columns = order(left, p), order(right, q)
            p, q = orthonormal(left @ p[:, rows]), orthonormal(right @ q[:, columns])
            v = v[rows][:, columns]
    m_hat = average(beta1, g[1:]) / (1 - beta1 ** (t - 1))
    v_hat = v / (1 - beta2 ** (t - 1))
    return -eta(t) * p @ (p.T @ m_hat @ q / (root(v_hat) + Decimal(rule.eps))) @ q.T


@oracle(ScheduleFreeAdamW(lr_of, beta1=0.625, beta2=0.75, eps=0.5, weight_decay=0.375))
def of_schedule_free_adamw(t, g, x, rule):
    beta1, beta2, y, z, weights = Decimal(rule.beta1), Decimal(rule.beta2), [X0], [X0], []
    for i in range(1, t + 1):
        rate = eta(i) * (1 - beta2**i).sqrt()
        u = g[i - 1] / (average(beta2, squares(g[:i])).sqrt() + Decimal(rule.eps))
        z.append(z[-1] - rate * (u + Decimal(rule.weight_decay) * y[-1]))
        weights.append(rate * rate)
        mean = sum(w * a for w, a in zip(weights, z[1:], strict=True)) / sum(weights)
        y.append((1 - beta1) * z[-1] + beta1 * mean)
    return y[-1] - y[-2]
