"""Single-label classification: softmax and cross-entropy."""

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
    """Return the mean cross-entropy in nats of logits (N, classes).

    Targets are labels (N,) or probabilities (N, classes). Losses of auxiliary heads are added,
    times their weight. `smoothing` is label smoothing (Szegedy et al. 2016, section 7,
    https://arxiv.org/abs/1512.00567); `weights` (classes,) are class weights.
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
    # divide by the number of images, as Keras does: torch's mean divides by the sum of the class
    # weights in the batch, or by zero if it is empty
    total = F.cross_entropy(logits, targets, weights, label_smoothing=smoothing, reduction="sum")
    return total / max(1, len(targets))


def count_correct(outputs: Tensor | AuxOutputs, targets: Tensor) -> Tensor:
    """Count the logits (N, classes) whose argmax equals the label (N,).

    For probability targets (N, classes), as of mixup, the label is their argmax.
    """
    targets = targets.argmax(dim=1) if targets.ndim == 2 else targets
    outputs = outputs.logits if isinstance(outputs, AuxOutputs) else outputs
    return (outputs.argmax(dim=1) == targets).sum()


def probabilities(outputs: Tensor) -> Tensor:
    """Return the softmax of logits (N, classes)."""
    return outputs.softmax(dim=1)
