"""Build the site: `python -m tools.site.build`. No cell runs; every warning is an error.

Nothing is done where nothing changed. Else Sphinx reads the pages that changed and what depends on
them; `tools.site.depend` says what that is. After a build that failed or was interrupted all is
read anew, so that a warning is given again until its cause is gone.
"""

import hashlib
import json
import os
import re
import shutil
import site
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.book import project
from tools.site import chinese_edition, edition

HTML = project.BUILD / "html"
DOCTREES = project.BUILD / ".doctrees"
BUILT = project.BUILD / "built"
"""What the site was built from and what it consists of, written when it is whole."""

SHELF = "_build/teaching/made.txt"
SOURCES = (
    *("book", "locale", "src", "tests", "tools", SHELF),
    *(p.name for p in project.ROOT.glob("[!.]*.*")),
)
"""What the site is made of: the tests too, which the formula sheet names."""

PACKAGES = project.ROOT / "requirements-book.txt"

JOBS = 4
"""Processes that read and write pages; each has its own Node for the mathematics."""


def files(*folders: Path) -> Iterator[Path]:
    """Yield the files in folders, and those named themselves, without caches and hidden ones."""
    for folder in folders:
        if folder.is_file():
            yield folder
        for here, below, names in os.walk(folder):
            below[:] = sorted(name for name in below if name != "__pycache__" and name[0] != ".")
            yield from (Path(here, name) for name in sorted(names) if name[0] != ".")


def installed() -> str:
    """Return the versions of the packages that build the site; what tests need besides is nothing
    to it.
    """
    locked = re.findall(r"^([\w.-]+)==", PACKAGES.read_text(encoding="utf-8"), re.M)
    builders = {_plain(name) for name in locked}
    found = (path.name for path in Path(site.getsitepackages()[0]).glob("*.dist-info"))
    return " ".join(sorted(name for name in found if _plain(name.partition("-")[0]) in builders))


def _plain(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub("[-_.]+", "-", name).lower()


def sources() -> str:
    """Return a hash of all that the site is made of: files, installed packages, the repository."""
    found = hashlib.sha256(sys.version.encode())
    found.update(installed().encode())
    found.update(project.address().encode())
    for path in files(*(project.ROOT / name for name in SOURCES)):
        found.update(f"{path.relative_to(project.ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def made() -> dict[str, list[int]]:
    """Return the size and the time of each file of the site, by its name."""
    found = {str(path.relative_to(HTML)): path.stat() for path in HTML.rglob("*") if path.is_file()}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in found.items()}


def recorded() -> dict[str, Any]:
    """Return what the last build made of what; nothing if it failed, or if its files changed."""
    record: dict[str, Any] = json.loads(BUILT.read_text(encoding="utf-8")) if BUILT.exists() else {}
    return record if record and record["made"].items() <= made().items() else {}


def build() -> int:
    """Build the site into `_build/html`; return 0 if there was no warning."""
    record, found = recorded(), sources()
    if record and record["sources"] == found:
        return 0
    if not record:
        for read in (DOCTREES, DOCTREES.parent / "zh" / DOCTREES.name):
            shutil.rmtree(read, ignore_errors=True)
    BUILT.unlink(missing_ok=True)
    try:
        edition.WHEN_READ.append(chinese_edition.start)
        status = run_sphinx() or chinese_edition.finish(HTML)
    finally:
        edition.WHEN_READ.clear()
        chinese_edition.stop()
    if status == 0:
        BUILT.write_text(json.dumps({"sources": found, "made": made()}), encoding="utf-8")
    return status


def run_sphinx(out: Path = HTML, builder: str = "html", **more: Any) -> int:
    """Do what `jupyter-book build -W -n --keep-going -q .` does, with several processes."""
    from jupyter_book.sphinx import build_sphinx

    from tools.site import quicker

    quicker.make()
    settings = {
        "external_toc_path": project.TOC.as_posix(),
        "latex_individualpages": False,
        "nitpicky": True,
        **more,
    }
    status = build_sphinx(
        project.ROOT,
        out,
        builder=builder,
        noconfig=True,
        path_config=project.CONFIG,
        confoverrides=settings,
        warningiserror=True,
        keep_going=True,
        quiet=True,
        jobs=JOBS,
    )
    return status if isinstance(status, int) else 1


def main() -> int:
    """Build, and say where the result lies."""
    status = build()
    if status == 0:
        print(f"The book is built. Open {HTML / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
