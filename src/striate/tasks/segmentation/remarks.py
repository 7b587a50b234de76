"""Remarks on predicted masks: how far to trust the mean IoU, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from striate.tasks.sections import Remark, remark_interval, same_answer
from striate.tasks.segmentation.metrics import (
    FEW,
    MEAN_IOU,
    PIXEL_ACCURACY,
    MaskScore,
    SegmentationMetrics,
)
from striate.text import count_noun, format_percent, list_names, shorten_name

#: share of the pixels from which one class flatters the pixel accuracy
UNEVEN = 0.5


def make_remarks(results: SegmentationMetrics) -> Iterator[Remark]:
    """Yield the remarks on predicted masks, the most serious kinds first."""
    yield _precision(results)
    if said := tell_unlearned(results):
        yield Remark(said, warning=True)
    if results.is_constant:
        yield Remark(same_answer(len(results)), warning=True)
    yield from _better(results)
    yield from _classes(results)


def tell_unlearned(results: SegmentationMetrics) -> str:
    """Say which classes were never learned but count in the mean; "" if there are none."""
    if not (names := results.unlearned):
        return ""
    counts = "it counts" if len(names) == 1 else "they count"
    return f"No training mask shows {list_names(names)}: {counts} in the mean IoU, as 0."


def tell_inaccurate(results: SegmentationMetrics) -> str:
    """Say that the pixel accuracy is below that of the most frequent class; "" if it is not."""
    accuracy, largest = results.figures.pixel_accuracy.value, _largest(results)
    if accuracy >= largest.share:
        return ""
    return (
        f"The pixel accuracy, {PIXEL_ACCURACY.show(accuracy)}, is below that of always predicting "
        f"“{shorten_name(largest.name)}”, {PIXEL_ACCURACY.show(largest.share)}."
    )


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
    if value >= (mean.value if mean.low is None else mean.low):
        yield Remark(
            f"Always predicting “{shorten_name(name)}” has a mean IoU of {MEAN_IOU.show(value)}: "
            "the network is not clearly better than this baseline.",
            warning=True,
        )
    largest = _largest(results)
    if said := tell_inaccurate(results):
        yield Remark(said, warning=True)
    elif largest.share >= UNEVEN:
        yield Remark(
            f"{format_percent(largest.share, 0)} of the pixels are “{shorten_name(largest.name)}”: "
            "always predicting it has that pixel accuracy already, so look at the mean IoU."
        )


def _largest(results: SegmentationMetrics) -> MaskScore:
    return max(results.per_class, key=lambda row: row.share)


def _classes(results: SegmentationMetrics) -> Iterator[Remark]:
    present = [row for row in results.weakest() if row.images]
    judged = [row for row in present if row.images >= FEW] or present
    if judged[0].iou.value != 1:
        yield Remark(_weakest([row for row in judged if row.iou.value == judged[0].iou.value]))
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


def _weakest(tied: Sequence[MaskScore]) -> str:
    """Describe the class of the lowest IoU, or name those that share it."""
    row, names = tied[0], list_names([row.name for row in tied])
    iou = format_percent(row.iou.value)
    if len(tied) > 1:
        never = " They are never predicted." * all(row.precision is None for row in tied)
        return f"Weakest classes: {names}, each with an IoU of {iou}.{never}"
    start = f"Weakest class: {names}, IoU {iou}."
    if row.precision is None:
        return f"{start} It is never predicted."
    taken = f", most often as “{shorten_name(row.confused_with)}”" if row.confused_with else ""
    found, right = format_percent(row.recall), format_percent(row.precision)
    return (
        f"{start} Of its pixels {found} are found (recall), the others predicted as another class"
        f"{taken}; {right} of the pixels predicted so are correct (precision)."
    )
