"""Remarks of the report: how far to trust an evaluation, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from striate.evaluation.curves import kept_epoch
from striate.evaluation.evaluation import Evaluation
from striate.evaluation.scores import FEW, KIND, ClassScore
from striate.text import (
    count_noun,
    format_accuracy,
    format_percent,
    list_names,
    percent_digits,
    shorten_name,
)
from striate.training.events import Epoch

#: confidence interval width above which the accuracy is only a rough estimate
WIDE = 0.10
#: training minus validation accuracy above which the network overfits
GAP = 0.10
#: class imbalance: a class has at least this share of the images, and this many times the share of
#: balanced classes
UNEVEN, MORE = 0.5, 1.25


@dataclass(frozen=True, slots=True)
class Remark:
    text: str
    warning: bool = False  #: the result is less reliable than it looks


def make_remarks(evaluation: Evaluation, epochs: Sequence[Epoch]) -> tuple[Remark, ...]:
    """Return the remarks on an evaluation, the most serious kinds first."""
    return (
        *([Remark(evaluation.leakage, warning=True)] if evaluation.leaked else ()),
        _precision(evaluation),
        _split(evaluation, epochs),
        *_better(evaluation),
        *_classes(evaluation),
        *_certainty(evaluation),
        *_learning(epochs),
    )


def headline(evaluation: Evaluation) -> str:
    """Return, e.g., "Test accuracy 48 % (11 of 23 images, 95 % interval 29 to 67 %)"."""
    share = evaluation.accuracy
    accuracy = format_accuracy(share.value, share.n, share.low, share.high)
    line = f"{KIND[evaluation.split]}{accuracy}"
    return line[0].upper() + line[1:]


def baseline(evaluation: Evaluation) -> tuple[float, str]:
    """Return the accuracy of always predicting the most frequent class, and that class."""
    images = evaluation.confusion.sum(axis=1)
    most = int(images.argmax())
    return int(images[most]) / len(evaluation), evaluation.class_names[most]


def _precision(evaluation: Evaluation) -> Remark:
    share = evaluation.accuracy
    width = share.high - share.low
    points = f"{100 * width:.{0 if width > WIDE else 1}f} points"
    start = f"With {count_noun(share.n, 'image')} the 95 % interval is {points} wide"
    if width > WIDE:
        return Remark(
            f"{start}: take the accuracy as a rough estimate, and evaluate on more images before "
            "relying on it.",
            warning=True,
        )
    return Remark(f"{start}: a smaller difference between two networks may be chance.")


def _split(evaluation: Evaluation, epochs: Sequence[Epoch]) -> Remark:
    if evaluation.warning:
        return Remark(evaluation.warning, warning=True)
    if evaluation.split == "validation":
        chose = " They chose the best epoch, so the accuracy is a little optimistic." * any(
            row.best for row in epochs
        )
        return Remark(f"These images were not used for training.{chose}", warning=bool(chose))
    if evaluation.note:
        return Remark(evaluation.note)
    return Remark(
        "These images were used neither for training nor for choosing the best epoch. Accuracy on "
        "images from another source (another camera, light or place) may be lower."
    )


def _better(evaluation: Evaluation) -> Iterator[Remark]:
    share, most = baseline(evaluation)
    name = shorten_name(most)
    shown = format_percent(share, percent_digits(len(evaluation)))
    if share >= evaluation.accuracy.low:
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


def _classes(evaluation: Evaluation) -> Iterator[Remark]:
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


def _certainty(evaluation: Evaluation) -> Iterator[Remark]:
    """Report over- or underconfidence: mean confidence outside the accuracy's interval."""
    claimed, share = float(evaluation.probabilities.max(axis=1).mean()), evaluation.accuracy
    places = percent_digits(share.n)
    if claimed > share.high:
        word = "Overconfident"
    elif claimed < share.low:
        word = "Underconfident"
    else:
        return
    yield Remark(
        f"{word}: mean confidence {format_percent(claimed, places)}, accuracy {share.percent}.",
        warning=claimed - share.value > WIDE,
    )


def _learning(epochs: Sequence[Epoch]) -> Iterator[Remark]:
    best = kept_epoch(epochs)
    if best is None:
        return
    if best.train_accuracy - best.validation_accuracy > GAP:
        yield Remark(
            "It overfits: at its best epoch, training accuracy was "
            f"{format_percent(best.train_accuracy)}, but validation accuracy "
            f"{format_percent(best.validation_accuracy)}. More images or stronger augmentation may "
            "help.",
            warning=True,
        )
    if len(epochs) > 1 and best.epoch == epochs[-1].epoch:
        yield Remark("The last epoch was the best: longer training may raise the accuracy.")
