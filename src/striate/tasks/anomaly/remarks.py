"""Remarks on one class alone: what its figures are of, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.anomaly.metrics import AnomalyMetrics
from striate.tasks.sections import Remark, remark_interval
from striate.text import count_noun, format_percent, list_names

#: fewest images of an other class whose figures are more than chance
_FEW = 10


def make_remarks(results: AnomalyMetrics) -> Iterator[Remark]:
    """Yield the remarks, the most serious kinds first."""
    good = int(results.is_good.sum())
    if good == len(results):
        yield Remark(
            "All images here are good: whether anything else is found, these figures do not tell. "
            "Put images that are not good into folders of their own beside the good ones, in "
            "validation and test.",
            warning=True,
        )
    elif not good:
        yield Remark(
            "None of the images here is good: how often a good one is called odd, these figures do "
            "not tell.",
            warning=True,
        )
    elif results.area.low is not None and results.area.high is not None:
        yield remark_interval("AUROC", len(results), results.area.low, results.area.high)
    yield from _chance(results)
    yield from _rejected(results, good)
    yield from _missed(results)


def _chance(results: AnomalyMetrics) -> Iterator[Remark]:
    if results.area.low is not None and results.area.low <= 0.5:
        yield Remark(
            "Giving every image the same score has an AUROC of 50 %: the network is not clearly "
            "better than that. Its features may not tell what matters here; try a network that has "
            "learned from images like these, or a larger --size.",
            warning=True,
        )


def _rejected(results: AnomalyMetrics, good: int) -> Iterator[Remark]:
    rejected = results.rejected
    if rejected.low is not None and rejected.low > results.share:
        yield Remark(
            f"Of the {count_noun(good, 'good image')} {format_percent(rejected.value)} are called "
            f"odd, clearly more than the {format_percent(results.share)} that the limit was set "
            "for on validation. They may differ from those; or these were too few.",
            warning=True,
        )


def _missed(results: AnomalyMetrics) -> Iterator[Remark]:
    missed = [row.name for row in results.others() if (row.area.low or 0) <= 0.5]
    if missed:
        yield Remark(
            f"Not clearly told from the good ones: {list_names(missed)}.",
            warning=True,
        )
    few = [row.name for row in results.others() if row.images < _FEW]
    if few:
        yield Remark(f"Fewer than {_FEW} images, too few to rely on: {list_names(few)}.")
