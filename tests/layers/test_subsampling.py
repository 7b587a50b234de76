"""Trainable subsampling against loops."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate.layers import Subsampling


def filled(channels: int, size: int) -> Subsampling:
    layer = Subsampling(channels, size).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


@pytest.mark.parametrize(("size", "height", "width"), [(2, 4, 6), (2, 5, 3), (3, 7, 9)])
def test_a_window_gives_its_sum_times_a_coefficient_plus_a_bias(
    size: int, height: int, width: int
) -> None:
    layer, x = filled(3, size), torch.randn(2, 3, height, width, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (2, 3, height // size, width // size)
    for n, c, i, j in torch.ones(y.shape).nonzero().tolist():
        window = x[n, c, size * i : size * (i + 1), size * j : size * (j + 1)]
        expected = layer.weight[c] * window.sum() + layer.bias[c]
        assert torch.isclose(y[n, c, i, j], expected)


def test_it_starts_as_the_average() -> None:
    x = torch.randn(2, 3, 6, 6)
    assert Subsampling(3)(x).allclose(nn.AvgPool2d(2)(x), atol=1e-6)


def test_gradients_of_subsampling_are_right() -> None:
    layer = filled(2, 2)
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(call, (x, layer.weight, layer.bias))
