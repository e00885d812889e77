"""The command line: `python -m descent.train --model mlp --data mnist --optimizer adam ...`."""

import argparse
import functools
import json
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from descent import data, models, rules, schedules
from descent.rules import Rule
from descent.torch_optim import Optimizer
from descent.train import checkpoint as files
from descent.train import workers
from descent.train.loop import PRECISIONS, History, NonFiniteLossError, Settings, evaluate, fit

SCHEDULES: dict[str, Callable[[float, int], schedules.Schedule]] = {
    "constant": lambda lr, steps: schedules.Constant(lr),
    "cosine": schedules.Cosine,
    "warmup-cosine": lambda lr, steps: schedules.WarmupCosine(lr, max(1, steps // 20), steps),
    "one-cycle": schedules.OneCycle,
}
"""Learning rates over a whole run, by name, from the largest rate and the number of steps."""

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C ended."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    known = argparse.ArgumentParser(
        prog="python -m descent.train",
        description="Train a network of the book with a rule of the book.",
        epilog="Under torchrun the same command trains data-parallel:\n"
        "  torchrun --nproc-per-node 2 -m descent.train ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = known.add_argument
    add("--model", required=True, choices=models.names())
    add("--data", default="digits", choices=data.names(), help="default: digits")
    add("--optimizer", default="adam", choices=rules.names(), metavar="RULE", help="default: adam")
    add("--lr", type=float, default=1e-3, help="learning rate, the largest one; default: 1e-3")
    add("--hyper", nargs="+", default=[], metavar="NAME=VALUE", type=_assignment,
        help="other hyper-parameters of the rule, such as beta2=0.99")  # fmt: skip
    add("--schedule", default="cosine", choices=SCHEDULES, help="default: cosine")
    add("--epochs", type=int, default=5, help="default: 5")
    add("--batch-size", type=int, default=64, help="over all processes; default: 64")
    add("--clip", type=float, help="largest norm of the gradient; default: none")
    add("--precision", default="float32", choices=PRECISIONS, help="default: float32")
    add("--seed", type=int, default=0, help="of weights, order and dropout; default: 0")
    add("--device", default="auto", help="auto (cuda, mps or cpu), or a name; default: auto")
    add("--shard-optimizer", action="store_true",
        help="under torchrun, each process keeps its part of the optimiser's state")  # fmt: skip
    add("--out", type=Path, help="write the history there, as JSON, and weights beside it as .pt")
    add("--resume", action="store_true",
        help="go on from the .pt file, if it is there; --epochs may be raised")  # fmt: skip
    add("--force", action="store_true", help="start anew over files that are there")
    return known


def device_named(name: str) -> torch.device:
    """Return a device by its name, or for "auto" the fastest that is there.

    Raises:
        ValueError: there is no such device here.
    """
    if name != "auto":
        try:
            torch.zeros(1, device=name)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"device must be auto or one of this machine's, got {name!r}: {reason}"
            ) from error
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda", int(torch.cuda.current_device()))
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def described(device: torch.device) -> str:
    """Return a device in words, with its model where that is known."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads, {platform.machine()})"
    return str(device)


def versions() -> dict[str, str]:
    """Return the versions of what a run's numbers depend on."""
    found = {"python": platform.python_version()}
    for name in ("descent-to-adam", "torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def optimizer_for(model: torch.nn.Module, rule: Rule, *, shard: bool) -> torch.optim.Optimizer:
    """Return the rule as an optimiser of the model, its state sharded over processes if asked.

    Raises:
        ValueError: sharded state was asked for in a single process.
    """
    if not shard:
        return Optimizer(model.parameters(), rule, flat=rule.elementwise)
    if workers.size() == 1:
        raise ValueError("--shard-optimizer needs several processes: start them with torchrun")
    from torch.distributed.optim import ZeroRedundancyOptimizer

    form: Any = functools.partial(Optimizer, rule=rule)
    return ZeroRedundancyOptimizer(model.parameters(), form)


def train(
    options: argparse.Namespace, say: Callable[[str], None]
) -> tuple[History, dict[str, Any]]:
    """Train as the options say; return the history, and what the file says of it."""
    rule = _checked_rule(options)
    device = device_named(options.device)
    if workers.is_launched():
        device = workers.own_device(device)
        workers.join(device)
        say = say if workers.rank() == 0 else _nothing
    say(f"device: {described(device)}" + _and_processes())
    sets = data.load(options.data).to(device)
    torch.manual_seed(options.seed)
    model = models.get(options.model, tuple(sets.train.x.shape[1:]), sets.classes).to(device)
    steps = len(sets.train) // options.batch_size * options.epochs
    say(f"model: {options.model}, {models.count(model):,} parameters; {steps} steps")
    say(f"rule: {rule}")
    history = fit(
        *(model, sets, optimizer_for(model, rule, shard=options.shard_optimizer)),
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        schedule=SCHEDULES[options.schedule](options.lr, max(1, steps)),
        clip=options.clip,
        precision=options.precision,
        checkpoint=options.out and options.out.with_suffix(".pt"),
        resume=options.resume,
        progress=True,
    )
    about = {"device": described(device), "processes": workers.size(), "rule": str(rule)}
    about |= {"parameters": models.count(model), "steps": steps, "versions": versions()}
    return history, about | {"test": evaluate(model, sets.test)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, after a non-finite loss 1, bad input 2, Ctrl-C 130."""
    options = parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "descent.train", *(arguments or sys.argv[1:])])
    record = {"command": command, "seed": options.seed}
    try:
        _check_out(options)
        history, about = train(options, print)
        record |= about | asdict(history)
        status = 0 if history.finished else INTERRUPTED
    except NonFiniteLossError as error:
        print(f"stopped: {error}", file=sys.stderr)
        record |= {"error": str(error)} | asdict(error.history)
        status = 1
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        leader = workers.rank() == 0
        workers.leave()
    if leader:
        _tell(record, options)
        _write(record, options.out)
    return status


def _tell(record: dict[str, Any], options: argparse.Namespace) -> None:
    done = len(record["losses"])
    if record["finished"]:
        test = record["test"]
        print(f"test: loss {test['loss']:.4f}, accuracy {test['accuracy']:.2%}, "
              f"{record['seconds']:.1f} s")  # fmt: skip
    elif "error" not in record:
        advice = "--resume goes on" if options.out else "with --out it could be resumed"
        print(f"interrupted after step {done}: {advice}")


def _write(record: dict[str, Any], out: Path | None) -> None:
    """Write the record; where that fails, print it, so that nothing is lost."""
    if out is None:
        return
    try:
        files.write_json(out, record)
        print(f"written: {out}")
    except OSError as error:
        print(f"{out} was not written ({error}); here it is:\n{record}", file=sys.stderr)


def _check_out(options: argparse.Namespace) -> None:
    """Refuse at once what would fail, or destroy something, at the end."""
    if options.resume and options.out is None:
        raise ValueError("--resume needs --out, beside which the checkpoint lies")
    if options.out is None:
        return
    if options.out.suffix != ".json":
        raise ValueError(f"--out must end in .json, got {options.out}")
    files.check_writable(options.out)
    weights = options.out.with_suffix(".pt")
    if options.resume and options.force:
        raise ValueError("--resume goes on, --force starts anew: give one of them")
    if options.force or (options.resume and weights.exists()):
        return
    if weights.exists():
        content = files.load(weights)
        raise ValueError(
            f"{weights} holds a run that is at step {content['step']} of {content['total']}: "
            "--resume goes on with it, --force starts anew"
        )
    if _is_finished(options.out):
        raise ValueError(f"{options.out} is there already: --force writes over it")


def _is_finished(out: Path) -> bool:
    """Whether a file is there that is no record of a run that broke off."""
    try:
        return bool(json.loads(out.read_text())["finished"])
    except (ValueError, KeyError, TypeError):
        return True
    except FileNotFoundError:
        return False


def _assignment(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    if name == "lr":
        raise argparse.ArgumentTypeError(f"lr has an option of its own, --lr, got {text!r}")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must read NAME=NUMBER, got {text!r}") from None


def _checked_rule(options: argparse.Namespace) -> Rule:
    """Return the rule; refuse a number that is wrong whatever the data are."""
    Settings(
        options.epochs, options.batch_size, options.seed, None, options.clip, options.precision
    )
    SCHEDULES[options.schedule](options.lr, 100)
    if options.shard_optimizer and not workers.is_launched():
        raise ValueError("--shard-optimizer needs several processes: start them with torchrun")
    return rules.get(options.optimizer, lr=options.lr, **dict(options.hyper))


def _and_processes() -> str:
    return f", {workers.size()} processes" if workers.size() > 1 else ""


def _nothing(line: str) -> None:
    """Say nothing."""
