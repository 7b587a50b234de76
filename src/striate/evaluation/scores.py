"""What an evaluation is made of: shares with intervals, rows of classes, pairs and mistakes."""

from __future__ import annotations

from dataclasses import dataclass

from striate.evaluation.metrics import wilson
from striate.text import format_interval, format_percent, percent_digits

#: the part that was judged -> what its images are called
KIND = {"train": "training ", "validation": "validation ", "test": "test ", "all": ""}

#: a class with fewer images says little
FEW = 10


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of n images, with the 95 % interval by Wilson's formula."""

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
        """For example "96.6 to 98.7"."""
        return format_interval(self.low, self.high, percent_digits(self.n))

    def __str__(self) -> str:
        return f"{self.percent} of {self.n:,} (95 % interval {self.interval})"


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: None stands where no image could give the number."""

    name: str
    images: int
    precision: float | None  #: None: never predicted
    recall: float | None  #: None: no images
    f1: float | None  #: None: no images
    confused_with: str | None  #: the wrong class its images are most often called; None: no errors
    confused_count: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of one class called another."""

    true: str
    predicted: str
    count: int
    fraction: float  #: of the images of the true class


@dataclass(frozen=True, slots=True)
class Mistake:
    """One image called wrongly."""

    row: int  #: in the evaluation
    path: str
    true: str
    predicted: str
    true_probability: float
    predicted_probability: float
    loss: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """One image called rightly, with the class that was nearly answered instead."""

    row: int  #: in the evaluation
    path: str
    true: str
    other: str
    true_probability: float
    other_probability: float
