"""Each rule against its paper, on every kind of number, with every bad argument."""

import math
import pickle
from dataclasses import fields
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hostile import dropping, gradients
from hypothesis import given
from hypothesis import strategies as st
from oracles import DEFAULTS, ORACLES, X0, G, lr_of
from sets import MATRICES, SPECTRAL

from descent import rules
from descent.rules import (
    Adadelta,
    Adafactor,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    AveragedMomentum,
    CenteredRMSprop,
    GradientDescent,
    Lion,
    Momentum,
    MomentumRMSprop,
    Muon,
    NAdam,
    Nesterov,
    RAdam,
    RMSprop,
    Rule,
    Shampoo,
    Soap,
)

NAMES = rules.names()
ELEMENTWISE = [name for name in NAMES if rules.get(name).elementwise]


def run(rule, x, gs):
    """Return the points x_1, x_2, ... and the last state."""
    state, xs = rule.init(x), []
    for g in gs:
        x, state = rule.update(x, g, state)
        xs.append(x)
    return xs, state


# --- The list of rules ---


def test_every_rule_of_the_module_has_a_name():
    classes = [c for c in vars(rules).values() if isinstance(c, type) and issubclass(c, Rule)]
    assert {type(rules.get(name)) for name in NAMES} == set(classes) - {Rule}


def test_get_passes_the_hyper_parameters_on():
    assert rules.get("adam", lr=0.5, beta2=0.9) == Adam(lr=0.5, beta2=0.9)
    assert rules.get("lion") == Lion()


def test_get_lists_the_hyper_parameters_when_it_is_given_another():
    with pytest.raises(ValueError, match=r"of adam must be among \['lr', .*got \['b', 'mu'\]"):
        rules.get("adam", lr=0.1, mu=0.9, b=1)


def test_get_lists_the_known_names_when_it_knows_none_of_that_name():
    with pytest.raises(ValueError, match=r"name must be one of gradient-descent,.*, got 'adma'"):
        rules.get("adma")


def test_a_subclass_without_a_name_is_not_listed():
    class Private(Adam):
        pass

    assert Private not in {type(rules.get(name)) for name in rules.names()}


def test_a_rule_without_an_update_says_so():
    with pytest.raises(NotImplementedError):
        Rule(lr=0.1).update(1.0, 1.0, None)


def test_the_defaults_are_those_of_the_papers():
    found = {
        name: [f.default for f in fields(rules.get(name)) if f.default is not rules.relative_step]
        for name in NAMES
    }
    assert found == DEFAULTS


# --- Bad arguments ---

NOT_NUMBERS = [math.nan, math.inf, -math.inf, "0.1", None, True, [0.1], 1j]
BAD = {
    "lr": [-1e-8, -1.0, *NOT_NUMBERS],
    "momentum": [1, -0.1, 1.5, *NOT_NUMBERS],
    "rho": [1, -0.1, 1.5, *NOT_NUMBERS],
    "beta1": [1, -0.1, 1.5, *NOT_NUMBERS],
    "beta2": [1, -0.1, 1.5, *NOT_NUMBERS],
    "eps": [-1e-8, *NOT_NUMBERS],
    "weight_decay": [-1e-8, *NOT_NUMBERS],
    "multiplier": [-1e-8, -1.0, *NOT_NUMBERS],
    "eps1": [0, -1e-8, *NOT_NUMBERS],
    "eps2": [-1e-8, *NOT_NUMBERS],
    "clip": [0, -1.0, *NOT_NUMBERS],
    "every": [0, -1, 1.5, *NOT_NUMBERS],
}
BAD_HERE = {
    ("adadelta", "eps"): [0],
    ("nadam", "beta2"): [0],
    ("shampoo", "eps"): [0],
    ("soap", "eps"): [0],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_hyper_parameter_is_refused_at_construction(name):
    for field in fields(rules.get(name)):
        for value in BAD[field.name] + BAD_HERE.get((name, field.name), []):
            with pytest.raises(ValueError, match=f"^{field.name} must be ") as error:
                rules.get(name, **{field.name: value})
            assert repr(value) in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_of_each_range_are_allowed(name):
    ends = {"momentum": 0, "rho": 0, "beta1": 0, "beta2": 0, "eps": 0, "weight_decay": 0, "eps2": 0}
    for field in fields(rules.get(name)):
        if field.name in ends and (name, field.name) not in BAD_HERE:
            rules.get(name, **{field.name: 0})


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_of_another_shape_is_refused(name):
    rule, x = rules.get(name), np.ones((2, 3))
    state = rule.init(x)
    for g in (np.ones(3), np.ones((3, 2)), np.ones((1, 3)), 1.0, [[1.0] * 3] * 2):
        with pytest.raises(ValueError, match=r"^g must have the shape of x, \(2, 3\), got "):
            rule.update(x, g, state)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in MATRICES])
def test_a_list_is_no_gradient_of_a_number(name):
    rule = rules.get(name)
    with pytest.raises(ValueError, match=r"^g must have the shape of x, \(\), got list"):
        rule.update(1.0, [1.0], rule.init(1.0))


@pytest.mark.parametrize("x", [1.0, np.ones(3), np.ones((2, 2, 2))])
@pytest.mark.parametrize("name", MATRICES)
def test_a_rule_for_matrices_takes_nothing_else(name, x):
    with pytest.raises(ValueError, match=r"^x must be a matrix, got .* of shape \("):
        rules.get(name).init(x)


# --- The same lines on every kind of number ---


def numpy_backend(dtype):
    return lambda a: np.asarray(a, dtype=dtype), lambda a: np.asarray(a, dtype=np.float64), dtype


def torch_backend(dtype):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    dtype = getattr(torch, dtype)
    return lambda a: torch.tensor(a, dtype=dtype), lambda a: a.double().numpy(), dtype


def jax_backend(dtype):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jax.config.update("jax_enable_x64", True)
    return lambda a: jax.numpy.asarray(a, dtype=dtype), lambda a: np.asarray(a, np.float64), dtype


BACKENDS = {"numpy": numpy_backend, "torch": torch_backend, "jax": jax_backend}
TOLERANCE = {"float64": 1e-12, "float32": 1e-3}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "backend", ["numpy", "torch", pytest.param("jax", marks=pytest.mark.frameworks)]
)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_lines_run_on_every_array_and_keep_its_dtype(name, backend, dtype):
    lift, lower, dtype_there = BACKENDS[backend](dtype)
    gs = gradients(60).reshape(60, 2, 3)
    if name in SPECTRAL:
        gs = np.random.default_rng(3).standard_normal(gs.shape)
    rule, x0 = rules.get(name, lr=dropping(0.01, 30)), np.ones((2, 3))
    expected, _ = run(rule, x0, gs)
    found, state = run(rule, lift(x0), map(lift, gs))
    assert all(x.dtype == dtype_there for x in found)
    assert all(a.dtype == dtype_there for a in state if hasattr(a, "dtype"))
    distance = np.abs(np.array(expected) - x0).max()
    np.testing.assert_allclose(
        [lower(x) for x in found], expected, rtol=0, atol=TOLERANCE[dtype] * distance
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_first_state_is_zeros_like_x_at_step_0(name):
    x = np.full((2, 3), -7.0, dtype=np.float32)
    t, *averages = rules.get(name).init(x)
    sides = [(2, 2), (3, 3)]
    special = {"adafactor": [(2, 1), (1, 3)], "shampoo": sides, "soap": [*sides, *sides]}
    shapes = special.get(name, [(2, 3)] * len(averages))
    assert t == 0
    arrays = averages[: 2 if name in ("nadam", "schedule-free-adamw") else None]
    for a, shape in zip(arrays, shapes, strict=False):
        assert (a.shape, a.dtype) == (shape, np.float32)
        assert not a.any()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_floats_take_the_same_path_as_arrays(name):
    gs = gradients(60)
    rule = rules.get(name, lr=dropping(0.01, 30))
    expected, _ = run(rule, np.ones(6), gs)
    for i in range(6):
        found, _ = run(rule, 1.0, gs[:, i].tolist())
        assert type(found[-1]) is float
        np.testing.assert_allclose(found, np.array(expected)[:, i], rtol=1e-14)


def test_adafactor_of_a_float_is_that_of_a_matrix_of_one_entry():
    gs = gradients(20)[:, 5]
    expected, _ = run(Adafactor(), np.ones((1, 1)), gs.reshape(20, 1, 1))
    found, _ = run(Adafactor(), 1.0, gs.tolist())
    assert type(found[-1]) is float
    np.testing.assert_allclose(found, np.array(expected)[:, 0, 0], rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_hyper_parameters_from_numpy_do_not_widen_float32(name):
    given = {
        f.name: np.asarray(getattr(rules.get(name), f.name))[()]
        for f in fields(rules.get(name))
        if f.name != "lr"
    }
    x = np.ones((2, 2), dtype=np.float32)
    for lr in (np.float64(0.1), lambda t: np.float64(0.1) / t):
        xs, state = run(rules.get(name, lr=lr, **given), x, [x, -x])
        assert xs[-1].dtype == np.float32
        assert all(a.dtype == np.float32 for a in state if hasattr(a, "dtype"))


@pytest.mark.parametrize("name", NAMES)
def test_a_coordinate_without_a_gradient_stays_where_it_is(name):
    gs = (
        np.zeros((5, 2, 2))
        if not rules.get(name).elementwise
        else gradients(5)[:, :4].reshape(5, 2, 2)
    )
    gs[:, 0, 0] = 0
    xs, _ = run(
        rules.get(name, **({"weight_decay": 0} if name == "adamw" else {})), np.ones((2, 2)), gs
    )
    assert np.isfinite(xs).all()
    assert (np.array(xs)[:, 0, 0] == 1).all()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", NAMES)
def test_update_changes_none_of_its_arguments(name, backend):
    lift, lower, _ = BACKENDS[backend]("float64")
    decays = "weight_decay" in {field.name for field in fields(rules.get(name))}
    rule = rules.get(name, **({"weight_decay": 0.1} if decays else {}))
    x = lift(np.ones((2, 3)))
    state = rule.init(x)
    for g in map(lift, gradients(4).reshape(4, 2, 3)):
        arguments = [x, g, *(a for a in state if hasattr(a, "dtype"))]
        before = [lower(a).tobytes() for a in arguments]
        t = state.t
        new_x, new_state = rule.update(x, g, state)
        assert [lower(a).tobytes() for a in arguments] == before
        assert (state.t, new_state.t) == (t, t + 1)
        x, state = new_x, new_state


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", NAMES)
def test_rule_and_state_survive_pickling_in_the_middle_of_a_run(name, backend):
    lift, lower, _ = BACKENDS[backend]("float64")
    rule, x = rules.get(name), lift(np.ones((2, 3)))
    gs = [lift(g) for g in gradients(8).reshape(8, 2, 3)]
    expected, _ = run(rule, x, gs)
    xs, state = run(rule, x, gs[:4])
    rule, x, state = pickle.loads(pickle.dumps((rule, xs[-1], state)))
    assert type(state) is rule.State
    for g, e in zip(gs[4:], expected[4:], strict=True):
        x, state = rule.update(x, g, state)
        np.testing.assert_array_equal(lower(x), lower(e))


# --- Three steps worked by hand, with exact numbers ---

half, third = Fraction(1, 2), Fraction(1, 3)
BY_HAND = [
    # 0 - 1·½, + 2·½, - 4·¼ : the third step has half the rate
    (GradientDescent(lr=lambda t: [half, half, half / 2][t - 1]), [1, -2, 4], [-half, half, -half]),
    # d = -1, -½-2 = -5/2, -5/4+3/2 = ¼ (rate 1 and then ½)
    (
        Momentum(lr=lambda t: [1, 1, half][t - 1], momentum=half),
        [1, 2, -3],
        [-1, Fraction(-7, 2), Fraction(-13, 4)],
    ),
    # m = ⅔·3 = 2, ⅓·2+⅔·0 = ⅔, ⅓·⅔-⅔·2 = -10/9
    (
        AveragedMomentum(lr=lambda t: [1, 1, half][t - 1], momentum=third),
        [3, 0, -2],
        [-2, Fraction(-8, 3), Fraction(-19, 9)],
    ),
    # v = -1, -5/2, ¼; θ = -1, -7/2, -13/4; x = θ + v/2
    (
        Nesterov(lr=lambda t: [1, 1, half][t - 1], momentum=half),
        [1, 2, -3],
        [Fraction(-3, 2), Fraction(-19, 4), Fraction(-25, 8)],
    ),
    # c = ½·4 = 2, ½·1-½·2 = -½, ½·(¾-½)+½·0 = ⅛; m = 1, ¾-½ = ¼
    (
        Lion(lr=half, beta1=half, beta2=Fraction(3, 4), weight_decay=half),
        [4, -2, 0],
        [-half, half / 4, Fraction(-13, 32)],
    ),
    # m = 2, 0, 3; m̂ = 4, 0, 24/7; u = 4, max(2, |-2|) = 2, max(1, 6) = 6
    (
        AdaMax(lr=1, beta1=half, beta2=half),
        [4, -2, 6],
        [-1, -1, -1 - Fraction(4, 7)],
    ),
]


@pytest.mark.parametrize(("rule", "gs", "expected"), BY_HAND)
def test_three_steps_in_fractions_are_exactly_those_worked_by_hand(rule, gs, expected):
    xs, state = run(rule, Fraction(0), map(Fraction, gs))
    assert xs == expected
    assert state.t == 3


BY_HAND_WITH_ROOTS = [
    # √s = 3, 5, 13
    (AdaGrad(lr=1.0, eps=0.0), [3.0, -4.0, 12.0], [-1, -1 / 5, -1 / 5 - 12 / 13]),
    (AdaGrad(lr=1.0, eps=1.0), [3.0, -4.0, 12.0], [-3 / 4, -3 / 4 + 2 / 3, -1 / 12 - 6 / 7]),
    # v = ¼·100 = 25, ¾·25+¼·25 = 25, ¾·25+¼·121 = 49
    (RMSprop(lr=1.0, rho=0.75), [10.0, -5.0, 11.0], [-2, -1, -1 - 11 / 7]),
    # d = -2, -1+1 = 0, -11/7
    (MomentumRMSprop(lr=1.0, rho=0.75, momentum=0.5), [10.0, -5.0, 11.0], [-2, -2, -25 / 7]),
    # n = 50, 25, 30.5; m = 5, 2.5, 4.25; n - m² + ε = 36, 29.75, 23.4375
    (
        CenteredRMSprop(lr=1.0, rho=0.5, momentum=0.5, eps=11.0),
        [10.0, 0.0, 6.0],
        [-10 / 6, -10 / 6 - 5 / 6, -2.5 - 2.5 / 6 - 6 / math.sqrt(23.4375)],
    ),
    # √v̂ = 1, 9, 7; m̂ = 1, (1-22)/3 = -7, (1-22+20)/7 = -1/7; ε = 1
    (
        Adam(lr=1.0, beta1=0.5, beta2=0.5, eps=1.0),
        [1.0, -11.0, 5.0],
        [-1 / 2, -1 / 2 + 7 / 10, 1 / 5 + 1 / 56],
    ),
    # x = 0 - ½(½ + 0), -¼ - ½(-7/10 - ¼·¼), and a third step with half the multiplier
    (
        AdamW(
            lr=1.0,
            beta1=0.5,
            beta2=0.5,
            eps=1.0,
            weight_decay=0.25,
            multiplier=lambda t: [0.5, 0.5, 0.25][t - 1],
        ),
        [1.0, -11.0, 5.0],
        [-1 / 4, 21 / 160, 21 / 160 + 1 / 224 - 21 / 2560],
    ),
    # v = 25, 18.75, 15.0625, so √v̂ = 5 throughout; m = 5, 2.5, 0.25
    (AMSGrad(lr=1.0, beta1=0.5, beta2=0.75), [10.0, 0.0, -2.0], [-1, -1.5, -1.55]),
    # v + ε = 4, 4; d = -√6/2, so u = ½·6/4 = ¾ and d = √(1 + ¾)·√3/2; twice d is stepped
    (
        Adadelta(lr=2.0, rho=0.5, eps=1.0),
        [math.sqrt(6), -math.sqrt(3), 0.0],
        [-math.sqrt(6), -math.sqrt(6) + math.sqrt(21) / 2, -math.sqrt(6) + math.sqrt(21) / 2],
    ),
]


@pytest.mark.parametrize(("rule", "gs", "expected"), BY_HAND_WITH_ROOTS)
def test_three_steps_with_roots_are_those_worked_by_hand(rule, gs, expected):
    xs, _ = run(rule, 0.0, gs)
    assert xs == pytest.approx(expected, rel=1e-14)


def test_adam_on_x_squared_from_5_takes_a_first_step_of_lr_whatever_the_gradient():
    rule = Adam(lr=1e-3)
    x, state = rule.update(5.0, 10.0, rule.init(5.0))
    assert state == (1, pytest.approx(1.0), pytest.approx(0.1))
    assert x == pytest.approx(5 - 1e-3 * 10 / (10 + 1e-8), rel=1e-15)


# --- Every rule against its formula written as sums, in 50 digits ---


def scattered(shape):
    """Return a point and gradients of that shape, as decimals."""
    places = int(np.prod(shape))
    x = np.array([X0 + i for i in range(places)]).reshape(shape)
    return x, [np.array([a - i for i in range(places)]).reshape(shape) for a in G]


def test_every_rule_has_an_oracle():
    without = {type(rules.get(name)) for name in NAMES} - {type(rule) for rule, _ in ORACLES}
    assert not without, "write its step as a sum in tests/oracles.py"


@pytest.mark.parametrize(
    ("rule", "displacement"),
    ORACLES,
    ids=[f"{type(r).__name__}-{i}" for i, (r, _) in enumerate(ORACLES)],
)
def test_every_step_is_that_of_the_formula_written_as_sums(rule, displacement):
    with localcontext(prec=50):
        takes_arrays = not (rule.elementwise or isinstance(rule, Adafactor))
        x0, gs = scattered((2, 3)) if takes_arrays else (X0, G)
        x, expected = x0, []
        for t in range(1, len(gs) + 1):
            x = x + displacement(t, gs[:t], x, rule)
            expected.append(x)
        distance = max(np.ravel([abs(x - x0) for x in expected]))
        as_float = (lambda a: a.astype(float)) if takes_arrays else float
        found, _ = run(rule, as_float(x0), map(as_float, gs))
        exact = (np.vectorize(Decimal, otypes=[object])(f) for f in found)
        errors = [
            max(np.ravel(f - e), key=abs) / distance for f, e in zip(exact, expected, strict=True)
        ]
    assert max(map(abs, errors)) < (1e-13 if isinstance(rule, Shampoo | Soap) else 1e-14)


# --- What single rules promise ---


def test_nesterov_holds_the_look_ahead_point_of_the_paper():
    lr, mu, grad = 0.02, 0.9, lambda x: np.array([1.0, 10.0]) * x
    theta, v = np.array([1.0, -2.0]), np.zeros(2)
    rule, x = Nesterov(lr=lr, momentum=mu), theta
    state = rule.init(x)
    for _ in range(200):
        v = mu * v - lr * grad(theta + mu * v)
        theta = theta + v
        x, state = rule.update(x, grad(x), state)
        np.testing.assert_allclose(x, theta + mu * v, rtol=0, atol=1e-15)
        np.testing.assert_allclose(x - mu * state.d, theta, rtol=0, atol=1e-15)


def test_radam_rectifies_from_step_5_on_for_the_default_beta2():
    gs = [1e-3] * 6
    xs, _ = run(RAdam(lr=1.0), 0.0, gs)
    steps = -np.diff([0.0, *xs])
    assert steps[:4] == pytest.approx([1e-3] * 4)
    assert steps[4:] == pytest.approx([0.01731, 0.02582], rel=1e-3)


def test_radam_of_beta2_06_never_rectifies_though_rho_rounds_to_4():
    state = RAdam.State(t=199, m=0.0, v=0.0)
    x, _ = RAdam(lr=1.0, beta1=0.5, beta2=0.6).update(0.0, 3.0, state)
    assert x == -1.5


def test_nadam_keeps_the_product_of_its_rates():
    rule = NAdam(beta1=0.8)
    _, state = run(rule, 0.0, [1.0] * 3)
    expected = math.prod(0.8 * (1 - 0.5 * 0.96 ** (t / 250)) for t in (1, 2, 3))
    assert state.mu_product == pytest.approx(expected, rel=1e-15)
    assert rule.init(0.0).mu_product == 1


def test_centered_rmsprop_survives_a_variance_that_rounds_below_zero():
    g, rule = 1e9 / 3, CenteredRMSprop(eps=1e-8)
    x, state = rule.update(0.0, g, rule.State(t=0, n=g * g * (1 - 1e-15), m=g, d=0.0))
    assert state.n - state.m**2 < -1
    assert -x == pytest.approx(rule.lr * g / math.sqrt(rule.eps))


def paper_adafactor(x, gs, rule):
    """Return x, R and C of Algorithm 4 of the paper entry by entry, with its sums."""
    n, m = x.shape
    r, c = np.zeros(n), np.zeros(m)
    for t, g in enumerate(gs, 1):
        keep = 1 - t**-0.8
        rho = min(1e-2, t**-0.5)
        for i in range(n):
            r[i] = keep * r[i] + (1 - keep) * sum(g[i, j] ** 2 + rule.eps1 for j in range(m))
        for j in range(m):
            c[j] = keep * c[j] + (1 - keep) * sum(g[i, j] ** 2 + rule.eps1 for i in range(n))
        u = np.array(
            [[g[i, j] / math.sqrt(r[i] * c[j] / r.sum()) for j in range(m)] for i in range(n)]
        )
        u /= max(1, math.sqrt((u**2).sum() / (n * m)) / rule.clip)
        x = x - rho * max(rule.eps2, math.sqrt((x**2).sum() / (n * m))) * u
    return x, r, c


def test_adafactor_of_a_matrix_is_algorithm_4():
    rule, x = Adafactor(eps1=0.25), np.array([[1.0, -2.0, 0.5], [0.1, 3.0, 0.0]])
    gs = gradients(30).reshape(30, 2, 3)
    xs, state = run(rule, x, gs)
    expected, r, c = paper_adafactor(x, gs, rule)
    np.testing.assert_allclose(xs[-1], expected, rtol=1e-13)
    np.testing.assert_allclose(state.r, r.reshape(2, 1) / 3, rtol=1e-13)
    np.testing.assert_allclose(state.c, c.reshape(1, 3) / 2, rtol=1e-13)


def test_adafactor_of_a_vector_keeps_all_of_the_squared_gradient():
    x, gs = np.linspace(-1, 2, 6), gradients(30)
    xs, state = run(Adafactor(), x, gs)
    rows, _ = run(Adafactor(), x.reshape(1, 6), gs.reshape(30, 1, 6))
    assert state.c.shape == (6,)
    np.testing.assert_array_equal(xs[-1], rows[-1][0])


def test_adafactor_moves_on_in_float32_where_a_dead_row_meets_a_dead_column():
    x, g = np.ones((2, 2), np.float32), np.array([[0, 0], [0, 1e-5]], np.float32)
    moved = run(Adafactor(lr=0.1, clip=2.0), x, [g])[0][-1]
    np.testing.assert_allclose(moved, [[1, 1], [1, 0.9]], rtol=1e-6)


def test_adafactor_of_a_stack_keeps_the_means_of_each_matrix():
    x = np.ones((5, 2, 3))
    state = Adafactor().init(x)
    assert (state.r.shape, state.c.shape) == ((5, 2, 1), (5, 1, 3))
    assert run(Adafactor(), x, [x])[0][0].shape == x.shape


def test_adafactors_relative_step_is_a_hundredth_until_step_ten_thousand():
    assert [rules.relative_step(t) for t in (1, 10_000, 40_000)] == [0.01, 0.01, 0.005]
    assert Adafactor().lr_at(1) == 0.01


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 6), (6, 1)])
def test_newton_schulz_maps_the_singular_values_and_keeps_the_vectors(shape):
    g = np.random.default_rng(1).standard_normal(shape)
    left, s, right = np.linalg.svd(g, full_matrices=False)
    s = s / (math.sqrt((s**2).sum()) + 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    np.testing.assert_allclose(rules.newton_schulz(g), left * s @ right, rtol=0, atol=1e-13)


def test_newton_schulz_takes_singular_values_into_the_stated_range():
    s = np.linspace(0.01, 0.999, 200)
    images = [np.linalg.svd(rules.newton_schulz(np.diag([a, math.sqrt(1 - a * a)])))[1] for a in s]
    assert np.min(images) > 0.68
    assert np.max(images) < 1.14


@pytest.mark.parametrize("shape", [(2, 5), (5, 2)])
def test_muon_is_scaled_momentum_made_orthogonal(shape):
    gs = np.random.default_rng(2).standard_normal((6, *shape))
    rule = Muon(lr=lr_of, momentum=0.75, weight_decay=0.25)
    x = np.ones(shape)
    found, state = run(rule, x, gs)
    for t in range(1, 7):
        m = sum(0.25 * 0.75 ** (t - i) * gs[i - 1] for i in range(1, t + 1))
        o = rules.newton_schulz(0.75 * m + 0.25 * gs[t - 1])
        x = x - lr_of(t) * (math.sqrt(2.5 if shape == (5, 2) else 1) * o + 0.25 * x)
        np.testing.assert_allclose(found[t - 1], x, rtol=0, atol=1e-14)
    np.testing.assert_allclose(state.m, m, rtol=0, atol=1e-15)


# --- The helpers ---

numbers = st.floats(-1e150, 1e150)


@given(numbers, numbers)
def test_maximum_is_exact(a, b):
    assert rules.maximum(a, b) == max(a, b)
    assert rules.maximum(np.array([a, b]), np.array([b, a])).tolist() == [max(a, b)] * 2


def test_maximum_with_a_number_keeps_a_torch_dtype_exactly():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    a = rules.maximum(torch.tensor([0.0, 1.0], dtype=torch.float64), 0.1)
    assert a.tolist() == [0.1, 1.0]
    assert a.dtype == torch.float64


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sign_is_exact(a):
    assert rules.sign(a) == np.sign(a)
    assert rules.sign(np.array([a])).tolist() == [np.sign(a)]


def test_quotient_divides_and_turns_0_by_0_into_0():
    assert rules.quotient(6.0, 4.0) == 1.5
    assert rules.quotient(np.array([6.0, 0.0]), np.array([-4.0, 0.0])).tolist() == [-1.5, 0.0]


def test_rms_is_the_root_mean_square_and_the_size_of_a_number():
    assert rules.rms(np.array([[3.0, 4.0], [0.0, 0.0]])) == 2.5
    assert rules.rms(-3.0) == 3.0


def test_mean_along_keeps_the_axis_and_passes_over_one_that_is_not_there():
    a = np.arange(6.0).reshape(2, 3)
    assert rules.mean_along(a, -1).tolist() == [[1.0], [4.0]]
    assert rules.mean_along(a, -2).tolist() == [[1.5, 2.5, 3.5]]
    assert rules.mean_along(a[0], -1).tolist() == [1.0]
    assert rules.mean_along(a[0], -2).tolist() == [0.0, 1.0, 2.0]
    assert rules.mean_along(2.0, -1) == 2.0


def test_a_learning_rate_may_be_a_number_or_a_function_of_the_step():
    assert Adam(lr=0.5).lr_at(7) == 0.5
    assert Adam(lr=lambda t: 1 / t).lr_at(4) == 0.25
    assert type(Adam(lr=lambda t: np.float64(1.0)).lr_at(1)) is float


def test_the_centered_average_of_gradients_has_their_sign():
    rule = rules.CenteredRMSprop(rho=0.5)
    _, state = rule.update(1.0, 2.0, rule.init(1.0))
    assert state.m == 1.0


def test_muon_starts_at_zeros_also_from_a_matrix_of_zeros():
    assert (rules.Muon().init(np.zeros((2, 3))).m == 0).all()
