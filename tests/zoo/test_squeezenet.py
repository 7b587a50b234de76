"""SqueezeNet: the paper's volumes and counts, and the same function as torchvision's."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from striate import zoo
from striate.zoo.pages import squeezenet
from tests.zoo import pages
from tests.zoo.test_zoo import on_meta, params

NAMES = {"1.0": "squeezenet1_0", "1.1": "squeezenet1_1"}


@pytest.mark.parametrize("version", NAMES)
def test_the_table_of_the_page_is_true(version: str) -> None:
    pages.assert_table(squeezenet, version, NAMES[version])


def test_parameters_are_those_of_table_1() -> None:
    network = on_meta("squeezenet1_0")
    fires = {
        path.partition(".")[2]: params(module)
        for path, module in network.named_modules()
        if isinstance(module, squeezenet.Fire)
    }
    assert fires == {
        "fire2": 11_920, "fire3": 12_432, "fire4": 45_344, "fire5": 49_440,
        "fire6": 104_880, "fire7": 111_024, "fire8": 188_992, "fire9": 197_184,
    }  # fmt: skip
    assert params(network[0]), params(network[-1]) == (14_208, 513_000)


def test_a_fire_squeezes_and_expands_with_two_windows_side_by_side() -> None:
    torch.manual_seed(2)
    fire, x = squeezenet.Fire(3, 2, 4), torch.randn(2, 3, 5, 6)
    narrow = F.conv2d(x, fire.squeeze.weight, fire.squeeze.bias).clamp(min=0)
    one = F.conv2d(narrow, fire.expand1.weight, fire.expand1.bias)
    three = F.conv2d(narrow, fire.expand3.weight, fire.expand3.bias, padding=1)
    assert fire(x).allclose(torch.cat((one, three), dim=1).clamp(min=0), atol=1e-6)
    assert torch.autograd.gradcheck(fire.double(), x.double().requires_grad_())


def test_first_weights_are_those_the_page_says() -> None:
    torch.manual_seed(0)
    network = zoo.build("squeezenet1_0")
    pages.assert_first_weights(network[:-1], "in")
    assert abs(float(network.head.conv.weight.detach().std()) - 0.01) < 1e-4
    assert not any(p.any() for path, p in network.named_parameters() if path.endswith("bias"))


@pytest.mark.parametrize("name", NAMES.values())
def test_every_weight_learns(name: str) -> None:
    pages.assert_every_weight_learns(name, 33)


@pytest.mark.parametrize("name", NAMES.values())
def test_it_can_be_exported(name: str) -> None:
    pages.assert_exports(name, 33)
