"""Optax's optimisers: each a function with its signature that returns the rule it is."""

import math
from functools import partial

from descent._numbers import least
from descent.conventions._around import Maximize, RMSScaled, ScheduleFree
from descent.conventions._formulas import (
    BufferedMomentum,
    BufferedNesterov,
    OptaxAdagrad,
    OptaxAdam,
    OptaxAMSGrad,
    OptaxNesterovRAdam,
    OptaxRAdam,
    ScheduledNAdam,
    TorchAdamax,
)
from descent.conventions._registry import Pair, optimiser, with_decoupled, with_l2
from descent.relatives import (
    AdaBelief,
    Adan,
    AdEMAMix,
    FrameworkMuon,
    Lamb,
    Lars,
    NovoGrad,
    OptaxAdafactor,
    OptaxRprop,
    Prodigy,
    Yogi,
)
from descent.relatives._matrices import COEFFICIENTS
from descent.rules import (
    Adadelta,
    Adam,
    GradientDescent,
    LearningRate,
    Lion,
    Momentum,
    Nesterov,
    Rule,
    at,
)

__all__ = [
    "optax_sgd",
    "optax_adagrad",
    "optax_rmsprop",
    "optax_adadelta",
    "optax_adam",
    "optax_nadam",
    "optax_adamw",
    "optax_amsgrad",
    "optax_adamax",
    "optax_radam",
    "optax_lion",
    "optax_sign_sgd",
    "optax_adamaxw",
    "optax_nadamw",
    "optax_rprop",
    "optax_adabelief",
    "optax_yogi",
    "optax_adan",
    "optax_lamb",
    "optax_lars",
    "optax_novograd",
    "optax_adafactor",
    "optax_ademamix",
    "optax_prodigy",
    "optax_schedule_free_sgd",
    "optax_schedule_free_adamw",
    "optax_muon",
]


@optimiser("optax.sgd")
def optax_sgd(
    learning_rate: LearningRate, momentum: float | None = None, nesterov: bool = False
) -> Rule:
    """η outside the buffer, as in PyTorch."""
    buffered = BufferedNesterov if nesterov else BufferedMomentum
    return buffered(learning_rate, momentum) if momentum else GradientDescent(learning_rate)


@optimiser("optax.adagrad")
def optax_adagrad(
    learning_rate: LearningRate, initial_accumulator_value: float = 0.1, eps: float = 1e-7
) -> Rule:
    """ε inside the root and a warm start, as in Keras; no step where all gradients were 0."""
    return OptaxAdagrad(learning_rate, eps, initial_accumulator_value)


@optimiser("optax.rmsprop")
def optax_rmsprop(
    learning_rate: LearningRate,
    decay: float = 0.9,
    eps: float = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: float | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Rule:
    """ε on either side of the root; η inside the displacement, unlike `optax.sgd`."""
    heavy = Nesterov if nesterov else Momentum
    return RMSScaled(
        learning_rate,
        heavy(learning_rate, momentum) if momentum else GradientDescent(learning_rate),
        rho=decay,
        eps=0.0 if eps_in_sqrt else eps,
        eps_root=eps if eps_in_sqrt else 0.0,
        initial_scale=initial_scale,
        centered=centered,
        bias_correction=bias_correction,
    )


@optimiser("optax.adadelta")
def optax_adadelta(
    learning_rate: LearningRate | None = None,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
) -> Rule:
    """Without a learning rate the minus sign is lost: ascent, with the decay's sign turned too."""
    if learning_rate is None:
        return with_l2(Maximize(1.0, Adadelta(1.0, rho, eps)), weight_decay)
    return with_l2(Adadelta(learning_rate, rho, eps), weight_decay)


@optimiser("optax.adam")
def optax_adam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = False,
) -> Rule:
    """The paper's Algorithm 1 while ε_root = 0."""
    if nesterov:
        return ScheduledNAdam(learning_rate, b1, b2, eps, eps_root, momentum_decay=math.inf)
    if eps_root:
        return OptaxAdam(learning_rate, b1, b2, eps, eps_root)
    return Adam(learning_rate, b1, b2, eps)


@optimiser("optax.nadam")
def optax_nadam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    *,
    nesterov: bool = True,
) -> Rule:
    """No schedule: μ_t = β₁."""
    return optax_adam(learning_rate, b1, b2, eps, eps_root, nesterov=nesterov)


@optimiser("optax.adamw")
def optax_adamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 1e-4,
    *,
    nesterov: bool = False,
) -> Rule:
    """`optax.adam` with decoupled decay, multiplied by the whole learning rate."""
    rule = optax_adam(learning_rate, b1, b2, eps, eps_root, nesterov=nesterov)
    return with_decoupled(rule, weight_decay)


@optimiser("optax.amsgrad")
def optax_amsgrad(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> Rule:
    """The maximum of the corrected averages; of the raw ones, as in the paper, on request."""
    correction = bias_correction_mu, bias_correction_nu
    return OptaxAMSGrad(learning_rate, b1, b2, eps, eps_root, *correction)


@optimiser("optax.adamax")
def optax_adamax(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Rule:
    """ε inside the maximum, as in PyTorch."""
    return TorchAdamax(learning_rate, b1, b2, eps)


@optimiser("optax.radam")
def optax_radam(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    threshold: float = 5.0,
    *,
    nesterov: bool = False,
) -> Rule:
    """ε on the corrected average; the paper's moment of rectification with threshold = 4."""
    rule = OptaxNesterovRAdam if nesterov else OptaxRAdam
    return rule(learning_rate, b1, b2, eps, eps_root, threshold)


@optimiser("optax.lion")
def optax_lion(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.99, weight_decay: float = 1e-3
) -> Rule:
    """The paper's rule, with decay unless it is turned off."""
    return Lion(learning_rate, b1, b2, weight_decay)


@optimiser("optax.sign_sgd")
def optax_sign_sgd(learning_rate: LearningRate) -> Rule:
    """Lion without its averages."""
    return Lion(learning_rate, 0.0, 0.0)


@optimiser("optax.adamaxw")
def optax_adamaxw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
) -> Rule:
    """`optax.adamax` with decoupled decay, multiplied by the whole learning rate."""
    return with_decoupled(TorchAdamax(learning_rate, b1, b2, eps), weight_decay)


@optimiser("optax.nadamw")
def optax_nadamw(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 1e-4,
    *,
    nesterov: bool = True,
) -> Rule:
    """`optax.adamw` with a look ahead."""
    return optax_adamw(learning_rate, b1, b2, eps, eps_root, weight_decay, nesterov=nesterov)


@optimiser("optax.rprop")
def optax_rprop(
    learning_rate: float,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_step_size: float = 1e-6,
    max_step_size: float = 50.0,
) -> Rule:
    """Each step is made a step later than in the paper and in PyTorch; η is the first size."""
    if callable(learning_rate):
        raise ValueError(f"learning_rate must be a number, got {learning_rate!r}")
    return OptaxRprop(learning_rate, eta_minus, eta_plus, min_step_size, max_step_size)


@optimiser("optax.adabelief")
def optax_adabelief(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float = 1e-16,
    *,
    nesterov: bool = False,
) -> Rule:
    """ε_root joins the average in every step, as in the paper."""
    return AdaBelief(learning_rate, b1, b2, eps, eps_root, nesterov)


@optimiser("optax.yogi")
def optax_yogi(
    learning_rate: LearningRate, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-3
) -> Rule:
    """Both averages start at 10⁻⁶, m too."""
    return Yogi(learning_rate, b1, b2, eps)


@optimiser("optax.adan")
def optax_adan(
    learning_rate: LearningRate,
    b1: float = 0.98,
    b2: float = 0.92,
    b3: float = 0.99,
    eps: float = 1e-8,
    eps_root: float = 1e-8,
    weight_decay: float = 0.0,
) -> Rule:
    """ε inside and outside; the decay is subtracted, where the paper divides."""
    return with_decoupled(Adan(learning_rate, b1, b2, b3, eps, eps_root), weight_decay)


@optimiser("optax.lamb")
def optax_lamb(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """The decay is in the step whose norm is taken, as in the paper."""
    return Lamb(learning_rate, b1, b2, eps, weight_decay, eps_root)


@optimiser("optax.lars")
def optax_lars(
    learning_rate: LearningRate,
    weight_decay: float = 0.0,
    trust_coefficient: float = 0.001,
    eps: float = 0.0,
    momentum: float = 0.9,
    nesterov: bool = False,
) -> Rule:
    """η inside the displacement, unlike `optax.sgd`."""
    return Lars(learning_rate, momentum, weight_decay, trust_coefficient, eps, nesterov)


@optimiser("optax.novograd")
def optax_novograd(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.25,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """The decay enters the momentum."""
    return NovoGrad(learning_rate, b1, b2, eps, eps_root, weight_decay)


@optimiser("optax.adafactor")
def optax_adafactor(
    learning_rate: LearningRate | None = None,
    min_dim_size_to_factor: int = 128,
    decay_rate: float = 0.8,
    decay_offset: int = 0,
    multiply_by_parameter_scale: bool = True,
    clipping_threshold: float | None = 1.0,
    momentum: float | None = None,
    weight_decay_rate: float | None = None,
    eps: float = 1e-30,
    factored: bool = True,
) -> Rule:
    """No relative step, all of g² below 128 rows or columns, a decay that η does not multiply."""
    return OptaxAdafactor(
        lr=1.0 if learning_rate is None else learning_rate,
        eps1=eps,
        clip=math.inf if clipping_threshold is None else clipping_threshold,
        momentum=momentum or 0.0,
        decay=decay_rate,
        offset=decay_offset,
        scales=multiply_by_parameter_scale,
        min_factored=min_dim_size_to_factor if factored else math.inf,
        weight_decay=weight_decay_rate or 0.0,
    )


@optimiser("optax.contrib.ademamix")
def optax_ademamix(
    learning_rate: LearningRate,
    b1: float = 0.9,
    b2: float = 0.999,
    b3: LearningRate = 0.9999,
    alpha: LearningRate = 5.0,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    weight_decay: float = 0.0,
) -> Rule:
    """α and β₃ may be schedules; the paper's warm-up is left to them."""
    return with_decoupled(AdEMAMix(learning_rate, b1, b2, eps, eps_root, b3, alpha), weight_decay)


@optimiser("optax.contrib.prodigy")
def optax_prodigy(
    learning_rate: LearningRate = 1.0,
    betas: Pair = (0.9, 0.999),
    beta3: float | None = None,
    eps: float = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: float = 1.0,
    weight_decay: float = 0.0,
    safeguard_warmup: bool = False,
) -> Rule:
    """One estimate for each array, where Optax makes one for the whole tree."""
    scales = eps, estim_lr0, estim_lr_coef, weight_decay
    return Prodigy(learning_rate, *betas, beta3, *scales, safeguard_warmup)


@optimiser("optax.contrib.schedule_free_sgd")
def optax_schedule_free_sgd(
    learning_rate: LearningRate = 1.0,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    weight_decay: float | None = None,
    weight_lr_power: float = 2.0,
) -> Rule:
    """Points count by the square of the largest η so far; the warm-up begins at 0."""
    lr = partial(_from_zero, learning_rate, warmup_steps) if warmup_steps else learning_rate
    return ScheduleFree(lr, with_l2(GradientDescent(lr), weight_decay or 0.0), b1, weight_lr_power)


@optimiser("optax.contrib.schedule_free_adamw")
def optax_schedule_free_adamw(
    learning_rate: LearningRate = 0.0025,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    weight_lr_power: float = 2.0,
) -> Rule:
    """The decay is of y, the point of the gradient."""
    lr = partial(_from_zero, learning_rate, warmup_steps) if warmup_steps else learning_rate
    step = RMSScaled(lr, GradientDescent(lr), b2, eps, bias_correction=True)
    return ScheduleFree(lr, with_decoupled(step, weight_decay), b1, weight_lr_power)


def _from_zero(lr: LearningRate, steps: int, t: int) -> float:
    return at(lr, t) * least((t - 1) / steps, 1.0)  # type: ignore[no-any-return]


@optimiser("optax.contrib.muon")
def optax_muon(
    learning_rate: LearningRate,
    ns_coeffs: tuple[float, float, float] = COEFFICIENTS,
    ns_steps: int = 5,
    beta: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    nesterov: bool = True,
    adaptive: bool = False,
    adam_b1: float = 0.9,
    adam_b2: float = 0.999,
    adam_eps_root: float = 0.0,
    adam_weight_decay: float = 0.0,
    consistent_rms: float | None = None,
) -> Rule:
    """For matrices, of columns outputs; `adam_…` is of the other parameters. m̂ is corrected."""
    iteration = ns_coeffs, ns_steps, eps
    return FrameworkMuon(
        *(learning_rate, beta, weight_decay, nesterov, *iteration),
        bias_correction=True,
        adaptive=adaptive,
        scale="wide" if consistent_rms is None else "rms",
        rms=consistent_rms or 0.0,
    )
