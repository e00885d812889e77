"""Files that are whole or not there at all."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def check_writable(path: Path) -> None:
    """Require that files can be made beside `path`, before an hour of work depends on it.

    Raises:
        ValueError: the folder is missing or cannot be written to; the message names it.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"path must lie in a folder that can be written to, got {path}: {error}"
        ) from error


def write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that a fault, a full disk or a kill leaves the old one as it was."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write a value as JSON; NaN and infinity, which JSON lacks, become null."""
    text = json.dumps(finite(content), indent=1, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


def finite(value: Any) -> Any:
    """Return a value in which NaN and infinity are None."""
    if type(value) is dict:
        return {key: finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    is_hole = isinstance(value, float) and (value != value or abs(value) == float("inf"))
    return None if is_hole else value
