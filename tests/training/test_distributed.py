"""Several processes learn what one would: see tests/training/forks.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import striate
from striate import tensorfile
from striate.distributed import launch, rendezvous
from striate.distributed.group import Group
from striate.errors import GroupError, OptionError, PeerFailedError
from striate.training.run import Run
from tests.training.forks import CASES, USUAL

LAST = "checkpoints/last.safetensors"
QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}


def python(*arguments: object) -> None:
    """Run a module of the suite; it must end well, and in time."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture(scope="module")
def cases(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cases")
    python("tests.training.forks", photos, place)
    return place


def assert_close(one: Run, other: Run, tolerance: float) -> None:
    for mine, its in zip(one.epochs(), other.epochs(), strict=True):
        assert mine.train_loss == pytest.approx(its.train_loss, abs=tolerance)
        assert mine.validation_loss == pytest.approx(its.validation_loss, abs=tolerance)
        assert mine.train == its.train
        assert mine.validation == its.validation
    tensors, others = (tensorfile.read(run.folder / LAST)[1] for run in (one, other))
    assert tensors.keys() == others.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=tolerance, msg=name)


@pytest.mark.parametrize(
    ("case", "tolerance"),
    [
        ("plain", 2e-6),
        ("everything", 2e-6),
        ("nothing for a mean", 2e-6),
        ("recovering", 2e-6),
        ("norms", 1e-9),
        ("nothing left for one", 1e-9),
    ],
)
def test_several_processes_learn_what_one_does(cases: Path, case: str, tolerance: float):
    one, several = Run(cases / f"{case}-1"), Run(cases / f"{case}-{CASES[case][0]}")
    assert_close(one, several, tolerance)


def test_several_processes_learn_several_labels_and_their_thresholds_as_one_does(cases: Path):
    one, two = (Run(cases / f"labels-{count}") for count in (1, 2))
    assert_close(one, two, 2e-6)
    mine, its = (striate.load(run.folder).task.spec.constants["threshold"] for run in (one, two))
    assert mine == pytest.approx(its, abs=2e-3)
    assert one.epochs()[-1].validation.keys() == {"mAP", "micro_f1"}


@pytest.mark.parametrize("case", CASES)
def test_all_processes_end_with_the_same_weights(cases: Path, case: str):
    count = CASES[case][0]
    hashes = {(cases / f"{case}-{count}.{rank}").read_text() for rank in range(count)}
    assert len(hashes) == 1


def test_several_processes_go_back_an_epoch_as_one_does(cases: Path):
    for count in (1, 2):
        told = [e["text"] for e in Run(cases / f"recovering-{count}").events() if "text" in e]
        assert len(told) == 1
        assert told[0].startswith("training diverged in epoch 2 at step 4")
        assert told[0].endswith("back to the end of epoch 1, once, and on with a tenth of the rate")


def test_local_norms_see_what_their_process_sees(cases: Path):
    local, together = Run(cases / "local norms-2"), Run(cases / "norms-2")
    assert abs(local.epochs()[0].train_loss - together.epochs()[0].train_loss) > 1e-3


def test_a_run_says_how_many_processes_it_had(cases: Path):
    started = next(e for e in Run(cases / "local norms-2").events() if e["event"] == "Started")
    assert (started["world_size"], started["batch_norm"]) == (2, "local")
    assert Run(cases / "local norms-2").read_json("environment.json")["processes"] == 2
    started = next(e for e in Run(cases / "plain-1").events() if e["event"] == "Started")
    assert (started["world_size"], started["batch_norm"]) == (1, "")


def test_a_run_of_several_processes_is_not_verified_by_one(cases: Path):
    run = cases / "plain-2"
    with pytest.raises(OptionError) as caught:
        striate.verify(run)
    assert str(caught.value) == (
        f"{run}: it was trained by 2 processes, and one process adds up in another order: "
        "equal to float tolerance, never to the last bit"
    )


def test_a_norm_of_a_batch_in_two_parts_is_that_of_the_whole(cases: Path):
    assert {file.name for file in cases.glob("norm.*")} == {"norm.0", "norm.1"}


def test_sums_of_any_shape_and_dtype_are_those_of_all_processes(cases: Path):
    """The loss is not rounded to float32 again, and counts stay exact integers."""
    loss = torch.tensor(0.1).double() + (torch.tensor(0.1) * 2).double()
    expected = [
        (torch.float64, (), loss.item()),
        (torch.float64, (2, 1), [[0.1 + 0.2], [1e-9 + 2e-9]]),
        (torch.int64, (1, 3), [[3 * (2**51 - 1), 9, -3]]),
        (torch.int32, (0,), []),
    ]
    for rank in range(2):
        assert (cases / f"sum.{rank}").read_text() == repr(expected)


@pytest.mark.parametrize(
    ("name", "codes", "said"),
    [
        ("option", [2, 8], "epochs must be at least 1, but '-3' came"),
        (
            "flag",
            [2, 2],
            "no such option '--bad-imagez'. Did you mean '--bad-images'?; "
            "see `striate train --help`",
        ),
        ("folder", [3, 8], "{place}/nowhere: no such folder"),
        (
            "batch",
            [2, 8],
            "2 processes share a batch and a local norm needs two images in each, "
            "but the batch is 3; give --batch 4 or more",
        ),
    ],
)
def test_what_is_wrong_is_said_once(cases: Path, name: str, codes: list[int], said: str):
    found = json.loads((cases / f"{name}.json").read_text())
    assert found["said"] == f"striate: error: {said.format(place=cases)}\n"
    assert sorted(found["codes"]) == codes


def test_when_one_process_is_killed_the_other_ends_and_says_so(cases: Path):
    found = json.loads((cases / "killed.json").read_text())
    assert found["codes"] == [8, -9]
    assert found["said"].splitlines()[-1] == (
        "striate: error: another process of this training ended, or was silent for 10 minutes; "
        "its message is above or in its own log; --resume goes on from the last checkpoint"
    )
    assert found["said"].count("error") == 1
    assert found["seconds"] < 60


def test_a_signal_to_one_process_stops_all_at_the_same_step(cases: Path):
    found = json.loads((cases / "stopped.json").read_text())
    assert found["codes"] == [143, 143]
    assert found["said"].splitlines()[-1] == (
        "stopped and saved in epoch 1 after step 3; "
        f"resume with: striate train --resume {cases / 'stopped'}"
    )
    assert not Run(cases / "stopped").finished


def test_a_stopped_run_goes_on_in_as_many_processes_or_in_one(cases: Path):
    by_two, whole = Run(cases / "by two"), Run(cases / "plain-2")
    assert [e.weights for e in by_two.epochs()] == [e.weights for e in whole.epochs()]
    assert json.loads((cases / "by two.notes").read_text()) == []
    assert_close(Run(cases / "by one"), Run(cases / "plain-1"), 2e-6)
    assert json.loads((cases / "by one.notes").read_text()) == [
        "resumed, but not bit for bit: processes 2 is now 1"
    ]


def test_two_processes_each_load_the_file_of_a_network(cases: Path):
    found = json.loads((cases / "code.json").read_text())
    assert found["codes"] == [0, 0], found["said"]
    assert Run(cases / "code").read_json("environment.json")["processes"] == 2
    assert striate.load(cases / "code", network=f"{cases}/mynet.py:Net").class_names


def test_what_torchrun_starts_anew_goes_on_with_its_run(photos: Path, tmp_path: Path, cases: Path):
    """One of two processes is killed in its seventh step."""
    options = [f"--{name}={value}" for name, value in USUAL.items()]
    python(
        *("torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1", "-m"),
        *("tests.training.forks", "train", photos, "--out", tmp_path / "run"),
        *("--checkpoint-minutes=1e-7", *options),
    )
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
    run, undisturbed = Run(tmp_path / "run"), Run(cases / "plain-2")
    assert [event["event"] for event in run.events()].count("Started") == 2
    assert [e.weights for e in run.epochs()] == [e.weights for e in undisturbed.epochs()]
    assert [e.train_loss for e in run.epochs()] == [e.train_loss for e in undisturbed.epochs()]
    steps = [e for e in run.events() if e["event"] == "Step" and e["epoch"] == 2]
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5]
    tensors, others = (tensorfile.read(each.folder / LAST)[1] for each in (run, undisturbed))
    assert tensorfile.digest(tensors) == tensorfile.digest(others)


def test_a_process_that_torchrun_did_not_start_is_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", "3")
    assert launch.process_info() == launch.ProcessInfo()
    assert Group().is_single


def test_the_job_is_named_by_the_user_or_by_the_folder_of_torchrun(monkeypatch: pytest.MonkeyPatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MASTER_ADDR", "here")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "mine")
    assert launch.process_info().job == "mine"
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", "/tmp/t_1/none_ab/attempt_2/1/error.json")
    assert launch.process_info().job == "none_ab"


@pytest.fixture
def second_of_four(monkeypatch: pytest.MonkeyPatch) -> Group:
    """The second of four processes on a machine with GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return Group(launch.ProcessInfo(5, 8, 1, 4), torch.distributed.HashStore())


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_each_process_has_a_gpu_of_its_own(device: str, second_of_four: Group):
    assert second_of_four.device_name(device) == "cuda:1"


def test_one_gpu_is_refused_to_several_processes(second_of_four: Group):
    with pytest.raises(OptionError) as caught:
        second_of_four.device_name("cuda:1")
    assert str(caught.value) == (
        "device cuda:1 names one GPU for 4 processes; --device cuda takes one for each"
    )


def test_processes_that_meet_again_have_another_name():
    store, places = (
        torch.distributed.HashStore(),
        [launch.ProcessInfo(rank, 3) for rank in range(3)],
    )
    names: list[str] = []
    for _life in range(3):
        with ThreadPoolExecutor(3) as threads:
            (name,) = set(
                threads.map(lambda place: rendezvous.agree_on_prefix(store, place), places)
            )
        names.append(name)
    assert len(set(names)) == 3


def test_who_waits_for_one_that_ended_ends_too():
    store = torch.distributed.HashStore()
    store.add("ended", 1)
    with pytest.raises(PeerFailedError) as caught:
        Group(launch.ProcessInfo(1, 2), store).broadcast_object()
    assert isinstance(caught.value, GroupError)
