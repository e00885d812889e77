"""What a deck shows on a screen and on a phone: all of each slide."""

from pathlib import Path

import pytest

from tools.book import project
from tools.teaching import slides
from tools.teaching.chapter import Figure, read

SIZES = {"screen": (1280, 800), "phone": (390, 844)}
FEW = ("adam", "adam-family", "scale", "schedules-to-the-end")
"""Chapters with the longest formulas and slides; the others in `make long`."""
LEFT_OUT = """() => Reveal.getSlides().flatMap((slide, number) => {
    Reveal.slide(number);
    const {width, height} = Reveal.getConfig();
    const title = slide.querySelector("h2")?.textContent;
    const parts = [...slide.children].filter((part) => part.localName !== "aside");
    const low = Math.max(...parts.map((part) => part.offsetTop + part.offsetHeight));
    const wide = [...slide.querySelectorAll("p, li, .katex-display, img")].filter(
        (part) => part.scrollWidth > part.clientWidth + 1 || part.offsetWidth > width);
    if (!low) return [`${title}: is not shown`];
    return [
        ...(low > height ? [`${title}: ${low} of ${height} px high`] : []),
        ...wide.map((part) => `${title}: ${part.localName} of ${part.scrollWidth} px`),
    ];
})"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """Return a folder with what all decks need."""
    folder = tmp_path_factory.mktemp("slides")
    slides.equip(folder)
    (folder / "figures").mkdir()
    return folder


def written(page: Path, folder: Path) -> Path:
    """Write the deck of a chapter, with its figures."""
    for piece in read(page):
        if isinstance(piece, Figure):
            (folder / "figures" / f"{piece.name}.png").write_bytes(piece.png)
    path = folder / f"{page.stem}.html"
    path.write_text(slides.html(slides.deck(page), project.title(page)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[] if page.stem in FEW else pytest.mark.nightly)
        for page in slides.pages()
    ],
    ids=lambda page: page.stem,
)
def test_a_slide_shows_all_of_itself_and_letters_that_can_be_read(page, decks, browser):
    path = written(page, decks)
    for name, (width, height) in SIZES.items():
        with browser.new_page(viewport={"width": width, "height": height}) as screen:
            screen.goto(path.as_uri())
            screen.wait_for_function("window.Reveal && Reveal.isReady()")
            assert screen.evaluate(LEFT_OUT) == [], name
            scale = screen.evaluate("innerWidth / Reveal.getConfig().width")
            assert scale * 23 >= 15, f"{name}: letters of {scale * 23:.0f} px"
