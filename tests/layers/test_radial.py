"""Distances to codes against loops."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from striate.layers import RadialOutput


def test_logits_are_minus_the_squared_distances() -> None:
    codes, x = torch.randn(3, 5), torch.randn(4, 5)
    logits = RadialOutput(codes)(x)
    assert logits.shape == (4, 3)
    for n in range(4):
        for at in range(3):
            expected = -sum((x[n, f] - codes[at, f]) ** 2 for f in range(5))
            assert torch.isclose(logits[n, at], expected, rtol=1e-4)


def test_cross_entropy_pulls_toward_the_code_and_pushes_from_the_others() -> None:
    codes, x = torch.randn(3, 5, dtype=torch.float64), torch.randn(1, 5, dtype=torch.float64)
    distances = (x - codes).square().sum(dim=1)
    equation_9 = distances[2] + torch.exp(-distances).sum().log()
    loss = F.cross_entropy(RadialOutput(codes)(x), torch.tensor([2]))
    assert torch.isclose(loss, equation_9)


def test_codes_are_kept_and_do_not_learn() -> None:
    layer = RadialOutput(torch.ones(3, 5))
    assert list(layer.state_dict()) == ["codes"]
    assert list(layer.parameters()) == []


def test_gradients_of_distances_are_right() -> None:
    x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    layer = RadialOutput(torch.randn(3, 5, dtype=torch.float64))
    assert torch.autograd.gradcheck(layer, (x,))
