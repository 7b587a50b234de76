"""Gallery figure: every named kernel applied to one image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from striate import plotting, vision
from striate.errors import OptionError
from striate.images.filtering import (
    apply_kernel,
    check_outputs,
    make_panel,
    spanned,
)
from striate.images.image import LoadedImage, load_image
from striate.options import FilterOptions
from striate.plotting.ink import encode_file
from striate.storage import write
from striate.text import format_amount, format_percent, format_shape

_SIDE, _ICON, _ACROSS = 300, 56, 5
_NOTE = "Signed results: 0 is white, the number farthest from it has the full color"
_NOTE_COLOR = "; of the three channels the one farthest from 0 is drawn"


def draw_gallery(image: Any, **options: Any) -> Image.Image:
    """Draw the image, each named kernel and its result as one image.

    An image larger than a tile is downscaled before filtering, so that each pixel of the figure is
    one value. Kernels that sum to one keep the brightness: values beyond black and white are
    clipped in the figure and counted in the caption. Options and errors are those of
    `striate.filter`.
    """
    chosen = FilterOptions.read(options)
    if chosen.raw:
        raise OptionError("--raw keeps the numbers of one kernel, but all are drawn; leave it out")
    check_outputs(chosen, image)
    seen = load_image(image, chosen.largest)
    seen = seen.to_gray() if chosen.gray else seen
    small = _reduced(seen)
    names = list(vision.KERNELS)
    lines = spanned(small.pixels), format_shape(small.pixels.shape)
    first = replace(make_panel(small, _SIDE), title="the image", lines=lines)
    tiles = [(first, None), *(_tile(small, name, chosen) for name in names)]
    size = "" if small is seen else f", reduced to {format_shape(small.pixels.shape)}"
    title = (
        f"{len(names)} kernels on {Path(seen.name).name}, {format_shape(seen.pixels.shape)}{size}"
    )
    legend = plotting.Bar(plotting.Scale("diverging", -1, 1))
    note = _NOTE + _NOTE_COLOR * (seen.pixels.ndim == 3)
    figure = plotting.draw_gallery(tiles, min(_ACROSS, len(tiles)), title, note, legend)
    if chosen.out:
        write(chosen.out, encode_file(figure, chosen.out.suffix))
    return figure


def _reduced(image: LoadedImage) -> LoadedImage:
    """Downscale the image to a tile's longer side, if it is larger."""
    high, wide = image.pixels.shape[:2]
    share = _SIDE / max(high, wide)
    if share >= 1:
        return image
    size = max(1, round(wide * share)), max(1, round(high * share))
    planes = np.atleast_3d(image.pixels)
    small = [
        Image.fromarray(planes[..., at].astype(np.float32)).resize(size, Image.Resampling.BOX)
        for at in range(planes.shape[2])
    ]
    pixels = np.stack([np.asarray(plane) for plane in small], axis=-1).reshape(size[1], size[0], -1)
    if image.pixels.dtype.kind in "iu":
        pixels = np.rint(pixels).astype(image.pixels.dtype)
    return replace(image, pixels=pixels[..., 0] if image.pixels.ndim == 2 else pixels)


def _tile(
    image: LoadedImage, name: str, chosen: FilterOptions
) -> tuple[plotting.Panel, plotting.Panel]:
    weights = vision.kernel(name)
    keeps_brightness = bool(np.isclose(weights.sum(), 1))
    options = chosen.model_copy(update={"clip": chosen.clip or keeps_brightness})
    found = apply_kernel(image, weights, name, options)
    scale = found.scale
    shape = format_shape(found.numbers.shape)
    if scale.outside:
        share = format_percent(scale.outside / found.numbers.size)
        shape = f"{share} beyond 0 to {format_amount(scale.most)}"
    panel = plotting.make_panel(found.numbers, scale, _SIDE, name, (spanned(found.numbers), shape))
    return panel, plotting.make_kernel_panel(weights, _ICON, "")
