"""Numbers of any type come in at one door and widen nothing."""

import io
from fractions import Fraction

import numpy as np
import pytest

from descent import minimize, rules, schedules
from descent.conventions import framework_rule
from descent.landscapes import Quadratic

TENTHS = [np.float32(0.1), np.float64(0.1), np.float16(0.1), np.array(0.1), np.array([0.1])]
NAMES = rules.names()


def arrays(state):
    return [np.asarray(s) for s in state if getattr(s, "shape", ()) != ()]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_no_type_of_a_number_or_gradient_widens_an_array(name, dtype):
    x = np.ones((3, 2), dtype)
    for lr in [*TENTHS, lambda t: np.linspace(0.1, 0.01, 9)[t], lambda t: np.array(0.1)]:
        rule = rules.get(name, lr=lr)
        for g in (x, x.astype(np.float64)):
            y, state = rule.update(x, g, rule.init(x))
            assert y.dtype == dtype
            assert {a.dtype for a in arrays(state)} <= {np.dtype(dtype)}


@pytest.mark.parametrize("name", NAMES)
def test_a_state_that_was_written_to_a_file_goes_on_to_the_last_bit(name):
    rule, x = rules.get(name), np.linspace(1, 2, 6, dtype=np.float32).reshape(3, 2)
    y, state = rule.update(x, x, rule.init(x))
    file = io.BytesIO()
    np.savez(file, **state._asdict())
    read = np.load(io.BytesIO(file.getvalue()))
    again = type(state)(**{name: read[name] for name in state._fields})
    expected, (t, *_) = rule.update(y, x, state)
    z, after = rule.update(y, x, again)
    assert np.array_equal(z, expected)
    assert z.dtype == np.float32
    assert type(after.t) is int
    assert after.t == t == 2


def test_hyper_parameters_are_kept_as_pythons_numbers():
    rule = rules.Adam(lr=np.float32(0.5), beta1=np.array(0.5), eps=np.int64(1))
    assert rule == rules.Adam(lr=0.5, beta1=0.5, eps=1)
    assert [type(v) for v in vars(rule).values()] == [float, float, float, int]
    assert type(rules.Adam(lr=0.1).update(5.0, 1.0, rules.Adam().init(5.0))[0]) is float
    centered = framework_rule("torch.optim.RMSprop", centered=np.bool_(True))
    assert centered == framework_rule("torch.optim.RMSprop", centered=True)
    assert rules.Momentum(lr=Fraction(1, 3)).lr == Fraction(1, 3)


@pytest.mark.parametrize("value", [np.float32("nan"), np.array(-1.0), np.array([0.1, 0.2]), "0.1"])
def test_a_wrong_number_of_any_type_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"^lr must be"):
        rules.Adam(lr=value)


def test_schedules_and_the_driver_take_whole_numbers_of_any_type():
    step = schedules.Step(lr=np.float32(0.5), every=np.int64(2), gamma=np.array(0.5))
    assert step == schedules.Step(lr=0.5, every=2, gamma=0.5)
    for t in (np.int32(3), np.uint8(3), np.array(3)):
        assert type(step(t)) is float
        assert step(t) == 0.25
    with pytest.raises(ValueError, match=r"t must be a whole number .*got 1.5"):
        step(np.float64(1.5))
    run = minimize(Quadratic([2.0]), [1.0], rules.GradientDescent(0.25), steps=np.int64(3))
    assert run.steps == 3


@pytest.mark.parametrize("name", [n for n in NAMES if n != "adamw"])  # whose decay has no rate
def test_a_rate_of_0_moves_nothing(name):
    x = np.array([[1.0, -2.0], [3.0, 0.5]])
    rule = rules.get(name, lr=0.0)
    assert np.array_equal(rule.update(x, x, rule.init(x))[0], x)


@pytest.mark.parametrize("home", ["optax.schedules._schedule", "keras.src.optimizers.schedules"])
def test_a_schedule_of_keras_or_optax_is_called_with_the_step_that_it_counts(home):
    def schedule(step):
        return np.float32(0.5) ** step

    schedule.__module__ = home
    rule = framework_rule("optax.sgd", learning_rate=schedule)
    assert [rule.lr_at(t) for t in (1, 2, 3)] == [1.0, 0.5, 0.25]
    schedule.__module__ = "mine"
    assert framework_rule("optax.sgd", learning_rate=schedule).lr_at(1) == 0.5


# In torch

torch = pytest.importorskip("torch", reason="the adapter needs torch")

from descent.torch_optim import Optimizer


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_tensors_as_numbers_widen_no_tensor(name, dtype):
    rule = rules.get(name, lr=torch.tensor(0.1, dtype=torch.float64))
    assert type(rule.lr) is float
    x = torch.ones(3, 2, dtype=dtype)
    state = rule.init(x)._replace(t=torch.tensor(0.0))
    y, after = rule.update(x, x.double(), state)
    assert y.dtype == dtype
    assert after.t == 1
    assert all(s.dtype == dtype for s in after if isinstance(s, torch.Tensor))


def test_no_numpy_number_is_saved():
    p = torch.nn.Parameter(torch.ones(3))
    optimizer = Optimizer([p], rules.Adam(lr=np.float32(0.5)))
    group = optimizer.param_groups[0]
    group.update(lr=np.float64(0.25), betas=(np.float64(0.5), np.float32(0.5)), note=np.int64(3))
    p.grad = torch.ones(3)
    optimizer.step()
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)["param_groups"][0]
    assert (saved["lr"], saved["betas"], saved["note"]) == (0.25, (0.5, 0.5), 3)


def test_gradients_of_another_dtype_are_taken_in_that_of_the_parameter():
    def run(form, dtypes):
        ps = [torch.nn.Parameter(torch.full((n,), 2.0)) for n in (3, 2**15, 5)]
        optimizer = Optimizer(ps, rules.Adam(0.1), **form)
        for _ in range(2):
            for p, dtype in zip(ps, dtypes, strict=True):
                p.grad_dtype = dtype
                p.grad = torch.full_like(p, 0.25, dtype=dtype)
            optimizer.step()
        return ps, optimizer

    mixed = (torch.bfloat16, torch.bfloat16, torch.float32)
    ours, optimizer = run({}, mixed)
    assert all(
        torch.equal(a, b) for a, b in zip(ours, run({}, [torch.float32] * 3)[0], strict=True)
    )
    assert all(s["m"].dtype == torch.float32 for s in optimizer.state.values())
    p = torch.nn.Parameter(torch.ones(2))
    p.grad_dtype = torch.bfloat16
    with pytest.raises(ValueError, match="flat must be False where gradients are"):
        Optimizer([p], rules.Adam(), flat=True)


@pytest.mark.parametrize("name", ["shampoo", "soap"])
def test_a_rule_that_decomposes_matrices_takes_long_doubles(name):
    ends = []
    for kind in (np.float64, np.longdouble):
        rule, x = rules.get(name), np.zeros((3, 3), kind)
        state, draw = rule.init(x), np.random.default_rng(0)
        for _ in range(3):
            g = draw.normal(size=(3, 3)).astype(kind)
            x, state = rule.update(x, g, state)
        ends.append(x)
    assert ends[1].dtype == np.longdouble
    np.testing.assert_allclose(ends[1].astype(float), ends[0], rtol=1e-9, atol=1e-12)
