"""The preconditioned sharpness, and the largest that a rule is stable at."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descent.monitor import _reading as reading

Products = Callable[[list[Tensor]], tuple[Tensor, ...]]


def products_of(loss: Tensor, params: list[Tensor]) -> Products:
    """Return the products of the loss's Hessian with vectors that are laid out as the parameters.

    Args:
        loss: a number, with its graph.
        params: each of which may be without influence.
    """
    first = torch.autograd.grad(
        loss, params, create_graph=True, allow_unused=True, materialize_grads=True
    )
    used = [(g, p) for g, p in zip(first, params, strict=True) if g.requires_grad]

    def product(vectors: list[Tensor]) -> tuple[Tensor, ...]:
        pairs = [(g, v) for g, v in zip(first, vectors, strict=True) if g.requires_grad]
        if not used:
            return tuple(map(torch.zeros_like, params))
        return torch.autograd.grad(
            [g for g, _ in pairs],
            params,
            [v for _, v in pairs],
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )

    return product


def largest_eigenvalue(product: Products, scales: list[Tensor], count: int) -> float:
    """Return λ_max(S H S) by Lanczos from a seeded start, for S the diagonal matrix of the scales.

    A few products are enough for the largest eigenvalue; what is returned is never above it, up to
    rounding.

    Args:
        product: H times a vector, in the shapes of the parameters.
        scales: the diagonal of S, in these shapes.
        count: of products, at least 1.
    """
    sizes, shapes = [s.numel() for s in scales], [s.shape for s in scales]
    scale = torch.cat([s.reshape(-1).float() for s in scales])

    def applied(vector: Tensor) -> Tensor:
        parts = torch.split(scale * vector, sizes)
        pairs = zip(parts, shapes, scales, strict=True)
        found = product([part.reshape(shape).to(s.dtype) for part, shape, s in pairs])
        return scale * torch.cat([h.detach().reshape(-1).float() for h in found])

    start = torch.randn(len(scale), generator=torch.Generator().manual_seed(0)).to(scale.device)
    basis = [start / start.norm()]
    matrix = torch.zeros(count, count, dtype=torch.float64)
    for i in range(count):
        image = applied(basis[i])
        matrix[i, i] = float(image @ basis[i])
        for _ in range(2):  # twice is enough
            for q in basis:
                image = image - (image @ q) * q
        length = float(image.norm())
        size = float(matrix.abs().max())
        if i + 1 == count or length <= 1e-6 * size or length == 0:
            return float(torch.linalg.eigvalsh(matrix[: i + 1, : i + 1])[-1])
        matrix[i, i + 1] = matrix[i + 1, i] = length
        basis.append(image / length)
    raise ValueError(f"count must be at least 1, got {count}")


def limit_of(group: dict[str, Any], state: dict[str, Any]) -> tuple[float, str] | None:
    """Return the largest stable λ_max(P⁻¹ H) times η, and the formula's id; None if unknown.

    2 (1 + β₁) / (1 − β₁) of Adam, 2 (1 + μ) of momentum, 2 of gradient descent; P is the diagonal
    of √v̂ + ε where there is a v, else 1.
    """
    if reading.entry(state, reading.OTHER_ROOTS) is not None or group.get("centered"):
        return None
    pair = reading.betas(group)
    has_v = reading.entry(state, reading.SECOND) is not None
    mu = reading.number(group, "momentum")
    if pair:
        found = 2 * (1 + pair[0]) / (1 - pair[0])
        return (found, "adam-stability-limit") if has_v else None
    if not mu:
        known = has_v or not any(isinstance(v, Tensor) and v.dim() for v in state.values())
        return (2.0, "adam-stability-limit" if has_v else "gd-stability-limit") if known else None
    if group.get("nesterov") or "ns_steps" in group:
        return None
    if reading.entry(state, ("momentum_buffer", "d", "step.b", "b")) is not None:
        buffered = 1 - reading.number(group, "dampening")
        return 2 * (1 + mu) / buffered, "momentum-stability"
    return None


def steps_of(group: dict[str, Any], p: Tensor, state: dict[str, Any]) -> Tensor:
    """Return η / (√v̂ + ε) for each coordinate of p, or η."""
    t = reading.count_of(state, group)
    lr = reading.rate(group, (t or 0) + 1)
    v = reading.entry(state, reading.SECOND)
    if not isinstance(v, Tensor) or v.shape != p.shape:
        return torch.full_like(p, lr)
    pair = reading.betas(group)
    v_hat = v / (1 - pair[1] ** t) if pair and t else v
    return lr / (v_hat.sqrt() + reading.number(group, "eps")).clamp_min(torch.finfo(v.dtype).tiny)


def sharpness(
    loss: Callable[[], Tensor], optimizers: list[Any], count: int
) -> tuple[float, float | None, str] | None:
    """Return λ_max(P⁻¹ H), the largest that is stable at the first group's rate, and a formula.

    Where groups have other rates the product of both is right, since each coordinate has its own.

    Args:
        loss: computes the loss, with its graph.
        optimizers: those that keep the state.
        count: of products with the Hessian.
    """
    rows: list[Any] = [
        (group | _of_rule(optimizer), p, optimizer.state.get(p) or {})
        for optimizer in optimizers
        for group in optimizer.param_groups
        for p in reading.trained(group)
    ]
    scales = [steps_of(*row).sqrt() for row in rows]
    limits = {limit_of(group, state) for group, _, state in rows}
    first = rows[0]
    lr = reading.rate(first[0], (reading.count_of(first[2], first[0]) or 0) + 1)
    if not lr:
        return None
    with torch.enable_grad(), torch.random.fork_rng(_devices(rows)):
        product = products_of(loss(), [p for _, p, _ in rows])
        found = largest_eigenvalue(product, scales, count) / lr
    limit = limits.pop() if len(limits) == 1 else None
    return (found, limit[0] / lr, limit[1]) if limit else (found, None, "")


def _of_rule(optimizer: Any) -> dict[str, Any]:
    """Return what the group does not say: whether a rule of the book looks ahead."""
    is_ahead = "Nesterov" in type(getattr(optimizer, "rule", None)).__name__
    return {"nesterov": True} if is_ahead else {}


def _devices(rows: list[Any]) -> list[Any]:
    return list({p.device for _, p, _ in rows if p.device.type == "cuda"})
