"""The proof that a model in 8 bits answers as well as in float32, and its calibration images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from striate.data.augment.keys import fixed_keys
from striate.data.cache.stream import gather
from striate.deployment.judged import Part, as_given
from striate.errors import DataError
from striate.evaluation.paired import Difference, Paired, compare_results
from striate.model import Model
from striate.tasks.figures import Score
from striate.tasks.results import KIND, Results
from striate.text import count_noun

FEWEST = 32  #: images that ranges can be measured on
MOST = 256  #: images that they are measured on
_BATCH = 8  # of them, whose tensors are all in memory
_NAMES = "float32", "int8"


@dataclass(frozen=True)
class Int8Proof:
    """A model judged in float32 and in 8 bits on the same images."""

    before: Results
    after: Results
    allowed: float  #: drop of the leading figure, 0.01 a point

    @property
    def scores(self) -> tuple[Score, Score]:
        """The leading figure of both."""
        return self.before.scores()[0], self.after.scores()[0]

    @property
    def drop(self) -> float:
        """By how much the leading figure is worse, 0.01 a point; below 0 if it is better.

        Of a figure that is not from 0 to 1, as a share of its value before.
        """
        before, after = self.scores
        fall = before.value - after.value
        worse = fall if before.figure.higher_is_better else -fall
        return worse / abs(before.value) if before.figure.form == "number" and worse else worse

    @property
    def holds(self) -> bool:
        """Whether no more is lost than is allowed; an undefined figure does not hold."""
        return self.drop <= self.allowed

    @cached_property
    def paired(self) -> Paired | Difference | None:
        """The paired test of float32 against 8 bits; None where the task has none."""
        return compare_results(self.before, self.after)

    @property
    def verdict(self) -> str:
        """The paired test in words."""
        return self.paired.tell(*_NAMES) if self.paired else "These images allow no paired test."

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        before, after = self.scores
        return {
            "split": self.before.about.split,
            "images": len(self.before),
            "figure": before.figure.name,
            **{
                name: {"value": score.value, "low": score.low, "high": score.high}
                for name, score in zip(_NAMES, (before, after), strict=True)
            },
            "drop": self.drop,
            "allowed_drop": self.allowed,
            "paired": self.paired and self.paired.to_json(),
            "verdict": self.verdict,
            "holds": self.holds,
        }

    def __str__(self) -> str:
        before, after = self.scores
        images = count_noun(len(self.before), f"{KIND[self.before.about.split]}image")
        if before.value == after.value:
            return f"{before.figure.title} stays {before.shown} ({before.interval}) on {images}"
        way = "falls" if after.value < before.value else "rises"
        return (
            f"{before.figure.title} {way} from {before.shown} ({before.interval}) to {after.shown} "
            f"({after.interval}) on {images}"
        )


def check_calibration(model: Model, part: Part) -> None:
    """Raise DataError for images that 8 bits cannot be calibrated on: too few, or of one class."""
    count, kind = len(part.rows), KIND[part.split]
    if count < FEWEST:
        raise DataError(
            f"8 bits are calibrated on at least {FEWEST} {kind}images, but there are {count:,}; "
            "train with a larger --validation, or export without --int8"
        )
    targets = part.decoded[0].targets
    if len(targets.spec.names) < 2 or model.task.self_supervised:
        return
    if len(np.unique(targets.select(part.rows).ids())) == 1:
        raise DataError(
            f"8 bits are calibrated on images of several targets, but all {count:,} {kind}images "
            f"have the same, {targets.describe(int(part.rows[0]))};\ntrain with other --validation "
            "images, or export without --int8"
        )


def calibration_batches(model: Model, part: Part) -> Iterator[NDArray[Any]]:
    """Yield what an exported model is given of some images, evenly chosen, a few at a time."""
    chosen = part.rows[np.linspace(0, len(part.rows) - 1, min(len(part.rows), MOST)).astype(int)]
    wanted = np.array_split(chosen, -(-len(chosen) // _BATCH))
    first = part.decoded[0]
    for rows, (pixels, _) in zip(
        wanted, gather(first.pixels, first.masks, iter(wanted)), strict=True
    ):
        if model.task.self_supervised:
            keys = fixed_keys(first.records.digests[rows])
            inputs, _ = model.make_pairs(torch.from_numpy(pixels), keys)
            yield as_given(model, inputs, pixels)
        else:
            yield pixels
