"""PNG rendering of a drawing, on white."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from striate.errors import printable
from striate.plotting.shapes import COLORS, INK, PAPER, Box, Drawing, Point, arrow_head

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

SHARP = 2  #: PNG pixels per unit of the drawing
_FINE = 2  #: supersampling factor, for smooth edges
_WHITE, _BLACK = "#ffffff", "#000000"


def to_png(drawing: Drawing) -> bytes:
    from PIL import Image, ImageDraw

    scale = SHARP * _FINE
    size = round(drawing.width) * scale, round(drawing.height) * scale
    image = Image.new("RGB", size, PAPER["light"])
    _Pen(ImageDraw.Draw(image), scale, drawing.down).draw(drawing)
    image = image.resize((size[0] // _FINE, size[1] // _FINE), Image.Resampling.BOX)
    _letters(image, drawing)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


class _Pen:
    """Draws shapes given in CSS pixels at a scale."""

    def __init__(self, draw: ImageDraw.ImageDraw, scale: int, down: float) -> None:
        self.draw_on, self.scale, self.down = draw, scale, down

    def at(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self.scale, (y + self.down) * self.scale) for x, y in points]

    def draw(self, drawing: Drawing) -> None:
        for line in drawing.lines:
            self.draw_on.line(self.at(line), _mixed(INK["light"], _WHITE, 0.45), self.scale)
        for arrow in drawing.arrows:
            self.draw_on.line(self.at(arrow), _mixed(INK["light"], _WHITE, 0.75), self.scale)
            self.draw_on.polygon(self.at(arrow_head(arrow)), INK["light"])
        for box in drawing.boxes:
            self.box(box)
        for c in drawing.circles:
            corners = [(c.x - c.radius, c.y - c.radius), (c.x + c.radius, c.y + c.radius)]
            self.draw_on.ellipse(self.at(corners), _WHITE, INK["light"], self.scale)
        for swatch in drawing.swatches:
            corners = [(swatch.x, swatch.y), (swatch.x + 14, swatch.y + 12)]
            color = COLORS[swatch.sort]
            self.draw_on.rounded_rectangle(self.at(corners), 2 * self.scale, color)

    def box(self, box: Box) -> None:
        color = COLORS[box.sort]
        upper, side = box.faces()
        self.draw_on.polygon(self.at(box.outline()), color)
        self.draw_on.polygon(self.at(upper), _mixed(_WHITE, color, 0.3))
        self.draw_on.polygon(self.at(side), _mixed(_BLACK, color, 0.22))


def _letters(image: Image.Image, drawing: Drawing) -> None:
    """Draw text at the final resolution, since fonts are antialiased already."""
    from PIL import ImageDraw, ImageFont

    draw, fonts = ImageDraw.Draw(image), dict[float, ImageFont.FreeTypeFont | ImageFont.ImageFont]()
    signs = [(c.x, c.y + 4.5, c.sign, 14.0, False, "middle") for c in drawing.circles]
    texts = [(a.x, a.y, a.text, a.size, a.bold, a.anchor) for a in drawing.labels]
    for x, y, text, size, bold, anchor in (*signs, *texts):
        font = fonts.setdefault(size, ImageFont.load_default(size * SHARP))
        place = (x * SHARP, (y + drawing.down) * SHARP)
        draw.text(
            place,
            printable(text),
            INK["light"],
            font,
            "ms" if anchor == "middle" else "ls",
            stroke_width=0.3 if bold else 0,
        )


def _mixed(over: str, under: str, share: float) -> tuple[int, int, int]:
    """Blend a color over another with opacity `share`."""
    one, two = ([int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in (over, under))
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, two, strict=True))
    return red, green, blue
