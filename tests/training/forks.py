"""Trainings by several processes, which are forks of this one, so that torch is imported once.

    python -m tests.training.forks PHOTOS PLACE

The place is filled with runs and reports, which tests/training/test_distributed.py looks at.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jinja2
import torch
from torch import nn

from striate import cli, tensorfile, verbs
from striate.data.loader import Batch, ImageDataset
from striate.distributed import sync_batch_norm
from striate.distributed.group import join_group
from striate.optim import schedule
from striate.studies import train_run
from striate.training import setup
from striate.training.events import Epoch, Event, Note
from striate.training.run import Run
from tests.decoders import forked_decoders
from tests.tasks.shapes import shapes
from tests.training.test_own_network import CODE

USUAL = {"epochs": 2, "batch": 18, "threads": 1, "seed": 3, "network": "lenet5"}
#: with batch norms, in float64: in float32 the gradients of a fresh ResNet-20 are 2e-3 off anyway
NORMS = {**USUAL, "network": "resnet20", "size": 16, "epochs": 1, "augment": "none"}
EVERYTHING = {
    "augment_params": "mixup=0.4,cutmix=0.8,rotate=20",
    "accumulate": 2,
    "clip_grad": 0.5,
    "balance": "weights",
    "ema": 0.9,
    "label_smoothing": 0.1,
}
#: name -> processes beside one, options
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "plain": (2, USUAL),
    "everything": (2, {**USUAL, **EVERYTHING}),
    "norms": (2, NORMS),
    "nothing left for one": (3, {**NORMS, "batch": 79, "augment": "none"}),
    "nothing for a mean": (3, {**USUAL, "batch": 79, "epochs": 1}),
    "local norms": (2, {**NORMS, "batch_norm": "local"}),
    "recovering": (2, {**USUAL, "recover": True, "learning_rate": 0.02}),
}
#: several labels, of their own images
LABELS = {**USUAL, "batch": 9, "balance": "weights", "task_params": "focal=1"}
LONGEST = 100  #: seconds


def main() -> None:
    photos, place = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    assert jinja2, "loaded before the first fork"
    with forked_decoders():
        fill(photos, place)


def fill(photos: Path, place: Path) -> None:
    for case, (processes, options) in CASES.items():
        for count in (1, processes):
            out = place / f"{case}-{count}"
            codes = together(
                count, lambda rank, out=out, options=options: train(photos, out, options)
            )
            assert not any(codes), (case, codes)
    several_labels(place)
    one_norm(place)
    sum_up(place)
    tell(photos, place)
    die(photos, place)
    stop(photos, place)
    load_code(photos, place)


def several_labels(place: Path) -> None:
    data = shapes(place / "shapes", 60)
    for count in (1, 2):
        out = place / f"labels-{count}"
        assert not any(together(count, lambda rank, out=out: train(data, out, LABELS)))


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
            except Exception:  # noqa: BLE001
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def train(photos: Path, out: Path, options: dict[str, Any], **more: Any) -> None:
    """A training whose every process also writes down a hash of its weights."""
    if options["network"] == "resnet20":
        count_in_float64()
    if "recover" in options:
        leap(options["learning_rate"])
    with held() as trainings:
        verbs.train(photos, out=out, progress=False, **options, **more)
    weights = dict(trainings[0].model.network.named_parameters())
    out.with_name(f"{out.name}.{os.environ['RANK']}").write_text(tensorfile.digest(weights))


def train_by_one_and_two(data: Path, place: Path, options: dict[str, Any]) -> list[list[Epoch]]:
    """The epochs of a training of one process and of one of two, whose weights are the same."""
    for count in (1, 2):
        out = place / f"run-{count}"
        assert not any(together(count, lambda rank, out=out: train(data, out, options)))
    assert len({(place / f"run-2.{rank}").read_text() for rank in (0, 1)}) == 1
    return [Run.open(place / f"run-{count}").epochs() for count in (1, 2)]


def count_in_float64() -> None:
    place, gathered = setup.to_device, ImageDataset._gather

    def doubled(pixels: ImageDataset, *wanted: Any) -> Iterator[Batch]:
        for batch in gathered(pixels, *wanted):
            yield Batch(batch.images.double(), batch.targets)

    setup.to_device = lambda network, device: place(network, device).double()
    ImageDataset._gather = doubled
    train_run.write_report = lambda *_: None  # it reads the model, which is float32


def leap(peak: float) -> None:
    """Let the rate be far too high from the middle on, until the training has recovered."""
    usual = schedule.learning_rate

    def leaping(highest: float, progress: float, *others: Any) -> float:
        lost = progress > 0.6 and highest == peak
        return 1e30 if lost else usual(highest, progress, *others)

    schedule.learning_rate = leaping


@contextlib.contextmanager
def held() -> Iterator[list[Any]]:
    """The trainings that the loop is given meanwhile."""
    usual, found = train_run.fit, []

    def noting(training: Any, *others: Any) -> Iterator[Event]:
        found.append(training)
        return usual(training, *others)

    train_run.fit = noting
    yield found
    train_run.fit = usual


def one_norm(place: Path) -> None:
    """The norm of a batch in two parts, one of them empty or not, against that of the whole."""
    values = torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(1)) * 2 + 30
    values = values.contiguous(memory_format=torch.channels_last)
    slopes = torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(2))

    def work(rank: int) -> None:
        whole, own = nn.Sequential(nn.BatchNorm2d(3)), nn.Sequential(nn.BatchNorm2d(3))
        for module in (whole[0], own[0]):
            module.weight.data = torch.tensor([0.5, -2.0, 1.5])
        sync_batch_norm.convert_batch_norms(own, "own")
        expected = values.clone().requires_grad_()
        out = whole(expected)
        (out * slopes).sum().backward()
        with join_group():
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


def sum_up(place: Path) -> None:
    """Tensors of several shapes and dtypes are summed at once, in float64."""
    loss, share = torch.tensor(0.1), torch.tensor([[0.1], [1e-9]], dtype=torch.float64)
    counts, none = torch.tensor([[2**51 - 1, 3, -1]]), torch.zeros(0, dtype=torch.int32)

    def work(rank: int) -> None:
        with join_group() as group:
            many = rank + 1
            found = group.all_reduce_sum(loss * many, share * many, counts * many, none)
        (place / f"sum.{rank}").write_text(
            repr([(each.dtype, tuple(each.shape), each.tolist()) for each in found])
        )

    together(2, work)


def tell(photos: Path, place: Path) -> None:
    """What two processes say of wrong options, and their exit codes."""
    for name, arguments in {
        "option": ["train", str(photos), "--epochs", "-3"],
        "flag": ["train", str(photos), "--bad-imagez", "3"],
        "folder": ["train", str(place / "nowhere")],
        "batch": ["train", str(photos), "--batch", "3", "--batch-norm", "local"],
    }.items():
        report(place, name, lambda rank, arguments=arguments: cli.main(arguments))


def die(photos: Path, place: Path) -> None:
    """One of two processes is killed in its third step."""
    report(place, "killed", lambda rank: doing(rank, photos, place, signal.SIGKILL))


def stop(photos: Path, place: Path) -> None:
    """One of two processes gets SIGTERM in its third step; two and one go on."""
    report(place, "stopped", lambda rank: doing(rank, photos, place, signal.SIGTERM))
    together(1, lambda rank: go_on(place / "stopped", place / "by one"))
    together(2, lambda rank: go_on(place / "stopped", place / "by two"))


def load_code(photos: Path, place: Path) -> None:
    """Two processes train a network of a file, which each of them loads."""
    (place / "mynet.py").write_text(CODE)
    (place / "beside.py").write_text("WIDTH = 4\n")
    words = ["train", str(photos), "--epochs=1", "--batch=16", "--threads=1", "--seed=3",
             "--batch-norm=local", f"--out={place / 'code'}",
             f"--network={place / 'mynet.py'}:Net"]  # fmt: skip
    report(place, "code", lambda rank: cli.main(words))


def doing(rank: int, photos: Path, place: Path, number: int) -> int:
    usual = train_run.fit.__globals__["train_step"]

    def step(training: Any, state: Any, *others: Any) -> None:
        if rank == 1 and state.step == 2:
            os.kill(os.getpid(), number)
        usual(training, state, *others)

    train_run.fit.__globals__["train_step"] = step
    name = signal.Signals(number).name
    out = place / {"SIGKILL": "killed", "SIGTERM": "stopped"}[name]
    return cli.main(
        ["train", str(photos), "--out", str(out)]
        + [f"--{key.replace('_', '-')}={value}" for key, value in USUAL.items()]
    )


def go_on(run: Path, copy: Path) -> None:
    if os.environ["RANK"] == "0":
        shutil.copytree(run, copy)
        notes = [e.text for e in verbs.stream(resume=copy) if isinstance(e, Note)]
        copy.with_suffix(".notes").write_text(json.dumps(notes))
    else:
        list(verbs.stream(resume=copy))


def dying() -> None:
    """A command line, as torchrun starts it, whose second process is killed in its seventh step."""
    usual, steps = train_run.fit.__globals__["train_step"], iter(range(7))

    def step(*values: Any) -> None:
        if next(steps, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        usual(*values)

    if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        train_run.fit.__globals__["train_step"] = step
    sys.exit(cli.main(sys.argv[1:]))


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
    if "RANK" in os.environ:
        with forked_decoders():
            dying()
    main()
