"""What the front of a network makes of images, in batches as the images themselves would come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.ranges import AugmentRanges
from striate.data.decoding.preprocess import Preprocess
from striate.data.loader import Batch
from striate.data.order import WHOLE_BATCH, BatchShard, batch_places, draw_order


@dataclass(frozen=True)
class FeatureDataset:
    """What a front makes of the images of one split; takes the place of an `ImageDataset`."""

    #: (views, N, ...) float16 or float32, memory-mapped if they are cached
    features: NDArray[np.floating[Any]] = field(repr=False)
    view_targets: tuple[Tensor, ...] = field(repr=False)  #: (N, ...) of each view, on the device
    targets: Tensor = field(repr=False)  #: (N, ...) of the images themselves, on the device
    preprocess: Preprocess  #: of the images
    strata: Tensor | None = field(default=None, repr=False)  #: as of `ImageDataset`
    crop: None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def device(self) -> torch.device:
        return self.targets.device

    def train_batches(
        self,
        size: int,
        *,
        seed: int,
        epoch: int,
        variation: AugmentRanges,  # noqa: ARG002 - views are varied already
        first: int = 0,
        balanced: bool = False,
        shard: BatchShard = WHOLE_BATCH,
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch as `ImageDataset.train_batches`, of the epoch's view.

        Views take turns: epoch e has view e modulo their number, also for repeats of an image.
        """
        order, _ = draw_order(len(self), self.strata, seed, epoch, balanced=balanced)
        for here in batch_places(len(self), size, first, shard):
            yield self._gather(epoch % len(self.features), order[here])

    def eval_batches(self, size: int, shard: BatchShard = WHOLE_BATCH) -> Iterator[Batch]:
        """Yield the first view of every image once, in listing order.

        A shard takes every count-th batch.
        """
        if len(self):
            for here in torch.arange(len(self)).split(size)[shard.index :: shard.count]:
                yield self._gather(0, here)

    def _gather(self, view: int, rows: Tensor) -> Batch:
        found = torch.from_numpy(self.features[view][rows.numpy()]).float()
        if found.ndim == 4:
            found = found.contiguous(memory_format=torch.channels_last)
        targets = self.view_targets[view][rows.to(self.device)]
        return Batch(found.to(self.device, non_blocking=True), targets)
