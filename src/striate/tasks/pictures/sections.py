"""Sections of a report on answered pictures: figures, and strips of pictures side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from PIL import Image

from striate.tasks.figures import Score
from striate.tasks.pictures.color import Pixels
from striate.tasks.pictures.metrics import PSNR, PictureMetrics, Strip
from striate.tasks.sections import Gallery, Picture, Section, Span, Tile, Tiles, make_tile
from striate.text import count_noun

#: gray levels of a difference are multiplied by this where it is shown
_AMPLIFIED = 4


def make_sections(metrics: PictureMetrics, scores: Sequence[Score]) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(metrics, scores)
    yield _strips(metrics, "The worst images", "Those of the lowest PSNR", metrics.worst)
    yield _strips(metrics, "Typical images", "Some with a PSNR near the median", metrics.typical)


def _figures(metrics: PictureMetrics, scores: Sequence[Score]) -> Section:
    base = PSNR.show(metrics.to_beat)
    tiles = (*map(make_tile, scores), Tile(base, f"PSNR of {metrics.baseline_name}"))
    if metrics.words.code is not None:
        code = f"numbers of the code, for {metrics.values:,} of a picture"
        tiles = (*tiles, Tile(f"{metrics.words.code:,}", code))
    return Section(
        "Metrics",
        "PSNR, peak signal-to-noise ratio: the squared error of all pixels on a logarithmic scale. "
        "6 dB more is an error half as large; a picture that differs by rounding alone has 58.9. "
        "SSIM, structural similarity, compares light, contrast and pattern in windows of 7x7 "
        "pixels; 1 is equal. Both are means over images, of pictures of 8 bits as they are given "
        "to the network, not of the files. The baseline is the best of some filters on "
        f"{count_noun(metrics.gain.n, 'image')}, evenly spaced. Of all answers that might be right "
        "PSNR prefers their mean, which is blurred: look at the pictures too.",
        (Tiles(tiles),),
    )


def _strips(metrics: PictureMetrics, title: str, which: str, strips: Sequence[Strip]) -> Section:
    name, _ = _first(strips[0], metrics)
    return Section(
        title,
        f"{which}: {name}, the network's answer, the truth, and how far these two are apart, "
        f"{_AMPLIFIED} times amplified: gray is equal, lighter is too light.",
        (
            Gallery(
                tuple(each for strip in strips for each in _pictures(strip, metrics)), fours=True
            ),
        ),
    )


def _first(strip: Strip, metrics: PictureMetrics) -> tuple[str, Pixels]:
    """Return what the network was given, or the baseline's answer where that was the truth."""
    if not np.array_equal(strip.given, strip.truth):
        return metrics.words.given, strip.given
    name = metrics.baseline_name
    return name, metrics.words.filters[name](strip.given)


def _pictures(strip: Strip, metrics: PictureMetrics) -> Iterator[Picture]:
    value, (name, first) = PSNR.show(strip.psnr), _first(strip, metrics)
    error = strip.answer.astype(np.int16) - strip.truth
    apart = (128 + _AMPLIFIED * error).clip(0, 255).astype(np.uint8)
    shown = (
        (name, f"To compare: {name}", _enlarge(first, strip.truth)),
        (("answer, ", Span(value, "strong")), f"Answer, PSNR {value}", strip.answer),
        ("truth", "Truth", strip.truth),
        ("difference", "Difference of answer and truth", apart),
    )
    for at, (caption, alt, pixels) in enumerate(shown):
        overlay = partial(_shown, instead=pixels)
        yield Picture(strip.row, caption, alt, overlay, neighbors=False, named=not at)


def _shown(pixels: Pixels, instead: Pixels) -> Pixels:  # noqa: ARG001
    return instead


def _enlarge(small: Pixels, like: Pixels) -> Pixels:
    """Return a picture in the size of another; pixels stay squares."""
    if small.shape[:2] == like.shape[:2]:
        return small
    size = like.shape[1], like.shape[0]
    image = Image.fromarray(small[..., 0] if small.shape[2] == 1 else small)
    return np.atleast_3d(np.asarray(image.resize(size, Image.Resampling.NEAREST)))
