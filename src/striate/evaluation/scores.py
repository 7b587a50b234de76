"""Values of an evaluation: proportions with intervals, class scores, confusions, mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from striate.evaluation.metrics import wilson
from striate.text import format_interval, format_percent, percent_digits

#: split -> adjective of its images
KIND = {"train": "training ", "validation": "validation ", "test": "test ", "all": ""}

#: fewest images for a meaningful class score
FEW = 10


@dataclass(frozen=True, slots=True)
class Proportion:
    """A proportion of n images with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, hits: int, n: int) -> Proportion:
        return cls(hits / n, *wilson(hits, n), n)

    @property
    def percent(self) -> str:
        return format_percent(self.value, percent_digits(self.n))

    @property
    def interval(self) -> str:
        """The interval, e.g. "96.6 to 98.7 %"."""
        return format_interval(self.low, self.high, percent_digits(self.n))

    def __str__(self) -> str:
        return f"{self.percent} of {self.n:,} (95 % interval {self.interval})"


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
class Confusion:
    """Images of one class predicted as another."""

    true: str
    predicted: str
    count: int
    fraction: float  #: of the images of the true class


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
