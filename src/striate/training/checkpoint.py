"""Checkpoints: the training state between two steps, in one checksummed file, and its backup."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from striate import storage, tensorfile
from striate.errors import DivergedError, StorageError, printable
from striate.input_description import from_json
from striate.legacy import upgrade_state, upgrade_tensors
from striate.optim.ema import EMA
from striate.optim.optimizer import Optimizer
from striate.tasks.figures import Figure
from striate.training.events import Epoch

LAST, PREVIOUS = "last.safetensors", "previous.safetensors"
EPOCH = "epoch.safetensors"


@dataclass
class TrainState:
    """Progress of a training. Sums are over the current epoch."""

    epoch: int = 0  #: completed epochs
    step: int = 0  #: completed steps of the current epoch
    loss_sum: float = 0.0  #: summed over images
    #: additive sums of the task, flattened
    sums: dict[str, list[int | float]] = field(default_factory=dict[str, "list[int | float]"])
    seen: int = 0  #: images trained on
    seconds: float = 0.0  #: training and validation time, without the time between resumes
    training_seconds: float = 0.0  #: training time of the current epoch
    waiting_seconds: float = 0.0  #: of these, waiting for the next batch
    saving_seconds: float = 0.0  #: time to write the last checkpoint
    best_epoch: int = 0  #: 0: none yet
    #: figure -> value on validation images, of the best epoch
    best: dict[str, float] = field(default_factory=dict[str, float])
    best_loss: float = field(default=float(2**31))
    #: of the targets, as of the last completed epoch; the model file keeps those of the best
    constants: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])
    drops: int = 0  #: learning-rate drops of the plateau schedule
    last_drop: int = 0  #: epoch of the last learning-rate drop
    recovered: bool = False  #: already restarted once after divergence
    #: kinds of health warnings already reported
    warned: list[str] = field(default_factory=list[str])
    last_epoch: Epoch | None = None  #: last completed epoch

    def add(self, sums: Mapping[str, list[int | float]]) -> None:
        """Add the sums of a step."""
        kept = self.sums
        self.sums = {
            name: list(map(operator.add, kept[name], new)) if kept else new
            for name, new in sums.items()
        }

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the sums as arrays, as `Task.measure` takes them."""
        return {name: np.asarray(values, np.float64) for name, values in self.sums.items()}

    def improves(self, figure: Figure, validation: Mapping[str, float], loss: float) -> bool:
        """Return whether an epoch beats the best: by the figure that leads, then by loss."""
        value, best = validation.get(figure.name), self.best.get(figure.name)
        if self.best_epoch == 0:
            return True
        return loss < self.best_loss if value == best else figure.improves(value, best)

    def next_epoch(self) -> None:
        self.epoch, self.step, self.loss_sum, self.sums, self.seen = self.epoch + 1, 0, 0.0, {}, 0
        self.training_seconds = self.waiting_seconds = 0.0


@dataclass(frozen=True)
class Learner:
    """What a training changes and a checkpoint holds: network, optimizer, EMA."""

    network: nn.Module
    optimizer: Optimizer
    average: EMA | None
    frozen: frozenset[str] = frozenset()  #: tensors of the network that are left out

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors but the frozen ones, keyed as in the checkpoint file."""
        found = {
            **{f"network.{key}": value for key, value in self.network.state_dict().items()},
            **{f"optimizer.{key}": value for key, value in self.optimizer.state().items()},
            **{f"ema.{key}": value for key, value in self._averaged().items()},
        }
        return self.without_frozen(found)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Load tensors of that form into network, optimizer and EMA; frozen ones stay."""
        tensors = self.without_frozen(tensors)
        network = self.network.state_dict()
        self.network.load_state_dict({**network, **with_prefix("network.", tensors)})
        self.optimizer.restore(with_prefix("optimizer.", tensors))
        if self.average:
            self.average.restore({**self._averaged(), **with_prefix("ema.", tensors)})

    def without_frozen(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave frozen tensors out, of the network and of the average."""
        left_out = {f"{kind}.{name}" for kind in ("network", "ema") for name in self.frozen}
        return {name: each for name, each in tensors.items() if name not in left_out}

    def _averaged(self) -> dict[str, Tensor]:
        return self.average.state() if self.average else {}


def check_finite(tensors: dict[str, Tensor]) -> None:
    """Raise DivergedError if a tensor is not finite; such a state is never saved."""
    if name := _infinite(tensors):
        raise DivergedError(f"{name} is no longer finite")


def _infinite(tensors: dict[str, Tensor]) -> str | None:
    """Return the name of the first non-finite tensor."""
    for name, tensor in tensors.items():
        waits = name.endswith(".gradient")  # scaled ones may overflow: that update is skipped
        if tensor.is_floating_point() and not waits and not tensor.isfinite().all():
            return name
    return None


def save(folder: Path, state: TrainState, tensors: dict[str, Tensor]) -> None:
    """Write `last.safetensors`; keep the replaced file as `previous.safetensors`."""
    last = folder / LAST
    if last.exists():
        storage.copy(last, folder / PREVIOUS)
    tensorfile.write(last, tensors, {"format": 2, "state": asdict(state)})


def copy_as(name: str, folder: Path) -> None:
    """Copy `last.safetensors` to another name, such as `epoch.safetensors`."""
    storage.copy(folder / LAST, folder / name)


def load(folder: Path, learner: Learner) -> tuple[TrainState, str]:
    """Restore the last checkpoint, or if damaged the previous one, and return the reason.

    Return the initial state if there is no checkpoint. Raises StorageError if neither is usable.
    """
    reasons: list[str] = []
    for name in (LAST, PREVIOUS):
        if not os.path.lexists(folder / name):
            continue
        try:
            state = put_back(folder / name, learner)
        except StorageError as error:
            reasons.append(str(error))
            continue
        if name != LAST:  # or the next save would replace this good one by the damaged
            storage.copy(folder / name, folder / LAST)
        return state, "; ".join(reasons)
    if reasons:
        shown = printable(str(folder.parent))
        raise StorageError(f"{shown}: nothing to resume from: {'; '.join(reasons)}; train anew")
    return TrainState(), ""


def put_back(path: Path, learner: Learner) -> TrainState:
    """Restore a checkpoint file. Raises StorageError if it is damaged or does not fit."""
    tensors, state = read(path)
    check_fit(path, tensors, learner)
    learner.restore(tensors)
    return state


def read(path: Path) -> tuple[dict[str, Tensor], TrainState]:
    """Read tensors and state of a checkpoint. Raises StorageError if damaged or unreadable."""
    try:
        description, tensors = tensorfile.read(path)
        if name := _infinite(tensors):
            raise _refused(path, f"{printable(name, 200)} is not finite")
        values = description.get("state", description.get("position"))
        if isinstance(values, dict):
            values = upgrade_state(cast(dict[str, Any], values))
        return upgrade_tensors(tensors), from_json(TrainState, values)
    except tensorfile.RefusedError as error:
        raise _refused(path, error.reason) from error
    except ValueError as error:
        raise _refused(path, str(error)) from error


def check_fit(path: Path, tensors: Mapping[str, Tensor], learner: Learner) -> None:
    """Raise StorageError unless names, shapes and dtypes match those of the training."""
    tensors, own = learner.without_frozen(tensors), learner.tensors()
    for name in sorted(tensors.keys() | own.keys()):
        if name.endswith(".gradient"):  # present only between accumulation steps
            continue
        came, wanted = tensors.get(name), own.get(name)
        if (
            came is None
            or wanted is None
            or (came.shape, came.dtype) != (wanted.shape, wanted.dtype)
        ):
            raise _refused(path, f"it is of another training: {name} is not what belongs there")


def _refused(path: Path, reason: str) -> StorageError:
    return StorageError(f"{printable(str(path))}: not a checkpoint of this run: {reason}")


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix`, with the prefix removed."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
