"""The text of the chapters that the package carries: their prose, without cells and boxes.

`python -m tools.book.text FILE.txt.gz` writes the text of today. That of
`descent.data.load("chapters")` was made so on 28 November 2026 and stays as it is, since recorded
runs depend on it.
"""

import gzip
import re
import sys
from pathlib import Path

from tools.book import project

DROPPED = (
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),  # the front matter
    re.compile(r"^(`{3,}|:{3,})[^\n]*\n.*?^\1 *\n", re.DOTALL | re.MULTILINE),  # cells and boxes
    re.compile(r"^\(.*\)=\n", re.MULTILINE),  # labels
)
CHAPTERS = ("Descent", "Memory and scale", "Networks", "After Adam")


def prose(page: str) -> str:
    """Return what is left of a page's Markdown without its front matter, cells, boxes, labels."""
    for pattern in DROPPED:
        page = pattern.sub("", page)
    return re.sub(r"\n{3,}", "\n\n", page).strip()


def text() -> str:
    """Return the prose of all chapters, in the order of the book."""
    parts = project.parts()
    pages = [page for part in CHAPTERS for page in parts[part]]
    return "\n\n".join(prose(project.text(page)) for page in pages) + "\n"


def main() -> None:
    """Write the text, compressed, the same bytes each time."""
    Path(sys.argv[1]).write_bytes(gzip.compress(text().encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
