"""A picture of few bytes looks as it did, and still says what it said."""

import errno
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from descent import plotting
from tools.book.pictures import keep, lighter


@pytest.fixture(scope="module")
def drawn():
    """Return a figure with a line in each colour, as matplotlib writes it."""
    fig, ax = plotting.figure()
    for place, colour in enumerate(plotting.COLORS):
        ax.plot([0, 1], [place, place + 1.5], color=colour, label=f"lr = {place}")
    ax.legend()
    file = BytesIO()
    fig.savefig(file, dpi=200, metadata={"Comment": '{"step t": "第 t 步"}'})
    plt.close(fig)
    return file.getvalue()


def shades(png):
    """Return the pixels of a picture: (height, width, 3)."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def test_a_lighter_picture_has_less_than_half_the_bytes_and_the_same_shades(drawn):
    before, after = shades(drawn), shades(lighter(drawn))
    off = np.abs(before - after).max(axis=-1)
    assert len(lighter(drawn)) < len(drawn) / 2
    assert off.max() <= 20
    assert (off > 8).mean() < 0.001
    assert (after[2, 2] == 255).all()  # the ground stays white: in the dark it becomes the page's


@pytest.mark.parametrize("colour", plotting.COLORS)
def test_a_line_keeps_its_colour(drawn, colour):
    before, after = shades(drawn), shades(lighter(drawn))
    ink = np.array(Image.new("RGB", (1, 1), colour))[0, 0].astype(int)
    here = (before == ink).all(axis=-1)
    assert here.sum() > 100
    assert np.abs(after[here] - ink).max() <= 1


def test_its_texts_and_its_resolution_stay(drawn):
    before, after = (Image.open(BytesIO(png)).info for png in (drawn, lighter(drawn)))
    assert after == before
    assert "第 t 步" in after["Comment"]


def test_a_light_picture_is_left_alone(drawn):
    assert lighter(lighter(drawn)) == lighter(drawn)


def test_so_many_colours_and_no_more(drawn):
    assert len(Image.open(BytesIO(lighter(drawn, 16))).getcolors()) <= 16


def test_a_full_disk_leaves_no_picture_that_the_next_build_takes(tmp_path, monkeypatch):
    def fill(path, data):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="No space"):
        keep(b"png", tmp_path / "stills" / "one.png")
    assert list((tmp_path / "stills").iterdir()) == []
