"""Remarks on detections: how far to trust the AP, and what to look at, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.detection.metrics import AP50, FEW, DetectionMetrics
from striate.tasks.sections import Remark, remark_interval
from striate.text import count_noun, format_percent, list_names

#: kind of error -> how it is told
KINDS = {
    "missed": "true boxes that were not found",
    "background": "boxes on no object",
    "badly_placed": "boxes of the right class that are badly placed",
    "wrong_class": "boxes on an object of another class",
    "both": "badly placed boxes on an object of another class",
    "twice": "second boxes on an object",
}

CONSTANT = "always answering with the same boxes, where objects are the most often"


def make_remarks(results: DetectionMetrics) -> Iterator[Remark]:
    """Yield the remarks on detections, the most serious kinds first."""
    yield _precision(results)
    ap50 = results.figures.ap50
    if results.constant >= (ap50.value if ap50.low is None else ap50.low):
        yield Remark(
            f"{CONSTANT.capitalize()} has an AP at 0.5 of "
            f"{AP50.show(results.constant)}: the network is not clearly better than this baseline.",
            warning=True,
        )
    yield from _errors(results)
    yield from _classes(results)


def _precision(results: DetectionMetrics) -> Remark:
    ap50 = results.figures.ap50
    if ap50.low is None or ap50.high is None:
        images = count_noun(len(results), "image")
        return Remark(
            f"With {images} nothing is known of how the AP varies: evaluate on more.", warning=True
        )
    return remark_interval(AP50.title, len(results), ap50.low, ap50.high)


def _errors(results: DetectionMetrics) -> Iterator[Remark]:
    """Say which kind of error is the most frequent."""
    counts = {kind: int(getattr(results.errors, kind).sum()) for kind in KINDS}
    kind = max(counts, key=lambda name: counts[name])
    if counts[kind]:
        share = format_percent(counts[kind] / sum(counts.values()), 0)
        yield Remark(f"Of the errors {share} are {KINDS[kind]}, the most frequent kind.")


def _classes(results: DetectionMetrics) -> Iterator[Remark]:
    present = [row for row in results.weakest() if row.boxes]
    if len(present) > 1:
        row = present[0]
        found = "" if row.recall is None else f"; {format_percent(row.recall)} of them are found"
        yield Remark(
            f"Weakest class: {list_names([row.name])}, AP at 0.5 {AP50.show(row.ap50.value)}, of "
            f"{count_noun(row.boxes, 'box')}{found}."
        )
    if few := [row.name for row in present if row.boxes < FEW]:
        have = "class has" if len(few) == 1 else "classes have"
        yield Remark(
            f"{len(few):,} {have} fewer than {FEW} boxes here ({list_names(few)}): the AP of such "
            "a class is little more than chance, and weighs as much in the mean as any other.",
            warning=True,
        )
    if absent := [row.name for row in results.per_class if not row.boxes]:
        have, them = ("class has", "it") if len(absent) == 1 else ("classes have", "them")
        yield Remark(
            f"{len(absent):,} {have} no box here ({list_names(absent)}): nothing is known of "
            f"{them}.",
            warning=True,
        )
