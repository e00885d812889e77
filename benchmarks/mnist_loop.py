"""The MLP of MNIST, trained by `descent.train` and by the loop that tutorials show, in turns.

The other loop is source 003's, line by line: a data set that decodes a picture at a time
(torchvision's MNIST with `ToTensor`, written out, since torchvision has no build for PyTorch
without CUDA), a `DataLoader`, `torch.optim.Adam` with its defaults. Both train the same network on
the same images; ours scores the validation split after each epoch besides.
`OMP_NUM_THREADS=2 python -m benchmarks.mnist_loop` needs MNIST in `$DESCENT_DATA` or the network,
takes some minutes, and writes `book/results/mnist-loop.json`.
"""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from descent import data, models
from descent.data import Data, Split
from descent.rules import Adam
from descent.schedules import Cosine
from descent.torch_optim import Optimizer
from descent.train import evaluate, fit
from descent.train.command import described, device_named, versions

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results" / "mnist-loop.json"
ROUNDS = 3
EPOCHS = 5
BATCH = 64


class Pictures(Dataset[tuple[Tensor, int]]):
    """Pictures that are decoded one by one, as torchvision's MNIST and `ToTensor` do it."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.x[index], int(self.y[index])
        picture = Image.fromarray(image.numpy(), mode="L")
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True)).view(28, 28, 1)
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255), label


class Net(nn.Module):
    """The network of source 003."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 512)
        self.fc2 = nn.Linear(512, 256)
        self.fc3 = nn.Linear(256, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = x.view(-1, 28 * 28)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        out: Tensor = self.fc3(x)
        return out


def tutorial_loop(images: Data, epochs: int) -> tuple[float, nn.Module]:
    """Train as source 003 does; return the seconds and the model."""
    x = torch.as_tensor(images.train.x * images.std + images.mean).mul(255).round().byte()[:, 0]
    loader = DataLoader(Pictures(x, images.train.y), batch_size=BATCH, shuffle=True)
    model, criterion = Net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    start = time.perf_counter()
    for epoch in range(epochs):
        for i, (pictures, labels) in enumerate(loader):
            loss = criterion(model(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if (i + 1) % 100 == 0:
                print(f"Epoch [{epoch + 1}/{epochs}], Step [{i + 1}/{len(loader)}], "
                      f"Loss: {loss.item():.4f}")  # fmt: skip
    return time.perf_counter() - start, model


def our_loop(images: Data, epochs: int, compiled: bool = False) -> tuple[float, nn.Module]:
    """Train as `python -m descent.train --model mlp --data mnist` does, validation included.

    What is compiled is compiled before the clock starts, by a few steps.
    """
    model = models.mlp()
    optimizer = Optimizer(model.parameters(), Adam(1e-3), flat=True, compile=compiled)
    if compiled:
        model.compile()
        few = images.mapped(lambda split: Split(split.x[: 3 * BATCH], split.y[: 3 * BATCH]))
        fit(model, few, optimizer, epochs=1, batch_size=BATCH)
    steps = len(images.train) // BATCH * epochs
    start = time.perf_counter()
    fit(model, images, optimizer, epochs=epochs, batch_size=BATCH, schedule=Cosine(1e-3, steps))
    return time.perf_counter() - start, model


def network_alone(images: Data, epochs: int) -> tuple[float, nn.Module]:
    """Compute the gradient of one batch as often as a run does, and nothing else."""
    model = models.mlp()
    x, y = images.train.x[:BATCH], images.train.y[:BATCH]
    start = time.perf_counter()
    for _ in range(len(images.train) // BATCH * epochs):
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - start, model


def accuracy_of_tutorial(model: nn.Module, images: Data) -> float:
    """Return its test accuracy, on pictures from 0 to 1 as it was trained on."""
    x = torch.as_tensor(images.test.x * images.std + images.mean)
    with torch.no_grad():
        return float((model(x).argmax(1) == torch.as_tensor(images.test.y)).double().mean())


def main() -> None:
    """Let the loops take turns for an epoch each, then train both to the end."""
    images = data.load("mnist")
    ours = images.to("cpu")
    loops = {
        "tutorial": lambda epochs: tutorial_loop(images, epochs),
        "descent": lambda epochs: our_loop(ours, epochs),
    }
    timed = loops | {
        "descent, compiled": lambda epochs: our_loop(ours, epochs, compiled=True),
        "network alone": lambda epochs: network_alone(ours, epochs),
    }
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(ROUNDS):
        for name, loop in timed.items():
            torch.manual_seed(turn)
            seconds[name].append(loop(1)[0])
            print(f"turn {turn + 1}: {name}, {seconds[name][-1]:.2f} s an epoch", flush=True)
    whole, accuracy = {}, {}
    for name, loop in loops.items():
        torch.manual_seed(0)
        whole[name], model = loop(EPOCHS)
        scores = evaluate(model, ours.test)["accuracy"]
        accuracy[name] = scores if name == "descent" else accuracy_of_tutorial(model, images)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    content = {
        "command": "OMP_NUM_THREADS=2 python -m benchmarks.mnist_loop",
        "versions": versions(),
        "device": described(device_named("cpu")),
        "seeds": list(range(ROUNDS)),
        "images": len(images.train),
        "seconds_per_epoch": seconds,
        "ratio": medians["tutorial"] / medians["descent"],
        "ratios": {name: medians["tutorial"] / value for name, value in medians.items()},
        "epochs": EPOCHS,
        "seconds": whole,
        "test_accuracy": accuracy,
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, ratio in content["ratios"].items():
        print(f"tutorial / {name}: {ratio:.2f}")
    print(f"accuracy {accuracy}; to reach: 3.5 compiled")


if __name__ == "__main__":
    main()
