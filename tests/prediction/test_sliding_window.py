"""A classifier slid over an image answers as it would for each window."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.forms import NOTHING, best_threshold, crops, digits, form, judged
from torch import nn

import striate
from striate import zoo
from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import SplitFractions
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import chain
from striate.model import Model
from striate.prediction.sliding_window import make_convolutional, slide
from striate.tasks import bind_task
from striate.tasks.classification.task import Classification
from striate.vision import find
from striate.zoo.spec import NetworkSpec


def pooled() -> nn.Module:
    """A network whose head averages over everything, and which normalizes."""
    return chain(
        conv=nn.Conv2d(3, 8, 3, stride=2), norm=nn.BatchNorm2d(8), relu=nn.ReLU(inplace=True),
        more=nn.Conv2d(8, 8, 3), average=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(),
        drop=nn.Dropout(0.5), wide=nn.Linear(8, 9, bias=False), tanh=nn.Tanh(),
        head=nn.Linear(9, 4),
    )  # fmt: skip


def model(network: nn.Module, channels: int, size: int, classes: int) -> Model:
    preprocess = Preprocess(size, channels, mean=(0.2,) * channels, std=(0.3,) * channels)
    task = bind_task(None, TargetSpec("label", tuple("abcdefghijkl"[:classes])))
    return Model(
        network.eval(), NetworkSpec.of(network), task, preprocess, SplitFractions(0.15, 0.15)
    )


@pytest.mark.parametrize(
    ("build", "channels", "size", "classes", "stride"),
    [
        (partial(zoo.build, "lenet5"), 1, 32, 10, 4),
        (partial(zoo.build, "mlp"), 1, 28, 10, 1),
        (pooled, 3, 20, 4, 2),
    ],
)
def test_each_place_is_the_answer_for_its_window(build, channels, size, classes, stride):
    torch.manual_seed(3)
    asked = model(build(), channels, size, classes)
    page = np.random.default_rng(5).integers(0, 256, (71, 58, channels), np.uint8)
    slid = slide(asked, page)
    rows, columns = slid.probabilities.shape[1:]
    assert (rows, columns) == ((71 - size) // stride + 1, (58 - size) // stride + 1)
    assert (slid.stride, slid.size) == (stride, (size, size))
    windows = [
        page[stride * r : stride * r + size, stride * c : stride * c + size]
        for r in range(rows)
        for c in range(columns)
    ]
    logits = asked.outputs(torch.from_numpy(np.stack(windows)))
    expected = logits.softmax(1).T.reshape(classes, rows, columns).numpy()
    np.testing.assert_allclose(slid.probabilities, expected, atol=1e-5)


def test_the_network_that_was_given_stays_as_it_was():
    network = pooled().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    make_convolutional(network, (3, 20, 20))
    assert network.training
    assert isinstance(network.head, nn.Linear)
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def test_what_is_probable_is_found_at_its_pixel():
    asked = model(zoo.build("lenet5"), 1, 32, 10)
    slid = slide(asked, np.random.default_rng(1).integers(0, 256, (90, 70), np.uint8))
    found = slid.find("c", threshold=0.0, most=1)
    best = np.unravel_index(slid.probabilities[2].argmax(), slid.probabilities[2].shape)
    assert found.positions.tolist() == [[4 * best[0], 4 * best[1]]]
    assert found.scores[0] == slid.probabilities[2].max()
    with pytest.raises(OptionError) as caught:
        slid.find("cc")
    assert str(caught.value).startswith("no class is called 'cc'; did you mean 'c'?")


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (np.zeros((31, 90), np.uint8), "a window is 32 x 32 pixels, but the image has 31 x 90; "
         "enlarge it or predict it whole"),
        (np.zeros((90, 91, 3), np.uint8), "expected an image of uint8 with 1 channel, but uint8 "
         "of shape (90, 91, 3) came"),
        (np.zeros((90, 91)), "expected an image of uint8 with 1 channel, but float64 of shape "
         "(90, 91) came"),
    ],
)  # fmt: skip
def test_an_image_that_does_not_fit_is_one_sentence(page, message: str):
    with pytest.raises(OptionError) as caught:
        slide(model(zoo.build("lenet5"), 1, 32, 10), page)
    assert str(caught.value) == message


class Outside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(images.flatten(1))


def test_a_network_that_flattens_or_averages_otherwise_is_refused():
    halves = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4, 3))
    for network in (Outside(), halves):
        with pytest.raises(OptionError) as caught:
            make_convolutional(network, (1, 8, 8))
        assert str(caught.value) == (
            f"{type(network).__name__} cannot be slid over an image: with convolutions in place "
            "of its dense layers it does not give the same answers; it must flatten and average "
            "in modules, and only at its end"
        )


class Scaled(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * images.mean((2, 3), keepdim=True)


def test_a_network_that_sees_the_whole_image_early_is_refused():
    parts = [Scaled(), nn.Conv2d(1, 3, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    with pytest.raises(OptionError) as caught:
        slide(model(nn.Sequential(*parts), 1, 9, 3), np.zeros((40, 40), np.uint8))
    assert str(caught.value) == (
        "Sequential cannot be slid over an image: it has layers, such as squeeze and excitation, "
        "that see the whole image before its end"
    )


@pytest.mark.slow
def test_a_network_finds_more_threes_of_a_form_than_a_template_does(tmp_path: Path):
    """The lecture's example, small; benchmarks/template_against_network.py has the whole of it."""
    squares, labels = crops(form(slice(300), seed=100), 32, seed=0)
    np.savez(tmp_path / "crops.npz", x=squares, y=labels)
    run = striate.train(
        tmp_path / "crops.npz", network="lenet5", epochs=5, test=0.0, validation=0.05,
        out=tmp_path / "run", progress=False,
    )  # fmt: skip
    network = striate.load(run.model_file)
    assert set(network.class_names) == {*map(str, range(10)), NOTHING}
    images, kinds = digits(slice(300))
    three = images[kinds == 3][16]
    tuned, other = form(slice(300, 400), seed=1), form(slice(400, 500), seed=2)
    scores = {}
    for name, search in {
        "template": lambda page: find(three, page),
        "network": lambda page: slide(network, page).find("3", threshold=0.02),
    }.items():
        threshold = best_threshold(search(tuned.page), tuned, 3)
        scores[name] = judged(search(other.page), other, 3, threshold)
    print(scores)
    assert scores["network"].precision > 0.7 > scores["template"].precision
    assert scores["network"].recall > 0.7 > scores["template"].recall


def test_a_model_of_another_task_is_refused():
    class Numbers(Classification):
        kind = "numbers"

    asked = model(pooled(), 3, 20, 4)
    with pytest.raises(OptionError) as error:
        slide(replace(asked, task=Numbers(asked.task.spec)), np.zeros((30, 30, 3), np.uint8))
    assert str(error.value) == (
        "only a classifier can be slid over an image, but the model answers with numbers"
    )
