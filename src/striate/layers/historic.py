"""Historic layers of LeNet-5 (1998) and AlexNet (2012)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Arctan(nn.Module):
    """arctan(x), from -pi/2 to pi/2."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return torch.atan(x)


class ScaledTanh(nn.Module):
    """height * tanh(slope * x).

    LeCun et al. 1998, equation 6 and appendix A: with its constants, f(1) = 1 and f(-1) = -1, where
    the curvature is largest.
    """

    def __init__(self, height: float = 1.7159, slope: float = 2 / 3) -> None:
        super().__init__()
        self.height, self.slope = height, slope

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return self.height * torch.tanh(self.slope * x)


class PartialConv2d(nn.Module):
    """Convolution with a connection table of input subsets per output, as in LeCun et al. 1998.

    Only existing connections have weights: (connections, kernel, kernel), ordered by output, then
    input. They are initialized uniform within 1 / sqrt(weights of the output), as in torch. Missing
    connections are computed as zeros, so it costs as much as a full convolution.
    """

    connected: Tensor  #: (outputs, inputs) bool

    def __init__(self, inputs: int, subsets: Sequence[Collection[int]], kernel: int) -> None:
        """`subsets`: input channels of each output."""
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
    """Negative squared Euclidean distances to one fixed code per class, as logits.

    LeCun et al. 1998, equation 7, negated: with softmax cross-entropy this gives equation 9 without
    its constant j for images of no class.
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
    """a / (shift + alpha * sum of a^2 over `size` neighboring channels) ^ beta, at each position.

    Local response normalization, Krizhevsky, Sutskever, Hinton 2012, section 3.3, with its
    constants. Channels beyond the first and last count as zero. torch's function averages the
    squares instead of summing them, so it gets `size` times alpha.
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
    """Sums of non-overlapping windows, times a coefficient, plus a bias, both per channel.

    LeCun et al. 1998, section II B. Initialized to the average. No activation is applied.
    """

    def __init__(self, channels: int, size: int = 2) -> None:
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.full((channels,), 1 / size**2))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / size, W / size), rounded down."""
        sums = self.size**2 * F.avg_pool2d(x, self.size)  # ONNX knows no other divisor
        return sums * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
