"""The map of momentum shows the run and the factor that the package computes, to every hand."""

import re

import numpy as np
import pytest
from test_playground import contrast

from descent import minimize
from descent.landscapes import Quadratic
from descent.rules import Momentum

STEPS = 40


def begun(page):
    """Return a page when the map on it has been drawn."""
    page.locator(".oscillator").scroll_into_view_if_needed()
    page.locator(".oscillator .told").wait_for()
    return page


@pytest.fixture
def chapter(open_page):
    return lambda **options: begun(open_page("book/momentum.html", **options))


@pytest.fixture(scope="module")
def slid(open_once):
    """Return a page for the tests that set its sliders, one after another."""
    return begun(open_once("book/momentum.html"))


def put(page, product, mu):
    """Set the sliders; return what is said, and the points that are drawn."""
    for name, value in {"ηλ": product, "μ": mu}.items():
        slider = page.locator(f".oscillator input[aria-label={name}]")
        slider.evaluate(
            "(one, value) => { one.value = value; one.dispatchEvent(new Event('input')); }",
            str(value),
        )
    d = page.locator(".oscillator .line").get_attribute("d")
    drawn = np.array([[float(n) for n in pair.split()] for pair in re.split("[ML]", d)[1:]])
    axis = page.evaluate(
        """() => ["-1", "1"].map((text) => Number(
            [...document.querySelectorAll(".oscillator svg:nth-child(2) .axes text")]
                .find((one) => one.textContent === text.replace("-", "−")).getAttribute("y")))"""
    )
    heights = np.interp(drawn[:, 1] + 4, axis[::-1], [1, -1], left=np.inf, right=-np.inf)
    return page.locator(".oscillator .told").inner_text(), heights


@pytest.mark.parametrize(
    ("product", "mu", "kind"),
    [
        (0.04, 0.5, "it creeps"),
        (0.3, 0.8, "it swings"),
        (1.0, 0.0, "it creeps"),
        (1.5, 0.02, "it changes sides at each step, in the end"),
        (2.0, 0.0, "it neither arrives nor leaves"),
        (2.5, 0.1, "it diverges"),
        (3.9, 0.98, "it swings"),
        (0.0, 0.9, "it stays"),
    ],
)
def test_each_place_has_the_run_and_the_factor_of_the_package(slid, product, mu, kind):
    told, heights = put(slid, product, mu)
    trace = 1 + mu - product
    factor = abs(np.roots([1, -trace, mu])).max()
    assert told == f"ηλ = {product:.2f}, μ = {mu:.2f}: {kind}, error factor {factor:.2f} a step"
    run = minimize(Quadratic([1.0]), [1.0], Momentum(product, mu), STEPS, nonfinite="stop")
    inside = np.abs(run.x[:, 0]) < 1
    assert np.allclose(heights[: len(inside)][inside], run.x[inside, 0], atol=1e-3)


def test_the_ring_is_dragged_and_stays_in_the_picture(chapter):
    page = chapter(viewport={"width": 1200, "height": 900})
    told = page.locator(".oscillator .told")
    ring = page.locator(".oscillator .ring").bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    moved = told.inner_text()
    page.mouse.move(x + 2000, y - 2000, steps=4)
    page.mouse.up()
    assert moved != "ηλ = 0.30, μ = 0.80: it swings, error factor 0.89 a step"
    assert told.inner_text().startswith("ηλ = 4.00, μ = 0.99: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_run_and_the_ring_stand_out(chapter, scheme):
    page = chapter(color_scheme=scheme)
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    for part in (".line", ".ring", ".critical", ".limit"):
        ink = page.locator(f".oscillator {part}").evaluate("one => getComputedStyle(one).stroke")
        assert contrast(ink, ground) >= 3, part


def test_without_script_nothing_stands_there(open_page):
    page = open_page("book/momentum.html", java_script_enabled=False)
    assert page.locator(".oscillator").inner_html() == ""
