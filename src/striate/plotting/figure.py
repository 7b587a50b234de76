"""Figures: panels side by side, and galleries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from PIL import Image, ImageDraw

from striate.plotting.ink import GRAY, INK, PAPER, font, paste_framed, shorten, text_width
from striate.plotting.panels import Bar, Panel

MARGIN = 56
GAP = 56
_APART, _NARROWEST = 36, 220  #: gap and minimum width of gallery tiles
_TITLE_MOST = 420  #: most pixels of a title beyond its image
_TITLE, _SMALL, _ROW = 24, 19, 28
_BAR_WIDE, _BAR_GAP, _BAR_LEAST = 18, 18, 96


@dataclass(frozen=True)
class _Column:
    """A panel in a row and its width in pixels."""

    panel: Panel
    wide: int

    @classmethod
    def of(cls, panel: Panel) -> _Column:
        title = min(text_width(panel.title, _TITLE), _TITLE_MOST)
        lines = max((text_width(line, _SMALL) for line in panel.lines), default=0)
        return cls(panel, max(panel.image.width + _bar_room(panel.bar), title, lines))


def draw_side_by_side(panels: Sequence[Panel]) -> Image.Image:
    """Draw panels in a row, vertically centered, with captions aligned below."""
    columns = [_Column.of(panel) for panel in panels]
    high = max(_BAR_LEAST, *(panel.image.height for panel in panels))
    lines = max(len(panel.lines) for panel in panels)
    wide = 2 * MARGIN + sum(each.wide for each in columns) + GAP * (len(columns) - 1)
    figure = Image.new("RGB", (wide, 2 * MARGIN + high + _ROW * (lines + 1) + 12), PAPER)
    starts = accumulate((each.wide + GAP for each in columns), initial=MARGIN)
    for column, left in zip(columns, starts, strict=False):
        image, middle = column.panel.image, MARGIN + high // 2
        paste_framed(figure, image, (left, middle - image.height // 2))
        if column.panel.bar:
            beside = left + image.width + _BAR_GAP
            _bar(figure, column.panel.bar, beside, middle, max(image.height, _BAR_LEAST))
        _caption(figure, column.panel, (left, MARGIN + high + 18), column.wide)
    return figure


def draw_gallery(
    tiles: Sequence[tuple[Panel, Panel | None]], across: int, title: str, note: str, legend: Bar
) -> Image.Image:
    """Draw panels in rows of `across`, each with a small panel of its kernel beside the caption.

    Title on top, then a note common to all tiles, and a color legend.
    """
    side, high = (max(panel.image.size[axis] for panel, _ in tiles) for axis in (0, 1))
    side = max(side, _NARROWEST)
    lines = max(len(panel.lines) for panel, _ in tiles)
    tall = 14 + _ROW * (lines + 1)  # of a caption
    rows, top = -(-len(tiles) // across), MARGIN + 96
    wide = across * side + (across - 1) * _APART
    size = wide + 2 * MARGIN, top + rows * (high + tall) + (rows - 1) * _APART + MARGIN - 12
    figure = Image.new("RGB", size, PAPER)
    _heading(figure, title, note)
    _legend(figure, legend, size[0] - MARGIN, MARGIN + 62)
    for at, (panel, kernel) in enumerate(tiles):
        left = MARGIN + at % across * (side + _APART)
        upper = top + at // across * (high + tall + _APART)
        lower, room = upper + high + 14, side
        paste_framed(figure, panel.image, (left + (side - panel.image.width) // 2, upper))
        if kernel:
            room -= kernel.image.width + 12
            paste_framed(figure, kernel.image, (left + side - kernel.image.width, lower + 2))
        _caption(figure, panel, (left, lower), room)
    return figure


def _heading(figure: Image.Image, title: str, note: str) -> None:
    draw, most = ImageDraw.Draw(figure), figure.width - 2 * MARGIN
    draw.text((MARGIN, MARGIN), shorten(title, 30, most), INK, font(30), "lt")
    draw.text((MARGIN, MARGIN + 62), note, GRAY, font(_SMALL), "ls")


def _caption(figure: Image.Image, panel: Panel, place: tuple[int, int], most: int) -> None:
    draw, (left, top) = ImageDraw.Draw(figure), place
    draw.text((left, top), shorten(panel.title, _TITLE, most), INK, font(_TITLE), "la")
    for number, line in enumerate(panel.lines):
        below = top + 6 + _ROW * (number + 1)
        draw.text((left, below), shorten(line, _SMALL, most), GRAY, font(_SMALL), "la")


def _bar_room(bar: Bar | None) -> int:
    if bar is None:
        return 0
    return _BAR_GAP + _BAR_WIDE + 10 + max(text_width(label, _SMALL) for label in bar.labels)


def _bar(figure: Image.Image, bar: Bar, left: int, middle: int, high: int) -> None:
    """Draw a color bar beside a panel, labeled at its ends and zero."""
    top = middle - high // 2
    ramp = bar.ramp(high).transpose(Image.Transpose.ROTATE_90)
    paste_framed(figure, ramp.resize((_BAR_WIDE, high)), (left, top))
    draw, last = ImageDraw.Draw(figure), len(bar.labels) - 1
    for number, label in enumerate(bar.labels):
        place = left + _BAR_WIDE + 10, top + round(number * (high - 1) / last)
        anchor = {0: "lt", last: "ls"}.get(number, "lm")
        draw.text(place, label, GRAY, font(_SMALL), anchor)


def _legend(figure: Image.Image, bar: Bar, right: int, bottom: int) -> None:
    """Draw the right-aligned color legend of signed results."""
    ramp, draw = bar.ramp(160).resize((160, 16)), ImageDraw.Draw(figure)
    left = right - text_width("above 0", _SMALL) - 12 - ramp.width
    paste_framed(figure, ramp, (left, bottom - 15))
    draw.text((left + ramp.width + 12, bottom), "above 0", GRAY, font(_SMALL), "ls")
    draw.text((left - 12, bottom), "below 0", GRAY, font(_SMALL), "rs")
