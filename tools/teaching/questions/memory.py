"""Questions on momentum, AdaGrad, RMSprop and Adadelta."""

from fractions import Fraction
from random import Random

from descent.rules import Adadelta, AdaGrad, Momentum, Nesterov, RMSprop
from tools.teaching.questions.exact import Exact, root
from tools.teaching.questions.question import (
    TENTH,
    Ask,
    after,
    averaged,
    down,
    listed,
    of_rule,
    template,
    with_exact_roots,
)

# --- momentum -------------------------------------------------------------------------------------


@template("momentum-steps", "momentum", "momentum-update")
def momentum_steps(draw: Random) -> Ask:
    """Ask for three steps of momentum."""
    mu, gradients = Fraction(1, draw.randint(2, 4)), [draw.randint(-5, 6) or 7 for _ in range(3)]
    text = (
        rf"Momentum with $\eta = 1$ and $\mu = {mu}$ starts at $x_0 = 0$. The gradients are "
        rf"${listed(gradients)}$. What is $x_3$?"
    )
    rule = Momentum(lr=1, momentum=mu)
    slips = {
        "This forgets the momentum.": after(Momentum(1, 0), gradients)[0],
        "Here the gradient has the weight 1 − μ.": (1 - mu) * after(rule, gradients)[0],
    }
    return of_rule(text, rule, lambda one: after(one, gradients)[0], slips)


@template("momentum-terminal-velocity", "momentum", "momentum-terminal")
def momentum_terminal_velocity(draw: Random) -> Ask:
    """Ask for the step that momentum tends to."""
    mu, lr, g = (
        Fraction(draw.randint(5, 9), 10),
        Fraction(1, draw.choice([10, 20, 50])),
        draw.randint(2, 6),
    )
    text = (
        rf"The gradient stays ${g}$. To which length do the steps of momentum with $\eta = {lr}$ "
        "and "
        rf"$\mu = {mu}$ tend?"
    )
    slips = {
        "This is the step without momentum.": lr * g,
        "Where the gradient alternates, the factor is 1/(1 + μ).": lr * g / (1 + mu),
    }
    return Ask(text, lr * g / (1 - mu), slips)


@template("momentum-alternating", "momentum", "momentum-terminal", by_code=True)
def momentum_alternating(draw: Random) -> Ask:
    """Ask for a step of momentum where the gradient alternates."""
    mu, g = Fraction(draw.randint(5, 9), 10), draw.randint(2, 6)
    text = (
        rf"Write momentum. The gradients are ${g}, -{g}, {g}, \dots$, with $\eta = 0.1$ and "
        rf"$\mu = {float(mu)}$. How long is step 60, to four digits?"
    )
    gradients = [g * (-1) ** t for t in range(60)]

    def length(rule: Momentum) -> object:
        state = after(rule, gradients)[1]
        return abs(state.d)

    slips = {"Along a constant gradient it would be this.": Fraction(g, 10) / (1 - mu)}
    return of_rule(text, Momentum(TENTH, mu), length, slips)


@template("momentum-critical", "momentum", "momentum-critical")
def momentum_critical(draw: Random) -> Ask:
    """Ask for critical damping."""
    a, b = draw.choice([(1, 4), (1, 9), (4, 9), (1, 16), (9, 16), (4, 25), (9, 25), (16, 25)])
    product = Fraction(a, b)
    text = rf"Which $\mu$ damps a direction with $\eta\lambda = {product}$ critically?"
    slips = {
        "The bracket is squared.": 1 - root(product),
        "The root of ηλ is taken.": (1 - product) ** 2,
    }
    return Ask(text, (1 - root(product)) ** 2, slips)


@template("momentum-stability", "momentum", "momentum-stability")
def momentum_stability(draw: Random) -> Ask:
    """Ask for the stability limit of momentum."""
    mu, bound = Fraction(draw.randint(1, 9), 10), draw.randint(2, 20)
    text = (
        rf"Below which $\eta$ is momentum with $\mu = {mu}$ stable on a quadratic whose largest "
        rf"curvature is ${bound}$?"
    )
    slips = {
        "This is the limit of gradient descent.": Fraction(2, bound),
        "Momentum widens the limit; it does not narrow it.": 2 * (1 - mu) / bound,
    }
    return Ask(text, 2 * (1 + mu) / bound, slips)


@template("momentum-best-mu", "momentum", "momentum-best")
def momentum_best_mu(draw: Random) -> Ask:
    """Ask for the best momentum."""
    a, b = draw.randint(1, 3), draw.randint(4, 9)
    text = (
        rf"The curvatures of a quadratic lie between ${a * a}$ and ${b * b}$, both attained. Which "
        r"$\mu$ is best for momentum?"
    )
    slips = {
        "This is its error factor, √μ.": Fraction(b - a, b + a),
        "The condition number enters under a root.": Fraction(b * b - a * a, b * b + a * a) ** 2,
    }
    return Ask(text, Fraction(b - a, b + a) ** 2, slips)


@template("momentum-best-lr", "momentum", "momentum-best")
def momentum_best_lr(draw: Random) -> Ask:
    """Ask for the step size that goes with the best momentum."""
    a, b = draw.randint(1, 3), draw.randint(4, 9)
    text = (
        rf"The curvatures of a quadratic lie between ${a * a}$ and ${b * b}$, both attained. Which "
        r"$\eta$ is best for momentum?"
    )
    slips = {
        "This is best without momentum.": Fraction(2, a * a + b * b),
        "The bracket is squared.": Fraction(2, a + b),
    }
    return Ask(text, Fraction(2, a + b) ** 2, slips)


@template("nesterov-steps", "momentum", "nesterov-update")
def nesterov_steps(draw: Random) -> Ask:
    """Ask for steps of Nesterov's form."""
    mu, gradients = Fraction(1, draw.randint(2, 4)), [draw.randint(1, 6) for _ in range(3)]
    text = (
        rf"Nesterov's momentum, at the look-ahead point, with $\eta = 1$ and $\mu = {mu}$ starts "
        "at "
        rf"$x_0 = 0$. The gradients are ${listed(gradients)}$. What is $x_3$?"
    )
    return of_rule(text, Nesterov(1, mu), lambda rule: after(rule, gradients)[0])


@template("momentum-noise", "momentum", "momentum-noise")
def momentum_noise(draw: Random) -> Ask:
    """Ask for the variance under noise."""
    mu, lr = Fraction(draw.randint(1, 7), 10), Fraction(1, draw.randint(5, 10))
    text = (
        rf"Momentum with $\eta = {lr}$ and $\mu = {mu}$ runs for long on $x^2/2$; the noise of the "
        "gradient has the variance 1. What is the variance of $x$?"
    )
    slips = {
        "This is the variance without momentum.": lr / (2 - lr),
        "Gradient descent with the step η/(1 − μ) has this one.": (lr / (1 - mu))
        / (2 - lr / (1 - mu)),
    }
    return Ask(text, lr * (1 + mu) / ((1 - mu) * (2 * (1 + mu) - lr)), slips)


TRIPLES = [(3, 4, 5), (4, 3, 5), (5, 12, 13), (12, 5, 13), (8, 15, 17), (15, 8, 17), (7, 24, 25)]
"""Whole sides of right triangles."""

# --- AdaGrad --------------------------------------------------------------------------------------


@template("adagrad-constant-gradient", "adagrad", "adagrad-constant-gradient")
def adagrad_constant_gradient(draw: Random) -> Ask:
    """Ask for a late step of AdaGrad along a constant gradient."""
    side, g = draw.randint(3, 6), draw.randint(2, 9)
    text = (
        rf"The gradient stays ${g}$, and AdaGrad has $\eta = 1$ and $\varepsilon = 0$. How long is "
        f"step {side * side}?"
    )
    return _last_step(
        text,
        AdaGrad(1, 0),
        [g] * side**2,
        {"The sum grows as t: the root is of t.": Fraction(1, side**2)},
    )


def _last_step(text: str, rule: AdaGrad, gradients: list[int], slips: dict[str, object]) -> Ask:
    def length(one: AdaGrad) -> object:
        _, state = after(one, gradients[:-1])
        return abs(one.update(Exact(0), Exact(gradients[-1]), state)[0])

    return of_rule(text, rule, length, slips)


@template("adagrad-two-steps", "adagrad", "adagrad-update")
def adagrad_two_steps(draw: Random) -> Ask:
    """Ask for two steps with exact roots."""
    first, second, _ = draw.choice(TRIPLES)
    text = (
        rf"AdaGrad with $\eta = 1$ and $\varepsilon = 0$ starts at $x_0 = 0$. The gradients are "
        rf"${first}$ and ${second}$. What is $x_2$?"
    )
    return of_rule(text, AdaGrad(1, 0), lambda rule: after(rule, [first, second])[0])


@template("adagrad-sum", "adagrad", "adagrad-update")
def adagrad_sum(draw: Random) -> Ask:
    """Ask for what AdaGrad accumulates."""
    gradients = [draw.randint(-5, 6) or 7 for _ in range(4)]
    text = rf"The gradients are ${listed(gradients)}$. What is AdaGrad's $s_4$?"
    return of_rule(text, AdaGrad(1, 0), lambda rule: after(rule, gradients)[1].s)


@template("adagrad-by-code", "adagrad", "adagrad-update", by_code=True)
def adagrad_by_code(draw: Random) -> Ask:
    """Ask for a step beyond the hundredth."""
    steps, g = draw.randint(105, 130), draw.randint(2, 9)
    text = (
        rf"Write AdaGrad with $\eta = 0.1$ and $\varepsilon = 10^{{-10}}$. The gradient stays "
        f"${g}$. How long is step {steps}, to four digits?"
    )
    return _last_step(text, AdaGrad(0.1, 1e-10), [g] * steps, {})


@template("adagrad-regret", "adagrad", "adagrad-regret")
def adagrad_regret(draw: Random) -> Ask:
    """Ask for AdaGrad's guarantee."""
    first, second, norm = draw.choice([(3, 4, 5), (5, 12, 13), (8, 15, 17)])
    diameter = draw.randint(1, 4)
    text = (
        rf"One coordinate in an interval of length $D = {diameter}$ has the two gradients "
        rf"${first}$ and ${second}$. Which bound does AdaGrad with $\eta = D/2$ have on its regret?"
    )
    share = Fraction(diameter**2, diameter) + Fraction(diameter, 2)
    slips = {
        "This sums the gradients, not the roots of the sums of squares.": share * (first + second),
        "The root is missing.": share * norm**2,
    }
    return Ask(text, share * norm, slips)


# --- RMSprop, Adadelta ----------------------------------------------------------------------------


@template("rmsprop-steps", "rmsprop", "rmsprop-update")
def rmsprop_steps(draw: Random) -> Ask:
    """Ask for two steps of RMSprop with exact roots."""
    rho = Fraction(3, 4)

    def averages(gradients: list[int]) -> list[Fraction]:
        rule = RMSprop(1, rho)
        return [after(rule, gradients[:t])[1].v for t in (1, 2)]

    gradients = with_exact_roots(draw, lambda: [draw.randint(1, 30) for _ in range(2)], averages)
    text = (
        rf"RMSprop with $\eta = 1$ and $\rho = {rho}$ starts at $x_0 = 1$. The gradients are "
        rf"${listed(gradients)}$. What is $x_2$?"
    )
    return of_rule(text, RMSprop(1, rho), lambda rule: after(rule, gradients, start=1)[0])


@template("rmsprop-average", "rmsprop", "rmsprop-update")
def rmsprop_average(draw: Random) -> Ask:
    """Ask for the average of four squared gradients."""
    rho, gradients = Fraction(1, draw.randint(2, 4)), [draw.randint(2, 6) for _ in range(4)]
    text = (
        rf"RMSprop has $\rho = {rho}$, and the gradients are ${listed(gradients)}$. What is $v_4$?"
    )

    def average(rule: RMSprop) -> object:
        return after(rule, gradients, start=1)[1].v

    slips = {"The gradients are squared before they are averaged.": averaged(gradients, rho) ** 2}
    return of_rule(text, RMSprop(1, rho), average, slips)


@template("rmsprop-first-steps", "rmsprop", "rmsprop-first-steps")
def rmsprop_first_steps(draw: Random) -> Ask:
    """Ask for the first step."""
    side, lr = draw.randint(2, 9), Fraction(1, draw.choice([10, 100, 1000]))
    rho = 1 - Fraction(1, side**2)
    text = rf"How long is the first step of RMSprop with $\eta = {lr}$ and $\rho = {rho}$?"
    slips = {
        "Without correction the first step is longer than η.": lr,
        "The root is missing.": lr * side**2,
    }
    return of_rule(
        text, RMSprop(lr, rho), lambda rule: abs(after(rule, [4], start=1)[0] - 1), slips
    )


@template("rmsprop-by-code", "rmsprop", "rmsprop-update", by_code=True)
def rmsprop_by_code(draw: Random) -> Ask:
    """Ask for a run on a parabola."""
    start, steps = draw.randint(2, 6), draw.randint(5, 20)
    text = (
        rf"Write RMSprop with $\eta = 0.01$ and $\rho = 0.9$. Start at $x_0 = {start}$ on $x^2$. "
        "How "
        f"far has it come after {steps} steps, to four digits?"
    )
    rule = RMSprop(Fraction(1, 100), Fraction(9, 10))
    return of_rule(text, rule, lambda one: start - down(one, 2, start, steps))


@template("rmsprop-small-gradient", "rmsprop", "rmsprop-update", by_code=True)
def rmsprop_small_gradient(draw: Random) -> Ask:
    """Ask for the second step along gradients that are small beside the weight."""
    start, size = draw.randint(2, 9), draw.randint(1, 9)
    text = (
        rf"Write RMSprop with $\eta = 0.01$ and $\rho = 0.9$, from $x_0 = {start}$. Two gradients "
        rf"of ${size} \cdot 10^{{-3}}$ come. How far does it come in the two steps, to four digits?"
    )
    gradients = [Fraction(size, 1000)] * 2
    rule = RMSprop(Fraction(1, 100), Fraction(9, 10))
    return of_rule(text, rule, lambda one: start - after(one, gradients, start)[0])


@template("rmsprop-cycle", "rmsprop", "rmsprop-cycle")
def rmsprop_cycle(draw: Random) -> Ask:
    """Ask where RMSprop ends."""
    lr, curvature = Fraction(1, draw.choice([4, 10, 50, 100])), draw.randint(2, 9)
    text = (
        rf"RMSprop with $\eta = {lr}$ runs on $\lambda x^2/2$ with $\lambda = {curvature}$. At "
        "which distance from the minimum does it jump to and fro?"
    )
    slips = {
        "This is the length of the jump.": lr,
        "The curvature cancels.": lr * curvature / 2,
    }
    return Ask(text, lr / 2, slips)


@template("adadelta-second-step", "rmsprop", "adadelta-update", by_code=True)
def adadelta_second_step(draw: Random) -> Ask:
    """Ask for the second step of Adadelta."""
    start = draw.randint(2, 40)
    text = (
        rf"Write Adadelta with $\eta = 1$, $\rho = 0.95$ and $\varepsilon = 10^{{-6}}$. Start at "
        rf"$x_0 = {start}$ on $x^2$. How long is the second step, to three digits?"
    )

    def second(rule: Adadelta) -> object:
        x, state = rule.update(float(start), 2.0 * start, rule.init(float(start)))
        y, _ = rule.update(x, 2 * x, state)
        return abs(y - x)

    return of_rule(text, Adadelta(1.0, 0.95, 1e-6), second)
