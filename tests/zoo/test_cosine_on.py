"""Embeddings on any classifier: cosines with a direction for each class, then the embedding."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate import zoo
from striate.errors import OptionError
from striate.layers import meta_init
from striate.zoo.stages import stage_names
from tests.zoo import peers
from tests.zoo.test_zoo import CARDS

CLASSIFIERS = [
    name for name, card in CARDS.items() if card.output == "logits" and not card.needs_size
]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_becomes_one(name: str):
    card = zoo.card(f"cosine:{name}")
    assert (card.output, card.smallest) == ("cosines", CARDS[name].smallest)
    with meta_init():
        network = zoo.build(f"cosine:{name}(embedding=24)", channels=3, classes=5).eval()
        side = max(64, card.smallest) if card.any_size else card.input[1]
        sides = (side, side) if card.input_kind == "image" else (card.input[1],)
        assert network(torch.empty(2, 3, *sides)).shape == (2, 29)
    assert stage_names(network)[-1] == "head"
    assert "head.cosines.weight" in network.state_dict()


def test_a_network_of_timm_becomes_one():
    peers.timm()
    network = zoo.build("cosine:timm:test_resnet", channels=1, classes=4).eval()
    assert network(torch.rand(2, 1, 64, 64)).shape == (2, 4 + 64)


def test_outputs_are_cosines_and_the_direction_before_them():
    network = zoo.build("cosine:lenet5(embedding=8)", classes=3).eval()
    images = torch.rand(4, 1, 32, 32)
    outputs = network(images)
    directions = network.get_parameter("head.cosines.weight")
    network.set_submodule("head.cosines", nn.Identity())
    before = network(images)
    torch.testing.assert_close(outputs[:, 3:], F.normalize(before, dim=1))
    cosines = F.cosine_similarity(before[:, None], directions[None], dim=2)
    torch.testing.assert_close(outputs[:, :3], cosines)


def test_auxiliary_heads_are_left_out():
    network = zoo.build("cosine:googlenet_bn", classes=3)
    assert "auxiliary" not in dict(network.named_children())


@pytest.mark.parametrize("name", ["unet", "locally_connected"])
def test_other_networks_are_refused(name: str):
    with pytest.raises(OptionError) as caught:
        zoo.card(f"cosine:{name}")
    assert str(caught.value) == (
        f"cosine:{name} needs a classifier that is built without the size of images, which {name} "
        "is not; choose another, as in cosine:resnet18"
    )


def test_an_embedding_has_at_least_one_number():
    with pytest.raises(OptionError) as caught:
        zoo.build("cosine:lenet5(embedding=0)")
    assert str(caught.value) == ("cosine:lenet5: embedding must be from 1 to 1,000,000, but 0 came")
