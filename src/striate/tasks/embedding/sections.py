"""Sections of the report of an embedding: figures, pairs, classes, hardest pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from striate.metrics.binary import roc_curve
from striate.plotting import metric_charts
from striate.plotting.chart import Axis, Bars, Chart, Rule
from striate.plotting.shapes import BLUE, ORANGE
from striate.tasks.embedding.metrics import EmbeddingMetrics
from striate.tasks.embedding.scores import FEW, ClassRecall, HardPair
from striate.tasks.sections import (
    Bar,
    Cell,
    Charts,
    Gallery,
    Head,
    Phrase,
    Picture,
    Section,
    Span,
    Table,
    Tile,
    Tiles,
    make_tile,
)
from striate.text import MISSING, count_noun, format_percent, percent_digits

#: most pairs shown of one class, and of two
MOST_PAIRS = 9
_BINS = 40


def make_sections(results: EmbeddingMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(results)
    yield _pairs(results)
    yield _classes(results)
    yield from _hardest(results)


def _figures(results: EmbeddingMetrics) -> Section:
    same, different = map(format_percent, results.accepted)
    tiles = (
        *map(make_tile, results.scores()),
        Tile(f"{results.threshold:.3f}", f"threshold: accepts {same} of pairs of one class, "
                                         f"{different} of pairs of two"),
        Tile(format_percent(results.strangers), "of strangers taken for one of these"),
    )  # fmt: skip
    drawn = "classes" if results.by_class else "images"
    return Section(
        "Figures",
        "Recall at 1: the share of images whose nearest other image is of their class. A pair is "
        "accepted, as of one class, from a cosine on: the AUROC is the share of cases in which a "
        "pair of one class has a higher one than a pair of two, and true accepts are the share of "
        "pairs of one class accepted at a cosine that lets the given share of the others pass. "
        f"Intervals of pairs come of {drawn} drawn anew, as pairs that share an image are not "
        "independent.",
        (Tiles(tiles),),
    )


def _pairs(results: EmbeddingMetrics) -> Section:
    false, true = roc_curve(results.pairs.counts)
    same, different = results.accepted
    mark = metric_charts.Mark(different, same, f"threshold {results.threshold:.3f}")
    known = not np.isnan([same, different]).any()
    roc = metric_charts.make_roc_chart(false, true, "model", mark if known else None)
    return Section(
        "Pairs of images",
        f"All {len(results.pairs.same):,} pairs of two images, of which "
        f"{int(results.pairs.same.sum()):,} are of one class. What overlaps in the histogram "
        "cannot be told apart by any threshold.",
        (Charts((roc, _histogram(results))),),
    )


def _histogram(results: EmbeddingMetrics) -> Chart:
    cosine, same = results.pairs.cosine, results.pairs.same
    edges = np.linspace(-1 if cosine.min(initial=0) < 0 else 0, 1, _BINS + 1)
    cosine = cosine.clip(-1, 1)
    sides = ((~same, "of two classes", ORANGE), (same, "of one class", BLUE))
    bars = [
        Bars(
            tuple(edges.tolist()),
            tuple((np.histogram(cosine[side], edges)[0] / max(1, side.sum())).tolist()),
            label=label,
            color=color,
            opacity=0.6,
        )
        for side, label, color in sides
    ]
    return Chart(
        (*bars, Rule(results.threshold, "threshold", dashes=(4, 3))),
        "Cosines of pairs",
        Axis("cosine of two embeddings", (float(edges[0]), 1.0)),
        Axis("share of the pairs", show=lambda share: format_percent(share, 0)),
        height=340,
    )


def _classes(results: EmbeddingMetrics) -> Section:
    heads = (
        Head("class", left=True),
        Head("images"),
        Head("recall at 1", barred=True),
        Head("mean cosine"),
        Head("most often nearest instead", left=True),
    )
    rows = tuple(map(_row, results.per_class))
    return Section(
        "Class by class, the weakest first",
        "Recall at 1: the share of a class's images whose nearest other image is of the class. The "
        "mean cosine is that of its pairs: 1 where all lie in one place. Classes marked new were "
        "not trained on.",
        (Table("Class by class", heads, rows),),
    )


def _row(row: ClassRecall) -> tuple[Cell, ...]:
    few = f"fewer than {FEW} images: the recall is little more than chance"
    confused: Phrase = MISSING
    if row.confused_with is not None:
        confused = (Span(row.confused_with), f" ({row.confused_count:,})")
    return (
        Cell((Span(row.name), *((Span(" new", "soft"),) if not row.trained else ()))),
        Cell(f"{row.images:,}", badge="few" if row.images < FEW else "", tooltip=few),
        Cell(
            format_percent(row.recall, percent_digits(row.images)),
            None if row.recall is None else Bar(row.recall),
        ),
        Cell(MISSING if row.cosine is None else f"{row.cosine:.2f}"),
        Cell(confused),
    )


def _hardest(results: EmbeddingMetrics) -> Iterator[Section]:
    far, near = (results.hardest(MOST_PAIRS, same=same) for same in (True, False))
    if far:
        yield Section(
            "One class, yet far apart",
            f"The {count_noun(len(far), 'pair')} of one class with the lowest cosine, no image "
            "twice. What such images differ in is what the network wrongly takes to matter; or one "
            "of the labels is wrong.",
            (Gallery(_pictures(results, far), pairs=True),),
        )
    if near:
        yield Section(
            "Two classes, yet near",
            f"The {count_noun(len(near), 'pair')} of two classes with the highest cosine, no image "
            "twice: what the network cannot tell apart.",
            (Gallery(_pictures(results, near), pairs=True),),
        )


def _pictures(results: EmbeddingMetrics, pairs: Sequence[HardPair]) -> tuple[Picture, ...]:
    return tuple(
        _picture(results, row, pair.cosine) for pair in pairs for row in (pair.first, pair.second)
    )


def _picture(results: EmbeddingMetrics, row: int, cosine: float) -> Picture:
    name = results.class_names[int(results.labels[row])]
    return Picture(
        row,
        (Span(name), f", cosine {cosine:.2f}"),
        f"An image of {name}, one of a pair with a cosine of {cosine:.2f}",
        neighbors=False,
    )
