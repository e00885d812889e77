"""A rule's update as one compiled graph, which no change of t or of a hyper-parameter recompiles.

The update runs once with a `Number` in place of the step count and of each hyper-parameter.
Numbers among themselves stay outside the graph: they are formulas, evaluated in Python before each
step. A number that meets a tensor becomes an entry of a small vector, an input of the graph. So
β₁^t costs one power a step, not one a parameter.

A trace of Momentum, d ← μ d − η g and x ← x + d, with the values (η, μ, t):

- `state.t + 1` is a number and a number: a new `Number`, the formula values[2] + 1. No graph yet.
- `rule.lr_at(t)` is values[0]: a schedule was called with t before, outside.
- `μ * d` meets a tensor: `__torch_function__` puts the formula values[1] into entry 0 of the vector
  and traces the product of that entry and d. `η * g` takes entry 1. The difference and the sum are
  tensors alone.
- An `if` on a number would be taken now, and become a guard: the graph holds for values that take
  the same branch.

At each later step the two formulas are evaluated, the vector is filled, and the graph runs; where
a guard fails, another graph is traced and kept beside it.
"""

import copy
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from descent._state import leaves, with_leaves
from descent.rules import Rule

Values = Sequence[float]
Formula = Callable[[Values], Any]
Update = Callable[[Rule, Tensor, Tensor, Any], Any]

MOST_INPUTS = 64


@dataclass
class _Trace:
    """What one run of the update left: the graph's inputs, and its guards."""

    vector: Tensor
    values: Values
    inputs: list[Formula] = field(default_factory=list)
    guards: list[tuple[Formula, bool]] = field(default_factory=list)

    def input(self, formula: Formula) -> Tensor:
        """Return the entry of the vector that will hold the formula's value."""
        self.inputs.append(formula)
        return self.vector[len(self.inputs) - 1]

    def guard(self, formula: Formula) -> bool:
        """Return the formula's truth now; the graph holds as long as it stays the same."""
        self.guards.append((formula, bool(formula(self.values))))
        return self.guards[-1][1]

    def holds(self, values: Values) -> bool:
        """Whether these values pass the guards: they take the branches that were traced."""
        return all(bool(formula(values)) == taken for formula, taken in self.guards)


class Number:
    """A number that may change from step to step, as a formula of the values that do."""

    def __init__(self, formula: Formula, trace: _Trace) -> None:
        self.formula, self.trace = formula, trace

    def __bool__(self) -> bool:
        return self.trace.guard(self.formula)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function in (Tensor.__truediv__, Tensor.div) and isinstance(args[1], cls):
            divisor: Any = args[1]
            function, args = torch.mul, (args[0], 1 / divisor)  # one division a step, not one each
        tensors = (a.trace.input(a.formula) if isinstance(a, cls) else a for a in args)
        return function(*tensors, **(kwargs or {}))


def _define(name: str, function: Callable[..., Any], truth: bool = False) -> None:
    def method(*operands: Any) -> Any:
        if any(isinstance(o, Tensor) for o in operands):
            return NotImplemented  # so that the tensor's own method asks `__torch_function__`

        def formula(values: Values) -> Any:
            return function(*(_evaluate(o, values) for o in operands))

        trace = operands[0].trace
        return trace.guard(formula) if truth else Number(formula, trace)

    setattr(Number, name, method)


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(b, a)


for _name in ("add", "sub", "mul", "truediv", "pow", "mod"):
    _define(f"__{_name}__", getattr(operator, _name))
    _define(f"__r{_name}__", _reflected(getattr(operator, _name)))
for _name in ("neg", "abs"):
    _define(f"__{_name}__", getattr(operator, _name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _define(f"__{_name}__", getattr(operator, _name), truth=True)


def _evaluate(number: Any, values: Values) -> Any:
    """Return the value of a `Number`; anything else as it is."""
    return number.formula(values) if isinstance(number, Number) else number


@dataclass
class _Graph:
    """A compiled update with its numbers: those that go in, and those that come out."""

    trace: _Trace
    function: Callable[..., Any]
    after: Any

    def __call__(self, values: Values, x: Tensor, g: Tensor, state: Any) -> Any:
        inputs = [formula(values) for formula in self.trace.inputs]
        vector = torch.tensor(inputs, dtype=self.trace.vector.dtype, device=x.device)
        self.function(*map(_outside, _tensors(x, g, state)), vector)
        pairs = zip(leaves(state), leaves(self.after), strict=True)
        after = (s if isinstance(s, Tensor) else _evaluate(a, values) for s, a in pairs)
        return with_leaves(state, after)


class Compiled:
    """An update in place, compiled; called like the update itself."""

    def __init__(self, update: Update) -> None:
        self.update = update
        self.graphs: dict[Any, list[_Graph]] = {}

    def __call__(self, rule: Rule, x: Tensor, g: Tensor, state: Any) -> Any:
        """Update x and the arrays of the state, and return the state."""
        values: list[Any] = []
        constants: list[Any] = []
        for value in _settings(rule):
            (values if _changes(value) else constants).append(value)
        values = [v(state.t + 1) if callable(v) else v for v in values]
        values += [s for s in leaves(state) if not isinstance(s, Tensor)]
        shape = None if rule.elementwise else x.shape
        known = self.graphs.setdefault((*constants, x.dtype, x.device, shape), [])
        graph = next((graph for graph in known if graph.trace.holds(values)), None)
        if graph is None:
            graph = _compile(self.update, rule, values, x, g, state)
            known.append(graph)
        return graph(values, x, g, state)


def _changes(value: Any) -> bool:
    """Whether a hyper-parameter may change from step to step without changing the formula."""
    return isinstance(value, float) or (callable(value) and not isinstance(value, type))


def _settings(rule: Rule) -> Iterator[Any]:
    """Yield the type and the fields of the rule, in the order of `_mapped`."""
    yield type(rule)
    for f in fields(rule):
        value = getattr(rule, f.name)
        if isinstance(value, Rule):
            yield from _settings(value)
        else:
            yield value


def _mapped(rule: Rule, function: Callable[[Any], Any]) -> Rule:
    """Return a copy of the rule, and of rules inside it, with the function of each field."""
    mapped = copy.copy(rule)
    for f in fields(rule):
        value = getattr(rule, f.name)
        inner = _mapped(value, function) if isinstance(value, Rule) else function(value)
        object.__setattr__(mapped, f.name, inner)
    return mapped


def _tensors(x: Tensor, g: Tensor, state: Any) -> list[Tensor]:
    return [t for t in (x, g, *leaves(state)) if isinstance(t, Tensor)]


def _outside(t: Tensor) -> Tensor:
    """Return a scalar as a vector of one: PyTorch 2.13 loses what a graph writes to a scalar."""
    return t.view(1) if t.dim() == 0 else t


def _compile(
    update: Update, rule: Rule, values: Values, x: Tensor, g: Tensor, state: Any
) -> _Graph:
    """Run the update on numbers and stand-ins for the tensors, and compile what it did."""
    found: list[Any] = []

    def run(*inputs: Tensor) -> None:
        *arrays, vector = inputs
        trace = _Trace(vector, values)
        numbers = (Number(operator.itemgetter(i), trace) for i in range(len(values)))
        free = _mapped(rule, lambda value: next(numbers) if _changes(value) else value)
        inside = (a[0] if t.dim() == 0 else a for a, t in zip(arrays, tensors, strict=True))
        x, g = next(inside), next(inside)
        old = (next(inside) if isinstance(s, Tensor) else next(numbers) for s in leaves(state))
        found[:] = trace, update(free, x, g, with_leaves(state, old))

    tensors = _tensors(x, g, state)
    stand_ins = [
        t.new_zeros(2) if rule.elementwise else torch.zeros_like(_outside(t)) for t in tensors
    ]
    precision = torch.float64 if x.dtype == torch.float64 else torch.float32
    vector = torch.zeros(MOST_INPUTS, dtype=precision, device=x.device)
    traced = make_fx(run)(*stand_ins, vector)
    trace, after = found
    # The module itself would pass through `torch.nn.Module`'s hooks in each step.
    return _Graph(trace, torch.compile(traced.forward, fullgraph=True, dynamic=True), after)
