"""The table of the frameworks' optimisers, and what their signatures share."""

from collections.abc import Callable

from descent.conventions._around import DecoupledDecay, L2Decay, Maximize
from descent.rules import (
    Rule,
)

__all__ = ["Pair", "FRAMEWORKS", "OPTIMISERS", "optimiser", "with_l2", "with_decoupled", "as_torch"]

Pair = tuple[float, float]
"""β₁ and β₂."""

FRAMEWORKS = ("torch", "keras", "optax")

OPTIMISERS: dict[str, Callable[..., Rule]] = {}


def optimiser(path: str) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Enter the function below in the table, under its framework's path."""
    return lambda build: OPTIMISERS.setdefault(path, build)


def with_l2(rule: Rule, weight_decay: float) -> Rule:
    return L2Decay(rule.lr, rule, weight_decay) if weight_decay else rule


def with_decoupled(rule: Rule, weight_decay: float | None) -> Rule:
    return DecoupledDecay(rule.lr, rule, weight_decay) if weight_decay else rule


def as_torch(rule: Rule, weight_decay: float, maximize: bool, decoupled: bool = False) -> Rule:
    """Return the rule inside what all of PyTorch's optimisers do first, in their order."""
    rule = with_decoupled(rule, weight_decay) if decoupled else with_l2(rule, weight_decay)
    return Maximize(rule.lr, rule) if maximize else rule
