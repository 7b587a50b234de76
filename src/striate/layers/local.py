"""Locally connected layers: convolutions without weight sharing.

Every position has its own kernel, so there are outputs * positions * inputs * kernel area weights
and outputs * positions biases, and the input size is fixed.
Source: LeCun 1989, Generalization and network design strategies: Net-3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.arithmetic import output_size


class LocallyConnected1d(nn.Module):
    """1-D convolution without weight sharing."""

    def __init__(self, inputs: int, outputs: int, size: int, kernel: int, *, stride: int = 1,
                 padding: int = 0) -> None:  # fmt: skip
        """`size`: input length. Raises OptionError when the window does not fit."""
        super().__init__()
        positions = output_size(size, kernel, stride=stride, padding=padding)
        self.size, self.kernel, self.stride, self.padding = size, kernel, stride, padding
        self.weight = nn.Parameter(torch.empty(outputs, positions, inputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs, positions))
        _draw(self.weight, self.bias, inputs * kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, size) -> (N, outputs, positions)."""
        _check(x, (self.size,))
        windows = F.pad(x, (self.padding,) * 2).unfold(2, self.kernel, self.stride)
        return torch.einsum("nipk,opik->nop", windows, self.weight) + self.bias


class LocallyConnected2d(nn.Module):
    """2-D convolution without weight sharing; the kernel is square."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], kernel: int, *,
                 stride: int = 1, padding: int = 0) -> None:  # fmt: skip
        """`size`: input (H, W). Raises OptionError when the window does not fit."""
        super().__init__()
        positions = [output_size(side, kernel, stride=stride, padding=padding) for side in size]
        self.size, self.kernel, self.stride, self.padding = size, kernel, stride, padding
        self.weight = nn.Parameter(torch.empty(outputs, *positions, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(outputs, *positions))
        _draw(self.weight, self.bias, inputs * kernel * kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, positions down, positions across)."""
        _check(x, self.size)
        padded = F.pad(x, (self.padding,) * 4)
        rows = padded.unfold(2, self.kernel, self.stride)
        windows = rows.unfold(3, self.kernel, self.stride)
        return torch.einsum("nipqkl,opqikl->nopq", windows, self.weight) + self.bias


def _draw(weight: Tensor, bias: Tensor, inputs: int) -> None:
    """Initialize uniform within 1/sqrt(fan-in), as torch's convolutions."""
    for tensor in (weight, bias):
        nn.init.uniform_(tensor, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))


def _check(x: Tensor, size: tuple[int, ...]) -> None:
    if tuple(x.shape[2:]) != size:
        wanted, came = ("x".join(map(str, sides)) for sides in (size, x.shape[2:]))
        raise RuntimeError(f"it has weights for each place of {wanted} inputs, but {came} came")
