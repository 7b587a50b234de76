"""Class maps equal their definitions, cost little more than a pass, and leave nothing behind."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.look.class_maps import enlarge, make_class_maps
from striate.look.map_layer import MapLayer, find_map_layer
from striate.tasks import bind_task
from tests.look.networks import Shared
from tests.zoo import peers

TASK = bind_task(None, TargetSpec("label", tuple("abcdefghij"), {}))


@pytest.fixture
def resnet() -> nn.Module:
    torch.manual_seed(0)
    return zoo.build("resnet20", channels=3, classes=10).eval()


def images(n: int, side: int = 32) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(n))


def found_layer(network: nn.Module, side: int = 32, name: str | None = None) -> MapLayer:
    layer = find_map_layer(network, images(1, side), name)
    assert layer is not None
    return layer


def by_hand(network: nn.Module, image: Tensor, layer: str, column: int) -> np.ndarray:
    """Grad-CAM of one image without its max(0, map), straight from the paper."""
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        output.retain_grad()
        kept.append(output)
        return output.clone()

    handle = network.get_submodule(layer).register_forward_hook(keep)
    network(image)[0, column].backward()
    handle.remove()
    maps = kept[-1]
    assert maps.grad is not None
    return (maps.grad.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)[0].detach().numpy()


@pytest.mark.parametrize("name", ["stage2", "stage3"])
def test_grad_cam_is_the_paper_s(resnet: nn.Module, name: str):
    layer, x = replace(found_layer(resnet, name=name), head=None), images(3)
    found = make_class_maps(resnet, x, TASK, layer, 4, batch=2)
    for row in range(3):
        expected = by_hand(resnet, x[row : row + 1], name, 4)
        np.testing.assert_allclose(found.maps[row], expected, rtol=1e-4, atol=1e-6)


def test_cam_is_grad_cam_times_the_places(resnet: nn.Module):
    layer, x = found_layer(resnet), images(4)
    assert (layer.name, layer.method) == ("stage3", "CAM")
    cam = make_class_maps(resnet, x, TASK, layer)
    grad = make_class_maps(resnet, x, TASK, replace(layer, head=None))
    np.testing.assert_allclose(cam.maps, grad.maps * 64, rtol=1e-4, atol=1e-5)


def test_the_mean_of_a_cam_and_the_bias_is_the_logit(resnet: nn.Module):
    layer, x = found_layer(resnet), images(2)
    assert layer.head is not None
    found = make_class_maps(resnet, x, TASK, layer, np.array([1, 7]))
    logits = resnet(x).detach()[torch.arange(2), [1, 7]]
    bias = layer.head.bias.detach()[[1, 7]]
    np.testing.assert_allclose(found.maps.mean((1, 2)), (logits - bias).numpy(), atol=1e-4)


def test_the_answer_is_explained_unless_another_class_is_asked_for(resnet: nn.Module):
    x = images(3)
    found = make_class_maps(resnet, x, TASK, found_layer(resnet))
    rated, columns = resnet(x).softmax(dim=1).max(dim=1)
    assert found.columns.tolist() == columns.tolist()
    np.testing.assert_allclose(found.rated, rated.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("network", "side", "expected"),
    [
        ("lenet5", 32, "Grad-CAM at layer s4"),
        ("mobilenet_v2", 64, "CAM at layer last"),
        ("resnet18", 64, "CAM at layer stage4"),
    ],
)
def test_the_layer_is_the_last_with_places(network: str, side: int, expected: str):
    made = zoo.build(network, channels=3, classes=10).eval()
    assert str(found_layer(made, side)) == expected


def test_a_network_of_timm_has_a_layer_with_places():
    peers.timm()
    network = zoo.build("timm:resnet18", channels=3, classes=10).eval()
    assert str(found_layer(network, 64)) == "CAM at layer layer4"


def test_a_network_without_places_has_no_layer():
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 10))
    assert find_map_layer(dense, images(1, 8)) is None


def test_of_a_layer_that_is_called_twice_the_last_call_is_explained():
    network, x = Shared().eval(), images(2, 8)
    layer = found_layer(network, 8)
    assert str(layer) == "Grad-CAM at layer conv, the last of 2 calls"
    found = make_class_maps(network, x, TASK, layer, 1)
    expected = by_hand(network, x[:1], "conv", 1)
    np.testing.assert_allclose(found.maps[0], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.filterwarnings("ignore")  # what torch.compile imports speaks of its past
def test_compiled_channels_last_and_half_precision_give_the_same_maps(resnet: nn.Module):
    x, layer = images(2), replace(found_layer(resnet), head=None)
    expected = make_class_maps(resnet, x, TASK, layer, 0).maps
    compiled = torch.compile(resnet)
    last = resnet.to(memory_format=torch.channels_last)
    for network in (compiled, last):
        found = make_class_maps(network, x, TASK, layer, 0).maps
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    half = resnet.bfloat16()
    layer = find_map_layer(half, x[:1].bfloat16())
    assert layer is not None
    assert layer.method == "CAM"
    found = make_class_maps(half, x.bfloat16(), TASK, replace(layer, head=None), 0).maps
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


def test_maps_can_be_made_in_inference_mode(resnet: nn.Module):
    x, layer = images(1), replace(found_layer(resnet), head=None)
    expected = make_class_maps(resnet, x, TASK, layer, 0).maps
    with torch.inference_mode():
        assert np.array_equal(make_class_maps(resnet, x, TASK, layer, 0).maps, expected)


def test_a_map_of_a_mask_explains_the_logits_of_the_pixels_of_a_class():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 3, 1)).eval()
    task, x = bind_task(None, TargetSpec("mask", ("sky", "road", "car"), {})), images(2, 8)
    found = make_class_maps(network, x, task, found_layer(network, 8), 1)
    maps = network[1](network[0](x))
    share = (network(x).argmax(dim=1) == 1).float().mean(dim=(1, 2))  # that the gradient reaches
    weights = network[2].weight[1, :, 0, 0] * share[:, None]
    expected = torch.einsum("nc,nchw->nhw", weights, maps).detach().numpy()
    np.testing.assert_allclose(found.maps, expected, rtol=1e-4, atol=1e-6)


def test_a_map_of_a_number_explains_its_output():
    network = zoo.build("resnet20", channels=3, classes=2).eval()
    constants = {"mean": (10.0, 5.0), "std": (2.0, 3.0), "median": (10.0, 5.0)}
    task, x = bind_task(None, TargetSpec("numbers", ("age", "size"), constants)), images(2)
    found = make_class_maps(network, x, task, found_layer(network))
    assert found.columns.tolist() == [0, 0]
    np.testing.assert_allclose(found.rated, network(x)[:, 0].detach() * 2 + 10, rtol=1e-4)


def test_what_is_not_finite_is_marked(resnet: nn.Module):
    x = images(3)
    x[1, 0, 0, 0] = float("nan")
    found = make_class_maps(resnet, x, TASK, found_layer(resnet))
    assert found.finite.tolist() == [True, False, True]


def test_an_unknown_layer_is_answered_with_the_nearest(resnet: nn.Module):
    with pytest.raises(OptionError) as error:
        find_map_layer(resnet, images(1), "stage4")
    assert str(error.value) == (
        "no layer is called 'stage4'; did you mean 'stage3', 'stage2' or 'stage1'?"
    )


def test_a_layer_without_places_is_refused(resnet: nn.Module):
    with pytest.raises(OptionError) as error:
        find_map_layer(resnet, images(1), "head")
    assert str(error.value) == (
        "a class map needs a layer with maps (N, C, h, w) of more than one place, but head gives "
        "(1, 10); name a convolution or what follows it"
    )


class Failing(nn.Module):
    def forward(self, _x: Tensor) -> Tensor:
        raise RuntimeError


def live_tensors() -> int:
    gc.collect()
    return sum(issubclass(type(each), Tensor) for each in gc.get_objects())


def hooks(network: nn.Module) -> int:
    return sum(len(each._forward_hooks) for each in network.modules())


@pytest.mark.parametrize("fails", [False, True])
def test_a_thousand_maps_leave_nothing_behind(fails: bool):
    network, x = Shared().eval(), images(50, 8)
    layer = found_layer(network, 8)
    if fails:
        network.head[2] = Failing()

    def many(times: int) -> None:
        for _ in range(times):
            try:
                make_class_maps(network, x, TASK, layer, 0)
            except RuntimeError:
                assert fails

    many(1)
    before = live_tensors()
    many(20)
    assert live_tensors() == before
    assert hooks(network) == 0
    assert torch.is_grad_enabled()
    assert all(each.grad is None for each in network.parameters())


def test_only_what_follows_the_layer_is_differentiated(resnet: nn.Module):
    """The graph of gradients ends at the layer, so what is before it needs no gradient at all."""
    seen: list[bool] = []

    def note(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append(output.requires_grad)

    for stage in (resnet.stage1, resnet.stage2, resnet.head):
        stage.register_forward_hook(note)
    layer = replace(found_layer(resnet), head=None)
    seen.clear()
    make_class_maps(resnet, images(1), TASK, layer, 0)
    assert seen == [False, False, True]


def test_a_map_is_enlarged_between_the_centers_of_its_cells():
    grown = enlarge(np.array([[[0.0, 1.0]]], np.float32), (1, 4))
    np.testing.assert_allclose(grown, [[[0, 0.25, 0.75, 1]]])
