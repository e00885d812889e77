"""Reading comforts: how long a chapter takes to read, and what the next one asks."""

import math
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from tools.book import project
from tools.book.claims import END_OF_SENTENCE

PACE = 200
"""Words a minute of prose with formulas; code, tables and what is folded are not counted."""

HAN = re.compile(r"[\u4e00-\u9fff]")
CHARACTERS = 2
"""Chinese characters that take as long as an English word."""

SKIPPED = re.compile(r"^(```|:::).*?^\1$|^#.*?$|^\(.*?\)=$", re.DOTALL | re.MULTILINE)


ENDS = re.compile(rf"{END_OF_SENTENCE.pattern}|(?<=[。！？])")
"""Where a sentence ends, in English or in Chinese."""


@cache
def question(page: Path) -> str:
    """Return the first question of a page's opening, or nothing.

    >>> question(project.BOOK / "adam.md")
    'Why bias correction?'
    """
    text = project.text(page).removeprefix("---\n").partition("\n---\n")
    opening = SKIPPED.sub("", (text[2] or text[0]).partition("\n## ")[0])
    sentences = [one.strip("*") for one in ENDS.split(" ".join(opening.split()))]
    asked = [one for one in sentences if one.endswith(("?", "？"))]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", asked[0]) if asked else ""
    return re.sub(r"[*`$]", "", plain).strip()


def words(doctree: nodes.document) -> int:
    """Return how many words of prose a page shows."""
    found = doctree.findall(nodes.paragraph)
    texts = [one.astext() for one in found if not _is_folded(one)]
    characters = sum(len(HAN.findall(text)) for text in texts)
    return sum(len(HAN.sub("", text).split()) for text in texts) + characters // CHARACTERS


def _is_folded(node: nodes.Node) -> bool:
    above = node.parent
    while above is not None:
        if "dropdown" in above.get("classes", ()) or isinstance(above, nodes.table):
            return True
        above = above.parent
    return False


def comfort(app: Sphinx, name: str, _template: str, context: dict[str, Any], doctree: Any) -> None:
    """Say below a chapter's title how long it takes, and at its end what comes and why."""
    page = project.ROOT / f"{name}.md"
    pages = [page for part in project.edition().values() for page in part]
    if doctree is None or page not in pages:
        return
    if page in project.chapters():
        minutes = math.ceil(words(doctree) / PACE)
        said = project.said("{} minutes to read").format(minutes)
        said = f'</h1>\n<p class="reading-time">{said}</p>'
        context["body"] = context["body"].replace("</h1>", said, 1)
    place = pages.index(page) + 1
    if context.get("next") and place < len(pages) and (why := question(pages[place])):
        title = f'{context["next"]["title"]}<span class="next-why">{escape(why)}</span>'
        context["next"] = {**context["next"], "title": title}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", comfort)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
