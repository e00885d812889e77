"""Rules by signs and averages of x: ASGD, Rprop."""

from dataclasses import dataclass
from typing import NamedTuple

from descent import _check
from descent._numbers import where
from descent.relatives._common import within
from descent.rules import (
    Array,
    LearningRate,
    Rule,
    maximum,
    sign,
    zeros_like,
)

__all__ = [
    "AveragedSGD",
    "Rprop",
    "OptaxRprop",
]


@dataclass(frozen=True)
class AveragedSGD(Rule):
    """Gradient descent that also averages its points, PyTorch's ASGD.

    η_t = η / (1 + λ η (t − 1))^α
    x_t = (1 − λ η_t) x_{t-1} − η_t g_t
    a_t = a_{t-1} + (x_t − a_{t-1}) / max(1, t − 1 − t₀)

    η_{t+1} is computed in step t: a changed η takes effect a step later. The average a, in the
    state, is what the method is for.

    Source: Polyak & Juditsky (1992), as `torch/optim/asgd.py` has it.
    """

    rounds_always = True

    lr: LearningRate = 0.01
    lambd: float = 1e-4
    alpha: float = 0.75
    t0: float = 1e6

    class State(NamedTuple):
        """t: steps made; eta: the next step size; a: the average of the points, shaped like x."""

        t: int
        eta: float
        a: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, a = 0; the first step has the η given."""
        return self.State(0, 0.0, zeros_like(x))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        t, lr = state.t + 1, self.lr_at(state.t + 1)
        eta = where(t == 1, lambda: lr, lambda: state.eta)
        x = (1 - self.lambd * eta) * x - eta * g
        counted = where(t - 2 > self.t0, lambda: t - 1 - self.t0, lambda: 1)
        eta = lr / (1 + self.lambd * lr * t) ** self.alpha
        return x, self.State(t, eta, state.a + (x - state.a) / counted)


@dataclass(frozen=True)
class Rprop(Rule):
    """A step size for each coordinate, which follows the signs of its gradients, in PyTorch.

    s_t = sign(g_t g_{t-1})
    δ_t = δ_{t-1} times η₊ where s_t = 1, times η₋ where s_t = −1, between the least and the largest
    x_t = x_{t-1} − δ_t sign(g_t), but where s_t = −1: there g_t counts as 0, in the next step too

    Source: Riedmiller & Braun (1993).
    """

    rounds_always = True

    lr: LearningRate = 0.01
    eta_minus: float = 0.5
    eta_plus: float = 1.2
    least: float = 1e-6
    largest: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("least", "largest"):
            _check.positive(name, getattr(self, name))
        if not 0 < self.eta_minus < 1 < self.eta_plus:
            raise ValueError(
                "eta_minus must lie in (0, 1) and eta_plus above 1, "
                f"got {self.eta_minus} and {self.eta_plus}"
            )

    class State(NamedTuple):
        """t: steps made; g: the last gradient; delta: the step sizes, shaped like x."""

        t: int
        g: Array
        delta: Array

    def init(self, x: Array) -> State:
        """Return the state before the first step: t = 0, g = 0, δ = η_1."""
        return self.State(0, zeros_like(x), zeros_like(x) + self.lr_at(1))

    def update(self, x: Array, g: Array, state: State) -> tuple[Array, State]:
        """Return x and the state after one step along the gradient g, shaped like x."""
        s = sign(g) * sign(state.g)
        delta = within(self.scaled(state.delta, s), self.least, self.largest)
        g = g * (s >= 0)
        x = x - delta * sign(g)
        return x, self.State(state.t + 1, g, delta)

    def scaled(self, delta: Array, s: Array) -> Array:
        """Return the step sizes times η₊, η₋ or 1."""
        up, down = maximum(s, 0), maximum(-s, 0)
        return delta * (self.eta_plus * up + self.eta_minus * down + (1 - abs(s)))


@dataclass(frozen=True)
class OptaxRprop(Rprop):
    """Rprop that makes each step a step later, in Optax.

    u_t = δ_t sign(g_t), and 0 where s_t = −1
    x_t = x_{t-1} − u_{t-1}, but where s_t = −1: there x stays

    δ is kept within its bounds where it changes. The first step moves nothing.
    """

    def update(self, x: Array, g: Array, state: Rprop.State) -> tuple[Array, Rprop.State]:
        """Return x and the state, whose g is u, after one step along the gradient g."""
        s = sign(g) * sign(state.g)
        bounded = within(self.scaled(state.delta, s), self.least, self.largest)
        delta = state.delta * (s == 0) + bounded * (s != 0)
        x = x - state.g * (s >= 0)
        return x, self.State(state.t + 1, delta * sign(g) * (s >= 0), delta)
