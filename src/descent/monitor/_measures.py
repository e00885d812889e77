"""What one look at a group of parameters measures.

Norms of gradients are of all coordinates. All else is of a sample: at most `SAMPLE` coordinates of
each tensor, evenly spread, so that a look costs the same however large a tensor is, and keeps no
copy of the weights. Nothing waits for the device until all measures of a look are asked for.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descent.monitor import _reading as reading

SAMPLE = 1024
"""Coordinates of a tensor that a look takes in, at most."""


@dataclass
class Row:
    """What one look at a group found; None stands for what the rule, or the look, has not.

    Attributes:
        step: the optimiser's step that was looked at, from 1.
        group: the group's name.
        t: the rule's own count of steps, after the step.
        lr: the learning rate η.
        gradient: the norm ‖g‖ of the gradient, in units of the loss over those of the weights.
        weight: the norm ‖x‖ before the step.
        update: the norm ‖Δ‖ of the step.
        ratio: ‖Δ‖ / ‖x‖.
        effective: the effective step: the median of η / (√v̂ + ε), without v̂ ‖Δ‖ / ‖g‖.
        eps_share: of the coordinates with v̂ > 0, the share in which ε > √v̂.
        signal: the median of |m̂| / √v̂.
        age: Σ g² / Σ v̂: far below 1, v̂ remembers larger gradients; far above, it has not seen such.
        root: the root mean square √mean(v̂).
        lost: of the coordinates with a gradient, the share in which v is 0.
        still: of the coordinates with a gradient, the share that the step left where it was.
        bare: the share of the group's tensors without a gradient, or with one of zeros.
        same_norm: whether the norm over all groups is that of the last look, though the norms of
            tensors are not: gradients that were clipped.
        before: the norm before clipping over the largest one allowed, where `clipped` was told.
        sharpness: λ_max of the preconditioned Hessian.
        limit: the largest that is stable.
        growth: ‖x‖ or ‖g‖ over the largest of all earlier looks, of which there are at least 3.
        jump: √mean(v̂) over that of the last look, after at least 5 of them.
        peak: η over its largest value so far.
        finite: whether weights and v are finite.
    """

    step: int
    group: str
    t: float | None
    lr: float
    gradient: float
    weight: float
    update: float
    ratio: float | None
    effective: float | None
    eps_share: float | None
    signal: float | None
    age: float | None
    root: float | None
    lost: float | None
    still: float | None
    bare: float
    finite: bool
    same_norm: bool | None = None
    before: float | None = None
    sharpness: float | None = None
    limit: float | None = None
    growth: float | None = None
    jump: float | None = None
    peak: float = 1.0


def sample(t: Tensor) -> Tensor:
    """Return at most about `SAMPLE` coordinates of a tensor, evenly spread over rows and columns.

    >>> sample(torch.arange(10)).tolist() == list(range(10))
    True
    >>> len(sample(torch.zeros(1000, 1000)))
    1028
    """
    flat = reading.local(t).reshape(-1)
    if flat.numel() <= SAMPLE:
        return flat
    stride = flat.numel() // SAMPLE
    while math.gcd(stride, t.shape[-1]) > 1:  # not the same column again and again
        stride -= 1
    return flat[::stride]


def single(t: Tensor) -> Tensor:
    """Return numbers of at least 32 bits."""
    return t if t.dtype is torch.float64 else t.float()


def joined(parts: Iterable[Tensor]) -> Tensor:
    """Return parts as one vector, on the device of the first."""
    found = list(parts)
    device = found[0].device
    return single(torch.cat([p if p.device == device else p.to(device) for p in found]))


def norms(tensors: list[Tensor]) -> list[Tensor]:
    """Return the norm of each of at least one tensor."""
    widest = torch.float64 if any(t.dtype is torch.float64 for t in tensors) else torch.float32
    return list(torch._foreach_norm(tensors, 2, dtype=widest))


class Look:
    """A look at a group: made before the step, and `measure` after it."""

    def __init__(self, label: str, group: dict[str, Any], state: Any) -> None:
        self.label, self.group, self.state = label, group, state
        self.params = reading.trained(group)
        self.missing: list[Tensor] = []
        self.gradients: list[float] = []
        parts = [sample(p) for p in self.params]
        self.sizes = [len(part) for part in parts]
        self.before = joined(parts) if parts else None
        counting = [p for p in self.params if p.grad is not None] or self.params
        self.counted = counting[0] if counting else None
        self.t = self._count()
        self.rate = reading.rate(group, (self.t or 0) + 1)

    def _count(self) -> float | None:
        kept = self.state.get(self.counted) if self.counted is not None else None
        return reading.count_of(kept or {}, self.group)

    def _of_all(self, names: Iterable[str]) -> "Tensor | None":
        """Return an entry of the state for each coordinate of the sample, 0 where there is none."""
        found = [reading.entry(self.state.get(p) or {}, names) for p in self.params]
        fits = [
            isinstance(f, Tensor) and f.shape == p.shape
            for f, p in zip(found, self.params, strict=True)
        ]
        if not any(fits):
            return None
        pairs = zip(found, fits, self.params, strict=True)
        return joined(sample(f if fit else torch.zeros_like(p)) for f, fit, p in pairs)

    def measure(self, scale: float) -> list[Tensor]:
        """Return the measures after the step as tensors of one number, not waited for.

        Args:
            scale: what a scaled loss multiplied the gradients by.
        """
        assert self.before is not None
        self.counts, self.scale = (self.t, self._count()), scale
        delta = joined(sample(p) for p in self.params) - self.before
        found = norms([reading.entries_of_gradient(p) for p in self.params])
        found += norms(list(torch.split(self.before, self.sizes)))
        found += norms(list(torch.split(delta, self.sizes)))
        dense: list[Any] = [
            p.grad if reading.has_gradient(p) else torch.zeros_like(p) for p in self.params
        ]
        measured = self._of_coordinates(joined(map(sample, dense)), delta)
        self.names = list(measured)
        return found + list(measured.values())

    def _of_coordinates(self, g: Tensor, delta: Tensor) -> dict[str, Tensor]:
        live = g != 0
        found = {"live": live.sum(), "still": ((delta == 0) & live).sum()}
        v = self._of_all(reading.SECOND)
        if v is None:
            return found
        found |= {"v": v.sum(), "lost": ((v == 0) & live).sum()}
        return found if self._has(reading.OTHER_ROOTS) else found | self._of_second(g, v)

    def _has(self, names: Iterable[str]) -> bool:
        kept = self.state.get(self.counted) or {}
        return reading.entry(kept, names) is not None or bool(self.group.get("centered"))

    def _corrections(self) -> tuple[float, ...]:
        """Return 1 − β₁ᵗ and 1 − β₂ᵗ, or 1 where nothing is corrected."""
        pair, t = reading.betas(self.group), self.counts[1]
        return tuple(1 - b ** max(1.0, t) for b in pair) if pair and t else (1.0, 1.0)

    def _of_second(self, g: Tensor, v: Tensor) -> dict[str, Tensor]:
        first, second = self._corrections()
        root, known = (v / second).sqrt(), v > 0
        small = (root < reading.number(self.group, "eps")) & known
        found = {"known": known.sum(), "small": small.sum(), "squares": torch.dot(g, g)}
        found["median"] = _median(root, known)
        m = self._of_all(reading.FIRST) if reading.betas(self.group) else None
        if m is not None:
            found["signal"] = _median(m.abs() / (first * root), known)
        return found

    def row(self, step: int, numbers: list[float]) -> Row:
        """Return the row of what was measured, of the numbers that `measure` promised."""
        n = len(self.params)
        shares = [
            max(1.0, p.numel() / max(1, k)) for p, k in zip(self.params, self.sizes, strict=True)
        ]
        self.gradients = [size / self.scale for size in numbers[:n]]
        weight, update = (
            math.sqrt(sum(w * size**2 for w, size in zip(shares, part, strict=True)))
            for part in (numbers[n : 2 * n], numbers[2 * n : 3 * n])
        )
        found = dict(zip(self.names, numbers[3 * n :], strict=True))
        gradient = math.hypot(*self.gradients)
        row = Row(
            *(step, self.label, self.counts[1], self.rate, gradient, weight, update),
            ratio=update / weight if weight else None,
            effective=update / gradient if gradient else None,
            eps_share=None,
            signal=_known(found.get("signal")),
            age=None,
            root=None,
            lost=_quotient(found.get("lost"), found["live"]),
            still=_quotient(found["still"], found["live"]),
            bare=self.gradients.count(0) / n,
            finite=all(map(math.isfinite, (weight, update, found.get("v", 0.0)))),
        )
        if found.get("known"):
            self._add_second(row, found)
        return row

    def _add_second(self, row: Row, found: dict[str, float]) -> None:
        v_hat = found["v"] / self._corrections()[1]
        eps = reading.number(self.group, "eps")
        row.effective = _known(self.rate / (found["median"] + eps))
        row.eps_share = found["small"] / found["known"]
        row.age = _quotient(found["squares"] / self.scale**2, v_hat)
        row.root = math.sqrt(v_hat / found["known"]) if v_hat >= 0 else None


def _median(values: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, values, math.nan).nanmedian()


def _quotient(value: float | None, count: float) -> float | None:
    """Return a share, and None of nothing."""
    return value / count if value is not None and count else None


def _known(value: float | None) -> float | None:
    """Return a number, and None for what is none: a share of no coordinates."""
    return None if value is None or math.isnan(value) else value
