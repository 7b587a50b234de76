"""Paths of convolutions and their junctions, against torch's functions and naive loops."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import Branches, conv_norm_relu, dropout_head, fork, inner_average, path


def by_hand(block: nn.Module, x: Tensor, stride: int, padding: tuple[int, int]) -> Tensor:
    """What `conv_norm_relu` computes in evaluation, from its tensors."""
    weight, scale, shift, mean, variance, _ = block.state_dict().values()
    x = F.conv2d(x, weight, stride=stride, padding=padding)
    mean, variance, scale, shift = (t[:, None, None] for t in (mean, variance, scale, shift))
    return ((x - mean) / (variance + 1e-3).sqrt() * scale + shift).clamp(min=0)


def unsettled(network: nn.Module) -> nn.Module:
    """The network in evaluation mode with running statistics far from their start."""
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_var", "norm.weight", "norm.bias")):
            tensor.uniform_(0.001, 0.2)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.3)
    return network.eval()


@pytest.mark.parametrize(
    ("step", "stride", "padding"),
    [
        ((4, 3), 1, (1, 1)),
        ((4, 5), 1, (2, 2)),
        ((4, (1, 7)), 1, (0, 3)),
        ((4, (7, 1)), 1, (3, 0)),
        ((4, 3, 2), 2, (1, 1)),
        ((4, 3, 2, 0), 2, (0, 0)),
    ],
)
@torch.no_grad()
def test_a_step_is_convolution_norm_and_relu(
    step: tuple[int, int], stride: int, padding: tuple[int, int]
) -> None:
    torch.manual_seed(3)
    block, x = unsettled(conv_norm_relu(3, *step)), torch.randn(2, 3, 9, 8)
    torch.testing.assert_close(block(x), by_hand(block, x, stride, padding))


@torch.no_grad()
def test_a_path_runs_its_steps_in_order_with_modules_among_them() -> None:
    torch.manual_seed(4)
    x = torch.randn(2, 3, 11, 10)
    steps = unsettled(path(3, (5, 1), nn.MaxPool2d(3, 2), (4, (1, 3)), (6, 3, 2, 0)))
    assert [name for name, _ in steps.named_children()] == ["step1", "step2", "step3", "step4"]
    expected = F.max_pool2d(by_hand(steps[0], x, 1, (0, 0)), 3, 2)
    expected = by_hand(steps[3], by_hand(steps[2], expected, 1, (0, 1)), 2, (0, 0))
    torch.testing.assert_close(steps(x), expected)
    assert expected.shape == (2, 6, 2, 1)


@torch.no_grad()
def test_branches_read_one_input_and_are_joined_in_their_order() -> None:
    x = torch.randn(2, 3, 4, 5)
    double, negate = nn.Threshold(9, 7), nn.Hardtanh(-0.5, 0.5)
    joined = Branches(one=nn.Identity(), two=double, three=negate)(x)
    assert joined.equal(torch.cat([x, torch.full_like(x, 7), x.clamp(-0.5, 0.5)], dim=1))


@torch.no_grad()
def test_a_fork_has_its_row_before_its_column() -> None:
    torch.manual_seed(5)
    both, x = unsettled(fork(3, 4)), torch.randn(2, 3, 5, 6)
    row, column = both.children()
    expected = torch.cat([by_hand(row, x, 1, (0, 1)), by_hand(column, x, 1, (1, 0))], dim=1)
    torch.testing.assert_close(both(x), expected)


def test_gradients_flow_through_every_branch() -> None:
    torch.manual_seed(6)
    module = Branches(one=path(2, (2, 1)), two=path(2, inner_average(), (1, 3)), all=fork(2, 1))
    module = unsettled(module.double())
    x = torch.randn(1, 2, 3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: module(x).square(), (x,))


def test_an_inner_average_counts_what_lies_inside() -> None:
    x = torch.randn(1, 1, 4, 5)
    expected = torch.empty_like(x)
    for row in range(4):
        for column in range(5):
            inside = x[0, 0, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            expected[0, 0, row, column] = inside.mean()
    torch.testing.assert_close(inner_average()(x), expected)


def test_a_head_averages_drops_and_weighs() -> None:
    head, x = dropout_head(3, 2, 0.5), torch.ones(400, 3, 4, 5)
    nn.init.ones_(head.dense.weight)
    nn.init.zeros_(head.dense.bias)
    assert head.eval()(x).unique().tolist() == [3]
    assert head.train()(x).unique().tolist() == [0, 2, 4, 6]


def test_kernels_start_with_the_variance_of_he() -> None:
    torch.manual_seed(7)
    weight = conv_norm_relu(40, 50, (3, 5)).conv.weight.detach()
    assert float(weight.std()) == pytest.approx((2 / (50 * 15)) ** 0.5, rel=0.02)
