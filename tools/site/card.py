"""Draw the picture that a link to the book shows elsewhere: `python -m tools.site.card`.

It is committed, so that building the site draws nothing; what it shows is computed here.
"""

import matplotlib.pyplot as plt
import numpy as np

from descent import minimize
from descent.landscapes import Quadratic
from descent.rules import Adam, GradientDescent, Momentum
from tools.book import citation, project

CARD = project.BOOK / "_static" / "card.png"
SIZE = (1200, 630)
"""What the sites that show such pictures ask for, in pixels."""

RULES = {
    "Gradient descent": (GradientDescent(lr=0.045), "#0072b2", "-"),
    "Momentum": (Momentum(lr=0.02, momentum=0.8), "#d55e00", "--"),
    "Adam": (Adam(lr=0.3), "#009e73", "-"),
}


def draw() -> None:
    """Write the picture."""
    bowl = Quadratic(np.array([1.0, 40.0]))
    figure = plt.figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 0.74))
    x, y = np.meshgrid(np.linspace(-4.4, 1.6, 241), np.linspace(-1.1, 1.3, 241))
    heights = np.sqrt((x**2 + 40 * y**2) / 2)
    axes.contour(x, y, heights, 14, colors="#c0c4cc", linewidths=1)
    for name, (rule, colour, style) in RULES.items():
        path = minimize(bowl, [-4.0, 1.0], rule, steps=60).x
        axes.plot(*path.T, style, color=colour, linewidth=4, label=name)
    axes.set_axis_off()
    axes.legend(fontsize=22, loc="lower right", frameon=True)
    figure.text(0.04, 0.84, citation.cff()["title"], fontsize=44, weight="bold")
    figure.savefig(CARD, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    draw()
