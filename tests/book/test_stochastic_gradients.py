"""The formulas of the chapter on stochastic gradients."""

from fractions import Fraction
from itertools import permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tolerance import near
from torch.utils import data

from descent import minimize
from descent.landscapes import NoisyQuadratic
from descent.rules import GradientDescent
from descent.schedules import RobbinsMonro

examples = st.lists(st.integers(-9, 9), min_size=2, max_size=5)
signs = (Fraction(1), Fraction(-1))


def batch_means(values, size, replace):
    """Return the mean of every ordered batch, all of them equally likely."""
    indices = range(len(values))
    draws = product(indices, repeat=size) if replace else permutations(indices, size)
    return [sum(Fraction(values[i]) for i in draw) / size for draw in draws]


def mean(values):
    return sum(values) / len(values)


def runs(lr, x0, noises):
    """Return the points of gradient descent on x²/2 with each sequence of noise."""
    rule = GradientDescent(lr)
    for noise in noises:
        x, state = x0, rule.init(x0)
        points = [x]
        for xi in noise:
            x, state = rule.update(x, x + xi, state)
            points.append(x)
        yield points


@pytest.mark.formula("sgd-minibatch-gradient")
@given(values=examples, size=st.integers(1, 3), replace=st.booleans())
def test_the_minibatch_gradient_is_unbiased(values, size, replace):
    size = min(size, len(values))
    assert mean(batch_means(values, size, replace)) == Fraction(sum(values), len(values))


@pytest.mark.formula("sgd-minibatch-variance")
@given(values=examples, size=st.integers(1, 3))
def test_the_variance_of_a_minibatch_has_the_finite_population_factor(values, size):
    n, size = len(values), min(size, len(values))
    full = Fraction(sum(values), n)
    spread = mean([(g - full) ** 2 for g in values])
    for replace, factor in ((True, 1), (False, Fraction(n - size, n - 1))):
        variance = mean([(g - full) ** 2 for g in batch_means(values, size, replace)])
        assert variance == spread / size * factor


@pytest.mark.formula("sgd-noise-ball")
@given(
    eta=st.fractions(Fraction(1, 20), Fraction(19, 10), max_denominator=20),
    x0=st.integers(-5, 5),
    sigma=st.integers(0, 3),
)
def test_the_mean_square_approaches_the_noise_ball_by_the_squared_factor(eta, x0, sigma):
    noises = [[sigma * xi for xi in noise] for noise in product(signs, repeat=4)]
    paths = list(runs(eta, Fraction(x0), noises))
    ball = eta * sigma**2 / (2 - eta)
    for t in range(5):
        second_moment = mean([path[t] ** 2 for path in paths])
        assert second_moment == ball + (1 - eta) ** (2 * t) * (x0**2 - ball)


@pytest.mark.formula("sgd-noise-ball")
@pytest.mark.parametrize(("curvature", "lr", "noise"), [(2.0, 0.1, 3.0), (0.5, 1.0, 0.2)])
def test_the_noise_ball_depends_on_the_curvature_as_stated(curvature, lr, noise):
    f = NoisyQuadratic([curvature], noise)
    start = np.zeros((1, 20_000))
    run = minimize(f, start, GradientDescent(lr), 40, grad=f.noisy_grad(0))
    ball = lr * noise**2 / (curvature * (2 - lr * curvature))
    expected = ball * (1 - (1 - lr * curvature) ** 80)
    assert np.mean(run.x[-1] ** 2) == pytest.approx(expected, rel=0.05)


@pytest.mark.formula("sgd-strongly-convex-bound")
@given(
    smallest=st.floats(0.1, 1),
    kappa=st.floats(1, 50),
    share=st.floats(0.02, 1),
    sigma=st.floats(0, 3),
)
def test_the_mean_loss_stays_below_the_bound(smallest, kappa, share, sigma):
    curvatures = np.array([smallest, smallest * kappa])
    largest, start = curvatures[1], np.array([2.0, 1.0])
    eta, t = share / largest, np.arange(60)[:, None]
    ball = eta * (sigma**2 / 2) / (curvatures * (2 - eta * curvatures))
    moments = ball + (1 - eta * curvatures) ** (2 * t) * (start**2 - ball)
    loss = (curvatures / 2 * moments).sum(axis=1)
    floor = eta * largest * sigma**2 / (2 * smallest)
    bound = floor + (1 - eta * smallest) ** t[:, 0] * (loss[0] - floor)
    assert (loss <= bound * (1 + 1e-9) + 1e-12).all()


@pytest.mark.formula("sgd-strongly-convex-bound")
def test_the_bound_is_attained_on_a_parabola_by_the_step_one_over_its_curvature():
    paths = list(runs(Fraction(1), Fraction(2), product(signs, repeat=3)))
    floor = Fraction(1, 2)  # η = L = ℓ = σ² = 1
    assert all(mean([path[t] ** 2 / 2 for path in paths]) == floor for t in (1, 2, 3))


@pytest.mark.formula("sgd-nonconvex")
@given(x0=st.floats(-6, 6), eta=st.floats(0.01, 1), sigma=st.floats(0, 3))
def test_the_mean_squared_gradient_on_a_wave_stays_below_its_bound(x0, eta, sigma):
    steps = 8
    x = np.full(2**steps, x0)  # every sequence of signs of the noise; f(x) = 1 − cos x, L = 1
    noise = sigma * np.array(list(product((-1, 1), repeat=steps))).T
    squares = []
    for xi in noise:
        squares.append(np.mean(np.sin(x) ** 2))
        x = x - eta * (np.sin(x) + xi)
        bound = 2 * (1 - np.cos(x0)) / (eta * len(squares)) + eta * sigma**2
        assert np.mean(squares) <= bound * (1 + 1e-12) + 1e-15


def test_on_a_parabola_the_bound_on_the_gradients_is_nearly_attained():
    paths = list(runs(Fraction(1), Fraction(2), product(signs, repeat=3)))
    squares = [mean([path[t] ** 2 for path in paths]) for t in range(3)]  # L = η = σ² = 1
    assert mean(squares) == Fraction(2**2, 3) + 1 - Fraction(1, 3)  # the bound less σ²/T


@pytest.mark.formula("sgd-robbins-monro")
@given(power=st.floats(0.51, 1.0), lr=st.floats(0.1, 10))
def test_the_steps_of_robbins_and_monro_sum_beyond_bounds_and_their_squares_do_not(power, lr):
    rule = RobbinsMonro(lr, power)
    steps = np.array([rule(t) for t in range(1, 1025)])
    assert steps.sum() >= lr * np.log(1025)
    assert (steps**2).sum() <= lr**2 * (1 + 1 / (2 * power - 1))


@pytest.mark.parametrize("power", [0.5, 0.4, 1.1])
def test_other_powers_break_a_condition_and_are_refused(power):
    with pytest.raises(ValueError, match="power"):
        RobbinsMonro(1.0, power)


@pytest.mark.formula("sgd-one-over-t")
@given(
    curvature=st.floats(0.1, 10),
    x0=st.floats(-10, 10),
    noise=st.lists(st.floats(-5, 5), min_size=1, max_size=20),
)
def test_the_step_one_over_t_is_the_mean_of_the_noise(curvature, x0, noise):
    rule = GradientDescent(RobbinsMonro(1 / curvature))
    x, state = x0, rule.init(x0)
    for t, xi in enumerate(noise, 1):
        x, state = rule.update(x, curvature * x + xi, state)
        assert x == near(-sum(noise[:t]) / (curvature * t), x0, np.divide(noise, curvature))


def test_the_mean_square_of_the_step_one_over_t_is_the_variance_over_t():
    lr = [Fraction(1, t) for t in range(1, 6)]
    paths = list(runs(lambda t: lr[t - 1], Fraction(7), product(signs, repeat=5)))
    assert [mean([path[t] ** 2 for path in paths]) for t in range(1, 6)] == lr


@pytest.mark.formula("sgd-averaging")
@given(
    curvature=st.floats(0.1, 2),
    eta=st.floats(0.01, 0.9),
    x0=st.floats(-10, 10),
    noise=st.lists(st.floats(-5, 5), min_size=1, max_size=20),
)
def test_the_average_of_the_iterates_is_the_mean_of_the_noise_and_a_rest(curvature, eta, x0, noise):
    rule = GradientDescent(eta)
    x, state, points, steps = x0, rule.init(x0), [], len(noise)
    for xi in noise:
        points.append(x)
        x, state = rule.update(x, curvature * x + xi, state)
    rest = (x0 - x) / (eta * curvature * steps)
    expected = rest - sum(noise) / (curvature * steps)
    assert sum(points) / steps == near(expected, points, rest)


def test_the_average_of_a_constant_step_is_biased_where_the_gradient_is_not_linear():
    """On e^x − x it goes to a point left of the minimum, about half as far at half the step."""
    found = []
    for eta in (0.2, 0.1):
        rng, rule, x, total = np.random.default_rng(0), GradientDescent(eta), np.zeros(2000), 0.0
        state = rule.init(x)
        for _ in range(1500):
            noise = 0.5 * rng.standard_normal(2000)
            x, state = rule.update(x, np.exp(x) - 1 + noise, state)
            total += x.mean() / 1500
        found.append(total)
    assert -0.016 < found[0] < -0.011
    assert 1.7 < found[0] / found[1] < 2.5


# --- what the chapter says beside its formulas ----------------------------------------------------


def test_the_spread_of_the_examples_gradients_changes_and_grows_far_away():
    def spread(x):
        return np.std([x - 1, 4 * (x + 1)])  # of (x − 1)²/2 and 2(x + 1)²

    assert spread(-0.6) == pytest.approx(1.6)  # at their common minimum
    assert spread(-5 / 3) == pytest.approx(0, abs=1e-12)
    assert spread(1e6) > 1e5 < spread(-1e6)


def test_where_one_point_fits_every_example_a_constant_step_arrives():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((64, 3))
    b, x = a @ [1.0, -2.0, 0.5], np.zeros(3)
    for i in rng.integers(64, size=5000):
        x = x - 0.05 * (a[i] @ x - b[i]) * a[i]
    assert x == pytest.approx([1.0, -2.0, 0.5], abs=1e-12)


def test_an_average_begun_later_and_one_that_forgets_lose_the_start():
    """Without noise, so that the start is all there is."""
    path = 5 * 0.8 ** np.arange(1, 1001)
    plain, later = path.mean(), path[100:].mean()
    forgets = 5.0
    for x in path:
        forgets = 0.99 * forgets + 0.01 * x
    assert plain == pytest.approx(0.02)
    assert 0 < later < 1e-9 * plain
    assert forgets == pytest.approx(5 * 0.99**1000 * 0.99 / 0.95, rel=1e-3)


def test_pytorchs_loader_defaults_are_those_of_the_table():
    loader = data.DataLoader(torch.arange(10), batch_size=4)
    assert data.DataLoader(torch.arange(10)).batch_size == 1
    for _ in range(2):
        assert [batch.tolist() for batch in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    shuffled = data.DataLoader(torch.arange(10), batch_size=4, shuffle=True, drop_last=True)
    epoch = torch.cat(list(shuffled)).tolist()
    assert len(epoch) == len(set(epoch)) == 8


def test_asgd_of_pytorch_averages_after_a_million_steps_by_default():
    x = torch.ones(1, requires_grad=True)
    asgd = torch.optim.ASGD([x])
    assert asgd.defaults["t0"] == 1e6
    for _ in range(100):
        x.grad = torch.ones(1)
        asgd.step()
    assert asgd.state[x]["ax"] == x  # the last iterate, not a mean
