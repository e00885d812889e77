"""The formulas of the chapter on backpropagation."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near

from descent.backprop.scalar import Value

fractions = st.fractions(-4, 4, max_denominator=6)
sizes = st.integers(1, 4)
seeds = st.integers(0, 10_000)


# --- graphs -------------------------------------------------------------------------------------


@st.composite
def graphs(draw, inputs=2):
    """Return the operations of a graph: "+" or "*" and the numbers of two earlier values."""
    steps = []
    for number in range(inputs, inputs + draw(st.integers(1, 6))):
        place = st.integers(0, number - 1)
        steps.append(draw(st.tuples(st.sampled_from("+*"), place, place)))
    return steps


def evaluate(graph, inputs):
    """Return all values of a graph."""
    z = list(inputs)
    for operation, i, j in graph:
        z.append(z[i] + z[j] if operation == "+" else z[i] * z[j])
    return z


def arrows(graph, z):
    """Return (i, j, ∂z_j/∂z_i) for each arrow; a square has two arrows between the same values."""
    for j, (operation, a, b) in enumerate(graph, len(z) - len(graph)):
        yield from [(a, j, 1), (b, j, 1)] if operation == "+" else [(a, j, z[b]), (b, j, z[a])]


def backward(graph, z):
    """Return g_i for every value, as the formula has it: each sum over the arrows that leave i."""
    g = [Fraction(0)] * (len(z) - 1) + [Fraction(1)]
    for i in reversed(range(len(z) - 1)):
        g[i] = sum(g[j] * slope for start, j, slope in arrows(graph, z) if start == i)
    return g


@pytest.mark.formula("backprop-chain-rule")
@given(graph=graphs(), x=fractions, y=fractions)
def test_every_derivative_is_the_sum_over_the_arrows_that_leave_its_value(graph, x, y):
    z = evaluate(graph, [x, y])
    values = evaluate(graph, [Value(x), Value(y)])
    values[-1].backward()
    assert [value.grad for value in values] == backward(graph, z)


@pytest.mark.formula("backprop-forward-mode")
@given(graph=graphs(), x=fractions, y=fractions, along=st.tuples(fractions, fractions))
def test_the_rate_of_the_output_is_the_gradient_along_the_direction(graph, x, y, along):
    z = evaluate(graph, [x, y])
    rates = [*along, *(Fraction(0) for _ in graph)]
    for i, j, slope in arrows(graph, z):
        rates[j] += slope * rates[i]
    g = backward(graph, z)
    assert rates[-1] == (g[0] * along[0] + g[1] * along[1])


class Counted(Fraction):
    """A fraction that counts the multiplications it takes part in."""

    products = 0

    def __add__(self, other):
        return Counted(Fraction(self) + Fraction(other))

    def __mul__(self, other):
        Counted.products += 1
        return Counted(Fraction(self) * Fraction(other))

    __radd__, __rmul__ = __add__, __mul__


class Dual:
    """A number and its rate of change."""

    def __init__(self, data, rate):
        self.data, self.rate = data, rate

    def __add__(self, other):
        return Dual(self.data + other.data, self.rate + other.rate)

    def __mul__(self, other):
        rate = self.rate * other.data + self.data * other.rate
        return Dual(self.data * other.data, rate)


def products(compute):
    """Return how many multiplications a computation takes."""
    Counted.products = 0
    compute()
    return Counted.products


@pytest.mark.formula("backprop-cost")
@given(n=st.integers(1, 5), q=st.integers(1, 4))
def test_differences_forward_and_reverse_mode_cost_2n_3n_and_3q_evaluations(n, q):
    numbers = [Counted(k + 2) for k in range(n)]
    one = Counted(1)

    def outputs(x):  # a chain that all outputs pass through, so that each depends on everything
        z = x[0] * x[0]
        for part in x[1:]:
            z = z * part + z
        return [z] * q

    def forward():
        for i in range(n):
            outputs([Dual(x, Counted(i == j)) for j, x in enumerate(numbers)])

    def reverse():
        for k in range(q):
            f = outputs([Value(x) for x in numbers])[k]
            (f + Value(one)).backward()

    evaluation = products(lambda: outputs(numbers))
    assert evaluation == n
    assert products(forward) == 3 * n * evaluation
    assert products(reverse) == 3 * q * evaluation
    assert products(lambda: [outputs(numbers) for _ in range(2 * n)]) == 2 * n * evaluation


@given(n=st.integers(1, 5), q=st.integers(1, 4))
def test_a_program_run_once_costs_one_and_two_evaluations_more_for_each_pass(n, q):
    numbers = [Counted(k + 2) for k in range(n)]

    def outputs(x, rates):
        """Return q outputs that depend on every step, and their rates along each direction."""
        z, dz = x[0] * x[0], [x[0] * rate + rate * x[0] for rate in rates[0]]
        for part, along in zip(x[1:], rates[1:], strict=True):
            both = zip(dz, along, strict=True)
            dz = [part * old + z * new + old for old, new in both]
            z = z * part + z
        return [z] * q, dz

    def forward():
        unit = [[Counted(i == j) for j in range(n)] for i in range(n)]
        outputs(numbers, unit)

    def reverse():
        values, _ = outputs([Value(x) for x in numbers], [[]] * n)
        for f in values:
            (f + Value(Counted(1))).backward()

    assert products(forward) == (1 + 2 * n) * n
    assert products(reverse) == (1 + 2 * q) * n


# --- layers -------------------------------------------------------------------------------------


def values(array):
    return np.vectorize(lambda a: Value(Fraction(int(a))), otypes=[object])(array)


def grads(array):
    return np.vectorize(lambda value: value.grad, otypes=[object])(array)


@pytest.mark.formula("backprop-linear")
@given(shape=st.tuples(sizes, sizes, sizes), seed=seeds)
def test_the_gradients_of_a_linear_layer_are_two_products_and_a_sum(shape, seed):
    rng = np.random.default_rng(seed)
    n, n_in, n_out = shape
    x, w = rng.integers(-5, 6, (n, n_in)), rng.integers(-5, 6, (n_in, n_out))
    b, g = rng.integers(-5, 6, n_out), rng.integers(-5, 6, (n, n_out))
    xs, ws, bs = values(x), values(w), values(b)
    (g * (xs @ ws + bs)).sum().backward()
    assert (grads(xs) == g @ w.T).all()
    assert (grads(ws) == x.T @ g).all()
    assert (grads(bs) == g.T @ np.ones(n, dtype=int)).all()


@pytest.mark.formula("backprop-softmax-cross-entropy")
@given(
    scores=st.lists(st.floats(-8, 8), min_size=2, max_size=5),
    weights=st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
    hard=st.booleans(),
)
def test_the_gradient_of_softmax_and_cross_entropy_is_p_minus_y(scores, weights, hard):
    k = len(scores)
    y = np.eye(k)[0] if hard else np.array(weights[:k]) / sum(weights[:k])
    z = [Value(s) for s in scores]
    total = sum(s.exp() for s in z)
    f = -sum(float(y_k) * (s.exp() / total).log() for s, y_k in zip(z, y, strict=True))
    f.backward()
    p = np.exp(scores) / np.exp(scores).sum()
    assert f.data == near(-(y * np.log(p)).sum(), scores, 1.0)
    assert [s.grad for s in z] == near(list(p - y), 1.0)


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_a_product_of_matrices_is_as_many_closures_as_multiplications(monkeypatch):
    products, multiply = [], Value.__mul__
    monkeypatch.setattr(Value, "__mul__", lambda a, b: products.append(1) or multiply(a, b))
    a = np.array([[Value(1.0)] * 6] * 6)
    assert (a @ a).shape == (6, 6)
    assert len(products) == 6**3


def test_pytorch_adds_up_gradients_and_zero_grad_sets_none():
    x = torch.ones(2, requires_grad=True)
    sgd = torch.optim.SGD([x], lr=1.0)
    for _ in range(3):
        (3 * x).sum().backward()
    assert x.grad.tolist() == [9.0, 9.0]
    sgd.zero_grad()
    assert x.grad is None
