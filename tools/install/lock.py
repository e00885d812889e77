"""Resolve the requirements anew: `python -m tools.install.lock [--upgrade]`, for `make lock`.

`requirements.txt` pins all of `requirements.in` for Python 3.11 to 3.13 on Linux, macOS and
Windows; the others pin what building the site needs, or what a nightly test has beside or instead
of it, at the same versions wherever they do not name another.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.install import environment

ALL = environment.ROOT / "requirements.in"
PARTS = [
    environment.ROOT / f"requirements-{part}.in"
    for part in ("book", "frameworks", "graders", "oldest", "certificates")
]
CUDA = re.compile(r"^(?:nvidia|cuda|triton)[\w-]*==.*\n", re.MULTILINE)
"""What PyTorch's build for Linux brings by itself: pinned, it would come with the CPU build too."""


def resolve(program: str, source: Path, *options: str) -> None:
    """Write the lock of a file of requirements beside it."""
    target = source.with_suffix(".txt")
    command = [program, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
               "--no-header", "--no-annotate", "--strip-extras", "--no-emit-index-url",
               "--no-emit-find-links", "--index-strategy", "unsafe-best-match", *options,
               str(source), "--output-file", str(target)]  # fmt: skip
    subprocess.run(command, env={**environment.pip_settings(), **os.environ}, check=True)
    pins = CUDA.sub("", target.read_text(encoding="utf-8"))
    # PyTorch's CPU build has a version of its own on some systems; the pin takes any build.
    pins = re.sub(r"^(torch==[\d.]+).*\n(?:torch==.*\n)*", r"\1\n", pins, flags=re.MULTILINE)
    head = f"# Resolved from {source.name} by 'make lock'; edit that file, not this one.\n"
    target.write_text(head + pins, encoding="utf-8")


def constraints(part: Path) -> list[str]:
    """Return the options that hold a part to the pins of the whole, but for what it pins itself."""
    own = set(re.findall(r"^([\w-]+)==", part.read_text(encoding="utf-8"), re.MULTILINE))
    pins = ALL.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    others = environment.VENV / "constraints.txt"
    others.write_text("\n".join(p for p in pins if p.split("==")[0] not in own), encoding="utf-8")
    return ["--constraint", str(others)]


def main() -> int:
    """Resolve all files, the others at the versions of the first."""
    if not (program := environment.uv()):
        print("uv is needed to resolve the requirements, and could not be fetched.")
        return 1
    resolve(program, ALL, *sys.argv[1:])
    for part in PARTS:
        resolve(program, part, *constraints(part), *sys.argv[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
