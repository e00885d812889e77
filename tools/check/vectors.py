"""Store what Keras and Optax compute, for machines where they are not installed.

`python -m tools.check.vectors` runs every case of `tools.check.parity` in both frameworks and
writes `tests/vectors/keras.npz` and `optax.npz`: the gradients, the points at `CHECKPOINTS`, the
signatures of the optimisers, and, as JSON under "meta", versions, seed and this command. It needs
`pip install keras optax jax`.
"""

import inspect
import json
from typing import Any

import numpy as np

from tools.check import parity


def signature(name: str) -> dict[str, Any]:
    """Return the arguments of a framework's own optimiser with their defaults; "" where none."""
    module, _, attribute = name.rpartition(".")
    optimiser = getattr(__import__(module, fromlist=[attribute]), attribute)
    parameters = inspect.signature(optimiser).parameters.values()
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.name != "params"]
    return {p.name: _storable(p.default) for p in named}


def _storable(default: Any) -> Any:
    """Return a default value as JSON holds it; a dtype, in words."""
    if default is inspect.Parameter.empty:
        return ""
    return str(default) if isinstance(default, type) else default


def store(name: str) -> None:
    """Write the vectors of one framework."""
    cases = [case for case in parity.CASES if parity.framework(case) == name]
    arrays: dict[str, Any] = {
        parity.key(case, dtype): parity.live(case, dtype)[parity.CHECKPOINTS]
        for case in cases
        for dtype in parity.DTYPES
    }
    meta = {
        "command": "python -m tools.check.vectors",
        "seed": parity.SEED,
        "versions": parity.versions("numpy", *parity.FRAMEWORKS[name][1]),
        "checkpoints": parity.CHECKPOINTS,
        "signatures": {case.name: signature(case.name) for case in cases},
    }
    start, gradients = parity.hostile()
    parity.VECTORS.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        parity.VECTORS / f"{name}.npz",
        meta=np.array(json.dumps(meta)),
        start=start,
        gradients=gradients,
        **arrays,
    )


if __name__ == "__main__":
    store("keras")
    store("optax")
