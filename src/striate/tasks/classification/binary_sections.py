"""Sections of a report for two classes: ROC, and precision and recall at each threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator

from striate.metrics.binary import precision_recall_curve, roc_curve
from striate.metrics.estimates import Estimate
from striate.plotting.metric_charts import Mark, make_precision_recall_chart, make_roc_chart
from striate.tasks.classification.binary import (
    AtThreshold,
    BinaryMetrics,
    show_area,
    show_interval,
)
from striate.tasks.sections import (
    Bar,
    Cell,
    Charts,
    Head,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
)
from striate.text import MISSING, format_percent, percent_digits

#: thresholds listed beside the chosen one
LISTED = tuple(step / 10 for step in range(1, 10))


def make_binary_sections(binary: BinaryMetrics) -> Iterator[Section]:
    """Yield ROC, and precision and recall."""
    yield _roc(binary)
    yield _precision_and_recall(binary)


def _roc(binary: BinaryMetrics) -> Section:
    chosen = binary.chosen
    tiles = Tiles((
        _area("area under the ROC curve", binary.roc_auc),
        _share("recall, the true positive rate", chosen.recall),
        _share("specificity, 1 - false positive rate", chosen.specificity),
    ))  # fmt: skip
    false, true = roc_curve(binary.sweep)
    mark = None
    if chosen.recall and chosen.specificity:
        mark = Mark(1 - chosen.specificity.value, chosen.recall.value, _at(chosen))
    curve = (Charts((make_roc_chart(false, true, "model", mark),)),)
    return Section(
        "ROC",
        "An image is predicted positive where the probability of the positive class is at least "
        "the threshold. Each point of the curve is a threshold: the share of the positive images "
        "that is found, over the share of the negative ones that is predicted positive too. The "
        "area is the share of pairs of a positive and a negative image in which the positive one "
        "has the higher probability, with its 95 % interval (DeLong, 1988): 50 % is chance.",
        (tiles, _named(binary), *(curve if mark else (_one_sided(),))),
    )


def _precision_and_recall(binary: BinaryMetrics) -> Section:
    chosen, positives = binary.chosen, float(binary.truth.mean())
    tiles = Tiles((
        _area("average precision", binary.average_precision),
        _share("precision", chosen.precision),
        _share("recall", chosen.recall),
        Tile(format_percent(chosen.f1, percent_digits(len(binary.scores))), "F1"),
    ))  # fmt: skip
    precision, recall = precision_recall_curve(binary.sweep)
    mark = None
    if chosen.precision and chosen.recall:
        mark = Mark(chosen.recall.value, chosen.precision.value, _at(chosen))
    chart = make_precision_recall_chart(precision, recall, positives, "model", mark)
    curve = (Charts((chart,)),) if positives > 0 else ()
    return Section(
        "Precision and recall",
        "Precision: the share of the images predicted positive that are. Recall: the share of the "
        "positive images that are predicted so. Specificity: the share of the negative images that "
        "are predicted so. The pale bands are 95 % intervals. With a higher threshold fewer images "
        "are predicted positive: precision mostly rises, recall falls. Average precision is the "
        "mean over the positive images of the precision at their probability; without skill it is "
        "the share of positive images. --threshold sets another threshold; --min-precision and "
        "--min-recall choose it on validation images.",
        (tiles, *curve, _table(binary)),
    )


def _named(binary: BinaryMetrics) -> Text:
    images = f": {int(binary.truth.sum()):,} of {len(binary.truth):,} images."
    return Text(("The positive class is ", Span(binary.positive, "strong"), images))


def _one_sided() -> Text:
    return Text("All images are of one class, so there is no curve.")


def _at(chosen: AtThreshold) -> str:
    return f"threshold {chosen.threshold:.6g}"


def _area(name: str, area: Estimate) -> Tile:
    interval = show_interval(area)
    return Tile(show_area(area), f"{name}, 95 % interval {interval}" if interval else name)


def _share(name: str, share: Estimate | None) -> Tile:
    if share is None:
        return Tile(MISSING, name)
    return Tile(show_area(share), f"{name}, 95 % interval {show_interval(share)}")


def _table(binary: BinaryMetrics) -> Table:
    names = ("precision", "recall", "specificity")
    heads = (
        Head("threshold"),
        *(Head(name, barred=True) for name in names),
        Head("F1"),
        Head("predicted positive"),
    )
    chosen = binary.chosen
    rows = [chosen, *(binary.at(at) for at in LISTED if not math.isclose(at, chosen.threshold))]
    rows.sort(key=lambda row: row.threshold)
    return Table("Thresholds", heads, tuple(_row(row, row is chosen) for row in rows))


def _row(row: AtThreshold, chosen: bool) -> tuple[Cell, ...]:  # noqa: FBT001
    counts = row.counts
    predicted = counts.true_positives + counts.false_positives
    images = predicted + counts.false_negatives + counts.true_negatives
    shown = f"{row.threshold:.6g}"
    return (
        Cell((Span(shown, "strong"), " in force") if chosen else shown),
        *map(_proportion, row.shares().values()),
        Cell(format_percent(row.f1, percent_digits(images))),
        Cell(f"{predicted:,}"),
    )


def _proportion(share: Estimate | None) -> Cell:
    if share is None:
        return Cell(MISSING)
    tooltip = f"95 % interval {show_interval(share)}"
    return Cell(show_area(share), Bar(share.value, share.low, share.high, tooltip))
