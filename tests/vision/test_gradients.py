"""Gradients point to where it grows brighter, and are Sobel's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

import striate
from striate.vision import (
    as_layer,
    convolve,
    correlate,
    derivative,
    gradient_direction,
    gradient_magnitude,
    kernel,
    sample,
)

STEEP = 3.0  # change in brightness from pixel to pixel


@pytest.mark.parametrize(
    ("right", "down", "direction"),
    [
        (1, 0, 0),
        (0, 1, np.pi / 2),
        (-1, 0, np.pi),
        (0, -1, -np.pi / 2),
        (1, 1, np.pi / 4),
        (-1, 1, 3 * np.pi / 4),
    ],
)
def test_a_slope_is_seen_with_its_direction_and_eight_times_its_steepness(
    right: int, down: int, direction: float
):
    rows, columns = np.mgrid[:6, :7]
    slope = STEEP * (right * columns + down * rows)
    inner = slice(1, -1), slice(1, -1)
    np.testing.assert_allclose(gradient_direction(slope)[inner], direction)
    np.testing.assert_allclose(gradient_magnitude(slope)[inner], 8 * STEEP * np.hypot(right, down))


@pytest.mark.parametrize(("name", "axis"), [("sobel-x", 1), ("sobel-y", 0)])
def test_a_kernel_of_slopes_is_positive_when_convolved_and_negative_when_correlated(
    name: str, axis: int
):
    """One sign everywhere, on an image that grows brighter by 5 a pixel."""
    ramp = 5.0 * np.indices((6, 7))[axis]
    window = kernel(name)
    inner = slice(1, -1), slice(1, -1)
    assert (correlate(ramp, window)[inner] == -40).all()
    assert (convolve(ramp, window)[inner] == 40).all()
    assert (striate.filter(ramp, name).numbers[inner] == -40).all()
    assert (striate.filter(ramp, name, flip=True).numbers[inner] == 40).all()
    pixels = torch.from_numpy(ramp).float()[None, None]
    with torch.no_grad():
        assert (as_layer([window])(pixels)[0, 0][inner] == -40).all()
        assert (as_layer([window[::-1, ::-1]])(pixels)[0, 0][inner] == 40).all()
    assert (gradient_magnitude(ramp)[inner] == 40).all()
    assert (gradient_direction(ramp)[inner] == (0 if axis else np.pi / 2)).all()
    assert (convolve(ramp, kernel(name.replace("sobel", "prewitt")))[inner] == 30).all()
    assert (derivative(ramp[3] if axis else ramp[:, 3]) == 5).all()


def test_the_direction_is_that_of_the_convolved_kernels():
    image = sample("camera").astype(float)
    right, down = (convolve(image, kernel(f"sobel-{axis}"), border="replicate") for axis in "xy")
    np.testing.assert_array_equal(gradient_direction(image), np.arctan2(down, right))


def test_a_flat_image_has_neither_inside_nor_at_its_border():
    flat = np.full((4, 5), 200, np.uint8)
    assert not gradient_magnitude(flat).any()
    assert not gradient_direction(flat).any()
    assert gradient_magnitude(flat, border="zero").any()


def test_gradients_are_those_of_opencvs_sobel():
    image = sample("camera")
    right, down = (
        cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx, borderType=cv2.BORDER_REPLICATE) for dx in (1, 0)
    )
    ours = gradient_magnitude(image)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.hypot(right, down), rtol=1e-5)
    np.testing.assert_allclose(gradient_direction(image), np.arctan2(down, right), atol=1e-5)


def test_each_channel_has_its_own_gradient_and_tensors_stay_tensors():
    image = sample("cat")
    together = gradient_magnitude(image)
    assert together.shape == image.shape
    np.testing.assert_array_equal(together[..., 1], gradient_magnitude(image[..., 1]))
    tensor = torch.from_numpy(image)
    assert torch.equal(gradient_magnitude(tensor), torch.from_numpy(together))
    assert isinstance(gradient_direction(tensor), torch.Tensor)
