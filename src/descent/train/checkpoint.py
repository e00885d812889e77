"""Files that are whole or not there at all: checkpoints and histories."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from descent._files import check_writable, write, write_json

__all__ = ["check_writable", "write", "write_json", "storable", "tried", "save", "load"]


def storable(value: Any) -> Any:
    """Return a value whose scalars and arrays of NumPy are Python's and torch's.

    A file that holds NumPy's cannot be read without running what is in it.
    """
    if type(value) is dict:
        return {storable(key): storable(v) for key, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(storable, value))
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return torch.from_numpy(value)
    return value.item() if isinstance(value, np.generic) else value


def tried(path: Path, fill: Callable[[IO[bytes]], object]) -> bool:
    """Write a file; where that fails, warn and return False, since training can go on."""
    try:
        write(path, fill)
    except (OSError, RuntimeError) as error:  # torch.save turns a full disk into a RuntimeError
        warnings.warn(f"{path} was not saved ({error}); training goes on", stacklevel=3)
        return False
    return True


def save(path: Path, content: dict[str, Any]) -> bool:
    """Write a checkpoint, if that can be."""
    return tried(path, lambda file: torch.save(storable(content), file))


def load(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is no checkpoint, is cut off, or holds what only code could restore.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} is no checkpoint, or is cut off, or holds more than tensors and plain "
            f"numbers: {str(error).splitlines()[-1]}"
        ) from error
    except Exception as error:  # zip and torch have their own
        raise ValueError(f"{path} is no checkpoint, or is cut off: {error}") from error
    if not isinstance(content, dict) or "step" not in content:
        raise ValueError(f"{path} is no checkpoint of descent.train")
    return content
