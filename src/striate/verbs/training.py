"""API functions that train: train, stream, verify and find_rate."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from striate import storage
from striate.data.readers.scan import scan
from striate.distributed.group import Group, join_group
from striate.errors import OptionError
from striate.evaluation import lr_plot
from striate.hardware import keep_freed_memory
from striate.options import Options, RateOptions, TrainOptions
from striate.studies.train_run import TrainJob, code_option, read_resumed, train_steps
from striate.tasks import kind_of
from striate.training.events import Event, Finished, Stopped
from striate.training.lr_finder import RateTest, find_rate_steps
from striate.training.replay import Replay, replay_steps
from striate.training.run import Run, find_started_run
from striate.verbs import display


def train(
    data: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    **options: Any,
) -> Run:
    """Train a network on an image folder and return its run.

    Options are those of `striate.TrainOptions`; `recipe` is a TOML file of them. `resume`
    continues a stopped run, or a finished one with more `epochs`, `minutes` or `patience`. The run
    folder holds the model file, the report and all events. With `progress`, events are shown on
    stderr. Ctrl-C saves a checkpoint before KeyboardInterrupt. Under torchrun all processes train
    one network, and rank 0 writes the run folder and logs. Raises DataError, OptionError,
    StorageError, BusyError, DivergedError or GroupError.

    A custom network is `network="mynet.py:Net"`, a module, of which a copy is trained, or a class
    or function that returns one; it must be given again on resume.

    >>> run = striate.train("photos", network="resnet18", epochs=20)  # doctest: +SKIP
    """
    events = stream(data, recipe=recipe, resume=resume, **options)
    with contextlib.closing(display.show_events(events) if progress else events) as shown:
        event = next(event for event in shown if isinstance(event, Stopped | Finished))
    if isinstance(event, Finished):
        return Run(event.folder)
    if event.signal == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + event.signal)


def stream(
    data: str | Path | None = None,
    *,
    recipe: str | Path | None = None,
    resume: str | Path | None = None,
    **options: Any,
) -> Generator[Event]:
    """Train as `train` does and yield its events: Progress, Started, Step, Epoch, then Finished.

    The last event is Stopped after a stop signal. Closing the iterator ends the training at its
    last checkpoint. Rank 0 yields all events, other ranks only the last one.
    """
    with join_group() as group:
        events = train_steps(group, _asked(group, data, recipe, resume, options))
        with contextlib.closing(events):  # before the group is left
            for event in events:
                if group.is_main or isinstance(event, (Finished, Stopped)):
                    yield event


def verify(run: str | Path, *, network: object = None, progress: bool = False) -> Replay:
    """Check that a run is bit-for-bit reproducible, by replaying its last steps.

    Writes nothing. A custom network must be given again. Raises OptionError when the folder is not
    a run or nothing can be replayed.

    >>> striate.verify("runs/photos-lenet5").same  # doctest: +SKIP
    True
    """
    given = {} if network is None else {"network": network}
    asked = read_resumed(None, run, None, given)
    work = replay_steps(Run.open(run), asked.data, asked.options)
    return display.show_progress(work, None if progress else Console(quiet=True))


def _asked(
    group: Group,
    data: str | Path | None,
    recipe: str | Path | None,
    resume: str | Path | None,
    options: dict[str, Any],
) -> TrainJob:
    """Return what to train; with several processes, as rank 0 reads it."""
    if group.is_single:
        return _read(group, data, recipe, resume, options)
    values: Any = None
    if group.is_main:
        asked = _read(group, data, recipe, resume, options)
        run = str(asked.run.folder) if asked.run else ""
        values = run, str(asked.data), asked.options.given()
        options = dict(asked.options)
    folder, source, told = group.broadcast_object(values)
    if callable(own := options.get("network")):  # an object is not broadcast: each rank has its own
        told = {**told, "network": own}
    return TrainJob(Run(Path(folder)) if folder else None, Path(source), TrainOptions.read(told))


def _read(
    group: Group,
    data: str | Path | None,
    recipe: str | Path | None,
    resume: str | Path | None,
    options: dict[str, Any],
) -> TrainJob:
    """Read the options, or those of the run to resume.

    After a torchrun restart, resume the run that the job had started.
    """
    if resume is not None:
        return read_resumed(data, resume, recipe, options)
    chosen = _options(TrainOptions, recipe, options)
    if data and (earlier := find_started_run(group.process, Path(data), chosen)):
        return read_resumed(data, earlier, None, code_option(chosen.network))
    if data is None:
        raise OptionError("train needs a folder of images, or --resume with the folder of a run")
    return TrainJob(None, Path(data), chosen)


def find_rate(
    data: str | Path,
    *,
    recipe: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> RateTest:
    """Run a learning-rate range test and suggest a rate.

    Options are those of `striate find-rate`; of a training's TOML `recipe`, those that affect a
    step are used. With `out`, the loss curve is drawn to that file. Creates no run. Raises
    DataError, OptionError or StorageError.

    >>> striate.find_rate("photos", network="resnet18").suggested  # doctest: +SKIP
    0.05
    """
    chosen = _options(RateOptions, recipe, options)
    if chosen.out:
        storage.check_output(chosen.out, _inputs(data, chosen))
    keep_freed_memory()
    work = find_rate_steps(Path(data), chosen)
    test = display.show_progress(work, None if progress else Console(quiet=True))
    if chosen.out:
        storage.write(chosen.out, lr_plot.draw_rate_test(test, chosen.out.suffix.lower()))
    return test


def _inputs(data: str | Path, options: RateOptions) -> Iterator[Path]:
    """Yield the data, then what they list: files are listed only if an output exists."""
    yield Path(data)
    yield from scan(data, kind_of(options.task), group=options.group).files()


_Chosen = TypeVar("_Chosen", bound=Options)


def _options(kind: type[_Chosen], recipe: str | Path | None, options: dict[str, Any]) -> _Chosen:
    if recipe is None:
        return kind.read(options)
    return kind.read_toml(Path(recipe), options)
