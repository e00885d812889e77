"""What users do with an optimiser of Keras; `test_jax.py` runs it once for each backend."""

import doctest
import sys

import keras
import numpy as np
import pytest

from descent import keras_optim, rules, schedules
from descent.conventions import framework_rule
from descent.keras_optim import as_keras

X = np.random.default_rng(0).standard_normal((64, 4)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5], [0.0]], "float32")


class Own(rules.GradientDescent):
    """A rule that no file can name."""


def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)])


def weights_after(optimizer, epochs=2, callbacks=()):
    net = model()
    net.compile(optimizer=optimizer, loss="mse")
    fitting = {"batch_size": 16, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
    net.fit(X, Y, epochs=epochs, **fitting)
    return net, [np.array(w) for w in net.get_weights()]


def assert_same(one, other, rtol=2e-4):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-5)


def keras_own_rules_make_their_steps():
    for name, options in {
        "Adam": {},
        "Nadam": {},
        "RMSprop": {"momentum": 0.9, "centered": True},
        "Adagrad": {},
        "Lion": {},
    }.items():
        own = getattr(keras.optimizers, name)(0.01, **options)
        rule = framework_rule(f"keras.optimizers.{name}", learning_rate=0.01, **options)
        assert_same(weights_after(as_keras(rule))[1], weights_after(own)[1])


def what_every_optimizer_takes_is_taken():
    options = {"clipnorm": 0.1, "weight_decay": 0.1, "gradient_accumulation_steps": 2}
    rule = framework_rule("keras.optimizers.Adam", learning_rate=0.01)
    ours = weights_after(as_keras(rule, **options))[1]
    assert_same(ours, weights_after(keras.optimizers.Adam(0.01, **options))[1])


def schedules_count_as_keras_does():
    theirs = keras.optimizers.schedules.PiecewiseConstantDecay([0, 3], [0.1, 0.01, 0.001])
    rule = framework_rule("keras.optimizers.Adam", learning_rate=theirs)
    assert_same(weights_after(as_keras(rule))[1], weights_after(keras.optimizers.Adam(theirs))[1])
    ours = as_keras(rules.GradientDescent(schedules.Step(0.1, every=2, gamma=0.5)))
    steps = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3, 5], [0.1, 0.05, 0.025, 0.0125])
    assert_same(weights_after(ours, 1)[1], weights_after(keras.optimizers.SGD(steps), 1)[1])


def callbacks_set_the_learning_rate():
    quiet = keras.callbacks.LearningRateScheduler(lambda epoch: 0.0)
    assert_same(
        weights_after(as_keras(rules.Adam(0.1)), callbacks=[quiet])[1], model().get_weights()
    )


def a_model_goes_on_where_it_was_saved(path):
    rule = framework_rule(
        "torch.optim.NAdam", lr=schedules.Cosine(0.01, 20), weight_decay=0.1, maximize=False
    )
    whole = weights_after(as_keras(rule), epochs=4)[1]
    half, _ = weights_after(as_keras(rule), epochs=2)
    half.save(path)
    again = keras.models.load_model(path)
    assert again.optimizer.rule == rule
    again.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    assert_same(again.get_weights(), whole)
    muon = framework_rule("keras.optimizers.Muon")
    for known in (
        muon,
        rules.Adafactor(),
        rules.Muon(),
        rules.AdamW(multiplier=schedules.Constant(0.5)),
    ):
        config = as_keras(known).get_config()
        assert keras_optim.RuleOptimizer.from_config(config).rule == known


def wrong_things_are_refused():
    with pytest.raises(ValueError, match="rule must be a rule"):
        as_keras(keras.optimizers.Adam())
    with pytest.raises(ValueError, match=r"Muon cannot take .*: x must be a matrix"):
        weights_after(as_keras(rules.Muon()))
    with pytest.raises(ValueError, match=r"a function cannot be saved, .*descent\.schedules"):
        as_keras(rules.Adam(lambda t: 0.1)).get_config()
    with pytest.raises(ValueError, match=r"a Own cannot be saved: take one of descent\.rules"):
        as_keras(Own(0.1)).get_config()
    with pytest.raises(ValueError, match=r"rule must be one of descent\.rules"):
        keras_optim.RuleOptimizer({"module": "os", "class": "system", "command": "true"})


def adafactor_trains():
    net, _ = weights_after(as_keras(rules.Adafactor()), epochs=3)
    assert net.evaluate(X, Y, verbose=0) < model_loss()


def model_loss():
    net = model()
    net.compile(loss="mse")
    return net.evaluate(X, Y, verbose=0)


if __name__ == "__main__":
    keras_own_rules_make_their_steps()
    what_every_optimizer_takes_is_taken()
    schedules_count_as_keras_does()
    callbacks_set_the_learning_rate()
    a_model_goes_on_where_it_was_saved(sys.argv[1])
    adafactor_trains()
    wrong_things_are_refused()
    assert doctest.testmod(keras_optim).failed == 0
    print(f"done on {keras.backend.backend()}")
