"""Fully convolutional networks: a map as large as the image, centered, from VGG-16's layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.layers import meta_init
from striate.summary import summarize
from striate.zoo.pages import fcn as page
from striate.zoo.pages.fcn import Scores
from tests.zoo import peers
from tests.zoo.test_zoo import CARDS, empty, on_meta, table

NAMES = ("fcn32s", "fcn16s", "fcn8s")


def outputs(name: str, x: Tensor) -> dict[str, tuple[int, ...]]:
    network, found = on_meta(name), dict[str, tuple[int, ...]]()

    def note(path: str) -> None:
        network.get_submodule(path).register_forward_hook(
            lambda _module, _inputs, output: found.update({path: tuple(output.shape[1:])})
        )

    for path, _ in network.named_children():
        note(path)
    network(x)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_table_of_the_page_is_true(name: str) -> None:
    heads, *rows = table(page)
    told = {row[0]: row[heads.index("output")] for row in rows}
    built = outputs(name, empty(1, *CARDS[name].input))
    assert told == {part: "x".join(map(str, shape)) for part, shape in built.items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (31, 33), (64, 96), (97, 100)])
def test_the_map_is_as_large_as_the_image(name: str, size: tuple[int, int]) -> None:
    assert on_meta(name)(empty(2, 3, *size)).shape == (2, 21, *size)


def test_parameters_are_the_134_million_of_the_paper() -> None:
    """Table 1; VGG-16 without its 1000 classes, scores, and a kernel for each class."""
    backbone = 138_357_544 - 4097 * 1000
    scores, finer = 4097 * 21, (513 * 21, 257 * 21)
    assert CARDS["fcn32s"].params == backbone + scores + 21 * 64**2
    assert CARDS["fcn16s"].params == backbone + scores + finer[0] + 21 * (4**2 + 32**2)
    assert CARDS["fcn8s"].params == backbone + scores + sum(finer) + 21 * (2 * 4**2 + 16**2)
    assert {round(CARDS[name].params / 1e6) for name in NAMES} == {134}


def test_scores_lie_in_the_middle_of_what_they_score() -> None:
    with meta_init():
        network = zoo.build("fcn8s").eval()
    layers = {layer.name: layer for layer in summarize(network, (3, 203, 250), "fcn8s").layers}
    for path, jump in (("stage3.pool", 8), ("stage4.pool", 16), ("fc7.conv", 32)):
        assert layers[path].jump == (jump, jump)
        assert layers[path].start == ((jump - 1) / 2,) * 2


@pytest.mark.parametrize("skips", [0, 1, 2])
def test_upsampling_keeps_everything_in_its_place(skips: int) -> None:
    """Scores that name the pixel at their middle become a ramp, once for each volume."""
    height, width = 201, 173
    head = Scores([1] * (skips + 1), 1)
    ramps = list[Tensor]()
    for step in (32, 16, 8)[: skips + 1]:
        down, across = (torch.arange(-(-side // step)) * step for side in (height, width))
        ramps.append((1000.0 * down[:, None] + across + 1001 * (step - 1) / 2)[None, None])
    for score in head.scores:
        nn.init.ones_(score.weight)
        nn.init.zeros_(score.bias)
    y = head((height, width), *ramps)
    pixels = 1000.0 * torch.arange(height)[:, None] + torch.arange(width)
    assert y.shape == (1, 1, height, width)
    inside = (..., slice(40, 150), slice(40, 130))
    assert y[inside].allclose((skips + 1) * pixels[None, None][inside], rtol=1e-6)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(1)
    return zoo.build("fcn8s", channels=1, classes=4)


def test_the_first_scores_are_zero_and_only_they_learn_at_first(network: nn.Module) -> None:
    y = network.eval()(torch.randn(1, 1, 40, 33))
    assert not y.any()
    y.sum().backward()
    learning = {
        path for path, p in network.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert learning == {f"head.scores.{n}.{what}" for n in range(3) for what in ("weight", "bias")}
    network.zero_grad()


def test_every_weight_learns_once_scores_have_moved(network: nn.Module) -> None:
    for score in network.get_submodule("head.scores").children():
        nn.init.normal_(score.weight, std=0.1)
    network.eval()(torch.randn(1, 1, 66, 40)).square().mean().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path
    network.zero_grad()


def test_it_can_be_exported(network: nn.Module) -> None:
    x = torch.randn(2, 1, 40, 33)
    batch = torch.export.Dim("batch", min=1, max=8)
    program = torch.export.export(network.eval(), (x,), dynamic_shapes=({0: batch},))
    other = torch.randn(3, 1, 40, 33)
    assert program.module()(other).allclose(network(other), atol=1e-5)


def test_first_weights_have_the_variance_of_he(network: nn.Module) -> None:
    for path, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and not path.startswith("head"):
            measured = float(layer.weight.detach().std()) / (2 / layer.weight[0].numel()) ** 0.5
            assert abs(measured - 1) < 3 / layer.weight.numel() ** 0.5 + 0.01, path
            assert not layer.bias.any()


def test_in_the_middle_stands_what_vgg_says_of_the_whole_image() -> None:
    """With 7x7 places the middle one of fc6 sees them all, as torchvision's dense layers do."""
    models = peers.torchvision().models
    theirs = models.vgg16(weights=None, init_weights=False).eval()
    with meta_init():
        ours = zoo.build("fcn32s").eval()
    names = [name for name in ours.state_dict() if not name.startswith("head")]
    values = [value for name, value in theirs.state_dict().items() if "classifier.6" not in name]
    state = {
        name: value.reshape(ours.get_parameter(name).shape)
        for name, value in zip(names, values, strict=True)
    }
    ours.load_state_dict(state, strict=False, assign=True)
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        maps = x
        for name in ours.order:
            maps = ours.get_submodule(name)(maps)
        expected = theirs.classifier[:6](theirs.features(x).flatten(1))
    assert maps.shape == (1, 4096, 7, 7)
    assert float(expected.std()) > 1e-4
    scale = max(1.0, float(expected.abs().max()))
    assert float((maps[:, :, 3, 3] - expected).abs().max()) < 1e-5 * scale
