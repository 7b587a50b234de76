"""Masks as pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from striate.data.listing.target_spec import TargetSpec
from striate.tasks.colors import show_color
from striate.tasks.segmentation.drawing import (
    decode_mask,
    draw_overlay,
    encode_mask,
    find_frame,
    make_legend,
    make_palette,
)


@pytest.mark.parametrize("classes", [2, 20, 255])
def test_every_class_has_a_color_of_its_own(classes):
    palette = make_palette(TargetSpec("mask", tuple(map(str, range(classes)))))
    assert len({tuple(color) for color in palette[:classes].tolist()}) == classes
    assert show_color(palette[0]) == "#e69f00"
    assert show_color(palette[255]) == "#e0e0c0"


@pytest.mark.parametrize("gray", [60, 128, 200])
@pytest.mark.parametrize(("classes", "apart"), [(12, 0.085), (20, 0.066)])
def test_colors_of_classes_are_far_apart_on_an_image(classes, apart, gray):
    names = tuple(map(str, range(classes)))
    palette = make_palette(TargetSpec("mask", names))
    laid = draw_overlay(
        np.full((1, classes, 1), gray, np.uint8),
        np.arange(classes, dtype=np.uint8)[None],
        palette,
    )
    seen = oklab(laid[0])
    distances = np.linalg.norm(seen[:, None] - seen, axis=-1)
    assert distances[np.triu_indices(classes, 1)].min() > apart


def oklab(colors):
    """Perceived color of sRGB, Ottosson 2020, https://bottosson.github.io/posts/oklab/."""
    shares = colors / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ np.array([
        [0.4122214708, 0.2119034982, 0.0883024619],
        [0.5363325363, 0.6806995451, 0.2817188376],
        [0.0514459929, 0.1073969566, 0.6299787005],
    ]))  # fmt: skip
    return cones @ np.array([
        [0.2104542553, 1.9779984951, 0.0259040371],
        [0.7936177850, -2.4285922050, 0.7827717662],
        [-0.0040720468, 0.4505937099, -0.8086757660],
    ])  # fmt: skip


def test_a_legend_shows_colors_and_hatches_what_is_ignored_as_an_overlay_does():
    spec = TargetSpec("mask", ("road", "sky"))
    (sky, plain), (ignored, hatched) = make_legend(np.array([[1, 255]], np.uint8), spec)
    assert (sky, ignored) == ("sky", "ignored")
    assert (plain == make_palette(spec)[1]).all()
    mask = np.full(hatched.shape[:2], 255, np.uint8)
    white = np.full((*mask.shape, 1), 255, np.uint8)
    assert np.array_equal(hatched, draw_overlay(white, mask, make_palette(spec)))


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
