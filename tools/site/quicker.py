"""What makes Sphinx build in half the time, and changes no page."""

import gc
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pybtex.plugin
from docutils import nodes

Condition = type | Callable[[nodes.Node], bool] | None

docutils_findall = nodes.Node.findall


def make() -> None:
    """Change what this process does where time is lost."""
    # Pages are trees of millions of nodes that live to the end of a build: to go through them for
    # garbage took a third of its time.
    gc.disable()
    # Each citation searched all installed packages for the same plugin.
    pybtex.plugin.entry_points = cache(pybtex.plugin.entry_points)
    # Some hundred transforms go through each page.
    nodes.Node.findall = findall


def findall(
    root: nodes.Node,
    condition: Condition = None,
    include_self: bool = True,
    descend: bool = True,
    siblings: bool = False,
    ascend: bool = False,
) -> Iterator[Any]:
    """Yield what `docutils.nodes.Node.findall` yields, without a generator for each node."""
    if not (include_self and descend) or siblings or ascend:
        yield from docutils_findall(root, condition, include_self, descend, siblings, ascend)
    else:
        yield from _below(root, condition)


def _below(root: nodes.Node, condition: Condition) -> Iterator[Any]:
    """Yield a node and those below it, in the order of the text, that meet a condition."""
    kind = condition if isinstance(condition, type) else object
    meets = None if isinstance(condition, type) else condition
    levels = [iter((root,))]
    while levels:
        for node in levels[-1]:
            if isinstance(node, kind) and (meets is None or meets(node)):
                yield node
            if node.children:
                levels.append(iter(node.children))
                break
        else:
            levels.pop()
