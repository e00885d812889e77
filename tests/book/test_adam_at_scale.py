"""The formulas of the chapter on Adam at scale."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tolerance import near

from descent.report import results
from descent.rules import Adam

# --- memory and traffic ---------------------------------------------------------------------------


def arrays(rule, x):
    """Return the arrays that a rule keeps for x."""
    return [part for part in rule.init(x) if isinstance(part, np.ndarray)]


@pytest.mark.formula("scale-memory-mixed", "zero-memory")
@given(n=st.integers(1, 500), processes=st.sampled_from([1, 2, 4, 8]))
def test_sixteen_bits_and_a_float32_state_take_as_many_bytes_as_the_formulas_say(n, processes):
    n *= processes
    x, g = np.zeros(n, np.float16), np.zeros(n, np.float16)
    copy = x.astype(np.float32)
    kept = [copy, *arrays(Adam(), copy)]
    assert x.nbytes + g.nbytes + sum(a.nbytes for a in kept) == (2 + 2 + 12) * n
    shards = [sum(np.split(a, processes)[rank].nbytes for a in kept) for rank in range(processes)]
    for shard in shards:
        assert x.nbytes + g.nbytes + shard == (2 + 2 + Fraction(12, processes)) * n


@pytest.mark.formula("adam-roofline")
def test_adam_reads_four_float32_arrays_and_writes_three():
    x = g = np.zeros(1, np.float32)
    state = arrays(Adam(), x)
    read, written = [x, g, *state], [x, *state]
    assert sum(a.nbytes for a in read + written) == 28


def test_no_recorded_step_is_much_faster_than_its_roofline_once_out_of_the_caches():
    rows = [r for r in results("bench-cpu")["rows"] if r["case"] in ("1e7", "5e7")]
    least = {(r["case"], r["threads"]): r["seconds"] for r in rows if r["variant"] == "roofline"}
    ratios = [r["seconds"] / least[r["case"], r["threads"]] for r in rows]
    assert 0.85 < min(ratios) <= 1


# --- sixteen bits ---------------------------------------------------------------------------------


@pytest.mark.formula("float16-second-moment")
@given(g=st.floats(1e-7, 1.0), beta2=st.floats(0.0, 0.9999))
def test_the_second_moment_is_zero_in_float16_up_to_the_threshold(g, beta2):
    threshold = 2**-12.5 / math.sqrt(1 - beta2)
    assume(abs(g / threshold - 1) > 1e-9)
    assert (np.float16((1 - beta2) * g * g) == 0) == (g < threshold)


def test_the_rule_itself_has_that_threshold_within_a_hundredth():
    gradients = np.arange(1, 0x7C00, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        _, state = Adam().update(0 * gradients, gradients, Adam().init(0 * gradients))
    largest = float(gradients[state.v == 0].max())
    assert largest == pytest.approx(2**-12.5 / math.sqrt(0.001), rel=0.01)


def rounded(x, p):
    """Return a rational to p significant bits: to nearest, ties to even."""
    x = Fraction(x)
    if x == 0:
        return x
    exponent = math.frexp(abs(x))[1] - p
    while abs(x) >= Fraction(2) ** (exponent + p):
        exponent += 1
    while abs(x) < Fraction(2) ** (exponent + p - 1):
        exponent -= 1
    return round(x / Fraction(2) ** exponent) * Fraction(2) ** exponent


@given(x=st.floats(1e-3, 1e3))
def test_the_rounding_of_these_tests_is_that_of_the_formats(x):
    assert rounded(x, 11) == Fraction(float(np.float16(x)))
    assert rounded(x, 24) == Fraction(float(np.float32(x)))
    assert rounded(x, 53) == Fraction(x)


formats = st.integers(2, 24)
number = st.floats(1e-3, 1e3)


@pytest.mark.formula("float-lost-displacement")
@given(p=formats, x=number, share=st.floats(0.25, 4), sign=st.sampled_from([-1, 1]))
def test_a_displacement_is_lost_below_one_bound_and_kept_above_the_other(p, x, share, sign):
    x = rounded(x, p)
    d = Fraction(share) * x / 2**p
    lost = rounded(x + sign * d, p) == x
    if share < 0.5:
        assert lost
    if share > 1:
        assert not lost


@given(p=formats)
def test_neither_bound_on_a_lost_displacement_can_be_moved(p):
    one, almost_two = Fraction(1), Fraction(2) - Fraction(2) ** (1 - p)
    assert rounded(one - Fraction(501, 1000) / 2**p, p) != one
    assert rounded(one + Fraction(999, 1000) / 2**p, p) == one
    assume(p > 9)
    assert rounded(almost_two + Fraction(502, 1000) * almost_two / 2**p, p) != almost_two


def path(a, one_minus_beta, p, v, steps=600):
    """Return the average, of p bits, until it rests."""
    seen = [v]
    for _ in range(steps):
        v = rounded(v + one_minus_beta * (a - v), p)
        if v == seen[-1]:
            return seen, True
        seen.append(v)
    return seen, False


@pytest.mark.formula("average-stall")
@given(p=st.integers(2, 12), a=number, v0=st.floats(0, 1e4), gain=st.floats(0.05, 0.95))
def test_an_average_goes_straight_to_where_it_rests_within_its_bound(p, a, v0, gain):
    a, gain = rounded(a, p), Fraction(gain)
    seen, rests = path(a, gain, p, rounded(v0, p))
    assert seen in (sorted(seen), sorted(seen, reverse=True))
    assert all(min(seen[0], a) <= v <= max(seen[0], a) for v in seen)
    assert rests
    assert abs(seen[-1] - a) <= Fraction(1, 2**p) / gain * seen[-1]


@given(p=st.integers(4, 12), power=st.integers(1, 3))
def test_the_bound_on_a_resting_average_is_attained_at_a_power_of_two(p, power):
    gain = Fraction(1, 2**power)
    a = 1 + Fraction(1, 2**p) / gain
    assert rounded(a, p) == a
    assert path(a, gain, p, Fraction(1)) == ([1], True)
    above = a + Fraction(2, 2**p)
    assert path(above, gain, p, Fraction(1))[0][-1] > 1


@given(p=st.integers(2, 12), a=number, v0=number, share=st.floats(0.01, 0.999))
def test_an_average_of_a_long_memory_never_falls(p, a, v0, share):
    a, v0 = rounded(a, p), rounded(v0, p)
    assume(v0 > a)
    assert path(a, Fraction(share) / 2 ** (p + 1), p, v0) == ([v0], True)


# --- a scaled loss --------------------------------------------------------------------------------


@pytest.mark.formula("loss-scale-epsilon")
@given(
    gradients=st.lists(st.floats(-10, 10).filter(lambda g: abs(g) > 1e-6), min_size=1, max_size=20),
    c=st.floats(1e-3, 1e5),
    eps=st.floats(1e-8, 1.0),
)
def test_adam_on_a_scaled_loss_has_epsilon_divided_by_the_scale(gradients, c, eps):
    scaled, other = Adam(1.0, eps=eps), Adam(1.0, eps=eps / c)
    x = y = 0.0
    state, other_state = scaled.init(x), other.init(y)
    for g in gradients:
        moved, state = scaled.update(x, c * g, state)
        shifted, other_state = other.update(y, g, other_state)
        assert moved - x == near(shifted - y, x, moved)
        x, y = moved, shifted


def test_autocast_keeps_parameters_gradients_and_state_in_float32():
    torch = pytest.importorskip("torch", reason="autocast is torch's")
    from descent import data, models, train
    from descent.torch_optim import Optimizer

    net = models.mlp((1, 8, 8), hidden=(8,))
    optimizer = Optimizer(net.parameters(), Adam())
    train.fit(net, data.load("digits").to("cpu"), optimizer, epochs=1, precision="bfloat16")
    params = list(net.parameters())
    state = [v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v)]
    kept = [*params, *(p.grad for p in params), *state]
    assert {part.dtype for part in kept} == {torch.float32}
    assert sum(part.nbytes for part in kept) == (4 + 4 + 8) * models.count(net)


def test_autocast_leaves_the_casts_of_weights_in_the_graph():
    torch = pytest.importorskip("torch", reason="autocast is torch's")
    net = torch.nn.Sequential(*(torch.nn.Linear(n, n + 1, bias=False) for n in (4, 5, 6)))
    saved = []
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t)
    with hooks, torch.autocast("cpu", torch.bfloat16):
        out = net(torch.ones(3, 4))
    kept = [sorted(t.shape) for t in saved if t.dtype == torch.bfloat16 and len(t) != 3]
    assert sorted(kept) == [[5, 6], [6, 7]]  # the first layer carries no gradient back
    out.sum().backward()
    assert {p.grad.dtype for p in net.parameters()} == {torch.float32}


def test_two_epsilons_make_nearly_the_same_float16_step_beyond_the_threshold():
    g = np.arange(1, 0x7C00, dtype=np.uint16).view(np.float16)
    steps = []
    with np.errstate(all="ignore"):
        for eps in (1e-8, 1e-4):
            rule, x = Adam(lr=1.0, eps=eps), np.zeros_like(g)
            steps.append(-rule.update(x, g, rule.init(x))[0].astype(float))
    beyond = (g > 2**-12.5 / math.sqrt(0.001)) & (g < 256)
    assert np.abs(steps[1][beyond] / steps[0][beyond] - 1).max() < 0.015
    below = steps[1][~beyond & (g < 1) & (steps[1] > 0)]
    assert below.min() < 0.01
    assert below.max() > 50


def random_rounding(x, rng, p=8):
    """Return x to p significant bits, up or down at random, its mean unchanged."""
    fraction, exponent = np.frexp(x)
    return np.ldexp(np.floor(np.ldexp(fraction, p) + rng.random(np.shape(x))), exponent - p)


def to_eight_bits(x):
    fraction, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(fraction, 8)), exponent - 8)


def test_an_average_with_its_remainder_or_rounded_at_random_comes_home_and_one_rounded_does_not():
    rng, steps = np.random.default_rng(0), 12_000
    rounded_, at_random, kept, rest = np.zeros(1), np.zeros(200), np.zeros(1), np.zeros(1)
    for _ in range(steps):
        rounded_ = to_eight_bits(rounded_ + 0.001 * (1 - rounded_))
        at_random = random_rounding(at_random + 0.001 * (1 - at_random), rng)
        d = to_eight_bits(0.001 * (1 - kept) + rest)
        new = to_eight_bits(kept + d)
        kept, rest = new, to_eight_bits(d - to_eight_bits(new - kept))
    assert rounded_[0] == 0.25
    assert at_random.mean() == pytest.approx(1, abs=0.02)
    assert kept[0] == pytest.approx(1, abs=0.01)


def second_moment(dtype, gradients, fused):
    """Return the v that PyTorch's Adam has stored after these gradients."""
    torch = pytest.importorskip("torch", reason="the forms of Adam are torch's")
    p = torch.nn.Parameter(torch.ones(1, dtype=getattr(torch, dtype)))
    optimizer = torch.optim.Adam([p], fused=fused)
    for g in gradients:
        p.grad = torch.full_like(p, g)
        optimizer.step()
    return float(optimizer.state[p]["exp_avg_sq"])


def test_pytorchs_fused_adam_stores_a_second_moment_of_zero_in_float16():
    assert second_moment("float16", [1e-3], fused=True) == 0


@pytest.mark.filterwarnings("error")
def test_in_bfloat16_pytorchs_default_form_rounds_twice_and_the_fused_one_once_without_a_warning():
    gradients = [1.0] * 600 + [0.25] * 100
    assert second_moment("bfloat16", gradients, fused=False) == 0.5
    assert second_moment("bfloat16", gradients, fused=True) == 0.25


def test_a_torch_scaler_starts_high_halves_and_doubles():
    torch = pytest.importorskip("torch", reason="the scaler is torch's")
    state = torch.amp.GradScaler("cpu").state_dict()
    assert state["scale"] == 2**16
    assert (state["growth_factor"], state["backoff_factor"]) == (2, 0.5)
    assert state["growth_interval"] == 2000
