"""A reader's own data: a folder of pictures, arrays in an NPZ file, or a text."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
"""Of the files in a folder that are taken for pictures."""

TEST_SHARE = 0.2
"""Of the examples, set apart where none are marked for the test."""

LENGTH = 64
"""Characters of a piece of a text, unless another number is given."""

TEXT_TEST_SHARE = 0.1
"""Of a text, its end, set apart."""

Examples = tuple[NDArray[Any], NDArray[Any]]
"""Images, shape (N, channels, rows, columns), whole from 0 to 255 or from 0 to 1, and labels.

Of a text, the numbers of characters and of those that follow them, each of shape (N, length).
"""


class Own(NamedTuple):
    """Examples for training and for the test, and the names of the classes, in order."""

    train: Examples
    test: Examples
    labels: tuple[str, ...]


def read(path: Path, rng: np.random.Generator, size: int | None) -> Own:
    """Return the examples in a folder, an NPZ file or a text.

    Raises:
        ValueError: they are not what `data.load` describes; the message names the file.
    """
    if path.suffix.lower() in (".txt", ".md"):
        return _text(path, size)
    train, test = _folder(path, size) if path.is_dir() else _npz(path)
    if test is None:
        train, test = _divided(train, rng)
    labels = np.unique(np.concatenate([train[1], test[1]]))
    if len(labels) < 2:
        raise ValueError(f"{path} must hold two classes or more, got {labels.tolist()}")
    (x, y), (test_x, test_y) = train, test
    names = tuple(map(str, labels.tolist()))
    return Own((x, labels.searchsorted(y)), (test_x, labels.searchsorted(test_y)), names)


def _text(path: Path, size: int | None) -> Own:
    try:
        return pieces(path.read_text(encoding="utf-8"), size)
    except ValueError as error:  # of UTF-8 too
        raise ValueError(f"{path} is no text to train on: {error}") from error


def pieces(text: str, size: int | None = None) -> Own:
    """Return the pieces of a text, each beside the same piece one character on.

    Args:
        text: its characters are the classes, in the order of Unicode.
        size: characters of a piece, by default 64. The last few that fill none are left out.

    Raises:
        ValueError: the text has fewer than twenty pieces, or one character alone.
    """
    length = LENGTH if size is None else size
    count = (len(text) - 1) // length
    if count < 20:
        raise ValueError(f"it must have 20 pieces of {length} characters, got {max(count, 0)}")
    characters, numbers = np.unique(np.array(list(text)), return_inverse=True)
    if len(characters) < 2:
        raise ValueError(f"it must have two characters or more, got {text[:1]!r}")
    x, y = (numbers[i : i + count * length].reshape(count, length) for i in (0, 1))
    end = round((1 - TEXT_TEST_SHARE) * count)
    return Own((x[:end], y[:end]), (x[end:], y[end:]), tuple(characters.tolist()))


def _divided(examples: Examples, rng: np.random.Generator) -> tuple[Examples, Examples]:
    x, y = examples
    test, train = np.split(rng.permutation(len(y)), [round(TEST_SHARE * len(y))])
    return (x[train], y[train]), (x[test], y[test])


def _folder(path: Path, size: int | None) -> tuple[Examples, Examples | None]:
    if not (path / "train").is_dir():
        return _pictures(path, size), None
    test = path / "test"
    return _pictures(path / "train", size), _pictures(test, size) if test.is_dir() else None


def _pictures(path: Path, size: int | None) -> Examples:
    """Return the pictures of a folder that has a folder for each class."""
    files = sorted(
        file
        for kind in path.iterdir()
        if kind.is_dir() and not kind.name.startswith(".")
        for file in kind.iterdir()
        if file.suffix.lower() in ENDINGS
    )
    if not files:
        raise ValueError(f"{path} must hold a folder of pictures for each class, got none")
    pictures = [picture(file, size=size) for file in files]
    for file, one in zip(files, pictures, strict=True):
        if one.shape[:2] != pictures[0].shape[:2]:
            raise ValueError(
                f"{path} must hold pictures of one size, got {pictures[0].shape[:2]} and "
                f"{one.shape[:2]} in {file.name}: give a size, to which each is scaled"
            )
    if len({picture.shape[2] for picture in pictures}) > 1:  # some in colour, some in grey
        pictures = [np.broadcast_to(p, (*p.shape[:2], 3)) for p in pictures]
    labels = np.array([file.parent.name for file in files])
    return np.stack(pictures).transpose(0, 3, 1, 2), labels


def picture(path: Path, channels: int | None = None, size: int | None = None) -> NDArray[np.uint8]:
    """Return a picture, shape (rows, columns, channels).

    Args:
        path: of the file.
        channels: 1 for grey, 3 for colour; by default those that it has.
        size: rows and columns, to which it is scaled; by default those that it has.

    Raises:
        ValueError: Pillow is not installed, or cannot read the file.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ValueError('pictures need Pillow: pip install "descent-to-adam[data]"') from error
    try:
        with Image.open(path) as file:
            is_grey = channels == 1 or (channels is None and file.mode in ("1", "L", "LA"))
            image = file.convert("L" if is_grey else "RGB")
    except OSError as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error
    if size is not None:
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(image, np.uint8).reshape(image.height, image.width, -1)


def _npz(path: Path) -> tuple[Examples, Examples | None]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zip, zlib and NumPy have their own
        raise ValueError(f"{path} is no NPZ file that can be read: {error}") from error
    if {"x", "y"} <= arrays.keys():
        return _checked(path, arrays["x"], arrays["y"]), None
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        parts = [_checked(path, arrays[f"x_{k}"], arrays[f"y_{k}"]) for k in ("train", "test")]
        return parts[0], parts[1]
    raise ValueError(
        f"{path} must hold x and y, or x_train, y_train, x_test and y_test, got {sorted(arrays)}"
    )


def _checked(path: Path, x: NDArray[Any], y: NDArray[Any]) -> Examples:
    """Return images with their channels first, and as many labels."""
    x = x[:, None] if x.ndim == 3 else x
    if x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        raise ValueError(
            f"{path} must hold images of shape (N, rows, columns), with 1 or 3 channels behind N "
            f"or at the end, got {x.shape}"
        )
    if y.shape in ((len(x), 1), (len(x),)) and y.dtype.kind in "iuUS":
        y = y.reshape(-1)
    else:
        raise ValueError(
            f"{path} must hold a whole number or a name as label of each of {len(x)} images, "
            f"got {y.dtype} of shape {y.shape}"
        )
    is_share = x.dtype.kind == "f" and len(x) and 0 <= x.min() <= x.max() <= 1
    if x.dtype != np.uint8 and not is_share:
        raise ValueError(f"{path} must hold bytes, or numbers from 0 to 1, got {x.dtype}")
    return x, y
