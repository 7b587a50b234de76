"""FCNs on the stages of any network: scores in their places, for images of any size."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from striate import zoo
from striate.errors import OptionError
from striate.layers import meta_init
from striate.summary import Summary, summarize
from striate.zoo.fcn_on import Upsampling
from striate.zoo.spec import NetworkSpec
from tests.zoo import peers
from tests.zoo.test_zoo import CARDS, empty

CLASSIFIERS = [
    name
    for name, card in CARDS.items()
    if card.output == "logits" and card.input_kind == "image"
    if card.any_size and not card.needs_size
]
OTHERS = [name for name in CARDS if name not in CLASSIFIERS]
#: those with squeeze and excitation, where a unit sees the whole image
SEEING_ALL = {"mobilenet_v3_small", "mobilenet_v3_large"}

every = pytest.mark.parametrize("name", CLASSIFIERS)


@cache
def on_meta(name: str) -> nn.Module:
    with meta_init():
        return zoo.build(f"fcn:{name}", channels=3, classes=5).eval()


@cache
def summary(name: str) -> Summary:
    return summarize(on_meta(name), (3, 192, 192), name)


@every
@pytest.mark.parametrize("size", [(1, 1), (65, 33), (96, 100)])
def test_the_map_is_as_large_as_the_image(name: str, size: tuple[int, int]) -> None:
    assert on_meta(name)(empty(2, 3, *size)).shape == (2, 5, *size)


@every
def test_the_map_lies_on_the_image(name: str) -> None:
    """Pixel 0 of the map is centered on pixel 0 of the image, through every layer of scores."""
    last = summary(name).layers[-1]
    if name not in SEEING_ALL:
        assert (last.jump, last.start) == ((1, 1), (0, 0))


@every
def test_its_children_are_stages_of_the_network_and_a_head(name: str) -> None:
    with meta_init():
        whole = [child for child, _ in zoo.build(name).named_children() if child != "auxiliary"]
    kept = [child for child, _ in on_meta(name).named_children()]
    assert kept[-1] == "head"
    assert kept[:-1] == whole[: len(kept) - 1]
    assert summary(name).unused == ()


@pytest.mark.parametrize(
    ("name", "strides"),
    [("resnet18", (32, 16, 8)), ("resnet20", (4, 2, 1)), ("squeezenet1_1", (16, 8, 4))],
)
def test_the_three_coarsest_strides_are_scored(name: str, strides: tuple[int, ...]) -> None:
    rows = {layer.name: layer for layer in summary(name).layers}
    jumps = [rows[f"head.scores.{number}"].jump for number in range(3)]
    assert jumps == [(stride, stride) for stride in strides]
    assert "head.scores.3" not in rows


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_classifier_for_any_size_is_refused(name: str) -> None:
    for ask in (zoo.card, zoo.build, NetworkSpec.of):
        with pytest.raises(OptionError) as caught:
            ask(f"fcn:{name}")
        assert str(caught.value) == (
            f"fcn:{name} needs a classifier for images of any size, which {name} is not; "
            "choose another, as in fcn:resnet18"
        )


def test_a_network_whose_children_do_not_run_in_order_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.fcn_on.fcn_on(nn.Bilinear(1, 1, 1))
    assert str(caught.value) == "Bilinear has no stages that run one by one"


def test_an_unknown_network_is_corrected() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build("fcn:resnet17")
    assert str(caught.value).startswith("no network is called 'resnet17'; did you mean 'resnet18'")


def test_the_card_says_what_it_gives() -> None:
    card = zoo.card("fcn:vgg16")
    assert (card.name, card.output, card.input, card.classes) == (
        *("fcn:vgg16", "map", (3, 224, 224), 21),
    )
    assert card.learning_rate == CARDS["vgg16"].learning_rate
    assert card.size_error(1) == ""
    with meta_init():
        assert card.builder(classes=3)(empty(1, 3, 40, 50)).shape == (1, 3, 40, 50)


@pytest.mark.parametrize("name", ["fcn:resnet20", "fcn:mobilenet_v1(width=0.25)"])
def test_a_recorded_name_builds_the_same_network(name: str) -> None:
    spec = NetworkSpec.of(name)
    assert spec.record() == {"network": name}
    assert spec.ours
    network = spec.build(channels=1, classes=4, size=48)
    with meta_init():
        again = NetworkSpec.recorded(name, None).build(channels=1, classes=4, size=48).eval()
    again.load_state_dict(shaken(network).state_dict(), assign=True)
    x = torch.randn(1, 1, 21, 30)
    assert again(x).equal(network(x))


def test_arguments_of_its_network_may_stand_in_the_name() -> None:
    with meta_init():
        narrow = zoo.build("fcn:mobilenet_v1(width=0.25)").get_parameter("stem.conv.weight")
        few = zoo.build("fcn:resnet20(classes=3)").get_parameter("head.scores.0.weight")
    assert len(narrow) == 8
    assert len(few) == 3
    with pytest.raises(OptionError) as caught:
        zoo.build("fcn:resnet20(width=2)")
    assert str(caught.value).startswith("no argument of resnet20 is called 'width'")
    with pytest.raises(OptionError) as caught:
        zoo.build("fcn:resnet20(classes=3)", classes=4)
    assert str(caught.value) == "fcn:resnet20: classes was given twice"


def test_its_stages_take_the_weights_of_the_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    state = peers.shaken(zoo.build("resnet20")).state_dict()
    save_file(state, path)
    network = zoo.build("fcn:resnet20", classes=3, weights=path)
    for name, tensor in network.state_dict().items():
        if not name.startswith("head"):
            assert tensor.equal(state[name])


def shaken(network: nn.Module) -> nn.Module:
    """The network in evaluation mode with scores that are not zero."""
    torch.manual_seed(3)
    for score in network.get_submodule("head.scores").children():
        nn.init.normal_(score.get_parameter("weight"), std=0.1)
    return network.eval()


def test_the_first_scores_are_zero_and_learn() -> None:
    network = zoo.build("fcn:resnet20", classes=3)
    x = torch.randn(2, 3, 30, 17)
    y = network(x)
    assert not y.any()
    y.sum().backward()
    learning = {
        path for path, p in network.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert learning == {f"head.scores.{n}.{what}" for n in range(3) for what in ("weight", "bias")}


@pytest.mark.parametrize("name", ["resnet20", "vgg11_bn", "squeezenet1_1"])
def test_every_weight_learns_once_scores_have_moved(name: str) -> None:
    network = shaken(zoo.build(f"fcn:{name}", classes=3)).train()
    network(torch.randn(2, 3, 70, 40)).square().mean().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        assert parameter.grad.any(), path


def test_scores_of_all_strides_are_added_up_to_the_edges() -> None:
    network = zoo.build("fcn:resnet20", classes=2).eval()
    for number, value in enumerate((1.0, 10.0, 100.0)):
        nn.init.constant_(network.get_parameter(f"head.scores.{number}.bias"), value)
    assert network(torch.randn(1, 3, 13, 22)).equal(torch.full((1, 2, 13, 22), 111.0))


def test_it_can_be_exported() -> None:
    network = shaken(zoo.build("fcn:resnet20", classes=3))
    batch = torch.export.Dim("batch", min=1, max=8)
    x, other = torch.randn(2, 3, 40, 33), torch.randn(3, 3, 40, 33)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: batch},))
    assert program.module()(other).allclose(network(other), atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
def test_upsampling_is_that_of_torch_in_its_two_places(factor: int) -> None:
    x = torch.randn(2, 3, 5, 4)
    middle = Upsampling(factor, (factor - 1) / 2)(x, (5 * factor, 4 * factor))
    theirs = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    assert middle.allclose(theirs, atol=1e-6)
    size = (4 * factor + 1, 3 * factor + 1)
    corners = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
    assert Upsampling(factor, 0.0)(x, size).allclose(corners, atol=1e-6)


@pytest.mark.parametrize("first", [-0.5, 0, 0.25, 3.5, 5.0, 13.0])
@pytest.mark.parametrize("factor", [1, 2, 8])
def test_a_ramp_stays_in_its_place_and_its_ends_extend(factor: int, first: float) -> None:
    """Units that say where they lie, between them their means, and beyond them the last of them."""
    height, width = 6, 9
    down, across = (first + factor * torch.arange(count) for count in (height, width))
    ramp: Tensor = (100.0 * down[:, None] + across)[None, None]
    size = (60, 85)
    rows = torch.arange(60.0).clamp(down[0], down[-1])
    columns = torch.arange(85.0).clamp(across[0], across[-1])
    expected = 100 * rows[:, None] + columns
    assert Upsampling(factor, first)(ramp, size)[0, 0].allclose(expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", ["test_resnet", "mobilenetv2_035", "resnetv2_18", "selecsls42b"])
def test_a_network_of_timm_gives_its_stages(name: str) -> None:
    peers.timm()
    network = zoo.build(f"fcn:timm:{name}", channels=1, classes=3).eval()
    assert [child for child, _ in network.named_children()] == ["body", "head"]
    assert len(list(network.get_submodule("head.scores").children())) == 3
    for size in ((1, 1), (65, 33), (97, 100)):
        assert network(torch.zeros(2, 1, *size)).shape == (2, 3, *size)
    shaken(network).train()(torch.randn(2, 1, 70, 40)).square().mean().backward()
    assert [path for path, p in network.named_parameters() if p.grad is None] == []


def test_a_network_of_timm_gives_the_maps_that_timm_gives() -> None:
    timm = peers.timm()
    theirs: Any = peers.shaken(timm.create_model("test_resnet"))
    network = zoo.build("fcn:timm:test_resnet").eval()
    network.get_submodule("body").load_state_dict(theirs.state_dict(), strict=False)
    heard = list[Tensor]()
    for score in network.get_submodule("head.scores").children():
        score.register_forward_pre_hook(lambda _score, inputs: heard.append(inputs[0]))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        network(x)
        maps: list[Tensor] = theirs.forward_intermediates(x, intermediates_only=True)
    assert [one.shape[1] for one in heard] == [96, 192, 48]
    assert all(one.equal(two) for one, two in zip(heard, maps[:1:-1], strict=True))


def test_a_network_of_timm_of_one_size_is_refused() -> None:
    peers.timm()
    with pytest.raises(OptionError) as caught:
        zoo.card("fcn:timm:test_vit")
    assert str(caught.value) == (
        "fcn:timm:test_vit needs a classifier for images of any size, which timm:test_vit is not; "
        "choose another, as in fcn:resnet18"
    )
