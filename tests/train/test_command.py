"""The command line, as a user meets it: what it prints, writes and answers."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

from descent import data, models, rules
from descent.train import command, loop, workers

SMALL = ["--model", "mlp", "--epochs", "2", "--lr", "1e-2"]
FEW = [*SMALL, "--hidden", "32", "--batch-size", "400"]
MANY = [*SMALL, "--hidden", "32"]
FORKS = multiprocessing.get_context("forkserver")  # it imports these once for all processes
FORKS.set_forkserver_preload(["descent.train.command", "torch._dynamo", "torch.distributed.optim"])


def command_of_one(arguments, environment, printed):
    """Run the command with an environment, print to a file, and end with its status."""
    os.environ.update(environment)
    with open(printed, "w", buffering=1) as sys.stdout:
        sys.exit(command.main(arguments))


def command_cut_short(*arguments):
    """Run the command, and press Ctrl-C at its third look at the clock."""
    loop.CHECK, look, looks = 10, loop._Run._look, iter(range(10**6))

    def cut(run, interrupted, bar):
        if next(looks) == 2:
            interrupted.set()
        return look(run, interrupted, bar)

    loop._Run._look = cut
    command_of_one(*arguments)


def processes(folder, *arguments, status=0, target=command_of_one, size=2):
    """Run the command in processes joined as `torchrun` joins them; return what they print."""
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": str(size)}
    shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    files = [folder / f"{rank}.txt" for rank in range(size)]
    started = [
        FORKS.Process(
            target=target,
            args=(arguments, shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, file),
        )
        for rank, file in enumerate(files)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [status] * size
    return "".join(file.read_text() for file in files)


def test_the_command_says_what_it_does_and_writes_it_down(tmp_path, capsys):
    out = tmp_path / "run.json"
    assert command.main([*SMALL, "--out", str(out), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for part in ("device: cpu", "167,178 parameters", "Adam(lr=0.01", "epoch 2/2", "test: loss"):
        assert part in printed
    record = json.loads(out.read_text())
    assert record["command"].startswith("python -m descent.train --model mlp")
    assert {"torch", "numpy", "python", "descent-to-adam"} <= record["versions"].keys()
    assert record["device"].startswith("cpu")
    assert (record["seed"], record["finished"], record["steps"]) == (0, True, 38)
    assert len(record["losses"]) == 38
    assert record["test"]["accuracy"] > 0.85
    assert record["epochs"][-1]["lr"] < record["epochs"][0]["lr"]  # the cosine is the default


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    taken = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert workers.own_device(torch.device("cuda", 0)) == torch.device("cuda", 3)
    assert workers.own_device(torch.device("cpu")) == torch.device("cpu")
    assert taken == [3]


def test_the_learning_rate_is_no_other_hyper_parameter(capsys):
    for text, message in {"lr=1": "an option of its own, --lr", "eps": "NAME=NUMBER"}.items():
        with pytest.raises(SystemExit):
            command.parser().parse_args(["--model", "mlp", "--hyper", text])
        assert message in capsys.readouterr().err


def test_every_schedule_starts_or_passes_at_the_rate_that_was_asked_for():
    for make in command.SCHEDULES.values():
        schedule = make(0.1, 1000)
        assert max(schedule(t) for t in range(1, 1001)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lr", "-1"], "lr must be a finite number of at least 0"),
        (["--hyper", "mu=0.9"], "of adam must be among .*'beta1'.*got ['mu']"),
        (["--device", "tpu"], "device must be auto or one of this machine's, got 'tpu'"),
        (["--batch-size", "5000"], "batch_size must be at most the 1257"),
        (["--resume"], "--resume needs --out"),
        (["--out", "run.txt"], "--out must end in .json, got run.txt"),
        (["--out", "/missing/run.json"], "got /missing/run.json"),
        (["--shard-optimizer"], "needs several processes: start them with torchrun"),
        (["--data", "mnist"], 'load("digits"), which needs no file'),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, capsys, monkeypatch, tmp_path):
    import re

    monkeypatch.setenv(data.FOLDER, str(tmp_path))
    monkeypatch.setattr(data, "_fetched", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    assert command.main([*SMALL, *arguments]) == 2
    error = capsys.readouterr().err
    assert re.search(re.escape(message).replace(r"\.\*", ".*"), error)
    assert error.count("\n") == 1


def test_a_loss_that_is_no_number_is_status_1_and_what_was_done_is_kept(tmp_path, capsys):
    out = tmp_path / "run.json"
    bad = ["--optimizer", "gradient-descent", "--lr", "1e20", "--schedule", "constant"]
    assert command.main(["--model", "mlp", *bad, "--out", str(out)]) == 1
    assert "not finite at step 2: try a learning rate below 1e+20" in capsys.readouterr().err
    record = json.loads(out.read_text())
    assert record["error"]
    assert record["losses"][0] > 0
    assert record["losses"][1] is None


def test_ctrl_c_is_status_130_and_the_run_can_be_resumed(tmp_path):
    out, printed = tmp_path / "run.json", tmp_path / "printed.txt"
    long = ["--model", "mlp", "--epochs", "400", "--out", str(out)]
    process = FORKS.Process(target=command_of_one, args=(long, {}, printed))
    process.start()
    while not (printed.exists() and "epoch 2/" in printed.read_text()):
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert "interrupted after step" in printed.read_text()
    assert "--resume goes on" in printed.read_text()
    record = json.loads(out.read_text())
    assert not record["finished"]
    assert 38 <= len(record["losses"]) < 7600
    assert command.main(["--model", "mlp", "--epochs", "400", "--out", str(out)]) == 2


def assert_same_run(record, whole):
    np.testing.assert_allclose(record["losses"], whole["losses"], rtol=1e-4)
    accuracies = record["test"]["accuracy"], whole["test"]["accuracy"]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.006)  # two of 360 digits


def test_two_processes_make_the_run_of_one_and_shards_too(tmp_path):
    records = []
    for more in ([], ["--shard-optimizer"]):
        out = tmp_path / f"{len(more)}.json"
        printed = processes(tmp_path, *MANY, *more, "--out", str(out))
        assert printed.count("epoch 2/2") == 1  # one of them speaks
        records.append(json.loads(out.read_text()))
    assert command.main([*MANY, "--out", str(tmp_path / "one.json")]) == 0
    one = json.loads((tmp_path / "one.json").read_text())
    assert [record["processes"] for record in [one, *records]] == [1, 2, 2]
    for record in records:
        assert_same_run(record, one)


@pytest.mark.nightly
def test_sharded_state_is_gathered_and_goes_on(tmp_path):
    sharded = [*SMALL, "--shard-optimizer", "--out", str(tmp_path / "run.json")]
    out, weights = tmp_path / "run.json", tmp_path / "run.pt"
    processes(tmp_path, *sharded)
    whole = json.loads(out.read_text())
    content = torch.load(weights, weights_only=True)
    moments = [s["m"].numel() for s in content["optimizer"]["state"].values()]
    assert sum(moments) == whole["parameters"]
    # As if it had been killed at its beginning: the same steps again.
    for file in (out, weights, tmp_path / "run.best.pt"):
        file.unlink()
    processes(tmp_path, *sharded, status=130, target=command_cut_short)
    assert not json.loads(out.read_text())["finished"]
    processes(tmp_path, *sharded, "--resume")
    resumed = json.loads(out.read_text())
    np.testing.assert_allclose(resumed["losses"], whole["losses"], rtol=1e-5)


@pytest.mark.nightly
@pytest.mark.parametrize("size", [2, 4])
def test_a_sharded_model_makes_the_run_of_one_process(size, tmp_path):
    options = [*FEW, "--schedule", "constant", "--ema", "0.9", "--optimizer", "muon"]
    sharded = [*options, "--fsdp", "--checkpoint-activations", "--csv", str(tmp_path / "run.csv")]
    sharded += ["--out", str(tmp_path / "run.json")]
    printed = processes(tmp_path, *sharded, size=size)
    assert printed.count("epoch 2/2") == 1
    assert command.main([*options, "--out", str(tmp_path / "one.json")]) == 0
    record, one = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("run", "one"))
    assert record["processes"] == size
    assert_same_run(record, one)
    scores = [run["epochs"][-1]["average_validation_loss"] for run in (record, one)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)
    files = [[torch.load(tmp_path / f"{n}{e}", weights_only=True) for n in ("run", "one")]
             for e in (".pt", ".best.pt")]  # fmt: skip
    for ours, whole in files:
        for name, weights in whole["model"].items():
            torch.testing.assert_close(ours["model"][name], weights, rtol=1e-2, atol=1e-3)
    # More epochs, by processes of another number, by one, and again by several.
    for epochs, number in (3, 2), (4, 1), (5, 4):
        more = ["--resume", "--epochs", str(epochs)]
        if number == 1:
            assert command.main([*options, *sharded[-2:], *more]) == 0
        else:
            processes(tmp_path, *sharded, *more, size=number)
    assert command.main([*options, "--out", str(tmp_path / "one.json"), *more]) == 0
    record, one = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("run", "one"))
    np.testing.assert_allclose(record["losses"], one["losses"], rtol=1e-2)


def test_a_sharded_state_takes_one_rule_for_all_parameters(monkeypatch):
    monkeypatch.setattr(workers, "size", lambda: 2)
    with pytest.raises(ValueError, match="takes one rule for all parameters, and muon needs two"):
        command.optimizer_for(models.mlp((1, 8, 8)), rules.get("muon"), shard=True)


def test_a_state_is_sharded_once(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert command.main([*FEW, "--fsdp", "--shard-optimizer"]) == 2
    assert "--fsdp shards the optimiser's state too" in capsys.readouterr().err


@pytest.mark.nightly
def test_a_compiled_run_of_a_sharded_model_is_that_of_one_process(tmp_path):
    processes(tmp_path, *FEW, "--fsdp", "--compile", "--out", str(tmp_path / "run.json"))
    assert command.main([*FEW, "--out", str(tmp_path / "one.json")]) == 0
    record, one = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("run", "one"))
    np.testing.assert_allclose(record["losses"], one["losses"], rtol=1e-2)


@pytest.mark.nightly
def test_a_rule_whose_state_cannot_be_divided_ends_all_processes(tmp_path):
    processes(tmp_path, *FEW, "--fsdp", "--optimizer", "adafactor", status=2)


@pytest.mark.nightly
def test_torchrun_starts_the_processes_of_the_same_run(tmp_path):
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    records = []
    for launcher in ([], torchrun):
        out = tmp_path / f"{len(launcher)}.json"
        line = [sys.executable, "-m", *launcher, "descent.train", *SMALL, "--out", str(out)]
        run = subprocess.run(line, text=True, capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
        assert run.stdout.count("epoch 2/2") == 1
        records.append(json.loads(out.read_text()))
    assert [record["processes"] for record in records] == [1, 2]
    assert_same_run(*records)


def test_the_help_names_every_rule_and_net(capsys):
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--help"])
    printed = capsys.readouterr().out
    assert "alexnet-lite" in printed
    assert "torchrun --nproc-per-node 2" in " ".join(printed.split())
