"""How a training of a study stands, and what of its events is shown."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from striate.progress import Progress
from striate.tasks.figures import Figure
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


def show_training(events: Generator[Event, None, Run], name: str, epochs: int) -> Events:
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
