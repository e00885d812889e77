"""What is drawn is seen: judged by computed style and by the pixels of a screenshot."""

import colorsys
import io
import re
from base64 import b64encode

import numpy as np
import pytest
from PIL import Image
from test_playground import EMBEDDED, PAGE, contrast

from descent import plotting
from tools.site import playground

SIX = "landscape=quadratic&kappa=20&start=-2.5,1.5&steps=60" + "".join(
    f"&run={run}"
    for run in (
        "gradient-descent,lr:0.09",
        "momentum,lr:0.03",
        "nesterov,lr:0.02",
        "rmsprop,lr:0.05",
        "adam,lr:0.3",
        "adagrad,lr:0.5",
    )
)
ADDRESSES = [PAGE, f"{PAGE}#{SIX}", *(f"book/{page.stem}.html" for page in EMBEDDED)]
LOOKS = [(1440, "light"), (1440, "dark"), (390, "dark"), (390, "light")]
"""Each differs from the one before in one thing: to lay a page out anew takes time."""
CALM = "* { transition: none !important }"
"""Colours change at once: else a screenshot catches them on the way."""
ALONE = "article section section:not(:has(.playground)) { display: none }"
"""What stands elsewhere on the page is not laid out for each look at its playgrounds."""
LINES_ALONE = ".plots :is(.marker, .dots) { visibility: hidden }"
"""So that the pixels of a run's colour are its line's."""


def look(page, width, scheme):
    """Show a page in a width and a theme."""
    if page.viewport_size["width"] != width or page.viewport_size["height"] != 1600:
        page.set_viewport_size({"width": width, "height": 1600})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"() => document.documentElement.dataset.theme === '{scheme}'")


def pictures(page, elements):
    """Return screenshots of elements, cut from one of the page: (height, width, 3) each."""
    elements[0].evaluate("one => one.scrollIntoView({ block: 'center' })")
    boxes = [element.bounding_box() for element in elements]
    edges = np.array([(b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]) for b in boxes])
    size = page.viewport_size
    assert (edges >= 0).all()
    assert (edges[:, 2:] <= [size["width"], size["height"]]).all()
    (left, top), (right, bottom) = np.floor(edges.min(0))[:2], np.ceil(edges.max(0))[2:]
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    taken = page.screenshot(caret="initial", clip=clip)
    shot = np.asarray(Image.open(io.BytesIO(taken)).convert("RGB")).astype(int)
    scale = shot.shape[1] / (right - left)
    crops = np.rint(scale * (edges - [left, top, left, top])).astype(int)
    return [shot[y:end_y, x:end_x] for x, y, end_x, end_y in crops]


def channels(colour):
    """Return a colour as CSS has it in three numbers from 0 to 255."""
    return np.array([float(c) for c in re.findall(r"[\d.]+", colour)[:3]])


def count(picture, colour):
    """Return how many pixels of a picture have a colour, give or take 6 of 255."""
    return int((np.abs(picture - channels(colour)).max(axis=-1) <= 6).sum())


def ground(page):
    return page.evaluate("() => getComputedStyle(document.body).backgroundColor")


# --- the playground ---------------------------------------------------------------------------

DRAWN = """(plot, part) => [...plot.querySelectorAll(part)].map((one) => {
    const { stroke, strokeWidth, fill, visibility } = getComputedStyle(one);
    return { stroke, width: parseFloat(strokeWidth), fill, visibility, d: one.getAttribute("d") };
})"""


def lines_are_seen(plot, picture, page, runs):
    """Assert that each run's line has a stroke that stands out, and pixels of it."""
    lines = plot.evaluate(DRAWN, ".run > .line")
    assert len(lines) == runs
    assert len({line["stroke"] for line in lines}) == runs
    for line in lines:
        assert line["stroke"].startswith("rgb"), line
        assert line["width"] >= 1
        assert contrast(line["stroke"], ground(page)) >= 3, line["stroke"]
        assert count(picture, line["stroke"]) >= 8, line["stroke"]


def markers_are_seen(plot, page, runs):
    """Assert that each run's marker has a shape of its own, and pixels that stand out."""
    markers = plot.evaluate(DRAWN, ":scope > g > * > .marker, :scope > g > .marker")
    assert len(markers) == runs
    assert len({marker["d"] for marker in markers}) == runs
    for marker in markers:
        inks = [marker["fill"], marker["stroke"]]
        assert max(contrast(ink, ground(page)) for ink in inks if ink != "none") >= 3, inks


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda one: one[:40])
def test_each_run_is_seen_as_a_path_and_as_a_curve(open_page, address):
    page = open_page(address, viewport={"width": 1440, "height": 900}, device_scale_factor=2)
    page.add_style_tag(content=CALM + ALONE + LINES_ALONE)
    for box in page.locator(".playground").all():
        box.scroll_into_view_if_needed()
        box.locator(".app").wait_for()
    for width, scheme in LOOKS:
        look(page, width, scheme)
        for box in page.locator(".playground").all():
            runs = box.locator(".legend li").count()
            plots = box.locator(".plots > svg").all()
            for plot, picture in zip(plots, pictures(page, plots), strict=True):
                markers_are_seen(plot, page, runs)
                lines_are_seen(plot, picture, page, runs)


def test_six_runs_have_six_markers_that_are_seen_in_the_legend(open_page):
    page = open_page(f"{PAGE}#{SIX}", device_scale_factor=2)
    page.add_style_tag(content=CALM + ".playground .line { visibility: hidden }")
    page.locator(".playground .app").wait_for()
    for width, scheme in LOOKS:
        look(page, width, scheme)
        samples = page.locator(".playground .legend .sample").all()
        shapes = [sample.locator(".marker").get_attribute("d") for sample in samples]
        assert len(set(shapes)) == len(playground.parse(SIX).rules) == 6
        for sample, picture in zip(samples, pictures(page, samples), strict=True):
            (marker,) = sample.evaluate(DRAWN, ".marker")
            ink = marker["stroke"] if "Z" not in marker["d"] else marker["fill"]
            assert contrast(ink, ground(page)) >= 3
            assert count(picture, ink) >= 20, (scheme, marker)


# --- figures ----------------------------------------------------------------------------------

FIGURES = "article :is(.cell_output img, figure img)"


@pytest.mark.parametrize("chapter", ["momentum", "adam-at-scale", "errata"])
def test_in_the_dark_a_figure_lies_on_the_ground_of_the_page(open_page, chapter):
    page = open_page(f"book/{chapter}.html", viewport={"width": 1440, "height": 900})
    page.add_style_tag(content=CALM + "article :is(.katex, pre) { display: none }")  # quicker
    look(page, 1440, "dark")
    shown = [one for one in page.locator(FIGURES).all()[:9] if one.is_visible()]
    assert shown
    for figure in shown:
        figure.evaluate("one => (one.scrollIntoView(), one.decode())")
        (picture,) = pictures(page, [figure])
        light = (picture.min(axis=-1) > 160).mean()
        assert light < 0.05  # ink, no slab
        assert np.abs(picture[2, 2] - channels(ground(page))).max() <= 1
        assert picture.max() > 200  # and there is ink


def swatches():
    """Return a picture of white with a square of each colour of the figures, as an address."""
    picture = Image.new("RGB", (20 * len(plotting.COLORS), 20), "white")
    for place, colour in enumerate(plotting.COLORS):
        picture.paste(colour, (20 * place + 5, 5, 20 * place + 15, 15))
    file = io.BytesIO()
    picture.save(file, "png")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def test_in_the_dark_each_colour_of_the_figures_stands_out_and_keeps_its_hue(open_page):
    page = open_page("book/adam.html", viewport={"width": 1440, "height": 900})
    page.add_style_tag(content=CALM)
    look(page, 1440, "dark")
    figure = page.locator(FIGURES).first
    figure.evaluate(
        """async (one, src) => {
            Object.assign(one, { src, width: 120, height: 20 });
            await one.decode();
        }""",
        swatches(),
    )
    (picture,) = pictures(page, [figure])
    for place, colour in enumerate(plotting.COLORS):
        seen = picture[10, 20 * place + 10]
        stands_out = contrast(f"rgb({seen[0]}, {seen[1]}, {seen[2]})", ground(page))
        assert stands_out >= (4.5 if colour == "#000000" else 3), colour
        before, after = np.array(Image.new("RGB", (1, 1), colour))[0, 0] / 255, seen / 255
        (hue, was_grey, _), (now, _, _) = (colorsys.rgb_to_hsv(*one) for one in (before, after))
        assert not was_grey or min(abs(hue - now), 1 - abs(hue - now)) < 30 / 360, colour
    page.emulate_media(media="print")  # on paper it is as it was drawn
    style = figure.evaluate("one => (({ filter, mixBlendMode }) => [filter, mixBlendMode])"
                            "(getComputedStyle(one))")  # fmt: skip
    assert style == ["none", "normal"]
