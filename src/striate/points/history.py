"""What a training on points tells: scores of every epoch, networks of some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from striate.options import PointsOptions
from striate.points.backprop import DenseNetwork
from striate.samples import Points
from striate.text import columns, count_noun, format_percent, shorten


@dataclass(frozen=True)
class Score:
    """Mean loss in nats, and accuracy, of a set of points."""

    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The network after an epoch; epoch 0 is before the first."""

    epoch: int
    network: DenseNetwork  #: of points as they are given
    train: Score
    test: Score


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """A training on points: the scores of every epoch, and the networks of those to draw."""

    train: Points
    test: Points
    options: PointsOptions
    scores: tuple[tuple[Score, Score], ...]  #: training and test, from epoch 0
    snapshots: tuple[Snapshot, ...]  #: of the epochs to draw

    @property
    def title(self) -> str:
        """Return points and network: "moons: 2-8-8-2, tanh"."""
        shape = "-".join(map(str, self.snapshots[-1].network.widths))
        kind = self.options.activation if self.options.layers else "linear"
        decay = self.options.weight_decay
        return f"{shorten(self.train.name, 20)}: {shape}, {kind}" + (
            f", weight decay {decay:g}" if decay else ""
        )

    def __repr__(self) -> str:
        counts = (
            f"{count_noun(len(self.train), 'point')} to train on, {len(self.test):,} to test with, "
            f"{count_noun(len(self.train.class_names), 'class')}, "
            f"{count_noun(self.snapshots[-1].network.params, 'parameter')}"
        )
        heads = ("epoch", "training loss", "accuracy", "test loss", "accuracy")
        rows = (
            (f"{shot.epoch:,}", *_cells(shot.train), *_cells(shot.test)) for shot in self.snapshots
        )
        return "\n".join((self.title, counts, *columns([heads, *rows], left=())))

    def to_json(self) -> dict[str, Any]:
        """Return options, classes and the scores of the epochs to draw, JSON-ready."""
        return {
            "points": self.train.name,
            "class_names": list(self.train.class_names),
            "training_points": len(self.train),
            "test_points": len(self.test),
            "parameters": self.snapshots[-1].network.params,
            "options": self.options.model_dump(mode="json"),
            "epochs": [
                {
                    "epoch": shot.epoch,
                    "training_loss": shot.train.loss,
                    "training_accuracy": shot.train.accuracy,
                    "test_loss": shot.test.loss,
                    "test_accuracy": shot.test.accuracy,
                }
                for shot in self.snapshots
            ],
        }


def _cells(score: Score) -> tuple[str, str]:
    return f"{score.loss:.4f}", format_percent(score.accuracy)
