"""Training: one loop for a laptop's CPU, a GPU, or several processes.

`fit` trains a model of PyTorch with any rule of the book; `python -m descent.train --help` does it
from the command line, under `torchrun` as it stands.

- `loop` has `fit` and `evaluate`;
- `optimizers` what decays, what a rule for matrices takes, and a rate for each rule to begin with;
- `width` initial weights and rates by layer, so that one rate serves all widths;
- `augmentation` random changes of the images;
- `workers` what several processes tell each other;
- `checkpoint` the files, `saved` the networks in them, `logs` what is written down on the way;
- `command` the command line, `uses` its `evaluate`, `predict` and `plot`.
"""

from descent.train.loop import Callback, History, Loss, NonFiniteLossError, evaluate, fit

__all__ = ["Callback", "History", "Loss", "NonFiniteLossError", "evaluate", "fit"]
