"""The receptive field of a unit is where its gradient can be, and the effective one lies inside."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import OptionError
from striate.look.field import (
    count_holding,
    find_field,
    measure_effective_field,
    randomize_weights,
)


def support(network: nn.Module, shape: tuple[int, ...], layer: str, unit: tuple[int, int]):
    """Top, left, bottom and right of the pixels with a gradient, on positive weights and images.

    Then nothing cancels, and no ReLU is closed.
    """
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and "running_mean" not in name:
                tensor.fill_(0.01 if tensor.ndim > 1 else 1)
    seen = measure_effective_field(network, torch.rand(1, *shape) + 0.5, layer, unit)
    down, across = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return down[0], across[0], down[-1] + 1, across[-1] + 1


def averaging(network: nn.Module) -> nn.Module:
    """Replace max pooling, whose gradient is at one pixel, by the average of the same window."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                window = child.kernel_size, child.stride, child.padding
                setattr(module, name, nn.AvgPool2d(*window, ceil_mode=child.ceil_mode))
    return network


@pytest.mark.parametrize(
    ("name", "shape", "layer"),
    [
        ("resnet20", (3, 32, 32), "stage2"),
        ("vgg11", (3, 64, 64), "stage3"),
        ("alexnet", (3, 127, 127), "stage2"),
        ("mobilenet_v2", (3, 64, 64), "stage3"),
        ("lenet5", (1, 32, 32), "c3"),
    ],
)
def test_the_field_is_where_the_gradient_can_be(name, shape, layer):
    network = averaging(zoo.build(name, channels=shape[0]).eval())
    layer = layer if hasattr(network, layer) else next(iter(dict(network.named_children())))
    middle = find_field(network, shape, layer)
    high, wide = middle.maps
    for unit in [middle.unit, (0, 0), (0, wide - 1), (high - 1, 1)]:
        assert find_field(network, shape, layer, unit).box == support(network, shape, layer, unit)


def test_even_kernels_strides_and_dilations_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 2, 4, stride=2), nn.Conv2d(2, 2, 3, dilation=2)).eval()
    field = find_field(network, (1, 20, 24), "1", (1, 2))
    # unit o of the second sees o, o + 2 and o + 4 of the first, whose u sees pixels 2u to 2u + 3
    assert (field.rows, field.columns) == ((2, 14), (4, 16))
    assert str(field) == "unit 1, 2 of 1 sees 12x12 pixels: rows 2 to 13, columns 4 to 15"


def test_what_reaches_into_the_padding_is_told():
    network = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2)).eval()
    field = find_field(network, (1, 9, 9), "0", (0, 4))
    assert field.rows == (-2, 3)
    assert field.box == (0, 2, 3, 7)
    assert str(field) == (
        "unit 0, 4 of 0 sees 5x5 pixels: rows 0 to 2, columns 2 to 6, 40 % of them padding"
    )


def test_a_unit_may_see_the_whole_image():
    network = zoo.build("resnet20").eval()
    field = find_field(network, (3, 16, 16), "stage3")
    assert str(field).endswith("sees the whole image")


def test_all_of_the_effective_field_is_in_the_exact_one():
    network = zoo.build("resnet20").eval()
    field = find_field(network, (3, 48, 48), "stage1", (5, 30))
    seen = measure_effective_field(network, torch.randn(6, 3, 48, 48), "stage1", field.unit)
    top, left, bottom, right = field.box
    assert seen.sum() == pytest.approx(1)
    assert seen[top:bottom, left:right].sum() == pytest.approx(1)
    assert count_holding(seen) < field.pixels


def test_the_gradient_is_that_of_the_unit():
    torch.manual_seed(1)
    conv = nn.Conv2d(2, 1, 3, bias=False)
    seen = measure_effective_field(nn.Sequential(conv), torch.zeros(2, 2, 7, 7), "0", (2, 1))
    expected = np.zeros((7, 7))
    expected[2:5, 1:4] = conv.weight.detach().abs().sum(dim=(0, 1)).numpy()
    assert seen == pytest.approx(expected / expected.sum())


def test_pixels_that_hold_a_share_are_counted():
    assert count_holding(np.array([[0.5, 0.3], [0.15, 0.05]])) == 3
    assert count_holding(np.array([[0.5, 0.3], [0.15, 0.05]]), 0.5) == 1
    assert count_holding(np.zeros((2, 2))) == 0


def test_random_weights_are_of_a_copy_and_the_same_each_time():
    network = zoo.build("resnet20")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    one, other = randomize_weights(network, 3), randomize_weights(network, 3)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(one.state_dict()[name], other.state_dict()[name])
    weight = next(iter(before))
    assert not torch.equal(one.state_dict()[weight], before[weight])


def test_what_cannot_be_is_said():
    network = zoo.build("lenet5").eval()
    names = dict(network.named_modules())
    dense = next(name for name, module in names.items() if isinstance(module, nn.Linear))
    conv = next(name for name, module in names.items() if isinstance(module, nn.Conv2d))
    with pytest.raises(OptionError, match="has no maps"):
        find_field(network, (1, 32, 32), dense)
    with pytest.raises(OptionError, match="unit 99, 0 is out of range: the maps of layer"):
        find_field(network, (1, 32, 32), conv, (99, 0))
    with pytest.raises(OptionError, match="no layer is called 'cons'"):
        find_field(network, (1, 32, 32), "cons")
