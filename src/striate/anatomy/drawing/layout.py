"""The drawing of a network: boxes and lines in their places, a title above, a legend below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.anatomy.drawing.plan import GAP, LINE, MARGIN, RADIUS, TEXT, Plan, told
from striate.anatomy.drawing.shapes import Box, Circle, Drawing, Label, Point, Swatch, written
from striate.anatomy.drawing.volumes import volumes
from striate.anatomy.layer import Layer, volume

NARROWEST = 460
TITLE = 15  #: pixels
LEGEND = (
    "Sides and channels are drawn to the square root of their numbers; under each volume stand "
    "its channels, height and width. Norms, activations and dropout belong to the volume they "
    "are applied to."
)

Lines = list[tuple[Point, ...]]


def laid_out(name: str, picture: tuple[int, ...], layers: Sequence[Layer]) -> Drawing:
    """A network from left to right: the longest path in a row, what leaves it below or in arcs."""
    plan = Plan(volumes(picture, layers))
    places = range(len(plan.every))
    boxes = tuple(_box(plan, at) for at in places if not plan.every[at].sign)
    circles = tuple(
        Circle(plan.middle(at), plan.ys[at], RADIUS, plan.every[at].sign)
        for at in places
        if plan.every[at].sign
    )
    arrows = tuple(plan.arrows())
    runs, counts = _runs(plan)
    braces, names = _braces(plan)
    labels = [*(label for at in places for label in _labels(plan, at)), *counts, *names]
    right = plan.lefts[-1] + plan.widths[-1] + MARGIN
    width = max(right, NARROWEST, written(name, TITLE) + 240)
    top = min([*plan.tops, *(label.y - TEXT for label in counts)]) - TITLE
    title = Label(MARGIN, top, f"{name}, input {volume(picture)}", TITLE, bold=True, anchor="start")
    sorts = list(dict.fromkeys(box.sort for box in boxes))
    swatches, legend = _legend(sorts, max(label.y for label in labels) + 2 * LINE, width)
    height = legend[-1].y + MARGIN - top + TITLE + MARGIN / 2
    every = (title, *labels, *legend)
    down = TITLE + MARGIN / 2 - top
    lines = (*runs, *braces)
    return Drawing(name, width, height, down, boxes, circles, arrows, lines, every, swatches)


def _box(plan: Plan, at: int) -> Box:
    each, (thick, high, deep) = plan.every[at], plan.sizes[at]
    x = plan.middle(at) - (thick + deep) / 2
    text = f"{each.name}: {each.sort}, {volume(each.output)}"
    return Box(text, each.sort, x, plan.ys[at], thick, high, deep)


def _labels(plan: Plan, at: int) -> list[Label]:
    each = plan.every[at]
    if each.sign:
        return []
    y = plan.ys[at] + plan.up(at) + LINE
    lines = enumerate(told(each))
    return [Label(plan.middle(at), y + LINE * number, line) for number, line in lines]


def _runs(plan: Plan) -> tuple[Lines, list[Label]]:
    """Braces above blocks that stand for many."""
    lines, labels = Lines(), list[Label]()
    for run in dict.fromkeys(each.run for each in plan.every if each.times > 1):
        inside = [at for at, each in enumerate(plan.every) if each.run == run]
        columns = sorted(plan.columns[at] for at in inside)
        y = min(plan.tops[columns[0] : columns[-1] + 1]) - 12
        left, right = plan.lefts[columns[0]], plan.lefts[columns[-1]] + plan.widths[columns[-1]]
        lines.append(((left, y + 5), (left, y), (right, y), (right, y + 5)))
        times = f"× {plan.every[inside[0]].times}"
        labels.append(Label((left + right) / 2, y - 5, times, bold=True))
    return lines, labels


def _braces(plan: Plan) -> tuple[Lines, list[Label]]:
    """The names of the stages, under everything."""
    lines, labels = Lines(), list[Label]()
    y = max(plan.bottoms) + 10
    for name, first, last in plan.stages():
        left, right = plan.lefts[first], plan.lefts[last] + plan.widths[last]
        lines.append(((left, y - 4), (left, y), (right, y), (right, y - 4)))
        labels.append(Label((left + right) / 2, y + LINE, name))
    return lines, labels


def _legend(
    sorts: Sequence[str], y: float, width: float
) -> tuple[tuple[Swatch, ...], tuple[Label, ...]]:
    x, swatches, labels = float(MARGIN), list[Swatch](), list[Label]()
    for sort in sorts:
        wide = 14 + 6 + written(sort, TEXT) + GAP
        if x + wide > width and x > MARGIN:
            x, y = float(MARGIN), y + LINE + 4
        swatches.append(Swatch(x, y - 10, sort))
        labels.append(Label(x + 20, y, sort, anchor="start"))
        x += wide
    for number, line in enumerate(_wrapped(LEGEND, min(width, 900) - 2 * MARGIN), 1):
        labels.append(Label(MARGIN, y + (LINE + 2) * number + 2, line, anchor="start"))
    return tuple(swatches), tuple(labels)


def _wrapped(text: str, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and written(f"{line} {word}", TEXT) > width:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line
