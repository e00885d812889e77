"""The formulas of the chapter on the failures of Adam."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerance import largest, near

from descent import minimize
from descent.landscapes import Quadratic
from descent.rules import (
    AdaGrad,
    Adam,
    AMSGrad,
    AveragedMomentum,
    GradientDescent,
    Momentum,
    RMSprop,
)
from descent.schedules import InverseSquareRoot


def play(rule, slopes, x=0.0):
    """Return the points of a rule on linear losses, kept in [−1, 1]."""
    state, points = rule.init(x), [x]
    for g in slopes:
        x, state = rule.update(x, g, state)
        x = min(1.0, max(-1.0, x))
        points.append(x)
    return np.array(points)


def regrets(points, slopes):
    """Return the regret after each step, on linear losses over [−1, 1]."""
    return np.cumsum(slopes * points[:-1]) + abs(np.cumsum(slopes))


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("rule", "above_0"),
    [(Adam(0.002, 0.9, 0.99, eps=0.0), 1.0), (AMSGrad(0.002, 0.9, 0.99), 0.2)],
    ids=["adam", "amsgrad"],
)
def test_on_random_slopes_adam_ends_at_the_worst_point_and_amsgrad_where_the_draw_takes_it(
    rule, above_0
):
    draws, steps, rng = 200, 500_000, np.random.default_rng(0)
    x, tail = np.zeros(draws), np.zeros(draws)
    state = rule.init(x)
    for t in range(steps):
        x, state = rule.update(x, np.where(rng.random(draws) < 0.01, 1010.0, -10.0), state)
        x = np.clip(x, -1, 1)
        tail += x * (t >= 0.8 * steps)
    ends = tail / (0.2 * steps)  # the mean of the last fifth, as in the chapter's table
    assert np.mean(ends > 0) == pytest.approx(above_0, abs=0.05)
    assert above_0 < 1 or (ends > 0.9).all()


# --- cycles of losses ---------------------------------------------------------------------------

large = st.floats(2.05, 50)
place = st.floats(-1, 1)


def memories(big):
    """Return β₂ of the theorem, and Adam without and with bias correction."""
    beta2 = 1 / (1 + big**2)
    return [lambda lr: RMSprop(lr, beta2), lambda lr: Adam(lr, 0.0, beta2, eps=0.0)]


@pytest.mark.formula("adam-nonconvergence-cycle")
@settings(max_examples=20)
@given(big=large, x0=place, eta=st.floats(0.02, 3), decays=st.booleans())
def test_adam_goes_from_every_start_to_the_worst_point_of_the_cycle(big, x0, eta, decays):
    slopes = [big, -1.0, -1.0] * 300
    for make in memories(big):
        points = play(make(InverseSquareRoot(1 + eta) if decays else eta), slopes, x0)
        assert (points[::3][-20:] == 1).all()


@given(big=large, eta=st.floats(0.01, 3))
def test_a_cycle_never_leaves_the_worst_point_at_a_constant_step_size(big, eta):
    for make in memories(big):
        assert (play(make(eta), [big, -1.0, -1.0] * 30, 1.0)[::3] == 1).all()


@pytest.mark.formula("adam-nonconvergence-regret")
@given(big=large, eta=st.floats(0.001, 3), k=st.integers(1, 60))
def test_the_average_regret_of_adam_from_the_worst_point_exceeds_its_bound(big, eta, k):
    slopes = [big, -1.0, -1.0] * k
    for make in memories(big):
        assert regrets(play(make(eta), slopes, 1.0), slopes)[-1] >= 2 * (big - 2) * k * (1 - 1e-12)


def test_the_bound_on_the_regret_of_adam_is_attained_by_small_steps():
    slopes = [3.0, -1.0, -1.0] * 100
    regret = regrets(play(Adam(1e-6, 0.0, 0.1, eps=0.0), slopes, 1.0), slopes)[-1]
    assert regret / 300 == pytest.approx(2 * (3 - 2) / 3, rel=1e-5)


def amsgrad_terms(steps, width, steepest, eta, beta2, v_hat):
    """Return the two terms of the bound on AMSGrad's regret."""
    start = width**2 * math.sqrt(v_hat) / (2 * eta)
    noise = eta * steepest / math.sqrt(1 - beta2)
    return start * math.sqrt(steps), noise * math.sqrt(steps)


@pytest.mark.formula("amsgrad-regret")
@given(
    slopes=st.lists(st.floats(-5, 5), min_size=1, max_size=60),
    x0=place,
    eta=st.floats(0.01, 5),
    beta2=st.floats(0, 0.99),
)
def test_the_regret_of_amsgrad_stays_below_its_bound(slopes, x0, eta, beta2):
    points = play(AMSGrad(InverseSquareRoot(eta), 0.0, beta2), slopes, x0)
    v = v_hat = 0.0
    for g in slopes:
        v = beta2 * v + (1 - beta2) * g * g
        v_hat = max(v_hat, v)
    bound = sum(amsgrad_terms(len(slopes), 2, max(map(abs, slopes)), eta, beta2, v_hat))
    assert regrets(points, slopes)[-1] <= bound * (1 + 1e-9) + 1e-12


def test_amsgrad_keeps_its_bound_on_the_cycle_and_adam_does_not():
    slopes, lr = [3.0, -1.0, -1.0] * 1000, InverseSquareRoot(0.5)
    bound = sum(amsgrad_terms(len(slopes), 2, 3, 0.5, 0.1, 9))
    assert regrets(play(AMSGrad(lr, 0.0, 0.1), slopes), slopes)[-1] < bound
    assert regrets(play(Adam(lr, 0.0, 0.1, eps=0.0), slopes), slopes)[-1] > bound


def test_neither_term_of_the_bound_on_amsgrad_can_be_a_third_as_large():
    steps = 4000
    eta = 1 / math.sqrt(steps)  # so small that the way to the best point takes the whole game
    far = [1.0] * steps
    regret = regrets(play(AMSGrad(InverseSquareRoot(eta), 0.0, 0.0), far, 1.0), far)[-1]
    start, noise = amsgrad_terms(steps, 2, 1, eta, 0.0, 1.0)
    assert start > 100 * noise
    assert start / 3.2 < regret < start
    signs = [(-1.0) ** t for t in range(steps)]
    regret = regrets(play(AMSGrad(InverseSquareRoot(0.3), 0.0, 0.0), signs), signs)[-1]
    noise = amsgrad_terms(steps, 0, 1, 0.3, 0.0, 1.0)[1]
    assert 0.95 * noise < regret < noise


def drift(beta1, beta2, big, n):
    """Return how far a cycle moves Adam, for η = 1, from sums over 400 cycles past."""
    ages = np.arange(n)[:, None] + n * np.arange(400)
    m = (1 - beta1) * (big + 1) * np.sum(beta1**ages, axis=1) - 1
    v = (1 - beta2) * (big**2 - 1) * np.sum(beta2**ages, axis=1) + 1
    return -np.sum(m / np.sqrt(v))


@pytest.mark.formula("adam-nonconvergence-drift")
@given(
    beta1=st.floats(0, 0.9), beta2=st.floats(0, 0.95), big=st.floats(0.5, 50), n=st.integers(2, 12)
)
def test_a_settled_cycle_moves_adam_by_the_drift(beta1, beta2, big, n):
    rule, x = Adam(1.0, beta1, beta2, eps=0.0), 0.0
    state, starts = rule.init(x), []
    for _ in range(1000 // n + 2):
        starts.append(x)
        for g in [big] + [-1.0] * (n - 1):
            x, state = rule.update(x, g, state)
    j = np.arange(n)
    m = (big + 1) * (1 - beta1) * beta1**j / (1 - beta1**n) - 1
    v = (big**2 - 1) * (1 - beta2) * beta2**j / (1 - beta2**n) + 1
    steps = m / np.sqrt(v)
    assert x - starts[-1] == near(-np.sum(steps), steps, starts, rel=1e-9)
    assert drift(beta1, beta2, big, n) == near(-np.sum(steps), steps, rel=1e-9)


def turns(beta1, big, n, beta2s):
    """Return how often a growing β₂ turns the drift of a cycle."""
    j, b = np.arange(n), beta2s[:, None]
    m = (big + 1) * (1 - beta1) * beta1**j / (1 - beta1**n) - 1
    v = (big**2 - 1) * (1 - b) * b**j / (1 - b**n) + 1
    return np.count_nonzero(np.diff(np.sum(m / np.sqrt(v), axis=1) > 0))


def test_without_momentum_the_drift_turns_once_and_with_it_it_may_turn_twice():
    beta2s = 1 - np.geomspace(1e-9, 1, 3001)[::-1]
    for n in (3, 4, 7, 10, 30, 100):
        for big in (n - 0.9, n, 2 * n, 10 * n):
            assert turns(0.0, big, n, beta2s) == 1
    two = [n for n in range(3, 31) if turns(0.9, n, n, beta2s) == 2]
    none = [n for n in range(3, 31) if turns(0.9, n, n, beta2s) == 0]
    assert (none, two) == (list(range(3, 8)), list(range(8, 16)))


@given(n=st.integers(3, 40), excess=st.floats(0.1, 20))
def test_every_cycle_is_descended_by_a_large_enough_beta2(n, excess):
    big = n - 1 + excess
    assert drift(0.0, 0.0, big, n) == pytest.approx(n - 2)
    j = np.arange(n)
    v = (big**2 - 1) * 1e-6 * (1 - 1e-6) ** j / (1 - (1 - 1e-6) ** n) + 1
    assert -(big / np.sqrt(v[0]) - np.sum(1 / np.sqrt(v[1:]))) < 0


@pytest.mark.formula("adam-beta2-threshold")
@pytest.mark.parametrize("n", [200, 800, 3200])
@pytest.mark.parametrize("excess", [0.5, 1.0, 3.0])
def test_the_threshold_of_a_long_cycle_is_that_of_the_formula(n, excess):
    big, j = n - 1 + excess, np.arange(n)

    def climbs(delta):
        weights = delta * (1 - delta) ** j / -np.expm1(n * np.log1p(-delta))
        roots = np.sqrt((big**2 - 1) * weights + 1)
        return np.sum(1 / roots[1:]) > big / roots[0]

    formula = 4 * (big - n + 1) / ((n - 1) * (big + 1)) * (big**2 - 1 + n) / (big**2 - 1)
    assert climbs(formula * (1 + 5 * excess / n))
    assert not climbs(formula * (1 - 5 * excess / n))
    if excess == 1:
        assert formula == pytest.approx(4 / n**2, rel=2 / n)


@pytest.mark.parametrize(("multiple", "excess"), [(2, 1.25), (10, 2.0)])
@pytest.mark.parametrize("n", [1000, 4000])
def test_the_formula_of_the_threshold_fails_where_the_slope_is_a_multiple_of_the_length(
    n, multiple, excess
):
    big, j = multiple * n, np.arange(n)
    formula = 4 * (big - n + 1) / ((n - 1) * (big + 1)) * (big**2 - 1 + n) / (big**2 - 1)

    def sum_of_steps(delta):
        weights = delta * (1 - delta) ** j / -np.expm1(n * np.log1p(-delta))
        roots = np.sqrt((big**2 - 1) * weights + 1)
        return big / roots[0] - np.sum(1 / roots[1:])

    assert sum_of_steps(0.97 * excess * formula) > 0 > sum_of_steps(1.03 * excess * formula)


# --- the stability limit, and the limit of large ε ----------------------------------------------


@pytest.mark.formula("adam-spike-threshold")
@pytest.mark.parametrize(("share", "stable"), [(0.99, True), (1.01, False)])
@settings(max_examples=25)
@given(beta1=st.floats(0, 0.95), curvature=st.floats(0.1, 10))
def test_adam_with_a_constant_denominator_is_stable_up_to_the_limit(
    share, stable, beta1, curvature
):
    eps = 1e200  # the root is nothing beside it, so the denominator is constant
    lr = share * 2 * (1 + beta1) / (1 - beta1) * eps / curvature
    run = minimize(Quadratic([curvature]), [1.0], Adam(lr, beta1, eps=eps), 400)
    early, late = np.abs(run.x[100:150]).max(), np.abs(run.x[-50:]).max()
    assert (late < 0.5 * early) == stable
    assert (late > 2 * early) != stable


@pytest.mark.parametrize("beta1", [0.5, 0.8, 0.95])
def test_a_parabola_spikes_with_a_small_epsilon_and_not_with_one_above_the_limit(beta1):
    least = 0.1 * (1 - beta1) / (2 * (1 + beta1))
    run = minimize(Quadratic([1.0]), [1.0], Adam(0.1, beta1, 0.97, eps=1.01 * least), 1500)
    assert run.f[-1] < 1e-9
    spiky = minimize(Quadratic([1.0]), [1.0], Adam(0.1, beta1, 0.97, eps=1e-3 * least), 1500)
    assert spiky.f[500:].max() > 1e3 * spiky.f[:500].min()


@pytest.mark.formula("adam-large-epsilon-limit")
@given(
    gradients=st.lists(st.floats(-10, 10), min_size=1, max_size=30),
    beta1=st.floats(0, 0.95),
    beta2=st.floats(0, 0.999),
    eps=st.floats(0.1, 1e6),
)
def test_adam_shortens_the_steps_of_averaged_momentum_by_the_root_over_epsilon(
    gradients, beta1, beta2, eps
):
    adam = Adam(0.1 * eps, beta1, beta2, eps)
    momentum = AveragedMomentum(lambda t: 0.1 / (1 - beta1**t), beta1)
    x, y = 0.0, 0.0
    state, other = adam.init(x), momentum.init(y)
    for g in gradients:
        moved, state = adam.update(x, g, state)
        shifted, other = momentum.update(y, g, other)
        root = math.sqrt(state.v / (1 - beta2**state.t))
        limit = shifted - y
        assert moved - x == near(limit / (1 + root / eps), x, y, gradients)
        slack = 1e-12 * largest(x, y, gradients)
        assert abs((moved - x) - limit) <= abs(limit) * root / eps + slack
        x, y = moved, shifted


# --- the solutions that rules choose ------------------------------------------------------------


def least_squares(data, y):
    """Return the loss ‖Ax − y‖²/(2n) and its gradient."""
    return (
        lambda x: np.sum((data @ x - y) ** 2) / (2 * len(y)),
        lambda x: data.T @ (data @ x - y) / len(y),
    )


@pytest.mark.formula("minimum-norm-solution")
@pytest.mark.parametrize("seed", range(5))
def test_gradient_descent_from_zero_finds_the_shortest_solution(seed):
    rng = np.random.default_rng(seed)
    data, y = rng.standard_normal((4, 9)), rng.standard_normal(4)
    f, grad = least_squares(data, y)
    lr = len(y) / np.linalg.eigvalsh(data @ data.T).max()
    x = minimize(f, np.zeros(9), GradientDescent(lr), 4000, grad=grad).x[-1]
    assert x == pytest.approx(data.T @ np.linalg.solve(data @ data.T, y), rel=1e-6, abs=1e-9)
    inside = np.linalg.svd(data)[2][4:]  # directions that change no prediction
    others = x + rng.standard_normal((100, 5)) @ inside
    assert (np.linalg.norm(data @ others.T - y[:, None], axis=0) < 1e-6).all()
    assert (np.linalg.norm(others, axis=1) > np.linalg.norm(x)).all()


def data_with_a_sign_solution(rng, c):
    """Return A and y with A s = c y for s = sign(Aᵀ y), and s."""
    s, y = rng.choice([-1.0, 1.0], 9), rng.choice([-1.0, 1.0], 4)
    data = rng.standard_normal((4, 9))
    data += np.outer(c * y - data @ s, s) / 9
    return data, y, s


@pytest.mark.formula("adaptive-sign-solution")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("c", [20.0, 40.0])
def test_adaptive_rules_stay_on_the_line_of_the_sign_vector(seed, c):
    data, y, s = data_with_a_sign_solution(np.random.default_rng(seed), c)
    assert (np.sign(data.T @ y) == s).all()
    assert data @ s == pytest.approx(c * y)
    f, grad = least_squares(data, y)
    for rule in (AdaGrad(0.3 / c, eps=0.0), Adam(0.1 / c, eps=0.0)):
        x = minimize(f, np.zeros(9), rule, 800, grad=grad).x
        assert x[:50] == pytest.approx(np.outer(x[:50] @ s / 9, s), abs=1e-9)
        assert x[-1] == pytest.approx(s / c, rel=1e-4)
    x = minimize(f, np.zeros(9), RMSprop(InverseSquareRoot(0.05 / c)), 800, grad=grad).x
    assert x[:50] == pytest.approx(np.outer(x[:50] @ s / 9, s), abs=1e-9)


def test_gradient_descent_leaves_the_line_of_the_sign_vector():
    data, y, s = data_with_a_sign_solution(np.random.default_rng(0), 20.0)
    f, grad = least_squares(data, y)
    x = minimize(f, np.zeros(9), GradientDescent(0.001), 20, grad=grad).x[-1]
    assert np.abs(x - x @ s / 9 * s).max() > 0.01 * np.abs(x).max()


def worst_of_a_hundred(beta2, noise, lrs=(0.5, 1.0, 2.0, 4.0)):
    """Return the least 99 % quantile of Adam's squared error over step sizes, on x²/2."""
    rates = np.array(lrs)[:, None]
    rule = Adam(lambda t: rates / t**0.75, 0.9, beta2)
    x = np.full((len(lrs), noise.shape[1]), 5.0)
    state = rule.init(x)
    for xi in noise:
        x, state = rule.update(x, x + xi, state)
    tried = np.quantile(x**2, 0.99, axis=1)
    assert 0 < np.argmin(tried) < len(lrs) - 1 or beta2 == 0.5
    return tried.min()


@pytest.mark.parametrize("seed", [1, 2])
def test_under_heavy_tails_a_memory_of_ten_steps_beats_longer_and_shorter_ones(seed):
    noise = np.random.default_rng(seed).standard_t(1.5, size=(1000, 1000))
    short, ten, hundred, thousand = (worst_of_a_hundred(b, noise) for b in (0.5, 0.9, 0.99, 0.999))
    assert thousand > hundred > ten < short


def least_on_the_turned_bowl(make, lrs, start):
    """Return the least loss over learning rates after 200 steps, κ = 100, turned by 45 degrees."""
    turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / math.sqrt(2)
    hessian = turn.T @ np.diag([1.0, 100.0]) @ turn
    rule, x = make(lambda t: lrs), turn.T @ np.outer(start, np.ones(lrs.size))
    state = rule.init(x)
    with np.errstate(all="ignore"):
        for _ in range(200):
            x, state = rule.update(x, hessian @ x, state)
        return np.nanmin(np.sum(x * (hessian @ x), axis=0)) / 2


def test_which_of_momentum_and_adam_is_ahead_with_one_number_tuned_changes_with_the_start():
    lrs, adam_lrs = 0.001 * 2.0 ** np.arange(6), 0.01 * 2.0 ** np.arange(8)
    quotients = [
        least_on_the_turned_bowl(Momentum, lrs, start)
        / least_on_the_turned_bowl(Adam, adam_lrs, start)
        for start in ((2.0, 1.0), (1.0, 1.0), (1.0, -2.0))
    ]
    assert min(quotients) < 1 < max(quotients)
    assert all(1 / 3 < quotient < 3 for quotient in quotients)


# --- what the chapter says beside its formulas ----------------------------------------------------


@pytest.mark.parametrize("g", [0.4, 0.1, 0.01])
@pytest.mark.parametrize("beta2", [0.99, 0.999])
def test_a_fall_to_less_than_half_stalls_for_as_long_as_the_formula_says(g, beta2):
    s = math.log(3 * g * g / (1 - g * g)) / math.log(beta2)
    v = beta2**s * (1 - g * g) + g * g
    assert s > 0
    assert v == pytest.approx(4 * g * g)
    assert math.log(3 * 0.36 / 0.64) / math.log(beta2) < 0  # a fall to 0.6 stalls nothing


def test_the_average_decays_by_beta2_and_its_corrected_form_faster_at_the_start():
    v, corrected = [1.0], [1.0 / (1 - 0.999)]
    for t in range(2, 20_000):
        v.append(0.999 * v[-1])
        corrected.append(v[-1] / (1 - 0.999**t))
    assert corrected[1] / corrected[0] == pytest.approx(0.4997, abs=1e-3)
    assert corrected[-1] / corrected[-2] == pytest.approx(0.999, abs=1e-6)


def test_adam_comes_to_rest_where_the_numbers_end():
    rule, x = Adam(0.01, beta2=0.9999), 1.0
    state = rule.init(x)
    for _ in range(150_000):
        x, state = rule.update(x, x, state)
    here = x
    for _ in range(1000):
        x, state = rule.update(x, x, state)
    assert abs(x) == abs(here) < 1e-321
