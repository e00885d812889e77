"""What a run leaves behind, and what can be done with it."""

import csv
import json
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
Image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")

from descent import data, models
from descent.train import checkpoint, command, evaluate, saved, uses

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of two epochs, with every log."""
    folder = tmp_path_factory.mktemp("run")
    out = ["--out", str(folder / "run.json"), "--csv", str(folder / "run.csv")]
    options = [
        "--hidden",
        "32",
        "--dropout",
        "0.1",
        "--lr",
        "1e-2",
        "--epochs",
        "2",
        "--ema",
        "0.9",
    ]
    assert command.main(["--model", "mlp", *options, *out]) == 0
    return folder


@pytest.mark.parametrize("name", ["run.pt", "run.best.pt"])
def test_a_file_says_which_net_it_holds_and_loads_without_its_script(name, run):
    found = saved.load_model(run / name)
    record = json.loads((run / "run.json").read_text())
    scores = evaluate(found.model, DIGITS.to("cpu").test)
    assert scores["accuracy"] == record["test"]["accuracy"]  # the last epoch was the best
    assert not found.model.training
    assert found.notes["options"] == {"hidden": [32], "dropout": 0.1}
    assert found.notes["labels"] == [str(i) for i in range(10)]
    assert found.step == 38
    torch.load(run / name, weights_only=True)
    pixels = torch.from_numpy(DIGITS.test.x * DIGITS.std + DIGITS.mean)
    assert torch.allclose(found.prepared(pixels), torch.from_numpy(DIGITS.test.x), atol=1e-5)
    assert np.array_equal(found.load_data().test.y, DIGITS.test.y)


def test_the_csv_has_a_line_for_each_epoch(run):
    rows = list(csv.DictReader((run / "run.csv").open()))
    epochs = json.loads((run / "run.json").read_text())["epochs"]
    assert [{k: float(v) for k, v in row.items()} for row in rows] == epochs
    assert command.main(["--model", "mlp", "--csv", str(run / "run.csv")]) == 2


def test_a_split_is_evaluated_class_by_class(run, tmp_path, capsys):
    files = ["--out", str(tmp_path / "scores.json"), "--mistakes", str(tmp_path / "wrong.png")]
    assert command.main(["evaluate", str(run / "run.pt"), *files]) == 0
    printed = capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text())
    record = json.loads((run / "run.json").read_text())
    assert scores["accuracy"] == record["test"]["accuracy"]
    matrix = np.array(scores["confusion"])
    assert matrix.sum(axis=1).tolist() == np.bincount(DIGITS.test.y).tolist()
    assert matrix.trace() / 360 == pytest.approx(scores["accuracy"])
    recall = matrix[3, 3] / matrix[3].sum()
    assert scores["classes"]["3"]["recall"] == pytest.approx(recall)
    assert f"accuracy {scores['accuracy']:.2%}" in printed
    wrong = 360 - matrix.trace()
    assert f"{min(20, wrong)} of {wrong} mistakes" in printed
    drawn = np.array(Image.open(tmp_path / "wrong.png").convert("L"))
    assert len(np.unique(drawn)) > 10
    assert command.main(["evaluate", str(run / "run.pt"), "--split", "validation"]) == 0
    assert "validation: 180 examples" in capsys.readouterr().out


def test_pictures_and_arrays_get_the_same_answer(run, tmp_path, capsys):
    pixels = DIGITS.test.x[:4] * DIGITS.std + DIGITS.mean
    as_bytes = np.round(pixels * 255).astype(np.uint8)
    np.save(tmp_path / "many.npy", as_bytes)
    np.save(tmp_path / "last.npy", as_bytes[0].transpose(1, 2, 0))
    np.save(tmp_path / "flat.npy", as_bytes[0, 0] / 255)
    Image.fromarray(as_bytes[0, 0]).save(tmp_path / "one.png")
    Image.fromarray(255 - as_bytes[0, 0]).save(tmp_path / "ink.png")
    Image.fromarray(np.kron(as_bytes[0, 0], np.ones((4, 4), np.uint8))).save(tmp_path / "big.png")
    names = ["many.npy", "last.npy", "flat.npy", "one.png", "big.png"]
    files = [str(tmp_path / name) for name in names]
    assert command.main(["predict", str(run / "run.pt"), *files, "--top", "1"]) == 0
    lines = [line.rsplit(": ", 1) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 8
    digit = lines[0][1].split()[0]
    assert {words for place, words in lines if not place.endswith(("[1]", "[2]", "[3]"))} <= {
        words for _, words in lines if words.split()[0] == digit
    }
    ink = ["predict", str(run / "run.pt"), str(tmp_path / "ink.png"), "--invert", "--top", "1"]
    assert command.main(ink) == 0
    assert capsys.readouterr().out.rsplit(": ", 1)[1].strip() == lines[6][1]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_curves_of_several_runs_are_drawn(ending, run, tmp_path, capsys):
    other = tmp_path / "other.json"
    other.write_text((run / "run.json").read_text())
    out = tmp_path / f"curves.{ending}"
    assert command.main(["plot", str(run / "run.json"), str(other), "--out", str(out)]) == 0
    assert out.stat().st_size > 5000
    if ending == "svg":
        assert out.read_text().count('id="line2d_') > 10


def test_a_log_for_tensorboard_is_read_by_tensorboard_and_resumed(tmp_path):
    pytest.importorskip("tensorboard", reason="it reads what it is given")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out, logs = tmp_path / "run.json", tmp_path / "logs"
    train = ["--model", "mlp", "--hidden", "8", "--batch-size", "600", "--out", str(out)]
    assert command.main([*train, "--epochs", "1", "--tensorboard", str(logs)]) == 0
    assert command.main([*train, "--epochs", "3", "--tensorboard", str(logs), "--resume"]) == 0
    events = EventAccumulator(str(logs))
    events.Reload()
    record = json.loads(out.read_text())
    for name, values in {
        "loss/step": record["losses"],
        "accuracy/validation": [e["validation_accuracy"] for e in record["epochs"]],
    }.items():
        found = [event.value for event in events.Scalars(name)]
        np.testing.assert_allclose(found, values, rtol=1e-6)
    assert [event.step for event in events.Scalars("loss/step")] == [1, 2, 3, 4, 5, 6]


OWN = """
import torch

def net(image, classes, width=3):
    width = int(width)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, width), torch.nn.ReLU(),
                               torch.nn.Linear(width, classes))

def nothing(image, classes):
    return None
"""


def test_a_net_of_ones_own_is_trained_and_its_file_runs_no_code_unasked(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "own_nets.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "run.json"
    train = ["--epochs", "1", "--batch-size", "600", "--out", str(out)]
    assert command.main(["--model", "own_nets:net", "--width", "5", *train]) == 0
    monkeypatch.delitem(sys.modules, "own_nets")
    assert command.main(["evaluate", str(out.with_suffix(".pt"))]) == 2
    assert "--model own_nets:net runs that function" in capsys.readouterr().err
    assert "own_nets" not in sys.modules
    with pytest.raises(ValueError, match="got 'os:system'"):
        saved.load_model(out.with_suffix(".pt"), "os:system")
    found = saved.load_model(out.with_suffix(".pt"), "own_nets:net")
    assert models.count(found.model) == 65 * 5 + 6 * 10
    wrong = {
        "own_nets:nothing": "must return a torch.nn.Module, got NoneType",
        "own_nets:missing": "model must be module:function",
        "no_such_module:net": "No module named 'no_such_module'",
        "own_nets:torch": "must take (image, classes, ...)",
    }
    for name, message in wrong.items():
        assert command.main(["--model", name, *train, "--force"]) == 2
        assert message in capsys.readouterr().err


def test_own_data_are_trained_on_and_found_again(tmp_path, capsys):
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = rng.integers(0, 100, (200, 10, 10), np.uint8)
    x[y == 1, :5] += 100
    np.savez(tmp_path / "own.npz", x=x, y=np.array(["dark", "light"])[y])
    out = tmp_path / "run.json"
    train = ["--model", "mlp", "--hidden", "16", "--data", str(tmp_path / "own.npz")]
    assert command.main([*train, "--out", str(out), "--lr", "1e-2"]) == 0
    assert json.loads(out.read_text())["test"]["accuracy"] == 1.0
    np.save(tmp_path / "one.npy", x[1])
    assert command.main(["predict", str(out.with_suffix(".pt")), str(tmp_path / "one.npy"),
                         "--top", "1"]) == 0  # fmt: skip
    assert ": light " in capsys.readouterr().out


def test_bad_input_is_one_line_and_status_2(run, tmp_path, capsys):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.json").write_text("{}")
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "wide.npy", np.zeros((1, 9, 9)))
    np.save(tmp_path / "bright.npy", np.full((8, 8), 7.0))
    checkpoint.save(tmp_path / "bare.pt", {"step": 1, "model": {}})
    np.savez(tmp_path / "two.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.arange(40) % 2)
    pt = str(run / "run.pt")
    cases = {
        ("evaluate", str(tmp_path / "no.pt")): "there is no checkpoint",
        ("evaluate", str(tmp_path / "bare.pt")): "does not say which network it holds",
        ("evaluate", pt, "--data", str(tmp_path / "two.npz")): "must have 10 classes as the net",
        ("evaluate", pt, "--mistakes", "x.txt"): "must end in .png, .svg or .pdf, got x.txt",
        ("evaluate", pt, "--out", "/missing/x.json"): "got /missing/x.json",
        ("predict", pt, str(tmp_path / "no.png")): "there is no",
        ("predict", pt, str(tmp_path / "text.png")): "is no picture that can be read",
        ("predict", pt, str(tmp_path / "text.npy")): "is no array that can be read",
        ("predict", pt, str(tmp_path / "wide.npy")): "of shape (1, 8, 8), got (1, 9, 9)",
        ("predict", pt, str(tmp_path / "bright.npy")): "bytes, or numbers from 0 to 1",
        ("predict", pt, "x", "--top", "11"): "--top must be from 1 to the 10 classes, got 11",
        ("plot", str(tmp_path / "no.json"), "--out", "x.png"): "there is no",
        ("plot", str(tmp_path / "text.json"), "--out", "x.png"): "is no record of a run",
    }
    for arguments, message in cases.items():
        assert command.main(list(arguments)) == 2, arguments
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_what_is_missing_is_said_with_the_command_that_installs_it(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    assert uses.main(["evaluate", str(run / "run.pt")]) == 2
    assert 'pip install "descent-to-adam[data]"' in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert command.main(["--model", "mlp", "--tensorboard", "logs"]) == 2
    assert 'pip install "descent-to-adam[tensorboard]"' in capsys.readouterr().err
