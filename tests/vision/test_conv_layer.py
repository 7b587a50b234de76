"""A layer with given kernels answers as correlation does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from striate.errors import OptionError
from striate.vision import as_layer, correlate

SOBEL_X = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])


def test_sobel_x_and_y_make_a_layer_of_20_parameters():
    layer = as_layer([SOBEL_X, SOBEL_X.T])
    assert type(layer) is nn.Conv2d
    assert sum(values.numel() for values in layer.parameters()) == 20
    assert layer.weight.tolist() == [[SOBEL_X.tolist()], [SOBEL_X.T.tolist()]]
    assert layer.bias.tolist() == [0, 0]
    image = np.random.default_rng(1).integers(0, 256, (31, 23)).astype(np.uint8)
    with torch.no_grad():
        found = layer(torch.from_numpy(image)[None, None].float())[0]
    assert (found[0].numpy() == correlate(image, SOBEL_X)).all()
    assert (found[1].numpy() == correlate(image, SOBEL_X.T)).all()


@given(
    st.sampled_from(["valid", "same", "full"]),
    st.sampled_from(["zero", "reflect", "replicate", "circular"]),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 3),
    st.booleans(),
)
def test_a_layer_answers_as_correlate_does(mode, border, stride, dilation, channels, over_channels):
    random = np.random.default_rng(2)
    image = random.normal(size=(13, 15, channels))
    shape = (3, 5, channels) if over_channels else (3, 5)
    kernels = [random.normal(size=shape) for _ in range(4)]
    options = {"mode": mode, "border": border, "stride": stride, "dilation": dilation}
    layer = as_layer(kernels, channels=channels, **options).double()
    with torch.no_grad():
        found = layer(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()
    for answer, kernel in zip(found, kernels, strict=True):
        whole = kernel if over_channels else np.repeat(kernel[..., None], channels, axis=2)
        expected = correlate(image, whole.astype(np.float32), **options)
        np.testing.assert_allclose(answer, expected, rtol=1e-9, atol=1e-9)


def test_weights_train_unless_frozen():
    assert all(values.requires_grad for values in as_layer([SOBEL_X]).parameters())
    assert not any(values.requires_grad for values in as_layer([SOBEL_X], frozen=True).parameters())


def test_kernels_may_be_tensors_and_channels_come_from_them():
    layer = as_layer(torch.ones(7, 3, 3, 2))
    assert layer.weight.shape == (7, 2, 3, 3)


@pytest.mark.parametrize(
    ("kernels", "options", "message"),
    [
        ([], {}, "a layer needs at least one kernel, but the list is empty"),
        (
            SOBEL_X,
            {},
            "a layer takes a list of kernels (kh, kw) or (kh, kw, C), all of one shape, but (3,) "
            "and (3,) came",
        ),
        (
            [SOBEL_X, SOBEL_X[:2]],
            {},
            "a layer takes a list of kernels (kh, kw) or (kh, kw, C), all of one shape, but (3, 3) "
            "and (2, 3) came",
        ),
        (
            np.ones((4, 3, 5, 2)),
            {"channels": 3},
            "the kernels are for 2 channels, but channels is 3; leave it out",
        ),
        (
            [np.ones((4, 3))],
            {},
            "a layer pads both sides alike, but in mode 'same' kernels that span 4x3 need one more "
            "before than after; take odd sides, or mode 'valid'",
        ),
        ([SOBEL_X], {"stride": 0}, "stride must be a whole number of at least 1, but 0 came"),
        ([SOBEL_X], {"mode": "ful"}, "no mode is called 'ful'; did you mean 'full'?"),
        (
            [[[1.0, np.nan]]],
            {},
            "the kernel must hold finite numbers, but holds nan at (0, 1) as float32",
        ),
    ],
)
def test_kernels_that_make_no_layer_are_said_in_one_sentence(kernels, options, message):
    with pytest.raises(OptionError) as caught:
        as_layer(kernels, **options)
    assert str(caught.value) == message
