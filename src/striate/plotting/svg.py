"""Self-contained SVG rendering of a picture, for light and dark mode."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from striate.errors import printable
from striate.plotting.shapes import (
    INK,
    PAPER,
    PEN,
    SHARP,
    Bitmap,
    Circle,
    Fill,
    Picture,
    Point,
    Raster,
    Shape,
    Stroke,
    Text,
)

_FONT = "font-family:system-ui,'Helvetica Neue',Arial,sans-serif"


def to_svg(picture: Picture, *, inline: bool = False) -> str:
    """Render as SVG; `inline` inherits the page's colors and is never enlarged."""
    width, height = f"{picture.width:.0f}", f"{picture.height:.0f}"
    name = escape(printable(picture.title))
    fluid = inline or picture.fluid
    size = 'width="100%"' if fluid else f'width="{width}" height="{height}"'
    most = f"max-width:{width}px;" if inline else ""
    label = f' aria-label="{name}"' if inline else ' xmlns="http://www.w3.org/2000/svg"'
    head = "" if inline else f"<title>{name}</title>\n{_style()}{_PAPER}"
    shapes = "".join(_shape(shape) for shape in picture.shapes)
    if picture.down:
        shapes = f'<g transform="translate(0 {picture.down:.1f})">\n{shapes}</g>\n'
    return (
        f'<svg{label} {size} viewBox="0 0 {width} {height}" role="img" class="striate-drawing" '
        f'style="{most}{_FONT}" fill="none" stroke-linejoin="round">\n{head}{shapes}</svg>\n'
    )


_PAPER = '<rect width="100%" height="100%" class="paper"/>\n'


def _style() -> str:
    night = "@media (prefers-color-scheme:dark)"
    return (
        "<style>"
        f".striate-drawing{{color:{INK['light']}}} .paper{{fill:{PAPER['light']}}} "
        f"{night}{{.striate-drawing{{color:{INK['dark']}}} .paper{{fill:{PAPER['dark']}}}}}"
        "</style>\n"
    )


def _shape(shape: Shape) -> str:
    match shape:
        case Stroke():
            dashes = " ".join(f"{length:g}" for length in shape.dashes)
            return (
                f'<path d="{"".join(map(_open, shape.parts))}" '
                f"{_paint('stroke', shape.color, shape.opacity)}"
                + (f' stroke-width="{shape.width:g}"' if shape.width != 1 else "")
                + (f' stroke-dasharray="{dashes}"' if dashes else "")
                + "/>\n"
            )
        case Fill():
            closed = "".join(f"{_open(part)}z" for part in shape.parts)
            return f'<path d="{closed}" {_paint("fill", shape.color, shape.opacity)}/>\n'
        case Circle():
            place = f'cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}"'
            width = f' stroke-width="{shape.width:g}"' if shape.width > 1 else ""
            return f"<circle {place} {_paint(*_round(shape), shape.opacity)}{width}/>\n"
        case Text():
            return _text(shape)
        case Raster():
            return _image(shape.png, shape.x, shape.y, shape.width, shape.height)
        case Bitmap(image=image):
            from striate.plotting.ink import encode

            png = encode(image, "png", optimize=True)
            return _image(png, shape.x, shape.y, image.width / SHARP, image.height / SHARP)
        case _:
            return (
                f'<rect class="tooltip" {_area(shape.x, shape.y, shape.width, shape.height)} '
                f'fill="currentColor" fill-opacity="0"><title>{escape(printable(shape.text))}'
                "</title></rect>\n"
            )


def _image(png: bytes, x: float, y: float, width: float, height: float) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<image {_area(x, y, width, height)} preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>\n'
    )


def _round(circle: Circle) -> tuple[str, str]:
    return ("stroke" if circle.width else "fill"), circle.color


def _text(text: Text) -> str:
    weight = ' font-weight="600"' if text.bold else ""
    return (
        f'<text x="{text.x:.1f}" y="{text.y:.1f}" font-size="{text.size:g}"{weight} '
        f'text-anchor="{text.anchor}" {_paint("fill", PEN, text.opacity)}>'
        f"{escape(printable(text.text))}</text>\n"
    )


def _paint(kind: str, color: str, opacity: float = 1) -> str:
    see_through = f' {kind}-opacity="{opacity:g}"' if opacity < 1 else ""
    return f'{kind}="{"currentColor" if color == PEN else color}"{see_through}'


def _area(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _open(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
