"""Values of a classifier's evaluation: class scores, confusions, mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from striate.tasks.figures import Figure

ACCURACY = Figure("accuracy", "accuracy", form="share")
TOP5 = Figure("top5", "top-5 accuracy", form="share")
#: fewest images for a meaningful class score
FEW = 10


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Scores of one class; None where undefined."""

    name: str
    images: int
    precision: float | None  #: None: never predicted
    recall: float | None  #: None: no images
    f1: float | None  #: None: no images
    confused_with: str | None  #: its most frequent wrong prediction; None: no errors
    confused_count: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One misclassified image."""

    row: int  #: in the evaluation
    path: str
    true: str
    predicted: str
    true_probability: float
    predicted_probability: float
    loss: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """One correctly classified image, with its runner-up class."""

    row: int  #: in the evaluation
    path: str
    true: str
    other: str
    true_probability: float
    other_probability: float
