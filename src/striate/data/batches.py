"""Batches for the training loop: gathered from packed pixels, normalised, varied, as tensors."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.augment import Variation, draws, generator, mixed, vary
from striate.data.balance import balanced_order
from striate.data.listing import Packed, Part
from striate.data.preprocess import Preprocess


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


@dataclass(frozen=True)
class Pixels:
    """The pictures of one part, ready to be gathered."""

    source: NDArray[np.uint8] | Tensor  #: (M, size, size, channels): mapped file, or on the device
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
        chance, uniform = generator(seed, epoch, stream=0), draws(len(self), seed, epoch)
        if balanced:
            order = balanced_order(self.labels.cpu(), chance)
        else:
            order = torch.randperm(len(self), generator=chance)
            uniform = uniform[order]
        for step in range(first, steps_in(len(self), size, share.least)):
            here = slice(step * size, (step + 1) * size)
            batch, drawn = order[here], uniform[here]
            if share.parts == 1:
                yield self._varied(self._gather(batch), drawn, variation)
                continue
            start, end = share.bounds(len(batch))
            # with the one after them, which may be laid over the last; it is dropped then
            chosen = torch.arange(start, end + 1) % len(batch)
            part = self._varied(self._gather(batch[chosen]), drawn[chosen], variation)
            yield Batch(part.pictures[:-1], part.labels[:-1])

    def in_order(self, size: int, share: Share = ALL) -> Iterator[Batch]:
        """Every picture once, in listing order, unchanged; every so-many-th batch of a share."""
        for start in range(share.number * size, len(self), share.parts * size):
            yield self._gather(torch.arange(start, min(start + size, len(self))))

    def _varied(self, batch: Batch, uniform: Tensor, variation: Variation) -> Batch:
        view = self.preprocess
        pictures = vary(
            batch.pictures, uniform, variation, mean=view.mean, deviation=view.deviation
        )
        if not variation.mixes:
            return Batch(pictures, batch.labels)
        uniform = uniform.to(pictures.device)
        return Batch(*mixed(pictures, batch.labels, self.classes, uniform, variation))

    def _gather(self, chosen: Tensor) -> Batch:
        rows = self.rows[chosen]
        device = self.labels.device
        if isinstance(self.source, Tensor):
            pixels = self.source[rows.to(device)]
        else:
            pixels = torch.from_numpy(self.source[rows.numpy()])
        return Batch(self.preprocess.normalise(pixels), self.labels[chosen.to(device)])


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches; a thread makes each while the one before it is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield batch


def steps_in(pictures: int, batch: int, least: int = 2) -> int:
    """Batches of an epoch, as `Pixels.shuffled` cuts them."""
    whole, rest = divmod(pictures, batch)
    return whole + (rest >= least)


def pixels_of(
    packed: Packed, part: Part | None, preprocess: Preprocess, device: torch.device
) -> Pixels:
    """The pictures of one part (all when None) on a device."""
    rows = [row for row, p in enumerate(packed.pictures) if part in (None, p.part)]
    labels = torch.tensor([packed.pictures[row].label for row in rows], dtype=torch.int64)
    index, classes = torch.tensor(rows, dtype=torch.int64), len(packed.class_names)
    if device.type == "cpu":
        return Pixels(packed.pixels, index, labels, preprocess, classes)
    resident = torch.from_numpy(packed.pixels[index.numpy()]).to(device)
    return Pixels(resident, torch.arange(len(rows)), labels.to(device), preprocess, classes)
