"""Remarks on predicted masks: how far to trust the mean IoU, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from striate.tasks.sections import Remark, remark_interval
from striate.tasks.segmentation.metrics import FEW, MaskScore, SegmentationMetrics
from striate.text import count_noun, format_percent, list_names, percent_digits, shorten_name

#: share of the pixels from which one class flatters the pixel accuracy
UNEVEN = 0.5


def make_remarks(results: SegmentationMetrics) -> Iterator[Remark]:
    """Yield the remarks on predicted masks, the most serious kinds first."""
    yield _precision(results)
    yield from _better(results)
    yield from _classes(results)


def _precision(results: SegmentationMetrics) -> Remark:
    mean = results.figures.mean_iou
    if mean.low is None or mean.high is None:
        return Remark(
            f"With {count_noun(len(results), 'image')} nothing is known of how the mean IoU "
            "varies: evaluate on more.",
            warning=True,
        )
    return remark_interval("mean IoU", len(results), mean.low, mean.high)


def _better(results: SegmentationMetrics) -> Iterator[Remark]:
    value, name = results.constant
    mean = results.figures.mean_iou
    shown = format_percent(value, percent_digits(len(results)))
    if value >= (mean.value if mean.low is None else mean.low):
        yield Remark(
            f"Always predicting “{shorten_name(name)}” has a mean IoU of {shown}: the network is "
            "not clearly better than this baseline.",
            warning=True,
        )
    largest = max(results.per_class, key=lambda row: row.share)
    if largest.share >= UNEVEN:
        yield Remark(
            f"{format_percent(largest.share, 0)} of the pixels are “{shorten_name(largest.name)}”: "
            "always predicting it has that pixel accuracy already, so look at the mean IoU."
        )


def _classes(results: SegmentationMetrics) -> Iterator[Remark]:
    present = [row for row in results.weakest() if row.images]
    weakest = next((row for row in present if row.images >= FEW), present[0])
    if weakest.iou.value != 1:
        yield Remark(_weakest(weakest))
    few = [row.name for row in present if row.images < FEW]
    if few:
        are = "class is" if len(few) == 1 else "classes are"
        yield Remark(
            f"{len(few):,} {are} in fewer than {FEW} images here ({list_names(few)}): the IoU of "
            "such a class is little more than chance, and weighs as much in the mean as any other.",
            warning=True,
        )
    absent = [row for row in results.per_class if not row.images]
    if absent:
        names = list_names([row.name for row in absent])
        have, them = ("class has", "it") if len(absent) == 1 else ("classes have", "them")
        false = [row.name for row in absent if not math.isnan(row.iou.value)]
        wrong = f", but some is predicted as {list_names(false)}: an IoU of 0" if false else ""
        yield Remark(
            f"{len(absent):,} {have} no pixel here ({names}): nothing is known of {them}{wrong}.",
            warning=True,
        )


def _weakest(row: MaskScore) -> str:
    start = f"Weakest class: {list_names([row.name])}, IoU {format_percent(row.iou.value)}."
    if row.precision is None:
        return f"{start} It is never predicted."
    taken = f", most often as “{shorten_name(row.confused_with)}”" if row.confused_with else ""
    found, right = format_percent(row.recall), format_percent(row.precision)
    return (
        f"{start} Of its pixels {found} are found (recall), the others predicted as another class"
        f"{taken}; {right} of the pixels predicted so are correct (precision)."
    )
