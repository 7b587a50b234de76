"""Order of a training epoch: which images each batch, or each rank's part of it, holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from striate.data.augment.plan import generator


@dataclass(frozen=True, slots=True)
class BatchShard:
    """Slice of every global batch that one rank loads; by default the whole batch."""

    index: int = 0  #: rank, from 0
    count: int = 1  #: number of shards, of equal size within one image
    min_images: int = 2  #: a smaller last batch of an epoch is dropped

    def bounds(self, images: int) -> tuple[int, int]:
        """Return the start and end of this shard in a batch of `images` images."""
        return (
            images * self.index // self.count,
            images * (self.index + 1) // self.count,
        )


WHOLE_BATCH = BatchShard()


def count_steps(images: int, batch: int, least: int = 2) -> int:
    """Return the number of batches per epoch, as `batch_places` forms them."""
    whole, rest = divmod(images, batch)
    return whole + (rest >= least)


def draw_order(
    images: int, strata: Tensor | None, seed: int, epoch: int, *, balanced: bool
) -> tuple[Tensor, Tensor]:
    """Return the images of an epoch in order, (images,), and the number that seeds each's draws.

    With `balanced`, every class of `strata` is drawn equally often.
    """
    chance = generator(seed, epoch, stream=0)
    if balanced and strata is not None:
        return balanced_order(strata, chance), torch.arange(images)
    order = torch.randperm(images, generator=chance)
    return order, order


def batch_places(
    images: int, size: int, first: int, shard: BatchShard, *, neighbor: bool = False
) -> Iterator[Tensor]:
    """Yield the positions in an epoch's order of each batch or batch shard, from batch `first`.

    With `neighbor`, a shard includes one image more: the next of the batch, in a circle.
    """
    for step in range(first, count_steps(images, size, shard.min_images)):
        whole = torch.arange(step * size, min((step + 1) * size, images))
        start, end = shard.bounds(len(whole))
        more = neighbor and shard.count > 1
        yield whole[torch.arange(start, end + 1) % len(whole)] if more else whole[start:end]


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Labels (N,) on the CPU -> (N,) indices, in which class counts differ by at most one.

    An image repeats only after all images of its class. Depends on labels and generator only.
    """
    present = labels.unique()
    present = present[torch.randperm(len(present), generator=generator)]
    drawn: list[Tensor] = []
    for rank, label in enumerate(present):
        places = (labels == label).nonzero().flatten()
        share = (len(labels) - rank - 1) // len(present) + 1  # the first classes get the remainder
        rounds = -(-share // len(places))
        shuffled = [places[torch.randperm(len(places), generator=generator)] for _ in range(rounds)]
        drawn.append(torch.cat(shuffled)[:share])
    order = torch.cat(drawn)
    return order[torch.randperm(len(order), generator=generator)]
