"""Response normalization against the paper's formula, written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate.layers import ResponseNorm


def by_hand(a: Tensor, n: int, alpha: float, beta: float, k: float) -> Tensor:
    """Section 3.3 of the paper: j from max(0, i - n/2) to min(N - 1, i + n/2)."""
    b, last = torch.empty_like(a), a.shape[1] - 1
    for i in range(a.shape[1]):
        near = range(max(0, i - n // 2), min(last, i + n // 2) + 1)
        total = sum(a[:, j] ** 2 for j in near)
        b[:, i] = a[:, i] / (k + alpha * total) ** beta
    return b


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("size", [3, 5])
def test_a_response_is_divided_by_those_of_its_neighbors(channels: int, size: int) -> None:
    a = 3 * torch.randn(2, channels, 4, 3, dtype=torch.float64)
    norm = ResponseNorm(size, alpha=0.3, beta=0.6, shift=1.5)
    assert norm(a).allclose(by_hand(a, size, 0.3, 0.6, 1.5), atol=1e-12)


def test_the_constants_are_those_of_the_paper() -> None:
    a = 200 * torch.rand(2, 7, 3, 3, dtype=torch.float64)
    assert ResponseNorm()(a).allclose(by_hand(a, 5, 1e-4, 0.75, 2), atol=1e-12)


def test_torch_divides_alpha_by_the_number_of_channels() -> None:
    a = 200 * torch.rand(1, 7, 2, 2, dtype=torch.float64)
    assert ResponseNorm()(a).allclose(nn.LocalResponseNorm(5, alpha=5e-4, k=2)(a))
    assert not ResponseNorm()(a).allclose(nn.LocalResponseNorm(5, alpha=1e-4, k=2)(a), rtol=0.01)


def test_gradients_of_a_response_norm_are_right() -> None:
    a = torch.randn(2, 6, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ResponseNorm(alpha=0.2), (a,))
