"""Build wheel and source distribution, and test the wheel alone: `python -m tools.install.wheel`.

The wheel is installed into a bare environment, with what it says that it needs, and the examples of
its docstrings are run there, away from the repository.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.install import environment

DIST = environment.ROOT / "dist"
EXAMPLES = """
import doctest, importlib, pathlib, sys
import descent
assert pathlib.Path(descent.__file__).is_relative_to(sys.prefix), descent.__file__
failed = tried = 0
for name in ("rules", "schedules", "landscapes", "minimize", "misprints", "conventions"):
    result = doctest.testmod(importlib.import_module(f"descent.{name}"),
                             optionflags=doctest.NORMALIZE_WHITESPACE)
    failed, tried = failed + result.failed, tried + result.attempted
print(f"descent {descent.__version__}: {tried} examples, {failed} failed")
sys.exit(bool(failed or not tried))
"""


def main() -> int:
    """Build and test; return the status of the examples."""
    program = environment.uv()
    if program is None:
        print("uv is needed to build the wheel, and could not be fetched.")
        return 1
    settings = {**environment.pip_settings(), **os.environ}
    shutil.rmtree(DIST, ignore_errors=True)
    subprocess.run([program, "build", "--quiet", "--out-dir", DIST], env=settings, check=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        python = Path(folder, environment.python().relative_to(environment.VENV))
        install: list[str | Path] = [
            program,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            *DIST.glob("*.whl"),
        ]
        subprocess.run(install, env=settings, check=True)
        return subprocess.run([python, "-I", "-c", EXAMPLES], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
