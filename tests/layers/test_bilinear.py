"""Bilinear upsampling against torch's interpolation and a loop."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from striate.layers import bilinear_upsampling


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8, 32])
def test_inside_the_image_it_interpolates_as_torch_does(factor: int) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 3, 4, 5)
    y = bilinear_upsampling(3, factor)(x)
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear")
    assert y.shape == expected.shape == (2, 3, 4 * factor, 5 * factor)
    border = factor // 2
    inside = (..., slice(border, y.shape[2] - border), slice(border, y.shape[3] - border))
    assert y[inside].allclose(expected[inside], atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_every_value_is_spread_as_a_tent(factor: int) -> None:
    torch.manual_seed(2)
    x = torch.randn(1, 2, 3, 4)
    expected = torch.zeros(1, 2, 3 * factor, 4 * factor)
    for row in range(3):
        for column in range(4):
            for down in range(3 * factor):
                for across in range(4 * factor):
                    far = [
                        abs((place + 0.5) / factor - (at + 0.5))
                        for place, at in ((down, row), (across, column))
                    ]
                    share = max(0, 1 - far[0]) * max(0, 1 - far[1])
                    expected[0, :, down, across] += share * x[0, :, row, column]
    assert bilinear_upsampling(2, factor)(x).allclose(expected, atol=1e-6)


def test_a_constant_stays_constant_inside() -> None:
    y = bilinear_upsampling(1, 8)(torch.full((1, 1, 5, 5), 3.0))
    assert y[..., 4:-4, 4:-4].allclose(torch.tensor(3.0))
    assert y[0, 0, 0, 0] < 1


def test_channels_do_not_mix_and_every_weight_learns() -> None:
    layer = bilinear_upsampling(3, 2)
    x = torch.zeros(1, 3, 4, 4)
    x[0, 1] = 1
    y = layer(x)
    assert not y[0, [0, 2]].any()
    layer(torch.randn(1, 3, 4, 4)).square().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.all()


def test_gradients_are_those_of_the_function() -> None:
    layer = bilinear_upsampling(2, 3).double()
    x = torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    weight = layer.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, weight: torch.func.functional_call(layer, {"weight": weight}, x), (x, weight)
    )
