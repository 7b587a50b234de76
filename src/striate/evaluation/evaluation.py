"""Evaluation: predicted probabilities of labeled images and the metrics computed from them."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import printable
from striate.evaluation import metrics
from striate.evaluation.answers import check_answers
from striate.evaluation.scores import FEW, KIND, ClassScore, Confusion, Doubt, Mistake, Proportion
from striate.text import (
    MISSING,
    columns,
    count_noun,
    format_percent,
    html_table,
    percent_digits,
    shorten,
)

if TYPE_CHECKING:
    from striate.options import SplitChoice


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Predicted probabilities of N labeled images, and the metrics computed from them."""

    model: str  #: evaluated model: a file, a run or a network's name
    split: SplitChoice
    class_names: tuple[str, ...]  #: K
    paths: tuple[str, ...] = field(repr=False)  #: N
    labels: NDArray[np.int64] = field(repr=False)  #: (N,)
    probabilities: NDArray[np.float32] = field(repr=False)  #: (N, K), each row sums to 1
    trained_on: int | None = None  #: how many of the N are in the training split; None: unknown
    leaked: int = 0  #: images also in a split used for training or epoch selection

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def warning(self) -> str:
        """Return a warning if images were in the training split; "" if none are known to be."""
        seen = len(self) if self.split == "train" else self.trained_on or 0
        if seen == len(self):
            return "These are its training images: the metrics say nothing about new ones."
        if seen:
            were = f"{count_noun(len(self), 'image')} {'was' if seen == 1 else 'were'}"
            return f"{seen:,} of these {were} used for training: accuracy on new ones may be lower."
        return ""

    @property
    def note(self) -> str:
        """Say why all images were evaluated, or that the run is unknown; "" if neither."""
        if self.warning or self.split in ("train", "validation"):
            return ""
        if self.trained_on is None:
            return "Whether these images were used for training is unknown: its run is not here."
        if self.split == "all":
            return "None of these images were used for training, so all of them were evaluated."
        return ""

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,): the most probable class of each image; ties go to the lowest index."""
        return self.probabilities.argmax(axis=1).astype(np.int64)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,): the log-loss of each image."""
        return metrics.losses(self.probabilities, self.labels)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) counts: rows are true, columns predicted."""
        return metrics.confusion(self.labels, self.predicted, len(self.class_names))

    @cached_property
    def accuracy(self) -> Proportion:
        return Proportion.of(int(np.trace(self.confusion)), len(self))

    @cached_property
    def top5(self) -> Proportion | None:
        """Top-5 accuracy; None with five classes or fewer, where it is always 1."""
        if len(self.class_names) <= 5:
            return None
        return Proportion.of(metrics.top_hits(self.probabilities, self.labels, 5), len(self))

    @cached_property
    def log_loss(self) -> float:
        """Mean log-loss (natural log), clipped at float32's epsilon: 0 (best) to 15.9."""
        return float(self.losses.mean())

    @cached_property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have images."""
        return metrics.macro_f1(self.confusion)

    @cached_property
    def per_class(self) -> tuple[ClassScore, ...]:
        """One score per class, in the order of class_names."""
        scores = zip(
            map(_known, metrics.precision(self.confusion)),
            map(_known, metrics.recall(self.confusion)),
            map(_known, metrics.f1(self.confusion)),
            strict=True,
        )
        return tuple(self._score(label, *three) for label, three in enumerate(scores))

    def weakest(self) -> tuple[ClassScore, ...]:
        """Return per_class sorted by ascending F1; classes without images last."""
        return tuple(sorted(self.per_class, key=lambda row: math.inf if row.f1 is None else row.f1))

    def top_confusions(self, most: int = 10) -> tuple[Confusion, ...]:
        """Return the (true, predicted) pairs by count, then by fraction."""
        wrong = self.confusion - np.diag(np.diagonal(self.confusion))
        names, images = self.class_names, self.confusion.sum(axis=1)
        fractions = wrong / np.maximum(images, 1)[:, None]
        order = np.lexsort((-fractions.ravel(), -wrong.ravel()))[:most]
        pairs = [divmod(int(cell), len(wrong)) for cell in order]
        return tuple(
            Confusion(names[a], names[b], int(wrong[a, b]), int(wrong[a, b]) / int(images[a]))
            for a, b in pairs
            if wrong[a, b]
        )

    def worst_mistakes(self, most: int = 24) -> tuple[Mistake, ...]:
        """Return the misclassified images by descending loss."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        order = wrong[np.argsort(-self.losses[wrong], kind="stable")][:most]
        return tuple(self._mistake(int(row)) for row in order)

    def least_sure(self, most: int = 12) -> tuple[Doubt, ...]:
        """Return the correctly classified images by ascending probability."""
        right = np.flatnonzero(self.predicted == self.labels)
        highest = self.probabilities[right].max(axis=1)
        order = right[np.argsort(highest, kind="stable")][:most]
        return tuple(self._doubt(int(row)) for row in order)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        return {
            "model": self.model,
            "split": self.split,
            "images": len(self),
            "trained_on": len(self) if self.split == "train" else self.trained_on,
            "warning": self.warning or None,
            "leaked": self.leaked,
            "class_names": list(self.class_names),
            "accuracy": asdict(self.accuracy),
            "top5": None if self.top5 is None else asdict(self.top5),
            "log_loss": self.log_loss,
            "macro_f1": self.macro_f1,
            "confusion": self.confusion.tolist(),
            "per_class": [asdict(row) for row in self.per_class],
            "worst": [asdict(mistake) for mistake in self.worst_mistakes()],
        }

    def __repr__(self) -> str:
        numbers = columns(self._numbers(), left=(0, 1, 2))
        classes = columns(self._class_rows(most=12), left=(0, 5))
        warning = textwrap.wrap(self.leakage, 78) if self.leaked else ()
        figures = [*_indented([*warning, *numbers]), "", *_indented(classes)]
        lines = [shorten(self._title(), 80), *figures]
        return "\n".join([*lines, *_indented(self._remarks(most=12))])

    def _repr_html_(self) -> str:
        blocks = [f"<p><b>{html.escape(printable(self._title()))}</b></p>"]
        blocks += [f"<p>{self.leakage}</p>"] if self.leaked else []
        blocks.append(html_table([("number", "value", ""), *self._numbers()], left=(0, 1, 2)))
        blocks.append(html_table(self._class_rows(most=40), left=(0, 5)))
        blocks += [f"<p>{html.escape(line)}</p>" for line in self._remarks(most=40)]
        return "\n".join(blocks)

    @property
    def leakage(self) -> str:
        """Describe the leaked images in one sentence."""
        earlier = "train" if self.split == "validation" else "train or validation"
        these = f"{self.leaked:,} of these {count_noun(len(self), 'image')}"
        are = "is" if self.leaked == 1 else "are"
        return (
            f"Leakage: {these} {are} in {earlier} too, so the figures are too good; "
            "--leaked drop leaves out such images."
        )

    def _title(self) -> str:
        images = count_noun(len(self), f"{KIND[self.split]}image")
        return f"{images}, {count_noun(len(self.class_names), 'class')}: {self.model}"

    def _numbers(self) -> list[tuple[str, str, str]]:
        shares = [
            ("accuracy", self.accuracy),
            *([("top-5 accuracy", self.top5)] if self.top5 else []),
        ]
        guessing = math.log(len(self.class_names))
        return [
            *((name, share.percent, f"(95 % interval {share.interval})") for name, share in shares),
            ("macro-F1", format_percent(self.macro_f1, percent_digits(len(self))), ""),
            ("log-loss", f"{self.log_loss:.4f}", f"(uniform guess: {guessing:.4f})"),
        ]

    def _class_rows(self, most: int) -> list[tuple[str, ...]]:
        head = ("class", "images", "precision", "recall", "F1", "most confused with")
        places = percent_digits(len(self) // len(self.class_names))
        return [head, *(_class_row(row, places) for row in self.weakest()[:most])]

    def _remarks(self, most: int) -> list[str]:
        lines = [self.warning or self.note] if self.warning or self.note else []
        if any(row.images < FEW for row in self.weakest()[:most]):
            lines.append(f"* fewer than {FEW} images: too few to rely on")
        if (more := len(self.class_names) - most) > 0:
            lines.append(f"The weakest {most} classes; per_class has the other {more:,}.")
        return lines

    def _score(
        self, label: int, precision: float | None, recall: float | None, f1: float | None
    ) -> ClassScore:
        row = self.confusion[label].copy()
        images = int(row.sum())
        row[label] = 0
        other = int(row.argmax())
        taken = self.class_names[other] if row[other] else None
        name = self.class_names[label]
        return ClassScore(name, images, precision, recall, f1, taken, int(row[other]))

    def _mistake(self, row: int) -> Mistake:
        true, predicted = int(self.labels[row]), int(self.predicted[row])
        return Mistake(
            row,
            self.paths[row],
            self.class_names[true],
            self.class_names[predicted],
            float(self.probabilities[row, true]),
            float(self.probabilities[row, predicted]),
            float(self.losses[row]),
        )

    def _doubt(self, row: int) -> Doubt:
        true, rated = int(self.labels[row]), self.probabilities[row]
        other = int(np.where(np.arange(len(rated)) == true, -1, rated).argmax())
        names = self.class_names[true], self.class_names[other]
        return Doubt(row, self.paths[row], *names, float(rated[true]), float(rated[other]))


def make_evaluation(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]] | Sequence[int],
    paths: Sequence[str],
    class_names: Sequence[str],
    split: SplitChoice,
    model: str,
    trained_on: int | None = None,
    leaked: int = 0,
) -> Evaluation:
    """Build an Evaluation from probabilities (N, K) and labels (N,).

    Raises OptionError for arguments that do not match, ModelError for a non-finite probability.
    """
    rated = np.asarray(probabilities, dtype=np.float32)
    known = np.asarray(labels, dtype=np.int64)
    check_answers(rated, known, paths, class_names, split, model)
    return Evaluation(
        model, split, tuple(class_names), tuple(paths), known, rated, trained_on, leaked
    )


def _class_row(row: ClassScore, places: int) -> tuple[str, ...]:
    shares = (format_percent(share, places) for share in (row.precision, row.recall, row.f1))
    count = f" ({row.confused_count:,})"
    taken = (
        shorten(row.confused_with, 20 - len(count)) + count
        if row.confused_with is not None
        else MISSING
    )
    few = "*" if row.images < FEW else ""
    return shorten(row.name, 18), f"{few}{row.images:,}", *shares, taken


def _known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}".rstrip() for line in lines]
