"""Source 001's example, made to work: a Keras network on synthetic data, and its curves.

Its labels are drawn at random, so there is nothing to learn: the training loss falls, because the
network learns its examples by heart, and on new data Adam is as good as chance, and so is SGD.
Beside it the same network gets labels that a hidden linear map gives, and learns them.

`python examples/keras_mlp.py` trains both, with Adam and with SGD, and prints the accuracies;
`--record` writes them to `book/results/keras-mlp.json`, which the book draws. It needs
`pip install keras torch` (the extra `keras` of this package).
"""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

RESULTS = Path(__file__).resolve().parent.parent / "book" / "results" / "keras-mlp.json"
EXAMPLES, FEATURES, CLASSES = 1000, 20, 10
SEEDS = range(4)

OPTIMISERS = {
    "Adam": lambda: keras.optimizers.Adam(learning_rate=0.001),
    "SGD": lambda: keras.optimizers.SGD(learning_rate=0.01),
}


def random_labels(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return source 001's data: inputs, and labels that know nothing of them."""
    x = rng.standard_normal((EXAMPLES, FEATURES))
    return x, rng.integers(0, CLASSES, EXAMPLES)


def teacher_labels(rng: np.random.Generator) -> tuple[Any, Any]:
    """Return the same inputs with the labels of a hidden linear map."""
    x = rng.standard_normal((EXAMPLES, FEATURES))
    return x, (x @ rng.standard_normal((FEATURES, CLASSES))).argmax(1)


DATA = {"random labels": random_labels, "a teacher's labels": teacher_labels}


def network() -> keras.Model:
    """Return source 001's network, without the arguments that it ignores."""
    return keras.Sequential(
        [
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def train(data: str, optimiser: str, seed: int, epochs: int = 10) -> dict[str, list[float]]:
    """Return loss and accuracy after each epoch, on the training set and on the last fifth."""
    keras.utils.set_random_seed(seed)
    x, y = DATA[data](np.random.default_rng(seed))
    model = network()
    model.compile(
        optimizer=OPTIMISERS[optimiser](),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    fit = model.fit(x, y, epochs=epochs, batch_size=32, validation_split=0.2, verbose=0)
    return {name: [float(value) for value in values] for name, values in fit.history.items()}


def main() -> None:
    """Train each network on each data set, print the last accuracies, record if asked."""
    runs = []
    for data in DATA:
        for optimiser in OPTIMISERS:
            histories = [train(data, optimiser, seed, epochs=40) for seed in SEEDS]
            mean = {
                name: np.mean([history[name] for history in histories], axis=0).round(4).tolist()
                for name in histories[0]
            }
            runs.append({"data": data, "optimiser": optimiser, **mean})
            print(
                f"{data}, {optimiser}: training accuracy {mean['accuracy'][-1]:.2f}, "
                f"validation accuracy {mean['val_accuracy'][-1]:.2f}"
            )
    if "--record" in sys.argv:
        content = {
            "command": "python examples/keras_mlp.py --record",
            "versions": {name: version(name) for name in ("keras", "torch", "numpy")},
            "device": "CPU",
            "seeds": list(SEEDS),
            "runs": runs,
        }
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
