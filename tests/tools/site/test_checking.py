"""The page *Check your Adam* says what `python -m descent.identify --latex` says."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from descent.identify._catalogue import FORMULAS
from descent.identify._composed import ADAM as ADAM_PARTS
from descent.identify._composed import Composed, changes
from descent.identify._forms import NotRunnableError, candidate
from descent.identify._formula import candidate_of
from descent.identify._verdict import judged_candidate
from descent.misprints import MISPRINTS
from tests.tools.translation.test_translate import node
from tools.book import catalogue
from tools.site import checking, offered, playground

M = r"m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, "
V = r"v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2, "
HATS = r"\hat m_t = \frac{m_t}{1-\beta_1^t}, \hat v_t = \frac{v_t}{1-\beta_2^t}, "
STEP = r"x_t = x_{t-1} - \eta \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}"
ADAM = M + V + HATS + STEP
BARE = STEP.replace(r"\hat ", "")
FOLDED = BARE.replace(r"\eta", r"\eta \frac{\sqrt{1-\beta_2^t}}{1-\beta_1^t}")
RMS = r"v_t = \rho v_{t-1} + (1-\rho) g_t^2, x_t = x_{t-1} - \frac{\eta}{\sqrt{v_t} + \epsilon} g_t"
SLIPS = {
    ADAM: ("rule", "adam"),
    ADAM + r" - \lambda x_{t-1}": ("rule", "adamw"),
    M + V + BARE: ("misprint", "adam-no-correction"),
    M + V + HATS.partition(r"\hat v")[0] + STEP.replace(r"\hat v", "v"): (
        "misprint",
        "adam-only-m-corrected",
    ),
    ADAM.replace("^t}", "}"): ("misprint", "adam-frozen-t"),
    ADAM.replace("^t}", "^{t+1}}"): ("misprint", "adam-t-starts-at-two"),
    M + V + FOLDED: ("misprint", "adam-epsilon-is-epsilon-hat"),
    ADAM.replace(r"\sqrt{\hat v_t}", r"\hat v_t"): ("misprint", "adam-no-root"),
    ADAM.replace(r"{\hat v_t} + \varepsilon", r"{\hat v_t + \varepsilon}"): ("variant", "adam"),
    ADAM.replace("g_t^2", "m_t^2"): ("misprint", "adam-second-moment-of-the-first"),
    ADAM.replace(STEP, FOLDED.replace("m_t}", r"\hat m_t}").replace("{v_t}", r"{\hat v_t}")): (
        "misprint",
        "adam-corrected-twice",
    ),
    RMS: ("rule", "torch.optim.RMSprop"),
    RMS.replace(r"v_t} + \epsilon", r"v_t + \epsilon}"): ("rule", "keras.optimizers.RMSprop"),
    r"v_t = \rho v_{t-1} + g_t^2, x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{v_t}}": (
        "misprint",
        "rmsprop-unweighted-square",
    ),
    r"v_t = 0.9 v_{t-1} + 0.1 g_t^2, x_t = x_{t-1} - \eta \frac{g_t}{\sqrt{v_t}}": (
        "rule",
        "rmsprop",
    ),
    r"m_t = \mu m_{t-1} + (1-\mu) g_t, x_t = x_{t-1} - \eta m_t": ("rule", "averaged-momentum"),
    r"w \leftarrow w - \eta \nabla_w J(w)": ("rule", "gradient-descent"),
    r"x_t = x_{t-1} + \eta g_t": ("misprint", "gradient-descent-along-the-gradient"),
    ADAM.replace(r"\beta_2", r"\beta_1"): ("rule", "adam"),
    # courses, books and papers
    r"V_{dW} = \beta V_{dW} + (1-\beta) dW, W = W - \alpha V_{dW}": ("rule", "averaged-momentum"),
    r"V_{dW} = \beta_1 V_{dW} + (1-\beta_1) dW, S_{dW} = \beta_2 S_{dW} + (1-\beta_2) dW^2, "
    r"V^{corrected}_{dW} = \frac{V_{dW}}{1-\beta_1^t}, "
    r"S^{\text{corrected}}_{dW} = \frac{S_{dW}}{1-\beta_2^t}, "
    r"W = W - \alpha \frac{V^{corrected}_{dW}}{\sqrt{S^{corrected}_{dW}} + \varepsilon}": (
        "rule",
        "adam",
    ),
    r"\mathbf{v}_t \leftarrow \beta_1 \mathbf{v}_{t-1} + (1-\beta_1)\mathbf{g}_t, "
    r"\mathbf{s}_t \leftarrow \beta_2 \mathbf{s}_{t-1} + (1-\beta_2)\mathbf{g}_t^2, "
    r"\hat{\mathbf{v}}_t = \frac{\mathbf{v}_t}{1-\beta_1^t}, "
    r"\hat{\mathbf{s}}_t = \frac{\mathbf{s}_t}{1-\beta_2^t}, "
    r"\mathbf{g}_t' = \frac{\eta \hat{\mathbf{v}}_t}{\sqrt{\hat{\mathbf{s}}_t} + \epsilon}, "
    r"\mathbf{x}_t \leftarrow \mathbf{x}_{t-1} - \mathbf{g}_t'": ("rule", "adam"),
    r"s \leftarrow \rho_1 s + (1-\rho_1) g, r \leftarrow \rho_2 r + (1-\rho_2) g \odot g, "
    r"\hat s \leftarrow \frac{s}{1-\rho_1^t}, \hat r \leftarrow \frac{r}{1-\rho_2^t}, "
    r"\Delta\theta = -\epsilon \frac{\hat s}{\sqrt{\hat r} + \delta}, "
    r"\theta \leftarrow \theta + \Delta\theta": ("rule", "adam"),
    r"r \leftarrow r + g \odot g, "
    r"\Delta\theta \leftarrow -\frac{\epsilon}{\delta + \sqrt{r}} \odot g, "
    r"\theta \leftarrow \theta + \Delta\theta": ("rule", "adagrad"),
    r"\mathbf{g}_t = \partial_{\mathbf{w}} \ell(y_t, f(\mathbf{x}_t, \mathbf{w})), "
    r"\mathbf{s}_t = \mathbf{s}_{t-1} + \mathbf{g}_t^2, "
    r"\mathbf{w}_t = \mathbf{w}_{t-1} - "
    r"\frac{\eta}{\sqrt{\mathbf{s}_t + \epsilon}} \cdot \mathbf{g}_t": (
        "rule",
        "keras.optimizers.Adagrad",
    ),
    r"G_t = G_{t-1} + g_t \odot g_t, "
    r"\theta_{t+1,i} = \theta_{t,i} - \frac{\eta}{\sqrt{G_{t,ii} + \epsilon}} g_{t,i}": (
        "rule",
        "keras.optimizers.Adagrad",
    ),
    r"\theta_{t+1} = \theta_t - \frac{\eta}{\sqrt{\sum_{i=1}^{t} g_i^2} + \epsilon} g_t": (
        "rule",
        "adagrad",
    ),
    r"x_{k+1} = x_k - \alpha \nabla f(x_k) + \beta (x_k - x_{k-1})": ("rule", "momentum"),
    r"y_k = x_k + \beta (x_k - x_{k-1}), x_{k+1} = y_k - \alpha \nabla f(y_k)": (
        "rule",
        "nesterov",
    ),
    r"\Delta x_t = -\eta g_t + \mu \Delta x_{t-1}, x_t = x_{t-1} + \Delta x_t": (
        "rule",
        "momentum",
    ),
    r"w^{(k+1)} = w^{(k)} - \eta \nabla L(w^{(k)}; x_i, y_i)": ("rule", "gradient-descent"),
    r"\theta^{t+1} = \theta^t - \eta g^t": ("rule", "gradient-descent"),
    r"x_{n+1} = x_n - \gamma \nabla F(x_n)": ("rule", "gradient-descent"),
    r"x_{k+1} = x_k - \eta g_k, n = k+1": ("rule", "gradient-descent"),
    r"\theta_j := \theta_j - \alpha \frac{\partial}{\partial \theta_j} J(\theta)": (
        "rule",
        "gradient-descent",
    ),
    r"\theta_{new} = \theta_{old} - \eta \nabla J(\theta_{old})": ("rule", "gradient-descent"),
    ADAM.replace(r"\hat m_t", r"\hat{m_t}").replace(r"\hat v_t", r"\hat{v_t}"): ("rule", "adam"),
    "$$m_t = β m_{t-1} + (1 - β) g_t$$ $$θ_t = θ_{t-1} − α m̂_t$$ $$m̂_t = m_t / (1 − β^t)$$": (
        "misprint",
        "adam-no-denominator",
    ),
    r"x_t = x_{t-1} - \eta \frac{g_t}{\|g_t\|}": ("unknown", None),
    r"x_t = x_{t-1} - \eta g_t^3": ("unknown", None),
    r"x_t = x_{t-1} - \eta \cos(t) g_t": ("unknown", None),
}
"""Formulas as people write them, and what the command says of each."""

ASK = """
    const told = (text) => {
      try {
        return descent.check.identify(descent.check.fromLatex(text));
      } catch (error) {
        return { error: error.message };
      }
    };
    const brief = ({ verdict, name = null, hyper = {}, changes = [], error = null }) =>
      ({ verdict, name, hyper, changes, error });
"""


def asked(run, given):
    """Return what the page's scripts return in Node."""
    own = [playground.STATIC / "random.js", checking.STATIC / "identify.js"]
    made = [offered.rules_script(), checking.forms_script(), checking.reader_script()]
    texts = [SimpleNamespace(text=Path(path).read_text(encoding="utf-8")) for path in own]
    return node(*made, checking.parts_script(), *texts, run=ASK + run, given=given)


def runnable(latex):
    """Return the sentence with which a formula is refused, or None."""
    try:
        candidate_of(latex)
    except NotRunnableError as error:
        return str(error)
    return None


REFUSED = {formula.latex: runnable(formula.latex) for formula in catalogue.book()} | {
    text: runnable(text)
    for text in (
        "",
        "x_t =",
        "{{{",
        r"\frac{",
        r"x_t = x_{t-1} - \heartsuit g_t",
        r"x_t = x_{t-1} - \eta \hat m_t",
        "x = x - g(",
        "m_t = g_t",
        "hello",
        "k+1",
        "x_t = x_{t-1} - \\eta g_{t+1}",
        "y = 1" * 30,
    )
}


REFUSED_ONLY = {text: why for text, why in REFUSED.items() if why is not None}


def test_what_the_reader_refuses_is_refused_with_the_same_sentence_and_place():
    found = asked("return given.map((text) => told(text).error);", [*REFUSED_ONLY])
    assert dict(zip(REFUSED_ONLY, found, strict=True)) == REFUSED_ONLY


def test_every_update_of_the_book_is_the_rule_that_it_is():
    rules = {formula: rule for rule, formula in reversed(FORMULAS.items())}
    rules |= {"momentum-outside": "momentum"}
    updates = {f.id: f.latex for f in catalogue.book() if REFUSED[f.latex] is None}
    assert len(updates) >= 12
    found = asked("return given.map((text) => brief(told(text)));", [*updates.values()])
    said = {i: (one["verdict"], one["name"]) for i, one in zip(updates, found, strict=True)}
    assert said == {one: ("rule", rules[one]) for one in updates}


def test_formulas_as_people_write_them_are_what_the_command_says():
    found = asked("return given.map((text) => brief(told(text)));", [*SLIPS])
    said = {text: (one["verdict"], one["name"]) for text, one in zip(SLIPS, found, strict=True)}
    assert said == SLIPS


def test_a_hyper_parameter_that_changes_nothing_is_not_said():
    text = M + HATS.partition(r", \hat v")[0] + r", x_t = x_{t-1} - \eta \hat m_t"
    said = asked("return brief(told(given));", text)
    assert said["name"] == "adam-no-denominator"
    assert said["hyper"] == {"lr": 0.001, "beta1": 0.9}


@pytest.mark.parametrize(
    ("last", "why"),
    [("10000000000", "more than a million terms are not computed"), ("90000", "take more than")],
)
def test_what_would_never_end_is_given_up(last, why):
    text = rf"x_t = x_{{t-1}} - \eta \sum_{{i=1}}^{{{last}}} g_t"
    hurried = "let now = 0; Date.now = () => (now += 6000);"  # each look at the clock is 6 s later
    assert why in asked(f"{hurried} return told(given);", text)["error"]


@pytest.mark.nightly
@pytest.mark.parametrize("text", SLIPS)
def test_the_command_says_so(text):
    report = judged_candidate(candidate_of(text), {})
    assert (report.verdict, (report.names or [None])[0]) == SLIPS[text]


NUMBERS = {
    **{"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    **{"weight_decay": 0.01, "momentum": 0.9},
}
CHANGED = [
    *(replace(ADAM_PARTS, m=kind) for kind in ("none", "sum", "first", "late")),
    *(replace(ADAM_PARTS, v=kind) for kind in ("max", "of-m", "belief", "abs", "first")),
    replace(ADAM_PARTS, v="unweighted"),
    replace(ADAM_PARTS, v_correction="frozen"),
    replace(ADAM_PARTS, eps="none"),
    replace(ADAM_PARTS, decay="decoupled"),
    replace(ADAM_PARTS, v="sum", v_correction="none"),
    replace(ADAM_PARTS, v="none", v_correction="none", eps="none"),
]
"""Adam with other averages, as the page offers them."""


def said_of_parts(parts):
    given = [dict(vars(parts)), NUMBERS]
    run = """
        const [own, numbers] = given;
        const parts = descent.python.replaced(descent.BASES.item("adam"), own);
        return brief(descent.check.identify(descent.check.fromParts(parts, numbers)));
    """
    found = asked(run, given)
    return found["verdict"], found["name"]


@pytest.mark.nightly
@pytest.mark.parametrize("parts", CHANGED, ids=lambda p: "; ".join(changes(p, ADAM_PARTS)))
def test_parts_are_what_the_command_says(parts):
    report = judged_candidate(candidate(Composed(parts=parts, **NUMBERS)), {})
    assert (report.verdict, (report.names or [None])[0]) == said_of_parts(parts)


def test_every_misprint_is_itself():
    given = [{"made": cls.__name__, "hyper": dict(vars(cls()))} for cls in MISPRINTS.values()]
    run = """
        return given.map(({ made, hyper }) => {
          const values = Object.values(hyper);
          const rule = new descent[made](...values);
          const meant = Object.fromEntries(Object.entries(hyper).map(([k, v]) => [k, [v]]));
          const fresh = descent.check.stepper(rule);
          return brief(descent.check.identify({ fresh, known: { meant, numbers: [] } }));
        });
    """
    found = asked(run, given)
    said = {name: one["name"] for name, one in zip(MISPRINTS, found, strict=True)}
    wrong = {name: one for name, one in said.items() if one != name}
    assert wrong == {"nesterov-last-momentum": "momentum"}  # which it is, at every step


def test_what_a_longer_run_refutes_has_no_name():
    run = """
        const { stepper, identify } = descent.check;
        const late = (x) => {
          const [step, other] = [new descent.Adam(), new descent.Lion()].map((r) => stepper(r)(x));
          let t = 0;
          return (at, g) => (t++ < given ? step(at, g) : other(at, g));
        };
        const meant = { lr: [0.001], beta1: [0.9], beta2: [0.999], eps: [1e-8] };
        return brief(identify({ fresh: late, known: { meant, numbers: [] } }));
    """
    assert asked(run, 450)["verdict"] == "unknown"
    assert asked(run, 501)["name"] == "adam"
