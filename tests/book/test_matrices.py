"""The formulas of the chapter on matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent.rules import Adam, Shampoo, Soap, inverse_root, newton_schulz

seeds = st.integers(0, 10**6)


def power(a, exponent):
    """Return a power of a symmetric positive definite matrix, by its eigenvalues."""
    values, vectors = np.linalg.eigh(a)
    return vectors @ np.diag(values**exponent) @ vectors.T


def positive(rng, n):
    """Return a symmetric matrix with eigenvalues of at least 1/2."""
    factor = rng.standard_normal((n, n))
    return factor @ factor.T + 0.5 * np.eye(n)


@pytest.mark.formula("gradient-whitening")
@given(seed=seeds)
def test_the_inverse_root_of_its_covariance_whitens_a_gradient(seed):
    rng = np.random.default_rng(seed)
    mixing = positive(rng, 4)
    g = mixing @ np.linalg.qr(rng.standard_normal((4, 4)))[0] * 2  # four equally likely gradients
    covariance = g @ g.T / 4
    white = power(covariance, -0.5) @ g
    np.testing.assert_allclose(white @ white.T / 4, np.eye(4), rtol=0, atol=1e-9 * np.eye(4).max())


@pytest.mark.formula("shampoo-step")
@given(seed=seeds)
def test_shampoo_divides_by_fourth_roots_of_the_sums_that_its_formula_names(seed):
    rng = np.random.default_rng(seed)
    gs, x, eps = rng.standard_normal((5, 3, 4)), rng.standard_normal((3, 4)), 0.25
    rule = Shampoo(lambda t: 1 / t, eps)
    y, state = x, rule.init(x)
    left, right = eps * np.eye(3), eps * np.eye(4)  # as the paper starts them
    for t, g in enumerate(gs, 1):
        left, right = left + g @ g.T, right + g.T @ g
        x = x - power(left, -0.25) @ g @ power(right, -0.25) / t
        y, state = rule.update(y, g, state)
        np.testing.assert_allclose(y, x, rtol=0, atol=1e-11 * np.abs(x).max())


@pytest.mark.formula("shampoo-kronecker")
@given(seed=seeds)
def test_two_sided_roots_are_one_root_of_the_kronecker_product(seed):
    rng = np.random.default_rng(seed)
    left, right, g = positive(rng, 2), positive(rng, 3), rng.standard_normal((2, 3))
    sides = power(left, -0.25) @ g @ power(right, -0.25)
    whole = power(np.kron(right, left), -0.25) @ g.ravel(order="F")
    np.testing.assert_allclose(
        sides.ravel(order="F"), whole, rtol=0, atol=1e-10 * np.abs(whole).max()
    )


@pytest.mark.formula("shampoo-polar")
@given(seed=seeds, rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_shampoo_of_one_gradient_is_its_polar_factor(seed, rows, columns):
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.standard_normal((rows, rows)))[0]
    right = np.linalg.qr(rng.standard_normal((columns, columns)))[0]
    k = min(rows, columns)
    s = rng.uniform(0.1, 10, k)
    g = left[:, :k] * s @ right[:k]
    found = inverse_root(g @ g.T, 1e-28) @ g @ inverse_root(g.T @ g, 1e-28)
    polar = left[:, :k] @ right[:k]
    np.testing.assert_allclose(found, polar, rtol=0, atol=1e-5 * np.abs(polar).max())


@pytest.mark.formula("newton-schulz-lift")
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_small_singular_values_are_multiplied_by_a_in_each_step(steps):
    small = 1e-7
    image = newton_schulz(np.diag([1.0, small]), steps)[1, 1]
    assert image == pytest.approx(3.4445**steps * small, rel=1e-6)


@pytest.mark.formula("shampoo-in-its-basis")
@given(seed=seeds)
def test_in_the_basis_of_its_eigenvectors_shampoo_divides_each_entry(seed):
    rng = np.random.default_rng(seed)
    left, right, g = positive(rng, 3), positive(rng, 4), rng.standard_normal((3, 4))
    (rows, p), (columns, q) = np.linalg.eigh(left), np.linalg.eigh(right)
    turned = p.T @ inverse_root(left, 0) @ g @ inverse_root(right, 0) @ q
    divided = p.T @ g @ q / np.outer(rows, columns) ** 0.25
    size = np.abs(divided).max()
    np.testing.assert_allclose(turned, divided, rtol=0, atol=1e-10 * size)


@pytest.mark.formula("soap-step")
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_soap_is_adam_in_the_basis_while_the_basis_stands(shape):
    rng = np.random.default_rng(0)
    first, *gs = rng.standard_normal((60, *shape))
    rule = Soap(lambda t: 0.1 / t, 0.8, 0.9, eps=1e-3, every=10**6)
    x = rng.standard_normal(shape)
    still, state = rule.update(x, first, rule.init(x))
    assert np.array_equal(still, x)
    p, q = state.p, state.q
    adam = Adam(lambda t: 0.1 / (t + 1), 0.8, 0.9, eps=1e-3)
    y, inner = p.T @ x @ q, adam.init(x)
    for g in gs:
        x, state = rule.update(x, g, state)
        y, inner = adam.update(y, p.T @ g @ q, inner)
        np.testing.assert_allclose(x, p @ y @ q.T, atol=1e-13)


def test_the_first_gradient_of_a_wide_matrix_leaves_the_basis_open_and_the_next_step_sees_it():
    rng = np.random.default_rng(2)
    first, g = rng.standard_normal((2, 2, 4))
    rule, x = Soap(0.1), np.zeros((2, 4))
    _, state = rule.update(x, first, rule.init(x))
    other = state.q.copy()
    other[:, :2] = other[:, :2] @ np.array([[0.6, -0.8], [0.8, 0.6]])  # of the eigenvalue 0
    for q in (state.q, other):
        np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-12)
        diagonal = q.T @ state.right @ q
        np.testing.assert_allclose(diagonal, np.diag(np.diag(diagonal)), atol=1e-12)
    steps = [rule.update(x, g, state._replace(q=q))[0] for q in (state.q, other)]
    assert np.abs(steps[0] - steps[1]).max() > 1e-3


def test_the_bases_of_soap_become_the_eigenvectors_of_what_stays():
    rng = np.random.default_rng(1)
    g = np.linalg.qr(rng.standard_normal((4, 4)))[0] * [4, 3, 2, 1]
    other = np.linalg.qr(rng.standard_normal((4, 4)))[0] @ g.T
    rule, x = Soap(0.0, every=1), np.zeros((4, 4))
    state = rule.init(x)
    for gradient in [other] * 3 + [g] * 400:
        x, state = rule.update(x, gradient, state)
    for a, basis in ((state.left, state.p), (state.right, state.q)):
        diagonal = basis.T @ a @ basis
        np.testing.assert_allclose(diagonal, np.diag([16, 9, 4, 1]), atol=1e-6)


@pytest.mark.formula("qk-clip")
@given(seed=seeds, threshold=st.floats(0.1, 100))
def test_both_roots_bring_the_largest_logit_to_the_threshold_and_no_lower_one_up(seed, threshold):
    rng = np.random.default_rng(seed)
    tokens, query, key = (rng.standard_normal(shape) for shape in ((6, 5), (5, 3), (5, 3)))
    logits = tokens @ query @ key.T @ tokens.T
    share = min(1.0, threshold / np.abs(logits).max())
    after = tokens @ (share**0.5 * query) @ (share**0.5 * key).T @ tokens.T
    np.testing.assert_allclose(after, share * logits, rtol=1e-10, atol=1e-12 * np.abs(logits).max())
    assert np.abs(after).max() <= threshold * (1 + 1e-10)


def test_muons_polynomial_ends_in_a_cycle_of_four():
    a, b, c = 3.4445, -4.7750, 2.0315
    x = np.geomspace(1e-3, 1, 2001)
    for _ in range(400):
        x = a * x + b * x**3 + c * x**5
    after = [x]
    for _ in range(4):
        after.append(a * after[-1] + b * after[-1] ** 3 + c * after[-1] ** 5)
    np.testing.assert_allclose(after[4], x, rtol=1e-9)
    assert len(np.unique(x.round(6))) == 4
    assert not np.isclose(x, 1, atol=0.01).any()
    assert 0.68 < x.min() < x.max() < 1.14
