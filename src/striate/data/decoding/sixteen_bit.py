"""16-bit PNG and PPM, rounded to the nearest 8-bit value (Pillow would truncate)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from striate.data.decoding.colors import Alphas, Converted, boxes, lay
from striate.data.decoding.files import RefusedError

#: Pillow's layouts that keep the high byte of each value -> those that keep the low byte; gray with
#: alpha has four bytes a pixel, and RGBA keeps them all
PNG_LAYOUTS = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}


def png(image: ImageFile.ImageFile, again: Callable[[], ImageFile.ImageFile]) -> Converted:
    """Convert a 16-bit PNG with color or alpha; `again` opens it a second time."""
    layout = image.tile[0].args
    assert isinstance(layout, str)
    low = image if layout == "LA;16B" else again()
    low.tile = [low.tile[0]._replace(args=PNG_LAYOUTS[layout])]
    image.load()
    low.load()
    mode, alphas = "L" if low is image else "RGB", Alphas()
    clear = image.info.get("transparency")
    found = Image.new(mode, image.size)
    for box in boxes(image.size):
        bytes_high = np.asarray(image.crop(box), np.uint16)
        if low is image:
            values = bytes_high[..., ::2] << 8 | bytes_high[..., 1::2]
        else:
            values = bytes_high << 8 | np.asarray(low.crop(box), np.uint16)
        eight = scaled(values, 65535)
        if clear is not None:
            opaque = (values != np.array(clear, np.uint16)).any(axis=2, keepdims=True)
            eight = np.concatenate([eight, opaque * np.uint8(255)], axis=2)
        band = Image.fromarray(eight)
        found.paste(band if band.mode == mode else lay(band, mode, alphas), box[:2])
    return Converted(found, ("16 bit", *alphas.kinds))


def netpbm(image: ImageFile.ImageFile, data: bytes) -> Converted:
    """Convert a binary PGM or PPM whose maximum is neither 255 nor, in gray, 65,535."""
    tile = image.tile[0]
    assert isinstance(tile.args, tuple)
    layout, largest = tile.args
    kind = ">u2" if largest > 255 else "u1"
    bands = 1 if layout == "L" else 3
    wide, high = image.size
    count = wide * high * bands
    if len(data) < tile.offset + count * np.dtype(kind).itemsize:
        raise RefusedError("truncated", "the end of the PPM is missing")
    values = np.frombuffer(data, kind, count, tile.offset).reshape(high, wide, bands)
    found = Image.new("L" if bands == 1 else "RGB", image.size)
    for box in boxes(image.size):
        eight = scaled(values[box[1] : box[3]], largest)
        found.paste(Image.fromarray(eight[..., 0] if bands == 1 else eight), box[:2])
    return Converted(found, ("16 bit",) if largest > 255 else ())


def scaled(values: NDArray[np.integer], largest: int) -> NDArray[np.uint8]:
    """Scale values 0 to `largest`, up to 16 bits, to 0 to 255, rounded to nearest."""
    wide = np.minimum(values, largest).astype(np.uint32)
    return ((wide * 255 + largest // 2) // largest).astype(np.uint8)
