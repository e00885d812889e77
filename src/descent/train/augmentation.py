"""Random changes of the images of a batch, made where they lie, on a GPU too.

What is drawn comes from PyTorch's generator of the device. `fit` seeds it for each step, so a run
that is resumed sees the images that it would have seen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descent import _check

__all__ = ["Augmentation", "cropped", "flipped", "cut_out"]


@dataclass(frozen=True)
class Augmentation:
    """Pad and crop, flip, cut out: each image by itself, each time anew.

    Args:
        crop: pixels of padding on each side, of which a window as large as the image is cut. As
            images have mean 0, the padding of zeros is of the mean colour. He et al. have 4.
        flip: whether left and right are swapped with probability ½; not for digits and letters.
        cutout: the side in pixels of a square that is set to 0, its middle at a random pixel, so
            that it may stick out. DeVries and Taylor have 16 for CIFAR-10.

    Raises:
        ValueError: crop or cutout is not a whole number of at least 0.

    Source:
        He, Zhang, Ren and Sun (2016), section 4.2, for the first two; DeVries and Taylor (2017) for
        the third.

    >>> flipped = Augmentation(flip=True)(torch.tensor([[[[1.0, 2.0]]]]))
    >>> flipped.shape, sorted(flipped.flatten().tolist())
    (torch.Size([1, 1, 1, 2]), [1.0, 2.0])
    """

    crop: int = 0
    flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        _check.each_field(self, {"crop": _check.count, "cutout": _check.count})

    def __call__(self, x: Tensor) -> Tensor:
        """Return images, shape (N, channels, rows, columns), that were changed; x stays."""
        x = cropped(x, self.crop) if self.crop else x
        x = flipped(x) if self.flip else x
        return cut_out(x, self.cutout) if self.cutout else x


def cropped(x: Tensor, padding: int) -> Tensor:
    """Return a random window of each padded image, as large as the image."""
    padded = nn.functional.pad(x, [padding] * 4).permute(0, 2, 3, 1)
    each, rows, columns = (torch.arange(n, device=x.device) for n in (len(x), *x.shape[2:]))
    down, right = torch.randint(2 * padding + 1, (2, len(x), 1), device=x.device)
    windows = padded[each[:, None, None], (down + rows)[:, :, None], (right + columns)[:, None]]
    return windows.permute(0, 3, 1, 2)


def flipped(x: Tensor) -> Tensor:
    """Return images of which half, chosen at random, are mirrored."""
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(3), x)


def cut_out(x: Tensor, side: int) -> Tensor:
    """Return images each with a square of zeros around a random pixel."""
    inside = []
    for size in x.shape[2:]:
        start = torch.randint(size, (len(x), 1), device=x.device) - side // 2
        place = torch.arange(size, device=x.device)
        inside.append((place >= start) & (place < start + side))
    rows, columns = inside
    return x.masked_fill((rows[:, :, None] & columns[:, None])[:, None], 0)
