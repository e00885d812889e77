"""Keep PyTorch's compiler from being imported by an optimizer that compiles nothing.

Each `torch.optim.Optimizer` imports `torch._dynamo` before its first step, for two names that do
nothing outside a compiled function. The import takes three seconds, and three times as long where
no byte code is kept.
"""

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class Unused(ModuleType):
    """Has the two names; whoever asks for another gets the compiler's."""

    @staticmethod
    def disable(fn: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        """Return the function: nothing is compiled that it could be left out of."""
        return fn

    @staticmethod
    def graph_break() -> None:
        """Do nothing, as outside a graph."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
        return getattr(importlib.import_module(NAME), name)


def put_off(text: str) -> None:
    """Have the compiler imported when one of its other names is asked for, if a text has PyTorch.

    PyTorch itself asks for them as it is imported, so this comes after.
    """
    if "torch" in text:
        with suppress(ImportError):
            importlib.import_module("torch")
            sys.modules.setdefault(NAME, Unused(NAME))
