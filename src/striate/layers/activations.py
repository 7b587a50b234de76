"""Squashing functions of the first networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Arctan(nn.Module):
    """The angle whose tangent the input is: from -pi/2 to pi/2."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return torch.atan(x)


class ScaledTanh(nn.Module):
    """height * tanh(slope * x).

    LeCun et al. 1998, equation 6 and appendix A: with its constants -1 and 1 stay as they are, and
    bend most there.
    """

    def __init__(self, height: float = 1.7159, slope: float = 2 / 3) -> None:
        super().__init__()
        self.height, self.slope = height, slope

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return self.height * torch.tanh(self.slope * x)
