"""One learning rate for all widths: initial weights and rates by layer (maximal update, μP).

A wide model is compared with a narrow one of the same make, its base. Where nothing is wider
nothing changes, so that a rate which is best for the base is meant for the wide one too.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from descent import _check

__all__ = ["KINDS", "mup_", "mup_groups"]

KINDS = ("adam", "sgd")
"""Rules that divide each entry of the gradient by its size, and rules that do not."""

_OUT_IN = (nn.Linear, nn.modules.conv._ConvNd, nn.MultiheadAttention)  # weights (out, in, ...)
_TRANSPOSED = (nn.Embedding, nn.modules.conv._ConvTransposeNd)  # weights (in, out, ...)
_DRAWN = (nn.Linear, nn.modules.conv._ConvNd)  # biases of a variance of 1/shape[1] of the weight


def mup_(model: nn.Module, base: nn.Module) -> nn.Module:
    """Give each layer the initial variance of μP, once, before training.

    PyTorch draws weights and biases with a variance of 1/inputs. A weight that reads the width and
    does not write it, that of the last layer as a rule, is divided by √k, where k is how many times
    the base's inputs it has; other weights stay. Biases of linear layers and convolutions are
    multiplied by √k, and so have the variance that they have in the base.

    Args:
        model: as it was built.
        base: the same model at the width at which the rate was tuned; its weights are not read.

    Returns:
        The model, changed in place.

    Raises:
        ValueError: base is another model, or a weight is of a layer whose inputs are not known.

    Source:
        Yang et al. (2021), table 3.
    """
    read = [(p, k) for p, k, written in _ratios(model, base) if written == 1 and p.dim() > 1]
    biases = _biases(model, base)
    with torch.no_grad():
        for p, k in read:
            p.div_(k**0.5)
        for p, k in biases.items():
            p.mul_(k**0.5)
    return model


def mup_groups(
    model: nn.Module, base: nn.Module, lr: float, kind: str = "adam", weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Return parameter groups with a rate each, for an optimiser of PyTorch or of this package.

    With r times the base's inputs and q times its outputs, a weight has 1/r of the rate with Adam
    and q/r of it with SGD; a bias or gain counts as a weight with one input. A group's decay is
    such that rate times decay is the same for all; biases and gains have none. `lr_scale` is what
    `train.fit` multiplies a schedule by.

    Args:
        model: whose parameters are trained.
        base: the same model at the width at which the rate was tuned; its weights are not read.
        lr: the rate that was best for the base.
        kind: one of `KINDS`.
        weight_decay: of the base, times the rate as in PyTorch's AdamW.

    Raises:
        ValueError: an argument is outside its range, base is another model, or a weight is of a
            layer whose inputs are not known.

    Source:
        Yang et al. (2021), table 3.

    >>> narrow, wide = (nn.Sequential(nn.Linear(8, n), nn.Linear(n, 2)) for n in (16, 64))
    >>> [group["lr"] for group in mup_groups(wide, narrow, lr=0.5)]
    [0.5, 0.125]
    """
    _check.not_negative("lr", lr)
    _check.not_negative("weight_decay", weight_decay)
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    found: defaultdict[tuple[float, bool], list[Tensor]] = defaultdict(list)
    for p, reads, wider in _ratios(model, base):
        scale = 1 / reads if kind == "adam" else wider / reads
        found[scale, bool(weight_decay) and p.dim() > 1].append(p)
    return [
        {"params": params, "lr": lr * scale, "lr_scale": scale}
        | ({"weight_decay": weight_decay / scale * decays} if weight_decay else {})
        for (scale, decays), params in found.items()
    ]


def _biases(model: nn.Module, base: nn.Module) -> dict[Tensor, float]:
    """Return the biases that PyTorch drew by the weight beside, with k of that."""
    partners = dict(base.named_modules())
    return {
        layer.bias: layer.weight.shape[1] / partners[name].weight.shape[1]
        for name, layer in model.named_modules()
        if isinstance(layer, _DRAWN) and layer.bias is not None and layer.bias.requires_grad
    }


def _ratios(model: nn.Module, base: nn.Module) -> Iterator[tuple[Tensor, float, float]]:
    """Yield each parameter with how many times the base's inputs and outputs it has."""
    known: dict[int, tuple[float, float]] = {}
    layers, partners = dict(model.named_modules()), dict(base.named_modules())
    for name, layer in layers.items():
        own, others = (
            dict(m.named_parameters(recurse=False)) if m is not None else {}
            for m in (layer, partners.get(name))
        )
        is_same = type(partners.get(name)) is type(layer)
        if not is_same or own.keys() != others.keys():
            raise ValueError(
                f"base must have the layers of model, but not in {name or 'the top'!r}"
            )
        for key, p in own.items():
            full = f"{name}.{key}".lstrip(".")
            ratios = _ratio(full, layer, tuple(p.shape), tuple(others[key].shape))
            if known.setdefault(id(p), ratios) != ratios:
                raise ValueError(
                    f"model must not share {full} between layers that read and write the width"
                )
    for p in model.parameters():
        if p.requires_grad:
            yield p, *known[id(p)]


def _ratio(
    name: str, module: nn.Module, shape: tuple[int, ...], base: tuple[int, ...]
) -> tuple[float, float]:
    """Return how many times the base's inputs and outputs a parameter has."""
    if len(shape) != len(base):
        raise ValueError(f"base must have a {name} of {len(shape)} axes, got {len(base)}")
    if len(shape) < 2:
        return 1.0, (shape[0] / base[0] if shape else 1.0)
    first, second = shape[0] / base[0], shape[1] / base[1]
    if isinstance(module, _TRANSPOSED):
        return first, second
    if isinstance(module, _OUT_IN) or first == second == 1:
        return second, first
    raise ValueError(
        f"model must have its weights in Linear, convolutions, Embedding or MultiheadAttention; "
        f"which axis of {name} in {type(module).__name__} are inputs is not known"
    )
