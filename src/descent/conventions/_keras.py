"""Keras' optimisers: each a function with its signature that returns the rule it is."""

from descent.conventions._around import RMSScaled, ScheduleFree
from descent.conventions._formulas import (
    KerasAdagrad,
    KerasAdam,
    KerasAdamax,
    KerasAMSGrad,
    ScheduledNAdam,
)
from descent.conventions._registry import optimiser, with_decoupled
from descent.relatives import (
    FrameworkMuon,
    Ftrl,
    KerasAdafactor,
    Lamb,
)
from descent.rules import (
    Adadelta,
    GradientDescent,
    LearningRate,
    Lion,
    Momentum,
    Nesterov,
    Rule,
)

__all__ = [
    "keras_sgd",
    "keras_adagrad",
    "keras_rmsprop",
    "keras_adadelta",
    "keras_adam",
    "keras_adamw",
    "keras_adamax",
    "keras_nadam",
    "keras_lion",
    "keras_adafactor",
    "keras_ftrl",
    "keras_lamb",
    "keras_muon",
    "keras_schedule_free_adamw",
]


@optimiser("keras.optimizers.SGD")
def keras_sgd(
    learning_rate: LearningRate = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """η inside the displacement, as in Polyak's and Sutskever's papers."""
    heavy = Nesterov if nesterov else Momentum
    rule = heavy(learning_rate, momentum) if momentum else GradientDescent(learning_rate)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.Adagrad")
def keras_adagrad(
    learning_rate: LearningRate = 0.001,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ε inside the root, a warm start, a tenth of the usual η."""
    rule = KerasAdagrad(learning_rate, epsilon, initial_accumulator_value)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.RMSprop")
def keras_rmsprop(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
    centered: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """ε inside the root, η inside the displacement, as in Graves' paper."""
    step = Momentum(learning_rate, momentum) if momentum else GradientDescent(learning_rate)
    rule = RMSScaled(learning_rate, step, rho, eps_root=epsilon, centered=centered)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.Adadelta")
def keras_adadelta(
    learning_rate: LearningRate = 0.001,
    rho: float = 0.95,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """The paper's rule, a thousandth of it by default."""
    return with_decoupled(Adadelta(learning_rate, rho, epsilon), weight_decay)


@optimiser("keras.optimizers.Adam")
def keras_adam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
    weight_decay: float | None = None,
) -> Rule:
    """ε̂; with weight_decay it is AdamW."""
    rule = (KerasAMSGrad if amsgrad else KerasAdam)(learning_rate, beta_1, beta_2, epsilon)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.AdamW")
def keras_adamw(
    learning_rate: LearningRate = 0.001,
    weight_decay: float = 0.004,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    amsgrad: bool = False,
) -> Rule:
    """`keras.optimizers.Adam` with another default decay."""
    return keras_adam(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay)


@optimiser("keras.optimizers.Adamax")
def keras_adamax(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ε in the denominator; the paper has none. Half the paper's η."""
    return with_decoupled(KerasAdamax(learning_rate, beta_1, beta_2, epsilon), weight_decay)


@optimiser("keras.optimizers.Nadam")
def keras_nadam(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """ψ = 1: μ_t is within 1 % of β₁ after 96 steps, PyTorch's after 24 000."""
    rule = ScheduledNAdam(learning_rate, beta_1, beta_2, epsilon, momentum_decay=1.0)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.Lion")
def keras_lion(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
    weight_decay: float | None = None,
) -> Rule:
    """The paper's rule, decay and all, with ten times its η."""
    return Lion(learning_rate, beta_1, beta_2, weight_decay or 0.0)


@optimiser("keras.optimizers.Adafactor")
def keras_adafactor(
    learning_rate: LearningRate = 0.001,
    beta_2_decay: float = -0.8,
    epsilon_1: float = 1e-30,
    epsilon_2: float = 1e-3,
    clip_threshold: float = 1.0,
    relative_step: bool = True,
    weight_decay: float | None = None,
) -> Rule:
    """At most 1/√t, relative or not: `relative_step` changes no number."""
    rule = KerasAdafactor(learning_rate, epsilon_1, epsilon_2, clip_threshold, beta_2_decay)
    return with_decoupled(rule, weight_decay)


@optimiser("keras.optimizers.Ftrl")
def keras_ftrl(
    learning_rate: LearningRate = 0.001,
    learning_rate_power: float = -0.5,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
    weight_decay: float | None = None,
) -> Rule:
    """What x was at the start is forgotten."""
    regularization = (
        *(l1_regularization_strength, l2_regularization_strength),
        l2_shrinkage_regularization_strength,
    )
    accumulator = learning_rate_power, initial_accumulator_value
    return with_decoupled(Ftrl(learning_rate, *accumulator, *regularization, beta), weight_decay)


@optimiser("keras.optimizers.Lamb")
def keras_lamb(
    learning_rate: LearningRate = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    weight_decay: float | None = None,
) -> Rule:
    """The decay is decoupled, and not in the norm of the step."""
    return with_decoupled(Lamb(learning_rate, beta_1, beta_2, epsilon), weight_decay)


@optimiser("keras.optimizers.Muon")
def keras_muon(
    learning_rate: LearningRate = 0.001,
    adam_beta_1: float = 0.9,
    adam_beta_2: float = 0.999,
    adam_weight_decay: float | None = 0.004,
    epsilon: float = 1e-7,
    weight_decay: float | None = 0.004,
    exclude_layers: list[str] | None = None,
    exclude_embeddings: bool = True,
    muon_a: float = 3.4445,
    muon_b: float = -4.7750,
    muon_c: float = 2.0315,
    adam_lr_ratio: float = 1,
    momentum: float = 0.95,
    ns_steps: int = 5,
    nesterov: bool = True,
    rms_rate: float | None = 0.2,
) -> Rule:
    """For matrices; `adam_…`, `epsilon` and `exclude_…` are of the other parameters.

    Keras keeps m / (1 − μ), so that its 10⁻⁷ beside the norm is 1 − μ times as much here.
    """
    return FrameworkMuon(
        *(learning_rate, momentum, weight_decay or 0.0, nesterov, (muon_a, muon_b, muon_c)),
        *(ns_steps, 1e-7 * (1 - momentum)),
        scale="none" if rms_rate is None else "rms",
        rms=rms_rate or 0.0,
    )


@optimiser("keras.optimizers.ScheduleFreeAdamW")
def keras_schedule_free_adamw(
    learning_rate: LearningRate = 0.0025,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    warmup_steps: int = 0,
    weight_decay: float | None = None,
) -> Rule:
    """All points count alike in the average, those of the warm-up too."""
    inner = GradientDescent(learning_rate)
    step = RMSScaled(learning_rate, inner, beta_2, epsilon, bias_correction=True)
    rule = ScheduleFree(learning_rate, step, beta_1, power=0.0, warmup=warmup_steps)
    return with_decoupled(rule, weight_decay)
