"""The playground: its directive, its still figures, and its noise.

    ```{playground} Title
    :query: landscape=quadratic&kappa=10&start=1,0.1&steps=40&run=gradient-descent,lr:0.18
    :alt: What the still figure shows.
    ```

stands for a picture that the reader can change. The query is what a link to that picture holds; the
scripts in `book/_static/playground` read the same text. They are classic scripts, not modules, and
are not bundled: a page opened from a disk (`file://`) may not load modules, and what the browser
runs is what lies in the folder. The rules and the landscapes are not written there: the build
translates them from the package (`tools.site.offered`). Without script, in print and in a PDF, a
still figure stands there, drawn by the build from the same query with the package.

A link holds: `landscape`, its condition number `kappa`, `start`, `noise` σ with `seed`, `steps`,
the step shown `t`, and for each rule of the race one `run=NAME,HYPER:VALUE,...`, where
`schedule:NAME` is one of `offered.SHAPES`. On the playground's page it may also hold a function
that the reader typed in; a chapter's query may not, as what draws the still figure cannot read it.
"""

import hashlib
import inspect
import itertools
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import matplotlib.pyplot as plt
import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from numpy.typing import NDArray
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

import descent
from descent import Trajectory, _check, minimize, plotting
from descent.landscapes import Landscape
from descent.misprints import MISPRINTS
from descent.rules import Rule, get
from tools.book import pictures, project
from tools.site import offered
from tools.translation import translate

PAGE = "book/playground"
FIRST_SEEN = (PAGE, "book/index")
"""The pages that show the still figure until the scripts have come."""

STATIC = project.BOOK / "_static" / "playground"
NOISE = offered.FOLDER / "descent" / "noise.js"
SCRIPTS = [
    translate.RUNTIME[0],
    offered.HTML,
    offered.RULES,
    offered.LANDSCAPES,
    offered.SCHEDULES,
    NOISE,
    *(
        STATIC / f"{name}.js"
        for name in ("random", "minimize", "expression", "settings", "plot", "export", "app")
    ),
]
CONTROLS = [NOISE, STATIC / "export.js", STATIC / "app.js"]
"""The scripts that a race without controls does not need."""

STYLE = STATIC / "playground.css"
COLOURS = 64
"""Colours of a still figure: a quarter of the bytes, and nothing is seen of it."""

STILLS = project.BUILD / "playground"
NUMBERS: dict[str, Callable[[str], Any]] = {
    "kappa": float,
    "noise": float,
    "seed": int,
    "steps": int,
    "t": int,
}
# --- noise ------------------------------------------------------------------------------------


def _scatter(h: int) -> int:
    """Return the finaliser of MurmurHash3, a bijection of 32-bit numbers."""
    h = (h ^ (h >> 16)) * 0x85EBCA6B % 2**32
    h = (h ^ (h >> 13)) * 0xC2B2AE35 % 2**32
    return h ^ (h >> 16)


def _uniform(seed: int, t: int, k: int) -> float:
    inner = _scatter((_scatter(seed) + t) % 2**32)
    return (_scatter((inner + k) % 2**32) + 0.5) / 2**32


def normal(seed: int, t: int) -> NDArray[np.float64]:
    """Return the two standard normal numbers of step t, shape (2,), as `random.js` makes them.

    A hash of (seed, t) and the transform of Box and Muller: there is no state, so that every rule
    of a race meets the same noise.

    >>> normal(seed=1, t=1).round(3)
    array([-1.304, -0.242])
    """
    radius = math.sqrt(-2 * math.log(_uniform(seed, t, 0)))
    angle = 2 * math.pi * _uniform(seed, t, 1)
    return radius * np.array([math.cos(angle), math.sin(angle)])


# --- settings ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settings:
    """What a link to the playground says.

    Attributes:
        landscape: the name of the landscape.
        f: the landscape.
        start: the start, shape (2,).
        noise: the standard deviation of the noise on each coordinate of the gradient.
        seed: the seed of that noise.
        steps: how many steps are made.
        t: the step that is shown.
        rules: the rules of the race.
    """

    landscape: str
    f: Landscape
    start: NDArray[np.float64]
    noise: float
    seed: int
    steps: int
    t: int
    rules: tuple[Rule, ...]

    def run(self, rule: Rule) -> Trajectory:
        """Return the path of a rule, up to its last finite point.

        A rule for matrices takes the point as a matrix of one row.
        """
        count = itertools.count(1)
        shape = (1, 2) if offered.needs_matrix(type(rule)) else (2,)

        def noisy(x: NDArray[np.float64]) -> NDArray[np.float64]:
            exact = self.f.grad(x.reshape(2))
            return (exact + self.noise * normal(self.seed, next(count))).reshape(shape)

        def value(x: NDArray[np.float64]) -> Any:
            return self.f(x.reshape(2))

        start = self.start.reshape(shape)
        path = minimize(value, start, rule, self.steps, grad=noisy, nonfinite="stop")
        return Trajectory(path.x.reshape(-1, 2), path.f, path.g.reshape(-1, 2), path.states)


def _rule(text: str, steps: int) -> Rule:
    name, *pairs = text.split(",")
    told = dict(pair.split(":") for pair in pairs)
    shape = told.pop("schedule", "constant")
    hyper: dict[str, Any] = {key: float(value) for key, value in told.items()}
    if "lr" not in hyper:
        raise ValueError(f"run={text} must state its step size, as lr:0.1")
    if shape != "constant":
        hyper["lr"] = offered.schedule(shape, hyper["lr"], steps)
    if name in offered.LEFT_OUT:
        raise ValueError(
            f"run={text} must be of a rule that pages offer: {', '.join(offered.names())}"
        )
    other = offered.VARIANTS | MISPRINTS
    return other[name](**hyper) if name in other else get(name, **hyper)


def parse(query: str) -> Settings:
    """Return the settings that a chapter's query states.

    A chapter states landscape, start and step sizes itself, so that its picture does not change
    with the playground's defaults.

    Raises:
        ValueError: something is missing, unknown or not allowed.

    >>> parse("landscape=saddle&start=2,0.1&run=adam,lr:0.1").rules
    (Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-08),)
    """
    given = parse_qs(query, strict_parsing=True)
    if unknown := given.keys() - {"landscape", "start", "run", *NUMBERS}:
        raise ValueError(f"unknown settings {sorted(unknown)}")
    if missing := {"landscape", "start", "run"} - given.keys():
        raise ValueError(f"missing settings {sorted(missing)}")
    number: dict[str, Any] = {"kappa": 20.0, "noise": 0.0, "seed": 1, "steps": 200}
    number |= {key: read(given[key][0]) for key, read in NUMBERS.items() if key in given}
    _check.not_negative("noise", number["noise"])
    _check.count("steps", number["steps"])
    name = given["landscape"][0]
    if name == "noisy-quadratic" and "noise" not in given:
        raise ValueError("a noisy quadratic must state its noise")
    return Settings(
        landscape=name,
        f=offered.landscape(name, number["kappa"]),
        start=np.array([float(x) for x in given["start"][0].split(",")]),
        noise=number["noise"],
        seed=number["seed"],
        steps=number["steps"],
        t=number.get("t", number["steps"]),
        rules=tuple(_rule(run, number["steps"]) for run in given["run"]),
    )


# --- the still figure -------------------------------------------------------------------------


def still(query: str) -> Path:
    """Return the still figure of a query, drawn unless it was drawn before."""
    here = map(Path, (__file__, offered.__file__, pictures.__file__))
    sources = [*here, *Path(descent.__file__).parent.glob("*.py")]
    content = query.encode() + b"".join(path.read_bytes() for path in sorted(sources))
    path = STILLS / f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    if not path.exists():
        draw(parse(query), path)
    return path


def draw(settings: Settings, path: Path) -> None:
    """Draw the paths on the landscape, and the losses beside them."""
    f, t = settings.f, settings.t
    least = float(f(f.minimizer))
    first, last = offered.PLACES[settings.landscape]["levels"]
    runs = {label(rule): settings.run(rule) for rule in settings.rules}
    shown = {name: Trajectory(r.x[: t + 1], r.f, r.g, r.states) for name, r in runs.items()}
    figure, (left, right) = plotting.figure(2, height=3.4)
    plotting.contours(left, f, levels=[least + 4.0**k for k in range(first, last + 1)])
    plotting.paths(left, shown, every=max(1, t // 10))
    plotting.curves(right, {name: np.maximum(r.f - least, 1e-16) for name, r in runs.items()})
    highest = 1e3 * max(float(f(settings.start)) - least, 1e-16)
    right.set(ylabel="$f(x) - f(x^\\star)$", xlim=(0, settings.steps))
    right.set_ylim(top=min(right.get_ylim()[1], highest))
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", fontsize=9)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=200, transparent=False)
    plt.close(figure)
    pictures.keep(pictures.lighter(drawn.getvalue(), COLOURS), path)


def label(rule: Rule) -> str:
    """Return what a run is called: the rule as it would be written, without its defaults.

    >>> label(get("momentum", lr=0.1, momentum=0.5))
    'Momentum(lr=0.1, momentum=0.5)'
    """
    usual = type(rule)(lr=rule.lr)
    told = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in vars(rule).items()
        if name == "lr" or value != getattr(usual, name)
    ]
    return f"{type(rule).__name__}({', '.join(told)})"


# --- the directive ----------------------------------------------------------------------------


class Playground(nodes.General, nodes.Element):  # type: ignore[misc]
    """A playground: holds the still figure that it replaces."""


class PlaygroundDirective(SphinxDirective):
    """A picture that the reader can change; without script, a still one of the same numbers."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {
        "query": directives.unchanged_required,
        "alt": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the playground with the still figure inside."""
        if missing := {"query", "alt"} - self.options.keys():
            raise self.error(f"playground: options missing: {sorted(missing)}")
        title, query = self.arguments[0], self.options["query"]
        try:
            path = still(query)
        except ValueError as error:
            raise self.error(f"playground: {error}") from error
        package = (project.ROOT / "src" / "descent").glob("*.py")  # what the still is drawn with
        for source in (Path(__file__), Path(offered.__file__), STYLE, *SCRIPTS, *package):
            self.env.note_dependency(str(source))
        uri = "/" + path.relative_to(project.ROOT).as_posix()
        loading = "eager" if self.env.docname in FIRST_SEEN else "lazy"
        image = nodes.image(uri=uri, alt=self.options["alt"], loading=loading)
        figure = nodes.figure("", image, nodes.caption("", title))
        playground = Playground("", figure, title=title, query=query)
        playground["address"] = self.env.docname == PAGE
        self.set_source_info(playground)
        return [playground]


def visit_html(writer: Any, node: Playground) -> None:
    """Open the element that the script fills."""
    kind = "race" if node.get("race") else "settings"
    attributes = {"data-title": node["title"], f"data-{kind}": node["query"]}
    attributes["data-page"] = writer.builder.get_relative_uri(writer.docnames[0], PAGE)
    attributes |= {"data-address": ""} if node["address"] else {}
    look = "playground race" if node.get("race") else "playground"
    writer.body.append(writer.starttag(node, "div", "", CLASS=look, **attributes))


def depart_html(writer: Any, node: Playground) -> None:
    """Close it."""
    writer.body.append("</div>\n")


def leave(writer: Any, node: Playground) -> None:
    """Elsewhere the still figure is all."""


def noise_script() -> translate.Script:
    """Return the script of the noise's own lines, for the cell that the page gives away."""
    lines = "\n\n".join(inspect.getsource(part) for part in (_scatter, _uniform, normal))
    plain = re.sub(r'\n    """.*?"""', "", lines, flags=re.DOTALL)
    plain = plain.replace("NDArray[np.float64]", "np.ndarray")
    text = f"(globalThis.descentPlayground ??= {{}}).NOISE_IN_PYTHON = {json.dumps(plain)};\n"
    return translate.Script(text, {})


def write_scripts(app: Sphinx, config: Config) -> None:
    """Translate what the scripts compute with."""
    own = {NOISE: noise_script()} | {
        offered.RULES: offered.rules_script(),
        offered.LANDSCAPES: offered.landscapes_script(),
        offered.SCHEDULES: offered.schedules_script(),
    }
    offered.write(config, own)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("playground", PlaygroundDirective)
    still_alone = (leave, leave)
    app.add_node(Playground, html=(visit_html, depart_html), latex=still_alone, text=still_alone)
    app.add_config_value("translated", "", "html")
    app.connect("config-inited", write_scripts)
    drawing = [script for script in SCRIPTS if script not in CONTROLS]
    has_controls = offered.loading(Playground, (), CONTROLS, lambda node: not node.get("race"))
    app.connect("html-page-context", offered.loading(Playground, (STYLE,), drawing))
    app.connect("html-page-context", has_controls)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
