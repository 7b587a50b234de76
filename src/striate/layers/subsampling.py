"""Pooling that learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Subsampling(nn.Module):
    """Sums of windows beside each other, times a coefficient, plus a bias: one of each a channel.

    LeCun et al. 1998, section II B. It starts as the average. No squashing function is applied.
    """

    def __init__(self, channels: int, size: int = 2) -> None:
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.full((channels,), 1 / size**2))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / size, W / size), rounded down."""
        sums = F.avg_pool2d(x, self.size, divisor_override=1)
        return sums * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
