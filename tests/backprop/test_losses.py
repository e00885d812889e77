"""Softmax cross-entropy: by hand, by finite differences, and by its laws."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tolerance import near

from descent.backprop.check import gradcheck
from descent.backprop.losses import SoftmaxCrossEntropy, log_softmax

scores = arrays(float, (4, 3), elements=st.floats(-50, 50))
LABELS = np.array([0, 2, 1, 1])


def test_softmax_cross_entropy_by_hand():
    loss = SoftmaxCrossEntropy()
    z = np.log([[1.0, 2.0, 5.0], [3.0, 1.0, 4.0]])
    found = loss.forward(z, [2, 0])
    assert found == pytest.approx(-(math.log(5 / 8) + math.log(3 / 8)) / 2, rel=1e-15)
    expected = np.array([[1, 2, 5 - 8], [3 - 8, 1, 4]]) / 8 / 2
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-14)


def test_log_softmax_of_a_vector_by_hand():
    expected = np.log([1 / 8, 2 / 8, 5 / 8])
    np.testing.assert_allclose(log_softmax(np.log([1.0, 2.0, 5.0])), expected, rtol=1e-14)


@given(z=arrays(float, (4, 3), elements=st.floats(-5, 5)))
def test_the_gradient_is_that_of_central_differences(z):
    loss = SoftmaxCrossEntropy()

    def grad(z):
        loss.forward(z, LABELS)
        return loss.backward()

    assert gradcheck(lambda z: loss.forward(z, LABELS), z, grad=grad) < 1e-6


@given(z=scores, shift=st.floats(-1000, 1000))
def test_a_shift_of_all_scores_changes_nothing(z, shift):
    assert log_softmax(z + shift) == near(log_softmax(z), shift, rel=1e-14)


@given(z=scores)
def test_probabilities_sum_to_1_and_the_gradient_of_a_row_to_0(z):
    np.testing.assert_allclose(np.exp(log_softmax(z)).sum(axis=1), 1, rtol=1e-14)
    loss = SoftmaxCrossEntropy()
    assert loss.forward(z, LABELS) >= 0
    assert loss.backward().sum(axis=1) == near(np.zeros(4), 1.0, rel=1e-15)


def test_scores_that_would_overflow_have_the_exact_loss():
    assert SoftmaxCrossEntropy().forward([[1e4, 0.0], [0.0, 1e4]], [0, 0]) == 5e3


@pytest.mark.parametrize(
    ("z", "labels", "message"),
    [
        ([1.0, 2.0], [0], "z must have the shape (N, K), got (2,)"),
        (np.ones((0, 3)), [], "z must have the shape (N, K), got (0, 3)"),
        ([[1.0, 2.0]], [0, 1], "labels must be 1 whole numbers"),
        ([[1.0, 2.0]], [[0, 1]], "labels must be 1 whole numbers"),
        ([[1.0, 2.0]], [0.0], "got float64 of shape (1,)"),
        ([[1.0, 2.0]], [2], "labels must be in 0, ..., 1, got 2 to 2"),
        ([[1.0, 2.0]], [-1], "labels must be in 0, ..., 1, got -1 to -1"),
    ],
)
def test_scores_and_labels_that_do_not_fit_are_refused(z, labels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SoftmaxCrossEntropy().forward(z, labels)
