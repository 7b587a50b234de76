"""Semantic segmentation: softmax and cross-entropy for every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.mixing import mix_masks, refuse_mixup
from striate.data.augment.plan import Plan, move_masks
from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import AuxOutputs
from striate.metrics import masks as metrics
from striate.metrics.estimates import Floats, divide
from striate.options import StepOptions, TrainOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.figures import Figure
from striate.tasks.results import About
from striate.tasks.segmentation.answer import MaskAnswers
from striate.tasks.segmentation.drawing import draw_overlay, make_legend, make_palette
from striate.tasks.segmentation.loss import class_weights, loss
from striate.tasks.segmentation.metrics import CHANGED_PIXELS, MEAN_IOU, PIXEL_ACCURACY, UNSEEN
from striate.tasks.segmentation.results import SegmentationResults, make_results
from striate.tasks.task import Batches, Legend, Loss, Sums, Task

_SUMS = ("right", "true", "predicted")


class SegmentationParams(TaskParams):
    """Settings of segmentation, as in `--task-params dice=1`."""

    dice: float = option(0.0, "Weight of the Dice loss beside cross-entropy", ge=0, le=100)
    crop_size: int | None = option(
        None, "Side of the random windows of images that are trained on", "pixels", ge=8, le=4096
    )


@dataclass(frozen=True)
class Segmentation(MaskAnswers, Task):
    """Which one of K classes each pixel shows; the names of its spec are the classes.

    Outputs are maps of logits (N, K, H, W), targets masks (N, H, W) of class indices, `IGNORE`
    where a pixel counts for nothing.
    """

    params: SegmentationParams = field(default_factory=SegmentationParams)

    mixes: ClassVar[bool] = True
    placed: ClassVar[bool] = True
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance=sampling": "a mask holds several classes, so images cannot be drawn by class",
    }
    Params: ClassVar[type[SegmentationParams]] = SegmentationParams

    def __post_init__(self) -> None:
        """Raise OptionError for fewer than two classes, and for more than masks can hold."""
        if not 2 <= self.outputs <= IGNORE:
            raise OptionError(
                f"the task {self.name} needs 2 to {IGNORE} classes, but the data give {self.spec}"
            )

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Mean IoU and pixel accuracy."""
        return MEAN_IOU, PIXEL_ACCURACY

    @property
    def crop_size(self) -> int | None:
        """Side in pixels of the windows of images that are trained on; None: whole images."""
        return self.params.crop_size

    def default_network(self, side: int, channels: int) -> str:
        """Return a U-Net of a quarter of its width: a tenth of the work of the paper's."""
        return "unet(width=16)"

    def configure(self, options: StepOptions) -> Segmentation:
        """Return the task with the loss of the options. Raises OptionError for mixup."""
        refuse_mixup(getattr(options.augment_params, "mixup", None))
        return replace(self, params=self.Params.parse(options.task_params, self.name))

    def fit(self, targets: Tensor) -> Segmentation:
        """Return the task with the classes that no training mask shows.

        `targets` are the pixels of each class in each training mask, (N, K).
        """
        unseen = (targets.sum(dim=0) == 0).nonzero().flatten().tolist()
        if not unseen:
            return self
        constants = {**self.spec.constants, UNSEEN: tuple(map(float, unseen))}
        return replace(self, spec=replace(self.spec, constants=constants))

    def loss(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy in nats: over the pixels of an image, then over images."""
        return loss(outputs, targets)

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the loss with the label smoothing, class weights and Dice loss of the options.

        `targets` are the pixels of each class in each training mask, (N, K).
        """
        weights = class_weights(targets) if options.balance == "weights" else None
        smoothing, dice = options.label_smoothing, self.params.dice
        return partial(loss, smoothing=smoothing, weights=weights, dice=dice)

    def loss_terms(self, options: TrainOptions) -> tuple[str, ...]:
        """Return those of every task, and the Dice loss."""
        return (*super().loss_terms(options), *(["Dice loss"] if self.params.dice else []))

    def count(self, outputs: Tensor | AuxOutputs, targets: Tensor) -> Sums:
        """Count the pixels of each class (K,): "right", "true" and "predicted"."""
        counts = count_pixels(_logits(outputs), targets)
        areas = counts.diagonal(), counts.sum(dim=1), counts.sum(dim=0)
        return dict(zip(_SUMS, areas, strict=True))

    def zero_sums(self) -> Sums:
        """Return the sums of no image."""
        return {name: torch.zeros(self.outputs, dtype=torch.int64) for name in _SUMS}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return mean IoU and pixel accuracy; none without pixels that count."""
        areas = np.stack([sums[name] for name in _SUMS])
        if not areas[1].any():
            return {}
        return {
            MEAN_IOU.name: float(metrics.mean_iou(areas)),
            PIXEL_ACCURACY.name: float(metrics.pixel_accuracy(areas)),
        }

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return masks moved as their images, with the rectangles that cutmix pastes.

        Raises OptionError for mixup.
        """
        moved = move_masks(targets, plan)
        if share is None:
            return moved
        return mix_masks(moved, plan.uniform.to(moved.device), plan.ranges)

    def draw(self, pixels: NDArray[np.uint8], target: NDArray[Any]) -> NDArray[np.uint8]:
        """Lay the colors of a mask (H, W) over the gray of its image (H, W, 1 or 3): (H, W, 3)."""
        return draw_overlay(pixels, target, make_palette(self.spec))

    def legend(self, targets: NDArray[Any]) -> Legend:
        """Return the classes of these masks (N, H, W) with swatches of their colors."""
        return make_legend(targets, self.spec)

    def decode(self, outputs: Tensor) -> Tensor:
        """Return the most probable class of each pixel, (N, H, W) uint8.

        `IGNORE` where logits are not finite.
        """
        classes = outputs.argmax(dim=1).to(torch.uint8)
        return torch.where(outputs.isfinite().all(dim=1), classes, IGNORE)

    def rate(self, outputs: Tensor) -> Tensor:
        """Return the probabilities of each pixel, (N, K, H, W)."""
        return outputs.softmax(dim=1)

    def explained(self, outputs: Tensor, columns: Tensor) -> Tensor:
        """Return the sum (N,) of a class's logits over the pixels that are predicted as it."""
        logits = outputs[torch.arange(len(outputs)), columns]
        predicted = outputs.argmax(dim=1) == columns[:, None, None]
        return torch.where(predicted, logits, 0).sum(dim=(1, 2))

    def settle(self, rated: Tensor) -> Tensor:
        """Return the most probable class of each pixel, (N, H, W) uint8, as `decode` does."""
        return self.decode(rated)

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Return the task with the classes that no network has seen in training."""
        unseen = set.intersection(*map(_unseen, (self.spec, *others)))
        places = tuple(float(at) for at, name in enumerate(self.spec.names) if name in unseen)
        constants = {name: v for name, v in self.spec.constants.items() if name != UNSEEN}
        constants |= {UNSEEN: places} if places else {}
        return replace(self, spec=replace(self.spec, constants=constants))

    @property
    def change(self) -> Figure:
        """The share of the pixels that are answered with another class, a mean over images."""
        return CHANGED_PIXELS

    def measure_change(self, before: Any, after: Any, targets: Any) -> Floats:
        """Return of masks (N, size, size) the share of other pixels, of those that count."""
        counted = np.stack([target.seen for target in targets]) != IGNORE
        changed = (before != after) & counted
        return divide(changed.sum(axis=(1, 2)), counted.sum(axis=(1, 2)))

    def evaluate(self, batches: Batches, about: About) -> SegmentationResults:
        """Compare predicted masks with the true ones in the size of their images, one by one."""
        return make_results(batches, self.spec, about)


def _unseen(spec: TargetSpec) -> set[str]:
    """Return the classes that no training mask shows."""
    return {spec.names[int(place)] for place in spec.constants.get(UNSEEN, ())}


def _logits(outputs: Tensor | AuxOutputs) -> Tensor:
    return outputs.logits if isinstance(outputs, AuxOutputs) else outputs


def count_pixels(logits: Tensor, targets: Tensor) -> Tensor:
    """Logits (N, K, H, W), masks (N, H, W) -> pixels (K, K) int64: rows true, columns predicted."""
    classes = logits.shape[1]
    # ignored pixels get a row of their own: leaving them out would wait for a GPU
    true = torch.where(targets == IGNORE, classes, targets.long())
    places = true * classes + logits.argmax(dim=1)
    counts = torch.bincount(places.flatten(), minlength=(classes + 1) * classes)
    return counts.reshape(classes + 1, classes)[:classes]
