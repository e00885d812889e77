"""The gradient check finds what is wrong, says where, and passes what is right."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent.backprop.check import differences, gradcheck
from descent.backprop.layers import BatchNorm, Conv2d, Dropout, Layer, Linear, Sequential, Tanh
from descent.landscapes import Beale, Rosenbrock

X = np.random.default_rng(0).standard_normal((4, 3))


def rng():
    return np.random.default_rng(0)


class Wrong(Linear):
    """A linear layer with a gradient of W that is off in one entry."""

    factor = 1.001

    def _backward(self, dy):
        dx = super()._backward(dy)
        self.dW[1, 2] *= self.factor
        return dx


def test_a_wrong_entry_is_named_with_its_array_and_both_values():
    with pytest.raises(AssertionError) as error:
        gradcheck(Sequential(Tanh(), Wrong(3, 2, rng=rng())), X)
    name, found, expected, relative = re.fullmatch(
        r"the gradient in (.+) is (\S+), by differences (\S+): "
        r"a relative error of (\S+), above 1e-06",
        str(error.value),
    ).groups()
    assert name == "1.W at (1, 2)"
    assert float(found) / float(expected) == pytest.approx(1.001, rel=1e-6)
    assert float(relative) == pytest.approx(0.001, rel=0.05)


def test_a_wrong_input_gradient_is_called_x():
    class Halved(Tanh):
        def _backward(self, dy):
            return super()._backward(dy) / 2

    with pytest.raises(AssertionError, match=r"the gradient in x at \(\d, \d\)"):
        gradcheck(Halved(), X)


@given(st.integers(-8, -1))
def test_an_error_passes_if_it_is_below_the_tolerance(exponent):
    layer = Wrong(3, 2, rng=rng())
    layer.factor = 1 + 10.0**exponent
    assert gradcheck(layer, X, tolerance=1.0) == pytest.approx(10.0**exponent, rel=0.2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_does_not_pass(bad):
    layer = Wrong(3, 2, rng=rng())
    layer.factor = bad
    with pytest.raises(AssertionError, match=r"W at \(1, 2\)"):
        gradcheck(layer, X)
    with pytest.raises(AssertionError, match=r"x at \(1,\)"):
        gradcheck(np.sum, [1.0, 2.0], grad=lambda x: np.array([1.0, bad]))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_gradient_that_rounding_alone_keeps_from_zero_passes(scale):
    # A batch norm takes away what a bias adds: the gradient of b is 0.
    net = Sequential(Conv2d(1, 2, 3, rng=rng()), BatchNorm(2))
    net.parts["1"].gamma *= scale
    assert gradcheck(net, np.random.default_rng(1).standard_normal((3, 1, 4, 4))) < 1e-6


def test_a_wrong_gradient_is_seen_however_small_all_gradients_are():
    with pytest.raises(AssertionError, match=r"x at \(1,\)"):
        gradcheck(lambda x: 1e-9 * np.sum(x), [1.0, 2.0], grad=lambda x: np.array([1, 1.01]) * 1e-9)


def test_a_layer_is_left_as_it_was():
    net = Sequential(Linear(3, 2, rng=rng()), BatchNorm(2), Dropout(0.5, rng=rng()))
    twin = Sequential(Linear(3, 2, rng=rng()), BatchNorm(2), Dropout(0.5, rng=rng()))
    gradcheck(net, X)
    np.testing.assert_array_equal(net.theta, twin.theta)
    np.testing.assert_array_equal(net.forward(X), twin.forward(X))
    np.testing.assert_array_equal(net.predict(X), twin.predict(X))


@pytest.mark.parametrize("f", [Beale(), Rosenbrock()], ids=repr)
def test_a_function_brings_its_gradient_or_is_given_one(f):
    assert gradcheck(f, [0.5, 0.7]) < 1e-8
    assert gradcheck(lambda x: f(x), [0.5, 0.7], grad=f.grad) < 1e-8
    with pytest.raises(AssertionError, match=r"the gradient in x at \(0,\)"):
        gradcheck(f, [0.5, 0.7], grad=lambda x: f.grad(x) * [1.01, 1])


def test_a_constant_passes_with_error_zero():
    assert gradcheck(lambda x: 7.0, [1.0, 2.0], grad=np.zeros_like) == 0
    assert gradcheck(Sequential(), np.zeros((0, 3))) == 0


def test_differences_of_a_quadratic_are_exact_but_for_rounding():
    x = np.array([[1.0, -200.0], [3e4, 0.0]])
    found = differences(lambda x: 3 * x**2, x)
    np.testing.assert_allclose(found, 6 * x, rtol=1e-9)


@pytest.mark.parametrize(("x", "h"), [(0.0, 0.1), (0.5, 0.1), (-20.0, 2.0)])
def test_differences_take_a_step_relative_to_x_or_to_1(x, h):
    found = differences(lambda x: x**3, np.array([x]), step=0.1)
    np.testing.assert_allclose(found, 3 * x**2 + h**2, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradcheck(Tanh(), X, step=0.0), "step must be a positive, finite number"),
        (lambda: gradcheck(Tanh(), X, tolerance=-1), "tolerance must be a positive"),
        (lambda: gradcheck(np.sum, X), "grad must be given"),
        (lambda: gradcheck(np.sum, X, grad=lambda x: x[0]), "g must have the shape of x, (4, 3)"),
        (lambda: gradcheck(Linear(2, 2, rng=rng()), X), "x must have the shape (N, 2)"),
    ],
)
def test_what_cannot_be_checked_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_new_layer_without_a_backward_says_so():
    with pytest.raises(NotImplementedError):
        gradcheck(Layer(), X)
