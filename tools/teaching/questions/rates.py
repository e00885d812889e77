"""Questions on learning rates, stability, batches, and the frameworks' conventions."""

import math
from fractions import Fraction
from random import Random

from descent import schedules
from descent.conventions import framework_rule
from descent.rules import Adam
from tools.teaching.questions.exact import Exact, root
from tools.teaching.questions.question import HALF, TENTH, Ask, after, template

# --- learning rates -------------------------------------------------------------------------------


@template("schedule-step", "learning-rates", "schedule-step")
def schedule_step(draw: Random) -> Ask:
    """Ask for a staircase at the edge of a stair."""
    every, stair = draw.randint(5, 30), draw.randint(2, 4)
    t, gamma = every * stair, Fraction(1, draw.choice([2, 10]))
    text = (
        rf"A staircase starts at $\eta = 1$ and multiplies by $\gamma = {gamma}$ every {every} "
        "steps. "
        rf"What is $\eta_t$ at $t = {t}$, counted from $t = 1$?"
    )
    slips = {"t is counted from 1: this is the next step.": gamma**stair}
    return Ask(
        text, Fraction(schedules.Step(1.0, every, float(gamma))(t)).limit_denominator(10**6), slips
    )


@template("schedule-cosine", "learning-rates", "schedule-cosine")
def schedule_cosine(draw: Random) -> Ask:
    """Ask for a cosine a third of the way."""
    third, lr = draw.randint(5, 40), draw.randint(2, 9)
    text = (
        rf"Half a cosine falls from $\eta = {lr}$ to $0$ over $T = {3 * third}$ steps. What is "
        r"$\eta_t$ at "
        rf"$t = {third + 1}$?"
    )
    value = schedules.Cosine(float(lr), 3 * third)(third + 1)
    slips = {
        "This is a straight fall.": Fraction(2 * lr, 3),
        "The cosine is of the half turn, shifted up.": Fraction(lr, 2),
    }
    return Ask(text, Fraction(value).limit_denominator(1000), slips)


@template("schedule-warmup", "learning-rates", "schedule-warmup")
def schedule_warmup(draw: Random) -> Ask:
    """Ask for a rate within a warm-up."""
    width, share = 10 * draw.randint(1, 20), Fraction(1, 10)
    t = width // 2 + 1
    text = (
        rf"A linear warm-up rises from $s = {share}$ of $\eta = 1$ at $t = 1$ over $w = {width}$ "
        "steps. "
        rf"What is $\eta_t$ at $t = {t}$?"
    )
    slips = {
        "The rise begins at s.": HALF,
        "t is counted from 1.": share + (1 - share) * Fraction(t, width),
    }
    return Ask(text, share + (1 - share) * Fraction(t - 1, width), slips)


@template("schedule-inverse-sqrt", "learning-rates", "schedule-inverse-sqrt")
def schedule_inverse_sqrt(draw: Random) -> Ask:
    """Ask for a rate long after a warm-up."""
    width, times = 100 * draw.randint(1, 40), draw.randint(2, 9)
    text = (
        rf"A warm-up of $w = {width}$ steps leads to $\eta = 1$; then the rate falls as $1/\sqrt "
        "t$. What is "
        rf"$\eta_t$ at $t = {width * times**2}$?"
    )
    value = schedules.InverseSquareRoot(1.0, width)(width * times**2)
    slips = {"The fall is as the root.": Fraction(1, times**2)}
    return Ask(text, Fraction(value).limit_denominator(1000), slips)


@template("schedule-exponential", "learning-rates", "schedule-exponential", by_code=True)
def schedule_exponential(draw: Random) -> Ask:
    """Ask for a rate after many steps of decay."""
    gamma, t = Fraction(draw.randint(90, 99), 100), draw.randint(20, 60)
    text = (
        rf"The rate starts at $\eta_1 = 1$ and is multiplied by ${float(gamma)}$ in each step. "
        "What is "
        rf"$\eta_{{{t}}}$, to four digits?"
    )
    value = schedules.Exponential(1.0, float(gamma))(t)
    return Ask(text, value, {"η₁ is not multiplied yet.": gamma**t})


@template("schedule-best-noisy", "learning-rates", "schedule-best-noisy")
def schedule_best_noisy(draw: Random) -> Ask:
    """Ask for the best rate under noise."""
    curvature, variance, start, t = (draw.randint(1, 4) for _ in range(4))
    text = (
        rf"On $\lambda x^2/2$ with $\lambda = {curvature}$, gradient noise of variance "
        rf"$\sigma^2 = {variance}$ and $\mathbb{{E}}[x_0^2] = {start}$: what is the best $\eta_t$ "
        "at "
        rf"$t = {t}$?"
    )
    t0 = Fraction(variance, curvature**2 * start)
    slips = {
        "t₀ is missing.": Fraction(1, curvature * t),
        "λ enters squared in t₀.": 1 / (curvature * (t + t0 * curvature)),
    }
    return Ask(text, 1 / (curvature * (t + t0)), slips)


# --- stability, batches ---------------------------------------------------------------------------


@template("adam-stability-limit", "stability", "adam-stability-limit")
def adam_stability_limit(draw: Random) -> Ask:
    """Ask for Adam's limit of stability."""
    beta, sharpness = Fraction(draw.choice([5, 8, 9]), 10), draw.randint(2, 100)
    text = (
        f"The preconditioned curvature has the largest eigenvalue ${sharpness}$. Below which "
        r"$\eta$ is Adam "
        rf"with $\beta_1 = {beta}$ stable?"
    )
    slips = {
        "This is the limit of gradient descent.": Fraction(2, sharpness),
        "This is the limit of heavy-ball momentum.": 2 * (1 + beta) / sharpness,
    }
    return Ask(text, 2 * (1 + beta) / ((1 - beta) * sharpness), slips)


@template("edge-of-stability", "stability", "edge-of-stability")
def edge_of_stability(draw: Random) -> Ask:
    """Ask where the sharpness stops."""
    lr = Fraction(draw.randint(1, 9), draw.choice([10, 100, 1000]))
    text = (
        "Near which value does the sharpness stay in full-batch gradient descent with "
        rf"$\eta = {lr}$?"
    )
    return Ask(text, 2 / lr, {"Stability reaches to 2/η.": 1 / lr})


@template("linear-scaling", "batch-size", "batch-linear-scaling")
def linear_scaling(draw: Random) -> Ask:
    """Ask for the rate of a larger batch."""
    times, lr = draw.choice([4, 9, 16]), Fraction(draw.randint(1, 9), 100)
    text = (
        f"SGD with a batch of 32 trains well at a learning rate of {float(lr)}. Which rate does "
        "linear scaling "
        f"give for a batch of {32 * times}?"
    )
    slips = {
        "This is the rule for Adam.": lr * root(Fraction(times)),
        "A larger batch allows more.": lr / times,
    }
    return Ask(text, lr * times, slips)


@template("sqrt-scaling", "batch-size", "batch-sqrt-scaling")
def sqrt_scaling(draw: Random) -> Ask:
    """Ask for Adam's β₁ at a larger batch."""
    times, beta = draw.choice([4, 9]), Fraction(draw.choice([90, 95, 98]), 100)
    text = (
        rf"Adam with $\beta_1 = {float(beta)}$ goes to a batch ${times}$ times as large. Which "
        r"$\beta_1$ does the "
        "rule of the square root give?"
    )
    slips = {
        "The rate takes the root, 1 − β the factor itself.": 1 - root(Fraction(times)) * (1 - beta),
        "β is the same per step, not per sample.": beta,
    }
    return Ask(text, 1 - times * (1 - beta), slips)


@template("clip-by-value", "batch-size", "clip-by-value", "clip-by-norm")
def clip_by_value(draw: Random) -> Ask:
    """Ask for the length of a gradient that was clipped by value."""
    limit, small = draw.choice([(4, 3), (12, 5), (15, 8), (24, 7)])
    large = limit + draw.randint(1, 50)
    text = (
        rf"The gradient $({large}, {small})$ is clipped by value at $c = {limit}$. How long is it "
        "then?"
    )
    slips = {
        "This clips by norm.": limit,
        "This is its length before.": math.hypot(large, small),
    }
    return Ask(text, root(Fraction(limit**2 + small**2)), slips)


# --- conventions ----------------------------------------------------------------------------------


@template("keras-epsilon", "conventions", "adam-epsilon-hat", by_code=True)
def keras_epsilon(draw: Random) -> Ask:
    """Ask for the first step of Keras' Adam on a small gradient."""
    size = draw.randint(1, 9)
    text = (
        r"`keras.optimizers.Adam` has a learning rate of 0.001 and its default $\varepsilon$ of "
        f"$10^{{-7}}$. How "
        rf"long is its first step for a gradient of ${size} \cdot 10^{{-6}}$, to three digits?"
    )
    g = size * 1e-6
    rule = framework_rule("keras.optimizers.Adam", learning_rate=0.001)
    x, _ = rule.update(0.0, g, rule.init(0.0))
    paper = Adam(0.001, 0.9, 0.999, 1e-7)
    torch = framework_rule("torch.optim.Adam", lr=0.001)
    slips = {
        "Keras adds ε before the correction; this adds it after, as the paper does.": -after(
            paper, [g], 0.0
        )[0],
        "This is PyTorch's, with its default of 1e-8.": -torch.update(0.0, g, torch.init(0.0))[0],
    }
    return Ask(text, -x, slips)


@template("momentum-after-a-drop", "conventions", "momentum-outside")
def momentum_after_a_drop(draw: Random) -> Ask:
    """Ask how PyTorch's momentum answers to a learning rate that drops."""
    g, mu = draw.randint(2, 9), Fraction(1, 2)
    text = (
        "PyTorch's SGD with momentum $1/2$ has the learning rate $1$ in the first step and "
        "$1/10$ in the second; "
        rf"both gradients are ${g}$. How long is the second step?"
    )
    rule = framework_rule(
        "torch.optim.SGD", lr=lambda t: Fraction(1) if t == 1 else TENTH, momentum=mu
    )
    x, state = rule.update(Exact(0), Exact(g), rule.init(Exact(0)))
    y, _ = rule.update(x, Exact(g), state)
    slips = {
        "With the rate inside, the first step is not scaled down: PyTorch has it outside.": mu * g
        + TENTH * g
    }
    return Ask(text, abs(y - x), slips)
