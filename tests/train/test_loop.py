"""The training loop: the same run however it is cut, and an end to each that loses nothing."""

import functools
import inspect
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from torch import nn

from descent import data, models, rules, schedules
from descent.torch_optim import Optimizer
from descent.train import NonFiniteLossError, evaluate, fit
from descent.train import _chance as chance
from descent.train.augmentation import Augmentation
from descent.train.command import averaged

DIGITS = data.load("digits").to("cpu")
WHOLE = {"epochs": 3, "batch_size": 100, "seed": 5}


def dropping():
    """Return a network with a convolution and with chance: a run of it takes a second."""
    convolution = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*convolution, nn.Dropout(0.3), nn.Linear(144, 10))


def net(build=dropping, arguments=()):
    torch.manual_seed(1)
    return build(*arguments)


def small():
    return net(models.mlp, ((1, 8, 8), 10, (32,)))


def adam(model, lr=3e-3, **form):
    return Optimizer(model.parameters(), rules.Adam(lr), **form)


def state(model):
    return torch.cat([t.flatten().double() for t in model.state_dict().values()])


def test_a_small_net_learns_the_digits():
    model = small()
    history = fit(model, DIGITS, adam(model), epochs=20)
    assert history.finished
    assert len(history.losses) == 20 * (1257 // 64)
    assert history.losses[-1] < 0.1 * history.losses[0]
    assert history.epochs[-1]["validation_accuracy"] > 0.95
    assert evaluate(model, DIGITS.test)["accuracy"] > 0.95


def test_the_loop_makes_the_steps_of_a_plain_one():
    model, plain = small(), small()
    history = fit(model, DIGITS, adam(model), epochs=1, batch_size=100, seed=3)
    optimizer = torch.optim.Adam(plain.parameters(), 3e-3)
    generator = torch.Generator().manual_seed(chance.mixed(3, 0))
    order = torch.randperm(len(DIGITS.train), generator=generator)
    losses = []
    for batch in order[:1200].split(100):
        loss = torch.nn.functional.cross_entropy(
            plain(DIGITS.train.x[batch]), DIGITS.train.y[batch]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert history.losses == losses
    assert torch.equal(state(model), state(plain))


def test_an_epoch_reports_the_means_of_its_losses_and_the_scores_at_its_end():
    model = small()
    history = fit(model, DIGITS, adam(model), **WHOLE)
    assert [e["step"] for e in history.epochs] == [12, 24, 36]
    assert history.epochs[1]["train_loss"] == pytest.approx(
        np.mean(history.losses[12:24]), rel=1e-6
    )
    scores = evaluate(model, DIGITS.validation)
    assert history.epochs[-1]["validation_accuracy"] == scores["accuracy"]
    assert history.epochs[-1]["validation_loss"] == scores["loss"]


def test_evaluation_does_not_depend_on_its_batches_and_counts_right_answers():
    model = net(models.resnet_lite, ((1, 8, 8),))
    whole, parts = (evaluate(model, DIGITS.test, size=size) for size in (1000, 7))
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    with torch.no_grad():
        answers = model.eval()(DIGITS.test.x).argmax(1)
    assert whole["accuracy"] == float((answers == DIGITS.test.y).double().mean())


@pytest.mark.parametrize("flat", [False, True])
def test_the_form_of_the_optimizer_changes_no_bit(flat):
    one, other = net(), net()
    fit(one, DIGITS, adam(one, flat=flat), **WHOLE)
    fit(other, DIGITS, torch.optim.Adam(other.parameters(), 3e-3), **WHOLE)
    assert torch.equal(state(one), state(other))


def test_the_seed_decides_and_the_callers_random_numbers_are_left_alone():
    runs = []
    for seed in (5, 5, 6):
        model = net()
        torch.manual_seed(9)
        fit(model, DIGITS, adam(model), **{**WHOLE, "epochs": 1, "seed": seed})
        runs.append((state(model), float(torch.rand(()))))
    assert torch.equal(runs[0][0], runs[1][0])
    assert not torch.equal(runs[0][0], runs[2][0])
    assert len({drawn for _, drawn in runs}) == 1


def test_a_schedule_is_a_function_of_the_step():
    model, seen = small(), []
    optimizer = adam(model)
    optimizer.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
    schedule = schedules.Cosine(0.1, 36)
    history = fit(model, DIGITS, optimizer, schedule=schedule, **WHOLE)
    assert seen == [schedule(t) for t in range(1, 37)]
    assert [e["lr"] for e in history.epochs] == [schedule(t) for t in (12, 24, 36)]


def test_a_clipped_gradient_moves_gradient_descent_by_at_most_lr_times_clip():
    model = small()
    before = state(model)
    optimizer = Optimizer(model.parameters(), rules.GradientDescent(0.5))
    fit(model, DIGITS, optimizer, epochs=1, batch_size=1257, clip=0.01)
    assert float((state(model) - before).norm()) == pytest.approx(0.5 * 0.01, rel=1e-4)


def test_half_precision_learns_and_leaves_the_parameters_whole():
    model = small()
    history = fit(model, DIGITS, adam(model), epochs=10, precision="bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history.epochs[-1]["validation_accuracy"] > 0.9
    exact = small()
    assert fit(exact, DIGITS, adam(exact), epochs=10).losses != history.losses


def test_targets_that_are_no_classes_have_no_accuracy():
    images = data.images_as_targets(DIGITS)
    assert torch.equal(images.test.y, DIGITS.test.x.flatten(1))
    model = net(models.autoencoder, ())
    history = fit(model, images, adam(model), loss=torch.nn.functional.mse_loss, **WHOLE)
    assert "validation_accuracy" not in history.epochs[-1]
    assert history.losses[-1] < history.losses[0]


def test_a_batch_in_parts_makes_the_steps_of_the_whole():
    one, parts = small(), small()
    whole = fit(one, DIGITS, adam(one), **WHOLE)
    found = fit(parts, DIGITS, adam(parts), accumulate=4, **WHOLE)
    np.testing.assert_allclose(found.losses, whole.losses, rtol=1e-4)
    assert torch.allclose(state(parts), state(one), atol=1e-4)
    with pytest.raises(ValueError, match=r"multiple of the 1 processes times accumulate = 3"):
        fit(small(), DIGITS, adam(one), accumulate=3, **WHOLE)


def test_the_average_of_the_weights_is_that_of_all_steps_and_is_scored_beside_them(tmp_path):
    model, path = small(), tmp_path / "run.pt"
    average, weights = averaged(model, 0.9), []
    optimizer = adam(model)
    optimizer.register_step_post_hook(lambda *_: weights.append(state(model)))
    settings = {"checkpoint": path, **WHOLE}
    history = fit(model, DIGITS, optimizer, average=average, **settings)
    expected = weights[0]
    for w in weights[1:]:
        expected = 0.9 * expected + 0.1 * w
    assert torch.allclose(state(average.module), expected, atol=1e-5)
    scores = evaluate(average, DIGITS.validation)
    assert history.epochs[-1]["average_validation_loss"] == scores["loss"]
    assert history.epochs[-1]["validation_loss"] != scores["loss"]

    fresh = small()
    again = averaged(fresh, 0.9)
    fit(fresh, DIGITS, adam(fresh), average=again, resume=True, **settings)
    assert torch.equal(state(again), state(average))
    for other in (None, averaged(fresh, 0.5)):
        with pytest.raises(ValueError, match=r"average must be that of .*run.pt"):
            fit(fresh, DIGITS, adam(fresh), average=other, resume=True, **settings)


def test_an_augmented_run_that_is_resumed_sees_the_images_that_it_would_have_seen(tmp_path):
    path, change = tmp_path / "run.pt", Augmentation(crop=1, cutout=2)
    model, whole = small(), small()
    cut = {"loss": interrupting(17), "checkpoint": path, "augment": change, **WHOLE}
    fit(model, DIGITS, adam(model), **cut)
    fresh = small()
    settings = {"augment": change, **WHOLE}
    history = fit(fresh, DIGITS, adam(fresh), checkpoint=path, resume=True, **settings)
    assert history.losses == fit(whole, DIGITS, adam(whole), **settings).losses
    other = settings | {"augment": Augmentation(flip=True)}
    with pytest.raises(ValueError, match=r"augment must be that of .*run.pt"):
        fit(fresh, DIGITS, adam(fresh), checkpoint=path, resume=True, **other)


def test_a_checkpoint_from_before_there_were_parts_and_averages_goes_on(tmp_path):
    path, model, fresh = tmp_path / "run.pt", small(), small()
    first = fit(model, DIGITS, adam(model), checkpoint=path, **WHOLE)
    content = torch.load(path, weights_only=True)
    for name in ("accumulate", "augment", "average"):
        del content["settings"][name]
    del content["average"], content["notes"]
    torch.save(content, path)
    settings = {"checkpoint": path, "resume": True, **WHOLE}
    assert fit(fresh, DIGITS, adam(fresh), **settings).losses == first.losses
    with pytest.raises(ValueError, match=r"accumulate must be that of .*run.pt, 1, got 2"):
        fit(fresh, DIGITS, adam(fresh), accumulate=2, **settings)


def test_the_loss_of_the_validation_split_may_be_another():
    model = small()
    smooth = functools.partial(torch.nn.functional.cross_entropy, label_smoothing=0.3)
    plain = torch.nn.functional.cross_entropy
    history = fit(model, DIGITS, adam(model), loss=smooth, validation_loss=plain, **WHOLE)
    scores = evaluate(model, DIGITS.validation)
    assert history.epochs[-1]["validation_loss"] == scores["loss"]
    assert history.epochs[-1]["train_loss"] > scores["loss"]


def test_a_callback_sees_each_epoch_and_may_end_the_run():
    model, seen = small(), []

    def call(judged, history):
        assert judged is model
        seen.append((len(history.losses), history.epochs[-1]["epoch"]))
        return len(seen) == 2

    history = fit(model, DIGITS, adam(model), callbacks=[call], **WHOLE)
    assert seen == [(12, 1), (24, 2)]
    assert not history.finished


def test_a_group_has_its_part_of_the_scheduled_rate():
    model, seen = small(), []
    (first, *rest) = model.parameters()
    groups = [{"params": [first], "lr_scale": 0.5}, {"params": rest}]
    optimizer = Optimizer(groups, rules.Adam())
    optimizer.register_step_pre_hook(lambda o, *_: seen.append([g["lr"] for g in o.param_groups]))
    fit(model, DIGITS, optimizer, schedule=schedules.Linear(0.1, 36), **WHOLE)
    assert seen == [[rate / 2, rate] for rate in map(schedules.Linear(0.1, 36), range(1, 37))]


KILLED = textwrap.dedent("""
    import os, signal, sys
    import torch
    from torch import nn
    from descent import data, rules
    from descent.torch_optim import Optimizer
    from descent.train import fit

    steps = 0

    def loss(outputs, targets):
        global steps
        steps += 1
        if steps == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.nn.functional.cross_entropy(outputs, targets)

    torch.manual_seed(1)
    model = dropping()
    optimizer = Optimizer(model.parameters(), rules.Adam(3e-3), flat=True)
    settings = dict(epochs=2, batch_size=16, seed=5, loss=loss)
    fit(model, data.load("digits"), optimizer, checkpoint=sys.argv[1], save_seconds=0, **settings)
""")


def test_a_killed_run_that_is_resumed_is_the_run_that_was_not_killed(tmp_path):
    path = tmp_path / "run.pt"
    script = inspect.getsource(dropping) + KILLED
    killed = subprocess.run([sys.executable, "-c", script, str(path), "137"], check=False)
    assert killed.returncode == -signal.SIGKILL
    saved = torch.load(path, weights_only=True)
    assert 50 <= saved["step"] < 137  # in the middle of an epoch, whatever was lost since

    settings = {"epochs": 2, "batch_size": 16, "seed": 5}
    model, whole = net(), net()
    torch.manual_seed(77)  # nothing of the generator's state is needed
    history = fit(model, DIGITS, adam(model, flat=True), checkpoint=path, resume=True, **settings)
    expected = fit(whole, DIGITS, adam(whole, flat=True), **settings)
    assert history.losses == expected.losses
    assert history.epochs == expected.epochs
    assert torch.equal(state(model), state(whole))


LIGHT = textwrap.dedent("""
    import sys
    from descent import data, models, rules
    from descent.torch_optim import Optimizer
    from descent.train import fit

    model = models.mlp((1, 8, 8))
    optimizer = Optimizer(model.parameters(), rules.Adam())
    fit(model, data.load("digits"), optimizer, epochs=1)
    optimizer.load_state_dict(optimizer.state_dict())
    print(*sorted({"torch._dynamo", "sklearn", "scipy"} & set(sys.modules)))
""")


def test_a_run_loads_neither_the_compiler_nor_scikit_learn():
    """Each takes longer to load than PyTorch itself."""
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def interrupting(at, number=signal.SIGINT):
    """Return a loss that presses Ctrl-C in a step."""
    steps = iter(range(1, 10**6))

    def loss(outputs, targets):
        if torch.is_grad_enabled() and next(steps) == at:
            os.kill(os.getpid(), number)
        return torch.nn.functional.cross_entropy(outputs, targets)

    return loss


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_done_and_the_run_goes_on_later(number, tmp_path):
    path, model, whole = tmp_path / "run.pt", net(), net()
    loss, before = interrupting(17, number), signal.getsignal(number)
    cut = fit(model, DIGITS, adam(model), loss=loss, checkpoint=path, **WHOLE)
    assert not cut.finished
    assert len(cut.losses) == 17
    assert len(cut.epochs) == 1
    assert signal.getsignal(number) is before

    fresh = net()
    history = fit(fresh, DIGITS, adam(fresh), checkpoint=path, resume=True, **WHOLE)
    assert history.losses == fit(whole, DIGITS, adam(whole), **WHOLE).losses
    assert history.losses[:17] == cut.losses
    assert torch.equal(state(fresh), state(whole))


def test_a_finished_run_that_is_resumed_is_reported_again(tmp_path):
    model, fresh = small(), small()
    first = fit(model, DIGITS, adam(model), checkpoint=tmp_path / "run.pt", **WHOLE)
    again = fit(fresh, DIGITS, adam(fresh), checkpoint=tmp_path / "run.pt", resume=True, **WHOLE)
    assert again.losses == first.losses
    assert again.finished
    assert torch.equal(state(model), state(fresh))


@pytest.mark.parametrize("name", ["epochs", "batch_size", "seed", "clip"])
def test_a_checkpoint_of_another_run_is_refused(name, tmp_path):
    model = small()
    fit(model, DIGITS, adam(model), checkpoint=tmp_path / "run.pt", clip=1.0, **WHOLE)
    other = {**WHOLE, "clip": 1.0, name: 2}
    with pytest.raises(ValueError, match=f"{name} must be that of .*run.pt, .*got 2"):
        fit(model, DIGITS, adam(model), checkpoint=tmp_path / "run.pt", resume=True, **other)


def test_a_checkpoint_of_another_rule_or_net_is_refused(tmp_path):
    model, wide = small(), net()
    path = tmp_path / "run.pt"
    fit(model, DIGITS, adam(model), checkpoint=path, **WHOLE)
    with pytest.raises(ValueError, match=r"optimizer must be that of .*run.pt, 'Adam"):
        fit(model, DIGITS, adam(model, 1.0), checkpoint=path, resume=True, **WHOLE)
    with pytest.raises(ValueError, match=r"model must be that of .*run.pt"):
        fit(wide, DIGITS, adam(wide), checkpoint=path, resume=True, **WHOLE)


def test_a_loss_that_is_no_number_stops_with_the_step_and_advice():
    model, steps = small(), iter(range(1, 1000))

    def loss(outputs, targets):
        value = torch.nn.functional.cross_entropy(outputs, targets)
        return value * float("nan") if value.requires_grad and next(steps) == 30 else value

    with pytest.raises(NonFiniteLossError, match="not finite at step 30: try a learning rate") as e:
        fit(model, DIGITS, adam(model), loss=loss, **WHOLE)
    assert "clip=1.0" in str(e.value)
    assert e.value.step == 30
    assert len(e.value.history.epochs) == 2
    with pytest.raises(NonFiniteLossError) as clipped:
        fit(small(), DIGITS, adam(model), loss=lambda o, y: o.sum() * float("inf"), clip=1, **WHOLE)
    assert "clip=" not in str(clipped.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be .*got 0"),
        ({"batch_size": 2000}, "batch_size must be at most the 1257 .*got 2000"),
        ({"seed": -1}, "seed must be .*got -1"),
        ({"clip": 0}, "clip must be .*got 0"),
        ({"accumulate": 0}, "accumulate must be .*got 0"),
        ({"augment": 4}, "augment must be a function of images, got 4"),
        ({"precision": "float8"}, "precision must be one of float32, .*got 'float8'"),
        ({"precision": "float16"}, "precision must be float32 or bfloat16 on cpu"),
        ({"checkpoint": "/missing/run.pt"}, "got /missing/run.pt"),
    ],
)
def test_a_bad_argument_is_named_before_the_first_step(changes, message):
    model = small()
    before = state(model)
    with pytest.raises(ValueError, match=message):
        fit(model, DIGITS, adam(model), **{**WHOLE, **changes})
    assert torch.equal(state(model), before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_gpu_trains_as_the_cpu_does(precision):
    runs = {}
    for device in ("cpu", "cuda"):
        model = small().to(device)
        chosen = precision if device == "cuda" else "float32"
        history = fit(model, DIGITS, adam(model, flat=True), epochs=10, precision=chosen)
        runs[device] = history.epochs[-1]
    assert runs["cuda"]["train_loss"] == pytest.approx(runs["cpu"]["train_loss"], rel=0.2)
    assert runs["cuda"]["validation_accuracy"] > 0.9
