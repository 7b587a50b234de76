"""Layers between dense and convolutional: units look at windows, and each has weights of its own.

A position shares its kernel with no other, so there are outputs * positions * inputs * kernel area
weights and outputs * positions biases, and only images of one size fit.
Source: LeCun 1989, Generalization and network design strategies: Net-3.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.arithmetic import output_size


class LocallyConnected1d(nn.Module):
    """A convolution along one axis whose positions do not share weights."""

    def __init__(self, inputs: int, outputs: int, size: int, kernel: int, *, stride: int = 1,
                 padding: int = 0) -> None:  # fmt: skip
        """`size`: length of what comes in. Raises OptionError when the window does not fit it."""
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
    """A convolution whose positions do not share weights; the kernel is a square."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], kernel: int, *,
                 stride: int = 1, padding: int = 0) -> None:  # fmt: skip
        """`size`: (H, W) of what comes in. Raises OptionError when the window does not fit it."""
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
    """Uniform within 1/sqrt(inputs of a unit), as torch draws for its convolutions."""
    for tensor in (weight, bias):
        nn.init.uniform_(tensor, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))


def _check(x: Tensor, size: tuple[int, ...]) -> None:
    if tuple(x.shape[2:]) != size:
        wanted, came = ("x".join(map(str, sides)) for sides in (size, x.shape[2:]))
        raise RuntimeError(f"it has weights for each place of {wanted} inputs, but {came} came")
