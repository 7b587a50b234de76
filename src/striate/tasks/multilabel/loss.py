"""The binary cross-entropy of several labels, and the weights of their positives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from striate.layers import AuxOutputs

_MOST_WEIGHT = 100.0


def loss(
    outputs: Tensor | AuxOutputs,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
    focal: float = 0.0,
) -> Tensor:
    """Return the mean binary cross-entropy of logits (N, K), over labels, then over images.

    Targets (N, K) are from 0 to 1. Losses of auxiliary heads are added, times their weight.
    `smoothing` moves targets towards 1/2, as Keras does; `weights` (K,) multiply the loss of
    positives; `focal` is the exponent of Lin et al. 2017, https://arxiv.org/abs/1708.02002.
    """
    targets = targets.float() * (1 - smoothing) + smoothing / 2
    if isinstance(outputs, AuxOutputs):
        main, *others = (
            _cross_entropy(logits, targets, weights, focal)
            for logits in (outputs.logits, *outputs.auxiliary)
        )
        return main + outputs.weight * sum(others)
    return _cross_entropy(outputs, targets, weights, focal)


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None, focal: float) -> Tensor:
    if not focal:
        total = F.binary_cross_entropy_with_logits(
            logits, targets, pos_weight=weights, reduction="sum"
        )
    else:
        each = F.binary_cross_entropy_with_logits(
            logits, targets, pos_weight=weights, reduction="none"
        )
        shown = logits.sigmoid()
        right = shown * targets + (1 - shown) * (1 - targets)
        total = ((1 - right) ** focal * each).sum()
    return total / max(1, targets.numel())


def positive_weights(targets: Tensor) -> Tensor:
    """Label sets (N, K) -> (K,) float32: images without by images with the label, at most 100.

    1 of a label that every image has, which would count for nothing.
    """
    having = targets.sum(dim=0, dtype=torch.float64)
    weights = ((len(targets) - having) / having.clamp_min(1)).clamp(max=_MOST_WEIGHT)
    return torch.where(having < len(targets), weights, 1.0).float()
