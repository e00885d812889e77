"""The Sphinx extension of the role `{zh}`, which says that a text is Chinese.

A screen reader then speaks it as Chinese, a browser takes a Chinese font: `book/_static/book.css`
names those of the readers' systems.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

LANGUAGE = "zh-Hans"


class ChineseRole(SphinxRole):
    """A text in Chinese; what is code or a formula in it is set as such."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the text with its language, which docutils reads from the class."""
        text = nodes.inline("", classes=[f"language-{LANGUAGE}"])
        content, messages = self.inliner.parse(self.text.strip(), self.lineno, self.inliner, text)
        text += content
        return [text], messages


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_role("zh", ChineseRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
