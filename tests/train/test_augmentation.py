"""Random changes of images: what they do to pixels, and that a seed decides them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from descent.train.augmentation import Augmentation, cropped, cut_out, flipped

IMAGES = torch.arange(1.0, 1 + 200 * 2 * 6 * 6).view(200, 2, 6, 6)


def test_a_crop_is_a_window_of_the_padded_image_and_every_window_comes():
    padded = np.pad(IMAGES.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    torch.manual_seed(0)
    seen = set()
    for image, found in zip(padded, cropped(IMAGES, 1).numpy(), strict=True):
        places = [
            (i, j)
            for i in range(3)
            for j in range(3)
            if np.array_equal(image[:, i : i + 6, j : j + 6], found)
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) == 9


def test_half_of_the_images_are_mirrored_and_nothing_else_happens():
    torch.manual_seed(0)
    found = flipped(IMAGES)
    is_same = (found == IMAGES).all(dim=(1, 2, 3))
    assert torch.equal(found[~is_same], IMAGES[~is_same].flip(3))
    assert 70 < int(is_same.sum()) < 130


@pytest.mark.parametrize("side", [1, 2, 3, 20])
def test_a_cut_is_a_square_that_may_stick_out(side):
    torch.manual_seed(0)
    holes = cut_out(IMAGES, side) == 0
    assert torch.equal(holes[:, 0], holes[:, 1])
    counts = holes[:, 0].sum(dim=(1, 2)).tolist()
    assert max(counts) == min(side, 6) ** 2
    assert min(counts) >= 1
    for hole in holes[:, 0]:
        rows, columns = hole.any(1), hole.any(0)
        assert torch.equal(hole, rows[:, None] & columns)


def test_the_changes_leave_what_came_in_and_follow_the_seed():
    change, before = Augmentation(crop=2, flip=True, cutout=3), IMAGES.clone()
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(change(IMAGES))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert torch.equal(IMAGES, before)
    assert found[0].shape == IMAGES.shape
    assert torch.equal(Augmentation()(IMAGES), IMAGES)


@pytest.mark.parametrize("wrong", [{"crop": -1}, {"cutout": 1.5}, {"crop": True}])
def test_a_wrong_number_of_pixels_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 0"):
        Augmentation(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_images_are_changed_where_they_lie():
    assert Augmentation(crop=2, flip=True, cutout=3)(IMAGES.cuda()).device.type == "cuda"
