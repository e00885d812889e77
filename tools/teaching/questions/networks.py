"""Questions on networks: sizes, losses, contests, and training at scale."""

import math
from fractions import Fraction
from itertools import pairwise
from random import Random

from descent.backprop.layers import output_size
from tools.teaching.questions.exact import root
from tools.teaching.questions.question import Ask, template


@template("mlp-parameters", "training-an-mlp", "mlp-parameters")
def mlp_parameters(draw: Random) -> Ask:
    """Ask for the number of parameters of an MLP."""
    sizes = [draw.choice([64, 784]), draw.randint(10, 60), draw.randint(10, 60), 10]
    text = (
        f"A fully connected network has layers of {', '.join(map(str, sizes[:-1]))} and "
        f"{sizes[-1]} units, "
        "the first being the input. How many parameters has it?"
    )
    pairs = list(pairwise(sizes))
    slips = {
        "The biases are missing.": sum(a * b for a, b in pairs),
        "A bias belongs to an output, not to an input.": sum(a * (b + 1) for a, b in pairs),
    }
    return Ask(text, Fraction(sum((a + 1) * b for a, b in pairs)), slips)


@template("uniform-loss", "training-an-mlp", "cross-entropy-uniform")
def uniform_loss(draw: Random) -> Ask:
    """Ask for the loss of a network that knows nothing."""
    classes = draw.randint(3, 200)
    text = (
        f"A classifier of {classes} classes gives all of them the same probability. What is its "
        "cross-entropy, in nats, to four digits?"
    )
    slips = {
        "This is in bits.": math.log2(classes),
        "This is the probability itself.": 1 / classes,
        "This is to the base of 10.": math.log10(classes),
    }
    return Ask(text, math.log(classes), slips)


@template("double-softmax", "training-an-mlp", "cross-entropy-double-softmax")
def double_softmax(draw: Random) -> Ask:
    """Ask for the least loss that a softmax too many allows."""
    classes = draw.randint(3, 100)
    text = (
        f"A network of {classes} classes ends in a softmax, and its loss takes another one. How "
        "low can the loss get at best, to four digits?"
    )
    slips = {
        "Without the second softmax it could reach 0.": 0,
        "This is the loss of equal probabilities.": math.log(classes),
        "The class that is right is not among the K − 1.": math.log(1 + classes / math.e),
    }
    return Ask(text, math.log(1 + (classes - 1) / math.e), slips)


@template("accuracy-error", "training-an-mlp", "accuracy-standard-error")
def accuracy_error(draw: Random) -> Ask:
    """Ask for the standard error of an accuracy."""
    p = draw.choice([Fraction(1, 2), Fraction(4, 5), Fraction(9, 10)])
    side = draw.choice([10, 20, 50, 100])
    text = (
        f"A classifier is right on {float(p)} of ${side**2}$ test samples. What is the standard "
        "error of its accuracy?"
    )
    slips = {
        "This is the variance.": p * (1 - p) / side**2,
        "The number of samples enters under the root.": root(p * (1 - p)) / side**2,
    }
    return Ask(text, root(p * (1 - p)) / side, slips)


@template("conv-output", "alexnet-lite", "conv-output-size")
def conv_output(draw: Random) -> Ask:
    """Ask for the size of what a convolution puts out."""
    size, kernel, stride = draw.randint(20, 64), draw.choice([3, 5, 7, 11]), draw.randint(2, 4)
    padding = draw.randint(0, kernel // 2)
    text = (
        f"A convolution with kernels of side {kernel}, stride {stride} and padding {padding} "
        "takes a picture of side "
        f"{size}. What is the side of its output?"
    )
    slips = {
        "The padding counts on both sides.": (size + padding - kernel) // stride + 1,
        "The 1 is missing.": (size + 2 * padding - kernel) // stride,
        "The kernel is missing.": (size + 2 * padding) // stride,
    }
    return Ask(text, Fraction(output_size(size, kernel, stride, padding)), slips)


@template("conv-parameters", "alexnet-lite", "conv-cost")
def conv_parameters(draw: Random) -> Ask:
    """Ask for the parameters of a convolution."""
    kernel, into, out = draw.choice([1, 3, 5]), draw.choice([3, 16, 32]), draw.choice([16, 32, 64])
    text = (
        f"How many parameters has a convolution with kernels of side {kernel} from {into} to "
        f"{out} channels, with "
        "biases?"
    )
    slips = {
        "The biases are missing.": kernel**2 * into * out,
        "A kernel reaches through all channels of the input.": (kernel**2 + 1) * out,
        "The kernel has two sides.": (kernel * into + 1) * out,
    }
    return Ask(text, Fraction((kernel**2 * into + 1) * out), slips)


@template("conv-multiplications", "alexnet-lite", "conv-cost")
def conv_multiplications(draw: Random) -> Ask:
    """Ask for the multiplications of a convolution."""
    kernel, into, out, side = (
        draw.choice([3, 5]),
        draw.choice([3, 8]),
        draw.choice([16, 32]),
        draw.choice([8, 16]),
    )
    text = (
        f"A convolution with kernels of side {kernel} from {into} to {out} channels puts out maps "
        f"of side {side}. "
        "How many multiplications does it make for one picture?"
    )
    weights = kernel**2 * into * out
    slips = {
        "Each weight is used at each place of the output.": weights,
        "The output has two sides.": weights * side,
    }
    return Ask(text, Fraction(weights * side**2), slips)


@template("receptive-field", "resnet-lite", "receptive-field")
def receptive_field(draw: Random) -> Ask:
    """Ask how far a unit sees."""
    layers = [(draw.choice([3, 5]), draw.choice([1, 2])) for _ in range(3)]
    listed = ", ".join(f"{kernel} (stride {stride})" for kernel, stride in layers)
    text = (
        f"Three convolutions follow each other, with kernels of side {listed}. How wide is the "
        "patch of the input that a unit of the last one sees?"
    )
    seen, step = 1, 1
    for kernel, stride in layers:
        seen, step = seen + (kernel - 1) * step, step * stride
    slips = {
        "The strides before a layer widen it.": 1 + sum(kernel - 1 for kernel, _ in layers),
        "The sides are not added: neighbours overlap.": sum(kernel for kernel, _ in layers),
    }
    return Ask(text, Fraction(seen), slips)


@template("vgg-stack", "resnet-lite", "vgg-stack")
def vgg_stack(draw: Random) -> Ask:
    """Ask what small kernels save."""
    count, channels = draw.randint(2, 4), draw.choice([16, 32, 64])
    text = (
        f"{count} convolutions of side 3 see as far as one of side {2 * count + 1}; all have "
        f"{channels} channels and no "
        "biases. How many parameters do the small ones have, as a share of the large one's?"
    )
    share = Fraction(9 * count, (2 * count + 1) ** 2)
    slips = {
        "This is one of the small ones.": share / count,
        "This is the other way round.": 1 / share,
    }
    return Ask(text, share, slips)


@template("residual-bounds", "resnet-lite", "residual-gradient-bounds")
def residual_bounds(draw: Random) -> Ask:
    """Ask how far a residual network may shrink a gradient."""
    blocks, norm = draw.randint(2, 4), Fraction(1, draw.randint(2, 5))
    text = (
        f"Each of {blocks} residual blocks has a branch whose Jacobian has norm ${norm}$ at "
        "most. Which share of its length does a gradient keep at least on its way through them?"
    )
    slips = {
        "Without the shortcut it may fall to this, or lower.": norm**blocks,
        "This is the upper bound.": (1 + norm) ** blocks,
    }
    return Ask(text, (1 - norm) ** blocks, slips)


@template("sign-flips", "comparing-optimisers", "sign-flip-floor")
def sign_flips(draw: Random) -> Ask:
    """Ask for the least p-value of so many seeds."""
    seeds = draw.randint(3, 10)
    text = (
        f"Two optimisers are compared on {seeds} seeds by flipping the signs of the differences, "
        "on both sides. How small can the p-value get?"
    )
    slips = {"Both extremes count: the test has two sides.": Fraction(1, 2**seeds)}
    return Ask(text, Fraction(2, 2**seeds), slips)


@template("paired-t", "comparing-optimisers", "paired-t")
def paired_t(draw: Random) -> Ask:
    """Ask for a paired t."""
    middle, gap = draw.randint(1, 9), draw.randint(1, 4)
    differences = [
        middle - gap,
        middle + gap,
        middle,
        middle - gap,
        middle + gap,
        middle,
        middle,
        middle,
        middle,
    ]
    text = (
        f"Nine seeds give the differences ${', '.join(map(str, differences))}$ in accuracy, in "
        "percentage points. What is Student's paired $t$?"
    )
    deviation = root(Fraction(4 * gap**2, 8))
    t = 3 * middle / float(deviation)
    slips = {
        "The deviation is divided by n − 1, not by n.": 3 * middle / math.sqrt(4 * gap**2 / 9),
        "The root of n is missing.": t / 3,
    }
    return Ask(text, t, slips)


@template("memory-mixed", "adam-at-scale", "scale-memory-mixed")
def memory_mixed(draw: Random) -> Ask:
    """Ask for the memory of mixed precision."""
    billions = draw.randint(1, 70)
    text = (
        f"A model of {billions} billion parameters trains with Adam in mixed precision: weights "
        "and gradients in 16 bits, the master copy and Adam's averages in 32. How many gigabytes "
        "($10^9$ bytes) does that take?"
    )
    slips = {
        "Adam keeps three numbers of four bytes: the master copy, m and v.": 12 * billions,
        "The weights and gradients in 16 bits are missing, and so is the master copy.": 8
        * billions,
    }
    return Ask(text, Fraction(16 * billions), slips)


@template("roofline", "adam-at-scale", "adam-roofline")
def roofline(draw: Random) -> Ask:
    """Ask for the least time of a step."""
    millions, bandwidth = 100 * draw.randint(1, 90), 100 * draw.randint(2, 30)
    text = (
        f"A step of Adam in float32 on {millions} million parameters: how many milliseconds does "
        "it take at least where "
        f"the memory moves {bandwidth} GB/s?"
    )
    answer = Fraction(28 * millions * 10**6, bandwidth * 10**9) * 1000
    slips = {
        "x, m and v are written too: 28 bytes, not 16.": answer * Fraction(16, 28),
        "This is one array read once.": answer * Fraction(4, 28),
    }
    return Ask(text, answer, slips)


@template("float16-second-moment", "adam-at-scale", "float16-second-moment")
def float16_second_moment(draw: Random) -> Ask:
    """Ask for the gradient that float16 forgets."""
    side = draw.randint(5, 40)
    beta = 1 - Fraction(1, side**2)
    text = (
        rf"Adam keeps $v$ in float16, with $\beta_2 = {beta}$. Up to which size of the first "
        "gradient does $v_1$ round to 0, to three digits?"
    )
    answer = 2**-12.5 * side
    slips = {
        "The least float16 above 0 is 2⁻²⁴, and half of it rounds to 0: 2⁻²⁵ under the root.": 2
        ** -12
        * side,
        "This leaves β₂ out.": 2**-12.5,
    }
    return Ask(text, answer, slips)


@template("loss-scale", "adam-at-scale", "loss-scale-epsilon")
def loss_scale(draw: Random) -> Ask:
    """Ask which ε a loss scale acts as."""
    power = draw.randint(4, 16)
    text = (
        f"The loss is multiplied by $2^{{{power}}}$ and the gradients are not divided again "
        "before Adam with "
        r"$\varepsilon = 10^{-8}$. Which $\varepsilon$ would act alike without the scale?"
    )
    slips = {
        "A larger gradient makes ε smaller beside it.": 1e-8 * 2**power,
        "The scale does not cancel in ε.": 1e-8,
    }
    return Ask(text, 1e-8 / 2**power, slips)


@template("average-stall", "adam-at-scale", "average-stall")
def average_stall(draw: Random) -> Ask:
    """Ask how far off a rounded average may stay."""
    bits, digits = draw.choice([8, 11, 24]), draw.randint(1, 3)
    text = (
        rf"An average with $\beta = {1 - 10.0**-digits:g}$ is kept in a format with $p = {bits}$ "
        "bits. Within which share of itself does it stop before its limit at most?"
    )
    share = Fraction(10**digits, 2**bits)
    slips = {
        "This is the rounding of one number.": Fraction(1, 2**bits),
        "β slows, and so widens it: 1/(1 − β).": Fraction(1, 2**bits * 10**digits),
    }
    return Ask(text, share, slips)


@template("accumulation", "a-batch-in-parts", "gradient-accumulation")
def accumulation(draw: Random) -> Ask:
    """Ask for the gradient of a batch in parts of different size."""
    sizes = [draw.randint(2, 9), draw.randint(10, 20)]
    means = [draw.randint(1, 9), draw.randint(10, 20)]
    text = (
        f"A batch is taken in two parts, of {sizes[0]} and {sizes[1]} samples; the means of their "
        "gradients are "
        f"{means[0]} and {means[1]}. What is the gradient of the batch?"
    )
    answer = Fraction(sum(b * g for b, g in zip(sizes, means, strict=True)), sum(sizes))
    slips = {
        "The parts are weighted by their sizes.": Fraction(sum(means), 2),
        "This is the sum.": sum(means),
    }
    return Ask(text, answer, slips)


@template("ring-traffic", "a-batch-in-parts", "allreduce-ring-traffic")
def ring_traffic(draw: Random) -> Ask:
    """Ask what each process sends."""
    processes, millions, width = (
        2 ** draw.randint(1, 5),
        10 * draw.randint(1, 50),
        draw.choice([2, 4]),
    )
    text = (
        f"{processes} processes average {millions} million gradients of {width} bytes in a ring. "
        "How many megabytes ($10^6$ bytes) does each send?"
    )
    answer = Fraction(2 * (processes - 1) * width * millions, processes)
    slips = {
        "The sum travels round, and the result once more.": answer / 2,
        "Each sends to all others here.": (processes - 1) * width * millions,
    }
    return Ask(text, answer, slips)


@template("zero-memory", "a-batch-in-parts", "zero-memory")
def zero_memory(draw: Random) -> Ask:
    """Ask what dividing the optimiser's state leaves to each process."""
    processes, billions = draw.choice([2, 3, 4, 6, 8, 12]), draw.randint(1, 40)
    text = (
        f"Adam's state and the master copy of {billions} billion parameters are divided among "
        f"{processes} processes; "
        "weights and gradients in 16 bits are not. How many gigabytes ($10^9$ bytes) does each "
        "hold?"
    )
    slips = {
        "All is divided here.": Fraction(16 * billions, processes),
        "Nothing is divided here.": 16 * billions,
    }
    return Ask(text, (4 + Fraction(12, processes)) * billions, slips)


@template("clip-scaled", "the-loop", "clip-scaled")
def clip_scaled(draw: Random) -> Ask:
    """Ask what is left of a gradient that is clipped before it is unscaled."""
    scale, length, threshold = 2 ** draw.randint(6, 16), draw.randint(3, 9), draw.choice([1, 2])
    text = (
        f"The loss is multiplied by {scale}, and its gradient, of length {length} without that, is "
        f"clipped to the length {threshold} before it is divided by {scale}. How long is it then?"
    )
    slips = {
        "It is clipped before it is divided.": length,
        "This is its length before the division.": threshold,
    }
    return Ask(text, Fraction(threshold, scale), slips)


@template("shampoo-memory", "matrices", "shampoo-kronecker")
def shampoo_memory(draw: Random) -> Ask:
    """Ask how much Shampoo remembers of a matrix."""
    rows, columns = (2 ** draw.randint(4, 8), 2 ** draw.randint(9, 12))
    text = (
        f"How many numbers do the two matrices of Shampoo hold for a layer of {rows} by {columns} "
        "weights?"
    )
    slips = {
        "This is one for each pair of weights: AdaGrad in full.": (rows * columns) ** 2,
        "This is one for each weight: the diagonal.": rows * columns,
    }
    return Ask(text, Fraction(rows**2 + columns**2), slips)


@template("linear-decay-rate", "schedules-to-the-end", "linear-decay-last")
def linear_decay_rate(draw: Random) -> Ask:
    """Ask for a rate of the line to zero that has the best guarantee."""
    root, distance, bound = draw.randint(3, 9), draw.randint(2, 9), draw.choice([2, 5, 10])
    steps = root**2 - 1
    t = draw.randint(2, steps - 1)
    text = (
        f"Subgradients have a length of at most $G = {bound}$, and the start is at most "
        rf"$D = {distance}$ from a minimiser. What is $\eta_{{{t}}}$ in a run of $T = {steps}$ "
        "steps whose last point has the best guarantee?"
    )
    first = Fraction(distance, bound * root)
    slips = {
        "The rate does not stay: it falls along a line.": first,
        "The line meets zero one step after the last, not at it.": first * (1 - Fraction(t, steps)),
    }
    return Ask(text, first * (1 - Fraction(t, root**2)), slips)


@template("scale-half-life", "scale", "batch-half-life")
def scale_half_life(draw: Random) -> Ask:
    """Ask which decay rate keeps the half-life in examples."""
    beta, k = Fraction(draw.randint(6, 9), 10), draw.choice([2, 3])
    batch = 2 ** draw.randint(3, 8)
    text = (
        rf"A batch of {batch} was trained with $\beta_2 = {beta}$. Which $\beta_2$ has the same "
        rf"half-life in examples with a batch of {k * batch}?"
    )
    slips = {
        "This multiplies 1 − β₂: near it for a β₂ close to 1.": 1 - k * (1 - beta),
        "This half-life is the same in steps.": beta,
    }
    return Ask(text, beta**k, slips)


@template("scale-last-layer", "scale", "mup-scales")
def scale_last_layer(draw: Random) -> Ask:
    """Ask for the rate of the last layer of a wide network."""
    k = draw.choice([2, 4, 8, 16])
    text = (
        "Adam's best rate for a network of width 64 is $1/100$. Which rate does the last layer of "
        f"one of width {64 * k} have in the maximal update parametrisation?"
    )
    slips = {
        "A layer that reads the width takes a smaller rate.": Fraction(1, 100),
        "A first layer would have this with SGD.": Fraction(k, 100),
    }
    return Ask(text, Fraction(1, 100 * k), slips)
