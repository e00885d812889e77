import functools
import inspect
import itertools
import json
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from descent import conventions, rules
from descent.conventions import NoEquivalent, convert, defaults, framework_rule, letters
from tools.check import parity
from tools.check.parity import CASES, CHECKPOINTS, DTYPES, Case, by_torch, error, hostile, visit

torch = pytest.importorskip("torch", reason="torch is not installed")

LIMITS = {"float64": 1e-12, "float32": 5e-4}


ROUNDED = {
    "torch.optim.ASGD": {"float64": 3e-7},  # its η is kept in PyTorch's default type, float32
    "torch.optim.Muon": {"float64": 0.1, "float32": 0.1},  # it orthogonalises in bfloat16
    "keras.optimizers.Muon": {"float64": 1e-6, "float32": 5e-3},  # a norm in float32; rounding
    "keras.optimizers.Adafactor": {"float64": 1e-6},  # a mean in float32
    "optax.adafactor": {"float64": 1e-6},  # its decay rate is a power in float32
    # The average is recovered from y and z, whose difference is small: rounding is enlarged.
    "keras.optimizers.ScheduleFreeAdamW": {"float64": 1e-11, "float32": 2e-3},
    "optax.contrib.schedule_free_adamw": {"float64": 1e-11, "float32": 2e-3},
}
"""Where a framework rounds more than its dtype does, and the limit there."""


def bound(case, dtype):
    """How near a framework is met, as a fraction of the distance, and where not that near, why."""
    if (reason := ROUNDED.get(case.name)) and dtype in reason:
        return reason[dtype]
    if case.name == "torch.optim.NAdam" and dtype == "float64":
        return 3e-7  # its product of the μ_t is kept in PyTorch's default type, float32
    if case.name == "torch.optim.AdamW" or case.hyper.get("decoupled_weight_decay"):
        hyper = letters(framework_rule(case.name, **case.hyper))
        # PyTorch multiplies x by 1 − ηλ as the dtype rounds it; without a gradient that is all.
        rounding = np.finfo(dtype).eps / (hyper["lr"] * hyper.get("weight_decay", 1))
        return max(LIMITS[dtype], rounding)
    return LIMITS[dtype]


def cases_of(*frameworks):
    cases = [case for case in CASES if parity.framework(case) in frameworks]
    return pytest.mark.parametrize("case", cases, ids=str)


every_dtype = pytest.mark.parametrize("dtype", DTYPES)


# The frameworks' steps


@every_dtype
@cases_of("torch")
def test_a_rule_visits_the_points_that_pytorch_visits(case, dtype):
    assert error(parity.ours(case, dtype), by_torch(case, dtype)) < bound(case, dtype)


@every_dtype
@cases_of("keras", "optax")
def test_a_rule_visits_the_points_that_were_stored(case, dtype):
    assert parity.stored_error(case, dtype) < bound(case, dtype)


@pytest.mark.frameworks
@every_dtype
@cases_of("keras", "optax")
def test_a_rule_visits_the_points_that_keras_and_optax_visit_here(case, dtype):
    assert parity.measured(case, dtype) < bound(case, dtype)


def test_pytorchs_nadam_is_met_to_rounding_where_its_product_is_float64():
    torch.set_default_dtype(torch.float64)
    try:
        for case in CASES:
            if case.name == "torch.optim.NAdam":
                assert error(parity.ours(case, "float64"), by_torch(case, "float64")) < 1e-12, case
    finally:
        torch.set_default_dtype(torch.float32)


@every_dtype
def test_pytorchs_muon_is_met_to_rounding_where_it_keeps_the_dtype(dtype, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    for case in CASES:
        if case.name == "torch.optim.Muon":
            limit = {"float64": 1e-11, "float32": 5e-3}[dtype]
            assert error(parity.ours(case, dtype), by_torch(case, dtype)) < limit, case


@pytest.mark.parametrize("framework", ["keras", "optax"])
def test_the_vectors_were_made_with_these_gradients(framework):
    stored = parity.vectors(framework)
    meta = json.loads(str(stored["meta"]))
    start, gradients = hostile()
    assert np.array_equal(stored["start"], start)
    assert np.array_equal(stored["gradients"], gradients)
    assert meta["checkpoints"] == CHECKPOINTS
    assert meta["seed"] == parity.SEED


def test_the_gradients_are_hostile():
    _, g = hostile()
    assert len(g) >= 500
    assert (g == 0).all(axis=0).any()
    assert ((g == 0).mean(axis=0) > 0.5).sum() == 2
    assert (abs(g[:, 2]) < 1e-9).all()
    assert g.max() == 50
    assert (np.sign(g[1:, 4]) == -np.sign(g[:-1, 4])).all()


def test_every_optimiser_has_a_case_and_a_variant():
    counted = {name: sum(case.name == name for case in CASES) for name in conventions.names()}
    assert len(counted) == 54
    assert min(counted.values()) >= 2


@pytest.mark.parametrize("name", conventions.names())
@pytest.mark.parametrize(("dtype", "rel"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_a_rule_runs_alike_on_floats_arrays_and_tensors_and_keeps_the_dtype(name, dtype, rel):
    rule = framework_rule(name, **({} if has_lr(name) else {"learning_rate": 0.01}))
    numbers = [0.3, 0.5, 0.0, -2.0, 1e-10]
    arrays = [alone(name, number, dtype) for number in numbers]
    on_array = visit_any(rule, *arrays)
    on_tensor = visit_any(rule, *(torch.from_numpy(array) for array in arrays)).numpy()
    assert on_array.dtype == on_tensor.dtype == dtype
    assert on_tensor == pytest.approx(on_array, rel=rel)
    if not of_matrices(name):
        on_float = visit_any(rule, *numbers)
        assert isinstance(on_float, float)
        assert on_array[0] == pytest.approx(on_float, rel=rel)


def of_matrices(name):
    """Return whether an optimiser takes matrices alone."""
    return name.rpartition(".")[2].lower() == "muon"


def alone(name, number, dtype=float):
    """Return an array of one number, of a shape that the optimiser takes."""
    return np.full((1, 1) if of_matrices(name) else (1,), number, dtype)


def visit_any(rule, x, *gradients):
    state = rule.init(x)
    for g in gradients:
        x, state = rule.update(x, g, state)
    return x


def has_lr(name):
    return bool({"lr", "learning_rate"} & defaults(name).keys())


def test_a_learning_rate_may_be_a_function_of_the_step_from_1():
    for name in set(conventions.names()) - parity.CONSTANT:
        asked = []
        lr = "lr" if name.startswith("torch") else "learning_rate"
        rule = framework_rule(name, **{lr: lambda t, asked=asked: asked.append(t) or 0.1})
        visit_any(rule, *(alone(name, number) for number in (1.0, 0.5, 0.5)))
        ahead = "schedulefree" in name.lower().replace("_", "")  # it looks a step ahead
        once = name == "torch.optim.Rprop"  # its η is the first step size
        assert set(asked) == ({1} if once else {1, 2, 3} if ahead else {1, 2}), name


def test_adadelta_of_optax_climbs_without_a_learning_rate():
    x, _ = (rule := framework_rule("optax.adadelta")).update(1.0, 2.0, rule.init(1.0))
    assert x > 1


@pytest.mark.parametrize("framework", ["torch", "ours"])
def test_centered_rmsprop_with_eps_outside_becomes_nan_on_a_constant_gradient(framework):
    x, gradients = np.array([0.0]), np.full((4000, 1), 0.1)
    if framework == "ours":
        with np.errstate(invalid="ignore"):
            last = visit(framework_rule("torch.optim.RMSprop", centered=True), x, gradients)[-1]
    else:
        last = torch.tensor(x, requires_grad=True)
        optimizer = torch.optim.RMSprop([last], centered=True)
        for g in gradients:
            last.grad = torch.tensor(g)
            optimizer.step()
        last = last.detach().numpy()
    assert np.isnan(last).all()


# Names and arguments


def own_signature(name):
    """The framework's own arguments and defaults, live from PyTorch, stored for the others."""
    if not name.startswith("torch"):
        meta = json.loads(str(parity.vectors(name.partition(".")[0])["meta"]))
        stored = meta["signatures"][name]
        return {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
    parameters = inspect.signature(getattr(torch.optim, name.rpartition(".")[2])).parameters
    return {key: p.default for key, p in parameters.items() if key != "params"}


@pytest.mark.parametrize("name", conventions.names())
def test_arguments_and_defaults_are_the_frameworks_own(name):
    theirs = own_signature(name)
    assert {key: theirs[key] for key in defaults(name)} == defaults(name)
    given = {key: value for key, value in theirs.items() if value != ""}
    lr = {} if has_lr(name) else {"learning_rate": 0.1}
    assert framework_rule(name, **given | lr) == framework_rule(name, **lr)


@pytest.mark.parametrize(
    ("name", "hyper", "message"),
    [
        ("torch.optim.Adan", {}, "name must be one of torch.optim.SGD, .* optax.lion, .*, got"),
        ("torch.optim.Adam", {"beta1": 0.9}, "knows lr, betas, eps, weight_decay, amsgrad"),
        ("optax.sgd", {}, "learning_rate must be given"),
        ("optax.adam", {"learning_rate": 0.1, "mu_dtype": "float32"}, "mu_dtype must be None"),
        ("keras.optimizers.Adam", {"clipnorm": 1.0}, "clipnorm must be None, got 1.0"),
        ("keras.optimizers.Adam", {"use_ema": True}, "use_ema must be False, got True"),
        ("keras.optimizers.Adam", {"gradient_accumulation_steps": 2}, "must be None, got 2"),
        ("torch.optim.Adam", {"lr": -1e-8}, "lr must be a finite number of at least 0"),
        ("torch.optim.Adam", {"betas": (0.9, 1.0)}, "beta2 must be a number in"),
        ("torch.optim.Adam", {"betas": 0.9}, "torch.optim.Adam: "),
        ("torch.optim.Adam", {"weight_decay": -1.0}, "weight_decay must be a finite number"),
        ("torch.optim.SGD", {"nesterov": True}, "nesterov must come with a positive momentum"),
        ("torch.optim.SGD", {"momentum": 0.9, "dampening": -1.0}, "dampening must be"),
        ("torch.optim.Adagrad", {"lr_decay": -0.1}, "lr_decay must be"),
        ("torch.optim.Adagrad", {"initial_accumulator_value": -1.0}, "initial_accumulator must be"),
        ("torch.optim.NAdam", {"momentum_decay": -1.0}, "momentum_decay must be"),
        ("optax.radam", {"learning_rate": 0.1, "threshold": 3.0}, "threshold must be"),
        ("optax.adam", {"learning_rate": 0.1, "eps_root": -1.0}, "eps_root must be"),
        ("optax.rmsprop", {"learning_rate": 0.1, "initial_scale": -1.0}, "initial_scale must be"),
    ],
)
def test_a_wrong_name_or_argument_is_an_error_that_names_it(name, hyper, message):
    with pytest.raises(ValueError, match=message):
        framework_rule(name, **hyper)


def test_arguments_that_change_no_number_are_ignored():
    plain = framework_rule("torch.optim.Adam")
    assert framework_rule("torch.optim.Adam", foreach=True, fused=False, capturable=True) == plain


@pytest.mark.parametrize("name", conventions.names())
def test_a_gradient_of_another_shape_is_an_error(name):
    lr = {} if has_lr(name) else {"learning_rate": 0.1}
    for more in ({}, {"weight_decay": 0.1}):
        if not more.keys() <= defaults(name).keys():
            continue
        rule = framework_rule(name, **lr | more)
        x = np.zeros((3, 1))
        with pytest.raises(ValueError, match="g must have the shape of x"):
            rule.update(x, np.zeros((1, 1)), rule.init(x))


# Conversion


def with_drop(case):
    return case.hyper | {case.lr_name: parity.schedule(case)}


def as_it_is(case):
    return case.hyper


@functools.cache
def conversions(hyper_of):
    """Return each case with each optimiser it can be converted to, and the hyper-parameters."""
    found = []
    for case, target in itertools.product(CASES, conventions.names()):
        with suppress(NoEquivalent):
            found.append((case, target, convert(case.name, target, **hyper_of(case))))
    return found


@functools.cache
def points(rule, of_name):
    return visit(rule, *parity.problem(Case(of_name, {}), "float64"))


def assert_alike(case, rule, name, hyper):
    """Require that a rule and what it was converted to visit the same points."""
    converted = framework_rule(name, **hyper)
    if rule != converted:  # the same rule with the same numbers needs no run
        assert error(points(rule, case.name), points(converted, case.name)) < 1e-12, (case, name)


@pytest.mark.parametrize("hyper_of", [as_it_is, with_drop])
def test_a_converted_run_coincides(hyper_of):
    found = [entry for entry in conversions(hyper_of) if entry[0].name != entry[1]]
    assert len(found) > 75
    for case, target, hyper in found:
        assert_alike(case, framework_rule(case.name, **hyper_of(case)), target, hyper)


def test_a_run_converted_to_pytorch_coincides_there_with_keras_and_optax():
    found = 0
    for case, target, hyper in conversions(with_drop):
        elsewhere = parity.framework(case) != "torch" and parity.schedule(case)
        if elsewhere and target.startswith("torch"):
            at_torch = Case(
                target, hyper | {"lr": (defaults(case.name) | case.hyper)[case.lr_name]}
            )
            stored = parity.vectors(parity.framework(case))[parity.key(case, "float64")]
            xs = by_torch(at_torch, "float64")
            assert error(xs, stored, CHECKPOINTS) < bound(at_torch, "float64"), at_torch
            found += 1
    assert found > 15


@cases_of("torch", "keras", "optax")
def test_every_optimiser_converts_to_itself(case):
    rule = framework_rule(case.name, **with_drop(case))
    assert_alike(case, rule, case.name, convert(case.name, case.name, **with_drop(case)))


def test_a_conversion_there_and_back_makes_the_same_steps():
    for case, target, hyper in conversions(as_it_is):
        back = convert(target, case.name, **hyper)
        assert_alike(case, framework_rule(case.name, **case.hyper), case.name, back)


CONVERTIBLE = [
    ("torch.optim.SGD", "keras.optimizers.SGD", {"momentum": 0.9, "nesterov": True}),
    ("torch.optim.SGD", "keras.optimizers.SGD", {"weight_decay": 0.1}),
    ("torch.optim.SGD", "optax.sgd", {"momentum": 0.9, "lr": partial(parity.drop, 0.1)}),
    ("torch.optim.Adagrad", "keras.optimizers.Adagrad", {"eps": 0.0, "lr_decay": 0.1}),
    ("torch.optim.Adagrad", "optax.adagrad", {"eps": 0.0, "initial_accumulator_value": 0.1}),
    ("keras.optimizers.Adagrad", "optax.adagrad", {}),
    ("torch.optim.RMSprop", "optax.rmsprop", {"centered": True, "momentum": 0.9}),
    ("keras.optimizers.RMSprop", "optax.rmsprop", {"centered": True, "momentum": 0.9}),
    ("torch.optim.RMSprop", "keras.optimizers.RMSprop", {"eps": 0.0, "momentum": 0.9}),
    ("torch.optim.Adadelta", "optax.adadelta", {"weight_decay": 0.1}),
    ("torch.optim.Adadelta", "optax.adadelta", {"maximize": True}),
    ("torch.optim.Adadelta", "keras.optimizers.Adadelta", {}),
    ("torch.optim.Adam", "optax.adam", {}),
    ("torch.optim.Adam", "keras.optimizers.Adam", {"eps": 0.0}),
    ("torch.optim.Adam", "keras.optimizers.Adam", {"eps": 0.0, "amsgrad": True}),
    ("torch.optim.Adam", "optax.rmsprop", {"betas": (0.0, 0.99)}),
    ("torch.optim.AdamW", "optax.adamw", {}),
    ("torch.optim.AdamW", "keras.optimizers.AdamW", {"eps": 0.0}),
    ("torch.optim.AdamW", "torch.optim.Adam", {}),
    ("keras.optimizers.AdamW", "keras.optimizers.Adam", {}),
    ("torch.optim.Adamax", "optax.adamax", {}),
    ("torch.optim.Adamax", "keras.optimizers.Adamax", {"eps": 0.0}),
    ("torch.optim.NAdam", "keras.optimizers.Nadam", {"momentum_decay": 1.0}),
    ("torch.optim.NAdam", "optax.nadam", {"momentum_decay": float("inf")}),
    ("optax.adam", "optax.nadam", {"learning_rate": 0.1, "nesterov": True, "eps_root": 1e-8}),
    ("torch.optim.RAdam", "optax.radam", {"eps": 0.0}),
    ("keras.optimizers.Lion", "optax.lion", {"weight_decay": 0.1}),
]


@pytest.mark.parametrize(("source", "target", "hyper"), CONVERTIBLE)
def test_these_convert_in_both_directions(source, target, hyper):
    there = convert(source, target, **hyper)
    back = convert(target, source, **there)
    start, gradients = hostile()
    dense = [0, 2, 3, 4]  # without ε a coordinate without a gradient is 0/0
    xs = visit(framework_rule(source, **hyper), start[dense], gradients[:, dense])
    for name, arguments in ((target, there), (source, back)):
        assert (
            error(xs, visit(framework_rule(name, **arguments), start[dense], gradients[:, dense]))
            < 1e-12
        )


LR_DROPS = partial(parity.drop, 0.1)


@pytest.mark.parametrize(
    ("source", "target", "hyper", "reason"),
    [
        ("torch.optim.Adam", "keras.optimizers.Adam", {}, "a fixed ε̂ is no ε"),
        ("keras.optimizers.Adam", "optax.adam", {"learning_rate": 0.1}, "a fixed ε̂ is no ε"),
        ("torch.optim.RAdam", "optax.radam", {}, "a fixed ε̂ is no ε"),
        ("torch.optim.NAdam", "keras.optimizers.Nadam", {}, "the schedule of μ_t"),
        ("optax.nadam", "keras.optimizers.Nadam", {"learning_rate": 0.1}, "the schedule of μ_t"),
        ("torch.optim.SGD", "keras.optimizers.SGD", {"momentum": 0.9, "lr": LR_DROPS}, "η changes"),
        ("torch.optim.SGD", "optax.sgd", {"momentum": 0.9, "dampening": 0.5}, "dampening"),
        ("torch.optim.SGD", "keras.optimizers.SGD", {"momentum": 0.9, "weight_decay": 0.1}, "L2"),
        ("torch.optim.SGD", "optax.sgd", {"weight_decay": 0.1}, "no weight decay"),
        ("torch.optim.SGD", "optax.sgd", {"maximize": True}, "one cannot maximise"),
        ("torch.optim.Adam", "torch.optim.AdamW", {"weight_decay": 0.1}, "L2 decay .* decoupled"),
        ("torch.optim.Adam", "optax.amsgrad", {"amsgrad": True}, "the maximum before"),
        ("torch.optim.Adamax", "keras.optimizers.Adamax", {}, "ε stands inside the maximum"),
        ("torch.optim.Adagrad", "keras.optimizers.Adagrad", {}, "ε stands inside the root"),
        ("torch.optim.RMSprop", "keras.optimizers.RMSprop", {}, "ε stands inside the root"),
        ("optax.adam", "torch.optim.Adam", {"learning_rate": 0.1, "eps_root": 1e-8}, "no ε inside"),
        (
            "optax.rmsprop",
            "keras.optimizers.RMSprop",
            {"learning_rate": 0.1, "initial_scale": 1.0},
            "average starts",
        ),
        (
            "optax.radam",
            "torch.optim.RAdam",
            {"learning_rate": 0.1, "threshold": 4.0, "eps": 0.0},
            "fixed ρ_t",
        ),
        (
            "torch.optim.Adagrad",
            "optax.adagrad",
            {"eps": 0.0},
            "one makes no step, the other divides 0 by 0",
        ),
        ("torch.optim.SGD", "optax.adam", {}, "GradientDescent.* is not Adam"),
    ],
)
def test_what_has_no_equivalent_says_why(source, target, hyper, reason):
    with pytest.raises(NoEquivalent, match=f"{source} has no equivalent in {target}: .*{reason}"):
        convert(source, target, **hyper)


def test_a_refused_conversion_would_have_made_other_steps():
    hyper = {"learning_rate": 0.01, "epsilon": 1e-8}
    torchs = visit(framework_rule("torch.optim.Adam", lr=0.01, eps=1e-8), *hostile())
    keras = visit(framework_rule("keras.optimizers.Adam", **hyper), *hostile())
    assert error(torchs, keras) > 0.5


def test_an_unknown_target_is_an_error_that_lists_the_known_names():
    with pytest.raises(
        ValueError, match=r"name must be one of torch\.optim\.SGD, .*'optax\.nothing'"
    ):
        convert("torch.optim.Adam", "optax.nothing")


@given(st.floats(1e-5, 1), st.floats(0, 0.99), st.floats(0, 0.999), st.floats(1e-12, 1e-2))
def test_any_adam_goes_to_optax_and_back_unchanged(lr, beta1, beta2, eps):
    hyper = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    back = convert(
        "optax.adam", "torch.optim.Adam", **convert("torch.optim.Adam", "optax.adam", **hyper)
    )
    assert back.items() >= hyper.items()


# The published table


def test_the_table_lists_every_optimiser_and_no_error_above_the_bounds():
    table = json.loads(parity.RESULT.read_text())
    assert [row["name"] for row in table["errors"]] == conventions.names()
    for row in table["errors"]:
        for dtype in DTYPES:
            assert row[dtype] <= bound(Case(row["name"], {}), dtype), row


def test_the_table_tells_how_far_the_frameworks_are_from_the_papers():
    table = json.loads(parity.RESULT.read_text())
    for stored, found in zip(table["differences"], parity.differences(), strict=True):
        for key, value in found.items():
            same = pytest.approx(value, rel=0.02) if isinstance(value, float) else value
            assert stored[key] == same, (found["name"], key)


def test_where_a_framework_is_the_paper_the_rule_is_the_papers_own():
    assert framework_rule("torch.optim.Adam") == rules.Adam()
    assert framework_rule("keras.optimizers.SGD", momentum=0.9) == rules.Momentum()
    assert framework_rule("keras.optimizers.Lion", learning_rate=1e-4) == rules.Lion()
    assert framework_rule("torch.optim.Adadelta", rho=0.95) == rules.Adadelta()
