"""The shelf as a whole: a page that lists what lies on it, and a file that the site reads."""

import hashlib
import json
from html import escape
from pathlib import Path

from tools.book import project
from tools.site.shelf import KINDS, LIST, MADE, TITLES, titled
from tools.teaching import document


def kind(name: str) -> tuple[str, str] | None:
    """Return the name of a file without its ending, and its ending; None if it is not listed.

    >>> kind("adam.moodle.xml"), kind("drawn.json")
    (('adam', '.moodle.xml'), None)
    """
    endings = sorted((end for end in KINDS if name.endswith(end)), key=len)
    return (name.removesuffix(endings[-1]), endings[-1]) if endings else None


def listed(folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return the files of the shelf: by part and name, the address of each kind."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for part in TITLES:
        names: dict[str, dict[str, str]] = {}
        for path in sorted((folder / part).glob("*.*")):
            if part == "figures" or not (parts := kind(path.name)):
                continue
            names.setdefault(parts[0], {})[parts[1]] = f"{part}/{path.name}"
        if part == "figures" and (folder / part / "index.html").exists():
            names = {"all figures": {".html": "figures/index.html"}}
        found[part] = {
            name: {end: ends[end] for end in KINDS if end in ends} for name, ends in names.items()
        }
    return {part: names for part, names in found.items() if names}


def rows(files: dict[str, dict[str, str]]) -> str:
    """Return the rows of a part as HTML."""
    lines = []
    for name, ends in files.items():
        links = ", ".join(f'<a href="{escape(at)}">{KINDS[end]}</a>' for end, at in ends.items())
        lines.append(f"<tr><td>{escape(titled(name))}</td><td>{links}</td></tr>")
    return f"<table>{''.join(lines)}</table>"


def state(folder: Path) -> str:
    """Return a hash of when each file on the shelf was written, and how long it is."""
    found = hashlib.sha256()
    for path in sorted(path for part in TITLES for path in (folder / part).rglob("*.*")):
        about = path.stat()
        found.update(f"{path.relative_to(folder)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()


def list_files(folder: Path) -> None:
    """Write the page and the files that list what lies on the shelf."""
    found = listed(folder)
    (folder / LIST.name).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / MADE.name).write_text(state(folder) + "\n", encoding="utf-8")
    parts = "".join(f"<h2>{TITLES[part]}</h2>{rows(files)}" for part, files in found.items())
    site = f'<p><a href="{project.site(project.address())}">The book</a></p>'
    (folder / "index.html").write_text(
        document.page("The teacher's shelf", site + parts), encoding="utf-8"
    )
