"""Classification: one class a picture; softmax and cross-entropy."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def loss(outputs: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Logits (N, classes), labels (N,) -> mean cross-entropy in nats.

    `smoothing` spreads that share of each target over all classes (Szegedy et al. 2016, section 7,
    https://arxiv.org/abs/1512.00567).
    """
    return F.cross_entropy(outputs, targets, label_smoothing=smoothing)


def right(outputs: Tensor, targets: Tensor) -> Tensor:
    """Logits (N, classes), labels (N,) -> how many have the highest logit at their label."""
    return (outputs.argmax(dim=1) == targets).sum()


def probabilities(outputs: Tensor) -> Tensor:
    """Logits (N, classes) -> probabilities (N, classes) that sum to 1."""
    return outputs.softmax(dim=1)
