"""PyTorch's optimisers: each a function with its signature that returns the rule it is."""

from functools import partial

from descent import _check
from descent.conventions._around import Maximize, RMSScaled
from descent.conventions._formulas import (
    BufferedMomentum,
    BufferedNesterov,
    ScheduledNAdam,
    TorchAdamax,
    TorchAMSGrad,
    TorchRAdam,
    WarmAdaGrad,
)
from descent.conventions._registry import Pair, as_torch, optimiser
from descent.relatives import (
    AveragedSGD,
    FrameworkMuon,
    Rprop,
    TorchAdafactor,
)
from descent.relatives._matrices import COEFFICIENTS
from descent.rules import (
    Adadelta,
    Adam,
    GradientDescent,
    LearningRate,
    Rule,
    at,
)

__all__ = [
    "torch_sgd",
    "torch_adagrad",
    "torch_rmsprop",
    "torch_adadelta",
    "torch_adam",
    "torch_adamw",
    "torch_adamax",
    "torch_nadam",
    "torch_radam",
    "torch_asgd",
    "torch_rprop",
    "torch_adafactor",
    "torch_muon",
]


@optimiser("torch.optim.SGD")
def torch_sgd(
    lr: LearningRate = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """η outside the buffer, which the decay enters; dampening spares the first step."""
    if nesterov and (not momentum or dampening):
        raise ValueError("nesterov must come with a positive momentum and no dampening")
    buffered = BufferedNesterov if nesterov else BufferedMomentum
    rule = buffered(lr, momentum, dampening) if momentum else GradientDescent(lr)
    return as_torch(rule, weight_decay, maximize)


@optimiser("torch.optim.Adagrad")
def torch_adagrad(
    lr: LearningRate = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> Rule:
    """η_t = η / (1 + (t − 1) lr_decay); otherwise the paper's rule."""
    _check.not_negative("lr_decay", lr_decay)
    lr = partial(_decayed, lr, lr_decay) if lr_decay else lr
    return as_torch(WarmAdaGrad(lr, eps, initial_accumulator_value), weight_decay, maximize)


def _decayed(lr: LearningRate, lr_decay: float, t: int) -> float:
    return at(lr, t) / (1 + (t - 1) * lr_decay)


@optimiser("torch.optim.RMSprop")
def torch_rmsprop(
    lr: LearningRate = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """ε outside the root, η outside the buffer."""
    step = BufferedMomentum(lr, momentum) if momentum else GradientDescent(lr)
    rule = RMSScaled(lr, step, rho=alpha, eps=eps, centered=centered)
    return as_torch(rule, weight_decay, maximize)


@optimiser("torch.optim.Adadelta")
def torch_adadelta(
    lr: LearningRate = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """The paper's rule, but for its ρ = 0.95."""
    return as_torch(Adadelta(lr, rho, eps), weight_decay, maximize)


@optimiser("torch.optim.Adam")
def torch_adam(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> Rule:
    """The paper's Algorithm 1; the decay is L2, divided by √v̂ with the gradient."""
    rule = (TorchAMSGrad if amsgrad else Adam)(lr, *betas, eps)
    return as_torch(rule, weight_decay, maximize, decoupled_weight_decay)


@optimiser("torch.optim.AdamW")
def torch_adamw(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """`torch.optim.Adam` with decoupled decay, multiplied by the whole learning rate."""
    rule = (TorchAMSGrad if amsgrad else Adam)(lr, *betas, eps)
    return as_torch(rule, weight_decay, maximize, decoupled=True)


@optimiser("torch.optim.Adamax")
def torch_adamax(
    lr: LearningRate = 2e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """ε inside the maximum; the paper has none."""
    return as_torch(TorchAdamax(lr, *betas, eps), weight_decay, maximize)


@optimiser("torch.optim.NAdam")
def torch_nadam(
    lr: LearningRate = 2e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """A constant β₁ averages, the schedule μ_t weighs."""
    rule = ScheduledNAdam(lr, *betas, eps, momentum_decay=momentum_decay)
    return as_torch(rule, weight_decay, maximize, decoupled_weight_decay)


@optimiser("torch.optim.RAdam")
def torch_radam(
    lr: LearningRate = 1e-3,
    betas: Pair = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """ε̂, unlike `torch.optim.Adam`; rectified a step after the paper."""
    return as_torch(TorchRAdam(lr, *betas, eps), weight_decay, maximize, decoupled_weight_decay)


@optimiser("torch.optim.ASGD")
def torch_asgd(
    lr: LearningRate = 1e-2,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """The averaging starts after t₀ steps; until then, gradient descent with a decaying η."""
    return as_torch(AveragedSGD(lr, lambd, alpha, t0), weight_decay, maximize)


@optimiser("torch.optim.Rprop")
def torch_rprop(
    lr: LearningRate = 1e-2,
    etas: Pair = (0.5, 1.2),
    step_sizes: Pair = (1e-6, 50),
    *,
    maximize: bool = False,
) -> Rule:
    """η is the first step size, and no more."""
    return as_torch(Rprop(lr, *etas, *step_sizes), 0.0, maximize)


@optimiser("torch.optim.Adafactor")
def torch_adafactor(
    lr: LearningRate = 1e-2,
    beta2_decay: float = -0.8,
    eps: tuple[float | None, float] = (None, 1e-3),
    d: float = 1.0,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """ε₁ is a floor below the averages; the decay is multiplied by η, not by the relative step."""
    rule = TorchAdafactor(lr, *eps, d, beta2_decay, weight_decay)
    return Maximize(rule.lr, rule) if maximize else rule


@optimiser("torch.optim.Muon")
def torch_muon(
    lr: LearningRate = 1e-3,
    weight_decay: float = 0.1,
    momentum: float = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
    eps: float = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> Rule:
    """For matrices alone; the rest is AdamW's. PyTorch orthogonalises in bfloat16."""
    scales = {None: "tall", "original": "tall", "match_rms_adamw": "rms"}
    if adjust_lr_fn not in scales:
        raise ValueError(f"adjust_lr_fn must be among {list(scales)}, got {adjust_lr_fn!r}")
    iteration = ns_coefficients, ns_steps, eps
    scale = scales[adjust_lr_fn]
    return FrameworkMuon(lr, momentum, weight_decay, nesterov, *iteration, floor=True, scale=scale)
