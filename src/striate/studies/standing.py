"""The trainings that a comparison chooses from, and how they stand."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from striate.errors import DivergedError
from striate.options import TrainOptions
from striate.progress import Progress
from striate.studies.finish_run import finish_run
from striate.tasks.figures import Figure
from striate.text import count_noun
from striate.training.events import Epoch, Event, Note
from striate.training.run import Run

Events = Generator[Progress | Note, None, None]


@dataclass(frozen=True)
class Standing:
    """The best epoch of a run so far."""

    epoch: Epoch
    figure: Figure

    @classmethod
    def of(cls, run: Run, epochs: int) -> Standing | None:
        """Return the best of the first `epochs` of a run; None where it has none."""
        best = [epoch for epoch in run.epochs() if epoch.best and epoch.epoch <= epochs]
        if not best:
            return None
        return cls(max(best, key=lambda epoch: epoch.epoch), run.figure())

    @property
    def value(self) -> float | None:
        """The validation figure that leads; None where it is undefined."""
        return self.epoch.validation.get(self.figure.name)

    def beats(self, other: Standing) -> bool:
        """Compare by the figure that leads, then by the loss."""
        if self.value == other.value:
            return self.epoch.validation_loss < other.epoch.validation_loss
        return self.figure.improves(self.value, other.value)


class Outcome(NamedTuple):
    """How a training ended."""

    standing: Standing | None  #: None where it has no best epoch
    diverged: str | None  #: the message of the error; None where it did not diverge


def train_candidate(
    data: Path, run: Run, options: TrainOptions, name: str
) -> Generator[Progress | Note, None, Outcome]:
    """Train a run for `options.epochs`, or go on with it, and say how it stands.

    Raises what `finish_run` does but DivergedError.
    """
    epochs, diverged = options.epochs or 0, None
    try:
        events = finish_run(data, run.folder, options, split="validation")
        yield from _show_training(events, name, epochs)
    except DivergedError as error:
        diverged = str(error)
        yield Note(f"{name}: {error}")
    if standing := Standing.of(run, epochs):
        figure, done = standing.figure, sum(epoch.epoch <= epochs for epoch in run.epochs())
        length = count_noun(done, "epoch")
        yield Note(
            f"{name}: validation {figure.title} {figure.show(standing.value)} after {length}"
        )
    return Outcome(standing, diverged)


def _show_training(events: Generator[Event, None, Run], name: str, epochs: int) -> Events:
    """Yield how far a training is, and its notes."""
    for event in events:
        match event:
            case Progress():
                yield event
            case Epoch():
                yield Progress(event.epoch, epochs, f"epochs of {name}")
            case Note():
                yield Note(f"{name}: {event.text}")
            case _:
                pass
