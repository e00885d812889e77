"""The texts in the figures of the chapters: labels, legends, titles.

The code of a chapter is the same in both languages, so a figure is translated as it is drawn:
`speak_chinese` puts `locale/zh/.../figures.po` in the place of its texts. A picture holds the texts
that it was drawn from, beside those that stand in it; so the pictures themselves are the list.
"""

import base64
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat

from tools.book import project
from tools.chinese.messages import Message

KIND = "figure"
KEY = "Comment"
"""What PNG calls the place of a text of any kind."""

FONTS = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
)
"""Faces with Chinese characters; the Latin ones stay those of the English figures."""

WORD = re.compile(r"[A-Za-z]{2,}")
FORMULA = re.compile(r"\$[^$]*\$")


def has_words(text: str) -> bool:
    r"""Return whether there is something to translate in a text of a figure.

    >>> has_words("step t"), has_words("η = 0.1"), has_words(r"$\mathdefault{10^{2}}$")
    (True, False, False)
    """
    return bool(WORD.search(FORMULA.sub("", text)))


def pictures(notebook: Path) -> Iterator[nbformat.NotebookNode]:
    """Yield the outputs of a notebook that are pictures; none where there is no notebook."""
    if not notebook.exists():
        return
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield output


def texts(png: str) -> dict[str, str]:
    """Return the texts of a picture, in Chinese by their English."""
    from PIL import Image

    said: dict[str, str] = json.loads(
        Image.open(BytesIO(base64.b64decode(png))).info.get(KEY, "{}")
    )
    return said


def found() -> Iterator[Message]:
    """Yield the texts of all figures of the Chinese notebooks."""
    for notebook in sorted((project.BOOK / "zh").glob("*.ipynb")):
        for output in pictures(notebook):
            said = texts(output.data["image/png"])
            yield from (Message(text, KIND) for text in said if has_words(text))


def in_chinese(text: str) -> str:
    """Return a text of a figure in Chinese, or in English where there is no Chinese."""
    from tools.chinese import catalogues

    entry = catalogues.read(catalogues.FIGURES).get(text)
    return str(entry.string) if entry and entry.string and not entry.fuzzy else text


def speak_chinese() -> None:
    """Let matplotlib draw each figure of this process with its texts in Chinese.

    Raises:
        RuntimeError: it finds no font with Chinese characters.
    """
    from matplotlib import rcParams
    from matplotlib.backend_bases import FigureCanvasBase

    rcParams["font.family"] = ["DejaVu Sans", face()]
    printed = FigureCanvasBase.print_figure

    def print_figure(self: Any, *arguments: Any, **options: Any) -> Any:
        note = {KEY: json.dumps(_translate(self.figure), ensure_ascii=False)}
        return printed(self, *arguments, **{**options, "metadata": note})

    FigureCanvasBase.print_figure = print_figure  # type: ignore[method-assign]


def face() -> str:
    """Return the first of the faces that matplotlib finds, also if it was installed today.

    Raises:
        RuntimeError: it finds none.
    """
    from matplotlib import font_manager

    font_manager.fontManager.ttflist = font_manager.FontManager().ttflist  # its cache may be old
    installed = set(font_manager.get_font_names())
    for face in FONTS:
        if face in installed:
            return face
    raise RuntimeError(f"matplotlib finds no Chinese font; it looked for {', '.join(FONTS)}")


def _translate(figure: Any) -> dict[str, str]:
    """Put the texts of a figure into Chinese; return them by their English."""
    from matplotlib.text import Text

    said = {}
    for text in figure.findobj(Text):
        english = text.get_text()
        if has_words(english):
            said[english] = in_chinese(english)
            text.set_text(said[english])
    return said
