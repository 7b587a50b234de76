"""Upsampling that begins as bilinear interpolation and can learn to be something else.

Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation, CVPR 2015,
section 3.3. https://arxiv.org/abs/1411.4038
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """(N, channels, H, W) -> (N, channels, factor H, factor W), each channel by itself.

    With its first weights it interpolates as `F.interpolate(mode="bilinear")` does, but takes what
    lies outside for 0, which darkens the last factor / 2 pixels along the border.
    """
    kernel = 2 * factor - factor % 2
    layer = nn.ConvTranspose2d(
        channels, channels, kernel, factor, (kernel - factor) // 2, groups=channels, bias=False
    )
    nearness = 1 - np.abs(np.arange(kernel) - (kernel - 1) / 2) / factor
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.outer(nearness, nearness)))
    return layer
