"""The formulas of the chapter on backpropagation."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
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


# --- the gradient check -------------------------------------------------------------------------


@pytest.mark.formula("backprop-central-difference-error")
@given(x=st.floats(1, 8).map(lambda x: round(x * 64) / 64), k=st.integers(3, 45))
def test_the_central_difference_of_a_rounded_quotient_stays_below_the_bound(x, k):
    h, u = 2.0**-k, 2.0**-53
    difference = (Fraction(1 / (x + h)) - Fraction(1 / (x - h))) / (2 * Fraction(h))
    error = abs(difference + 1 / Fraction(x) ** 2)
    M, delta = 6 / (x - h) ** 4, u / (x - h)  # noqa: N806
    assert error <= (M * h**2 / 6 + delta / h) * (1 + 1e-12)


@given(x=fractions, h=st.fractions(Fraction(1, 1000), 1), delta=st.fractions(0, 1))
def test_no_smaller_bound_holds_for_all_cubics_and_all_errors(x, h, delta):
    computed = [(x + h) ** 3 + delta, (x - h) ** 3 - delta]
    error = (computed[0] - computed[1]) / (2 * h) - 3 * x**2
    assert error == 6 * h**2 / 6 + delta / h


@pytest.mark.formula("backprop-best-difference-step")
@given(M=st.floats(1e-3, 1e3), delta=st.floats(1e-18, 1e-2), factor=st.floats(0.01, 100))
def test_no_other_step_has_a_smaller_bound_than_the_best_one(M, delta, factor):  # noqa: N803
    best = (3 * delta / M) ** (1 / 3)

    def bound(h):
        return M * h**2 / 6 + delta / h

    assert bound(best) == pytest.approx(3 * delta / (2 * best))
    assert bound(best) == pytest.approx((9 * M * delta**2) ** (1 / 3) / 2)
    assert bound(factor * best) >= bound(best) * (1 - 1e-12)
    assume(abs(factor - 1) > 1e-3)
    assert bound(factor * best) > bound(best)


# --- deep networks ------------------------------------------------------------------------------


@pytest.mark.formula("backprop-gradient-product")
@given(seed=seeds, depth=st.integers(1, 4), k=st.integers(0, 3))
def test_the_gradient_of_an_activation_is_a_product_below_its_bound(seed, depth, k):
    k = min(k, depth)
    rng = np.random.default_rng(seed)
    ws = [rng.standard_normal((3, 3)) for _ in range(depth)]
    h = [rng.standard_normal(3)]
    for w in ws:
        h.append(np.tanh(h[-1] @ w))
    last = rng.standard_normal(3)

    product = last
    for j in range(depth, k, -1):
        slopes = np.diag(1 - np.tanh(h[j - 1] @ ws[j - 1]) ** 2)
        product = product @ slopes @ ws[j - 1].T
    start = out = np.vectorize(Value, otypes=[object])(h[k])
    for w in ws[k:]:
        out = np.tanh(out @ w)
    (out * last).sum().backward()
    bound = math.prod(np.linalg.norm(w, 2) for w in ws[k:]) * np.linalg.norm(last)
    assert [value.grad for value in start] == near(list(product), bound)
    assert np.linalg.norm(product) <= bound * (1 + 1e-12)


def mean_square(a):
    return np.mean(a**2)


@pytest.mark.formula("init-he")
@pytest.mark.parametrize(("n_in", "n_out"), [(300, 300), (200, 600), (600, 200)])
def test_he_keeps_the_gradients_length_and_the_signals_mean_square_through_a_relu_layer(
    n_in, n_out
):
    rng = np.random.default_rng(0)
    before, after, gradient, passed = [], [], [], []
    for _ in range(20):
        h, w = rng.standard_normal((20, n_in)), rng.standard_normal((n_in, n_out))
        z = h @ (np.sqrt(2 / n_in) * w)
        g = rng.standard_normal((20, n_out))
        before.append(np.sum(h**2))
        after.append(np.sum(np.maximum(z, 0) ** 2))
        gradient.append(np.sum(g**2))
        passed.append(np.sum(((g * (z > 0)) @ (np.sqrt(2 / n_in) * w).T) ** 2))
    assert np.mean(after) / np.mean(before) == pytest.approx(n_out / n_in, rel=0.02)
    assert np.mean(passed) / np.mean(gradient) == pytest.approx(1, rel=0.02)


@pytest.mark.formula("init-glorot")
@pytest.mark.parametrize(("n_in", "n_out"), [(300, 300), (200, 600), (600, 200)])
def test_glorot_is_the_compromise_between_the_signal_and_the_gradient(n_in, n_out):
    rng = np.random.default_rng(0)
    w = np.sqrt(2 / (n_in + n_out)) * rng.standard_normal((n_in, n_out))
    h, g = rng.standard_normal((2000, n_in)), rng.standard_normal((2000, n_out))
    forward = mean_square(h @ w) / mean_square(h)
    backward = mean_square(g @ w.T) / mean_square(g)
    assert forward == pytest.approx(2 * n_in / (n_in + n_out), rel=0.02)
    assert backward == pytest.approx(2 * n_out / (n_in + n_out), rel=0.02)
    assert (forward + backward) / 2 == pytest.approx(1, rel=0.02)


@pytest.mark.formula("backprop-clipping")
@given(
    g=st.lists(st.floats(-100, 100), min_size=1, max_size=4).filter(
        lambda g: np.linalg.norm(g) > 1e-3
    ),
    limit=st.floats(0.01, 100),
)
def test_clipping_shortens_long_gradients_and_leaves_short_ones_and_all_directions(g, limit):
    g = np.array(g)
    length = np.linalg.norm(g)
    clipped = g * min(1.0, limit / length)
    assert np.linalg.norm(clipped) == pytest.approx(min(length, limit))
    assert clipped / np.linalg.norm(clipped) == pytest.approx(g / length)
    if length <= limit:
        assert (clipped == g).all()


def test_clipping_agrees_with_torch_up_to_its_epsilon():
    torch = pytest.importorskip("torch")
    x = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
    x.grad = torch.tensor([30.0, 40.0], dtype=torch.float64)
    torch.nn.utils.clip_grad_norm_([x], 5.0)
    assert x.grad.tolist() == pytest.approx([3.0, 4.0], rel=1e-6)


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_a_product_of_matrices_is_as_many_closures_as_multiplications(monkeypatch):
    products, multiply = [], Value.__mul__
    monkeypatch.setattr(Value, "__mul__", lambda a, b: products.append(1) or multiply(a, b))
    a = np.array([[Value(1.0)] * 6] * 6)
    assert (a @ a).shape == (6, 6)
    assert len(products) == 6**3


@pytest.mark.parametrize("u", [2.0**-53, 2.0**-24])
def test_where_all_is_of_size_one_central_differences_lose_a_third_of_the_digits(u):
    """And one-sided ones half; on sin(100 x) the steps that are good here are not."""

    def best(order, curvature):  # of M h^order / 6 or / 2, and the rounding u / h
        h = np.geomspace(u, 1, 4001)
        bound = curvature * h**order / (6 if order == 2 else 2) + u / h
        return h[bound.argmin()], bound.min()

    for order, share in ((2, 1 / 3), (1, 1 / 2)):
        h, error = best(order, 1.0)
        assert 0.5 < h / u**share < 2
        assert 0.5 < error / u ** (1 - share) < 2
    h, _ = best(2, 100.0**3)
    assert h == pytest.approx(best(2, 1.0)[0] / 100, rel=0.02)


def test_tanh_passes_the_gradient_on_while_its_inputs_are_small():
    z = np.random.default_rng(0).standard_normal(100_000)

    def passed(size):
        return np.mean((1 - np.tanh(size * z) ** 2) ** 2)

    assert passed(0.05) > 0.99
    assert passed(1.0) == pytest.approx(0.46, abs=0.01)


def test_pytorch_adds_up_gradients_and_zero_grad_sets_none():
    x = torch.ones(2, requires_grad=True)
    sgd = torch.optim.SGD([x], lr=1.0)
    for _ in range(3):
        (3 * x).sum().backward()
    assert x.grad.tolist() == [9.0, 9.0]
    sgd.zero_grad()
    assert x.grad is None


def test_pytorchs_gradcheck_has_these_defaults_and_fails_in_float32():
    parameters = inspect.signature(torch.autograd.gradcheck).parameters
    assert [parameters[name].default for name in ("eps", "atol", "rtol")] == [1e-6, 1e-5, 1e-3]
    x = torch.tensor([1.0, 2.0, 3.0])
    cubes = lambda x: (x**3).sum()  # noqa: E731
    assert torch.autograd.gradcheck(cubes, x.double().requires_grad_())
    with pytest.warns(UserWarning, match="double precision"):
        assert not torch.autograd.gradcheck(cubes, x.requires_grad_(), raise_exception=False)
