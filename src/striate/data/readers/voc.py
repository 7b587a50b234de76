"""Pascal VOC: its classes, and whether masks have its palette."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from striate.data.decoding.files import RefusedError, check_regular
from striate.data.decoding.sniff import png_chunks, sniff_format
from striate.data.listing.masks import MaskCodes
from striate.data.listing.samples import IGNORE
from striate.data.readers.class_table import ClassTable

_HEAD = 4096  #: bytes of a file; the palette of a PNG is near its beginning
_MOST = 100  #: masks looked at
_INDEXED, _COLORED = 3, 2  #: of a PNG: indices into a palette; the bit of colors


def voc_table() -> ClassTable:
    """Return the classes of Pascal VOC, whose border pixels, 255 or #e0e0c0, are of no class.

    Everingham et al. 2010, https://doi.org/10.1007/s11263-009-0275-4; the colors are those of its
    development kit: bits of the index, spread over red, green and blue.
    """
    names = tuple(_VOC.split())
    colors = tuple(map(_voc_color, range(len(names))))
    values = (*((index, index) for index in range(len(names))), (IGNORE, IGNORE))
    colored = (*((color, index) for index, color in enumerate(colors)), (0xE0E0C0, IGNORE))
    return ClassTable(names, MaskCodes(values, colored), colors)


def find_other_mask(root: Path, masks: Sequence[str]) -> str:
    """Return the first mask that is gray or has another palette than Pascal VOC; "" if none is.

    The values of such masks may stand for any classes. Up to 100 masks, evenly spaced, are looked
    at. Those in colors, which are of VOC or of no class, and those that cannot be read pass.
    """
    palette = b"".join(color.to_bytes(3, "big") for color in voc_table().colors)
    some = masks[:: max(1, -(-len(masks) // _MOST))]
    return next((mask for mask in some if _is_other(root / mask, palette)), "")


def _is_other(path: Path, palette: bytes) -> bool:
    try:
        with check_regular(path) as file:
            data = file.read(_HEAD)
    except RefusedError:
        return False
    form = sniff_format(data)
    if form != "PNG":
        return form not in ("", "JPEG")  # a JPEG is refused: its values have changed
    if data[25:26] != bytes([_INDEXED]):
        return len(data) > 25 and not data[25] & _COLORED
    chunks = (data[start + 8 : end - 4] for name, start, end in png_chunks(data) if name == b"PLTE")
    return not palette.startswith(next(chunks, b"")[: len(palette)])


def _voc_color(index: int) -> int:
    color = 0
    for bit in range(8):
        for channel, shift in enumerate((16, 8, 0)):
            color |= (index >> (3 * bit + channel) & 1) << (7 - bit) << shift
    return color


_VOC = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse "
    "motorbike person pottedplant sheep sofa train tvmonitor"
)
