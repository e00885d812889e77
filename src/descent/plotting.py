"""One look for every figure: colours that survive colour-blindness and grey print.

Each curve differs in colour, line style and marker. Needs matplotlib.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from descent._moved import moved
from descent.landscapes import Landscape
from descent.minimize import Trajectory

__all__ = ["COLORS", "DASHES", "MARKERS", "STYLE", "figure", "look", "contours", "paths", "curves"]

__getattr__ = moved(__name__, {"COLOURS": f"{__name__}.COLORS"})

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
"""Okabe and Ito's colours, in the order in which figures use them."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
"""The line style that goes with each colour."""

MARKERS = ("o", "s", "^", "D", "v", "x")
"""The marker that goes with each colour."""

_LOOKS = {
    "Adam": (0, 0),
    "momentum": (1, 1),
    "RMSprop": (2, 2),
    "AdaGrad": (3, 4),
    "Nesterov": (4, 4),
    "gradient descent": (5, 5),
    "heavy ball": (1, 1),
    "SGD": (5, 5),
    "NAdam": (1, 3),
    "AMSGrad": (2, 1),
    "RAdam": (3, 5),
    "AdaMax": (4, 2),
    "Lion": (5, 1),
    "Adadelta": (3, 2),
    "AdamW": (4, 0),
    "Muon": (2, 4),
}
"""A rule's colour and line style, in every figure that draws it under its name."""

STYLE: Any = {
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLORS, linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 200,  # 6.4 inches: 640 pixels of a page, with two of the figure to each
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.6),
    "font.size": 11,
    "grid.alpha": 0.3,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
"""What `figure` sets in `matplotlib.rcParams`."""


def figure(columns: int = 1, *, height: float = 3.6, **options: Any) -> tuple[Figure, Any]:
    """Return a figure in the book's look and its axes: one, or an array of `columns` side by side.

    Args:
        columns: how many axes, at least 1; two still read on a phone.
        height: in inches; the width is that of a page.
        options: passed to `matplotlib.pyplot.subplots`.
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(1, columns, figsize=(6.4, height), layout="constrained", **options)


def look(name: str) -> dict[str, Any]:
    """Return how a rule's curve looks wherever it is drawn: colour, line style and label.

    A number after its name is left out. Any other name has a label alone, and the next colour of
    the axes.

    >>> look("momentum 0.8")
    {'label': 'momentum 0.8', 'color': '#D55E00', 'linestyle': '--'}
    >>> look("bound")
    {'label': 'bound'}
    """
    rule = name.rstrip(" .0123456789")
    if rule not in _LOOKS:
        return {"label": name}
    color, dash = _LOOKS[rule]
    return {"label": name, "color": COLORS[color], "linestyle": DASHES[dash]}


def contours(ax: Axes, f: Landscape, levels: ArrayLike | int = 12) -> None:
    """Draw the level lines of a landscape of two coordinates in its window, and its minimiser."""
    (left, right), (bottom, top) = f.window
    x, y = np.meshgrid(np.linspace(left, right, 201), np.linspace(bottom, top, 201))
    ax.contour(x, y, f(np.stack([x, y])), levels=levels, colors="0.6", linewidths=0.7)
    ax.plot(*f.minimizer, marker="*", markersize=11, color="black", linestyle="none")
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
    ax.grid(False)


def paths(ax: Axes, trajectories: Mapping[str, Trajectory], every: int = 1) -> None:
    """Draw trajectories of two coordinates, with a marker on each `every`-th step."""
    for number, (name, trajectory) in enumerate(trajectories.items()):
        ax.plot(
            trajectory.x[:, 0],
            trajectory.x[:, 1],
            **look(name),
            marker=MARKERS[number % len(MARKERS)],
            markevery=every,
            markersize=4,
        )


def curves(ax: Axes, values: Mapping[str, ArrayLike], steps: Iterable[float] | None = None) -> None:
    """Draw one curve of positive values against the steps for each name, on a log scale."""
    for name, value in values.items():
        value = np.asarray(value)
        ax.plot(np.arange(len(value)) if steps is None else list(steps), value, **look(name))
    ax.set(yscale="log", xlabel="step t")
