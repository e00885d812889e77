"""Run each notebook as Colab does, where the package is not installed: `python -m tools.colab`.

A fresh virtual environment has NumPy, matplotlib, scikit-learn and Jupyter and not the package. A
git rule maps the repository's address to this clone, so the install cell fetches the last commit
from here and nothing is asked of the repository's host.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from tools import notebooks, project

WHAT_COLAB_HAS = ["numpy", "matplotlib", "scikit-learn", "ipykernel", "nbclient", "nbformat"]


def environment(folder: Path) -> Path:
    """Make the virtual environment; return its folder of programs."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    pins = ["--constraint", str(project.ROOT / "requirements.txt")]
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *pins, *WHAT_COLAB_HAS], check=True)
    return programs


def settings(clone: Path) -> dict[str, str]:
    """Return the environment variables that map the repository's address to a local clone."""
    own = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {key: value for key, value in os.environ.items() if key not in own} | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{clone.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": project.written_address(),
        "GIT_TERMINAL_PROMPT": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def run(notebook: Path, programs: Path, variables: dict[str, str], folder: Path) -> None:
    """Execute a copy of a notebook where the package is missing; leave the package missing."""
    python = str(programs / "python")
    missing = subprocess.run([python, "-c", "import descent"], env=variables, capture_output=True)
    assert missing.returncode, "the package is there before the notebook has installed it"
    copy = shutil.copy(notebook, folder)
    subprocess.run(
        [str(programs / "jupyter-execute"), "--timeout=600", copy],
        env=variables | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        cwd=folder,
        check=True,
    )
    where = [python, "-c", "import descent; print(descent.__file__)"]
    installed = subprocess.run(where, env=variables, cwd=folder, capture_output=True, text=True)
    assert str(programs.parent) in installed.stdout, installed.stderr or installed.stdout
    uninstall = [python, "-m", "pip", "uninstall", "--yes", "--quiet", "descent-to-adam"]
    subprocess.run(uninstall, env=variables, check=True)


def main() -> int:
    """Run all notebooks; return how many failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = folder / "clone.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", project.ROOT, clone], check=True)
        programs = environment(folder / "venv")
        for chapter in project.chapters():
            start = time.perf_counter()
            print(f"{chapter.stem} ... ", end="", flush=True)
            try:
                run(notebooks.notebook_path(chapter), programs, settings(clone), folder)
                print(f"runs ({time.perf_counter() - start:.0f} s)", flush=True)
            except subprocess.CalledProcessError as error:
                failed += 1
                print(f"fails: {error}", flush=True)
    total = len(project.chapters())
    print(f"{total - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
