"""Masks as pictures: colors of classes, indexed PNG files, overlays on images."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from striate.data.listing.samples import IGNORE
from striate.data.listing.target_spec import TargetSpec
from striate.plotting.ink import encode
from striate.tasks.colors import class_colors

Mask = NDArray[np.uint8]
Palette = NDArray[np.uint8]

_IGNORED = (224, 224, 192)  #: color of ignored pixels in a file, as in PASCAL VOC
_OPACITY = 0.6  #: of an overlay
_STRIPE, _HATCHED = 3, 144  #: width in pixels and gray of the stripes over ignored pixels
_SWATCH = 15  #: side in pixels of the swatch of a legend
_GRAY = np.array([0.299, 0.587, 0.114])  #: ITU-R BT.601, as Pillow's mode L


def make_palette(spec: TargetSpec) -> Palette:
    """Return the colors (256, 3) of class indices: those of the data, else a fixed palette."""
    palette = np.zeros((256, 3), np.uint8)
    given = np.array(spec.constants.get("colors", ()), np.uint8).reshape(-1, 3)
    colors = given if len(given) == len(spec.names) else class_colors(len(spec.names))
    palette[: len(colors)] = colors
    palette[IGNORE] = _IGNORED
    return palette


def encode_mask(mask: Mask, palette: Palette) -> bytes:
    """Encode class indices (H, W) as a PNG file with a palette; its pixels are the indices."""
    image = Image.fromarray(mask)
    image.putpalette(palette.tobytes())  # makes it of mode P, with the same indices
    return encode(image, "png")


def decode_mask(file: bytes) -> Mask:
    """Return the class indices (H, W) of `encode_mask`."""
    return np.array(Image.open(io.BytesIO(file)))


def read_palette(file: bytes) -> Palette:
    """Return the colors (256, 3) of `encode_mask`."""
    colors = Image.open(io.BytesIO(file)).getpalette() or []
    palette = np.zeros((256, 3), np.uint8)
    palette.reshape(-1)[: len(colors)] = colors
    return palette


def draw_overlay(pixels: NDArray[np.uint8], mask: Mask, palette: Palette) -> NDArray[np.uint8]:
    """Lay the colors of a mask (H, W) over the gray of an image (H, W, 1 or 3).

    Ignored pixels are hatched. Returns (H, W, 3).
    """
    gray = pixels @ _GRAY if pixels.shape[2] == 3 else pixels[..., 0].astype(np.float64)
    laid = (1 - _OPACITY) * gray[..., None] + _OPACITY * palette[mask]
    ignored = mask == IGNORE
    laid[ignored] = gray[ignored, None]
    laid[ignored & _stripes(mask.shape)] = _HATCHED
    return np.rint(laid).astype(np.uint8)


def make_legend(masks: Mask, spec: TargetSpec) -> tuple[tuple[str, NDArray[np.uint8]], ...]:
    """Return the classes in some masks with swatches (H, W, 3), and "ignored" if a pixel is."""
    palette, names = make_palette(spec), {**dict(enumerate(spec.names)), IGNORE: "ignored"}
    swatches = np.broadcast_to(palette[:, None, None], (256, _SWATCH, _SWATCH, 3)).copy()
    hatched = np.where(_stripes((_SWATCH, _SWATCH)), _HATCHED, 255)
    swatches[IGNORE] = hatched[..., None]
    return tuple((names[index], swatches[index]) for index in np.unique(masks).tolist())


def find_frame(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns of a true mask that are not ignored: without padding."""
    kept = mask != IGNORE
    if not kept.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _stripes(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where stripes are on a mask (H, W)."""
    rows, columns = np.indices(shape)
    return (rows + columns) // _STRIPE % 2 == 0
