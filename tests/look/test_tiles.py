"""Tiles are drawn in the colors of their scale, with signs and letters that are seen."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from striate.look.tiles import draw_tiles
from striate.plotting.color import (
    BLACK,
    BLUE,
    RED,
    SIGN,
    WHITE,
    Kind,
    Scale,
    colorize,
    index_colors,
)
from striate.plotting.png import to_png
from striate.plotting.shapes import SHARP, Bitmap, Picture, Text
from striate.plotting.svg import to_svg

NUMBERS = np.linspace(-2, 2, 4 * 36, dtype=np.float32).reshape(4, 6, 6)


def drawn(kind: Kind, signs: str = "") -> Picture:
    scale = Scale(kind, -2 if kind == "diverging" else 0, 2)
    tiles = index_colors(NUMBERS, scale)
    return draw_tiles(tiles, "Title", "note", scale=scale, signs=signs)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def bitmaps(picture: Picture) -> list[Bitmap]:
    return [shape for shape in picture.shapes if isinstance(shape, Bitmap)]


def cut(picture: Picture, part: int = 1) -> np.ndarray:
    """The pixels of a part, by default of the whole rows below the bar, from the whole picture."""
    bitmap = bitmaps(picture)[part]
    left, top = round(bitmap.x * SHARP), round(bitmap.y * SHARP)
    found = pixels(to_png(picture))
    return found[top : top + bitmap.image.height, left : left + bitmap.image.width]


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_a_picture_has_the_colors_of_its_scale_in_one_byte_a_pixel(kind: Kind):
    picture = drawn(kind)
    assert Image.open(io.BytesIO(to_png(picture))).mode == "P"
    scale = Scale(kind, -2 if kind == "diverging" else 0, 2)
    expected = colorize(NUMBERS.reshape(-1, 6), scale)
    if expected.ndim == 2:
        expected = expected[..., None].repeat(3, axis=2)
    found, step = cut(picture), 40
    tile = found[step // 2 : 6 * step : step, step // 2 : 6 * step : step]  # middles of 6x6 pixels
    assert np.abs(tile - expected[:6]).max() <= 3  # 239 colors, not 255
    if kind == "diverging":
        assert tuple(tile[0, 0]) == BLUE
        last = found[-step // 2, -step // 2]
        assert tuple(last) == RED


def test_numbers_have_the_nearest_color_and_those_beyond_a_scale_that_of_its_ends():
    scale = Scale("diverging", -1, 1)
    beyond = np.array([-9, -1, 0, 0.25, 1, 9], np.float32)
    assert index_colors(beyond, scale).tolist() == [0, 0, 119, 149, 238, 238]
    assert index_colors(beyond, Scale("stretched", 0, 1)).tolist() == [0, 0, 0, 60, 238, 238]


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
@pytest.mark.parametrize("sign", ["x", "="])
def test_a_sign_has_a_color_of_no_scale_and_leaves_the_other_tiles(kind: Kind, sign: str):
    plain, signed = cut(drawn(kind)), cut(drawn(kind, f"   {sign}"))
    changed = (plain != signed).any(axis=2)
    assert not changed[:244].any()
    assert not changed[:, :244].any()
    assert {tuple(color) for color in signed[changed]} == {SIGN}
    assert 0.03 < changed[244:, 244:].mean() < 0.12


@pytest.mark.parametrize("sign", ["x", "="])
def test_a_sign_does_not_hide_a_small_tile(sign: str):
    tiles, scale = np.zeros((2048, 7, 7), np.uint8), Scale("diverging", -1, 1)
    picture = draw_tiles(tiles, "Title", "note", scale=scale, signs=sign * 2048)
    tile = cut(picture)[:7, :7]
    assert 0.15 < (tile == SIGN).all(axis=2).mean() < 0.3


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_a_bar_shows_the_scale_between_its_ends(kind: Kind):
    picture = drawn(kind)
    bar = cut(picture, 0)
    ends = (BLUE, RED) if kind == "diverging" else (BLACK, WHITE)
    assert (tuple(bar[0, 0]), tuple(bar[-1, -1])) == ends
    assert bar.shape == (20, 320, 3)
    said = [shape.text for shape in picture.shapes if isinstance(shape, Text)]
    assert {"2", "-2" if kind == "diverging" else "0"} < set(said)


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
    images = re.findall(r'base64,([^"]+)"', to_svg(picture))
    for part, data in enumerate(images):
        assert np.array_equal(pixels(base64.b64decode(data)), cut(picture, part))


@pytest.mark.parametrize("kind", ["diverging", "stretched"])
def test_no_white_is_left_beside_a_short_last_row(kind: Kind):
    scale = Scale(kind, -1 if kind == "diverging" else 0, 1)
    picture = draw_tiles(np.zeros((5, 6, 6), np.uint8), "Title", "note", scale=scale, across=2)
    _, whole, short = (bitmap.image.size for bitmap in bitmaps(picture))
    assert whole == (2 * 240 + 4, 2 * 240 + 4)
    assert short == (240, 240)
    assert (cut(picture, 2) == (BLUE if kind == "diverging" else BLACK)).all()


def test_tiles_in_color_have_no_bar():
    tiles = np.full((3, 2, 2, 3), (200, 100, 50), np.uint8)
    picture = draw_tiles(tiles, "Title", "note", across=2)
    assert [bitmap.image.size for bitmap in bitmaps(picture)] == [(164, 80), (80, 80)]
    assert (cut(picture, 1) == (200, 100, 50)).all()
