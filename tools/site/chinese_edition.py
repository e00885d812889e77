"""Build the Chinese edition under the English site: `python -m tools.site.chinese_edition`.

`tools.site.build` starts it when the English pages are read, which says where their parts are, and
puts it under the English site when both are whole.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.book import project
from tools.chinese import pages

RUNNING: list[subprocess.Popen[bytes]] = []
"""The build of it that this process started."""


def start() -> None:
    """Start a build in a process of its own: what was read in English is not kept."""
    command = [sys.executable, "-m", "tools.site.chinese_edition"]
    RUNNING.append(subprocess.Popen(command, cwd=project.ROOT))


def finish(site: Path) -> int:
    """Wait for what was started, and put it under the site; return 0 if all went well."""
    if status := RUNNING[-1].wait():
        return status
    place = site / pages.LANGUAGE
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(project.BUILD / pages.LANGUAGE / "html", place, copy_function=os.link)
    return 0


def stop() -> None:
    """End what still runs."""
    while RUNNING:
        with RUNNING.pop() as process:
            process.terminate()


def main() -> int:
    """Build it; return 0 if there was no warning."""
    pages.read_in_chinese()
    from tools.site import build, edition

    out = project.built() / "html"
    status = build.run_sphinx(out, **edition.settings())
    if status == 0:
        for name in ("404.html", "sitemap.xml"):  # those of the English site serve both
            (out / name).unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
