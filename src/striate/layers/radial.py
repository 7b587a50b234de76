"""Outputs that say how far a vector is from a code for each class."""

from __future__ import annotations

from torch import Tensor, nn


class RadialOutput(nn.Module):
    """Minus the squared Euclidean distances to fixed codes, one a class: the nearest is the answer.

    LeCun et al. 1998, equation 7, with the sign turned: as logits under softmax and cross-entropy
    they give equation 9 without its constant j for pictures of no class.
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        """`codes`: (classes, features)."""
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) -> logits (N, classes), none above 0."""
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)
