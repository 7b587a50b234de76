"""Trainings that are killed again and again, and must end as if nothing had happened.

    python -m tests.training.killing --kills 200 --seed 1

Each life of a training is a fork of this process, so that torch is imported once. It is killed
(SIGKILL) after a random time, or at a random call that changes the disk, in the middle of a write
included, and the next life resumes the run. A training that ends is compared with one that nobody
killed: every tensor of the last checkpoint and of the model file, and every epoch told.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jinja2
import torch

import striate
from striate import storage, tensorfile
from striate.training.run import Run
from striate.verbs import training
from tests.conftest import striped
from tests.decoders import forked_decoders

OPTIONS = {"epochs": 4, "batch": 8, "threads": 1, "seed": 5, "network": "lenet5"}
#: a checkpoint every few steps, so that many kills meet one
OPTIONS["checkpoint_minutes"] = 0.02 / 60
MOST_SECONDS, MOST_CALLS = 0.8, 60


def main() -> None:
    """Kill trainings until there were enough kills; print a JSON line; exit 1 if one differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    assert all((jinja2, training)), "loaded before the first fork"
    with tempfile.TemporaryDirectory(prefix="killing-") as place, forked_decoders():
        os.environ["STRIATE_CACHE"] = str(Path(place) / "cache")
        found = kill(Path(place), asked.kills, random.Random(asked.seed))
    print(json.dumps({**found, "seed": asked.seed}))
    sys.exit(found["different"] > 0)


def kill(place: Path, kills: int, chance: random.Random) -> dict[str, int]:
    photos = images(place / "photos")
    whole = live(lambda: train(photos, place / "whole", None))
    assert whole == 0, "the training that nobody kills has failed"
    expected = outcome(place / "whole")
    done = {"kills": 0, "trainings": 0, "identical": 0, "different": 0, "by_call": 0}
    while done["kills"] < kills:
        out = place / f"run{done['trainings']}"
        while (code := one_life(photos, out, chance, done)) == -signal.SIGKILL:
            done["kills"] += 1
            if done["kills"] == kills:
                code = live(lambda out=out: train(photos, out, None))
                break
        assert code == 0, f"a resumed training failed: {code}"
        done["trainings"] += 1
        came = outcome(out)
        done["identical" if came == expected else "different"] += 1
        for what, values in expected.items():
            if came[what] != values:
                print(f"{out.name}: {what}: {came[what]} instead of {values}", file=sys.stderr)
    return done


def one_life(photos: Path, out: Path, chance: random.Random, done: dict[str, int]) -> int:
    if chance.random() < 0.5:
        last, seconds = chance.randrange(1, MOST_CALLS), None
        done["by_call"] += 1
    else:
        last, seconds = None, chance.uniform(0, MOST_SECONDS)
    return live(lambda: train(photos, out, last), seconds)


def live(work: Callable[[], None], seconds: float | None = None) -> int:
    """Do the work in a fork, killed after so long; minus the signal that ended it, or its code."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train(photos: Path, out: Path, last: int | None) -> None:
    if last is not None:
        die_at_call(last)
    if (out / "options.json").exists():
        striate.train(resume=out, progress=False)
    else:
        if out.exists():  # killed before it was a run
            out.rename(out.with_name(f"{out.name}-unborn-{time.monotonic_ns()}"))
        striate.train(photos, out=out, progress=False, **OPTIONS)


def die_at_call(last: int) -> None:
    """From now on the process kills itself at that call of those that change the disk."""
    left = iter(range(last - 1, -1, -1))

    def dying(usual: Callable[..., object]) -> Callable[..., object]:
        def call(*values: object, **named: object) -> object:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return usual(*values, **named)

        return call

    def write_through(path: Path, data: bytes) -> None:
        if next(left) == 0:
            path.write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        usual_write(path, data)

    usual_write = storage._write_through
    storage._write_through = write_through
    for name in ("replace", "fsync", "link"):
        setattr(os, name, dying(getattr(os, name)))


def outcome(folder: Path) -> dict[str, object]:
    """All that must be equal: tensors of checkpoint and model, and the epochs without times."""
    run = Run.open(folder)
    epochs = []
    told = [event for event in run.events() if event["event"] == "Epoch"]
    assert len(told) >= OPTIONS["epochs"], "an epoch was never told"
    for epoch in run.epochs():
        values = {k: getattr(epoch, k) for k in ("epoch", "train_loss", "train_accuracy",
            "validation_loss", "validation_accuracy", "best", "weights")}  # fmt: skip
        epochs.append(values)
    files = (run.checkpoints / "last.safetensors",)
    digests = [tensorfile.digest(tensorfile.read(file)[1]) for file in (*files, run.model_file)]
    partial = [str(file) for file in folder.rglob("*.partial")]
    return {"epochs": epochs, "digests": digests, "partial": partial, "finished": run.finished}


def images(folder: Path) -> Path:
    for kind in ("flat", "slanted", "upright"):
        (folder / kind).mkdir(parents=True)
        for seed in range(40):
            striped(kind, seed).save(folder / kind / f"{seed:02}.png")
    return folder


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
