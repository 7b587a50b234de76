"""The batch that fits into memory is found, and one that does not fit is refused beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import striate
from striate.data.decoding.preprocess import Preprocess
from striate.errors import OptionError
from striate.options import TrainOptions
from striate.training import setup
from striate.training.memory import AUTO_FRACTION, MemoryBudget, free_memory
from striate.training.view import View
from striate.zoo.spec import NetworkSpec

CPU = torch.device("cpu")
VIEW = View(NetworkSpec.of("resnet20"), Preprocess(32, 3))
NETWORK = VIEW.build(10)
MACHINE = "MemTotal:       9000 kB\nMemFree:  10 kB\nMemAvailable:    5000 kB\n"


def room(free: int | None) -> MemoryBudget:
    return MemoryBudget(NETWORK, VIEW, free)


def planted(system: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(text)
    return system


@pytest.mark.parametrize("batch", [2, 64, 256])
def test_the_largest_power_of_two_that_fits_is_taken(batch: int):
    needed = room(None).required_bytes(batch)
    assert needed is not None
    for free, expected in (
        (needed / AUTO_FRACTION + 1, batch),
        (needed / AUTO_FRACTION - 1, batch // 2),
    ):
        settled = room(int(free)).resolve_batch_size(TrainOptions(batch="auto"), images=1000)
        assert settled.batch == max(2, expected)


def test_no_more_images_are_taken_than_there_are():
    for images, batch in ((2, 2), (63, 32), (64, 64), (1000, 512)):
        assert room(10**12).resolve_batch_size(TrainOptions(batch="auto"), images).batch == batch


def test_a_batch_that_was_asked_for_stays():
    for batch in (7, None):
        assert room(1).resolve_batch_size(TrainOptions(batch=batch), 1000).batch == batch


def test_auto_needs_memory_that_is_known():
    with pytest.raises(OptionError) as caught:
        room(None).resolve_batch_size(TrainOptions(batch="auto"), 1000)
    assert str(caught.value) == (
        "how much memory resnet20 takes, or how much is free, cannot be told here; "
        "give --batch a number in place of auto"
    )


def test_a_batch_that_does_not_fit_is_refused_with_one_that_does():
    space = room(100_000_000)
    space.check_fits(32, "float32")
    with pytest.raises(OptionError) as caught:
        space.check_fits(1000, "float32")
    assert str(caught.value) == (
        "a step of 1,000 images of 3x32x32 takes about 1.57 GB of memory with resnet20, but "
        "100 MB are free; take --batch 32 or less, a smaller --size or another network"
    )


def test_where_nothing_fits_no_batch_is_proposed():
    with pytest.raises(OptionError) as caught:
        room(1_000_000).check_fits(2, "float32")
    assert str(caught.value).endswith(
        "but 1.00 MB are free; take a smaller --size or another network"
    )


def test_half_the_digits_take_half_the_memory():
    needed = room(None).required_bytes(64)
    assert needed is not None
    room(needed // 2 + 1).check_fits(64, "bfloat16")
    with pytest.raises(OptionError, match="are free"):
        room(needed // 2 + 1).check_fits(64, "float32")


def test_a_batch_that_known_memory_refuses_is_taken_where_memory_is_unknown():
    with pytest.raises(OptionError, match="but 100 MB are free"):
        room(100_000_000).check_fits(10_000, "float32")
    room(None).check_fits(10_000, "float32")


def test_what_the_machine_can_give_is_free(tmp_path: Path):
    assert free_memory(CPU, system=planted(tmp_path, {"proc/meminfo": MACHINE})) == 5_120_000
    assert free_memory(CPU, system=tmp_path / "nothing here") is None


def test_a_control_group_leaves_less(tmp_path: Path):
    files = {
        "proc/meminfo": MACHINE,
        "proc/self/cgroup": "0::/user/job\n",
        "sys/fs/cgroup/user/job/memory.max": "max\n",
        "sys/fs/cgroup/user/job/memory.current": "700\n",
        "sys/fs/cgroup/user/memory.max": "3000\n",
        "sys/fs/cgroup/user/memory.current": "2000\n",
        "sys/fs/cgroup/user/memory.stat": "anon 5\ninactive_file 400\n",
    }
    assert free_memory(CPU, system=planted(tmp_path, files)) == 3000 - 2000 + 400


def test_a_control_group_of_the_first_version_leaves_less(tmp_path: Path):
    files = {
        "proc/meminfo": MACHINE,
        "proc/self/cgroup": "5:cpu:/a\n4:memory:/job\n0::/\n",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "9000\n",
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "8000\n",
        "sys/fs/cgroup/memory/job/memory.stat": "total_inactive_file 500\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
    }
    assert free_memory(CPU, system=planted(tmp_path, files)) == 1500


def test_the_batch_found_is_recorded_and_kept_by_a_resumed_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = {"epochs": 1, "threads": 1, "batch": "auto", "progress": False}
    run = striate.train(photos, out=tmp_path / "run", **options)
    assert run.read_json("options.json")["batch"] == 64
    monkeypatch.setattr(setup, "free_memory", lambda *_: 2_000_000)
    again = striate.train(photos, out=tmp_path / "less", **options)
    assert again.read_json("options.json")["batch"] < 64
    assert striate.train(resume=again.folder, progress=False).finished


def test_a_training_that_would_not_fit_leaves_no_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(setup, "free_memory", lambda *_: 2_000_000)
    with pytest.raises(OptionError, match="a step of 64 images of 1x32x32 takes about"):
        striate.train(photos, out=tmp_path / "run", batch=64, progress=False)
    assert not (tmp_path / "run").exists()
