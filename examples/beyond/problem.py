"""What every loop trains: a network that learns another's answers, from the same batches."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descent.rules import NAdam

RULE = NAdam(lr=1e-2)
EPOCHS = 5


def net() -> nn.Module:
    """Return the network, with the same weights each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))


def loader() -> DataLoader[tuple[torch.Tensor, ...]]:
    """Return the batches, in the same order each time."""
    generator = torch.Generator().manual_seed(1)
    x, teacher = (torch.randn(n, 16, generator=generator) for n in (512, 4))
    return DataLoader(TensorDataset(x, (x @ teacher.T).argmax(1)), batch_size=64)


def loss_of(model: nn.Module) -> float:
    """Return the loss over all batches."""
    with torch.no_grad():
        losses = [nn.functional.cross_entropy(model(x), y) for x, y in loader()]
    return float(torch.stack(losses).mean())
