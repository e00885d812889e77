"""Training: one loop for a laptop's CPU, a GPU, or several processes.

`fit` trains a model of PyTorch with any rule of the book; `python -m descent.train --help` does it
from the command line, under `torchrun` as it stands.

- `loop` has `fit` and `evaluate`;
- `workers` what several processes tell each other;
- `checkpoint` the files;
- `command` the command line.
"""

from descent.train.loop import Callback, History, Loss, NonFiniteLossError, evaluate, fit

__all__ = ["Callback", "History", "Loss", "NonFiniteLossError", "evaluate", "fit"]
