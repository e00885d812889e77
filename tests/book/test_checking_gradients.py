"""The formulas of the chapter on checking gradients."""

import inspect
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

fractions = st.fractions(-4, 4, max_denominator=6)


@pytest.mark.formula("backprop-central-difference-error")
@given(x=st.floats(1, 8).map(lambda x: round(x * 64) / 64), k=st.integers(3, 45))
def test_the_central_difference_of_a_rounded_quotient_stays_below_the_bound(x, k):
    h, u = 2.0**-k, 2.0**-53
    difference = (Fraction(1 / (x + h)) - Fraction(1 / (x - h))) / (2 * Fraction(h))
    error = abs(difference + 1 / Fraction(x) ** 2)
    M, delta = 6 / (x - h) ** 4, u / (x - h)  # noqa: N806
    assert error <= (M * h**2 / 6 + delta / h) * (1 + 1e-12)


@given(x=fractions, h=st.fractions(Fraction(1, 1000), 1), delta=st.fractions(0, 1))
def test_no_smaller_bound_holds_for_all_cubics_and_all_errors(x, h, delta):
    computed = [(x + h) ** 3 + delta, (x - h) ** 3 - delta]
    error = (computed[0] - computed[1]) / (2 * h) - 3 * x**2
    assert error == 6 * h**2 / 6 + delta / h


@pytest.mark.formula("backprop-one-sided-difference-error")
@given(x=st.floats(1, 8).map(lambda x: round(x * 64) / 64), k=st.integers(3, 45))
def test_the_one_sided_difference_of_a_rounded_quotient_stays_below_the_bound(x, k):
    h, u = 2.0**-k, 2.0**-53
    difference = (Fraction(1 / (x + h)) - Fraction(1 / x)) / Fraction(h)
    error = abs(difference + 1 / Fraction(x) ** 2)
    assert error <= (2 / x**3 * h / 2 + 2 * (u / x) / h) * (1 + 1e-12)


@pytest.mark.formula("backprop-one-sided-difference-error")
@given(x=fractions, h=st.fractions(Fraction(1, 1000), 1), delta=st.fractions(0, 1))
def test_no_smaller_one_sided_bound_holds_for_all_parabolas_and_all_errors(x, h, delta):
    error = ((x + h) ** 2 + delta - (x**2 - delta)) / h - 2 * x
    assert error == 2 * h / 2 + 2 * delta / h


@pytest.mark.formula("backprop-best-difference-step")
@given(M=st.floats(1e-3, 1e3), delta=st.floats(1e-18, 1e-2), factor=st.floats(0.01, 100))
def test_no_other_step_has_a_smaller_bound_than_the_best_one(M, delta, factor):  # noqa: N803
    best = (3 * delta / M) ** (1 / 3)

    def bound(h):
        return M * h**2 / 6 + delta / h

    assert bound(best) == pytest.approx(3 * delta / (2 * best))
    assert bound(best) == pytest.approx((9 * M * delta**2) ** (1 / 3) / 2)
    assert bound(factor * best) >= bound(best) * (1 - 1e-12)
    assume(abs(factor - 1) > 1e-3)
    assert bound(factor * best) > bound(best)


# --- what the chapter says beside its formulas ----------------------------------------------------


@given(error=st.lists(st.floats(-10, 10), min_size=1, max_size=5))
def test_the_mean_square_of_an_error_along_random_directions_is_its_square(error):
    e = np.array(error)
    signs = np.array(list(product((-1, 1), repeat=len(e))))  # mean 0, variance 1, independent
    assert np.mean((signs @ e) ** 2) == pytest.approx(e @ e)


@pytest.mark.parametrize("u", [2.0**-53, 2.0**-24])
def test_where_all_is_of_size_one_central_differences_lose_a_third_of_the_digits(u):
    """And one-sided ones half; on sin(100 x) the steps that are good here are not."""

    def best(order, curvature):  # of M h^order / 6 or / 2, and the rounding u / h
        h = np.geomspace(u, 1, 4001)
        bound = curvature * h**order / (6 if order == 2 else 2) + u / h
        return h[bound.argmin()], bound.min()

    for order, share in ((2, 1 / 3), (1, 1 / 2)):
        h, error = best(order, 1.0)
        assert 0.5 < h / u**share < 2
        assert 0.5 < error / u ** (1 - share) < 2
    h, _ = best(2, 100.0**3)
    assert h == pytest.approx(best(2, 1.0)[0] / 100, rel=0.02)


def test_pytorchs_gradcheck_has_these_defaults_and_fails_in_float32():
    parameters = inspect.signature(torch.autograd.gradcheck).parameters
    assert [parameters[name].default for name in ("eps", "atol", "rtol")] == [1e-6, 1e-5, 1e-3]
    x = torch.tensor([1.0, 2.0, 3.0])
    cubes = lambda x: (x**3).sum()  # noqa: E731
    assert torch.autograd.gradcheck(cubes, x.double().requires_grad_())
    with pytest.warns(UserWarning, match="double precision"):
        assert not torch.autograd.gradcheck(cubes, x.requires_grad_(), raise_exception=False)
