"""Questions on Adam, on its relatives, and on where they fail."""

import math
from fractions import Fraction
from random import Random

from descent.conventions import framework_rule
from descent.rules import Adam, AdaMax, AdamW, AMSGrad, Lion, RAdam
from tools.teaching.questions.question import (
    HALF,
    TENTH,
    Ask,
    after,
    averaged,
    listed,
    of_rule,
    template,
    with_exact_roots,
)

DEFAULTS = {"beta1": Fraction(9, 10), "beta2": Fraction(999, 1000)}
"""Adam's decay rates as fractions."""

# --- Adam -----------------------------------------------------------------------------------------


@template("adam-first-step", "adam", "adam-update", "adam-bias-correction")
def adam_first_step(draw: Random) -> Ask:
    """Ask for the first step at the usual settings."""
    g, lr = draw.randint(2, 60), Fraction(1, draw.choice([10, 100, 1000]))
    text = (
        rf"Adam has $\eta = {lr}$, $\beta_1 = 0.9$, $\beta_2 = 0.999$ and $\varepsilon = 0$. The "
        "first "
        rf"gradient is ${g}$. How long is the first step?"
    )
    return of_rule(text, Adam(lr, **DEFAULTS, eps=0), lambda rule: abs(after(rule, [g])[0]))


@template("adam-first-average", "adam", "adam-moments")
def adam_first_average(draw: Random) -> Ask:
    """Ask for m after a few gradients."""
    gradients = [draw.randint(1, 9) for _ in range(3)]
    text = (
        r"Adam has $\beta_1 = 1/2$ and $\beta_2 = 3/4$, and the gradients are "
        f"${listed(gradients)}$. "
        "What is $m_3$?"
    )
    rule = Adam(1, HALF, Fraction(3, 4), 0)
    slips = {"This is corrected already.": after(rule, gradients)[1].m / (1 - HALF**3)}
    return of_rule(text, rule, lambda one: after(one, gradients)[1].m, slips)


@template("adam-second-average", "adam", "adam-moments")
def adam_second_average(draw: Random) -> Ask:
    """Ask for v after a few gradients."""
    gradients = [draw.randint(1, 9) for _ in range(3)]
    text = (
        r"Adam has $\beta_1 = 1/2$ and $\beta_2 = 3/4$, and the gradients are "
        f"${listed(gradients)}$. "
        "What is $v_3$?"
    )
    rule = Adam(1, HALF, Fraction(3, 4), 0)
    slips = {"This is corrected already.": after(rule, gradients)[1].v / (1 - Fraction(3, 4) ** 3)}
    return of_rule(text, rule, lambda one: after(one, gradients)[1].v, slips)


@template("adam-corrected", "adam", "adam-bias-correction")
def adam_corrected(draw: Random) -> Ask:
    """Ask for a corrected average."""
    steps, g = draw.randint(2, 4), draw.randint(2, 9)
    gradients = [g] * (steps - 1) + [g + draw.randint(1, 6)]
    text = (
        rf"Adam has $\beta_1 = 1/2$, and the gradients are ${listed(gradients)}$. What is "
        rf"$\hat m_{steps}$?"
    )
    m = averaged(gradients, HALF)
    slips = {
        "This is m, not corrected.": m,
        "The correction has the power t.": m / (1 - HALF),
        "This is one step behind.": m / (1 - HALF ** (steps - 1)),
    }
    return Ask(text, m / (1 - HALF**steps), slips)


@template("adam-three-steps", "adam", "adam-update", "adam-moments", "adam-bias-correction")
def adam_three_steps(draw: Random) -> Ask:
    """Ask for three steps with exact roots."""
    rule = Adam(1, HALF, HALF, 0)

    def averages(gradients: list[int]) -> list[Fraction]:
        return [after(rule, gradients[:t])[1].v / (1 - HALF**t) for t in (1, 2, 3)]

    def some() -> list[int]:
        return [draw.choice([-1, 1]) * draw.randint(1, 9) for _ in range(3)]

    gradients = with_exact_roots(draw, some, averages)
    text = (
        r"Adam with $\eta = 1$, $\beta_1 = \beta_2 = 1/2$ and $\varepsilon = 0$ starts at $x_0 = "
        "0$. "
        rf"The gradients are ${listed(gradients)}$; every root is whole. What is $x_3$?"
    )
    return of_rule(text, rule, lambda one: after(one, gradients)[0])


@template("adam-ten-steps", "adam", "adam-update", "adam-bias-correction", by_code=True)
def adam_ten_steps(draw: Random) -> Ask:
    """Ask how far Adam comes along a constant gradient."""
    g, steps = draw.randint(1, 20), draw.randint(8, 14)
    text = (
        rf"Write Adam with its usual settings, $\eta = 0.001$. The gradient stays ${g}$. How far "
        "does "
        f"it come in {steps} steps, to four digits?"
    )
    rule = Adam(0.001, 0.9, 0.999, 1e-8)
    return of_rule(text, rule, lambda one: abs(after(one, [float(g)] * steps, start=0.0)[0]))


@template("adam-small-gradients", "adam", "adam-update", "adam-epsilon-hat", by_code=True)
def adam_small_gradients(draw: Random) -> Ask:
    """Ask for a first step where ε counts."""
    g = draw.randint(2, 9)
    text = (
        rf"Write Adam with $\eta = 0.001$, $\beta_1 = 0.9$, $\beta_2 = 0.999$ and "
        rf"$\varepsilon = 10^{{-7}}$. The first gradient is ${g} \cdot 10^{{-7}}$. How long is the "
        "first step, to four digits?"
    )
    rule = Adam(0.001, 0.9, 0.999, 1e-7)
    slips = {"Without ε it is η.": 0.001}
    return of_rule(text, rule, lambda one: abs(after(one, [g * 1e-7], start=0.0)[0]), slips)


@template("adam-after-silence", "adam", "adam-update", by_code=True)
def adam_after_silence(draw: Random) -> Ask:
    """Ask for a step after many gradients of 0."""
    silence, g = 50 * draw.randint(4, 8), draw.randint(1, 9)
    text = (
        rf"Write Adam with its usual settings, $\eta = 0.001$. After ${silence}$ gradients of $0$ "
        "comes "
        rf"one of ${g}$. How long is that step, to four digits?"
    )
    gradients = [*[0.0] * silence, float(g)]
    rule = Adam(0.001, 0.9, 0.999, 1e-8)
    return of_rule(text, rule, lambda one: abs(after(one, gradients, start=0.0)[0]))


@template("adam-turning-gradients", "adam", "adam-unrolled", by_code=True)
def adam_turning_gradients(draw: Random) -> Ask:
    """Ask for m after the gradient has turned."""
    before, later = draw.randint(5, 15), draw.randint(5, 15)
    text = (
        rf"With $\beta_1 = 0.9$, after ${before}$ gradients of $1$ and ${later}$ of $-1$: what is "
        "Adam's $m$, to four digits?"
    )
    gradients = [1.0] * before + [-1.0] * later
    rule = Adam(0.001, 0.9, 0.999, 1e-8)
    return of_rule(text, rule, lambda one: after(one, gradients, start=0.0)[1].m)


@template("adam-without-correction", "adam", "adam-uncorrected-ratio")
def adam_without_correction(draw: Random) -> Ask:
    """Ask how much longer the first step is without correction."""
    a, b = draw.randint(2, 9), draw.randint(2, 40)
    text = (
        rf"Adam has $\beta_1 = {1 - Fraction(1, a)}$ and $\beta_2 = {1 - Fraction(1, b * b)}$. "
        "How many times as long is its first step without bias correction as with it?"
    )
    slips = {
        "This is the other way round.": Fraction(a, b),
        "The root is missing.": Fraction(b * b, a),
    }
    return Ask(text, Fraction(b, a), slips)


@template("adam-weight-of-a-gradient", "adam", "adam-unrolled")
def adam_weight_of_a_gradient(draw: Random) -> Ask:
    """Ask for the weight of a past gradient."""
    age, steps = draw.randint(1, 3), draw.randint(5, 9)
    text = (
        rf"With $\beta_1 = 0.9$: which weight has the gradient $g_{steps - age}$ in $m_{steps}$, "
        "before correction?"
    )
    beta = Fraction(9, 10)
    slips = {
        "The weights fall with age: the oldest weighs least.": (1 - beta)
        * beta ** (steps - age - 1),
        "The factor 1 − β is missing.": beta**age,
    }
    return Ask(text, (1 - beta) * beta**age, slips)


@template("adam-signal-to-noise", "adam", "adam-signal-to-noise")
def adam_signal_to_noise(draw: Random) -> Ask:
    """Ask for the step under noise."""
    a, b, c = draw.choice([(3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25), (20, 21, 29)])
    text = (
        f"The gradients have the mean ${a}$ and the standard deviation ${b}$. To which ratio do "
        "the "
        r"expectations lead, $\mathbb{E}[\hat m]/\sqrt{\mathbb{E}[\hat v]}$?"
    )
    slips = {
        "v averages the squares about 0, not about the mean.": Fraction(a, b),
        "A ratio of 1 takes no noise.": 1,
    }
    return Ask(text, Fraction(a, c), slips)


# --- Adam's relatives -----------------------------------------------------------------------------


@template("adamax-largest", "adam-family", "adamax-update")
def adamax_largest(draw: Random) -> Ask:
    """Ask for AdaMax's u."""
    gradients = [
        draw.randint(10, 20),
        *[draw.choice([-1, 1]) * draw.randint(1, 12) for _ in range(2)],
    ]
    text = (
        rf"AdaMax has $\beta_2 = 3/4$, and the gradients are ${listed(gradients)}$. What is $u_3$?"
    )
    rule = AdaMax(1, HALF, Fraction(3, 4))
    slips = {
        "The largest decays by β₂ in each step.": max(map(abs, gradients)),
        "This is the last gradient.": abs(gradients[-1]),
    }
    return Ask(text, after(rule, gradients)[1].u, slips)


@template("amsgrad-largest", "adam-family", "amsgrad-update")
def amsgrad_largest(draw: Random) -> Ask:
    """Ask for AMSGrad's maximum."""
    gradients = [draw.randint(6, 9), draw.randint(1, 3), draw.randint(1, 3)]
    text = (
        rf"AMSGrad has $\beta_2 = 1/2$, and the gradients are ${listed(gradients)}$. What is "
        r"$\hat v_3$?"
    )
    rule = AMSGrad(1, HALF, HALF)
    state = after(rule, gradients)[1]
    slips = {
        "This is v: the largest so far is kept.": state.v,
        "The average is kept, not the largest square.": max(gradients) ** 2,
    }
    return Ask(text, state.v_hat, slips)


@template("adamw-decay", "adam-family", "adamw-update")
def adamw_decay(draw: Random) -> Ask:
    """Ask for a step of AdamW."""
    start, g = draw.randint(2, 9), draw.randint(2, 9)
    decay = Fraction(1, draw.choice([10, 100]))
    text = (
        rf"AdamW as in its paper, with the multiplier $\eta_t = 1$, $\alpha = 1/10$, "
        rf"$\lambda = {decay}$ and $\varepsilon = 0$, stands at $x_0 = {start}$; the first "
        "gradient is "
        rf"${g}$. What is $x_1$?"
    )
    rule = AdamW(TENTH, HALF, HALF, 0, decay, 1)
    slips = {
        "The decay is outside the quotient: as part of the gradient it cancels here.": start
        - TENTH,
        "In the paper α does not multiply the decay.": start - TENTH * (1 + decay * start),
    }
    return Ask(text, after(rule, [g], start)[0], slips)


@template("decay-half-life", "adam-family", "adamw-update", by_code=True)
def decay_half_life(draw: Random) -> Ask:
    """Ask for the half-life of a weight."""
    lr, decay = 10.0 ** -draw.randint(2, 4), draw.choice([0.01, 0.05, 0.1])
    text = (
        f"In PyTorch's AdamW with `lr={lr:g}` and `weight_decay={decay:g}` a weight has no "
        "gradient. After how many steps is it below half its size for the first time?"
    )
    rule = framework_rule("torch.optim.AdamW", lr=lr, weight_decay=decay)
    x, _ = rule.update(1.0, 0.0, rule.init(1.0))
    steps = math.floor(math.log(0.5) / math.log(x)) + 1
    slips = {"PyTorch multiplies the decay by the rate.": math.ceil(math.log(2) / decay)}
    return Ask(text, Fraction(steps), slips)


@template("decay-box", "adam-family", "decoupled-decay-box")
def decay_box(draw: Random) -> Ask:
    """Ask how far a weight can get."""
    decay = Fraction(1, draw.choice([2, 4, 10, 20, 100]))
    lr = Fraction(1, draw.choice([100, 1000]))
    text = (
        rf"Lion's steps have the length $\eta = {lr}$ at most, before a decoupled decay of "
        rf"$\lambda = {decay}$ that $\eta$ multiplies. Within which distance of $0$ does a weight "
        "stay in the end?"
    )
    slips = {
        "The rate cancels.": lr / decay,
        "This is the share that decays in a step.": lr * decay,
    }
    return Ask(text, 1 / decay, slips)


@template("lion-step", "adam-family", "lion-update")
def lion_step(draw: Random) -> Ask:
    """Ask for Lion's memory after two steps."""
    first, second = draw.randint(2, 9), -draw.randint(1, 20)
    text = (
        rf"Lion with $\eta = 1$, $\beta_1 = 1/2$, $\beta_2 = 3/4$ and $\lambda = 0$ starts at "
        rf"$x_0 = 0$. The gradients are ${first}$ and ${second}$. What is $x_2 + m_2$?"
    )
    x, state = after(Lion(1, HALF, Fraction(3, 4), 0), [first, second])
    slips = {
        "m is averaged with β₂, the step with β₁.": x + averaged([first, second], HALF),
        "This is m₂ alone.": state.m,
    }
    return Ask(text, x + state.m, slips)


@template("radam-by-code", "adam-family", "radam-update", by_code=True)
def radam_by_code(draw: Random) -> Ask:
    """Ask for a step of RAdam once it divides."""
    steps, g = draw.randint(8, 30), draw.randint(2, 9)
    text = (
        r"Write RAdam with $\eta = 0.001$, $\beta_1 = 0.9$ and $\beta_2 = 0.999$. The gradient "
        "stays "
        rf"${g}$. How long is step {steps}, to four digits?"
    )

    def length(rule: RAdam) -> object:
        x, state = after(rule, [float(g)] * (steps - 1), start=0.0)
        y, _ = rule.update(x, float(g), state)
        return abs(y - x)

    slips = {"This is Adam's step.": 0.001, "This is the step before it divides.": 0.001 * g}
    return of_rule(text, RAdam(0.001, 0.9, 0.999), length, slips)


@template("adafactor-factored", "adam-family", "adafactor-factored")
def adafactor_factored(draw: Random) -> Ask:
    """Ask for an entry of Adafactor's v."""
    a, b, c, d = (draw.randint(1, 9) for _ in range(4))
    text = (
        "Adafactor keeps of "
        rf"$v = \begin{{pmatrix}} {a} & {b} \\ {c} & {d} \end{{pmatrix}}$ the means of rows and "
        "columns. "
        r"What is its $\hat v_{11}$?"
    )
    row, column, mean = Fraction(a + b, 2), Fraction(a + c, 2), Fraction(a + b + c + d, 4)
    slips = {"This is v itself.": a, "The product is divided by the mean.": row * column}
    return Ask(text, row * column / mean, slips)


# --- where Adam fails -----------------------------------------------------------------------------


@template("adam-regret-of-the-cycle", "when-adam-fails", "adam-nonconvergence-regret")
def adam_regret_of_the_cycle(draw: Random) -> Ask:
    """Ask for the regret on the cycle."""
    c = draw.randint(3, 12)
    text = (
        f"On the cycle of three with $C = {c}$ Adam ends at $x = 1$, while $-1$ is best. What is "
        "its regret in each step on average, at least?"
    )
    slips = {
        "The sum of a cycle is spread over three steps.": 2 * (c - 2),
        "The two points are 2 apart.": Fraction(c - 2, 3),
    }
    return Ask(text, Fraction(2 * (c - 2), 3), slips)


@template("adam-spike", "when-adam-fails", "adam-spike-threshold")
def adam_spike(draw: Random) -> Ask:
    """Ask for the curvature at which Adam starts to spike."""
    lr = Fraction(1, draw.choice([100, 1000]))
    v_root = Fraction(draw.randint(1, 9), draw.choice([10, 100]))
    text = (
        rf"Adam has $\eta = {lr}$, $\beta_1 = 0.9$ and $\varepsilon = 0$, and $\sqrt{{\hat v}} = "
        f"{v_root}$. "
        r"Below which curvature $\lambda$ is it stable?"
    )
    slips = {
        "This is the limit without momentum.": 2 * v_root / lr,
        "This is the limit of heavy-ball momentum; Adam's m has the weight 1 − β₁.": Fraction(
            38, 10
        )
        * v_root
        / lr,
    }
    return Ask(text, 38 * v_root / lr, slips)


@template("adam-large-epsilon", "when-adam-fails", "adam-large-epsilon-limit")
def adam_large_epsilon(draw: Random) -> Ask:
    """Ask for the rate that undoes a large ε."""
    g, eps = draw.randint(1, 5), 10 * draw.randint(1, 9)
    text = (
        rf"Adam has $\varepsilon = {eps}$ and the learning rate $\eta = {eps}/10$. How long is "
        "its first "
        rf"step for a gradient of ${g}$?"
    )
    slips = {
        "This is gradient descent, which it tends to.": Fraction(g, 10),
        "This is the step for a small ε.": Fraction(eps, 10),
    }
    rule = Adam(Fraction(eps, 10), **DEFAULTS, eps=eps)
    return of_rule(text, rule, lambda one: abs(after(one, [g])[0]), slips)


@template("minimum-norm", "when-adam-fails", "minimum-norm-solution", "adaptive-sign-solution")
def minimum_norm(draw: Random) -> Ask:
    """Ask which solution gradient descent finds."""
    a, b, y = draw.randint(2, 6), draw.randint(2, 6), draw.randint(1, 9)
    text = (
        rf"Gradient descent from $0$ fits ${a} x_1 + {b} x_2 = {y}$. To which $x_1$ does it tend?"
    )
    slips = {
        "This is where Adam goes: all coordinates move alike.": Fraction(y, a + b),
        "This uses the first coordinate alone.": Fraction(y, a),
    }
    return Ask(text, Fraction(a * y, a * a + b * b), slips)
