"""PNG rendering of a picture, on white."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any

from striate.errors import printable
from striate.plotting.shapes import (
    PAPER,
    PEN,
    SHARP,
    Bitmap,
    Circle,
    Fill,
    Picture,
    Point,
    Raster,
    Stroke,
    Text,
    Tooltip,
    rgb,
)

if TYPE_CHECKING:
    from PIL import Image

_FINE = 2  #: supersampling factor, for smooth edges
_BEFORE = {"start": 0, "middle": 0.5, "end": 1}  #: share of a text that is left of its place
_WORD = re.compile(r"[^ .]*[ .]?")  #: with what ends it


def to_png(picture: Picture) -> bytes:
    from PIL import Image

    from striate.plotting.ink import encode

    shapes = [shape for shape in picture.shapes if not isinstance(shape, Text | Tooltip)]
    bitmaps = [shape for shape in shapes if isinstance(shape, Bitmap) and shape.image.mode == "P"]
    if bitmaps and len(bitmaps) == len(shapes):
        return encode(_label(bitmaps, picture), "png", compress_level=1)
    drawn = any(isinstance(shape, Stroke | Fill | Circle) for shape in shapes)
    scale = SHARP * _FINE if drawn else SHARP  # pixels have no edges to be smoothed
    size = round(picture.width) * scale, round(picture.height) * scale
    image = Image.new("RGB", size, PAPER["light"])
    _Pen(image, scale, picture.down).draw(picture)
    image = image.reduce(_FINE) if drawn else image
    _letters(image, picture, lambda opacity: _mixed(PEN, opacity))
    if drawn:
        return encode(image, "png", optimize=True)
    return encode(image, "png", compress_level=1)  # pixels alone: many sheets are written


def _label(bitmaps: list[Bitmap], picture: Picture) -> Image.Image:
    """Draw letters around images of one byte a pixel, which is a third of the work of three."""
    from PIL import Image

    from striate.plotting.color import INK_AT, PAPER_AT

    size = round(picture.width) * SHARP, round(picture.height) * SHARP
    page = Image.new("P", size, PAPER_AT)
    page.putpalette(bitmaps[0].image.getpalette() or [])
    for bitmap in bitmaps:
        place = bitmap.x * SHARP, (bitmap.y + picture.down) * SHARP
        page.paste(bitmap.image, (round(place[0]), round(place[1])))
    _letters(page, picture, lambda opacity: PAPER_AT - round(opacity * (PAPER_AT - INK_AT)))
    return page


class _Pen:
    """Draws shapes given in CSS pixels at a scale."""

    def __init__(self, image: Image.Image, scale: int, down: float) -> None:
        from PIL import ImageDraw

        self.image, self.scale, self.down = image, scale, down
        self.drawer = ImageDraw.Draw(image, "RGBA")  # fills blend with what is below

    def at(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self.scale, (y + self.down) * self.scale) for x, y in points]

    def draw(self, picture: Picture) -> None:
        for shape in picture.shapes:
            match shape:
                case Stroke():
                    self.stroke(shape)
                case Fill():
                    color = (*rgb(shape.color), round(255 * shape.opacity))
                    for part in shape.parts:
                        self.drawer.polygon(self.at(part), color)
                case Circle():
                    self.circle(shape)
                case Raster():
                    self.raster(shape)
                case Bitmap():
                    self.bitmap(shape)
                case _:
                    pass  # text follows at the final resolution; tooltips are not seen

    def stroke(self, stroke: Stroke) -> None:
        color, width = _mixed(stroke.color, stroke.opacity), round(stroke.width * self.scale)
        for part in stroke.parts:
            for piece in dash(part, stroke.dashes):
                self.drawer.line(self.at(piece), color, width, joint="curve")

    def circle(self, circle: Circle) -> None:
        x, y, r = circle.x, circle.y, circle.radius + circle.width / 2
        corners, color = self.at([(x - r, y - r), (x + r, y + r)]), rgb(circle.color)
        if circle.width:
            self.drawer.ellipse(corners, None, color, round(circle.width * self.scale))
        else:
            self.drawer.ellipse(corners, (*color, round(255 * circle.opacity)))

    def raster(self, raster: Raster) -> None:
        from PIL import Image

        size = round(raster.width * self.scale), round(raster.height * self.scale)
        cells = Image.open(io.BytesIO(raster.png))
        cells = cells.convert("RGBA" if cells.has_transparency_data else "RGB")
        ((x, y),) = self.at([(raster.x, raster.y)])
        cells = cells.resize(size, Image.Resampling.NEAREST)
        self.image.paste(cells, (round(x), round(y)), cells if cells.mode == "RGBA" else None)

    def bitmap(self, bitmap: Bitmap) -> None:
        from PIL import Image

        fine = self.scale // SHARP
        size = bitmap.image.width * fine, bitmap.image.height * fine
        ((x, y),) = self.at([(bitmap.x, bitmap.y)])
        cells = bitmap.image.resize(size, Image.Resampling.NEAREST)
        self.image.paste(cells, (round(x), round(y)))


def dash(points: Sequence[Point], dashes: Sequence[float]) -> Iterator[Sequence[Point]]:
    """Cut a polyline into the dashes of a pattern; without one, yield it whole."""
    if not dashes:
        yield points
        return
    lengths = cycle(dashes)
    left, drawn, piece = next(lengths), True, [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        length, done = math.hypot(x1 - x0, y1 - y0), 0.0
        while length - done > left:
            done += left
            share = done / length
            cut = (x0 + share * (x1 - x0), y0 + share * (y1 - y0))
            if drawn:
                yield [*piece, cut]
            left, drawn, piece = next(lengths), not drawn, [cut]
        left -= length - done
        piece.append((x1, y1))
    if drawn and len(piece) > 1:
        yield piece


def _letters(image: Image.Image, picture: Picture, color: Callable[[float], Any]) -> None:
    """Draw text at the final resolution, since fonts are antialiased already.

    `color` turns an opacity into what the image draws with.
    """
    from striate.plotting.ink import draw_word

    for text in picture.shapes:
        if not isinstance(text, Text):
            continue
        words = [
            draw_word(word, text.size * SHARP, bold=text.bold)
            for word in _WORD.findall(printable(text.text))
        ]
        x, y = text.x * SHARP, round((text.y + picture.down) * SHARP)
        x -= _BEFORE[text.anchor] * sum(word.advance for word in words)
        for word in words:
            image.paste(color(text.opacity), (round(x) + word.left, y + word.top), word.mask)
            x += word.advance


def _mixed(color: str, opacity: float) -> tuple[int, int, int]:
    """Blend a color with white: where lines overlap themselves, nothing gets darker."""
    red, green, blue = (round(opacity * one + (1 - opacity) * 255) for one in rgb(color))
    return red, green, blue
