"""Data loader: batches gathered from decoded pixels, normalized and augmented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise, repeat, tee
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.keys import draw_keys, fixed_keys
from striate.data.augment.mixing import mix_images
from striate.data.augment.plan import (
    AugmentRanges,
    Plan,
    apply_plan,
    make_plan,
    uniform_samples,
)
from striate.data.augment.windows import Crop, draw_windows, find_frames
from striate.data.cache.stream import gather
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import rows_in_split
from striate.data.listing.listing import DecodedImages, PixelStream
from striate.data.listing.samples import Split
from striate.data.order import WHOLE_BATCH, BatchShard, batch_places, draw_order


@dataclass(frozen=True, slots=True)
class Batch:
    """Network inputs and targets of one training or evaluation step."""

    #: (N, C, H, W) float32, normalized, channels-last memory format; of signals (N, C, L)
    images: Tensor
    targets: Tensor  #: (N, ...): labels (N,) int64, soft labels (N, classes) float32, masks, ...

    def __len__(self) -> int:
        return len(self.images)

    @property
    def device(self) -> torch.device:
        return self.images.device


#: targets (N, ...), the plan and the share (N,) of the next image if mixed -> targets of the
#: augmented images
AugmentTargets = Callable[[Tensor, Plan, Tensor | None], Tensor]

#: normalized images (N, C, H, W) and their keys (N,) -> inputs (N, ...) and targets (N, ...)
MakePairs = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_PLAN_IMAGES = 1024  #: images whose augmentation plans are computed together
_WINDOWS = 2  #: stream of random numbers that place windows


@dataclass(frozen=True)
class ImageDataset:
    """Images of one split, ready to be batched."""

    #: (M, size, size, channels), of signals (M, size, channels): memory-mapped, decoded on demand,
    #: or on the device
    source: NDArray[Any] | PixelStream | Tensor
    rows: Tensor  #: (N,) int64: row in `source` of each image of this split
    targets: Tensor  #: (N, ...), on the device; of masks, the pixels of each class
    preprocess: Preprocess
    strata: Tensor | None = None  #: (N,) classes that `balanced` draws equally often, on the CPU
    augment_targets: AugmentTargets | None = None  #: None: augmentation changes no target
    #: (M, size, size): masks that are the targets of batches, in the rows and memory of `source`;
    #: None without masks, and for a stream, which has its own
    masks: NDArray[np.uint8] | Tensor | None = None
    square: bool = False  #: all images are square, so letterbox adds no padding
    crop: Crop | None = None  #: windows of the images that are trained on; None: all of them
    make_pairs: MakePairs | None = None  #: None: inputs are the images, targets are given
    keys: Tensor | None = None  #: (N,) of unaugmented images, for `make_pairs`; on the CPU

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def device(self) -> torch.device:
        return self.targets.device

    def train_batches(
        self,
        size: int,
        *,
        seed: int,
        epoch: int,
        variation: AugmentRanges,
        first: int = 0,
        balanced: bool = False,
        shard: BatchShard = WHOLE_BATCH,
    ) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `first`; order depends on seed and epoch only.

        A last batch of one image is dropped: batch normalization cannot use it. With `balanced`,
        the epoch has the same length but every class is drawn equally often; repeats of an image
        are augmented independently, by their position in the order. A shard holds the same images
        as the whole batch would; the mixup partner of an image may be in another shard.
        """
        order, drawn = draw_order(len(self), self.strata, seed, epoch, balanced=balanced)
        places = batch_places(len(self), size, first, shard, neighbor=True)
        wanted = ((order[here], drawn[here]) for here in places)
        batches = self._varied(wanted, max(1, _PLAN_IMAGES // size), seed, epoch, variation)
        for part in batches:
            if shard.count == 1:
                yield part
            else:
                yield Batch(part.images[:-1], part.targets[:-1])

    def eval_batches(self, size: int, shard: BatchShard = WHOLE_BATCH) -> Iterator[Batch]:
        """Yield every image once, in listing order, unaugmented.

        A shard takes every count-th batch.
        """
        places = torch.arange(len(self)).split(size)[shard.index :: shard.count]
        if len(self):
            batches = self._gather(iter(places), repeat(None))
            yield from self._paired(batches, (self._fixed_keys(here) for here in places))

    def view_batches(
        self, size: int, *, seed: int, epoch: int, variation: AugmentRanges, first: int = 0
    ) -> Iterator[Batch]:
        """Yield each image once, in listing order from image `first`, as the epoch augments it."""
        if first < len(self):
            places = torch.arange(first, len(self)).split(size)
            wanted = ((here, here) for here in places)
            together = max(1, _PLAN_IMAGES // size)
            yield from self._varied(wanted, together, seed, epoch, variation)

    def view_targets(self, seed: int, epoch: int, variation: AugmentRanges) -> Tensor:
        """Return the targets (N, ...) of the images that the epoch shows, without their pixels.

        Images must not be mixed, and their targets not be masks.
        """
        if self.augment_targets is None or not variation.is_active or not len(self):
            return self.targets
        every = torch.arange(len(self))
        (plan,) = self._plans(iter([(every, every)]), 1, seed, epoch, variation)
        return self.augment_targets(self.targets, plan, None)

    def _varied(
        self,
        wanted: Iterator[tuple[Tensor, Tensor]],
        together: int,
        seed: int,
        epoch: int,
        variation: AugmentRanges,
    ) -> Iterator[Batch]:
        """Yield the wanted images of each batch, augmented by the numbers that seed their draws."""
        wanted, same, again = tee(wanted, 3)
        chosen = (images for images, _ in wanted)
        keys = (draw_keys(numbers, seed, epoch) for _, numbers in again)
        if not (variation.is_active or self.crop):
            return self._paired(self._gather(chosen, repeat(None)), keys)
        plans, its = tee(self._plans(same, together, seed, epoch, variation))
        return self._paired(map(self._augment, self._gather(chosen, plans), its), keys)

    def _paired(self, batches: Iterator[Batch], keys: Iterator[Tensor]) -> Iterator[Batch]:
        """Return the batches, with inputs and targets made of their images if that is asked."""
        if self.make_pairs is None:
            return batches
        return (
            Batch(*self.make_pairs(batch.images, its))
            for batch, its in zip(batches, keys, strict=False)
        )

    def _fixed_keys(self, places: Tensor) -> Tensor:
        return places if self.keys is None else self.keys[places]

    def _plans(
        self,
        wanted: Iterator[tuple[Tensor, Tensor]],
        together: int,
        seed: int,
        epoch: int,
        variation: AugmentRanges,
    ) -> Iterator[Plan]:
        """Yield a plan per batch, of its images and the numbers that seed their draws.

        `together` batches are planned at once, as small ops are slow.
        """
        view = self.preprocess
        shape = view.shape
        fill = () if self.square else view.padding
        scale = {"mean": view.mean, "std": view.std, "fill": fill}
        while block := list(islice(wanted, together)):
            chosen, numbers = map(torch.cat, zip(*block, strict=True))
            windows = None
            if self.crop:
                drawn, frames = uniform_samples(numbers, seed, epoch, _WINDOWS), self.crop.frames
                windows = draw_windows(drawn, frames[chosen], self.crop.side, view.size)
            uniform = uniform_samples(numbers, seed, epoch)
            strands = view.inputs == "sequence"
            plan = make_plan(uniform, variation, shape, **scale, windows=windows, strands=strands)
            ends = accumulate((len(numbers) for _, numbers in block), initial=0)
            for first, last in pairwise(ends):
                yield plan.slice(first, last)

    def _augment(self, batch: Batch, plan: Plan) -> Batch:
        images, share = apply_plan(batch.images, plan), None
        if plan.ranges.mixes:
            images, share = mix_images(images, plan.uniform.to(images.device), plan.ranges)
        if self.augment_targets is None:
            return Batch(images, batch.targets)
        return Batch(images, self.augment_targets(batch.targets, plan, share))

    def _gather(self, places: Iterator[Tensor], plans: Iterator[Plan | None]) -> Iterator[Batch]:
        """Yield batches of the images at the given positions of this split.

        Of images and masks of which windows are planned, only the boxes that hold these.
        """
        device = self.device
        mine, its = tee(places)
        for chosen, (pixels, masks), plan in zip(mine, self._decoded(its), plans, strict=False):
            if plan and (windows := plan.windows):
                pixels, masks = windows.cut(pixels), None if masks is None else windows.cut(masks)
            here = self.preprocess.normalize(pixels.to(device, non_blocking=True))
            targets = self.targets[chosen.to(device)] if masks is None else masks.to(device)
            yield Batch(here, targets)

    def _decoded(self, places: Iterator[Tensor]) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield uint8 pixels (N, size, size, channels) and masks; streamed ones decoded ahead."""
        rows = (self.rows[chosen] for chosen in places)
        if isinstance(self.source, Tensor):
            assert not isinstance(self.masks, np.ndarray)
            for wanted in rows:
                here = wanted.to(self.source.device)
                yield self.source[here], None if self.masks is None else self.masks[here]
        else:
            assert not isinstance(self.masks, Tensor)
            for pixels, masks in gather(self.source, self.masks, (row.numpy() for row in rows)):
                yield torch.from_numpy(pixels), None if masks is None else torch.from_numpy(masks)


def load_split(
    decoded: DecodedImages,
    split: Split | None,
    preprocess: Preprocess,
    device: torch.device,
    augment_targets: AugmentTargets | None = None,
    crop: int | None = None,
    make_pairs: MakePairs | None = None,
) -> ImageDataset:
    """Return the images of one split (all if None) on a device.

    With `crop`, training batches show windows of so many pixels a side. With `make_pairs`, batches
    are what it makes of their images.
    """
    kept = rows_in_split(decoded.samples, split)
    strata = torch.from_numpy(decoded.samples.labels[kept].astype(np.int64))
    source, masks, rows = decoded.pixels, decoded.masks, torch.from_numpy(kept)
    if resident_bytes(decoded, device):
        source = torch.from_numpy(decoded.pixels[kept]).to(device)
        masks = None if masks is None else torch.from_numpy(masks[kept]).to(device)
        rows = torch.arange(len(kept))
    values = decoded.targets.placed(preprocess, decoded.records)
    targets = torch.from_numpy(values[kept]).to(device)
    windows = None
    if crop is not None:
        sizes = decoded.records.table[["width", "height"]][kept].tolist()
        windows = Crop(crop, find_frames(sizes, preprocess))
    return ImageDataset(
        source, rows, targets, preprocess, strata, augment_targets, masks, decoded.records.square,
        windows, make_pairs, fixed_keys(decoded.records.digests[kept]),
    )  # fmt: skip


def resident_bytes(decoded: DecodedImages, device: torch.device) -> int:
    """Return bytes of pixels and masks kept on a GPU: all if half its free memory holds them."""
    if device.type == "cpu" or not isinstance(decoded.pixels, np.ndarray):
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    needed = decoded.pixels.nbytes + (0 if decoded.masks is None else decoded.masks.nbytes)
    return needed if needed <= free // 2 else 0
