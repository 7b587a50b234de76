"""Responses held down by the responses of their neighbours among the channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


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
