"""What is translated to JavaScript computes what the Python computes."""

import ast
import dataclasses
import json
import subprocess
import tempfile
import textwrap
from contextlib import suppress

import numpy as np
import pytest

from descent import rules, schedules
from descent.misprints import MISPRINTS
from descent.relatives import FrameworkMuon, Lamb, Lars, Prodigy
from tests.hostile import dropping, gradients
from tools.book import project
from tools.site import mathematics, offered
from tools.translation import javascript, translate
from tools.translation.translate import UntranslatableError, script

RULES = {name: rules._RULES[name] for name in offered.names()}
SCHEDULES = {
    "Constant": (0.1,),
    "Step": (0.1, 7, 0.5),
    "Exponential": (0.1, 0.97),
    "Cosine": (0.1, 300, 0.01),
    "LinearWarmup": (0.1, 40),
    "WarmupCosine": (0.1, 40, 300),
    "InverseSquareRoot": (0.1, 40),
    "OneCycle": (0.1, 300),
    "RobbinsMonro": (0.1, 0.75),
    "Linear": (0.1, 300),
    "WarmupStableDecay": (0.1, 40, 300, 100),
}
UNTRANSLATED = {"Milestones"}
"""What takes a list, for which no page has a field."""
STEPS = 500


def node(*scripts, run, given=None):
    """Return what `run`, the body of a function of `given`, returns in Node after the scripts."""
    runtime = [path.read_text(encoding="utf-8") for path in translate.RUNTIME]
    texts = [*runtime, *(one.text for one in scripts)]
    ask = f"""
        const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const number = (k, v) => (Number.isFinite(v) || typeof v !== "number" ? v : String(v));
        const found = (function () {{ {run} }})();
        process.stdout.write(JSON.stringify(found, number));
    """
    with tempfile.NamedTemporaryFile("w", suffix=".js", encoding="utf-8") as file:
        file.write("\n".join([*texts, ask]))
        file.flush()
        done = subprocess.run(
            [str(mathematics.NODE), file.name],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


WALK = """
    const { array, lists } = descent.python;
    const walk = ({ rule, hyper, x, g }) => {
      const made = new descent[rule](...hyper.map((value) => value ?? undefined));
      let at = array(x);
      let state = made.init(at);
      return [x, ...g.map((one) => {
        [at, state] = made.update(at, array(one), state);
        return lists(at);
      })];
    };
"""


def walked(rule, x, g):
    """Return the points that a rule visits, until a number of Python's overflows."""
    points, state = [x], rule.init(x)
    with np.errstate(all="ignore"), suppress(ArithmeticError):
        for one in g:
            x, state = rule.update(x, one, state)
            points.append(x)
    return np.array(points)


def values(rule):
    """Return a rule's hyper-parameters in order, but for a learning rate that is a function."""
    found = [getattr(rule, field.name) for field in dataclasses.fields(rule)]
    return [value if not callable(value) else None for value in found]


def changed(cls):
    """Return a rule with every hyper-parameter another than by default."""
    other = {
        "momentum": 0.5, "rho": 0.97, "beta1": 0.6, "beta2": 0.95, "eps": 1e-3,
        "weight_decay": 0.02, "eps1": 1e-6, "eps2": 1e-2, "clip": 0.5, "multiplier": 0.5,
    }  # fmt: skip
    names = {field.name for field in dataclasses.fields(cls)}
    return cls(lr=0.03, **{k: v for k, v in other.items() if k in names})


def start_of(rule):
    """Return starts and gradients: of six coordinates, or as matrices of a rule that wants them."""
    g, x = gradients(STEPS), np.array([1.0, -2.0, 0.0, 0.5, 3.0, -1.0])
    if rule.elementwise:
        return [(x, g)]
    shapes = [(2, 3), (3, 2), (1, 6)] + ([(6,)] if not isinstance(rule, rules.Muon) else [])
    return [(x.reshape(shape), g.reshape(STEPS, *shape)) for shape in shapes]


def travelled(path):
    return np.abs(np.diff(path, axis=0)).sum(axis=0)


def compared(cases, translated):
    """Assert that the rules of cases visit in Node the points that they visit here."""
    given = [
        {"rule": type(rule).__name__, "hyper": values(rule), "x": x.tolist(), "g": g.tolist()}
        for rule, x, g in cases
    ]
    found = node(translated, run=f"{WALK} return given.map(walk);", given=given)
    for (rule, x, g), one in zip(cases, found, strict=True):
        theirs = walked(rule, x, g)
        ours = np.array(one, dtype=float)[: len(theirs)]
        assert np.array_equal(np.isfinite(ours), np.isfinite(theirs)), rule
        seen = np.isfinite(theirs)
        allowed = 1e-11 * (travelled(np.where(seen, theirs, 0)) + 1e-3 * np.abs(x))
        apart = np.where(seen, np.abs(ours - np.where(seen, theirs, 0)), 0)
        assert (apart <= allowed).all(), (rule, apart.max(axis=0) / allowed)


@pytest.fixture(scope="module")
def all_rules():
    wanted = {"descent.rules": [cls.__name__ for cls in RULES.values()]}
    return script(wanted, leave_out=["__post_init__"])


@pytest.mark.parametrize("choice", [lambda cls: cls(), changed], ids=["defaults", "others"])
def test_every_rule_makes_the_same_500_hostile_steps(all_rules, choice):
    cases = [
        (rule, x, g)
        for rule in map(choice, RULES.values())
        for x, g in start_of(rule)
        if isinstance(rule.lr, float) or rule.lr is rules.relative_step
    ]
    assert {type(rule) for rule, _, _ in cases} == set(RULES.values())
    compared(cases, all_rules)


def test_every_misprint_makes_the_same_500_hostile_steps():
    wanted = {"descent.misprints": [cls.__name__ for cls in MISPRINTS.values()]}
    translated = script(wanted, leave_out=["__post_init__"])
    x, g = start_of(rules.Adam())[0]
    compared([(cls(lr=0.01), x, g) for cls in MISPRINTS.values()], translated)


def test_every_schedule_gives_the_same_rates_to_500_steps_and_refuses_the_same_arguments():
    known = {cls.__name__ for cls in schedules.Schedule.__subclasses__()}
    assert set(SCHEDULES) == known - UNTRANSLATED
    translated = script({"descent.schedules": SCHEDULES})
    run = """
        const tried = (f) => { try { return f(); } catch (error) { return error.message; } };
        return Object.entries(given).map(([name, values]) => {
          const one = new descent[name](...values);
          const rates = Array.from({ length: 500 }, (_, i) => one(i + 1));
          const negative = () => new descent[name](-1, ...values.slice(1));
          return [rates, tried(() => one(0)), tried(negative)];
        });
    """
    found = node(translated, run=run, given=SCHEDULES)
    for (name, arguments), (rates, at_zero, negative) in zip(SCHEDULES.items(), found, strict=True):
        one = getattr(schedules, name)(*arguments)
        assert rates == pytest.approx([one(t) for t in range(1, STEPS + 1)], rel=1e-14, abs=1e-18)
        with pytest.raises(ValueError, match="t must be") as refused:
            one(0)
        assert at_zero == str(refused.value)
        with pytest.raises(ValueError, match="lr must be") as refused:
            getattr(schedules, name)(-1, *arguments[1:])
        assert negative == str(refused.value)


def test_a_schedule_is_a_rule_s_learning_rate():
    translated = script(
        {"descent.rules": ["Adam"], "descent.schedules": ["Step"]}, leave_out=["__post_init__"]
    )
    x, g = start_of(rules.Adam())[0]
    run = f"{WALK} return walk({{ ...given, hyper: [new descent.Step(0.1, 200, 0.1)] }});"
    found = node(translated, run=run, given={"rule": "Adam", "x": x.tolist(), "g": g.tolist()})
    theirs = walked(rules.Adam(lr=dropping(0.1, 200)), x, g[:400])
    assert np.array(found)[:401] == pytest.approx(theirs, rel=1e-11)


def test_rules_that_take_norms_sums_and_products_make_the_same_500_hostile_steps():
    made = [Lamb(lr=0.01, weight_decay=0.02), Lars(lr=0.1), Prodigy(), FrameworkMuon(lr=0.02)]
    wanted = {"descent.relatives": [type(rule).__name__ for rule in made]}
    translated = script(wanted, leave_out=["__post_init__"])
    x, g = start_of(rules.Adam())[0]
    shapes = [(2, 3) if isinstance(rule, FrameworkMuon) else (6,) for rule in made]
    pairs = zip(made, shapes, strict=True)
    compared([(r, x.reshape(s), g.reshape(STEPS, *s)) for r, s in pairs], translated)


def test_products_of_vectors_and_matrices_are_those_of_numpy():
    rng = np.random.default_rng(0)
    a, b, v, w = (rng.standard_normal(shape) for shape in ((2, 3), (3, 4), 3, 3))
    run = """
        const { array, lists, matmul } = descent.python;
        return given.map(([a, b]) => lists(matmul(array(a), array(b))));
    """
    pairs = [(a, b), (a, v), (v, b), (v, w)]
    found = node(run=run, given=[[one.tolist(), other.tolist()] for one, other in pairs])
    for (one, other), product in zip(pairs, found, strict=True):
        assert np.array(product) == pytest.approx(one @ other, rel=1e-13)


def test_every_landscape_has_the_same_values_and_gradients_at_points_and_on_grids():
    run = """
        const { array, lists } = descent.python;
        const own = ([made, x]) => {
          const f = new descent[made](...(made === "Quadratic" ? [[1, 30]] : []));
          return [lists(f.__call__(array(x))), lists(f.grad(array(x)))];
        };
        return given.map(own);
    """
    points = np.random.default_rng(0).uniform(-2, 2, (2, 5, 4))
    places = [(name, x) for name in offered.PLACES for x in (points, points[:, 0, 0])]
    made = [offered.place(name)["made"] for name, _ in places]
    given = [[one, x.tolist()] for one, (_, x) in zip(made, places, strict=True)]
    found = node(offered.rules_script(), offered.landscapes_script(), run=run, given=given)
    for (name, x), (value, slope) in zip(places, found, strict=True):
        f = offered.landscape(name, 30.0)
        assert np.array(value) == pytest.approx(f(x), rel=1e-13)
        assert np.array(slope) == pytest.approx(f.grad(x), rel=1e-13)


# --- the language -----------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Return a function that translates a text as a module `descent.written`."""

    def translated(text, *names):
        path = project.ROOT / "src" / "descent" / "written.py"
        tree = ast.parse(textwrap.dedent(text))
        made = translate.Module("descent.written", path, tree)
        monkeypatch.setitem(javascript.MODULES, "descent.written", made)
        return script({"descent.written": names})

    return translated


PROGRAM = """
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from collections.abc import Iterator

TABLE = {("a", 1): [1, 2], ("b", 2): []}

@dataclass(frozen=True)
class Point:
    x: float
    y: float = 2.0
    seen: list = field(default_factory=list)

    @property
    def size(self) -> float:
        return self.x * self.y

    def __iter__(self):
        yield self.x
        yield from [self.y]

def falsy(a):
    return [bool(one) for one in a] + [not one for one in a]

def counted(words):
    found = {}
    for i, word in enumerate(words):
        found.setdefault(word, []).append(i) if False else None
        found[word] = found.get(word, 0) + 1
    return [[k, v] for k, v in found.items()]

def chained(a):
    return [0 < b <= 2 for b in a]

def closures(n):
    total = 0
    def add(k):
        nonlocal total
        total += k
        return total
    return [add(k) for k in range(n)] + [total]

def powers():
    whole = [7 // 2, -7 // 2, -7 % 3]
    return [2**3**2, (2**3) ** 2, -2**2, (-2) ** 2, 2 - (3 - 4), 8 / (4 / 2)] + whole

def points():
    p = Point(3.0)
    q = replace(p, y=5.0)
    return [p.size, q.size, list(q), p.seen is q.seen, Point(y=1.0, x=4.0).size]

def table(key):
    return TABLE[key] or "empty"

def texts(s):
    said = f"{s}: {3:g} {1e-8:g} {2.5!r}"
    return [s[1:], s[-1], s.lstrip("\\\\"), s.removesuffix("_t"), said, "t" in s]

def guarded(n):
    log = []
    try:
        if n > 1:
            raise ValueError(f"{n} is too many")
        log.append("fine")
    except ValueError as error:
        log.append(str(error))
    finally:
        log.append("end")
    return log

def new(default, this=1):
    function = default + this
    return function

@dataclass(frozen=True)
class Line(Point):
    inner: Point = Point(1.0)

def matched(a):
    match a:
        case Line(inner=Point(x=1), y=2.0) if a.x > 3:
            return "a line from 1, far"
        case Line():
            return "a line"
        case Point(seen=True):
            return "seen"
    return "a point"

def matches():
    lines = [Line(4.0), Line(2.0), Line(4.0, inner=Point(2.0)), Point(1.0)]
    return [matched(a) for a in [*lines, Point(1.0, 2.0, True)]]

def gathered(first, /, **more):
    return [first, [[k, v] for k, v in more.items()]]

def passed_on():
    given = {"x": 3.0, "y": 4.0}
    kind = Line if given else Point
    spread = (1.0, 2.0)
    line = Line(*spread, inner=Point(9.0))
    return [gathered(1, **given), Point(**given).size, kind(5.0).size, line.inner.x]

def suppressed():
    log = []
    for n in (1, 2):
        with suppress(ValueError):
            if n == 1:
                raise ValueError("one")
            log.append(n)
    return log

def sets(a, b):
    odd = set(a) ^ set(b)
    sides = set(a).issuperset(b), set(a) - set(b) == set(a).difference(b) or len(odd)
    return [sorted(odd), sides[0], sorted(set(a).difference(b)), partial(new, 1)(2)]

def named(a):
    return [type(a).__name__, str(a.x), f"{1e-5} {1e20} {0.5}"]
"""


@pytest.mark.parametrize(
    "call",
    [
        'falsy([[], [0], "", "a", 0, 1, None, {}, {1: 2}])',
        'counted(["a", "b", "a"])',
        "chained([-1, 0, 1, 2, 3])",
        "closures(5)",
        "powers()",
        "points()",
        'table(("a", 1))',
        'table(("b", 2))',
        'texts("\\\\beta_t")',
        "guarded(1)",
        "guarded(2)",
        "new(1)",
        "new(1, this=3)",
        "matches()",
        "passed_on()",
        "suppressed()",
        "sets([1, 2, 3], [3, 4])",
        "sets([1, 2], [2])",
        "named(Point(0.25))",
    ],
)
def test_the_language_means_what_it_means_in_python(written, call):
    names = [n.name for n in ast.parse(PROGRAM).body if isinstance(n, ast.FunctionDef)]
    space = {}
    exec(PROGRAM, space)
    translated = written(f"{PROGRAM}\ndef asked():\n    return {call}\n", *names, "asked")
    assert node(translated, run="return descent.asked();") == json.loads(
        json.dumps(eval(call, space))
    )


@pytest.mark.parametrize(
    ("text", "line", "construct"),
    [
        ("def f(x):\n    return x @@ 1", 0, ""),
        ("def f(x):\n    return mystery(x)", 2, "mystery"),
        ("import os\ndef f(x):\n    return os.getcwd()", 3, "os.getcwd"),
        ("def f(x):\n    async def g():\n        pass", 2, "AsyncFunctionDef"),
        ("def f(x):\n    return x << 2", 2, "LShift"),
        ("def f(x):\n    del x", 2, "Delete"),
        ("def g(x):\n    return x\ndef f(x):\n    return g(**x, **x)", 4, "**"),
        ("def f(x):\n    return 3j", 2, "3j"),
        ("def f(x):\n    match x:\n        case [1, y]:\n            return 2", 3, "pattern"),
        ("class A:\n    @staticmethod\n    def f(x):\n        return x\ndef f(x):\n    return A()",
         2, "staticmethod"),
    ],
)  # fmt: skip
def test_what_has_no_translation_is_named_with_file_line_and_construct(
    written, text, line, construct
):
    if not line:
        with pytest.raises(SyntaxError):
            written(text, "f")
        return
    with pytest.raises(UntranslatableError) as error:
        written(text, "f")
    assert f"src/descent/written.py:{line}: " in str(error.value)
    assert construct in str(error.value)
