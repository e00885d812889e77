"""Follow each link that leads out of the book: `python -m tools.check.links` (needs the network).

Sphinx's link checker follows them, anchors included, politely and again where a host is busy; what
it is told stands in `_config.yml`. The addresses of this book and its repository are left out: a
fork has not published them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tools.book import project
from tools.site.build import run_sphinx

OUT = project.BUILD / "linkcheck"


def results(path: Path) -> list[dict[str, Any]]:
    """Return what became of each link, as the checker wrote it line by line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def broken(found: list[dict[str, Any]]) -> list[str]:
    """Return a line for each link that leads nowhere, where it stands first.

    >>> link = {"filename": "book/adam.md", "lineno": 7, "uri": "https://a.example/", "info": "404"}
    >>> broken([link | {"status": "broken"}, link | {"status": "working"}])
    ['book/adam.md:7: https://a.example/: 404']
    """
    return [
        f"{link['filename']}:{link['lineno']}: {link['uri']}: {link['info']}"
        for link in found
        if link["status"] in ("broken", "timeout")
    ]


def main() -> int:
    """Print what is broken and how many links there are; return 1 if one is broken."""
    run_sphinx(OUT, "linkcheck")
    found = results(OUT / "output.json")
    dead = broken(found)
    print("\n".join([*dead, f"{len(found)} links, {len(dead)} broken"]))
    return int(bool(dead) or not found)


if __name__ == "__main__":
    sys.exit(main())
