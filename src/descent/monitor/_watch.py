"""The monitor itself: hooks on an optimiser, and what they find."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Self

import torch
from torch import Tensor, nn

from descent import _check
from descent.monitor import _probe, _sharpness
from descent.monitor import _reading as reading
from descent.monitor._kinds import KINDS, Finding, HealthWarning, finding
from descent.monitor._measures import Look, Row
from descent.monitor._report import Report

ALL = "all groups"
SETTLED = 10
"""The step from which on hyper-parameters are tried: some rules begin in another way."""

REMEMBERED = 5
"""Looks after which a spike is told from a start."""

UNTOUCHED = 5
"""Looks after which a tensor that never had a gradient is named."""


class Monitor:
    """An optimiser under observation: its first step is looked at, and every `every`-th one.

    It hangs on the hooks of the optimiser's step. It changes no weight, gradient or state, and at a
    step that is not looked at it counts, no more. It ends with its `with` block, or with `remove`.
    What it found stays.

    Args:
        optimizer: `torch_optim.Optimizer`, one of PyTorch's, or any that is a
            `torch.optim.Optimizer`; of one that holds others, such as
            `train.optimizers.Together`, those inside are read.
        every: steps from one look to the next.
        model: gives the parameters their names.
        steps: that the run made before, as its checkpoint says; 0 says that it is new. By default
            nothing is known of them.
        loss: computes the loss of a batch at the weights as they are, with its graph, for the
            sharpness at each look: `products` Hessian-vector products, each about two gradients. Of
            modules that keep statistics, take the batch in evaluation mode.
        products: at least 1; with fewer, the sharpness is a lower bound of less worth.
        probe: whether hyper-parameters are tried, once for each group, on copies of one or two
            small tensors: which of them change nothing.
        warn: whether each finding is a `HealthWarning` at once.

    Attributes:
        rows: what each look found, a row for each group.
        findings: the warnings, in the order in which they came.
        notes: what could not be looked at, and why.
        step: steps seen, and those that were told of.

    Raises:
        ValueError: an argument is outside its range.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        every: int = 50,
        *,
        model: "nn.Module | None" = None,
        steps: int | None = None,
        loss: Callable[[], Tensor] | None = None,
        products: int = 10,
        probe: bool = True,
        warn: bool = True,
    ) -> None:
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise ValueError(f"optimizer must be one of PyTorch's or descent's, got {optimizer!r}")
        _check.positive_count("every", every)
        _check.positive_count("products", products)
        if steps is not None:
            _check.count("steps", steps)
        if loss is not None and not callable(loss):
            raise ValueError(f"loss must be a function without arguments, got {loss!r}")
        self.optimizer, self.every, self.model = optimizer, every, model
        self.loss, self.products, self.probe, self.warn = loss, products, probe, warn
        self.rows: list[Row] = []
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.step, self.told = steps or 0, steps
        self._looks: list[Look] = []
        self._by_group: dict[str, list[Row]] = {}
        self._peaks: dict[str, float] = {}
        self._largest: dict[str, tuple[float, float]] = {}
        self._bare: dict[int, int] = {}
        self._gradients: list[float] = []
        self._clip: tuple[Any, float] | None = None
        self._sharp: tuple[float, float | None, str] | None = None
        self._tried: set[str] = set()
        self._is_new = True
        self._hooks = [
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        ] + [
            part.register_load_state_dict_post_hook(self._loaded)
            for part in reading.inner(optimizer)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Take the hooks off; a second time changes nothing."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._looks = [], []

    def clipped(self, norm: "Tensor | float", limit: float) -> None:
        """Tell the norm of the gradient before clipping, and the largest that was allowed.

        Args:
            norm: what `torch.nn.utils.clip_grad_norm_` returned.
            limit: its `max_norm`.

        Raises:
            ValueError: limit is not positive.
        """
        _check.positive("limit", limit)
        self._clip = norm, limit

    def report(self) -> Report:
        """Return what was found until now, as text, JSON, HTML or a picture."""
        return Report(
            type(self.optimizer).__name__,
            self.every,
            self.step,
            list(self.rows),
            list(self.findings),
            list(self.notes),
        )

    def _loaded(self, *_: Any) -> None:
        self._is_new = True

    def _before(self, *_: Any) -> None:
        self.step += 1
        if self._is_new or self.step % self.every == 0:
            self._guarded(self._begin)

    def _after(self, *_: Any) -> None:
        if self._looks:
            self._guarded(self._end)
            self._looks = []

    def _guarded(self, part: Callable[[], None]) -> None:
        """Run a part of a look; a fault of the monitor must not end the run that it looks at."""
        try:
            with torch.no_grad():
                part()
        except Exception as error:
            self.remove()
            self._note(f"the monitor stopped at step {self.step}: {error!r}")

    def _note(self, text: str) -> None:
        self.notes.append(text)
        if self.warn:
            warnings.warn(text, HealthWarning, stacklevel=2)

    def _groups(self) -> list[tuple[str, dict[str, Any], Any]]:
        """Return the groups with something to train: name, group, and the optimiser it is in."""
        pairs = [(g, part) for part in reading.inner(self.optimizer) for g in part.param_groups]
        labels = reading.labels_of([group for group, _ in pairs])
        named = ((label, *pair) for label, pair in zip(labels, pairs, strict=True))
        return [one for one in named if any(p.numel() for p in reading.trained(one[1]))]

    def _names(self) -> dict[int, str]:
        groups = [g for part in reading.inner(self.optimizer) for g in part.param_groups]
        return reading.names_of(groups, self.model)

    def _begin(self) -> None:
        groups = self._groups()
        self._looks = [Look(label, group, part.state) for label, group, part in groups]
        if self._is_new:
            for look, (_, group, _) in zip(self._looks, groups, strict=True):
                self._check_state(look, group)
        if self.loss is not None and self.rows:  # before the first look there may be no v
            parts = reading.inner(self.optimizer)
            self._sharp = _sharpness.sharpness(self.loss, parts, self.products)

    def _check_state(self, look: Look, group: dict[str, Any]) -> None:
        """Compare t with the moments, and with the steps that were told of."""
        states = {id(p): look.state.get(p) or {} for p in look.params}
        look.missing = [p for p in look.params if p.grad is not None and not states[id(p)]]
        counts = [c for s in states.values() if s and (c := reading.count_of(s, group)) is not None]
        t = max(counts, default=None)
        if t is None:
            return
        if self.told is not None and abs(t - self.told) > max(5, 0.1 * self.told):
            self._raise("t-after-resume", look.label, t=t, steps=self.told)
        if reading.betas(group):
            kept = [a for p in look.params for a in reading.arrays(states[id(p)], p)]
            is_empty = not any(bool(a.any()) for a in kept)
            if t == 0 and kept and not is_empty:
                self._raise("moments-without-t", look.label)
            if t > 0 and kept and is_empty:
                self._raise("t-without-moments", look.label, t=t)

    def _end(self) -> None:
        scale = float(getattr(self.optimizer, "grad_scale", None) or 1)
        measured = [look.measure(scale) for look in self._looks]
        device = measured[0][0].device
        flat = [t.to(device, torch.float32) for found in measured for t in found]
        numbers = torch.stack(flat).tolist()  # the one place that waits for the device
        rows = []
        for look, found in zip(self._looks, measured, strict=True):
            rows.append(look.row(self.step, numbers[: len(found)]))
            numbers = numbers[len(found) :]
        gradients = [size for look in self._looks for size in look.gradients]
        same, before = self._same_norm(gradients), self._before_clipping()
        self._sort_bare(gradients)
        for look, row in zip(self._looks, rows, strict=True):
            row.same_norm, row.before = same, before
            if self._sharp:
                row.sharpness, row.limit = self._sharp[:2]
            self._take(row, look)
        self._check_whole()
        self._is_new, self._sharp, self._clip, self.told = False, None, None, None

    def _same_norm(self, gradients: list[float]) -> bool | None:
        """Whether the norm is that of the last look, and those of the tensors are not."""
        last, self._gradients = self._gradients, gradients
        if len(last) != len(gradients) or len(gradients) < 2 or not any(gradients):
            return None
        whole, formerly = (math.hypot(*norms) for norms in (gradients, last))
        moved = max(abs(a - b) for a, b in zip(gradients, last, strict=True))
        return abs(whole - formerly) < 1e-3 * whole and moved > 1e-2 * whole

    def _before_clipping(self) -> float | None:
        return float(self._clip[0]) / self._clip[1] if self._clip else None

    def _sort_bare(self, gradients: list[float]) -> None:
        """Count the looks at which a tensor had no gradient, as long as it never had one."""
        params = [p for look in self._looks for p in look.params]
        for p, size in zip(params, gradients, strict=True):
            if size:
                self._bare[id(p)] = -1
            elif self._bare.get(id(p), 0) >= 0:
                self._bare[id(p)] = self._bare.get(id(p), 0) + 1
        for look in self._looks:
            names = [p for p in look.params if self._bare[id(p)] == UNTOUCHED]
            if names:
                shown = self._shown(names)
                self._raise("no-gradient", look.label, names=shown, looks=UNTOUCHED)

    def _shown(self, params: Sequence[Tensor]) -> str:
        known = self._names()
        names = [known[id(p)] for p in params]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return ", ".join(names[:3]) + more

    def _take(self, row: Row, look: Look) -> None:
        """Keep a row, with what follows from those before it, and raise what it shows."""
        before = self._by_group.setdefault(row.group, [])
        new, old = (row.weight, row.gradient), self._largest.get(row.group, (0.0, 0.0))
        if len(before) >= 3:
            growths = (n / o for n, o in zip(new, old, strict=True) if o > 0)
            row.growth = max(growths, default=None)
        self._largest[row.group] = max(old[0], new[0]), max(old[1], new[1])
        if len(before) >= REMEMBERED and row.root and before[-1].root:
            row.jump = row.root / before[-1].root
        peak = self._peaks[row.group] = max(self._peaks.get(row.group, 0.0), row.lr)
        row.peak = row.lr / peak if peak else 1.0
        before.append(row)
        self.rows.append(row)
        self._check_t(row, look)
        self._check_missing(look)
        for kind, about in KINDS.items():
            if about.holds and not about.whole:
                self._check_rows(kind, row.group, before)
        self._try(look)

    def _check_t(self, row: Row, look: Look) -> None:
        t, new = look.counts
        has_gradient = look.counted is not None and look.counted.grad is not None
        if new is None or not has_gradient or not math.isfinite(row.gradient):
            return
        known = look.state.get(look.counted) or {}
        if t is None and reading.entry(known, reading.COUNTS) is None:
            return
        if new - (t or 0) != 1:
            self._raise("wrong-t", row.group, before=t or 0, after=new)

    def _check_missing(self, look: Look) -> None:
        """Name the parameters whose state began only now, where that of others did before."""
        kept = ((p, look.state.get(p) or {}) for p in look.missing)
        missing = [p for p, state in kept if any(True for _ in reading.arrays(state, p))]
        others = [p for p in look.params if not any(p is m for m in missing)]
        counts = (reading.count_of(look.state.get(p) or {}, look.group) for p in others)
        made = self.told or max((c - 1 for c in counts if c), default=0)
        if missing and made > 0:
            self._raise("state-missing", look.label, names=self._shown(missing), steps=made)

    def _check_whole(self) -> None:
        first = next(iter(self._by_group.values()))
        for kind, about in KINDS.items():
            if about.whole:
                self._check_rows(kind, ALL, first)

    def _check_rows(self, kind: str, group: str, rows: list[Row]) -> None:
        about = KINDS[kind]
        assert about.holds is not None
        if not about.holds(rows[-1]):
            return
        if about.share is None:
            recent = rows[-about.looks :]
            is_due = len(recent) == about.looks and all(map(about.holds, recent))
            values: dict[str, Any] = {}
        else:
            held = [row for row in rows if about.holds(row)]
            share = len(held) / max(1, len(rows) - 1 if rows[0].same_norm is None else len(rows))
            is_due = len(held) >= about.looks and share >= about.share
            recent, values = held, {"share": min(1.0, share)}
        if is_due:
            peak = self._peaks.get(rows[-1].group, 0.0)
            law = self._sharp[2] if self._sharp else ""
            values |= asdict(rows[-1]) | {"peak_lr": peak, "law": law}
            del values["group"]
            self._raise(kind, group, since=recent[0].step, **values)

    def _try(self, look: Look) -> None:
        """Try, once for each group, whether hyper-parameters are dead."""
        is_one_of_many = torch.distributed.is_available() and torch.distributed.is_initialized()
        ready = self.probe and not is_one_of_many and self.step >= SETTLED
        if not ready or look.label in self._tried or not look.rate:
            return
        owner = next(o for label, _, o in self._groups() if label == look.label)
        self._tried.add(look.label)
        try:
            with torch.enable_grad():
                found = _probe.dead(owner, look.group)
        except NotImplementedError as error:
            self.notes.append(f"{look.label}: hyper-parameters were not tried: {error}")
            return
        for kind, name, value in found:
            self._raise(kind, look.label, name=name, value=value, tried=_probe.STEPS)

    def _raise(self, kind: str, group: str, since: int | None = None, **values: Any) -> None:
        """Keep a warning, and say it; one that is known goes on."""
        name = values.get("name", "")
        for known in self.findings:
            if (known.kind, known.group) == (kind, group) and name in known.what:
                known.last = self.step
                return
        values.pop("step", None)
        found = finding(kind, group, since or self.step, self.step, **values)
        self.findings.append(found)
        if self.warn:
            warnings.warn(str(found), HealthWarning, stacklevel=2)
