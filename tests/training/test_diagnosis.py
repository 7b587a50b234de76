"""The first layer whose numbers are not finite is named, with the likely cause."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from striate.training.health import Cause, diagnose

IMAGES = torch.ones(3, 1, 4, 4)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = {"one": nn.Conv2d(1, 2, 3), "norm": nn.BatchNorm2d(2), "two": nn.Conv2d(2, 2, 1)}
    built = nn.Sequential()
    for name, layer in layers.items():
        built.add_module(name, layer)
    return built


def test_images_that_are_not_finite_are_the_cause():
    images = IMAGES.clone()
    images[1, 0, 2, 2] = float("nan")
    assert diagnose(network(), images, "float32") == Cause(
        "the images of this batch are not finite themselves", "striate check"
    )


def test_the_first_weight_that_is_not_finite_is_named():
    built = network()
    with torch.no_grad():
        built.get_parameter("norm.bias")[1] = float("inf")
    assert diagnose(built, IMAGES, "float32") == Cause(
        "norm.bias is not finite since an update before; likely cause: that rate"
    )


def test_the_first_layer_whose_output_is_not_finite_is_named_with_its_weights():
    built = network()
    with torch.no_grad():
        built.get_parameter("two.weight").fill_(3e38)
    built.get_buffer("norm.running_mean").fill_(float("nan"))  # as the failed step leaves it
    found = diagnose(built, IMAGES * torch.arange(3).view(3, 1, 1, 1), "float32")
    assert found == Cause(
        "the output of two is not finite, with weights up to 3e+38; likely cause: that rate"
    )


class Narrow(nn.Module):
    """Overflows in all but float32."""

    def forward(self, x: Tensor) -> Tensor:
        return x if x.dtype == torch.float32 else x / 0


def test_precision_is_the_cause_where_float32_is_well():
    built = nn.Sequential(nn.Conv2d(1, 2, 3), Narrow())
    assert diagnose(built, IMAGES, "bfloat16") == Cause(
        "the output of 1 is not finite in bfloat16, but is in float32; likely cause: the precision",
        "--precision float32",
    )


def test_where_all_is_finite_the_largest_output_is_named():
    built = network()
    with torch.no_grad():
        built.get_parameter("two.weight").zero_()
        built.get_parameter("two.bias").fill_(5e6)
    assert diagnose(built, IMAGES, "float32") == Cause(
        "the output of two reaches 5e+06; likely cause: that rate"
    )


def test_without_a_batch_the_weights_alone_are_looked_at():
    assert diagnose(network(), None, "float32") == Cause(
        "its weights are finite; likely cause: that rate"
    )
