"""The training loop, on one device or several."""

import contextlib
import hashlib
import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from descent import _check
from descent._numbers import plain
from descent.data import Data, Split
from descent.train import _identity as identity
from descent.train import checkpoint as files
from descent.train import workers

CHECK = 50
"""Steps from one look at the losses to the next: on a GPU each look waits for the device."""

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""Data types of the forward pass; parameters, gradients and optimiser states stay float32."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""A function of the model's outputs and the targets, the mean over the batch."""


class NonFiniteLossError(FloatingPointError):
    """The loss became infinite or NaN.

    Attributes:
        step: at which step, from 1.
        history: what was done until then.
    """

    def __init__(self, step: int, lr: float, clip: float | None, history: "History") -> None:
        self.step, self.history = step, history
        advice = f"a learning rate below {lr:g}, or a warm-up"
        advice += "" if clip else ", or clip=1.0"
        super().__init__(f"the loss is not finite at step {step}: try {advice}")


@dataclass
class History:
    """What a run did.

    Attributes:
        losses: the loss of each step, on its batch, before the step.
        epochs: for each epoch `epoch`, `step`, `lr`, `train_loss` (the mean of `losses` over the
            epoch) and, with the weights at its end, `validation_loss` and `validation_accuracy`,
            the latter where the targets are classes.
        seconds: of training, evaluation included; of a run that was resumed, of all its parts.
        finished: False where Ctrl-C ended it.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = False


def fit(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int = 64,
    seed: int = 0,
    loss: Loss = nn.functional.cross_entropy,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = None,
    precision: str = "float32",
    checkpoint: str | Path | None = None,
    resume: bool = False,
    save_seconds: float = 30.0,
    progress: bool = False,
) -> History:
    """Train a model in place, where its parameters lie, and return what happened.

    Each epoch takes the training images in a new random order, `batch_size` at a time; the few that
    fill no batch wait for the next epoch. All that is random follows from `seed` and the step, so a
    run that was killed and resumed repeats, bit for bit on a CPU, one that was not.

    Ctrl-C ends the run after the step it is in, saves the checkpoint and returns.

    Args:
        model: on the device to train on.
        data: from `data.load`; it is moved to that device.
        optimizer: of the model's parameters: `torch_optim.Optimizer`, or any of PyTorch whose step
            needs no closure.
        epochs: at least 1.
        batch_size: examples a step, over all processes; at most the training split.
        seed: of the order of the examples and of dropout. The weights are the caller's.
        loss: cross-entropy by default, for logits and classes.
        schedule: the learning rate as a function of the step t = 1, 2, ...; by default the
            optimiser's own.
        clip: the largest norm of the gradient, over all parameters; by default any.
        precision: "float32"; "bfloat16" or "float16" for the forward pass, the latter with scaled
            losses and on a GPU alone.
        checkpoint: a file for weights and states, written about every `save_seconds`, at the end,
            and on Ctrl-C.
        resume: go on from the checkpoint, if it is there. Model, data, optimiser and settings must
            be those of the run that saved it; functions, such as a schedule, are compared by their
            values. More epochs may be asked for, then with another schedule for the steps to come.
        save_seconds: at 0 it is saved every 50 steps.
        progress: show a bar on stderr and print a line for each epoch.

    Raises:
        ValueError: an argument is outside its range; the checkpoint is of another run.
        NonFiniteLossError: the loss became infinite or NaN; it says at which step, and what to try.
    """
    settings = Settings(epochs, batch_size, seed, schedule, clip, precision)
    data = data.to(next(model.parameters()).device)
    path = Path(checkpoint) if checkpoint else None
    run = _Run(model, data, optimizer, loss, settings, path, save_seconds)
    if resume and path and path.exists():
        run.restore(files.load(path))
    elif path:
        files.check_writable(path)
    with _interrupts() as interrupted, run.bar(progress) as bar:
        run.train(interrupted, bar)
    return run.history()


_CHECKS = {
    "epochs": _check.positive_count,
    "batch_size": _check.positive_count,
    "seed": _check.count,
}


@dataclass(frozen=True)
class Settings:
    """What a run does besides its model, data and optimiser, as `fit` describes it."""

    epochs: int
    batch_size: int
    seed: int
    schedule: Callable[[int], float] | None
    clip: float | None
    precision: str

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        _check.each_field(self, _CHECKS)
        if self.schedule is not None and not callable(self.schedule):
            raise ValueError(f"schedule must be a function of the step, got {self.schedule!r}")
        if self.clip is not None:
            _check.positive("clip", self.clip)
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}"
            )

    def check_with(self, data: Data) -> None:
        """Check what depends on the data, the device and the number of processes."""
        count, device = len(data.train), data.train.x.device.type
        if not len(data.validation):
            raise ValueError("data must have validation examples, got none")
        if self.batch_size > count:
            raise ValueError(
                f"batch_size must be at most the {count} training examples, got {self.batch_size}"
            )
        if self.batch_size % workers.size():
            raise ValueError(
                f"batch_size must be a multiple of the {workers.size()} processes, "
                f"got {self.batch_size}"
            )
        if self.precision == "float16" and device != "cuda":
            raise ValueError(f"precision must be float32 or bfloat16 on {device}, got 'float16'")

    def lr(self, t: int) -> float:
        """Return the learning rate of the schedule at step t."""
        assert self.schedule is not None
        return float(plain(self.schedule(t)))


class _Run:
    """A run: what it trains with, and how far it is."""

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        settings: Settings,
        path: Path | None,
        save_seconds: float,
    ) -> None:
        settings.check_with(data)
        _check_steps(optimizer)
        self.model, self.data, self.optimizer, self.loss = model, data, optimizer, loss
        self.settings, self.path, self.save_seconds = settings, path, save_seconds
        self.device = data.train.x.device
        half = settings.precision == "float16"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)
        self.generator = _generator(self.device)
        self.per_epoch = len(data.train) // settings.batch_size
        self.total = self.per_epoch * settings.epochs
        self.losses = torch.zeros(self.total, device=self.device)
        self.step, self.checked, self.seconds = 0, 0, 0.0
        self.started = self.saved = time.monotonic()
        self.epochs: list[dict[str, float]] = []
        self.optimizer.zero_grad()  # a flat one lays out its memory before DDP looks at it
        self.replica = workers.replicated(model)

    def train(self, interrupted: threading.Event, bar: Any) -> None:
        """Make the steps that are left."""
        self.model.train()
        with _own_randomness(self.device):
            while self.step < self.total:
                epoch, first = divmod(self.step, self.per_epoch)
                for batch in self._order(epoch)[first:]:
                    self._make_step(batch)
                    bar.update(1)
                    if self._is_time_to_look(interrupted) and self._look(interrupted, bar):
                        return

    def _is_time_to_look(self, interrupted: threading.Event) -> bool:
        at_mark = self.step % CHECK == 0 or self.step % self.per_epoch == 0
        return at_mark or (interrupted.is_set() and workers.size() == 1)

    def _make_step(self, batch: Tensor) -> None:
        """Make one step of the optimiser, by this process's part of the batch."""
        self.generator.manual_seed(_mixed(self.settings.seed, self.step, workers.rank()))
        mine = workers.own_part(batch)
        if self.settings.schedule:
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.lr(self.step + 1)
        self.optimizer.zero_grad()
        with self._autocast():
            value = self.loss(self.replica(self.data.train.x[mine]), self.data.train.y[mine])
        self.scaler.scale(value).backward()  # type: ignore[no-untyped-call]
        if self.settings.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.losses[self.step] = value.detach()
        self.step += 1

    def _look(self, interrupted: threading.Event, bar: Any) -> bool:
        """Check the losses, end the epoch where it ends, save; return whether to stop."""
        self._check_losses()
        bar.set_postfix(loss=f"{float(self.losses[self.step - 1]):.4g}", refresh=False)
        if self.step % self.per_epoch == 0:
            self._end_epoch(bar)
        stop = workers.any_of(interrupted.is_set(), self.device)
        self._save(at_once=stop or self.step == self.total)
        return stop

    def _check_losses(self) -> None:
        """Bring the new losses together from all processes; stop at one that is no number."""
        new = workers.mean(self.losses[self.checked : self.step])
        if not new.isfinite().all():
            first = self.checked + int((~new.isfinite()).nonzero()[0]) + 1
            raise NonFiniteLossError(first, self._lr(first), self.settings.clip, self.history())
        self.checked = self.step

    def _end_epoch(self, bar: Any) -> None:
        means = self.losses[self.step - self.per_epoch : self.step].mean(dtype=torch.float64)
        with self._autocast():
            scores = evaluate(self.model, self.data.validation, loss=self.loss)
        epoch = {"epoch": self.step // self.per_epoch, "step": self.step, "lr": self._lr(self.step)}
        epoch["train_loss"] = float(means)
        self.epochs.append(epoch | {f"validation_{name}": v for name, v in scores.items()})
        bar.write(_line(self.epochs[-1], self.settings.epochs))

    def _lr(self, t: int) -> float:
        """Return the learning rate of step t."""
        lr = self.settings.schedule or self.optimizer.param_groups[0]["lr"]
        return float(plain(lr(t) if callable(lr) else lr))

    def _order(self, epoch: int) -> Tensor:
        """Return the batches of an epoch, as rows of indices: the same in every process."""
        generator = torch.Generator().manual_seed(_mixed(self.settings.seed, epoch))
        order = torch.randperm(len(self.data.train), generator=generator)
        rows = order[: self.per_epoch * self.settings.batch_size].view(self.per_epoch, -1)
        return rows.to(self.device)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        dtype = PRECISIONS[self.settings.precision]
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def _save(self, *, at_once: bool) -> None:
        late = time.monotonic() - self.saved >= self.save_seconds
        if not self.path or not workers.any_of(at_once or late, self.device):
            return
        content = {
            "settings": self._identity(),
            "step": self.step,
            "total": self.total,
            "model": self.model.state_dict(),
            "optimizer": workers.state_of(self.optimizer),
            "scaler": self.scaler.state_dict(),
            "losses": self.losses[: self.step].clone(),
            "epochs": self.epochs,
            "seconds": self._seconds(),
        }
        if workers.rank() == 0:
            files.save(self.path, content)
        self.saved = time.monotonic()

    def _identity(self, epochs: int | None = None) -> dict[str, Any]:
        """Return what a run that goes on must share with the one that was saved."""
        settings = self.settings
        steps = self.per_epoch * (epochs or settings.epochs)
        with self._autocast():
            answers = identity.answers(self.model, self.data.train, self.loss)
        return vars(settings) | {
            "schedule": settings.schedule and identity.values_of(settings.schedule, steps),
            "optimizer": identity.of_optimizer(self.optimizer, steps),
            "layers": identity.of_model(self.model),
            "data": identity.of_data(self.data),
            "processes": workers.size() if identity.depends_on_parts(self.model) else None,
            **answers,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Go to where the checkpoint was saved; where it cannot be, all stays as it was."""
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        try:
            self.model.load_state_dict(content["model"])
            self._compare(content["settings"])
            self.optimizer.load_state_dict(content["optimizer"])
        except RuntimeError as error:
            self.model.load_state_dict(before)
            raise ValueError(f"model must be that of {self.path}: {error}") from error
        except ValueError:
            self.model.load_state_dict(before)
            raise
        self.scaler.load_state_dict(content["scaler"])
        self.step = self.checked = content["step"]
        self.losses[: self.step] = content["losses"].to(self.device)
        self.epochs, self.seconds = content["epochs"], content["seconds"]

    def _compare(self, saved: dict[str, Any]) -> None:
        """Require this run to be the one that was saved, or a longer one."""
        longer = self.settings.epochs > saved["epochs"]
        mine = self._identity(saved["epochs"])
        free = {"epochs", "schedule"} if longer else set()
        for name, value in mine.items():
            if (
                name in saved
                and name not in free
                and not identity.are_equal(name, value, saved[name])
            ):
                what = "model" if name == "layers" else name
                raise ValueError(
                    f"{what} must be that of {self.path}, {saved[name]!r}, got {value!r}"
                )

    def history(self) -> History:
        """Return what was done."""
        losses = self.losses[: self.step].tolist()
        return History(losses, self.epochs, self._seconds(), self.step == self.total)

    def _seconds(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def bar(self, progress: bool) -> Any:
        """Return a progress bar of the steps, or something as quiet as it is useless."""
        if not progress or workers.rank() > 0:
            return _Quiet()
        try:
            from tqdm import tqdm
        except ImportError:
            return _Lines()
        return tqdm(  # without a terminal, just its lines
            total=self.total, initial=self.step, unit="step", dynamic_ncols=True, disable=None
        )


class _Quiet(contextlib.AbstractContextManager["_Quiet"]):
    """The part of a bar of tqdm that a run uses, and nothing shown."""

    def __exit__(self, *_: object) -> None:
        """Leave nothing."""

    def update(self, steps: int) -> None:
        """Count nothing."""

    def set_postfix(self, **_: object) -> None:
        """Show nothing."""

    def write(self, line: str) -> None:
        """Print nothing."""


class _Lines(_Quiet):
    """A line for each epoch, where tqdm is missing."""

    def write(self, line: str) -> None:
        """Print the line."""
        print(line, flush=True)


@torch.no_grad()
def evaluate(
    model: nn.Module, split: Split, *, loss: Loss = nn.functional.cross_entropy, size: int = 1000
) -> dict[str, float]:
    """Return the mean loss over a split and, where its targets are classes, the accuracy.

    Args:
        model: on the device of the split; it is put into evaluation mode and back.
        split: images and targets, torch tensors.
        loss: the mean over a batch.
        size: examples at a time.

    Returns:
        `loss`, and `accuracy` from 0 to 1.
    """
    was_training = model.training
    model.eval()
    sums = {"loss": 0.0}
    for x, y in zip(split.x.split(size), split.y.split(size), strict=True):
        outputs = model(x)
        sums["loss"] += float(loss(outputs, y)) * len(y)
        if not y.is_floating_point():
            right = int((outputs.argmax(dim=1) == y).sum())
            sums["accuracy"] = sums.get("accuracy", 0) + right
    model.train(was_training)
    return {name: value / len(split) for name, value in sums.items()}


def _check_steps(optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimiser that computes the loss anew within a step."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is inspect.Parameter.empty:
        raise ValueError(
            f"optimizer must make a step from one gradient, got {type(optimizer).__name__}, whose "
            "step needs a closure: call it in a loop of your own"
        )


def _line(epoch: dict[str, float], epochs: int) -> str:
    accuracy = epoch.get("validation_accuracy")
    last = f"accuracy {accuracy:.2%}" if accuracy is not None else ""
    return (
        f"epoch {epoch['epoch']}/{epochs}  loss {epoch['train_loss']:.4f}  "
        f"validation loss {epoch['validation_loss']:.4f}  {last}"
    ).rstrip()


def _mixed(seed: int, *place: int) -> int:
    """Return a seed of its own for each seed and place: a CPU's generator reads 32 bits of it."""
    text = " ".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())


def _generator(device: torch.device) -> torch.Generator:
    """Return the generator that dropout draws from; its own `manual_seed` is thirty times as fast.

    As `torch.manual_seed`, that is, which seeds every backend.
    """
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[device.index or 0]
    is_mps = device.type == "mps"
    return torch.mps._get_default_mps_generator() if is_mps else torch.default_generator


def _own_randomness(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Leave the caller's random numbers as they were."""
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; the second interrupts as always."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(number: int, frame: Any) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
