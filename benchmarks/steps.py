"""What a step of Adam costs, beside `torch.optim`, Optax and the machine's memory.

`python -m benchmarks.steps` prints one table and the targets, and writes
`book/results/bench-<device>.json`; `--quick` takes some minutes and writes nothing. Variants take
turns, so that a busy machine is busy for all of them; a number is the median of its turns, and a
ratio compares medians of one run. Each number of threads has a process of its own.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import models
from descent import conventions, rules
from descent.conventions import framework_rule
from descent.torch_optim import Optimizer
from descent.torch_optim._buckets import gradients, joined
from descent.torch_optim._kernels import adam_

ROOT = Path(__file__).parent.parent
SEED = 0
BYTES = 28
"""Traffic of Adam per float32 parameter: x, m, v read and written, g read."""

TURN = 0.02
"""Seconds that a turn lasts at least; a short step is repeated."""

PATIENCE = 15
"""Seconds after which a case takes no further turns, if it has had three."""

Row = dict[str, Any]
Step = Callable[[], Any]
Shapes = Sequence[tuple[int, ...]]


class AsItReads(rules.Adam):
    """Adam through the adapter by the rule's operators alone, not in place."""


def optimizers() -> dict[str, Callable[[list[Tensor]], Any]]:
    """Return the variants of Adam by name."""
    adam = rules.Adam()
    return {
        "torch, for-loop": lambda ps: torch.optim.Adam(ps, foreach=False),
        "torch, foreach": lambda ps: torch.optim.Adam(ps, foreach=True),
        "torch, fused": lambda ps: torch.optim.Adam(ps, fused=True),
        "descent, operators": lambda ps: Optimizer(ps, AsItReads()),
        "descent": lambda ps: Optimizer(ps, adam),
        "descent, flat": lambda ps: Optimizer(ps, adam, flat=True),
        "descent, flat, compiled": lambda ps: Optimizer(ps, adam, flat=True, compile=True),
    }


class Bare:
    """The flat form without the adapter: no groups, no hooks, no checks."""

    def __init__(self, params: list[Tensor]) -> None:
        Optimizer(params, rules.Adam(), flat=True)  # lays them out
        self.x, _ = joined(params)
        self.g, _ = joined(gradients(params))
        self.room, self.rule = torch.empty_like(self.x), rules.Adam()
        self.state = self.rule.init(self.x)

    def step(self) -> None:
        """Make one step."""
        self.state = adam_(self.rule, self.x, self.g, self.state, self.room)

    def zero_grad(self) -> None:
        """Fill the gradients with zeros."""
        self.g.zero_()


def parameters(shapes: Shapes, device: str) -> list[Tensor]:
    """Return parameters of these shapes, with gradients."""
    torch.manual_seed(SEED)
    params: list[Tensor] = [nn.Parameter(torch.randn(shape, device=device)) for shape in shapes]
    for p in params:
        p.grad = p.detach().flip(0)
    return params


def optax_step(shapes: Shapes) -> Step:
    """Return a step of optax.adam, compiled, its arguments given away."""
    import jax
    import optax

    keys = jax.random.split(jax.random.key(SEED), len(shapes))
    params = [jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)]
    grads = [jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)]
    optimizer = optax.adam(1e-3)

    def update(params: Any, state: Any, grads: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    jitted = jax.jit(update, donate_argnums=(0, 1))
    memory = [params, optimizer.init(params)]

    def step() -> None:
        memory[:] = jax.block_until_ready(jitted(*memory, grads))

    return step


def bandwidth_step(n: int, device: str) -> Step:
    """Return an operation in place on as much memory as a step of Adam moves: 8 bytes each."""
    x = torch.ones(n * BYTES // 8, device=device)
    return lambda: x.mul_(1.0)


def variants(shapes: Shapes, device: str) -> Iterator[tuple[str, Step]]:
    """Yield the variants that can run here, ready to be timed."""
    yield "roofline", bandwidth_step(sum(map(math.prod, shapes)), device)
    for name, make in optimizers().items():
        yield name, make(parameters(shapes, device)).step
    if importlib.util.find_spec("optax") and device == "cpu":
        yield "optax, jit", optax_step(shapes)
    else:
        say("optax is not installed, or not for this device: left out")


def timed(step: Step, repeats: int, device: str) -> float:
    """Return the seconds that a step takes, as the mean of `repeats`."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def in_turns(steps: dict[str, Step], rounds: int, device: str) -> dict[str, float]:
    """Return the median seconds of each step, over rounds in which each takes a turn."""
    for step in steps.values():
        timed(step, 2, device)  # makes the state, compiles
    repeats = {name: math.ceil(TURN / timed(step, 1, device)) for name, step in steps.items()}
    turns: list[dict[str, float]] = []
    end = time.monotonic() + PATIENCE
    while len(turns) < 3 or (len(turns) < rounds and time.monotonic() < end):
        turns.append({name: timed(step, repeats[name], device) for name, step in steps.items()})
    return {name: statistics.median(turn[name] for turn in turns) for name in steps}


def measure_steps(threads: int, quick: bool, device: str) -> Iterator[Row]:
    """Yield the time of a step, for one tensor of many sizes and for ResNet-50's."""
    sizes = [10**5, 10**6, 10**7] + ([] if quick else [5 * 10**7])
    cases: dict[str, Shapes] = {f"{n:.0e}".replace("e+0", "e"): [(n,)] for n in sizes}
    cases["ResNet-50"] = models.resnet50_shapes()
    for case, shapes in cases.items():
        say(f"{threads} threads, {case}")
        torch.compiler.reset()
        seconds = in_turns(dict(variants(shapes, device)), 3 if quick else 9, device)
        count = sum(map(math.prod, shapes))
        for name, value in seconds.items():
            yield row(case, threads, name, value) | {"ns_per_parameter": value / count * 1e9}


def measure_training(threads: int, quick: bool, device: str) -> Iterator[Row]:
    """Yield the time of a step inside real training, and whether the parameters are PyTorch's."""
    if not importlib.util.find_spec("sklearn"):
        say("scikit-learn, which brings the digits, is not installed: no training")
        return
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32, device=device)
    y = torch.tensor(digits.target, device=device)
    steps = 60 if quick else 600
    for make in (models.mlp, models.resnet8, models.alexnet_lite):
        say(f"{threads} threads, training {make.__name__}")
        nets, trainers = {}, {}
        for name, optimizer in {**optimizers(), "descent, flat, bare": Bare}.items():
            torch.manual_seed(SEED)
            nets[name] = make().to(device)
            trainers[name] = optimizer(list(nets[name].parameters()))
        update, rest = train_in_turns(nets, trainers, x, y, steps, device)
        reference = weights(nets["torch, for-loop"])
        for name, net in nets.items():
            share = update[name] / (update[name] + rest[name])
            same = torch.equal(weights(net), reference)
            extra = {"share": share, "same_bits": same}
            yield row(make.__name__, threads, name, update[name]) | extra


TORCHS = [name for name in conventions.names() if name.startswith("torch.")]
"""PyTorch's optimisers that are rules."""


def measure_rules(threads: int, quick: bool, device: str) -> Iterator[Row]:
    """Yield the time of a step of each of PyTorch's optimisers, and of the rule that it is."""
    for name in TORCHS:
        say(f"{threads} threads, {name}")
        torch.compiler.reset()
        seconds = in_turns(forms_of(name, device), 3 if quick else 9, device)
        for variant, value in seconds.items():
            yield row(name, threads, variant, value)


def forms_of(name: str, device: str) -> dict[str, Step]:
    """Return PyTorch's optimiser and the rule that it is, as they come and compiled."""
    theirs, rule = getattr(torch.optim, name.rpartition(".")[2]), framework_rule(name)
    shapes = [p.shape for p in models.alexnet_lite().parameters()]
    if name == "torch.optim.Muon":  # for matrices alone
        shapes = [shape for shape in shapes if len(shape) == 2]
    made = {
        "torch": theirs(parameters(shapes, device)),
        "torch, compiled": theirs(parameters(shapes, device)),
        "descent": Optimizer(parameters(shapes, device), rule),
        "descent, compiled": Optimizer(
            parameters(shapes, device), rule, flat=rule.elementwise, compile=True
        ),
    }
    steps: dict[str, Step] = {variant: optimizer.step for variant, optimizer in made.items()}
    return steps | {"torch, compiled": torch.compile(made["torch, compiled"].step)}


def train_in_turns(
    nets: dict[str, nn.Module],
    trainers: dict[str, Any],
    x: Tensor,
    y: Tensor,
    steps: int,
    device: str,
) -> tuple[dict[str, float], ...]:
    """Train all nets on the same batches; return the medians of step + zero_grad, and the rest."""
    update: dict[str, list[float]] = {name: [] for name in nets}
    rest: dict[str, list[float]] = {name: [] for name in nets}
    batches = torch.randint(len(x), (steps, 64), generator=torch.Generator().manual_seed(SEED))

    end = time.monotonic() + PATIENCE
    for i, turn in enumerate(torch.split(batches.to(device), 20)):  # the caches hold one net
        if i >= 3 and time.monotonic() > end:
            break
        for name, net in nets.items():
            for batch in turn:
                gradient = partial(backward, net, x[batch], y[batch])
                rest[name].append(timed(gradient, 1, device))
                update[name].append(timed(partial(step_and_zero, trainers[name]), 1, device))
    return tuple({k: statistics.median(v) for k, v in times.items()} for times in (update, rest))


def backward(net: nn.Module, x: Tensor, y: Tensor) -> None:
    """Compute the gradients of a batch."""
    loss: Any = nn.functional.cross_entropy(net(x), y)
    loss.backward()


def step_and_zero(trainer: Any) -> None:
    """Make a step and forget the gradients."""
    trainer.step()
    trainer.zero_grad()


def weights(net: nn.Module) -> Tensor:
    """Return all parameters of a net as one vector."""
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def row(case: str, threads: int, variant: str, seconds: float) -> Row:
    """Return a measurement."""
    return {"case": case, "threads": threads, "variant": variant, "seconds": seconds}


# Targets

LARGE = ("1e7", "5e7")
NETS = ("mlp", "resnet8", "alexnet_lite")
FUSED = {"mlp": 0.8, "resnet8": 0.8, "alexnet_lite": 1.0}
"""What the flat form may take of the time of PyTorch's fused step, inside training."""


def targets(rows: list[Row]) -> Iterator[tuple[str, float, str, float]]:
    """Yield each target: what, the ratio measured, the sign, the bound."""
    seconds = {(r["case"], r["threads"], r["variant"]): r["seconds"] for r in rows}
    loop, fused, flat = "torch, for-loop", "torch, fused", "descent, flat"
    graph = "descent, flat, compiled"

    def ratio(case: str, threads: int, a: str, b: str) -> tuple[str, float]:
        value = seconds[case, threads, a] / seconds[case, threads, b]
        return f"{case}, {threads} threads: {a} / {b}", value

    for case, threads in dict.fromkeys((r["case"], r["threads"]) for r in rows):
        if case in NETS:
            least = 2.0 if case == "alexnet_lite" else 4.0
            for form in (flat, f"{flat}, bare"):
                yield *ratio(case, threads, loop, form), "≥", least
                yield *ratio(case, threads, form, fused), "≤", FUSED[case]
            yield *ratio(case, threads, loop, "descent"), "≥", 1.0
            continue
        if case in TORCHS:
            yield *ratio(case, threads, "descent, compiled", "torch, compiled"), "≤", 1.3
            continue
        if case in ("ResNet-50", "5e7"):
            yield *ratio(case, threads, graph, fused), "≤", 0.8 if case == "ResNet-50" else 1.15
        if case in LARGE:
            yield *ratio(case, threads, "roofline", graph), "≥", 0.8
        yield *ratio(case, threads, loop, "descent"), "≥", 3.0 if case in LARGE else 1.0
    for r in rows:
        if r["variant"] == flat and "same_bits" in r:  # after 60 steps and more
            same = f"{r['case']}, {r['threads']} threads: flat has torch's parameters, to the bit"
            yield same, float(r["same_bits"]), "≥", 1.0


def report(rows: list[Row]) -> str:
    """Return the table of all measurements, in µs, and the targets."""
    names = list(dict.fromkeys(r["variant"] for r in rows))
    columns = list(dict.fromkeys((r["case"], r["threads"]) for r in rows))
    seconds = {(r["variant"], r["case"], r["threads"]): r["seconds"] for r in rows}
    lines = [["µs a step", *(f"{case}/{threads}" for case, threads in columns)]]
    for name in names:
        times = (seconds.get((name, *column)) for column in columns)
        lines.append([name, *("" if t is None else f"{t * 1e6:.0f}" for t in times)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    ]
    verdicts = [
        f"{'met   ' if met(*target) else 'MISSED'}  {target[0]} = {target[1]:.2f} {target[2]} "
        f"{target[3]:g}"
        for target in targets(rows)
    ]
    return "\n".join([*table, "", *verdicts])


def met(_: str, value: float, sign: str, bound: float) -> bool:
    """Whether a target is met."""
    return value <= bound if sign == "≤" else value >= bound


# Running


def say(text: str) -> None:
    """Show progress."""
    print(text, file=sys.stderr, flush=True)


MEASURES = {"steps": measure_steps, "training": measure_training, "rules": measure_rules}
"""What is measured; all but the steps on two threads alone."""


def child(threads: int, quick: bool, device: str, only: list[str] | None) -> None:
    """Measure on this number of threads, and print a row of JSON as each is known."""
    if hasattr(os, "sched_setaffinity"):  # keeps Optax to them too
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    torch.manual_seed(SEED)
    names = only or (list(MEASURES) if threads == 2 else ["steps"])
    for measure in map(MEASURES.__getitem__, names):
        for measured in measure(threads, quick, device):
            print(json.dumps(measured), flush=True)


def measured_by_children(options: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of one process after another, one for each number of threads."""
    for threads in options.threads:
        command = [sys.executable, "-m", "benchmarks.steps", "--child", str(threads)]
        command += ["--device", options.device, *(["--quick"] if options.quick else [])]
        command += ["--only", *options.only] if options.only else []
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
        }
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            yield from map(json.loads, process.stdout)
        if process.returncode:
            raise SystemExit(process.returncode)


def provenance(options: argparse.Namespace) -> Row:
    """Return what was run, and on what."""
    packages = ("torch", "numpy", "optax", "jax", "scikit-learn")
    installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
    cpu = Path("/proc/cpuinfo")
    model = (
        [line for line in cpu.read_text().splitlines() if "model name" in line]
        if cpu.exists()
        else []
    )
    name = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor()
    return {
        "command": "python -m benchmarks.steps" + f" --device {options.device}",
        "versions": {"python": platform.python_version()}
        | {package: installed.get(package, "not installed") for package in packages},
        "device": {
            "name": model[0].partition(": ")[2] if model and options.device == "cpu" else name,
            "cores": os.cpu_count(),
            "capability": torch.backends.cpu.get_cpu_capability(),
        },
        "threads": options.threads,
        "seed": SEED,
    }


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer sizes and turns")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--only", nargs="+", choices=MEASURES, help="measure these, write nothing")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.quick, options.device, options.only)
    if options.quick:
        options.threads = options.threads[:1]
    rows: list[Row] = []
    try:
        rows.extend(measured_by_children(options))
    except KeyboardInterrupt:
        say("interrupted: nothing is written")
        return None
    print(report(rows))
    if not (options.quick or options.only):
        path = ROOT / "book" / "results" / f"bench-{options.device}.json"
        verdicts = [
            {
                "target": what,
                "value": value,
                "bound": f"{sign} {bound:g}",
                "met": met(what, value, sign, bound),
            }
            for what, value, sign, bound in targets(rows)
        ]
        result = provenance(options) | {"rows": rows, "targets": verdicts}
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return None


if __name__ == "__main__":
    main()
