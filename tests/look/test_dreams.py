"""A dream is what a planted channel is known to want, and finding it changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.errors import ModelError, OptionError
from striate.look.draw_dreams import draw_dreams
from striate.look.dreams import dream, read_channels

COLOR = Preprocess(24, 3, "letterbox", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
GRAY = Preprocess(24, 1, "letterbox", (0.5,), (0.25,))


def resnet(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return zoo.build("resnet20").eval()


def correlate(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), two.ravel())[0, 1])


def planted(*weight: np.ndarray) -> nn.Module:
    """A convolution with these filters (C, H, W), and a ReLU in place."""
    values = torch.tensor(np.stack(weight), dtype=torch.float32)
    count, channels, *window = values.shape
    conv = nn.Conv2d(channels, count, tuple(window), bias=False)
    conv.weight.data = values
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def test_a_filter_that_wants_red_gets_red():
    red = np.array([1.0, -1.0, -1.0])[:, None, None]
    (found,) = dream(planted(red), COLOR, "0", [0])
    mean = found.pixels.mean(axis=(0, 1))
    assert mean[0] > 1.8 * max(mean[1:])


@pytest.mark.parametrize("turned", [False, True])
def test_a_filter_of_an_edge_gets_edges_of_its_direction(turned: bool):
    edge = np.outer(np.ones(7), [-1.0, -1, -1, 0, 1, 1, 1])
    edge = edge.T if turned else edge
    (found,) = dream(planted(edge[None]), GRAY, "1", [0])
    image = found.pixels[..., 0].astype(float) / 255
    patches = np.lib.stride_tricks.sliding_window_view(image, edge.shape)
    answers = np.einsum("yxij,ij->yx", patches, edge).clip(min=0)
    patch = np.einsum("yx,yxij->ij", answers, patches)
    assert correlate(patch, edge) > 0.8
    down, across = (np.abs(np.diff(image, axis=axis)).mean() for axis in (0, 1))
    assert (down > 1.3 * across) if turned else (across > 1.3 * down)


def test_a_class_with_a_template_gets_the_template():
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    templates = [np.exp(-4 * (x**2 + y**2)) - 0.3, x, y]
    network = nn.Sequential(nn.Flatten(), nn.Linear(24 * 24, 3, bias=False))
    network[1].weight.data = torch.tensor(np.stack(templates), dtype=torch.float32).flatten(1)
    for template, found in zip(templates, dream(network, GRAY, "1", [0, 1, 2]), strict=True):
        assert correlate(found.pixels[..., 0], template) > 0.8


def test_the_number_of_a_dream_is_the_activation_of_its_pixels():
    network = resnet()
    (found,) = dream(network, COLOR, "stage2", [5], steps=4)
    values = (torch.tensor(found.pixels / 255.0) - torch.tensor(COLOR.mean)) / torch.tensor(
        COLOR.std
    )
    kept = list[Tensor]()
    handle = network.stage2.register_forward_hook(lambda *given: kept.append(given[2]))
    with torch.no_grad():
        network(values.float().permute(2, 0, 1)[None])
    handle.remove()
    assert found.activation == pytest.approx(float(kept[0][0, 5].mean()), rel=1e-4)


def test_a_dream_moves_its_channel_beyond_noise_and_real_images():
    network = resnet()
    for layer in ("stem", "stage2", "head"):
        noise = np.random.default_rng(0).integers(0, 256, (16, 24, 24, 3), dtype=np.uint8)
        strongest = read_channels(network, layer, COLOR.normalize(torch.from_numpy(noise)))
        for one in dream(network, COLOR, layer, [0, 3], steps=48):
            assert one.activation > one.start
            assert one.activation > strongest[:, one.channel].max()


def test_a_seed_gives_the_same_image_whatever_the_other_channels():
    network = resnet()
    alone = dream(network, COLOR, "stage2", [7], steps=6)[0].pixels
    torch.manual_seed(99)
    again = dream(network, COLOR, "stage2", [7], steps=6)[0].pixels
    among = dream(network, COLOR, "stage2", [1, 7, 3], steps=6)[1].pixels
    other = dream(network, COLOR, "stage2", [7], steps=6, seed=1)[0].pixels
    assert np.array_equal(alone, again)
    assert np.abs(alone.astype(int) - among).max() <= 2  # sums of a batch are rounded otherwise
    assert np.abs(alone.astype(int) - other).max() > 20


def test_dreaming_changes_nothing_of_the_network():
    network = resnet().train()
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    dream(network, COLOR, "stage1", [0], steps=3)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert all(one.grad is None and one.requires_grad for one in network.parameters())
    assert all(module.training for module in network.modules())
    assert torch.equal(state, torch.get_rng_state())
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())


def test_half_precision_compiled_and_frozen_networks_dream_alike():
    network = resnet()
    plain = dream(network, COLOR, "stage1", [2], steps=8)[0].pixels.astype(int)
    compiled = dream(torch.compile(network, backend="eager"), COLOR, "stage1", [2], steps=8)
    assert np.array_equal(compiled[0].pixels, plain)
    with torch.no_grad():
        frozen = dream(network.requires_grad_(False), COLOR, "stage1", [2], steps=8)
    assert np.array_equal(frozen[0].pixels, plain)
    half = dream(copy.deepcopy(network).half(), COLOR, "stage1", [2], steps=8)
    assert correlate(half[0].pixels, plain) > 0.85


def test_a_channel_that_nothing_moves_is_told():
    network = planted(np.zeros((1, 3, 3)))
    assert dream(network, GRAY, "1", [0], steps=2)[0].activation == 0
    sheet = draw_dreams(network, GRAY, "1", [0], steps=2)
    said = [getattr(shape, "text", "") for shape in sheet.picture.shapes]
    assert "0: no image moves it" in said


@pytest.mark.parametrize("layer", ["stem", "head"])
def test_weights_that_are_not_finite_are_told_and_hooks_removed(layer: str):
    network = resnet()
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError) as caught:
        dream(network, COLOR, layer, [0])
    assert str(caught.value) == (
        f"the values or gradients of layer {layer} are not finite, so no image can be found; "
        "use other weights"
    )
    with pytest.raises(ModelError):
        read_channels(network, layer, torch.zeros(1, 3, 24, 24))
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in network.modules())


def test_an_unknown_layer_and_a_channel_out_of_range_are_told():
    with pytest.raises(OptionError) as caught:
        dream(resnet(), COLOR, "stage9", [0])
    assert "no layer is called 'stage9'; did you mean" in str(caught.value)
    for channel in (-1, 32):
        with pytest.raises(OptionError) as caught:
            dream(resnet(), COLOR, "stage2", [0, channel])
        assert str(caught.value) == (
            f"channel {channel} is out of range: layer stage2 has 32 channels, counted from 0"
        )
    with pytest.raises(OptionError) as caught:
        dream(Idle(), GRAY, "idle", [0])
    assert str(caught.value) == "layer idle does not run, so nothing can be dreamt of it"


class Idle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def test_a_sheet_holds_dreams_above_the_strongest_real_images():
    network, random = resnet(), np.random.default_rng(0)
    real = random.integers(0, 256, (20, 24, 24, 3), dtype=np.uint8)
    names = [f"class {number}" for number in range(10)]
    sheet = draw_dreams(network, COLOR, "head", [1, 4, 5, 8, 9], real, names=names, steps=3)
    with torch.no_grad():
        outputs = network(COLOR.normalize(torch.from_numpy(real))).numpy()[:, [1, 4, 5, 8, 9]]
    assert sheet.arrays["rows"].tolist() == outputs.argmax(axis=0).tolist()
    np.testing.assert_allclose(sheet.arrays["strongest"], outputs.max(axis=0), rtol=1e-4)
    assert sheet.arrays["pixels"].shape == (5, 24, 24, 3)
    assert str(sheet) == (
        "What 5 outputs of head would like to see. Found from noise in 3 steps, seed 0; below, "
        "the mean of the output, and what it was for the noise. Below each, the strongest of 20 "
        "real images."
    )
    said = [getattr(shape, "text", "") for shape in sheet.picture.shapes]
    assert [text for text in said if text in names] == [names[at] for at in (1, 4, 5, 8, 9)]
