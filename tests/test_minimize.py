"""The driver: what it returns, when it stops and what it refuses."""

import math

import numpy as np
import pytest

from descent import minimize
from descent.landscapes import Quadratic, Rosenbrock
from descent.rules import Adam, GradientDescent, Momentum

BOWL = Quadratic([1.0, 4.0])


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_trajectory_holds_one_entry_more_than_steps(shape, steps):
    path = minimize(lambda x: np.sum(x**2), np.ones(shape), Adam(), steps, grad=lambda x: 2 * x)
    assert path.steps == steps
    assert path.x.shape == path.g.shape == (steps + 1, *shape)
    assert path.f.shape == (steps + 1,)
    assert [state.t for state in path.states] == list(range(steps + 1))
    assert path.x.dtype == path.f.dtype == path.g.dtype == np.float64


def test_each_entry_belongs_to_its_point_and_each_step_to_the_gradient_before_it():
    rule = Momentum(lr=0.1, momentum=0.5)
    path = minimize(BOWL, [1.0, -2.0], rule, 5)
    assert path.x[0].tolist() == [1.0, -2.0]
    for t in range(6):
        assert path.f[t] == BOWL(path.x[t])
        np.testing.assert_array_equal(path.g[t], BOWL.grad(path.x[t]))
    for t in range(5):
        x, state = rule.update(path.x[t], path.g[t], path.states[t])
        np.testing.assert_array_equal(path.x[t + 1], x)
        np.testing.assert_array_equal(path.states[t + 1].d, state.d)


def test_gradient_descent_halves_the_error_exactly():
    path = minimize(Quadratic([2.0]), [8.0], GradientDescent(lr=0.25), 3)
    assert path.x.tolist() == [[8.0], [4.0], [2.0], [1.0]]
    assert path.f.tolist() == [64.0, 16.0, 4.0, 1.0]
    assert path.g.tolist() == [[16.0], [8.0], [4.0], [2.0]]


def test_a_given_gradient_goes_before_that_of_the_function():
    path = minimize(BOWL, [1.0, 1.0], GradientDescent(lr=1.0), 1, grad=lambda x: np.array([0.5, 0]))
    assert path.x[1].tolist() == [0.5, 1.0]


def test_the_start_is_copied():
    x0 = np.array([1.0, 1.0])
    path = minimize(BOWL, x0, GradientDescent(lr=0.1), 3)
    x0[:] = 9
    assert path.x[0].tolist() == [1.0, 1.0]


def test_integers_are_taken_as_floats():
    assert minimize(BOWL, [1, 2], GradientDescent(lr=0.1), 1).x[1].tolist() == [0.9, 1.2]


def test_adam_finds_the_minimum_of_rosenbrocks_valley():
    path = minimize(Rosenbrock(), Rosenbrock.start, Adam(lr=0.02), 8000)
    np.testing.assert_allclose(path.x[-1], Rosenbrock.minimizer, atol=1e-3)


def test_a_path_that_blows_up_raises_and_names_step_and_rule():
    # (1 - 4e100)^t is beyond 1e308 in x² after 2 steps: f overflows first
    with pytest.raises(
        FloatingPointError, match=r"^step 2 of GradientDescent\(lr=1e\+100\) is not"
    ):
        minimize(BOWL, [1.0, 1.0], GradientDescent(lr=1e100), 10)


def test_a_path_that_blows_up_stops_at_its_last_finite_point_where_asked_to():
    path = minimize(BOWL, [1.0, 1.0], GradientDescent(lr=1e100), 10, nonfinite="stop")
    assert path.steps == 1
    assert np.isfinite(path.x).all()
    assert np.isfinite(path.f).all()
    assert len(path.states) == 2


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["f", "grad"])
def test_a_value_or_gradient_that_is_not_finite_is_found(what, bad):
    def spoil(x):
        return 0 * x + (bad if x[0] < 1.95 else 1.0)

    def fine(x):
        return np.ones(1)

    functions = {"f": fine, "grad": fine} | {what: spoil}
    with pytest.raises(FloatingPointError, match=r"^step 1 of "):
        minimize(functions["f"], [2.0], GradientDescent(lr=0.1), 5, grad=functions["grad"])


def test_a_start_where_the_function_is_not_finite_raises_even_when_asked_to_stop():
    with pytest.raises(FloatingPointError, match=r"^step 0 of "):
        minimize(lambda x: math.nan, [1.0], Adam(), 3, grad=lambda x: x, nonfinite="stop")


@pytest.mark.parametrize("steps", [-1, 1.0, 2.5, "3", None, True])
def test_a_bad_number_of_steps_is_refused(steps):
    with pytest.raises(ValueError, match=r"^steps must be a whole number of at least 0, got "):
        minimize(BOWL, [1.0, 1.0], Adam(), steps)


@pytest.mark.parametrize("x0", [math.nan, [1.0, math.inf], [[-math.inf]]])
def test_a_start_that_is_not_finite_is_refused(x0):
    with pytest.raises(ValueError, match=r"^x0 must be finite, got "):
        minimize(BOWL, x0, Adam(), 1)


@pytest.mark.parametrize("nonfinite", ["ignore", "", None, True])
def test_an_unknown_wish_for_the_non_finite_is_refused(nonfinite):
    with pytest.raises(ValueError, match=r'^nonfinite must be "raise" or "stop", got '):
        minimize(BOWL, [1.0, 1.0], Adam(), 1, nonfinite=nonfinite)


def test_a_function_without_a_gradient_is_refused():
    with pytest.raises(ValueError, match=r"^grad must be given, since f = .* has no method grad"):
        minimize(lambda x: x**2, 1.0, Adam(), 1)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"^g must have the shape of x, \(2,\), got "):
        minimize(BOWL, [1.0, 1.0], Adam(), 1, grad=lambda x: 1.0)
