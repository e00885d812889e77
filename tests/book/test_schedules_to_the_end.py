"""The formulas of *Schedules to the end*, each computed by another road."""

import numpy as np
import pytest

from descent.conventions import framework_rule
from descent.relatives import AdEMAMix
from descent.rules import ScheduleFreeAdamW


def gap_of_last(slopes, floor, x, rates):
    """The gap of the last point on max(slopes · x, floor), whose least value is the floor."""
    for rate in rates:
        values = slopes @ x
        i = np.argmax(values)
        x = x - rate * slopes[i] * (values[i] > floor)
    return max((slopes @ x).max(), floor) - floor


def rates(steps, distance, bound):
    t = np.arange(1, steps + 1)
    return distance / (bound * np.sqrt(steps + 1)) * (1 - t / (steps + 1))


@pytest.mark.formula("linear-decay-last")
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_the_last_point_of_a_line_is_at_its_bound_on_the_worst_function_and_not_above(steps):
    bound, distance, n = 3.0, 2.0, steps + 1
    limit = distance * bound / np.sqrt(n)
    line = rates(steps, distance, bound)
    worst = gap_of_last(bound * np.eye(n), -limit, np.zeros(n), line)
    assert worst == pytest.approx(limit, rel=1e-12)
    rng = np.random.default_rng(steps)
    for _ in range(200):
        slopes = rng.standard_normal((9, 3))
        slopes *= bound / np.linalg.norm(slopes, axis=1, keepdims=True)
        goal = rng.standard_normal(3)
        goal *= distance / np.linalg.norm(goal)
        floor = (slopes @ goal).max()  # so that the goal is a minimiser
        assert gap_of_last(slopes, floor, np.zeros(3), line) <= limit * (1 + 1e-12)


@pytest.mark.formula("linear-decay-last")
@pytest.mark.parametrize("slope", [1, 4, 5, 100])
def test_the_bound_of_the_line_needs_the_slope_at_the_last_point(slope):
    x = 0.0 - rates(1, 1.0, 1.0)[0]  # the subgradient at 0 is 1, whatever the slope on the left
    gap = max(x + 0.2, -slope * (x + 0.2))
    assert (gap <= 1 / np.sqrt(2)) == (slope <= 4)


@pytest.mark.parametrize("seed", range(20))
def test_a_sum_of_subgradients_of_any_sign_does_not_end_below_the_bound(seed):
    rng, steps = np.random.default_rng(seed), 12
    subgradients, x = [], np.zeros(steps + 1)
    for _ in range(steps):
        subgradients.append(np.eye(steps + 1)[np.argmax(x)])
        x = rng.standard_normal(len(subgradients)) @ subgradients
    assert (x == 0).any()
    assert max(x.max(), -1 / np.sqrt(steps + 1)) >= 0


def test_a_rate_that_does_not_fall_is_above_the_bound_of_the_line():
    steps, n = 40, 41
    gaps = []
    for scale in np.geomspace(0.1, 2, 30):
        slopes = np.linspace(1, 0.2, 60)[:, None] * np.array([[1.0]])
        both = np.concatenate([slopes, -slopes])
        constant = np.full(steps, scale / np.sqrt(n))
        gaps.append(gap_of_last(both, 0.0, np.ones(1), constant))
    assert max(gaps) > 1 / np.sqrt(n)


@pytest.mark.formula("ema-noise")
@pytest.mark.parametrize("lam", [0.5, 2.0])
@pytest.mark.parametrize("beta", [0.0, 0.6, 0.99])
def test_a_moving_average_leaves_the_noise_that_the_covariances_of_its_points_sum_to(lam, beta):
    eta, variance = 0.3, 1.7
    kept = 1 - eta * lam
    ages = np.arange(2500)  # the oldest weigh 1e-11 of the newest
    weights = (1 - beta) * beta**ages
    noise_ball = eta**2 * variance * sum(kept ** (2 * k) for k in range(2000))
    covariances = (noise_ball * kept**ages)[np.abs(ages[:, None] - ages[None, :])]
    told = eta * variance / (lam * (2 - eta * lam))
    told *= (1 - beta) / (1 + beta) * (1 + beta * kept) / (1 - beta * kept)
    assert weights @ covariances @ weights == pytest.approx(told, rel=1e-9)


@pytest.mark.formula("schedule-free-step")
def test_the_three_sequences_as_they_are_printed_are_the_two_of_the_rule():
    rng = np.random.default_rng(0)
    rule = ScheduleFreeAdamW(lambda t: 0.1 / t**0.3, 0.8, 0.95, 1e-3, 0.1)
    parameter = y = x = z = rng.standard_normal(5)
    v, weights, state = np.zeros(5), [], rule.init(y)
    for t in range(1, 200):
        g = rng.standard_normal(5) * [1, 1e-10, 0, 50, 1]
        v = 0.95 * v + 0.05 * g**2
        gamma = rule.lr_at(t) * np.sqrt(1 - 0.95**t)
        weights.append(gamma**2)
        z = z - gamma * (g / (np.sqrt(v) + 1e-3) + 0.1 * y)
        c = gamma**2 / sum(weights)
        x = (1 - c) * x + c * z
        y = (1 - 0.8) * z + 0.8 * x
        parameter, state = rule.update(parameter, g, state)
        np.testing.assert_allclose(parameter, y, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(rule.averaged(parameter, state), x, rtol=1e-10, atol=1e-12)


@pytest.mark.formula("ademamix-step")
def test_the_slow_average_is_a_sum_that_is_not_corrected():
    rng = np.random.default_rng(1)
    rule, x = AdEMAMix(0.1, 0.8, 0.9, 1e-3, 0.0, 0.95, 3.0), np.zeros(4)
    state, gs = rule.init(x), []
    for t in range(1, 60):
        g = rng.standard_normal(4)
        gs.append(g)
        ages = np.arange(t)[::-1, None]
        m = 0.2 * np.sum(0.8**ages * gs, axis=0) / (1 - 0.8**t)
        v = 0.1 * np.sum(0.9**ages * np.square(gs), axis=0) / (1 - 0.9**t)
        s = 0.05 * np.sum(0.95**ages * gs, axis=0)
        expected = x - 0.1 * (m + 3.0 * s) / (np.sqrt(v) + 1e-3)
        x, state = rule.update(x, g, state)
        np.testing.assert_allclose(x, expected, rtol=1e-10)


def test_the_averaged_model_of_pytorch_is_a_moving_average_only_if_told():
    torch = pytest.importorskip("torch", reason="the averages are torch's")
    swa, model = torch.optim.swa_utils, torch.nn.Linear(1, 1, bias=False)
    told = swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.9))
    plain = swa.AveragedModel(model)
    points = np.random.default_rng(0).standard_normal(30)
    average = points[0]
    for point in points:
        torch.nn.init.constant_(model.weight, point)
        told.update_parameters(model)
        plain.update_parameters(model)
        average = 0.9 * average + 0.1 * point
    assert told.module.weight.item() == pytest.approx(average, rel=1e-5)
    assert plain.module.weight.item() == pytest.approx(points.mean(), rel=1e-5)


def test_the_ways_of_the_contest_are_as_the_chapter_says():
    pytest.importorskip("torch", reason="the contest trains with it")
    from experiments import schedules

    ways = {name: way(0.1) for name, way in schedules.WAYS.items()}
    free = ways.pop("schedule-free")
    path = "optax.contrib.schedule_free_adamw"
    assert type(free) is type(framework_rule(path, learning_rate=0.1))
    assert {free.rule.rho, *(rule.beta2 for rule in ways.values())} == {0.99}
    for rule in [free, *ways.values()]:
        rising = [rule.lr_at(t) for t in range(1, 22)]
        assert np.all(np.diff(rising) > 0)
        assert [rising[0], rising[-1]] == pytest.approx([0.1 / 3, 0.1])
    assert ways["constant"].lr_at(300) == pytest.approx(0.1)
    assert ways["linear"].lr_at(22) < 0.1
    assert ways["wsd"].lr_at(161) == pytest.approx(0.1)
    assert ways["wsd"].lr_at(162) < 0.1


def test_an_average_that_is_fed_back_may_come_to_rest_where_gradient_descent_diverges():
    rule = framework_rule("optax.contrib.schedule_free_sgd", learning_rate=3.0, b1=0.9)
    y, plain = 1.0, 1.0
    state = rule.init(y)
    for _ in range(200):
        y, state = rule.update(y, y, state)
        plain -= 3.0 * plain
    assert abs(plain) > 1e50
    assert max(abs(y), abs(rule.averaged(y, state)), abs(state.z)) < 1e-12
