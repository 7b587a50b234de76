"""Inverted residuals and scaled widths."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.layers import Added, SameConv2d, conv_norm, inverted_residual, scaled
from tests.zoo import peers


def test_widths_are_rounded_as_torchvision_rounds_them() -> None:
    rounded = peers.torchvision().models._utils._make_divisible
    for channels in (8, 16, 24, 32, 96, 184, 1280):
        for width in (0.01, 0.1, 0.25, 0.35, 0.5, 0.75, 0.999, 1, 1.1, 1.25, 1.4, 3, 10):
            assert scaled(channels, width) == rounded(channels * width, 8), (channels, width)


@pytest.mark.parametrize(
    ("channels", "width", "wide"), [(32, 0.35, 16), (24, 0.5, 16), (64, 1, 64)]
)
def test_a_width_is_never_less_than_nine_tenths_of_what_was_asked(
    channels: int, width: float, wide: int
) -> None:
    assert scaled(channels, width) == wide


@pytest.mark.parametrize(
    ("width", "came"), [(0, "0"), (-1, "-1"), (1e9, "1e+09"), (float("inf"), "inf")]
)
def test_a_width_that_makes_no_sense_is_refused(width: float, came: str) -> None:
    with pytest.raises(OptionError) as caught:
        scaled(32, width)
    assert str(caught.value) == f"width must be above 0 and at most 10, but {came} came"


def parts(block: nn.Module) -> list[str]:
    return [name for name, _ in getattr(block, "branch", block).named_children()]


def test_a_block_that_does_not_widen_has_no_first_convolution() -> None:
    assert parts(inverted_residual(conv_norm, 8, 8, 16, 3, 1)) == ["depthwise", "project"]
    assert parts(inverted_residual(conv_norm, 8, 9, 16, 3, 1)) == ["expand", "depthwise", "project"]
    excited = inverted_residual(conv_norm, 8, 9, 8, 3, 1, nn.Identity())
    assert parts(excited) == ["expand", "depthwise", "excite", "project"]


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "joined"),
    [(8, 8, 1, True), (8, 16, 1, False), (8, 8, 2, False)],
)
def test_what_goes_in_is_added_where_the_shape_stays(
    inputs: int, outputs: int, stride: int, joined: bool
) -> None:
    block = inverted_residual(conv_norm, inputs, 24, outputs, 3, stride)
    assert isinstance(block, Added) is joined


def test_a_block_ends_without_an_activation() -> None:
    def conv(*shape: int, act: type[nn.Module] | None = nn.ReLU6) -> nn.Sequential:
        return conv_norm(*shape, act=act)

    block = inverted_residual(conv, 8, 16, 8, 3, 2)
    assert [name for name, _ in block.get_submodule("depthwise").named_children()][-1] == "act"
    assert [name for name, _ in block.get_submodule("project").named_children()][-1] == "norm"


def test_a_shortcut_adds() -> None:
    x = torch.randn(2, 3)
    assert Added(nn.Threshold(9, -3))(x).equal(x - 3)


def test_padding_is_even_unless_it_is_to_be_as_in_tensorflow() -> None:
    assert conv_norm(3, 8, 5, 2)[0].padding == (2, 2)
    assert isinstance(conv_norm(3, 8, 5, 2, same=True)[0], SameConv2d)


def test_first_weights_of_a_group_have_the_variance_of_its_own_outputs() -> None:
    torch.manual_seed(0)
    conv = conv_norm(512, 512, 3, groups=512)[0]
    assert abs(float(conv.weight.detach().std()) / (2 / 9) ** 0.5 - 1) < 0.05
