"""Sections of a report on masks: metrics, confusion of pixels, classes, worst images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from striate.plotting.metric_charts import make_class_chart
from striate.tasks.colors import show_color
from striate.tasks.confusions import rank_confusions
from striate.tasks.figures import Score
from striate.tasks.sections import (
    MOST_IN_TABLE,
    Bar,
    Cell,
    Charts,
    Gallery,
    Head,
    Matrix,
    Part,
    Picture,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
    make_tile,
)
from striate.tasks.segmentation.drawing import (
    Mask,
    Palette,
    draw_overlay,
    find_frame,
    make_palette,
)
from striate.tasks.segmentation.metrics import (
    FEW,
    MEAN_IOU,
    PIXEL_ACCURACY,
    WEIGHTED_IOU,
    MaskScore,
    SegmentationMetrics,
    WorstImage,
)
from striate.text import MISSING, count_noun, format_percent


def make_sections(results: SegmentationMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(results)
    yield _confusions(results)
    yield _classes(results)
    yield _worst(results)


def _figures(results: SegmentationMetrics) -> Section:
    found = results.figures
    named = (
        (MEAN_IOU, found.mean_iou),
        (PIXEL_ACCURACY, found.pixel_accuracy),
        (WEIGHTED_IOU, found.weighted_iou),
    )
    scores = (Score(at, e.value, e.low, e.high, len(results)) for at, e in named)
    tiles = (
        *map(make_tile, scores),
        Tile(f"{int(results.confusion.sum()):,}", f"pixels of {count_noun(len(results), 'image')}"),
    )
    return Section(
        "Metrics",
        "IoU, intersection over union: of the pixels that are of a class or predicted as it, the "
        "share that is both. Their mean weighs every class the same, however small; pixel accuracy "
        "and the frequency-weighted IoU weigh every pixel the same. Pixels are those of the images "
        "themselves, not of the network’s input; those of all images are pooled. Those that the "
        "masks ignore count nowhere, and a class that is neither there nor "
        "predicted is left out of the mean. The interval says where the true figure most likely "
        "lies: images are drawn anew 1,000 times, and 95 in 100 of the figures lie in it (Efron, "
        "1979).",
        (Tiles(tiles),),
    )


def _confusions(results: SegmentationMetrics) -> Section:
    matrix, names = results.confusion, results.spec.names
    ranking = rank_confusions(matrix, names, "pixel", "No pixel was predicted wrongly.")
    return Section(
        "Confusion of pixels",
        "A row holds the pixels of one true class, a column those predicted as one class, in "
        "percent of the row. The diagonal is correct, all else is an error.",
        (Matrix(names, matrix, "pixel", percent=True), ranking),
    )


def _classes(results: SegmentationMetrics) -> Section:
    heads = (
        Head("class", left=True),
        Head("images"),
        Head("pixels"),
        Head("IoU", barred=True),
        Head("recall"),
        Head("precision"),
        Head("most often confused with", left=True),
    )
    palette = make_palette(results.spec)
    colors = dict(zip(results.spec.names, map(show_color, palette), strict=False))
    rows = tuple(_row(row, colors[row.name]) for row in results.weakest())
    parts: tuple[Part, ...] = (Table("Class by class", heads, rows),)
    if len(rows) <= MOST_IN_TABLE:
        found = results.figures.iou
        ends = [None if e.low is None or e.high is None else (e.low, e.high) for e in found]
        chart = make_class_chart("IoU", results.spec.names, [e.value for e in found], ends)
        parts = (*parts, Charts((chart,)))
    return Section(
        "Class by class, the lowest IoU first",
        "IoU: the pale band is the 95 % interval, wide where few images have the class. Recall: "
        "the share of a class’s pixels that was found. Precision: the share of the pixels "
        "predicted as this class that was correct. A dash: undefined, as no pixel is of the class "
        "or predicted so. The square is the color of the class below.",
        parts,
    )


def _row(row: MaskScore, color: str) -> tuple[Cell, ...]:
    few = f"in fewer than {FEW} images: the scores are little more than chance"
    taken = Span(f"({format_percent(row.confused_share, 0)} of its pixels)", "soft")
    return (
        Cell((Span(row.name, color=color),)),
        Cell(f"{row.images:,}", badge="few" if row.images < FEW else "", tooltip=few),
        Cell(format_percent(row.share)),
        Cell(format_percent(row.iou.value), _bar(row)),
        Cell(format_percent(row.recall)),
        Cell(format_percent(row.precision)),
        Cell(MISSING if row.confused_with is None else (Span(row.confused_with), " ", taken)),
    )


def _bar(row: MaskScore) -> Bar | None:
    iou = row.iou
    if math.isnan(iou.value):
        return None
    score = Score(MEAN_IOU, iou.value, iou.low, iou.high, iou.n)
    return Bar(iou.value, iou.low, iou.high, f"95 % interval {score.interval}")


def _worst(results: SegmentationMetrics) -> Section:
    title = "The worst images"
    if not results.worst:
        images = count_noun(len(results), "image")
        return Section(title, "", (Text(f"None: every pixel of the {images} is correct."),))
    palette = make_palette(results.spec)
    masks = [mask for image in results.worst for mask in (image.true, image.predicted)]
    shown = set(np.concatenate([np.unique(mask) for mask in masks]).tolist())
    legend = tuple(
        Span(name, color=show_color(palette[at]))
        for at, name in enumerate(results.spec.names)
        if at in shown
    )
    pictures = tuple(picture for image in results.worst for picture in _pictures(image, palette))
    return Section(
        title,
        "The images of the lowest mean IoU of their own classes, the lowest first: as predicted, "
        "then as the mask says. Hatched: ignored. Look for masks that are wrong, for classes that "
        "look alike, and for what these images have in common. They are shown as the network’s "
        "input, without its padding.",
        (Text(legend), Gallery(pictures)),
    )


def _pictures(image: WorstImage, palette: Palette) -> Iterator[Picture]:
    share, frame = format_percent(image.mean_iou, 0), find_frame(image.true)
    yield Picture(
        image.row,
        ("predicted, mean IoU ", Span(share, "wrong")),
        f"Predicted classes, mean IoU {share}",
        partial(_laid, mask=image.predicted, frame=frame, palette=palette),
    )
    yield Picture(
        image.row,
        "true",
        "True classes",
        partial(_laid, mask=image.true, frame=frame, palette=palette),
    )


def _laid(
    pixels: NDArray[np.uint8], mask: Mask, frame: tuple[slice, slice], palette: Palette
) -> NDArray[np.uint8]:
    """Lay the part of a mask that is not padding on that of the network's input."""
    return draw_overlay(pixels[frame], mask[frame], palette)
