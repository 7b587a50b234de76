"""The state of a training between two steps, in one sealed file; the one before is kept."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor, nn

from striate import storage, tensorfile
from striate.errors import DivergedError, StorageError, printable
from striate.optim.ema import EMA
from striate.optim.optimizer import Optimizer
from striate.training.events import Epoch, from_json

LAST, PREVIOUS = "last.safetensors", "previous.safetensors"
EPOCH = "epoch.safetensors"


@dataclass
class TrainState:
    """Where a training stands. Sums are those of the epoch under way."""

    epoch: int = 0  #: epochs done
    step: int = 0  #: steps done in the epoch under way
    loss_sum: float = 0.0  #: over images
    correct: int = 0
    seen: int = 0  #: images
    seconds: float = 0.0  #: of training and validation, pauses left out
    training_seconds: float = 0.0  #: of the epoch under way, training alone
    waiting_seconds: float = 0.0  #: of these, for the next batch
    saving_seconds: float = 0.0  #: seconds that the last checkpoint took
    best_epoch: int = 0  #: 0: none yet
    best_accuracy: float = -1.0
    best_loss: float = field(default=float(2**31))
    drops: int = 0  #: of the learning rate, where it falls at a plateau
    last_drop: int = 0  #: the epoch after which it fell last
    recovered: bool = False  #: went back once after the loss was no longer finite
    warned: list[str] = field(
        default_factory=list[str]
    )  #: what was said once and needs no repeating
    last_epoch: Epoch | None = None  #: the epoch that was told last

    def improves(self, accuracy: float, loss: float) -> bool:
        """Whether an epoch beats the best: by accuracy, then by loss."""
        return (accuracy, -loss) > (self.best_accuracy, -self.best_loss)

    def next_epoch(self) -> None:
        self.epoch, self.step, self.loss_sum, self.correct, self.seen = self.epoch + 1, 0, 0.0, 0, 0
        self.training_seconds = self.waiting_seconds = 0.0


def check_finite(tensors: dict[str, Tensor]) -> None:
    """Raises DivergedError where a number is not finite: that is never saved."""
    if name := _infinite(tensors):
        raise DivergedError(f"{name} is no longer finite")


def _infinite(tensors: dict[str, Tensor]) -> str | None:
    """The first tensor with a number that is not finite."""
    for name, tensor in tensors.items():
        waits = name.endswith(".gradient")  # a scaled one may overflow: its step will not count
        if tensor.is_floating_point() and not waits and not tensor.isfinite().all():
            return name
    return None


def save(folder: Path, state: TrainState, tensors: dict[str, Tensor]) -> None:
    """Write `last.safetensors`; the one it replaces stays as `previous.safetensors`."""
    last = folder / LAST
    if last.exists():
        storage.copy(last, folder / PREVIOUS)
    tensorfile.write(last, tensors, {"format": 1, "position": asdict(state)})


def collect_state(
    network: nn.Module, optimizer: Optimizer, average: EMA | None
) -> dict[str, Tensor]:
    """Every tensor that the next steps depend on, by its name in the file."""
    return {
        **{f"network.{key}": value for key, value in network.state_dict().items()},
        **{f"optimizer.{key}": value for key, value in optimizer.state().items()},
        **{f"average.{key}": value for key, value in (average.state() if average else {}).items()},
    }


def copy_as(name: str, folder: Path) -> None:
    """Let a file, as `epoch.safetensors`, be what `last.safetensors` is now."""
    storage.copy(folder / LAST, folder / name)


def load(
    folder: Path, network: nn.Module, optimizer: Optimizer, average: EMA | None
) -> tuple[TrainState, str]:
    """Put the last saved state back; the one before it, and why, when that is damaged.

    The start, where nothing was saved yet. Raises StorageError when neither can be used.
    """
    reasons: list[str] = []
    for name in (LAST, PREVIOUS):
        if not os.path.lexists(folder / name):
            continue
        try:
            state = put_back(folder / name, network, optimizer, average)
        except StorageError as error:
            reasons.append(str(error))
            continue
        if name != LAST:  # the next save must not put a damaged file in place of this good one
            storage.copy(folder / name, folder / LAST)
        return state, "; ".join(reasons)
    if reasons:
        shown = printable(str(folder.parent))
        raise StorageError(f"{shown}: nothing to resume from: {'; '.join(reasons)}; train anew")
    return TrainState(), ""


def put_back(
    path: Path, network: nn.Module, optimizer: Optimizer, average: EMA | None
) -> TrainState:
    """Put the state in a file back. Raises StorageError where it is damaged or does not fit."""
    tensors, state = read(path)
    check_fit(path, tensors, collect_state(network, optimizer, average))
    restore(tensors, network, optimizer, average)
    return state


def read(path: Path) -> tuple[dict[str, Tensor], TrainState]:
    """The state in a file. Raises StorageError when it is damaged or cannot be read."""
    try:
        description, tensors = tensorfile.read(path)
        if name := _infinite(tensors):
            raise _refused(path, f"{printable(name, 200)} is not finite")
        return tensors, from_json(TrainState, description.get("position"))
    except tensorfile.RefusedError as error:
        raise _refused(path, error.reason) from error
    except ValueError as error:
        raise _refused(path, str(error)) from error


def check_fit(path: Path, tensors: dict[str, Tensor], own: dict[str, Tensor]) -> None:
    """Raises StorageError unless the tensors of a file are those of a training, kind for kind."""
    for name in sorted(tensors.keys() | own.keys()):
        if name.endswith(".gradient"):  # there only while steps wait for an update
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


def restore(
    tensors: dict[str, Tensor], network: nn.Module, optimizer: Optimizer, average: EMA | None
) -> None:
    """Put back what `state` gave."""
    network.load_state_dict(with_prefix("network.", tensors))
    optimizer.restore(with_prefix("optimizer.", tensors))
    if average:
        average.restore(with_prefix("average.", tensors))


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
