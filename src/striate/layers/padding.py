"""Convolutions with exact output sizes: TensorFlow "same" padding, and bilinear upsampling.

The upsampling is initialized as bilinear interpolation and is learnable: Long, Shelhamer, Darrell,
Fully convolutional networks for semantic segmentation, CVPR 2015, section 3.3,
https://arxiv.org/abs/1411.4038
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the zeros before and after an axis of `size` pixels; the odd one goes after.

    Source: https://www.tensorflow.org/api_docs/python/tf/nn#same_padding_2
    """
    missing = (size - 1) // stride * stride + dilation * (kernel - 1) + 1 - size
    return max(missing, 0) // 2, (max(missing, 0) + 1) // 2


def pad_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Add zeros on the right and bottom of (N, C, H, W), to the next multiples of `multiple`.

    `least` is the smallest side of the result.
    """
    # rounded up without a negative number: what is exported divides those towards 0
    whole = ((side + multiple - 1) // multiple * multiple for side in x.shape[2:])
    height, width = (
        max(padded, least) - side for padded, side in zip(whole, x.shape[2:], strict=True)
    )
    return F.pad(x, (0, width, 0, height))


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding, computed from the input size, at any stride."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *,
                 dilation: int = 1, groups: int = 1, bias: bool = True) -> None:  # fmt: skip
        super().__init__(
            inputs, outputs, kernel, stride, dilation=dilation, groups=groups, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride))."""
        top, bottom, left, right = (
            zeros
            for axis, size in enumerate(input.shape[-2:])
            for zeros in same_padding(
                size, self.kernel_size[axis], self.stride[axis], self.dilation[axis]
            )
        )
        even = (top, left) == (bottom, right)
        x = input if even else F.pad(input, (left, right, top, bottom))
        padding = (top, left) if even else (0, 0)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Transposed convolution (N, channels, H, W) -> (N, channels, factor H, factor W), depthwise.

    Initialized to interpolate as `F.interpolate(mode="bilinear")`, but with zeros outside the
    image, which darkens the last factor / 2 pixels along the border.
    """
    kernel = 2 * factor - factor % 2
    layer = nn.ConvTranspose2d(
        channels, channels, kernel, factor, (kernel - factor) // 2, groups=channels, bias=False
    )
    nearness = 1 - np.abs(np.arange(kernel) - (kernel - 1) / 2) / factor
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.outer(nearness, nearness)))
    return layer
