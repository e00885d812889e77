"""A reader's own data: what is read as what, and what is refused by name."""

import numpy as np
import pytest

from descent import data

Image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")

RNG = np.random.default_rng(0)


def pictures(folder, counts, size=(12, 12), mode="L"):
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for i in range(count):
            shape = size if mode == "L" else (*size, 3)
            Image.fromarray(RNG.integers(0, 256, shape, np.uint8), mode).save(
                folder / label / f"{i}.png"
            )


def test_a_folder_of_a_folder_for_each_class_is_read_and_a_fifth_set_apart(tmp_path):
    pictures(tmp_path, {"cat": 20, "ant": 30})
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    loaded = data.load(str(tmp_path))
    assert loaded.labels == ("ant", "cat")
    assert [len(s) for s in (loaded.train, loaded.validation, loaded.test)] == [35, 5, 10]
    assert loaded.train.x.shape[1:] == (1, 12, 12)
    assert loaded.classes == 2
    every = np.concatenate([s.y for s in (loaded.train, loaded.validation, loaded.test)])
    assert np.bincount(every).tolist() == [30, 20]


def test_a_test_folder_is_the_test(tmp_path):
    pictures(tmp_path / "train", {"a": 8, "b": 8}, mode="RGB")
    pictures(tmp_path / "test", {"a": 1, "b": 2}, mode="RGB")
    loaded = data.load(str(tmp_path))
    assert loaded.test.y.tolist() == [0, 1, 1]
    assert loaded.train.x.shape == (14, 3, 12, 12)
    pixels = loaded.test.x[0] * loaded.std + loaded.mean
    file = np.array(Image.open(tmp_path / "test" / "a" / "0.png"))
    np.testing.assert_allclose(pixels.transpose(1, 2, 0), file / 255, atol=1e-6)


def test_pictures_of_several_sizes_and_colours_become_one(tmp_path):
    pictures(tmp_path, {"a": 9})
    pictures(tmp_path / "more", {"b": 9}, size=(9, 14), mode="RGB")
    (tmp_path / "more" / "b").rename(tmp_path / "b")
    (tmp_path / "more").rmdir()
    with pytest.raises(ValueError, match=r"one size, got \(12, 12\) and \(9, 14\) in 0.png: give"):
        data.load(str(tmp_path))
    assert data.load(str(tmp_path), size=8).train.x.shape[1:] == (3, 8, 8)


FORMS = {
    "grey": ((40, 9, 9), (1, 9, 9)),
    "first": ((40, 3, 9, 9), (3, 9, 9)),
    "last": ((40, 9, 9, 3), (3, 9, 9)),
    "last, one": ((40, 9, 9, 1), (1, 9, 9)),
}


@pytest.mark.parametrize(("shape", "image"), FORMS.values(), ids=FORMS)
def test_arrays_in_each_usual_order_are_read(shape, image, tmp_path):
    x, y = RNG.integers(0, 256, shape, np.uint8), np.arange(40) % 3 + 5
    np.savez(tmp_path / "own.npz", x=x, y=y)
    loaded = data.load(str(tmp_path / "own.npz"))
    assert loaded.labels == ("5", "6", "7")
    assert loaded.train.x.shape[1:] == image
    np.savez(tmp_path / "shares.npz", x=x / 255, y=y[:, None])
    shares = data.load(str(tmp_path / "shares.npz"))
    np.testing.assert_allclose(shares.train.x, loaded.train.x, atol=1e-5)
    np.savez(tmp_path / "four.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    four = data.load(str(tmp_path / "four.npz"))
    assert four.test.y.tolist() == [0, 1, 2, 0]
    assert len(four.train) + len(four.validation) == 40


def test_a_channel_that_never_changes_is_no_division_by_zero(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.arange(40) % 2)
    assert not data.load(str(tmp_path / "own.npz")).train.x.any()


X, Y = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 2
WRONG = {
    "keys": ({"images": X}, r"must hold x and y, or .*got \['images'\]"),
    "shape": ({"x": np.zeros((40, 8), np.uint8), "y": Y}, r"got \(40, 8\)"),
    "channels": ({"x": np.zeros((40, 8, 8, 2), np.uint8), "y": Y}, r"got \(40, 8, 8, 2\)"),
    "range": ({"x": X + 0.5 + 1, "y": Y}, "must hold bytes, or numbers from 0 to 1, got float64"),
    "count": ({"x": X, "y": Y[:-1]}, r"label of each of 40 images, got int64 of shape \(39,\)"),
    "labels": ({"x": X, "y": Y + 0.5}, "a whole number or a name as label"),
    "classes": ({"x": X, "y": 0 * Y}, r"two classes or more, got \[0\]"),
    "code": ({"x": X, "y": np.array([{}] * 40)}, "is no NPZ file that can be read"),
}


@pytest.mark.parametrize(("arrays", "message"), WRONG.values(), ids=WRONG)
def test_arrays_that_are_no_images_with_labels_are_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=rf"own.npz .*{message}"):
        data.load(str(tmp_path / "own.npz"))


def test_a_folder_without_pictures_or_with_a_broken_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a folder of pictures for each class, got none"):
        data.load(str(tmp_path))
    pictures(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"0.png is no picture that can be read"):
        data.load(str(tmp_path))


def test_a_name_that_is_no_path_and_a_size_that_is_not_asked_for_are_refused():
    with pytest.raises(ValueError, match="or the path of your own, got 'no-such-set'"):
        data.load("no-such-set")
    with pytest.raises(ValueError, match="size must be left out for digits"):
        data.load("digits", size=9)
