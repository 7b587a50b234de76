"""What good looks like, on any classifier: cosines of patches with directions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from striate import zoo
from striate.errors import OptionError
from striate.layers import meta_init
from striate.zoo.stages import split_network, stage_names
from tests.zoo.test_zoo import CARDS

CLASSIFIERS = [
    name
    for name, card in CARDS.items()
    if card.output == "logits" and card.input_kind == "image" and not card.needs_size
]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_becomes_one(name: str):
    card = zoo.card(f"patches:{name}")
    assert (card.output, card.smallest) == ("patches", CARDS[name].smallest)
    with meta_init():
        network = zoo.build(f"patches:{name}", channels=3, classes=5).eval()
        side = max(64, card.smallest) if card.any_size else card.input[1]
        found = network(torch.empty(2, 3, side, side))
    assert found.shape[:2] == (2, 5)
    assert found.ndim == 4
    assert stage_names(network)[-1] == "head"


def test_outputs_are_the_cosines_of_each_patch():
    network = zoo.build("patches:resnet20", classes=3).eval()
    images = torch.rand(2, 3, 32, 32)
    parts = split_network(network, len(stage_names(network)) - 1)
    assert parts is not None
    below = parts[0](images)
    kernels = network.get_parameter("head.weight")
    found = F.cosine_similarity(below[:, None], kernels[None, :, :, None, None], dim=2)
    torch.testing.assert_close(network(images), found)


def test_a_network_without_places_has_one_patch():
    assert zoo.build("patches:lenet5", classes=7)(torch.rand(2, 1, 32, 32)).shape == (2, 7, 1, 1)


def test_other_networks_are_refused():
    with pytest.raises(OptionError) as caught:
        zoo.card("patches:unet")
    assert str(caught.value) == (
        "patches:unet needs a classifier of images that is built without their size, which unet is "
        "not; choose another, as in patches:resnet18"
    )
