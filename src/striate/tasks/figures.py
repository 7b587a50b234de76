"""Figures of a task: name, direction, and how a value is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from striate.text import (
    MISSING,
    count_noun,
    format_amount,
    format_interval,
    format_percent,
    percent_digits,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of a task: accuracy, mean IoU, MAE."""

    name: str  #: key in events and files: "accuracy", "mean_iou"
    title: str  #: in tables and sentences: "accuracy", "mean IoU"
    higher_is_better: bool = True
    #: "share": of the images; "percent": another value from 0 to 1; "number": any, in `unit`
    form: Literal["share", "percent", "number"] = "percent"
    unit: str = ""

    def show(self, value: float | None) -> str:
        """Format a value: "98.6 %", "2.31 °C"; a dash where it is undefined."""
        if value is None or not math.isfinite(value):
            return MISSING
        if self.form != "number":
            return format_percent(value)
        return f"{format_amount(value)} {self.unit}".rstrip()

    @property
    def worse(self) -> str:
        """The direction of a worse value: "lower" or "higher"."""
        return "lower" if self.higher_is_better else "higher"

    def improves(self, value: float | None, best: float | None) -> bool:
        """Return whether `value` beats `best`; an undefined value beats none."""
        if value is None or best is None:
            return value is not None
        return value > best if self.higher_is_better else value < best


#: share of the answers that are another class or other labels than before
CHANGED_ANSWERS = Figure("changed_answers", "changed answers", False, "share")


@dataclass(frozen=True, slots=True)
class Score:
    """A figure of an evaluation, with its 95 % interval over images."""

    figure: Figure
    value: float
    low: float | None  #: None: no interval, as of one image
    high: float | None
    images: int

    @property
    def shown(self) -> str:
        """The value, e.g. "97.9 %", with the decimals of its interval."""
        if self.figure.form == "number":
            return self.figure.show(self.value)
        return format_percent(self.value, self._places)

    @property
    def interval(self) -> str:
        """The interval, e.g. "96.6 to 98.7 %"; "unknown" without one."""
        if self.low is None or self.high is None:
            return "unknown"
        if self.figure.form != "number":
            return format_interval(self.low, self.high, self._places)
        low, high = (format_amount(end, 3) for end in (self.low, self.high))
        return f"{low} to {high} {self.figure.unit}".rstrip()

    @property
    def _places(self) -> int:
        """The decimals of a percentage: one image changes the last one of a share of images."""
        return percent_digits(self.images) if self.figure.form == "share" else 1

    def __str__(self) -> str:
        """Return "accuracy 48 % (11 of 23 images, 95 % interval 29 to 67 %)"."""
        images = count_noun(self.images, "image")
        if self.figure.form == "share":
            images = f"{round(self.value * self.images):,} of {images}"
        return f"{self.figure.title} {self.shown} ({images}, 95 % interval {self.interval})"
