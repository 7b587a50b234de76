"""Sections of a classifier's report: metrics, confusion matrix, classes, worst errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

from striate.metrics.estimates import from_hits
from striate.tasks.classification.binary import BinaryMetrics
from striate.tasks.classification.binary_sections import make_binary_sections
from striate.tasks.classification.metrics import ClassMetrics
from striate.tasks.classification.scores import FEW, ClassScore, Doubt, Mistake
from striate.tasks.confusions import find_cell_images, rank_confusions
from striate.tasks.sections import (
    Bar,
    Cell,
    Gallery,
    Head,
    Matrix,
    Picture,
    Section,
    Span,
    Table,
    Text,
    Tile,
    Tiles,
    make_tile,
)
from striate.text import MISSING, count_noun, format_interval, format_percent, percent_digits

#: most mistakes and least confident images shown
MOST_MISTAKES, MOST_DOUBTS = 24, 12


def make_sections(evaluation: ClassMetrics, binary: BinaryMetrics | None) -> Iterator[Section]:
    """Yield the sections of the report; those of `binary` only for two classes."""
    yield _figures(evaluation)
    if binary:
        yield from make_binary_sections(binary)
    yield _confusions(evaluation)
    yield _classes(evaluation)
    yield evaluation.reliability.section()
    if (suspects := evaluation.suspects) and suspects.found:
        yield suspects.section()
    yield _mistakes(evaluation)
    if doubts := evaluation.least_sure(MOST_DOUBTS):
        yield Section(
            "Correct, but least certain",
            "The correct predictions of the lowest probability, each with the runner-up. Images "
            "like these are the next errors: where two classes look alike, more images of both "
            "help most.",
            (Gallery(tuple(map(_doubt, doubts))),),
        )


def _figures(evaluation: ClassMetrics) -> Section:
    guessing = f"uniform guess {math.log(len(evaluation.class_names)):.3g}"
    images = count_noun(len(evaluation), "image")
    tiles = (
        *map(make_tile, evaluation.scores()),
        Tile(format_percent(evaluation.macro_f1, percent_digits(len(evaluation))), "macro-F1"),
        Tile(f"{evaluation.log_loss:.3g}", f"log-loss; {guessing}"),
        Tile(f"{evaluation.errors:,}", f"wrong of {images}"),
    )
    return Section(
        "Metrics",
        "The interval says where the true accuracy most likely lies: of such intervals, computed "
        "on other images of the same kind, 95 in 100 hold it (Wilson, 1927). Macro-F1 weighs all "
        "classes the same, however many images they have. Log-loss also counts the confidence of "
        "each prediction: 0 is certain and correct, and one error made with certainty costs a lot.",
        (Tiles(tiles),),
    )


def _confusions(evaluation: ClassMetrics) -> Section:
    matrix, names = evaluation.confusion, evaluation.class_names
    ranking = rank_confusions(matrix, names, "image", "No image was misclassified.")
    losses, confidence = evaluation.losses, evaluation.confidence
    images = find_cell_images(evaluation.labels, evaluation.predicted, losses, confidence)
    return Section(
        "Confusion matrix",
        "A row holds the images of one true class, a column those predicted as one class. The "
        "diagonal is correct, all else is an error. A cell is colored by its share of the row, so "
        "a class with few images shows as clearly as one with many. On the page, each count leads "
        "to its images.",
        (Matrix(names, matrix, images=images), ranking),
    )


def _classes(evaluation: ClassMetrics) -> Section:
    heads = (
        Head("class", left=True),
        Head("images"),
        Head("F1", barred=True),
        Head("recall", barred=True),
        Head("precision"),
        Head("most often confused with", left=True),
    )
    places = percent_digits(len(evaluation) // len(evaluation.class_names))
    rows = tuple(_row(row, places) for row in evaluation.weakest())
    return Section(
        "Class by class, the weakest first",
        "Recall: the share of a class's images that was found; the pale band is the 95 % interval, "
        "wide where images are few. Precision: the share of the predictions “this class” that was "
        "correct. F1 is high only when both are (their harmonic mean). A dash: undefined, as no "
        "image is of the class or predicted so.",
        (Table("Class by class", heads, rows),),
    )


def _row(row: ClassScore, places: int) -> tuple[Cell, ...]:
    few = f"fewer than {FEW} images: the scores are little more than chance"
    return (
        Cell((Span(row.name),)),
        Cell(f"{row.images:,}", badge="few" if row.images < FEW else "", tooltip=few),
        Cell(format_percent(row.f1, places), None if row.f1 is None else Bar(row.f1)),
        Cell(format_percent(row.recall, places), _recall(row)),
        Cell(format_percent(row.precision, places)),
        Cell(
            MISSING
            if row.confused_with is None
            else (Span(row.confused_with), " ", Span(f"({row.confused_count:,})", "soft"))
        ),
    )


def _recall(row: ClassScore) -> Bar | None:
    if row.recall is None:
        return None
    low, high = from_hits(round(row.recall * row.images), row.images).bounds
    interval = format_interval(low, high, percent_digits(row.images))
    return Bar(row.recall, low, high, f"95 % interval {interval}")


def _mistakes(evaluation: ClassMetrics) -> Section:
    title, found = "The worst errors", evaluation.suspects.found if evaluation.suspects else ()
    above = {suspect.row for suspect in found}
    errors = [
        each for each in evaluation.worst_mistakes(evaluation.errors) if each.row not in above
    ]
    if not errors:
        images = count_noun(len(evaluation), "image")
        right = f"None: every one of the {images} was predicted correctly."
        told = "None but those that are perhaps mislabeled." if evaluation.errors else right
        return Section(title, "", (Text(told),))
    worst = tuple(map(_mistake, errors[:MOST_MISTAKES]))
    more = f"The worst {len(worst)} of {len(errors):,} errors." * (len(errors) > len(worst))
    apart = ", but for those that are perhaps mislabeled" * bool(above)
    return Section(
        title,
        f"The misclassified images{apart}, sorted by loss, highest first: the lower the "
        "probability of the true class, in brackets behind it, the higher the loss. Look for "
        "images that are mislabeled, cut off or hard for you too, and for what they have in "
        "common.",
        (Gallery(worst, more),),
    )


def _mistake(mistake: Mistake) -> Picture:
    return Picture(
        mistake.row,
        (
            "true ",
            Span(mistake.true, "strong"),
            f" ({format_percent(mistake.true_probability, 0)}), predicted ",
            Span(mistake.predicted, "wrong"),
            f" ({format_percent(mistake.predicted_probability, 0)})",
        ),
        f"An image of {mistake.true} predicted as {mistake.predicted}",
    )


def _doubt(doubt: Doubt) -> Picture:
    return Picture(
        doubt.row,
        (
            Span(doubt.true, "strong"),
            f" {format_percent(doubt.true_probability, 0)}, ",
            Span(doubt.other),
            f" {format_percent(doubt.other_probability, 0)}",
        ),
        f"An image of {doubt.true}",
    )
