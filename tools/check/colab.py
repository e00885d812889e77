"""Run each notebook as Colab does, without the package installed: `python -m tools.check.colab`.

A fresh virtual environment has what Colab has of all that the chapters use, in Colab's versions,
and not the package. A git rule maps the repository's address to this clone, so the install cell
fetches the last commit from here and nothing is asked of the repository's host.

Colab runs Python 3.13: so does this where there is one. On another a version that cannot be
installed is named, and the nearest that can takes its place. PyTorch is the book's, unless
`COLAB_TORCH=1` asks for Colab's, which brings gigabytes of CUDA.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from tools.book import project
from tools.notebook import files

COLAB_PYTHON = "3.13"
COLAB = {
    "ipykernel": "6.17.1",
    "ipython": "7.34.0",
    "matplotlib": "3.10.0",
    "nbclient": "0.10.4",
    "nbformat": "5.11.1",
    "numpy": "2.1.3",
    "pillow": "11.3.0",
    "pooch": "1.9.0",
    "scikit-learn": "1.6.1",
    "scipy": "1.16.3",
    "tqdm": "4.67.3",
}
"""Colab's versions as of 2026-08-19, from `pip-freeze.txt` of github.com/googlecolab/backend-info,
commit a7240792. To bring them up to date, read its newest and change the date here."""

COLAB_TORCH = "2.11.0"
"""Colab's PyTorch: see `torch`."""


def torch() -> str:
    """Return PyTorch as the book pins it, or as Colab has it where `COLAB_TORCH=1` asks for it."""
    match os.environ.get("COLAB_TORCH", ""):
        case "1":
            return f"torch=={COLAB_TORCH}"
        case "" | "0":
            pins = (project.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
            return next(line for line in pins if line.startswith("torch=="))
        case other:
            raise SystemExit(f"COLAB_TORCH is {other!r}: 1 is Colab's PyTorch, 0 the book's")


def interpreter() -> str:
    """Return Colab's Python where there is one, else the Python that runs this."""
    found = shutil.which(f"python{COLAB_PYTHON}")
    try:
        return found if found and python_version(found) == COLAB_PYTHON else sys.executable
    except (OSError, subprocess.CalledProcessError):  # a manager's, which has no such version
        return sys.executable


def python_version(python: str | Path) -> str:
    """Return the version of a Python, as Colab's is written: 3.13."""
    say = "import sys; print(*sys.version_info[:2], sep='.')"
    ran = subprocess.run([str(python), "-c", say], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def new_venv(folder: Path) -> Path:
    """Make a virtual environment with pip of the chosen Python; return its folder of programs."""
    subprocess.run([interpreter(), "-m", "venv", str(folder)], check=True)
    return folder / "bin"


def environment(folder: Path) -> Path:
    """Make the virtual environment; return its folder of programs."""
    programs = new_venv(folder)
    has = [f"{name}=={version}" for name, version in COLAB.items()]
    if install(programs, [*has, torch()]):
        return programs
    for package in [
        name for name in has if not install(programs, [name], "--dry-run", "--no-deps")
    ]:
        name, version = package.split("==")
        python = python_version(programs / "python")
        print(f"{package} cannot be installed on Python {python}: the nearest takes its place")
        has[has.index(package)] = f"{name}<={version}"
    if not install(programs, [*has, torch()]):
        raise SystemExit("what Colab has cannot be installed here: see above")
    return programs


def install(programs: Path, packages: list[str], *options: str) -> bool:
    """Install packages, wheels alone; return whether it could be done."""
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    return not subprocess.run([*pip, "--disable-pip-version-check", *options, *packages]).returncode


def versions(programs: Path) -> str:
    """Return what was installed, and where it is not what Colab has."""
    listed = subprocess.run(
        [str(programs / "python"), "-m", "pip", "list", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = {package["name"].lower(): package["version"] for package in json.loads(listed.stdout)}
    python = python_version(programs / "python")
    pairs = [("Python", python, COLAB_PYTHON), ("torch", found["torch"], COLAB_TORCH)]
    pairs += [(name, found[name], version) for name, version in COLAB.items()]
    return "\n".join(
        f"{name} {here}" + (f" (Colab: {there})" if here != there else "")
        for name, here, there in pairs
    )


def settings(clone: Path) -> dict[str, str]:
    """Return the environment variables that map the repository's address to a local clone."""
    own = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {key: value for key, value in os.environ.items() if key not in own} | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{clone.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": project.written_address(),
        "GIT_TERMINAL_PROMPT": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the older kernel warns of the debugger
    }


def run(notebook: Path, programs: Path, variables: dict[str, str], folder: Path) -> None:
    """Execute a copy of a notebook where the package is missing; leave the package missing."""
    python = str(programs / "python")
    missing = subprocess.run([python, "-c", "import descent"], env=variables, capture_output=True)
    assert missing.returncode, "the package is there before the notebook has installed it"
    copy = shutil.copy(notebook, folder)
    subprocess.run(
        [python, "-c", "from nbclient.cli import main; main()", "--timeout=600", copy],
        env=variables | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        cwd=folder,
        check=True,
    )
    where = [python, "-c", "import descent; print(descent.__file__)"]
    installed = subprocess.run(where, env=variables, cwd=folder, capture_output=True, text=True)
    assert str(programs.parent) in installed.stdout, installed.stderr or installed.stdout
    uninstall = [python, "-m", "pip", "uninstall", "--yes", "--quiet", "descent-to-adam"]
    subprocess.run(uninstall, env=variables, check=True)


def beside(folder: Path, base: Path) -> Path:
    """Make an environment that sees what another has; return its folder of programs."""
    programs = new_venv(folder)
    (own,) = folder.glob("lib/python*/site-packages")
    (packages,) = base.parent.glob("lib/python*/site-packages")
    (own / "base.pth").write_text(str(packages))
    return programs


def attempt(chapter: Path, free: SimpleQueue[Path], clone: Path, folder: Path) -> bool:
    """Run a chapter's notebook in an environment that is free; say and return how it went."""
    start, programs = time.perf_counter(), free.get()
    try:
        run(files.notebook_path(chapter), programs, settings(clone), folder)
    except subprocess.CalledProcessError as error:
        print(f"{chapter.stem} fails: {error}", flush=True)
        return False
    finally:
        free.put(programs)
    print(f"{chapter.stem} runs ({time.perf_counter() - start:.0f} s)", flush=True)
    return True


def main() -> int:
    """Run all notebooks, as many at a time as there are cores; return how many failed."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(name)
        clone = folder / "clone.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", project.ROOT, clone], check=True)
        print(f"Python: {interpreter()}", flush=True)
        programs = environment(folder / "venv")
        print(versions(programs))
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(os.cpu_count() or 1):
            free.put(beside(folder / f"venv-{number}", programs))
        one = partial(attempt, free=free, clone=clone, folder=folder)
        ran = list(pool.map(one, project.chapters()))
    print(f"{sum(ran)} passed, {len(ran) - sum(ran)} failed")
    return len(ran) - sum(ran)


if __name__ == "__main__":
    sys.exit(main())
