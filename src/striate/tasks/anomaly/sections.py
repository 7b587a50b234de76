"""Sections of the report of one class alone: figures, scores, other classes, maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from striate.metrics.binary import roc_curve, sweep
from striate.plotting import metric_charts
from striate.plotting.chart import Axis, Bars, Chart, Rule
from striate.plotting.shapes import BLUE, ORANGE
from striate.tasks.anomaly.drawing import Distances, draw_heat, enlarge
from striate.tasks.anomaly.metrics import AnomalyMetrics, OtherClass
from striate.tasks.sections import (
    Bar,
    Cell,
    Charts,
    Gallery,
    Head,
    Picture,
    Section,
    Span,
    Table,
    Tile,
    Tiles,
    make_tile,
)
from striate.text import format_percent, percent_digits

#: most images of a gallery, each with its map
MOST = 6
_BINS = 30


def make_sections(results: AnomalyMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(results)
    yield _scores(results)
    if results.others():
        yield _classes(results)
    good, odd = results.is_good, results.odd
    galleries = (
        ("Good, and called odd", "The good images with the highest scores.", good & odd, True),
        ("Not good, and missed", "The others with the lowest scores.", ~good & ~odd, False),
        ("Found", "The others with the highest scores.", ~good & odd, True),
    )
    for title, text, rows, highest in galleries:
        if shown := results.extreme(rows, MOST, highest=highest):
            pictures = [each for row in shown for each in _pictures(results, row)]
            explained = (
                f"{text} Beside each, red where its patches are unlike those of good images: from "
                "the distance on that 10 % of the patches of good validation images have."
            )
            yield Section(title, explained, (Gallery(tuple(pictures), pairs=True),))


def _figures(results: AnomalyMetrics) -> Section:
    tiles = (*map(make_tile, results.scores()), Tile(f"{results.limit:.4f}", "limit of the score"))
    return Section(
        "Figures",
        "An image has a score: the mean distance of its patches, or of the worst of them, from the "
        "kinds of patches that good images are made of. The AUROC is the share of cases in which "
        "another image has a higher score than a good one, whatever the limit. The limit was set "
        f"on good validation images, so that {format_percent(results.share)} of them are odd.",
        (Tiles(tiles),),
    )


def _scores(results: AnomalyMetrics) -> Section:
    charts = [_histogram(results)]
    if not np.isnan(results.area.value):
        false, true = roc_curve(sweep(results.values, ~results.is_good))
        mark = metric_charts.Mark(results.rejected.value, results.found.value, "limit")
        charts.append(metric_charts.make_roc_chart(false, true, "model", mark))
    return Section(
        "Scores",
        "What overlaps cannot be told apart by any limit. In the ROC curve a false positive is a "
        "good image that is called odd.",
        (Charts(tuple(charts)),),
    )


def _histogram(results: AnomalyMetrics) -> Chart:
    ends = float(results.values.min()), float(results.values.max())
    edges = np.linspace(ends[0], max(ends[1], ends[0] + 1e-6), _BINS + 1)
    sides = ((~results.is_good, "others", ORANGE), (results.is_good, "good", BLUE))
    bars = [
        Bars(
            tuple(edges.tolist()),
            tuple((np.histogram(results.values[side], edges)[0] / side.sum()).tolist()),
            label=label,
            color=color,
            opacity=0.6,
        )
        for side, label, color in sides
        if side.any()
    ]
    return Chart(
        (*bars, Rule(results.limit, "limit", dashes=(4, 3))),
        "Scores of images",
        Axis("score"),
        Axis("share of the images", show=lambda share: format_percent(share, 0)),
        height=340,
    )


def _classes(results: AnomalyMetrics) -> Section:
    heads = (Head("class", left=True), Head("images"), Head("found", barred=True), Head("AUROC"))
    return Section(
        "Other classes, the hardest first",
        "Found: the share of a class's images that is called odd, with its 95 % interval.",
        (Table("Other classes", heads, tuple(map(_row, results.others()))),),
    )


def _row(row: OtherClass) -> tuple[Cell, ...]:
    return (
        Cell((Span(row.name),)),
        Cell(f"{row.images:,}"),
        Cell(
            format_percent(row.found.value, percent_digits(row.images)),
            Bar(row.found.value, row.found.low, row.found.high),
        ),
        Cell(format_percent(row.area.value)),
    )


def _pictures(results: AnomalyMetrics, row: int) -> tuple[Picture, Picture]:
    name, value = results.class_names[int(results.labels[row])], results.values[row]
    said = f"score {value:.4f}"
    heat = partial(_overlay, distances=results.distances[row], heat=results.heat)
    return (
        Picture(row, (Span(name), f", {said}"), f"An image of {name}, {said}", neighbors=False),
        Picture(row, "where it is odd", f"The same image, red where it is odd, {said}", heat),
    )


def _overlay(pixels: NDArray[np.uint8], *, distances: Distances, heat: float) -> NDArray[np.uint8]:
    return draw_heat(pixels, enlarge(distances, pixels.shape[0]) / max(heat, 1e-12))
