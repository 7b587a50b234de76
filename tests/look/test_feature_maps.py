"""The feature maps that are drawn are what a plain hook sees, and silent channels are marked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import ModelError, OptionError
from striate.look import draw_feature_maps
from striate.look.feature_maps import draw_all_feature_maps, read_maps
from striate.look.layers import layer_names
from striate.plotting.shapes import SHARP, Bitmap, Text


def hooks(network: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def test_maps_are_those_of_a_plain_hook():
    network, seen = zoo.build("resnet20").eval(), []
    images = torch.randn(1, 3, 32, 32)
    handle = network.stage2.register_forward_hook(lambda *one: seen.append(one[2].clone()))
    with torch.no_grad():
        network(images)
    handle.remove()
    sheet = draw_feature_maps(network, images, "stage2")
    assert np.array_equal(sheet.arrays["maps"], seen[0][0].numpy())
    assert hooks(network) == 0


def test_dead_and_saturated_channels_are_marked():
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU6())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, 0.0, 100.0, 1.0]).reshape(4, 1, 1, 1))
        network[0].bias.zero_()
    sheet = draw_feature_maps(network, torch.rand(1, 1, 16, 16) + 0.02, "1")
    assert sheet.arrays["dead"].tolist() == [False, True, False, False]
    assert sheet.arrays["saturated"].tolist() == [False, False, True, False]
    assert sheet.text.endswith(
        "1 dead (a cross: the same number everywhere); 1 saturated (two bars: half of its places "
        "or more at an end of the layer's range)"
    )


def test_a_closed_relu_is_not_saturated():
    network = nn.Sequential(nn.ReLU())
    images = torch.full((1, 2, 8, 8), -1.0)
    images[0, :, 0, 0] = torch.tensor([1.0, 2.0])
    sheet = draw_feature_maps(network, images, "0")
    assert not sheet.arrays["saturated"].any()
    assert not sheet.arrays["dead"].any()


def test_a_layer_that_is_called_twice_has_two_sheets():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(images)).relu_()

    drawn = list(draw_all_feature_maps(Twice(), torch.randn(1, 2, 4, 4), ("all",)))
    assert [name for name, _ in drawn] == ["conv-1", "conv-2"]
    assert drawn[1][1].text.startswith("conv, call 2 of 2: 2 channels of 4x4")


def test_of_all_layers_a_container_that_repeats_its_last_layer_has_no_sheet_of_its_own():
    network, images = zoo.build("resnet20").eval(), torch.randn(1, 3, 32, 32)
    every = read_maps(network, images, ("all",))
    inner = [name for name in layer_names(network) if not name.startswith("head")]
    named = read_maps(network, images, inner)
    assert "stage1" not in every
    assert "stage1.block1.branch.first" not in every
    assert np.array_equal(named["stage1"][0], every["stage1.block3"][0])
    for name in set(inner) - set(every):
        assert any(np.array_equal(named[name][0], maps) for (maps,) in every.values()), name
    assert list(read_maps(network, images, ("stage1", "stage1.block3"))) == [
        "stage1.block3",
        "stage1",
    ]


def test_a_layer_that_repeats_the_one_before_in_some_of_its_calls_has_its_sheets():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.same = nn.Conv2d(2, 2, 1), nn.Identity()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.same(self.same(self.conv(images)) + 1)

    found = read_maps(Twice(), torch.randn(1, 2, 4, 4), ("all",))
    assert {name: len(calls) for name, calls in found.items()} == {"conv": 1, "same": 2}


def test_bad_input_is_told_and_no_hook_stays():
    network, images = zoo.build("lenet5").eval(), torch.randn(1, 1, 32, 32)
    with pytest.raises(OptionError, match="channel 6 is out of range: layer c1 has 6 channels"):
        draw_feature_maps(network, images, "c1", 6)
    with pytest.raises(OptionError, match="no layer is called 'c11'; did you mean"):
        draw_feature_maps(network, images, "c11")
    with pytest.raises(OptionError, match="layer head has no maps"):
        draw_feature_maps(network, images, "head")
    with pytest.raises(ModelError, match="the maps of layer c1 are not finite"):
        draw_feature_maps(network, images * float("nan"), "c1")
    with pytest.raises(OptionError, match="expected images"):
        draw_feature_maps(network, images[0], "c1")
    assert hooks(network) == 0


def test_half_precision_and_channels_last_are_drawn():
    network = zoo.build("resnet20").bfloat16().eval().to(memory_format=torch.channels_last)
    sheet = draw_feature_maps(network, torch.randn(1, 3, 32, 32), "stage2")
    assert sheet.arrays["maps"].shape == (32, 16, 16)
    assert sheet.arrays["maps"].dtype == np.float32


def test_the_scale_of_the_colors_is_drawn_and_no_white_is_left_beside_a_short_row():
    network = nn.Sequential(nn.Conv2d(1, 5, 1, bias=False))
    nn.init.constant_(network[0].weight, -2.0)
    sheet = draw_feature_maps(network, torch.ones(1, 1, 8, 8).tril(), "0")
    said = [shape.text for shape in sheet.picture.shapes if isinstance(shape, Text)]
    assert {"-2", "2"} < set(said)
    bar, whole, short = (shape for shape in sheet.picture.shapes if isinstance(shape, Bitmap))
    assert (bar.image.getpixel((0, 0)), bar.image.getpixel((319, 0))) == (0, 2 * 119)
    assert short.image.width < whole.image.width
    assert short.y > whole.y + whole.image.height / SHARP
