"""EfficientNet-Lite: its volumes, the same function as timm's at any size of image."""

from __future__ import annotations

import pytest
import torch

from striate import zoo
from striate.errors import OptionError
from striate.zoo.pages import efficientnet_lite
from tests.zoo import pages, peers
from tests.zoo.test_zoo import on_meta

NUMBERS = (0, 1, 2)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_table_of_the_page_is_true(number: int) -> None:
    pages.assert_table(efficientnet_lite, f"lite{number}", f"efficientnet_lite{number}")


def test_timm_gives_the_same_logits_at_any_size() -> None:
    theirs = peers.timm().create_model("tf_efficientnet_lite0")
    images = (torch.randn(2, 3, *size) for size in ((64, 64), (33, 47), (5, 1)))
    pages.assert_twins(zoo.build("efficientnet_lite0"), theirs, *images)


@pytest.mark.parametrize(("number", "blocks"), [(0, 16), (1, 21), (2, 21)])
def test_depth_grows_but_for_the_first_and_the_last_stage(number: int, blocks: int) -> None:
    network = on_meta(f"efficientnet_lite{number}")
    depths = [len(stage) for name, stage in network.named_children() if name.startswith("stage")]
    assert sum(depths) == blocks
    assert depths[0] == depths[-1] == 1


def test_dropout_is_that_of_the_authors() -> None:
    rates = [on_meta(f"efficientnet_lite{number}").head.dropout.p for number in NUMBERS]
    assert rates == [0.2, 0.2, 0.3]


def test_a_member_has_no_width_to_choose() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.build("efficientnet_lite0", broad=0.5)
    assert "no argument of efficientnet_lite0 is called 'broad'" in str(caught.value)


def test_every_weight_learns() -> None:
    pages.assert_every_weight_learns("efficientnet_lite0", 33)


def test_it_can_be_exported() -> None:
    pages.assert_exports("efficientnet_lite0", 33)


def test_first_weights_have_the_variance_of_he() -> None:
    torch.manual_seed(0)
    pages.assert_first_weights(zoo.build("efficientnet_lite0"), "out")
