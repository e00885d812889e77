"""The loop of Lightning."""

import lightning as L  # noqa: N812 (its documentation's name)
from torch.nn.functional import cross_entropy

from descent.torch_optim import Optimizer
from examples.beyond.problem import EPOCHS, RULE, loader, loss_of, net

# fmt: off
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
         "enable_model_summary": False}
# fmt: on


# page-begin
class Module(L.LightningModule):
    """What Lightning asks for: a loss and an optimiser."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def training_step(self, batch, index):
        """Return the loss of a batch."""
        x, y = batch
        return cross_entropy(self.net(x), y)

    def configure_optimizers(self):
        """Return the optimiser: any of PyTorch's kind."""
        return Optimizer(self.parameters(), RULE)


def train() -> float:
    """Train, and return the loss at the end."""
    module = Module()
    trainer = L.Trainer(max_epochs=EPOCHS, accelerator="cpu", **QUIET)
    trainer.fit(module, loader())
    # page-end
    return loss_of(module.net)
