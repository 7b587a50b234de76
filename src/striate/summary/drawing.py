"""Drawing of a network: boxes, arrows, title and legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from striate.plotting.shapes import Point, Text, text_width
from striate.summary.drawing_plan import GAP, LINE, MARGIN, RADIUS, TEXT, Plan, describe, make_scale
from striate.summary.drawing_shapes import Box, Drawing, Sum, Swatch
from striate.summary.drawing_volumes import find_volumes
from striate.summary.layer import Layer
from striate.text import format_shape

NARROWEST = 460
TITLE = 15  #: pixels
LEGEND = (
    "Sides and channels are drawn to the square root of their numbers; under each volume stand "
    "its channels, height and width; k, the kernel that made it, and after a slash its stride; and "
    "p, its parameters, of all blocks together under a brace with their number. Norms, activations "
    "and dropout belong to the volume they are applied to."
)

Lines = list[tuple[Point, ...]]


def draw_network(name: str, image: tuple[int, ...], layers: Sequence[Layer]) -> Drawing:
    """Draw a network left to right: longest path in a row, branches below, skips as arcs."""
    rows = find_volumes(image, layers)
    main = Plan(rows.main, make_scale([*rows.main, *rows.inside]))
    arrows = main.arrows()
    lines, labels = _runs(main)
    top = min([*main.tops, *(label.y - TEXT for label in labels)]) - TITLE
    title = Text(
        MARGIN, top, f"{name}, input {format_shape(image)}", TITLE, bold=True, anchor="start"
    )
    braces, names = _braces(main)
    lines, labels, plans = [*lines, *braces], [title, *labels, *names], [main]
    if rows.inside:
        inset = Plan(rows.inside, main.scale)
        inset.move(names[0].y + 4 * LINE - min(inset.tops))
        arrows += inset.arrows()
        y, text = min(inset.tops) - LINE, f"the inside of {rows.block}"
        labels.append(Text(MARGIN, y, text, bold=True, anchor="start"))
        plans.append(inset)
    boxes = [box for plan in plans for box in _boxes(plan)]
    sums = [each for plan in plans for each in _sums(plan)]
    labels += [label for plan in plans for label in _labels(plan)]
    right = max(plan.lefts[-1] + plan.widths[-1] for plan in plans) + MARGIN
    width = max(right, NARROWEST, text_width(title.text, TITLE) + 3 * MARGIN)
    bottom = max(max(label.y for label in labels), max(plans[-1].bottoms)) + 2 * LINE
    swatches, legend = _legend(list(dict.fromkeys(box.sort for box in boxes)), bottom, width)
    down = TITLE + MARGIN / 2 - top
    height = legend[-1].y + down + MARGIN
    return Drawing(
        name, width, height, down, boxes, sums, arrows, lines, [*labels, *legend], swatches
    )


def _boxes(plan: Plan) -> Iterator[Box]:
    for at, each in enumerate(plan.every):
        thick, high, deep = plan.sizes[at]
        x = plan.middle(at) - (thick + deep) / 2
        told = (
            each.sort,
            format_shape(each.output),
            f"kernel {each.window}" * bool(each.window),
            f"{each.params:,} parameters",
        )
        text = f"{each.name}: {', '.join(part for part in told if part)}"
        if not each.sign:
            yield Box(text, each.sort, x, plan.ys[at], thick, high, deep)


def _sums(plan: Plan) -> Iterator[Sum]:
    for at, each in enumerate(plan.every):
        if each.sign:
            yield Sum(plan.middle(at), plan.ys[at], RADIUS, each.sign)


def _labels(plan: Plan) -> Iterator[Text]:
    """Yield the labels under each box: channels, sides, kernel and parameters."""
    for at, each in enumerate(plan.every):
        for number, line in enumerate(describe(each) if not each.sign else (), 1):
            yield Text(plan.middle(at), plan.ys[at] + plan.up(at) + LINE * number, line)


def _runs(plan: Plan) -> tuple[Lines, list[Text]]:
    """Return braces above repeated blocks, with their count."""
    lines, labels = Lines(), list[Text]()
    for run in dict.fromkeys(each.run for each in plan.every if each.times > 1):
        inside = [at for at, each in enumerate(plan.every) if each.run == run]
        columns = sorted(plan.columns[at] for at in inside)
        y = min(plan.tops[columns[0] : columns[-1] + 1]) - 12
        left, right = plan.lefts[columns[0]], plan.lefts[columns[-1]] + plan.widths[columns[-1]]
        lines.append(((left, y + 5), (left, y), (right, y), (right, y + 5)))
        times = f"{plan.every[inside[0]].times} x"
        labels.append(Text((left + right) / 2, y - 5, times, bold=True))
    return lines, labels


def _braces(plan: Plan) -> tuple[Lines, list[Text]]:
    """Return braces with stage names, below all boxes."""
    lines, labels = Lines(), list[Text]()
    y = max(plan.bottoms) + 10
    for name, first, last in plan.stages():
        left, right = plan.lefts[first], plan.lefts[last] + plan.widths[last]
        lines.append(((left, y - 4), (left, y), (right, y), (right, y - 4)))
        labels.append(Text((left + right) / 2, y + LINE, name))
    return lines, labels


def _legend(sorts: Sequence[str], y: float, width: float) -> tuple[list[Swatch], list[Text]]:
    x, swatches, labels = float(MARGIN), list[Swatch](), list[Text]()
    for sort in sorts:
        wide = 14 + 6 + text_width(sort, TEXT) + GAP
        if x + wide > width and x > MARGIN:
            x, y = float(MARGIN), y + LINE + 4
        swatches.append(Swatch(x, y - 10, sort))
        labels.append(Text(x + 20, y, sort, anchor="start"))
        x += wide
    for number, line in enumerate(_wrapped(LEGEND, min(width, 900) - 2 * MARGIN), 1):
        labels.append(Text(MARGIN, y + (LINE + 2) * number + 6, line, anchor="start"))
    return swatches, labels


def _wrapped(text: str, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and text_width(f"{line} {word}", TEXT) > width:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line
