"""Receptive fields against brute force: the pixels whose change would change a unit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from striate.layers import (
    LocallyConnected2d,
    PartialConv2d,
    ResponseNorm,
    ScaledTanh,
    Subsampling,
    chain,
    meta_init,
)
from striate.summary import Layer, Summary, summarize
from striate.zoo import CARDS


def open_to_all(network: nn.Module) -> nn.Module:
    """The network with weights that let every change through, however small.

    Weights are positive means, norms do nothing, and a maximum, whose gradient reaches one pixel
    only, becomes the mean of its window.
    """
    network = network.double().eval().requires_grad_(False)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.copy_(torch.rand_like(tensor) + 0.1)
            tensor.div_(tensor.sum(dim=list(range(1, tensor.ndim)), keepdim=True))
        elif tensor.is_floating_point():
            tensor.fill_(float(name.endswith(("norm.weight", "running_var", "coefficient"))))
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d | nn.MaxPool1d):
                mean = nn.AvgPool2d if isinstance(child, nn.MaxPool2d) else nn.AvgPool1d
                window = (child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(module, name, mean(*window))
    return network


def seen(network: nn.Module, shape: tuple[int, ...], layer: Layer, unit: int) -> tuple[int, int]:
    """The first and the last row of the image that a unit's gradient reaches."""
    kept: list[Tensor] = []
    module = network.get_submodule(layer.name)
    handle = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    image = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    network(image)
    handle.remove()
    (gradient,) = torch.autograd.grad(kept[0][:, :, unit].sum(), image)
    rows = gradient.abs().flatten(2).sum(dim=(0, 1)).reshape(shape[1], -1).sum(dim=1).nonzero()
    return int(rows.min()), int(rows.max())


def told(layer: Layer, unit: int) -> tuple[float, float]:
    """The first and the last row that a unit is said to see, in the image or beyond it."""
    assert layer.receptive_field is not None
    assert layer.jump is not None
    assert layer.start is not None
    center, reach = layer.start[0] + unit * layer.jump[0], (layer.receptive_field[0] - 1) / 2
    return center - reach, center + reach


def foretold(layer: Layer, unit: int, height: int) -> tuple[float, float]:
    first, last = told(layer, unit)
    return max(0, first), min(height - 1, last)


def check(network: nn.Module, shape: tuple[int, ...], layers: list[str] | None = None) -> Summary:
    """A unit in the middle of these layers, or of all; one at the edge sees that or less."""
    summary = summarize(network, shape, "it")
    assert summary.untraced == ()
    network = open_to_all(network)
    there = {layer.name: layer for layer in summary.layers if len(layer.output) == len(shape)}
    for name in layers or there:
        layer = there[name]
        middle = layer.output[1] // 2
        assert seen(network, shape, layer, middle) == foretold(layer, middle, shape[1]), layer
        (first, last), (low, high) = seen(network, shape, layer, 0), foretold(layer, 0, shape[1])
        assert low <= first <= last <= high, layer
    return summary


WINDOWS = st.tuples(
    st.sampled_from([nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
)


@given(st.lists(WINDOWS, min_size=1, max_size=4))
def test_a_chain_of_windows_sees_what_brute_force_and_the_closed_form_say(
    windows: list[tuple[type[nn.Module], int, int, int, int]],
) -> None:
    layers, closed, jump = dict[str, nn.Module](), 1, 1
    for number, (kind, kernel, stride, padding, dilation) in enumerate(windows):
        stride, padding = min(stride, kernel), min(padding, kernel // 2)  # no holes
        if kind is nn.Conv1d:
            dilation = dilation if closed > jump else 1
            layers[f"l{number}"] = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
        else:
            dilation = 1
            layers[f"l{number}"] = kind(kernel, stride, padding)
        closed, jump = closed + dilation * (kernel - 1) * jump, jump * stride
    summary = check(chain(**layers), (1, 90))
    assert summary.layers[-1].receptive_field == (closed,)
    assert summary.layers[-1].jump == (jump,)


#: a network of each family
FAMILIES = (
    *("locally_connected", "lenet5", "lenet5_1998", "alexnet", "zfnet", "vgg16", "googlenet"),
    *("inception_v2", "inception_v3", "inception_v4", "inception_resnet_v2", "resnet50"),
    *("resnet20", "plain20", "densenet121", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2"),
    *("mobilenet_v3_small", "efficientnet_lite0", "pilotnet", "conv_autoencoder", "fcn8s"),
    *("dcgan_discriminator", "lenet5_1d", "resnet18_1d", "deepbind"),
)
#: what changes no position by another
_EACH = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout, ResponseNorm, nn.ReLU, nn.ReLU6, nn.LeakyReLU),
    *(nn.Tanh, ScaledTanh, nn.Hardswish, nn.Hardsigmoid),
)


def averaging(layer: nn.Module) -> nn.Module:
    """A layer with its window that averages one channel; what comes in is averaged to one."""
    if isinstance(layer, _EACH):
        return nn.Identity()
    if isinstance(layer, nn.MaxPool2d):
        return nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
    if isinstance(layer, nn.MaxPool1d):
        return nn.AvgPool1d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
    if isinstance(layer, Subsampling):
        return nn.AvgPool2d(layer.size)
    if isinstance(layer, PartialConv2d):
        return averaging(nn.Conv2d(1, 1, layer.weight.shape[-1]))
    if isinstance(layer, LocallyConnected2d):
        return averaging(nn.Conv2d(1, 1, layer.kernel, layer.stride, layer.padding))
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
        kernel = torch.ones(1, 1, *layer.kernel_size, dtype=torch.double)
        layer.weight, layer.bias, layer.groups = nn.Parameter(kernel / kernel.sum()), None, 1
        layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].mean(1, keepdim=True),))
    return layer


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_sees_what_is_foretold(name: str) -> None:
    """Of 30 convolutions, in the network with one channel: widths do not change what is seen."""
    card = CARDS[name]
    with meta_init():
        network = card.builder().eval()
    shape = card.input
    if card.any_size and not card.needs_size:
        shape = (3, 400, max(card.smallest, 33)) if len(shape) == 3 else (shape[0], 600)
    layers, coarsest = [], 0
    for layer in summarize(
        network, shape, name
    ).layers:  # after an upsampling units see unlike parts
        finer = layer.jump is None or layer.jump[0] < coarsest
        coarsest = layer.jump[0] if layer.jump and not finer else coarsest
        if layer.kind.endswith(("Conv1d", "Conv2d", "Connected2d")) and not finer:
            layers.append(layer)
    layers, kept = layers[:: -(-len(layers) // 30)], dict[str, Tensor]()
    for parent in list(network.modules()):
        for child, module in list(parent.named_children()):
            setattr(parent, child, averaging(module))
    for layer in layers:
        network.get_submodule(layer.name).register_forward_hook(
            lambda _module, _inputs, output, at=layer.name: kept.update({at: output})
        )
    image = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    with contextlib.suppress(RuntimeError):  # in the head, whose weights are on the meta device
        network(image)
    exact = 0
    for layer in layers:
        for unit in (layer.output[1] // 2, 0):
            (gradient,) = torch.autograd.grad(
                kept[layer.name][:, :, unit].sum(), image, retain_graph=True
            )
            rows = gradient[0].abs().transpose(0, 1).flatten(1).sum(dim=1).nonzero()
            (first, last), (low, high) = (int(rows.min()), int(rows.max())), told(layer, unit)
            if low >= 0 and high < shape[1] and unit:
                assert (first, last) == (low, high), layer
                exact += 1
            assert low <= first <= last <= high, layer
    assert exact


class Joined(nn.Module):
    """Branches of other windows, joined by a function."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = join
        self.after = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        first, second = (branch(x) for branch in self.branches)
        return self.after(self.join(first, second))


def around(kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(2, 2, kernel, stride, kernel // 2)


@pytest.mark.parametrize(
    ("join", "branches"),
    [
        (lambda a, b: torch.cat([a, b], 1), (around(5), around(3))),
        (lambda a, b: a + b, (around(7, 2), around(3, 2))),
        (lambda a, b: a[:, :, :-2] + b[..., 1:-1], (nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, (5, 1)))),
        (lambda a, b: a * b, (around(3), nn.AdaptiveAvgPool2d(1))),
        (lambda a, b: F.pad(a, (0, 0, 2, 0)) - b, (nn.Conv2d(2, 2, (3, 1)), around(1))),
        (lambda a, b: (a.flatten(2) + b.flatten(2)).unflatten(2, (24, 12)), (around(5), around(3))),
        (lambda a, b: a.mT.softmax(1).mT + b, (around(3), around(7))),
    ],
    ids=["concatenation", "sum", "slice", "attention", "padding", "flat", "turned"],
)  # fmt: skip
def test_branches_that_join_see_what_either_sees(
    join: Callable[[Tensor, Tensor], Tensor], branches: tuple[nn.Module, nn.Module]
) -> None:
    check(Joined(join, *branches), (2, 24, 12), ["branches.0", "branches.1", "after"])


@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (2, 2), (3, 2), (4, 2), (3, 3), (5, 3)])
def test_a_transposed_convolution_has_the_field_of_its_widest_unit(
    kernel: int, stride: int
) -> None:
    network = chain(a=nn.Conv2d(2, 2, 3), b=nn.ConvTranspose2d(2, 2, kernel, stride))
    layer = summarize(network, (2, 20, 9), "it").layers[-1]
    network = open_to_all(network)
    middle = range(layer.output[1] // 2, layer.output[1] // 2 + stride)
    ends = [seen(network, (2, 20, 9), layer, unit) for unit in middle]
    assert layer.receptive_field is not None
    assert max(last - first + 1 for first, last in ends) == layer.receptive_field[0]


class Applied(nn.Module):
    """A function between two convolutions."""

    def __init__(self, act: Callable[[Tensor], Tensor], channels: int = 2) -> None:
        super().__init__()
        self.first, self.last = around(3), nn.Conv2d(channels, 2, 3)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)))


@pytest.mark.parametrize(
    ("act", "channels"),
    [
        (lambda x: x.roll(1, 1), 2),
        (lambda x: x.flip(1), 2),
        (lambda x: F.pixel_unshuffle(x, 2), 8),
        (lambda x: F.channel_shuffle(x, 2), 2),
        (lambda x: x * x.std(1, keepdim=True), 2),
    ],
    ids=["roll", "flip", "fold", "shuffle", "std"],
)
def test_what_moves_along_channels_keeps_what_is_seen(
    act: Callable[[Tensor], Tensor], channels: int
) -> None:
    summary = summarize(Applied(act, channels), (2, 24, 12), "it")
    first, *_, last = summary.layers
    assert (summary.untraced, summary.uncounted) == ((), ())
    assert first.receptive_field == (3, 3)
    assert last.receptive_field == ((8, 8) if channels == 8 else (5, 5))


@pytest.mark.parametrize(
    ("act", "operation"),
    [
        (lambda x: x.roll(1, 2), "roll"),
        (lambda x: x.roll(3), "roll"),
        (lambda x: x.flip(3), "flip"),
        (lambda x: x[:, :, torch.arange(5)], "index"),
        (lambda x: x.as_strided((1, 2, 12, 12), (576, 288, 24, 2)), "as_strided"),
        (lambda x: x.sort(2).values, "sort"),
        (lambda x: x.topk(5, 2).values, "topk"),
    ],
)  # fmt: skip
def test_what_moves_positions_is_told_and_multiplies_nothing(
    act: Callable[[Tensor], Tensor], operation: str
) -> None:
    summary = summarize(Applied(act), (2, 24, 12), "it")
    assert summary.untraced == (f"Applied: {operation}",)
    assert summary.uncounted == ()
    assert summary.layers[-1].receptive_field is None
    assert summary.receptive_field is None
