"""Which names a function of Python sets, and how often."""

import ast
from collections.abc import Iterator, Sequence


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function, without those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield child
        yield from own_nodes(child)


def yields(node: ast.FunctionDef) -> bool:
    """Whether a function is a generator."""
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(node))


def assigned(body: Sequence[ast.stmt]) -> dict[str, int]:
    """Return how often each name is set in a function's body."""
    found: dict[str, int] = {}
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef | ast.comprehension):
            if isinstance(node, ast.comprehension):
                pending += [node.iter, *node.ifs]
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = found.get(node.id, 0) + 1
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = found.get(node.target.id, 0) + 1
        pending += list(ast.iter_child_nodes(node))
    return found


def looped(body: Sequence[ast.stmt]) -> dict[str, int]:
    """Return how often each name is a loop's variable."""
    found: dict[str, int] = {}
    for statement in body:
        for node in [statement, *own_nodes(statement)]:
            if isinstance(node, ast.For):
                for name in ast.walk(node.target):
                    if isinstance(name, ast.Name):
                        found[name.id] = found.get(name.id, 0) + 1
    return found


def plainly_assigned(statement: ast.stmt) -> list[list[str]]:
    """Return the names that a statement of a function's own level sets, target by target."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return []
    return [stored(t) for t in targets]


def stored(target: ast.expr) -> list[str]:
    """Return the names that a target sets."""
    nodes = [n for n in ast.walk(target) if isinstance(n, ast.Name)]
    return [n.id for n in nodes if isinstance(n.ctx, ast.Store)]


def without_docstring(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a function but for its docstring."""
    is_text = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return list(body[1:] if is_text else body)
