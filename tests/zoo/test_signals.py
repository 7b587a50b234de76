"""Networks on signals: counted by hand, and the same as their twins on images of one row."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from tests.zoo.test_zoo import CARDS


def test_parameters_of_lenet_are_those_counted_by_hand() -> None:
    convolutions = 6 * (1 * 5 + 1) + 16 * (6 * 5 + 1) + 120 * (16 * 5 + 1)
    dense = 84 * (120 + 1) + 10 * (84 + 1)
    assert CARDS["lenet5_1d"].params == convolutions + dense == 21_266


def test_parameters_of_resnet_are_those_counted_by_hand() -> None:
    stem = 64 * 7 + 2 * 64
    total, inputs = stem, 64
    for width in (64, 128, 256, 512):
        first = 3 * inputs * width + 3 * width * width + 4 * width
        projected = inputs * width + 2 * width if inputs != width else 0
        second = 2 * 3 * width * width + 4 * width
        total, inputs = total + first + projected + second, width
    assert CARDS["resnet18_1d"].params == total + 5 * (512 + 1) == 3_846_469


def test_parameters_of_deepbind_are_those_counted_by_hand() -> None:
    assert CARDS["deepbind"].params == 16 * (4 * 24 + 1) + 32 * (16 + 1) + 2 * (32 + 1) == 2_162


def test_a_longer_signal_leaves_more_units_for_the_dense_layer_of_lenet() -> None:
    network = zoo.build("lenet5_1d", size=187)
    units = ((((187 - 4) // 2) - 4) // 2) - 4
    assert network.get_submodule("f6.dense").in_features == 120 * units == 4_680
    assert network(torch.randn(2, 1, 187)).shape == (2, 10)


def in_the_middle_row(weight: Tensor, like: Tensor) -> Tensor:
    """A kernel (O, I, K) as one of (O, I, H, K) whose other rows are zero."""
    if weight.ndim != 3:
        return weight
    placed = torch.zeros_like(like)
    placed[:, :, like.shape[2] // 2] = weight
    return placed


def test_resnet_gives_what_its_twin_gives_on_an_image_of_one_row() -> None:
    torch.manual_seed(3)
    network, twin = zoo.build("resnet18_1d"), zoo.build("resnet18", channels=1, classes=5)
    x = torch.randn(4, 1, 150)
    network(x)  # running statistics of its own
    state = twin.state_dict()
    placed = {name: in_the_middle_row(w, state[name]) for name, w in network.state_dict().items()}
    twin.load_state_dict(placed)
    with torch.inference_mode():
        expected = twin.eval()(x[:, :, None])
        assert torch.allclose(network.eval()(x), expected, rtol=1e-4, atol=1e-5)


def test_lenet_gives_what_its_twin_gives_on_equal_rows() -> None:
    """Kernels that look at one row only, on an image whose rows are all the signal."""
    torch.manual_seed(4)
    network, twin = zoo.build("lenet5_1d"), zoo.build("lenet5")
    state = twin.state_dict()
    placed = {name: in_the_middle_row(w, state[name]) for name, w in network.state_dict().items()}
    twin.load_state_dict(placed)
    x = torch.randn(3, 1, 32)
    with torch.inference_mode():
        expected = twin(x[:, :, None].expand(3, 1, 32, 32))
        assert torch.allclose(network(x), expected, atol=1e-5)


def test_a_kernel_of_deepbind_finds_its_motif_wherever_it_stands() -> None:
    network = zoo.build("deepbind", motifs=1, width=6).eval()
    conv = network.get_submodule("motifs.conv")
    motif = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 3, 1, 2]), 4).T.float()
    assert isinstance(conv, nn.Conv1d)
    with torch.no_grad():
        conv.weight.copy_(motif[None])
        conv.bias.zero_()
    for at in (0, 17, 44):
        sequence = torch.zeros(1, 4, 50)
        sequence[0, :, at : at + 6] = motif
        best = network.get_submodule("best")(network.get_submodule("motifs")(sequence))
        assert best.tolist() == [[6.0]]


def test_a_network_on_signals_is_no_stage_of_an_fcn() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.card("fcn:resnet18_1d")
    assert str(caught.value) == (
        "fcn:resnet18_1d needs a classifier for images of any size, which resnet18_1d is not; "
        "choose another, as in fcn:resnet18"
    )


def test_a_signal_that_is_too_short_is_told_in_samples() -> None:
    assert CARDS["lenet5_1d"].size_error(20) == "takes signals of 32 samples or more"
    assert CARDS["lenet5"].size_error(20) == "takes images of 32x32 pixels only"
