"""Evaluation of an embedding: what is printed of it, and what its report shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.tasks.embedding.metrics import EmbeddingMetrics
from striate.tasks.embedding.remarks import make_remarks
from striate.tasks.embedding.scores import RECALL, ClassRecall
from striate.tasks.embedding.sections import make_sections
from striate.tasks.numbers import check_finite, known
from striate.tasks.overview import Overview, Printed, score_rows, tell_more
from striate.tasks.results import About, Baseline, Told
from striate.tasks.sections import Remark, Section
from striate.text import MISSING, count_noun, format_percent, percent_digits, shorten


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddingResults(Printed, EmbeddingMetrics):
    """Embeddings of N labeled images, and the metrics computed from them."""

    @property
    def image_errors(self) -> NDArray[np.float64]:
        """(N,): how much nearer another class is than the own; NaN: one has no other image."""
        near = self.nearest
        known = (near.own >= 0) & (near.other >= 0)
        with np.errstate(invalid="ignore"):
            return np.where(known, near.other_cosine - near.own_cosine, np.nan)

    def tell(self, row: int) -> Told:
        """Return the class of an image, and that of the nearest other image."""
        near = self.nearest
        found = near.own_cosine[row] > near.other_cosine[row]
        nearest = near.own[row] if found else near.other[row]
        true = self.class_names[int(self.labels[row])]
        return Told(true, self.class_names[int(self.labels[nearest])])

    def baseline(self) -> Baseline:
        """Return the recall at 1 of taking any other image for the nearest."""
        return Baseline(self.chance, "taking any other image for the nearest")

    def remarks(self) -> Iterator[Remark]:
        """Yield how far to trust the figures, and what they are of."""
        yield from make_remarks(self)
        if self.about.fitted:
            yield Remark(self.about.fitted)

    def sections(self) -> Iterator[Section]:
        """Yield the figures, the pairs, the classes, and the hardest pairs."""
        return make_sections(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything but the per-image rows; None for undefined metrics."""
        same, different = self.accepted
        return {
            **self.about.to_json(RECALL),
            "task": "embedding",
            "classes": len(self.present),
            "new_classes": self.new_classes,
            "scores": {each.figure.name: known(asdict(each)) for each in self.scores()},
            "baseline": self.chance,
            "threshold": self.threshold,
            "false_accepts_asked": self.false_accepts,
            "at_threshold": known({
                "same_accepted": same,
                "different_accepted": different,
                "strangers_accepted": self.strangers,
            }),
            "per_class": [asdict(row) for row in self.per_class],
        }  # fmt: skip

    def _overview(self, most: int) -> Overview:
        classes = count_noun(len(self.present), "class")
        if self.new_classes:
            classes += f", {self.new_classes:,} of them not trained on"
        head = (
            "class",
            f"{self.about.inputs}s",
            "recall at 1",
            "mean cosine",
            "most confused with",
        )
        rows = [head, *map(_row, self.per_class[:most])]
        return Overview(self.about, classes, self._numbers(), rows, self._notes(most), left=(0, 4))

    def _numbers(self) -> list[tuple[str, str, str]]:
        scores = self.scores()
        shown = score_rows(scores, f"by chance {self.baseline().show(scores[0])}")
        same, different = map(format_percent, self.accepted)
        at = f"(accepts {same} of the same, {different} of different classes)"
        return [*shown, ("threshold", f"{self.threshold:.3f}", at)]

    def _notes(self, most: int) -> list[str]:
        said = self.about.caution(RECALL), self.about.fitted
        lines = [line for line in said if line]
        lines += tell_more("weakest", "class", len(self.present), most)
        return lines


def make_results(
    embeddings: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    class_names: Sequence[str],
    trained: NDArray[np.integer[Any]],
    threshold: float,
    false_accepts: float,
    about: About,
) -> EmbeddingResults:
    """Build results from embeddings (N, D) of length 1 and labels (N,).

    Raises ModelError for an embedding that is not finite.
    """
    check_finite(embeddings, about.paths, about.model)
    return EmbeddingResults(
        about,
        tuple(class_names),
        trained.astype(np.int64),
        labels.astype(np.int64),
        embeddings.astype(np.float32),
        threshold,
        false_accepts,
    )


def _row(row: ClassRecall) -> tuple[str, ...]:
    confused = MISSING
    if row.confused_with is not None:
        confused = f"{shorten(row.confused_with, 20)} ({row.confused_count:,})"
    return (
        shorten(row.name, 24) + "*" * (not row.trained),
        f"{row.images:,}",
        format_percent(row.recall, percent_digits(row.images)),
        MISSING if row.cosine is None else f"{row.cosine:.2f}",
        confused,
    )
