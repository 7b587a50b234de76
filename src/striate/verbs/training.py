"""API functions that train: train, stream, verify and find_rate."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from rich.console import Console

from striate import storage
from striate.data.readers.scan import scan
from striate.distributed.group import Group, join_group
from striate.distributed.signals import Request, handle_stop_signals
from striate.errors import OptionError
from striate.evaluation import lr_plot
from striate.evaluation.write_report import write_report
from striate.hardware import choose_device, keep_freed_memory, restored_settings
from striate.options import Network, Options, RateOptions, TrainOptions
from striate.tasks import kind_of
from striate.training import setup, sync, transfer
from striate.training.checkpoint import TrainState
from striate.training.events import Event, Finished, Note, Stopped
from striate.training.loop import fit
from striate.training.lr_finder import RateTest, find_rate_steps
from striate.training.prepare import PreparedData, notes, prepare_data
from striate.training.prolong import RAISED, prolong, raised
from striate.training.record import default_folder, write_run_record
from striate.training.replay import Replay, replay_steps
from striate.training.run import Run, find_started_run, job_record
from striate.training.step import Training
from striate.verbs import display
from striate.zoo.spec import NetworkSpec


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
        events = _stream(group, _asked(group, data, recipe, resume, options))
        with contextlib.closing(events):  # before the group is left
            for event in events:
                if group.is_main or isinstance(event, (Finished, Stopped)):
                    yield event


def _stream(group: Group, asked: _Asked) -> Generator[Event]:
    chosen = asked.options
    device = choose_device(group.device_name(chosen.device))
    if device.type == "cuda":
        torch.cuda.set_device(device)  # so that its generator is seeded
    keep_freed_memory()
    with contextlib.ExitStack() as held:
        held.enter_context(restored_settings())
        if asked.run and group.is_main:
            held.enter_context(asked.run.lock())
            storage.remove_partials(asked.run.folder)
            asked.run.truncate_partial_line()
        with group.local_main_first("images"):
            dataset = yield from prepare_data(asked.data, chosen)
        training = yield from setup.build_training(dataset, chosen, device, group)
        run = asked.run or _created(group, chosen, dataset)
        state = TrainState()
        if group.is_main and asked.run:
            state = yield from setup.restore_checkpoint(training, run, dataset, device)
            yield from prolong(training, run, state)
        elif group.is_main:
            held.enter_context(run.lock())
            write_run_record(training, run, dataset, chosen, device)
        state = sync.broadcast_state(
            group, state, training.model.network, training.optimizer, training.ema
        )
        request = held.enter_context(handle_stop_signals())
        for event in _trained(training, run, dataset, device, state, request):
            if group.is_main:
                run.append_event(event)
            yield event


def _created(group: Group, options: TrainOptions, dataset: PreparedData) -> Run:
    """Create the run folder on rank 0 and broadcast its path."""
    if group.is_main:
        run = Run.create(options.out or default_folder(dataset))
        if record := job_record(group.process, dataset.root, options):
            run.write_json(run.job_file.name, record)
        return Run(Path(group.broadcast_object(str(run.folder))))
    return Run(Path(group.broadcast_object()))


def verify(run: str | Path, *, network: object = None, progress: bool = False) -> Replay:
    """Check that a run is bit-for-bit reproducible, by replaying its last steps.

    Writes nothing. A custom network must be given again. Raises OptionError when the folder is not
    a run or nothing can be replayed.

    >>> striate.verify("runs/photos-lenet5").same  # doctest: +SKIP
    True
    """
    given = {} if network is None else {"network": network}
    asked = _resumed(None, run, None, given)
    work = replay_steps(Run.open(run), asked.data, asked.options)
    return display.show_progress(work, None if progress else Console(quiet=True))


@dataclass(frozen=True)
class _Asked:
    """What to train, and the run to resume, if any."""

    run: Run | None
    data: Path
    options: TrainOptions


def _asked(
    group: Group,
    data: str | Path | None,
    recipe: str | Path | None,
    resume: str | Path | None,
    options: dict[str, Any],
) -> _Asked:
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
    return _Asked(Run(Path(folder)) if folder else None, Path(source), TrainOptions.read(told))


def _read(
    group: Group,
    data: str | Path | None,
    recipe: str | Path | None,
    resume: str | Path | None,
    options: dict[str, Any],
) -> _Asked:
    """Read the options, or those of the run to resume.

    After a torchrun restart, resume the run that the job had started.
    """
    if resume is not None:
        return _resumed(data, resume, recipe, options)
    chosen = _options(TrainOptions, recipe, options)
    if data and (earlier := find_started_run(group.process, Path(data), chosen)):
        return _resumed(data, earlier, None, _code(chosen.network))
    if data is None:
        raise OptionError("train needs a folder of images, or --resume with the folder of a run")
    return _Asked(None, Path(data), chosen)


def _code(network: Network | None) -> dict[str, Any]:
    """Return the network option that a resumed run of a custom network needs again."""
    return {"network": network} if callable(network) or ".py:" in (network or "") else {}


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
    yield from scan(data, kind_of(options.task)).files()


_Chosen = TypeVar("_Chosen", bound=Options)


def _options(kind: type[_Chosen], recipe: str | Path | None, options: dict[str, Any]) -> _Chosen:
    if recipe is None:
        return kind.read(options)
    return kind.read_toml(Path(recipe), options)


def _resumed(
    data: str | Path | None,
    resume: str | Path,
    recipe: str | Path | None,
    options: dict[str, Any],
) -> _Asked:
    """Return the run to resume, its image folder (as recorded unless given) and its options."""
    kept = [*options, *(["recipe"] if recipe else [])]
    kept = [name for name in kept if name not in (*RAISED, "network")]
    run = Run.open(resume)
    values = run.read_options()
    digest = values.pop("network_sha256", None)
    values.pop("network_weights", None)
    if not isinstance(network := values.get("network"), str):
        raise storage.damaged(run.options_file, 1, "it does not say which network it trains")
    spec = NetworkSpec.recorded(network, digest)
    if spec.ours and "network" in options:
        kept.append("network")
    if kept:
        raise OptionError(
            f"a resumed run keeps its options, but epochs, minutes and patience may be raised; "
            f"leave out {kept[0]}, or train anew"
        )
    if not spec.ours:
        values["network"] = spec.completed(options.get("network"), str(run.folder))
    recorded = values.pop("data", None)
    if not isinstance(recorded, str) or "\0" in recorded:
        raise storage.damaged(run.options_file, 1, "it does not say where its images are")
    chosen = TrainOptions.read(values, str(run.options_file))
    more = {name: value for name, value in options.items() if name in RAISED}
    return _Asked(run, Path(data or recorded), raised(chosen, more))


def _trained(
    training: Training,
    run: Run,
    dataset: PreparedData,
    device: torch.device,
    state: TrainState,
    request: Request,
) -> Iterator[Event]:
    """Yield the events of the loop, and write the report before Finished."""
    asked = training.recipe.options.weights is not None
    if told := transfer.note(dataset.source, training.freezing, dataset.advice, asked=asked):
        yield Note(told)
    yield from notes(dataset)
    if left := training.model.task.note(training.recipe.augment_ranges):
        yield Note(left)
    yield setup.make_started(training, run, dataset, device, state)
    for event in fit(training, run, state, request):
        if isinstance(event, Finished) and training.group.is_main:
            event = replace(event, scores=write_report(run, dataset))
        yield event
