"""Optimisers for whole networks: what decays, what a matrix rule takes, and rates to begin with.

Weight decay is for weights: parameters of one axis, which are biases and the gains of
normalisation, are left out of it, as is usual. Muon, Shampoo and SOAP take hidden matrices, AdamW
the rest.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from descent import _check, rules
from descent.conventions import Around, DecoupledDecay, L2Decay
from descent.rules import Array, Rule
from descent.torch_optim import Optimizer

__all__ = [
    "RATES",
    "FOR_MATRICES",
    "DECAYS",
    "DECAY_FORMS",
    "ALIASES",
    "rule_named",
    "with_decay",
    "AsMatrix",
    "groups",
    "made_for",
    "hidden_matrices",
    "name_for_matrices",
    "Together",
]

RATES = {
    "gradient-descent": 0.1,
    "momentum": 0.03,
    "averaged-momentum": 0.3,
    "nesterov": 0.03,
    "adagrad": 0.01,
    "rmsprop": 1e-3,
    "momentum-rmsprop": 3e-4,
    "centered-rmsprop": 1e-3,
    "adadelta": 1.0,
    "adam": 1e-3,
    "adamax": 2e-3,
    "nadam": 1e-3,
    "amsgrad": 3e-4,
    "adamw": 1e-3,
    "radam": 1e-2,
    "adafactor": 1e-2,
    "lion": 1e-3,
    "lamb": 0.03,
    "muon": 0.02,
    "shampoo": 0.1,
    "soap": 3e-3,
    "schedule-free-adamw": 1e-2,
}
"""A learning rate for each rule at which the networks of the book learn; no more than that."""

FOR_MATRICES = (rules.Muon, rules.Shampoo, rules.Soap)
"""The rules that take hidden matrices, beside AdamW for the rest."""

DECAYS: dict[type[Rule], float] = {rules.AdamW: 0.01, rules.Muon: 0.01}
"""The weight decay of a rule that is made to have one; that of the others is 0."""

DECAY_FORMS: dict[str, Callable[..., Around]] = {"decoupled": DecoupledDecay, "l2": L2Decay}
"""Where the decay enters: beside the step, x ← (1 − η_t λ) x, or into the gradient, g + λ x."""

ALIASES = {"sgd": "gradient-descent"}
"""What else people call a rule."""


def rule_named(name: str, lr: float | None = None, **hyper: float) -> Rule:
    """Return a rule as it reads, by its name or alias.

    Args:
        name: of `rules.names()`, or "sgd": gradient descent or, if `momentum` is given, momentum.
        lr: the learning rate; by default that of `RATES`.
        hyper: other hyper-parameters of the rule.

    Raises:
        ValueError: there is no such rule, or an argument is outside its range.

    >>> rule_named("sgd"), rule_named("sgd", momentum=0.9)
    (GradientDescent(lr=0.1), Momentum(lr=0.03, momentum=0.9))
    """
    if name == "sgd" and "momentum" in hyper:
        name = "momentum"
    name = ALIASES.get(name, name)
    return rules.get(name, lr=RATES.get(name) if lr is None else lr, **hyper)


def with_decay(rule: Rule, weight_decay: float | None = None, form: str = "decoupled") -> Rule:
    """Return a rule with weight decay as the frameworks mean it in AdamW: x ← x − η_t λ x.

    The decay stands beside the step, so λ = 0.01 at η = 0.001 takes off 1e-5 of x per step. AdamW
    becomes Adam with that: in the paper's own rule no learning rate multiplies λ.

    Args:
        rule: of `descent.rules`.
        weight_decay: λ ≥ 0; by default that of `DECAYS`, or 0.
        form: "decoupled", or "l2" for λ x in the gradient.

    Raises:
        ValueError: weight_decay is negative or not finite, or the rule cannot have that form.

    >>> with_decay(rules.AdamW(1e-3))
    DecoupledDecay(lr=0.001, rule=Adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08), \
weight_decay=0.01)
    """
    decay = DECAYS.get(type(rule), 0.0) if weight_decay is None else weight_decay
    _check.not_negative("weight_decay", decay)
    if form not in DECAY_FORMS:
        raise ValueError(f"form must be one of {', '.join(DECAY_FORMS)}, got {form!r}")
    if isinstance(rule, rules.AdamW):
        rule = rules.Adam(rule.lr, rule.beta1, rule.beta2, rule.eps)
    if any(field.name == "weight_decay" for field in fields(rule)):  # as Lion and Muon have
        if form != "decoupled" and decay:
            raise ValueError(f"form must be decoupled for {type(rule).__name__}, got {form!r}")
        return replace(rule, **{"weight_decay": decay})
    return DECAY_FORMS[form](rule.lr, rule, decay) if decay else rule


@dataclass(frozen=True)
class AsMatrix(Around):
    """A rule for matrices that takes an array of more axes too, as its first by all the others."""

    rounds_always = False

    def init(self, x: Array) -> Any:
        """Return the state of the rule for the matrix."""
        return self.rule.init(x.reshape(len(x), -1))

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        """Return x, of its own shape, and the state after one step along the gradient g."""
        matrix, state = self.rule.update(x.reshape(len(x), -1), g.reshape(len(x), -1), state)
        return matrix.reshape(x.shape), state


def groups(params: Sequence[Tensor], rule: Rule) -> list[dict[str, Any]]:
    """Return parameter groups in which what has one axis does not decay; one, if nothing does."""
    if not any(getattr(part, "weight_decay", 0) for part in _chain(rule)):
        return [{"params": params}]
    weights, rest = (
        [p for p in params if (p.dim() > 1) == is_matrix] for is_matrix in (True, False)
    )
    both = {"params": weights}, {"params": rest, "weight_decay": 0.0}
    return [group for group in both if group["params"]]


def made_for(
    model: nn.Module,
    rule: Rule,
    *,
    decay_all: bool = False,
    compile: bool = False,  # noqa: A002 (as the Optimizer has it)
) -> torch.optim.Optimizer:
    """Return a rule as an optimiser of all parameters, in the fastest form that they allow.

    A rule of `FOR_MATRICES` is given the hidden matrices, a convolution's as one of its outputs by
    all its inputs, and AdamW the rest: biases, gains, embeddings and the last layer. The rest has a
    rate of its own, always the same part of the rule's.

    Args:
        model: whose parameters are trained.
        rule: with its weight decay, if it has one.
        decay_all: whether that is for biases and gains too.
        compile: as in `torch_optim.Optimizer`.

    Raises:
        ValueError: the rule is for matrices and the model has no hidden matrix.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    name = name_for_matrices(rule)
    if name is None:
        return _optimizer(params, rule, decay_all, compile)
    matrices = hidden_matrices(model)
    if not matrices:
        raise ValueError(f"model must have a hidden layer for {name}, which trains no other")
    known = set(map(id, matrices))
    scale = RATES["adam"] / RATES[name]
    lr = rule.lr_at(1) * scale
    rest = _optimizer(
        [p for p in params if id(p) not in known],
        with_decay(rules.AdamW(lr), getattr(rule, "weight_decay", 0.0)),
        *(decay_all, compile),
        lr_scale=scale,
    )
    return Together(_optimizer(matrices, AsMatrix(rule.lr, rule), decay_all, compile), rest)


def _optimizer(
    params: Sequence[Tensor], rule: Rule, decay_all: bool, is_compiled: bool, **more: Any
) -> Optimizer:
    is_sharded = any(hasattr(p, "full_tensor") for p in params)
    flat = rule.elementwise and not is_sharded and all(p.is_contiguous() for p in params)
    parts = [{"params": params}] if decay_all else groups(params, rule)
    return Optimizer([part | more for part in parts], rule, flat=flat, compile=is_compiled)


def hidden_matrices(model: nn.Module) -> Sequence[Tensor]:
    """Return the weights of two axes or more, but those of embeddings and of the last layer."""
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    weights = (p for p in model.parameters() if p.requires_grad and p.dim() > 1)
    return [p for p in weights if id(p) not in embedded][:-1]


def name_for_matrices(rule: Rule) -> str | None:
    """Return the name of the rule for matrices that a rule is, with or without a decay around it.

    >>> name_for_matrices(with_decay(rules.Soap(), 0.1)), name_for_matrices(rules.Adam())
    ('soap', None)
    """
    kinds = (type(part) for part in _chain(rule) if isinstance(part, FOR_MATRICES))
    return next((kind.__name__.lower() for kind in kinds), None)


def _chain(rule: Rule) -> Iterator[Rule]:
    """Yield a rule and those inside it."""
    yield rule
    if isinstance(rule, Around):
        yield from _chain(rule.rule)


class Together(torch.optim.Optimizer):
    """Several optimisers as one, each with parameters of its own.

    Its groups are theirs, and its state is the list of their states.

    Args:
        parts: the optimisers.
    """

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        super().__init__(self._groups(), {})

    def _groups(self) -> list[dict[str, Any]]:
        return list(itertools.chain.from_iterable(part.param_groups for part in self.parts))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of each, and return the loss of `closure`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, each part in its way."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the parts."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the states of the parts.

        Raises:
            ValueError: the state is of other optimisers; nothing was changed then.
        """
        states = state_dict.get("parts", [])
        if len(states) != len(self.parts):
            raise ValueError(f"state_dict must be of {len(self.parts)} parts, got {len(states)}")
        before = [part.state_dict() for part in self.parts]
        try:
            for part, state in zip(self.parts, states, strict=True):
                part.load_state_dict(state)
        except ValueError:
            for part, state in zip(self.parts, before, strict=True):
                part.load_state_dict(state)
            raise
        self.param_groups = self._groups()
