"""Read hyper-parameters off a behaviour: the displacements that a rule must make, and made.

All rules are led along the points that were visited: at each step a rule is given the x at which
the optimiser stood, so that one error does not hide in the next, and its displacement is compared.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from descent.conventions._around import RMSScaled
from descent.identify._catalogue import RATES, parts
from descent.identify._probes import SCALED_COLUMNS, STILL, Array
from descent.misprints import AdamCentered
from descent.rules import Adadelta, Rule

RuleAt = Callable[[Mapping[str, Any]], Rule]
"""From hyper-parameters, numbers or columns of numbers, to a rule."""


@dataclass(frozen=True)
class Visit:
    """A run that was seen: x of shape (steps + 1, ...), and the gradients, (steps, ...)."""

    x: Array
    g: Array

    @property
    def u(self) -> Array:
        """Return the displacements."""
        with np.errstate(all="ignore"):
            return np.diff(self.x, axis=0)

    def part(self, columns: Any = slice(None), steps: int | None = None) -> "Visit":
        """Return the first steps of some columns."""
        end = len(self.g) if steps is None else steps
        return Visit(self.x[: end + 1, columns], self.g[:end, columns])

    def astype(self, dtype: Any) -> "Visit":
        """Return the run in another precision."""
        return Visit(self.x.astype(dtype), self.g.astype(dtype))


def raw_update(rule: Rule) -> Callable[..., Any]:
    """Return a rule's update without the checks of its arguments, which cost more than it."""
    return getattr(type(rule).update, "__wrapped__", type(rule).update)


def displacements(rule: Rule, visit: Visit) -> Array:
    """Return what a rule does at each point that was visited, shape (steps, ...)."""
    found = []
    update = raw_update(rule)
    with np.errstate(all="ignore"):
        state = rule.init(visit.x[0])
        for x, g in zip(visit.x, visit.g, strict=False):
            try:
                new, state = update(rule, x, g, state)
            except ArithmeticError:  # a number of Python raises where one of NumPy is infinite
                new = x + math.nan
            found.append(new - x)
    return np.array(found)


def batch(rule_at: RuleAt, hyper: Mapping[str, Array], visit: Visit) -> Array:
    """Return the displacements at B choices of the hyper-parameters, shape (B, steps, C)."""
    size = len(next(iter(hyper.values())))
    if visit.x.ndim > 2:
        return _each(rule_at, hyper, visit)
    columns = {name: value[:, None] for name, value in hyper.items()}
    x, g = (np.broadcast_to(a[:, None], (len(a), size, a.shape[-1])) for a in (visit.x, visit.g))
    try:
        return np.moveaxis(displacements(rule_at(columns), Visit(x, g)), 1, 0)
    except (ValueError, TypeError):  # a rule that asks whether a number is large takes one alone
        return _each(rule_at, hyper, visit)


def _each(rule_at: RuleAt, hyper: Mapping[str, Array], visit: Visit) -> Array:
    size = len(next(iter(hyper.values())))
    each = [{name: float(value[i]) for name, value in hyper.items()} for i in range(size)]
    return np.array([displacements(rule_at(choice), visit) for choice in each])


RATE_GRIDS = {
    1: [
        *(0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99),
        *(0.995, 0.998, 0.999, 0.9997, 0.9999),
    ],
    2: [0.05, 0.3, 0.5, 0.7, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9997],
    3: [0.1, 0.5, 0.8, 0.9, 0.97, 0.99, 0.999],
}
LOOPED_GRID = [0.3, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999]
OTHER_GRIDS = {
    "eps": 10.0 ** np.arange(-14, 1.5, 0.5),
    "eps_root": 10.0 ** np.arange(-20, 0.5, 0.5),
    "initial_accumulator": 10.0 ** np.arange(-8, 2, 0.5),
    "initial_scale": 10.0 ** np.arange(-8, 2, 0.5),
    "l1": 10.0 ** np.arange(-8, 2, 0.5),
    "l2": 10.0 ** np.arange(-8, 2, 0.5),
}
"""What is seen only where gradients are small, or x is not 0."""

CORE_GRIDS = {
    "dampening": np.arange(0.05, 1, 0.15),
    "lr_decay": 10.0 ** np.arange(-4, 1, 0.5),
    "momentum_decay": 10.0 ** np.arange(-4, 1, 0.5),
    "alpha": 2.0 ** np.arange(-2, 5),
    "eta_plus": np.array([1.05, 1.2, 1.5]),
}
DECAYS = 10.0 ** np.arange(-7, 1.5, 0.25)
QUIET = {
    **dict.fromkeys(("weight_decay", "lambd"), 1e-4),
    **dict.fromkeys(("initial_accumulator", "l1", "l2"), 1e-12),
    **{"eps": 1e-14, "eps_root": 1e-20},
}
LOST = 1e-4
"""The mean relative error at which a rule is given up where gradients are large."""

EXACT = 1e-11
"""The mean relative error below which all is read."""

STARTS = 3
HOPELESS = 0.2
"""The error at which no second start is made."""


def scale(u: Array) -> Array:
    """Return what displacements are compared with: those around, or the column's middle one."""
    size = np.where(np.isfinite(u), np.abs(u), 0)
    near = size.copy()
    near[1:] = np.maximum(near[1:], size[:-1])
    near[2:] = np.maximum(near[2:], size[:-2])
    near = np.maximum(near, np.median(size, axis=0))
    near = np.maximum(near, 1e-9 * size.max(axis=0))
    moving = near[near > 0]
    rest = 1e-3 * float(np.median(moving)) if moving.size else 1.0
    return np.where(near > 0, near, rest)


def rounding(rule: Rule, visit: Visit) -> Array:
    """Return what rounding does to a rule's displacements: float64 against more digits, and
    against gradients changed in their last digits, where what cancels leaves another rest.
    """
    rng = np.random.default_rng(0)
    shaken = visit.g[:, None] * (
        1 + 1e-14 * rng.standard_normal((len(visit.g), 3, *visit.g.shape[1:]))
    )
    x = np.broadcast_to(visit.x[:, None], (len(visit.x), 3, *visit.x.shape[1:]))
    with np.errstate(all="ignore"):
        own = displacements(rule, visit)
        exact = displacements(rule, visit.astype(np.longdouble))
        others = np.moveaxis(displacements(rule, Visit(x, shaken)), 1, 0)
        noise: Array = np.max([_apart(own, other) for other in (exact, *others)], axis=0)
    return noise


def _apart(one: Array, other: Array) -> Array:
    """Return the difference: 0 where both are no number, infinite where one alone is."""
    with np.errstate(all="ignore"):
        found = np.abs(one - other).astype(float)
    same = np.isfinite(one) == np.isfinite(other)
    return np.where(np.isfinite(found), found, np.where(same, 0.0, np.inf))


def parting(rule: Rule, visit: Visit, relative: float = 1e-9) -> int | None:
    """Return the first step t = 1, 2, ... at which an optimiser made what the rule does not.

    A difference counts where it is larger than `relative` times the displacements around it, and
    than what rounding explains.
    """
    for end in sorted({min(20, len(visit.g)), len(visit.g)}):
        part = Visit(visit.x[: end + 1], visit.g[:end])
        bad = np.argwhere(_differs(rule, part, relative).reshape(end, -1).any(axis=1))
        if bad.size:
            return int(bad[0, 0]) + 1
    return None


def _differs(rule: Rule, visit: Visit, relative: float) -> Array:
    u = visit.u
    model = displacements(rule, visit)
    x = np.where(np.isfinite(visit.x), np.abs(visit.x), 0)
    allowed = relative * scale(u) + 4 * np.spacing(np.maximum(x[1:], x[:-1]))
    if np.all(_apart(model, u) <= allowed):
        return np.zeros(u.shape, bool)
    if not rule.elementwise:
        noise = _apart(model, displacements(rule, visit.astype(np.longdouble)))
    elif visit.x.dtype == np.float64:
        noise = rounding(rule, visit)
    else:
        noise = _apart(model, displacements(rule, visit.astype(np.float64)))
    return _apart(model, u) > allowed + 20 * noise  # type: ignore[no-any-return]


def residual(model: Array, u: Array, per: Array) -> Array:
    """Return differences in units of `per`; 0 where both are no number, 1e3 where one alone is."""
    with np.errstate(all="ignore"):
        r = (model - u) / per
    good, seen = np.isfinite(model), np.isfinite(u)
    return np.where(good & seen, np.clip(r, -1e3, 1e3), np.where(good == seen, 0.0, 1e3))


def certain(rule_at: RuleAt, hyper: Mapping[str, float], visit: Visit, per: Array) -> Array:
    """Return where a rule's displacements are its own, and not what rounding leaves of them.

    What cancels may do so exactly at some rates, so these are shaken as well.
    """
    rule = rule_at(hyper)
    if not rule.elementwise:
        return np.isfinite(per)
    x = np.where(np.isfinite(visit.x), np.abs(visit.x), 0)
    noise = np.maximum(rounding(rule, visit), np.spacing(np.maximum(x[1:], x[:-1])))
    if rates := [n for n in hyper if n in RATES]:
        shaken = {n: np.full(len(SHAKES), v) for n, v in hyper.items()}
        shaken |= {n: hyper[n] * SHAKES for n in rates}
        others = batch(rule_at, shaken, visit)
        noise = np.maximum(noise, np.max(_apart(others[0], others[1:]), axis=0))
    return noise < 1e-7 * per


SHAKES = 1 + 1e-12 * np.array([0.0, 1.0, -1.0, 0.3, -0.4, 0.7])


def loss(model: Array, u: Array, per: Array, known: Array) -> Array:
    """Return how badly each of B models fits where it is known, blind to how far off one is."""
    r = np.abs(residual(model, u, per)) * known
    return np.minimum(r, 2.0).reshape(len(r), -1).mean(axis=1)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Fitted:
    """Hyper-parameters that were read, and the largest and the mean relative error that is left."""

    hyper: dict[str, float]
    error: float
    mean: float


def is_looped(rule_at: RuleAt, hyper: Mapping[str, float]) -> bool:
    """Whether a rule can be asked only for one choice of hyper-parameters at a time."""
    visit = Visit(np.zeros((2, 2, 1)), np.ones((1, 2, 1)))
    columns = {name: np.full((2, 1), value) for name, value in hyper.items()}
    try:
        displacements(rule_at(columns), visit)
    except (ValueError, TypeError):
        return True
    return False


def fit(
    rule_at: RuleAt,
    free: Sequence[str],
    visit: Visit,
    large: Any,
    generic: Mapping[str, float],
    known: dict[Any, Fitted],
) -> Fitted:
    """Return the hyper-parameters with which a rule comes nearest to what was seen.

    Rates are searched for where gradients are large and no ε matters, then what is left, then all
    are improved together. A rule that is lost where gradients are large is given up. `known` keeps
    what was read there: rules that differ in ε alone are one there.
    """
    hyper = {name: QUIET.get(name, generic[name]) for name in free}
    outer = [n for n in free if n in OTHER_GRIDS]
    is_lost = begins_at_eps(rule_at(hyper))
    far = visit.part(SCALED_COLUMNS if is_lost else large, 8)
    inner = [n for n in free if n not in outer or _is_eps_everywhere(rule_at, hyper)]
    key = _seen_far(rule_at, hyper, inner, far)
    if key not in known:
        known[key] = _fit_far(rule_at, hyper, inner, visit, far)
    first = known[key]
    if first.mean < LOST and not is_lost:
        return _with_rest(rule_at, hyper | first.hyper, outer, visit)
    return Fitted(hyper | first.hyper, first.error, first.mean)


def _seen_far(rule_at: RuleAt, hyper: Mapping[str, float], inner: Sequence[str], far: Visit) -> Any:
    """Return what rules have in common that are one where gradients are large."""
    u = displacements(rule_at(hyper), far) + 0.0  # -0 is 0
    is_alone = any(n in QUIET for n in inner)  # it is quiet there: the rule is its own key
    with np.errstate(all="ignore"):
        return tuple(inner), u.astype(np.float32).tobytes(), rule_at if is_alone else None


def _fit_far(
    rule_at: RuleAt, hyper: Mapping[str, float], inner: Sequence[str], visit: Visit, far: Visit
) -> Fitted:
    """Return the fit of what shows where gradients are large."""
    first = None
    for start in _starts(rule_at, hyper, _split(rule_at, inner, hyper), far):
        decays = {"weight_decay", "lambd"} & set(inner)
        begin = _with_decays(rule_at, {**hyper, **start}, decays, visit)
        found = _improved(rule_at, begin, [n for n in inner if n not in decays], inner, far)
        if decays and found.mean >= LOST:  # a decay that shows among large gradients, too
            found = _improved(rule_at, begin, inner, inner, far)
        if decays and LOST <= found.mean <= HOPELESS:  # read beside rates that were not yet
            begin = _with_decays(rule_at, {**begin, **found.hyper}, decays, visit)
            found = min(found, _improved(rule_at, begin, inner, inner, far), key=lambda f: f.mean)
        first = found if first is None else min(first, found, key=lambda f: f.mean)
        if first.mean < LOST or first.mean > HOPELESS:
            break
    assert first is not None
    return first


def _improved(
    rule_at: RuleAt,
    begin: Mapping[str, float],
    names: Sequence[str],
    kept: Sequence[str],
    visit: Visit,
) -> Fitted:
    """Return the fit of some hyper-parameters, and of those kept as they are."""
    found = improve(lambda h: rule_at({**begin, **h}), {n: begin[n] for n in names}, visit)
    return replace(found, hyper={n: found.hyper.get(n, begin[n]) for n in kept})


def _with_decays(
    rule_at: RuleAt, hyper: Mapping[str, float], decays: Iterable[str], visit: Visit
) -> dict[str, float]:
    """Return hyper-parameters with the decays that go with the others."""
    found = dict(hyper)
    for decay in decays:
        found |= _best(rule_at, found, {decay: DECAYS}, visit.part(steps=5), False)
        found |= _at_rest(rule_at, found, decay, visit)
    return found


def _at_rest(
    rule_at: RuleAt, hyper: Mapping[str, float], decay: str, visit: Visit
) -> dict[str, float]:
    """Return the decay that moves x where there is no gradient, if that shows it.

    Behind a root a motion shows the decay beside ε alone: far from what was read before, it is no
    decay.
    """
    still = visit.part(STILL, 5)
    kept = dict(hyper)
    found = improve(lambda h: rule_at({**kept, **h}), {decay: hyper[decay]}, still, rounds=15)
    is_near = 0.5 < found.hyper[decay] / hyper[decay] < 2
    return found.hyper if found.mean < LOST and is_near else {}


def _starts(
    rule_at: RuleAt, hyper: Mapping[str, float], grid: Mapping[str, Array], visit: Visit
) -> Iterator[dict[str, float]]:
    """Yield the best choice on a grid, then twice the best of those that are near none before."""
    rates = [name for name in grid if name in RATES]
    for _ in range(STARTS if rates else 1):
        found = _best(rule_at, hyper, grid, visit)
        yield found
        apart = [abs(_logit(grid[n]) - _logit(np.array(found[n]))) > 1 for n in rates]
        far = np.any(apart, axis=0)
        grid = {name: values[far] for name, values in grid.items()} if rates else grid
        if rates and not far.any():
            return


def _split(rule_at: RuleAt, free: Sequence[str], hyper: Mapping[str, float]) -> dict[str, Array]:
    """Return the grid of what shows where gradients are large."""
    rates = [name for name in free if name in RATES]
    looped = is_looped(rule_at, hyper)
    values = LOOPED_GRID if looped else RATE_GRIDS.get(max(len(rates), 1), RATE_GRIDS[3])
    grids = CORE_GRIDS
    if _is_eps_everywhere(rule_at, hyper):
        grids = grids | {"eps": 10.0 ** np.arange(-12, 0), "eps_root": 10.0 ** np.arange(-16, 0)}
    return grid_of(dict.fromkeys(rates, values) | {n: v for n, v in grids.items() if n in free})


def begins_at_eps(rule: Rule) -> bool:
    """Whether ε alone divides the first gradient, whose corrected mean is all of its size."""
    return any(isinstance(part, AdamCentered) or _is_centered(part) for part in parts(rule))


def _is_centered(part: Rule) -> bool:
    if not isinstance(part, RMSScaled) or not (part.centered and part.bias_correction):
        return False
    return bool(np.all(part.initial_scale == 0))


def _is_eps_everywhere(rule_at: RuleAt, hyper: Mapping[str, float]) -> bool:
    """Whether ε sets the length of a step, and shows where gradients are large."""
    rule = rule_at(hyper)
    return begins_at_eps(rule) or any(isinstance(part, Adadelta) for part in parts(rule))


def grid_of(values: Mapping[str, Any]) -> dict[str, Array]:
    grids = np.meshgrid(*values.values(), indexing="ij")
    return {name: grid.ravel() for name, grid in zip(values, grids, strict=True)}


def _with_rest(
    rule_at: RuleAt, hyper: dict[str, float], outer: Sequence[str], visit: Visit
) -> Fitted:
    """Return the fit of all, begun from what was read where gradients are large.

    What stands in one sum, as ε and an initial v, can be nearly had for each other: a fit creeps
    along between them, and each is then begun from alone as well.
    """
    if not outer:
        return improve(rule_at, hyper, visit)
    grid = grid_of({n: OTHER_GRIDS[n][:: len(outer)] for n in outer})
    found = improve(rule_at, hyper | _best(rule_at, hyper, grid, visit.part(steps=5)), visit)
    for name in outer if len(outer) > 1 and found.mean > EXACT else ():
        alone = {**hyper, **{n: QUIET.get(n, hyper[n]) for n in outer}}
        for n in (name, *(n for n in outer if n != name)):
            alone |= _best(rule_at, alone, {n: OTHER_GRIDS[n]}, visit.part(steps=5))
            again = improve(rule_at, alone, visit)
            alone = again.hyper
        found = min(found, again, key=lambda f: f.mean)
    return found


def _best(
    rule_at: RuleAt,
    hyper: Mapping[str, float],
    grid: Mapping[str, Array],
    visit: Visit,
    with_lr: bool = True,
) -> dict[str, float]:
    return best_on_grid(rule_at, hyper, grid, visit, with_lr)[0]


def best_on_grid(
    rule_at: RuleAt,
    hyper: Mapping[str, float],
    grid: Mapping[str, Array],
    visit: Visit,
    with_lr: bool = True,
) -> tuple[dict[str, float], float]:
    """Return the best choice on a grid, with the learning rate that goes with it, and its loss."""
    size = len(next(iter(grid.values()))) if grid else 1
    tried = {n: np.broadcast_to(v, size) for n, v in hyper.items()} | dict(grid)
    model, u = batch(rule_at, tried, visit), visit.u
    per = scale(u)
    known = certain(rule_at, hyper, visit, per)
    lrs = [tried["lr"]] if "lr" in tried else []
    for steps in (1, len(u)) if "lr" in tried and with_lr else ():
        lrs.append(tried["lr"] * _times(model[:, :steps] / per[:steps], u[:steps] / per[:steps]))
    per_row = (-1, *[1] * u.ndim)
    losses = [loss(model * (lr / tried["lr"]).reshape(per_row), u, per, known) for lr in lrs] or [
        loss(model, u, per, known)
    ]
    if not grid and lrs:  # a learning rate that is no factor
        exact = batch(rule_at, {**tried, "lr": np.concatenate(lrs)}, visit)
        losses = list(loss(exact, u, per, known)[:, None])
    which, one = _largest_of_the_best(np.array(losses))
    found = {name: float(values[one]) for name, values in grid.items()}
    return found | ({"lr": float(lrs[which][one])} if lrs else {}), float(np.min(losses))


def _largest_of_the_best(losses: Array) -> tuple[int, int]:
    """Return the last place whose loss is that of the best: there a value begins to matter."""
    near = losses <= losses.min() * 1.02 + 1e-12
    which, one = np.argwhere(near)[-1] if near.sum() > 1 else np.argwhere(near)[0]
    return int(which), int(one)


def _times(model: Array, u: Array) -> Array:
    """Return by how much B models must be multiplied: the median ratio of what is not 0."""
    with np.errstate(all="ignore"):
        ratio = np.where(np.abs(model) > 1e-9, u / model, np.nan).reshape(len(model), -1)
    ratio = np.where(np.isfinite(ratio) & (ratio > 0), ratio, np.nan)
    lost = np.asarray(np.isnan(ratio).all(axis=1))
    times: Array = np.nanmedian(np.where(lost[:, None], 1.0, ratio), axis=1)
    return times


def _outward(name: str, p: Array) -> Array:
    if name == "power":
        return -np.exp(p)
    found: Array = 1 / (1 + np.exp(-p)) if name in (*RATES, "dampening") else np.exp(p)
    return found


def _logit(rate: Array) -> Array:
    return np.log(rate / (1 - rate))  # type: ignore[no-any-return]


def _inward(name: str, value: float) -> float:
    if name == "power":
        return math.log(-value)
    if name in (*RATES, "dampening"):
        value = min(max(value, 1e-9), 1 - 1e-12)
        return math.log(value / (1 - value))
    return math.log(max(value, 1e-300))


def improve(
    rule_at: RuleAt,
    hyper: Mapping[str, float],
    visit: Visit,
    rounds: int = 40,
) -> Fitted:
    """Return hyper-parameters improved by the method of Levenberg and Marquardt."""
    names, u = list(hyper), visit.u
    per = scale(u)
    known = certain(rule_at, hyper, visit, per)
    p = np.array([_inward(name, hyper[name]) for name in names])
    damping, step = 1e-3, 1e-5
    positive = np.array([name not in (*RATES, "dampening") for name in names])

    def residuals(points: Array) -> Array:
        tried = {n: _outward(n, points[:, i]) for i, n in enumerate(names)}
        return (residual(batch(rule_at, tried, visit), u, per) * known).reshape(len(points), -1)

    history, stale = [np.inf] * 5, 0
    if not names:
        r = residual(displacements(rule_at({}), visit), u, per)
        return Fitted({}, float(np.abs(r).max()), float(np.minimum(np.abs(r), 1).mean()))
    for _ in range(rounds):
        r = residuals(p + step * np.vstack([np.zeros(len(p)), np.eye(len(p))]))
        slopes, r = (r[1:] - r[0]) / step, r[0]
        weight = 1 / np.maximum(1, np.abs(r) / 0.3)  # what is far off pulls no harder
        a = (slopes * weight) @ slopes.T
        b = (slopes * weight) @ r
        dampings = damping * np.array([1e-2, 1.0, 1e2])
        diagonal = np.diag(np.diag(a) + 1e-12 * a.max() + 1e-30)
        steps = [np.clip(_solved(a + d * diagonal, b), -3, 3) for d in dampings]
        straight = np.where(positive, np.log(np.maximum(1 - steps[0], 1e-4)), -steps[0])
        tries = p - np.array([*steps, *(share * steps[0] for share in (0.5, 0.2, 0.05)), -straight])
        losses = _robust(residuals(tries))
        now, i = _robust(r[None])[0], int(np.argmin(losses))
        if losses[i] >= now:
            damping *= 1e3
            stale += 1
        else:
            p, damping, stale = tries[i], max(dampings[i % 3] if i < 3 else damping / 10, 1e-13), 0
            now = losses[i]
        history.append(now)
        if stale >= 3 or now < 1e-28 or now > 0.9 * history[-6]:
            break
    final = {n: float(_outward(n, p[i : i + 1])[0]) for i, n in enumerate(names)}
    left = np.abs(residuals(p[None]))
    return Fitted(final, float(left.max()), float(np.minimum(left, 1).mean()))


def _solved(a: Array, b: Array) -> Array:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.zeros(len(b))


def _robust(r: Array) -> Array:
    size = np.minimum(np.abs(r), 3.0)  # what rounding alone decides may be lost
    return np.where(size < 0.3, size**2, 0.3 * (2 * size - 0.3)).mean(axis=1)  # type: ignore[no-any-return]
