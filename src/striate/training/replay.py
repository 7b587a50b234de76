"""Reproducibility check: replay the last steps of a run and compare every tensor bit for bit."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from striate import hardware, tensorfile
from striate.distributed.group import Group
from striate.errors import OptionError, printable
from striate.model import Model
from striate.options import TrainOptions
from striate.progress import Progress
from striate.training import checkpoint
from striate.training.checkpoint import TrainState
from striate.training.prepare import prepare_data
from striate.training.record import check_same_images, environment_changes
from striate.training.run import Run
from striate.training.setup import build_training
from striate.training.step import Training, replay


@dataclass(frozen=True)
class Replay:
    """Result of replaying the last steps of a run."""

    folder: Path
    epoch: int  #: from 1
    first: int  #: completed steps of the epoch at the start of the replay
    last: int  #: completed steps of the epoch at its end
    compared: int  #: number of tensors and sums
    differing: tuple[str, ...]  #: names of those that differ from the recorded ones
    largest: float  #: largest absolute difference of an element
    weights: str  #: SHA-256 of the network's state dict after the last step
    changed: tuple[str, ...]  #: versions and hardware that changed since the run

    @property
    def same(self) -> bool:
        """Whether everything is bit-identical."""
        return not self.differing

    def to_json(self) -> dict[str, Any]:
        lists = {"differing": list(self.differing), "changed": list(self.changed)}
        return {**asdict(self), **lists, "folder": str(self.folder), "same": self.same}

    def __str__(self) -> str:
        one, first = self.last - self.first == 1, self.first + 1
        steps = f"step {first:,}" if one else f"steps {first:,} to {self.last:,}"
        told = f"{printable(str(self.folder))}: {steps} of epoch {self.epoch:,} replayed: "
        if self.same:
            told += f"{self.compared} tensors and sums are the same to the last bit\n"
            return told + f"weights after step {self.last}: SHA-256 {self.weights}"
        told += (
            f"{len(self.differing)} of {self.compared} tensors and sums differ after step "
            f"{self.last}, first {self.differing[0]}; the largest difference is {self.largest:.3g}"
        )
        return told + (f"\nsince the run, {', '.join(self.changed)}" if self.changed else "")


def replay_steps(run: Run, data: Path, options: TrainOptions) -> Generator[Progress, None, Replay]:
    """Replay from the previous checkpoint (or the start) to the last one and compare.

    Writes nothing. Raises OptionError if there is nothing to replay or images have changed.
    """
    shown = printable(str(run.folder))
    if options.minutes is not None:
        raise OptionError(
            f"{shown}: a training with --minutes follows the clock and cannot be replayed; "
            "give --epochs instead to have the same run again"
        )
    processes = run.read_json("environment.json").get("processes", 1)
    if processes != 1:
        raise OptionError(
            f"{shown}: it was trained by {processes} processes, and one process adds up in "
            "another order: equal to float tolerance, never to the last bit"
        )
    device = hardware.choose_device(options.device)
    with hardware.restored_settings():
        dataset = yield from prepare_data(data, options)
        check_same_images(run, dataset.decoded)
        training = yield from build_training(dataset, options, device, Group())
        state, tensors, goal = _ends(run, training)
        first = state.step
        replay(training, state, goal)
        changed = environment_changes(run, device)
    came = training.learner.tensors()
    sums = _sums(state, goal, tensors, run, training.model)
    tensors = training.learner.without_frozen(tensors)
    differing = [name for name in sorted(tensors) if not _equal(tensors[name], came[name])]
    largest = max((_distance(tensors[name], came[name]) for name in differing), default=0.0)
    differing += [name for name, (then, now) in sums.items() if then != now]
    return Replay(
        run.folder, state.epoch + 1, first, state.step, len(tensors) + len(sums),
        tuple(differing), largest, tensorfile.digest(training.model.network.state_dict()), changed,
    )  # fmt: skip


def _ends(run: Run, training: Training) -> tuple[TrainState, dict[str, Tensor], TrainState]:
    """Restore the starting checkpoint; return its state, and the target's tensors and state.

    The older file is read first: if a running training saves in between, the target is still later.
    Raises StorageError if one is damaged, OptionError if no steps lie between them.
    """
    shown = printable(str(run.folder))
    last, previous = run.checkpoints / checkpoint.LAST, run.checkpoints / checkpoint.PREVIOUS
    state = TrainState()
    if not os.path.lexists(last):
        raise OptionError(f"{shown}: nothing to replay: it has no checkpoint; resume it first")
    if os.path.lexists(previous):
        state = checkpoint.put_back(previous, training.learner)
    else:
        _same_start(run, training)
    tensors, goal = checkpoint.read(last)
    checkpoint.check_fit(last, tensors, training.learner)
    within = goal.epoch == state.epoch and goal.step > state.step
    if not within and (goal.epoch, goal.step) != (state.epoch + 1, 0):
        raise OptionError(
            f"{shown}: nothing to replay: no steps lie between its two checkpoints; "
            "resume it and let it save again"
        )
    return state, tensors, goal


def _same_start(run: Run, training: Training) -> None:
    """Raise OptionError if the given module has other initial weights than the run had."""
    then = run.read_options().get("network_weights")
    if then not in (None, tensorfile.digest(training.model.network.state_dict())):
        raise OptionError(
            f"{run.folder}: nothing to replay: the run began with other weights than those of the "
            "network that was given"
        )


def _sums(
    state: TrainState, goal: TrainState, tensors: dict[str, Tensor], run: Run, model: Model
) -> dict[str, tuple[object, object]]:
    """Return name -> (recorded, replayed) for the sums and digests beside the tensors."""
    if goal.epoch == state.epoch or goal.last_epoch is None:
        return {
            "loss_sum": (goal.loss_sum, state.loss_sum),
            **{name: (total, state.sums.get(name)) for name, total in goal.sums.items()},
            "seen": (goal.seen, state.seen),
        }
    told = {epoch.epoch: epoch for epoch in run.epochs()}.get(goal.epoch, goal.last_epoch)
    network = model.network.state_dict() | checkpoint.with_prefix("network.", tensors)
    trained = model.task.measure(state.arrays(), state.seen)
    return {
        "training loss": (goal.last_epoch.train_loss, state.loss_sum / state.seen),
        **{
            f"training {name}": (value, trained.get(name))
            for name, value in goal.last_epoch.train.items()
        },
        "SHA-256 in events.jsonl": (told.weights, tensorfile.digest(network)),
    }


def _equal(one: Tensor, other: Tensor) -> bool:
    """Compare bit for bit: 0 differs from -0."""
    return tensorfile.digest({"": one}) == tensorfile.digest({"": other})


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.detach().cpu().double()).abs().max())
