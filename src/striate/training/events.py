"""Training events: one stream for the terminal, the log file and the browser."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from striate.progress import Progress
from striate.provenance import Scores
from striate.tasks.figures import Figure


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Started:
    """Data and network are ready; the first step is next."""

    folder: Path  #: run folder
    network: str
    params: int  #: of the network, frozen ones too
    task: str  #: name of the task
    targets: str  #: "10 classes"; of images alone the task
    figure: Figure  #: that leads: best epoch, early stopping, plateau
    images: dict[str, int]  #: split -> images
    left_out: int  #: files that cannot be used
    size: int  #: side of the input image in pixels, or samples of a signal
    epochs: int
    minutes: float | None
    steps: int  #: steps per epoch
    batch: int
    device: str
    threads: int
    execution: str  #: memory format, precision, compilation, micro-batches
    speedup: float | None  #: factor over the default execution; None: not autotuned
    epoch: int  #: first epoch to run; above 1 when a run is resumed
    world_size: int = 1  #: number of processes
    batch_norm: str = ""  #: "synchronized" or "local"; "" for one process
    train_figure: Figure | None = None  #: shown of training images; None: `figure`
    code: str = ""  #: --network value needed to resume; "" for a built-in network
    crop: int | None = None  #: side of the windows that are trained on; None: whole images
    trained_params: int | None = None  #: that are ever trained; None: all
    inputs: str = "image"  #: or "signal" or "sequence": what is trained on
    optimizer: str = ""  #: "" in runs of an earlier version


@dataclass(frozen=True, slots=True)
class Step:
    """Progress inside an epoch: means since the last Step event."""

    epoch: int  #: from 1
    step: int  #: completed steps of this epoch
    loss: float
    train: dict[str, float]  #: figure -> value on training images
    learning_rate: float
    images_per_second: float
    waiting: float  #: fraction of the time spent waiting for the next batch
    progress: float  #: fraction of the whole training done
    remaining: float  #: seconds


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch was trained, validated and saved."""

    epoch: int  #: from 1
    train_loss: float
    train: dict[str, float]  #: figure -> value on training images; undefined ones are absent
    validation_loss: float
    validation: dict[str, float]  #: figure -> value on validation images
    learning_rate: float  #: at the end of the epoch
    images_per_second: float  #: training only, without validation
    seconds: float  #: since the training began, without the time between resumes
    best: bool  #: best validation so far; saved as the model file
    waiting: float = 0.0  #: fraction of the training time spent waiting for the next batch
    weights: str = ""  #: SHA-256 of the network's state dict after the epoch

    def __getattr__(self, name: str) -> float:
        """Return a figure by attribute: `epoch.validation_accuracy`, `epoch.train_accuracy`."""
        split, _, figure = name.partition("_")
        if figure and split in ("train", "validation") and figure in (of := getattr(self, split)):
            return of[figure]
        raise AttributeError(f"{type(self).__name__} has no {name!r}")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A signal stopped the training after a step; the state is saved and can be resumed."""

    folder: Path
    signal: int
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The training has ended; the model file holds the best epoch."""

    folder: Path
    epochs: int
    best_epoch: int
    validation: dict[str, float]  #: figure -> value on validation images, of the best epoch
    seconds: float
    scores: Scores | None = None  #: None until the report is written


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Test images of the run were opened to judge a model of it."""

    images: int


Event = Progress | Note | Started | Step | Epoch | Stopped | Finished | Evaluated


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as a JSON-ready dict, with its class name under "event"."""
    values = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(event).items()
    }
    return {"event": type(event).__name__, **values}
