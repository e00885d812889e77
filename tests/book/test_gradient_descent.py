"""What the chapter on gradient descent says, over the range that it says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from descent import minimize
from descent.landscapes import Quadratic, Rosenbrock
from descent.rules import GradientDescent


@pytest.mark.parametrize("seed", range(5))
def test_gradient_descent_turns_with_the_axes_of_a_quadratic(seed):
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    curvatures, middle = rng.uniform(0.1, 2, 4), rng.standard_normal(4)
    hessian, x0 = turn @ np.diag(curvatures) @ turn.T, rng.standard_normal(4)
    path = minimize(
        lambda x: (x - middle) @ hessian @ (x - middle) / 2,
        x0,
        GradientDescent(0.5),
        50,
        grad=lambda x: hessian @ (x - middle),
    ).x
    straight = minimize(Quadratic(curvatures), turn.T @ (x0 - middle), GradientDescent(0.5), 50).x
    np.testing.assert_allclose((path - middle) @ turn, straight, atol=1e-12)


@given(share=st.floats(0, 1), low=st.floats(0.05, 0.9), x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_the_best_step_contracts_where_curvature_lies_between_the_bounds(share, low, x, y):
    """The slope of a function with curvatures between low and 1, with its bend anywhere."""

    def slope(z):
        return low * z + (1 - low) * (share * z + (1 - share) * np.clip(z, -1, 1))

    step, rate = 2 / (low + 1), (1 - low) / (1 + low)
    moved = abs((x - step * slope(x)) - (y - step * slope(y)))
    assert moved <= rate * abs(x - y) + 1e-12


@pytest.mark.parametrize("kappa", [2.0, 100.0, 1e6])
def test_two_steps_of_different_size_arrive_at_any_condition_number(kappa):
    run = minimize(
        Quadratic([1.0, kappa]), [1.0, 1.0], GradientDescent(lambda t: kappa ** (1 - t)), 2
    )
    assert abs(run.x[2]).max() < 1e-9


def test_on_a_quartic_the_loss_shrinks_slower_than_any_geometric_rate():
    run = minimize(
        lambda x: x[0] ** 4, [1.0], GradientDescent(1 / 12), 5000, grad=lambda x: 4 * x**3
    )
    ratio = run.f[1:] / run.f[:-1]
    assert (np.diff(ratio) > 0).all()
    assert 0.999 < ratio[-1] < 1
    assert run.f[-1] < 1e-6


def test_a_bowl_runs_five_to_nine_times_below_the_worst_case_for_ten_steps():
    easy = minimize(Quadratic([1.0, 0.1]), np.full(2, 0.5**0.5), GradientDescent(1.0), 200)
    t = np.arange(1, 201)
    below = 1 / ((4 * t + 2) * easy.f[1:])
    assert ((below[:10] > 5) & (below[:10] < 9)).all()
    assert below[-1] > 1e10


def test_gradients_get_small_where_there_is_nowhere_to_arrive():
    run = minimize(
        lambda x: np.log1p(np.exp(-x[0])),
        [0.0],
        GradientDescent(4.0),
        2000,
        grad=lambda x: -1 / (1 + np.exp(x)),
    )
    assert abs(run.g[-1, 0]) < 1e-3
    assert (np.diff(run.x[:, 0]) > 0).all()


def test_near_its_flat_minimum_the_squared_distance_falls_twice_as_fast_as_the_bound():
    run = minimize(
        lambda x: x[0] ** 2 / 2 - 0.9 * np.log(np.cosh(x[0])),
        [5.0],
        GradientDescent(1.0),
        120,
        grad=lambda x: x - 0.9 * np.tanh(x),
    )
    fall = np.log(run.x[-1, 0] ** 2 / run.x[-2, 0] ** 2)
    assert fall == pytest.approx(2 * np.log(1 - 0.1), rel=1e-3)


def decayed(coupled, momentum):
    """Return where SGD of PyTorch ends with decay in the gradient, or by a shrinking weight."""
    x = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([x], lr=0.1, momentum=momentum, weight_decay=0.3 if coupled else 0.0)
    for t in range(20):
        x.grad = torch.cos(x.detach() + t)
        if not coupled:
            x.data *= 1 - 0.1 * 0.3
        sgd.step()
    return x.detach().numpy()


def test_the_two_weight_decays_agree_for_gradient_descent_and_part_with_momentum():
    """The gradient is taken before the weight shrinks, as each framework does."""
    np.testing.assert_allclose(decayed(True, 0.0), decayed(False, 0.0), rtol=1e-12)
    assert abs(decayed(True, 0.9) - decayed(False, 0.9)).max() > 0.01


def test_the_valley_is_a_hundred_to_thousands_of_times_as_steep_across_its_floor_as_along_it():
    h, valley = 1e-5, Rosenbrock()

    def spread(x):
        at = np.array([x, x * x])
        columns = [(valley.grad(at + h * e) - valley.grad(at - h * e)) / (2 * h) for e in np.eye(2)]
        low, high = np.linalg.eigvalsh(columns)
        return high / low

    assert spread(0.0) == pytest.approx(100, rel=1e-4)
    assert all(spread(x) * 1.0001 >= 100 for x in np.linspace(-1.2, 1, 23))
    assert min(spread(-1.2), spread(1.0)) > 2000


@pytest.mark.parametrize("kappa", [2.0, 10.0, 1000.0])
def test_the_exact_line_search_zigzags_at_every_condition_number(kappa):
    bowl, x = Quadratic([1.0, kappa]), np.array([kappa, 1.0])
    for _ in range(20):
        g = bowl.grad(x)
        step = (g @ g) / (g @ bowl.grad(g))
        assert step == pytest.approx(2 / (1 + kappa))
        new = x - step * g
        np.testing.assert_allclose(new, (kappa - 1) / (kappa + 1) * x * [1, -1], rtol=1e-9)
        x = new


@pytest.mark.parametrize("first", [1e-4, 1e-3, 1e-2, 1.0])
def test_the_line_search_in_the_valley_spends_every_second_evaluation_on_a_try_that_fails(first):
    valley = Rosenbrock()
    x, lr, steps, evaluations = np.array(valley.start), first, 0, 0
    while np.linalg.norm(x - valley.minimizer) > 0.01:
        g, lr = valley.grad(x), 2 * lr
        while valley(x - lr * g) > valley(x) - lr / 2 * (g @ g):
            lr, evaluations = lr / 2, evaluations + 1
        x, steps, evaluations = x - lr * g, steps + 1, evaluations + 1
    assert 3000 < steps < 5000
    assert 0.45 < 1 - steps / evaluations < 0.55
