"""What a running training tells: one stream that terminal, log file and browser listen to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from striate.data.listing.samples import Progress
from striate.text import count_noun, format_interval, format_percent, percent_digits

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Note:
    """Something the owner of the training should know."""

    text: str


@dataclass(frozen=True, slots=True)
class Started:
    """The data is ready, the network is built, the first step comes next."""

    folder: Path  #: of the run
    network: str
    params: int
    classes: int
    images: dict[str, int]  #: part -> images
    left_out: int  #: images that could not be used
    size: int  #: side of the network's image in pixels
    epochs: int
    minutes: float | None
    steps: int  #: an epoch
    batch: int
    device: str
    threads: int
    execution: str  #: of a step
    speedup: float | None  #: how many times as quick as the usual form; None: no trial was made
    epoch: int  #: the first that will run; above 1 when a run is resumed
    world_size: int = 1  #: that share every batch
    batch_norm: str = ""  #: synchronized among them, or local; "" for one process
    code: str = ""  #: what --network must name again later; "" for a network of striate


@dataclass(frozen=True, slots=True)
class Step:
    """A report from inside an epoch: means since the last report."""

    epoch: int  #: from 1
    step: int  #: steps done in this epoch
    loss: float
    accuracy: float  #: share of the training images right
    learning_rate: float
    images_per_second: float
    waiting: float  #: share of the time that the next batch was waited for
    progress: float  #: share of the whole training done
    remaining: float  #: seconds


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch is done, validated and saved."""

    epoch: int  #: from 1
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float  #: at its end
    images_per_second: float  #: training alone
    seconds: float  #: since the training began, pauses left out
    best: bool  #: the best on validation so far; the model file now holds it
    waiting: float = 0.0  #: share of the training time in which the next batch was waited for
    weights: str = ""  #: SHA-256 of the network's tensors after it


@dataclass(frozen=True, slots=True)
class Stopped:
    """A signal came: the step was finished and saved, and the run can be resumed."""

    folder: Path
    signal: int
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The headline of a run's report."""

    part: str  #: that was judged: "test", or "validation" where there is no test part
    images: int
    accuracy: float
    low: float  #: of the accuracy's 95 % interval
    high: float
    leaked: int = 0  #: of the images, in an earlier part too

    def __str__(self) -> str:
        places, images = (
            percent_digits(self.images),
            count_noun(self.images, f"{self.part} image"),
        )
        interval = format_interval(self.low, self.high, places)
        return (
            f"{format_percent(self.accuracy, places)} of {images} right (95 % interval {interval})"
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """The training is over; the model file holds the best epoch."""

    folder: Path
    epochs: int
    best_epoch: int
    validation_accuracy: float
    seconds: float
    scores: Scores | None = None  #: of the report; None until it is written


Event = Progress | Note | Started | Step | Epoch | Stopped | Finished


def to_json(event: Event) -> dict[str, Any]:
    """A JSON-ready table with the event's kind first."""
    values = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in asdict(event).items()
    }
    return {"event": type(event).__name__, **values}


def from_json(kind: type[T], values: object) -> T:
    """A dataclass of the house from what `asdict` made of it, read back from a file.

    Raises ValueError naming the first field that is wrong.
    """
    try:
        return _adapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or kind.__name__
        raise ValueError(f"{place}: {first['msg'].lower()}") from None


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    return TypeAdapter(kind)
