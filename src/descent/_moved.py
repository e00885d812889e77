"""Public names that moved: the old one warns, and works."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's `__getattr__` that leads names which stood there to where they are now.

    Args:
        module: the module's `__name__`.
        names: the full new name of each old one, such as "descent.torch_optim._kernels.CHUNK".
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = names[name].rpartition(".")
        is_private = "._" in names[name]
        said = "is no public name any more: it is" if is_private else "is called"
        warnings.warn(f"{module}.{name} {said} {names[name]} now", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(home), new)

    return find
