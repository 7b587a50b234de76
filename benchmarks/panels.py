"""Small line charts side by side, as one SVG without scripts or fonts of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from striate.plotting.shapes import INK, PAPER
from striate.summary.drawing_shapes import COLORS

STYLE = (
    f"<style>.plot{{color:{INK['light']}}} .paper{{fill:{PAPER['light']}}} "
    f"@media (prefers-color-scheme:dark){{.plot{{color:{INK['dark']}}} "
    f".paper{{fill:{PAPER['dark']}}}}}</style>"
)
#: the same by day and by night; lines differ in their dashes as well
STROKES = tuple(COLORS[sort] for sort in ("pooling", "dense", "block", "upsampling"))
DASHES = ("", "7 3", "2 3", "9 3 2 3")
ACROSS, WIDE, HIGH = 3, 270, 200  #: panels in a row, at most; pixels of each
NAMED, ROW = 180, 20  #: pixels of a name below the panels, at least, and of a row of them
MARKS = 13  #: most numbers below a panel
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 26, 36  #: pixels around the lines

Line = Sequence[float]


def panels(
    title: str, charts: Mapping[str, tuple[Sequence[float], Mapping[str, Line]]], y_label: str
) -> str:
    """A chart for each name: its x values, and lines of values from 0 to 1 by what they are.

    A line may have fewer values than there are places.
    """
    across = min(ACROSS, len(charts))
    rows = -(-len(charts) // across)
    names = list(next(iter(charts.values()))[1])
    width = across * WIDE
    below = -(-len(names) // (width // NAMED))
    beside = -(-len(names) // below)
    height = rows * HIGH + 14 + ROW * below
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        'class="plot" font-family="sans-serif" font-size="11" role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
        '<rect width="100%" height="100%" class="paper"/>',
    ]
    for number, (name, (xs, lines)) in enumerate(charts.items()):
        x, y = number % across * WIDE, number // across * HIGH
        parts += [f'<g transform="translate({x},{y})">', *_chart(name, xs, lines, y_label), "</g>"]
    for number, name in enumerate(names):
        x = 40 + number % beside * (width - 60) / beside
        y = rows * HIGH + 18 + ROW * (number // beside)
        parts.append(f'<path d="M{x:.0f} {y}h26" {_stroke(number)}/>')
        parts.append(
            f'<text x="{x + 32:.0f}" y="{y + 4}" fill="currentColor">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _chart(name: str, xs: Sequence[float], lines: Mapping[str, Line], y_label: str) -> list[str]:
    low, high = min(xs), max(xs)

    def across(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDE - LEFT - RIGHT)

    def down(value: float) -> float:
        return HIGH - BOTTOM - value * (HIGH - TOP - BOTTOM)

    parts = list[str]()
    for value in (0, 0.25, 0.5, 0.75, 1):
        y = down(value)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDE - RIGHT}" stroke="currentColor" stroke-opacity=".2"/>'
        )
        parts.append(_text(LEFT - 5, y + 4, f"{value:g}", "end"))
    parts += [
        _text(across(value), HIGH - BOTTOM + 14, f"{value:g}")
        for value in xs[:: -(-len(xs) // MARKS)]
    ]
    parts.append(_text((LEFT + WIDE - RIGHT) / 2, HIGH - 8, name))
    parts.append(_text(LEFT, TOP - 10, y_label, "start"))
    for number, values in enumerate(lines.values()):
        points = [(across(x), down(y)) for x, y in zip(xs, values, strict=False)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{joined}" {_stroke(number)}/>')
    return parts


def _stroke(number: int) -> str:
    dashes = f' stroke-dasharray="{DASHES[number]}"' if DASHES[number] else ""
    return f'fill="none" stroke="{STROKES[number]}" stroke-width="2"{dashes}'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{escape(text)}</text>'
