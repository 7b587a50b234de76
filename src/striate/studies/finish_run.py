"""A run of a study: trained into exactly one folder, however often it was killed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from striate import storage
from striate.data.listing.samples import Split
from striate.distributed.group import Group
from striate.errors import OptionError, printable
from striate.options import TrainOptions
from striate.studies.train_run import TrainJob, code_option, read_resumed, train_steps
from striate.training.events import Event, Started, Stopped
from striate.training.run import Run

#: files of a run that was killed before it had its options
_UNBORN = {
    "checkpoints", "data_report.json", "environment.json", "left_out.csv", "lock", "pictures.jsonl",
}  # fmt: skip


def finish_run(
    data: str | Path, folder: Path, options: TrainOptions, *, split: Split | None = None
) -> Generator[Event, None, Run]:
    """Train into exactly this folder and return the run; yield the events of the training.

    A run that is there goes on from its last checkpoint, one that has ended is returned at once.
    More `epochs` than the run has prolong it; with fewer it is returned at once if it had ended
    there, as it does before it is prolonged. Other options are not compared with those of the run:
    that is for the record of the study. The report is of the `split`; by default of the test
    images, where there are any. Trains in this process alone. Raises what `striate.train` does,
    OptionError where the folder holds other files, KeyboardInterrupt or SystemExit after a stop
    signal, with a checkpoint saved.
    """
    run = Run(folder)
    if run.options_file.exists():
        if _has_ended(run, options.epochs):
            return run
        job = _resumed(run, Path(data), options)
    else:
        _make_folder(folder)
        there = options.model_copy(update={"out": folder})
        job = TrainJob(None, Path(data), there, exact=True)
    with contextlib.closing(train_steps(Group(), replace(job, split=split))) as events:
        for event in events:
            yield event
            if isinstance(event, Stopped):
                _stop(event.signal)
    return run


def _has_ended(run: Run, epochs: int | None) -> bool:
    """Return whether the run has ended, once, after so many epochs or as many as it has.

    A run that was killed while it was prolonged has more epochs than when it was last started.
    """
    recorded = int(run.read_options()["epochs"])
    if epochs is not None and epochs < recorded:
        return len(run.epochs()) >= epochs
    started = [event["epochs"] for event in run.events() if event["event"] == Started.__name__]
    return run.finished and started[-1] >= max(recorded, epochs or 0)


def _resumed(run: Run, data: Path, options: TrainOptions) -> TrainJob:
    more = {} if options.epochs is None else {"epochs": options.epochs}
    return read_resumed(data, run.folder, None, {**more, **code_option(options.network)})


def _make_folder(folder: Path) -> None:
    """Make the folder, or take one that a killed run left without its options.

    Raises OptionError if it holds anything else, StorageError if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        storage.remove_partials(folder)
        others = sorted({file.name for file in folder.iterdir()} - _UNBORN)
    except OSError as error:
        raise storage.storage_error(folder, error, "choose another place with --out") from error
    if others:
        raise OptionError(
            f"{printable(str(folder))}: expected the folder of a run or none, but it holds "
            f"{printable(others[0])}; move it away, or choose another place with --out"
        )


def _stop(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
