"""A forecast as a file: the curve as SVG or PNG, or a page in HTML or Markdown."""

from __future__ import annotations

import html

from striate.evaluation.forecast import AHEAD, Forecast, Rows
from striate.plotting.chart import Axis, Bars, Chart, Line, Rule
from striate.plotting.chart_layout import draw_chart
from striate.plotting.png import to_png
from striate.plotting.shapes import BLUE, ORANGE
from striate.plotting.svg import to_svg
from striate.text import capitalize, format_percent, html_table, markdown_table

_LEFT, _LEFT_OF_CLASSES = (3,), (0, 6)  #: columns of names
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{padding:.2em .8em;white-space:nowrap}svg{max-width:100%;height:auto}"
)


def render_forecast(forecast: Forecast, suffix: str) -> bytes:
    """Return the bytes of a .svg, .png, .html or .md file."""
    match suffix:
        case ".svg":
            return to_svg(draw_chart(make_chart(forecast))).encode()
        case ".png":
            return to_png(draw_chart(make_chart(forecast)))
        case ".html":
            return _page(forecast).encode("utf-8", "backslashreplace")
        case _:
            return _markdown(forecast).encode("utf-8", "backslashreplace")


def make_chart(forecast: Forecast) -> Chart:
    """Return the curve with its intervals, and the law up to twice the images."""
    figure, images = forecast.figure, forecast.images
    percent = figure.form != "number"
    places = [place for place, *_ in forecast.curve]
    pairs = zip(forecast.curve, forecast.curve[1:], strict=False)
    means = [((a[2] + b[2]) / 2, (a[3] + b[3]) / 2) for a, b in pairs]
    band = Bars(
        tuple(places), tuple(high for _, high in means), tuple(low for low, _ in means),
        "95 % interval of the law", BLUE, 0.18,
    )  # fmt: skip
    law = [(place, value) for place, value, *_ in forecast.curve]
    known = tuple(point for point in law if point[0] <= images)
    ahead = tuple(point for point in law if point[0] >= images)
    dots = tuple(
        (float(size), point.value)
        for size, point in zip(forecast.sizes, forecast.points, strict=True)
    )
    return Chart(
        (
            band,
            Line(known, "power law", BLUE),
            Line(ahead, "", BLUE, dashes=(5, 4)),
            Rule(float(images), f"all {images:,}", width=1, dashes=(2, 3)),
            Line(dots, "mean of the heads", ORANGE, width=0, radius=4),
        ),
        forecast.title,
        Axis("training images", (places[0], places[-1]), log=True),
        Axis(figure.title, show=_percent) if percent else Axis(f"{figure.title} {figure.unit}"),
        width=640,
        height=400,
        name=f"{capitalize(figure.title)} over the number of training images, up to {AHEAD} times "
        "those there are",
    )


def _percent(value: float) -> str:
    return format_percent(value).replace(".0 %", " %")


def _tables(forecast: Forecast) -> list[tuple[str, Rows, tuple[int, ...]]]:
    """Return title, rows and columns of names of each table."""
    found: list[tuple[str, Rows, tuple[int, ...]]] = [("Learning curve", forecast.rows(), _LEFT)]
    if forecast.classes:
        found.append(("Classes", forecast.class_rows(), _LEFT_OF_CLASSES))
    return found


def _markdown(forecast: Forecast) -> str:
    parts = [
        "# Forecast",
        f"{capitalize(forecast.heading)}.",
        f"**{capitalize(forecast.verdict)}.**",
    ]
    for title, rows, left in _tables(forecast):
        parts += [f"## {title}", markdown_table(rows, left)]
    return "\n\n".join([*parts, f"The law: {forecast.law}\n"])


def _page(forecast: Forecast) -> str:
    """Return a page that loads nothing."""
    text = html.escape
    parts = [
        f"<h1>Forecast</h1><p><strong>{text(capitalize(forecast.verdict))}.</strong></p>",
        to_svg(draw_chart(make_chart(forecast))),
        f"<p>{text(capitalize(forecast.heading))}. The law: {text(forecast.law)}.</p>",
    ]
    for title, rows, left in _tables(forecast):
        parts.append(f"<h2>{title}</h2>{html_table(rows, left)}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Forecast</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )
