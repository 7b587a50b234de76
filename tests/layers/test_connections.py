"""Convolutions with missing connections against loops over those that exist."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.layers import PartialConv2d, meta_init

SUBSETS = ((0, 2), (1,), (0, 1, 2, 3), (3, 1))


def test_an_output_sees_its_subset_and_nothing_else() -> None:
    layer = PartialConv2d(4, SUBSETS, 3).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    expected = torch.zeros(2, 4, 3, 4, dtype=torch.float64)
    kernels = iter(layer.weight)
    for at, subset in enumerate(SUBSETS):
        expected[:, at] += layer.bias[at]
        for source in sorted(subset):
            kernel = next(kernels)
            for i in range(3):
                for j in range(4):
                    window = x[:, source, i : i + 3, j : j + 3]
                    expected[:, at, i, j] += (window * kernel).sum(dim=(1, 2))
    assert layer(x).allclose(expected, atol=1e-12)


def test_only_connections_that_exist_have_parameters() -> None:
    layer = PartialConv2d(4, SUBSETS, 3)
    assert sum(p.numel() for p in layer.parameters()) == 9 * (2 + 1 + 4 + 2) + 4


def test_gradients_reach_the_inputs_seen_and_no_others() -> None:
    layer = PartialConv2d(4, SUBSETS, 3)
    for at, subset in enumerate(SUBSETS):
        x = torch.randn(1, 4, 3, 3, requires_grad=True)
        layer(x)[0, at].sum().backward()
        assert x.grad is not None
        reached = {channel for channel in range(4) if x.grad[0, channel].any()}
        assert reached == set(subset)


def test_gradients_of_a_partial_convolution_are_right() -> None:
    layer = PartialConv2d(4, SUBSETS, 2).double()
    x = torch.randn(2, 4, 3, 4, dtype=torch.float64, requires_grad=True)

    def call(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(call, (x, layer.weight, layer.bias))


def test_with_every_connection_it_is_a_convolution_and_starts_as_one() -> None:
    layer, whole = PartialConv2d(3, [range(3)] * 50, 5), nn.Conv2d(3, 50, 5)
    x = torch.randn(2, 3, 8, 7)
    for theirs, ours in zip(whole.parameters(), layer.parameters(), strict=True):
        bound = 75**-0.5
        assert 0.8 * bound < float(ours.detach().abs().max()) <= bound
        theirs.data.copy_(ours.data.view(theirs.shape))
    assert layer(x).allclose(whole(x), atol=1e-6)


def test_the_fewer_inputs_an_output_sees_the_larger_its_weights_start() -> None:
    torch.manual_seed(0)
    layer = PartialConv2d(64, [range(4), range(64)], 5)
    few, many = layer.weight.split([4, 64])
    assert abs(float(few.detach().std() / many.detach().std()) - 4) < 0.6


def test_a_partial_convolution_loads_into_its_skeleton_and_can_be_exported() -> None:
    layer = PartialConv2d(4, SUBSETS, 3)
    with meta_init():
        empty = PartialConv2d(4, SUBSETS, 3)
    empty.load_state_dict(layer.state_dict(), assign=True)
    x = torch.randn(2, 4, 6, 6)
    assert empty(x).equal(layer(x))
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: batch},))
    assert program.module()(x[:1]).allclose(layer(x[:1]))
