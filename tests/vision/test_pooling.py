"""Pooling of arrays is what torch's layers do, and what the words say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from striate.errors import OptionError
from striate.vision import average_pool, downsample, max_pool, subsample


def test_the_largest_and_the_mean_of_each_window():
    x = [[1, 5, 2, 2, 9], [3, 3, 8, 0, 9], [7, 7, 7, 7, 7]]
    np.testing.assert_array_equal(max_pool(x), [[5, 8]])
    np.testing.assert_array_equal(average_pool(x), [[3, 3]])
    np.testing.assert_array_equal(subsample(x), [[1, 2, 9], [7, 7, 7]])


def test_the_volume_of_the_lecture_is_halved():
    x = np.random.default_rng(0).normal(size=(224, 224, 64)).astype(np.float32)
    assert max_pool(x, 2, 2).shape == average_pool(x, 2, 2).shape == subsample(x, 2).shape
    assert max_pool(x, 2, 2).shape == (112, 112, 64)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3)),
    st.integers(1, 5),
    st.none() | st.integers(1, 6),
    st.integers(0, 99),
)
def test_images_are_pooled_as_by_torchs_layers(
    shape: tuple[int, ...], size: int, stride: int | None, seed: int
):
    size = min(size, *shape[:2])
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    there = torch.from_numpy(x).movedim(2, 0)
    largest = nn.MaxPool2d(size, stride)(there).movedim(0, 2)
    np.testing.assert_array_equal(max_pool(x, size, stride), largest)
    np.testing.assert_array_equal(max_pool(x[..., 0], size, stride), largest[..., 0])
    mean = nn.AvgPool2d(size, stride)(there).movedim(0, 2)
    np.testing.assert_allclose(average_pool(x, size, stride), mean, atol=1e-6)


@pytest.mark.parametrize(("length", "size", "stride"), [(9, 3, None), (10, 3, 2), (4, 4, 1)])
def test_signals_are_pooled_as_by_torchs_layers(length: int, size: int, stride: int | None):
    x = np.random.default_rng(1).normal(size=length)
    there = torch.from_numpy(x)[None]
    np.testing.assert_array_equal(max_pool(x, size, stride), nn.MaxPool1d(size, stride)(there)[0])
    mean = nn.AvgPool1d(size, stride)(there)[0]
    np.testing.assert_allclose(average_pool(x, size, stride), mean, atol=1e-15)


def test_pooling_is_a_loop_over_windows():
    x = np.random.default_rng(2).normal(size=(7, 9, 2))
    for row in range(2):
        for column in range(3):
            window = x[3 * row : 3 * row + 4, 3 * column : 3 * column + 4 - (column == 2)]
            if window.shape[1] == 4:
                pooled = max_pool(x, 4, 3)[row, column]
                np.testing.assert_array_equal(pooled, window.max((0, 1)))
                pooled = average_pool(x, 4, 3)[row, column]
                np.testing.assert_allclose(pooled, window.mean((0, 1)))


def test_subsampling_is_pooling_with_a_window_of_1_and_downsampling():
    x = np.random.default_rng(3).normal(size=(7, 10, 3))
    np.testing.assert_array_equal(subsample(x, 3), max_pool(x, 1, 3))
    np.testing.assert_array_equal(subsample(x, 3), downsample(x, 3))
    y = np.arange(5.0)
    subsample(y, 1)[:] = 7
    max_pool(y, 1)[:] = 7
    np.testing.assert_array_equal(y, [0, 1, 2, 3, 4])


def test_bytes_are_averaged_as_floats_and_tensors_stay_tensors():
    bright = np.full((4, 4), 255, np.uint8)
    assert average_pool(bright, np.int64(2)).dtype == np.float32
    np.testing.assert_array_equal(average_pool(bright), np.full((2, 2), 255))
    assert torch.equal(max_pool(torch.tensor([3, 1, 2, 4])), torch.tensor([3.0, 4.0]).double())
    assert isinstance(average_pool(torch.ones(4)), torch.Tensor)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: max_pool(np.ones((5, 3, 4)), 4),
            "a window of 4 does not fit into 5 x 3; use a smaller size",
        ),
        (lambda: average_pool([1, 2], 3), "a window of 3 does not fit into 2; use a smaller size"),
        (lambda: average_pool([1, 2], 0), "size must be a whole number of at least 1, but 0 came"),
        (lambda: max_pool([1, 2], 2.0), "size must be a whole number of at least 1, but 2.0 came"),
        (lambda: subsample([1, 2], -1), "stride must be a whole number of at least 1, but -1 came"),
    ],
)
def test_what_cannot_be_pooled_is_answered_in_a_sentence(call, said: str):
    with pytest.raises(OptionError) as error:
        call()
    assert str(error.value) == said
