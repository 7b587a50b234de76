"""Remarks on an embedding: what its figures are of, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterator

from striate.tasks.embedding.metrics import EmbeddingMetrics
from striate.tasks.embedding.scores import FEW, RECALL
from striate.tasks.sections import Remark, remark_interval
from striate.text import count_noun, format_percent, list_names

#: a share of pairs of two classes accepted is that asked for up to this many times
_MISSED = 2


def make_remarks(results: EmbeddingMetrics) -> Iterator[Remark]:
    """Yield the remarks, the most serious kinds first."""
    yield from _precision(results)
    yield from _better(results)
    yield _classes(results)
    yield from _missed(results)
    yield _strangers(results)
    yield from _rare(results)
    if results.sampled:
        yield Remark(
            f"Pairs are those of {len(set(results.pairs.first.tolist())) + 1:,} of the "
            f"{len(results):,} images, drawn at random."
        )


def _precision(results: EmbeddingMetrics) -> Iterator[Remark]:
    recall = results.recall
    if len(results.present) < 2:
        yield Remark(
            "All images are of one class, so none can be taken for another: these figures tell "
            "nothing. Give images of several classes.",
            warning=True,
        )
    if recall.low is None or recall.high is None:
        yield Remark("No class has two images here: recall at 1 is undefined.", warning=True)
        return
    yield remark_interval(RECALL.title, recall.n, recall.low, recall.high)


def _better(results: EmbeddingMetrics) -> Iterator[Remark]:
    low = results.recall.low
    if low is not None and results.chance >= low:
        yield Remark(
            f"Taking any other image for the nearest has a recall at 1 of "
            f"{format_percent(results.chance)}: the network is not clearly better than that.",
            warning=True,
        )


def _classes(results: EmbeddingMetrics) -> Remark:
    count, new = len(results.present), results.new_classes
    if not new:
        return Remark(
            "All classes here were trained on: how classes that are new fare, these figures do not "
            "tell.",
            warning=True,
        )
    these = f"{new:,} of the {count_noun(count, 'class')} here were not trained on"
    if results.by_class:
        return Remark(f"None of the {count:,} classes was trained on, and whole classes were drawn "
                      "anew for the intervals: they are for other classes like these.")  # fmt: skip
    return Remark(
        f"{these}. The intervals are for other images of these {count:,} classes; other classes "
        "may fare better or worse."
    )


def _missed(results: EmbeddingMetrics) -> Iterator[Remark]:
    _, different = results.accepted
    if different > _MISSED * results.false_accepts:
        yield Remark(
            f"The threshold was to accept {format_percent(results.false_accepts)} of the pairs of "
            f"two classes, and accepts {format_percent(different)} here: these classes are nearer "
            "to each other than those of validation. Set another by --threshold.",
            warning=True,
        )


def _strangers(results: EmbeddingMetrics) -> Remark:
    return Remark(
        f"An image whose class is missing in a gallery of the other {len(results) - 1:,} images "
        f"would be taken for one of theirs in {format_percent(results.strangers)} of the cases: "
        "the more images a gallery has, the likelier one passes the threshold by chance."
    )


def _rare(results: EmbeddingMetrics) -> Iterator[Remark]:
    few = [row.name for row in results.per_class if row.images < FEW]
    if few:
        has = "class has" if len(few) == 1 else "classes have"
        yield Remark(
            f"{len(few):,} {has} fewer than {FEW} images here ({list_names(few)}): the recall of "
            "such a class is little more than chance.",
            warning=True,
        )
