"""Laws that the rules obey on any gradients, as Hypothesis finds them."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sets import MATRICES, SPECTRAL
from tolerance import near

from descent import rules
from descent.landscapes import Quadratic
from descent.minimize import minimize
from descent.rules import (
    AdaGrad,
    Adam,
    AMSGrad,
    AveragedMomentum,
    GradientDescent,
    Lion,
    Momentum,
    MomentumRMSprop,
    Nesterov,
    RMSprop,
)

SEE_THE_SCALE = {
    *("gradient-descent", "momentum", "averaged-momentum", "nesterov", "radam"),  # as they are
    *("centered-rmsprop", "adadelta", "adafactor"),  # by an ε that cannot be 0
    "muon",  # by the 1e-7 beside its norm
    *SPECTRAL,  # by the ε of their eigenvalues
}
"""The rules whose step changes with the scale of the gradients; every other must not."""
LINEAR = ("gradient-descent", "momentum", "averaged-momentum", "nesterov")
"""The rules whose step is a weighted sum of gradients."""
SCALE_FREE = [name for name in rules.names() if name not in SEE_THE_SCALE]
ELEMENTWISE = [name for name in rules.names() if rules.get(name).elementwise]

sizes = st.floats(1e-3, 1e3)
entries = st.one_of(st.just(0.0), sizes, sizes.map(lambda a: -a))
gradients = st.integers(1, 12).flatmap(lambda n: arrays(float, (n, 4), elements=entries))
rates = st.floats(0, 0.999)


def run(rule, x, gs):
    """Return all points from x on and all states, the first of each before step 1."""
    xs, states = [x], [rule.init(x)]
    for g in gs:
        x, state = rule.update(xs[-1], g, states[-1])
        xs.append(x)
        states.append(state)
    return np.array(xs), states


def without_eps(name, **hyper):
    """Return the rule of that name with ε = 0, if it has one."""
    has_eps = "eps" in rules.get(name).__dataclass_fields__
    return rules.get(name, **hyper, **({"eps": 0.0} if has_eps else {}))


@pytest.mark.parametrize("name", SCALE_FREE)
@given(gs=gradients, power=st.integers(-30, 30))
def test_a_rule_without_eps_does_not_see_a_power_of_two_on_all_gradients(name, gs, power):
    rule = without_eps(name)
    gs = np.where(gs == 0, 1.0, gs)  # 0/0 is Adam's own trouble without ε
    xs, _ = run(rule, np.ones(4), gs)
    scaled, _ = run(rule, np.ones(4), 4.0**power * gs)
    np.testing.assert_array_equal(scaled, xs)


@given(gs=gradients, c=st.floats(1e-30, 1e30), beta1=rates, beta2=rates)
def test_adam_without_eps_does_not_see_the_scale_of_the_gradients(gs, c, beta1, beta2):
    rule = Adam(lr=0.1, beta1=beta1, beta2=beta2, eps=0.0)
    gs = np.where(gs == 0, 1.0, gs)
    xs, _ = run(rule, np.zeros(4), gs)
    scaled, _ = run(rule, np.zeros(4), c * gs)
    assert scaled == near(xs)


@given(gs=gradients)
def test_adam_with_eps_sees_the_scale(gs):
    gs = np.where(gs == 0, 1.0, gs)
    xs, _ = run(Adam(eps=1.0), np.zeros(4), gs)
    scaled, _ = run(Adam(eps=1.0), np.zeros(4), 8 * gs)
    assert (np.abs(scaled[1]) > np.abs(xs[1])).all()


def longest_step(t, beta1, beta2):
    """Return the largest |m̂|/√v̂ at step t over all gradients, by the Cauchy-Schwarz inequality."""
    spread = sum((beta1**2 / beta2) ** lag for lag in range(t))
    corrections = math.sqrt(1 - beta2**t) / (1 - beta1**t)
    return (1 - beta1) / math.sqrt(1 - beta2) * math.sqrt(spread) * corrections


@given(gs=gradients, beta1=rates, beta2=st.floats(0.01, 0.999), lr=sizes)
def test_no_gradients_make_a_step_of_adam_longer_than_its_bound(gs, beta1, beta2, lr):
    xs, _ = run(Adam(lr=lr, beta1=beta1, beta2=beta2), np.zeros(4), gs)
    bounds = [[lr * longest_step(t, beta1, beta2)] for t in range(1, len(gs) + 1)]
    assert (
        np.abs(np.diff(xs, axis=0)) <= np.array(bounds) * (1 + 1e-9) + 1e-12 * np.abs(xs[1:])
    ).all()


@given(t=st.integers(1, 60), beta1=rates, beta2=st.floats(0.01, 0.999))
def test_the_bound_of_adam_grows_to_the_one_of_its_docstring(t, beta1, beta2):
    assume(beta1**2 < 0.999 * beta2)
    limit = (1 - beta1) / math.sqrt((1 - beta2) * (1 - beta1**2 / beta2))
    assert longest_step(t, beta1, beta2) <= limit * (1 + 1e-9)


def test_the_bound_of_adam_for_the_defaults_is_7_27():
    assert longest_step(10_000, 0.9, 0.999) == pytest.approx(7.27, abs=0.01)


@given(t=st.integers(1, 60), beta1=st.floats(0.1, 0.95), beta2=st.floats(0.5, 0.999))
def test_gradients_that_change_by_beta2_over_beta1_reach_the_bound_of_adam(t, beta1, beta2):
    gs = [(beta2 / beta1) ** i for i in range(t)]
    xs, _ = run(Adam(lr=1.0, beta1=beta1, beta2=beta2, eps=0), 0.0, gs)
    assert xs[-2] - xs[-1] == pytest.approx(longest_step(t, beta1, beta2), rel=1e-9)


@given(silence=st.integers(0, 10_000), size=sizes)
def test_a_single_gradient_after_zeros_keeps_the_bound_of_section_2_1_of_adams_paper(silence, size):
    rule = Adam(lr=1.0, eps=0)
    x, _ = rule.update(0.0, size, Adam.State(t=silence, m=0.0, v=0.0))
    t = silence + 1
    corrections = math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    assert -x == pytest.approx(0.1 / math.sqrt(0.001) * corrections, rel=1e-12)
    assert -x <= 0.1 / math.sqrt(0.001)


def test_rising_gradients_after_zeros_pass_the_bound_of_section_2_1_of_adams_paper():
    x, state = 0.0, Adam.State(t=10_000, m=0.0, v=0.0)
    for g in [1.11**i for i in range(100)]:
        last, (x, state) = x, Adam(lr=1.0).update(x, g, state)
    assert (last - x) / (0.1 / math.sqrt(0.001)) == pytest.approx(2.30, abs=0.01)


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(gs=gradients, order=st.permutations(range(4)))
def test_a_permutation_of_the_coordinates_permutes_the_steps(name, gs, order):
    x = np.arange(4.0)
    xs, _ = run(rules.get(name), x, gs)
    permuted, _ = run(rules.get(name), x[list(order)], gs[:, list(order)])
    np.testing.assert_array_equal(permuted, xs[:, list(order)])


@given(gs=gradients, rows=st.permutations(range(2)), columns=st.permutations(range(2)))
@pytest.mark.parametrize("name", ["adafactor", "muon"])
def test_a_permutation_of_rows_and_columns_permutes_the_steps_of_a_matrix(name, gs, rows, columns):
    x, gs = np.arange(4.0).reshape(2, 2), gs.reshape(-1, 2, 2)
    order = np.ix_(list(rows), list(columns))
    xs, _ = run(rules.get(name), x, gs)
    permuted, _ = run(rules.get(name), x[order], [g[order] for g in gs])
    assert permuted == near(np.array([x[order] for x in xs]))


@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", MATRICES)
def test_a_rotation_of_rows_and_of_columns_rotates_the_path_of_a_rule_for_matrices(name, seed):
    rng = np.random.default_rng(seed)
    gs = rng.standard_normal((12, 3, 3)) + 2 * np.eye(3)
    left, right = (np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(2))
    rule = rules.get(name, **({"every": 4, "eps": 1e-3} if name == "soap" else {}))
    x = rng.standard_normal((3, 3))
    xs, _ = run(rule, x, gs)
    turned, _ = run(rule, left @ x @ right, left @ gs @ right)
    size = np.abs(xs).max()
    np.testing.assert_allclose(turned, left @ xs @ right, rtol=0, atol=1e-8 * size)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_rotation_is_seen_by_a_rule_for_coordinates_unless_it_is_linear(name):
    rng = np.random.default_rng(0)
    gs, x = rng.standard_normal((12, 3, 3)), rng.standard_normal((3, 3))
    left = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rule = rules.get(name, lr=0.1)
    apart = np.abs(run(rule, left @ x, left @ gs)[0] - left @ run(rule, x, gs)[0]).max()
    assert (apart < 1e-12) == (name in LINEAR)


@pytest.mark.parametrize("name", rules.names())
@given(gs=gradients)
def test_the_mirror_image_of_the_gradients_gives_the_mirror_image_of_the_path(name, gs):
    x, gs = np.array([[1.0, -2.0], [3.0, 0.5]]), gs.reshape(-1, 2, 2)
    np.testing.assert_array_equal(run(rules.get(name), -x, -gs)[0], -run(rules.get(name), x, gs)[0])


@given(
    curvatures=arrays(float, 3, elements=st.floats(-2, 2)),
    lr=st.floats(0.01, 1),
    steps=st.integers(0, 40),
)
def test_gradient_descent_multiplies_each_error_on_a_quadratic_by_its_factor(curvatures, lr, steps):
    path = minimize(Quadratic(curvatures), [1.0, -2.0, 3.0], GradientDescent(lr=lr), steps)
    t = np.arange(steps + 1)[:, None]
    expected = (1 - lr * curvatures) ** t * [1.0, -2.0, 3.0]
    farthest = np.abs(path.x).max(axis=0)
    assert path.x / farthest == near(expected / farthest)


@given(gs=gradients, lr=sizes)
@pytest.mark.parametrize("rule", [Momentum, AveragedMomentum, Nesterov])
def test_momentum_of_0_is_gradient_descent(rule, gs, lr):
    expected, _ = run(GradientDescent(lr=lr), np.ones(4), gs)
    np.testing.assert_array_equal(run(rule(lr=lr, momentum=0), np.ones(4), gs)[0], expected)


@given(gs=gradients, lr=sizes, mu=rates)
def test_averaged_momentum_is_heavy_ball_with_a_rate_of_1_minus_mu(gs, lr, mu):
    averaged, _ = run(AveragedMomentum(lr=lr, momentum=mu), np.zeros(4), gs)
    ball, _ = run(Momentum(lr=(1 - mu) * lr, momentum=mu), np.zeros(4), gs)
    assert averaged == near(ball)


@given(gs=gradients, rho=rates, lr=sizes)
def test_rmsprop_with_momentum_0_is_rmsprop(gs, rho, lr):
    expected, _ = run(RMSprop(lr=lr, rho=rho), np.ones(4), gs)
    found, _ = run(MomentumRMSprop(lr=lr, rho=rho, momentum=0), np.ones(4), gs)
    np.testing.assert_array_equal(found, expected)


@given(gs=gradients, beta2=rates)
def test_adam_with_beta1_of_0_is_rmsprop_with_bias_correction(gs, beta2):
    gs = np.where(gs == 0, 1.0, gs)
    adam, _ = run(Adam(lr=0.1, beta1=0, beta2=beta2, eps=0), np.zeros(4), gs)
    corrected = RMSprop(lr=lambda t: 0.1 * math.sqrt(1 - beta2**t), rho=beta2)
    expected, _ = run(corrected, np.zeros(4), gs)
    assert adam == near(expected)


@given(g=arrays(float, 4, elements=sizes), beta1=rates, beta2=rates)
def test_adam_along_a_constant_gradient_makes_steps_of_lr(g, beta1, beta2):
    rule = Adam(lr=0.1, beta1=beta1, beta2=beta2, eps=0)
    xs, _ = run(rule, np.zeros(4), [g] * 10)
    np.testing.assert_allclose(np.diff(xs, axis=0), -0.1, rtol=1e-11)


@given(gs=gradients, beta2=rates)
def test_the_denominator_of_amsgrad_never_falls(gs, beta2):
    _, states = run(AMSGrad(beta2=beta2), np.ones(4), gs)
    v_hat = np.array([state.v_hat for state in states])
    assert (np.diff(v_hat, axis=0) >= 0).all()
    np.testing.assert_array_equal(v_hat, np.maximum.accumulate([state.v for state in states]))


def test_the_denominator_of_adam_can_fall():
    _, states = run(Adam(), 0.0, [10.0, 0.0])
    v_hat = [state.v / (1 - 0.999**state.t) for state in states[1:]]
    assert v_hat[1] < v_hat[0]


@given(g=arrays(float, 4, elements=sizes), lr=sizes)
def test_the_step_of_adagrad_along_a_constant_gradient_falls_as_1_over_root_t(g, lr):
    xs, _ = run(AdaGrad(lr=lr, eps=0), np.zeros(4), [g] * 120)
    steps = -np.diff(xs, axis=0)
    assert (np.diff(steps, axis=0) < 0).all()
    t = np.arange(1, 121)[:, None]
    np.testing.assert_allclose(steps, lr / np.sqrt(t) * np.ones(4), rtol=1e-10)


@given(gs=gradients, lr=sizes)
def test_lion_moves_each_coordinate_by_lr_or_not_at_all(gs, lr):
    xs, _ = run(Lion(lr=lr), np.zeros(4), gs)
    steps = np.abs(np.diff(xs, axis=0))
    assert np.where(steps == 0, lr, steps) == near(np.full_like(steps, lr))


@given(g=arrays(float, 4, elements=sizes), mu=rates)
def test_heavy_ball_steps_along_a_constant_gradient_grow_to_1_over_1_minus_mu(g, mu):
    xs, _ = run(Momentum(lr=1.0, momentum=mu), np.zeros(4), [g] * 30)
    expected = -g * (1 - mu ** np.arange(1, 31)[:, None]) / (1 - mu)
    np.testing.assert_allclose(np.diff(xs, axis=0), expected, rtol=1e-9)
