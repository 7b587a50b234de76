"""Figures of an embedding, and the numbers that its results keep."""

from __future__ import annotations

from dataclasses import dataclass

from striate.tasks.figures import Figure
from striate.text import format_percent

RECALL = Figure("recall_at_1", "recall at 1", form="share")
AREA = Figure("pair_auroc", "AUROC of pairs")
ACCURACY = Figure("accuracy", "accuracy", form="share")
#: fewest images of a class whose recall is more than chance
FEW = 10
#: constants of a model: the classes that were trained on, the lowest cosine that counts as one
#: class, and the share of pairs of two classes that it was to accept
TRAINED, THRESHOLD, FALSE_ACCEPTS = "trained", "threshold", "false_accepts"


def accept_figure(false_accept: float) -> Figure:
    """Return the share of pairs of one class accepted where so many of two classes are."""
    return Figure("true_accepts", f"true accepts at {format_percent(false_accept)} false ones")


@dataclass(frozen=True, slots=True)
class ClassRecall:
    """How one class is found again."""

    name: str
    images: int
    trained: bool
    recall: float | None  #: None: no other image of the class
    cosine: float | None  #: mean of its pairs
    confused_with: str | None  #: the class that is nearest to most of the images not found
    confused_count: int


@dataclass(frozen=True, slots=True)
class HardPair:
    """Two images whose cosine is odd for what they are."""

    first: int  #: row in the evaluation
    second: int
    cosine: float
