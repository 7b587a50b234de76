"""Sections of the report on detections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.data.listing.target_spec import TargetSpec
from striate.metrics.boxes import SIZES
from striate.plotting.chart import Axis, Chart, Line
from striate.tasks.colors import color_classes
from striate.tasks.detection.answer import BoxAnswer
from striate.tasks.detection.drawing import draw_targets
from striate.tasks.detection.metrics import AP50, FEW, ClassScore, DetectionMetrics, keep_sure
from striate.tasks.detection.remarks import KINDS
from striate.tasks.figures import Score
from striate.tasks.sections import (
    Bar,
    Cell,
    Charts,
    Gallery,
    Head,
    Picture,
    Rank,
    Ranking,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
    make_tile,
)
from striate.text import count_noun, format_percent

_MOST_CURVES = 8  #: classes whose curves are told apart
_POINTS = 400  #: of a curve


def make_sections(results: DetectionMetrics, scores: Sequence[Score]) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(results, scores)
    yield _errors(results)
    yield _classes(results)
    yield _worst(results)


def _figures(results: DetectionMetrics, scores: Sequence[Score]) -> Section:
    boxes = sum(row.boxes for row in results.per_class)
    sizes = zip(SIZES, results.figures.by_size, strict=True)
    tiles = (
        *map(make_tile, scores),
        *(Tile(format_percent(e.value), f"AP of {name} boxes") for name, e in sizes if not _nan(e)),
        Tile(f"{boxes:,}", f"true boxes in {count_noun(len(results), 'image')}"),
    )
    return Section(
        "Metrics",
        "AP, average precision: the mean, over recalls from 0 to 100 %, of the best precision at "
        "that recall or more, as COCO measures it (Lin et al., 2014). A box is right if its "
        "intersection over union with a true box of its class is 0.5 or more, at 0.75 or more, "
        "or, for AP alone, a mean over ten limits from 0.5 to 0.95. Classes weigh the same. Small "
        "boxes have up to 32x32 pixels of their image, large ones 96x96 or more. The "
        "interval says where the true figure most likely lies: images are drawn anew up to 1,000 "
        "times, and 95 in 100 of the figures lie in it (Efron, 1979).",
        (Tiles(tiles),),
    )


def _errors(results: DetectionMetrics) -> Section:
    counts = {kind: int(getattr(results.errors, kind).sum()) for kind in KINDS}
    whole = max(1, sum(counts.values()))
    ranks = tuple(
        Rank(KINDS[kind], f"{count:,}", count / whole)
        for kind, count in sorted(counts.items(), key=lambda pair: -pair[1])
    )
    hits = int(results.errors.hits.sum())
    return Section(
        "Kinds of errors",
        "What became of the boxes that are answers, those whose probability reaches the threshold "
        "of their class. A box is on an object that it overlaps by half, and badly placed if by a "
        "tenth at least. Kinds are those of TIDE (Bolya et al., 2020).",
        (Ranking("Errors", ranks, f"Right: {count_noun(hits, 'box')}. Shares are of all errors."),),
    )


def _classes(results: DetectionMetrics) -> Section:
    heads = (
        Head("class", left=True),
        Head("images"),
        Head("boxes"),
        Head("AP at 0.5", barred=True),
        Head("AP"),
        Head("threshold"),
        Head("recall"),
        Head("precision"),
    )
    rows = tuple(map(_row, results.weakest()))
    curves = _curves(results)
    return Section(
        "Class by class, the lowest AP first",
        "The pale band is the 95 % interval. Recall: the share of the true boxes that is found, "
        "with the boxes whose probability reaches the threshold; precision: the share of these "
        "boxes that is right. The threshold is that of the best F1 on validation images. The "
        "curves show both at every threshold. A dash: undefined.",
        (Table("Class by class", heads, rows), *([Charts((curves,))] if curves.series else [])),
    )


def _row(row: ClassScore) -> tuple[Cell, ...]:
    few = f"fewer than {FEW} boxes: the scores are little more than chance"
    return (
        Cell((Span(row.name),)),
        Cell(f"{row.images:,}"),
        Cell(f"{row.boxes:,}", badge="few" if row.boxes < FEW else "", tooltip=few),
        Cell(format_percent(row.ap50.value), _bar(row)),
        Cell(format_percent(row.ap.value)),
        Cell(f"{row.threshold:.2f}"),
        Cell(format_percent(row.recall)),
        Cell(format_percent(row.precision)),
    )


def _bar(row: ClassScore) -> Bar | None:
    e = row.ap50
    if _nan(e):
        return None
    score = Score(AP50, e.value, e.low, e.high, e.n)
    return Bar(e.value, e.low, e.high, f"95 % interval {score.interval}")


def _curves(results: DetectionMetrics) -> Chart:
    """Return precision over recall at an overlap of 0.5, a line for each of the first classes."""
    colors, lines = color_classes(results.spec.names), list[Line]()
    for at, row in list(enumerate(results.per_class))[:_MOST_CURVES]:
        precision, recall = results.curve(at)
        if row.boxes and len(precision):
            some = np.unique(np.linspace(0, len(recall) - 1, _POINTS).astype(int))
            points = zip(recall[some].tolist(), precision[some].tolist(), strict=True)
            red, green, blue = colors[row.name]
            color = f"#{red:02x}{green:02x}{blue:02x}"
            lines.append(Line(tuple(points), row.name, color))
    return Chart(
        tuple(lines),
        "Precision and recall at an overlap of 0.5",
        Axis("recall", (0, 1)),
        Axis("precision", (0, 1)),
        height=340,
    )


def _worst(results: DetectionMetrics) -> Section:
    title, rows = "The worst images", results.worst()
    if not rows:
        images = count_noun(len(results), "image")
        return Section(title, "", (Text(f"None: every box of the {images} is right."),))
    pictures = tuple(picture for row in rows for picture in _pictures(results, row))
    return Section(
        title,
        "The images with the most errors for their boxes, the worst first: as found, with "
        "probabilities, then as they are true. Look for objects that nobody marked, for classes "
        "that look alike, and for what these images have in common. Dashed: ignored. They are "
        "shown as the network’s input.",
        (Gallery(pictures, pairs=True),),
    )


def _pictures(results: DetectionMetrics, row: int) -> Iterator[Picture]:
    errors, spec = results.errors, results.spec
    wrong = f"{int(errors.false[row]):,} wrong, {int(errors.missed[row]):,} missed"
    answer = BoxAnswer.of(keep_sure(results.found[row], results.thresholds), spec, 1)
    yield Picture(row, ("found: ", Span(wrong, "wrong")), f"Found boxes, {wrong}", answer.draw)
    yield Picture(row, "true", "True boxes", partial(_true, boxes=results.true[row], spec=spec))


def _true(pixels: NDArray[np.uint8], boxes: NDArray[Any], spec: TargetSpec) -> NDArray[np.uint8]:
    return draw_targets(pixels, boxes, spec)


def _nan(estimate: Any) -> bool:
    return math.isnan(estimate.value)
