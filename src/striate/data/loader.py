"""Batches for the training loop: gathered from packed pixels, normalised, varied, as tensors."""

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

from striate.data.augment.plan import Plan, Variation, draws, generator, mixed, planned, varied
from striate.data.cache.stream import gathered
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.columns import Pictures, rows_of
from striate.data.listing.samples import Packed, Part, Streamed
from striate.data.listing.splits import balanced_order


@dataclass(frozen=True, slots=True)
class Batch:
    """Network input and targets of one step."""

    pictures: Tensor  #: (N, C, H, W) float32, normalised, channels last in memory
    labels: Tensor  #: (N,) int64, or (N, classes) float32 shares where pictures are mixed


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch is wanted; without numbers, all of it."""

    number: int = 0  #: from 0
    parts: int = 1  #: that a batch is divided into, as evenly as it goes
    least: int = 2  #: pictures; a last batch of an epoch that has fewer is left out

    def bounds(self, pictures: int) -> tuple[int, int]:
        """Of the part in a batch of so many."""
        return (
            pictures * self.number // self.parts,
            pictures * (self.number + 1) // self.parts,
        )


ALL = Share()
_PLANNED = 1024  #: pictures whose variation is computed together


@dataclass(frozen=True)
class Pixels:
    """The pictures of one part, ready to be gathered."""

    #: (M, size, size, channels): a mapped file, decoded when asked for, or on the device
    source: NDArray[np.uint8] | Streamed | Tensor
    rows: Tensor  #: (N,) int64: where in the source this part's pictures stand
    labels: Tensor  #: (N,) int64, on the device
    preprocess: Preprocess
    classes: int = 0  #: of the labels; needed to mix pictures

    def __len__(self) -> int:
        return len(self.rows)

    def shuffled(
        self,
        size: int,
        *,
        seed: int,
        epoch: int,
        variation: Variation,
        first: int = 0,
        balanced: bool = False,
        share: Share = ALL,
    ) -> Iterator[Batch]:
        """Batches of an epoch in an order that depends on seed and epoch alone, from batch `first`.

        A last batch of a single picture is left out: batch normalisation cannot use it. Where
        balanced, as many pictures are drawn, each class as often as any other; a picture that comes
        twice varies twice, by its places in the order. Parts of a batch are those of the whole one:
        what a picture is mixed with may be in another part.
        """
        chance = generator(seed, epoch, stream=0)
        if balanced:
            order = balanced_order(self.labels.cpu(), chance)
            drawn = torch.arange(len(self))
        else:
            order = drawn = torch.randperm(len(self), generator=chance)
        batches = self._gathered(order[here] for here in self._places(size, first, share))
        if variation.changes:
            numbers = (drawn[here] for here in self._places(size, first, share))
            plans = self._plans(numbers, max(1, _PLANNED // size), seed, epoch, variation)
            batches = map(self._varied, batches, plans)
        for part in batches:
            if share.parts == 1:
                yield part
            else:
                yield Batch(part.pictures[:-1], part.labels[:-1])

    def in_order(self, size: int, share: Share = ALL) -> Iterator[Batch]:
        """Every picture once, in listing order, unchanged; every so-many-th batch of a share."""
        places = torch.arange(len(self)).split(size)[share.number :: share.parts]
        if len(self):
            yield from self._gathered(iter(places))

    def _places(self, size: int, first: int, share: Share) -> Iterator[Tensor]:
        """Where in the order the batches of a share stand.

        A part has the picture after it too, which may be laid over its last; it is dropped later.
        """
        for step in range(first, steps_in(len(self), size, share.least)):
            whole = torch.arange(step * size, min((step + 1) * size, len(self)))
            if share.parts == 1:
                yield whole
            else:
                start, end = share.bounds(len(whole))
                yield whole[torch.arange(start, end + 1) % len(whole)]

    def _plans(
        self, numbers: Iterator[Tensor], together: int, seed: int, epoch: int, variation: Variation
    ) -> Iterator[Plan]:
        """How each batch varies; so many are planned together, as small operations are slow."""
        view = self.preprocess
        shape = view.channels, view.size, view.size
        scale = {"mean": view.mean, "deviation": view.deviation, "fill": view.padding}
        while block := list(islice(numbers, together)):
            uniform = draws(torch.cat(block), seed, epoch)
            plan = planned(uniform, variation, shape, **scale)
            for first, last in pairwise(accumulate(map(len, block), initial=0)):
                yield plan.part(first, last)

    def _varied(self, batch: Batch, plan: Plan) -> Batch:
        pictures = varied(batch.pictures, plan)
        if not plan.variation.mixes:
            return Batch(pictures, batch.labels)
        uniform = plan.uniform.to(pictures.device)
        return Batch(*mixed(pictures, batch.labels, self.classes, uniform, plan.variation))

    def _gathered(self, places: Iterator[Tensor]) -> Iterator[Batch]:
        """Batches of the pictures at some places of this part."""
        device = self.labels.device
        mine, its = tee(places)
        for chosen, pixels in zip(mine, self._pixels(its), strict=True):
            here = self.preprocess.normalise(pixels.to(device, non_blocking=True))
            yield Batch(here, self.labels[chosen.to(device)])

    def _pixels(self, places: Iterator[Tensor]) -> Iterator[Tensor]:
        """(N, size, size, channels) uint8 at places; what is streamed is decoded ahead of them."""
        rows = (self.rows[chosen] for chosen in places)
        if isinstance(self.source, Tensor):
            for wanted in rows:
                yield self.source[wanted.to(self.source.device)]
        else:
            yield from map(torch.from_numpy, gathered(self.source, (row.numpy() for row in rows)))


def ahead(batches: Iterator[Batch]) -> Generator[Batch]:
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


def steps_in(pictures: int, batch: int, least: int = 2) -> int:
    """Batches of an epoch, as `Pixels.shuffled` cuts them."""
    whole, rest = divmod(pictures, batch)
    return whole + (rest >= least)


def pixels_of(
    packed: Packed, part: Part | None, preprocess: Preprocess, device: torch.device
) -> Pixels:
    """The pictures of one part (all when None) on a device."""
    pictures, classes = Pictures.of(packed.pictures), len(packed.class_names)
    kept = rows_of(pictures, part)
    labels, rows = torch.from_numpy(pictures.labels[kept].astype(np.int64)), torch.from_numpy(kept)
    if not resident(packed, device):
        return Pixels(packed.pixels, rows, labels.to(device), preprocess, classes)
    pixels = torch.from_numpy(packed.pixels[kept]).to(device)
    return Pixels(pixels, torch.arange(len(rows)), labels.to(device), preprocess, classes)


def resident(packed: Packed, device: torch.device) -> int:
    """Bytes of pixels that lie on a GPU: all of them, where half of its free memory holds them."""
    if device.type == "cpu" or not isinstance(packed.pixels, np.ndarray):
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return packed.pixels.nbytes if packed.pixels.nbytes <= free // 2 else 0
