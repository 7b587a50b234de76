"""Embedding: an angular margin between classes, and cosines of images that may be of new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.listing.target_spec import TargetSpec
from striate.errors import DataError, OptionError
from striate.metrics import pairs as metrics
from striate.metrics.binary import area_under_roc
from striate.metrics.estimates import Floats
from striate.options import StepOptions, TrainOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.embedding.answer import NearestAnswers
from striate.tasks.embedding.loss import count_correct, loss
from striate.tasks.embedding.results import EmbeddingResults, make_results
from striate.tasks.embedding.scores import (
    ACCURACY,
    AREA,
    FALSE_ACCEPTS,
    RECALL,
    THRESHOLD,
    TRAINED,
    accept_figure,
)
from striate.tasks.figures import Figure
from striate.tasks.results import About
from striate.tasks.task import Batches, Loss, Sums, Task
from striate.text import count_noun
from striate.zoo.cosine_on import PREFIX


class EmbeddingParams(TaskParams):
    """Settings of embedding, as in `--task-params margin=0.5`."""

    margin: float = option(
        0.2, "Widening of the angle to an image's own class", "radians", ge=0, le=1
    )
    scale: float = option(16.0, "What cosines are multiplied by in the loss", ge=1, le=256)
    false_accepts: float = option(
        0.01,
        "Share of validation pairs of two classes that the threshold may take for one",
        "share",
        gt=0,
        le=0.5,
    )


@dataclass(frozen=True)
class Embedding(NearestAnswers, Task):
    """Where images lie, those of one class near each other; classes may be new ones.

    Outputs are (N, K + D): the cosines to K classes, then the embedding, of length 1. Targets are
    labels (N,), of which those from K on are classes that the model does not know.
    """

    params: EmbeddingParams = field(default_factory=EmbeddingParams)

    on: ClassVar[str] = PREFIX
    rated: ClassVar[str] = "closeness"
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance=weights": "an angle has no weight; --balance sampling draws all classes alike",
        "label_smoothing": "a margin does the contrary, it asks for more than the right class",
    }
    Params: ClassVar[type[EmbeddingParams]] = EmbeddingParams

    def __post_init__(self) -> None:
        """Raise OptionError for constants that do not fit the classes."""
        constants = self.spec.constants
        labels = constants.get(TRAINED, ())
        if not all(label in range(self.outputs) for label in labels):
            raise OptionError(f"{TRAINED} must be numbers of the {self.spec}")
        for name, least, most in ((THRESHOLD, -1, 2), (FALSE_ACCEPTS, 0, 1)):
            values = constants.get(name, (least,))
            if len(values) != 1 or not least <= values[0] <= most:
                raise OptionError(f"{name} must be one number from {least} to {most}")

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Recall at 1, area under the ROC curve of pairs, and true accepts."""
        return RECALL, AREA, accept_figure(self.params.false_accepts)

    @property
    def train_figure(self) -> Figure:
        """The accuracy among the classes that are trained on."""
        return ACCURACY

    @property
    def trained(self) -> Tensor:
        """(K,) whether each class of the spec was trained on; all of them before training."""
        known = self.spec.constants.get(TRAINED, range(self.outputs))
        found = torch.zeros(self.outputs, dtype=torch.bool)
        found[[int(label) for label in known]] = True
        return found

    def default_network(self, side: int, channels: int) -> str:
        """Return that of a classifier, to embed."""
        return PREFIX + super().default_network(side, channels)

    def configure(self, options: StepOptions) -> Embedding:
        """Return the task with the margin, scale and false accepts of the options."""
        return replace(self, params=self.Params.parse(options.task_params, self.name))

    def fit(self, targets: Tensor) -> Embedding:
        """Return the task with the classes of the training labels (N,)."""
        trained = tuple(map(float, targets.unique().tolist()))
        constants = {**self.spec.constants, TRAINED: trained}
        return replace(self, spec=replace(self.spec, constants=constants))

    def check_splits(self, train: Tensor, validation: Tensor) -> None:
        """Raise DataError for one class to train on, and where no two of validation compare."""
        if len(train.unique()) < 2:
            name = self.spec.names[int(train[0])]
            raise DataError(
                f"all {len(train):,} images to train on are of one class, {name!r}; an embedding "
                "learns from two classes or more"
            )
        counts = torch.bincount(validation)
        classes = int((counts > 0).sum())
        if classes < 2 or counts.max() < 2:
            one = ", one image of each" if classes > 1 else ""
            raise DataError(
                f"the {len(validation):,} validation images are of {count_noun(classes, 'class')}"
                f"{one}; recall at 1 needs two classes, and two images of one: give --validation a "
                "larger share"
            )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of cosines and labels (N,), without a margin."""
        known = targets.clamp_max(self.outputs - 1)
        return loss(outputs, known, self.trained, scale=self.params.scale)

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the loss with its margin."""
        return partial(
            loss,
            trained=self.trained.to(targets.device),
            scale=self.params.scale,
            margin=self.params.margin,
        )

    def loss_terms(self, options: TrainOptions) -> tuple[str, ...]:
        """Return the margin."""
        return (f"a margin of {self.params.margin:g} radians",) if self.params.margin else ()

    def count(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Count the images nearest to the direction of their class: "correct"."""
        return {"correct": count_correct(outputs, targets, self.trained)}

    def count_validation(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return nothing, as validation images may be of classes that are not trained on."""
        return {}

    def zero_sums(self) -> Sums:
        """Return no sum."""
        return {}

    def keep(self, outputs: Tensor, targets: Tensor) -> Sums:
        """Return the embedding (N, D) and the label (N,) of each image."""
        return {"embedding": self.decode(outputs), "label": targets}

    def validation_loss(self, sums: Mapping[str, NDArray[np.float64]]) -> float | None:
        """Return the cross-entropy of images told by the mean of the others of their class."""
        embeddings, labels = _rows(sums)
        return metrics.prototype_loss(embeddings, labels, self.params.scale)

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the accuracy of training images, or the figures of validation."""
        if "embedding" not in sums:
            return {ACCURACY.name: float(sums["correct"][0]) / images} if images else {}
        embeddings, labels = _rows(sums)
        counts = metrics.make_pairs(embeddings, labels).counts
        hits = metrics.find_nearest(embeddings, labels).hits
        found = (
            float(np.nanmean(hits)) if (hits == hits).any() else np.nan,
            area_under_roc(counts),
            metrics.true_accepts(counts, self.params.false_accepts),
        )
        known = zip(self.figures, found, strict=True)
        return {figure.name: value for figure, value in known if not np.isnan(value)}

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> Embedding:
        """Return the task with the threshold of the false accepts among pairs of validation."""
        counts = metrics.make_pairs(*_rows(sums)).counts
        chosen = metrics.choose_threshold(counts, self.params.false_accepts)
        if chosen is None:
            return self
        constants = {
            **self.spec.constants,
            THRESHOLD: (chosen,),
            FALSE_ACCEPTS: (self.params.false_accepts,),
        }
        return replace(self, spec=replace(self.spec, constants=constants))

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the embeddings (N, D)."""
        return outputs[:, self.outputs :].float()

    def rate(self, outputs: Tensor) -> Tensor:
        """Return how much nearer than other classes each class is, as a softmax (N, K)."""
        near = torch.where(self.trained.to(outputs.device), outputs[:, : self.outputs], -torch.inf)
        return (self.params.scale * near.float()).softmax(dim=1)

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Raise OptionError: the embeddings of two networks have nothing in common."""
        raise OptionError(
            "embeddings of several networks cannot be averaged, as each has directions of its own"
        )

    @property
    def change(self) -> Figure:
        """How far an image has moved."""
        return Figure("moved", "cosine distance", False, "number")

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return 1 - cosine of embeddings (N, D) before and after."""
        return 1 - (before * after).sum(axis=1).astype(np.float64)

    def evaluate(self, batches: Batches, about: About) -> EmbeddingResults:
        """Compare batches of embeddings (N, D) with labels (N,)."""
        embeddings, labels = map(np.concatenate, zip(*batches, strict=True))
        names = about.names or self.spec.names
        trained = self.trained.numpy().nonzero()[0]
        accepts = self.spec.constants.get(FALSE_ACCEPTS, (self.params.false_accepts,))[0]
        return make_results(embeddings, labels, names, trained, self.threshold, accepts, about)


def _rows(sums: Mapping[str, NDArray[np.float64]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return sums["embedding"].astype(np.float32), sums["label"].astype(np.int64)
