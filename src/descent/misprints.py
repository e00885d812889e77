"""The wrong rules that circulate, kept so that they can be run, drawn and killed.

Each has the signature of the rule that it corrupts, and differs from it in what its name says.
`MISPRINTS` lists them by name; `erratum` is the id of the erratum, `of` the rule. They are mutants
of the reference code: for each, a test that guards the right rule fails when the misprint takes its
place (`python -m tools.mutants`).

>>> misprint = MISPRINTS["adam-root-taken-twice"]
>>> rule = misprint(lr=0.001)
>>> x, _ = rule.update(5.0, 0.01, rule.init(5.0))      # Adam would go to 4.999
>>> round(x, 3)
-5.0

Sources 000 to 004 are the five tutorials that the book grew out of; the public texts are named by
title and file.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from descent._check import same_shape
from descent.rules import AdaGrad, Adam, Array, GradientDescent, Momentum, RMSprop, Rule, quotient

MISPRINTS: dict[str, type[Rule]] = {}
"""The misprints by name."""


def _misprint(name: str, erratum: str, of: type[Rule]) -> Callable[[type[Rule]], type[Rule]]:
    """Return a decorator that lists a class as a misprint of a rule."""

    def listed(cls: type[Rule]) -> type[Rule]:
        as_printed = cls.update

        @functools.wraps(as_printed)
        def update(self: Rule, x: Array, g: Array, state: Any) -> tuple[Array, Any]:
            same_shape(x, g)  # the misprint is in the formula, not in the care
            return as_printed(self, x, g, state)

        cls.update = update  # type: ignore[method-assign]
        cls.erratum, cls.of = erratum, of  # type: ignore[attr-defined]
        MISPRINTS[name] = dataclass(frozen=True)(cls)
        return MISPRINTS[name]

    return listed


def _averages(rule: Adam, g: Array, state: Any) -> tuple[int, Array, Array]:
    """Return t and Adam's two averages after one more gradient, right."""
    m = rule.beta1 * state.m + (1 - rule.beta1) * g
    v = rule.beta2 * state.v + (1 - rule.beta2) * g**2
    return state.t + 1, m, v


# Gradient descent and momentum


@_misprint("gradient-descent-along-the-gradient", "S2-12", GradientDescent)
class AlongTheGradient(GradientDescent):
    """The step goes along the gradient: it climbs. Source 002, section 2.2.3."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        return x + self.lr_at(t) * g, self.State(t)


@_misprint("gradient-descent-without-step-size", "E2", GradientDescent)
class WithoutStepSize(GradientDescent):
    """z_t = (I − Λ) z_{t-1}: η is lost. Dive into Deep Learning, momentum.md."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        return x - g, self.State(state.t + 1)


@_misprint("gradient-descent-rate-over-its-power", "S2-34", GradientDescent)
class RateOverItsPower(GradientDescent):
    """W −= −η/η^t · g: an ascent that explodes. Source 002, listing."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        lr = self.lr_at(t)
        return x - (-lr / lr**t * g), self.State(t)


@_misprint("gradient-descent-rate-times-excess", "S2-25", GradientDescent)
class RateTimesExcess(GradientDescent):
    """The rate is multiplied by max(t − T, 0), here T = 100: it grows for ever. Source 002."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        return x - self.lr_at(t) * max(t - 100, 0) * g, self.State(t)


@_misprint("momentum-larger-step", "S0-20", Momentum)
class LargerStep(Momentum):
    """Momentum as "a relatively large step": η/(1 − μ) without memory. Source 000, section 2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        d = -self.lr_at(t) / (1 - self.momentum) * g
        return x + d, self.State(t, d)


# AdaGrad and RMSprop


@_misprint("adagrad-averages", "S2-08", AdaGrad)
class AdaGradAverages(AdaGrad):
    """AdaGrad with an average in place of the sum: its step never shrinks. Source 002."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        s = 0.9 * state.s + (1 - 0.9) * g**2
        return x - self.lr_at(t) * g / (s**0.5 + self.eps), self.State(t, s)


@_misprint("adagrad-is-adam", "S2-01", AdaGrad)
class AdaGradIsAdam(AdaGrad):
    """Adam's second moment, corrected, under AdaGrad's name. Source 002, section 2.1."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        s = 0.999 * state.s + (1 - 0.999) * g**2
        return x - self.lr_at(t) * g / ((s / (1 - 0.999**t)) ** 0.5 + self.eps), self.State(t, s)


@_misprint("adagrad-squares-of-the-sum", "S2-23", AdaGrad)
class AdaGradSquaresOfTheSum(AdaGrad):
    """E += G², G the sum of all gradients; for equal gradients g it is g² Σ k². Source 002."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        s = state.s + (t * g) ** 2
        return x - self.lr_at(t) * g / (s**0.5 + self.eps), self.State(t, s)


@_misprint("adagrad-accumulated-step", "S2-24", AdaGrad)
class AdaGradAccumulatedStep(AdaGrad):
    """The accumulated gradient in the numerator; for equal gradients it is t g. Source 002."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        s = state.s + g**2
        return x - self.lr_at(t) * t * g / (s**0.5 + self.eps), self.State(t, s)


@_misprint("rmsprop-starts-at-the-weights", "E14", RMSprop)
class RMSpropStartsAtTheWeights(RMSprop):
    """v starts at 10⁻⁶ times the weights, negative where they are. NMA deep learning, W1D5."""

    def init(self, x: Array) -> Any:  # noqa: D102
        return self.State(0, 1e-6 * x)


@_misprint("rmsprop-is-a-variance", "S3-06", RMSprop)
class RMSpropIsAVariance(RMSprop):
    """v averages g, not g², before it is squared: "autovariance". Source 003, sections 2.1, 2.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        v = self.rho * state.v + (1 - self.rho) * g
        return x - self.lr_at(t) * quotient(g, abs(v)), self.State(t, v)


# Adam: the quotient


@_misprint("adam-root-taken-twice", "S0-01", Adam)
class AdamRootTakenTwice(Adam):
    """(η/(√v + ε)) · (m/√v): the root divides twice. Source 000, section 3.1."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        step = self.lr_at(t) / (v**0.5 + self.eps) * quotient(m, v**0.5)
        return x - step, self.State(t, m, v)


@_misprint("adam-no-root", "E8", Adam)
class AdamNoRoot(Adam):
    """An effective step of η m̂/v̂, without the root. labml, adam.py."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat + self.eps), self.State(t, m, v)


@_misprint("adam-no-denominator", "S1-01", Adam)
class AdamNoDenominator(Adam):
    """x − η m̂: the denominator is missing. Source 001, section 3.3, formula (1)."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        return x - self.lr_at(t) * m / (1 - self.beta1**t), self.State(t, m, v)


@_misprint("adam-invented-step-size", "S1-02", Adam)
class AdamInventedStepSize(Adam):
    """η_t = η / (1 + √(v̂ / (β₂^t (1 − β₂^t)))), which tends to 0. Source 001, formula (6)."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        decay = self.beta2**t
        v_hat = v / (1 - decay)
        lr = self.lr_at(t) / (1 + (v_hat / (decay * (1 - decay))) ** 0.5)
        return x - lr * m / (1 - self.beta1**t), self.State(t, m, v)


@_misprint("adam-epsilon-outside-the-quotient", "E3", Adam)
class AdamEpsilonOutside(Adam):
    """x − η m̂/√v̂ + ε: ε is added to every weight. Dive into Deep Learning, adam.md, TensorFlow."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * quotient(m_hat, v_hat**0.5) + self.eps, self.State(t, m, v)


@_misprint("adam-epsilon-is-epsilon-hat", "S2-05", Adam)
class AdamEpsilonIsEpsilonHat(Adam):
    """The folded form with Algorithm 1's ε: 1/√(1 − β₂) times as strong. Source 002."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        lr = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        return x - lr * m / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-epsilon-hat-without-root", "E7", Adam)
class AdamEpsilonHatWithoutRoot(Adam):
    """ε̂ = (1 − β₂^t) ε, where √(1 − β₂^t) ε is right. labml, adam.py."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        lr = self.lr_at(t) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        return x - lr * m / (v**0.5 + (1 - self.beta2**t) * self.eps), self.State(t, m, v)


@_misprint("adam-centered", "S3-06", Adam)
class AdamCentered(Adam):
    """v̂ − m̂² in the denominator, a variance: it vanishes when all gradients are equal."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        variance = abs(v_hat - m_hat**2)
        return x - self.lr_at(t) * m_hat / (variance**0.5 + self.eps), self.State(t, m, v)


# Adam: the correction


@_misprint("adam-no-correction", "S0-02", Adam)
class AdamNoCorrection(Adam):
    """No bias correction: the first step is 3.16 times too long. Source 000, section 3.1."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        return x - self.lr_at(t) * m / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-only-m-corrected", "S0-13", Adam)
class AdamOnlyMCorrected(Adam):
    """Only m is corrected: the first step is 31.6 times too long. Source 000, section 3.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat = m / (1 - self.beta1**t)
        return x - self.lr_at(t) * m_hat / (v**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-corrected-twice", "PennyLane-1928", Adam)
class AdamCorrectedTwice(Adam):
    """The correction applied to what is corrected already. PennyLane, pull request 1928."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1**t) ** 2, v / (1 - self.beta2**t) ** 2
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-frozen-t", "E4", Adam)
class AdamFrozenT(Adam):
    """t stays 1 in the correction; exact in the first step. Dive into Deep Learning, adam.md."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1), v / (1 - self.beta2)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-t-starts-at-two", "E16", Adam)
class AdamTStartsAtTwo(Adam):
    """The first step uses t = 2. CS231n, assignment 2, starter code."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / (1 - self.beta1 ** (t + 1)), v / (1 - self.beta2 ** (t + 1))
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-exponential-correction", "S4-06", Adam)
class AdamExponentialCorrection(Adam):
    """e^{−βt} where 1 − β^t belongs. Source 004, section 3.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, v = _averages(self, g, state)
        m_hat, v_hat = m / math.exp(-self.beta1 * t), v / math.exp(-self.beta2 * t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


# Adam: the averages


@_misprint("adam-moments-twice", "S0-03", Adam)
class AdamMomentsTwice(Adam):
    """Both averages take each gradient twice. Source 000, sections 3.1 and 3.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        _, m, v = _averages(self, g, state)
        t, m, v = _averages(self, g, self.State(state.t, m, v))
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-reversed-averages", "S2-07", Adam)
class AdamReversedAverages(Adam):
    """The weights of past and present exchanged. Source 002, section 2.1; source 004, 3.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t = state.t + 1
        m = (1 - self.beta1) * state.m + self.beta1 * g
        v = (1 - self.beta2) * state.v + self.beta2 * g**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-second-moment-of-the-first", "S0-05", Adam)
class AdamSecondMomentOfTheFirst(Adam):
    """v averages the square of m, not of g. Source 000, section 3.1."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, _ = _averages(self, g, state)
        v = self.beta2 * state.v + (1 - self.beta2) * m**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-one-decay-rate", "S2-04", Adam)
class AdamOneDecayRate(Adam):
    """β₁ in both averages: "β = 0.9". Source 002, section 2.1."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, m, _ = _averages(self, g, state)
        v = self.beta1 * state.v + (1 - self.beta1) * g**2
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta1**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)


@_misprint("adam-misplaced-bracket", "S4-05", Adam)
class AdamMisplacedBracket(Adam):
    """m = (1 − β₁ m) g: the state multiplies the gradient, and diverges. Source 004, 2.2."""

    def update(self, x: Array, g: Array, state: Any) -> tuple[Array, Any]:  # noqa: D102
        t, _, v = _averages(self, g, state)
        m = (1 - self.beta1 * state.m) * g
        m_hat, v_hat = m / (1 - self.beta1**t), v / (1 - self.beta2**t)
        return x - self.lr_at(t) * m_hat / (v_hat**0.5 + self.eps), self.State(t, m, v)
