"""The networks of the chapters: MLP, AlexNet-lite, VGG-lite, ResNet-lite, a transformer, in torch.

Each is small enough to train on a laptop's CPU. The transformer takes a text, the others images of
8×8 (digits), 28×28 (MNIST) and 32×32 (CIFAR-10) pixels. `get` finds one by its name;
the names are those of the command line.

>>> net = get("resnet-8", image=(1, 8, 8))
>>> count(net), net(torch.zeros(5, 1, 8, 8)).shape
(75002, torch.Size([5, 10]))
"""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from descent import _check, _own_data

__all__ = [
    "Image",
    "LENGTH",
    "DEPTHS",
    "names",
    "get",
    "count",
    "mlp",
    "autoencoder",
    "alexnet_lite",
    "vgg_lite",
    "Block",
    "resnet_lite",
    "Attention",
    "TransformerLayer",
    "Transformer",
    "transformer",
    "he_",
    "OPTIONS",
    "PRESETS",
    "FOR_TEXT",
]

Image = tuple[int, int, int]
"""Channels, rows and columns of an image."""

LENGTH = _own_data.LENGTH
"""Characters of a text that the transformer sees at once: those of a piece of a data set."""

DEPTHS = (8, 14, 20, 32, 44, 56)
"""Depths of the residual nets that have a name; any 6n + 2 can be built."""


def names() -> list[str]:
    """Return the names of the networks."""
    return list(PRESETS)


def get(
    name: str, image: tuple[int, ...] | None = None, classes: int = 10, **options: Any
) -> nn.Module:
    """Return a new network by its name, with PyTorch's initial weights.

    Args:
        name: one of `names()`.
        image: channels, rows and columns of an image, at least 8 rows and as many columns, by
            default (1, 28, 28); for the transformer the characters of a text, by default (64,).
        classes: how many logits it returns.
        options: what the network's function takes besides, such as `width=2`.

    Raises:
        ValueError: no network has that name, it has no such option, or an argument is outside its
            range.

    >>> count(get("resnet-20", width=2)), count(get("mlp", hidden=(32,)))
    (1073386, 25450)
    """
    if name not in PRESETS:
        raise ValueError(f"name must be one of {', '.join(PRESETS)}, got {name!r}")
    known = [option for option in OPTIONS if option in inspect.signature(PRESETS[name]).parameters]
    if unknown := sorted(options.keys() - set(known)):
        raise ValueError(f"options of {name} must be among {known}, got {unknown}")
    return PRESETS[name](
        image or ((LENGTH,) if name in FOR_TEXT else (1, 28, 28)), classes, **options
    )


def count(model: nn.Module) -> int:
    """Return how many parameters are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def mlp(
    image: Image = (1, 28, 28),
    classes: int = 10,
    hidden: Sequence[int] = (512, 256),
    dropout: float = 0.0,
    width: float = 1.0,
) -> nn.Module:
    """Return a multilayer perceptron, with ReLU between its dense layers.

    784-512-256-10 for MNIST has 535,818 parameters; 3072-512-256-10 for CIFAR-10 has 1,707,274.

    Args:
        image: as in `get`.
        classes: how many logits it returns.
        hidden: the widths of the hidden layers.
        dropout: the probability of dropping an output of a hidden layer, in [0, 1).
        width: a factor of the widths.

    Raises:
        ValueError: an argument is outside its range.

    >>> count(mlp()), count(mlp((1, 8, 8), hidden=(128, 64)))
    (535818, 17226)
    """
    _check_sizes(image, classes)
    for each in hidden:
        _check.positive_count("hidden", each)
    widths = [math.prod(image), *_scaled(hidden, width), classes]
    return nn.Sequential(nn.Flatten(), *_dense(widths, _relu(dropout)))


def autoencoder(image: Image = (1, 8, 8), code: int = 6) -> nn.Module:
    """Return a deep autoencoder with tanh: images in, flat images out, through a narrow middle.

    64-128-64-32-6-32-64-128-64 for the digits has 37,766 parameters. Such nets are a classic hard
    problem for an optimiser: deep, narrow in the middle, and without normalisation.

    Args:
        image: as in `get`.
        code: the width of the middle.

    Raises:
        ValueError: an argument is outside its range.

    Source:
        Sutskever, Martens, Dahl and Hinton (2013), section 3, for the kind of problem; the widths
        are ours.

    >>> count(autoencoder())
    37766
    """
    _check_sizes(image, 1)
    _check.positive_count("code", code)
    pixels = math.prod(image)
    widths = [pixels, 128, 64, 32, code, 32, 64, 128, pixels]
    return nn.Sequential(nn.Flatten(), *_dense(widths, nn.Tanh))


def alexnet_lite(
    image: Image = (1, 28, 28), classes: int = 10, dropout: float = 0.0, width: float = 1.0
) -> nn.Module:
    """Return five convolutions and three dense layers, as AlexNet has them, a hundredth as large.

    Kept: the order of the layers, ReLU, the max pooling after convolutions 1, 2 and 5. Left out:
    the 11×11 filters of stride 4, which need images of 224 pixels, the two groups of channels, the
    overlap of the pooling and the local response normalisation. Dropout takes the inputs of the
    first two dense layers, as in torchvision; the paper takes their outputs. An image of fewer than
    16 rows is not pooled a third time. Parameters: 241,834 for 8×8, 303,274 for 28×28 in grey,
    389,866 for 32×32 in colour.

    Args:
        image: as in `get`.
        classes: how many logits it returns.
        dropout: the probability of dropping an input of the first two dense layers, in [0, 1);
            AlexNet has 0.5.
        width: a factor of the widths of all layers but the last.

    Raises:
        ValueError: an argument is outside its range.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), sections 3.5 and 4.2.
    """
    _check_sizes(image, classes)
    _check.decay_rate("dropout", dropout)
    deep = image[1] >= 16
    a, b, c, *hidden = _scaled((32, 64, 96, 192, 128), width)
    convolutions = nn.Sequential(
        *(*_convolution(image[0], a), nn.MaxPool2d(2), *_convolution(a, b), nn.MaxPool2d(2)),
        *(*_convolution(b, c), *_convolution(c, b), *_convolution(b, b)),
        *((nn.MaxPool2d(2),) if deep else ()),
    )
    pixels = b * math.prod(side // (8 if deep else 4) for side in image[1:])
    dense = _dense([pixels, *hidden, classes], dropout=dropout)
    return nn.Sequential(convolutions, nn.Flatten(), *dense)


def vgg_lite(
    image: Image = (1, 28, 28), classes: int = 10, dropout: float = 0.0, width: float = 1.0
) -> nn.Module:
    """Return pairs of 3×3 convolutions with max pooling between, then two dense layers.

    VGG's idea is kept: two 3×3 convolutions see 5×5 pixels, with fewer weights and one more ReLU
    than a 5×5 one. Three pairs, of 32, 64 and 128 channels; two for images of fewer than 16 rows.
    Parameters: 99,178 for 8×8, 435,306 for 28×28 in grey, 550,570 for 32×32 in colour.

    Args:
        image: as in `get`.
        classes: how many logits it returns.
        dropout: the probability of dropping an output of the hidden dense layer, in [0, 1).
        width: a factor of the widths of all layers but the last.

    Raises:
        ValueError: an argument is outside its range.

    Source:
        Simonyan and Zisserman (2015), sections 2.1 and 2.3.
    """
    _check_sizes(image, classes)
    *widths, hidden = _scaled((32, 64, 128, 128) if image[1] >= 16 else (32, 64, 128), width)
    layers: list[nn.Module] = []
    for before, after in zip((image[0], *widths), widths, strict=False):
        layers += [*_convolution(before, after), *_convolution(after, after), nn.MaxPool2d(2)]
    pixels = widths[-1] * math.prod(side // 2 ** len(widths) for side in image[1:])
    dense = _dense([pixels, hidden, classes], _relu(dropout))
    return nn.Sequential(*layers, nn.Flatten(), *dense)


class Block(nn.Module):
    """Two 3×3 convolutions with batch normalisation, and what came in added to what comes out.

    Where the number of channels doubles the rows and columns halve, and the shortcut takes every
    second pixel and fills the new channels with zeros: it has no parameters.

    Args:
        before: channels that come in.
        after: channels that go out, `before` or twice as many.
        shortcut: whether what came in is added.

    Source:
        He, Zhang, Ren and Sun (2016), section 3.3, option A, and figure 2.
    """

    def __init__(self, before: int, after: int, shortcut: bool = True) -> None:
        super().__init__()
        self.stride, self.new = after // before, after - before
        self.shortcut = shortcut
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, self.stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(body(x) + x), or relu(body(x)) without the shortcut."""
        out = self.body(x)
        return torch.relu(out + self._carried(x) if self.shortcut else out)

    def _carried(self, x: Tensor) -> Tensor:
        if not self.new:
            return x
        return nn.functional.pad(
            x[:, :, :: self.stride, :: self.stride], (0, 0) * 2 + (0, self.new)
        )


def resnet_lite(
    image: Image = (3, 32, 32),
    classes: int = 10,
    depth: int = 8,
    shortcuts: bool = True,
    width: float = 1.0,
) -> nn.Module:
    """Return the residual net for small images, or the plain net of the same parameters.

    One convolution, then n blocks each of 16, 32 and 64 channels, then the mean over the pixels and
    one dense layer: 6n + 2 layers with weights. On 32×32 in colour, depth 8 has 75,290 parameters,
    depth 20 has 269,722, depth 56 has 853,018, with shortcuts or without.

    Args:
        image: as in `get`.
        classes: how many logits it returns.
        depth: 6n + 2 for a whole n of at least 1.
        shortcuts: whether the blocks add what came in.
        width: a factor of the channels, as in wide residual nets.

    Raises:
        ValueError: an argument is outside its range.

    Source:
        He, Zhang, Ren and Sun (2016), section 4.2.

    >>> [count(resnet_lite(depth=depth)) for depth in (20, 56)]
    [269722, 853018]
    """
    _check_sizes(image, classes)
    if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
        raise ValueError(f"depth must be 6n + 2 for a whole n of at least 1, got {depth!r}")
    n = (depth - 2) // 6
    first = _scaled((16,), width)[0]
    widths = [first] * n + [2 * first] * n + [4 * first] * n
    blocks = [Block(a, b, shortcuts) for a, b in zip([first, *widths], widths, strict=False)]
    stem = (nn.Conv2d(image[0], first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * first, classes))
    return nn.Sequential(*stem, *blocks, *head)


class Attention(nn.Module):
    """Causal attention: each place takes a mean of the values at the places up to it.

    softmax(q kᵀ/√d + mask) v, where q, k and v are linear in what comes in, d is the number of
    channels of a head, and the mask is −∞ for the places to come.

    Args:
        channels: of each place, the same in as out; a multiple of `heads`.
        heads: how many such means there are, each of its own part of the channels.

    Source:
        Vaswani et al. (2017), section 3.2.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(channels, channels, bias=False) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed values, shape (N, length, channels) as x."""
        q, k, v = (self._by_head(layer(x)) for layer in (self.query, self.key, self.value))
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        mixed = scores.masked_fill(later, -math.inf).softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _by_head(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class TransformerLayer(nn.Module):
    """A layer of the transformer: attention, then two dense layers place by place, each added.

    What comes in is normalised for each of the two and added as it was.

    Args:
        channels: as in `Attention`; the dense layers have four times as many between them.
        heads: as in `Attention`.
        dropout: the probability of dropping a channel of what is added.

    Source:
        Radford et al. (2019), section 2.3, for the place of the normalisation.
    """

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        drop = [nn.Dropout(dropout)] if dropout else []
        self.attention = nn.Sequential(nn.LayerNorm(channels), Attention(channels, heads), *drop)
        self.dense = nn.Sequential(
            nn.LayerNorm(channels),
            *(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)),
            *drop,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x with both parts added, shape (N, length, channels)."""
        x = x + self.attention(x)
        return x + self.dense(x)  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """A language model: for each place of a text, logits of the character that follows.

    Args:
        length: how many characters it sees at most.
        classes: how many characters there are.
        channels: of each place between the layers.
        depth: how many layers.
        heads: as in `Attention`.
        dropout: as in `TransformerLayer`.

    Source:
        Radford et al. (2019), section 2.3.
    """

    def __init__(
        self, length: int, classes: int, channels: int, depth: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.characters = nn.Embedding(classes, channels)
        self.places = nn.Embedding(length, channels)
        self.layers = nn.Sequential(
            *(TransformerLayer(channels, heads, dropout) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(channels)
        self.logits = nn.Linear(channels, classes, bias=False)
        for table in (self.characters, self.places):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, shape (N, classes, length), as `cross_entropy` takes them.

        Args:
            x: the numbers of characters, shape (N, length), at most as long as the model sees.

        Raises:
            ValueError: x is longer.
        """
        if x.shape[1] > (length := self.places.num_embeddings):
            raise ValueError(f"x must have at most {length} characters, got {x.shape[1]}")
        places = torch.arange(x.shape[1], device=x.device)
        inside = self.layers(self.characters(x) + self.places(places))
        return self.logits(self.norm(inside)).mT  # type: ignore[no-any-return]


def transformer(
    image: tuple[int, ...] = (LENGTH,),
    classes: int = 100,
    channels: int = 64,
    depth: int = 2,
    heads: int = 4,
    dropout: float = 0.0,
    width: float = 1.0,
) -> Transformer:
    """Return a small causal transformer, a language model of characters.

    It has 116,480 parameters for 100 characters and a length of 64.

    Args:
        image: the length, how many characters it sees at once, as a tuple of one number.
        classes: how many characters there are.
        channels: of each place between the layers.
        depth: how many layers.
        heads: of each attention; the head's channels grow with the width, their number does not.
        dropout: the probability of dropping a channel of what a layer adds, in [0, 1).
        width: a factor of the channels, rounded so that the heads divide them.

    Raises:
        ValueError: an argument is outside its range.

    Source:
        Radford et al. (2019), section 2.3, for the architecture; the sizes are ours.

    >>> count(transformer()), transformer()(torch.zeros(5, 64, dtype=torch.long)).shape
    (116480, torch.Size([5, 100, 64]))
    """
    if len(image) != 1:
        raise ValueError(f"image must be (length,), of a text, for a transformer, got {image!r}")
    sizes = {"length": image[0], "classes": classes, "channels": channels}
    for name, size in (sizes | {"depth": depth, "heads": heads}).items():
        _check.positive_count(name, size)
    _check.decay_rate("dropout", dropout)
    _check.positive("width", width)
    scaled = heads * max(1, round(channels * width / heads))
    return Transformer(image[0], classes, scaled, depth, heads, dropout)


@torch.no_grad()
def he_(model: nn.Module) -> nn.Module:
    """Draw the weights of dense and convolutional layers from N(0, 2/n), set biases to 0.

    n is the number of a unit's inputs. PyTorch's own initial weights have a variance of 1/(3n), so
    what depends on the image loses a factor of at least √6 at each layer with ReLU.

    Returns:
        The model, changed in place.

    Source:
        He, Zhang, Ren and Sun (2015), equation 10.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return model


def _convolution(before: int, after: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, 3, padding=1), nn.ReLU()


def _dense(
    widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, dropout: float = 0.0
) -> list[nn.Module]:
    """Return dense layers with activations between; inputs of all but the last may be dropped."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths[:-1]):
        layers += [nn.Dropout(dropout)] if dropout else []
        layers += [nn.Linear(before, after), activation()]
    return [*layers, nn.Linear(widths[-2], widths[-1])]


def _relu(dropout: float) -> Callable[[], nn.Module]:
    """Return what makes a ReLU, with dropout behind it if asked."""
    _check.decay_rate("dropout", dropout)
    return (lambda: nn.Sequential(nn.ReLU(), nn.Dropout(dropout))) if dropout else nn.ReLU


def _scaled(widths: Sequence[int], factor: float) -> list[int]:
    """Return widths times a factor, at least 1 each."""
    _check.positive("width", factor)
    return [max(1, round(width * factor)) for width in widths]


def _check_sizes(image: Image, classes: int) -> None:
    _check.positive_count("classes", classes)
    if len(image) != 3 or image[0] < 1 or image[1] != image[2] or image[1] < 8:
        raise ValueError(
            f"image must be (channels, rows, columns), square and of at least 8 rows, got {image!r}"
        )


OPTIONS = ("hidden", "dropout", "width")
"""What may be chosen of a network that has a name; not each has all of them."""

PRESETS: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp,
    "alexnet-lite": alexnet_lite,
    "vgg-lite": vgg_lite,
    "transformer": transformer,
    **{f"resnet-{d}": functools.partial(resnet_lite, depth=d) for d in DEPTHS},
    **{f"plain-{d}": functools.partial(resnet_lite, depth=d, shortcuts=False) for d in DEPTHS},
}
"""The networks by name: `resnet-20` has shortcuts, `plain-20` has none."""

FOR_TEXT = ("transformer",)
"""Those that take the characters of a text; the others take images."""
