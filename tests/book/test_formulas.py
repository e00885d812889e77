"""No formula without a test: here each formula of the book is checked, and a missing check fails.

A test names the formulas that it verifies with `@pytest.mark.formula("id", ...)`.
"""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tolerance import near

from descent import minimize
from descent.landscapes import Huber, Quadratic, Rosenbrock, Saddle
from descent.rules import Adam, GradientDescent
from tools.book import myst, project, references, verified

FORMULAS = [formula for page in project.pages() for formula in myst.formulas(page)]


def test_every_formula_is_named_by_a_test_and_every_name_is_a_formula():
    assert {formula.id for formula in FORMULAS} == verified.by_formula().keys()


def test_every_formula_id_is_given_once():
    assert [name for name, n in Counter(formula.id for formula in FORMULAS).items() if n > 1] == []


def test_the_sources_of_the_formulas_are_in_the_bibliography():
    entries = {formula.id: references.source(formula.source)[0] for formula in FORMULAS}
    assert {name: e.url for name, e in entries.items() if not e.url.startswith("https://")} == {}


# --- gradient descent ---------------------------------------------------------------------------

curvature = st.floats(0.01, 100)
start = st.floats(-10, 10).filter(lambda x: abs(x) > 1e-3)


@pytest.mark.formula("gd-update")
@given(x=start, g=start, lr=st.floats(1e-6, 10))
def test_gradient_descent_steps_against_the_gradient(x, g, lr):
    rule = GradientDescent(lr)
    assert rule.update(x, g, rule.init(x))[0] == x - lr * g


@pytest.mark.formula("gd-error-factor")
@given(curvature=curvature, x0=start, product=st.floats(0.01, 2.5), t=st.integers(1, 30))
def test_the_error_on_a_quadratic_shrinks_by_one_minus_eta_lambda(curvature, x0, product, t):
    run = minimize(Quadratic([curvature]), [x0], GradientDescent(product / curvature), t)
    assert run.x[t, 0] == near((1 - product) ** t * x0, run.x)


@pytest.mark.formula("gd-stability-limit")
@pytest.mark.parametrize(("share", "converges"), [(0.999, True), (1.001, False)])
@given(curvatures=st.lists(curvature, min_size=1, max_size=4))
def test_gradient_descent_converges_below_two_over_the_largest_curvature_and_not_above(
    share, converges, curvatures
):
    f = Quadratic(curvatures)
    steepest = int(np.argmax(curvatures))
    run = minimize(f, f.start, GradientDescent(share * 2 / max(curvatures)), 100)
    assert (abs(run.x[100, steepest]) < 1) == converges
    assert (np.abs(run.x[1:]) < 1).all() == converges


@pytest.mark.formula("gd-best-step")
@given(smallest=curvature, kappa=st.floats(1.01, 1000))
def test_the_best_step_equalises_both_ends_and_no_other_step_is_better(smallest, kappa):
    largest = kappa * smallest
    best, rate = 2 / (smallest + largest), (kappa - 1) / (kappa + 1)

    def factor(eta):
        run = minimize(Quadratic([smallest, largest]), [1.0, 1.0], GradientDescent(eta), 1)
        return np.abs(run.x[1]).max()

    assert factor(best) == near(rate, 1.0)
    assert all(factor(best * share) > rate for share in (0.5, 0.9, 0.99, 1.01, 1.1))


@pytest.mark.formula("gd-descent-lemma")
@pytest.mark.parametrize(
    ("f", "start", "smoothness"),
    [(Quadratic([0.5, 3.0]), [2.0, -1.0], 3.0), (Huber(0.1), [2.0], 1.0), (Saddle(), [1, 0.5], 11)],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0, 1.5, 1.99])
def test_a_step_falls_by_what_the_descent_lemma_promises(f, start, smoothness, share):
    eta = share / smoothness
    run = minimize(f, start, GradientDescent(eta), 50)
    promised = eta * (1 - eta * smoothness / 2) * np.sum(run.g[:-1] ** 2, axis=1)
    assert (run.f[1:] <= run.f[:-1] - promised + 1e-14).all()


def test_the_descent_lemma_is_tight_on_the_parabola():
    run = minimize(Quadratic([3.0]), [2.0], GradientDescent(0.2), 1)
    assert run.f[1] == pytest.approx(run.f[0] - 0.2 * (1 - 0.3) * run.g[0, 0] ** 2)


@pytest.mark.formula("gd-convex-bound")
@given(
    threshold=st.floats(0.001, 5),
    curvatures=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3),
    share=st.floats(0.05, 1.0),
)
def test_convex_losses_stay_below_one_over_t(threshold, curvatures, share):
    for f in (Huber(threshold), Quadratic(curvatures)):
        run = minimize(f, f.start, GradientDescent(share), 60)
        bound = np.sum((f.start - f.minimizer) ** 2) / (2 * share * np.arange(1, 61))
        assert (run.f[1:] - f(f.minimizer) <= bound).all()


def between(low, high):
    """Return a function with curvatures between low and high, least at 0, and its derivative."""

    def f(x):
        return low / 2 * x[0] ** 2 + (high - low) * np.log(np.cosh(x[0]))

    return f, lambda x: low * x + (high - low) * np.tanh(x)


@pytest.mark.formula("gd-strongly-convex")
@given(low=st.floats(0.05, 0.9), x0=st.floats(-4, 4), share=st.floats(0.1, 1.0))
def test_the_distance_on_strongly_convex_functions_stays_below_its_bound(low, x0, share):
    f, slope = between(low, 1.0)
    run = minimize(f, [x0], GradientDescent(share), 40, grad=slope)
    assert (run.x[:, 0] ** 2 <= (1 - share * low) ** np.arange(41) * x0**2 + 1e-15).all()


def test_no_smaller_factor_bounds_the_distance_on_all_strongly_convex_functions():
    run = minimize(Quadratic([0.2]), [1.0], GradientDescent(0.01), 40)
    assert run.x[40, 0] ** 2 > (1 - 2.1 * 0.01 * 0.2) ** 40


@pytest.mark.formula("gd-nonconvex")
@given(y=st.floats(-1.9, 1.9), x=st.floats(-3, 3), share=st.floats(0.1, 1.0))
def test_the_smallest_gradient_on_the_saddle_stays_below_its_bound(x, y, share):
    f, eta = Saddle(), share / 11
    run = minimize(f, [x, y], GradientDescent(eta), 100)
    smallest = np.minimum.accumulate(np.sum(run.g[:-1] ** 2, axis=1))
    drop = run.f[0] - f(f.minimizer)
    assert (smallest <= 2 * drop / (eta * np.arange(1, 101)) + 1e-15).all()


@pytest.mark.formula("gd-line-search")
@given(low=st.floats(0.0, 1.0), x0=st.floats(-4, 4), share=st.floats(0.01, 1.0))
def test_every_step_up_to_one_over_the_smoothness_decreases_sufficiently(low, x0, share):
    f, slope = between(low, 1.0)
    run = minimize(f, [x0], GradientDescent(share), 1, grad=slope)
    assert run.f[1] <= run.f[0] - share / 2 * run.g[0, 0] ** 2 + 1e-15
    bowl = minimize(Quadratic([1.0]), [1.0], GradientDescent(1.01), 1)
    assert bowl.f[1] > bowl.f[0] - 1.01 / 2 * bowl.g[0, 0] ** 2  # no longer one passes everywhere


@pytest.mark.formula("gd-convex-worst-case")
@given(t=st.integers(1, 60), distance=st.floats(0.1, 10))
def test_hubers_function_attains_the_worst_case_and_no_other_threshold_exceeds_it(t, distance):
    def loss(threshold):
        return minimize(Huber(threshold), [distance], GradientDescent(1.0), t).f[t]

    worst = distance**2 / (4 * t + 2)
    bend = distance / (2 * t + 1)
    assert loss(bend) == pytest.approx(worst, rel=1e-9)
    assert all(loss(bend * share) <= worst * (1 + 1e-9) for share in (0.3, 0.9, 0.99, 1.01, 1.1, 3))


# --- Adam ---------------------------------------------------------------------------------------

rate = st.floats(0.0, 0.99)
gradients = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


def states(rule, gradients, x=0.0):
    """Return the points and states of a rule along a list of gradients, from the start on."""
    state = rule.init(x)
    seen = [(x, state)]
    for g in gradients:
        x, state = rule.update(x, g, state)
        seen.append((x, state))
    return seen


@pytest.mark.formula("adam-moments")
@given(beta1=rate, beta2=rate, gradients=gradients)
def test_adams_averages_follow_their_recursions(beta1, beta2, gradients):
    seen = states(Adam(beta1=beta1, beta2=beta2), gradients)
    assert seen[0][1] == (0, 0, 0)
    for g, (_, before), (_, after) in zip(gradients, seen, seen[1:], strict=False):
        assert after.t == before.t + 1
        assert after.m == near(beta1 * before.m + (1 - beta1) * g, gradients)
        assert after.v == near(beta2 * before.v + (1 - beta2) * g * g, np.square(g))


@pytest.mark.formula("adam-unrolled")
@given(beta1=rate, beta2=rate, gradients=gradients)
def test_an_average_is_a_sum_with_geometric_weights(beta1, beta2, gradients):
    t = len(gradients)
    state = states(Adam(beta1=beta1, beta2=beta2), gradients)[-1][1]
    m = (1 - beta1) * sum(beta1 ** (t - s) * g for s, g in enumerate(gradients, 1))
    v = (1 - beta2) * sum(beta2 ** (t - s) * g * g for s, g in enumerate(gradients, 1))
    assert state.m == near(m, gradients)
    assert state.v == near(v, np.square(gradients))


@pytest.mark.formula("adam-bias-correction")
@given(beta1=rate, beta2=rate, g=st.floats(0.1, 100), t=st.integers(1, 40))
def test_corrected_averages_of_equal_gradients_are_the_gradient_and_its_square(beta1, beta2, g, t):
    state = states(Adam(beta1=beta1, beta2=beta2), [g] * t)[-1][1]
    assert state.m / (1 - beta1**t) == pytest.approx(g)
    assert state.v / (1 - beta2**t) == pytest.approx(g * g)


@pytest.mark.formula("adam-changing-gradients")
@given(beta2=rate, gradients=gradients)
def test_v_is_the_last_square_corrected_plus_what_the_others_differ_by(beta2, gradients):
    t = len(gradients)
    v = states(Adam(beta2=beta2), gradients)[-1][1].v
    last = gradients[-1] ** 2
    differences = [beta2 ** (t - s) * (g * g - last) for s, g in enumerate(gradients, 1)]
    zeta = (1 - beta2) * sum(differences)
    assert v == near((1 - beta2**t) * last + zeta, np.square(gradients))


@pytest.mark.formula("adam-signal-to-noise")
@pytest.mark.parametrize(("mean", "sigma"), [(1.0, 0.0), (-1.0, 1.0), (2.0, 4.0), (0.5, 4.0)])
def test_the_mean_step_is_the_signal_over_signal_and_noise(mean, sigma):
    rng = np.random.default_rng(1)
    rule, x = Adam(1.0, eps=0.0), np.zeros(4000)
    state = rule.init(x)
    for _ in range(3000):
        before = x
        x, state = rule.update(x, mean + sigma * rng.standard_normal(4000), state)
    assert np.mean(before - x) == pytest.approx(mean / np.hypot(mean, sigma), abs=0.02)


@pytest.mark.formula("adam-update")
@given(beta1=rate, beta2=rate, gradients=gradients, lr=st.floats(1e-4, 1), eps=st.floats(1e-6, 1))
def test_adams_step_is_the_corrected_quotient(beta1, beta2, gradients, lr, eps):
    seen = states(Adam(lr, beta1, beta2, eps), gradients)
    for (x, _), (moved, after) in pairwise(seen):
        m_hat = after.m / (1 - beta1**after.t)
        v_hat = after.v / (1 - beta2**after.t)
        assert moved == near(x - lr * m_hat / (math.sqrt(v_hat) + eps), x)


@pytest.mark.formula("adam-uncorrected-ratio")
@given(beta1=rate, beta2=rate, g=st.floats(0.1, 100), t=st.integers(1, 40))
def test_without_correction_a_step_on_equal_gradients_changes_by_the_ratio(beta1, beta2, g, t):
    (before, _), (after, state) = states(Adam(1.0, beta1, beta2, eps=0.0), [g] * t)[-2:]
    ratio = (1 - beta1**t) / math.sqrt(1 - beta2**t)
    assert state.m / math.sqrt(state.v) == pytest.approx((before - after) * ratio, rel=1e-6)


def step_bound(t, beta1, beta2):
    r = beta1**2 / beta2
    spread = (1 - beta2**t) / (1 - beta2) * sum(r**k for k in range(t))
    return (1 - beta1) / (1 - beta1**t) * math.sqrt(spread)


@pytest.mark.formula("adam-step-bound")
@given(beta1=rate, beta2=st.floats(0.01, 0.99), gradients=gradients, eps=st.floats(1e-9, 1))
def test_no_step_of_adam_exceeds_the_bound(beta1, beta2, gradients, eps):
    seen = states(Adam(1.0, beta1, beta2, eps), gradients)
    for t, ((x, _), (moved, _)) in enumerate(pairwise(seen), 1):
        assert abs(moved - x) <= step_bound(t, beta1, beta2) * (1 + 1e-6) + 1e-12


@given(beta1=st.floats(0.1, 0.99), beta2=st.floats(0.1, 0.99), t=st.integers(1, 30))
def test_gradients_that_grow_by_beta2_over_beta1_attain_the_bound(beta1, beta2, t):
    growing = [(beta2 / beta1) ** s for s in range(1, t + 1)]
    (before, _), (after, _) = states(Adam(1.0, beta1, beta2, eps=0.0), growing)[-2:]
    assert abs(after - before) == pytest.approx(step_bound(t, beta1, beta2), rel=1e-6)


@pytest.mark.formula("adam-scale-invariance")
@given(gradients=gradients.filter(lambda g: abs(g[0]) > 1e-3), c=st.floats(1e-3, 1e3))
def test_adam_without_epsilon_does_not_see_the_scale_of_the_gradient(gradients, c):
    rule = Adam(0.1, eps=0.0)
    here = [x for x, _ in states(rule, gradients)]
    there = [x for x, _ in states(rule, [c * g for g in gradients])]
    assert there == near(here)


@pytest.mark.formula("adam-epsilon-hat")
@given(beta1=rate, beta2=rate, gradients=gradients, eps=st.floats(1e-6, 1))
@example(0.59375, 0.0, [94.125, 0.0, 47.0, 0.0], 1e-6)  # goes as far as −5.7e6
def test_the_folded_form_is_adam_if_its_epsilon_changes_with_t(beta1, beta2, gradients, eps):
    points = [0.0]
    for moved, state in states(Adam(0.1, beta1, beta2, eps), gradients)[1:]:
        root = math.sqrt(1 - beta2**state.t)
        folded = 0.1 * root / (1 - beta1**state.t)
        points.append(points[-1] - folded * state.m / (math.sqrt(state.v) + eps * root))
        assert points[-1] == near(moved, points)


def test_the_worked_example_of_the_book_comes_out():
    (_, _), (x1, state) = states(Adam(), [10.0], x=5.0)
    assert (state.m, state.v) == pytest.approx((1.0, 0.1))
    assert x1 == pytest.approx(4.999, abs=1e-11)


def test_rosenbrocks_condition_number_is_that_of_its_hessian_by_differences():
    f, h = Rosenbrock(), 1e-5
    columns = [
        (f.grad([1 + h * i, 1 + h * j]) - f.grad([1.0, 1.0])) / h for i, j in ((1, 0), (0, 1))
    ]
    assert np.allclose(columns, [[802, -400], [-400, 200]], rtol=1e-3)


def test_a_step_above_two_over_l_can_still_go_down():
    """`gd-descent-lemma` asks for what suffices; on other functions more can do."""

    def f(x):
        return x**2 / 2 - 0.9 * np.log(np.cosh(x))

    x = np.linspace(-20, 20, 100_001)
    assert np.max(1 - 0.9 / np.cosh(x) ** 2) == pytest.approx(1, rel=1e-12)  # L
    path = [0.5]
    for _ in range(20):
        path.append(path[-1] - 5 * (path[-1] - 0.9 * np.tanh(path[-1])))
    assert all(f(b) < f(a) for a, b in pairwise(path))
    assert abs(path[-1]) < 1e-6
