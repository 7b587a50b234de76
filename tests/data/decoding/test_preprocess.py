"""An image becomes a network's square: whole, its middle, or stretched; then numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from striate.data.decoding.preprocess import Fit, Preprocess
from striate.data.listing.samples import IGNORE
from tests.data.images import corners, noise

FITS: tuple[Fit, ...] = ("letterbox", "crop", "stretch")
BLACK = [0, 0, 0]
RED, GREEN, BLUE, YELLOW = [200, 40, 30], [40, 160, 60], [30, 60, 190], [220, 220, 90]


def ramp(width: int, height: int) -> Image.Image:
    """Gray that tells both positions: it grows by 1 a pixel to the right and by 10 downwards."""
    down, across = np.mgrid[:height, :width]
    return Image.fromarray((across + 10 * down).astype(np.uint8))


def test_letterbox_keeps_the_whole_image_between_black_bars() -> None:
    wide = Preprocess(16, 3, "letterbox").to_array(corners(48, 24))
    assert wide.shape == (16, 16, 3)
    assert wide.dtype == np.uint8
    assert (wide[:4] == BLACK).all()
    assert (wide[12:] == BLACK).all()
    quarters = [wide[5, 3], wide[5, 12], wide[10, 3], wide[10, 12]]
    assert [quarter.tolist() for quarter in quarters] == [RED, GREEN, BLUE, YELLOW]
    tall = Preprocess(16, 3, "letterbox").to_array(corners(24, 48))
    assert (tall[:, :4] == BLACK).all()
    assert (tall[:, 12:] == BLACK).all()
    assert (tall[:, 4:12] != BLACK).any(axis=2).all()


def test_letterbox_keeps_the_proportions() -> None:
    fitted = Preprocess(10, 1, "letterbox").to_array(Image.new("L", (21, 9), 255))[..., 0]
    rows = np.flatnonzero(fitted.any(axis=1))
    assert rows.tolist() == [3, 4, 5, 6]
    assert fitted[rows].all()


def test_crop_keeps_the_middle_square() -> None:
    view = Preprocess(8, 1, "crop")
    assert (view.to_array(ramp(20, 8))[..., 0] == np.asarray(ramp(20, 8))[:, 6:14]).all()
    assert (view.to_array(ramp(8, 20))[..., 0] == np.asarray(ramp(8, 20))[6:14]).all()
    half = view.to_array(ramp(11, 8))[..., 0].astype(int)
    assert (half[0] == [2, 3, 4, 5, 6, 7, 8, 9]).all()  # from 1.5 on, rounded up


def test_stretch_uses_every_pixel() -> None:
    view = Preprocess(16, 3, "stretch").to_array(corners(64, 32))
    assert (view != BLACK).any(axis=2).all()
    quarters = [view[3, 3], view[3, 12], view[12, 3], view[12, 12]]
    assert [quarter.tolist() for quarter in quarters] == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("fit", FITS)
def test_an_image_of_the_right_size_is_not_touched(fit: Fit) -> None:
    image = noise(12, 12)
    assert (Preprocess(12, 3, fit).to_array(image) == np.asarray(image)).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(48, 32), (31, 57), (9, 5), (100, 3)])
def test_an_image_on_its_side_gives_the_view_on_its_side(fit: Fit, size: tuple[int, int]) -> None:
    view = Preprocess(16, 3, fit)
    upright = view.to_array(noise(*size)).astype(int)
    side = view.to_array(noise(*size).transpose(Image.Transpose.TRANSPOSE)).astype(int)
    assert abs(upright.transpose(1, 0, 2) - side).max() <= 1


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2), (2000, 1500)])
def test_any_shape_fits(fit: Fit, size: tuple[int, int]) -> None:
    for channels in (1, 3):
        view = Preprocess(8, channels, fit).to_array(Image.new("RGB", size, (90, 90, 90)))
        assert view.shape == (8, 8, channels)
        assert set(np.unique(view)) <= {0, 90}
        assert 90 in view
        assert fit == "letterbox" or 0 not in view


@pytest.mark.parametrize("fit", FITS)
def test_a_large_image_is_averaged_and_not_sampled(fit: Fit) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    view = Preprocess(8, 1, fit).to_array(Image.fromarray(stripes)).astype(int)
    assert abs(view - 127.5).max() < 5


def test_color_becomes_gray_by_luminance_and_gray_becomes_equal_colors() -> None:
    image = Image.new("RGB", (4, 4), (200, 40, 30))
    gray = round(0.299 * 200 + 0.587 * 40 + 0.114 * 30)
    assert (Preprocess(4, 1).to_array(image) == gray).all()
    assert (Preprocess(4, 3).to_array(Image.new("L", (4, 4), 77)) == 77).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_and_the_array_have_the_same_bytes(fit: Fit, channels: int) -> None:
    view = Preprocess(10, channels, fit)
    assert view.resize(corners()).tobytes() == view.to_array(corners()).tobytes()


def test_the_image_given_is_not_changed() -> None:
    image = corners()
    before = image.tobytes()
    for fit in FITS:
        Preprocess(16, 3, fit).to_array(image)
    assert image.tobytes() == before


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_normalized_one_by_one(channels: int) -> None:
    mean, std = (0.3, 0.5, 0.8)[:channels], (0.2, 0.25, 0.4)[:channels]
    pixels = torch.randint(0, 256, (4, 5, 5, channels), dtype=torch.uint8)
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
    before = pixels.clone()
    values = Preprocess(5, channels, "crop", mean, std).normalize(pixels)
    assert values.shape == (4, channels, 5, 5)
    assert values.dtype == torch.float32
    assert values.is_contiguous(memory_format=torch.channels_last)
    assert pixels.equal(before)
    for image in range(4):
        for channel in range(channels):
            for down in range(5):
                for across in range(5):
                    pixel = int(pixels[image, down, across, channel]) / 255
                    expected = (pixel - mean[channel]) / std[channel]
                    value = float(values[image, channel, down, across])
                    assert value == pytest.approx(expected, abs=1e-5)


def blocks(width: int, height: int) -> Image.Image:
    """Class indices 10 to 40 in four quarters, which resampling blends along their borders only."""
    down, across = np.mgrid[:height, :width]
    classes = 10 + 10 * (across >= width / 2) + 20 * (down >= height / 2)
    return Image.fromarray(classes.astype(np.uint8))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(192, 128), (131, 230), (260, 160), (64, 64), (133, 133)])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_mask_lies_where_its_image_lies(fit: Fit, size: tuple[int, int], scale: int) -> None:
    """`scale`: of an image that a JPEG's decoder made smaller, whose mask has the full size."""
    view = Preprocess(64, 1, fit)
    mask = blocks(size[0] * scale, size[1] * scale)
    image = view.to_array(blocks(*size))[..., 0]
    fitted = np.asarray(view.resize_mask(mask, size))
    assert fitted.shape == (64, 64)
    assert ((fitted == IGNORE) == (image == 0)).all()
    below, beside = (np.diff(image.astype(int), axis=axis) != 0 for axis in (0, 1))
    border = np.pad(below, ((1, 0), (0, 0))) | np.pad(below, ((0, 1), (0, 0)))
    border |= np.pad(beside, ((0, 0), (1, 0))) | np.pad(beside, ((0, 0), (0, 1)))
    inner = (image > 0) & ~border
    assert inner.sum() >= 1000
    assert (fitted[inner] == image[inner]).all()
    assert set(np.unique(fitted)) <= {10, 20, 30, 40, IGNORE}
    assert (IGNORE in fitted) == (fit == "letterbox" and size[0] != size[1])


@pytest.mark.parametrize("fit", FITS)
def test_a_mask_of_the_right_size_is_not_touched(fit: Fit) -> None:
    mask = Image.fromarray(np.random.default_rng(3).integers(0, 256, (12, 12), np.uint8))
    fitted = Preprocess(12, 3, fit).resize_mask(mask, (12, 12))
    assert (np.asarray(fitted) == np.asarray(mask)).all()


def test_the_mask_of_an_image_decoded_at_half_its_size_has_the_padding_of_its_image() -> None:
    """477 of 1,001 rows are 30 of 64, and 239 of 501 are 31."""
    view = Preprocess(64, 1, "letterbox")
    image = view.to_array(Image.new("L", (501, 239), 9))[..., 0]
    fitted = np.asarray(view.resize_mask(Image.new("L", (1001, 477), 3), (501, 239)))
    assert ((fitted == 3) == (image == 9)).all()
    assert (fitted == 3).any(axis=1).sum() == 31
    assert set(np.unique(fitted)) == {3, IGNORE}
