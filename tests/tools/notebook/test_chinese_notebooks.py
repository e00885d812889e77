"""The Chinese notebooks: code and outputs of the English ones, figures whose texts are Chinese."""

import base64
import re
from io import BytesIO

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools.book import project
from tools.chinese import catalogues, figures
from tools.notebook import files

HAN = re.compile(r"[\u4e00-\u9fff]")
NAMES = {"Adam", "AdaGrad", "RMSprop", "Nesterov", "SGD", "MLP", "ResNet-8"}
"""Texts of figures that are names, and the same in both languages."""

CHAPTERS = [chapter for chapter in project.chapters() if chapter.stem in catalogues.PAGES]
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)


def notebooks(chapter):
    """Return the code cells of a chapter's notebook in English and in Chinese, without the first.

    It installs the package, and is the same as far as it matters here.
    """
    paths = files.notebook_path(chapter), chapter.parent / "zh" / f"{chapter.stem}.ipynb"
    return (files.code_cells(nbformat.read(path, as_version=4))[1:] for path in paths)


def pictures(cells):
    """Return the pictures of cells, as they are stored."""
    data = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [one["image/png"] for one in data if "image/png" in one]


@each_chapter
def test_all_but_the_pictures_is_the_same(chapter):
    english, chinese = notebooks(chapter)
    for old, new in zip(english, chinese, strict=True):
        assert old.source == new.source
        for one in (*old.outputs, *new.outputs):
            one.get("data", {}).pop("image/png", None)
            one.pop("metadata", None)
        assert old.outputs == new.outputs


@each_chapter
def test_each_picture_says_in_chinese_what_the_english_one_says(chapter):
    english, chinese = map(pictures, notebooks(chapter))
    assert len(english) == len(chinese)
    for picture in chinese:
        said = {
            text: new for text, new in figures.texts(picture).items() if figures.has_words(text)
        }
        assert [text for text, new in said.items() if new != figures.in_chinese(text)] == []
        assert {text for text, new in said.items() if text == new} <= NAMES


@each_chapter
def test_a_picture_differs_from_the_english_one_where_it_says_anything(chapter):
    for old, new in zip(*map(pictures, notebooks(chapter)), strict=True):
        one, other = (
            Image.open(BytesIO(base64.b64decode(picture))).convert("L") for picture in (old, new)
        )
        assert max(np.abs(np.subtract(one.size, other.size))) <= 60  # of about 1300
        if any(HAN.search(said) for said in figures.texts(new).values()):
            assert one.size != other.size or (np.asarray(one) != np.asarray(other)).any()


@each_chapter
def test_every_alternative_text_is_chinese(chapter):
    _, chinese = notebooks(chapter)
    outputs = [output for cell in chinese for output in cell.outputs]
    told = [
        one.metadata["image/png"]["alt"] for one in outputs if "image/png" in one.get("data", {})
    ]
    assert [alt for alt in told if not HAN.search(alt)] == []


def test_a_figure_is_drawn_with_chinese_letters_and_remembers_the_english(monkeypatch):
    import matplotlib.pyplot as plt
    from matplotlib.backend_bases import FigureCanvasBase

    try:
        figures.face()
    except RuntimeError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(FigureCanvasBase, "print_figure", FigureCanvasBase.print_figure)
    family = plt.rcParams["font.family"]
    figures.speak_chinese()
    fig, ax = plt.subplots()
    ax.set(xlabel="step t", ylabel="$x_1$")
    file = BytesIO()
    fig.canvas.print_figure(file, format="png")
    plt.close(fig)
    plt.rcParams["font.family"] = family
    assert figures.texts(base64.b64encode(file.getvalue()).decode()) == {"step t": "步数 t"}
