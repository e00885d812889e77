"""A text trained on: the chapters, and one's own."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from descent import data, models
from descent.rules import Adam
from descent.torch_optim import Optimizer
from descent.train import command, evaluate, fit
from tools.book import text

CHAPTERS = data.load("chapters")


def written(split):
    return ["".join(CHAPTERS.labels[i] for i in row) for row in split]


def bigram_loss(train, split, classes):
    """The cross-entropy of the next character given the one before, in nats."""
    counts = np.full((classes, classes), 0.05)
    np.add.at(counts, (train.x, train.y), 1)
    return -np.log(counts / counts.sum(1, keepdims=True))[split.x, split.y].mean()


def test_the_chapters_are_the_bytes_on_which_recorded_runs_depend():
    file = Path(data.__file__).with_name("chapters.txt.gz")
    assert hashlib.md5(file.read_bytes()).hexdigest() == "a00a5189e0d466d3fa721fedb1199601"
    assert data._chapters().startswith("# Gradient descent\n")


def test_without_the_file_the_package_is_to_be_installed_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "__file__", str(tmp_path / "data.py"))
    with pytest.raises(FileNotFoundError, match=r"chapters\.txt\.gz is missing.*install"):
        data.load("chapters")


def test_each_character_is_followed_by_the_one_that_follows_it_in_the_text():
    whole = data._chapters()
    splits = (CHAPTERS.train, CHAPTERS.validation, CHAPTERS.test)
    for split in splits:
        assert split.x.dtype == split.y.dtype == np.int64
        np.testing.assert_array_equal(split.x[:, 1:], split.y[:, :-1])
    pieces = [x + y[-1] for s in splits for x, y in zip(written(s.x), written(s.y), strict=True)]
    assert len(pieces) == (len(whole) - 1) // 64
    assert all(piece in whole for piece in pieces[::40])
    assert "".join(written(CHAPTERS.test.x)) in whole  # the end of the text, in one
    assert CHAPTERS.classes == len(set(whole))


def test_what_is_left_of_a_page_is_its_prose():
    page = (
        "---\nkernelspec: python\n---\n# Title\n\n(label)=\nWords, $x$.\n\n"
        "````{solution-start}\n```{code-cell}\nprint(1)\n```\n````\n\n\nMore `code`.\n"
    )
    assert text.prose(page) == "# Title\n\nWords, $x$.\n\nMore `code`."
    assert text.text().startswith("# Gradient descent\n")


def run(folder, *options):
    """Train on a short text by the command line; return the status."""
    source = folder / "own.txt"
    source.write_text("the cat sat on the mat. " * 60, encoding="utf-8")
    out = ["--out", str(folder / "run.json"), "--image-size", "16", "--batch-size", "8"]
    return command.main(
        ["--model", "transformer", "--width", "0.5", "--data", str(source), *out, *options]
    )


def test_ones_own_text_is_learnt_scored_and_gone_on_with(tmp_path, capsys):
    assert run(tmp_path, "--epochs", "15", "--lr", "1e-2") == 0
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["test"]["accuracy"] > 0.7
    assert record["test"]["loss"] < 1
    weights = str(tmp_path / "run.pt")
    capsys.readouterr()
    assert command.main(["evaluate", weights, "--out", str(tmp_path / "scores.json")]) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["loss"] == record["test"]["loss"]
    assert command.main(["evaluate", weights, "--mistakes", str(tmp_path / "a.png")]) == 2
    assert command.main(["evaluate", weights, "--data", "chapters"]) == 2
    (tmp_path / "start.txt").write_text("on the mat. the ca")
    capsys.readouterr()
    assert command.main(["predict", weights, str(tmp_path / "start.txt"), "--top", "1"]) == 0
    assert "'t' " in capsys.readouterr().out
    (tmp_path / "start.txt").write_text("Ω")
    assert command.main(["predict", weights, str(tmp_path / "start.txt")]) == 2
    assert "must be of the characters of the data, got ['Ω']" in capsys.readouterr().err


def test_a_run_that_is_resumed_is_the_run_that_was_not(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    fixed = ("--schedule", "constant", "--dropout", "0.1")
    assert run(tmp_path / "whole", "--epochs", "2", *fixed) == 0
    assert run(tmp_path / "parts", "--epochs", "1", *fixed) == 0
    assert run(tmp_path / "parts", "--epochs", "2", "--resume", *fixed) == 0
    one, other = (torch.load(tmp_path / k / "run.pt")["model"] for k in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "mlp", "--data", "chapters"], "model must be for a text, such as transformer"),
        (["--model", "transformer", "--data", "digits"], "model must be for images, such as mlp"),
        (
            ["--model", "transformer", "--data", "chapters", "--augment", "flip"],
            "--augment and --channels-last are for images",
        ),
    ],
)
def test_a_net_or_an_option_for_images_is_refused_for_a_text(options, message, capsys):
    assert command.main(options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"short",
            "own.txt is no text to train on: it must have 20 pieces of 64 characters, got 0",
        ),
        (b"a" * 2000, "two characters or more, got 'a'"),
        (b"\xff" * 2000, "own.txt is no text to train on"),
    ],
)
def test_a_text_that_cannot_be_learnt_is_named(content, message, tmp_path):
    (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.load(str(tmp_path / "own.txt"))


@pytest.mark.nightly
def test_a_minute_on_one_core_beats_the_bigrams():
    torch.manual_seed(0)
    sets = CHAPTERS.to("cpu")
    model = models.get("transformer", (64,), sets.classes)
    fit(model, sets, Optimizer(model.parameters(), Adam(3e-3), flat=True), epochs=4, batch_size=16)
    known = bigram_loss(CHAPTERS.train, CHAPTERS.test, CHAPTERS.classes)
    assert evaluate(model, sets.test)["loss"] < known - 0.3
