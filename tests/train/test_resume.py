"""What may go on with a checkpoint, what is refused, and what no run writes over."""

import dataclasses
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from descent import data, models, rules, schedules
from descent.torch_optim import Optimizer
from descent.train import _identity as identity
from descent.train import checkpoint, command, fit

DIGITS = data.load("digits").to("cpu")
WHOLE = {"epochs": 1, "batch_size": 400, "seed": 5}


def net(build=models.mlp, *arguments, **more):
    torch.manual_seed(1)
    return build((1, 8, 8), 10, *arguments, **more)


def small():
    return net(models.mlp, (8,))


def run(path=None, model=None, sets=DIGITS, rule=None, resume=False, optimizer=None, **changes):
    model = model or small()
    optimizer = optimizer or Optimizer(model.parameters(), rule or rules.Adam(1e-2))
    settings = {**WHOLE, **changes}
    return model, fit(model, sets, optimizer, checkpoint=path, resume=resume, **settings)


def test_settings_of_numpy_are_saved_as_pythons(tmp_path):
    path = tmp_path / "run.pt"
    changes = {
        "epochs": np.int64(1),
        "batch_size": np.int32(400),
        "seed": np.int64(5),
        "clip": np.float32(1.0),
        "schedule": lambda t: np.interp(t, [1, 3], [1e-2, 1e-3]),
    }
    _, history = run(path, rule=rules.Adam(np.float64(1e-2)), **changes)
    torch.load(path, weights_only=True)
    plain = {"clip": 1.0, "schedule": lambda t: float(np.interp(t, [1, 3], [1e-2, 1e-3]))}
    _, again = run(path, resume=True, **plain)
    assert again.losses == history.losses
    assert type(history.epochs[0]["lr"]) is float


def test_a_group_that_holds_numpy_is_saved_and_read(tmp_path):
    model, path = small(), tmp_path / "run.pt"
    adam = torch.optim.Adam(model.parameters(), lr=np.float64(1e-2))
    adam.param_groups[0]["note"] = np.arange(3)
    run(path, model, optimizer=adam)
    group = checkpoint.load(path)["optimizer"]["param_groups"][0]
    assert type(group["lr"]) is float
    assert group["note"].tolist() == [0, 1, 2]


def test_a_file_that_only_code_could_restore_says_so(tmp_path):
    torch.save({"step": 1, "folder": tmp_path}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="or holds more than tensors and plain numbers"):
        checkpoint.load(tmp_path / "run.pt")


def test_functions_are_compared_by_their_values(tmp_path):
    path = tmp_path / "run.pt"
    _, first = run(path, rule=rules.Adam(lambda t: 1e-2 / t), schedule=lambda t: 1e-2 * 0.9**t)

    def decayed(t):
        return 1e-2 * 0.9**t

    _, again = run(path, rule=rules.Adam(lambda t: 1e-2 / t), schedule=decayed, resume=True)
    assert again.losses == first.losses
    with pytest.raises(ValueError, match=r"schedule must be that of .*run.pt"):
        run(path, rule=rules.Adam(lambda t: 1e-2 / t), schedule=lambda t: 1e-2, resume=True)
    with pytest.raises(ValueError, match=r"optimizer must be that of .*run.pt"):
        run(path, rule=rules.Adam(lambda t: 1e-2), schedule=decayed, resume=True)
    assert identity.of_rule(rules.Adam(0.1), 9) == str(rules.Adam(0.1))


def test_a_net_of_the_same_parameters_and_another_formula_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    run(path, net(models.resnet_lite))
    plain = net(models.resnet_lite, shortcuts=False)
    before = torch.cat([p.detach().flatten() for p in plain.parameters()])
    with pytest.raises(ValueError, match=r"model must be that of .*run.pt"):
        run(path, plain, resume=True)
    assert torch.equal(before, torch.cat([p.detach().flatten() for p in plain.parameters()]))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"sets": data.load("digits", seed=1).to("cpu")}, "data"),
        ({"sets": data.load("digits", validation=0.25).to("cpu")}, "data"),
        ({"precision": "bfloat16"}, "precision"),
        ({"loss": lambda o, y: 2 * torch.nn.functional.cross_entropy(o, y)}, "loss"),
        ({"model": net(models.mlp, (8,)).append(torch.nn.Dropout(0.5))}, "model"),
        ({"optimizer": torch.optim.Adam}, "optimizer"),
    ],
    ids=["split", "share", "precision", "loss", "dropout", "optimizer"],
)
def test_a_checkpoint_of_another_run_is_refused(changes, name, tmp_path):
    path = tmp_path / "run.pt"
    run(path)
    model = changes.get("model") or small()
    if "optimizer" in changes:
        changes = {"optimizer": changes["optimizer"](model.parameters())}
    with pytest.raises(ValueError, match=rf"{name} must be that of .*run.pt"):
        run(path, resume=True, **changes | {"model": model})


def test_the_number_of_processes_matters_where_a_net_looks_at_its_part_of_a_batch():
    assert identity.depends_on_parts(net(models.resnet_lite))
    assert identity.depends_on_parts(net(models.alexnet_lite, 0.5))
    assert not identity.depends_on_parts(small())


def test_epochs_can_be_raised_and_the_run_is_the_long_one(tmp_path):
    path = tmp_path / "run.pt"
    run(path)
    model, longer = run(path, resume=True, epochs=3)
    whole, expected = run(epochs=3)
    assert longer.losses == expected.losses
    assert longer.epochs == expected.epochs
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), whole.parameters(), strict=True)
    )
    run(path, resume=True, epochs=4, schedule=schedules.Cosine(1e-2, 12))  # a new end, a new curve
    with pytest.raises(ValueError, match=r"epochs must be that of .*run.pt, 4, got 3"):
        run(path, resume=True, epochs=3)


def test_an_optimiser_that_needs_a_closure_is_refused_at_once():
    model = small()
    with pytest.raises(ValueError, match="got LBFGS, whose step needs a closure"):
        run(model=model, optimizer=torch.optim.LBFGS(model.parameters()))


@pytest.mark.parametrize("share", [1e-4, 0.9999, 0, 1, float("nan"), "0.1", True])
def test_a_share_that_leaves_a_split_empty_is_refused(share):
    with pytest.raises(ValueError, match=r"validation must be .*got"):
        data.load("digits", validation=share)
    assert len(data.load("digits", validation=np.float32(0.1)).validation) == 144


def test_data_without_validation_are_refused_before_the_first_step():
    empty = dataclasses.replace(
        DIGITS, validation=data.Split(DIGITS.train.x[:0], DIGITS.train.y[:0])
    )
    with pytest.raises(ValueError, match="data must have validation examples"):
        run(sets=empty)


# The command line


def test_a_file_is_written_over_only_if_it_is_said(tmp_path, capsys):
    out = tmp_path / "run.json"
    train = ["--model", "mlp", "--epochs", "1", "--batch-size", "600", "--out", str(out)]
    assert command.main(train) == 0
    first = out.read_text()
    assert command.main(train) == 2
    assert "--force starts anew" in capsys.readouterr().err
    assert out.read_text() == first
    assert command.main([*train, "--resume", "--epochs", "2"]) == 0
    assert len(json.loads(out.read_text())["losses"]) == 4
    assert command.main([*train, "--force"]) == 0
    assert len(json.loads(out.read_text())["losses"]) == 2
    out.with_suffix(".pt").unlink()
    record = out.read_text()
    out.unlink()
    assert command.main(train) == 2
    assert "run.best.pt is there already" in capsys.readouterr().err
    out.write_text(record)
    for more in ([], ["--resume"]):  # the record alone is worth as much
        assert command.main([*train, *more]) == 2
        assert "run.json is there already" in capsys.readouterr().err
    assert command.main([*train, "--force", "--resume"]) == 2


def test_a_plain_net_does_not_go_on_with_a_residual_one(tmp_path, capsys):
    train = ["--epochs", "1", "--batch-size", "1200", "--out", str(tmp_path / "run.json")]
    assert command.main(["--model", "resnet-8", *train]) == 0
    assert command.main(["--model", "plain-8", *train, "--resume"]) == 2
    assert "model must be that of" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--lr", "nan"], ["--clip", "-1"]])
def test_a_wrong_number_is_reported_before_data_are_loaded(wrong, monkeypatch, capsys):
    monkeypatch.setattr(data, "load", lambda *_: pytest.fail("data were loaded"))
    assert command.main(["--model", "mlp", *wrong]) == 2
    assert "must be" in capsys.readouterr().err
