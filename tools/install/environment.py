"""Set up `.venv`, or `$VENV`: `tools/install/environment.py REQUIREMENTS.txt`, called by `make`.

It runs before anything is installed, so it imports the standard library alone. uv installs, the
one on the PATH or else a pinned one from the registry, and pip where uv cannot be had. What pip
was told of other places to look (`PIP_FIND_LINKS`, `PIP_EXTRA_INDEX_URL`, a configuration file)
holds for uv. The stamp `.venv/REQUIREMENTS.ready` is written last; what was interrupted or failed
starts afresh.

The syntax is that of Python 3.6, so that a Python that is too old reads as far as the sentence
that says so.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / os.environ.get("VENV", ".venv")
WHOLE = VENV / "whole"
"""It is there when the last set-up went through, and holds the version of Python."""
OLDEST, NEWEST = (3, 11), (3, 13)
UV = "0.13.9"
OLDEST_UV = (0, 8)
GIGABYTE = 2**30
SAYS_NO_SPACE = re.compile(r"no space left|disk quota|os error 28|errno 28", re.IGNORECASE)
SAYS_NO_NETWORK = re.compile(
    r"dns error|name resolution|failed to (?:fetch|connect|lookup)|error sending request"
    r"|timed? ?out|connection (?:refused|reset|error)|newconnectionerror|network is unreachable"
    r"|proxy|certificate",
    re.IGNORECASE,
)


class SetupError(Exception):
    """The set-up cannot go on; the message is the sentence to print."""


def check_python(version: "tuple[int, int]") -> None:
    """Raise SetupError unless the pins hold for this version of Python."""
    if not OLDEST <= version <= NEWEST:
        raise SetupError(
            f"Python 3.11, 3.12 or 3.13 is needed, {sys.executable} is {version[0]}.{version[1]}: "
            "make PYTHON=python3.12 ..."
        )


def python() -> Path:
    """Return the environment's interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command: "str | Path", env: "dict[str, str] | None" = None) -> None:
    """Run a command, show what it says but for the list of what it installed.

    Raises:
        SetupError: it failed; with the likely reason.
    """
    words = [str(word) for word in command]
    said = []
    with subprocess.Popen(
        words,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            if not line.startswith((" + ", " - ", " ~ ")):
                print(line, end="", file=sys.stderr)
    if process.returncode:
        raise SetupError(reason("".join(said)))


def reason(said: str) -> str:
    """Return the sentence for a failed installation, from what the installer said.

    >>> reason("error: No space left on device (os error 28)")[:17]
    'The disk is full:'
    >>> reason("dns error: failed to lookup address")[:54]
    'The packages could not be fetched: is there a network?'
    """
    if SAYS_NO_SPACE.search(said) or shutil.disk_usage(ROOT).free < GIGABYTE // 10:
        return f"The disk is full: {ROOT} needs 2 GB. The next make starts afresh."
    if SAYS_NO_NETWORK.search(said):
        return (
            "The packages could not be fetched: is there a network? (PyTorch comes from its own "
            "index, or from where PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL points.) "
            "The next make starts afresh."
        )
    return "The packages could not be installed, see above. The next make starts afresh."


def make_venv() -> None:
    """Make the environment, unless one of this Python is there whose last set-up went through."""
    if WHOLE.exists() and WHOLE.read_text(encoding="utf-8") == sys.version and python().exists():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run(sys.executable, "-m", "venv", VENV)
    except SetupError as error:
        if "disk" in str(error):
            raise
        raise SetupError(
            f"{sys.executable} -m venv failed: on Debian and Ubuntu, apt-get install python3-venv"
        ) from None


def pip_settings() -> "dict[str, str]":
    """Return what pip was told of places to look, from its variables and files, as uv names it."""
    listed = subprocess.run(
        [str(python()), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    pairs = re.findall(r"^(global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
    found = {name: value for _, name, value in sorted(pairs, key=lambda pair: pair[0] == ":env:")}
    links = found.get("find-links", "").replace("\\n", " ").split()
    indexes = found.get("extra-index-url", "").replace("\\n", " ").split()
    settings = {
        "UV_FIND_LINKS": ",".join(links),
        "UV_EXTRA_INDEX_URL": " ".join(indexes),
        "UV_DEFAULT_INDEX": found.get("index-url", ""),
        "SSL_CERT_FILE": found.get("cert", ""),
    }
    return {name: value for name, value in settings.items() if value}


def uv() -> "str | None":
    """Return the uv to call, fetched if there is none new enough; None where there is none."""
    own = python().with_name("uv" + python().suffix)
    for candidate in (shutil.which("uv"), str(own) if own.exists() else None):
        if candidate and _version(candidate) >= OLDEST_UV:
            return candidate
    fetched = subprocess.run(
        [str(python()), "-m", "pip", "install", "--quiet", f"uv=={UV}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return str(own) if fetched.returncode == 0 else None


def _version(program: str) -> "tuple[int, ...]":
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2])


def install(requirements: Path) -> None:
    """Install what a file of requirements pins, and the package itself, to be edited in place."""
    program = uv()
    if program:
        _install_by_uv(program, requirements)
        return
    print(f"uv {UV} could not be fetched; pip installs, which takes longer.", file=sys.stderr)
    pip = [str(python()), "-m", "pip", "install", "--quiet"]
    run(*pip, "-r", requirements)
    run(*pip, "--no-deps", "--editable", ROOT)


def _install_by_uv(program: str, requirements: Path) -> None:
    env = {**pip_settings(), **os.environ}
    pip = [program, "pip", "install", "--python", str(python()), "--index-strategy",
           "unsafe-best-match"]  # as pip does: the best version over all indexes  # fmt: skip
    elsewhere = env.keys() & {"UV_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_TORCH_BACKEND"}
    torch = re.search("^torch==", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    backend = ["--torch-backend=auto"] if torch and not elsewhere else []
    run(*pip, *backend, "-r", requirements, env=env)
    run(*pip, "--no-deps", "--editable", ROOT, env=env)


def main() -> int:
    """Set up; return 1 after a sentence where it cannot be done."""
    requirements = ROOT / sys.argv[1]
    ready = VENV / f"{requirements.stem}.ready"
    try:
        check_python(sys.version_info[:2])
        make_venv()
        for stamp in (WHOLE, ready):
            stamp.unlink(missing_ok=True)
        install(requirements)
        WHOLE.write_text(sys.version, encoding="utf-8")
        ready.touch()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(reason(str(error)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The next make starts afresh.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
