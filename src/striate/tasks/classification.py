"""Classification: one class an image; softmax and cross-entropy."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from striate.layers import AuxOutputs


def loss(
    outputs: Tensor | AuxOutputs,
    targets: Tensor,
    *,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Logits (N, classes), labels (N,) or shares (N, classes) -> mean cross-entropy in nats.

    The losses of auxiliary heads are added, each times their weight. `smoothing` spreads that
    share of each target over all classes (Szegedy et al. 2016, section 7,
    https://arxiv.org/abs/1512.00567). `weights` (classes,) is what an image of a class counts.
    """
    if isinstance(outputs, AuxOutputs):
        main, *others = (
            _cross_entropy(logits, targets, smoothing, weights)
            for logits in (outputs.logits, *outputs.auxiliary)
        )
        return main + outputs.weight * sum(others)
    return _cross_entropy(outputs, targets, smoothing, weights)


def _cross_entropy(
    logits: Tensor, targets: Tensor, smoothing: float, weights: Tensor | None
) -> Tensor:
    if weights is None and len(targets):
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    # by the number of images, as Keras does: torch's own mean divides by the weights that happen
    # to be in the batch, or by no images
    total = F.cross_entropy(logits, targets, weights, label_smoothing=smoothing, reduction="sum")
    return total / max(1, len(targets))


def count_correct(outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
    """Logits (N, classes), labels (N,) -> how many have the highest logit at their label.

    Of a mixed image, shares (N, classes) in place of a label, it is that of the largest share.
    """
    targets = targets.argmax(dim=1) if targets.ndim == 2 else targets
    outputs = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
    return (outputs.argmax(dim=1) == targets).sum()


def probabilities(outputs: Tensor) -> Tensor:
    """Logits (N, classes) -> probabilities (N, classes) that sum to 1."""
    return outputs.softmax(dim=1)
