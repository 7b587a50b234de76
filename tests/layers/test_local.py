"""Locally connected layers against loops over every unit."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from striate.errors import OptionError
from striate.layers import LocallyConnected1d, LocallyConnected2d, meta_init
from striate.summary import summarize


def naive(layer: LocallyConnected2d, x: Tensor) -> Tensor:
    """Unit by unit: its own kernel times what lies under it, plus its own bias."""
    padding, kernel, stride = layer.padding, layer.kernel, layer.stride
    around = torch.zeros(*x.shape[:2], *(side + 2 * padding for side in x.shape[2:]))
    around[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]] = x
    outputs, rows, columns = layer.bias.shape
    y = torch.zeros(len(x), outputs, rows, columns)
    for place in itertools.product(range(len(x)), range(outputs), range(rows), range(columns)):
        image, output, row, column = place
        down, across = row * stride, column * stride
        window = around[image, :, down : down + kernel, across : across + kernel]
        unit = output, row, column
        y[place] = (window * layer.weight[unit]).sum() + layer.bias[unit]
    return y


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "positions"),
    [
        ((6, 5), 3, 1, 0, (4, 3)),
        ((7, 4), 3, 2, 1, (4, 2)),
        ((5, 6), 2, 3, 2, (3, 3)),
        ((3, 4), 3, 1, 0, (1, 2)),
    ],
)
def test_every_unit_has_a_kernel_of_its_own(
    size: tuple[int, int], kernel: int, stride: int, padding: int, positions: tuple[int, int]
) -> None:
    torch.manual_seed(1)
    layer = LocallyConnected2d(2, 3, size, kernel, stride=stride, padding=padding)
    x = torch.randn(2, 2, *size)
    y = layer(x)
    assert y.shape == (2, 3, *positions)
    assert y.allclose(naive(layer, x), atol=1e-6)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 3)])
def test_along_one_axis_it_is_an_image_of_one_row(stride: int, padding: int) -> None:
    torch.manual_seed(2)
    layer = LocallyConnected1d(3, 2, 9, 4, stride=stride, padding=padding)
    x = torch.randn(2, 3, 9)
    y = layer(x)
    expected = torch.zeros(y.shape)
    around = torch.zeros(2, 3, 9 + 2 * padding)
    around[:, :, padding : padding + 9] = x
    for place in itertools.product(*map(range, y.shape)):
        image, output, position = place
        window = around[image, :, position * stride : position * stride + 4]
        unit = output, position
        expected[place] = (window * layer.weight[unit]).sum() + layer.bias[unit]
    assert y.shape[2] == (9 + 2 * padding - 4) // stride + 1
    assert y.allclose(expected, atol=1e-6)


def test_with_equal_kernels_everywhere_it_is_a_convolution() -> None:
    torch.manual_seed(3)
    layer, conv = LocallyConnected2d(2, 3, (6, 7), 3, stride=2, padding=1), nn.Conv2d(2, 3, 3, 2, 1)
    with torch.no_grad():
        layer.weight.copy_(conv.weight[:, None, None])
        layer.bias.copy_(conv.bias[:, None, None])
    x = torch.randn(4, 2, 6, 7)
    assert layer(x).allclose(conv(x), atol=1e-6)


def test_gradients_are_those_of_the_function() -> None:
    torch.manual_seed(4)
    two = LocallyConnected2d(2, 2, (4, 5), 3, stride=2, padding=1).double()
    one = LocallyConnected1d(2, 2, 5, 2, stride=2, padding=1).double()
    for layer, shape in ((two, (2, 2, 4, 5)), (one, (2, 2, 5))):
        x = torch.randn(shape, dtype=torch.float64, requires_grad=True)

        def run(x: Tensor, weight: Tensor, bias: Tensor, layer: nn.Module = layer) -> Tensor:
            return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, x)

        assert torch.autograd.gradcheck(run, (x, layer.weight, layer.bias))


def test_parameters_are_those_of_outputs_times_positions() -> None:
    """The lecture's count: 400,000 units see an image of 200x200."""
    with meta_init():
        dense = nn.Linear(200 * 200, 400_000, bias=False)
        local = LocallyConnected2d(1, 40, (200, 200), 10, stride=2, padding=4)
        shared = nn.Conv2d(1, 1, 10, bias=False)
    assert local.bias.numel() == 400_000
    assert dense.weight.numel() == 16 * 10**9
    assert local.weight.numel() == 40 * 10**6
    assert shared.weight.numel() == 100
    row = LocallyConnected1d(3, 5, 11, 4, stride=2, padding=1)
    assert sum(p.numel() for p in row.parameters()) == 5 * 5 * 3 * 4 + 5 * 5


def test_weights_start_within_one_over_the_root_of_a_units_inputs() -> None:
    torch.manual_seed(5)
    layer = LocallyConnected2d(4, 8, (9, 9), 5)
    for tensor in layer.parameters():
        assert 0.09 < float(tensor.detach().abs().max()) <= 0.1


@pytest.mark.parametrize("size", [(5, 5), (7, 9), (3, 4)])
def test_an_image_of_another_size_is_refused(size: tuple[int, int]) -> None:
    layer = LocallyConnected2d(2, 3, (3, 3), 3)
    with pytest.raises(RuntimeError) as caught:
        layer(torch.randn(1, 2, *size))
    shown = f"{size[0]}x{size[1]}"
    assert str(caught.value) == f"it has weights for each place of 3x3 inputs, but {shown} came"
    with pytest.raises(RuntimeError) as caught:
        LocallyConnected1d(2, 3, 4, 4)(torch.randn(1, 2, 6))
    assert str(caught.value) == "it has weights for each place of 4 inputs, but 6 came"


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        LocallyConnected2d(1, 1, (9, 4), 7, padding=1)
    assert str(caught.value) == (
        "a window of 7 at dilation 1 spans 7 pixels, but the input has 6 (size 4, padding 1 on "
        "each side); use at least 5 pixels"
    )


def test_its_work_and_sight_are_followed() -> None:
    with meta_init():
        layer = LocallyConnected2d(3, 4, (9, 11), 3, stride=2, padding=1)
    summary = summarize(layer, (3, 9, 11), "local")
    assert (summary.uncounted, summary.untraced) == ((), ())
    assert summary.macs == 4 * 5 * 6 * 3 * 9
    (told,) = summary.layers
    assert (told.receptive_field, told.jump, told.start) == ((3, 3), (2, 2), (0, 0))
