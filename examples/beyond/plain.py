"""The book's loop, without what `descent.train.fit` adds to it."""

from torch.nn.functional import cross_entropy

from descent.torch_optim import Optimizer
from examples.beyond.problem import EPOCHS, RULE, loader, loss_of, net


def train() -> float:
    """Train, and return the loss at the end."""
    # page-begin
    model = net()
    optimizer = Optimizer(model.parameters(), RULE)
    for _ in range(EPOCHS):
        for x, y in loader():
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
    # page-end
    return loss_of(model)
