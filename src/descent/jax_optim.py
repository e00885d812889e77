"""Any rule on a pytree of JAX arrays, and as a transformation of Optax.

The rules run under `jit`, `vmap`, `grad` and `lax.scan` as they stand. Here they take a whole tree
of parameters at once:

>>> import jax
>>> from descent.rules import Adam
>>> rule, params = Adam(lr=1e-3), {"w": jax.numpy.ones((2, 3)), "b": jax.numpy.zeros(3)}
>>> state = init(rule, params)
>>> params, state = update(rule, params, params, state)
>>> int(state.t), jax.tree.map(jax.numpy.shape, state.m)
(1, {'b': (3,), 'w': (2, 3)})

What JAX computes under `jit` from a step count that it traces, such as β₂^t, has its default type:
float32 unless `jax_enable_x64` is set, as in Optax.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from descent._numbers import plain
from descent._state import leaves, with_leaves
from descent.rules import Rule

__all__ = ["Tree", "init", "update", "as_optax"]

Tree = Any
"""A pytree of JAX: nested lists, tuples, dictionaries or modules, with arrays for leaves."""


def init(rule: Rule, params: Tree) -> Any:
    """Return the rule's state for a tree: numbers such as t once, an array of the state as a tree.

    Raises:
        ValueError: a parameter is complex, or of a shape that the rule does not take; its path is
            named.
    """
    paths, tree = jax.tree.flatten_with_path(params)
    states = [leaves(_initial(rule, jax.tree_util.keystr(path), x)) for path, x in paths]
    blank = _blank(rule)
    columns = (
        tree.unflatten([state[i] for state in states])
        if _is_array(value)
        else jnp.asarray(value, jnp.result_type(type(value)))
        for i, value in enumerate(leaves(blank))
    )
    return with_leaves(blank, columns)


def update(rule: Rule, params: Tree, grads: Tree, state: Any) -> tuple[Tree, Any]:
    """Return the tree of parameters and the state after one step along a tree of gradients.

    Raises:
        ValueError: the gradients are another tree, or one has not the shape of its parameter.
    """
    xs, tree = jax.tree.flatten(params)
    gs = tree.flatten_up_to(grads)
    blank = _blank(rule)
    kept = list(_entries(state, blank))
    is_array = [_is_array(value) for value in leaves(blank)]
    rows = [
        tree.flatten_up_to(k) if a else [plain(k)] * len(xs)
        for k, a in zip(kept, is_array, strict=True)
    ]
    new_xs, new = [], []
    for x, g, *row in zip(xs, gs, *rows, strict=True):
        new_x, new_state = rule.update(x, g, with_leaves(blank, iter(row)))
        new_xs.append(new_x)
        new.append(leaves(new_state))
    columns = (
        tree.unflatten([n[i] for n in new]) if a else jnp.asarray(new[0][i] if new else k, k.dtype)
        for i, (k, a) in enumerate(zip(kept, is_array, strict=True))
    )
    return tree.unflatten(new_xs), with_leaves(blank, columns)


def as_optax(rule: Rule) -> optax.GradientTransformation:
    """Return the rule as a transformation of Optax.

    Its `update` needs the parameters, and returns what `optax.apply_updates` adds to them. The
    learning rate and its sign are within. It goes into `optax.chain`, `masked`, `multi_transform`,
    `MultiSteps` and, as `inject_hyperparams(lambda lr: as_optax(Adam(lr)))`, it takes a learning
    rate that changes.

    Raises:
        ValueError: as `init` and `update`; at a step, there are no parameters.

    >>> params = {"w": jax.numpy.array([5.0])}
    >>> from descent.rules import Adam
    >>> optimizer = optax.chain(optax.clip(1.0), as_optax(Adam(lr=1e-3)))
    >>> updates, state = optimizer.update(params, optimizer.init(params), params)
    >>> optax.apply_updates(params, updates)
    {'w': Array([4.999], dtype=float32)}
    """
    if not isinstance(rule, Rule):
        raise ValueError(f"rule must be a rule such as Adam(lr=1e-3), got {rule!r}")

    def change(grads: Tree, state: Any, params: Tree | None = None) -> tuple[Tree, Any]:
        if params is None:
            raise ValueError("params must be given: update(grads, state, params)")
        new, state = update(rule, params, grads, state)
        return jax.tree.map(lambda a, b: a - b, new, params), state

    return optax.GradientTransformation(lambda params: init(rule, params), change)


def _initial(rule: Rule, path: str, x: Any) -> Any:
    if jnp.iscomplexobj(x):
        raise ValueError(
            f"params must be real, got {x.dtype} for {path}: "
            "optax.contrib.split_real_and_imaginary takes the parts apart"
        )
    try:
        return rule.init(x)
    except ValueError as error:
        raise ValueError(f"{type(rule).__name__} cannot take params{path}: {error}") from error


def _blank(rule: Rule) -> Any:
    """Return a state of the rule that shows which entries are arrays."""
    return rule.init(np.zeros((1, 1)))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _entries(state: Any, blank: Any) -> Iterator[Any]:
    """Yield the entries of a state, trees as they are, where `blank` has its leaves."""
    for entry, like in zip(state, blank, strict=True):
        yield from _entries(entry, like) if isinstance(like, tuple) else [entry]
