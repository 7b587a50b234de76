"""Layers of the networks of 1998 and 2012."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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


class RadialOutput(nn.Module):
    """Minus the squared Euclidean distances to fixed codes, one a class: the nearest is the answer.

    LeCun et al. 1998, equation 7, with the sign turned: as logits under softmax and cross-entropy
    they give equation 9 without its constant j for images of no class.
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        """`codes`: (classes, features)."""
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) -> logits (N, classes), none above 0."""
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)


class ResponseNorm(nn.Module):
    """a / (shift + alpha * sum of a^2 over `size` channels around its own) ^ beta, at a position.

    Krizhevsky, Sutskever, Hinton 2012, section 3.3, with its constants. Channels beyond the first
    and the last count as zero. Torch's function takes the mean of the squares instead of their sum,
    so it is given `size` times alpha.
    """

    def __init__(
        self, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, shift: float = 2.0
    ) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.shift = size, alpha, beta, shift

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        return F.local_response_norm(x, self.size, self.size * self.alpha, self.beta, self.shift)


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
