"""The figures of the errata: where a misprint goes, beside where the right rule goes.

They are drawn while the site is built and kept in `_build/errata`, under a hash of the code that
draws them, so that a second build draws nothing.
"""

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descent import misprints, report, rules
from descent.report import number
from descent.rules import Rule
from tools.book import errata, pictures, project
from tools.book.errata import Erratum
from tools.book.project import said

WIDTH, HEIGHT = 400, 240  # CSS pixels; the file has twice as many
COLOURS_KEPT = 32  # two curves on white, smoothed: a third of the bytes
STEPS = 100

Gradient = Callable[[float, int], float]


@dataclass(frozen=True)
class Scene:
    """What a misprint and its rule are run on: a start, and the gradient at x in step t."""

    name: str
    start: float
    grad: Gradient


_NOISE = np.random.default_rng(0).standard_normal(10_000)

SCENES = {
    scene.name: scene
    for scene in (
        Scene("x²", 5.0, lambda x, t: 2 * x),
        Scene("0.001 x²", 5.0, lambda x, t: 0.002 * x),
        Scene("1000 x²", 5.0, lambda x, t: 2000 * x),
        Scene("19 x²/2", 5.0, lambda x, t: 19 * x),
        Scene("a gradient that is always 1", 0.0, lambda x, t: 1.0),
        Scene("a gradient that is always 10", 0.0, lambda x, t: 10.0),
        Scene("a gradient of a millionth", 0.0, lambda x, t: 1e-6),
        Scene("gradients 1, −1, 1, ...", 0.0, lambda x, t: float(2 * (t % 2) - 1)),
        Scene("gradients that turn from 1 to −1", 0.0, lambda x, t: 1.0 if t <= 30 else -1.0),
        Scene("one gradient of 1 among noughts", 0.0, lambda x, t: float(t == 60)),
        Scene("gradients of noise", 0.0, lambda x, t: float(_NOISE[t])),
    )
}


def path(rule: Rule, scene: Scene, steps: int) -> NDArray[np.float64]:
    """Return the points that a rule visits, steps + 1 of them; NaN once it is no number."""
    x, xs = np.array([scene.start]), [scene.start]
    state = rule.init(x)
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            x, state = rule.update(x, np.array([scene.grad(float(x[0]), t)]), state)
            xs.append(float(x[0]))
    return np.array(xs)


@dataclass(frozen=True)
class Drawn:
    """A figure: its file, and what it shows, in words."""

    file: Path
    caption: str
    alt: str


CODE = [
    Path(__file__),
    *(Path(str(module.__file__)) for module in (misprints, report, rules)),
    Path(pictures.__file__),
    Path(misprints.__file__).with_name("plotting.py"),  # imported where a figure is drawn
]
"""The files that a figure depends on."""


@cache
def state() -> str:
    """Return a hash of the code that draws the errata."""
    text = b"".join(file.read_bytes() for file in CODE)
    versions = [importlib.metadata.version(name) for name in ("numpy", "matplotlib")]
    return hashlib.sha256(text + " ".join(versions).encode()).hexdigest()[:16]


@cache
def drawn(entry: Erratum) -> Drawn:
    """Return the figure of an erratum, drawn if the build has it not yet."""
    wrong = misprints.MISPRINTS[entry.misprint]
    settings = dict(entry.figure)
    scene, steps = SCENES[settings.pop("scene")], settings.pop("steps", STEPS)
    paths = {
        "as printed": path(wrong(**settings), scene, steps),
        wrong.of.__name__: path(wrong.of(**settings), scene, steps),
    }
    settings_hash = hashlib.sha256(repr(sorted(entry.figure.items())).encode()).hexdigest()[:8]
    file = project.BUILD / "errata" / state() / f"{entry.misprint}-{settings_hash}.png"
    if not file.exists():
        draw(paths, file)
    hyper = ", ".join(f"{SYMBOLS.get(k, k)} = {number(v)}" for k, v in settings.items())
    on = said(scene.name) if "gradient" in scene.name else f"f(x) = {scene.name}"
    ends = " ".join(said("{} ends at {}.").format(said(n), _end(xs)) for n, xs in paths.items())
    caption = said("{} steps on {} from x = {}, {}.").format(steps, on, number(scene.start), hyper)
    return Drawn(file, caption, said("x against the step. {}").format(ends[0].upper() + ends[1:]))


SYMBOLS = {"lr": "η", "momentum": "μ", "rho": "ρ", "beta1": "β₁", "beta2": "β₂", "eps": "ε"}


def _end(xs: NDArray[np.float64]) -> str:
    return errata.in_print(xs[-1]) if np.isfinite(xs[-1]) else said("no number")


def limits(wrong: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float]:
    """Return what of x to show: the right path, and of the wrong one up to twice its reach."""
    reach = max(float(np.ptp(right)), 1e-12)
    low, high = right.min() - 2 * reach, right.max() + 2 * reach
    seen = np.concatenate([right, np.clip(wrong[np.isfinite(wrong)], low, high)])
    margin = 0.05 * np.ptp(seen)
    return float(seen.min() - margin), float(seen.max() + margin)


def draw(paths: dict[str, NDArray[np.float64]], file: Path) -> None:
    """Draw the paths of two rules; the second, the right one, sets the scale."""
    import matplotlib.pyplot as plt

    from descent.plotting import COLORS, figure

    fig, ax = figure(height=0.6 * 6.4)
    for (name, xs), colour, dash in zip(paths.items(), COLORS[1::-1], ("--", "-"), strict=True):
        ax.plot(np.clip(xs, -1e9, 1e9), label=name, color=colour, linestyle=dash)
    ax.set(xlabel="step t", ylabel="x", ylim=limits(*paths.values()))
    ax.legend()
    fig.set_size_inches(WIDTH / 100, HEIGHT / 100)
    whole = BytesIO()
    fig.savefig(whole, dpi=200)
    plt.close(fig)
    pictures.keep(pictures.lighter(whole.getvalue(), COLOURS_KEPT), file)
