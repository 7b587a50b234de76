"""What the report shows of distorted images: a small chart and a strip of images for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import cv2
import numpy as np
from PIL import Image

from striate.evaluation.invariance_result import Invariance, Point
from striate.plotting.chart import Axis, Cells, Chart, Line
from striate.plotting.ink import encode
from striate.plotting.shapes import SERIES
from striate.tasks.sections import Cell, Charts, Head, Section, Table, Text
from striate.text import capitalize, count_noun, format_percent, shorten
from striate.vision.distortions import DISTORTIONS

_SIDE = 64  #: most pixels of an image's side in a strip
_WIDTH, _HEIGHT, _STRIP = 360, 220, 116  #: of a chart, and height of a strip
_TILE = 48  #: width of an image in a strip, in CSS pixels
_NAME = 24  #: most letters of a model in a legend
#: form of a change -> what the dashed lines are
_CHANGES = {
    "share": "the share of the answers that are not those of the images themselves",
    "percent": "the share of an image's pixels that are answered unlike those of the image itself",
    "number": "how far the numbers are from those of the images themselves",
}


def make_sections(found: Invariance) -> tuple[Section, ...]:
    """Return the section of the report: the worst kinds in words, then every kind."""
    figure = found.points[0].score.figure
    changes = f" Dashed: {_CHANGES[found.change.form]}." if found.change else ""
    images = count_noun(len(found.plain[0]), "image")
    explanation = (
        f"{images} of {found.of:,}, distorted in one way at a time. Lines: the {figure.title} at "
        f"each level, undistorted on the left.{changes} With each chart stands one image at every "
        "level. Borders are reflected, so that no black corner gives the distortion away."
    )
    parts = [Text(line) for line in found.remarks()]
    rows = [Charts((make_curves(found, kind), make_strip(found, kind))) for kind in found.kinds]
    tables = [_tabulate(found, model) for model in found.models]
    return (Section("What the network does not mind", explanation, (*parts, *rows, *tables)),)


def make_curves(found: Invariance, kind: str) -> Chart:
    """Return the score of each model over the levels of a kind, and dashed how answers change."""
    figure, lines = found.points[0].score.figure, list[Line]()
    for model, color in zip(found.models, cycle(SERIES), strict=False):
        points = found.curve(model, kind)
        label = shorten(model, _NAME)
        lines.append(Line(tuple(map(_score, range(len(points)), points)), label, color))
        if found.change:
            changed = tuple(map(_changed, range(len(points)), points))
            lines.append(Line(changed, "", color, width=1.5, dashes=(4, 3)))
    unit = f", {figure.unit}" * bool(figure.unit)
    shares = figure.form != "number"
    y = Axis(figure.title, (0, 1), show=_percent) if shares else Axis(f"{figure.title}{unit}")
    return Chart(
        tuple(lines), capitalize(kind), _levels(kind), y, _WIDTH, _HEIGHT,
        name=f"{figure.title} by {kind}",
    )  # fmt: skip


def _tabulate(found: Invariance, model: str) -> Table:
    """Return the scores of a model, in brackets how its answers change."""
    kinds = [(kind, found.curve(model, kind)) for kind in found.kinds]
    most = max(len(points) for _, points in kinds)
    title = found.points[0].score.figure.title
    changes = f" ({found.change.title})" if found.change else ""
    name = f"{shorten(model, _NAME)}: {title}{changes}"
    heads = (
        Head("distortion", left=True),
        Head("itself"),
        *(Head(f"level {at}") for at in range(1, most)),
    )
    rows = [
        (Cell(kind), *map(Cell, _cells(found, points)), *[Cell("")] * (most - len(points)))
        for kind, points in kinds
    ]
    return Table(name, heads, tuple(rows), titled=True)


def _cells(found: Invariance, points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        changed = f" ({found.show(point)})" if found.change and point is not points[0] else ""
        yield f"{point.score.shown}{changed}"


def make_strip(found: Invariance, kind: str) -> Chart:
    """Return one image at each level of a kind, side by side."""
    images = found.strips[kind]
    high, wide = images.shape[1:3]
    reduced = max(1.0, max(high, wide) / _SIDE)
    size = max(1, round(wide / reduced)), max(1, round(high / reduced))
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
    png = encode(Image.fromarray(np.hstack(small)), "png", optimize=True)
    ends = -0.5, len(images) - 0.5
    cells = Cells(png, len(images), 1, ends, (-0.5, 0.5))
    x = _levels(kind, ends)
    width = _WIDTH - _TILE * (7 - len(images))
    return Chart((cells,), "", x, Axis(names=("",)), width, _STRIP, name=f"An image by {kind}")


def _levels(kind: str, limits: tuple[float, float] | None = None) -> Axis:
    """Return the axis of a kind's levels, evenly spaced, with their amounts."""
    found = DISTORTIONS[kind]

    def show(place: float) -> str:
        level = found.levels[round(place)]
        return found.names[round(place)] if found.names else f"{level:g}"

    limits = limits or (0, len(found.levels) - 1)
    return Axis(f"{kind}{found.unit and f', {found.unit.strip()}'}", limits, whole=True, show=show)


def _score(place: int, point: Point) -> tuple[float, float]:
    return place, point.score.value


def _changed(place: int, point: Point) -> tuple[float, float]:
    return place, point.changed.value if point.changed else float("nan")


def _percent(share: float) -> str:
    return format_percent(share, 0)
