"""Resolve the requirements anew: `python -m tools.lock [--upgrade]`, which `make lock` calls.

`requirements.txt` pins all of `requirements.in` for Python 3.11 to 3.13 on Linux, macOS and
Windows; `requirements-book.txt` pins what building the site needs, at the same versions.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools import environment

ALL, BOOK = environment.ROOT / "requirements.in", environment.ROOT / "requirements-book.in"
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
    pins = re.sub(r"^(torch==[\d.]+)\+\w+", r"\1", pins, flags=re.MULTILINE)
    head = f"# Resolved from {source.name} by 'make lock'; edit that file, not this one.\n"
    target.write_text(head + pins, encoding="utf-8")


def main() -> int:
    """Resolve both files, the second at the versions of the first."""
    if not (program := environment.uv()):
        print("uv is needed to resolve the requirements, and could not be fetched.")
        return 1
    resolve(program, ALL, *sys.argv[1:])
    resolve(program, BOOK, "--constraint", str(ALL.with_suffix(".txt")), *sys.argv[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
