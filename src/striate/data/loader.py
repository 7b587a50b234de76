"""Batches for the training loop: gathered from packed pixels, normalized, varied, as tensors."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise, tee
from queue import SimpleQueue
from threading import Thread

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment.plan import (
    AugmentRanges,
    Plan,
    apply_plan,
    generator,
    make_plan,
    mix_images,
    uniform_samples,
)
from striate.data.cache.stream import gather
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Samples, rows_in_split
from striate.data.listing.samples import DecodedImages, PixelStream, Split
from striate.data.listing.splits import balanced_order


@dataclass(frozen=True, slots=True)
class Batch:
    """Network input and targets of one step."""

    images: Tensor  #: (N, C, H, W) float32, normalized, channels last in memory
    labels: Tensor  #: (N,) int64, or (N, classes) float32 shares where images are mixed


@dataclass(frozen=True, slots=True)
class BatchShard:
    """Which part of every batch is wanted; without numbers, all of it."""

    index: int = 0  #: from 0
    count: int = 1  #: that a batch is divided into, as evenly as it goes
    min_images: int = 2  #: images; a last batch of an epoch that has fewer is left out

    def bounds(self, images: int) -> tuple[int, int]:
        """Of the part in a batch of so many."""
        return (
            images * self.index // self.count,
            images * (self.index + 1) // self.count,
        )


WHOLE_BATCH = BatchShard()
_PLAN_IMAGES = 1024  #: images whose variation is computed together


@dataclass(frozen=True)
class ImageDataset:
    """The images of one part, ready to be gathered."""

    #: (M, size, size, channels): a mapped file, decoded when asked for, or on the device
    source: NDArray[np.uint8] | PixelStream | Tensor
    rows: Tensor  #: (N,) int64: where in the source this part's images stand
    labels: Tensor  #: (N,) int64, on the device
    preprocess: Preprocess
    classes: int = 0  #: of the labels; needed to mix images

    def __len__(self) -> int:
        return len(self.rows)

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
        """Batches of an epoch in an order that depends on seed and epoch alone, from batch `first`.

        A last batch of a single image is left out: batch normalization cannot use it. Where
        balanced, as many images are drawn, each class as often as any other; an image that comes
        twice varies twice, by its places in the order. Parts of a batch are those of the whole one:
        what an image is mixed with may be in another part.
        """
        chance = generator(seed, epoch, stream=0)
        if balanced:
            order = balanced_order(self.labels.cpu(), chance)
            drawn = torch.arange(len(self))
        else:
            order = drawn = torch.randperm(len(self), generator=chance)
        batches = self._gather(order[here] for here in self._places(size, first, shard))
        if variation.is_active:
            numbers = (drawn[here] for here in self._places(size, first, shard))
            plans = self._plans(numbers, max(1, _PLAN_IMAGES // size), seed, epoch, variation)
            batches = map(self._augment, batches, plans)
        for part in batches:
            if shard.count == 1:
                yield part
            else:
                yield Batch(part.images[:-1], part.labels[:-1])

    def eval_batches(self, size: int, shard: BatchShard = WHOLE_BATCH) -> Iterator[Batch]:
        """Every image once, in listing order, unchanged; every so-many-th batch of a share."""
        places = torch.arange(len(self)).split(size)[shard.index :: shard.count]
        if len(self):
            yield from self._gather(iter(places))

    def _places(self, size: int, first: int, shard: BatchShard) -> Iterator[Tensor]:
        """Where in the order the batches of a share stand.

        A part has the image after it too, which may be laid over its last; it is dropped later.
        """
        for step in range(first, count_steps(len(self), size, shard.min_images)):
            whole = torch.arange(step * size, min((step + 1) * size, len(self)))
            if shard.count == 1:
                yield whole
            else:
                start, end = shard.bounds(len(whole))
                yield whole[torch.arange(start, end + 1) % len(whole)]

    def _plans(
        self,
        numbers: Iterator[Tensor],
        together: int,
        seed: int,
        epoch: int,
        variation: AugmentRanges,
    ) -> Iterator[Plan]:
        """How each batch varies; so many are planned together, as small operations are slow."""
        view = self.preprocess
        shape = view.channels, view.size, view.size
        scale = {"mean": view.mean, "std": view.std, "fill": view.padding}
        while block := list(islice(numbers, together)):
            uniform = uniform_samples(torch.cat(block), seed, epoch)
            plan = make_plan(uniform, variation, shape, **scale)
            for first, last in pairwise(accumulate(map(len, block), initial=0)):
                yield plan.slice(first, last)

    def _augment(self, batch: Batch, plan: Plan) -> Batch:
        images = apply_plan(batch.images, plan)
        if not plan.ranges.mixes:
            return Batch(images, batch.labels)
        uniform = plan.uniform.to(images.device)
        return Batch(*mix_images(images, batch.labels, self.classes, uniform, plan.ranges))

    def _gather(self, places: Iterator[Tensor]) -> Iterator[Batch]:
        """Batches of the images at some places of this part."""
        device = self.labels.device
        mine, its = tee(places)
        for chosen, pixels in zip(mine, self._pixels(its), strict=True):
            here = self.preprocess.normalize(pixels.to(device, non_blocking=True))
            yield Batch(here, self.labels[chosen.to(device)])

    def _pixels(self, places: Iterator[Tensor]) -> Iterator[Tensor]:
        """(N, size, size, channels) uint8 at places; what is streamed is decoded ahead of them."""
        rows = (self.rows[chosen] for chosen in places)
        if isinstance(self.source, Tensor):
            for wanted in rows:
                yield self.source[wanted.to(self.source.device)]
        else:
            yield from map(torch.from_numpy, gather(self.source, (row.numpy() for row in rows)))


def prefetch(batches: Iterator[Batch]) -> Generator[Batch]:
    """The same batches; a thread makes each while the one before it is used.

    Two queues, as a thread pool's futures take longer than a step of a small network may wait.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[Batch | Exception | None] = SimpleQueue()

    def make() -> None:
        while wanted.get():
            try:
                made.put(next(batches, None))
            except Exception as error:  # noqa: BLE001 - whatever it is, for who waits for the batch
                made.put(error)

    thread = Thread(target=make, name="batches")
    thread.start()
    try:
        wanted.put(True)
        while (batch := made.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            wanted.put(True)
            yield batch
    finally:
        wanted.put(False)
        thread.join()


def count_steps(images: int, batch: int, least: int = 2) -> int:
    """Batches of an epoch, as `Pixels.shuffled` cuts them."""
    whole, rest = divmod(images, batch)
    return whole + (rest >= least)


def load_split(
    decoded: DecodedImages, split: Split | None, preprocess: Preprocess, device: torch.device
) -> ImageDataset:
    """The images of one part (all when None) on a device."""
    images, classes = Samples.of(decoded.samples), len(decoded.class_names)
    kept = rows_in_split(images, split)
    labels, rows = torch.from_numpy(images.labels[kept].astype(np.int64)), torch.from_numpy(kept)
    if not resident_bytes(decoded, device):
        return ImageDataset(decoded.pixels, rows, labels.to(device), preprocess, classes)
    pixels = torch.from_numpy(decoded.pixels[kept]).to(device)
    return ImageDataset(pixels, torch.arange(len(rows)), labels.to(device), preprocess, classes)


def resident_bytes(decoded: DecodedImages, device: torch.device) -> int:
    """Bytes of pixels that lie on a GPU: all of them, where half of its free memory holds them."""
    if device.type == "cpu" or not isinstance(decoded.pixels, np.ndarray):
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return decoded.pixels.nbytes if decoded.pixels.nbytes <= free // 2 else 0
