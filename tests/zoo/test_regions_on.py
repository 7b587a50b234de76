"""Detectors on the stages of any network: boxes in their places, for images of any size."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from striate import zoo
from striate.errors import OptionError
from striate.layers import find_overlaps, meta_init
from striate.summary import Summary, summarize
from striate.zoo.regions_on import Detections, Detector, Proposals
from tests.zoo.test_fcn_on import CLASSIFIERS, OTHERS
from tests.zoo.test_zoo import empty

every = pytest.mark.parametrize("name", CLASSIFIERS)


@cache
def on_meta(name: str) -> nn.Module:
    with meta_init():
        return zoo.build(f"regions:{name}", channels=3, classes=5).eval()


@cache
def summary(name: str) -> Summary:
    return summarize(on_meta(name), (3, 192, 192), name)


@every
def test_each_region_has_classes_and_a_better_box(name: str) -> None:
    found: Detections = on_meta(name)(empty(2, 3, 96, 100))
    anchors = len(found.anchors)
    assert anchors % 15 == 0
    assert found.objectness.shape == (2, anchors)
    assert found.shifts.shape == (2, anchors, 4)
    assert found.proposals.shape == found.moves.shape == (2, min(100, anchors), 4)
    assert found.logits.shape == (2, min(100, anchors), 6)  # background is the last
    assert found.size == (96, 100)


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
    [("resnet18", (32, 16, 8)), ("resnet20", (4,)), ("squeezenet1_1", (16, 8))],
)
def test_strides_of_8_and_more_are_read(name: str, strides: tuple[int, ...]) -> None:
    rows = {layer.name: layer for layer in summary(name).layers}
    jumps = [rows[f"head.neck.entries.{number}"].jump for number in range(len(strides))]
    assert jumps == [(stride, stride) for stride in strides]
    assert f"head.neck.entries.{len(strides)}" not in rows


def seeded(name: str = "regions:resnet18", **arguments: object) -> nn.Module:
    torch.manual_seed(0)
    return zoo.build(name, channels=3, classes=4, **arguments).eval()


@pytest.mark.parametrize("align", [True, False])
def test_an_object_is_pooled_where_it_lies(align: bool) -> None:
    """A map that tells where its units look gives each region the place of its own middle."""
    head = seeded(align=align).get_submodule("head")
    assert isinstance(head, Detector)
    places = torch.arange(20.0) * 8  # of unit i: resnet18's first one is centered on pixel 0
    x = places.expand(1, 1, 20, 20)
    cells = head.cut(x, torch.tensor([[[24.0, 40, 80, 96]]]))
    assert cells.shape == (1, 1, 7, 7)
    edges = torch.linspace(24, 80, 8)
    middles = (edges[1:] + edges[:-1]) / 2 - 0.5  # in numbers of pixels
    assert (cells[0, 0, 0] - middles).abs().max() <= (1e-4 if align else 8)


def test_anchors_are_centered_on_the_units_of_the_map() -> None:
    layer = Proposals(stride=8, start=0, most=10)
    anchors = layer.anchors(torch.zeros(1, 128, 3, 4)).view(3, 4, 15, 4)
    centers = (anchors[..., :2] + anchors[..., 2:]) / 2
    assert centers[2, 1].unique(dim=0).tolist() == [[8.5, 16.5]]  # column 1, row 2
    sizes = (anchors[0, 0, :, 2:] - anchors[0, 0, :, :2]).prod(1).sqrt()
    assert sizes.tolist() == pytest.approx([16] * 3 + [32] * 3 + [64] * 3 + [128] * 3 + [256] * 3)


def test_proposals_lie_in_the_image_and_apart_the_most_likely_first() -> None:
    layer = Proposals(stride=8, start=0, most=10)
    anchors = layer.anchors(torch.zeros(1, 128, 8, 8))
    torch.manual_seed(0)
    objectness = torch.randn(2, len(anchors))
    found = layer.propose(anchors, objectness, torch.randn(2, len(anchors), 4) / 9, (60, 50))
    assert found.shape == (2, 10, 4)
    assert found.min() >= 0
    assert found[..., [0, 2]].max() <= 50
    assert found[..., [1, 3]].max() <= 60
    apart = find_overlaps(found, found) - torch.eye(10)
    assert apart.max() <= 0.7


def test_an_image_is_the_same_alone_and_in_a_batch() -> None:
    network, images = seeded(), torch.rand(2, 3, 64, 96)
    together: Detections = network(images)
    alone: Detections = network(images[1:])
    torch.testing.assert_close(alone.proposals[0], together.proposals[1], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(alone.logits[0], together.logits[1], rtol=1e-3, atol=1e-4)


def test_every_weight_has_a_gradient() -> None:
    network = seeded().train()
    found: Detections = network(torch.rand(2, 3, 64, 64))
    parts: list[Tensor] = [found.objectness, found.shifts, found.logits, found.moves]
    sum(part.square().mean() for part in parts).backward()  # pyright: ignore
    assert [name for name, each in network.named_parameters() if each.grad is None] == []


def test_regions_that_look_almost_alike_are_told_apart() -> None:
    """No unit is dead, that is 0 for each region, though they differ by a hundredth."""
    regions = seeded().train().get_submodule("head.regions")
    cells = torch.rand(128, 7, 7) + torch.rand(50, 128, 7, 7) / 100
    alive = (regions(cells) > 0).any(dim=0)
    assert alive.all()


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_are_refused(name: str) -> None:
    with pytest.raises(OptionError) as e:
        zoo.card(f"regions:{name}")
    assert str(e.value) == (
        f"regions:{name} needs a classifier for images of any size, which {name} is not; choose "
        "another, as in regions:resnet18"
    )


def test_arguments_of_the_head_and_of_the_network_stand_in_the_name() -> None:
    with meta_init():
        network = zoo.build("regions:mobilenet_v1(width=0.25, proposals=7)", classes=2)
    found: Detections = network.eval()(empty(1, 3, 64, 64))
    assert found.proposals.shape == (1, 7, 4)
    with pytest.raises(OptionError) as e:
        zoo.build("regions:resnet18(proposals=3000)")
    assert str(e.value) == "proposals must be from 2 to 2,000, but 3000 came"
