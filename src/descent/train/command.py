"""The command line: `python -m descent.train --model mlp --data mnist --optimizer adam ...`.

`evaluate`, `predict` and `plot` as first word do something with what a run wrote: see `uses`.
"""

import argparse
import functools
import inspect
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
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from descent import _check, data, models, rules, schedules
from descent.data import Data, Split
from descent.rules import Rule
from descent.torch_optim import Optimizer
from descent.train import checkpoint as files
from descent.train import logs, optimizers, saved, workers
from descent.train._extras import in_words
from descent.train.augmentation import Augmentation
from descent.train.loop import (
    PRECISIONS,
    Callback,
    History,
    NonFiniteLossError,
    Settings,
    evaluate,
    fit,
)

__all__ = [
    "Milestones",
    "SCHEDULES",
    "SHAPES",
    "INTERRUPTED",
    "parser",
    "device_named",
    "described",
    "versions",
    "optimizer_for",
    "train",
    "averaged",
    "main",
    "CHANGES",
]

Milestones = tuple[float, ...]
"""Shares of a run."""


def _warmup_cosine(lr: float, steps: int, warmup: float = 0.05) -> schedules.Schedule:
    return schedules.WarmupCosine(lr, _part(steps, warmup), steps)


def _wsd(lr: float, steps: int, warmup: float = 0.05, cooldown: float = 0.2) -> schedules.Schedule:
    return schedules.WarmupStableDecay(lr, _part(steps, warmup), steps, _part(steps, cooldown))


def _step(
    lr: float, steps: int, milestones: Milestones = (0.5, 0.75), gamma: float = 0.1
) -> schedules.Schedule:
    return schedules.Milestones(lr, tuple(_part(steps, share) for share in milestones), gamma)


def _inverse_sqrt(lr: float, steps: int, warmup: float = 0.05) -> schedules.Schedule:
    return schedules.InverseSquareRoot(lr, _part(steps, warmup))


def _part(steps: int, share: float) -> int:
    return max(1, int(steps * share))


SCHEDULES: dict[str, Callable[..., schedules.Schedule]] = {
    "constant": lambda lr, steps: schedules.Constant(lr),
    "cosine": schedules.Cosine,
    "linear": schedules.Linear,
    "exponential": lambda lr, steps, gamma=0.01: schedules.Exponential(lr, gamma ** (1 / steps)),
    "step": _step,
    "warmup": lambda lr, steps, warmup=0.05: schedules.LinearWarmup(lr, _part(steps, warmup)),
    "warmup-cosine": _warmup_cosine,
    "wsd": _wsd,
    "inverse-sqrt": _inverse_sqrt,
    "one-cycle": lambda lr, steps, warmup=0.3: schedules.OneCycle(lr, steps, warmup),
    "robbins-monro": lambda lr, steps: schedules.RobbinsMonro(lr),
}
"""Learning rates over a whole run, by name, from the largest rate and the number of steps.

Some take more: `warmup` and `cooldown`, shares of the run; `milestones`, shares after which the
rate is multiplied by `gamma`; of the exponential, `gamma` is the last rate over the first.
"""

SHAPES = ("warmup", "cooldown", "milestones", "gamma")
"""What some schedules take besides, each an option of its own."""

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C ended."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    known = argparse.ArgumentParser(
        prog="python -m descent.train",
        description="Train a network of the book with a rule of the book.\n"
        "With evaluate, predict or plot as first word: use what a run wrote; see their --help.",
        epilog="Under torchrun the same command trains data-parallel:\n"
        "  torchrun --nproc-per-node 2 -m descent.train ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_network(known.add_argument_group("network and data").add_argument)
    _add_rule(known.add_argument_group("rule").add_argument)
    _add_training(known.add_argument_group("training").add_argument)
    _add_machine(known.add_argument_group("machine").add_argument)
    _add_files(known.add_argument_group("files").add_argument)
    return known


# fmt: off
def _add_network(add: Callable[..., Any]) -> None:
    add("--model", required=True, metavar="NAME",
        help=f"{', '.join(models.names())}; or module:function of your own, which is called with "
        "the shape of an image and the number of classes; transformer is for a text")
    add("--hidden", type=int, nargs="+", metavar="N", help="mlp: widths of the hidden layers")
    add("--width", type=float, metavar="FACTOR", help="a factor of the widths of all hidden layers")
    add("--dropout", type=float, metavar="P",
        help="mlp, alexnet-lite, vgg-lite, transformer; default: none")
    add("--data", default="digits", metavar="NAME",
        help=f"{', '.join(data.names())}; or the path of a folder with a folder of pictures for "
        "each class, of an NPZ file with x and y, or of a text, TXT or MD; default: digits")
    add("--image-size", type=int, metavar="N",
        help="scale the pictures of a folder to N×N; cut a text into pieces of N characters")
    add("--validation", type=float, default=0.125, metavar="SHARE",
        help="of the training images, set apart to choose by; default: 0.125")


def _add_rule(add: Callable[..., Any]) -> None:
    names = [*optimizers.ALIASES, *rules.names()]
    add("--optimizer", default="adam", choices=names, metavar="RULE",
        help=f"{', '.join(names)}; sgd is gradient-descent, with --hyper momentum=0.9 momentum; "
        "muon, shampoo and soap train the hidden matrices, AdamW the rest; default: adam")
    add("--lr", type=float, help="learning rate, the largest one; default: one for each rule, "
        "such as 1e-3 for adam, 0.1 for gradient-descent, 0.02 for muon")
    add("--hyper", nargs="+", default=[], metavar="NAME=VALUE", type=_assignment,
        help="other hyper-parameters of the rule, such as beta2=0.99")
    add("--weight-decay", type=float, metavar="λ",
        help="for any rule: x ← (1 − lr·λ) x beside the step, as AdamW has it in the frameworks; "
        "none on biases and gains. Default: 0.01 for adamw and muon, else 0. The paper's AdamW, "
        "whose λ no learning rate multiplies: --optimizer adamw --hyper weight_decay=1e-5")
    add("--decay", default="decoupled", choices=optimizers.DECAY_FORMS,
        help="l2 adds λ x to the gradient in its place; default: decoupled")
    add("--schedule", default="cosine", choices=SCHEDULES, help="default: cosine")
    add("--warmup", type=float, metavar="SHARE", help="of the run; default: 0.05, one-cycle 0.3")
    add("--cooldown", type=float, metavar="SHARE", help="wsd: the fall's part; default: 0.2")
    add("--milestones", type=float, nargs="+", metavar="EPOCH",
        help="step: epochs after which the rate drops; default: at 1/2 and 3/4 of the run")
    add("--gamma", type=float, help="step: the factor of a drop, default 0.1; exponential: the "
        "last rate over the first, default 0.01")


def _add_training(add: Callable[..., Any]) -> None:
    add("--epochs", type=int, default=5, help="default: 5")
    add("--batch-size", type=int, default=64, help="over all processes; default: 64")
    add("--accumulate", type=int, default=1, metavar="K",
        help="take a batch in K parts, one after the other; default: 1")
    add("--clip", type=float, help="largest norm of the gradient; default: none")
    add("--augment", nargs="+", default=[], metavar="CHANGE", type=_change,
        help="crop (of the image padded by 4 pixels, or crop=N), flip, cutout (a square of side "
        "8, or cutout=N)")
    add("--label-smoothing", type=float, default=0.0, metavar="SHARE",
        help="of each label that is given to all classes; default: 0")
    add("--ema", type=float, metavar="DECAY",
        help="average the weights, such as 0.999: the average is scored, and tested in the end")
    add("--seed", type=int, default=0, help="of weights, order, dropout, augmentation; default: 0")


def _add_machine(add: Callable[..., Any]) -> None:
    add("--device", default="auto", help="auto (cuda, mps or cpu), or a name; default: auto")
    add("--precision", default="float32", choices=PRECISIONS,
        help="of the forward pass; float16 with scaled losses, on a GPU; default: float32")
    add("--tf32", action="store_true", help="on a GPU, TF32 for products of float32")
    add("--channels-last", action="store_true", help="lay images out with their channels last")
    add("--compile", action="store_true", help="compile the model and the step: needs a compiler")
    add("--checkpoint-activations", action="store_true",
        help="keep less for the backward pass, compute it again: same numbers, less memory")
    add("--shard-optimizer", action="store_true",
        help="under torchrun, each process keeps its part of the optimiser's state")
    add("--fsdp", action="store_true",
        help="under torchrun, each process keeps its part of weights, gradients and state")


def _add_files(add: Callable[..., Any]) -> None:
    add("--out", type=Path, metavar="FILE.json", help="write the history there, the weights beside "
        "it as .pt, those of the best epoch as .best.pt")
    add("--csv", type=Path, metavar="FILE", help="write the epochs as CSV")
    add("--tensorboard", type=Path, metavar="FOLDER", help="log for TensorBoard")
    add("--monitor", type=Path, metavar="PATH",
        help="examine the optimiser at every 50th step; what is found goes to a file that ends in "
        ".html, .json, .png or .txt, or to a folder, which gets one of each")
    add("--resume", action="store_true",
        help="go on from the .pt file, if it is there; --epochs may be raised")
    add("--force", action="store_true", help="start anew over files that are there")
# fmt: on


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


def _allow_tf32(device: torch.device) -> None:
    """Let products of float32 matrices be of TF32; convolutions are by default."""
    if device.type != "cuda":
        raise ValueError(f"--tf32 needs a GPU of CUDA, got {device}")
    torch.set_float32_matmul_precision("high")


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


def optimizer_for(
    model: nn.Module,
    rule: Rule,
    *,
    shard: bool,
    decay_all: bool = False,
    compile: bool = False,  # noqa: A002 (as the Optimizer has it)
) -> torch.optim.Optimizer:
    """Return the rule as an optimiser of the model, its state sharded over processes if asked.

    Raises:
        ValueError: sharded state was asked for in a single process, or for a rule for matrices.
    """
    if not shard:
        return optimizers.made_for(model, rule, decay_all=decay_all, compile=compile)
    if workers.size() == 1:
        raise ValueError("--shard-optimizer needs several processes: start them with torchrun")
    if name := optimizers.name_for_matrices(rule):
        raise ValueError(
            f"--shard-optimizer takes one rule for all parameters, and {name} needs two"
        )
    from torch.distributed.optim import ZeroRedundancyOptimizer

    form: Any = functools.partial(Optimizer, rule=rule, compile=compile)
    parameters = list(model.parameters())
    groups = [{"params": parameters}] if decay_all else optimizers.groups(parameters, rule)
    return ZeroRedundancyOptimizer(groups if len(groups) > 1 else parameters, form)


def train(
    options: argparse.Namespace, say: Callable[[str], None]
) -> tuple[History, dict[str, Any]]:
    """Train as the options say; return the history, and what the file says of it."""
    rule, schedule = _checked(options)
    device = device_named(options.device)
    if workers.is_launched():
        device = workers.own_device(device)
        workers.join(device)
    if options.tf32:
        _allow_tf32(device)
    if workers.rank() > 0:
        say = _nothing
    callbacks = _logs(options) if workers.rank() == 0 else []
    say(f"device: {described(device)}" + _and_processes())
    source = {"name": options.data, "validation": options.validation, "size": options.image_size}
    sets = data.load(**source)
    _check_kinds(sets, options)
    notes = saved.notes(options.model, _of_network(options), sets, source)
    sets = _laid_out(sets.to(device), options)
    torch.manual_seed(options.seed)
    model = saved.build(options.model, tuple(notes["image"]), sets.classes, **notes["options"])
    model = model.to(device)
    if options.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = averaged(model, options.ema) if options.ema else None
    if options.fsdp:
        workers.shard(model)
        if average is not None:
            workers.shard(average.module)
    steps = len(sets.train) // options.batch_size * options.epochs
    say(f"model: {options.model}, {models.count(model):,} parameters; {steps} steps")
    say(f"rule: {rule}")
    forms = {"decay_all": "weight_decay" in dict(options.hyper), "compile": options.compile}
    if options.compile:
        model.compile()
    if options.out:
        best = functools.partial(_content, notes)
        callbacks.append(logs.keep_best(options.out.with_suffix(".best.pt"), best))
    history = _watching(options.monitor, say)(
        *(model, sets, optimizer_for(model, rule, shard=options.shard_optimizer, **forms)),
        epochs=options.epochs,
        batch_size=options.batch_size,
        seed=options.seed,
        loss=functools.partial(cross_entropy, label_smoothing=options.label_smoothing),
        validation_loss=cross_entropy,
        schedule=schedule(max(1, steps)),
        clip=options.clip,
        precision=options.precision,
        accumulate=options.accumulate,
        augment=_augmentation(options),
        average=average,
        checkpoint_activations=options.checkpoint_activations,
        callbacks=callbacks,
        checkpoint=options.out and options.out.with_suffix(".pt"),
        notes=notes,
        resume=options.resume,
        progress=True,
    )
    about = {"device": described(device), "processes": workers.size(), "rule": str(rule)}
    about |= {"parameters": models.count(model), "steps": steps, "versions": versions()}
    about |= {"batch_size": options.batch_size, "test_examples": len(sets.test)}
    return history, about | {"test": evaluate(average or model, sets.test)}


def _watching(path: Path | None, say: Callable[[str], None]) -> Callable[..., History]:
    """Return `fit`, or one that examines its optimiser and writes what it found, however it ends.

    Raises:
        ValueError: the path is of no form of a report, or cannot be written to.
    """
    if path is None or workers.rank() > 0:
        return fit
    from descent.monitor import Report, monitor

    Report.check(path)

    def watched(
        model: nn.Module, sets: Data, optimizer: torch.optim.Optimizer, **options: Any
    ) -> History:
        with monitor(optimizer, model=model, warn=False) as watch:
            try:
                return fit(model, sets, optimizer, **options)
            finally:
                report = watch.report()
                say(report.summary())
                say(f"written: {', '.join(map(str, report.write(path)))}")

    return watched


def _content(notes: dict[str, Any], model: nn.Module) -> dict[str, Any]:
    """Return what the file of the best epoch holds."""
    judged = model.module if isinstance(model, AveragedModel) else model
    return {"model": workers.model_state(judged), "notes": notes}


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of a model's weights and buffers: decay · average + the rest."""
    form: Any = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, multi_avg_fn=form, use_buffers=True)


def _check_kinds(sets: Data, options: argparse.Namespace) -> None:
    """Refuse a network of the book, or an option, that is for images where the data are a text."""
    is_text = sets.train.x.ndim == 2
    if ":" not in options.model and is_text != (options.model in models.FOR_TEXT):
        kind, fitting = ("a text", models.FOR_TEXT[0]) if is_text else ("images", "mlp")
        raise ValueError(
            f"model must be for {kind}, such as {fitting}: of that {options.data} is. "
            f"Got {options.model!r}"
        )
    if is_text and (options.augment or options.channels_last):
        raise ValueError("--augment and --channels-last are for images: leave them out for a text")


def _laid_out(sets: Data, options: argparse.Namespace) -> Data:
    """Return the data with the images as they are asked for in memory."""
    if not options.channels_last:
        return sets
    return sets.mapped(lambda s: Split(s.x.contiguous(memory_format=torch.channels_last), s.y))


def _of_network(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the network that were given."""
    return {n: v for n in models.OPTIONS if (v := getattr(options, n)) is not None}


def _augmentation(options: argparse.Namespace) -> Augmentation | None:
    return Augmentation(**dict(options.augment)) if options.augment else None


def _logs(options: argparse.Namespace) -> list[Callback]:
    callbacks = [logs.csv_log(options.csv)] if options.csv else []
    return callbacks + ([logs.tensorboard_log(options.tensorboard)] if options.tensorboard else [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, after a non-finite loss 1, bad input 2, Ctrl-C 130."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in ("evaluate", "predict", "plot"):
        from descent.train import uses

        return uses.main(arguments)
    options = parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "descent.train", *arguments])
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
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        print(f"error: {in_words(error)}", file=sys.stderr)
        return 2
    finally:
        leader = workers.rank() == 0
        workers.leave()
    if leader:
        _tell(record, options)
        _write(record, options.out)
    return status


def _tell(record: dict[str, Any], options: argparse.Namespace) -> None:
    if record["finished"]:
        print(logs.report(record))
    elif "error" not in record:
        advice = "--resume goes on" if options.out else "with --out it could be resumed"
        print(f"interrupted after step {len(record['losses'])}: {advice}")


def _write(record: dict[str, Any], out: Path | None) -> None:
    """Write the record; where that fails, print it, so that nothing is lost."""
    if out is None:
        return
    try:
        files.write_json(out, record)
        weights = [out.with_suffix(ending) for ending in (".pt", ".best.pt")]
        print("written:", *[out, *(path for path in weights if path.exists())])
    except OSError as error:
        print(f"{out} was not written ({error}); here it is:\n{record}", file=sys.stderr)


def _check_out(options: argparse.Namespace) -> None:
    """Refuse at once what would fail, or destroy something, at the end."""
    if options.resume and options.out is None:
        raise ValueError("--resume needs --out, beside which the checkpoint lies")
    if options.csv and options.csv.exists() and not (options.resume or options.force):
        raise ValueError(f"{options.csv} is there already: --force writes over it")
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
    best = options.out.with_suffix(".best.pt")
    for path, is_there in {options.out: _is_finished(options.out), best: best.exists()}.items():
        if is_there:
            raise ValueError(f"{path} is there already: --force writes over it")


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


CHANGES: dict[str, int | bool] = {"crop": 4, "flip": True, "cutout": 8}
"""What `--augment` takes, and how many pixels where none are given."""


def _change(text: str) -> tuple[str, int | bool]:
    name, _, pixels = text.partition("=")
    if name not in CHANGES or (pixels and (name == "flip" or not pixels.isdigit())):
        allowed = "crop, crop=PIXELS, flip, cutout or cutout=PIXELS"
        raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}")
    return name, int(pixels) if pixels else CHANGES[name]


def _checked(options: argparse.Namespace) -> tuple[Rule, Callable[[int], schedules.Schedule]]:
    """Return rule and schedule, the latter of the steps; refuse what is wrong whatever the data."""
    Settings(
        *(options.epochs, options.batch_size, options.seed, None, options.clip, options.precision),
        *(options.accumulate, None),
    )
    for name in ("label_smoothing", "ema"):
        value = getattr(options, name)
        if value is not None and not 0 <= value < 1:
            raise ValueError(f"{name} must be a number in [0, 1), got {value}")
    for flag in ("--shard-optimizer", "--fsdp"):
        if getattr(options, flag[2:].replace("-", "_")) and not workers.is_launched():
            raise ValueError(f"{flag} needs several processes: start them with torchrun")
    if options.fsdp and options.shard_optimizer:
        raise ValueError("--fsdp shards the optimiser's state too: leave out --shard-optimizer")
    if options.checkpoint_activations and options.compile:
        raise ValueError(
            "--checkpoint-activations must be left out with --compile, which decides by itself "
            "what is kept and what is computed again"
        )
    if ":" not in options.model:
        models.get(options.model, **_of_network(options))
    hyper = dict(options.hyper)
    rule = optimizers.rule_named(options.optimizer, options.lr, **hyper)
    if "weight_decay" not in hyper:
        plain, rule = rule, optimizers.with_decay(rule, options.weight_decay, options.decay)
        if options.decay != "decoupled" and rule == plain:
            raise ValueError(f"--decay {options.decay} needs a --weight-decay that is not 0")
    elif options.weight_decay is not None:
        raise ValueError("weight_decay must be given once, got --hyper and --weight-decay")
    schedule = functools.partial(_scheduled, options, rule.lr_at(1))
    schedule(100 * options.epochs)
    return rule, schedule


def _scheduled(options: argparse.Namespace, lr: float, steps: int) -> schedules.Schedule:
    """Return the schedule of a run of so many steps, in the shape that the options give it."""
    make = SCHEDULES[options.schedule]
    shape = {n: v for n in SHAPES if (v := getattr(options, n)) is not None}
    known = [name for name in SHAPES if name in inspect.signature(make).parameters]
    if unknown := sorted(shape.keys() - set(known)):
        raise ValueError(f"{options.schedule} takes {known or 'no shape'}, got {unknown}")
    for name in {"warmup", "cooldown"} & shape.keys():
        _check.fraction(name, shape[name])
    if "milestones" in shape:
        shape["milestones"] = tuple(epoch / options.epochs for epoch in shape["milestones"])
    return make(lr, steps, **shape)


def _and_processes() -> str:
    return f", {workers.size()} processes" if workers.size() > 1 else ""


def _nothing(line: str) -> None:
    """Say nothing."""
