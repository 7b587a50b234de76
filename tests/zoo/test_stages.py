"""Networks split between their stages, and compute the same."""

from __future__ import annotations

import pytest
import torch

from striate import zoo
from striate.errors import OptionError
from striate.zoo.stages import count_stages, split_network, stage_names


@pytest.mark.parametrize(
    "name", ["resnet20", "lenet5", "googlenet_bn", "mobilenet_v3_small", "densenet121", "mlp"]
)
def test_the_rest_of_what_the_front_makes_is_what_the_network_makes(name: str):
    network = zoo.build(name).eval()
    images = torch.randn(2, *zoo.card(name).input)
    for count in range(1, len(stage_names(network))):
        front, rest = split_network(network, count)
        with torch.inference_mode():
            assert torch.equal(rest.eval()(front(images)), network(images))
        shared = {id(p) for p in front.parameters()} & {id(p) for p in rest.parameters()}
        assert not shared


def test_pooling_of_the_head_is_in_front_of_a_head_alone():
    network = zoo.build("mobilenet_v3_small").eval()
    front, rest = split_network(network, len(stage_names(network)) - 1)
    assert front(torch.zeros(1, 3, 224, 224)).shape == (1, 576)
    assert [name for name, _ in rest.head.named_children()] == ["wide", "act", "dropout", "dense"]


def test_dropout_is_not_in_front():
    network = zoo.build("squeezenet1_1")
    _, rest = split_network(network, len(stage_names(network)) - 1)
    assert next(iter(dict(rest.head.named_children()))) == "dropout"


@pytest.mark.parametrize("name", ["unet", "fcn:resnet20"])
def test_stages_that_do_not_run_in_order_are_not_split(name: str):
    network = zoo.build(name)
    assert split_network(network, 1) is None


def test_stages_are_counted_by_name_number_and_all():
    network = zoo.build("lenet5")
    counts = [count_stages(network, until, "freeze", "lenet5") for until in ("none", "2", "c5")]
    assert counts == [0, 2, 5]
    assert count_stages(network, "all", "freeze", "lenet5") == 6


def test_stages_without_weights_are_refused():
    network = zoo.build("mlp")
    with pytest.raises(OptionError) as caught:
        count_stages(network, "flatten", "freeze", "mlp")
    assert str(caught.value) == (
        "freeze flatten would change nothing: flatten of mlp has no weights; the stages "
        "of mlp are flatten, hidden1, hidden2"
    )
