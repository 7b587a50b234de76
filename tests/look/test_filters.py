"""The filters that are drawn are the weights of the layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import ModelError, OptionError
from striate.look.filters import draw_filters


def test_the_first_filters_are_the_weights_in_color():
    network = zoo.build("resnet20")
    sheet = draw_filters(network)
    assert np.array_equal(sheet.arrays["filters"], network.stem.first.conv.weight.detach().numpy())
    told = "16 filters of 3x3x3, in color, each on a scale of its own: mid-gray is 0"
    assert str(sheet) == f"stem.first.conv: {told}"


def test_a_grouped_transposed_convolution_has_its_outputs_first():
    layer = nn.ConvTranspose2d(4, 6, 3, groups=2)
    found = draw_filters(nn.Sequential(layer)).arrays["filters"]
    assert found.shape == (6, 2, 3, 3)
    image = torch.zeros(1, 4, 1, 1)
    image[0, 3] = 1  # the second input of the second group
    expected = (layer(image) - layer(torch.zeros_like(image)))[0].detach().numpy()
    assert np.allclose(found[3:, 1], expected[3:], atol=1e-6)


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")
def test_half_precision_and_compiled_networks_are_drawn():
    network = zoo.build("lenet5").half()
    assert draw_filters(torch.compile(network)).arrays["filters"].dtype == np.float32


def test_what_has_no_filters_is_refused():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    with pytest.raises(
        OptionError, match="1 is a ReLU, which has no filters; the first that has is 0"
    ):
        draw_filters(network, "1")
    with pytest.raises(OptionError, match="Flatten has no 2D convolution"):
        draw_filters(nn.Flatten())
    nn.init.constant_(network[0].weight, float("nan"))
    with pytest.raises(ModelError, match="0: its weights are not finite"):
        draw_filters(network)
