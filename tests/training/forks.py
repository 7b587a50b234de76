"""Trainings by several processes, which are forks of this one, so that torch is imported once.

    python -m tests.training.forks PHOTOS PLACE NAME

The place is filled with the runs and reports of a case by its name; see tests/training/test_together.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from striate import cli, tensorfile, verbs
from striate.training.events import Event, Started, Step
from striate.training.together import norm
from striate.training.together.group import joined
from striate.verbs import training as training_verbs

USUAL = {"epochs": 2, "batch": 18, "threads": 1, "seed": 3, "network": "lenet5"}
SMALL_STEPS = {**USUAL, "network": "resnet20", "epochs": 1, "learning_rate": 0.01}
EVERYTHING = {
    "vary": "mixup=0.4,cutmix=0.8,turn=20",
    "accumulate": 2,
    "clip": 0.5,
    "balance": "weights",
    "average": 0.9,
    "smoothing": 0.1,
}
#: name -> processes beside one, options
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "plain": (2, USUAL),
    "everything": (2, {**USUAL, **EVERYTHING}),
    "norms": (2, SMALL_STEPS),
    "nothing left for one": (3, {**SMALL_STEPS, "batch": 79, "augment": "none"}),
    "local norms": (2, {**SMALL_STEPS, "batch_norm": "local"}),
}
LONGEST = 100  #: seconds


def main() -> None:
    photos, place, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    if name == "cases":
        for case, (processes, options) in CASES.items():
            for count in (1, processes):
                out = place / f"{case}-{count}"
                together(count, lambda rank, out=out, options=options: train(photos, out, options))
    else:
        globals()[name.replace(" ", "_")](photos, place)


def together(processes: int, work: Callable[[int], int | None]) -> list[int]:
    """Do the work in so many forks, as torchrun starts them; their exit codes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    children: list[int] = []
    for rank in range(processes):
        child = os.fork()
        if child == 0:
            os.environ |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes),
                "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }  # fmt: skip
            signal.alarm(LONGEST)
            code = 70
            try:
                code = work(rank) or 0
            except Exception:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def train(photos: Path, out: Path, options: dict[str, Any], **more: Any) -> None:
    """A training whose every process also writes down a hash of its weights."""
    with held() as trainings:
        verbs.train(photos, out=out, progress=False, **options, **more)
    weights = dict(trainings[0].model.network.named_parameters())
    out.with_name(f"{out.name}.{os.environ['RANK']}").write_text(tensorfile.digest(weights))


@contextlib.contextmanager
def held() -> Iterator[list[Any]]:
    """The trainings that the loop is given meanwhile."""
    usual, found = training_verbs.fit, []

    def noting(training: Any, *others: Any) -> Iterator[Event]:
        found.append(training)
        return usual(training, *others)

    training_verbs.fit = noting
    yield found
    training_verbs.fit = usual


def one_norm(_photos: Path, place: Path) -> None:
    """The norm of a batch in two parts, one of them empty or not, against that of the whole."""
    values = torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(1)) * 2 + 30
    values = values.contiguous(memory_format=torch.channels_last)
    slopes = torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(2))

    def work(rank: int) -> None:
        whole, own = nn.Sequential(nn.BatchNorm2d(3)), nn.Sequential(nn.BatchNorm2d(3))
        for module in (whole[0], own[0]):
            module.weight.data = torch.tensor([0.5, -2.0, 1.5])
        norm.synchronise(own, "own")
        expected = values.clone().requires_grad_()
        out = whole(expected)
        (out * slopes).sum().backward()
        with joined():
            for cut in (3, 5):
                here = slice(0, cut) if rank == 0 else slice(cut, 5)
                mine = values[here].clone().requires_grad_()
                result = own(mine)
                (result * slopes[here]).sum().backward()
                torch.testing.assert_close(result, out[here], rtol=0, atol=2e-5)
                torch.testing.assert_close(mine.grad, expected.grad[here], rtol=0, atol=2e-5)
        for name in ("running_mean", "running_var"):
            once, twice = getattr(whole[0], name), getattr(own[0], name)
            fresh = 0.0 if name == "running_mean" else 1.0
            torch.testing.assert_close(twice, (once - fresh) * 1.9 + fresh)
        (place / f"norm.{rank}").write_text("equal")

    together(2, work)


def told(photos: Path, place: Path) -> None:
    """What two processes say of wrong options, and their exit codes."""
    for name, arguments in {
        "option": ["train", str(photos), "--epochs", "-3"],
        "flag": ["train", str(photos), "--epochz", "3"],
        "folder": ["train", str(place / "nowhere")],
        "batch": ["train", str(photos), "--batch", "3", "--batch-norm", "local"],
    }.items():
        report(place, name, lambda rank, arguments=arguments: cli.main(arguments))


def killed(photos: Path, place: Path) -> None:
    """One of two processes is killed in its third step."""
    report(place, "killed", lambda rank: doing(rank, photos, place, signal.SIGKILL))


def stopped(photos: Path, place: Path) -> None:
    """One of two processes gets SIGTERM in its third step; two and one go on."""
    report(place, "stopped", lambda rank: doing(rank, photos, place, signal.SIGTERM))
    together(1, lambda rank: go_on(place / "stopped", place / "by one"))
    together(2, lambda rank: go_on(place / "stopped", place / "by two"))


def doing(rank: int, photos: Path, place: Path, number: int) -> int:
    usual = training_verbs.fit.__globals__["take"]

    def take(training: Any, position: Any, *others: Any) -> None:
        if rank == 1 and position.step == 2:
            os.kill(os.getpid(), number)
        usual(training, position, *others)

    training_verbs.fit.__globals__["take"] = take
    name = signal.Signals(number).name
    out = place / {"SIGKILL": "killed", "SIGTERM": "stopped"}[name]
    return cli.main(
        ["train", str(photos), "--out", str(out)]
        + [f"--{key.replace('_', '-')}={value}" for key, value in USUAL.items()]
    )


def go_on(run: Path, copy: Path) -> None:
    import shutil

    if os.environ["RANK"] == "0":
        shutil.copytree(run, copy)
    else:
        while not (copy / "options.json").exists():
            time.sleep(0.01)
    verbs.train(resume=copy, progress=False)


def report(place: Path, name: str, work: Callable[[int], int | None]) -> None:
    """Do the work in two processes; write down how they ended and what they said."""
    said = place / f"{name}.txt"

    def quietly(rank: int) -> int | None:
        with said.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        return work(rank)

    began = time.monotonic()
    codes = together(2, quietly)
    seconds = time.monotonic() - began
    found = {"codes": codes, "said": said.read_text(), "seconds": seconds}
    (place / f"{name}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
