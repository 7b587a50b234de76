"""Remarks on the evaluation of several labels, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.multilabel.metrics import FEW, MAP, LabelMetrics
from striate.tasks.sections import Remark, remark_interval
from striate.text import count_noun, format_percent, list_names, percent_digits


def make_remarks(results: LabelMetrics) -> Iterator[Remark]:
    """Yield the remarks, the most serious kinds first."""
    yield _precision(results)
    yield from _better(results)
    yield from _rare(results)
    yield from _weakest(results)


def _precision(results: LabelMetrics) -> Remark:
    mean = results.scores()[0]
    if mean.low is None or mean.high is None:
        images = count_noun(len(results), "image")
        return Remark(f"None of the {images} has a label: mAP is undefined.", warning=True)
    return remark_interval("mAP", len(results), mean.low, mean.high)


def _better(results: LabelMetrics) -> Iterator[Remark]:
    low = results.scores()[0].low
    if low is not None and results.constant >= low:
        yield Remark(
            f"Giving every image the same answer has an mAP of {MAP.show(results.constant)}: the "
            "network is not clearly better than that.",
            warning=True,
        )


def _rare(results: LabelMetrics) -> Iterator[Remark]:
    rows = results.weakest()
    few = [row.name for row in rows if 0 < row.images < FEW]
    if few:
        have = "label is on" if len(few) == 1 else "labels are each on"
        yield Remark(
            f"{len(few):,} {have} fewer than {FEW} of these images ({list_names(few)}): the "
            "figures of such a label are little more than chance.",
            warning=True,
        )
    absent = [row.name for row in rows if not row.images]
    if absent:
        have = "label is" if len(absent) == 1 else "labels are"
        yield Remark(
            f"{len(absent):,} {have} on no image here ({list_names(absent)}), and left out of mAP "
            "and macro-F1.",
            warning=True,
        )


def _weakest(results: LabelMetrics) -> Iterator[Remark]:
    rows = [row for row in results.weakest() if row.images]
    row = next((row for row in rows if row.images >= FEW), None)
    if row is None or row.f1.value == 1:
        return
    places = percent_digits(row.images)
    start = f"Weakest label: {list_names([row.name])}. Of its {count_noun(row.images, 'image')}"
    if not row.called:
        yield Remark(f"{start} none is found: no probability reaches {row.threshold:.2f}.")
        return
    found, right = (format_percent(each.value, places) for each in (row.recall, row.precision))
    yield Remark(
        f"{start} {found} are found (recall), and {right} of the images answered with it have it "
        "(precision)."
    )
