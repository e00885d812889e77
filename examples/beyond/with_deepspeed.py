"""The engine of DeepSpeed, which shards the optimiser's state (ZeRO, stage 1)."""

import os

import deepspeed
from torch.nn.functional import cross_entropy

from descent.torch_optim import Optimizer
from examples.beyond.problem import EPOCHS, RULE, loader, loss_of, net

ALONE = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
ALONE |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}


def train() -> float:
    """Train, and return the loss at the end."""
    os.environ.update(ALONE)  # as its launcher does
    # page-begin
    model = net()
    optimizer = Optimizer(model.parameters(), RULE)
    config = {"train_batch_size": 64, "zero_optimization": {"stage": 1}}
    config |= {"zero_allow_untested_optimizer": True}
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    for _ in range(EPOCHS):
        for x, y in loader():
            engine.backward(cross_entropy(engine(x), y))
            engine.step()
    # page-end
    return loss_of(model)
