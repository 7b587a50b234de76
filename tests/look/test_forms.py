"""Networks of timm and in every form are drawn, and left without hooks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from striate import zoo
from striate.errors import OptionError
from striate.look.channels import silenced
from striate.look.class_maps import make_class_maps
from striate.look.feature_maps import read_maps
from striate.look.field import find_field
from striate.look.kinds import KINDS, Subject
from striate.look.layers import channels_first, has_channels_last
from striate.look.map_layer import find_map_layer
from tests.look.networks import Shared, make_model
from tests.zoo import peers

FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "channels last": lambda network: network.to(memory_format=torch.channels_last),
    "bfloat16": lambda network: network.bfloat16(),
    "half": lambda network: network.half(),
    "compiled": torch.compile,
}
KINDS_OF_AN_IMAGE = ("filters", "maps", "field", "classes")


def hooks(network: nn.Module) -> int:
    every = network.modules()
    return sum(len(one._forward_hooks) + len(one._forward_pre_hooks) for one in every)


def swin() -> nn.Module:
    return peers.timm().create_model(
        "swin_tiny_patch4_window7_224", num_classes=2, img_size=32, window_size=2, depths=(1, 1)
    )


def draw(network: nn.Module, kind: str, side: int = 32, channel: int | None = None) -> list[str]:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    subject = Subject(make_model(network, side), pixels, "x.png", None, channel)
    return [item[0] for item in KINDS[kind](subject) if isinstance(item, tuple)]


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS_OF_AN_IMAGE)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", [Shared, lambda: zoo.build("lenet5", channels=3, classes=2)])
def test_a_network_is_drawn_in_every_form(make: Callable[[], nn.Module], form: str, kind: str):
    network = FORMS[form](make())
    assert draw(network, kind, 8 if make is Shared else 32)
    assert hooks(network) == 0


@pytest.mark.parametrize("kind", KINDS_OF_AN_IMAGE)
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "convnext_atto"])
def test_a_network_of_timm_is_drawn(name: str, kind: str):
    network = peers.timm().create_model(name, num_classes=2)
    assert draw(network, kind)
    assert hooks(network) == 0


def test_maps_with_channels_last_are_drawn_by_channel():
    torch.manual_seed(0)
    network, image = swin().eval(), torch.randn(1, 3, 32, 32)
    (maps,) = read_maps(network, image, ("patch_embed",))["patch_embed"]
    with torch.no_grad():
        expected = network.patch_embed(image)[0].permute(2, 0, 1)
    assert maps.shape == (96, 8, 8)
    assert np.array_equal(maps, expected.numpy())
    field = find_field(network, (3, 32, 32), "patch_embed", (1, 7))
    assert (field.rows, field.columns) == ((4, 8), (28, 32))


def test_a_class_map_of_channels_last_is_at_places_and_not_of_attention():
    torch.manual_seed(0)
    network, image = swin().eval(), torch.randn(2, 3, 32, 32)
    layer = find_map_layer(network, image[:1])
    assert layer is not None
    assert (layer.name, layer.method) == ("norm", "CAM")
    found = make_class_maps(network, image, make_model(network).task, layer, 1)
    with torch.no_grad():
        maps = network.forward_features(image)
    weight = network.head.fc.weight[1]
    assert np.allclose(found.maps, (maps @ weight).detach().numpy(), atol=1e-5)


def test_attention_is_no_layer_with_places():
    network = peers.timm().create_model("vit_tiny_patch16_224", num_classes=2, img_size=64)
    for block in network.blocks:
        block.attn.fused_attn = False
    layer = find_map_layer(network.eval(), torch.randn(1, 3, 64, 64))
    assert layer is not None
    assert layer.name == "patch_embed.proj"


def test_a_silenced_channel_is_that_of_channels_last_too():
    network, image = swin().eval(), torch.randn(1, 3, 32, 32)
    with silenced(network, "patch_embed", 5, 7.0), torch.no_grad():
        maps = network.patch_embed(image)
    assert bool((maps[..., 5] == 7).all())
    assert not bool((maps[..., 6] == 7).any())


def test_of_layers_that_are_not_named_those_without_a_known_field_are_left_out():
    assert draw(swin(), "field") == ["field-patch_embed"]


def test_a_channel_has_no_field_of_its_own():
    with pytest.raises(OptionError) as caught:
        draw(zoo.build("lenet5", channels=3, classes=2), "field", channel=0)
    assert str(caught.value) == "all channels of a layer have the same field; leave out --channel"


@pytest.mark.parametrize(
    ("shape", "sides", "last"),
    [
        ((96, 8, 8), (32, 32), False),
        ((8, 8, 96), (32, 32), True),
        ((8, 8, 8), (32, 32), False),
        ((16, 12, 96), (64, 48), True),
        ((96, 16, 12), (64, 48), False),
        ((3, 17, 64), (32, 32), False),
        ((768, 1, 1), (32, 32), False),
    ],
)
def test_channels_last_are_told_by_the_sides_of_the_image(
    shape: tuple[int, ...], sides: tuple[int, int], last: bool
):
    assert has_channels_last(shape, sides) == last
    output = torch.randn(1, *shape)
    assert channels_first(output, sides).shape[1] == shape[2 if last else 0]
