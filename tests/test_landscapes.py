"""The landscapes: exact gradients, least values, grids and noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tolerance import near

from descent.landscapes import (
    Beale,
    Himmelblau,
    Landscape,
    NoisyQuadratic,
    Quadratic,
    Rosenbrock,
    Saddle,
)

BOWLS = [Quadratic([1.0, 10.0]), NoisyQuadratic([0.5, 2.0], noise=0.1)]
ALL = [*BOWLS, Saddle(), Rosenbrock(), Beale(), Himmelblau()]
IDS = [type(f).__name__ for f in ALL]

points = arrays(float, 2, elements=st.floats(-3, 3))


@pytest.mark.parametrize("f", ALL, ids=IDS)
@given(x=points)
def test_the_gradient_is_that_of_central_differences(f, x):
    # A step of ε^(1/3) balances the rounding of f against the third derivative.
    h = np.finfo(float).eps ** (1 / 3)
    around = np.abs([f(x + a * e) for e in np.eye(2) for a in (-1, 1)]).max()
    expected = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(2)]
    assert f.grad(x) == near(np.array(expected), 1.0, around, rel=1e-8)


IN_TORCH = {
    "Quadratic": lambda x: (x[0] ** 2 + 10 * x[1] ** 2) / 2,
    "NoisyQuadratic": lambda x: (0.5 * x[0] ** 2 + 2 * x[1] ** 2) / 2,
    "Saddle": lambda x: (x[0] ** 2 - x[1] ** 2) / 2 + x[1] ** 4 / 4,
    "Rosenbrock": lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
    "Beale": lambda x: (
        (1.5 - x[0] + x[0] * x[1]) ** 2
        + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2
        + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2
    ),
    "Himmelblau": lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
}


@pytest.mark.parametrize("f", ALL, ids=IDS)
def test_value_and_gradient_are_those_of_autograd(f):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for x in np.random.default_rng(0).uniform(-3, 3, (50, 2)):
        leaf = torch.tensor(x, requires_grad=True)
        value = IN_TORCH[type(f).__name__](leaf)
        value.backward()
        np.testing.assert_allclose(f(x), value.item(), rtol=1e-12)
        size = np.abs(leaf.grad.numpy()).max()
        np.testing.assert_allclose(f.grad(x), leaf.grad.numpy(), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("f", ALL, ids=IDS)
def test_the_minimizer_has_no_gradient_and_the_least_value_of_the_window(f):
    np.testing.assert_allclose(f.grad(f.minimizer), 0, atol=1e-12)
    (left, right), (bottom, top) = f.window
    grid = np.stack(np.meshgrid(np.linspace(left, right, 101), np.linspace(bottom, top, 101)))
    assert f(grid).min() >= f(f.minimizer)


@pytest.mark.parametrize("f", ALL, ids=IDS)
def test_start_and_minimizer_lie_in_the_window(f):
    for point in (f.start, f.minimizer):
        for coordinate, (low, high) in zip(point, f.window, strict=True):
            assert low <= coordinate <= high


def test_the_customary_starts_and_minimizers():
    assert Rosenbrock.start.tolist() == [-1.2, 1.0]
    assert Rosenbrock()(Rosenbrock.start) == pytest.approx(24.2)
    assert Rosenbrock()(Rosenbrock.minimizer) == 0
    assert Beale()(Beale.minimizer) == 0
    assert Saddle()(Saddle.minimizer) == -0.25
    assert Saddle()([0.0, -1.0]) == -0.25
    assert Quadratic([3.0, 2.0, 1.0]).minimizer.tolist() == [0.0, 0.0, 0.0]
    assert Quadratic([3.0, 2.0, 1.0]).start.tolist() == [1.0, 1.0, 1.0]


def test_the_saddle_is_flat_at_the_origin():
    assert Saddle().grad([0.0, 0.0]).tolist() == [0.0, 0.0]
    assert Saddle()([0.1, 0.0]) > Saddle()([0.0, 0.0]) > Saddle()([0.0, 0.1])


@pytest.mark.parametrize("f", ALL, ids=IDS)
def test_a_grid_gives_what_its_points_give(f):
    grid = np.stack(np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-1, 3, 4)))
    values, gradients = f(grid), f.grad(grid)
    assert values.shape == (4, 5)
    assert gradients.shape == (2, 4, 5)
    for i, j in np.ndindex(4, 5):
        assert values[i, j] == f(grid[:, i, j])
        np.testing.assert_array_equal(gradients[:, i, j], f.grad(grid[:, i, j]))


def test_a_quadratic_has_half_the_curvature_in_its_value_and_all_of_it_in_its_gradient():
    f = Quadratic([1.0, -3.0, 0.5])
    assert f([2.0, 1.0, 4.0]) == 2 - 1.5 + 4
    assert f.grad([2.0, 1.0, 4.0]).tolist() == [2.0, -3.0, 2.0]


@pytest.mark.parametrize(
    "curvatures", [[], 1.0, [[1.0, 2.0]], [1.0, math.nan], [math.inf, 1.0], np.empty((0, 2))]
)
def test_curvatures_that_are_no_list_of_finite_numbers_are_refused(curvatures):
    for bowl in (Quadratic, NoisyQuadratic):
        with pytest.raises(ValueError, match=r"^curvatures must be a list of finite numbers, got "):
            bowl(curvatures)


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], 1.0, np.ones((3, 2))])
def test_a_point_of_another_dimension_is_refused(x):
    f = Quadratic([1.0, 2.0])
    for call in (f, f.grad):
        with pytest.raises(ValueError, match=r"^x must have 2 coordinates, got shape "):
            call(x)


@pytest.mark.parametrize("noise", [-0.1, math.nan, math.inf, "1", None, True])
def test_bad_noise_is_refused(noise):
    with pytest.raises(ValueError, match=r"^noise must be a finite number of at least 0, got "):
        NoisyQuadratic([1.0], noise)


def test_the_noise_has_mean_0_and_the_stated_deviation_on_each_coordinate():
    f, n = NoisyQuadratic([1.0, 10.0], noise=0.5), 40_000
    grad, x = f.noisy_grad(seed=0), np.array([2.0, -1.0])
    noise = np.array([grad(x) for _ in range(n)]) - f.grad(x)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=4 * 0.5 / math.sqrt(n))
    np.testing.assert_allclose(noise.std(axis=0), 0.5, atol=4 * 0.5 / math.sqrt(2 * n))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 4 / math.sqrt(n)


def test_the_noise_repeats_with_its_seed_and_differs_without():
    f, x = NoisyQuadratic([1.0, 10.0]), np.ones(2)
    first, again, other = f.noisy_grad(1), f.noisy_grad(1), f.noisy_grad(2)
    draws = [[g(x).tolist() for _ in range(3)] for g in (first, again, other)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0][0] != draws[0][1]


def test_without_noise_the_noisy_gradient_is_the_gradient():
    f = NoisyQuadratic([1.0, 10.0], noise=0)
    assert f.noisy_grad(0)([1.0, 1.0]).tolist() == [1.0, 10.0]
    assert f.grad([1.0, 1.0]).tolist() == [1.0, 10.0]


def test_the_noise_of_a_grid_is_drawn_for_each_point():
    noise = NoisyQuadratic([0.0, 0.0]).noisy_grad(0)(np.zeros((2, 3, 4)))
    assert len(set(noise.ravel().tolist())) == 24


def test_a_landscape_shows_how_to_make_it_again():
    shown = [repr(f) for f in ALL[2:]]
    assert shown == ["Saddle()", "Rosenbrock()", "Beale()", "Himmelblau()"]
    assert repr(Quadratic([1.0, 10.0])) == "Quadratic([1.0, 10.0])"


def test_a_landscape_without_a_formula_says_so():
    with pytest.raises(NotImplementedError):
        Landscape()([1.0])
    with pytest.raises(NotImplementedError):
        Landscape().grad([1.0])


@pytest.mark.parametrize(("x", "y"), [(-2.81, 3.13), (-3.78, -3.28), (3.58, -1.85)])
def test_himmelblaus_other_minima_are_where_its_docstring_says(x, y):
    f, point = Himmelblau(), np.array([x, y])
    for _ in range(100):
        point = point - 0.01 * f.grad(point)
    assert np.abs(point - [x, y]).max() < 0.006
    assert f(point) == pytest.approx(0, abs=1e-20)
