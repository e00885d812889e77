"""What the playground's scripts compute with, translated from the package when the site is built.

A rule of `descent.rules` is offered as it stands there: its name, its hyper-parameters with their
defaults, what they may be and how the mathematics writes them are read off the class. What a page
has to say of its own, such as the landscape on which a rule starts and how large its first step
size is there, stands here.
"""

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from descent import rules, schedules
from descent.conventions import KerasAdam, OptaxAdam
from descent.landscapes import (
    Beale,
    Himmelblau,
    Landscape,
    NoisyQuadratic,
    Quadratic,
    Rosenbrock,
    Saddle,
)
from descent.misprints import MISPRINTS
from descent.rules import Rule
from tools.book import project
from tools.translation import translate

FOLDER = project.BUILD / "scripts"
"""Where the translated scripts are written; Sphinx copies what lies there."""

RULES = FOLDER / "descent" / "rules.js"
LANDSCAPES = FOLDER / "descent" / "landscapes.js"
SCHEDULES = FOLDER / "descent" / "schedules.js"
HTML = project.BOOK / "_static" / "descent" / "html.js"
"""What makes elements, for the scripts of every page that computes."""

SHARES = {
    "momentum": 0.4,
    "averaged-momentum": 4.0,
    "nesterov": 0.4,
    "adagrad": 5.0,
    "rmsprop": 0.5,
    "momentum-rmsprop": 0.2,
    "centered-rmsprop": 0.05,
    "lion": 0.3,
}
"""How much of a landscape's step size a rule starts with, where it is not all of it."""

LEFT_OUT = ("shampoo", "soap", "schedule-free-adamw")
"""Rules that no page offers: two take eigenvectors, which the scripts of the pages do not; the
parameter of the third is not the point that it answers with."""

VARIANTS: dict[str, type[Rule]] = {"adam-keras": KerasAdam, "adam-optax": OptaxAdam}
"""The forms that a framework gives a rule, by the rule's name and the framework's."""

SHAPES: dict[str, tuple[type[schedules.Schedule], dict[str, float]]] = {
    "constant": (schedules.Constant, {}),
    "linear": (schedules.Linear, {"steps": 1.0}),
    "cosine": (schedules.Cosine, {"steps": 1.0}),
    "step": (schedules.Step, {"every": 1 / 3}),
    "warm-up": (schedules.LinearWarmup, {"steps": 0.1}),
}
"""The schedules: their counts of steps as shares of all steps; the rest is left as it is."""

PLACES: dict[str, dict[str, Any]] = {
    "quadratic": {
        "title": "Ill-conditioned quadratic",
        "formula": "f = ½ (x₁² + κ x₂²)",
        "start": [-2.5, 1.5],
        "noise": 0,
        "kappa": 20,
        "lr": {"gradient": 0.09, "position": 0.1},
        "levels": [-3, 4],
    },
    "rosenbrock": {
        "title": "Rosenbrock’s valley",
        "formula": "f = (1 − x₁)² + 100 (x₂ − x₁²)²",
        "start": [-1.2, 1],
        "noise": 0,
        "lr": {"gradient": 0.001, "position": 0.1},
        "levels": [-1, 5],
    },
    "beale": {
        "title": "Beale’s function",
        "formula": "f = Σₖ (cₖ − x₁ (1 − x₂ᵏ))², c = (1.5, 2.25, 2.625)",
        "start": [1, 1.5],
        "noise": 0,
        "lr": {"gradient": 0.01, "position": 0.1},
        "levels": [-2, 8],
    },
    "himmelblau": {
        "title": "Himmelblau’s function, four minima",
        "formula": "f = (x₁² + x₂ − 11)² + (x₁ + x₂² − 7)²",
        "start": [0, 0],
        "noise": 0,
        "lr": {"gradient": 0.01, "position": 0.1},
        "levels": [-1, 5],
    },
    "saddle": {
        "title": "Saddle",
        "formula": "f = ½ (x₁² − x₂²) + ¼ x₂⁴",
        "start": [2, 0.001],
        "noise": 0,
        "lr": {"gradient": 0.1, "position": 0.05},
        "levels": [-4, 2],
    },
    "noisy-quadratic": {
        "title": "Noisy quadratic",
        "formula": "f = ½ (x₁² + κ x₂²), the gradient with noise",
        "start": [-2.5, 1.5],
        "noise": 2,
        "kappa": 20,
        "lr": {"gradient": 0.02, "position": 0.05},
        "levels": [-3, 4],
    },
}
"""The landscapes: `lr` is a step size that works there, of rules whose step grows with the gradient
and of rules that divide the gradient's size out; level lines lie at f* + 4^k, k from `levels`."""


def landscape(name: str, kappa: float) -> Landscape:
    """Return the landscape of that name; kappa is the condition number of the quadratics."""
    if name not in PLACES:
        raise ValueError(f"landscape must be one of {', '.join(PLACES)}, got {name!r}")
    if name == "quadratic":
        return Quadratic([1.0, kappa])
    if name == "noisy-quadratic":
        return NoisyQuadratic([1.0, kappa])
    plain: dict[str, type[Landscape]] = {
        "rosenbrock": Rosenbrock,
        "beale": Beale,
        "himmelblau": Himmelblau,
        "saddle": Saddle,
    }
    return plain[name]()


def schedule(name: str, lr: float, steps: int) -> schedules.Schedule:
    """Return the schedule of that name over some steps.

    >>> schedule("step", 0.1, 200)
    Step(lr=0.1, every=66, gamma=0.1)
    """
    if name not in SHAPES:
        raise ValueError(f"schedule must be one of {', '.join(SHAPES)}, got {name!r}")
    made, shares = SHAPES[name]
    return made(lr, **{part: max(1, int(share * steps)) for part, share in shares.items()})


def names() -> list[str]:
    """Return the names of the rules that are offered."""
    return [name for name in rules.names() if name not in LEFT_OUT]


# --- what is read off a rule ------------------------------------------------------------------


def hyper(cls: type[Rule]) -> dict[str, float]:
    """Return the hyper-parameters of a rule that are numbers, with their defaults, without lr."""
    found = {}
    for field in dataclasses.fields(cls):
        is_number = isinstance(field.default, int | float) and not isinstance(field.default, bool)
        if is_number and "Callable" not in str(field.type):
            found[field.name] = float(field.default)  # type: ignore[arg-type]
    return {name: value for name, value in found.items() if name != "lr"}


ALLOWED = {
    (False, True, True, False): "rate",
    (False, False, True, False): "positive rate",
    (False, True, True, True): "not negative",
    (False, False, True, True): "positive",
    (True, True, True, True): "any",
}
"""What a number may be, by whether -1, 0, 1/2 and 1 are taken."""


def allowed(cls: type[Rule], name: str) -> str:
    """Return what a hyper-parameter may be, found by trying.

    >>> allowed(rules.Adam, "beta1"), allowed(rules.NAdam, "beta2"), allowed(rules.Adadelta, "eps")
    ('rate', 'positive rate', 'positive')
    """
    found = tuple(_is_taken(cls, name, value) for value in (-1.0, 0.0, 0.5, 1.0))
    if found not in ALLOWED:
        raise ValueError(f"{cls.__name__}.{name} takes other numbers than a field of the page can")
    return ALLOWED[found]


def _is_taken(cls: type[Rule], name: str, value: float) -> bool:
    try:
        cls(lr=0.1, **{name: value})
    except ValueError:
        return False
    return True


def symbol(cls: type[Rule], name: str) -> str:
    """Return how the docstring of a rule writes a hyper-parameter, or its name.

    >>> symbol(rules.Adam, "beta1"), symbol(rules.Adafactor, "clip")
    ('β₁', 'd')
    """
    if name == "lr":
        return "η"
    told = inspect.getdoc(rules._RULES[family(cls)]) or ""
    stated = re.search(rf"^\s+{name}: ([^\s,:]+)", told, re.MULTILINE)
    return stated[1] if stated else name.replace("eps", "ε")


def title(name: str) -> str:
    """Return what the page calls a rule.

    >>> title("momentum-rmsprop"), title("gradient-descent"), title("adamw")
    ('Momentum RMSprop', 'Gradient descent', 'AdamW')
    """
    spelt = {cls.__name__.lower(): cls.__name__ for cls in rules._RULES.values()}
    known = [word for word in name.split("-") if word in spelt and spelt[word] != word.capitalize()]
    words = [spelt[word] if word in known else word for word in name.split("-")]
    return words[0][:1].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:])


def needs_matrix(cls: type[Rule]) -> bool:
    """Whether a rule refuses a vector."""
    try:
        cls(lr=0.1).init(np.zeros(2))
    except ValueError:
        return True
    return False


def unit(cls: type[Rule]) -> str:
    """Return what η is measured in: "gradient" (x²/f), "position" (x), or a pure "number".

    >>> unit(rules.Momentum), unit(rules.Adam), unit(rules.Adadelta)
    ('gradient', 'position', 'number')
    """
    usual: Any = {field.name: field.default for field in dataclasses.fields(cls)}
    if usual["lr"] == 1.0:
        return "number"
    shape = (1, 2) if needs_matrix(cls) else (2,)
    rule, x = cls(lr=0.1), np.ones(shape)
    small, large = (
        np.abs(rule.update(x, np.full(shape, g), rule.init(x))[0] - x).max() for g in (1.0, 1e3)
    )
    return "gradient" if large > 30 * small else "position"


def raced() -> dict[str, type[Rule]]:
    """Return what can be raced: the rules, the frameworks' forms and the misprints of some."""
    return {name: rules._RULES[name] for name in names()} | VARIANTS | MISPRINTS


def family(cls: type[Rule]) -> str:
    """Return the name of a rule, or of that of which a class is another form."""
    for name, variant in VARIANTS.items():
        if cls is variant:
            return name.rpartition("-")[0]
    cls = getattr(cls, "of", cls)
    return next(name for name, rule in rules._RULES.items() if rule is cls)


def called(name: str) -> str:
    """Return what the page calls a rule or a misprint.

    >>> called("adam"), called("adam-keras"), called("adam-no-correction")
    ('Adam', 'Adam in Keras', 'Adam, misprint: no correction')
    """
    own = family(raced()[name])
    if name in VARIANTS:
        return f"{title(own)} in {name.rpartition('-')[2].capitalize()}"
    what = name.removeprefix(f"{own}-").replace("-", " ")
    return title(name) if name in rules._RULES else f"{title(own)}, misprint: {what}"


def offer(name: str) -> dict[str, Any]:
    """Return what the page knows of a rule or a misprint."""
    cls = raced()[name]
    numbers = hyper(cls)
    return {
        "name": name,
        "title": called(name),
        "made": cls.__name__,
        "unit": unit(cls),
        "share": SHARES.get(family(cls), 1.0),
        "matrix": needs_matrix(cls),
        "hyper": numbers,
        "symbols": {key: symbol(cls, key) for key in ("lr", *numbers)},
        "allowed": {"lr": "positive", **{key: allowed(cls, key) for key in numbers}},
    }


def listed(name: str) -> dict[str, Any]:
    """Return what the script holds of a rule, or in what another form differs from its rule."""
    told = offer(name)
    if name in rules._RULES:
        return told
    own = family(raced()[name])
    right = offer(own)
    kind = "variant" if name in VARIANTS else "misprint"
    return {kind: own} | {key: value for key, value in told.items() if value != right[key]}


def place(name: str) -> dict[str, Any]:
    """Return what the page knows of a landscape."""
    f = landscape(name, 1.0)
    made = Quadratic if isinstance(f, Quadratic) else type(f)
    shown = {"window": f.window, "minimizer": f.minimizer.tolist(), "made": made.__name__}
    return {**PLACES[name], **shown}


# --- the scripts ------------------------------------------------------------------------------


def is_shown(name: str) -> bool:
    """Whether a number that a step computes on its way is shown: it is a letter of a formula."""
    return len(name) == 1 or name.endswith("_hat")


@cache
def rules_script() -> translate.Script:
    """Return the script of all rules and misprints, and what the page knows of them: `RULES`."""
    wanted = {
        "descent.rules": [rules._RULES[name].__name__ for name in names()],
        "descent.conventions": [cls.__name__ for cls in VARIANTS.values()],
        "descent.misprints": [cls.__name__ for cls in MISPRINTS.values()],
    }
    data = {"RULES": {name: listed(name) for name in raced()}}
    return translate.script(wanted, leave_out=["__post_init__"], shows=is_shown, data=data)


@cache
def landscapes_script() -> translate.Script:
    """Return the script of the landscapes, and of what the page knows of them as `LANDSCAPES`."""
    data = {"LANDSCAPES": {name: place(name) for name in PLACES}}
    made = dict.fromkeys(str(landscape["made"]) for landscape in data["LANDSCAPES"].values())
    return translate.script(
        {"descent.landscapes": made}, leave_out=["noisy_grad"], after=[rules_script()], data=data
    )


@cache
def schedules_script() -> translate.Script:
    """Return the script of the schedules, and of their shares of all steps as `SCHEDULES`."""
    known = {name: {"made": cls.__name__, "shares": part} for name, (cls, part) in SHAPES.items()}
    wanted = {"descent.schedules": [cls.__name__ for cls, _ in SHAPES.values()]}
    return translate.script(
        wanted,
        leave_out=["__post_init__", "__call__"],  # the checks: the pages ask with t = 1, 2, ...
        after=[rules_script()],
        data={"SCHEDULES": known},
    )


def loading(
    element: type[nodes.Element],
    styles: Sequence[Path],
    scripts: Sequence[Path],
    fits: Callable[[nodes.Element], bool] = lambda _: True,
) -> Callable[..., None]:
    """Return what loads styles and scripts on the pages that have a fitting element, no other."""

    def load(app: Sphinx, page: str, _template: str, _context: Any, doctree: Any) -> None:
        if doctree is None or not any(map(fits, doctree.findall(element))):
            return
        for style in styles:
            app.add_css_file("/".join(style.parts[-2:]))
        for script in scripts:
            app.add_js_file("/".join(script.parts[-2:]), loading_method="defer")

    return load


def close_figure(writer: Any, node: nodes.Element) -> None:
    """Close the figure of an element, and the element."""
    writer.body.append("</figure></div>\n")


def write(config: Config, scripts: Mapping[Path, translate.Script]) -> None:
    """Write scripts to where Sphinx finds them; where one changed, pages are written anew."""
    for path, script in scripts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != script.text:
            path.write_text(script.text, encoding="utf-8")
    if str(FOLDER) not in config.html_static_path:
        config.html_static_path.append(str(FOLDER))
    texts = "\0".join([config.translated, *(script.text for script in scripts.values())])
    config.translated = hashlib.sha256(texts.encode()).hexdigest()
