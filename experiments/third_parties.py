"""Identify optimisers that nobody here wrote: `python -m experiments.third_parties`.

It needs the packages that `THIRDS` names, in an environment of their own, and writes
`book/results/third-parties.json` after each: what it is meant to be and what it is found to be. It
goes on where it stopped; those that are named on the command line are identified anew. Where a
source differs from its paper, `seen` says how, after a look at it by hand.
"""

import importlib
import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from types import ModuleType
from typing import Any

from descent.identify import identify
from descent.identify._report import not_run

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results" / "third-parties.json"


@dataclass(frozen=True)
class Third:
    """An optimiser from a package of the registry.

    Attributes:
        package: its name in the registry.
        path: of the class or function.
        paper: the rule that its documentation names.
        hyper: arguments other than its defaults.
        seen: how its source differs from the paper, with file and line; empty where it does not.
    """

    package: str
    path: str
    paper: str
    hyper: tuple[tuple[str, Any], ...] = ()
    seen: str = ""


def third(package: str, path: str, paper: str, seen: str = "", **hyper: Any) -> Third:
    """Return an optimiser with these arguments."""
    return Third(package, path, paper, tuple(hyper.items()), seen)


THIRDS = (
    third("timm", "timm.optim.lion.Lion", "lion"),
    third(
        "timm",
        "timm.optim.rmsprop_tf.RMSpropTF",
        "rmsprop",
        "rmsprop_tf.py:143 begins v at 1, as TensorFlow does",
    ),
    third("timm", "timm.optim.sgdw.SGDW", "momentum", lr=0.1, momentum=0.9, weight_decay=0.01),
    third("timm", "timm.optim.nadam.NAdamLegacy", "nadam"),
    third(
        "timm",
        "timm.optim.radam.RAdamLegacy",
        "radam",
        "radam.py:103 has an ε, added before the correction",
    ),
    third("timm", "timm.optim.adamw.AdamWLegacy", "adamw"),
    third("timm", "timm.optim.adabelief.AdaBelief", "optax.adabelief", rectify=False),
    third("timm", "timm.optim.adan.Adan", "optax.adan"),
    third("timm", "timm.optim.adopt.Adopt", "adopt"),
    third("timm", "timm.optim.lamb.Lamb", "optax.lamb"),
    third("timm", "timm.optim.lars.Lars", "optax.lars", lr=0.1, momentum=0.9, weight_decay=0.01),
    third("timm", "timm.optim.nvnovograd.NvNovoGrad", "optax.novograd"),
    third("timm", "timm.optim.adafactor.Adafactor", "adafactor"),
    third("timm", "timm.optim.madgrad.MADGRAD", "madgrad"),
    third("timm", "timm.optim.laprop.LaProp", "laprop"),
    third(
        "timm",
        "timm.optim.muon.Muon",
        "muon",
        "muon.py:321: a matrix with a side below 4 is left to AdamW",
    ),
    third(
        "torch_optimizer",
        "torch_optimizer.RAdam",
        "radam",
        "radam.py:177 has an ε, added before the correction",
    ),
    third(
        "torch_optimizer",
        "torch_optimizer.Yogi",
        "optax.yogi",
        "yogi.py:111 begins m at 10⁻⁶",
    ),
    third("torch_optimizer", "torch_optimizer.AdaBelief", "optax.adabelief"),
    third("torch_optimizer", "torch_optimizer.Lamb", "optax.lamb"),
    third("torch_optimizer", "torch_optimizer.NovoGrad", "optax.novograd"),
    third("torch_optimizer", "torch_optimizer.Adafactor", "adafactor"),
    third(
        "torch_optimizer",
        "torch_optimizer.SGDW",
        "momentum",
        "sgdw.py:121 takes η λ from every coordinate, whatever x is: no decay",
        momentum=0.9,
        weight_decay=0.01,
    ),
    third("torch_optimizer", "torch_optimizer.AdamP", "adamp"),
    third("torch_optimizer", "torch_optimizer.DiffGrad", "diffgrad"),
    third("torch_optimizer", "torch_optimizer.QHM", "qhm", lr=0.1, momentum=0.9, nu=0.7),
    third("torch_optimizer", "torch_optimizer.AccSGD", "accsgd"),
    third("torch_optimizer", "torch_optimizer.PID", "pid"),
    third("pytorch-optimizer", "pytorch_optimizer.Lion", "lion"),
    third("pytorch-optimizer", "pytorch_optimizer.AdaBelief", "optax.adabelief"),
    third("pytorch-optimizer", "pytorch_optimizer.AdaMax", "adamax"),
    third("pytorch-optimizer", "pytorch_optimizer.NAdam", "nadam"),
    third(
        "pytorch-optimizer",
        "pytorch_optimizer.RAdam",
        "radam",
        "radam.py:38 and base/optimizer.py:344: x stays where it is while ρ_t < 5",
    ),
    third("pytorch-optimizer", "pytorch_optimizer.Adan", "optax.adan"),
    third("pytorch-optimizer", "pytorch_optimizer.ADOPT", "adopt"),
    third(
        "pytorch-optimizer",
        "pytorch_optimizer.Yogi",
        "optax.yogi",
        "yogi.py:96 begins m at 10⁻⁶",
    ),
    third("pytorch-optimizer", "pytorch_optimizer.AdaDelta", "adadelta"),
    third("pytorch-optimizer", "pytorch_optimizer.QHAdam", "qhadam"),
    third("pytorch-optimizer", "pytorch_optimizer.LaProp", "laprop"),
    third("pytorch-optimizer", "pytorch_optimizer.NovoGrad", "optax.novograd"),
    third("pytorch-optimizer", "pytorch_optimizer.SignSGD", "lion"),
    third(
        "pytorch-optimizer",
        "pytorch_optimizer.SGDW",
        "momentum",
        lr=0.1,
        momentum=0.9,
        weight_decay=0.01,
    ),
    third("pytorch-optimizer", "pytorch_optimizer.Muon", "muon"),
    third("pytorch-optimizer", "pytorch_optimizer.AdaFactor", "adafactor"),
    third("pytorch-optimizer", "pytorch_optimizer.Lamb", "optax.lamb"),
    third("pytorch-optimizer", "pytorch_optimizer.LARS", "optax.lars"),
    third("pytorch-optimizer", "pytorch_optimizer.FTRL", "keras.optimizers.Ftrl"),
    third("pytorch-optimizer", "pytorch_optimizer.Prodigy", "optax.contrib.prodigy"),
    third("pytorch-optimizer", "pytorch_optimizer.AdEMAMix", "optax.contrib.ademamix"),
    third("pytorch-optimizer", "pytorch_optimizer.Tiger", "tiger"),
    third("pytorch-optimizer", "pytorch_optimizer.StableAdamW", "stableadamw"),
    third("pytorch-optimizer", "pytorch_optimizer.MADGRAD", "madgrad"),
    third("pytorch-optimizer", "pytorch_optimizer.AdamP", "adamp"),
    third("pytorch-optimizer", "pytorch_optimizer.DiffGrad", "diffgrad"),
    third("lion-pytorch", "lion_pytorch.Lion", "lion"),
    third(
        "adabelief-pytorch",
        "adabelief_pytorch.AdaBelief",
        "optax.adabelief",
        print_change_log=False,
    ),
    third("adan-pytorch", "adan_pytorch.Adan", "optax.adan"),
    third("prodigyopt", "prodigyopt.Prodigy", "optax.contrib.prodigy"),
    third(
        "schedulefree",
        "schedulefree.SGDScheduleFreeReference",
        "optax.contrib.schedule_free_sgd",
    ),
    third(
        "schedulefree",
        "schedulefree.AdamWScheduleFreeReference",
        "optax.contrib.schedule_free_adamw",
    ),
    third("qhoptim", "qhoptim.pyt.QHAdam", "qhadam"),
    third("qhoptim", "qhoptim.pyt.QHM", "qhm", lr=0.1, momentum=0.9, nu=0.7),
    third("adabound", "adabound.AdaBound", "adabound"),
    third("torch-optimi", "optimi.Adam", "adam", lr=1e-3),
    third("torch-optimi", "optimi.AdamW", "adamw", lr=1e-3),
    third("torch-optimi", "optimi.Lion", "lion", lr=1e-4),
    third("torch-optimi", "optimi.RAdam", "radam", lr=1e-3),
    third("torch-optimi", "optimi.SGD", "momentum", lr=0.1, momentum=0.9),
    third("torch-optimi", "optimi.Adan", "optax.adan", lr=1e-3),
    third("torch-optimi", "optimi.StableAdamW", "stableadamw", lr=1e-3),
    third("muon-optimizer", "muon.SingleDeviceMuon", "muon"),
    third("madgrad", "madgrad.MADGRAD", "madgrad"),
    third("came-pytorch", "came_pytorch.CAME", "came", lr=1e-3),
    third(
        "optax",
        "optax.adan",
        "optax.adan",
        "transform.py:666 and 674 weigh the change of the gradient by 1 − b2, which is 0.08; "
        "timm's adan.py:231 and 235 by β₂, which is 0.92",
        learning_rate=0.01,
    ),
    third("optax", "optax.contrib.ademamix", "optax.contrib.ademamix", learning_rate=0.01),
    third("optax", "optax.contrib.sophia", "sophia", learning_rate=0.01),
    third("optax", "optax.contrib.adopt", "adopt", learning_rate=0.01),
    third("optax", "optax.contrib.simplified_ademamix", "simplified-ademamix", learning_rate=0.01),
    third("torchopt", "torchopt.adam", "adam", lr=0.01),
    third("torchopt", "torchopt.rmsprop", "rmsprop", lr=0.01),
)
"""What is identified."""


def made(one: Third) -> Any:
    """Return the class, a function from parameters, or a transformation."""
    home, _, name = one.path.rpartition(".")
    if home.startswith("timm.optim"):  # without its models, which need torchvision
        for parent in ("timm", "timm.optim"):
            package = sys.modules.setdefault(parent, ModuleType(parent))
            package.__path__ = [str(distribution("timm").locate_file(parent.replace(".", "/")))]
    thing = getattr(importlib.import_module(home), name)
    hyper = dict(one.hyper)
    if home.startswith(("optax", "torchopt")):
        return thing(**hyper)

    def begun(params: Any) -> Any:
        optimizer = thing(params, **hyper)
        if home == "schedulefree":
            optimizer.train()  # it is asked for before the first step
        return optimizer

    return begun if hyper or home == "schedulefree" else thing


def row(one: Third) -> dict[str, Any]:
    """Return what an optimiser is meant to be and what it is found to be."""
    try:
        report = identify(made(one))
    except Exception as error:  # an optimiser that runs elsewhere alone
        report = not_run(f"{type(error).__name__}: {error}")
    found = asdict(report)
    kept = ("verdict", "names", "misprint", "hyper", "dead", "notes", "summary")
    return {
        "package": one.package,
        "version": version(one.package),
        "path": one.path,
        "hyper": dict(one.hyper),
        "paper": one.paper,
        "found": {name: found[name] for name in kept},
    }


def write(rows: dict[str, dict[str, Any]]) -> None:
    """Write the rows in the order of the list, each with what was seen in its source."""
    content = {
        "command": "python -m experiments.third_parties",
        "versions": {name: version(name) for name in ("descent-to-adam", "numpy", "torch", "jax")},
        "rows": [rows[one.path] | {"seen": one.seen} for one in THIRDS if one.path in rows],
    }
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(paths: list[str]) -> None:
    """Identify the named optimisers anew, or those that are missing, and write after each."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    rows = {one["path"]: one for one in kept if one["path"] not in paths}
    for one in THIRDS:
        if one.path not in rows:
            rows[one.path] = row(one)
            write(rows)
            print(one.path, rows[one.path]["found"]["summary"], flush=True)
    write(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
