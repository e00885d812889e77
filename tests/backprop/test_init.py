"""The initialisers: mean, variance and range of what they draw, and what that does to a signal."""

import numpy as np
import pytest

from descent.backprop.init import fans, glorot_normal, glorot_uniform, he_normal, he_uniform
from descent.backprop.layers import Linear, ReLU, Sequential, Tanh

VARIANCES = {
    glorot_uniform: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    glorot_normal: lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    he_uniform: lambda fan_in, fan_out: 2 / fan_in,
    he_normal: lambda fan_in, fan_out: 2 / fan_in,
}


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"), [((400, 300), 300, 400), ((100, 40, 5, 3), 600, 1500)]
)
@pytest.mark.parametrize("init", VARIANCES, ids=lambda f: f.__name__)
def test_weights_have_mean_zero_and_the_variance_of_the_paper(init, shape, fan_in, fan_out):
    assert fans(shape) == (fan_in, fan_out)
    w, variance = init(shape, np.random.default_rng(0)), VARIANCES[init](fan_in, fan_out)
    assert w.shape == shape
    assert abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    # The variance of w² is 2 σ⁴ if w is normal, less if it is uniform.
    assert abs(w.var() / variance - 1) < 5 * np.sqrt(2 / w.size)


@pytest.mark.parametrize("init", [glorot_uniform, he_uniform], ids=lambda f: f.__name__)
def test_uniform_weights_fill_their_interval_and_do_not_leave_it(init):
    w = init((400, 300), np.random.default_rng(0))
    bound = np.sqrt(3 * VARIANCES[init](300, 400))
    assert 0.999 * bound < np.abs(w).max() <= bound


@pytest.mark.parametrize("init", VARIANCES, ids=lambda f: f.__name__)
def test_the_generator_alone_decides_what_is_drawn(init):
    first, again, other = (init((3, 2), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize(("init", "kept"), [(he_normal, True), (glorot_normal, False)])
def test_only_he_keeps_the_size_of_a_signal_through_thirty_relu_layers(init, kept):
    rng = np.random.default_rng(0)
    layers = [(Linear(200, 200, rng=rng, init=init), ReLU()) for _ in range(30)]
    y = Sequential(*sum(layers, ())).predict(rng.standard_normal((100, 200)))
    assert (0.1 < np.mean(y**2) < 10) == kept


def test_biases_start_at_zero():
    net = Sequential(Linear(3, 2, rng=np.random.default_rng(0)), Tanh())
    np.testing.assert_array_equal(net.parameters["0.b"], [0, 0])


def test_a_shape_without_inputs_is_refused():
    with pytest.raises(ValueError, match=r"shape must be \(outputs, inputs, \.\.\.\), got \(3,\)"):
        he_normal((3,), np.random.default_rng(0))
