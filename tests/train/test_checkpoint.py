"""Files that are whole or not there at all."""

import json
import os

import pytest

torch = pytest.importorskip("torch", reason="checkpoints are torch's")

from descent.train import History, checkpoint, logs


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_while_writing_leaves_the_old_file(fault, tmp_path):
    path = tmp_path / "run.json"
    checkpoint.write_json(path, [1, 2])

    def fail(file):
        file.write(b"half")
        raise fault

    with pytest.raises(type(fault)):
        checkpoint.write(path, fail)
    assert json.loads(path.read_text()) == [1, 2]
    assert os.listdir(tmp_path) == ["run.json"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_disk_is_a_warning_and_training_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    assert checkpoint.save(path, {"step": 1, "x": torch.ones(2)})
    part = tmp_path / "run.pt.part"
    part.symlink_to("/dev/full")
    with pytest.warns(UserWarning, match=r"run.pt was not saved .*training goes on"):
        assert not checkpoint.save(path, {"step": 2, "x": torch.ones(10**6)})
    assert checkpoint.load(path)["step"] == 1
    (tmp_path / "run.csv.part").symlink_to("/dev/full")
    with pytest.warns(UserWarning, match=r"run.csv was not saved .*training goes on"):
        logs.csv_log(tmp_path / "run.csv")(None, History(epochs=[{"epoch": 1}]))


def test_infinities_become_null_in_json(tmp_path):
    checkpoint.write_json(tmp_path / "a.json", {"loss": [1.0, float("nan"), float("inf")]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"loss": [1.0, None, None]}


def test_a_file_that_is_no_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*run.pt"):
        checkpoint.load(tmp_path / "run.pt")
    good = tmp_path / "good.pt"
    checkpoint.save(good, {"step": 3, "x": torch.ones(100)})
    for name, content in {"cut": good.read_bytes()[:-200], "text": b"hello"}.items():
        bad = tmp_path / f"{name}.pt"
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}.pt is no checkpoint, or is cut off"):
            checkpoint.load(bad)
    torch.save([1], tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other.pt is no checkpoint of descent.train"):
        checkpoint.load(tmp_path / "other.pt")


def test_a_folder_that_is_missing_is_named_before_the_work(tmp_path):
    with pytest.raises(ValueError, match=r"got .*missing/run.json"):
        checkpoint.check_writable(tmp_path / "missing" / "run.json")
