"""The optimisers of torchtitan: its container, which its trainer steps and saves."""

import functools
from dataclasses import dataclass

from torch.nn.functional import cross_entropy
from torchtitan.components.optimizer import OptimizersContainer, ParamGroupConfig

from descent.torch_optim import Optimizer
from examples.beyond.problem import EPOCHS, RULE, loader, loss_of, net


# page-begin
class Container(OptimizersContainer):
    """Torchtitan's optimisers, the rules of the book among them."""

    @dataclass(kw_only=True, slots=True)
    class Config(OptimizersContainer.Config):
        """What is configured is the same."""

    @staticmethod
    def _resolve_optimizer_factory(name):
        return functools.partial(Optimizer, rule={"NAdam": RULE}[name])


def train() -> float:
    """Train, and return the loss at the end."""
    model = net()
    every = ParamGroupConfig(pattern=".*", optimizer_name="NAdam")
    config = Container.Config(param_groups=[every], implementation="for-loop")
    optimizer = Container(config, model_parts=[model])
    # page-end
    for _ in range(EPOCHS):
        for x, y in loader():
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())  # as its checkpoints do
    return loss_of(model)
