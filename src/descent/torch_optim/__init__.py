"""Any rule as a `torch.optim.Optimizer`.

The rule's lines stay where they are, in `descent.rules`; here are the parameter groups and the
state (`_optimizer`; `_foreign` for PyTorch's own states), the layout in memory (`_buckets`) and the
updates (`_kernels`, `_compiled`). There are three forms:

- By default a step joins small tensors into buckets and cuts large ones into chunks that fit a
  cache, since most rules treat each coordinate by itself; Adam works in place. The parameters'
  memory and the meaning of a missing gradient stay PyTorch's: the fastest form that any script can
  take.
- `flat=True` keeps all parameters in one buffer and all gradients in another, for nets of many
  small tensors. It moves memory, and a missing gradient becomes one of 0; hence to be asked for.
- `compile=True` makes one graph of the rule as it reads, for large nets: with `flat`, at the speed
  of PyTorch's `fused=True`. It needs a compiler and some seconds; hence to be asked for.

`python -m benchmarks.steps` prints what each costs beside PyTorch's own.
"""

from descent._moved import moved
from descent.torch_optim._optimizer import Optimizer

__all__ = ["Optimizer"]

_KERNELS = ("LEAST_EPS", "assign_", "adam_", "sqrt_", "IN_PLACE", "in_place")

__getattr__ = moved(
    __name__,
    {
        "PIECE": f"{__name__}._kernels.CHUNK",
        **{name: f"{__name__}._kernels.{name}" for name in _KERNELS},
        **{name: f"{__name__}._optimizer.{name}" for name in ("SMALL", "SCHEDULERS_KEYS")},
    },
)
