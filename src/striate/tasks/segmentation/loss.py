"""Losses of semantic segmentation: cross-entropy of every pixel, class weights, Dice."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.data.listing.samples import IGNORE
from striate.layers import AuxOutputs


def loss(
    outputs: Tensor | AuxOutputs,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
    dice: float = 0.0,
) -> Tensor:
    """Return the mean over images of the mean cross-entropy in nats of their pixels.

    An image without pixels that count has a loss of 0. Torch's mean over all pixels would not add
    up: that of a batch is not the mean of those of its parts, where these have ignored pixels.
    `dice` is the weight of `dice_loss`, which is added. Losses of auxiliary heads are added too,
    times their weight.
    """
    if isinstance(outputs, AuxOutputs):
        main, *others = (
            loss(logits, targets, smoothing=smoothing, weights=weights, dice=dice)
            for logits in (outputs.logits, *outputs.auxiliary)
        )
        return main + outputs.weight * sum(others)
    entropy = _cross_entropy(outputs, targets, smoothing, weights)
    return entropy + dice * dice_loss(outputs, targets) if dice else entropy


def dice_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over images of 1 - soft Dice coefficient, averaged over an image's classes.

    Milletari et al. 2016, V-Net, section 3, https://arxiv.org/abs/1606.04797, but with sums in
    place of sums of squares below the line, and for each class that the mask of an image has.
    """
    counted = (targets != IGNORE)[:, None]
    indices = torch.where(counted[:, 0], targets, 0).long()
    true = F.one_hot(indices, logits.shape[1]).permute(0, 3, 1, 2) * counted
    given = logits.float().softmax(dim=1) * counted
    pixels = true.sum(dim=(2, 3))
    both, either = (given * true).sum(dim=(2, 3)), given.sum(dim=(2, 3)) + pixels
    missed = torch.where(pixels > 0, 1 - 2 * both / either.clamp_min(1), 0.0)
    of_image = missed.sum(dim=1) / (pixels > 0).sum(dim=1).clamp_min(1)
    return of_image.sum() / max(1, len(targets))


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    pixels = F.cross_entropy(
        logits,
        targets.long(),
        weights,
        ignore_index=IGNORE,
        label_smoothing=smoothing,
        reduction="none",
    )
    # divide by the number of pixels, not by the sum of their class weights, as `classification`
    counted = (targets != IGNORE).sum(dim=(1, 2)).clamp_min(1)
    return (pixels.sum(dim=(1, 2)) / counted).sum() / max(1, len(targets))


def class_weights(pixels: Tensor) -> Tensor:
    """Pixels of each class in each mask (N, K) -> (K,) float32: inverse pixel frequency.

    They average 1 over the pixels. A class without a pixel has a weight of 0: label smoothing would
    learn nothing else.
    """
    counts = pixels.sum(dim=0)
    seen = counts > 0
    return torch.where(seen, counts.sum() / (seen.sum() * counts.clamp_min(1)), 0.0).float()
