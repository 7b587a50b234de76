"""Receptive fields against brute force: the pixels whose change would change a unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from striate import zoo
from striate.anatomy import Anatomy, Layer, dissect
from striate.layers import chain


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
    """The first and the last row of the picture that a unit's gradient reaches."""
    kept: list[Tensor] = []
    module = network.get_submodule(layer.name)
    handle = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    picture = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    network(picture)
    handle.remove()
    (gradient,) = torch.autograd.grad(kept[0][:, :, unit].sum(), picture)
    rows = gradient.abs().flatten(2).sum(dim=(0, 1)).reshape(shape[1], -1).sum(dim=1).nonzero()
    return int(rows.min()), int(rows.max())


def foretold(layer: Layer, unit: int, height: int) -> tuple[float, float]:
    assert layer.field is not None
    assert layer.jump is not None
    assert layer.start is not None
    centre, reach = layer.start[0] + unit * layer.jump[0], (layer.field[0] - 1) / 2
    return max(0, centre - reach), min(height - 1, centre + reach)


def check(network: nn.Module, shape: tuple[int, ...], layers: list[str] | None = None) -> Anatomy:
    """A unit in the middle of these layers, or of all; one at the edge sees that or less."""
    anatomy = dissect(network, shape, "it")
    assert anatomy.untraced == ()
    network = open_to_all(network)
    told = {layer.name: layer for layer in anatomy.layers if len(layer.output) == len(shape)}
    for name in layers or told:
        layer = told[name]
        middle = layer.output[1] // 2
        assert seen(network, shape, layer, middle) == foretold(layer, middle, shape[1]), layer
        (first, last), (low, high) = seen(network, shape, layer, 0), foretold(layer, 0, shape[1])
        assert low <= first <= last <= high, layer
    return anatomy


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
    anatomy = check(chain(**layers), (1, 90))
    assert anatomy.layers[-1].field == (closed,)
    assert anatomy.layers[-1].jump == (jump,)


FAMILIES = {
    "lenet5": (1, 32, 32),
    "resnet18": (3, 300, 33),
    "resnet50": (3, 200, 33),
    "resnet20": (3, 80, 12),
    "plain20": (3, 80, 12),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_sees_what_is_foretold(name: str) -> None:
    network, shape = zoo.build(name), FAMILIES[name]
    layers = [layer.name for layer in dissect(network, shape, name).layers]
    heavy = [layer for layer in layers if isinstance(network.get_submodule(layer), nn.Conv2d)]
    check(network, shape, heavy[len(heavy) // 3 - 1 :: len(heavy) // 3])


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
    layer = dissect(network, (2, 20, 9), "it").layers[-1]
    network = open_to_all(network)
    middle = range(layer.output[1] // 2, layer.output[1] // 2 + stride)
    ends = [seen(network, (2, 20, 9), layer, unit) for unit in middle]
    assert layer.field is not None
    assert max(last - first + 1 for first, last in ends) == layer.field[0]
