"""Squashing functions against the standard library."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from striate.layers import Arctan, ScaledTanh


def test_arctan_gives_angles() -> None:
    x = torch.tensor([-1e9, -1.0, 0.0, 0.3, 1.0, 1e9], dtype=torch.float64)
    expected = [math.atan(value) for value in x.tolist()]
    assert Arctan()(x).tolist() == pytest.approx(expected, abs=1e-12)


def test_scaled_tanh_keeps_one_and_minus_one() -> None:
    x = torch.tensor([-3.0, -1.0, 0.0, 0.5, 1.0, 4.0], dtype=torch.float64)
    expected = [1.7159 * math.tanh(2 * value / 3) for value in x.tolist()]
    assert ScaledTanh()(x).tolist() == pytest.approx(expected, abs=1e-12)
    assert ScaledTanh()(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)
    assert ScaledTanh(2.0, 0.1)(x)[5].item() == pytest.approx(2 * math.tanh(0.4))


def test_scaled_tanh_bends_most_at_one() -> None:
    x = torch.linspace(0, 3, 3001, dtype=torch.float64)
    bend = ScaledTanh()(x).diff().diff()
    assert abs(float(x[bend.argmin() + 1]) - 1) < 0.02


@pytest.mark.parametrize("squash", [Arctan(), ScaledTanh()])
def test_gradients_of_squashing_functions_are_right(squash: nn.Module) -> None:
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(squash, (x,))
