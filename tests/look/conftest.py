"""What several tests of looking share."""

from __future__ import annotations

import pytest
import torch

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.model import Model
from striate.tasks import find_task
from striate.zoo.spec import NetworkSpec


@pytest.fixture
def model() -> Model:
    """A LeNet-5 of four shapes with random weights."""
    spec, names = NetworkSpec.of("lenet5"), ("round", "square", "long", "thin")
    torch.manual_seed(3)
    network = spec.build(channels=1, classes=4, size=32).eval()
    task = find_task("classification")(TargetSpec("label", names))
    shown = Preprocess(32, 1, "stretch", (0.5,), (0.25,))
    return Model(network, spec, task, shown, SplitFractions(0.2, 0.2))
