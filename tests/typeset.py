"""A document of LaTeX, set by the engines of TeX where they are installed."""

import shutil
import subprocess

import pytest


def typeset(text, folder, engine="lualatex"):
    """Return the log of a document that is set in a folder; an error or a missing sign fails."""
    if not shutil.which(engine):
        pytest.skip(f"{engine} is not installed (Debian: texlive-luatex texlive-latex-extra)")
    (folder / "document.tex").write_text(text, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (folder / "document.log").read_text(errors="replace")
    assert "Missing character" not in log
    return log
