"""The training loop, on one device or several."""

import contextlib
import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from descent import _check
from descent._numbers import plain
from descent.data import Data, Split
from descent.train import _chance as chance
from descent.train import _identity as identity
from descent.train import _progress as shown
from descent.train import _recompute as recompute
from descent.train import checkpoint as files
from descent.train import workers

__all__ = [
    "CHECK",
    "PRECISIONS",
    "Loss",
    "NonFiniteLossError",
    "History",
    "Callback",
    "fit",
    "Settings",
    "evaluate",
]

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
            the latter where the targets are classes; with averaged weights,
            `average_validation_loss` and `average_validation_accuracy` too.
        seconds: of training, evaluation included; of a run that was resumed, of all its parts.
        finished: False where Ctrl-C or a callback ended it.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = False


Callback = Callable[[nn.Module, History], object]
"""What is called after each epoch, with the model that is judged; a true answer ends the run."""


def fit(
    model: nn.Module,
    data: Data,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    batch_size: int = 64,
    seed: int = 0,
    loss: Loss = nn.functional.cross_entropy,
    validation_loss: Loss | None = None,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = None,
    precision: str = "float32",
    accumulate: int = 1,
    augment: Callable[[Tensor], Tensor] | None = None,
    average: "AveragedModel | None" = None,
    checkpoint_activations: bool = False,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | Path | None = None,
    notes: dict[str, Any] | None = None,
    resume: bool = False,
    save_seconds: float = 30.0,
    progress: bool = False,
) -> History:
    """Train a model in place, where its parameters lie, and return what happened.

    Each epoch takes the training images in a new random order, `batch_size` at a time; the few that
    fill no batch wait for the next epoch. All that is random follows from `seed` and the step, so a
    run that was killed and resumed repeats, bit for bit on a CPU, one that was not.

    Ctrl-C ends the run after the step it is in, saves the checkpoint and returns. So does SIGTERM,
    which a scheduler of jobs sends before it takes the machine away.

    Args:
        model: on the device to train on.
        data: from `data.load`; it is moved to that device.
        optimizer: of the model's parameters: `torch_optim.Optimizer`, or any of PyTorch whose step
            needs no closure.
        epochs: at least 1.
        batch_size: examples a step, over all processes; at most the training split.
        seed: of the order of the examples and of dropout. The weights are the caller's.
        loss: cross-entropy by default, for logits and classes.
        validation_loss: that of the validation split, by default `loss`; where that has label
            smoothing, the plain one.
        schedule: the learning rate as a function of the step t = 1, 2, ...; by default the
            optimiser's own. A parameter group with an entry `lr_scale` has so many times the rate.
        clip: the largest norm of the gradient, over all parameters; by default any.
        precision: "float32"; "bfloat16" or "float16" for the forward pass, the latter with scaled
            losses and on a GPU alone.
        accumulate: the parts in which each process takes its share of a batch, one after the other.
            Their gradients are added up before the step.
        augment: changes the images of a batch, such as `augmentation.Augmentation`. What it draws
            from PyTorch's generator follows from `seed` and the step.
        average: made of the model by `torch.optim.swa_utils.AveragedModel`, for a moving average of
            the weights: updated after each step, scored beside the model, and kept with it.
        checkpoint_activations: keep less between the forward and the backward pass, and compute it
            again: the same numbers in less memory and more time.
        callbacks: each is called after each epoch, in process 0, with the model that is judged (the
            average, where there is one) and the history. If one returns True the run ends there. A
            sharded model takes all processes to answer, so there each is called in all of them.
        checkpoint: a file for weights and states, written about every `save_seconds`, at the end,
            and on Ctrl-C.
        notes: plain values that the checkpoint keeps as they are, such as how the model was made.
        resume: go on from the checkpoint, if it is there. Model, data, optimiser and settings must
            be those of the run that saved it; functions, such as a schedule, are compared by their
            values. More epochs may be asked for, then with another schedule for the steps to come.
        save_seconds: at 0 it is saved every 50 steps.
        progress: show a bar on stderr and print a line for each epoch.

    Raises:
        ValueError: an argument is outside its range; the checkpoint is of another run.
        NonFiniteLossError: the loss became infinite or NaN; it says at which step, and what to try.
    """
    settings = Settings(
        *(epochs, batch_size, seed, schedule, clip, precision, accumulate, augment),
        checkpoint_activations,
    )
    data = data.to(next(model.parameters()).device)
    path = Path(checkpoint) if checkpoint else None
    losses = loss, validation_loss or loss
    run = _Run(model, data, optimizer, losses, settings, average, callbacks)
    run.keep_in(path, notes or {}, save_seconds)
    if resume and path and path.exists():
        run.restore(files.load(path))
    elif path:
        files.check_writable(path)
    with _interrupts() as interrupted, shown.bar(progress, run.total, run.step) as bar:
        run.train(interrupted, bar)
    run.finish()
    return run.history()


_CHECKS = {
    "epochs": _check.positive_count,
    "batch_size": _check.positive_count,
    "seed": _check.count,
    "accumulate": _check.positive_count,
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
    accumulate: int = 1
    augment: Callable[[Tensor], Tensor] | None = None
    checkpoint_activations: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without the data."""
        _check.each_field(self, _CHECKS)
        for name, what in {"schedule": "the step", "augment": "images"}.items():
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise ValueError(f"{name} must be a function of {what}, got {value!r}")
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
        if self.batch_size % (workers.size() * self.accumulate):
            raise ValueError(
                f"batch_size must be a multiple of the {workers.size()} processes times "
                f"accumulate = {self.accumulate}, got {self.batch_size}"
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
        losses: tuple[Loss, Loss],
        settings: Settings,
        average: "AveragedModel | None",
        callbacks: Sequence[Callback],
    ) -> None:
        settings.check_with(data)
        _check_steps(optimizer)
        if settings.checkpoint_activations:
            recompute.check(model)
        self.model, self.data, self.optimizer, self.settings = model, data, optimizer, settings
        self.loss, self.validation_loss = losses
        self.average, self.callbacks, self.is_over = average, callbacks, False
        self.device = data.train.x.device
        half = settings.precision == "float16"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)
        self.generator = chance.generator_of(self.device)
        self.per_epoch = len(data.train) // settings.batch_size
        self.total = self.per_epoch * settings.epochs
        self.losses = torch.zeros(self.total, device=self.device)
        self.step, self.checked, self.seconds = 0, 0, 0.0
        self.started = time.monotonic()
        self.epochs: list[dict[str, float]] = []
        self.optimizer.zero_grad()  # a flat one lays out its memory before DDP looks at it
        self.replica = workers.replicated(model)

    def keep_in(self, path: Path | None, notes: dict[str, Any], save_seconds: float) -> None:
        """Say where to save, what with, and how often."""
        self.path, self.notes, self.save_seconds = path, notes, save_seconds
        self.saved = time.monotonic()

    def train(self, interrupted: threading.Event, bar: Any) -> None:
        """Make the steps that are left."""
        self.model.train()
        self._to_points("train")
        with chance.kept(self.device):
            while self.step < self.total:
                epoch, first = divmod(self.step, self.per_epoch)
                for batch in self._order(epoch)[first:]:
                    self._make_step(batch)
                    bar.update(1)
                    if self._is_time_to_look(interrupted) and self._look(interrupted, bar):
                        return

    def finish(self) -> None:
        """Leave the model at the weights that are judged."""
        self._to_points("eval")

    def _is_time_to_look(self, interrupted: threading.Event) -> bool:
        at_mark = self.step % CHECK == 0 or self.step % self.per_epoch == 0
        return at_mark or (interrupted.is_set() and workers.size() == 1)

    def _make_step(self, batch: Tensor) -> None:
        """Make one step of the optimiser, by this process's part of the batch."""
        self.generator.manual_seed(chance.mixed(self.settings.seed, self.step, workers.rank()))
        if self.settings.schedule:
            lr = self.settings.lr(self.step + 1)
            for group in self.optimizer.param_groups:
                group["lr"] = lr * group.get("lr_scale", 1)
        self.optimizer.zero_grad()
        *firsts, last = workers.own_part(batch).chunk(self.settings.accumulate)
        with workers.apart(self.replica):  # the processes average once, with the last part
            for part in firsts:
                self._add_gradient(part)
        self._add_gradient(last)
        if self.settings.clip:  # of the gradient itself: unscaled first
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1

    def _add_gradient(self, part: Tensor) -> None:
        """Add the gradient of a part of the batch, and its loss, by its share of the batch."""
        x, y = self.data.train.x[part], self.data.train.y[part]
        if self.settings.augment:
            x = self.settings.augment(x)
        with self._autocast(), self._memory():
            value = self.loss(self.replica(x), y)
        if self.settings.accumulate > 1:
            value = value / self.settings.accumulate
        self.scaler.scale(value).backward()  # type: ignore[no-untyped-call]
        self.losses[self.step].add_(value.detach())

    def _look(self, interrupted: threading.Event, bar: Any) -> bool:
        """Check the losses, end the epoch where it ends, save; return whether to stop."""
        self._check_losses()
        bar.set_postfix(loss=f"{float(self.losses[self.step - 1]):.4g}", refresh=False)
        if self.step % self.per_epoch == 0:
            self._end_epoch(bar)
        stop = workers.any_of(interrupted.is_set() or self.is_over, self.device)
        self._save(at_once=stop or self.step == self.total)
        return stop

    def _check_losses(self) -> None:
        """Bring the new losses together from all processes; stop at one that is no number."""
        # On a GPU this waits for the device; so it is done once in CHECK steps.
        new = workers.mean(self.losses[self.checked : self.step])
        if not new.isfinite().all():
            first = self.checked + int((~new.isfinite()).nonzero()[0]) + 1
            raise NonFiniteLossError(first, self._lr(first), self.settings.clip, self.history())
        self.checked = self.step

    def _end_epoch(self, bar: Any) -> None:
        means = self.losses[self.step - self.per_epoch : self.step].mean(dtype=torch.float64)
        epoch = {"epoch": self.step // self.per_epoch, "step": self.step, "lr": self._lr(self.step)}
        epoch["train_loss"] = float(means)
        self._to_points("eval")  # of a schedule-free rule: its averages are judged
        for kind, model in {"": self.model, "average_": self.average}.items():
            if model is not None:
                epoch |= {f"{kind}validation_{name}": v for name, v in self._scores(model).items()}
        self.epochs.append(epoch)
        if workers.rank() == 0 or workers.is_sharded(self.model):
            judged = self.model if self.average is None else self.average
            answers = [call(judged, self.history()) for call in self.callbacks]
            self.is_over = any(answers)
        self._to_points("train")
        bar.write(shown.line(self.epochs[-1], self.settings.epochs))

    def _to_points(self, mode: str) -> None:
        """Let an optimiser that has two points, as schedule-free ones have, go to one of them."""
        getattr(self.optimizer, mode, lambda: None)()

    def _scores(self, model: nn.Module) -> dict[str, float]:
        with self._autocast():
            return evaluate(model, self.data.validation, loss=self.validation_loss)

    def _lr(self, t: int) -> float:
        """Return the learning rate of step t."""
        lr = self.settings.schedule or self.optimizer.param_groups[0]["lr"]
        return float(plain(lr(t) if callable(lr) else lr))

    def _order(self, epoch: int) -> Tensor:
        """Return the batches of an epoch, as rows of indices: the same in every process."""
        generator = torch.Generator().manual_seed(chance.mixed(self.settings.seed, epoch))
        order = torch.randperm(len(self.data.train), generator=generator)
        rows = order[: self.per_epoch * self.settings.batch_size].view(self.per_epoch, -1)
        return rows.to(self.device)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        dtype = PRECISIONS[self.settings.precision]
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def _memory(self) -> contextlib.AbstractContextManager[Any]:
        spares = self.settings.checkpoint_activations
        return recompute.recomputed(self.model) if spares else contextlib.nullcontext()

    def _save(self, *, at_once: bool) -> None:
        # Each process has its own clock, and a save gathers from all: they decide together.
        late = time.monotonic() - self.saved >= self.save_seconds
        if not self.path or not workers.any_of(at_once or late, self.device):
            return
        content = {
            "settings": self._identity(),
            "step": self.step,
            "total": self.total,
            "model": workers.model_state(self.model),
            "optimizer": workers.optimizer_state(self.model, self.optimizer),
            "scaler": self.scaler.state_dict(),
            "average": self.average and workers.model_state(self.average),
            "notes": self.notes,
            "losses": self.losses[: self.step].clone(),
            "epochs": self.epochs,
            "seconds": self._seconds(),
        }
        if workers.rank() == 0:
            files.save(self.path, content)
        self.saved = time.monotonic()

    def _depends_on_parts(self) -> bool:
        return self.settings.augment is not None or identity.depends_on_parts(self.model)

    def _identity(self, epochs: int | None = None) -> dict[str, Any]:
        """Return what a run that goes on must share with the one that was saved."""
        settings = self.settings
        steps = self.per_epoch * (epochs or settings.epochs)
        with self._autocast():
            answers = identity.answers(self.model, self.data.train, self.loss)
        shared = {k: v for k, v in vars(settings).items() if k != "checkpoint_activations"}
        return shared | {
            "schedule": settings.schedule and identity.values_of(settings.schedule, steps),
            "augment": settings.augment and identity.in_words(settings.augment),
            "average": self.average and identity.of_average(self.average),
            "optimizer": identity.of_optimizer(self.optimizer, steps),
            "layers": identity.of_model(self.model),
            "data": identity.of_data(self.data),
            "processes": workers.size() if self._depends_on_parts() else None,
            **answers,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Go to where the checkpoint was saved; where it cannot be, all stays as it was."""
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        try:
            workers.load_model(self.model, content["model"])
            self._compare(identity.FORMERLY | content["settings"])
            workers.load_optimizer(self.model, self.optimizer, content["optimizer"])
        except RuntimeError as error:
            self.model.load_state_dict(before)
            raise ValueError(f"model must be that of {self.path}: {error}") from error
        except ValueError:
            self.model.load_state_dict(before)
            raise
        self.scaler.load_state_dict(content["scaler"])
        if self.average is not None:
            workers.load_model(self.average, content["average"])
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
            places = y[0].numel()  # 1, or the length of a text
            sums["accuracy"] = sums.get("accuracy", 0) + right / places
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


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C, or a SIGTERM, into an event; the second interrupts at once."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(number: int, frame: Any) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
