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
    yield from _one_sided(results)
    yield from _weakest(results)
    yield from results.reliability.remarks(results.about.split)


def _precision(results: LabelMetrics) -> Remark:
    mean = results.scores()[0]
    if mean.low is None or mean.high is None:
        return Remark(
            f"No label is on some of the {count_noun(len(results), 'image')} and missing on "
            "others: mAP is undefined.",
            warning=True,
        )
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


def _one_sided(results: LabelMetrics) -> Iterator[Remark]:
    """Yield the labels that no image has, and those that every one has."""
    for names, where, means in (
        (results.absent, "no image", "mAP and macro-F1"),
        (results.everywhere, "every image", "mAP"),
    ):
        if names:
            have = "label is" if len(names) == 1 else "labels are"
            yield Remark(
                f"{len(names):,} {have} on {where} here ({list_names(names)}), without an average "
                f"precision, and left out of {means}. Where it is so on the validation images too, "
                "the threshold is the default, 0.50.",
                warning=True,
            )


def _weakest(results: LabelMetrics) -> Iterator[Remark]:
    rows = [row for row in results.weakest() if row.images < len(results)]
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
