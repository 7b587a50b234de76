"""Models of masks, and of one class an image, with random weights."""

from __future__ import annotations

import torch

from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.model import Model
from striate.tasks import bind_task
from striate.zoo.spec import NetworkSpec

STREET = TargetSpec("mask", ("road", "sky", "car"))


def make_model(network: str = "unet(width=2)", channels: int = 3, fit: str = "letterbox") -> Model:
    torch.manual_seed(5)
    made = zoo.build(network, channels=channels, classes=3)
    made.get_parameter("head.weight").data.mul_(8)  # fresh networks answer with few classes
    scale = (0.5,) * channels, (0.25,) * channels
    view = Preprocess(32, channels, fit, *scale)
    task, fractions = bind_task(None, STREET), SplitFractions(0.15, 0.15)
    return Model(made.eval(), NetworkSpec.of(network), task, view, fractions)


def make_classifier() -> Model:
    """A small model of three classes, which differ in how sure it is of them."""
    torch.manual_seed(5)
    made = zoo.build("lenet5", channels=3, classes=3)
    view = Preprocess(32, 3, "stretch", (0.5,) * 3, (0.25,) * 3)
    task = bind_task(None, TargetSpec("label", ("road", "sky", "car")))
    return Model(made.eval(), NetworkSpec.of("lenet5"), task, view, SplitFractions(0.15, 0.15))
