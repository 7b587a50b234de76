"""Masks as pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from striate.data.listing.target_spec import TargetSpec
from striate.tasks.segmentation.drawing import (
    decode_mask,
    draw_overlay,
    encode_mask,
    find_frame,
    make_palette,
    show_color,
)


@pytest.mark.parametrize("classes", [2, 14, 255])
def test_every_class_has_a_color_of_its_own(classes):
    palette = make_palette(TargetSpec("mask", tuple(map(str, range(classes)))))
    assert len({tuple(color) for color in palette[:classes].tolist()}) == classes
    assert show_color(palette[0]) == "#e69f00"
    assert show_color(palette[255]) == "#e0e0c0"


def test_colors_of_the_data_come_first_unless_some_are_missing():
    given = TargetSpec("mask", ("road", "sky"), {"colors": (1, 2, 3, 4, 5, 6)})
    assert make_palette(given)[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    fewer = TargetSpec("mask", ("road", "sky", "car"), {"colors": (1, 2, 3, 4, 5, 6)})
    assert show_color(make_palette(fewer)[0]) == "#e69f00"


def test_a_mask_is_a_png_file_whose_pixels_are_its_indices():
    mask = np.arange(256, dtype=np.uint8).reshape(8, 32)
    palette = make_palette(TargetSpec("mask", ("road", "sky")))
    file = encode_mask(mask, palette)
    assert np.array_equal(decode_mask(file), mask)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(file)).convert("RGB")), palette[mask])


@pytest.mark.parametrize("channels", [1, 3])
def test_an_overlay_tints_the_gray_of_the_image_and_hatches_what_is_ignored(channels):
    palette = make_palette(TargetSpec("mask", ("road", "sky")))
    pixels = np.full((12, 12, channels), 100, np.uint8)
    mask = np.zeros((12, 12), np.uint8)
    mask[:, 6:] = 255
    laid = draw_overlay(pixels, mask, palette)
    expected = np.rint(0.4 * 100 + 0.6 * palette[0])
    assert (laid[:, :6] == expected).all()
    assert set(np.unique(laid[:, 6:])) == {100, 144}


def test_the_frame_of_a_mask_leaves_out_ignored_edges():
    mask = np.full((6, 8), 255, np.uint8)
    mask[2:5, 3], mask[3, 6] = 0, 1
    assert find_frame(mask) == (slice(2, 5), slice(3, 7))
    mask[:] = 255
    assert mask[find_frame(mask)].shape == (6, 8)
