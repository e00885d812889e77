"""The versions that stand for Colab's are whole, and PyTorch is the book's."""

import re

from tools import colab


def test_each_package_has_a_version():
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in colab.COLAB.values())
    assert {"numpy", "matplotlib", "scikit-learn", "tqdm", "pooch"} <= colab.COLAB.keys()


def test_the_list_says_when_and_where_it_was_read():
    source = colab.__file__
    with open(source, encoding="utf-8") as file:
        assert re.search(
            r"as of \d{4}-\d\d-\d\d, from `pip-freeze.txt` of .+\n?.*commit", file.read()
        )


def test_pytorch_is_pinned_apart():
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+", colab.torch())
    assert "torch" not in colab.COLAB
