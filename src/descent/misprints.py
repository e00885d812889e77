"""The wrong rules that circulate, kept so that they can be run, drawn and killed.

Each has the signature of the rule that it corrupts and the wrong formula as it is printed, with the
number that shows it. `MISPRINTS` lists them by name; `erratum` is the id of the erratum, or the
thread that reports it, and `of` the rule. They are mutants of the reference code: for each, a test
that guards the right rule fails when the misprint takes its place (`python -m
tools.check.mutants`).

>>> misprint = MISPRINTS["adam-root-taken-twice"]
>>> rule = misprint(lr=0.001)
>>> x, _ = rule.update(5.0, 0.01, rule.init(5.0))      # Adam would go to 4.999
>>> round(5.0 - x, 4)
9.9997

Sources 000 to 004 are the five tutorials that the book grew out of. Dive into Deep Learning (d2l)
is cited as of commit 23d7a5ae, labml's annotated implementations as of e6b3c8a6, other texts by the
thread that reports the slip. Where a text leaves the rest of the rule out, the rest is right.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from descent.rules import (
    Adadelta,
    AdaGrad,
    Adam,
    Array,
    GradientDescent,
    Momentum,
    Nesterov,
    RAdam,
    RMSprop,
    quotient,
)

MISPRINTS: dict[str, Any] = {}
"""The misprints by name: classes with `of`, the rule that each corrupts, and `erratum`."""


def _misprint(name: str, erratum: str) -> Callable[[Any], Any]:
    """Return a decorator that lists a class as a misprint of the rule that it is derived from."""

    def listed(cls: Any) -> Any:
        cls.erratum, cls.of = erratum, cls.__base__
        MISPRINTS[name] = dataclass(frozen=True)(cls)
        return MISPRINTS[name]

    return listed


def _averages(rule: Adam | RAdam, g: Array, state: Any) -> tuple[int, Array, Array]:
    """Return t and the averages of g and of g² after one more gradient, right."""
    m = rule.beta1 * state.m + (1 - rule.beta1) * g
    v = rule.beta2 * state.v + (1 - rule.beta2) * g**2
    return state.t + 1, m, v


def _adam_step(rule: Adam, t: int, m: Array, v: Array) -> Array:
    """Return the step of Adam for given averages, right."""
    m_hat, v_hat = m / (1 - rule.beta1**t), v / (1 - rule.beta2**t)
    return rule.lr_at(t) * m_hat / (v_hat**0.5 + rule.eps)


# Gradient descent and momentum


@_misprint("gradient-descent-along-the-gradient", "S2-12")
class AlongTheGradient(GradientDescent):
    """The step goes along the gradient: on x² from 5 with η = 0.1 to 6, not to 4.

    Source 002, section 2.2.3.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        return x + self.lr_at(t) * g, self.State(t)


@_misprint("gradient-descent-without-step-size", "E2")
class WithoutStepSize(GradientDescent):
    """z_t = (I − Λ) z_{t-1}, without η: a curvature of 19 multiplies z by −18, whatever η is.

    d2l, momentum.md.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        return x - g, self.State(state.t + 1)


@_misprint("gradient-descent-rate-over-its-power", "S2-34")
class RateOverItsPower(GradientDescent):
    """w −= −η/η^t g, t from 0: an ascent that grows by 1/η; for η = 0.01 by 0.01, 1, 100, ...

    Source 002, section 4.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        lr = self.lr_at(state.t + 1)
        return x - (-lr / lr**state.t * g), self.State(state.t + 1)


@_misprint("momentum-larger-step", "S0-20")
class LargerStep(Momentum):
    """Momentum as "a relatively large step", η/(1 − μ), without memory.

    Where the gradient alternates, momentum divides the step by 1 + μ; this multiplies it by
    1/(1 − μ). Source 000, section 2.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        d = -self.lr_at(t) / (1 - self.momentum) * g
        return x + d, self.State(t, d)


@_misprint("nesterov-last-momentum", "PyTorch #72395")
class NesterovLastMomentum(Nesterov):
    """g_t + μ b_{t-1} for g_t + μ b_t: that is heavy-ball momentum.

    PyTorch's documentation of SGD until 2022.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        d = self.momentum * state.d - self.lr_at(t) * g
        return x + self.momentum * state.d - self.lr_at(t) * g, self.State(t, d)


# AdaGrad, RMSprop, Adadelta


class _Accumulated(NamedTuple):
    """t: steps made; s: AdaGrad's accumulator; g: the accumulated gradient."""

    t: int
    s: Array
    g: Array


@_misprint("adagrad-is-adam", "S2-01")
class AdaGradIsAdam(AdaGrad):
    """Adam's equations under AdaGrad's name: along a constant gradient no step ever shrinks.

    Source 002, section 2.2.4.
    """

    State = _Accumulated  # type: ignore[assignment]

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        v = 0.9 * state.g + (1 - 0.9) * g
        s = 0.999 * state.s + (1 - 0.999) * g**2
        lr = self.lr_at(t) * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        return x - lr * v / (s**0.5 + self.eps), self.State(t, s, v)


@_misprint("adagrad-averages", "S2-08")
class AdaGradAverages(AdaGrad):
    """An average in place of the sum: the steps tend to η, not to 0.

    Source 002, section 2.2.4.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        s = 0.9 * state.s + (1 - 0.9) * g**2
        return x - self.lr_at(t) * g / (s**0.5 + self.eps), self.State(t, s)


@_misprint("adagrad-squares-of-the-sum", "S2-23")
class AdaGradSquaresOfTheSum(AdaGrad):
    """E += G², where G is itself the sum of the gradients: after ten of 1, E = 385, not 10.

    Source 002, section 3, step 5.
    """

    State = _Accumulated  # type: ignore[assignment]

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        accumulated = state.g + g
        s = state.s + accumulated**2
        return x - self.lr_at(t) * g / (s**0.5 + self.eps), self.State(t, s, accumulated)


@_misprint("adagrad-accumulated-step", "S2-24")
class AdaGradAccumulatedStep(AdaGrad):
    """The sum of the gradients above E as well: step 10 along g = 1 is 0.510 η, not 0.316 η.

    Source 002, section 3, step 6.
    """

    State = _Accumulated  # type: ignore[assignment]

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        accumulated = state.g + g
        s = state.s + accumulated**2
        return x - self.lr_at(t) * accumulated / (s**0.5 + self.eps), self.State(t, s, accumulated)


@_misprint("adagrad-rate-times-excess", "S2-25")
class AdaGradRateTimesExcess(AdaGrad):
    """Beyond T steps the rate is multiplied by t − T, here T = 100: 10 times at t = 110.

    Source 002, section 3, step 7.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        s = state.s + g**2
        lr = self.lr_at(t) * (t - 100 if t > 100 else 1)
        return x - lr * g / (s**0.5 + self.eps), self.State(t, s)


@_misprint("rmsprop-starts-at-the-weights", "E14")
class RMSpropStartsAtTheWeights(RMSprop):
    """v starts at 10⁻⁶ times the weights: below 0 where they are, so its root can be no number.

    Neuromatch Academy, deep learning, W1D5, the test of the exercise.
    """

    def init(self, x: Array) -> Any:
        return self.State(0, 1e-6 * x)


class _Unrolled(NamedTuple):
    """t: steps made; v: the average; last: g_{t-1}; tail: g_{t-2} + ρ g_{t-3} + ..."""

    t: int
    v: Array
    last: Array
    tail: Array


@_misprint("rmsprop-unrolled-without-squares", "E5")
class RMSpropUnrolledWithoutSquares(RMSprop):
    """v_t = (1 − ρ)(g_t² + ρ g²_{t-1} + ρ² g_{t-2} + ...): from the third on not squared.

    After 10, 10, 10 with ρ = ½ it is 76.25, not 87.5. d2l, rmsprop.md.
    """

    State = _Unrolled  # type: ignore[assignment]

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, rho = state.t + 1, self.rho
        v = (1 - rho) * (g**2 + rho * state.last**2 + rho**2 * state.tail)
        x = x - self.lr_at(t) * quotient(g, v**0.5)
        return x, self.State(t, v, g, state.last + rho * state.tail)


@_misprint("rmsprop-unweighted-square", "fastbook #342")
class RMSpropUnweightedSquare(RMSprop):
    """v_t = ρ v_{t-1} + g_t²: √(1 − ρ) times the step, 0.316 for ρ = 0.9.

    fastbook, 16_accel_sgd, until 2020.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        v = self.rho * state.v + g**2
        return x - self.lr_at(t) * quotient(g, v**0.5), self.State(t, v)


@_misprint("adadelta-averages-the-parameters", "d2l-en #1180")
class AdadeltaAveragesTheParameters(Adadelta):
    """Δx_t = ρ Δx_{t-1} + (1 − ρ) x_t²: the parameters squared, where their change belongs.

    On x² from 5 the second step is 3.58, not 0.0045. d2l, adadelta.md until 2020.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        v = self.rho * state.v + (1 - self.rho) * g**2
        d = -((state.u + self.eps) ** 0.5) / (v + self.eps) ** 0.5 * g
        x = x + self.lr_at(t) * d
        return x, self.State(t, v, self.rho * state.u + (1 - self.rho) * x**2)


# Adam: the quotient


@_misprint("adam-root-taken-twice", "S0-01")
class AdamRootTakenTwice(Adam):
    """(η/(√v + ε)) · (m/√v), without correction: a first step of 9.9997 for g = 0.01.

    A gradient of 0 gives 0/0. Source 000, section 3.1.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        return x - self.lr_at(t) / (v**0.5 + self.eps) * m / v**0.5, self.State(t, m, v)


@_misprint("adam-no-root", "E8")
class AdamNoRoot(Adam):
    """An effective step of η m̂/v̂, without the root: 100 η for g = 0.01.

    labml, adam.py.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat + self.eps), self.State(t, m, v)


@_misprint("adam-no-denominator", "S1-01")
class AdamNoDenominator(Adam):
    """x − η m̂, without the denominator: a first step of 10 η for g = 10.

    Source 001, section 3.3, formula (1).
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        return x - self.lr_at(t) * m / (1 - self.beta1**t), self.State(t, m, v)


@_misprint("adam-invented-step-size", "S1-02")
class AdamInventedStepSize(Adam):
    """η_t = η / (1 + √(v̂_t / (β₂^t (1 − β₂^t)))), times m̂: it tends to 0, and x stands still.

    For g = 10 η_1 is 0.00315 η, where η/√v̂ is 0.1 η. Source 001, section 3.3, formula (6).
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        v_hat, power = v / (1 - self.beta2**t), self.beta2**t
        lr = self.lr_at(t) / (1 + (v_hat / (power * (1 - power))) ** 0.5)
        return x - lr * m / (1 - self.beta1**t), self.State(t, m, v)


@_misprint("adam-epsilon-outside-the-quotient", "E3")
class AdamEpsilonOutside(Adam):
    """x − η m̂/√v̂ + ε: ε is added to every weight, and a gradient of 0 gives 0/0.

    d2l, adam.md, for TensorFlow.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / v_hat**0.5 + self.eps, self.State(t, m, v)


@_misprint("adam-epsilon-is-epsilon-hat", "S2-05")
class AdamEpsilonIsEpsilonHat(Adam):
    """The paper's folded form with the ε of Algorithm 1 for its ε̂, 1/√(1 − β₂) times as strong.

    For g = 10⁻⁶ and ε = 10⁻⁷ the first step is 0.2403 η, not 0.9091 η. Source 002, section 2.2.4.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        lr = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        return x - lr * m / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-epsilon-hat-without-root", "E7")
class AdamEpsilonHatWithoutRoot(Adam):
    """ε̂ = (1 − β₂^t) ε for √(1 − β₂^t) ε: 31.6 times too weak in the first step.

    labml, adam.py.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        lr = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        return x - lr * m / (v**0.5 + (1 - self.beta2**t) * self.eps), self.State(t, m, v)


@_misprint("adam-centered", "S3-06")
class AdamCentered(Adam):
    """v as "autovariance", v̂ − m̂²: along a constant gradient it vanishes, and ε alone divides.

    Source 003, sections 2.1 and 3.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        deviation = abs(v_hat - m_hat**2) ** 0.5
        return x - self.lr_at(t) * m_hat / (deviation + self.eps), self.State(t, m, v)


# Adam: the correction


@_misprint("adam-no-correction", "S0-02")
class AdamNoCorrection(Adam):
    """No correction: the first step is 3.16 η.

    Source 000, section 3.1.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        return x - self.lr_at(t) * m / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-only-m-corrected", "S0-13")
class AdamOnlyMCorrected(Adam):
    """m alone is corrected: the first step is 31.6 η.

    Source 000, section 3.2, listing.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat = m / (1 - self.beta1**t)
        return x - self.lr_at(t) * m_hat / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-corrected-twice", "PennyLane #1928")
class AdamCorrectedTwice(Adam):
    """The correction both in the averages and in the step size: the first step is 0.316 η.

    PennyLane's documentation of Adam until 2021.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        correction = (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        return x - correction * _adam_step(self, t, m, v), self.State(t, m, v)


@_misprint("adam-frozen-t", "E4")
class AdamFrozenT(Adam):
    """t stays 1 in the correction: exact in the first step, 1.75 times as far after ten of g = 1.

    d2l, adam.md, for TensorFlow.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1), v / (1 - self.beta2)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-t-starts-at-two", "E16")
class AdamTStartsAtTwo(Adam):
    """t starts at 1 and is raised before the step: the first step corrects for two, 0.744 η.

    CS231n, assignment 2, starter code (issue 179).
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1 ** (t + 1)), v / (1 - self.beta2 ** (t + 1))
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-exponential-correction", "S4-06")
class AdamExponentialCorrection(Adam):
    """e^(−βt) for 1 − β^t: 0.407 for 0.1 at t = 1, and on to 0 where 1 is right.

    Source 004, section 2.2.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / math.exp(-self.beta1 * t), v / math.exp(-self.beta2 * t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-state-made-anew", "S0-17")
class AdamStateMadeAnew(Adam):
    """Every call makes m, v and t anew, and corrects m alone: each step is 31.6 η, for ever.

    Source 000, section 3.2, listing.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        _, m, v = _averages(self, g, self.init(x))
        m_hat, t = m / (1 - self.beta1), state.t + 1
        return x - self.lr_at(t) * m_hat / (v**0.5 + self.eps), self.State(t, m, v)


# Adam: the averages


@_misprint("adam-moments-twice", "S0-03")
class AdamMomentsTwice(Adam):
    """Both averages move again after the step: with g = 1 m is 0.651 after five, not 0.410.

    The second gradient is that of the new weights, which the rule has not; here it is g again.
    Source 000, sections 3.1 and 3.2.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        x = x - _adam_step(self, t, m, v)
        _, m, v = _averages(self, g, self.State(t, m, v))
        return x, self.State(t, m, v)


@_misprint("adam-oldest-weighs-most", "S2-07")
class AdamOldestWeighsMost(Adam):
    """The nearer the past, "the smaller its weight": (1 − β) β^(i-1) for gradient i.

    After ten of 1 and ten of −1 m is 0.424, not −0.424. Source 002, section 2.2.4.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        m = state.m + (1 - self.beta1) * self.beta1 ** (t - 1) * g
        v = state.v + (1 - self.beta2) * self.beta2 ** (t - 1) * g**2
        return x - _adam_step(self, t, m, v), self.State(t, m, v)


@_misprint("adam-swapped-weights", "S4-07")
class AdamSwappedWeights(Adam):
    """(1 − β) m + β e^(−βt) g: weights exchanged and damped; along g = 10 m is 3.66, 1.85, ..., 0.

    Source 004, section 2.2.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t = state.t + 1
        m = (1 - self.beta1) * state.m + self.beta1 * math.exp(-self.beta1 * t) * g
        v = (1 - self.beta2) * state.v + self.beta2 * math.exp(-self.beta2 * t) * g**2
        return x - _adam_step(self, t, m, v), self.State(t, m, v)


@_misprint("adam-misplaced-bracket", "S4-05")
class AdamMisplacedBracket(Adam):
    """m = (1 − β₁ m) g + (1 − β₂) e^(−β₁t) g: along g = 10 it is 10.0, −80.0, 730, ...

    Source 004, section 2.2.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, _, v = _averages(self, g, state)
        m = (1 - self.beta1 * state.m) * g + (1 - self.beta2) * math.exp(-self.beta1 * t) * g
        return x - _adam_step(self, t, m, v), self.State(t, m, v)


@_misprint("adam-second-moment-of-the-first", "S0-05")
class AdamSecondMomentOfTheFirst(Adam):
    """v averages the square of m, not of g: 0.001 for 0.1 after a first g = 10.

    Source 000, section 3.1.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, _ = _averages(self, g, state)
        v = self.beta2 * state.v + (1 - self.beta2) * m**2
        return x - _adam_step(self, t, m, v), self.State(t, m, v)


@_misprint("adam-one-decay-rate", "S2-04")
class AdamOneDecayRate(Adam):
    """One β = 0.9 for both averages: a gradient after 1000 zeros moves 0.316 η, not 2.52 η.

    Source 002, section 2.2.4.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, _ = _averages(self, g, state)
        v = self.beta1 * state.v + (1 - self.beta1) * g**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta1**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


# RAdam


@_misprint("radam-variance", "E9")
class RAdamVariance(RAdam):
    """Var[ψ²] = 2ρ/((ρ − 2)²(ρ − 2)) for 2ρ²/((ρ − 2)²(ρ − 4)), which makes r_t (ρ_t−2)/(ρ_∞−2).

    For ρ = 20 and σ = 1.5 the variance is 0.03048; this gives 0.00135. labml, radam.py.
    """

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
        t, m, v = _averages(self, g, state)
        step = m / (1 - self.beta1**t)
        rho_inf = 2 / (1 - self.beta2) - 1
        rho = rho_inf - 2 * t * self.beta2**t / (1 - self.beta2**t)
        if rho > 4:
            r = (rho - 2) / (rho_inf - 2)
            step = r * quotient(step, (v / (1 - self.beta2**t)) ** 0.5)
        return x - self.lr_at(t) * step, self.State(t, m, v)


__all__ = ["MISPRINTS", *(misprint.__name__ for misprint in MISPRINTS.values())]
