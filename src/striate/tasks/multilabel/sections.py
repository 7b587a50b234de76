"""Sections of the report on several labels: metrics, labels, joint errors, worst errors."""

from __future__ import annotations

from collections.abc import Iterator

from striate.metrics.estimates import Estimate
from striate.tasks.multilabel.metrics import FEW, MAP, LabelMetrics, LabelMistake, LabelScore
from striate.tasks.sections import (
    Bar,
    Cell,
    Gallery,
    Head,
    Picture,
    Rank,
    Ranking,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
    make_tile,
)
from striate.text import (
    MISSING,
    count_noun,
    format_interval,
    format_percent,
    percent_digits,
)

#: most mistakes shown
MOST_MISTAKES = 24


def make_sections(results: LabelMetrics) -> Iterator[Section]:
    """Yield the sections of the report."""
    yield _figures(results)
    yield _labels(results)
    yield results.reliability.section()
    yield _together(results)
    yield _mistakes(results)


def _figures(results: LabelMetrics) -> Section:
    images = count_noun(len(results), "image")
    tiles = (
        *map(make_tile, results.scores()),
        Tile(MAP.show(results.constant), "mAP of one answer for all images"),
        Tile(f"{len(results.wrong):,}", f"with an error, of {images}"),
    )
    return Section(
        "Metrics",
        "Average precision needs no threshold: it is 1 if every image with the label has a higher "
        "probability than every image without it; mAP is its mean over the labels that some "
        "images have and some lack. F1 counts what is answered at the thresholds, which were "
        "chosen on the validation images or given: "
        "micro-F1 over all labels together, macro-F1 as the mean over the labels. An exact match "
        "has every label right. The interval says where the true figure most likely lies: of such "
        "intervals, computed on other images of the same kind, 95 in 100 hold it.",
        (Tiles(tiles),),
    )


def _labels(results: LabelMetrics) -> Section:
    heads = (
        Head("label", left=True),
        Head("images"),
        Head("average precision", barred=True),
        Head("recall", barred=True),
        Head("precision"),
        Head("F1"),
        Head("threshold"),
    )
    return Section(
        "Label by label, the weakest first",
        "Average precision: how far up the images with the label are when all are sorted by its "
        "probability; the pale band is the 95 % interval. Recall: the share of the images with "
        "the label that was answered with it. Precision: the share of the images answered with "
        "the label that have it. An image is answered with a label from its threshold on. A "
        "dash: undefined, as no image has the label, all have it, or none is answered with it.",
        (Table("Label by label", heads, tuple(map(_row, results.weakest()))),),
    )


def _row(row: LabelScore) -> tuple[Cell, ...]:
    few = f"on fewer than {FEW} images: the figures are little more than chance"
    return (
        Cell((Span(row.name),)),
        Cell(f"{row.images:,}", badge="few" if row.images < FEW else "", tooltip=few),
        _barred(row.average_precision, row.images),
        _barred(row.recall, row.images),
        Cell(_shown(row.precision, row.images)),
        Cell(_shown(row.f1, row.images)),
        Cell(f"{row.threshold:.2f}"),
    )


def _barred(each: Estimate, images: int) -> Cell:
    if each.low is None or each.high is None:
        return Cell(_shown(each, images))
    interval = format_interval(each.low, each.high, percent_digits(images))
    tooltip = f"95 % interval {interval}"
    return Cell(_shown(each, images), Bar(each.value, each.low, each.high, tooltip))


def _shown(each: Estimate, images: int) -> str:
    return format_percent(each.value, percent_digits(images)) if each.value >= 0 else MISSING


def _together(results: LabelMetrics) -> Section:
    ranks = tuple(
        Rank(
            (Span(pair.missed, "strong"), " missed, ", Span(pair.called, "strong"), " answered"),
            f"{pair.count:,}",
            pair.fraction,
        )
        for pair in results.joint_errors()
    )
    text = "In brackets and as a bar: the share of the images in which the first was missed."
    none = "In no image was one label missed and another one answered wrongly."
    return Section(
        "Errors that occur together",
        "Images in which one label was missed and another one answered that they do not have: "
        "where a pair is frequent, the network takes the one for the other.",
        (Ranking("Missed and answered", ranks, text if ranks else none),),
    )


def _mistakes(results: LabelMetrics) -> Section:
    title, errors = "The worst errors", len(results.wrong)
    worst = tuple(map(_mistake, results.worst_mistakes(MOST_MISTAKES)))
    if not worst:
        images = count_noun(len(results), "image")
        return Section(title, "", (Text(f"None: all {images} have every label right."),))
    images = count_noun(errors, "image")
    more = f"The worst {len(worst)} of {images} with an error." * (errors > len(worst))
    return Section(
        title,
        "The images with a wrong label or without a right one, sorted by loss, highest first. "
        "Look for labels that are missing in the data, for images that are hard for you too, and "
        "for what they have in common.",
        (Gallery(worst, more),),
    )


def _mistake(mistake: LabelMistake) -> Picture:
    groups = (
        ("right ", [Span(name, "strong") for name in mistake.right]),
        ("missed ", [Span(name) for name in mistake.missed]),
        ("wrong ", [Span(name, "wrong") for name in mistake.wrong]),
    )
    parts: list[str | Span] = []
    for text, spans in groups:
        for at, span in enumerate(spans):
            parts += [", " if at else "; " * bool(parts) + text, span]
    there = ", ".join(sorted((*mistake.right, *mistake.missed))) or "no label"
    return Picture(mistake.row, tuple(parts), f"An image of {there}")
