"""Classes of different size, evened out: by what a picture counts, or by how often it is seen."""

from __future__ import annotations

import torch
from torch import Tensor


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Labels (N,) -> (classes,) float32: one over the size of a class, 1 on average of a picture.

    King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868, for
    classes that are all equally likely.
    """
    counts = torch.bincount(labels, minlength=classes).clamp_min(1)
    return len(labels) / (classes * counts)


def balanced_order(labels: Tensor, chance: torch.Generator) -> Tensor:
    """Labels (N,) on the CPU -> (N,) places, each class as often as any other, or once more.

    No picture of a class comes again before all of it came. Depends on labels and generator alone.
    """
    present = labels.unique()
    present = present[torch.randperm(len(present), generator=chance)]
    drawn: list[Tensor] = []
    for rank, label in enumerate(present):
        places = (labels == label).nonzero().flatten()
        share = (len(labels) - rank - 1) // len(present) + 1  # the first classes get the rest
        rounds = -(-share // len(places))
        shuffled = [places[torch.randperm(len(places), generator=chance)] for _ in range(rounds)]
        drawn.append(torch.cat(shuffled)[:share])
    order = torch.cat(drawn)
    return order[torch.randperm(len(order), generator=chance)]
