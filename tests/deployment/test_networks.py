"""Every network of the zoo, and one of each of ten families of timm, becomes a graph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.data.signals.sequence_input import SequenceInput
from striate.data.signals.signal_input import SignalInput
from striate.deployment.body import example_rows, trace_body
from striate.hardware import to_device
from striate.model import Model
from striate.runtimes import open_session
from striate.tasks import find_task
from striate.zoo import CARDS, Card, card
from striate.zoo.spec import NetworkSpec
from tests.zoo import peers

NAMES = ("width", "height", "age")
FAMILIES = (
    *("test_resnet", "test_vit", "test_convnext", "efficientnet_b0", "mobilenetv4_conv_small"),
    *("mobilenetv3_small_050", "regnety_002", "densenet121", "repvgg_a0", "hrnet_w18_small"),
    *("res2net50_14w_8s", "dpn48b"),
)
QUICK = 270_000  #: parameters of what is exported in a few seconds
#: all but what makes images, which is not exported
ANSWERING = [
    pytest.param(name, marks=pytest.mark.slow if each.params > QUICK else ())
    for name, each in CARDS.items()
    if each.output != "samples" and each.input_kind != "code"
]


class Undecided(find_task("segmentation")):
    """Answers with the outputs for every pixel, which differ where classes may not."""

    def decode(self, outputs: Tensor) -> Tensor:
        return outputs


def made(entry: Card) -> Model:
    """A model whose answers are outputs as they are: numbers, a map, or an image."""
    if entry.output == "image":
        task = find_task("super_resolution" if entry.name == "edsr" else "denoising")
        task = task(TargetSpec("image", ())).seeing(entry.input[0])
    elif entry.output == "map":
        task = Undecided(TargetSpec("mask", NAMES))
    else:
        task = find_task("regression")(TargetSpec("numbers", NAMES))
    channels, *sides = entry.input
    side = max(32, entry.smallest) if entry.any_size else sides[-1]
    kind = {"image": Preprocess, "signal": SignalInput}[entry.input_kind]
    kind = SequenceInput if channels == 4 else kind
    view = kind(side, channels, "stretch", (0.4,) * channels, (0.3,) * channels)
    spec = NetworkSpec.of(entry.name)
    sized = {"size": side} if entry.needs_size else {}
    torch.manual_seed(0)
    network = spec.build(channels=channels, classes=task.outputs or None, **sized)
    for weight in network.parameters():
        if not weight.any():  # as the last layers of an FCN, which would answer all alike
            nn.init.normal_(weight)
    return Model(
        to_device(peers.shaken(network), "cpu"), spec, task, view, SplitFractions(0.2, 0.2)
    )


def assert_the_same(model: Model) -> None:
    """In batches of another length than the one that the graph was traced with."""
    body = trace_body(model)
    session = open_session(body.SerializeToString(), 1)
    rows = example_rows(model, 3).numpy()
    (found,) = session.run(None, {"rows": rows})
    wanted = model.decode(rows)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert np.ptp(wanted, axis=0).max() > 0, "images are answered alike"
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ANSWERING)
def test_a_network_of_the_zoo_answers_the_same(name: str) -> None:
    assert_the_same(made(CARDS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_network_of_timm_answers_the_same(name: str) -> None:
    peers.timm()
    assert_the_same(made(card(f"timm:{name}")))
