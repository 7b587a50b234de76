"""U-Net: maps as large as the image, from volumes that meet at the same place."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import striate
from striate import zoo
from striate.errors import OptionError
from striate.layers import meta_init
from striate.zoo.pages import unet as page
from tests.zoo import pages
from tests.zoo.test_zoo import CARDS, empty, on_meta, params, table


def run(network: nn.Module, x: Tensor) -> dict[str, tuple[str, str]]:
    """Part -> its output volume and parameters, as the docstring writes them."""
    found = dict[str, tuple[str, str]]()
    for name, part in network.named_children():

        def note(part: nn.Module, _inputs: object, output: Tensor, name: str = name) -> None:
            found[name] = "x".join(map(str, output.shape[1:])), f"{params(part):,}"

        part.register_forward_hook(note)
    network(x)
    return found


def test_the_table_of_the_page_is_true() -> None:
    heads, *rows = table(page)
    told = {
        row[0]: tuple(row[heads.index(what)] for what in ("output", "parameters")) for row in rows
    }
    with meta_init():
        network = zoo.build("unet").eval()
    assert told == run(network, empty(1, *CARDS["unet"].input))


@pytest.mark.parametrize("size", [(1, 1), (15, 17), (32, 48), (97, 100)])
def test_the_map_is_as_large_as_the_image(size: tuple[int, int]) -> None:
    assert on_meta("unet(width=4)")(empty(2, 1, *size)).shape == (2, 2, *size)


def test_without_padding_the_windows_of_the_page_give_the_sizes_of_the_paper() -> None:
    """Figure 1: 572, 568, 280, 136, 64 and 28 on the way down, 52, 100, 196 and 388 on that up."""
    down = [["conv(64, 3)", "conv(64, 3)"], *[["pool(2)", "conv(1, 3)", "conv(1, 3)"]] * 4]
    up = [["conv(1, 2, stride=2, transposed=True)", "conv(1, 3)", "conv(1, 3)"]] * 4
    sides, side = list[int](), 572
    for layers in (*down, *up):
        *_, last = striate.size(f"{side}x{side}x1", layers=layers).layers
        side = last.output[0]
        sides.append(side)
    assert sides == [568, 280, 136, 64, 28, 52, 100, 196, 388]


@pytest.mark.parametrize(("width", "channels", "classes"), [(64, 1, 2), (16, 3, 11), (1, 2, 5)])
def test_parameters_are_those_of_the_width(width: int, channels: int, classes: int) -> None:
    """Of each level: 13.5 and 35 times the square of its width, and 4 and 5 times it."""
    convolutions = (9 + 13.5 * (4 + 16 + 64 + 256) + 35 * (1 + 4 + 16 + 64)) * width**2
    rest = 4 * (1 + 2 + 4 + 8 + 16) + 5 * (1 + 2 + 4 + 8) + 9 * channels + classes
    network = on_meta(f"unet(width={width})", channels=channels, classes=classes)
    assert params(network) == convolutions + rest * width + classes


def test_every_weight_learns() -> None:
    torch.manual_seed(1)
    network = zoo.build("unet(width=4)", classes=3)
    network(torch.randn(2, 1, 33, 20)).square().mean().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path


def test_first_weights_have_the_variance_of_the_paper() -> None:
    network = zoo.build("unet(width=8)")
    for name, part in network.named_children():
        for layer in ("first", "second"):
            if name != "head":
                pages.assert_first_weights(part.get_submodule(layer), "in")


def test_it_can_be_exported() -> None:
    torch.manual_seed(1)
    network = zoo.build("unet(width=4)").eval()
    batch = torch.export.Dim("batch", min=1, max=8)
    x, other = torch.randn(2, 1, 40, 33), torch.randn(3, 1, 40, 33)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    assert program.module()(other).allclose(network(other), atol=1e-5)


def test_each_decoder_gets_the_volume_of_its_encoder() -> None:
    network, volumes = zoo.build("unet(width=2)").eval(), dict[str, Tensor]()
    for level in range(1, 5):

        def keep(_part: nn.Module, _inputs: object, output: Tensor, level: int = level) -> None:
            volumes[f"encode{level}"] = output

        def compare(_part: nn.Module, inputs: tuple[Tensor, ...], level: int = level) -> None:
            volumes[f"decode{level}"] = inputs[1]

        network.get_submodule(f"encode{level}").register_forward_hook(keep)
        network.get_submodule(f"decode{level}").register_forward_pre_hook(compare)
    network(torch.randn(1, 1, 32, 48))
    for level in range(1, 5):
        assert volumes[f"decode{level}"].equal(volumes[f"encode{level}"])


def test_a_volume_keeps_its_place_in_the_decoder() -> None:
    decoder = zoo.build("unet(width=2)").eval().get_submodule("decode3")
    coarse, nothing, point = (
        torch.randn(1, 16, 4, 4),
        torch.zeros(1, 8, 8, 8),
        torch.zeros(1, 8, 8, 8),
    )
    point[0, :, 3, 5] = 1
    changed = (decoder(coarse, point) - decoder(coarse, nothing)).abs().sum(dim=(0, 1))
    rows, columns = changed.nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 5, 3, 7)


def test_zeros_are_added_on_the_right_and_bottom() -> None:
    network, x = zoo.build("unet(width=2)").eval(), torch.randn(1, 1, 21, 30)
    filled = torch.zeros(1, 1, 32, 32)
    filled[:, :, :21, :30] = x
    assert network(x).equal(network(filled)[:, :, :21, :30])


@pytest.mark.parametrize(("width", "shown"), [("0", "0"), ("1.5", "1.5"), ("2000", "2000")])
def test_a_width_that_is_none_is_refused(width: str, shown: str) -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build(f"unet(width={width})")
    assert str(caught.value) == f"width must be a whole number from 1 to 1024, but {shown} came"
