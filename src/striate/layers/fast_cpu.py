"""Faster CPU implementations of layers, equal up to rounding.

Timings are in docs/log.md. Only a layer's class changes; weights and names are kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class CoveringConv2d(nn.Conv2d):
    """Convolution as one matrix product if the kernel covers the whole image."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        plain = self.groups == 1 and self.padding == (0, 0) and self.dilation == (1, 1)
        if not plain or input.shape[2:] != self.kernel_size:
            return super().forward(input)
        order = (0, 1, 2, 3) if input.is_contiguous() else (0, 2, 3, 1)
        rows = input.permute(order).flatten(1)
        return F.linear(rows, self.weight.permute(order).flatten(1), self.bias)[:, :, None, None]


class HalvingAvgPool2d(nn.AvgPool2d):
    """2x2 average pooling in NCHW: adds pairs of rows, then sums columns by a matrix product."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """(N, C, H, W) -> (N, C, H / 2, W / 2)."""
        if not _halves(self, input):
            return super().forward(input)
        return _Means.apply(input)


class _Means(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        count, channels, height, width = ctx.shape = x.shape
        pairs = torch.arange(width, device=x.device)
        ctx.join = x.new_zeros(width, width // 2)
        ctx.join[pairs, pairs // 2] = 0.25
        rows = x.reshape(-1, 2, width)
        joined = (rows[:, 0] + rows[:, 1]) @ ctx.join
        return joined.view(count, channels, height // 2, width // 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        width = ctx.shape[-1]
        rows = gradient.reshape(-1, width // 2) @ ctx.join.t()
        return rows.view(-1, 1, width).expand(-1, 2, width).reshape(ctx.shape)


def _halves(pool: nn.AvgPool2d, images: Tensor) -> bool:
    """Whether a pool is 2x2 with stride 2 on contiguous float32 images with even sides."""
    window = [_pair(pool.kernel_size), _pair(pool.stride), _pair(pool.padding)]
    even = all(side % 2 == 0 for side in images.shape[2:])
    even = even and images.ndim == 4 and len(images) > 0  # a rank may have an empty batch
    fits = even and images.is_contiguous() and images.dtype is torch.float32
    return fits and window == [(2, 2), (2, 2), (0, 0)] and not pool.divisor_override


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


_REPLACEMENTS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: CoveringConv2d,
    nn.AvgPool2d: HalvingAvgPool2d,
}


def use_fast_cpu_layers(network: nn.Module) -> None:
    """Switch a network's layers to their fast CPU implementations, in place."""
    for module in network.modules():
        if way := _REPLACEMENTS.get(type(module)):
            module.__class__ = way  # pyright: ignore[reportAttributeAccessIssue]
