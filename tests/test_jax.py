"""The rules and schedules under the transformations of JAX, as Optax' and as Keras' optimisers."""

import doctest
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from descent import conventions, rules, schedules
from descent.conventions import defaults, framework_rule
from descent.rules import Adafactor, Adam, AdamW, GradientDescent, Muon, NAdam

pytestmark = pytest.mark.frameworks
jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="Optax is not installed")
jnp = jax.numpy

from descent import jax_optim
from descent.jax_optim import as_optax

GRADIENTS = np.random.default_rng(0).standard_normal((8, 2, 3))


def of_framework(name):
    has_lr = {"lr", "learning_rate"} & defaults(name).keys()
    return framework_rule(name, **({} if has_lr else {"learning_rate": 0.01}))


EVERY = {name: rules.get(name) for name in rules.names()}
KNOWN = {str(rule) for rule in EVERY.values()}
for _name in conventions.names():
    if str(_rule := of_framework(_name)) not in KNOWN:
        KNOWN.add(str(_rule))
        EVERY[_name] = _rule


NOT_SMOOTH = {"optax.contrib.prodigy"}
"""Rules whose steps turn a corner in η: a difference is no slope."""


@pytest.fixture(params=[False, True], ids=["float32", "float64"])
def wide(request):
    with jax.enable_x64(request.param):
        yield request.param


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def path(rule, x, gradients):
    """The points that a rule visits, by one scan."""

    def step(carry, g):
        x, state = rule.update(carry[0], g, carry[1])
        return (x, state), x

    return jax.lax.scan(step, (x, rule.init(x)), gradients)[1]


@pytest.mark.parametrize("name", EVERY)
def test_a_rule_runs_alike_under_jit_scan_vmap_and_grad(name, double):
    rule = replace(EVERY[name], lr=schedules.WarmupCosine(0.01, 2, 6, lr_min=1e-3))
    x, expected, state = np.ones((2, 3)), [], rule.init(np.ones((2, 3)))
    for g in GRADIENTS:
        x, state = rule.update(x, g, state)
        expected.append(x)

    def last(lr):
        return path(replace(rule, lr=lr), jnp.ones((2, 3)), GRADIENTS)[-1].sum()

    @jax.jit
    def all_at_once(lrs):
        whole = path(rule, jnp.ones((2, 3)), GRADIENTS)
        return whole, *jax.vmap(jax.value_and_grad(last))(lrs)

    points, sums, slopes = all_at_once(jnp.array([0.01, 0.01 + 1e-7]))
    distance = np.abs(np.array(expected) - 1).max()
    np.testing.assert_allclose(points, expected, rtol=0, atol=1e-12 * distance)
    if "uon" not in name and name not in NOT_SMOOTH:
        assert float(slopes.mean()) == pytest.approx(float(sums[1] - sums[0]) / 1e-7, rel=1e-4)
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize(
    "name", ["adam", "radam", "nadam", "adafactor", "muon", "keras.optimizers.Adam"]
)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_no_dtype_is_widened_and_no_state_changes_its_type(name, dtype, wide):
    rule = replace(EVERY[name], lr=schedules.Cosine(0.01, 6))
    x = jnp.ones((2, 3), dtype)
    xs = path(rule, x, jnp.asarray(GRADIENTS, dtype))
    assert xs.dtype == dtype
    assert np.isfinite(np.array(xs, np.float32)).all()
    x, state = rule.update(x, x, jax.jit(rule.init)(x))
    assert x.dtype == dtype
    assert all(a.dtype == dtype for a in jax.tree.leaves(state) if np.ndim(a))


SCHEDULES = [
    schedules.Constant(0.1),
    schedules.Step(0.1, 3),
    schedules.Exponential(0.1, 0.9),
    schedules.Cosine(0.1, 20, 0.01),
    schedules.LinearWarmup(0.1, 5),
    schedules.WarmupCosine(0.1, 5, 30),
    schedules.InverseSquareRoot(0.1, 4),
    schedules.OneCycle(0.1, 20),
    schedules.OneCycle(0.1, 10, 0.1),
    schedules.RobbinsMonro(0.1, 0.75),
    schedules.Milestones(0.1, (3, 9)),
    schedules.Linear(0.1, 20, 0.01),
    schedules.WarmupStableDecay(0.1, 5, 30, 10),
    rules.relative_step,
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: getattr(s, "__name__", str(s)))
def test_a_schedule_takes_a_step_count_that_is_traced(schedule, wide):
    expected = [schedule(t) for t in range(1, 41)]
    found = jax.jit(jax.vmap(schedule))(jnp.arange(1, 41))
    np.testing.assert_allclose(found, expected, rtol=1e-12 if wide else 2e-5, atol=1e-8)


def test_every_schedule_of_the_package_is_among_them():
    kinds = {
        kind
        for kind in vars(schedules).values()
        if isinstance(kind, type) and issubclass(kind, schedules.Schedule)
    }
    assert kinds - {schedules.Schedule} <= {type(s) for s in SCHEDULES}


def test_a_schedule_may_be_made_of_numbers_that_are_traced(double):
    found = jax.jit(lambda lr: schedules.Cosine(lr, 10, lr / 10)(4))(0.1)
    assert float(found) == pytest.approx(schedules.Cosine(0.1, 10, 0.01)(4))


def test_a_wrong_number_is_an_error_outside_of_jit_as_before():
    with pytest.raises(ValueError, match="beta2 must be a number in"):
        Adam(beta2=jnp.array(1.5))


# Trees

PARAMS = {"layers": [{"w": np.ones((2, 3)), "b": np.zeros(3)}, None], "scale": np.array(2.0)}


def loss(params):
    first = params["layers"][0]
    return ((first["w"] + first["b"]) ** 2).sum() * params["scale"] ** 2 + first["b"].sum()


def by_leaf(rule, params, steps):
    """The tree after some steps, each leaf by itself, outside of jit."""
    states = jax.tree.map(rule.init, params)
    is_state = lambda node: hasattr(node, "_fields")  # noqa: E731
    for _ in range(steps):
        grads = jax.grad(loss)(params)
        pairs = jax.tree.map(rule.update, params, grads, states)
        is_pair = lambda n: isinstance(n, tuple) and not is_state(n)  # noqa: E731
        params = jax.tree.map(lambda pair: pair[0], pairs, is_leaf=is_pair)
        states = jax.tree.map(lambda pair: pair[1], pairs, is_leaf=is_pair)
    return params


def optimized(optimizer, params, steps):
    @jax.jit
    def step(params, state):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    state = optimizer.init(params)
    for _ in range(steps):
        params, state = step(params, state)
    assert step._cache_size() == 1
    return params, state


def assert_near(one, other, rtol=1e-6):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=rtol, atol=1e-7), one, other)


@pytest.mark.parametrize(
    "rule",
    [
        Adam(0.1),
        NAdam(0.1),
        AdamW(0.1, weight_decay=0.1),
        Adafactor(),
        framework_rule("torch.optim.RMSprop", momentum=0.9, weight_decay=0.1),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_a_tree_is_updated_as_its_leaves_are(rule, double):
    params = jax.tree.map(jnp.asarray, PARAMS)
    expected = by_leaf(rule, params, 3)
    assert_near(optimized(as_optax(rule), params, 3)[0], expected)
    state = jax_optim.init(rule, params)
    for _ in range(3):
        params, state = jax_optim.update(rule, params, jax.grad(loss)(params), state)
    assert_near(params, expected)
    assert int(state.t) == 3


def test_a_tree_may_be_a_tuple():
    params = (jnp.ones(2), (jnp.ones(3), jnp.ones(())))
    state = jax_optim.init(Adam(), params)
    params, state = jax_optim.update(Adam(), params, params, state)
    assert jax.tree.structure(state.m) == jax.tree.structure(params)


def test_what_a_rule_cannot_take_is_refused_by_its_path():
    with pytest.raises(ValueError, match=r"Muon cannot take params\['b'\]: x must be a matrix"):
        as_optax(Muon()).init({"w": jnp.ones((2, 2)), "b": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"real, got complex64 for \['c'\].*split_real"):
        as_optax(Adam()).init({"c": jnp.ones(2, "complex64")})
    with pytest.raises(ValueError, match="params must be given"):
        as_optax(Adam()).update(jnp.ones(2), as_optax(Adam()).init(jnp.ones(2)))
    with pytest.raises(ValueError, match="rule must be a rule"):
        as_optax(optax.adam(0.1))


# With Optax' own


def test_adam_makes_the_steps_of_optax():
    params = jax.tree.map(jnp.asarray, PARAMS)
    ours = optimized(optax.chain(optax.clip_by_global_norm(1.0), as_optax(Adam(0.1))), params, 5)
    theirs = optimized(optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)), params, 5)
    assert_near(ours[0], theirs[0], rtol=1e-5)


def test_a_schedule_of_optax_is_called_with_the_step_that_it_expects():
    schedule = optax.piecewise_constant_schedule(0.1, {1: 0.5, 3: 0.1})
    params = jax.tree.map(jnp.asarray, PARAMS)
    ours = optimized(as_optax(framework_rule("optax.adam", learning_rate=schedule)), params, 5)
    assert_near(ours[0], optimized(optax.adam(schedule), params, 5)[0], rtol=1e-5)


def test_hyper_parameters_may_be_injected_and_scheduled():
    schedule = optax.linear_schedule(0.1, 0.01, 4)
    inject = optax.inject_hyperparams(lambda lr, beta1: as_optax(Adam(lr, beta1)))
    params = jax.tree.map(jnp.asarray, PARAMS)
    found, state = optimized(inject(lr=schedule, beta1=0.8), params, 5)
    assert_near(found, optimized(optax.adam(schedule, 0.8), params, 5)[0], rtol=1e-5)
    assert float(state.hyperparams["beta1"]) == pytest.approx(0.8)


def test_each_part_of_a_tree_may_have_its_rule():
    params = {"w": jnp.ones((2, 3)), "b": jnp.ones(3), "frozen": jnp.ones(1)}
    parts = {"matrix": as_optax(Muon(0.1)), "rest": as_optax(Adam(0.1)), "no": optax.set_to_zero()}
    labels = {"w": "matrix", "b": "rest", "frozen": "no"}
    optimizer = optax.multi_transform(parts, labels)
    updates, _ = jax.jit(optimizer.update)(params, optimizer.init(params), params)
    assert np.array(updates["b"]) == pytest.approx(-0.1, rel=1e-4)
    assert not updates["frozen"].any()
    assert updates["w"].any()
    masked = optax.masked(as_optax(Muon(0.1)), {"w": True, "b": False, "frozen": False})
    updates, _ = masked.update(params, masked.init(params), params)
    assert (updates["b"] == 1).all()


def test_gradients_are_accumulated_skipped_and_looked_after_as_with_any_transformation():
    params = jax.tree.map(jnp.asarray, PARAMS)
    rule = NAdam(0.1)
    for wrap in (
        lambda optimizer: optax.MultiSteps(optimizer, 2),
        lambda optimizer: optax.apply_if_finite(optimizer, 3),
        optax.with_extra_args_support,
    ):
        found, _ = optimized(wrap(as_optax(rule)), params, 4)
        assert jax.tree.all(jax.tree.map(lambda a: bool(jnp.isfinite(a).all()), found))
    twice, _ = optimized(optax.MultiSteps(as_optax(rule), 2), params, 4)
    assert_near(twice, optimized(as_optax(rule), params, 2)[0], rtol=1e-5)


def test_the_state_is_found_and_mapped_by_the_tools_of_optax():
    optimizer, params = as_optax(Adam(0.1)), jax.tree.map(jnp.asarray, PARAMS)
    state = optimizer.init(params)
    assert optax.tree.get(state, "t") == 0
    ones = optax.tree.map_params(optimizer, jnp.ones_like, state)
    assert all((leaf == 1).all() for leaf in jax.tree.leaves((ones.m, ones.v)))
    assert ones.t == 0


def test_an_ensemble_is_trained_under_vmap():
    optimizer = as_optax(framework_rule("torch.optim.RAdam", lr=0.1))
    params = jnp.arange(6.0).reshape(2, 3)

    def train(x):
        state = optimizer.init(x)
        for _ in range(7):
            updates, state = optimizer.update(x, state, x)
            x = x + updates
        return x, state

    together, state = jax.jit(jax.vmap(train))(params)
    assert state.t.shape == (2,)
    np.testing.assert_allclose(together[1], train(params[1])[0], rtol=1e-4)


def test_a_gradient_through_the_training_tells_of_the_learning_rate(double):
    def after(lr):
        x, state = jnp.array([1.0, -2.0]), None
        optimizer = as_optax(GradientDescent(lr))
        state = optimizer.init(x)
        for _ in range(3):
            updates, state = optimizer.update(2 * x, state, x)
            x = optax.apply_updates(x, updates)
        return (x**2).sum()

    assert float(jax.grad(after)(0.1)) == pytest.approx(5 * 6 * 0.8**5 * -2)


def test_the_examples_of_the_docstrings_run():
    assert doctest.testmod(jax_optim).failed == 0
    assert doctest.testmod(jax_optim).attempted > 5


# Keras


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_trains_saves_and_loads_with_a_rule(backend, tmp_path):
    program = Path(__file__).with_name("keras_program.py")
    done = subprocess.run(
        [sys.executable, program, tmp_path / "model.keras"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == f"done on {backend}"
