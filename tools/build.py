"""Build the site: `python -m tools.build`. No cell runs; every warning is an error."""

import subprocess
import sys
from pathlib import Path

from tools import project


def build() -> int:
    """Build the site into `_build/html`; return 0 if there was no warning."""
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", "-W", "-n", "--keep-going", "-q", "."]
    return subprocess.run(command, cwd=project.ROOT, check=False).returncode


def main() -> int:
    """Build, and say where the result lies."""
    status = build()
    if status == 0:
        print(f"The book is built. Open {project.BUILD / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main())
