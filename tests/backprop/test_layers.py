"""The layers: by finite differences, by hand, by their laws, and what they refuse."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tolerance import near

from descent.backprop.check import gradcheck
from descent.backprop.init import glorot_uniform
from descent.backprop.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
    fold,
    output_size,
    windows,
)
from descent.rules import GradientDescent, Momentum


def rng(seed=0):
    return np.random.default_rng(seed)


def deep():
    """Return a network that has every layer in it."""
    return Sequential(
        Conv2d(2, 3, 3, padding=1, rng=rng(1)),
        BatchNorm(3),
        Tanh(),
        MaxPool2d(2),
        Residual(Conv2d(3, 4, 1, rng=rng(2)), Sigmoid(), shortcut=Conv2d(3, 4, 1, rng=rng(3))),
        Residual(Dropout(0.3, rng=rng(4)), ReLU()),
        AvgPool2d(3, stride=1, padding=1),
        Flatten(),
        Linear(24, 5, rng=rng(5), init=glorot_uniform),
    )


DIFFERENTIABLE = {
    "Linear": (Linear(3, 2, rng=rng()), (4, 3)),
    "ReLU": (ReLU(), (4, 3)),
    "Tanh": (Tanh(), (4, 3)),
    "Sigmoid": (Sigmoid(), (4, 3)),
    "Conv2d": (Conv2d(2, 3, 3, stride=2, padding=1, rng=rng()), (2, 2, 5, 4)),
    "MaxPool2d": (MaxPool2d(3, stride=2, padding=1), (2, 2, 5, 6)),
    "AvgPool2d": (AvgPool2d(3, stride=2, padding=1), (2, 2, 5, 6)),
    "BatchNorm of rows": (BatchNorm(3), (5, 3)),
    "BatchNorm of images": (BatchNorm(3), (3, 3, 2, 2)),
    "Dropout": (Dropout(0.4, rng=rng()), (5, 4)),
    "Flatten": (Flatten(), (2, 3, 2, 2)),
    "Residual": (Residual(Linear(3, 3, rng=rng()), Tanh()), (4, 3)),
    "Sequential": (Sequential(), (4, 3)),
    "all": (deep(), (3, 2, 4, 6)),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_layer_and_its_gradients_are_those_of_central_differences(name):
    layer, shape = DIFFERENTIABLE[name]
    assert gradcheck(layer, rng(7).standard_normal(shape), tolerance=1e-7) < 1e-7


def test_convolution_by_hand():
    sobel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    layer = Conv2d(1, 1, 3, rng=rng())
    layer.W[...] = sobel
    layer.b[...] = 100
    image = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    assert layer.forward(image).item() == 100 + (3 + 12 + 9) - (1 + 8 + 7)
    np.testing.assert_array_equal(layer.backward([[[[2.0]]]])[0, 0], 2 * sobel)
    np.testing.assert_array_equal(layer.dW, 2 * image)
    assert layer.db == 2


def test_batch_norm_by_hand():
    layer = BatchNorm(1, eps=0, momentum=0.9)
    layer.forward([[1.0], [3.0]])
    assert layer.running_mean == pytest.approx(0.1 * 2, rel=1e-15)
    assert layer.running_var == pytest.approx(0.9 * 1 + 0.1 * 2, rel=1e-15)
    layer.running_mean, layer.running_var = np.array([2.0]), np.array([4.0])
    np.testing.assert_array_equal(layer.predict([[6.0]]), [[2.0]])


def test_the_first_of_equal_values_has_the_gradient_of_max_pooling():
    layer = MaxPool2d(2, stride=1)
    layer.forward(np.zeros((1, 1, 2, 3)))
    np.testing.assert_array_equal(layer.backward([[[[5.0, 7.0]]]]), [[[[5, 7, 0], [0, 0, 0]]]])


# Laws

sizes = st.integers(1, 12)
geometry = {"n": sizes, "k": st.integers(1, 6), "s": st.integers(1, 5), "p": st.integers(0, 4)}


@given(**geometry)
def test_as_many_windows_fit_as_starts_within_the_padded_axis(n, k, s, p):
    starts = [i for i in range(0, n + 2 * p, s) if i + k <= n + 2 * p]
    if starts:
        assert output_size(n, k, s, p) == len(starts)
    else:
        with pytest.raises(ValueError, match=f"kernel_size = {k} does not fit an axis of {n}"):
            output_size(n, k, s, p)


@given(**geometry, columns=sizes)
def test_convolution_and_pooling_have_the_output_size_of_the_formula(n, columns, k, s, p):
    assume(min(n, columns) + 2 * p >= k)
    layers = [Conv2d(1, 2, k, stride=s, padding=p, rng=rng())]
    if 2 * p <= k:
        layers += [MaxPool2d(k, stride=s, padding=p), AvgPool2d(k, stride=s, padding=p)]
    for layer in layers:
        y = layer.forward(np.ones((1, 1, n, columns)))
        assert y.shape[2:] == (output_size(n, k, s, p), output_size(columns, k, s, p))
        assert layer.backward(y).shape == (1, 1, n, columns)


@given(**geometry, columns=sizes)
def test_fold_is_the_adjoint_of_windows(n, columns, k, s, p):
    assume(min(n, columns) >= k)
    x = rng(p).integers(-9, 10, (2, 1, n, columns)).astype(float)
    w = windows(x, k, s)
    u = rng(s).integers(-9, 10, w.shape).astype(float)
    assert np.sum(w * u) == np.sum(x * fold(u, x.shape, s))


LINEAR_MAPS = {
    "Linear": (Linear(4, 3, rng=rng()), (2, 4)),
    "Conv2d": (Conv2d(2, 3, 3, stride=2, padding=1, rng=rng()), (2, 2, 4, 5)),
    "AvgPool2d": (AvgPool2d(2), (2, 2, 4, 5)),
    "Flatten": (Flatten(), (2, 2, 4)),
}


@pytest.mark.parametrize("name", LINEAR_MAPS)
@given(a=st.floats(-3, 3), b=st.floats(-3, 3), seed=st.integers(0, 99))
def test_a_linear_layer_is_linear_and_backward_is_its_adjoint(name, a, b, seed):
    layer, shape = LINEAR_MAPS[name]
    u, v = rng(seed).standard_normal((2, *shape))
    expected = a * layer.predict(u) + b * layer.predict(v)
    assert layer.predict(a * u + b * v) == near(expected, a * u, b * v)
    y = layer.forward(u)
    dy = rng(seed + 1).standard_normal(y.shape)
    np.testing.assert_allclose(np.sum(y * dy), np.sum(u * layer.backward(dy)), rtol=1e-11)


values = arrays(float, (4, 3), elements=st.floats(-5, 5))


@given(x=values)
def test_a_residual_whose_branch_is_zero_is_the_identity(x):
    branch = Linear(3, 3, rng=rng())
    branch.theta = 0 * branch.theta
    layer = Residual(branch)
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)
    np.testing.assert_array_equal(layer.predict(x), x)


@given(x=values, shift=st.floats(-5, 5), scale=st.floats(0.5, 5))
def test_batch_norm_undoes_shift_and_scale(x, shift, scale):
    assume((x.std(axis=0) > 0.1).all())
    layer = BatchNorm(3, eps=0)
    y, moved = layer.forward(x), shift + scale * x
    assert layer.forward(moved) == near(y, moved / moved.std(axis=0))
    assert y.mean(axis=0) == near(np.zeros(3), x / x.std(axis=0))
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-12)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_dropout_drops_a_share_of_p_and_keeps_the_expectation(p):
    layer, n = Dropout(p, rng=rng()), 200_000
    y = layer.forward(np.ones(n))
    five_sigma = 5 * np.sqrt(p * (1 - p) / n)
    assert abs(np.mean(y == 0) - p) <= five_sigma
    assert abs(y.mean() - 1) <= five_sigma / (1 - p)
    np.testing.assert_array_equal(layer.predict([3.0]), [3.0])


def test_dropout_draws_anew_in_every_forward():
    layer = Dropout(0.5, rng=rng())
    assert (layer.forward(np.ones(100)) != layer.forward(np.ones(100))).any()


@given(x=arrays(float, 5, elements=st.floats(-700, 700)))
def test_the_sigmoid_is_accurate_far_out_and_symmetric(x):
    y = Sigmoid().forward(x)
    np.testing.assert_allclose(y[x < -40], np.exp(x[x < -40]), rtol=1e-12)
    np.testing.assert_allclose(y + Sigmoid().forward(-x), 1, rtol=1e-15)


# Networks


def test_predict_leaves_a_network_as_it_was():
    x, net, other = rng().standard_normal((3, 2, 4, 6)), deep(), deep()
    dy = net.forward(x)
    other.forward(x)
    other.predict(2 * x)
    np.testing.assert_array_equal(other.backward(dy), net.backward(dy))
    np.testing.assert_array_equal(other.predict(x), net.predict(x))


def test_parameters_and_gradients_have_the_same_names_order_and_shapes():
    net = deep()
    net.backward(net.forward(np.ones((3, 2, 4, 6))))
    assert list(net.parameters) == list(net.gradients)
    assert list(net.parameters)[:5] == ["0.W", "0.b", "1.gamma", "1.beta", "4.body.0.W"]
    for name, p in net.parameters.items():
        assert p.shape == net.gradients[name].shape
    assert net.theta.shape == net.grad.shape == (sum(p.size for p in net.parameters.values()),)


def test_a_rule_steps_the_vector_as_it_steps_each_parameter():
    x, net = rng().standard_normal((3, 2, 4, 6)), deep()
    rule = Momentum(lr=0.1)
    theta, each = rule.init(net.theta), {n: rule.init(p) for n, p in net.parameters.items()}
    for _ in range(3):
        net.backward(net.forward(x))
        gradients = net.gradients
        stepped = {n: rule.update(p, gradients[n], each[n]) for n, p in net.parameters.items()}
        each = {n: state for n, (_, state) in stepped.items()}
        net.theta, theta = rule.update(net.theta, net.grad, theta)
        for name, p in net.parameters.items():
            np.testing.assert_array_equal(p, stepped[name][0])


def test_a_step_against_the_gradient_lowers_the_loss():
    x, net = rng().standard_normal((8, 3)), Sequential(Linear(3, 4, rng=rng()), Tanh())
    rule, losses = GradientDescent(lr=0.5), []
    for _ in range(20):
        y = net.forward(x)
        losses.append(np.mean(y**2))
        net.backward(2 * y / y.size)
        net.theta, _ = rule.update(net.theta, net.grad, rule.init(net.theta))
    assert (np.diff(losses) < 0).all()


def test_a_network_without_parameters_has_an_empty_vector():
    net = Sequential(ReLU(), Flatten())
    assert net.theta.shape == net.grad.shape == (0,)
    net.theta = np.zeros(0)


# What is refused


def forward(layer, shape):
    return layer.forward(np.ones(shape))


REFUSED = [
    ("in_features must be", lambda: Linear(0, 2, rng=rng())),
    ("out_features must be", lambda: Linear(2, 1.5, rng=rng())),
    ("in_channels must be", lambda: Conv2d(0, 1, 1, rng=rng())),
    ("out_channels must be", lambda: Conv2d(1, -1, 1, rng=rng())),
    ("kernel_size must be", lambda: MaxPool2d(0)),
    ("stride must be a whole number of at least 1, got 0", lambda: MaxPool2d(2, stride=0)),
    ("padding must be a whole number of at least 0, got -1", lambda: conv(1, padding=-1)),
    ("padding must be at most half of kernel_size = 3, got 2", lambda: AvgPool2d(3, padding=2)),
    ("features must be", lambda: BatchNorm(0)),
    ("momentum must be a number in [0, 1), got 1", lambda: BatchNorm(1, momentum=1)),
    ("eps must be", lambda: BatchNorm(1, eps=-1)),
    ("p must be a number in [0, 1), got 1", lambda: Dropout(1, rng=rng())),
    ("shape (N, 3), got (4, 2)", lambda: forward(Linear(3, 2, rng=rng()), (4, 2))),
    ("shape (N, 3, H, W), got (2, 1, 5, 5)", lambda: forward(conv(3), (2, 1, 5, 5))),
    ("shape (N, 3, H, W), got (3, 5, 5)", lambda: forward(conv(3), (3, 5, 5))),
    ("shape (N, C, H, W), got (5, 5)", lambda: forward(MaxPool2d(2), (5, 5))),
    ("shape (N, 3), got (4, 2)", lambda: forward(BatchNorm(3), (4, 2))),
    ("shape (N, 3, H, W), got (4, 2, 1, 1)", lambda: forward(BatchNorm(3), (4, 2, 1, 1))),
    ("at least 2 values per channel, got the shape (1, 3)", lambda: forward(BatchNorm(3), (1, 3))),
    (
        "kernel_size = 5 does not fit an axis of 2 with padding = 1: 2 + 2 · 1 < 5",
        lambda: forward(Conv2d(1, 1, 5, padding=1, rng=rng()), (1, 1, 5, 2)),
    ),
    (
        "kernel_size = 3 does not fit an axis of 2 with padding = 0: 2 + 2 · 0 < 3",
        lambda: forward(MaxPool2d(3), (1, 1, 2, 5)),
    ),
    ("shape (N, 3), got (4, 3, 2)", lambda: forward(BatchNorm(3), (4, 3, 2))),
    ("shape (N, 3), got (4, 1)", lambda: BatchNorm(3).predict(np.ones((4, 1)))),
    (
        "F(x) has the shape (4, 2), its shortcut (4, 3)",
        lambda: forward(Residual(Linear(3, 2, rng=rng())), (4, 3)),
    ),
    ("Tanh.backward needs a forward before it", lambda: Tanh().backward(np.ones(3))),
    ("one of them stands twice", lambda: Sequential(*[ReLU()] * 2)),
]


def conv(channels, **geometry):
    return Conv2d(channels, 1, 1, **geometry, rng=rng())


@pytest.mark.parametrize(("message", "call"), REFUSED, ids=[message for message, _ in REFUSED])
def test_what_does_not_fit_is_refused_by_name(message, call):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_gradient_that_has_not_the_shape_of_y_is_refused(name):
    layer, shape = DIFFERENTIABLE[name]
    y = forward(layer, shape)
    with pytest.raises(ValueError, match="dy must have the shape of y"):
        layer.backward(y[:1])


def test_a_vector_of_another_length_is_refused():
    net = Linear(2, 3, rng=rng())
    for wrong in (np.zeros(8), np.zeros((9, 1)), 0.0):
        with pytest.raises(ValueError, match=r"theta must have the shape \(9,\)"):
            net.theta = wrong


def test_a_layer_within_another_and_beside_it_is_refused():
    layer = Tanh()
    with pytest.raises(ValueError, match="one of them stands twice"):
        Sequential(Residual(layer), layer)
    with pytest.raises(ValueError, match="one of them stands twice"):
        Residual(layer, shortcut=layer)


def test_a_layer_of_ones_own_needs_two_methods():
    class Square(Layer):
        def _forward(self, x):
            self.x = x
            return x**2

        def _backward(self, dy):
            return 2 * self.x * dy

    assert gradcheck(Sequential(Square(), Linear(3, 2, rng=rng())), np.ones((2, 3))) < 1e-8
