"""Remarks on a classifier: how far to trust its accuracy, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.classification.metrics import ClassMetrics
from striate.tasks.classification.scores import FEW, ClassScore
from striate.tasks.sections import Remark, remark_interval, same_answer
from striate.text import (
    count_noun,
    format_percent,
    list_names,
    percent_digits,
    shorten_name,
)

#: class imbalance: a class has at least this share of the images, and this many times the share of
#: balanced classes
UNEVEN, MORE = 0.5, 1.25


def make_remarks(evaluation: ClassMetrics) -> Iterator[Remark]:
    """Yield the remarks on a classifier, the most serious kinds first."""
    yield remark_interval("accuracy", len(evaluation), *evaluation.accuracy.bounds)
    if evaluation.is_constant:
        yield Remark(same_answer(len(evaluation)), warning=True)
    yield from _better(evaluation)
    yield from _classes(evaluation)
    yield from evaluation.reliability.remarks(evaluation.about.split)


def _better(evaluation: ClassMetrics) -> Iterator[Remark]:
    share, most = evaluation.most_frequent
    name = shorten_name(most)
    shown = format_percent(share, percent_digits(len(evaluation)))
    if share >= evaluation.accuracy.bounds[0]:
        yield Remark(
            f"Always predicting “{name}” has an accuracy of {shown}: the network is not clearly "
            "better than this majority-class baseline.",
            warning=True,
        )
    elif share >= max(UNEVEN, MORE / len(evaluation.class_names)):
        yield Remark(
            f"The classes are imbalanced: always predicting “{name}” has an accuracy of "
            f"{shown} already."
        )


def _classes(evaluation: ClassMetrics) -> Iterator[Remark]:
    rows = [row for row in evaluation.weakest() if row.images]
    weakest = next((row for row in rows if row.images >= FEW), rows[0])
    if weakest.f1 != 1:
        yield Remark(_weakest(weakest))
    few = [row.name for row in rows if row.images < FEW]
    if few:
        have = "class has" if len(few) == 1 else "classes have"
        yield Remark(
            f"{len(few):,} {have} fewer than {FEW} images here ({list_names(few)}): "
            "the scores of such a class are little more than chance.",
            warning=True,
        )
    absent = [row.name for row in evaluation.per_class if not row.images]
    if absent:
        have, them = ("class has", "it") if len(absent) == 1 else ("classes have", "them")
        yield Remark(
            f"{len(absent):,} {have} no image here ({list_names(absent)}): nothing is known of "
            f"{them}.",
            warning=True,
        )


def _weakest(row: ClassScore) -> str:
    found = format_percent(row.recall, percent_digits(row.images))
    start = f"Weakest class: {list_names([row.name])}. Of its {count_noun(row.images, 'image')}"
    if row.precision is None:
        return f"{start} none is found (recall): it is never predicted."
    precision = format_percent(row.precision, percent_digits(row.images))
    name = shorten_name(row.name)
    return (
        f"{start} {found} are found (recall), and {precision} of the predictions “{name}” are "
        "correct (precision)."
    )
