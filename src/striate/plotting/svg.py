"""Self-contained SVG rendering of a drawing, for light and dark mode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from striate.errors import printable
from striate.plotting.shapes import (
    COLORS,
    INK,
    PAPER,
    Box,
    Circle,
    Drawing,
    Label,
    Point,
    arrow_head,
)

_FONT = "font-family:system-ui,'Helvetica Neue',Arial,sans-serif"


def to_svg(drawing: Drawing, *, inline: bool = False) -> str:
    """Render as SVG at full width; `inline` inherits the page's colors and is never enlarged."""
    width, height = f"{drawing.width:.0f}", f"{drawing.height:.0f}"
    name = escape(printable(drawing.title))
    style = "" if inline else _style()
    most = f"max-width:{width}px;" if inline else ""
    paper = "" if inline else '<rect width="100%" height="100%" class="paper"/>\n'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" '
        f'viewBox="0 0 {width} {height}" role="img" class="striate-drawing" '
        f'style="{most}{_FONT}" fill="none" stroke-linejoin="round">\n'
        f"<title>The volumes of {name}</title>\n{style}{paper}"
        f'<g transform="translate(0 {drawing.down:.1f})">\n'
        f"{''.join(_shapes(drawing))}</g>\n</svg>\n"
    )


def _style() -> str:
    night = "@media (prefers-color-scheme:dark)"
    return (
        "<style>"
        f".striate-drawing{{color:{INK['light']}}} .paper{{fill:{PAPER['light']}}} "
        f"{night}{{.striate-drawing{{color:{INK['dark']}}} .paper{{fill:{PAPER['dark']}}}}}"
        "</style>\n"
    )


def _shapes(drawing: Drawing) -> Iterator[str]:
    lines = "".join(_open(line) for line in drawing.lines)
    arrows = "".join(_open(arrow) for arrow in drawing.arrows)
    heads = "".join(_closed(arrow_head(arrow)) for arrow in drawing.arrows)
    yield f'<path d="{lines}" stroke="currentColor" stroke-opacity=".45"/>\n'
    yield f'<path d="{arrows}" stroke="currentColor" stroke-opacity=".75"/>\n'
    yield f'<path d="{heads}" fill="currentColor"/>\n'
    for box in drawing.boxes:
        yield _box(box)
    for circle in drawing.circles:
        yield _circle(circle)
    for swatch in drawing.swatches:
        yield (
            f'<rect x="{swatch.x:.1f}" y="{swatch.y:.1f}" width="14" height="12" rx="2" '
            f'fill="{COLORS[swatch.sort]}"/>\n'
        )
    for label in drawing.labels:
        yield _label(label)


def _box(box: Box) -> str:
    upper, side = box.faces()
    return (
        f"<g><title>{escape(printable(box.text))}</title>"
        f'<path d="{_closed(box.outline())}" fill="{COLORS[box.sort]}"/>'
        f'<path d="{_closed(upper)}" fill="#fff" fill-opacity=".3"/>'
        f'<path d="{_closed(side)}" fill="#000" fill-opacity=".22"/></g>\n'
    )


def _circle(circle: Circle) -> str:
    return (
        f'<circle cx="{circle.x:.1f}" cy="{circle.y:.1f}" r="{circle.radius:g}" '
        'stroke="currentColor"/>'
        f'<text x="{circle.x:.1f}" y="{circle.y + 4.5:.1f}" font-size="14" '
        f'text-anchor="middle" fill="currentColor">{circle.sign}</text>\n'
    )


def _label(label: Label) -> str:
    weight = ' font-weight="600"' if label.bold else ""
    return (
        f'<text x="{label.x:.1f}" y="{label.y:.1f}" font-size="{label.size:g}"{weight} '
        f'text-anchor="{label.anchor}" fill="currentColor">'
        f"{escape(printable(label.text))}</text>\n"
    )


def _open(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _closed(points: Iterable[Point]) -> str:
    return _open(points) + "z"
