"""An optimiser is named from its behaviour: rules, misprints, variants, and honestly unknown."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import candidates
import jsonschema
import numpy as np
import pytest
import strangers
import yaml
from sets import named

from descent import conventions, rules
from descent.identify import NotRunnableError, assert_is, grade, identify
from descent.identify import _catalogue as catalogue
from descent.identify.__main__ import main
from descent.identify._candidate import FORMS
from descent.identify._example import walk
from descent.identify._forms import candidate
from descent.identify._formula import candidate_of
from descent.misprints import MISPRINTS
from tools.book import catalogue as book
from tools.book import project

HERE = Path(__file__).parent
SCHEMA = json.loads(resources.files("descent.identify").joinpath("schema.json").read_text())


def at_random(entry, rng):
    """Return an entry's rule at hyper-parameters of four digits."""
    spans = {"lr": (-4, -1), "eps": (-9, -3), "eps_root": (-9, -3), "weight_decay": (-3, -0.5)}
    spans["lr_decay"] = (-3, -1)
    if entry.name == "optax.contrib.prodigy":  # at small ones it never moves far enough to show
        spans["lr"] = (-0.3, 0.3)
    hyper = {}
    for name in entry.free:
        if name in ("beta2", "rho"):
            value = 1 - 10 ** rng.uniform(-3.3, -1)
        elif name in catalogue.RATES:
            value = rng.uniform(0.4, 0.98)
        elif name in spans:
            value = 10 ** rng.uniform(*spans[name])
        else:
            continue
        hyper[name] = float(f"{value:.4g}")
    return entry.at(hyper), hyper


def entry_of(name):
    return next(one for one in catalogue.entries() if one.name == name)


EVERY_DAY = {"momentum", "lion"}


@pytest.mark.parametrize("name", [named(n, n, nightly=n not in EVERY_DAY) for n in rules.names()])
def test_a_rule_is_itself_at_random_hyper_parameters(name):
    rule, hyper = at_random(entry_of(name), np.random.default_rng(len(name)))
    report = identify(rule)
    assert (report.verdict, report.names[0], report.status) == ("rule", name, 0)
    assert {n: report.hyper[n] for n in hyper} == pytest.approx(hyper, rel=1e-6)


@pytest.mark.nightly
@pytest.mark.parametrize("name", MISPRINTS)
def test_a_misprint_is_itself_at_random_hyper_parameters(name):
    rule, _ = at_random(entry_of(name), np.random.default_rng(len(name)))
    report = identify(rule)
    assert (report.verdict, report.misprint, report.status) == ("misprint", name, 1)
    assert report.erratum == MISPRINTS[name].erratum
    assert report.counterexample is not None


def is_hardest(entry):
    """Whether ε alone divides its first gradient, or stands in one sum with an initial v."""
    on = {name for name, value in entry.switches.items() if value} - {"decay", "eps"}
    return entry.name == "optax.rmsprop" and on in (
        {"eps_in_sqrt", "centered", "bias_correction"},
        {"eps_in_sqrt", "initial_scale"},
    )


@pytest.mark.parametrize(
    "entry",
    [
        named(f"{e.name} {dict(e.switches)}", e, nightly=not is_hardest(e))
        for e in catalogue.entries()
        if e.kind == "framework" and not e.is_shadow
    ],
)
def test_a_framework_s_rule_is_itself_at_random_hyper_parameters(entry):
    rule, _ = at_random(entry, np.random.default_rng(0))
    report = identify(rule)
    assert report.verdict == "rule"
    assert entry.name in report.names


SLIPS = [
    (candidates.adam, "rule", "adam"),
    (candidates.adam_frozen, "misprint", "adam-frozen-t"),
    (candidates.adam_hat, "misprint", "adam-epsilon-is-epsilon-hat"),
    (candidates.adam_inside, "variant", "ε inside the root"),
    (candidates.adamw_grown, "variant", "the weights grow"),
    (candidates.adamw_after, "variant", "after the step"),
    (candidates.lion_l2, "variant", "(L2)"),
    (candidates.adam_uncorrected, "misprint", "adam-no-correction"),
    (candidates.adam_of_sizes, "variant", "|g| averaged for g²"),
    (candidates.adam_without_beta2, "misprint", "adam-one-decay-rate"),
    (candidates.MuonWithoutDecay, "rule", "muon"),
    (candidates.MuonUnscaled, "rule", "keras.optimizers.Muon"),
    (candidates.generator, "rule", "averaged-momentum"),
    (candidates.numbers_alone, "rule", "torch.optim.RMSprop"),
]
SLIPS_EVERY_DAY = {"generator"}


@pytest.mark.parametrize(
    ("candidate", "verdict", "what"),
    [named(c.__name__, c, v, w, nightly=c.__name__ not in SLIPS_EVERY_DAY) for c, v, w in SLIPS],
)
def test_code_as_people_write_it_is_found(candidate, verdict, what):
    report = identify(candidate)
    assert report.verdict == verdict
    assert what in (report.misprint or "") or what in " ".join([*report.names, *report.notes])
    assert (report.counterexample is None) == (verdict == "rule")


def test_what_a_longer_run_refutes_is_unknown_and_says_where_it_departs():
    report = identify(candidates.late_switch)
    assert (report.verdict, report.names, report.status) == ("unknown", [], 2)
    assert "departs at step 300" in report.summary


def test_a_hyper_parameter_without_effect_is_dead_and_the_others_are_read():
    report = identify(candidates.DeadDecay)
    assert report.dead == ["weight_decay"]
    assert report.hyper == pytest.approx({"lr": 0.1, "momentum": 0.9}, rel=1e-9)
    assert report.names[0] == "momentum"


@pytest.mark.nightly
def test_a_hyper_parameter_that_is_told_as_another_is_named():
    notes = identify(candidates.adam_frozen, lr=0.002).notes
    assert any(note.startswith("lr was told as 0.002") for note in notes)


def test_x_changed_in_place_is_followed_and_said():
    report = identify(candidates.InPlace())
    assert report.names[0] == "gradient-descent"
    assert "it modifies x in place" in report.notes


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (candidates.raises, "RuntimeError: out of order"),
        (candidates.raises_late, "step 7 raises ZeroDivisionError: seven"),
        (3, "is none of"),
        (lambda: None, "makes no optimiser"),
    ],
)
def test_what_cannot_be_run_is_an_error_that_says_why(thing, message):
    with pytest.raises(NotRunnableError, match=message):
        identify(thing)


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (candidates.stays, "it never moves x"),
        (candidates.noise, "two runs along the same gradients differ"),
        named("constant", candidates.constant, "no rule comes near", nightly=True),
    ],
)
def test_what_is_no_rule_has_no_name_and_says_why(candidate, why):
    report = identify(candidate)
    assert (report.verdict, report.names, report.status) == ("unknown", [], 2)
    assert why in report.summary


def test_an_unknown_form_is_an_error_that_names_the_forms():
    with pytest.raises(NotRunnableError, match=FORMS[0]):
        identify(candidates.adam, form="poem")


# --- the command line -----------------------------------------------------------------------------


def command(capsys, *arguments):
    """Return the exit status and what the command prints as JSON, validated."""
    status = main([*arguments, "--json"])
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    return status, found


@pytest.mark.parametrize(
    ("name", "status", "verdict"),
    [("adam_frozen", 1, "misprint"), ("prints", 0, "rule"), ("raises", 3, "unknown")],
)
def test_a_file_is_run_in_a_process_of_its_own(capsys, name, status, verdict):
    found = command(capsys, f"{HERE / 'candidates.py'}:{name}")
    assert (found[0], found[1]["verdict"]) == (status, verdict)
    if name == "prints":
        assert "it prints: a step" in found[1]["notes"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("endless", "no sign of life for 3 s"), ("leaves", "status 7"), ("missing", "has no missing")],
)
def test_what_ends_badly_is_reported_not_suffered(capsys, name, message):
    status, found = command(capsys, f"{HERE / 'candidates.py'}:{name}", "--time-limit", "3")
    assert status == 3
    assert message in found["notes"][0]


ADAM = (
    r"m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, \quad v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2, "
    r"\hat{m}_t = \frac{m_t}{1-\beta_1^t}, \hat{v}_t = \frac{v_t}{1-\beta_2^t}, "
    r"\theta_t = \theta_{t-1} - \alpha \frac{\hat{m}_t}{\sqrt{\hat{v}_t} + \epsilon}"
)


@pytest.mark.parametrize(
    ("text", "status", "name"),
    [
        pytest.param(ADAM, 0, "adam", marks=pytest.mark.nightly),
        pytest.param(
            ADAM.replace(r"\hat{m}_t}{\sqrt{\hat{v}_t}", r"m_t}{\sqrt{v_t}"),
            1,
            "adam-no-correction",
            marks=pytest.mark.nightly,
        ),
        (r"w \leftarrow w - \eta \nabla_w J(w)", 0, "gradient-descent"),
        (
            r"v_t = \gamma v_{t-1} + \eta \nabla_\theta J(\theta_{t-1} - \gamma v_{t-1}), "
            r"\theta_t = \theta_{t-1} - v_t",
            0,
            "nesterov",
        ),
        pytest.param(
            r"G_{t+1} = G_t + g_t^2, w_{t+1} = w_t - \frac{\eta}{\sqrt{G_{t+1}} + \epsilon} g_t",
            0,
            "adagrad",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_a_formula_is_identified(capsys, text, status, name):
    found = command(capsys, "--latex", text)
    assert (found[0], found[1]["names"][0]) == (status, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"x_t = x_{t-1} - \heartsuit g_t", r"cannot read `\heartsuit` at character 17"),
        (r"x_t = x_{t-1} - \eta \hat m_t", "no equation gives m_hat"),
        (r"m_t = g_t", "nothing is updated"),
    ],
)
def test_a_formula_that_is_not_understood_is_refused_with_the_place(capsys, text, message):
    status, found = command(capsys, "--latex", text)
    assert status == 3
    assert message in found["notes"][0]


WRITTEN = [
    r"m_t = \beta m_{t-1} + \left(1-\beta\right) g_t,\ x_t = x_{t-1} - \eta m_t",
    r"\begin{eqnarray} m_t &=& \beta m_{t-1} + (1-\beta) g_t \\"
    r" x_t &=& x_{t-1} - \eta m_t \end{eqnarray}",
    r"\begin{align*} m_t &= \beta m_{t-1} + (1-\beta) g_t \label{eq:m} \\"
    r" x_t &= x_{t-1} - \eta m_t \tag{2} \end{align*}",
    r"m' = \beta m + (1-\beta) g, x' = x - \eta m'",
    r"\text{momentum: } m_t = \beta m_{t-1} + (1-\beta) g_t \text{ and } x_t = x_{t-1} - \eta m_t",
    r"m_t = \beta m_{t-1} + (1-\beta) g_t， x_t = x_{t-1} - \eta m_t。",
    r"m_t = \beta m_{t−1} + (1−\beta) g_t； x_t = x_{t−1} − η m_t",
    r"\widehat{m}_t = \beta \widehat{m}_{t-1} + \frac12 (2 - 2\beta) g_t, "
    r"x_t = x_{t-1} - \eta \widehat{m}_t",
    r"m := \beta m + (1-\beta) \frac{\partial J}{\partial w}, w := w - \eta m",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_latex_as_people_write_it_is_read(text):
    x, g = np.array([0.5, -1.0]), np.array([[1.0, 0.5], [0.25, -2.0], [-1.0, 3.0]])
    right = walk(rules.get("averaged-momentum", lr=0.001, momentum=0.9), x, g)
    assert candidate_of(text).visit(x, g).x == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        r"x_t = x_{t-1} - \eta \operatorname{sign}(g_t)",
        r"x_t = x_{t-1} - \eta\,\mathrm{sign}(g_t)",
        r"x_t = x_{t-1} - \eta \text{sgn}(g_t)",
    ],
)
def test_a_sign_is_read_in_any_font(text):
    visit = candidate_of(text).visit(np.array([1.0, 2.0]), np.array([[3.0, -4.0]]))
    assert visit.u[0] == pytest.approx([-0.001, 0.001])


MOMENTUM = [[-0.05, -0.05], [-0.045, -0.095], [-0.0905, -0.0355]]
DESCENT = [[-0.05, -0.05], [0.0, -0.05], [-0.05, 0.05]]
FADING = np.array(DESCENT) / np.sqrt([[1], [2], [3]])


@pytest.mark.parametrize(
    ("thing", "form", "moved"),
    [
        (strangers.Called, "function", DESCENT),
        (strangers.Called(), "function", DESCENT),
        (strangers.pairs, "generator", MOMENTUM),
        (strangers.gradient_first, "function", DESCENT),
        (strangers.state_dict, "function", MOMENTUM),
        (strangers.named_state, "function", MOMENTUM),
        (strangers.Both, "object", FADING),
        (strangers.fading, "function", FADING),
        (strangers.Dicts, "object", MOMENTUM),
        (strangers.of_lists, "function", DESCENT),
        (strangers.OnlyWithClosure, "torch", DESCENT),
        (strangers.bare, "torch", DESCENT),
    ],
)
def test_code_in_a_stranger_s_shape_is_recognised(thing, form, moved):
    found = candidate(thing)
    visit = found.visit(np.array([1.0, 2.0]), np.array([[1.0, 1.0], [0.0, 1.0], [1.0, -1.0]]))
    assert found.form == form
    assert visit.u == pytest.approx(np.array(moved), abs=1e-15)


def test_a_rate_that_is_a_tensor_of_float32_loses_no_digits_of_the_steps():
    assert identify(strangers.tensor_rate).names[0] == "gradient-descent"


def test_a_class_with_parameters_of_its_own_gets_a_rate_where_it_asks_for_one():
    report = identify(strangers.Bare)
    assert (report.names[0], report.hyper) == ("gradient-descent", {"lr": 0.01})


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        (strangers.single_precision, "float32 only"),
        (strangers.state_first, "takes x and g first, then its state: got state, x, g"),
        (strangers.without_default, "asks for lr, and has no default"),
        (strangers.Fitted(), "has step"),
        (strangers.Bare([], 0.05), "object of Bare keeps parameters of its own: give the class"),
    ],
)
def test_what_has_no_shape_that_is_known_is_refused_with_a_sentence_that_helps(thing, why):
    with pytest.raises(NotRunnableError, match=why):
        candidate(thing)


def test_arguments_that_are_not_understood_have_the_status_of_what_could_not_be_run(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 3


# --- a linter, a grader ---------------------------------------------------------------------------


def test_assert_is_passes_what_is_right_and_shows_what_is_not():
    assert_is(candidates.InPlace(), "gradient-descent", lr=0.05)
    with pytest.raises(AssertionError, match=r"gradients 1, 1 from x = 0") as failure:
        assert_is(candidates.adam_frozen, "adam")
    assert "adam-frozen-t" in str(failure.value)


def test_a_grade_points_at_the_part_that_is_wrong_and_is_the_same_each_time():
    assert grade(candidates.adam, "adam").score == 1
    found = grade(candidates.adam_frozen, "adam")
    assert found == grade(candidates.adam_frozen, "adam")
    assert found.points["first step"] == 1
    assert found.points["correction"] == 0
    assert 0 < found.score < 1
    assert grade(candidates.raises, "adam").score == 0


# --- what is written twice ------------------------------------------------------------------------


def test_the_formula_that_is_right_is_that_of_the_erratum():
    errata = yaml.safe_load((project.BOOK / "errata.yml").read_text())["errata"]
    said = {e["misprint"]: e["formula"] for e in errata if e.get("misprint") and e.get("formula")}
    assert {name: entry_of(name).formula for name in said} == said


def test_each_framework_s_rule_is_in_the_catalogue():
    assert {e.name for e in catalogue.entries() if e.kind == "framework"} == set(
        conventions.names()
    )


def test_each_formula_stands_in_the_book():
    ids = {one.id for one in book.book()}
    assert {entry.formula for entry in catalogue.entries()} - {None} <= ids


def test_identify_needs_numpy_alone():
    code = "import sys, descent.identify; print({'torch', 'sympy', 'jax'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
