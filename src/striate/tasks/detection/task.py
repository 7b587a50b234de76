"""Detection: where objects are, and of which class: regions, each with a class and a box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.boxes import move_boxes
from striate.data.augment.plan import Plan
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.metrics.box_matching import THRESHOLDS, match_boxes
from striate.metrics.estimates import mean_defined
from striate.options import AugmentParams, TrainOptions
from striate.tasks.detection.answer import BoxAnswers
from striate.tasks.detection.binned import (
    BINS,
    THRESHOLD,
    choose_thresholds,
    count_bins,
    measure_bins,
)
from striate.tasks.detection.decoding import count_proposed, decode
from striate.tasks.detection.drawing import draw_targets, make_legend
from striate.tasks.detection.loss import loss
from striate.tasks.detection.metrics import AP, AP50, PROPOSED
from striate.tasks.detection.results import DetectionResults, make_results
from striate.tasks.figures import Figure
from striate.tasks.results import About
from striate.tasks.task import Batches, Legend, Loss, Sums, Task
from striate.zoo.regions_on import PREFIX, Detections


@dataclass(frozen=True)
class Detection(BoxAnswers, Task):
    """Which objects of K classes an image shows, and where; the names of its spec are the classes.

    Outputs are `Detections`; targets (N, M, 6) rows [x0, y0, x1, y1, class, ignored] in pixels of
    the network's input, with a class of -1 where there is no box.
    """

    on: ClassVar[str] = PREFIX
    placed: ClassVar[bool] = True
    most_size: ClassVar[int] = 320  #: small objects are not seen in less
    shrinks: ClassVar[bool] = False
    usual: ClassVar[Mapping[str, Any]] = {
        "clip_grad": 10.0,
        "augment_params": AugmentParams.parse("rotate=0"),  # a turned box is too large
    }
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "balance": "an image shows several classes, and the loss counts regions, not images",
    }

    @property
    def figures(self) -> tuple[Figure, ...]:
        """AP at an overlap of 0.5, AP over 0.5 to 0.95, and the recall of the proposals."""
        return AP50, AP, PROPOSED

    @property
    def train_figure(self) -> Figure:
        """The recall of the proposals: training makes no detections."""
        return PROPOSED

    def default_network(self, side: int, channels: int) -> str:
        """Return a detector on a ResNet-18."""
        return PREFIX + "resnet18"

    def loss(self, outputs: Detections, targets: Tensor) -> Tensor:
        """Return the mean over images of the losses of anchors and proposals."""
        return loss(outputs, targets)

    def training_loss(self, targets: Tensor, options: TrainOptions) -> Loss:
        """Return the loss, its classes smoothed as the options say."""
        return partial(loss, smoothing=options.label_smoothing)

    def count(self, outputs: Detections, targets: Tensor) -> Sums:
        """Count "proposed" (2,): true boxes that a proposal overlaps by half, and all."""
        return {"proposed": count_proposed(outputs, targets)}

    def count_validation(self, outputs: Detections, targets: Tensor) -> Sums:
        """Count also "bins" (K, T, 2, BINS) of scores of false boxes and hits, and "there" (K,)."""
        found = np.nan_to_num(decode(outputs).cpu().numpy())
        matches = match_boxes(targets.cpu().numpy(), found, self.outputs)
        there = matches.positives[0].sum(axis=0)
        return {
            **self.count(outputs, targets),
            "bins": torch.from_numpy(count_bins(matches)),
            "there": torch.from_numpy(there),
        }

    def zero_sums(self) -> Sums:
        """Return the sums of no validation image."""
        bins = (self.outputs, len(THRESHOLDS), 2, BINS)
        return {
            "proposed": torch.zeros(2, dtype=torch.int64),
            "bins": torch.zeros(bins, dtype=torch.int64),
            "there": torch.zeros(self.outputs, dtype=torch.int64),
        }

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the recall of proposals, and of validation images AP; none without a true box."""
        proposed, there = sums["proposed"]
        if not there:
            return {}
        found = {PROPOSED.name: float(proposed / there)}
        if "bins" in sums:
            precise = measure_bins(sums["bins"], sums["there"])
            found |= {
                AP50.name: float(mean_defined(precise[None, :, 0])[0]),
                AP.name: float(mean_defined(precise.reshape(1, -1))[0]),
            }
        return found

    def choose_thresholds(self, sums: Mapping[str, NDArray[np.float64]]) -> Detection:
        """Return the task with the thresholds of the best F1 of each class."""
        chosen = {THRESHOLD: tuple(choose_thresholds(sums["bins"], sums["there"]))}
        return replace(self, spec=replace(self.spec, constants={**self.spec.constants, **chosen}))

    def augment(self, targets: Tensor, plan: Plan, share: Tensor | None) -> Tensor:
        """Return boxes moved as their images."""
        return move_boxes(targets, plan)

    def draw(self, pixels: NDArray[np.uint8], target: NDArray[Any]) -> NDArray[np.uint8]:
        """Draw boxes (M, 6) over their image (H, W, 1 or 3): (H, W, 3)."""
        return draw_targets(pixels, target, self.spec)

    def legend(self, targets: NDArray[Any]) -> Legend:
        """Return the classes of these boxes (N, M, 6) with swatches of their colors."""
        return make_legend(targets, self.spec)

    def decode(self, outputs: Detections) -> Tensor:  # pyright: ignore
        """Return the boxes of each image, (N, 100, 6), the most probable first.

        Rows are [x0, y0, x1, y1, probability, class], with class -1 where there are no more.
        """
        return decode(outputs)

    def rate(self, outputs: Detections) -> Tensor:  # pyright: ignore
        """Return the highest probability of each class in an image, (N, K)."""
        return outputs.logits.softmax(dim=2)[..., :-1].amax(dim=1)

    def explained(self, outputs: Detections, columns: Tensor) -> Tensor:  # pyright: ignore
        """Return the sum (N,) of a class's logits over the proposals that are most likely it."""
        images = torch.arange(len(columns))
        own = outputs.logits[images, :, columns]
        return torch.where(outputs.logits.argmax(dim=2) == columns[:, None], own, 0).sum(dim=1)

    def merge(self, others: Sequence[TargetSpec]) -> Self:
        """Raise OptionError: there is no mean of several sets of boxes."""
        raise OptionError(
            "boxes of several networks cannot be averaged, as each finds others; give one model"
        )

    def evaluate(self, batches: Batches, about: About) -> DetectionResults:
        """Compare boxes with the true ones in pixels of the network's input."""
        return make_results(batches, self.spec, self.thresholds, about)
