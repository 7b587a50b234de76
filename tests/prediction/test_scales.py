"""A classifier finds what it knows at any size, once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from striate.data.decoding.preprocess import Preprocess
from striate.data.listing.splits import USUAL
from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError
from striate.layers import chain
from striate.model import Model
from striate.prediction.scales import slide_sizes
from striate.tasks.classification.task import Classification
from striate.zoo.spec import NetworkSpec


@pytest.fixture
def finder() -> Model:
    """Answers "square" where a window of 8 pixels is bright, but for a dark rim of 1 pixel."""
    kernel = torch.full((1, 1, 8, 8), -1.0)
    kernel[..., 1:7, 1:7] = 1
    dense = nn.Linear(64, 2)
    with torch.no_grad():
        dense.weight[:] = torch.stack([kernel.flatten(), -kernel.flatten()])
        dense.bias[:] = torch.tensor([-30.0, 30.0])
    network = chain(flatten=nn.Flatten(), head=dense)
    task = Classification(TargetSpec("label", ("square", "nothing")))
    view = Preprocess(8, 1, "stretch", (0.0,), (1.0,))
    return Model(network.eval(), NetworkSpec.of(network), task, view, USUAL)


def scene(*squares: tuple[int, int, int]) -> np.ndarray:
    """Bright squares on black: row, column and side of their windows, rims included."""
    pixels = np.zeros((96, 128), np.uint8)
    for row, column, side in squares:
        rim = side // 8
        pixels[row + rim : row + side - rim, column + rim : column + side - rim] = 255
    return pixels


def test_squares_of_all_sizes_are_found_once_where_they_are(finder):
    found = slide_sizes(finder, scene((8, 8, 8), (16, 40, 16), (24, 80, 32)), "square", step=2)
    assert sorted(found.boxes.round().astype(int).tolist()) == [
        [8, 8, 16, 16], [40, 16, 56, 32], [80, 24, 112, 56],
    ]  # fmt: skip
    assert (np.diff(found.scores) <= 0).all()


def test_every_window_is_counted(finder):
    found = slide_sizes(finder, scene(), "square", step=2, largest=16)
    assert found.windows == (96 - 7) * (128 - 7) + (48 - 7) * (64 - 7)
    assert len(found) == 0


def test_for_smaller_things_than_a_window_the_image_is_enlarged(finder):
    found = slide_sizes(finder, np.zeros((16, 16), np.uint8), "square", smallest=4, largest=4)
    assert found.windows == (32 - 7) ** 2


def test_the_best_comes_first(finder):
    pixels = scene((8, 8, 8), (40, 80, 8))
    pixels[9:15, 9:15] = 235
    found = slide_sizes(finder, pixels, "square", largest=8, threshold=0.5)
    assert found.boxes.tolist() == [[80, 40, 88, 48], [8, 8, 16, 16]]
    assert found.scores[0] > found.scores[1]


def test_boxes_lie_within_the_image(finder):
    found = slide_sizes(finder, np.full((37, 53), 255, np.uint8), "nothing", threshold=0.0)
    assert found.boxes.min() >= 0
    assert (found.boxes.max(axis=0)[2:] <= (53, 37)).all()


@pytest.mark.parametrize("sizes", [{"smallest": 3}, {"smallest": 50, "largest": 40}, {"step": 1.0}])
def test_sizes_that_do_not_fit_are_refused(finder, sizes):
    with pytest.raises(OptionError, match="expected sizes from 4 to 96 pixels, the shorter side"):
        slide_sizes(finder, scene(), "square", **sizes)
