"""The loop of Accelerate."""

from accelerate import Accelerator
from torch.nn.functional import cross_entropy

from descent.torch_optim import Optimizer
from examples.beyond.problem import EPOCHS, RULE, loader, loss_of, net


def train() -> float:
    """Train, and return the loss at the end."""
    # page-begin
    accelerator = Accelerator(cpu=True)
    model = net()
    optimizer = Optimizer(model.parameters(), RULE)
    model, optimizer, batches = accelerator.prepare(model, optimizer, loader())
    for _ in range(EPOCHS):
        for x, y in batches:
            optimizer.zero_grad()
            accelerator.backward(cross_entropy(model(x), y))
            optimizer.step()
    # page-end
    return loss_of(model)
