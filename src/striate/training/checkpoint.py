"""The state of a training between two steps, in one sealed file; the one before is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor, nn

from striate import storage, tensorfile
from striate.errors import DivergedError, ModelError, OptionError
from striate.training.learning.average import Average
from striate.training.learning.optimiser import Optimiser


@dataclass
class Position:
    """Where a training stands. Sums are those of the epoch under way."""

    epoch: int = 0  #: epochs done
    step: int = 0  #: steps done in the epoch under way
    loss_sum: float = 0.0  #: over pictures
    right: int = 0
    seen: int = 0  #: pictures
    seconds: float = 0.0  #: of training and validation, pauses left out
    training_seconds: float = 0.0  #: of the epoch under way, training alone
    best_epoch: int = 0  #: 0: none yet
    best_accuracy: float = -1.0
    best_loss: float = field(default=float(2**31))
    drops: int = 0  #: of the learning rate, where it falls at a plateau
    last_drop: int = 0  #: the epoch after which it fell last

    def improves(self, accuracy: float, loss: float) -> bool:
        """Whether an epoch beats the best: by accuracy, then by loss."""
        return (accuracy, -loss) > (self.best_accuracy, -self.best_loss)

    def next_epoch(self) -> None:
        self.epoch, self.step, self.loss_sum, self.right, self.seen = self.epoch + 1, 0, 0.0, 0, 0
        self.training_seconds = 0.0


def save(
    folder: Path,
    position: Position,
    network: nn.Module,
    optimiser: Optimiser,
    average: Average | None,
) -> None:
    """Write `last.safetensors`; the one it replaces stays as `previous.safetensors`.

    Raises DivergedError instead of writing a number that is not finite.
    """
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"optimiser.{key}": value for key, value in optimiser.state().items()}
    if average:
        tensors |= {f"average.{key}": value for key, value in average.state().items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise DivergedError(f"{name} is no longer finite")
    last = folder / "last.safetensors"
    if last.exists():
        last.replace(folder / "previous.safetensors")
    tensorfile.write(last, tensors, {"format": 1, "position": asdict(position)})


def keep_as_best(folder: Path) -> None:
    """Let `best.safetensors` be what `last.safetensors` is now."""
    storage.copy(folder / "last.safetensors", folder / "best.safetensors")


def load(
    folder: Path, network: nn.Module, optimiser: Optimiser, average: Average | None
) -> Position:
    """Put the last saved state back; the one before it when that is missing or damaged.

    Raises OptionError when neither can be read.
    """
    reasons: list[str] = []
    for path in (folder / "last.safetensors", folder / "previous.safetensors"):
        if not path.exists():
            continue
        try:
            description, tensors = tensorfile.read(path)
        except ModelError as error:
            reasons.append(str(error))
            continue
        network.load_state_dict(_under("network.", tensors))
        optimiser.restore(_under("optimiser.", tensors))
        if average:
            average.restore(_under("average.", tensors))
        return Position(**description["position"])
    detail = "; ".join(reasons) or "it was stopped before its first checkpoint"
    raise OptionError(f"{folder.parent}: nothing to resume from: {detail}; train anew")


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
