"""Convolutions that see only some of the channels before them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PartialConv2d(nn.Module):
    """A convolution each of whose outputs sees a subset of the inputs, as in LeCun et al. 1998.

    Only connections that exist have weights: (connections, kernel, kernel), ordered by output and
    then by input. They start uniform within 1 / sqrt(weights of the output), as torch's do. Missing
    connections are zeros while it computes, so it takes as long as a whole convolution.
    """

    connected: Tensor  #: (outputs, inputs) bool

    def __init__(self, inputs: int, subsets: Sequence[Collection[int]], kernel: int) -> None:
        """`subsets`: the inputs that each output sees."""
        super().__init__()
        table = [[place in subset for place in range(inputs)] for subset in subsets]
        self.register_buffer("connected", torch.tensor(table))
        counts = [sum(row) for row in table]
        self.weight = nn.Parameter(torch.empty(sum(counts), kernel, kernel))
        self.bias = nn.Parameter(torch.empty(len(table)))
        maps = zip(counts, self.weight.split(counts), self.bias.split(1), strict=True)
        for count, kernels, bias in maps:
            bound = (count * kernel**2) ** -0.5
            nn.init.uniform_(kernels, -bound, bound)
            nn.init.uniform_(bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H - kernel + 1, W - kernel + 1)."""
        there = self.connected[:, :, None, None]
        whole = self.weight.new_zeros(*self.connected.shape, *self.weight.shape[1:])
        return F.conv2d(x, whole.masked_scatter(there, self.weight), self.bias)
