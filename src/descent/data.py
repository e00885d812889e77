"""The data sets of the chapters, and one's own: digits, MNIST, Fashion-MNIST, CIFAR-10, texts.

`load("digits")` needs no network and no file: scikit-learn carries the images, as the package does
the text of the chapters, `load("chapters")`. The others are read
from the folder that the environment variable `DESCENT_DATA` names, if they lie there, and are
fetched with checksums by pooch into a cache if not. The sets are small enough to lie on the device
that trains on them, so there are no worker processes: images are decoded once.

>>> digits = load("digits")
>>> digits.train.x.shape, digits.train.x.dtype, digits.classes
((1257, 1, 8, 8), dtype('float32'), 10)
"""

import gzip
import importlib.util
import io
import os
import pickle
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent import _check, _own_data
from descent._numbers import plain

__all__ = [
    "FOLDER",
    "MNIST",
    "FASHION",
    "CIFAR10",
    "MIRRORS",
    "BATCHES",
    "Split",
    "Data",
    "images_as_targets",
    "Pixels",
    "Raw",
    "names",
    "load",
    "READERS",
    "TEXTS",
    "LABELS",
    "batches",
]

FOLDER = "DESCENT_DATA"
"""The environment variable that names the folder of the files."""

MNIST = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""MNIST's files and their MD5 sums, as torchvision has them."""

FASHION = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""The same for Fashion-MNIST."""

CIFAR10 = {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"}
"""The same for CIFAR-10."""

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    "cifar10": ("https://www.cs.toronto.edu/~kriz/",),
}
"""Where the files of each data set are fetched, in the order in which it is tried."""

BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
"""The names of CIFAR-10's five files of training images."""


@dataclass(frozen=True)
class Split:
    """Images x, shape (N, channels, rows, columns), float32, and labels y, shape (N,), int64.

    Of a text x and y are numbers of characters, int64, both of shape (N, length): y has at each
    place what follows x there.
    """

    x: Any
    y: Any

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Data:
    """A data set, its images less `mean` and over `std`, both by channel and of `train` alone.

    The classes of a text are its characters.

    Attributes:
        name: as in `load`.
        classes: how many there are.
        train, validation, test: the splits; tune on `validation`, report on `test`, once.
        mean, std: float32, shape (channels, 1, 1), in the units of a pixel from 0 to 1; empty for a
            text.
        labels: the names of the classes, in order.
    """

    name: str
    classes: int
    train: Split
    validation: Split
    test: Split
    mean: Any
    std: Any
    labels: tuple[str, ...] = ()

    def mapped(self, change: Callable[[Split], Split]) -> "Data":
        """Return the data with a function of a split applied to all three."""
        train, validation, test = map(change, (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test)

    def to(self, device: Any) -> "Data":
        """Return the splits as torch tensors on a device, such as "cpu" or "cuda"."""
        import torch

        return self.mapped(
            lambda split: Split(*(torch.as_tensor(a).to(device) for a in (split.x, split.y)))
        )


def images_as_targets(data: Data) -> Data:
    """Return the data of an autoencoder, in torch: each image, flat, is its own target."""
    return data.mapped(lambda split: Split(split.x, split.x.flatten(1)))


Pixels = NDArray[np.uint8]
"""Images as they are stored: whole numbers from 0 to 255."""

Raw = tuple[tuple[Pixels, Pixels], tuple[Pixels, Pixels]]
"""Images and labels, of training and of test, before they are scaled."""


def names() -> list[str]:
    """Return the names of the data sets."""
    return [*READERS, *TEXTS]


def load(name: str, *, validation: float = 0.125, seed: int = 0, size: int | None = None) -> Data:
    """Return a data set.

    One's own is given by its path: a folder that has a folder of pictures for each class, or has
    folders `train` and `test` of that kind; or an NPZ file with images `x` and labels `y`, or with
    `x_train`, `y_train`, `x_test` and `y_test`. Where nothing is marked for the test, a fifth is
    set apart. Or by the path of a text, TXT or MD: it is cut into pieces of `size` characters, and
    its last tenth is the test.

    Args:
        name: one of `names()`, or the path of a folder, an NPZ file or a text.
        validation: the share of the training examples that is set apart, in (0, 1).
        seed: which images these are; where there are no test images, as with the digits, those too.
        size: rows and columns to which the pictures of a folder are scaled, by default none is; of
            a text, the characters of a piece, by default 64.

    Raises:
        ValueError: no set has that name, the share is out of range, or a file is not what it should
            be: cut off, corrupt, or of another shape. The message names the file.
        FileNotFoundError: the files are not there and cannot be fetched; the message says what was
            sought and where to put it.
    """
    if name not in names() and not Path(name).exists():
        raise ValueError(f"name must be one of {names()}, or the path of your own, got {name!r}")
    if not (_check.is_number(validation) and 0 < validation < 1):
        raise ValueError(f"validation must be a share in (0, 1), got {validation!r}")
    _check.count("seed", seed)
    rng = np.random.default_rng(plain(seed))
    (x, y), test, labels = _read(name, rng, size)
    order = rng.permutation(len(x))
    held, kept = np.split(order, [round(plain(validation) * len(x))])
    if not len(held) or not len(kept):
        raise ValueError(
            f"validation must be a share that leaves some of the {len(x)} examples on both sides, "
            f"got {validation!r}"
        )
    parts = (x[kept], y[kept]), (x[held], y[held]), test
    if x.ndim == 2:  # a text
        none = np.zeros((0, 1, 1), np.float32)
        train, held_out, end = (Split(*part) for part in parts)
        return Data(name, len(labels), train, held_out, end, none, none, labels)
    scale = (16 if name == "digits" else 255) if x.dtype == np.uint8 else 1
    mean, std = _moments(x[kept].astype(np.float32) / np.float32(scale))

    def split(images: Pixels, labels: Pixels) -> Split:
        scaled = (images / np.float32(scale) - mean) / std
        return Split(scaled.astype(np.float32), labels.astype(np.int64))

    splits = split(*parts[0]), split(*parts[1]), split(*parts[2])
    return Data(name, len(labels), *splits, mean, std, labels)


def _read(name: str, rng: np.random.Generator, size: int | None) -> _own_data.Own:
    """Return the examples of a set, before they are scaled."""
    if size is not None:
        _check.positive_count("size", size)
    if name in TEXTS:
        return _own_data.pieces(TEXTS[name](), size)
    if name not in READERS:
        return _own_data.read(Path(name), rng, size)
    if size is not None:
        raise ValueError(f"size must be left out for {name}, whose images have one, got {size}")
    return _own_data.Own(*READERS[name](rng), LABELS.get(name, tuple("0123456789")))


def _moments(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    axes = (0, 2, 3)
    mean, std = x.mean(axis=axes, dtype=np.float64), x.std(axis=axes, dtype=np.float64)
    std = std + (std == 0)  # a channel that never changes stays 0
    return mean[:, None, None].astype(np.float32), std[:, None, None].astype(np.float32)


def _digits(rng: np.random.Generator) -> Raw:
    # Read from scikit-learn's folder: to import `sklearn.datasets.load_digits` takes seconds.
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the digits come with scikit-learn: install it")
    file = Path(spec.origin).parent / "datasets/data/digits.csv.gz"
    table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    x, y = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1]
    order = rng.permutation(len(x))
    test, train = np.split(order, [360])
    return (x[train], y[train]), (x[test], y[test])


def _chapters() -> str:
    file = Path(__file__).with_name("chapters.txt.gz")
    if not file.exists():
        raise FileNotFoundError(
            f"{file} is missing, which comes with the package: install descent-to-adam anew"
        )
    return gzip.decompress(file.read_bytes()).decode()


def _mnist(folder: str, sums: dict[str, str]) -> Callable[[np.random.Generator], Raw]:
    def read(_: np.random.Generator) -> Raw:
        paths = [_found(folder, file, md5) for file, md5 in sums.items()]
        train, test = (_pair(*paths[i : i + 2]) for i in (0, 2))
        return train, test

    return read


def _pair(images: Path, labels: Path) -> tuple[Pixels, Pixels]:
    x, y = _idx(images, (28, 28)), _idx(labels, ())
    if len(x) != len(y):
        raise ValueError(f"{labels} must have {len(x)} labels as {images.name}, got {len(y)}")
    _check_labels(labels, y)
    return x[:, None], y


def _check_labels(path: Path, y: Any) -> None:
    """Require classes from 0 to 9: another would fail much later, or train a wrong net."""
    if len(y) and not 0 <= y.min() <= y.max() <= 9:
        raise ValueError(f"{path} must hold labels from 0 to 9, got {y.min()} to {y.max()}")


def _idx(path: Path, shape: tuple[int, ...]) -> Pixels:
    """Return the array of bytes that an IDX file holds, shape (N, *shape)."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is cut off or corrupt: {error}. Fetch it anew") from error
    magic = bytes([0, 0, 8, 1 + len(shape)])
    end = 4 + 4 * (1 + len(shape))
    if content[:4] != magic or len(content) < end:
        raise ValueError(f"{path} is no IDX file of bytes with {1 + len(shape)} axes")
    count, *rest = np.frombuffer(content[4:end], dtype=">u4").tolist()
    if tuple(rest) != shape or len(content) != end + count * int(np.prod(shape)):
        raise ValueError(f"{path} must hold arrays of shape {shape}, got {tuple(rest)}, {count}")
    return np.frombuffer(content, dtype=np.uint8, offset=end).reshape(count, *shape)


def _cifar10(_: np.random.Generator) -> Raw:
    folder = _cifar10_folder()
    train = [_batch(folder / name) for name in BATCHES]
    x, y = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return (x, y), _batch(folder / "test_batch")


def _cifar10_folder() -> Path:
    own = os.environ.get(FOLDER)
    folder = Path(own or "", "cifar-10-batches-py")
    if own and folder.is_dir():  # a file that is missing in it is named when it is read
        return folder
    ((file, md5),) = CIFAR10.items()
    archive = _found("cifar10", file, md5, unpack=True)
    return archive / "cifar-10-batches-py"


class _Arrays(pickle.Unpickler):
    """Reads pickles of NumPy arrays, and runs nothing else that a file may ask for."""

    allowed = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs")

    def find_class(self, module: str, name: str) -> Any:
        """Return what an array is made with."""
        if module not in self.allowed or name not in ("_reconstruct", "ndarray", "dtype", "encode"):
            raise pickle.UnpicklingError(f"{module}.{name} is not of an array")
        return super().find_class(module, name)


def _batch(path: Path) -> tuple[Pixels, Pixels]:
    """Return the images and labels of a file of CIFAR-10."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing beside the other files of CIFAR-10")
    try:
        content = _Arrays(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        x, y = np.asarray(content[b"data"]), np.asarray(content[b"labels"])
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is cut off or corrupt: {error!r}. Fetch it anew") from error
    if x.dtype != np.uint8 or x.shape != (len(y), 3072):
        raise ValueError(f"{path} must hold bytes of shape ({len(y)}, 3072), got {x.shape}")
    _check_labels(path, y)
    return x.reshape(-1, 3, 32, 32), y.astype(np.uint8)


def _found(folder: str, file: str, md5: str, *, unpack: bool = False) -> Path:
    """Return the path of a file: the reader's own, used as it is, or a fetched one."""
    own = os.environ.get(FOLDER)
    if own and not unpack and (path := Path(own, folder, file)).exists():
        return path
    try:
        return _fetched(folder, file, md5, unpack)
    except Exception as error:  # no pooch, no network, a wrong checksum: the advice is the same
        place = Path(own or f"${FOLDER}", *(() if unpack else (folder,)))
        what = "cifar-10-batches-py" if unpack else file
        raise FileNotFoundError(
            f"{what} of {folder} is not in {place}, and fetching {file} failed ({error}). Put it "
            f'there and set {FOLDER}, or load("digits"), which needs no file'
        ) from error


def _fetched(folder: str, file: str, md5: str, unpack: bool) -> Path:
    import pooch

    cache = Path(pooch.os_cache("descent"), folder)
    processor = pooch.Untar(extract_dir=str(cache)) if unpack else None
    errors: list[str] = []
    for mirror in MIRRORS[folder]:
        try:
            options: dict[str, Any] = {"path": cache, "fname": file, "processor": processor}
            pooch.retrieve(mirror + file, f"md5:{md5}", progressbar=_has_tqdm(), **options)
            return cache if unpack else cache / file
        except (OSError, ValueError) as error:
            errors.append(f"{mirror}: {error}")
    raise OSError("; ".join(errors))


def _has_tqdm() -> bool:
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return False
    return True


READERS: dict[str, Callable[[np.random.Generator], Raw]] = {
    "digits": _digits,
    "mnist": _mnist("mnist", MNIST),
    "fashion-mnist": _mnist("fashion-mnist", FASHION),
    "cifar10": _cifar10,
}
"""The function that reads each data set of images."""

TEXTS: dict[str, Callable[[], str]] = {"chapters": _chapters}
"""The same for texts. The chapters' are of 28 November 2026, without code and formulas in boxes.

They stay as they were, so that recorded runs can be repeated: CC BY 4.0, as the book.
"""


LABELS = {
    "fashion-mnist": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
}
"""The names of the classes, where they are not digits."""


def batches(split: Split, size: int, rng: np.random.Generator) -> Iterable[Split]:
    """Yield the examples of a split in random order, `size` at a time, the last fewer.

    >>> digits = load("digits")
    >>> [len(b) for b in batches(digits.test, 100, np.random.default_rng(0))]
    [100, 100, 100, 60]
    """
    order = rng.permutation(len(split))
    for i in range(0, len(order), size):
        chosen = order[i : i + size]
        yield Split(split.x[chosen], split.y[chosen])
