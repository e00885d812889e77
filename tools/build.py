"""Build the site: `python -m tools.build`. No cell runs; every warning is an error."""

import sys

from jupyter_book.sphinx import build_sphinx

from tools import project

JOBS = 2
"""Processes that read and write pages; each has its own Node for the mathematics."""


def build() -> int:
    """Build the site into `_build/html`; return 0 if there was no warning.

    It is what `jupyter-book build -W -n --keep-going -q .` does, with several processes.
    """
    settings = {
        "external_toc_path": project.TOC.as_posix(),
        "latex_individualpages": False,
        "nitpicky": True,
    }
    status = build_sphinx(
        project.ROOT,
        project.BUILD / "html",
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
        print(f"The book is built. Open {project.BUILD / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
