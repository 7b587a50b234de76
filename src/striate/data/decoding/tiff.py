"""TIFF tags of the first page, and the sample format they define.

Pillow decodes JPEG and fax compressed pages; for all others it at most decompresses, and the tags
are interpreted here. References: TIFF 6.0; its supplement on predictors 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from PIL import TiffImagePlugin

from striate.data.decoding.files import RefusedError

WHITE_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 0, 2, 3, 5, 6, 8, 9
#: photometric interpretation -> number of color samples
COLORS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3, 9: 3}
NONE, DEFLATE, PACKBITS = 1, {8, 32946}, 32773
_PACKED, _FAX, _JPEG = {5, 34925, 50000}, {2, 3, 4}, {6, 7}
_UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_FORMATS = {1: "unsigned", 2: "signed", 3: "floating-point", 4: "undefined", 5: "complex"}
_DEFAULT_LUMA, _DEFAULT_RANGE = (0.299, 0.587, 0.114), (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
_SAVE = "save it with 8 or 16 bits a value"


@dataclass(frozen=True)
class Page:
    """First page of a TIFF, as described by its tags."""

    width: int  #: as stored, before applying the orientation
    height: int
    bits: int
    samples: int
    format: int  #: 1 unsigned, 2 signed, 3 floating-point
    photometric: int
    compression: int
    predictor: int
    planes: int  #: 1: samples of a pixel are interleaved; otherwise one plane per sample
    alpha: tuple[int, bool] | None  #: index of the alpha sample; whether it is premultiplied
    chunk: tuple[int, int]  #: width and height of a tile or strip
    tiled: bool
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    order: str  #: "<" or ">"
    reversed_bits: bool
    color_map: tuple[int, ...]
    orientation: int
    more: bool  #: whether more pages follow

    @property
    def size(self) -> tuple[int, int]:
        """Width and height after applying the orientation."""
        turned = self.orientation >= 5
        return (self.height, self.width) if turned else (self.width, self.height)

    @property
    def channels(self) -> int:
        return 1 if self.photometric in {0, 1} else 3

    @property
    def by_pillow(self) -> bool:
        """Whether Pillow decodes the values, rather than only decompressing bytes."""
        return self.compression in _FAX | _JPEG

    @property
    def needed(self) -> int:
        """Peak memory of the values and the resulting image, in bytes."""
        converted = self.photometric > PALETTE and not (
            self.by_pillow and self.photometric == YCBCR
        )
        made = 1 if self.channels == 1 else 8 if converted else 4
        if self.by_pillow:
            kept = 1 if self.bits == 1 else 0
        else:
            alpha = 0 if self.alpha is None else 3
            kept = (3 if self.photometric == PALETTE else COLORS[self.photometric]) + alpha
        turned = 2 * made if self.orientation > 1 else 0
        images = self.width * self.height * max(kept + made, turned)
        if self.compression == NONE:
            return images
        samples = self.samples if self.planes == 1 else 1
        return images + 2 * (self.chunk[0] * self.chunk[1] * samples * self.bits // 8)


def page(file: BinaryIO) -> Page:
    """Read the tags of the first page. Raises RefusedError if damaged or unsupported."""
    try:
        start = file.read(16)
        # Pillow reads this nonstandard header with mixed byte orders.
        tags = TiffImagePlugin.ImageFileDirectory_v2(start if start[2:4] in _BIG else start[:8])
        file.seek(tags.next)
        tags.load(file)
        return _page(tags, "<" if start[:1] == b"I" else ">")
    except RefusedError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise RefusedError("unreadable", f"the tags of the TIFF are damaged ({reason})") from error


_BIG = (b"+\0", b"\0+")


def _page(tags: Any, order: str) -> Page:
    width, height = _one(tags, 256, 0), _one(tags, 257, 0)
    compression = _one(tags, 259, 1)
    samples = _one(tags, 277, 3 if compression == 6 else 1)
    bits, formats = _all(tags, 258, (1,)), _all(tags, 339, (1,))
    photometric = _one(tags, 262, -1) if compression != 6 else YCBCR
    tiled = 322 in tags
    chunk = (_one(tags, 322, 0), _one(tags, 323, 0)) if tiled else (width, _one(tags, 278, height))
    offsets = _all(tags, 324 if tiled else 273, ())
    if len(set(bits)) > 1 or len(set(formats)) > 1:
        raise _unsupported(f"its samples differ: {_listed(bits)} bits of format {_listed(formats)}")
    if min(width, height, samples, bits[0], *chunk) < 1:
        raise RefusedError("unreadable", f"its size is {width} x {height} x {samples}")
    found = Page(
        width=width,
        height=height,
        bits=bits[0],
        samples=samples,
        # undefined sample format means unsigned integers, as in the specification
        format={4: _UNSIGNED}.get(formats[0], formats[0]),
        photometric=photometric,
        compression=compression,
        predictor=_one(tags, 317, 1) if compression in _PACKED | DEFLATE else 1,
        planes=samples if _one(tags, 284, 1) == 2 and samples > 1 else 1,
        alpha=None,
        chunk=chunk if tiled else (width, min(chunk[1], height)),
        tiled=tiled,
        offsets=offsets,
        lengths=_all(tags, 325 if tiled else 279, ()),
        order=order,
        reversed_bits=_one(tags, 266, 1) == 2,
        color_map=_all(tags, 320, ()),
        orientation=_one(tags, 274, 1) if _one(tags, 274, 1) in range(1, 9) else 1,
        more=bool(tags.next),
    )
    _refuse_unknown(found)
    _refuse_other_colors(found, tags)
    return _with_alpha(found, _all(tags, 338, ()))


def _one(tags: Any, tag: int, default: int) -> int:
    return int(_all(tags, tag, (default,))[0])


def _all(tags: Any, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    found = tags.get(tag, default)
    return tuple(found) if isinstance(found, tuple | list) else (found,)


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values[:6]))


def _unsupported(what: str) -> RefusedError:
    return RefusedError("unsupported", what)


def _refuse_unknown(page: Page) -> None:
    if page.photometric == -1:
        raise _unsupported(
            f"no tag says what its values mean (photometric interpretation); {_SAVE}"
        )
    if page.photometric not in COLORS:
        raise _unsupported(f"photometric interpretation {page.photometric} is not read; {_SAVE}")
    if page.compression not in {NONE, PACKBITS} | DEFLATE | _PACKED | _FAX | _JPEG:
        raise _unsupported(f"compression {page.compression} is not read; save it without")
    known = {_UNSIGNED: range(1, 65), SIGNED: range(32, 33), FLOAT: (16, 32, 64)}
    if page.bits not in known.get(page.format, ()):
        # white of signed values is undefined; 32-bit ones are used to store 16 bits
        name = _FORMATS.get(page.format, f"format {page.format}")
        raise _unsupported(f"{name} values of {page.bits} bits are not read; {_SAVE}")
    known_predictors = {1} if page.bits not in (8, 16, 32, 64) else {1, 2}
    if page.predictor not in known_predictors | ({3} if page.format == FLOAT else set()):
        raise _unsupported(f"predictor {page.predictor} of {page.bits} bits is not read; {_SAVE}")
    if page.format == SIGNED and page.photometric == WHITE_IS_ZERO:
        raise _unsupported(f"signed values whose zero is white are not read; {_SAVE}")
    if page.samples < COLORS[page.photometric]:
        raise _unsupported(f"{page.samples} samples a pixel are too few for its colors")
    plain = page.format == _UNSIGNED and page.planes == 1
    if page.compression in _FAX and not (plain and page.bits == page.samples == 1):
        raise _unsupported(f"a fax of {page.bits} bits and {page.samples} samples is not read")
    if page.compression in _JPEG and not (plain and page.bits == 8 and page.photometric < 8):
        raise _unsupported("a JPEG of other than 8 bits, or of planes apart, is not read in a TIFF")


def _refuse_other_colors(page: Page, tags: Any) -> None:
    deep = page.bits > 8 or page.format != _UNSIGNED
    if page.photometric == PALETTE:
        if page.format != _UNSIGNED or page.bits > 16:
            raise _unsupported("the numbers of its colors are no whole numbers of up to 16 bits")
        if len(page.color_map) != 3 << page.bits:
            raise RefusedError("unreadable", f"its color map has {len(page.color_map)} entries")
    if page.photometric == CMYK and _one(tags, 332, 1) != 1:
        raise _unsupported("its inks are others than cyan, magenta, yellow and black")
    if page.photometric > CMYK and (deep or page.bits != 8):
        raise _unsupported(f"YCbCr and Lab of {page.bits} bits are not read; save it as RGB")
    if page.photometric == YCBCR and page.compression not in _JPEG:
        luma = tuple(map(float, _all(tags, 529, _DEFAULT_LUMA)))  # pyright: ignore[reportArgumentType]
        span = tuple(map(float, _all(tags, 532, _DEFAULT_RANGE)))  # pyright: ignore[reportArgumentType]
        same = zip((*luma, *span), (*_DEFAULT_LUMA, *_DEFAULT_RANGE), strict=True)
        if not all(math.isclose(a, b, abs_tol=1e-3) for a, b in same):
            raise _unsupported("its YCbCr has other coefficients than JPEG; save it as RGB")
        if page.planes == 1 and _all(tags, 530, (2, 2)) != (1, 1):
            raise _unsupported("its YCbCr is subsampled without JPEG; save it as RGB")


def _with_alpha(page: Page, extra: tuple[int, ...]) -> Page:
    colors = COLORS[page.photometric]
    if not extra and (page.photometric, page.samples) == (RGB, 4):
        extra = (2,)  # many programs omit the tag
    found = next((n for n, kind in enumerate(extra) if kind in (1, 2)), None)
    if found is None or colors + found >= page.samples:
        return page
    multiplied = extra[found] == 1
    if multiplied and page.photometric not in {1, RGB}:
        raise _unsupported("its colors are multiplied by alpha, which is read of gray and RGB only")
    return replace(page, alpha=(colors + found, multiplied))
