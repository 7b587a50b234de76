"""Tiles are drawn in the colors of their scale, with signs and letters that are seen."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from striate.look.tiles import draw_tiles
from striate.plotting.color import BLUE, RED, WHITE, Kind, Scale, colorize, index_colors
from striate.plotting.png import to_png
from striate.plotting.shapes import SHARP, Bitmap, Picture
from striate.plotting.svg import to_svg

NUMBERS = np.linspace(-2, 2, 4 * 36, dtype=np.float32).reshape(4, 6, 6)


def drawn(kind: Kind, signs: str = "") -> Picture:
    scale = Scale(kind, -2 if kind == "diverging" else 0, 2)
    tiles = index_colors(NUMBERS, scale)
    return draw_tiles(tiles, "Title", "note", indexed=kind == "diverging", signs=signs)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def cut(picture: Picture) -> np.ndarray:
    """The pixels of the tiles, from the whole picture."""
    (bitmap,) = (shape for shape in picture.shapes if isinstance(shape, Bitmap))
    left, top = round(bitmap.x * SHARP), round(bitmap.y * SHARP)
    found = pixels(to_png(picture))
    return found[top : top + bitmap.image.height, left : left + bitmap.image.width]


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_a_picture_has_the_colors_of_its_scale_in_one_byte_a_pixel(kind: Kind):
    picture = drawn(kind)
    assert Image.open(io.BytesIO(to_png(picture))).mode == {"diverging": "P"}.get(kind, "L")
    scale = Scale(kind, -2 if kind == "diverging" else 0, 2)
    expected = colorize(NUMBERS.reshape(-1, 6), scale)
    if expected.ndim == 2:
        expected = expected[..., None].repeat(3, axis=2)
    found, step = cut(picture), 24
    tile = found[step // 2 : 6 * step : step, step // 2 : 6 * step : step]  # middles of 6x6 pixels
    assert np.abs(tile - expected[:6]).max() <= 3  # 239 colors, not 255
    if kind == "diverging":
        assert tuple(tile[0, 0]) == BLUE
        last = found[-4 - step // 2, -4 - step // 2]
        assert tuple(last) == RED


def test_numbers_have_the_nearest_color_and_those_beyond_a_scale_that_of_its_ends():
    scale = Scale("diverging", -1, 1)
    beyond = np.array([-9, -1, 0, 0.25, 1, 9], np.float32)
    assert index_colors(beyond, scale).tolist() == [0, 0, 119, 149, 238, 238]
    assert index_colors(beyond, Scale("stretched", 0, 1)).tolist() == [0, 0, 0, 64, 255, 255]


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
@pytest.mark.parametrize("sign", ["x", "="])
def test_a_sign_is_dark_with_a_white_rim_and_leaves_the_other_tiles(kind: Kind, sign: str):
    plain, signed = cut(drawn(kind)), cut(drawn(kind, f"   {sign}"))
    changed = (plain != signed).any(axis=2)
    assert not changed[:148].any()
    assert not changed[:, :148].any()
    new = {tuple(color) for color in signed[changed]}
    assert WHITE in new
    assert any(max(color) < 50 for color in new)


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_letters_are_dark_on_white_and_smooth(kind: Kind):
    title = pixels(to_png(drawn(kind)))[: 2 * 28]
    assert title.max() == 255
    assert title.min() < 60
    assert len(np.unique(title[..., 0])) > 8
    assert np.ptp(title, axis=2).max() < 20  # hardly colored


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_svg_shows_the_same_pixels(kind: Kind):
    picture = drawn(kind, "x   ")
    (data,) = re.findall(r'base64,([^"]+)"', to_svg(picture))
    assert np.array_equal(pixels(base64.b64decode(data)), cut(picture))


def test_the_last_row_may_be_short():
    tiles = np.zeros((5, 2, 2), np.uint8)
    found = cut(draw_tiles(tiles, "Title", "note", across=2))
    _, wide = found.shape[:2]
    assert found[-8, 10].tolist() == [0, 0, 0]
    assert found[-8, wide // 2 + 10].tolist() == [255, 255, 255]
