"""Every option of the command line does what its help says, or says why not."""

import json

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from descent import schedules
from descent.train import command

SHORT = ["--model", "mlp", "--hidden", "32", "--batch-size", "400", "--epochs", "2"]


def record_of(tmp_path, *options, train=SHORT, name="run"):
    out = tmp_path / f"{name}.json"
    assert command.main([*train, *options, "--out", str(out), "--force"]) == 0
    return json.loads(out.read_text()), torch.load(out.with_suffix(".pt"), weights_only=True)


def schedule_of(*options, epochs=10, steps=1000):
    parsed = command.parser().parse_args(["--model", "mlp", "--epochs", str(epochs), *options])
    return command._checked(parsed)[1](steps)


def test_each_schedule_has_the_shape_that_is_asked_for():
    expected = {
        ("step",): schedules.Milestones(1e-3, (500, 750)),
        ("step", "--milestones", "6", "9", "--gamma", "0.5"): schedules.Milestones(
            1e-3, (600, 900), 0.5
        ),
        ("linear",): schedules.Linear(1e-3, 1000),
        ("wsd",): schedules.WarmupStableDecay(1e-3, 50, 1000, 200),
        ("wsd", "--warmup", "0.1", "--cooldown", "0.5"): schedules.WarmupStableDecay(
            1e-3, 100, 1000, 500
        ),
        ("warmup",): schedules.LinearWarmup(1e-3, 50),
        ("warmup-cosine", "--warmup", "0.2"): schedules.WarmupCosine(1e-3, 200, 1000),
        ("inverse-sqrt",): schedules.InverseSquareRoot(1e-3, 50),
        ("one-cycle", "--warmup", "0.4"): schedules.OneCycle(1e-3, 1000, 0.4),
        ("robbins-monro",): schedules.RobbinsMonro(1e-3),
    }
    for options, schedule in expected.items():
        assert schedule_of("--schedule", *options) == schedule
    falling = schedule_of("--schedule", "exponential")
    assert falling(1001) / falling(1) == pytest.approx(0.01)


@pytest.mark.parametrize("name", command.SCHEDULES)
def test_each_schedule_trains_even_for_a_few_steps(name, tmp_path):
    record, _ = record_of(tmp_path, "--schedule", name)
    assert len(record["losses"]) == 6


def test_dropout_and_width_shape_the_net(tmp_path):
    wide, content = record_of(tmp_path, "--width", "2", "--dropout", "0.5")
    assert wide["parameters"] == 65 * 64 + 65 * 10
    assert content["notes"]["options"] == {"hidden": [32], "dropout": 0.5, "width": 2.0}


def test_label_smoothing_is_in_the_training_loss_alone(tmp_path):
    plain, _ = record_of(tmp_path)
    smooth, _ = record_of(tmp_path, "--label-smoothing", "0.4", name="smooth")
    assert smooth["losses"][-1] > plain["losses"][-1]
    assert smooth["epochs"][-1]["validation_loss"] < smooth["epochs"][-1]["train_loss"]


def test_a_batch_in_parts_is_the_run_of_the_whole(tmp_path):
    plain, _ = record_of(tmp_path)
    parts, _ = record_of(tmp_path, "--accumulate", "4", name="parts")
    assert parts["losses"] == pytest.approx(plain["losses"], rel=1e-4)


def test_images_are_augmented_and_weights_averaged(tmp_path):
    plain, _ = record_of(tmp_path)
    changed, content = record_of(
        tmp_path, "--augment", "crop=1", "flip", "cutout", "--ema", "0.5", name="changed"
    )
    assert changed["losses"] != plain["losses"]
    assert content["settings"]["augment"] == "Augmentation(crop=1, flip=True, cutout=8)"
    assert content["average"]["n_averaged"] == 6
    assert "average_validation_accuracy" in changed["epochs"][-1]


def test_a_layout_with_channels_last_gives_the_numbers_of_the_other(tmp_path):
    train = ["--model", "vgg-lite", "--width", "0.25", "--batch-size", "400", "--epochs", "1"]
    usual, _ = record_of(tmp_path, train=train)
    last, content = record_of(tmp_path, "--channels-last", train=train, name="last")
    assert last["losses"] == pytest.approx(usual["losses"], rel=1e-3)
    weights = content["model"]["2.weight"]
    assert weights.is_contiguous(memory_format=torch.channels_last)


COMPILED = {
    "adamw": ["--optimizer", "adamw", "--schedule", "wsd"],
    "muon": ["--optimizer", "muon", "--weight-decay", "0.1"],
    "lamb, in parts, averaged": ["--optimizer", "lamb", "--accumulate", "2", "--ema", "0.9"],
    "half, augmented, clipped": ["--precision", "bfloat16", "--augment", "crop=1", "--clip", "1"],
}


@pytest.mark.nightly
@pytest.mark.parametrize("options", COMPILED.values(), ids=COMPILED)
def test_a_compiled_run_gives_the_numbers_of_the_other(options, tmp_path):
    usual, _ = record_of(tmp_path, *options)
    compiled, _ = record_of(tmp_path, *options, "--compile", name="compiled")
    assert compiled["losses"] == pytest.approx(usual["losses"], rel=1e-2)
    ends = [[v for k, v in run["epochs"][-1].items() if "loss" in k] for run in (usual, compiled)]
    assert ends[1] == pytest.approx(ends[0], rel=1e-2)


@pytest.mark.nightly
def test_a_compiled_run_is_resumed_compiled_and_not(tmp_path):
    out = tmp_path / "run.json"
    train = [*SHORT, "--schedule", "constant", "--out", str(out)]
    for epochs, options in ((1, ["--compile"]), (2, ["--resume"]), (3, ["--resume", "--compile"])):
        assert command.main([*train, *options, "--epochs", str(epochs)]) == 0
    usual, _ = record_of(tmp_path, *train[len(SHORT) :], "--epochs", "3", name="usual")
    assert json.loads(out.read_text())["losses"] == pytest.approx(usual["losses"], rel=1e-2)


def test_activations_that_are_computed_again_change_no_number(tmp_path):
    usual, _ = record_of(tmp_path)
    again, _ = record_of(tmp_path, "--checkpoint-activations", name="again")
    assert again["losses"] == usual["losses"]


@pytest.mark.parametrize("rule", ["muon", "adamw", "sgd"])
def test_a_run_that_decays_is_resumed(rule, tmp_path):
    out = tmp_path / "run.json"
    train = [*SHORT, "--optimizer", rule, "--weight-decay", "0.1", "--out", str(out)]
    assert command.main(train) == 0
    assert command.main([*train, "--resume", "--epochs", "3"]) == 0
    assert len(json.loads(out.read_text())["losses"]) == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "mlpp"], "name must be one of mlp, alexnet-lite"),
        (["--model", "resnet-8"], "options of resnet-8 must be among ['width'], got ['hidden']"),
        (["--width", "0"], "width must be a positive, finite number, got 0.0"),
        (["--dropout", "1"], "dropout must be a number in [0, 1), got 1.0"),
        (["--hidden", "0"], "hidden must be a whole number of at least 1, got 0"),
        (["--data", "imagenet"], "or the path of your own, got 'imagenet'"),
        (["--image-size", "9"], "size must be left out for digits"),
        (["--validation", "1"], "validation must be a share in (0, 1), got 1.0"),
        (["--weight-decay", "-1"], "weight_decay must be a finite number of at least 0, got -1.0"),
        (["--optimizer", "lion", "--decay", "l2", "--weight-decay", "1"], "decoupled for Lion"),
        (["--decay", "l2"], "--decay l2 needs a --weight-decay that is not 0"),
        (["--milestones", "1"], "cosine takes no shape, got ['milestones']"),
        (["--schedule", "wsd", "--gamma", "1"], "takes ['warmup', 'cooldown'], got ['gamma']"),
        (["--schedule", "wsd", "--warmup", "2"], "warmup must be a number in (0, 1], got 2.0"),
        (["--schedule", "wsd", "--cooldown", "0.99"], "decay must be at most steps - warmup"),
        (["--schedule", "step", "--milestones", "2", "1"], "at must be whole numbers that rise"),
        (["--schedule", "step", "--gamma", "2"], "gamma must be a number in (0, 1], got 2.0"),
        (["--accumulate", "3"], "times accumulate = 3, got 400"),
        (["--label-smoothing", "1"], "label_smoothing must be a number in [0, 1), got 1.0"),
        (["--ema", "-0.1"], "ema must be a number in [0, 1), got -0.1"),
        (["--tf32", "--device", "cpu"], "--tf32 needs a GPU of CUDA, got cpu"),
        (["--precision", "float16", "--device", "cpu"], "precision must be float32 or bfloat16"),
        (["--fsdp"], "--fsdp needs several processes: start them with torchrun"),
        (["--shard-optimizer"], "--shard-optimizer needs several processes"),
        (["--checkpoint-activations", "--compile"], "must be left out with --compile"),
        (["--csv", "/missing/run.csv"], "got /missing/run.csv"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(options, message, capsys):
    assert command.main([*SHORT, *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("change", ["crop=x", "turn", "flip=2", "cutout=-1"])
def test_an_augmentation_that_there_is_not_is_refused(change, capsys):
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--model", "mlp", "--augment", change])
    assert "crop, crop=PIXELS, flip, cutout or cutout=PIXELS, got" in capsys.readouterr().err
