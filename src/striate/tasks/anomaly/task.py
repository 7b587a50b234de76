"""One class only: patches of good images are learned, and images with other patches are odd."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.metrics.binary import area_under_roc, sweep
from striate.options import StepOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.anomaly.answer import AnomalyAnswers
from striate.tasks.anomaly.metrics import (
    AREA,
    DIRECTIONS,
    DISTANCE,
    GOOD,
    HEAT,
    LIMIT,
    SHARE,
    WORST,
)
from striate.tasks.anomaly.results import AnomalyResults, make_results
from striate.tasks.figures import Figure
from striate.tasks.results import About
from striate.tasks.task import Batches, Sums, Task
from striate.text import list_names
from striate.zoo.patches_on import PREFIX

#: difference of cosines at which a direction counts e times as much as another
_SOFTNESS = 0.05
#: share of the patches of good validation images that are drawn
_DRAWN = 0.1


class AnomalyParams(TaskParams):
    """Settings of one class only, as in `--task-params worst=0.1`."""

    directions: int = option(64, "How many kinds of patches are learned", ge=1, le=4096)
    worst: float = option(
        1.0, "Share of the patches, those most unlike the good ones, that is judged", gt=0, le=1
    )
    rejected: float = option(
        0.05, "Share of the good validation images that is to be called odd", ge=0, le=0.5
    )


@dataclass(frozen=True)
class Anomaly(AnomalyAnswers, Task):
    """Whether an image is like those that are trained on, which are all good.

    Outputs are cosines (N, M, h, w) of patches with M directions, targets labels (N,): the class
    that is trained on is good, images of all others are not.
    """

    params: AnomalyParams = field(default_factory=AnomalyParams)

    on: ClassVar[str] = PREFIX
    needs_weights: ClassVar[bool] = True
    rated: ClassVar[str] = "distance"
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance=weights": "one class is learned",
        "balance=sampling": "one class is learned",
        "label_smoothing": "one class is learned",
        "freeze=none": "features that may change become the same for every image",
        "thaw_at": "features that may change become the same for every image",
    }
    Params: ClassVar[type[AnomalyParams]] = AnomalyParams

    def __post_init__(self) -> None:
        """Raise OptionError for constants that do not fit the classes."""
        for name, most in ((GOOD, self.names - 1), (DIRECTIONS, 1_000_000), (WORST, 1), (SHARE, 1)):
            values = self.spec.constants.get(name, (1.0,) if name != GOOD else (0.0,))
            if len(values) != 1 or not 0 <= values[0] <= most:
                raise OptionError(f"{name} must be one number from 0 to {most:,}")

    @property
    def names(self) -> int:
        """How many classes are known by name."""
        return len(self.spec.names)

    @property
    def outputs(self) -> int:
        """How many directions are learned."""
        return int(self._constant(DIRECTIONS, self.params.directions))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The area under the ROC curve, where others are there, and the distance of good images."""
        return AREA, DISTANCE

    @property
    def train_figure(self) -> Figure:
        """The mean distance."""
        return DISTANCE

    def default_network(self, side: int, channels: int) -> str:
        """Return that of a classifier, whose features are compared."""
        return PREFIX + super().default_network(side, channels)

    def configure(self, options: StepOptions) -> Anomaly:
        """Return the task with the settings of the options."""
        params = self.Params.parse(options.task_params, self.name)
        kept = {DIRECTIONS: params.directions, WORST: params.worst, SHARE: params.rejected}
        return replace(self._with(**kept), params=params)

    def fit(self, targets: Tensor) -> Anomaly:
        """Return the task with the class of the training labels (N,), which is good."""
        return self._with(**{GOOD: float(targets[0])})

    def check_splits(self, train: Tensor, validation: Tensor) -> None:
        """Raise DataError where more than one class is trained on, or no good image validates."""
        known = train.unique().tolist()
        if len(known) > 1:
            names = list_names([self.spec.names[label] for label in known])
            raise DataError(
                f"the images to train on are of {len(known)} classes, {names}; one class is "
                "learned: put what is not good into folders of validation and test, or give "
                "the folder of good images alone"
            )
        if not (validation == known[0]).any():
            raise DataError(
                f"no validation image is of {self.spec.names[known[0]]!r}, the class that is "
                "trained on; the limit is set by good images, so put some there"
            )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean surprise of the patches of good images, those of labels (N,), in nats.

        That of a mixture of von Mises-Fisher distributions around the directions, above the least
        possible: the nearest direction counts most.
        """
        return self._losses(outputs, targets).sum() / max(1, len(targets))

    def _losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        near = (outputs.float() / _SOFTNESS).logsumexp(dim=1) - math.log(outputs.shape[1])
        return (1 / _SOFTNESS - near).flatten(1).mean(dim=1) * (targets == self.good)

    def count(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return the summed "loss" and "distance" of good images, and how many there are."""
        good = targets == self.good
        each = self.decode(outputs)[:, 1:].flatten(1).mean(dim=1).double()
        return {
            "loss": self._losses(outputs, targets).double().sum()[None],
            "distance": (each * good).sum()[None],
            "images": good.sum()[None],
        }

    def zero_sums(self) -> Sums:
        """Return the sums of no image."""
        return {
            "loss": torch.zeros(1, dtype=torch.float64),
            "distance": torch.zeros(1, dtype=torch.float64),
            "images": torch.zeros(1, dtype=torch.int64),
        }

    def keep(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return what is decoded (N, 1 + h, w), and whether each image is good (N,)."""
        return {"decoded": self.decode(outputs), "is_good": targets == self.good}

    def validation_loss(self, sums: Mapping[str, NDArray[np.float64]]) -> float:
        """Return the mean loss of the good images."""
        return float(sums["loss"][0] / sums["images"][0])

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the mean distance of good images and, where others are there, the area."""
        found = {}
        if sums["images"][0]:
            found[DISTANCE.name] = float(sums["distance"][0] / sums["images"][0])
        if "decoded" in sums:
            area = area_under_roc(sweep(_scores(sums["decoded"]), sums["is_good"] == 0))
            if not math.isnan(area):
                found[AREA.name] = area
        return found

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> Anomaly:
        """Return the task with the limit of images and of patches, both from good images."""
        good = sums["decoded"][sums["is_good"] > 0]
        share = self._constant(SHARE, self.params.rejected)
        limit = np.quantile(_scores(good), 1 - share, method="higher")
        return self._with(**{
            LIMIT: float(limit), HEAT: float(np.quantile(good[:, 1:], 1 - _DRAWN)),
        })  # fmt: skip

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the distances of the patches under a row of the score: (N, 1 + h, w)."""
        distances = 1 - outputs.float().amax(dim=1)
        each = distances.flatten(1)
        count = max(1, round(self._constant(WORST, self.params.worst) * each.shape[1]))
        scores = each.topk(count, dim=1).values.mean(dim=1)
        return torch.cat([scores[:, None, None].expand(-1, 1, distances.shape[2]), distances], 1)

    def rate(self, outputs: Tensor) -> Tensor:
        """Return the distance of an image, a row each: (N, 1)."""
        return self.decode(outputs)[:, 0, :1]

    def explained(self, outputs: Tensor, columns: Tensor) -> Tensor:
        """Return the score (N,) of each image, whose gradient tells what is odd."""
        return self.rate(outputs)[:, 0]

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Raise OptionError: maps of different networks have no common measure."""
        raise OptionError(
            "distances of several networks cannot be averaged, as each has a measure of its own"
        )

    def evaluate(self, batches: Batches, about: About) -> AnomalyResults:
        """Compare batches of scores and distances (N, 1 + h, w) with labels (N,)."""
        decoded, labels = map(np.concatenate, zip(*batches, strict=True))
        names = about.names or self.spec.names
        return make_results(
            decoded, labels, names, self.good, self.limit, self._constant(HEAT, 1.0),
            self._constant(SHARE, self.params.rejected), about,
        )  # fmt: skip


def _scores(decoded: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return decoded[:, 0, 0]
