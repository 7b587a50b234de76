"""One training from its options to its run folder: new, resumed or prolonged."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from striate import storage
from striate.data.listing.samples import Split
from striate.distributed.group import Group
from striate.distributed.signals import Request, handle_stop_signals
from striate.errors import OptionError
from striate.evaluation.write_report import write_report
from striate.hardware import choose_device, keep_freed_memory, restored_settings
from striate.options import Network, TrainOptions
from striate.training import setup, sync, transfer
from striate.training.checkpoint import TrainState
from striate.training.events import Event, Finished, Note
from striate.training.loop import fit
from striate.training.prepare import PreparedData, notes, prepare_data
from striate.training.prolong import RAISED, prolong, raised
from striate.training.record import default_folder, write_run_record
from striate.training.run import Run, job_record
from striate.training.step import Training
from striate.zoo.spec import NetworkSpec


@dataclass(frozen=True)
class TrainJob:
    """What to train, and the run to resume, if any."""

    run: Run | None
    data: Path
    options: TrainOptions
    exact: bool = False  #: whether a new run's folder is `out` itself, which exists
    split: Split | None = None  #: that the report is of; None: test, where there is one


def train_steps(group: Group, job: TrainJob) -> Generator[Event]:
    """Train and yield all events; the last one is Finished, or Stopped after a stop signal."""
    chosen = job.options
    device = choose_device(group.device_name(chosen.device))
    if device.type == "cuda":
        torch.cuda.set_device(device)  # so that its generator is seeded
    keep_freed_memory()
    with contextlib.ExitStack() as held:
        held.enter_context(restored_settings())
        if job.run and group.is_main:
            held.enter_context(job.run.lock())
            storage.remove_partials(job.run.folder)
            job.run.truncate_partial_line()
        with group.local_main_first("images"):
            dataset = yield from prepare_data(job.data, chosen)
        training = yield from setup.build_training(dataset, chosen, device, group)
        run = job.run or _created(group, job, dataset)
        state = TrainState()
        if group.is_main and job.run:
            state = yield from setup.restore_checkpoint(training, run, dataset, device)
            yield from prolong(training, run, state)
        elif group.is_main:
            held.enter_context(run.lock())
            write_run_record(training, run, dataset, chosen, device)
        state = sync.broadcast_state(group, state, training.learner)
        request = held.enter_context(handle_stop_signals())
        for event in _trained(training, run, dataset, device, state, request, job.split):
            if group.is_main:
                run.append_event(event)
            yield event


def _created(group: Group, job: TrainJob, dataset: PreparedData) -> Run:
    """Create the run folder on rank 0 and broadcast its path."""
    if group.is_main:
        out = job.options.out or default_folder(dataset)
        run = Run(out) if job.exact else Run.create(out)
        if record := job_record(group.process, dataset.root, job.options):
            run.write_json(run.job_file.name, record)
        return Run(Path(group.broadcast_object(str(run.folder))))
    return Run(Path(group.broadcast_object()))


def _trained(
    training: Training,
    run: Run,
    dataset: PreparedData,
    device: torch.device,
    state: TrainState,
    request: Request,
    split: Split | None,
) -> Iterator[Event]:
    """Yield the events of the loop, and write the report before Finished.

    Its seconds count what the front of frozen stages took, which comes before the loop.
    """
    asked, rate = training.recipe.options.weights is not None, training.recipe.backbone_rate
    if told := transfer.note(dataset.source, training.freezing, rate, dataset.advice, asked=asked):
        yield Note(told)
    yield from notes(dataset)
    if left := training.model.task.note(training.recipe.augment_ranges):
        yield Note(left)
    yield setup.make_started(training, run, dataset, device, state)
    for event in fit(training, run, state, request):
        if isinstance(event, Finished) and training.group.is_main:
            if training.front:
                torch.set_num_threads(training.recipe.whole_threads)
            seconds = training.front_seconds + event.seconds
            event = replace(event, scores=write_report(run, dataset, split), seconds=seconds)
        yield event


def read_resumed(
    data: str | Path | None,
    resume: str | Path,
    recipe: str | Path | None,
    options: dict[str, Any],
) -> TrainJob:
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
    if values.get("leave_out") is not None:
        values["leave_out"] = run.left_out_file
    chosen = TrainOptions.read(values, str(run.options_file))
    more = {name: value for name, value in options.items() if name in RAISED}
    return TrainJob(run, Path(data or recorded), raised(chosen, more))


def code_option(network: Network | None) -> dict[str, Any]:
    """Return the network option that a resumed run of a custom network needs again."""
    return {"network": network} if callable(network) or ".py:" in (network or "") else {}
