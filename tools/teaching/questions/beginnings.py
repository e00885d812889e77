"""Questions on descent, derivatives and noise: the first part of the book."""

import math
from fractions import Fraction
from random import Random

from descent.backprop.scalar import Value
from descent.rules import GradientDescent
from tools.teaching.questions.exact import root
from tools.teaching.questions.question import Ask, down, of_rule, template

# --- gradient descent -----------------------------------------------------------------------------


@template("gd-steps", "gradient-descent", "gd-update")
def gd_steps(draw: Random) -> Ask:
    """Ask for a few steps on a parabola."""
    curvature, start, steps = draw.randint(2, 4), draw.randint(2, 9), draw.randint(2, 3)
    lr = Fraction(1, draw.choice([5, 6, 8, 10]))
    text = (
        rf"Gradient descent with $\eta = {lr}$ starts at $x_0 = {start}$ on "
        rf"$f(x) = {curvature}x^2/2$. What is $x_{steps}$?"
    )
    slip = {
        "The gradient is λx: the factor λ is missing.": down(GradientDescent(lr), 1, start, steps)
    }
    return of_rule(
        text, GradientDescent(lr), lambda rule: down(rule, curvature, start, steps), slip
    )


@template("gd-steps-by-code", "gradient-descent", "gd-update", by_code=True)
def gd_steps_by_code(draw: Random) -> Ask:
    """Ask for many steps on a parabola."""
    lr, start, steps = Fraction(draw.randint(2, 9), 1000), draw.randint(2, 9), 40
    text = (
        rf"Write gradient descent. Start at $x_0 = {start}$ on $f(x) = x^2$ with "
        rf"$\eta = {float(lr)}$. What is $x_{{{steps}}}$, to four digits?"
    )
    return of_rule(text, GradientDescent(lr), lambda rule: down(rule, 2, start, steps))


@template("gd-error-factor", "gradient-descent", "gd-error-factor")
def gd_error_factor(draw: Random) -> Ask:
    """Ask for the factor of the error along one eigenvector."""
    lr, curvature, steps = Fraction(1, draw.randint(5, 9)), draw.randint(1, 3), draw.randint(2, 4)
    text = (
        rf"On a quadratic, with $\eta = {lr}$: by which factor is the error along an eigenvector "
        "of "
        rf"curvature $\lambda = {curvature}$ multiplied in {steps} steps?"
    )
    factor = 1 - lr * curvature
    slips = {
        "This is the factor of one step.": factor,
        "The sign in 1 − ηλ is wrong.": (1 + lr * curvature) ** steps,
    }
    return Ask(text, factor**steps, slips)


@template("gd-stability-limit", "gradient-descent", "gd-stability-limit")
def gd_stability_limit(draw: Random) -> Ask:
    """Ask for the largest step size."""
    low, high = draw.randint(1, 4), draw.randint(5, 40)
    text = (
        rf"A quadratic has the curvatures ${low}$ and ${high}$. Below which $\eta$ does gradient "
        "descent converge from every start?"
    )
    slips = {
        "This is 1/L; convergence reaches to 2/L.": Fraction(1, high),
        "The steepest direction decides, not the flattest.": Fraction(2, low),
        "This is the step size that is best.": Fraction(2, low + high),
    }
    return Ask(text, Fraction(2, high), slips)


@template("gd-best-step", "gradient-descent", "gd-best-step")
def gd_best_step(draw: Random) -> Ask:
    """Ask for the best constant step size."""
    low, high = draw.randint(1, 4), draw.randint(5, 40)
    text = (
        rf"The curvatures of a quadratic lie between $\ell = {low}$ and $L = {high}$, both "
        "attained. "
        r"Which constant $\eta$ makes the slowest direction as fast as can be?"
    )
    slips = {
        "This is the limit of stability.": Fraction(2, high),
        "This is 1/L.": Fraction(1, high),
        "The factor 2 is missing.": Fraction(1, low + high),
    }
    return Ask(text, Fraction(2, low + high), slips)


@template("gd-best-factor", "gradient-descent", "gd-best-step")
def gd_best_factor(draw: Random) -> Ask:
    """Ask for the error factor at the best step size."""
    kappa = draw.randint(3, 60)
    text = (
        rf"What is the worst error factor of a step of gradient descent at the best constant step "
        rf"size, if the condition number is $\kappa = {kappa}$?"
    )
    slips = {
        "This is the factor at η = 1/L.": 1 - Fraction(1, kappa),
        "Momentum has √κ here; gradient descent has κ.": (kappa**0.5 - 1) / (kappa**0.5 + 1),
    }
    return Ask(text, Fraction(kappa - 1, kappa + 1), slips)


@template("gd-descent-lemma", "gradient-descent", "gd-descent-lemma")
def gd_descent_lemma(draw: Random) -> Ask:
    """Ask for the decrease that is guaranteed."""
    bound, norm = draw.randint(2, 8), draw.randint(2, 6)
    lr = Fraction(1, bound) * draw.choice([Fraction(1, 2), Fraction(3, 4), Fraction(3, 2)])
    text = (
        rf"The curvature of $f$ is at most $L = {bound}$ and the gradient has the length ${norm}$. "
        rf"By how much does one step with $\eta = {lr}$ lower $f$ at least?"
    )
    slips = {
        "This leaves the curvature out.": lr * norm**2,
        "The factor ½ of the second-order term is missing.": lr * (1 - lr * bound) * norm**2,
        "The gradient's length enters squared.": lr * (1 - lr * bound / 2) * norm,
    }
    return Ask(text, lr * (1 - lr * bound / 2) * norm**2, slips)


@template("gd-convex-bound", "gradient-descent", "gd-convex-bound", "gd-convex-worst-case")
def gd_convex_bound(draw: Random) -> Ask:
    """Ask for the guarantee on convex functions, which has a worst case that is known."""
    bound, distance, steps = draw.randint(2, 9), draw.randint(2, 6), draw.randint(3, 20)
    text = (
        rf"A convex function has curvature at most $L = {bound}$ and a minimum at distance "
        rf"${distance}$ from the start. How far above the minimum is gradient descent with "
        rf"$\eta = 1/L$ after {steps} steps at most, over all such functions? (Not a bound: the "
        "worst case itself.)"
    )
    square = bound * distance**2
    slips = {
        "This is the usual bound, about twice the worst case.": Fraction(square, 2 * steps),
        "The distance enters squared.": Fraction(bound * distance, 4 * steps + 2),
    }
    return Ask(text, Fraction(square, 4 * steps + 2), slips)


@template("gd-steps-needed", "gradient-descent", "gd-error-factor", "gd-best-step", by_code=True)
def gd_steps_needed(draw: Random) -> Ask:
    """Ask how many steps a condition number costs."""
    kappa = draw.randint(10, 90)
    text = (
        rf"A quadratic has the curvatures $1$ and ${kappa}$, and gradient descent runs at the best "
        r"constant step size from $(1, 1)$. After how many steps is the distance from the minimum "
        r"at most $10^{-6}$ for the first time?"
    )
    factor, steps = Fraction(kappa - 1, kappa + 1), 0
    size = root(Fraction(2))
    while size > 1e-6:
        size, steps = size * float(factor), steps + 1
    return Ask(text, Fraction(steps), {"This is one step too few.": steps - 1})


# --- derivatives ----------------------------------------------------------------------------------


@template("backprop-by-hand", "backpropagation", "backprop-chain-rule")
def backprop_by_hand(draw: Random) -> Ask:
    """Ask for a derivative on a graph in which a value is used twice."""
    a, b = draw.randint(2, 6), draw.randint(2, 6)
    text = (
        rf"Let $u = xy$ and $f = u^2 + ux$, at $x = {a}$, $y = {b}$. What is "
        r"$\partial f/\partial x$? Go backwards through the graph."
    )
    x, y = Value(Fraction(a)), Value(Fraction(b))
    u = x * y
    f = u**2 + u * x
    f.backward()
    slips = {
        "x is used twice: the parts of both uses are added.": (2 * u.data + x.data) * y.data,
        "The part of u² is missing.": x.data * y.data + u.data,
    }
    return Ask(text, x.grad, slips)


@template("backprop-of-the-middle", "backpropagation", "backprop-chain-rule")
def backprop_of_the_middle(draw: Random) -> Ask:
    """Ask for the derivative that a value in the middle of a graph holds."""
    a, b, c = draw.randint(1, 5), draw.randint(1, 5), draw.randint(2, 5)
    text = (
        rf"Let $u = x + y$, $v = ux$ and $f = v^2/2$, at $x = {a}$, $y = {b}$. Backpropagation "
        rf"starts from $f$ with the derivative ${c}$ instead of $1$. Which number does it leave at "
        r"$u$?"
    )
    x, y = Value(Fraction(a)), Value(Fraction(b))
    u = x + y
    v = u * x
    f = v**2 / 2 * c
    f.backward()
    slips = {
        "Backpropagation started from 1 here.": u.grad / c,
        "This is the number at v.": v.grad,
    }
    return Ask(text, u.grad, slips)


@template("softmax-gradient", "backpropagation", "backprop-softmax-cross-entropy")
def softmax_gradient(draw: Random) -> Ask:
    """Ask for the gradient of softmax and cross-entropy at the class that is right."""
    ratios = [draw.randint(1, 9) for _ in range(3)]
    logits = ", ".join(rf"\log {ratio}" for ratio in ratios)
    text = (
        f"A classifier puts out the logits $z = ({logits})$, and the first class is right. What "
        "is "
        r"the derivative of the cross-entropy with respect to $z_1$?"
    )
    p = Fraction(ratios[0], sum(ratios))
    slips = {
        "This is p: the 1 of the class that is right is not subtracted.": p,
        "The sign is wrong.": 1 - p,
        "This is the derivative of p itself.": p * (1 - p),
    }
    return Ask(text, p - 1, slips)


@template("softmax-gradient-of-another", "backpropagation", "backprop-softmax-cross-entropy")
def softmax_gradient_of_another(draw: Random) -> Ask:
    """Ask for the same at a class that is wrong."""
    ratios = [draw.randint(1, 9) for _ in range(3)]
    logits = ", ".join(rf"\log {ratio}" for ratio in ratios)
    text = (
        f"A classifier puts out the logits $z = ({logits})$, and the first class is right. What "
        "is "
        r"the derivative of the cross-entropy with respect to $z_2$?"
    )
    p = Fraction(ratios[1], sum(ratios))
    return Ask(text, p, {"1 is subtracted at the class that is right alone.": p - 1})


@template("backprop-weights-of-a-layer", "backpropagation", "backprop-linear")
def backprop_weights_of_a_layer(draw: Random) -> Ask:
    """Ask for an entry of a layer's gradient."""
    x = [[draw.randint(-3, 3) for _ in range(2)] for _ in range(2)]
    g = [[draw.randint(-3, 3) for _ in range(2)] for _ in range(2)]
    text = (
        rf"A layer computes $Y = XW$ for two samples, $X = {_matrix(x)}$, and "
        rf"$\partial f/\partial Y = {_matrix(g)}$. What is $\partial f/\partial W_{{12}}$?"
    )
    answer = sum(x[row][0] * g[row][1] for row in range(2))
    slips = {
        "This is the entry (2, 1): X enters transposed.": sum(
            x[row][1] * g[row][0] for row in range(2)
        ),
        "X is not transposed here.": sum(x[0][k] * g[k][1] for k in range(2)),
    }
    return Ask(text, Fraction(answer), slips)


def _matrix(rows: list[list[int]]) -> str:
    """Return a matrix as LaTeX."""
    body = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


@template("backprop-bias-of-a-layer", "backpropagation", "backprop-linear")
def backprop_bias_of_a_layer(draw: Random) -> Ask:
    """Ask for the gradient of a bias, which is a sum over the batch."""
    g = [draw.randint(1, 9) for _ in range(4)]
    text = (
        "One bias is added to an output of a layer in each of the four samples of a batch. The "
        f"derivatives of $f$ with respect to those outputs are ${', '.join(map(str, g))}$. What is "
        "the derivative with respect to the bias?"
    )
    return Ask(text, Fraction(sum(g)), {"The parts are added, not averaged.": Fraction(sum(g), 4)})


@template("backprop-cost", "backpropagation", "backprop-cost")
def backprop_cost(draw: Random) -> Ask:
    """Ask what forward mode costs more."""
    inputs, outputs = 100 * draw.randint(2, 90), draw.randint(2, 9)
    text = (
        f"A function has {inputs} inputs and {outputs} outputs. How many times as many operations "
        "does its whole Jacobian cost in forward mode as in reverse mode?"
    )
    ratio = Fraction(inputs, outputs)
    return Ask(text, ratio, {"This is the other way round.": 1 / ratio})


@template("central-difference", "checking-gradients", "backprop-central-difference-error")
def central_difference(draw: Random) -> Ask:
    """Ask for the error of a central difference on a cubic."""
    a, x, h = draw.randint(1, 5), draw.randint(1, 4), Fraction(1, draw.choice([2, 4, 10]))
    text = (
        rf"Let $f(x) = {a}x^3$ and $h = {h}$. By how much does the central difference "
        rf"$(f(x+h) - f(x-h))/2h$ exceed $f'(x)$ at $x = {x}$? Without rounding."
    )
    slips = {
        "This is the error of the one-sided difference.": 3 * a * x * h + a * h**2,
        "This is the difference itself.": 3 * a * x**2 + a * h**2,
    }
    return Ask(text, a * h**2, slips)


@template("best-difference-step", "checking-gradients", "backprop-best-difference-step")
def best_difference_step(draw: Random) -> Ask:
    """Ask for the best step of a central difference."""
    size, digits = draw.choice([3, 24, 81]), 3 * draw.randint(3, 5)
    text = (
        rf"Each value of $f$ is off by at most $\delta = 10^{{-{digits}}}$, and $|f'''| \le "
        f"{size}$. "
        "Which $h$ makes the bound on the error of the central difference smallest?"
    )
    answer = (3 * 10.0**-digits / size) ** (1 / 3)
    slips = {
        "The root is the third.": (3 * 10.0**-digits / size) ** 0.5,
        "The factor 3 is missing.": (10.0**-digits / size) ** (1 / 3),
    }
    return Ask(text, answer, slips)


@template("one-sided-difference", "checking-gradients", "backprop-one-sided-difference-error")
def one_sided_difference(draw: Random) -> Ask:
    """Ask for the error of a one-sided difference on a parabola."""
    a, x, h = draw.randint(1, 9), draw.randint(2, 5), Fraction(1, draw.choice([2, 5, 10, 100]))
    text = (
        f"Let $f(x) = {a}x^2$ and $h = {h}$. By how much does $(f(x+h) - f(x))/h$ exceed $f'(x)$ "
        "at "
        rf"$x = {x}$? Without rounding."
    )
    slips = {"A central difference would be exact.": 0, "The error is M₂h/2 = ah.": 2 * a * h}
    return Ask(text, a * h, slips)


@template("he-variance", "deep-networks", "init-he")
def he_variance(draw: Random) -> Ask:
    """Ask for He's variance."""
    rows, columns = 2 ** draw.randint(4, 9), 2 ** draw.randint(4, 9) + 2
    text = (
        f"A layer with ReLU has {rows} inputs and {columns} outputs. Which variance do its weights "
        "have under He's initialisation?"
    )
    slips = {
        "The number of inputs counts, not of outputs.": Fraction(2, columns),
        "This is Glorot's.": Fraction(2, rows + columns),
        "ReLU removes half: the factor 2 is missing.": Fraction(1, rows),
    }
    return Ask(text, Fraction(2, rows), slips)


@template("glorot-variance", "deep-networks", "init-glorot")
def glorot_variance(draw: Random) -> Ask:
    """Ask for Glorot's variance."""
    rows, columns = 2 ** draw.randint(4, 9), 2 ** draw.randint(4, 9) + 2
    text = (
        f"A layer has {rows} inputs and {columns} outputs. Which variance do its weights have "
        "under Glorot's initialisation?"
    )
    slips = {
        "This is He's.": Fraction(2, rows),
        "The factor 2 is missing.": Fraction(1, rows + columns),
    }
    return Ask(text, Fraction(2, rows + columns), slips)


@template("clip-a-gradient", "deep-networks", "backprop-clipping")
def clip_a_gradient(draw: Random) -> Ask:
    """Ask for a component of a clipped gradient."""
    a, b, norm = draw.choice([(3, 4, 5), (5, 12, 13), (8, 15, 17), (7, 24, 25)])
    limit = draw.choice([1, 2, 3])
    text = (
        rf"The gradient is $g = ({a}, {b})$ and is clipped to the norm $\tau = {limit}$. What is "
        "its second component afterwards?"
    )
    slips = {
        "This clips each component by itself.": Fraction(limit),
        "This divides by the norm and forgets τ.": Fraction(b, norm) if limit > 1 else Fraction(b),
        "This is the first component.": Fraction(limit * a, norm),
    }
    return Ask(text, Fraction(limit * b, norm), slips)


@template("gradient-through-layers", "deep-networks", "backprop-gradient-product")
def gradient_through_layers(draw: Random) -> Ask:
    """Ask for the bound on a gradient that passes many layers."""
    layers, size = draw.randint(3, 6), Fraction(draw.choice([1, 3]), 2)
    text = (
        f"Each of {layers} layers has a weight matrix of norm ${size}$ and an activation whose "
        "derivative is at most $1/4$. By which factor is the length of the gradient multiplied at "
        "most, from the last layer's output to the first layer's input?"
    )
    slips = {
        "The derivatives of the activations are missing.": size**layers,
        "This is one layer's factor.": size / 4,
    }
    return Ask(text, (size / 4) ** layers, slips)


# --- noise ----------------------------------------------------------------------------------------


@template("minibatch-variance", "stochastic-gradients", "sgd-minibatch-variance")
def minibatch_variance(draw: Random) -> Ask:
    """Ask for the variance of a gradient of a batch without replacement."""
    samples, batch, variance = draw.randint(20, 60), draw.randint(2, 10), draw.randint(2, 9)
    text = (
        rf"The gradients of ${samples}$ samples have the variance $\sigma^2 = {variance}$. What is "
        f"the variance of the mean of a batch of {batch} that are drawn without replacement?"
    )
    with_replacement = Fraction(variance, batch)
    slips = {
        "This is the variance with replacement.": with_replacement,
        "This is the variance of one sample.": Fraction(variance),
        "The denominator is n − 1.": with_replacement * Fraction(samples - batch, samples),
    }
    return Ask(text, with_replacement * Fraction(samples - batch, samples - 1), slips)


@template("noise-ball", "stochastic-gradients", "sgd-noise-ball")
def noise_ball(draw: Random) -> Ask:
    """Ask for the variance of the cloud."""
    lr, curvature, variance = (
        Fraction(1, draw.randint(3, 10)),
        draw.randint(1, 4),
        draw.randint(1, 9),
    )
    text = (
        rf"Stochastic gradient descent with $\eta = {lr}$ runs for long on $\lambda x^2/2$ with "
        rf"$\lambda = {curvature}$; the noise of the gradient has the variance "
        rf"$\sigma^2 = {variance}$. What is the variance of $x$?"
    )
    slips = {
        "This is the first order in η.": lr * variance / (2 * curvature),
        "η enters once, not squared.": lr**2 * variance / (curvature * (2 - lr * curvature)),
        "The factor λ is missing below.": lr * variance / (2 - lr * curvature),
    }
    return Ask(text, lr * variance / (curvature * (2 - lr * curvature)), slips)


@template("noise-ball-by-code", "stochastic-gradients", "sgd-noise-ball", by_code=True)
def noise_ball_by_code(draw: Random) -> Ask:
    """Ask for the second moment on the way into the cloud."""
    lr, steps, start = Fraction(1, draw.randint(5, 20)), draw.randint(5, 30), draw.randint(2, 5)
    text = (
        rf"On $x^2/2$ with gradient noise of variance $1$, from $x_0 = {start}$ with $\eta = "
        f"{lr}$: "
        rf"what is $\mathbb{{E}}[x_{{{steps}}}^2]$, to four digits? Iterate mean and variance."
    )
    mean, variance = Fraction(start), Fraction(0)
    for _ in range(steps):
        mean, variance = (1 - lr) * mean, (1 - lr) ** 2 * variance + lr**2
    slips = {"This is the variance: the mean is not 0 yet.": variance, "This is the mean²": mean**2}
    return Ask(text, mean**2 + variance, slips)


@template("one-over-t", "stochastic-gradients", "sgd-one-over-t")
def one_over_t(draw: Random) -> Ask:
    """Ask for the error of the rate 1/(λt)."""
    curvature, steps, variance = draw.randint(1, 4), draw.randint(4, 60), draw.randint(2, 9)
    text = (
        rf"On $\lambda x^2/2$ with $\lambda = {curvature}$ and gradient noise of variance "
        rf"$\sigma^2 = {variance}$, with $\eta_t = 1/(\lambda t)$: what is $\mathbb{{E}}[x_t^2]$ "
        rf"after $t = {steps}$ steps?"
    )
    slips = {
        "λ enters squared.": Fraction(variance, curvature * steps),
        "The error of the square falls as 1/t.": Fraction(variance, curvature**2 * steps**2),
    }
    return Ask(text, Fraction(variance, curvature**2 * steps), slips)


@template("averaged-iterates", "stochastic-gradients", "sgd-averaging")
def averaged_iterates(draw: Random) -> Ask:
    """Ask for the mean of the iterates where there is no noise."""
    lr, steps, start = Fraction(1, draw.randint(2, 4)), draw.randint(2, 4), draw.randint(2, 9)
    text = (
        rf"Gradient descent on $x^2/2$ without noise, $x_0 = {start}$, $\eta = {lr}$: what is the "
        rf"mean of $x_0, \dots, x_{{{steps - 1}}}$?"
    )
    xs = [start * (1 - lr) ** t for t in range(steps + 1)]
    slips = {
        "The mean runs to T − 1.": sum(xs) / (steps + 1),
        "This is the last iterate.": xs[steps - 1],
        "The mean begins at x₀.": sum(xs[1:]) / steps,
    }
    return Ask(text, sum(xs[:-1]) / steps, slips)


@template("gd-steps-to-a-thousandth", "gradient-descent", "gd-error-factor", by_code=True)
def gd_steps_to_a_thousandth(draw: Random) -> Ask:
    """Ask how many steps bring an error to a thousandth."""
    product = Fraction(draw.randint(1, 9), 100)
    text = (
        r"The error along an eigenvector is multiplied by $1 - \eta\lambda = "
        f"{float(1 - product)}$ "
        "in each step. After how many steps is it below a thousandth for the first time?"
    )
    steps = math.floor(math.log(1e-3) / math.log(1 - product)) + 1
    slips = {
        "This is one step too few.": steps - 1,
        "This takes exp(−ηλ) for 1 − ηλ.": math.ceil(-math.log(1e-3) / product),
    }
    return Ask(text, Fraction(steps), slips)
