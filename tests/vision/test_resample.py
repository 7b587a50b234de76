"""Fewer samples and more, as the definitions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from striate.errors import OptionError
from striate.vision import downsample, sample, upsample

FILLS = ("zero", "nearest", "linear", "cubic")
SHAPES = st.sampled_from([(1,), (7,), (3, 4), (5, 2), (4, 3, 3)])
VALUES = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(-99, 99)))


def test_downsampling_by_2_keeps_every_second_sample():
    np.testing.assert_array_equal(downsample([5, 6, 7, 8, 9], 2), [5, 7, 9])
    np.testing.assert_array_equal(downsample([5, 6, 7, 8], 2), [5, 7])


def test_upsampling_by_2_puts_a_zero_after_each_sample():
    np.testing.assert_array_equal(upsample([5, 6, 7], 2), [5, 0, 6, 0, 7, 0])


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("zero", [4, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]),
        ("nearest", [4, 4, 4, 4, 8, 8, 8, 8, 0, 0, 0, 0]),
        ("linear", [4, 5, 6, 7, 8, 6, 4, 2, 0, 0, 0, 0]),
    ],
)
def test_what_stands_between_samples(fill: str, expected: list[float]):
    np.testing.assert_array_equal(upsample([4, 8, 0], 4, fill), expected)


def keys(distance: float) -> float:
    """The kernel of Keys 1981, equation 15, a = -1/2."""
    s = abs(distance)
    if s < 1:
        return 1.5 * s**3 - 2.5 * s**2 + 1
    return -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2 if s < 2 else 0.0


@pytest.mark.parametrize("n", [2, 3, 5])
def test_cubic_is_the_convolution_with_keys_kernel(n: int):
    x = np.random.default_rng(5).normal(size=9)
    held = np.concatenate([[x[0]] * 3, x, [x[-1]] * 3])
    expected = [sum(held[k + 3] * keys(at / n - k) for k in range(-3, 12)) for at in range(9 * n)]
    np.testing.assert_allclose(upsample(x, n, "cubic"), expected, atol=1e-14)


def test_linear_keeps_lines_and_cubic_keeps_parabolas():
    t = np.arange(12.0)
    fine = np.arange(60) / 5
    np.testing.assert_allclose(upsample(3 * t - 7, 5, "linear")[:56], 3 * fine[:56] - 7)
    np.testing.assert_allclose(upsample(t**2 - t, 5, "cubic")[5:51], (fine**2 - fine)[5:51])


@settings(deadline=None, max_examples=60)
@given(VALUES, st.integers(1, 5), st.sampled_from(FILLS))
def test_downsampling_undoes_upsampling(x: np.ndarray, n: int, fill: str):
    more = upsample(x, n, fill)
    axes = min(x.ndim, 2)
    assert more.shape == tuple(n * side for side in x.shape[:axes]) + x.shape[2:]
    np.testing.assert_array_equal(downsample(more, n), x)


@settings(deadline=None, max_examples=40)
@given(VALUES, st.integers(1, 9))
def test_downsampling_is_a_slice_along_both_axes(x: np.ndarray, n: int):
    every = x[::n] if x.ndim == 1 else x[::n, ::n]
    np.testing.assert_array_equal(downsample(x, n), every)


@pytest.mark.parametrize("shape", [(6, 5), (5, 4, 3)])
@pytest.mark.parametrize("fill", FILLS)
def test_images_are_filled_along_columns_then_rows(shape: tuple[int, ...], fill: str):
    x = np.random.default_rng(1).normal(size=shape)
    down = np.apply_along_axis(upsample, 0, x, 3, fill)
    np.testing.assert_allclose(
        upsample(x, 3, fill), np.apply_along_axis(upsample, 1, down, 3, fill), atol=1e-15
    )


def test_nearest_is_torchs():
    x = np.random.default_rng(2).normal(size=(4, 7))
    layer = torch.nn.Upsample(scale_factor=3, mode="nearest")
    np.testing.assert_array_equal(
        upsample(x, 3, "nearest"), layer(torch.from_numpy(x)[None, None])[0, 0]
    )


def test_antialias_leaves_of_each_wave_what_the_docstring_says():
    at = np.arange(4000)
    for n in (2, 5):
        for wave, low, high in ((2 * n, 0.28, 0.30), (n, 0.005, 0.015), (40 * n, 0.99, 1)):
            x = np.cos(2 * np.pi * at / wave)
            left = np.abs(downsample(x, n, antialias=True)[100:-100]).max()
            assert low < left < high, (n, wave, left)
            if wave == n:
                assert downsample(x, n) == pytest.approx(1)


def test_antialias_is_a_gaussian_along_both_axes_with_the_border_repeated():
    x = np.random.default_rng(3).normal(size=(30, 23, 2))
    bell = np.exp(-((np.arange(-6, 7) / 1.5) ** 2) / 2)
    bell /= bell.sum()
    padded = np.pad(x, ((6, 6), (6, 6), (0, 0)), mode="edge")
    down = np.apply_along_axis(np.convolve, 0, padded, bell, "valid")
    both = np.apply_along_axis(np.convolve, 1, down, bell, "valid")
    np.testing.assert_allclose(downsample(x, 3, antialias=True), both[::3, ::3], atol=1e-12)


def test_rings_that_are_too_fine_return_as_false_ones_unless_filtered():
    rings = sample("zone-plate").astype(np.float32)
    edge = slice(0, 4)  # here a ring is two to three pixels wide
    assert downsample(rings, 2)[edge].std() > 80
    assert downsample(rings, 2, antialias=True)[edge].std() < 30


def test_antialias_by_1_changes_nothing():
    x = np.random.default_rng(4).normal(size=(3, 4))
    np.testing.assert_array_equal(downsample(x, 1, antialias=True), x)


@pytest.mark.parametrize(
    ("given", "came"),
    [("uint8", "float32"), ("bool", "float32"), ("float16", "float32"), ("int32", "float64")],
)
def test_numbers_come_back_as_floats_and_nothing_wraps_around(given: str, came: str):
    x = np.array([[0, 1], [1, 0]], given) * np.array(1 if given == "bool" else 9, given)
    for fill in FILLS:
        assert upsample(x, 3, fill).dtype == came
    assert upsample(x, 2, "cubic").min() < 0
    for antialias in (False, True):
        assert downsample(x, 2, antialias=antialias).dtype == came


def test_a_tensor_comes_back_as_one_and_the_image_given_is_left_alone():
    x = torch.arange(6, dtype=torch.bfloat16, requires_grad=True)
    fewer = downsample(x, 4)
    assert torch.equal(fewer, torch.tensor([0.0, 4.0]))
    assert torch.equal(upsample(fewer, 2), torch.tensor([0.0, 0.0, 4.0, 0.0]))
    y = np.arange(4.0)
    downsample(y, 1)[:] = 7
    upsample(y, 1)[:] = 7
    np.testing.assert_array_equal(y, [0, 1, 2, 3])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: downsample([1, 2], 0), "n must be a whole number of at least 1, but 0 came"),
        (lambda: upsample([1, 2], 1.5), "n must be a whole number of at least 1, but 1.5 came"),
        (lambda: upsample([1, 2], True), "n must be a whole number of at least 1, but True came"),
        (
            lambda: downsample([1, 2], 251, antialias=True),
            "n must be 250 at most with antialias, but 251 came; downsample twice",
        ),
        (
            lambda: upsample([1], 2, "linaer"),
            "no fill is called 'linaer'; did you mean 'linear'?",
        ),
        (
            lambda: upsample(np.ones((600, 500)), 40),
            "600 x 500 values, 40 times as many along 2 of the axes, are more than 268,435,456; "
            "use a smaller n",
        ),
        (
            lambda: downsample(3, 2),
            "the image must have the shape (N,), (H, W) or (H, W, C), but () came",
        ),
        (
            lambda: downsample(np.ones((1, 2, 3, 4)), 2),
            "the image must have the shape (N,), (H, W) or (H, W, C), but (1, 2, 3, 4) came",
        ),
    ],
)
def test_what_cannot_be_sampled_is_answered_in_a_sentence(call, said: str):
    with pytest.raises(OptionError) as error:
        call()
    assert str(error.value) == said


@pytest.mark.parametrize(
    "odd", [[1, np.nan], [np.inf], np.ones((0, 4)), [1j], [None], [[1, 2], [3]], "text"]
)
def test_what_is_no_array_of_finite_numbers_is_refused(odd: object):
    for call in (downsample, upsample):
        with pytest.raises(OptionError):
            call(odd, 2)
