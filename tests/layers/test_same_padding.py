"""Convolutions that pad as TensorFlow does, against sums written out and against torch and timm."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from striate.layers import SameConv2d, same_padding
from tests.zoo import peers

sizes, kernels, strides, dilations = (st.integers(1, most) for most in (11, 5, 4, 3))


def naive(x: Tensor, conv: SameConv2d) -> Tensor:
    """Window by window: each begins at a stride's multiple less the zeros before the image."""
    kernel, stride, dilation = conv.kernel_size[0], conv.stride[0], conv.dilation[0]
    outs = [-(-size // stride) for size in x.shape[2:]]
    starts = [
        max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2
        for out, size in zip(outs, x.shape[2:], strict=True)
    ]
    result = torch.zeros(x.shape[0], conv.out_channels, *outs)
    for row in range(outs[0]):
        for column in range(outs[1]):
            for down in range(kernel):
                for across in range(kernel):
                    y = row * stride - starts[0] + down * dilation
                    z = column * stride - starts[1] + across * dilation
                    if 0 <= y < x.shape[2] and 0 <= z < x.shape[3]:
                        result[:, :, row, column] += (
                            x[:, :, y, z] @ conv.weight[:, :, down, across].T
                        )
    assert conv.bias is not None
    return result + conv.bias[:, None, None]


@given(sizes, sizes, kernels, strides, dilations)
@settings(deadline=None, max_examples=60)
def test_it_is_the_sum_over_windows(
    height: int, width: int, kernel: int, stride: int, dilation: int
) -> None:
    torch.manual_seed(0)
    conv, x = SameConv2d(2, 3, kernel, stride, dilation=dilation), torch.randn(2, 2, height, width)
    with torch.no_grad():
        assert conv(x).allclose(naive(x, conv), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(sizes, sizes, kernels, dilations)
@settings(deadline=None, max_examples=40)
def test_without_a_stride_it_is_the_same_of_torch(
    height: int, width: int, kernel: int, dilation: int
) -> None:
    torch.manual_seed(0)
    conv, x = (
        SameConv2d(2, 4, kernel, dilation=dilation, groups=2),
        torch.randn(1, 2, height, width),
    )
    theirs = F.conv2d(x, conv.weight, conv.bias, padding="same", dilation=dilation, groups=2)
    with torch.no_grad():
        assert conv(x).allclose(theirs, atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (2, 2), (1, 2), (7, 4), (4, 1)])
@pytest.mark.parametrize("size", [(8, 8), (9, 6), (1, 2)])
def test_timm_gives_the_same(kernel: int, stride: int, size: tuple[int, int]) -> None:
    theirs = peers.timm().layers.create_conv2d(2, 4, kernel, stride=stride, padding="same")
    ours = SameConv2d(2, 4, kernel, stride, bias=theirs.bias is not None)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 2, *size)
    with torch.no_grad():
        assert ours(x).allclose(theirs(x), atol=1e-6)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "zeros"),
    [(224, 3, 2, (0, 1)), (225, 3, 2, (1, 1)), (56, 5, 2, (1, 2)), (7, 3, 1, (1, 1)),
     (7, 4, 1, (1, 2)), (9, 1, 2, (0, 0))],
)  # fmt: skip
def test_an_odd_zero_stands_behind(
    size: int, kernel: int, stride: int, zeros: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, stride) == zeros


@pytest.mark.parametrize("size", [(4, 4), (5, 5), (4, 5)])
def test_gradients_are_right(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    conv = SameConv2d(2, 2, 3, 2).double()
    assert torch.autograd.gradcheck(conv, torch.randn(1, 2, *size).double().requires_grad_())


def test_a_state_is_that_of_any_convolution() -> None:
    assert list(SameConv2d(2, 3, 3).state_dict()) == ["weight", "bias"]
    assert list(SameConv2d(2, 3, 3, bias=False).state_dict()) == ["weight"]
