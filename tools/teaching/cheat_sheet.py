"""All update rules on one page: formulas, what they keep, their defaults in three frameworks."""

import shutil
import subprocess
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from descent import conventions, rules
from tools.book import catalogue, citation, project
from tools.site import mathematics
from tools.teaching import document

STYLE = Path(__file__).with_name("cheat_sheet.css")
TOGETHER = {"adam-update": ("adam-moments", "adam-bias-correction", "adam-update")}
"""Formulas that are one rule only together."""
SHAPE = (8, 6)
"""The shape of the weight for which is counted what a rule keeps."""
FRAMEWORKS = {"torch.optim": "PyTorch", "keras.optimizers": "Keras", "optax": "Optax"}
NAMES = {
    "gradient-descent": "sgd",
    "momentum": "sgd",
    "nesterov": "sgd",
}
"""What the frameworks call a rule, where it is not its own name without hyphens."""


def printed() -> list[tuple[str, ...]]:
    """Return the formulas of each rule, in the book's order."""
    updates = [one.id for one in catalogue.book() if one.id.endswith("-update")]
    return [TOGETHER.get(name, (name,)) for name in updates]


def rule_of(formula: str) -> Any:
    """Return the rule that a formula's code computes, at its defaults."""
    code = next(one.code for one in catalogue.book() if one.id == formula)
    return getattr(rules, code.split(".")[2])()


def kept(rule: Any) -> str:
    """Return how many numbers a rule keeps for each parameter of a matrix."""
    state = rule.init(np.zeros(SHAPE))
    numbers = sum(part.size for part in state if isinstance(part, np.ndarray))
    each, rest = divmod(numbers, SHAPE[0] * SHAPE[1])
    if rest:
        return "keeps less than one number a parameter"
    return f"keeps {each or 'no'} number{'' if each == 1 else 's'} a parameter"


def paths(name: str) -> list[str]:
    """Return the frameworks' optimisers of a rule's name."""
    wanted = NAMES.get(name, name).replace("-", "")
    return [path for path in conventions.names() if path.rpartition(".")[2].lower() == wanted]


def settings(path: str) -> str:
    """Return the defaults of an optimiser that are numbers and not off."""
    values = conventions.defaults(path).items()
    return ", ".join(f"{key}={value}" for key, value in values if _is_setting(value))


def _is_setting(value: Any) -> bool:
    """Return whether a default is a number other than 0, or some: flags and choices are not."""
    return not isinstance(value, bool | str) and not callable(value) and bool(value)


def framework(path: str) -> str:
    """Return the name of the framework of an optimiser."""
    return next(name for module, name in FRAMEWORKS.items() if path.startswith(module))


def box(ids: tuple[str, ...]) -> str:
    """Return a rule as a box of HTML."""
    found = {one.id: one for one in catalogue.book()}
    rule = rule_of(ids[-1])
    name = next(name for name in rules.names() if type(rules.get(name)) is type(rule))
    formulas = "".join(mathematics.render(found[one].latex, {"displayMode": True}) for one in ids)
    listed = "".join(
        f"<li><b>{framework(path)}</b> {escape(settings(path)) or 'no defaults'}</li>"
        for path in paths(name)
    )
    return (
        f"<section><h2>{found[ids[-1]].title}</h2>{formulas}"
        f"<p>{kept(rule)} · <code>{ids[-1]}</code></p><ul>{listed}</ul></section>"
    )


def html() -> str:
    """Return the sheet as a page of HTML."""
    title = f"The update rules of {citation.cff()['title']}"
    site = project.site(project.address())
    foot = f"Version {citation.version()}, {citation.date()}. {site} {citation.TEXT_LICENCE}"
    boxes = "".join(box(ids) for ids in printed())
    head = document.head(title, document.KATEX / "katex.min.css", STYLE)
    return f"{head}<body><h1>{title}</h1><main>{boxes}</main><footer>{foot}</footer></body></html>"


def write(folder: Path) -> None:
    """Write the sheet as PDF, and as SVG where poppler is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cheat-sheet.pdf"
    document.printed([(html(), path)])
    if not (converter := shutil.which("pdftocairo")):
        raise SystemExit("pdftocairo is missing: apt-get install poppler-utils")
    command = [converter, "-svg", str(path), str(path.with_suffix(".svg"))]
    subprocess.run(command, check=True)
