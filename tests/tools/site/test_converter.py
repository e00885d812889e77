"""The converter on the page converts as `descent.conventions.convert` does, every pair."""

import ast
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from descent.conventions import NoEquivalent, convert, defaults, framework_rule, names
from tests.tools.translation.test_translate import node
from tools.check import parity
from tools.site import converter, playground

ASK = """
    const { dict } = descent.python;
    const read = (value) => (value === "inf" ? Infinity : value);
    const shown = (value) => (typeof value === "function" ? "a function" : value);
    const drop = (lr) => (t) => (t <= 250 ? lr : lr / 10);
    const asked = ({ source, hyper, dropping }) => {
      const given = dict(hyper.map(([key, value]) => [key, read(value)]));
      if (dropping) given.set(dropping, drop(given.get(dropping)));
      return given;
    };
    const told = (one, target) => {
      try {
        const found = descent.convert(one.source, target, asked(one));
        return found.items().map(([k, v]) => [k, shown(v)]);
      } catch (error) {
        if (!(error instanceof descent.NoEquivalent)) throw error;
        const nearest = error.nearest?.items().map(([k, v]) => [k, shown(v)]) ?? null;
        return { why: error.message, nearest };
      }
    };
"""


def plain(value):
    """Return a value as JSON has it."""
    if callable(value):
        return "a function"
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return "inf" if value == math.inf else value


def pairs(hyper):
    return [[key, plain(value)] for key, value in hyper.items()]


def said(case, hyper, target):
    """Return what `convert` says, as the page's script says it."""
    try:
        return pairs(convert(case.name, target, **hyper))
    except NoEquivalent as error:
        return {
            "why": as_the_page_writes(str(error)),
            "nearest": error.nearest and pairs(error.nearest),
        }


def run(body, given):
    return node(converter.looked_up(), converter.conventions_script(), run=ASK + body, given=given)


FUNCTION = re.compile(r"(?:functools\.)?partial\(<function \w+ at \w+>, [^()]*\)")


def told(one):
    """Return what the page says as `said` does: words for infinity, whole numbers alike."""
    if isinstance(one, dict):
        return {key: told(value) for key, value in one.items()}
    if isinstance(one, list):
        return [told(part) for part in one]
    return "inf" if one == "Infinity" else one


def as_the_page_writes(sentence):
    """Return a sentence of Python's with numbers, tuples and functions as JavaScript knows them."""
    while FUNCTION.search(sentence):  # one may hold another
        sentence = FUNCTION.sub("a function", sentence)
    sentence = re.sub(r"=\(([^()]*)\)", r"=[\1]", sentence)
    return re.sub(r"\b(\d+)\.0\b", r"\1", sentence)


def cases(at):
    """Return optimisers with their settings, and what the learning rate is called if it drops."""
    if not at.startswith("dropping"):
        return [(case, case.hyper, None) for case in parity.CASES]
    drops = [case for case in parity.CASES if callable(parity.schedule(case))]
    return [
        (case, case.hyper | {case.lr_name: parity.schedule(case)}, case.lr_name) for case in drops
    ]


def first(found):
    """Return each optimiser's first setting, which is its defaults."""
    return list({case.name: (case, *rest) for case, *rest in reversed(found)}.values())


@pytest.mark.parametrize(
    ("rate", "chosen"),
    [
        ("constant", first),
        pytest.param("constant", list, marks=pytest.mark.nightly),
        pytest.param("dropping", list, marks=pytest.mark.nightly),
    ],
)
def test_every_pair_of_optimisers_is_converted_as_the_package_does(rate, chosen):
    asked = chosen(cases(rate))
    given = [
        {"source": case.name, "hyper": pairs(case.hyper | constant(case, drops)), "dropping": drops}
        for case, _, drops in asked
    ]
    every = "Object.keys(descent.OPTIMISERS)"
    found = run(f"return given.map((one) => {every}.map((target) => told(one, target)));", given)
    for (case, hyper, _), row in zip(asked, found, strict=True):
        for target, one in zip(names(), row, strict=True):
            assert told(one) == said(case, hyper, target), (str(case), target)


def constant(case, drops):
    """Return the learning rate from which one drops."""
    return {drops: parity.schedule(case).args[0]} if drops else {}


# --- what the page makes of it --------------------------------------------------------------------


def on_the_page(body, given):
    own = [playground.STATIC / "random.js", converter.STATIC / "convert.js"]
    texts = [SimpleNamespace(text=path.read_text(encoding="utf-8")) for path in own]
    window = SimpleNamespace(text="globalThis.window = globalThis;")
    made = [converter.looked_up(), converter.conventions_script()]
    return node(window, *made, *texts, run=ASK + body, given=given)


def arguments(call):
    """Return the name and the keyword arguments of a call, as Python reads it."""
    tree = ast.parse(call, mode="eval").body
    infinity = {"float": float, "__builtins__": {}}
    values = {k.arg: eval(ast.unparse(k.value), infinity) for k in tree.keywords}
    return ast.unparse(tree.func), values


def test_the_call_to_copy_is_python_with_the_values_of_convert():
    given = [{"source": case.name, "hyper": pairs(case.hyper)} for case in parity.CASES]
    run_ = """
        const { call } = descent.converter;
        const own = (one) => descent.convert(one.source, one.source, asked(one));
        return given.map((one) => call(one.source, own(one)));
    """
    for case, call in zip(parity.CASES, on_the_page(run_, given), strict=True):
        name, values = arguments(call)
        assert name == case.name
        assert ("model.parameters()" in call) == name.startswith("torch")
        rules = framework_rule(name, **values), framework_rule(case.name, **case.hyper)
        assert rules[0] == rules[1] or repr(rules[0]) == repr(rules[1])  # a schedule is its text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("0.9", 0.9), ("1e-8", 1e-8), (" 5. ", 5), (".5", 0.5), ("-1", -1), ("None", None)],
        *[("(0.9, 0.999)", [0.9, 0.999]), ("0.9,0.99", [0.9, 0.99]), ("[1, None]", [1, None])],
        *[("'original'", "original"), ("True", True), ("inf", "Infinity")],
    ],
)
def test_a_field_reads_what_python_writes(text, value):
    assert on_the_page("return descent.converter.read('x', given);", text) == value


@pytest.mark.parametrize("text", ["", "zero", "1e", "0x10", "1 2", "alert(1)", "nan", "--1", "'"])
def test_a_field_refuses_everything_else_by_name(text):
    read = "return descent.converter.read('eps', given);"
    run_ = f"try {{ {read} }} catch (error) {{ return [error.message]; }}"
    assert on_the_page(run_, text)[0].startswith("eps must be a number")


FITS = [
    ("keras.optimizers.AdamW", "torch", {"epsilon": 0.0}, "torch.optim.AdamW"),
    ("keras.optimizers.Adam", "torch", {"epsilon": 0.0, "weight_decay": 0.1}, "torch.optim.Adam"),
    ("torch.optim.Adam", "optax", {}, "optax.adam"),
    ("torch.optim.AdamW", "optax", {}, "optax.adamw"),
    ("torch.optim.RMSprop", "optax", {}, "optax.rmsprop"),
    (
        "torch.optim.Adam",
        "optax",
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        "optax.adamw",
    ),
    ("optax.lion", "keras", {"learning_rate": 0.1}, "keras.optimizers.Lion"),
    ("keras.optimizers.Adam", "torch", {}, None),
    ("torch.optim.Adam", "optax", {"amsgrad": True}, None),
    ("torch.optim.ASGD", "keras", {}, None),
]


def test_it_finds_the_optimiser_that_fits_or_the_nearest():
    given = [[{"source": s, "hyper": pairs(h)}, to] for s, to, h, _ in FITS]
    run_ = """
        const items = (one) => one?.items() ?? null;
        return given.map(([one, to]) => descent.converter.fitting(one.source, to, asked(one)))
          .map(({ target, found, nearest }) => [target, items(found), items(nearest)]);
    """
    for (source, _, hyper, target), (other, found, nearest) in zip(
        FITS, on_the_page(run_, given), strict=True
    ):
        if target is None:
            assert (found, nearest is None) == (None, False), source
        else:
            assert (other, found) == (target, pairs(convert(source, target, **hyper)))


APART = [
    ("keras.optimizers.Adam", "torch.optim.Adam", {}),
    ("torch.optim.RMSprop", "keras.optimizers.RMSprop", {"momentum": 0.9}),
    ("torch.optim.NAdam", "optax.nadam", {}),
    ("torch.optim.Adagrad", "keras.optimizers.Adagrad", {"eps": 1e-2}),
    ("torch.optim.Muon", "keras.optimizers.Muon", {}),
    ("torch.optim.SGD", "keras.optimizers.SGD", {"momentum": 0.9, "lr": "dropping"}),
]


def apart(rule, other):
    """Return how far two rules go apart, as the page measures it."""
    start = np.array([0.5, -0.25, 0.125, -0.5])
    seeds = [[playground.normal(seed, t) for seed in (0, 1)] for t in range(1, 501)]
    gradients = np.array(seeds).reshape(-1, 4)
    if not rule.elementwise:
        start, gradients = start.reshape(2, 2), gradients.reshape(-1, 2, 2)
    tiny = np.full(start.shape, 1e-10)
    steps = [one.update(0 * start, tiny, one.init(0 * start))[0].flat[0] for one in (other, rule)]
    runs = (parity.visit(one, start, gradients) for one in (rule, other))
    return {"deviation": parity.error(*runs), "firstStep": steps[0] / steps[1]}


def test_the_size_of_a_difference_is_that_of_the_package():
    drop = "const rates = { 0.1: descent.converter.dropping(0.1) };"
    run_ = (
        drop
        + """
        return given.map(([one, target]) => {
          const hyper = asked(one);
          if (hyper.get("lr") === "dropping") hyper.set("lr", rates[0.1]);
          const { nearest } = descent.converter.tried(one.source, target, hyper);
          const rules = [[one.source, hyper], [target, nearest]];
          const built = rules.map((pair) => descent.framework_rule(...pair));
          return descent.converter.difference(...built);
        });
    """
    )
    given = [[{"source": s, "hyper": pairs(h)}, t] for s, t, h in APART]
    for (source, target, hyper), found in zip(APART, on_the_page(run_, given), strict=True):
        if hyper.get("lr") == "dropping":
            hyper = hyper | {"lr": lambda t: parity.drop(0.1, t)}
        with pytest.raises(NoEquivalent) as refused:
            convert(source, target, **hyper)
        pair = framework_rule(source, **hyper), framework_rule(target, **refused.value.nearest)
        assert found == pytest.approx(apart(*pair), rel=1e-6, abs=1e-12), (source, target)


def test_what_a_framework_demands_is_asked_for():
    wanted = {
        name for name in names() if "learning_rate" in str(defaults(name)) or "lr" in defaults(name)
    }
    required = [
        name
        for name in names()
        if any(len(one) == 1 for one in converter.listed(name)["arguments"])
    ]
    assert set(required) == set(names()) - wanted
