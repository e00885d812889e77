import functools
import gzip
import hashlib
import http.server
import os
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from descent import data

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


def idx(array):
    """Return the bytes of an IDX file, compressed."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    # Without the time, so that parallel workers collect the same test ids.
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that $DESCENT_DATA names, with small sets in the official layouts."""
    monkeypatch.setenv(data.FOLDER, str(tmp_path))
    monkeypatch.setattr(data, "_fetched", no_network)
    rng = np.random.default_rng(0)
    for name in ("mnist", "fashion-mnist"):
        (tmp_path / name).mkdir()
        for file in data.MNIST:
            shape = (40, 28, 28) if "images" in file else (40,)
            (tmp_path / name / file).write_bytes(idx(rng.integers(0, 10, shape)))
    (tmp_path / "cifar-10-batches-py").mkdir()
    for file in [*data.BATCHES, "test_batch"]:
        content = {b"data": rng.integers(0, 256, (8, 3072), np.uint8), b"labels": [1] * 8}
        path = tmp_path / "cifar-10-batches-py" / file
        path.write_bytes(pickle.dumps(content, protocol=2))
    return tmp_path


def no_network(*_):
    raise OSError("no network")


# --- what comes back ----------------------------------------------------------------------------


def test_the_digits_are_split_and_standardised_by_the_training_images():
    digits = data.load("digits")
    assert [len(s) for s in (digits.train, digits.validation, digits.test)] == [1257, 180, 360]
    assert digits.train.x.shape[1:] == (1, 8, 8)
    assert abs(digits.train.x.mean()) < 1e-5
    assert abs(digits.train.x.std() - 1) < 1e-5
    assert abs(digits.test.x.mean()) > 1e-4  # by numbers that are not its own
    assert set(digits.test.y) == set(range(10))


def test_the_splits_share_no_image_and_depend_on_the_seed_alone():
    one, two, other = data.load("digits"), data.load("digits"), data.load("digits", seed=1)
    np.testing.assert_array_equal(one.train.x, two.train.x)
    assert not np.array_equal(one.train.y, other.train.y)
    seen = np.concatenate([s.x * one.std + one.mean for s in (one.train, one.validation, one.test)])
    from sklearn.datasets import load_digits

    assert sorted(map(tuple, (seen.reshape(-1, 64) * 16).round().tolist())) == sorted(
        map(tuple, load_digits().data.tolist())
    )


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("mnist", (1, 28, 28), [35, 5, 40]),
        ("fashion-mnist", (1, 28, 28), [35, 5, 40]),
        ("cifar10", (3, 32, 32), [35, 5, 8]),
    ],
)
def test_files_in_the_folder_are_used_as_they_are(folder, name, shape, counts):
    loaded = data.load(name)
    assert [len(s) for s in (loaded.train, loaded.validation, loaded.test)] == counts
    assert loaded.train.x.shape[1:] == shape
    assert loaded.train.x.dtype == np.float32
    assert loaded.mean.shape == (shape[0], 1, 1)


def test_pixels_and_labels_are_those_of_the_file(folder):
    images = np.arange(40 * 784).reshape(40, 28, 28) % 251
    labels = np.arange(40) % 10
    (folder / "mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (folder / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    loaded = data.load("mnist")
    pixels = (loaded.test.x * loaded.std + loaded.mean) * 255
    np.testing.assert_allclose(pixels[:, 0], images, atol=1e-3)
    np.testing.assert_array_equal(loaded.test.y, labels)


def test_batches_hold_every_example_once_and_images_stay_with_their_labels():
    split = data.Split(np.arange(10.0), np.arange(10))
    drawn = list(data.batches(split, 4, np.random.default_rng(0)))
    assert [len(batch) for batch in drawn] == [4, 4, 2]
    assert sorted(np.concatenate([b.y for b in drawn])) == list(range(10))
    assert all((b.x == b.y).all() for b in drawn)


def test_tensors_come_on_the_device_that_is_asked_for():
    torch = pytest.importorskip("torch", reason="tensors are torch's")
    digits = data.load("digits").to("cpu")
    assert digits.train.x.dtype is torch.float32
    assert digits.train.y.dtype is torch.int64


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "mnits"}, "name must be one of .*'digits'.*got 'mnits'"),
        ({"name": "digits", "validation": 1.0}, r"validation must be a share in \(0, 1\), got 1.0"),
    ],
)
def test_a_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


IMAGES = "train-images-idx3-ubyte.gz"
GOOD = idx(np.zeros((40, 28, 28)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[:-20], "cut off or corrupt"),
        (GOOD[:60] + b"garbage" + GOOD[67:], "cut off or corrupt"),
        (b"<html>not found</html>", "cut off or corrupt"),
        (gzip.compress(b"hello", mtime=0), "no IDX file"),
        (idx(np.zeros(40)), "no IDX file"),
        (idx(np.zeros((40, 27, 28))), r"arrays of shape \(28, 28\)"),
        (gzip.compress(gzip.decompress(GOOD)[:-1], mtime=0), r"arrays of shape \(28, 28\)"),
        (idx(np.zeros((39, 28, 28))), "must have 39 labels"),
    ],
)
def test_a_damaged_file_of_mnist_is_named(folder, content, message):
    (folder / "mnist" / IMAGES).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        data.load("mnist")
    assert "mnist" in str(error.value)
    assert "ubyte.gz" in str(error.value)


class Evil:
    """What a pickle can ask a reader to run."""

    def __reduce__(self):
        return os.system, ("true",)


def batch(x, y):
    return pickle.dumps({b"data": x, b"labels": y}, protocol=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (batch(np.zeros((8, 3072), np.uint8), [0] * 8)[:-40], "cut off or corrupt"),
        (b"", "cut off or corrupt"),
        (pickle.dumps({b"labels": [1]}, protocol=2), "cut off or corrupt"),
        (batch(np.zeros((8, 3071), np.uint8), [0] * 8), r"shape \(8, 3072\)"),
        (batch(np.zeros((8, 3072), np.uint8), [0] * 7), r"shape \(7, 3072\)"),
        (batch(np.zeros((8, 3072), np.uint8), [0, -1] * 4), "labels from 0 to 9, got -1 to 0"),
        (pickle.dumps(Evil(), protocol=2), "is not of an array"),
    ],
)
def test_a_damaged_file_of_cifar10_is_named(folder, content, message):
    (folder / "cifar-10-batches-py" / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        data.load("cifar10")
    assert "data_batch_3" in str(error.value)


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch"])
def test_a_missing_batch_is_named(folder, file):
    (folder / "cifar-10-batches-py" / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"{file} is missing"):
        data.load("cifar10")


def test_a_label_that_is_no_class_is_named(folder):
    labels = folder / "mnist" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(idx(np.full(40, 10)))
    with pytest.raises(ValueError, match=r"train-labels.* labels from 0 to 9, got 10 to 10"):
        data.load("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_without_file_and_network_the_error_says_what_to_do(name, monkeypatch):
    monkeypatch.delenv(data.FOLDER, raising=False)
    monkeypatch.setattr(data, "_fetched", no_network)
    with pytest.raises(FileNotFoundError, match=r"no network.*set DESCENT_DATA.*digits"):
        data.load(name)


def test_without_scikit_learn_the_error_says_so(monkeypatch):
    monkeypatch.setattr(data.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="scikit-learn: install it"):
        data.load("digits")


def test_without_pooch_the_error_says_so(monkeypatch):
    monkeypatch.delenv(data.FOLDER, raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileNotFoundError, match="pooch"):
        data.load("mnist")


# --- fetching -----------------------------------------------------------------------------------


@pytest.fixture
def mirror(folder, monkeypatch, tmp_path_factory):
    """A mirror on this machine behind one that is down, and an empty cache."""
    pooch = pytest.importorskip("pooch", reason="files are fetched by pooch")
    handler = functools.partial(Quiet, directory=folder / "mnist")
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.undo()
    monkeypatch.delenv(data.FOLDER, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _: cache)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setitem(data.MIRRORS, "mnist", ("http://127.0.0.1:9/", here))
        yield folder / "mnist"
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *_):
        """Say nothing."""


def sums(folder):
    return {f: hashlib.md5((folder / f).read_bytes()).hexdigest() for f in data.MNIST}


def test_files_are_fetched_once_from_the_mirror_that_answers(mirror, monkeypatch):
    read = data._mnist("mnist", sums(mirror))
    monkeypatch.setitem(data.READERS, "mnist", read)
    first = data.load("mnist")
    for file in data.MNIST:
        (mirror / file).unlink()
    np.testing.assert_array_equal(data.load("mnist").train.x, first.train.x)


def test_a_fetched_file_of_another_checksum_is_refused(mirror):
    with pytest.raises(FileNotFoundError, match="hash"):
        data.load("mnist")


# --- the real files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file", "counts"),
    [
        ("mnist", f"mnist/{IMAGES}", (52_500, 7_500, 10_000)),
        ("cifar10", "cifar-10-batches-py/test_batch", (43_750, 6_250, 10_000)),
    ],
)
def test_the_real_sets_have_their_sizes(name, file, counts):
    own = os.environ.get(data.FOLDER)
    if not own or not Path(own, file).exists():
        pytest.skip(f"{file} is not in ${data.FOLDER}")
    loaded = data.load(name)
    assert tuple(len(s) for s in (loaded.train, loaded.validation, loaded.test)) == counts
    assert np.bincount(loaded.test.y).min() > 800
